"""The law as the house reads it: each line with its source, what is doubtful, and what it says at a place now."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from flask import Blueprint, g, render_template, request

from outreach.domain.facts import Channel, Purpose
from outreach.domain.law import Packs, allowed_times, consent_needed, is_allowed, screenings
from outreach.domain.lawline import KINDS, Line
from outreach.domain.lawpack import LawPack
from outreach.domain.place import Place, zones_of
from outreach.store import views_ops as views
from outreach.web import auth
from outreach.web.reception import outside, reception

law = Blueprint("law", __name__, url_prefix="/ops/law")
PURPOSES = (Purpose.SERVICE_RECOVERY, Purpose.CALLBACK, Purpose.WINBACK)
CHANNELS = (Channel.CALL, Channel.SMS, Channel.EMAIL)
RULED = ("hours", "no_consent", "not_screened", "law_attempts_day", "no_lawful_hour")
"""Reasons by which the law holds something."""
LATELY = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Doubt:
    pack: LawPack
    line: Line
    why: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What holds at a place for one purpose and channel, as of now."""

    allowed: bool
    sentence: str
    consent: str
    registries: tuple[str, ...]
    times: Sequence[tuple[datetime, datetime | None]]
    zone: str


@law.get("")
@auth.may("watch")
def page() -> str:
    packs, today = outside().rules().packs, g.now.date()
    with reception().house.database.view() as unit:
        waiting = views.waiting_because(unit, RULED)
        withheld = views.withheld_because(unit, RULED, g.now - LATELY)
    return render_template(
        "law.html", packs=packs.all, doubts=doubts(packs, today), waiting=waiting, withheld=withheld, today=today, asked=request.args,
        answer=_asked(packs), purposes=PURPOSES, channels=CHANNELS, kinds=KINDS,
    )  # fmt: skip


def doubts(packs: Packs, today: date) -> list[Doubt]:
    """Lines beside which the strict default holds today."""
    return [
        Doubt(pack, line, why) for pack in packs.all for line in pack.lines if (why := line.distrust(today))
    ]


def _asked(packs: Packs) -> Answer | None:
    country = request.args.get("country", "").strip().upper()[:2]
    if not country:
        return None
    region = request.args.get("region", "").strip().upper()[:6]
    kind = request.args.get("kind", "")
    channel = next((each for each in CHANNELS if each.value == request.args.get("by")), Channel.CALL)
    purpose = next(
        (each for each in PURPOSES if each.value == request.args.get("for")), Purpose.SERVICE_RECOVERY
    )
    zones = zones_of(country, region)
    place = Place((country,), (region,) if region else (), zones, len(zones) == 1, "stated address")
    return answer_at(packs, place, channel, purpose, kind, g.now)


def answer_at(
    packs: Packs, place: Place, channel: Channel, purpose: Purpose, kind: str, now: datetime
) -> Answer:
    said = is_allowed(packs, place, channel, purpose, False, kind, now)
    needed = consent_needed(packs, place, channel, purpose, kind, now.date())
    lists = tuple(each.sentence for each in screenings(packs, place, channel, purpose, kind, now.date()))
    times = allowed_times(packs, place, channel, purpose, kind, now)
    return Answer(said.allowed, said.sentence, needed.sentence, lists, times, next(iter(place.zones), "UTC"))

"""How the house runs: what somebody has to see to, the clock, what is due, and the switch for all."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from flask import Blueprint, g, render_template, request, url_for
from werkzeug.wrappers import Response

from outreach.service import checkup, desk, incidents, switches, unknowns, workbench
from outreach.service.sweep import CLOCK
from outreach.store import views_ops as views
from outreach.store.unit import StoreUnit
from outreach.store.views_checkup import standing
from outreach.web import auth
from outreach.web.playbooks import faults_now, playbook_of
from outreach.web.problems import done_or_told
from outreach.web.reception import outside, reception

ops = Blueprint("ops", __name__, url_prefix="/ops")


@ops.get("")
@auth.may("watch")
def overview() -> str:
    with reception().house.database.view() as unit:
        stands, beats = standing(unit, g.now), unit.heartbeats()
        findings = checkup.look_over(unit, outside(), stands)
        shared_causes = incidents.all_of(unit, outside(), g.now)
        unknowns = views.unknown_touches(unit)
        parked = views.parked_by_reason(unit)
        audit = views.audit_rows(unit, 15)
        ways = _ways(unit)
    beat = beats.get(CLOCK)
    late = checkup.clock_late(g.now, beat[0] if beat else None)
    faults = faults_now()
    return render_template(
        "ops.html", findings=findings, incidents=len(shared_causes[0]), suggested=len(shared_causes[1]),
        counts=stands.counts, beat=beat, late=late, unknowns=unknowns, parked=parked, audit=audit,
        shared=[fault for fault in faults if not playbook_of(fault)], ways=ways,
        faulty=sorted({playbook_of(fault) for fault in faults if playbook_of(fault) and not fault.warning}),
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class WayOut:
    """A provider and the channels that it carries."""

    provider: str
    channels: tuple[str, ...]
    stopped: tuple[tuple[str, str], ...]
    """What is stopped (the provider, or one channel of it), and why."""
    live: bool
    rests: datetime | None
    """Until when the clock lets it rest, because it is unwell or has asked for it."""


def _ways(unit: StoreUnit) -> list[WayOut]:
    carried: dict[str, list[str]] = {}
    for channel, provider in outside().providers.items():
        carried.setdefault(provider, []).append(channel.value)
    if outside().telephone is not None:
        carried.setdefault("twilio", []).append("call")
    rests = switches.resting(unit, g.now)
    return [
        WayOut(
            provider,
            tuple(sorted(channels)),
            tuple(switches.stopped_ways(unit, provider)),
            switches.is_live(unit, provider),
            max((until for way, until in rests.items() if way.partition("/")[0] == provider), default=None),
        )
        for provider, channels in sorted(carried.items())
    ]


@ops.post("/stop")
@auth.may("steer")
def stop() -> Response:
    """The kill switch. Asks for a word typed out, so that no slip of a finger stops the house."""

    def work() -> str:
        if request.form.get("sure", "").strip().lower() != "stop":
            return "Nothing was stopped: type the word stop to confirm."
        workbench.stop_all(outside(), auth.me().by, request.form.get("reason", ""))
        return "Stopped. Nothing leaves and nothing is dialled until you resume. What is due waits."

    return done_or_told(work, url_for("ops.overview"))


@ops.post("/resume")
@auth.may("steer")
def resume() -> Response:
    def work() -> str:
        workbench.resume_all(outside(), auth.me().by, request.form.get("reason", ""))
        return "Resumed. What waited is judged anew."

    return done_or_told(work, url_for("ops.overview"))


@ops.post("/live")
@auth.may("steer")
def live() -> Response:
    """Out of rehearsal. Asks for a word typed out: from here on everybody is contacted."""

    def work() -> str:
        reason = request.form.get("reason", "")
        if request.form.get("back"):
            switches.rehearse(outside(), auth.me().by, reason)
            return "Rehearsing again: only the named addresses are contacted."
        if request.form.get("sure", "").strip().lower() != "live":
            return "Nothing has changed: type the word live to confirm."
        strict = request.form.get("accept_strict") == "1"
        switches.go_live(outside(), auth.me().by, reason, accept_strict=strict)
        return "Live. What is due leaves for everybody from now on."

    return done_or_told(work, url_for("ops.overview", _anchor="providers"))


@ops.post("/providers/resume")
@auth.may("steer")
def resume_provider() -> Response:
    def work() -> str:
        way = request.form.get("way", "")
        switches.resume_provider(outside(), way, auth.me().by, request.form.get("reason", ""))
        return f"{way} is used again. What waited is judged anew."

    return done_or_told(work, url_for("ops.overview", _anchor="providers"))


@ops.get("/unknowns/<touch_id>")
@auth.may("steer")
def evidence(touch_id: str) -> str:
    """What we meant to send beside what the provider has of it."""
    found = unknowns.evidence(outside(), touch_id)
    with reception().house.database.view() as unit:
        account = unit.account(found.touch.account)
    name = (account.described.get("name") if account else None) or found.touch.account
    return render_template("unknown.html", found=found, account=account, name=name)


@ops.post("/unknowns/<touch_id>")
@auth.may("steer")
def settle(touch_id: str) -> Response:
    """What really became of a message nobody is sure about."""

    def work() -> str:
        was, reason = request.form.get("was", ""), request.form.get("reason", "").strip()
        if was not in ("sent", "failed", "again"):
            return "Choose what became of it."
        if was == "again" and not reason:
            return "Say why it may be sent again."
        desk.settle_unknown(outside(), touch_id, auth.me().by, was, reason)
        return "It will be sent again." if was == "again" else f"Written down: it was {was}."

    return done_or_told(work, url_for("ops.overview", _anchor="unknowns"))

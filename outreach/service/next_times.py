"""When somebody may be rung next about what went wrong: by the law at their place, and by their own wishes.

A hold, a cap or a promise may still say later; that is judged at the dial.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from outreach.domain.account import AccountState
from outreach.domain.facts import Channel, Person, Purpose
from outreach.domain.law import HORIZON, closes, next_allowed
from outreach.domain.place import Place, kind_of, place_of
from outreach.domain.preference import not_before, unwanted_ways
from outreach.service.ledger import Ledger
from outreach.service.rulings import still_awaited

COUNT = 5
_STEP = timedelta(minutes=5)
"""People name hours to the quarter; zones differ from each other by no less."""


@dataclass(frozen=True, slots=True)
class NextTimes:
    """``times``: (from, until) in UTC, until None where nothing ends it. ``place``: where, and how it is known.
    ``why``: a sentence where there are none."""

    times: tuple[tuple[datetime, datetime | None], ...]
    place: str
    zone: str
    why: str = ""


def next_times(
    ledger: Ledger, person: Person, accounts: Iterable[AccountState], count: int = COUNT
) -> NextTimes:
    """``why`` where there are none at all: they are never to be rung, or nobody knows yet when."""
    accounts = list(accounts)
    said = accounts[0].described if accounts else {}
    company = ledger.rules.company
    place = place_of(person, said.get("country"), said.get("region"), said.get("zone"), company.zone)
    kind, zone = kind_of(person, said.get("kind") or ""), next(iter(place.zones), company.zone)
    why = _never(ledger, person, accounts)
    found = () if why else tuple(_stretches(ledger, person, place, kind, count))
    return NextTimes(found, _words(place), zone, why or ("" if found else _NO_HOUR))


_NO_HOUR = "No hour suits everywhere they may be: say in which country or zone they live."


def _never(ledger: Ledger, person: Person, accounts: Sequence[AccountState]) -> str:
    """What stands against every call until somebody changes it; empty where nothing does."""
    if person.erased:
        return "They are erased."
    if {"all", "call"} & person.opted_out.keys():
        return "They do not want to be called."
    if Channel.CALL.value in unwanted_ways(person):
        return "They asked us not to use this way: no calls."
    embargo = next((each.embargo for each in accounts if each.embargo), None)
    if embargo is not None:
        return embargo.sentence
    wish = still_awaited(ledger, person, [each.id for each in accounts])
    return wish.sentence if wish else ""


def _stretches(
    ledger: Ledger, person: Person, place: Place, kind: str, most: int
) -> Iterable[tuple[datetime, datetime | None]]:
    packs, company, about = ledger.rules.packs, ledger.rules.company, (Channel.CALL, Purpose.SERVICE_RECOVERY)
    at, count = ledger.now, 0
    while count < most and at < ledger.now + 2 * HORIZON:
        start = next_allowed(packs, place, *about, False, kind, at)
        if start is None:
            return
        wish = not_before(person, start, company, place.zones)
        if wish is not None:
            at = wish.until
            continue
        closed = closes(packs, place, *about, kind, start)
        if closed is None:
            yield start, None
            return
        at = _until_they_mind(ledger, person, place, start, closed)
        yield start, at
        count += 1


def _until_they_mind(
    ledger: Ledger, person: Person, place: Place, start: datetime, closed: datetime
) -> datetime:
    """Their own hours may end before the law's do."""
    if not any(wish.kind in ("hours", "days", "pause") for wish in person.preferences):
        return closed
    at = start - (start - datetime.min.replace(tzinfo=start.tzinfo)) % _STEP + _STEP
    while at < closed and not_before(person, at, ledger.rules.company, place.zones) is None:
        at += _STEP
    return min(at, closed)


def _words(place: Place) -> str:
    where = ", ".join([*place.countries, *place.regions]) or "an unknown place"
    return f"{where} (by {place.known_by})" if place.known_by != "nothing" else where

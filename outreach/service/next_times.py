"""When somebody may be rung next about what went wrong: by the law at their place, and by their own wishes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from outreach.domain.account import AccountState
from outreach.domain.facts import Channel, Person, Purpose
from outreach.domain.law import HORIZON, closes, next_allowed
from outreach.domain.place import Place, kind_of, place_of
from outreach.domain.preference import not_before
from outreach.service.ledger import Ledger

COUNT = 5
_STEP = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class NextTimes:
    """``times``: (from, until) in UTC, until None where nothing ends it. ``place``: where, and how it is known."""

    times: tuple[tuple[datetime, datetime | None], ...]
    place: str
    zone: str


def next_times(
    ledger: Ledger, person: Person, accounts: Iterable[AccountState], count: int = COUNT
) -> NextTimes:
    """None at all where no hour suits everywhere they may be, or they are never to be rung."""
    said = next((state.described for state in accounts), {})
    company = ledger.rules.company
    place = place_of(person, said.get("country"), said.get("region"), said.get("zone"), company.zone)
    kind, zone = kind_of(person, said.get("kind") or ""), next(iter(place.zones), company.zone)
    never = {"all", "call"} & person.opted_out.keys()
    found = () if never or person.erased else tuple(_stretches(ledger, person, place, kind, count))
    return NextTimes(found, _words(place), zone)


def _stretches(
    ledger: Ledger, person: Person, place: Place, kind: str, most: int
) -> Iterable[tuple[datetime, datetime | None]]:
    packs, company, about = ledger.rules.packs, ledger.rules.company, (Channel.CALL, Purpose.SERVICE_RECOVERY)
    at, count = ledger.now, 0
    while count < most and at < ledger.now + 2 * HORIZON:
        start = next_allowed(packs, place, *about, False, kind, at)
        if start is None:
            return
        wish = not_before(person, start, company)
        if wish is not None:
            at = wish.until
            continue
        closed = closes(packs, place, *about, kind, start)
        if closed is None:
            yield start, None
            return
        at = _until_they_mind(ledger, person, start, closed)
        yield start, at
        count += 1


def _until_they_mind(ledger: Ledger, person: Person, start: datetime, closed: datetime) -> datetime:
    """Their own hours may end before the law's do."""
    at = start + _STEP
    while at < closed and not_before(person, at, ledger.rules.company) is None:
        at += _STEP
    return min(at, closed)


def _words(place: Place) -> str:
    where = ", ".join([*place.countries, *place.regions]) or "an unknown place"
    return f"{where} (by {place.known_by})" if place.known_by != "nothing" else where

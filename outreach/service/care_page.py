"""The customer's own page: what went wrong, what we promised, who looks after it.

The address holds a random token and nothing about them; its hash leads to a row that ends and can be revoked.
Reading changes nothing. What they say is told by ``care_said``; seeing, exporting and deleting what we know asks
for a code (``care_code``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from outreach.domain.account import AccountState, Promise, PromiseState
from outreach.domain.errors import NotFound
from outreach.domain.facts import Person, Purpose
from outreach.domain.failure import Failure, FailureState
from outreach.domain.hours import Calendar
from outreach.domain.person import as_person
from outreach.domain.preference import paused_until
from outreach.service.care_links import opened
from outreach.service.ledger import Ledger
from outreach.service.ports import Outside
from outreach.service.ports_records import User
from outreach.service.ports_traffic import CareLink
from outreach.service.staff import honest_hour, on_duty, team_of

LATELY = timedelta(days=90)
"""What was closed longer ago is no longer shown."""
SLOT, MOST_SLOTS, AHEAD = timedelta(minutes=30), 8, timedelta(days=14)
SELLING = tuple(purpose.value for purpose in Purpose if purpose.sells)


@dataclass(frozen=True, slots=True)
class Trouble:
    """One thing that went wrong, as they may read it."""

    account: str
    failure: Failure
    words: str
    """What of it we know in words: what was lost, what they wrote."""

    @property
    def id(self) -> str:
        return f"{self.account}|{self.failure.id}"


@dataclass(frozen=True, slots=True)
class CarePage:
    """Everything on the page. Times are UTC; ``zone`` is theirs."""

    person: Person
    language: str
    zone: str
    troubles: tuple[Trouble, ...]
    promises: tuple[Promise, ...]
    face: User
    can_call_now: bool
    ring_by: datetime
    slots: tuple[datetime, ...]
    paused_until: datetime | None
    stopped: Mapping[str, bool]
    """``selling · written · all`` → whether they have stopped it."""
    endpoints: Mapping[str, str]
    """Where a code may be sent: ``email`` and ``sms`` → the address, mostly hidden."""


# -- reading -----------------------------------------------------------------------------------------------


def look(outside: Outside, token: str) -> CarePage:
    """Changes nothing. Raises NotFound for an address that is none, has ended, or was revoked."""
    with outside.database.view() as unit:
        link = opened(unit, outside, token)
        ledger = Ledger(unit, outside, outside.clock.now())
        state = unit.people([link.person]).get(link.person)
        if state is None or state.erased:
            raise NotFound("This page is not there any more.")
        accounts = {each.id: each for each in unit.accounts(sorted({*state.roles, *accounts_of(link)}))}
        ledger.accounts.update(accounts)
        language = state.described.get("language") or ledger.rules.company.language
        return _page(ledger, as_person(state), language, link, accounts)


def accounts_of(link: CareLink) -> list[str]:
    return [link.account] if link.account else []


def _page(
    ledger: Ledger, person: Person, language: str, link: CareLink, accounts: Mapping[str, AccountState]
) -> CarePage:
    company, main = ledger.rules.company, _main(link, accounts)
    team = team_of(ledger, main)
    zone = person.zone or company.zone
    duty = on_duty(ledger.unit, company, team, ledger.now)
    said = accounts[main].described if main else {}
    face = ledger.outside.am(ledger.unit, said.get("owner") or (accounts[main].spoken_by if main else None))
    return CarePage(
        person=person,
        language=language,
        zone=zone,
        troubles=tuple(_troubles(ledger, person, accounts)),
        promises=tuple(_promises(person, accounts)),
        face=face,
        can_call_now=bool(duty) and ledger.outside.telephone is not None and bool(person.phone),
        ring_by=honest_hour(ledger, main),
        slots=tuple(_slots(team.calendar if team else company.calendar, ledger.now)) if person.phone else (),
        paused_until=_still(paused_until(person), ledger.now),
        stopped={
            "selling": all(purpose in person.opted_out for purpose in SELLING),
            "written": all(way in person.opted_out for way in ("email", "sms")),
            "all": "all" in person.opted_out,
        },
        endpoints=_reached_at(person),
    )


def _main(link: CareLink, accounts: Mapping[str, AccountState]) -> str | None:
    """The account the page is about: the message's own, else where something is open, else the first."""
    if link.account in accounts:
        return link.account
    troubled = [id_ for id_, state in accounts.items() if state.open_failures]
    return next(iter([*troubled, *accounts]), None)


def _still(until: datetime | None, now: datetime) -> datetime | None:
    return until if until is not None and until > now else None


def _troubles(ledger: Ledger, person: Person, accounts: Mapping[str, AccountState]) -> list[Trouble]:
    """Theirs, and those of which nobody in particular was hurt; a colleague's own stay the colleague's."""
    found = [
        Trouble(id_, failure, _words_of(ledger, id_, failure))
        for id_, state in accounts.items()
        for failure in state.failures.values()
        if is_shown(person, id_, failure, ledger.now)
    ]
    return sorted(found, key=lambda each: (not each.failure.is_open, -each.failure.opened_at.timestamp()))


def is_shown(person: Person, account: str, failure: Failure, now: datetime) -> bool:
    """What happened to nobody in particular is for those alone who belong to the account still."""
    lately = failure.closed_at is None or failure.closed_at > now - LATELY
    known = failure.state is not FailureState.VOID and not failure.parent
    return known and lately and _is_theirs(person, account, failure.person)


def _is_theirs(person: Person, account: str, whose: str | None) -> bool:
    return whose == person.id or (whose is None and account in person.roles)


def _words_of(ledger: Ledger, account: str, failure: Failure) -> str:
    for event in ledger.unit.last_of(account, failure.cause, 20) if failure.cause else ():
        if event.key == failure.key:
            return str(event.data.get("what") or event.data.get("words") or event.data.get("reason") or "")
    return ""


def _promises(person: Person, accounts: Mapping[str, AccountState]) -> list[Promise]:
    shown = (PromiseState.OPEN, PromiseState.BROKEN)
    found = [
        promise
        for id_, state in accounts.items()
        for promise in state.promises.values()
        if promise.state in shown and _is_theirs(person, id_, promise.person)
    ]
    return sorted(found, key=lambda promise: promise.until)


def _slots(calendar: Calendar, now: datetime) -> list[datetime]:
    """Half hours in which somebody is here to ring, from half an hour on: only what will be kept."""
    found: list[datetime] = []
    at = _half_hour(now + SLOT)
    while len(found) < MOST_SLOTS and at < now + AHEAD:
        if not calendar.is_open(at):
            at = _half_hour(calendar.next_open(at))
            continue
        if calendar.is_open(at + SLOT - timedelta(seconds=1)):
            found.append(at)
        at += SLOT
    return found


def _half_hour(at: datetime) -> datetime:
    """The instant itself, or the next full or half hour."""
    past = timedelta(minutes=at.minute % 30, seconds=at.second, microseconds=at.microsecond)
    return at if not past else at - past + SLOT


def _reached_at(person: Person) -> dict[str, str]:
    """Enough of it to know which one is meant, too little to learn it from here."""
    found = {}
    if person.email and "email" not in person.invalid:
        local, _, domain = person.email.partition("@")
        found["email"] = f"{local[:1]}···@{domain[:1]}···{domain[domain.rfind('.') :]}"
    if person.phone and "sms" not in person.invalid:
        found["sms"] = f"{person.phone[:3]} ··· {person.phone[-2:]}"
    return found


ARRIVALS: Mapping[str, str] = {"delivery": "delivery.arrived"}
"""Kind of failure → the event that they may want us to wait for."""


def to_wait_for(page: CarePage) -> list[tuple[str, str]]:
    """(wish, key of what is awaited) for each thing that is still to come."""
    return [
        (f"{ARRIVALS[each.failure.kind]} {each.failure.key}", each.failure.key)
        for each in page.troubles
        if each.failure.is_open and each.failure.kind in ARRIVALS
    ]


def whose(outside: Outside, token: str) -> str:
    """The person whose page it is. Raises NotFound."""
    return look(outside, token).person.id


def kinds(page: CarePage) -> dict[str, Sequence[str]]:
    """What they have wished for, by kind."""
    found: dict[str, list[str]] = {}
    for said in page.person.preferences:
        found.setdefault(said.kind, []).append(said.value)
    return dict(found)

"""What is urgent enough to reach a colleague away from the desk, how their day begins, and what they are told of it.

What is told goes to somebody else's servers: it says what it is, by when and where it stands, and names nobody.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from hashlib import sha256
from typing import NamedTuple

from outreach.domain.blast import Answer, Blast
from outreach.domain.company import Company
from outreach.domain.facts import Severity
from outreach.domain.hours import local
from outreach.domain.reachable import Reachable

SOON = timedelta(minutes=30)
"""So long before its hour a call that nobody has taken is urgent."""
FRESH = timedelta(days=30)
"""What has been so for longer is no news: the desk shows it."""
MOST = 8
"""Things that are told one by one; the rest is a number."""
MANAGER, NAMED_PERSON = 2, 4
"""Rungs of a failure that climbs (N, 2N, 4N) at which somebody else than the owner is asked."""


class Kind(StrEnum):
    """The most urgent first."""

    SOON = "soon"
    LATE = "late"
    BROKEN = "broken"
    SEVERE = "severe"
    TOO_FAR = "too_far"
    WROTE = "wrote"
    ASKED = "asked"
    CLIMBED = "climbed"
    HANDED = "handed"


CALLS = frozenset({Kind.SOON, Kind.LATE})
"""Promised calls: who says so is told of these outside working hours, too."""
_ORDER = {kind: place for place, kind in enumerate(Kind)}
_SENTENCES = {
    Kind.SOON: "A call to a customer is due by {by}, and nobody has taken it yet.",
    Kind.LATE: "A call that we owe a customer was due by {by}.",
    Kind.BROKEN: "What you promised a customer was due by {by}.",
    Kind.SEVERE: "Something of the highest severity has come onto your desk.",
    Kind.TOO_FAR: "A playbook has stopped before it reached more customers than it may at once. It waits for a second person.",
    Kind.WROTE: "A customer has written back to you.",
    Kind.ASKED: "A colleague asks for your yes to a remedy.",
    Kind.CLIMBED: "A customer we let down has still not been spoken to, and it has climbed to you.",
    Kind.HANDED: "A card was handed over to you.",
}


class Thing(NamedTuple):
    """Something urgent. ``key`` is its own, so that it is told once; ``whose``: the user name of who is to act;
    ``path`` leads to it."""

    key: str
    kind: Kind
    whose: str
    since: datetime
    path: str
    by: datetime | None = None


# -- what is urgent --------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class OnDesk:
    """One open reason to speak to somebody that sells nothing, as far as it may be urgent."""

    card: str
    run: str
    """What is owed is owed by it, however often it is tried."""
    account: str
    claimed_by: str | None
    claimed_at: datetime | None
    snoozed_until: datetime | None
    handed_to: str | None
    handed_at: datetime | None
    owner: str | None
    team: str | None
    caller: str | None
    call: bool
    due: datetime
    deadline: datetime | None
    trigger_type: str
    severity: Severity
    failure: str | None
    round: int
    """Of the failure: opened again, it is news."""

    def whose(self, company: Company) -> str:
        """Who is to make the call; of what is nobody's, who leads the team."""
        known = self.claimed_by or self.handed_to or self.owner or self.caller
        return known or manager_of(company, self.owner, self.team)

    def is_snoozed(self, now: datetime) -> bool:
        return self.snoozed_until is not None and now < self.snoozed_until

    @property
    def seen(self) -> bool:
        """Whoever has the card took it when this was on it already."""
        return self.claimed_at is not None and self.claimed_at >= self.due


class Given(NamedTuple):
    """A promise to a customer that is not kept yet. ``by``: who gave it."""

    account: str
    id: str
    by: str
    owner: str | None
    until: datetime

    @property
    def whose(self) -> str:
        return self.by or self.owner or ""


class Unreached(NamedTuple):
    """A failure with nobody spoken to. ``climbed``: 1 the owner, 2 the manager, 4 the named person."""

    account: str
    id: str
    owner: str | None
    team: str | None
    climbed: int
    round: int
    known_at: datetime

    def whose(self, company: Company) -> str:
        """With whom it is now."""
        if self.climbed == NAMED_PERSON:
            return company.named_person
        return manager_of(company, self.owner, self.team) if self.climbed == MANAGER else self.owner or ""


class Asked(NamedTuple):
    """A colleague asks for a yes to a remedy."""

    id: str
    owner: str | None
    team: str | None
    by: str
    at: datetime
    card: str | None

    def whose(self, company: Company) -> str:
        """Who leads the account's team, else the asker's."""
        return manager_of(company, self.owner or self.by, self.team)


def manager_of(company: Company, owner: str | None, team: str | None) -> str:
    found = company.teams.get(team or "") or company.team_of(owner or "")
    return (found.manager if found else "") or company.named_person


def on_desk(
    lines: Iterable[OnDesk], company: Company, replies: Collection[str], now: datetime
) -> Iterator[Thing]:
    """``replies``: the event types by which a customer writes to us. What was put off waits, as somebody wished."""
    for line in lines:
        if line.is_snoozed(now):
            continue
        whose, path = line.whose(company), f"/desk/cards/{line.card}"
        if line.call and line.deadline is not None:
            if line.deadline < now:
                yield Thing(
                    f"late/{line.run}/{line.deadline.isoformat()}",
                    Kind.LATE,
                    whose,
                    line.deadline,
                    path,
                    line.deadline,
                )
            elif line.claimed_by is None and line.deadline <= now + SOON:
                yield Thing(
                    f"soon/{line.run}/{line.deadline.isoformat()}",
                    Kind.SOON,
                    whose,
                    line.due,
                    path,
                    line.deadline,
                )
        if line.severity is Severity.SEVERE and not line.seen:
            key = _same(line.account, line.failure, line.round) if line.failure else line.run
            yield Thing(f"severe/{key}", Kind.SEVERE, whose, line.due, path)
        if line.trigger_type in replies and not line.seen:
            yield Thing(f"wrote/{line.run}", Kind.WROTE, whose, line.due, path)
        if line.handed_to and line.handed_at and line.claimed_by is None:
            key = f"handed/{line.card}/{line.handed_at.isoformat()}"
            yield Thing(key, Kind.HANDED, whose, line.handed_at, path)


def broken(promises: Iterable[Given], now: datetime) -> Iterator[Thing]:
    for one in promises:
        if one.until < now:
            key = f"broken/{_same(one.account, one.id, one.until)}"
            yield Thing(key, Kind.BROKEN, one.whose, one.until, "/desk/promises", one.until)


def climbed(failures: Iterable[Unreached], company: Company) -> Iterator[Thing]:
    for one in failures:
        if one.climbed in (MANAGER, NAMED_PERSON):
            key = f"climbed/{_same(one.account, one.id, one.round)}/{one.climbed}"
            yield Thing(key, Kind.CLIMBED, one.whose(company), one.known_at, "/desk/unreached")


def asked(asks: Iterable[Asked], company: Company) -> Iterator[Thing]:
    for one in asks:
        path = f"/desk/cards/{one.card}" if one.card else "/desk"
        yield Thing(f"asked/{one.id}", Kind.ASKED, one.whose(company), one.at, path)


def too_far(asks: Iterable[Blast], names: Iterable[str]) -> Iterator[Thing]:
    """``names``: everybody who may change what playbooks do; one of them has to say yes or no."""
    everybody = list(names)
    for one in asks:
        if one.state is Answer.ASKING:
            for name in everybody:
                yield Thing(f"too_far/{one.playbook}/{one.nth}", Kind.TOO_FAR, name, one.since, "/ops")


def _same(*parts: object) -> str:
    """Ids of accounts can be names: what is kept of them is a hash."""
    return sha256("\0".join(map(str, parts)).encode()).hexdigest()[:32]


# -- what may be told now ---------------------------------------------------------------------------------------


def urgent(things: Iterable[Thing], when: Reachable, now: datetime) -> list[Thing]:
    """What may be told now, each once, the most urgent first."""
    found = {thing.key: thing for thing in things if now - thing.since <= FRESH}
    told = [thing for thing in found.values() if when.may_hear(now, promised=thing.kind in CALLS)]
    return sorted(told, key=lambda thing: (_ORDER[thing.kind], thing.by or thing.since, thing.key))


# -- the morning -----------------------------------------------------------------------------------------------


class Morning(NamedTuple):
    """The day ahead of one colleague, in numbers. ``can``: calls they can make well today; None: nobody has said."""

    waiting: int = 0
    can: int | None = None
    overnight: int = 0
    due_today: int = 0
    broken: int = 0
    asked: int = 0
    unreached: int = 0

    @property
    def is_empty(self) -> bool:
        return not any(self._replace(can=None))

    def sentences(self) -> Iterator[str]:
        fits = "" if self.can is None else f" {min(self.can, self.waiting)} fit into it."
        told = (
            (self.waiting, "Cards that wait for a call today: {}." + fits),
            (self.overnight, "Come in since the last working day ended: {}."),
            (self.due_today, "Promises due today: {}."),
            (self.broken, "Promises past their hour: {}."),
            (self.asked, "Remedies that wait for your yes: {}."),
            (self.unreached, "Customers we let down and have not spoken to: {}."),
        )
        return (sentence.format(count) for count, sentence in told if count)


def morning_key(when: Reachable, now: datetime) -> str | None:
    """Of the working day that is on where they work; None outside its hours, and while they want quiet."""
    return f"morning/{local(now, when.calendar.zone).date()}" if when.at_work(now) else None


# -- what they are told ----------------------------------------------------------------------------------------


def told(
    things: Sequence[Thing], morning: Morning | None, zone: str, now: datetime, base: str
) -> tuple[str, str]:
    """(title, text). ``base``: the address that our pages begin with."""
    parts = ["\n".join([*morning.sentences(), f"{base}/desk"])] if morning else []
    parts += [f"{_sentence(thing, zone, now)}\n{base}{thing.path}" for thing in things[:MOST]]
    if len(things) > MOST:
        parts.append(f"And {len(things) - MOST} more:\n{base}/desk")
    return _title(len(things), morning), "\n\n".join(parts)


def _title(count: int, morning: Morning | None) -> str:
    if morning:
        return "Outreach: your day"
    return "Outreach: something is urgent" if count == 1 else f"Outreach: {count} things are urgent"


def _sentence(thing: Thing, zone: str, now: datetime) -> str:
    return _SENTENCES[thing.kind].format(by=_hour(thing.by, zone, now) if thing.by else "")


def _hour(at: datetime, zone: str, now: datetime) -> str:
    wall = local(at, zone)
    today = wall.date() == local(now, zone).date()
    return f"{wall:%H:%M}" if today else f"{wall:%a} {wall.day} {wall:%b}, {wall:%H:%M}"

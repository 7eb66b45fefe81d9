"""The day's list: cards ranked by the domain, each with what the policy says of dialling now."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import groupby
from statistics import median

from outreach.domain.account import AccountState
from outreach.domain.card import Line, rank
from outreach.domain.errors import OutreachError
from outreach.domain.facts import Channel, Person, Severity
from outreach.domain.hours import local
from outreach.domain.person import as_person
from outreach.domain.policy import DIALLING, Action, Ruling, rule
from outreach.domain.sight import Sight
from outreach.domain.touch import Touch
from outreach.service.ledger import Ledger
from outreach.service.next_times import next_times
from outreach.service.ports import Outside
from outreach.service.rulings import case_for
from outreach.store.unit import StoreUnit
from outreach.store.views import DeskLine, desk_lines

WINDOW = 90
"""Cards whose dial is judged together; within them, those that may be called now come first."""
PAGE = 30


@dataclass(frozen=True, slots=True)
class Dial:
    """What would be said at the dial. ``order``: 0 now, 1 later today, 2 another day, 3 no call, 4 put off."""

    order: int
    ruling: Ruling | None = None
    zone: str | None = None
    """Of the person, where it is known."""
    closes: datetime | None = None
    """Of somebody who may be called now: until when, by the law and their own wishes, as known now."""

    @property
    def word(self) -> str:
        return ("now", "today", "later", "not", "snoozed")[self.order]


@dataclass(frozen=True, slots=True)
class CardRow:
    """One card of the list."""

    id: str
    lines: tuple[DeskLine, ...]
    rank: float
    person: Person | None = None
    dial: Dial = field(default=Dial(3))

    @property
    def first(self) -> DeskLine:
        """The line to speak of first."""
        return min(self.lines, key=lambda line: (line.purpose.sells, -line.severity, line.due))

    @property
    def others(self) -> list[DeskLine]:
        """What else there is to speak of."""
        return [line for line in self.lines if line.touch != self.first.touch]

    @property
    def severity(self) -> Severity:
        return self.first.severity

    @property
    def deadline(self) -> datetime | None:
        return min((line.deadline for line in self.lines if line.deadline), default=None)

    @property
    def claimed_by(self) -> str | None:
        return self.lines[0].claimed_by

    @property
    def has_call(self) -> bool:
        return any(line.channel is Channel.CALL and not line.locked for line in self.lines)

    def is_snoozed(self, now: datetime) -> bool:
        return self.snoozed_until is not None and now < self.snoozed_until

    def due_before(self, at: datetime) -> bool:
        """Promised until then, or never promised for a later hour."""
        return self.deadline is None or self.deadline < at

    @property
    def handed_to(self) -> str | None:
        return self.lines[0].handed_to

    @property
    def snoozed_until(self) -> datetime | None:
        return self.lines[0].snoozed_until

    @property
    def noted(self) -> tuple[str, str] | None:
        """(who, what) of the colleague who put it off or handed it over."""
        line = self.lines[0]
        return (line.noted_by or "", line.note) if line.note else None

    @property
    def known_at(self) -> datetime:
        return min(line.known_at or line.due for line in self.lines)

    @property
    def value(self) -> float | None:
        known = [line.value for line in self.lines if line.value is not None]
        return max(known, default=None)

    @property
    def accounts(self) -> list[str]:
        return list(dict.fromkeys(line.account for line in self.lines))

    def is_seen(self, sight: Sight) -> bool:
        """A card is one conversation: whoever has a part in it sees it whole."""
        if sight.has(self.claimed_by, self.handed_to):
            return True
        return any(sight.has(line.caller) or sight.sees(line.owner, line.team) for line in self.lines)

    def is_of(self, names: Iterable[str], team: str | None = None) -> bool:
        """What was handed over is on nobody's desk but the one it went to, and on the team's."""
        wanted = set(names)
        if self.handed_to is not None and team is None:
            return bool(wanted & {self.handed_to, self.claimed_by})
        return any(
            wanted & {line.claimed_by, line.owner, line.caller} or (team is not None and line.team == team)
            for line in self.lines
        )


def cards(unit: StoreUnit, now: datetime) -> list[CardRow]:
    """All open cards, ranked; the dial is not judged yet."""
    lines = desk_lines(unit)
    usual = median(values) if (values := [line.value for line in lines if line.value is not None]) else 0.0
    rows = [
        CardRow(id_, tuple(found), rank([_as_line(line) for line in found], now, usual))
        for id_, found in ((id_, list(group)) for id_, group in groupby(lines, key=lambda line: line.card))
    ]
    return sorted(rows, key=lambda row: (-row.rank, row.id))


def _as_line(line: DeskLine) -> Line:
    return Line(
        touch=line.touch, account=line.account, severity=line.severity, due=line.due, deadline=line.deadline,
        sells=line.purpose.sells, locked=line.locked, value=line.value, known_at=line.known_at,
    )  # fmt: skip


def window(rows: Sequence[CardRow], page: int) -> tuple[Sequence[CardRow], int]:
    """The ranked cards that are judged together with this page, and the page's place among them."""
    start = (page - 1) * PAGE // WINDOW * WINDOW
    return rows[start : start + WINDOW], (page - 1) * PAGE - start


def judged(unit: StoreUnit, outside: Outside, rows: Sequence[CardRow], now: datetime) -> list[CardRow]:
    """With the dial's ruling: callable now first, then later today, then later; by rank within each."""
    ledger = Ledger(unit, outside, now)
    ledger.lock(sorted({account for row in rows for account in row.accounts}))
    people = {
        id_: as_person(state)
        for id_, state in unit.people(
            {line.person for row in rows for line in row.lines if line.person}
        ).items()
    }
    found = []
    for row in rows:
        person = people.get(row.first.person or "")
        zone = (person.zone if person else None) or row.first.zone or ledger.rules.company.zone
        touches = [ledger.touches.get(line.account, {}).get(line.touch) for line in row.lines]
        dial = dial_of(ledger, [touch for touch in touches if touch is not None], zone)
        if dial.order == 0 and person is not None:
            states = [ledger.accounts[account] for account in row.accounts if account in ledger.accounts]
            dial = replace(dial, closes=_closes(ledger, person, states))
        if row.is_snoozed(now):
            dial = replace(dial, order=4)
        found.append(replace(row, person=person, dial=dial))
    return sorted(found, key=lambda row: (row.dial.order, -row.rank, row.id))


def _closes(ledger: Ledger, person: Person, states: Sequence[AccountState]) -> datetime | None:
    """None where nothing ends it, or where they asked for this call outside the usual hours."""
    times = next_times(ledger, person, states, 1).times
    return times[0][1] if times and times[0][0] <= ledger.now else None


def dial_of(ledger: Ledger, touches: Iterable[Touch], zone: str) -> Dial:
    """As at the dial itself: if any line may be called about, the person may be called."""
    calls = [touch for touch in touches if touch.channel is Channel.CALL]
    if not calls:
        return Dial(3)
    rulings = [ruling for touch in calls if (ruling := _ruling(ledger, touch)) is not None]
    if not rulings:
        return Dial(2)
    best = next((ruling for ruling in rulings if ruling.sends), rulings[0])
    return Dial(_order(best, ledger.now, zone), best, zone)


def _ruling(ledger: Ledger, touch: Touch) -> Ruling | None:
    """None where the run's own playbook cannot be read any more: the dial will say."""
    try:
        return rule(case_for(ledger, ledger.runs[touch.account][touch.run], touch), DIALLING)
    except (OutreachError, KeyError, IndexError):
        return None


def _order(ruling: Ruling, now: datetime, zone: str) -> int:
    if ruling.action is Action.SEND:
        return 0
    if ruling.action is Action.DROP or ruling.until is None:
        return 3
    return 1 if local(ruling.until, zone).date() == local(now, zone).date() else 2

"""The day's list: cards ranked by the domain, each with what the policy says of dialling now."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import groupby
from statistics import median

from outreach.domain.card import rank
from outreach.domain.errors import OutreachError
from outreach.domain.evaluate import merged_needs
from outreach.domain.facts import Channel, Person, Severity
from outreach.domain.history import Need
from outreach.domain.hours import local
from outreach.domain.policy import DIALLING, Action, Ruling, rule
from outreach.domain.sight import Sight
from outreach.domain.touch import Touch
from outreach.service.ledger import Ledger
from outreach.service.next_times import next_times
from outreach.service.ports import Outside
from outreach.service.rulings import case_for, needs_now
from outreach.store.unit import StoreUnit
from outreach.store.views_desk import DeskLine, Glance, desk_lines, glances

WINDOW = 60
"""Cards whose dial is judged together; within them, those that may be called now come first."""
PAGE = 30
WITHIN = timedelta(minutes=1)
"""So late what was said may be written down before the card is shown again: better twice on the list than on nobody's."""


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
class Ranked:
    """One open card, as far as it is found and ranked by."""

    id: str
    lines: Sequence[Glance]
    rank: float

    @property
    def whose(self) -> str:
        """Who is to make the call."""
        line = self.lines[0]
        return line.claimed_by or line.handed_to or line.owner or line.caller or ""

    def waits(self, now: datetime, until: datetime) -> bool:
        """With a call that was promised until then, or for no hour; what is put off does not wait."""
        snoozed = self.lines[0].snoozed_until
        if snoozed is not None and now < snoozed:
            return False
        for line in self.lines:
            if line.call and not line.locked and (line.deadline is None or line.deadline < until):
                return True
        return False

    def is_about(self, playbook: str) -> bool:
        return any(line.playbook == playbook for line in self.lines)

    def is_of(self, names: Collection[str], team: str | None = None) -> bool:
        """What was handed over is on nobody's desk but the one it went to, and on the team's."""
        first = self.lines[0]
        if first.claimed_by in names or first.handed_to in names:
            return True
        if first.handed_to is not None and team is None:
            return False
        return any(
            line.owner in names or line.caller in names or (team is not None and line.team == team)
            for line in self.lines
        )


@dataclass(frozen=True, slots=True)
class CardRow:
    """One card of the list, with everything that is shown of it."""

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

    def is_snoozed(self, now: datetime) -> bool:
        return self.snoozed_until is not None and now < self.snoozed_until

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


def ranked(unit: StoreUnit, now: datetime, sight: Sight) -> list[Ranked]:
    """All open cards in which a colleague has a part, the first to be taken first; without those of which somebody has
    just said how it went."""
    said = unit.said_cards(now - WITHIN)
    lines = [line for line in glances(unit, sight) if line.card not in said]
    usual = median(values) if (values := [line.value for line in lines if line.value is not None]) else 0.0
    by_card: dict[str, list[Glance]] = {}
    for line in lines:
        by_card.setdefault(line.card, []).append(line)
    rows = [Ranked(id_, found, rank(found, now, usual)) for id_, found in by_card.items()]
    return sorted(rows, key=lambda row: (-row.rank, row.id))


def cards(unit: StoreUnit, rows: Iterable[Ranked]) -> list[CardRow]:
    """These cards whole, in their order; the dial is not judged yet. One that was closed meanwhile is left out."""
    ranks = {row.id: row.rank for row in rows}
    lines = groupby(desk_lines(unit, ranks), key=lambda line: line.card)
    found = {id_: CardRow(id_, tuple(group), ranks[id_]) for id_, group in lines}
    return [found[id_] for id_ in ranks if id_ in found]


def window(rows: Sequence[Ranked], page: int) -> tuple[Sequence[Ranked], int]:
    """The ranked cards that are judged together with this page, and the page's place among them."""
    start = (page - 1) * PAGE // WINDOW * WINDOW
    return rows[start : start + WINDOW], (page - 1) * PAGE - start


def judged(
    unit: StoreUnit, outside: Outside, rows: Sequence[CardRow], now: datetime, offset: int = 0
) -> list[CardRow]:
    """A page of them from ``offset`` on, with the dial's ruling: callable now first, then later today, then later; by
    rank within each."""
    ledger = Ledger(unit, outside, now)
    ledger.lock(sorted({account for row in rows for account in row.accounts}))
    ledger.know({line.person for row in rows for line in row.lines if line.person})
    _read_the_past(ledger)
    found = []
    for row in rows:
        person = ledger.person(row.first.person)
        zone = (person.zone if person else None) or row.first.zone or ledger.rules.company.zone
        touches = [ledger.touches.get(line.account, {}).get(line.touch) for line in row.lines]
        dial = dial_of(ledger, [touch for touch in touches if touch is not None], zone)
        if row.is_snoozed(now):
            dial = replace(dial, order=4)
        found.append(replace(row, person=person, dial=dial))
    shown = sorted(found, key=lambda row: (row.dial.order, -row.rank, row.id))[offset : offset + PAGE]
    return [replace(row, dial=replace(row.dial, closes=_closes(ledger, row))) for row in shown]


def _read_the_past(ledger: Ledger) -> None:
    """What the dials will ask for, at once; else it is read one by one."""
    runs = [run for found in ledger.runs.values() for run in found.values() if run.is_open]
    ledger.read_triggers(runs)
    needs: dict[str, list[Need]] = {}
    for run in runs:
        playbook = ledger.rules.playbooks.get(run.playbook)
        if playbook is not None and playbook.version == run.version:
            needs.setdefault(run.account, []).extend(needs_now(playbook))
    ledger.read_windows({account: merged_needs(found) for account, found in needs.items()})


def _closes(ledger: Ledger, row: CardRow) -> datetime | None:
    """None where nothing ends it, or where they asked for this call outside the usual hours."""
    if row.dial.order != 0 or row.person is None:
        return None
    states = [ledger.accounts[account] for account in row.accounts if account in ledger.accounts]
    times = next_times(ledger, row.person, states, 1).times
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

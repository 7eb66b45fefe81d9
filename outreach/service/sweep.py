"""What the bell rings for: everything whose time has come, in small transactions.

Two clocks at once are harmless: accounts are locked, every change names the old status, and events
that time makes have derived ids.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import groupby
from typing import TypeVar

from outreach.domain.account import Due
from outreach.domain.hold import ended
from outreach.domain.steps import end
from outreach.service.calls_now import move_calls
from outreach.service.front import Rejected, check, from_clock
from outreach.service.intake import absorb_into, take_parked
from outreach.service.ledger import Ledger
from outreach.service.outcomes import write_down
from outreach.service.ports import Outside, Unit
from outreach.service.ports_publishing import Missed
from outreach.service.resuming import end_over, judge_missed, missed_by_now, over_by_now
from outreach.service.runs import progress
from outreach.service.sending import BREAKS, PUT_OFF, deliver_due, mark_stuck
from outreach.service.switches import note_rests

Row = TypeVar("Row")

Work = Callable[[Outside, int], int]
"""Gives how many it moved, at most so many."""

BATCH = 100
STUCK_AFTER = timedelta(seconds=90)
"""Three provider time-outs."""
CLOCK = "clock"
"""The heartbeat's name."""


@dataclass(frozen=True, slots=True)
class Swept:
    """How much one tick moved; ``more`` when a batch was full and another tick would find work."""

    parked: int = 0
    events: int = 0
    woken: int = 0
    touches: int = 0
    stuck: int = 0
    holds: int = 0
    calls: int = 0
    said: int = 0
    missed: int = 0
    over: int = 0
    more: bool = False

    @property
    def total(self) -> int:
        moved = (self.events, self.woken, self.touches, self.stuck, self.holds, self.calls, self.said)
        return self.parked + self.missed + self.over + sum(moved)


def tick(outside: Outside, batch: int = BATCH) -> Swept:
    """One round over everything due. Idempotent; call it again while ``more``."""
    moved = {name: work(outside, batch) for name, work in works()}
    full = max(moved[name] for name in ("parked", "events", "woken", "touches", "said", "missed", "over"))
    swept = Swept(more=full >= batch, **moved)
    beat(outside, swept)
    return swept


def works() -> tuple[tuple[str, Work], ...]:
    """What one round is, in its order: the field of ``Swept`` that it fills, and the work."""
    return (
        ("said", write_down),
        ("parked", take_parked),
        ("events", ring),
        ("missed", resume_missed),
        ("over", end_what_is_over),
        ("woken", wake),
        ("touches", _deliver),
        ("calls", lambda outside, batch: move_calls(outside)),
        ("stuck", lambda outside, batch: mark_stuck(outside, STUCK_AFTER, batch)),
        ("holds", end_overdue_holds),
    )


def beat(outside: Outside, swept: Swept) -> None:
    now = outside.clock.now()

    def work(unit: Unit) -> None:
        unit.beat(CLOCK, now, f"moved {swept.total}")
        note_rests(unit, outside)

    outside.database.retrying(work)


def _each_alone(
    rows: Sequence[Row], work: Callable[[Sequence[Row]], object], aside: Callable[[Row, str], object]
) -> int:
    """Work on all of them in one go; where that breaks, on each by itself, and what breaks alone is put
    aside: it stops nothing else. Gives how many were worked on."""
    if not rows:
        return 0
    try:
        work(rows)
        return len(rows)
    except BREAKS as fault:
        if len(rows) > 1:
            return sum(_each_alone([row], work, aside) for row in rows)
        aside(rows[0], type(fault).__name__)
        return 0


def ring(outside: Outside, batch: int = BATCH) -> int:
    """Time rows whose instant has come become events, through the same front door."""
    now, database = outside.clock.now(), outside.database
    with database.view() as unit:
        rows = unit.due_rows(now, batch)
    return _each_alone(
        rows,
        lambda some: database.retrying(lambda unit: _make_events(Ledger(unit, outside, now), some)),
        lambda row, fault: database.retrying(lambda unit: _due_later(unit, row, now, fault)),
    )


def _make_events(ledger: Ledger, rows: Sequence[Due]) -> None:
    """What the vocabulary does not know any more is quarantined with its reason, and waits no longer."""
    ledger.lock(sorted({row.account for row in rows}))
    standing = [row for row in rows if _still_stands(ledger, row)]
    made = [from_clock(row, ledger.accounts[row.account].version) for row in standing]
    items = [check(raw, ledger.rules.vocabulary, ledger.now, internal=True) for raw in made]
    for row, item in zip(standing, items, strict=True):
        if isinstance(item, Rejected):
            del ledger.accounts[row.account].dues[row.type, row.key]
    absorb_into(ledger, items)
    ledger.flush()


def _due_later(unit: Unit, row: Due, now: datetime, fault: str) -> None:
    state = unit.lock_accounts([row.account]).get(row.account)
    if state is not None and state.dues.get((row.type, row.key)) == row:
        state.dues[row.type, row.key] = replace(row, at=now + PUT_OFF)
        unit.save_accounts([state])
        unit.audit(now, CLOCK, "due.put_off", row.account, f"{row.type}: {fault}")


def _still_stands(ledger: Ledger, row: Due) -> bool:
    state = ledger.accounts.get(row.account)
    return state is not None and state.dues.get((row.type, row.key)) == row


def wake(outside: Outside, batch: int = BATCH) -> int:
    """Runs whose wait is over walk on."""
    now, database = outside.clock.now(), outside.database
    with database.view() as unit:
        rows = unit.runs_to_wake(now, batch)
    return _each_alone(
        rows,
        lambda some: database.retrying(lambda unit: _walk_on(unit, outside, some)),
        lambda row, fault: database.retrying(lambda unit: _wake_later(unit, row[1], now, fault)),
    )


def _walk_on(unit: Unit, outside: Outside, rows: Iterable[tuple[str, str]]) -> None:
    ledger = Ledger(unit, outside, outside.clock.now())
    pairs = sorted(rows)
    ledger.lock([account for account, _ in groupby(pairs, key=lambda pair: pair[0])])
    for account, run_id in pairs:
        run = ledger.runs.get(account, {}).get(run_id)
        if run is not None and run.is_open and run.wake_at is not None and run.wake_at <= ledger.now:
            progress(ledger, run_id, account)
    ledger.flush()


def _wake_later(unit: Unit, run_id: str, now: datetime, fault: str) -> None:
    run = unit.run(run_id)
    if run is not None and run.is_open and run.wake_at is not None and run.wake_at <= now:
        unit.save_runs([replace(run, wake_at=now + PUT_OFF)])
        unit.audit(now, CLOCK, "run.put_off", f"run/{run_id}", fault)


def resume_missed(outside: Outside, batch: int = BATCH) -> int:
    """What came while a playbook was paused is judged, now that it goes on."""
    now, database = outside.clock.now(), outside.database
    with database.view() as unit:
        rows = missed_by_now(unit, now, batch)
    return _each_alone(
        rows,
        lambda some: database.retrying(lambda unit: judge_missed(unit, outside, some)),
        lambda row, fault: database.retrying(lambda unit: _missed_later(unit, row, now, fault)),
    )


def _missed_later(unit: Unit, row: Missed, now: datetime, fault: str) -> None:
    unit.put_off_missed(row, now + PUT_OFF)
    unit.audit(now, CLOCK, "missed.put_off", row.account, f"{row.playbook}: {fault}")


def end_what_is_over(outside: Outside, batch: int = BATCH) -> int:
    """What waited for a second person ends once the answer is no, and what is under way once its playbook is disabled."""
    now, database = outside.clock.now(), outside.database
    with database.view() as unit:
        rows = over_by_now(unit, now, batch)
    return _each_alone(
        rows,
        lambda some: database.retrying(lambda unit: end_over(unit, outside, some)),
        lambda row, fault: database.retrying(lambda unit: _end_alone(unit, row[1], now, fault)),
    )


def _end_alone(unit: Unit, run_id: str, now: datetime, fault: str) -> None:
    """Whatever is wrong with it: it ends, and what is left of it is dropped when its time comes."""
    run = unit.run(run_id)
    if run is not None and run.is_open:
        unit.save_runs([end(run, "disabled" if run.blast is None else "blast_radius", now)])
        unit.audit(now, CLOCK, "run.ended_alone", f"run/{run_id}", fault)


def _deliver(outside: Outside, batch: int) -> int:
    now = outside.clock.now()
    with outside.database.view() as unit:
        due: Sequence[tuple[str, str]] = unit.touches_due(now, batch)
    if due:
        deliver_due(outside, due)
    return len(due)


def end_overdue_holds(outside: Outside, batch: int = BATCH) -> int:
    """Holds end by themselves; one that ends by its longest time leaves an alarm in the audit."""
    now = outside.clock.now()
    with outside.database.view() as view:  # a look costs nobody a lock
        if not view.holds_over(now, 1):
            return 0

    def work(unit: Unit) -> int:
        over = unit.holds_over(now, batch)
        for hold in over:
            cooled = hold.until is not None and hold.until <= hold.at_most_until
            reason = "cooled_off" if cooled else "at_most"
            unit.save_holds([ended(hold, now, reason)])
            if not cooled:
                unit.audit(now, "clock", "hold.at_most", f"hold/{hold.id}", "ended by its longest time")
        return len(over)

    count: int = outside.database.retrying(work)
    return count

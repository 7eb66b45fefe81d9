"""What the bell rings for: everything whose time has come, in small transactions.

Two clocks at once are harmless: accounts are locked, every change names the old status, and events
that time makes have derived ids.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import groupby

from outreach.domain.account import Due
from outreach.domain.hold import ended
from outreach.service.front import from_clock
from outreach.service.intake import absorb_own, take_parked
from outreach.service.ledger import Ledger
from outreach.service.ports import Outside, Unit
from outreach.service.runs import progress
from outreach.service.sending import deliver_due, mark_stuck

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
    more: bool = False

    @property
    def total(self) -> int:
        return self.parked + self.events + self.woken + self.touches + self.stuck + self.holds


def tick(outside: Outside, batch: int = BATCH) -> Swept:
    """One round over everything due. Idempotent; call it again while ``more``."""
    parked = take_parked(outside, batch)
    events = ring(outside, batch)
    woken = wake(outside, batch)
    touches = _deliver(outside, batch)
    swept = Swept(
        parked=parked,
        events=events,
        woken=woken,
        touches=touches,
        stuck=mark_stuck(outside, STUCK_AFTER, batch),
        holds=end_overdue_holds(outside, batch),
    )
    beat(outside, swept)
    return replace(swept, more=max(parked, events, woken, touches) >= batch)


def beat(outside: Outside, swept: Swept) -> None:
    now = outside.clock.now()
    outside.database.retrying(lambda unit: unit.beat(CLOCK, now, f"moved {swept.total}"))


def ring(outside: Outside, batch: int = BATCH) -> int:
    """Time rows whose instant has come become events, through the same front door."""
    now = outside.clock.now()
    with outside.database.view() as unit:
        rows = unit.due_rows(now, batch)
    if not rows:
        return 0

    def work(unit: Unit) -> int:
        ledger = Ledger(unit, outside, now)
        ledger.lock(sorted({row.account for row in rows}))
        standing = [row for row in rows if _still_stands(ledger, row)]
        absorb_own(ledger, [from_clock(row, ledger.accounts[row.account].version) for row in standing])
        ledger.flush()
        return len(standing)

    outside.database.retrying(work)
    return len(rows)


def _still_stands(ledger: Ledger, row: Due) -> bool:
    state = ledger.accounts.get(row.account)
    return state is not None and state.dues.get((row.type, row.key)) == row


def wake(outside: Outside, batch: int = BATCH) -> int:
    """Runs whose wait is over walk on."""
    now = outside.clock.now()
    with outside.database.view() as unit:
        rows = unit.runs_to_wake(now, batch)
    if rows:
        outside.database.retrying(lambda unit: _walk_on(unit, outside, rows))
    return len(rows)


def _walk_on(unit: Unit, outside: Outside, rows: Iterable[tuple[str, str]]) -> None:
    ledger = Ledger(unit, outside, outside.clock.now())
    pairs = sorted(rows)
    ledger.lock([account for account, _ in groupby(pairs, key=lambda pair: pair[0])])
    for account, run_id in pairs:
        run = ledger.runs.get(account, {}).get(run_id)
        if run is not None and run.is_open and run.wake_at is not None and run.wake_at <= ledger.now:
            progress(ledger, run_id, account)
    ledger.flush()


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

"""The hour by which a call was promised stays its deadline, whatever begins in its place."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from outreach.domain.facts import Channel, Purpose
from outreach.domain.plan import DISPLACED, Run, displaced_by
from outreach.domain.touch import UNSENT, Settlement, Status, Touch
from outreach.service.ledger import Ledger


def hand_on(ledger: Ledger, gone: Run, calls: Iterable[Touch]) -> None:
    """To what a run has made room for, the hours of its ``calls`` as they stood before it ended."""
    if gone.end_reason not in DISPLACED:
        return
    calls = list(calls)
    for heir in ledger.open_runs(gone.account):
        if displaced_by(gone, [heir], ledger.playbook):
            keep(ledger, heir, calls)


def keep(ledger: Ledger, run: Run, before: Iterable[Touch]) -> None:
    """Calls of the run that wait are due by the earliest hour that was promised ``before``, also when it has passed."""
    hours = [
        hour for touch in before if (hour := touch.deadline) and _is_still_promised(touch, hour, ledger.now)
    ]
    for touch in ledger.touches_of_run(run) if hours else ():
        if _waits(touch) and touch.deadline and min(hours) < touch.deadline:
            ledger.put_touch(replace(touch, deadline=min(hours)))


def _is_still_promised(touch: Touch, hour: datetime, now: datetime) -> bool:
    """Once somebody has rung, the hour was kept. That a wish to be called was missed is news of its own: what comes of
    it has its own hour."""
    if touch.channel is not Channel.CALL or touch.attempt > 1 or touch.created_at == now:
        return False
    if touch.purpose is Purpose.CALLBACK and hour <= now:
        return False
    return _waits(touch) or touch.status is Status.CANCELLED or touch.settlement is Settlement.WITHDRAWN


def _waits(touch: Touch) -> bool:
    return touch.channel is Channel.CALL and (touch.status in UNSENT or touch.status is Status.ON_DESK)

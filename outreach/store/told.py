"""One log line for each change of a run, a touch or a decision, written once it is committed.

The store sees every change, whichever service made it, and knows when it is durable; services stay without input and
output. Lines hold our own ids and codes. Sentences, names, numbers, addresses and texts are never taken.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import structlog

from outreach.domain.plan import Decision, Run
from outreach.domain.touch import Status, Touch

Changed: TypeAlias = Run | Touch | Decision
Change: TypeAlias = tuple[Changed | None, Changed]
"""What stood there before, where that is known, and what stands there now."""
Told: TypeAlias = Callable[[Sequence[Change]], None]
Line: TypeAlias = tuple[str, str, dict[str, Any]]
"""Level, event, and what belongs to it."""

STARTED = "started"
_LOUD = frozenset({Status.FAILED, Status.UNKNOWN})
_WAITS = frozenset({Status.PLANNED, Status.DUE})

log = structlog.get_logger(__name__)


def log_changes(changes: Sequence[Change]) -> None:
    for old, new in changes:
        line = line_of(old, new)
        if line is not None:
            level, event, fields = line
            getattr(log, level)(event, **{name: value for name, value in fields.items() if value is not None})


def line_of(old: Changed | None, new: Changed) -> Line | None:
    """None where nothing happened that anybody looks for in a log."""
    if isinstance(new, Touch):
        return _touch(old if isinstance(old, Touch) else None, new)
    if isinstance(new, Run):
        return _run(old if isinstance(old, Run) else None, new)
    return _decision(new)


def _decision(new: Decision) -> Line | None:
    if new.outcome == STARTED:
        return None  # its run says so
    fields = {"playbook": new.playbook, "account": new.account, "reason": new.outcome, "trigger": new.event}
    return ("warning" if new.outcome == "cannot_tell" else "info", "run.not_started", fields)


def _run(old: Run | None, new: Run) -> Line | None:
    fields: dict[str, Any] = {"run": new.id, "playbook": new.playbook, "account": new.account}
    if old is None:
        marks = {"shadow": new.shadow or None, "holdout": new.holdout or None}
        return "info", "run.started", fields | marks | {"trigger": new.trigger, "failure": new.failure}
    if old.is_open and not new.is_open:
        return "info", "run.ended", fields | {"reason": new.end_reason}
    if new.is_open and (not old.is_open or new.round > old.round):
        return "info", "run.resumed", fields | {"round": new.round}
    return None


def _touch(old: Touch | None, new: Touch) -> Line | None:
    fields: dict[str, Any] = {
        "touch": new.id, "run": new.run, "account": new.account, "channel": new.channel.value,
        "reason": new.because or None,
    }  # fmt: skip
    if old is not None and new.status in _WAITS and old.status in _WAITS:
        return _waits(old, new, fields)
    if old is not None and old.status is new.status:
        return None
    if new.status in _WAITS:
        event = "touch.planned" if old is None else "touch.again"
        return "info", event, fields | {"due": new.due.isoformat(), "attempt": new.attempt}
    done = {
        "attempt": new.attempt if new.channel.written else None,
        "settlement": new.settlement and new.settlement.value,
        "disposition": new.disposition,
    }
    return "warning" if new.status in _LOUD else "info", f"touch.{new.status.value}", fields | done


def _waits(old: Touch, new: Touch, fields: dict[str, Any]) -> Line | None:
    """Told when it begins to wait for something; that it goes on waiting for the same is for those who look closely."""
    if new.due == old.due and new.because == old.because:
        return None
    level = "debug" if new.because == old.because else "info"
    return level, "touch.waits", fields | {"until": new.due.isoformat()}

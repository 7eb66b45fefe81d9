"""A failure: one thing that went wrong for one account and key.

    open → reached → put_right | let_be          void: its opening events were taken back
      ↑_______________________|  "it is not" reopens: next round, severity one higher

Only ``put_right``, ``let_be`` and ``void`` close it. An e-mail never closes anything.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from outreach.domain.facts import Severity

REPEAT_WINDOW = timedelta(days=90)
"""The nth failure inside this window weighs more than the first."""


class FailureState(StrEnum):
    OPEN = "open"
    REACHED = "reached"
    PUT_RIGHT = "put_right"
    LET_BE = "let_be"
    VOID = "void"

    @property
    def closed(self) -> bool:
        return self in (FailureState.PUT_RIGHT, FailureState.LET_BE, FailureState.VOID)


@dataclass(frozen=True, slots=True)
class Failure:
    """``id`` is ``kind/key``. ``opened_at`` is event time, ``known_at`` arrival time."""

    account: str
    id: str
    kind: str
    key: str
    severity: Severity
    state: FailureState
    opened_at: datetime
    known_at: datetime
    cause: str
    """The event type that says most about it: the newest that opened or worsened it. Empty once all
    of them were taken back after somebody had spoken with the customer about it."""
    person: str | None = None
    """The hurt person, where the event named one."""
    round: int = 1
    nth: int = 1
    """How many failures this account has had in the 90 days up to this one, itself included."""
    first_order: bool = False
    owed: bool = False
    """Known too late to be decided; waits on the owed list until somebody releases it."""
    spoken: bool = False
    """Somebody has spoken with the customer about it."""
    climbed: int = 0
    """How far it has climbed unreached: 1 owner, 2 manager, 4 named person."""
    reached_at: datetime | None = None
    look_again_at: datetime | None = None
    closed_at: datetime | None = None
    closed_by: str = ""
    reason: str = ""
    parent: str | None = None
    """For a broken promise: the failure it was given for."""

    @property
    def is_open(self) -> bool:
        return not self.state.closed

    @property
    def founded(self) -> bool:
        """Some event still says that it happened."""
        return self.cause != "" and self.state is not FailureState.VOID


def failure_id(kind: str, key: str) -> str:
    return f"{kind}/{key}"


def raised(severity: Severity, by: int) -> Severity:
    return Severity(min(int(severity) + by, int(Severity.SEVERE)))


def opening_severity(rule: Severity, *, first_order: bool, nth: int) -> Severity:
    """A failure on a first order and a repeated one weigh more."""
    return raised(rule, int(first_order) + int(nth > 1))


def worsened(failure: Failure, severity: Severity, cause: str) -> Failure:
    """The same order, delayed and then lost, is one failure: the worse severity stays."""
    return replace(failure, severity=max(failure.severity, severity), cause=cause)


def reopened(failure: Failure, at: datetime) -> Failure:
    """ "It is not": next round from step one, severity one higher."""
    return replace(
        failure,
        state=FailureState.OPEN,
        severity=raised(failure.severity, 1),
        round=failure.round + 1,
        known_at=at,
        owed=False,
        climbed=0,
        reached_at=None,
        look_again_at=None,
        closed_at=None,
        closed_by="",
        reason="",
    )


def closed(failure: Failure, state: FailureState, at: datetime, by: str, reason: str) -> Failure:
    return replace(failure, state=state, closed_at=at, closed_by=by, reason=reason, look_again_at=None)


def was_reached(failure: Failure, at: datetime, look_again: datetime) -> Failure:
    """Two-way human contact. It is not put right by that, so somebody looks again."""
    state = FailureState.REACHED if failure.is_open else failure.state
    return replace(
        failure,
        state=state,
        spoken=True,
        reached_at=failure.reached_at or at,
        look_again_at=look_again if failure.is_open else None,
    )

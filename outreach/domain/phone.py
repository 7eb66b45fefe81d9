"""A telephone call through the house: our people's phones ring first, one of them accepts, then the
customer is connected. Which states follow which, and what the provider's words mean.

Callbacks come twice, late and in any order: what does not lead further is ignored.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class CallKind(StrEnum):
    CLICK = "click"
    """An account manager clicked *call* on a card."""
    CALL_NOW = "call_now"
    """The customer asked to be rung now: the known face first, then those on duty."""
    RING_BACK = "ring_back"
    """The customer rings our number."""


class CallState(StrEnum):
    """In this order; ``ended`` may follow any of them."""

    RINGING_US = "ringing_us"
    ACCEPTED = "accepted"
    RINGING_THEM = "ringing_them"
    TALKING = "talking"
    ENDED = "ended"


class LegState(StrEnum):
    """One of our phones. In this order; the last four are ends, and the first of them that comes counts."""

    INTENDED = "intended"
    """About to be rung: committed before the provider is asked."""
    UNKNOWN = "unknown"
    """Nobody knows whether the provider took it; it may still ring."""
    RINGING = "ringing"
    ANSWERED = "answered"
    ACCEPTED = "accepted"
    """Pressed 1, and was the first."""
    NO_ANSWER = "no_answer"
    DECLINED = "declined"
    """Answered and did not press 1, or a machine answered."""
    FAILED = "failed"
    GONE = "gone"
    """Somebody else was first, or it is over."""


_CALL_ORDER, _LEG_ORDER = tuple(CallState), tuple(LegState)
LEG_ENDS = frozenset({LegState.NO_ANSWER, LegState.DECLINED, LegState.FAILED, LegState.GONE})


def call_goes_on(old: CallState, new: CallState) -> bool:
    """Whether the call may go from the one to the other: forwards only."""
    return _CALL_ORDER.index(new) > _CALL_ORDER.index(old)


def leg_goes_on(old: LegState, new: LegState) -> bool:
    return old not in LEG_ENDS and _LEG_ORDER.index(new) > _LEG_ORDER.index(old)


@dataclass(frozen=True, slots=True)
class PhoneCall:
    """``number``: whom we dial or who rang, E.164. ``cause``: the callback's id, the provider's id of an
    inbound call. ``outcome``: the provider's word for how the customer's leg ended, or ``nobody``.
    ``next_at``: when the next of our phones is tried, or the call counts as over; None once it is. Times aware, UTC."""

    id: str
    kind: CallKind
    state: CallState
    started_at: datetime
    stage: int = 0
    seconds: int = 0
    outcome: str = ""
    account: str | None = None
    person: str | None = None
    card: str | None = None
    number: str | None = None
    accepted_by: str | None = None
    ref: str | None = None
    cause: str | None = None
    next_at: datetime | None = None
    accepted_at: datetime | None = None
    talking_at: datetime | None = None
    ended_at: datetime | None = None

    @property
    def is_open(self) -> bool:
        return self.state is not CallState.ENDED


@dataclass(frozen=True, slots=True)
class Leg:
    """One of our phones that rings for a call. ``sequence``: the provider's number of the newest word."""

    token: str
    call: str
    user: str
    state: LegState
    at: datetime
    sequence: int = -1
    ref: str | None = None
    code: str | None = None


LEG_OF_TWILIO: Mapping[str, LegState] = {
    "ringing": LegState.RINGING, "in-progress": LegState.ANSWERED, "completed": LegState.GONE,
    "busy": LegState.NO_ANSWER, "no-answer": LegState.NO_ANSWER, "canceled": LegState.GONE,
    "failed": LegState.FAILED,
}  # fmt: skip
"""CallStatus of Twilio's status callback → what it means for a leg."""

DISPOSITION_OF_TWILIO: Mapping[str, str] = {"busy": "busy", "no-answer": "no_answer"}
"""DialCallStatus → the outcome that is certain without asking the caller. A completed call may have been
a voice on a machine, and a failed one a wrong number or a broken line: a human says which."""

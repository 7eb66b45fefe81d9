"""A touch: one planned personal contact, and the one table of its legal changes.

Late and repeated callbacks are ordinary input: what the table does not allow is refused, and the
caller shows or ignores it. ``overdue`` is a time, not a status.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from outreach.domain.errors import IllegalChange
from outreach.domain.facts import Channel, Purpose


class Status(StrEnum):
    PLANNED = "planned"
    DUE = "due"
    DRAFT = "draft"
    SENDING = "sending"
    SENT = "sent"
    FAILED = "failed"
    UNKNOWN = "unknown"
    ON_DESK = "on_desk"
    SETTLED = "settled"
    WITHHELD = "withheld"
    EXPIRED = "expired"
    CANCELLED = "cancelled"


CHANGES: Mapping[Status, frozenset[Status]] = {
    Status.PLANNED: frozenset({Status.DUE, Status.WITHHELD, Status.EXPIRED, Status.CANCELLED}),
    Status.DUE: frozenset(
        {
            Status.SENDING,
            Status.PLANNED,
            Status.DRAFT,
            Status.ON_DESK,
            Status.FAILED,
            Status.WITHHELD,
            Status.EXPIRED,
            Status.CANCELLED,
        }
    ),
    Status.DRAFT: frozenset({Status.DUE, Status.WITHHELD, Status.EXPIRED, Status.CANCELLED}),
    Status.SENDING: frozenset({Status.SENT, Status.FAILED, Status.UNKNOWN, Status.DUE}),
    Status.UNKNOWN: frozenset({Status.SENT, Status.FAILED, Status.DUE}),
    Status.ON_DESK: frozenset({Status.SETTLED}),
    Status.SENT: frozenset(),
    Status.FAILED: frozenset(),
    Status.SETTLED: frozenset(),
    Status.WITHHELD: frozenset(),
    Status.EXPIRED: frozenset(),
    Status.CANCELLED: frozenset(),
}
"""``due → failed`` is a fault before anything left (rendering); ``unknown → due`` only by a human."""

OPEN = frozenset({Status.PLANNED, Status.DUE, Status.DRAFT, Status.SENDING, Status.UNKNOWN, Status.ON_DESK})
COUNTED = frozenset({Status.SENDING, Status.SENT, Status.UNKNOWN})
"""What caps count among written touches; of calls they count the dials."""
UNSENT = frozenset({Status.PLANNED, Status.DUE, Status.DRAFT})


class Settlement(StrEnum):
    """How a call left the desk."""

    REACHED = "reached"
    UNREACHED = "unreached"
    WITHDRAWN = "withdrawn"


class Disposition(StrEnum):
    """What the human says of one dial."""

    REACHED = "reached"
    NO_ANSWER = "no_answer"
    BUSY = "busy"
    VOICEMAIL = "voicemail"
    WRONG_NUMBER = "wrong_number"
    DO_NOT_CALL = "do_not_call"
    PREFERS_SMS = "prefers_sms"


@dataclass(frozen=True, slots=True)
class Touch:
    id: str
    run: str
    account: str
    channel: Channel
    purpose: Purpose
    step: int
    status: Status
    due: datetime
    because: str
    """Reason code: the playbook's name, or why it waits or ended."""
    person: str | None = None
    identity: str = ""
    """The card it belongs on: the person's identity, or ``account:<id>`` where we know no one."""
    round: int = 1
    attempt: int = 1
    sentence: str = ""
    deadline: datetime | None = None
    """Calls: the promise clock. Past it the call is overdue and climbs, it never expires."""
    not_after: datetime | None = None
    """Mails and SMS: no later than this."""
    caller: str | None = None
    endpoint: str | None = None
    """Keyed hash of the endpoint it goes to; caps count by it."""
    card: str | None = None
    token: str | None = None
    intent_at: datetime | None = None
    """When the intent to send was committed, or the last dial."""
    sent_at: datetime | None = None
    provider_ref: str | None = None
    settlement: Settlement | None = None
    disposition: str | None = None
    opened: bool = False
    """A human claimed or opened it: for a call that counts as having left."""
    voicemails: int = 0
    draft: Mapping[str, Any] | None = None
    """Subject and text as the account manager will release them."""
    created_at: datetime | None = None
    ended_at: datetime | None = None
    text: str | None = None
    """For a task: what is to be done. For a call on a changed course: what changed."""
    resolved: bool = False
    """Laid while ``still_open`` was false: says the softened words."""

    @property
    def is_open(self) -> bool:
        return self.status in OPEN

    @property
    def has_left(self) -> bool:
        """It cannot be taken back: sent, maybe sent, spoken, or a human has the card open."""
        if self.status in (Status.SENDING, Status.SENT, Status.UNKNOWN):
            return True
        if self.status is Status.SETTLED:
            return self.settlement is not Settlement.WITHDRAWN
        return self.status is Status.ON_DESK and self.opened

    @property
    def contact(self) -> tuple[str, datetime | None]:
        """What caps count once: a dial, however many lines of its card it was about; else the touch itself."""
        return (self.card or self.id) if self.channel is Channel.CALL else self.id, self.intent_at


def advance(touch: Touch, to: Status, now: datetime, **changes: Any) -> Touch:
    """The only way a touch changes its status. Raises IllegalChange for what the table forbids."""
    if to not in CHANGES[touch.status]:
        raise IllegalChange(f"touch {touch.id}: {touch.status} → {to} is not allowed")
    if to not in OPEN:
        changes.setdefault("ended_at", now)
    return replace(touch, status=to, **changes)

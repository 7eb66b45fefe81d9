"""What is said of a conversation: what came of it, what was promised, how they like to be treated."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from outreach.domain.touch import Disposition

SECOND_THOUGHTS = timedelta(seconds=10)
"""So long after it was said an outcome can be taken back."""

DIALLED_FOR = timedelta(hours=2)
"""So long after the dial what is said is about that call, and the number stays on the card."""


@dataclass(frozen=True, slots=True)
class PromiseMade:
    what: str
    until: datetime
    failure: str | None = None
    id: str | None = None
    """Given where somebody must speak of it later; else a new one is made."""


@dataclass(frozen=True, slots=True)
class Wished:
    """How they like to be treated: a kind of preference, in their words, and the day to ask again."""

    kind: str
    value: str
    ask_again: date | None = None

    def told_to(self, by: str) -> dict[str, Any]:
        """As the fields of ``preference.stated``."""
        again = {"ask_again": self.ask_again.isoformat()} if self.ask_again else {}
        return {"kind": self.kind, "value": self.value, "by": by} | again


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the human says of one conversation, or of one dial that reached nobody."""

    disposition: Disposition
    touches: Collection[str] | None = None
    """The lines it settles; None means every unlocked call on the card."""
    note: str = ""
    promise: PromiseMade | None = None
    wishes: Sequence[Wished] = ()
    put_right: Collection[str] = ()
    """Failures (``kind/key``) that are put right now."""
    said_by: str = "am"
    """``customer`` or ``am``"""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Said:
    """An outcome that waits to be written down, while whoever said it can take it back."""

    id: str
    card: str
    person: str | None
    """Whom it is about, where we know."""
    by: str
    at: datetime
    due: datetime
    """When it is written down, unless it is taken back before."""
    outcome: Outcome
    fault: str | None = None
    """What is wrong, when it could not be written down at its time."""

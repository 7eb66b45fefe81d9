"""What is known of an account, folded from its events: the state itself, its promises, and what waits for its instant."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from hashlib import sha256
from typing import Any

from outreach.domain.failure import Failure
from outreach.domain.rhythm import Rhythm


class PromiseState(StrEnum):
    OPEN = "open"
    BROKEN = "broken"
    KEPT = "kept"
    LATE = "late"
    """Kept after it was broken."""


@dataclass(frozen=True, slots=True)
class Promise:
    """What we told the customer we would do, by when."""

    account: str
    id: str
    what: str
    until: datetime
    made_at: datetime
    by: str = ""
    person: str | None = None
    failure: str | None = None
    state: PromiseState = PromiseState.OPEN
    settled_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Due:
    """A row that waits for its instant and then becomes an event of ``type``.

    ``base`` is the instant it counts from; with account, type, key, step and ``at`` it makes the event's id, so
    that making it twice is a no-op and a moved clock makes other events.
    """

    account: str
    type: str
    key: str
    at: datetime
    base: datetime
    step: int
    data: Mapping[str, Any]

    @property
    def event_id(self) -> str:
        parts = (
            self.account,
            self.type,
            self.key,
            self.base.isoformat(),
            f"{self.step:02d}",
            self.at.isoformat(),
        )
        return "/".join(_short(part) for part in parts)


def _short(text: str) -> str:
    """As part of an id: others choose keys, and may choose them long or with signs that no id may have."""
    if len(text) <= _LONGEST_PART and text.isprintable() and "|" not in text:
        return text
    return sha256(text.encode()).hexdigest()[:32]


_LONGEST_PART = 100


@dataclass(frozen=True, slots=True)
class Embargo:
    """Litigation, insolvency, a question of safety: nobody but ``only`` may contact anybody there."""

    kind: str
    only: str
    since: datetime
    by: str = ""
    note: str = ""

    @property
    def sentence(self) -> str:
        who = f"Nobody but {self.only}" if self.only else "Nobody"
        return f"{who} may contact them ({self.kind}, since {self.since:%d %B %Y})."


@dataclass(slots=True)
class AccountState:
    """Mutable while it is folded, and owned by whoever folds it. Small: windows are read, not kept."""

    id: str
    described: dict[str, Any] = field(default_factory=dict)
    embargo: Embargo | None = None
    orders: int = 0
    first_order_at: datetime | None = None
    last_order_at: datetime | None = None
    last_contact_at: datetime | None = None
    """Last two-way contact."""
    spoken_by: str | None = None
    """Who spoke with them last."""
    since: datetime | None = None
    rhythm: Rhythm = field(default_factory=Rhythm)
    ended: list[str] = field(default_factory=list)
    """``type/key`` of things waited for that have ended; a late start does not wake them again."""
    failures: dict[str, Failure] = field(default_factory=dict)
    promises: dict[str, Promise] = field(default_factory=dict)
    dues: dict[tuple[str, str], Due] = field(default_factory=dict)
    newest: tuple[datetime, str, str] | None = None
    version: int = 0

    @property
    def open_failures(self) -> list[Failure]:
        return [failure for failure in self.failures.values() if failure.is_open]

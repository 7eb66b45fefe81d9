"""A card: all open reasons to speak to one person, merged into one conversation."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from outreach.domain.facts import Severity


@dataclass(frozen=True, slots=True)
class Card:
    """``identity`` is the person's (or ``account:<id>``); at most one card of it is open."""

    id: str
    identity: str
    opened_at: datetime
    state: str = "open"
    claimed_by: str | None = None
    claimed_at: datetime | None = None
    caller: str | None = None
    closed_at: datetime | None = None
    snoozed_until: datetime | None = None
    note: str | None = None
    """What the colleague who put it off or handed it over said."""
    noted_by: str | None = None
    handed_to: str | None = None
    """The colleague it was handed to; it is on nobody else's desk then."""

    def is_snoozed(self, now: datetime) -> bool:
        return self.snoozed_until is not None and now < self.snoozed_until


@dataclass(frozen=True, slots=True)
class Line:
    """One reason on a card, as far as ranking and the agenda need it."""

    touch: str
    account: str
    severity: Severity
    due: datetime
    deadline: datetime | None
    sells: bool
    locked: bool = False
    value: float | None = None
    """Yearly value of the account in the company's currency; None is unknown, not zero."""
    known_at: datetime | None = None


_HOUR, _DAY = timedelta(hours=1), timedelta(days=1)


class Weighed(Protocol):
    """What ranking needs to know of a line."""

    @property
    def severity(self) -> Severity: ...
    @property
    def due(self) -> datetime: ...
    @property
    def deadline(self) -> datetime | None: ...
    @property
    def sells(self) -> bool: ...
    @property
    def value(self) -> float | None: ...
    @property
    def known_at(self) -> datetime | None: ...


def rank(lines: Iterable[Weighed], now: datetime, usual_value: float = 0.0) -> float:
    """Severity, the promise clock, age and value at risk, as one number; larger comes first.

    Value orders within a severity and never excludes; an unknown value counts as the usual one.
    A selling line never comes before a failure.
    Age lifts without bound, so that in the end nothing outranks the oldest failure.
    """
    return max([_weight(line, now, usual_value) for line in lines], default=0.0)


def _weight(line: Weighed, now: datetime, usual_value: float) -> float:
    if line.sells:
        return _clock(line, now) / 2.0  # at most 80: below the slightest failure
    value = usual_value if line.value is None else line.value
    worth = value / (value + 10_000.0) if value > 0 else 0.0
    return 100.0 * line.severity + 60.0 * worth + _clock(line, now) + _age(line, now)


def _clock(line: Weighed, now: datetime) -> float:
    """Up to 80 as the promised hour comes near, and 80 more once it has passed."""
    if line.deadline is None:
        return 0.0
    left = (line.deadline - now) / _HOUR
    return 160.0 if left <= 0 else 80.0 / (1.0 + left / 2.0)


def _age(line: Weighed, now: datetime) -> float:
    days = max((now - (line.known_at or line.due)) / _DAY, 0.0)
    return 12.0 * days


def agenda(lines: Iterable[Line]) -> list[Line]:
    """Apologise for the worst first; selling lines come last, locked until put right."""
    return sorted(lines, key=lambda line: (line.sells, -line.severity, line.due, line.touch))

"""An account's past as the conditions read it: the events of a type, within a window."""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from operator import attrgetter
from typing import Any, NamedTuple

_TIME = attrgetter("time")


class Happening(NamedTuple):
    """One event of an account's history, as far as a window reads it."""

    time: datetime
    key: str | None
    amount: float | None
    data: Mapping[str, Any] | None = None
    """The event's whole data, only where a ``Need`` asked for it."""


@dataclass(frozen=True, slots=True)
class Need:
    """What a window reads: events of a type since so long; ``within`` None means all of history.

    ``data`` when more than the window columns ``time``, ``key`` and ``amount`` is read.
    """

    type: str
    within: timedelta | None
    data: bool = False


class History:
    """The events of one account that the conditions' windows read, per type and sorted by time.

    All bounds are inclusive; ``since`` None means from the beginning.
    """

    __slots__ = ("_rows",)

    def __init__(self, rows: Mapping[str, Sequence[Happening]]) -> None:
        self._rows = rows

    def count(self, type: str, since: datetime | None, until: datetime) -> int:
        """How many events of the type lie within the bounds."""
        start, end = self._bounds(type, since, until)
        return end - start

    def total(self, type: str, since: datetime | None, until: datetime) -> float:
        """Sum of the amounts within the bounds; an event without an amount adds nothing."""
        start, end = self._bounds(type, since, until)
        amounts = (row.amount for row in self._rows.get(type, ())[start:end])
        try:
            return math.fsum(amount for amount in amounts if amount is not None)
        except (OverflowError, ValueError):
            return math.nan

    def last(self, type: str, until: datetime) -> Happening | None:
        """The newest event of the type up to ``until``, None when there is none."""
        _, end = self._bounds(type, None, until)
        return self._rows[type][end - 1] if end else None

    def seen(self, type: str, key: str | None, since: datetime | None, until: datetime) -> bool:
        """Whether an event of the type, with this key when one is given, lies within the bounds."""
        start, end = self._bounds(type, since, until)
        if key is None:
            return end > start
        return any(row.key == key for row in self._rows.get(type, ())[start:end])

    def _bounds(self, type: str, since: datetime | None, until: datetime) -> tuple[int, int]:
        rows = self._rows.get(type, ())
        start = bisect_left(rows, since, key=_TIME) if since is not None else 0
        return start, max(start, bisect_right(rows, until, key=_TIME))

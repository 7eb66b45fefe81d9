"""An account's own reorder interval: when its next order is due, late, lapsed, and silent.

Plain statistics of the last gaps between *order days*: their median, and their spread by the median
absolute deviation, so that one stock-up or one holiday does not move the window. Three order days
make a rhythm; before that, nothing is due.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from statistics import median
from typing import Any

GAPS_KEPT = 12
"""The rhythm of long ago says little about today's."""
ORDERS_FOR_A_RHYTHM = 3
LEAST_SPREAD_DAYS = 1.0
MAD_TO_DEVIATION = 1.4826
"""Makes the median absolute deviation comparable to a standard deviation."""


@dataclass(frozen=True, slots=True)
class Rhythm:
    """State after the account's last order. ``gaps`` in whole days, the latest last; ``last`` in UTC."""

    orders: int = 0
    """Order days so far, all of them: several orders on one UTC day count once."""
    gaps: tuple[float, ...] = ()
    last: datetime | None = None

    @property
    def known(self) -> bool:
        """Whether there were orders enough to speak of a rhythm."""
        return self.orders >= ORDERS_FOR_A_RHYTHM and bool(self.gaps)

    @property
    def median_days(self) -> float:
        """The usual gap in days; 0 while the rhythm is not known."""
        return float(median(self.gaps)) if self.known else 0.0

    @property
    def spread_days(self) -> float:
        """How far gaps usually stray from it, in days: at least one; 0 while the rhythm is not known."""
        if not self.known:
            return 0.0
        middle = self.median_days
        stray = median(abs(gap - middle) for gap in self.gaps)
        return max(MAD_TO_DEVIATION * float(stray), LEAST_SPREAD_DAYS)

    @property
    def due_at(self) -> datetime | None:
        """When the next order is usually placed."""
        return self._later_by(self.median_days)

    @property
    def lapsed_at(self) -> datetime | None:
        """When the order is so late that something has happened; at least a day after it was due."""
        return self._later_by(self.median_days + max(2 * self.spread_days, 1.0))

    @property
    def silent_at(self) -> datetime | None:
        """When a whole second interval has passed without an order: for big accounts, an alarm."""
        return self._later_by(2 * self.median_days + 2 * self.spread_days)

    def _later_by(self, days: float) -> datetime | None:
        if not self.known or self.last is None:
            return None
        try:
            return self.last + timedelta(days=days)
        except OverflowError:  # an order dated at the end of the calendar
            return None

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values; the time as ISO 8601 in UTC."""
        return {
            "orders": self.orders,
            "gaps": list(self.gaps),
            "last": self.last.isoformat() if self.last else None,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Rhythm:
        """The rhythm that ``to_json`` wrote."""
        last = datetime.fromisoformat(data["last"]).astimezone(UTC) if data.get("last") else None
        return cls(int(data["orders"]), tuple(float(gap) for gap in data["gaps"]), last)


def after_order(r: Rhythm, t: datetime) -> Rhythm:
    """The rhythm once an order was placed at ``t``. Orders are told in order of time: raises ValueError
    for one on a day before the last. A second order on one day only moves ``last``."""
    if t.tzinfo is None:
        raise ValueError(f"{t!r} has no time zone; times are aware datetimes")
    at = t.astimezone(UTC)
    if r.last is None:
        return Rhythm(1, (), at)
    gap = (at.date() - r.last.date()).days
    if gap < 0:
        raise ValueError(
            f"an order of {at:%Y-%m-%d} cannot follow one of {r.last:%Y-%m-%d}; sort them by time"
        )
    if gap == 0:
        return Rhythm(r.orders, r.gaps, max(at, r.last))
    return Rhythm(r.orders + 1, (*r.gaps, float(gap))[-GAPS_KEPT:], at)

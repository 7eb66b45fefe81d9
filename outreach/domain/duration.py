"""Lengths of time as people write them: ``30m``, ``2d``, ``4 business hours``, ``1 business day``."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta

LONGEST = 20 * 366 * 86400
"""Durations beyond twenty years are typing errors."""

_UNITS: dict[str, int] = {
    **dict.fromkeys(("s", "sec", "secs", "second", "seconds"), 1),
    **dict.fromkeys(("m", "min", "mins", "minute", "minutes"), 60),
    **dict.fromkeys(("h", "hour", "hours"), 3600),
    **dict.fromkeys(("d", "day", "days"), 86400),
    **dict.fromkeys(("w", "week", "weeks"), 7 * 86400),
}
_PART = re.compile(r"(\d{1,9}(?:\.\d{1,6})?) ?(business )? ?([a-z]+)", re.ASCII)
UNITS = tuple(sorted(_UNITS, key=len, reverse=True))
"""Every spelling of a unit, the longest first."""
_REMEDY = "write it like 30m, 4h, 2d, 3w, 4 business hours or 1 business day"


@dataclass(frozen=True, slots=True)
class Duration:
    """A length of time: elapsed seconds, seconds of opening hours, working days; usually one of them.

    ``1d`` is 24 hours elapsed. Business parts need a ``Calendar`` to mean anything.
    """

    seconds: float = 0
    business_seconds: float = 0
    business_days: int = 0

    @classmethod
    def parse(cls, text: str) -> Duration:
        """Read ``30m``, ``4h``, ``90 minutes``, ``4 business hours``, ``1 business day``; parts may be
        joined by ``+``. Raises ValueError naming the remedy."""
        words = " ".join(str(text).lower().split())
        if words == "0":
            return cls()
        total = cls()
        for part in words.split("+"):
            total = total._plus(_parse_part(part.strip(), text))
        return total

    @classmethod
    def of(cls, length: timedelta) -> Duration:
        """An elapsed duration."""
        return cls(length.total_seconds())

    def times(self, factor: float) -> Duration:
        """That many times as long. Whole working days only by whole factors."""
        return Duration(
            self.seconds * factor, self.business_seconds * factor, int(self.business_days * factor)
        )

    def _plus(self, other: Duration) -> Duration:
        return Duration(
            self.seconds + other.seconds,
            self.business_seconds + other.business_seconds,
            self.business_days + other.business_days,
        )

    @property
    def is_business(self) -> bool:
        return bool(self.business_seconds or self.business_days)

    @property
    def plain(self) -> timedelta:
        """As elapsed time. Raises ValueError for a business duration."""
        if self.is_business:
            raise ValueError(f"{self.text!r} is business time and needs a calendar; write it like 4h or 2d")
        return timedelta(seconds=self.seconds)

    @property
    def text(self) -> str:
        """Canonical spelling; ``parse`` reads it back to the same value."""
        parts = []
        if self.seconds:
            parts.append(_spell(self.seconds))
        if self.business_days:
            parts.append(f"{self.business_days} business {_plural('day', self.business_days)}")
        if self.business_seconds:
            parts.append(_spell_business(self.business_seconds))
        return " + ".join(parts) or "0m"

    def __str__(self) -> str:
        return self.text


def _parse_part(part: str, whole: str) -> Duration:
    match = _PART.fullmatch(part)
    if match is None:
        raise ValueError(f"{whole!r} is not a duration; {_REMEDY}")
    number, business, unit = float(match[1]), bool(match[2]), match[3]
    if unit not in _UNITS:
        raise ValueError(f"{unit!r} is not a unit of time; {_REMEDY}")
    if number * _UNITS[unit] > LONGEST:
        raise ValueError(f"{whole!r} is longer than twenty years; write a shorter duration")
    if not business:
        return Duration(seconds=number * _UNITS[unit])
    if _UNITS[unit] < 86400:
        return Duration(business_seconds=number * _UNITS[unit])
    if unit.startswith("d") and number.is_integer():
        return Duration(business_days=int(number))
    raise ValueError(f"{whole!r}: business time comes in hours, minutes or whole days; {_REMEDY}")


def _spell(seconds: float) -> str:
    for unit, size in (("w", 7 * 86400), ("d", 86400), ("h", 3600), ("m", 60)):
        if seconds % size == 0:
            return f"{int(seconds // size)}{unit}"
    return f"{_number(seconds)}s"


def _spell_business(seconds: float) -> str:
    for unit, size in (("hour", 3600), ("minute", 60)):
        if seconds % size == 0:
            return f"{int(seconds // size)} business {_plural(unit, seconds // size)}"
    return f"{_number(seconds)} business seconds"


def _number(value: float) -> str:
    return f"{value:.6f}".rstrip("0").rstrip(".")


def _plural(word: str, number: float) -> str:
    return word if number == 1 else f"{word}s"

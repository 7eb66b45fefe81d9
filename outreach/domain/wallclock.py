"""What the clocks on the wall show, and which instants that means.

Instants are aware datetimes and are compared in UTC; a wall time gets its meaning from an IANA
zone. Where clocks jump forward, a wall time that does not exist goes forward by the jump; where
they fall back, a wall time that exists twice means its first occurrence. Periods are read off the
wall: one is open whenever the clock on the wall shows it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

Period = tuple[time, time]
"""Opening and closing wall time of one stretch; a closing 00:00 means midnight at the day's end."""
Spans = Mapping[int, tuple[Period, ...]]
"""Weekday (0 = Monday) → periods, sorted and apart."""

DAY = timedelta(days=1)
SECOND = timedelta(seconds=1)


@lru_cache(maxsize=1024)
def zone_of(name: str) -> ZoneInfo:
    """The zone of that IANA name. Raises ValueError for a name that is none."""
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError, TypeError):
        raise ValueError(f"{name!r} is not a time zone; write an IANA name like Europe/Berlin") from None


def local(t: datetime, zone: str) -> datetime:
    """The instant as the wall clocks of the zone show it; at the ends of the calendar, where a zone would lead out of
    it, as they would show it without an offset."""
    try:
        return aware(t).astimezone(zone_of(zone))
    except OverflowError:
        return aware(t).replace(tzinfo=zone_of(zone))


def instant(day: date, wall: time, zone: str) -> datetime:
    """The UTC instant when the zone's clocks show this; forward over a gap, first of a repeated hour."""
    return datetime.combine(day, wall.replace(tzinfo=None, fold=0), tzinfo=zone_of(zone)).astimezone(UTC)


def aware(t: datetime) -> datetime:
    """The instant, or ValueError when it has no zone."""
    if t.tzinfo is None:
        raise ValueError(f"{t!r} has no time zone; times are aware datetimes")
    return t


def to_utc(t: datetime) -> datetime:
    """The instant in UTC."""
    return aware(t).astimezone(UTC)


@lru_cache(maxsize=16384)
def spans_of_day(zone: str, periods: tuple[Period, ...], day: date) -> tuple[tuple[datetime, datetime], ...]:
    """The day's periods as UTC instants, in order. Each stretch of constant offset is read by itself,
    so a skipped hour is never open and a repeated one is open twice."""
    spans = [
        (max(start, begin), min(end, finish))
        for begin, finish, offset in _stretches(zone_of(zone), day)
        for start, end in _shifted(periods, day, offset)
    ]
    return tuple(sorted(span for span in spans if span[0] < span[1]))


def _shifted(periods: Iterable[Period], day: date, offset: timedelta) -> Iterator[tuple[datetime, datetime]]:
    for opens, closes in periods:
        last = day if closes > opens else day + DAY
        start = datetime.combine(day, opens, tzinfo=UTC) - offset
        yield start, datetime.combine(last, closes, tzinfo=UTC) - offset


def _stretches(zone: ZoneInfo, day: date) -> list[tuple[datetime, datetime, timedelta]]:
    """Instants that may belong to the local day, cut where the offset changes: begin, finish, offset."""
    midnight = datetime.combine(day, time.min, tzinfo=UTC)
    low, high = midnight - timedelta(hours=15), midnight + timedelta(hours=37)
    before, after = _offset(zone, low), _offset(zone, high)
    if before == after:
        return [(low, high, before)]
    change = _change_between(zone, low, high)
    return [(low, change, before), (change, high, after)]


def _change_between(zone: ZoneInfo, low: datetime, high: datetime) -> datetime:
    """The first second with the later offset."""
    before = _offset(zone, low)
    while high - low > SECOND:
        middle = low + timedelta(seconds=int((high - low).total_seconds()) // 2)
        low, high = (middle, high) if _offset(zone, middle) == before else (low, middle)
    return high


def _offset(zone: ZoneInfo, t: datetime) -> timedelta:
    return t.astimezone(zone).utcoffset() or timedelta()


def check_week(week: Spans) -> None:
    """Raise ValueError, with the remedy, for periods that make no sense."""
    for weekday, periods in week.items():
        if weekday not in range(7):
            raise ValueError(f"{weekday!r} is not a weekday; use 0 (Monday) to 6 (Sunday)")
        closed_at = time.min
        for opens, closes in periods:
            if closes <= opens and closes != time.min:
                raise ValueError(f"{opens:%H:%M}-{closes:%H:%M} ends before it begins; split it at midnight")
            if opens < closed_at or closed_at == time.max:
                raise ValueError(
                    f"the period from {opens:%H:%M} overlaps the one before; sort and separate them"
                )
            closed_at = time.max if closes == time.min else closes


def parse_instant(value: Any) -> datetime | None:
    """An RFC 3339 instant with offset, as aware UTC; a plain date is its midnight UTC; else None."""
    if not isinstance(value, str):
        return value if isinstance(value, datetime) else None
    try:
        parsed = datetime.fromisoformat(value)
        return parsed.replace(tzinfo=UTC) if parsed.tzinfo is None else parsed.astimezone(UTC)
    except (ValueError, OverflowError):
        return None

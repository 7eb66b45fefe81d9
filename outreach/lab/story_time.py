"""When something happens in a story: ``Mon 09:00``, ``+10d``, ``2026-04-02T16:00``.

A story's calendar starts on Monday 2 March 2026. A weekday is the next one from the story's present
moment on; a wall time is the zone's of the story's first account.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from outreach.domain.hours import Duration
from outreach.domain.wallclock import instant, local

FIRST_DAY = date(2026, 3, 2)
_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_WEEKDAY = re.compile(r"(?i)(mon|tue|wed|thu|fri|sat|sun)[a-z]* (\d\d?):(\d\d)")
PATTERN = (
    rf"^\s*(({'|'.join(day.title() for day in _DAYS)})[a-z]* [0-9]{{1,2}}:[0-9]{{2}}|\+.+|[0-9]{{4}}.*)\s*$"
)
"""The same in one expression, as far as it goes, for editors."""


@dataclass(frozen=True, slots=True)
class When:
    """One of: a weekday with a wall time; so long after the present moment; a wall time on a date; an
    instant."""

    text: str
    weekday: int | None = None
    wall: time | None = None
    after: timedelta | None = None
    on: datetime | None = None

    @classmethod
    def parse(cls, text: str) -> When:
        """Raises ValueError with a remedy."""
        if found := _WEEKDAY.fullmatch(text.strip()):
            day, hour, minute = found.groups()
            return cls(text, weekday=_DAYS.index(day[:3].lower()), wall=time(int(hour), int(minute)))
        if text.startswith("+"):
            return cls(text, after=Duration.parse(text[1:]).plain)
        try:
            return cls(text, on=datetime.fromisoformat(text))
        except ValueError:
            raise ValueError(f"`{text[:40]}` is no time; write Mon 09:00, +10d or 2026-03-02T09:00") from None

    def instant(self, now: datetime, zone: str) -> datetime:
        """The instant, in UTC, as seen at ``now`` in that zone."""
        if self.after is not None:
            return now + self.after
        if self.on is not None:
            wall = self.on
            return instant(wall.date(), wall.time(), zone) if wall.tzinfo is None else wall.astimezone(UTC)
        return self._next_weekday(now, zone)

    def _next_weekday(self, now: datetime, zone: str) -> datetime:
        assert self.weekday is not None and self.wall is not None
        start = max(now, instant(FIRST_DAY, time(), zone))
        day = local(start, zone).date()
        day += timedelta(days=(self.weekday - day.weekday()) % 7)
        found = instant(day, self.wall, zone)
        return found if found >= start else instant(day + timedelta(days=7), self.wall, zone)


def first_instant(zone: str) -> datetime:
    return instant(FIRST_DAY, time(), zone)


def spell(at: datetime | None, zone: str) -> str:
    """``Mon 2 March 13:00``, as the zone's clocks show it."""
    if at is None:
        return "no hour"
    shown = local(at, zone)
    return f"{shown:%a} {shown.day} {shown:%B %H:%M}"


def written(at: datetime | None, now: datetime, zone: str, like: When | None = None) -> str | None:
    """The shortest way to write that instant in a story whose present moment is ``now``; as a date where that
    was the way before."""
    if at is None:
        return None
    shown = local(at, zone)
    ways: tuple[str, ...] = (
        f"{shown:%a} {shown:%H:%M}",
        f"{shown:%Y-%m-%dT%H:%M}",
        f"{shown:%Y-%m-%dT%H:%M:%S}",
    )
    if like is not None and like.on is not None:
        ways = ways[1:]
    return next((way for way in ways if When.parse(way).instant(now, zone) == at), at.isoformat())

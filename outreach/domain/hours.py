"""Opening hours: a team's calendar, and the hours in somebody else's place.

The only room that adds business time to an instant. Results are aware datetimes in UTC.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from outreach.domain.duration import Duration as Duration
from outreach.domain.wallclock import DAY, Period, Spans, check_week, spans_of_day, to_utc
from outreach.domain.wallclock import instant as instant
from outreach.domain.wallclock import local as local
from outreach.domain.wallclock import zone_of as zone_of

IsHoliday = Callable[[date], bool]

LOOK_AHEAD_DAYS = 800
"""A calendar without an opening for so long is taken for always closed."""


@dataclass(frozen=True)
class Calendar:
    """A team's working hours: zone, periods by weekday, days off. Raises ValueError when made wrongly."""

    zone: str
    week: Spans
    holidays: frozenset[date] = frozenset()

    def __post_init__(self) -> None:
        zone_of(self.zone)
        check_week(self.week)

    @property
    def minutes_a_day(self) -> float:
        """Of opening hours, on a day of the week that has any; their mean."""
        lengths = [_minutes(periods) for periods in self.week.values() if periods]
        return sum(lengths) / len(lengths) if lengths else 0.0

    def is_open(self, t: datetime) -> bool:
        at = to_utc(t)
        return any(start <= at < end for start, end in self._spans(local(at, self.zone).date()))

    def next_open(self, t: datetime) -> datetime:
        """The instant itself when open, else the next opening. ValueError when there is none for two
        years (an empty week, endless holidays)."""
        at = to_utc(t)
        start, _ = next(self._spans_after(at))
        return max(start, at)

    def add(self, t: datetime, d: Duration) -> datetime:
        """The instant later by the duration, in UTC: the elapsed part, then working days (same wall
        time, within that day's hours), then seconds of opening hours."""
        at = to_utc(t) + timedelta(seconds=d.seconds)
        if d.business_days:
            at = self._add_days(self.next_open(at), d.business_days)
        if d.business_seconds:
            at = self._add_open(at, timedelta(seconds=d.business_seconds))
        return at

    def last_close(self, t: datetime) -> datetime:
        """When the last working day before that of the instant was over, in UTC. ValueError as in ``next_open``."""
        day = local(to_utc(t), self.zone).date()
        for _ in range(LOOK_AHEAD_DAYS):
            day -= DAY
            if spans := self._spans(day):
                return spans[-1][1]
        raise ValueError(f"this calendar ({self.zone}) never opens; give it working hours and fewer holidays")

    def business_seconds_between(self, a: datetime, b: datetime) -> float:
        """Seconds of opening hours from a to b; negative when b is before a."""
        begin, finish = to_utc(a), to_utc(b)
        if finish < begin:
            return -self.business_seconds_between(b, a)
        day, last = local(begin, self.zone).date(), local(finish, self.zone).date()
        total = timedelta()
        while day <= last:
            for start, end in self._spans(day):
                total += max(min(end, finish) - max(start, begin), timedelta())
            day += DAY
        return total.total_seconds()

    def _spans(self, day: date) -> tuple[tuple[datetime, datetime], ...]:
        if day in self.holidays:
            return ()
        return spans_of_day(self.zone, tuple(self.week.get(day.weekday(), ())), day)

    def _spans_after(self, at: datetime) -> Iterator[tuple[datetime, datetime]]:
        """Spans that end after the instant, for ever; ValueError once none came for two years."""
        day, barren = local(at, self.zone).date(), 0
        while barren < LOOK_AHEAD_DAYS:
            spans = [span for span in self._spans(day) if span[1] > at]
            yield from spans
            barren = 0 if spans else barren + 1
            day += DAY
        raise ValueError(f"this calendar ({self.zone}) never opens; give it working hours and fewer holidays")

    def _add_open(self, at: datetime, left: timedelta) -> datetime:
        for start, end in self._spans_after(at):
            begin = max(start, at)
            if end - begin >= left:
                return begin + left
            left -= end - begin
        raise AssertionError("spans never end")

    def _add_days(self, at: datetime, days: int) -> datetime:
        wall = local(at, self.zone)
        day, barren = wall.date(), 0
        while days and barren < LOOK_AHEAD_DAYS:
            day += DAY
            barren = 0 if self._spans(day) else barren + 1
            days -= 0 if barren else 1
        if days:
            raise ValueError(
                f"this calendar ({self.zone}) never opens; give it working hours and fewer holidays"
            )
        return self._within_hours(day, instant(day, wall.time(), self.zone))

    def _within_hours(self, day: date, at: datetime) -> datetime:
        """The instant, or the day's last closing before it, or the day's first opening after it."""
        begun = [span for span in self._spans(day) if span[0] <= at]
        return min(at, begun[-1][1]) if begun else self._spans(day)[0][0]


# ---------------------------------------------------------------- hours in somebody else's place


@dataclass(frozen=True)
class Week:
    """Allowed wall times by weekday, in whatever zone somebody is."""

    spans: Spans

    def __post_init__(self) -> None:
        check_week(self.spans)

    def contains(self, wall: datetime) -> bool:
        """Whether the wall clock shows an allowed time; closing times are not allowed any more."""
        now = wall.time()
        return any(
            opens <= now and (now < closes or closes == time.min) for opens, closes in self.on(wall.date())
        )

    def on(self, day: date) -> tuple[Period, ...]:
        return tuple(self.spans.get(day.weekday(), ()))

    def intersect(self, other: Week) -> Week:
        """The times that both allow."""
        return Week({day: _overlap(self.spans.get(day, ()), other.spans.get(day, ())) for day in range(7)})


def _overlap(a: Iterable[Period], b: Iterable[Period]) -> tuple[Period, ...]:
    both = [
        (max(a_opens, b_opens), min(a_closes, b_closes, key=_closing))
        for a_opens, a_closes in a
        for b_opens, b_closes in b
    ]
    return tuple(sorted(period for period in both if period[0] < _closing(period[1])))


def _closing(closes: time) -> time:
    return time.max if closes == time.min else closes


@dataclass(frozen=True)
class LocalHours:
    """Allowed times in one place: its zone, its week, and days when nothing is allowed."""

    zone: str
    week: Week
    is_holiday: IsHoliday | None = None

    def contains(self, t: datetime) -> bool:
        wall = local(t, self.zone)
        return self.week.contains(wall) and not self._off(wall.date())

    def next_open(self, t: datetime, until: datetime) -> datetime | None:
        """The instant itself when allowed, else the next opening, None when that is after ``until``."""
        at, last = to_utc(t), to_utc(until)
        day, final = local(at, self.zone).date(), local(last, self.zone).date()
        while day <= final:
            for start, end in self._spans(day):
                if end > at:
                    found = max(start, at)
                    return found if found <= last else None
            day += DAY
        return None

    def closes(self, t: datetime) -> datetime | None:
        """When the stretch of allowed time around the instant ends (for "and no later than")."""
        at = to_utc(t)
        return next(
            (end for start, end in self._spans(local(at, self.zone).date()) if start <= at < end), None
        )

    def _spans(self, day: date) -> tuple[tuple[datetime, datetime], ...]:
        return () if self._off(day) else spans_of_day(self.zone, self.week.on(day), day)

    def _off(self, day: date) -> bool:
        return self.is_holiday is not None and self.is_holiday(day)


def all_open(t: datetime, places: Iterable[LocalHours]) -> bool:
    """Whether every place allows the instant at once; False when there is no place at all."""
    places = tuple(places)
    return bool(places) and all(place.contains(t) for place in places)


def next_all_open(
    t: datetime, places: Iterable[LocalHours], horizon: timedelta = 14 * DAY
) -> datetime | None:
    """The first instant from t on that every place allows, in UTC; None when there is none in time."""
    places, at = tuple(places), to_utc(t)
    last = at + horizon
    while places:
        openings = [place.next_open(at, last) for place in places]
        later = [opening for opening in openings if opening is not None]
        if len(later) < len(openings):
            return None
        if max(later) == at:
            return at
        at = max(later)
    return None


def _minutes(periods: Iterable[Period]) -> float:
    """An end at midnight is the end of the day."""
    return sum((_of_day(end) or 24 * 60) - _of_day(start) for start, end in periods)


def _of_day(at: time) -> float:
    return at.hour * 60 + at.minute

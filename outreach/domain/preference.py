"""Stated preferences decide, they do not decorate: hours and days in the person's own words.

Understood forms of ``hours``: ``after 16:00``, ``before 12``, ``9-12``, ``after 4 pm``; of ``days``:
``not monday``, ``tuesday, thursday``; of ``pause``: the instant or day until which nobody contacts them; of
``wait_for``: an event type and, where it matters, its key: ``delivery.arrived P-1009``; of ``confide``:
``only me``. Anything else is shown to humans and decides nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from outreach.domain.company import Company
from outreach.domain.facts import Event, Person, Preference
from outreach.domain.hours import instant, local
from outreach.domain.wallclock import parse_instant

_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_CLOCK = r"(\d{1,2})(?:[:.](\d{2}))? ?(am|pm)?"
_LOOK_AHEAD = 14
_EVENT = r"([a-z][a-z0-9_]*(?:\.[a-z][a-z0-9_]*)+)(?:\s+(\S+))?"
ONLY_ME = ("only me", "nobody else", "no one else")


@dataclass(frozen=True, slots=True)
class NotBefore:
    until: datetime
    sentence: str


@dataclass(frozen=True, slots=True)
class Awaited:
    """They want no word from us before this has happened. ``key`` None: to whatever."""

    type: str
    key: str | None
    since: datetime

    def is_fulfilled_by(self, events: Iterable[Event]) -> bool:
        """By a thing that is named whenever it came; else only by what we learnt of since they said it."""
        return any(
            event.type == self.type
            and (event.key == self.key if self.key else max(event.time, event.arrived) >= self.since)
            for event in events
        )

    @property
    def sentence(self) -> str:
        return (
            f"They asked us to wait until this has happened: {self.type}{f' {self.key}' if self.key else ''}."
        )


def understood(preference: Preference) -> bool:
    """Whether the words decide something, or are only shown."""
    if preference.kind == "hours":
        return _span(preference.value) is not None
    if preference.kind == "pause":
        return parse_instant(preference.value) is not None
    if preference.kind == "wait_for":
        return awaited_in(preference.value, preference.said_at) is not None
    if preference.kind == "confide":
        return _is_only_me(preference)
    if preference.kind == "not_channel":
        return bool(ways_in(preference.value))
    return preference.kind == "days" and _weekdays(preference.value) is not None


def not_before(
    person: Person, now: datetime, company: Company, zones: Sequence[str] = ()
) -> NotBefore | None:
    """The next instant that their stated pause, hours and days allow, when now is not one. Their own zone counts; else
    all of ``zones`` where they may be, at once; else the company's."""
    where = (person.zone,) if person.zone else tuple(zones) or (company.zone,)
    paused = paused_until(person, where)
    if paused is not None and paused > now:
        day = local(paused, where[0])
        return NotBefore(paused, f"They asked us for a pause until {day:%d %B %Y}.")
    span, said = (time(0), time(0)), ""
    days = frozenset(range(7))
    for preference in person.preferences:
        if preference.kind == "hours" and (found := _span(preference.value)):
            span, said = found, preference.value
        if preference.kind == "days" and (named := _weekdays(preference.value)):
            days, said = named, f"{said} {preference.value}".strip()
    if not said:
        return None
    until = _allowed_everywhere(now, where, span, days)
    return None if until <= now else NotBefore(until, f"They asked to be contacted {said}.")


def awaited(person: Person) -> Awaited | None:
    """What they want us to wait for."""
    wishes = (awaited_in(said.value, said.said_at) for said in person.preferences if said.kind == "wait_for")
    return next((wish for wish in wishes if wish), None)


def awaited_in(words: str, since: datetime) -> Awaited | None:
    """``delivery.arrived`` or ``delivery.arrived P-1009``; None for anything else."""
    found = re.fullmatch(_EVENT, words.strip())
    return Awaited(found[1], found[2], since) if found else None


def confides_in_nobody(person: Person) -> bool:
    """What went wrong for them is told to them alone, also within their own company."""
    return any(said.kind == "confide" and _is_only_me(said) for said in person.preferences)


def _is_only_me(said: Preference) -> bool:
    return said.value.strip().rstrip(".").lower() in ONLY_ME


def unwanted_ways(person: Person) -> frozenset[str]:
    """Channels by which they have asked us not to come: ``call, sms``."""
    said = [said.value for said in person.preferences if said.kind == "not_channel"]
    return frozenset(way for value in said for way in ways_in(value))


def ways_in(words: str) -> frozenset[str]:
    """The channels that the words name, as people write them: ``no phone calls, and e-mails``."""
    found = re.findall(r"[a-zà-ÿ-]+", words.lower())
    return frozenset(way for word in found if (way := _WAYS.get(word.replace("-", "").removesuffix("s"))))


_WAYS = {
    "call": "call", "phone": "call", "telephone": "call", "ring": "call", "anruf": "call", "anrufe": "call", "telefon": "call",
    "email": "email", "mail": "email",
    "sm": "sms", "sms": "sms", "text": "sms", "texting": "sms", "message": "sms",
}  # fmt: skip


def paused_until(person: Person, zones: Sequence[str] = ()) -> datetime | None:
    """A day ends their peace with its morning, at the last of the places where they may be."""
    ends = (_pause_end(said.value, zones) for said in person.preferences if said.kind == "pause")
    return max((end for end in ends if end is not None), default=None)


def _pause_end(words: str, zones: Sequence[str]) -> datetime | None:
    try:
        day = date.fromisoformat(words.strip())
    except ValueError:
        return parse_instant(words)
    if not date(1900, 1, 1) <= day <= date(9000, 1, 1):
        return parse_instant(words)
    return max((instant(day, time(0), zone) for zone in zones), default=parse_instant(words))


def _allowed_everywhere(
    now: datetime, zones: Sequence[str], span: tuple[time, time], days: frozenset[int]
) -> datetime:
    """The first instant that suits every place where they may be; a fortnight on, where none does."""
    at = now
    while at < now + timedelta(days=_LOOK_AHEAD):
        latest = max(_next_allowed(at, zone, span, days) for zone in zones)
        if latest <= at:
            return at
        at = latest
    return now + timedelta(days=_LOOK_AHEAD)


def _next_allowed(now: datetime, zone: str, span: tuple[time, time], days: frozenset[int]) -> datetime:
    today = local(now, zone).date()
    for offset in range(_LOOK_AHEAD + 1):
        day = today + timedelta(days=offset)
        if day.weekday() not in days:
            continue
        start, end = _edges(day, zone, span)
        if now < end:
            return max(start, now)
    return now + timedelta(days=_LOOK_AHEAD)


def _edges(day: date, zone: str, span: tuple[time, time]) -> tuple[datetime, datetime]:
    start, end = span
    last = day + timedelta(days=1) if end == time(0) else day
    return instant(day, start, zone), instant(last, end, zone)


def _span(words: str) -> tuple[time, time] | None:
    words = words.strip().lower()
    if match := re.fullmatch(rf"after {_CLOCK}", words):
        return _ordered(_time(*match.groups()), time(0))
    if match := re.fullmatch(rf"before {_CLOCK}", words):
        return _ordered(time(0), _time(*match.groups()))
    if match := re.fullmatch(rf"{_CLOCK} ?[-–] ?{_CLOCK}", words):
        return _ordered(_time(*match.groups()[:3]), _time(*match.groups()[3:]))
    return None


def _ordered(start: time | None, end: time | None) -> tuple[time, time] | None:
    """None for wall times that do not exist, or an end before the start."""
    if start is None or end is None or (end != time(0) and end <= start):
        return None
    return start, end


def _time(hours: str, minutes: str | None, half: str | None) -> time | None:
    """``16:00``, ``16.00``, ``16``, ``4 pm``."""
    hour, minute = int(hours), int(minutes or 0)
    if half:
        hour = hour % 12 + (12 if half == "pm" else 0) if 1 <= hour <= 12 else 99
    return time(hour, minute) if hour < 24 and minute < 60 else None


def _weekdays(words: str) -> frozenset[int] | None:
    words = words.strip().lower()
    excluded = re.match(r"(not|never)\s+", words)
    names = re.split(r"[,\s]+", words[excluded.end() :] if excluded else words)
    found = {i for i, day in enumerate(_DAYS) for name in names if name.removesuffix("s") == day}
    if not found or len(found) != len([name for name in names if name]):
        return None
    chosen = frozenset(range(7)) - found if excluded else frozenset(found)
    return chosen or None

"""Nothing leaves outside what is allowed: any zone, pack, wish and clock, and every change of offset to 2035.

The oracle reads the clock on the wall, and knows nothing of how the rooms find their answer.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from itertools import pairwise
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outreach.domain.evaluate import Ruleset
from outreach.domain.facts import Channel, Person, Preference, Purpose
from outreach.domain.law import LawPack, Packs, Place, allowed_times, closes, is_allowed
from outreach.domain.policy import DIALLING, RULES, Action, Case, LawSays, rule
from outreach.domain.preference import not_before
from tests.domain.makers import MONDAY, touch

ZONES = sorted(available_timezones() - {"localtime", "Factory"})
HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
PROOF = {"source": "a test", "effective": "2000-01-01", "basis": "official", "review_by": "2099-01-01"}
Hours = tuple[tuple[time, time] | None, ...]
"""Monday first; None: closed. A closing 00:00 is midnight."""


def packs_with(hours: Hours) -> Packs:
    week = {
        DAYS[day]: f"{span[0]:%H:%M}-{'24:00' if span[1] == time() else f'{span[1]:%H:%M}'}"
        for day, span in enumerate(hours)
        if span
    }
    lines = [
        {"hours": week, **PROOF}, {"holidays": "allowed", **PROOF}, {"consent": "none", **PROOF},
        {"attempts": 9, **PROOF}, {"relationship": {"purchase": 12, "inquiry": 3}, **PROOF},
    ]  # fmt: skip
    tree = {"law": "test", "title": "Testland", "country": "XX", "lines": lines}
    return Packs([LawPack.from_tree(tree, "test.yaml", lambda _: (1, 1))])


def at_home(zone: str) -> Place:
    return Place(("XX",), (), (zone,), True, "stated address")


def on_the_wall(hours: Hours, zone: str, t: datetime) -> bool:
    wall = t.astimezone(ZoneInfo(zone))
    span = hours[wall.weekday()]
    return span is not None and span[0] <= wall.time() and (span[1] == time() or wall.time() < span[1])


# -- every change of offset ------------------------------------------------------------------------------------


@cache
def changes_of(zone: str) -> tuple[datetime, ...]:
    """Every instant to 2035 at which the zone's offset changes, to the second."""
    info = ZoneInfo(zone)
    first = datetime(2026, 1, 1, tzinfo=UTC)
    days = [first + timedelta(days=day) for day in range(3653)]
    offsets = [day.astimezone(info).utcoffset() for day in days]
    return tuple(
        _between(info, early, late)
        for (early, late), (one, other) in zip(pairwise(days), pairwise(offsets), strict=True)
        if one != other
    )


def _between(info: ZoneInfo, early: datetime, late: datetime) -> datetime:
    before = early.astimezone(info).utcoffset()
    while late - early > timedelta(seconds=1):
        middle = early + (late - early) // 2
        early, late = (middle, late) if middle.astimezone(info).utcoffset() == before else (early, middle)
    return late.replace(microsecond=0)


NIGHT_OWLS: Hours = ((time(0, 30), time(2, 30)),) * 7
"""Open around the hour at which clocks are moved, closed for most of the day."""
OFFICE: Hours = ((time(8), time(21)),) * 5 + ((time(10), time(14)), None)


@pytest.mark.parametrize("hours", [NIGHT_OWLS, OFFICE], ids=["at night", "in the day"])
def test_around_every_change_of_offset_the_wall_decides(hours: Hours) -> None:
    packs, looked_at = packs_with(hours), 0
    for zone in ZONES:
        place = at_home(zone)
        for change in changes_of(zone):
            for step in (
                -3 * HOUR,
                -90 * MINUTE,
                -HOUR,
                -MINUTE,
                timedelta(0),
                MINUTE,
                29 * MINUTE,
                HOUR,
                2 * HOUR,
                7 * HOUR,
            ):
                t = change + step
                answer = is_allowed(packs, place, Channel.CALL, Purpose.WINBACK, False, "private", t)
                assert answer.allowed is on_the_wall(hours, zone, t), (zone, t)
                if not answer.allowed:
                    assert answer.until is not None and answer.sentence
                    assert answer.until > t and on_the_wall(hours, zone, answer.until), (zone, t)
                looked_at += 1
    assert looked_at > 10_000


# -- anything at all ---------------------------------------------------------------------------------------------

quarters = st.integers(0, 95).map(lambda quarter: time(quarter // 4, quarter % 4 * 15))
spans = st.none() | st.tuples(quarters, quarters).filter(lambda span: span[1] == time() or span[0] < span[1])
weeks = st.tuples(*[spans] * 7).filter(lambda week: any(week))
instants = st.integers(0, 10 * 365 * 24 * 60).map(
    lambda minutes: datetime(2026, 1, 1, tzinfo=UTC) + minutes * MINUTE
)


@given(weeks, st.sampled_from(ZONES), instants)
def test_until_is_the_first_allowed_instant_and_closing_is_the_last(
    week: Hours, zone: str, t: datetime
) -> None:
    packs, place = packs_with(week), at_home(zone)
    answer = is_allowed(packs, place, Channel.SMS, Purpose.REORDER, False, "business", t)
    assert answer.allowed is on_the_wall(week, zone, t)
    if answer.allowed:
        end = closes(packs, place, Channel.SMS, Purpose.REORDER, "business", t)
        assert end is None or (end > t and on_the_wall(week, zone, end - timedelta(microseconds=1)))
    elif answer.until is not None:
        steps = _inside(t, answer.until)
        assert not any(on_the_wall(week, zone, step) for step in steps)
        assert on_the_wall(week, zone, answer.until)


def _inside(start: datetime, end: datetime) -> Iterator[datetime]:
    """Every quarter of an hour from the start, before the end: hours in these weeks begin on quarters."""
    first = start.replace(minute=start.minute // 15 * 15, second=0, microsecond=0) + 15 * MINUTE
    while first < end:
        yield first
        first += 15 * MINUTE


@given(weeks, st.sampled_from(ZONES), instants)
def test_the_next_times_are_apart_in_order_and_allowed(week: Hours, zone: str, t: datetime) -> None:
    packs, place = packs_with(week), at_home(zone)
    times = allowed_times(packs, place, Channel.CALL, Purpose.WINBACK, "private", t)
    assert len(times) <= 5
    for start, end in times:
        assert start >= t and on_the_wall(week, zone, start) and (end is None or end > start)
    for (_, end), (start, _) in pairwise(times):
        assert end is not None and end <= start


hours_said = st.one_of(
    st.none(),
    quarters.filter(lambda at: at > time()).map(lambda at: f"before {at:%H:%M}"),
    quarters.map(lambda at: f"after {at:%H:%M}"),
)
days_said = st.none() | st.sets(st.sampled_from(DAYS), min_size=1, max_size=6).map(sorted)
NAMES = dict(
    zip(DAYS, ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"), strict=True)
)
pauses = st.none() | st.dates(date(2026, 1, 1), date(2036, 1, 31))
ways = st.sets(st.sampled_from(["call", "email", "sms"]))


@given(
    weeks, st.sampled_from(ZONES), instants, hours_said, days_said, pauses, ways,
    st.sampled_from([Channel.CALL, Channel.EMAIL, Channel.SMS]), st.sampled_from([Purpose.SERVICE_RECOVERY, Purpose.WINBACK]),
)  # fmt: skip
def test_what_leaves_is_allowed_and_what_is_withheld_says_why_and_until_when(
    ruleset: Ruleset, week: Hours, zone: str, t: datetime, hours: str | None, days: list[str] | None, pause: date | None,
    unwanted: set[str], channel: Channel, purpose: Purpose,
) -> None:  # fmt: skip
    said = [("hours", hours), ("days", days and "not " + ", ".join(NAMES[day] for day in days)), ("pause", pause and pause.isoformat()),
            ("not_channel", ", ".join(sorted(unwanted)))]  # fmt: skip
    person = Person(
        "anna", "Anna", phone="+4930123456", email="a@x.example", zone=zone, identity="anna",
        preferences=tuple(Preference(kind, str(value), MONDAY) for kind, value in said if value),
    )  # fmt: skip
    packs = packs_with(week)
    answer = is_allowed(packs, at_home(zone), channel, purpose, False, "private", t)
    stated = not_before(person, t, ruleset.company)
    case = Case(
        touch=touch(channel=channel, purpose=purpose, person="anna", due=t, not_after=None), now=t, person=person,
        law=LawSays(answer.allowed, answer.until, answer.sentence),
        preferred_until=stated.until if stated else None, preferred_sentence=stated.sentence if stated else "",
    )  # fmt: skip
    ruling = rule(case, DIALLING if channel is Channel.CALL else RULES)
    wall = t.astimezone(ZoneInfo(zone))
    paused = pause is not None and t < datetime.combine(pause, time(), UTC)
    off = days is not None and DAYS[wall.weekday()] in days
    outside = hours is not None and not _said_so(hours, wall.time())
    if ruling.sends:
        assert on_the_wall(week, zone, t) and channel.value not in unwanted and not (paused or off or outside)
    else:
        assert ruling.reason.sentence
        assert ruling.action is Action.DROP or (ruling.until is not None and ruling.until > t)
        speaks = channel.value in unwanted or paused or off or outside or not on_the_wall(week, zone, t)
        assert speaks, ruling


def _said_so(words: str, wall: time) -> bool:
    word, _, clock = words.partition(" ")
    at = time.fromisoformat(clock)
    return wall < at if word == "before" else wall >= at


def test_the_oracle_is_no_copy_of_the_rooms() -> None:
    """A week that is read off the wall by hand."""
    assert on_the_wall(OFFICE, "America/New_York", datetime(2026, 3, 2, 13, tzinfo=UTC))
    assert not on_the_wall(OFFICE, "America/New_York", datetime(2026, 3, 2, 12, 59, tzinfo=UTC))

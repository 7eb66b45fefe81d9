"""Opening hours and durations: tables of instants, then what must hold in every zone and for every week."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from outreach.domain.hours import (
    Calendar,
    Duration,
    LocalHours,
    Week,
    all_open,
    instant,
    local,
    next_all_open,
    zone_of,
)

WEEKDAYS = {day: ((time(9), time(17)),) for day in range(5)}
ZONES = sorted(available_timezones() - {"localtime", "Factory"})
TRICKY = [
    "Europe/Berlin",
    "America/New_York",
    "Australia/Lord_Howe",
    "Asia/Kathmandu",
    "Pacific/Apia",
    "America/Sao_Paulo",
    "Africa/Casablanca",
    "Asia/Beirut",
    "Africa/Cairo",
    "America/Havana",
    "Antarctica/Troll",
    "America/Nuuk",
    "Pacific/Kiritimati",
    "Pacific/Pago_Pago",
]


def at(text: str, zone: str = "Europe/Berlin") -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)


def shown(t: datetime, zone: str = "Europe/Berlin") -> str:
    return local(t, zone).strftime("%Y-%m-%d %H:%M")


def office(zone: str = "Europe/Berlin", *holidays: str) -> Calendar:
    return Calendar(zone, WEEKDAYS, frozenset(date.fromisoformat(day) for day in holidays))


# ---------------------------------------------------------------- durations


@pytest.mark.parametrize(
    ("text", "duration"),
    [
        ("30m", Duration(1800)),
        ("4h", Duration(14400)),
        ("2d", Duration(2 * 86400)),
        ("3w", Duration(21 * 86400)),
        ("90 minutes", Duration(5400)),
        ("1.5h", Duration(5400)),
        ("  4   Business  Hours ", Duration(business_seconds=14400)),
        ("90 business minutes", Duration(business_seconds=5400)),
        ("1 business day", Duration(business_days=1)),
        ("5 business days", Duration(business_days=5)),
        ("0", Duration()),
        ("0m", Duration()),
        ("1d + 4 business hours", Duration(seconds=86400, business_seconds=14400)),
    ],
)
def test_a_duration_is_read_as_people_write_it(text: str, duration: Duration) -> None:
    assert Duration.parse(text) == duration


@pytest.mark.parametrize(
    "text",
    [
        *("", "soon", "4", "h", "-4h", "4 hrs", "1.5 business days", "2 business weeks", "4h 30m", "1e3h"),
        *("999999999w", "٣h", "4 business", "business day", "inf", "nan d", "4h+", "1 month"),
    ],
)
def test_what_is_no_duration_is_refused_with_its_remedy(text: str) -> None:
    with pytest.raises(ValueError, match="write"):
        Duration.parse(text)


@given(
    st.integers(0, 10**8),
    st.integers(0, 10**7),
    st.integers(0, 500),
)
def test_the_canonical_text_reads_back_to_the_same_duration(plain: int, business: int, days: int) -> None:
    duration = Duration(plain, business, days)
    assert Duration.parse(duration.text) == duration


@given(st.text(max_size=40))
def test_any_text_is_a_duration_or_a_value_error(text: str) -> None:
    try:
        assert Duration.parse(text).seconds >= 0
    except ValueError:
        pass


def test_business_time_is_not_elapsed_time() -> None:
    assert Duration.parse("2d").plain == timedelta(days=2)
    assert Duration.of(timedelta(hours=4)) == Duration.parse("4h")
    with pytest.raises(ValueError, match="calendar"):
        _ = Duration.parse("1 business day").plain


# ---------------------------------------------------------------- a team's calendar


@pytest.mark.parametrize(
    ("start", "duration", "end"),
    [
        ("2025-03-01 23:00", "4 business hours", "2025-03-03 13:00"),  # the Saturday
        ("2025-03-01 23:00", "1 business day", "2025-03-04 09:00"),
        ("2025-03-03 09:00", "4 business hours", "2025-03-03 13:00"),
        ("2025-03-03 15:00", "4 business hours", "2025-03-04 11:00"),
        ("2025-03-03 09:00", "8 business hours", "2025-03-03 17:00"),  # the closing edge, not tomorrow
        ("2025-03-03 17:00", "1 business hours", "2025-03-04 10:00"),
        ("2025-03-07 15:00", "1 business day", "2025-03-10 15:00"),
        ("2025-03-03 07:00", "1 business day", "2025-03-04 09:00"),
        ("2025-03-03 10:00", "5 business days", "2025-03-10 10:00"),
        ("2025-03-28 16:00", "1d", "2025-03-29 16:00"),
        ("2025-03-29 16:00", "1d", "2025-03-30 17:00"),  # 24 hours elapsed over the spring change
        ("2025-03-28 16:00", "2 business hours", "2025-03-31 10:00"),
        ("2025-03-28 16:00", "1 business day", "2025-03-31 16:00"),  # the same wall time
        ("2025-10-24 16:00", "1 business day", "2025-10-27 16:00"),
    ],
)
def test_time_is_added_by_the_calendar(start: str, duration: str, end: str) -> None:
    assert shown(office().add(at(start), Duration.parse(duration))) == end


def test_holidays_are_no_working_days() -> None:
    calendar = office("Europe/Berlin", "2025-04-18", "2025-04-21")
    assert (
        shown(calendar.add(at("2025-04-17 16:00"), Duration.parse("2 business hours"))) == "2025-04-22 10:00"
    )
    assert shown(calendar.add(at("2025-04-17 16:00"), Duration.parse("1 business day"))) == "2025-04-22 16:00"


def test_a_day_may_have_several_periods() -> None:
    calendar = Calendar("Europe/Berlin", {0: ((time(8), time(12)), (time(13), time(17)))})
    assert not calendar.is_open(at("2025-03-03 12:30"))
    assert shown(calendar.next_open(at("2025-03-03 12:30"))) == "2025-03-03 13:00"
    assert (
        shown(calendar.add(at("2025-03-03 11:00"), Duration.parse("2 business hours"))) == "2025-03-03 14:00"
    )
    assert calendar.business_seconds_between(at("2025-03-03 00:00"), at("2025-03-04 00:00")) == 8 * 3600


def test_the_same_time_on_a_shorter_day_is_its_closing_time() -> None:
    calendar = Calendar("Europe/Berlin", {3: ((time(9), time(17)),), 4: ((time(10), time(13)),)})
    assert shown(calendar.add(at("2025-03-06 16:00"), Duration.parse("1 business day"))) == "2025-03-07 13:00"
    assert shown(calendar.add(at("2025-03-06 09:00"), Duration.parse("1 business day"))) == "2025-03-07 10:00"


def test_midnight_may_end_a_period() -> None:
    calendar = Calendar("Europe/Berlin", {day: ((time(18), time(0)),) for day in range(7)})
    assert calendar.is_open(at("2025-03-03 23:59"))
    assert not calendar.is_open(at("2025-03-04 00:00"))


@pytest.mark.parametrize(
    ("zone", "day", "hours"),
    [
        ("Europe/Berlin", "2025-03-30", 23),
        ("Europe/Berlin", "2025-10-26", 25),
        ("America/New_York", "2025-03-09", 23),
        ("America/New_York", "2025-11-02", 25),
        ("Australia/Lord_Howe", "2025-10-05", 23.5),
        ("Australia/Lord_Howe", "2025-04-06", 24.5),
        ("Asia/Kathmandu", "2025-03-30", 24),
        ("Pacific/Apia", "2011-12-30", 0),  # Samoa skipped that day
        ("Pacific/Apia", "2011-12-31", 24),
        ("America/Sao_Paulo", "2018-11-04", 23),  # began at 01:00
        ("America/Sao_Paulo", "2018-02-17", 25),  # 23:00 came twice
        ("America/Sao_Paulo", "2018-02-18", 24),
    ],
)
def test_a_day_is_as_long_as_its_clocks_say(zone: str, day: str, hours: float) -> None:
    calendar = Calendar(zone, {weekday: ((time(0), time(0)),) for weekday in range(7)})
    first = datetime.combine(date.fromisoformat(day), time(0), UTC) - timedelta(days=2)
    open_then = sum(
        calendar.business_seconds_between(minute, minute + timedelta(minutes=30))
        for minute in (first + timedelta(minutes=30 * n) for n in range(5 * 48))
        if local(minute, zone).date().isoformat() == day
    )
    assert open_then == hours * 3600


@pytest.mark.parametrize(
    ("zone", "wall", "becomes"),
    [
        ("Europe/Berlin", "2025-03-30 02:30", "2025-03-30 03:30"),
        ("America/New_York", "2025-03-09 02:30", "2025-03-09 03:30"),
        ("Australia/Lord_Howe", "2025-10-05 02:10", "2025-10-05 02:40"),
        ("Asia/Kathmandu", "2025-03-30 02:30", "2025-03-30 02:30"),
        ("America/Sao_Paulo", "2018-11-04 00:30", "2018-11-04 01:30"),
        ("Pacific/Apia", "2011-12-30 09:00", "2011-12-31 09:00"),
    ],
)
def test_a_wall_time_that_does_not_exist_goes_forward(zone: str, wall: str, becomes: str) -> None:
    when = datetime.fromisoformat(wall)
    assert shown(instant(when.date(), when.time(), zone), zone) == becomes


def test_a_wall_time_that_exists_twice_is_the_first() -> None:
    assert instant(date(2025, 10, 26), time(2, 30), "Europe/Berlin") == datetime(
        2025, 10, 26, 0, 30, tzinfo=UTC
    )
    assert instant(date(2025, 4, 6), time(1, 45), "Australia/Lord_Howe") == datetime(
        2025, 4, 5, 14, 45, tzinfo=UTC
    )


def test_opening_hours_in_a_skipped_hour_open_when_the_clock_has_jumped() -> None:
    night = Calendar("Europe/Berlin", {6: ((time(2, 30), time(4)),)})
    assert shown(night.next_open(at("2025-03-30 00:00"))) == "2025-03-30 03:00"
    assert night.business_seconds_between(at("2025-03-30 00:00"), at("2025-03-30 12:00")) == 3600


@pytest.mark.parametrize("week", [{}, {0: ()}, dict.fromkeys(range(7), ())])
def test_a_calendar_that_never_opens_says_so(week: dict[int, tuple[tuple[time, time], ...]]) -> None:
    calendar = Calendar("Europe/Berlin", week)
    assert not calendar.is_open(at("2025-03-03 10:00"))
    assert calendar.business_seconds_between(at("2025-03-03 10:00"), at("2025-06-03 10:00")) == 0
    for text in ("1 business hours", "1 business day"):
        with pytest.raises(ValueError, match="never opens"):
            calendar.add(at("2025-03-03 10:00"), Duration.parse(text))
    with pytest.raises(ValueError, match="never opens"):
        calendar.next_open(at("2025-03-03 10:00"))


def test_endless_holidays_are_noticed_too() -> None:
    first = date(2025, 3, 4)
    calendar = Calendar("Europe/Berlin", WEEKDAYS, frozenset(first + timedelta(days=n) for n in range(1200)))
    with pytest.raises(ValueError, match="never opens"):
        calendar.add(at("2025-03-03 16:00"), Duration.parse("1 business day"))
    with pytest.raises(ValueError, match="never opens"):
        calendar.add(at("2025-03-03 16:00"), Duration.parse("2 business hours"))


@pytest.mark.parametrize(
    ("zone", "week", "fault"),
    [
        ("Mars/Olympus", WEEKDAYS, "not a time zone"),
        ("", WEEKDAYS, "not a time zone"),
        ("America", WEEKDAYS, "not a time zone"),
        ("../../etc/passwd", WEEKDAYS, "not a time zone"),
        ("Europe/Berlin", {7: ((time(9), time(17)),)}, "not a weekday"),
        ("Europe/Berlin", {0: ((time(22), time(6)),)}, "ends before it begins"),
        ("Europe/Berlin", {0: ((time(9), time(9)),)}, "ends before it begins"),
        ("Europe/Berlin", {0: ((time(9), time(13)), (time(12), time(17)))}, "overlaps"),
        ("Europe/Berlin", {0: ((time(9), time(0)), (time(12), time(17)))}, "overlaps"),
    ],
)
def test_a_wrong_calendar_is_refused(
    zone: str, week: dict[int, tuple[tuple[time, time], ...]], fault: str
) -> None:
    with pytest.raises(ValueError, match=fault):
        Calendar(zone, week)


def test_a_time_without_a_zone_is_refused() -> None:
    naive = at("2025-03-03 10:00").replace(tzinfo=None)
    with pytest.raises(ValueError, match="no time zone"):
        office().next_open(naive)
    with pytest.raises(ValueError, match="no time zone"):
        office().add(naive, Duration.parse("1h"))


# ---------------------------------------------------------------- what holds for every calendar


@st.composite
def calendars(draw: st.DrawFn, zones: list[str] = ZONES) -> Calendar:
    edges = st.lists(st.integers(0, 24 * 12 - 1), min_size=2, max_size=6, unique=True).map(sorted)
    week = {}
    for day in draw(st.sets(st.integers(0, 6), min_size=1)):
        marks = [time(edge // 12, edge % 12 * 5) for edge in draw(edges)]
        week[day] = tuple(zip(marks[::2], marks[1::2], strict=False))
    days = st.dates(date(2024, 1, 1), date(2035, 12, 31))
    return Calendar(draw(st.sampled_from(zones)), week, frozenset(draw(st.sets(days, max_size=5))))


instants = st.datetimes(datetime(2024, 1, 1), datetime(2035, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001
business_hours = st.integers(0, 30 * 3600).map(lambda seconds: Duration(business_seconds=seconds))


@given(calendars(), instants, business_hours)
def test_added_business_time_is_the_business_time_between(c: Calendar, t: datetime, d: Duration) -> None:
    assert c.business_seconds_between(t, c.add(t, d)) == d.business_seconds


@given(calendars(), instants, business_hours, st.integers(0, 12))
def test_added_business_time_ends_within_opening_hours_or_at_closing(
    c: Calendar, t: datetime, d: Duration, days: int
) -> None:
    assume(d.business_seconds or days)
    end = c.add(t, Duration(business_seconds=d.business_seconds, business_days=days))
    assert end >= t
    assert c.is_open(end) or c.is_open(end - timedelta(microseconds=1))


@given(calendars(), instants, st.integers(0, 10 * 86400), business_hours)
def test_later_is_never_sooner(c: Calendar, t: datetime, gap: int, d: Duration) -> None:
    assert c.add(t, d) <= c.add(t + timedelta(seconds=gap), d)
    assert c.next_open(t) <= c.next_open(t + timedelta(seconds=gap))


@given(calendars(), instants, st.integers(0, 10 * 86400), st.integers(1, 10))
def test_working_days_keep_the_order_but_for_clock_changes(
    c: Calendar, t: datetime, gap: int, days: int
) -> None:
    """Where an hour repeats or is skipped, wall times cannot keep it: up to that hour."""
    slack = timedelta(hours=2)
    assert (
        c.add(t, Duration(business_days=days))
        <= c.add(t + timedelta(seconds=gap), Duration(business_days=days)) + slack
    )


@given(calendars(), instants, business_hours, business_hours)
def test_more_is_never_sooner(c: Calendar, t: datetime, d: Duration, more: Duration) -> None:
    assume(d.business_seconds)
    longer = Duration(business_seconds=d.business_seconds + more.business_seconds)
    assert c.add(t, d) <= c.add(t, longer)


@given(calendars(), instants)
def test_the_next_opening_is_open_and_its_own_next_opening(c: Calendar, t: datetime) -> None:
    opening = c.next_open(t)
    assert opening >= t
    assert c.is_open(opening)
    assert c.next_open(opening) == opening
    assert (opening == t) == c.is_open(t)
    assert c.business_seconds_between(t, opening) == 0


@given(calendars(), instants)
def test_open_is_what_the_wall_clock_says(c: Calendar, t: datetime) -> None:
    wall = local(t, c.zone)
    says = wall.date() not in c.holidays and Week(c.week).contains(wall)
    assert c.is_open(t) == says


@given(calendars(), instants, instants)
def test_business_time_backwards_is_negative(c: Calendar, a: datetime, b: datetime) -> None:
    near = a + (b - a) / 200
    assert c.business_seconds_between(a, near) == -c.business_seconds_between(near, a)


@cache
def offset_changes() -> list[tuple[str, date]]:
    """Every day of 2024 to 2035 on which some zone's offset changes."""
    found = []
    for name in ZONES:
        zone, day = ZoneInfo(name), datetime(2024, 1, 1, tzinfo=UTC)
        before = day.astimezone(zone).utcoffset()
        while day.year < 2036:
            day += timedelta(days=1)
            after = day.astimezone(zone).utcoffset()
            if after != before:
                found.append((name, (day - timedelta(days=1)).astimezone(zone).date()))
            before = after
    return found


def test_over_every_change_of_every_clock_each_wall_time_lands_once_and_not_before() -> None:
    assert len(offset_changes()) > 4000
    for zone, day in offset_changes():
        for wall in (time(0, 30), time(2, 30), time(21, 0)):
            for on in (day, day + timedelta(days=1)):
                landed = local(instant(on, wall, zone), zone)
                meant = datetime.combine(on, wall)
                assert landed.fold == 0
                assert landed.replace(tzinfo=None) - meant in {timedelta(minutes=n) for n in (0, 30, 60, 120)}


def test_over_every_change_of_every_clock_a_working_day_stays_a_working_day() -> None:
    for zone, day in offset_changes():
        calendar = Calendar(zone, {weekday: ((time(9), time(17)),) for weekday in range(7)})
        noon = instant(day - timedelta(days=1), time(12), zone)
        assert local(calendar.add(noon, Duration(business_days=2)), zone).replace(
            tzinfo=None
        ) == datetime.combine(day + timedelta(days=1), time(12))
        assert (
            calendar.business_seconds_between(noon, calendar.add(noon, Duration(business_days=2)))
            == 16 * 3600
        )


# ---------------------------------------------------------------- somebody else's place

DAYTIME = Week({day: ((time(8), time(21)),) for day in range(7)})


def everywhere(zones: list[str], week: Week = DAYTIME) -> list[LocalHours]:
    return [LocalHours(zone, week) for zone in zones]


@pytest.mark.parametrize(
    ("t", "zones", "allowed"),
    [
        ("2025-03-03 12:59+00:00", ["America/New_York"], False),
        ("2025-03-03 13:00+00:00", ["America/New_York"], True),
        ("2025-03-04 01:59+00:00", ["America/New_York"], True),
        ("2025-03-04 02:00+00:00", ["America/New_York"], False),  # 21:00 is too late
        ("2025-03-03 15:59+00:00", ["America/New_York", "America/Los_Angeles"], False),
        ("2025-03-03 16:00+00:00", ["America/New_York", "America/Los_Angeles"], True),
        ("2025-03-09 12:00+00:00", ["America/New_York"], True),  # after the spring change 08:00 is 12:00 UTC
        ("2025-03-08 12:00+00:00", ["America/New_York"], False),
        ("2025-03-03 02:15+00:00", ["Asia/Kathmandu"], True),  # +05:45
        ("2025-03-03 02:14+00:00", ["Asia/Kathmandu"], False),
        ("2025-03-03 12:00+00:00", [], False),  # nowhere is nowhere
    ],
)
def test_an_instant_is_judged_in_every_plausible_zone_at_once(
    t: str, zones: list[str], allowed: bool
) -> None:
    assert all_open(datetime.fromisoformat(t), everywhere(zones)) is allowed


def test_the_next_time_for_somebody_who_may_be_anywhere_in_the_country() -> None:
    midnight = datetime(2025, 3, 3, 5, 0, tzinfo=UTC)
    found = next_all_open(midnight, everywhere(["America/New_York", "America/Los_Angeles"]))
    assert found == datetime(2025, 3, 3, 16, 0, tzinfo=UTC)


def test_there_may_be_no_common_time_at_all() -> None:
    morning = Week({day: ((time(9), time(10)),) for day in range(7)})
    at_noon = datetime(2025, 3, 3, 12, 0, tzinfo=UTC)
    assert next_all_open(at_noon, everywhere(["Europe/Berlin", "America/New_York"], morning)) is None
    assert next_all_open(at_noon, everywhere(["Europe/Berlin"], Week({}))) is None
    assert next_all_open(at_noon, []) is None


def test_holidays_are_those_of_each_zone() -> None:
    t = datetime(2025, 7, 4, 15, 0, tzinfo=UTC)
    new_york = LocalHours("America/New_York", DAYTIME, {date(2025, 7, 4)}.__contains__)
    berlin = LocalHours("Europe/Berlin", DAYTIME)
    assert not all_open(t, [new_york, berlin])
    assert all_open(t, [berlin])
    assert next_all_open(t, [new_york]) == datetime(2025, 7, 5, 12, 0, tzinfo=UTC)


def test_the_allowed_stretch_has_an_end() -> None:
    hours = LocalHours("Europe/Berlin", DAYTIME)
    assert hours.closes(at("2025-03-03 10:00")) == at("2025-03-03 21:00")
    assert hours.closes(at("2025-03-03 22:00")) is None


def test_two_weeks_together_allow_what_both_allow() -> None:
    late = Week({0: ((time(12), time(0)),), 1: ((time(9), time(10)),)})
    both = DAYTIME.intersect(late)
    assert both.spans[0] == ((time(12), time(21)),)
    assert both.spans[1] == ((time(9), time(10)),)
    assert both.spans[2] == ()


weeks = calendars(TRICKY).map(lambda c: Week(c.week))
places = st.lists(st.sampled_from(TRICKY), min_size=1, max_size=3, unique=True)


@given(weeks, places, instants)
@example(
    Week({6: ((time(2, 0), time(2, 45)),)}), ["Europe/Berlin"], datetime(2025, 10, 25, 23, 0, tzinfo=UTC)
)
def test_nothing_is_allowed_before_the_next_allowed_time(week: Week, zones: list[str], t: datetime) -> None:
    here = [LocalHours(zone, week) for zone in zones]
    found = next_all_open(t, here, timedelta(days=3))
    if found is not None:
        assert all_open(found, here)
    probe, last = t, found or t + timedelta(days=3)
    while probe < last:
        assert not all_open(probe, here)
        probe += timedelta(minutes=5)


@given(st.sampled_from(ZONES), weeks, instants)
def test_no_zone_and_no_time_makes_it_stumble(zone: str, week: Week, t: datetime) -> None:
    assert zone_of(zone).key == zone
    hours = LocalHours(zone, week)
    found = hours.next_open(t, t + timedelta(days=8))
    assert found is not None
    assert hours.contains(found)
    assert (found == t) == hours.contains(t)

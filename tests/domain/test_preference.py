"""Stated hours and days decide; words that are not understood are only shown."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outreach.domain.evaluate import Ruleset
from outreach.domain.facts import Event, Person, Preference
from outreach.domain.hours import local
from outreach.domain.preference import awaited, not_before, understood, ways_in
from tests.domain.makers import DAY, HOUR, MONDAY, person


def said(*words: str, zone: str | None = "Europe/Berlin") -> Person:
    """``hours: after 16:00`` …"""
    parts = [each.partition(": ") for each in words]
    return person(zone=zone, preferences=tuple(Preference(kind, value, MONDAY) for kind, _, value in parts))


@pytest.mark.parametrize(
    ("words", "decides"),
    [
        ("hours: after 16:00", True),
        ("hours: Before 9:30", True),
        ("hours: 09:00-12:00", True),
        ("hours: 09:00 – 12:00", True),
        ("hours: 12:00-09:00", False),  # the end before the start
        ("hours: after 25:00", False),
        ("hours: after 4 pm", True),
        ("hours: 9-12", True),
        ("hours: 9.30-12", True),
        ("hours: after 13 pm", False),
        ("not_channel: no phone calls", True),
        ("not_channel: E-Mails, SMS", True),
        ("not_channel: carrier pigeons", False),
        ("hours: when the children sleep", False),
        ("days: not monday", True),
        ("days: never Mondays", True),
        ("days: tuesday, thursday", True),
        ("days: tuesday someday", False),
        ("days: not monday tuesday wednesday thursday friday saturday sunday", False),  # no day would be left
        ("days: ", False),
        ("channel: email", False),
        ("wait_for: delivery.arrived", True),
        ("wait_for: delivery.arrived P-1009", True),
        ("wait_for: the pallet", False),
        ("confide: Only me.", True),
        ("confide: not my boss", False),
        ("note: after 16:00", False),
    ],
)
def test_which_words_decide(words: str, decides: bool) -> None:
    assert understood(said(words).preferences[0]) is decides


@pytest.mark.parametrize(
    ("words", "now", "until"),
    [
        # It is Monday 10:00 in Berlin, which is 09:00 UTC.
        (["hours: after 16:00"], MONDAY, "2026-03-02T15:00"),
        (["hours: before 12:00"], MONDAY, None),
        (["hours: before 09:00"], MONDAY, "2026-03-02T23:00"),  # from midnight on
        (["hours: 14:00-15:00"], MONDAY, "2026-03-02T13:00"),
        (["hours: 08:00-09:00"], MONDAY, "2026-03-03T07:00"),
        (["days: not monday"], MONDAY, "2026-03-02T23:00"),
        (["days: tuesday, thursday", "hours: after 16:00"], MONDAY, "2026-03-03T15:00"),
        (["days: monday"], MONDAY, None),
        (["hours: whenever"], MONDAY, None),
        (["hours: 09:00-09:30"], datetime(2026, 3, 28, 9, tzinfo=UTC), "2026-03-29T07:00"),  # summer begins
        ([], MONDAY, None),
    ],
)
def test_the_next_hour_they_allow(
    ruleset: Ruleset, words: list[str], now: datetime, until: str | None
) -> None:
    found = not_before(said(*words), now, ruleset.company)
    assert (found and found.until) == (until and datetime.fromisoformat(f"{until}+00:00"))


def test_the_sentence_has_their_own_words(ruleset: Ruleset) -> None:
    found = not_before(said("days: not monday", "hours: after 16:00"), MONDAY, ruleset.company)
    assert found is not None
    assert "after 16:00" in found.sentence
    only_days = not_before(said("days: not monday"), MONDAY, ruleset.company)
    assert only_days is not None and "not monday" in only_days.sentence


def test_without_a_zone_of_their_own_the_companys_counts(ruleset: Ruleset) -> None:
    found = not_before(said("hours: after 16:00", zone=None), MONDAY, ruleset.company)
    assert found is not None and found.until == MONDAY + 6 * HOUR


@pytest.mark.parametrize(
    ("words", "ways"),
    [
        ("call, sms", {"call", "sms"}),
        ("Please no phone calls and no e-mails!", {"call", "email"}),
        ("keine Anrufe", {"call"}),
        ("texts", {"sms"}),
        ("smoke signals", set()),
    ],
)
def test_the_ways_they_name_are_found_however_they_write_them(words: str, ways: set[str]) -> None:
    assert ways_in(words) == ways


def test_where_they_may_be_in_two_zones_it_has_to_suit_both(ruleset: Ruleset) -> None:
    zones = ["America/New_York", "America/Los_Angeles"]
    found = not_before(said("hours: 09:00-13:00", zone=None), MONDAY, ruleset.company, zones)
    assert found is not None and found.until == datetime(2026, 3, 2, 17, tzinfo=UTC)  # nine there, noon here
    never = not_before(said("hours: 09:00-10:00", zone=None), MONDAY, ruleset.company, zones)
    assert never is not None and never.until >= MONDAY + 14 * DAY


def test_a_pause_until_a_day_ends_with_its_morning_at_the_last_place(ruleset: Ruleset) -> None:
    zones = ["Europe/Berlin", "America/New_York"]
    found = not_before(said("pause: 2026-03-10", zone=None), MONDAY, ruleset.company, zones)
    assert found is not None and found.until == datetime(2026, 3, 10, 4, tzinfo=UTC)
    far = not_before(said("pause: 9999-12-31"), MONDAY, ruleset.company)
    assert far is not None and far.until > MONDAY + 999 * DAY


clocks = st.integers(0, 23)


@given(
    clocks,
    clocks,
    st.integers(0, 24 * 400),
    st.sampled_from(["Europe/Berlin", "America/New_York", "Asia/Kolkata"]),
)
def test_the_hour_given_is_one_they_allow(
    ruleset: Ruleset, start: int, end: int, hours: int, zone: str
) -> None:
    if start >= end:
        return
    anna = said(f"hours: {start:02}:00-{end:02}:00", "days: not sunday", zone=zone)
    now = MONDAY + hours * HOUR
    found = not_before(anna, now, ruleset.company)
    at = now if found is None else found.until
    wall = local(at, zone)
    assert start <= wall.hour < end or (wall.hour, wall.minute) == (
        3,
        0,
    )  # an hour that summer time swallowed
    assert wall.weekday() != 6
    assert now <= at <= now + 4 * DAY


@pytest.mark.parametrize(
    ("words", "key", "time", "arrived", "fulfilled"),
    [
        ("delivery.arrived", "o1", MONDAY, MONDAY, True),
        ("delivery.arrived", "o1", MONDAY - DAY, MONDAY, True),  # news after they had said it
        ("delivery.arrived", "o1", MONDAY - DAY, MONDAY - DAY, False),  # they knew of that one
        ("delivery.arrived o1", "o1", MONDAY - DAY, MONDAY - DAY, True),  # the one they mean is here
        ("delivery.arrived o1", "o2", MONDAY, MONDAY, False),
        ("delivery.lost o1", "o1", MONDAY, MONDAY, False),
    ],
)
def test_what_they_wait_for(words: str, key: str, time: datetime, arrived: datetime, fulfilled: bool) -> None:
    wish = awaited(said(f"wait_for: {words}"))
    assert wish is not None and words in wish.sentence
    came = Event("shop", "e1", "delivery.arrived", "a1", time, arrived, {"order_id": key}, key=key)
    assert wish.is_fulfilled_by([came]) is fulfilled
    assert not wish.is_fulfilled_by([])

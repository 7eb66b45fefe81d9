"""Holds: they end at the first of their ends, come back when a failure reopens, and the longest speaks."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outreach.domain.facts import Purpose
from outreach.domain.hold import Hold, closing, ended, reopening, strongest
from tests.domain.makers import DAY, HOUR, MONDAY


def hold(**changes: Any) -> Hold:
    values: dict[str, Any] = {
        "id": "h1", "run": "r1", "account": "a1", "scope": "account", "because": "late",
        "purposes": (Purpose.MARKETING, Purpose.REORDER), "since": MONDAY, "at_most_until": MONDAY + 30 * DAY,
    }  # fmt: skip
    return Hold(**{**values, **changes})


@pytest.mark.parametrize("purpose", list(Purpose))
def test_only_the_named_purposes_are_withheld(purpose: Purpose) -> None:
    assert hold().covers(purpose, MONDAY) is (purpose in (Purpose.MARKETING, Purpose.REORDER))


@pytest.mark.parametrize(
    ("until", "ends"),
    [
        (None, 30 * DAY),  # the failure is open: only the longest time ends it
        (7 * DAY, 7 * DAY),  # closed, and the cool-off has run
        (40 * DAY, 30 * DAY),  # the longest time comes first
    ],
)
def test_a_hold_ends_at_the_first_of_its_ends(until: Any, ends: Any) -> None:
    held = hold(until=until and MONDAY + until)
    assert held.ends == MONDAY + ends
    assert held.covers(Purpose.MARKETING, held.ends - HOUR)
    assert not held.covers(Purpose.MARKETING, held.ends)  # the end itself is free


def test_a_human_ends_it_with_a_reason_and_the_first_reason_stays() -> None:
    over = ended(hold(), MONDAY + DAY, "asked for the newsletter")
    assert not over.covers(Purpose.MARKETING, MONDAY + DAY)
    assert ended(over, MONDAY + 2 * DAY, "again") is over


def test_closing_starts_the_cool_off() -> None:
    assert closing(hold(), MONDAY + 5 * DAY).ends == MONDAY + 5 * DAY


def test_reopening_puts_it_back_on_and_its_longest_time_counts_anew() -> None:
    over = ended(closing(hold(), MONDAY + DAY), MONDAY + DAY, "closed")
    again = reopening(over, MONDAY + 3 * DAY, MONDAY + 33 * DAY)
    assert again.covers(Purpose.MARKETING, MONDAY + 3 * DAY)
    assert (again.since, again.ends, again.end_reason) == (MONDAY + 3 * DAY, MONDAY + 33 * DAY, "")


def test_the_strongest_is_the_one_that_lasts_longest_among_those_that_cover_now() -> None:
    short, long = hold(id="short", until=MONDAY + DAY), hold(id="long", until=MONDAY + 2 * DAY)
    other = hold(id="other", purposes=(Purpose.WINBACK,))
    over = ended(hold(id="over"), MONDAY, "by hand")
    assert strongest([short, other, long, over], Purpose.MARKETING, MONDAY) is long
    assert strongest([short, long], Purpose.MARKETING, MONDAY + 2 * DAY) is None
    assert strongest([], Purpose.MARKETING, MONDAY) is None


def instants(days: int) -> st.SearchStrategy[datetime]:
    return st.integers(0, days).map(lambda n: MONDAY + n * DAY)


holds = st.builds(
    lambda n, until, most, over: hold(id=f"h{n}", until=until, at_most_until=most, ended_at=over),
    st.integers(0, 9), st.none() | instants(20), instants(20), st.none() | instants(20),
)  # fmt: skip


@given(st.lists(holds, max_size=6), instants(20))
def test_something_is_held_exactly_while_some_hold_covers_it(found: list[Hold], now: datetime) -> None:
    best = strongest(found, Purpose.MARKETING, now)
    assert (best is not None) == any(each.covers(Purpose.MARKETING, now) for each in found)
    if best is not None:
        assert best.ends > now
        assert all(not each.covers(Purpose.MARKETING, best.ends) for each in found)

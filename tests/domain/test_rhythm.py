"""The account's own reorder interval: tables of orders, then what must hold for all of them."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outreach.domain.rhythm import GAPS_KEPT, Rhythm, after_order

FIRST = datetime(2025, 1, 6, 10, 0, tzinfo=UTC)


def ordered(*days: float) -> Rhythm:
    """The rhythm after orders so many days after the first Monday."""
    rhythm = Rhythm()
    for day in days:
        rhythm = after_order(rhythm, FIRST + timedelta(days=day))
    return rhythm


def day(n: float) -> datetime:
    return FIRST + timedelta(days=n)


@pytest.mark.parametrize("days", [(), (0,), (0, 14), (0, 0.1, 0.2, 0.3)])
def test_fewer_than_three_order_days_make_no_rhythm(days: tuple[float, ...]) -> None:
    rhythm = ordered(*days)
    assert not rhythm.known
    assert (rhythm.due_at, rhythm.lapsed_at, rhythm.silent_at) == (None, None, None)
    assert (rhythm.median_days, rhythm.spread_days) == (0, 0)


@pytest.mark.parametrize(
    ("days", "median_days", "spread_days"),
    [
        ((0, 14, 28), 14, 1),  # clockwork still has a day's spread
        ((0, 10, 40), 20, 14.826),
        ((0, 14, 28, 42, 142), 14, 1),  # one long absence does not move the window
        ((0, 7, 21, 28, 42), 10.5, 5.1891),
    ],
)
def test_the_window_is_the_median_gap_and_its_spread(
    days: tuple[float, ...], median_days: float, spread_days: float
) -> None:
    rhythm = ordered(*days)
    assert rhythm.median_days == median_days
    assert rhythm.spread_days == pytest.approx(spread_days)


def test_the_next_order_is_due_then_lapsed_then_the_account_is_silent() -> None:
    rhythm = ordered(0, 14, 28)
    assert rhythm.due_at == day(42)
    assert rhythm.lapsed_at == day(44)
    assert rhythm.silent_at == day(28 + 28 + 2)


def test_two_orders_on_one_day_are_one() -> None:
    assert ordered(0, 14, 14.2, 28) == ordered(0, 14, 28)
    assert ordered(0, 14, 28, 28.1) == Rhythm(3, (14, 14), day(28.1))


def test_a_day_is_a_utc_day_whatever_the_offset() -> None:
    evening = datetime.fromisoformat("2025-01-06T23:30:00-05:00")  # the 7th in UTC
    assert after_order(after_order(Rhythm(), FIRST), evening).gaps == (1,)


def test_only_the_latest_gaps_count_but_all_orders_do() -> None:
    rhythm = ordered(*(7 * n for n in range(10)), *(63 + 30 * n for n in range(1, GAPS_KEPT + 1)))
    assert rhythm.gaps == (30,) * GAPS_KEPT
    assert rhythm.orders == 10 + GAPS_KEPT


def test_an_order_before_the_last_is_refused() -> None:
    with pytest.raises(ValueError, match="sort them by time"):
        after_order(ordered(0, 14), day(13))
    with pytest.raises(ValueError, match="no time zone"):
        after_order(Rhythm(), FIRST.replace(tzinfo=None))


def test_an_order_at_the_end_of_the_calendar_is_never_due_again() -> None:
    rhythm = after_order(ordered(0, 14), datetime(9999, 12, 31, tzinfo=UTC))
    assert rhythm.known
    assert rhythm.due_at is None


order_days = st.lists(st.floats(0, 4000), max_size=40).map(sorted)


@given(order_days)
def test_due_comes_before_lapsed_and_lapsed_not_after_silent(days: list[float]) -> None:
    rhythm = ordered(*days)
    if rhythm.known:
        assert rhythm.last is not None and rhythm.due_at and rhythm.lapsed_at and rhythm.silent_at
        assert rhythm.last < rhythm.due_at
        assert rhythm.due_at + timedelta(days=1) <= rhythm.lapsed_at <= rhythm.silent_at
    assert rhythm.orders == len({day(n).date() for n in days})


@given(order_days)
def test_it_survives_being_written_down(days: list[float]) -> None:
    rhythm = ordered(*days)
    assert Rhythm.from_json(json.loads(json.dumps(rhythm.to_json()))) == rhythm

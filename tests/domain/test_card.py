"""The day's order: severity, the promised hour, age and value. Value orders; it never excludes."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from outreach.domain.card import Line, agenda, rank
from outreach.domain.facts import Severity
from tests.domain.makers import DAY, HOUR, MONDAY

USUAL = 5_000.0


def line(**changes: Any) -> Line:
    values: dict[str, Any] = {
        "touch": "t1", "account": "a1", "severity": Severity.MEDIUM, "due": MONDAY, "deadline": None,
        "sells": False,
    }  # fmt: skip
    return Line(**{**values, **changes})


def weight(**changes: Any) -> float:
    return rank([line(**changes)], MONDAY, USUAL)


def test_worse_comes_first() -> None:
    weights = [weight(severity=severity) for severity in Severity]
    assert weights == sorted(weights)
    assert len(set(weights)) == len(Severity)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({"deadline": MONDAY - HOUR}, {"deadline": MONDAY + HOUR}),  # past its hour
        ({"deadline": MONDAY + HOUR}, {"deadline": MONDAY + 8 * HOUR}),  # nearer its hour
        ({"deadline": MONDAY + 8 * HOUR}, {"deadline": None}),
        ({"known_at": MONDAY - 3 * DAY}, {"known_at": MONDAY - DAY}),  # older
        ({"value": 90_000.0}, {"value": 2_000.0}),
        ({"severity": Severity.HIGH, "value": 0.0}, {"severity": Severity.MEDIUM, "value": 1e9}),
    ],
)
def test_who_is_called_first(first: dict[str, Any], second: dict[str, Any]) -> None:
    assert weight(**first) > weight(**second)


def test_unknown_value_is_not_zero_but_the_usual() -> None:
    assert weight(value=None) == weight(value=USUAL)
    assert weight(value=None) > weight(value=0.0)


def test_a_card_ranks_by_its_most_pressing_line() -> None:
    severe, low = line(severity=Severity.SEVERE), line(severity=Severity.LOW)
    assert rank([low, severe], MONDAY) == rank([severe], MONDAY)
    assert rank([], MONDAY) == 0.0


def test_age_counts_from_when_we_knew_else_from_when_it_was_due() -> None:
    assert weight(due=MONDAY - 2 * DAY) == weight(known_at=MONDAY - 2 * DAY)
    assert weight(due=MONDAY + DAY) == weight(due=MONDAY)  # not yet due is not below zero


values = st.none() | st.floats(0, 1e12)
deadlines = st.none() | st.integers(-500, 500).map(lambda hours: MONDAY + hours * HOUR)
failures = st.builds(
    lambda severity, deadline, value, days: line(
        severity=severity, deadline=deadline, value=value, known_at=MONDAY - days * DAY
    ),
    st.sampled_from(Severity), deadlines, values, st.floats(0, 400),
)  # fmt: skip
selling = st.builds(
    lambda deadline, value: line(sells=True, deadline=deadline, value=value), deadlines, values
)


@given(failures, failures)
def test_in_the_end_age_lifts_a_failure_past_anything(old: Line, other: Line) -> None:
    """However small the account and however slight the failure: after 45 days more nothing is before it."""
    assert old.known_at is not None and other.known_at is not None
    aged = line(severity=old.severity, value=old.value, known_at=other.known_at - timedelta(days=45))
    assert rank([aged], MONDAY, USUAL) > rank([other], MONDAY, USUAL)


@given(failures)
def test_no_value_makes_a_let_down_customer_vanish(failure: Line) -> None:
    assert rank([failure], MONDAY, USUAL) >= 100.0 * failure.severity


@example(line(severity=Severity.LOW, value=0.0), line(sells=True, deadline=MONDAY - DAY))
@given(failures, selling)
def test_no_selling_card_comes_before_a_let_down_customer(failure: Line, sale: Line) -> None:
    assert rank([failure], MONDAY, USUAL) > rank([sale], MONDAY, USUAL)


@given(st.lists(failures | selling, max_size=8))
def test_the_agenda_begins_with_the_worst_and_ends_with_what_sells(lines: list[Line]) -> None:
    order = agenda(lines)
    assert sorted(map(id, order)) == sorted(map(id, lines))
    assert [each.sells for each in order] == sorted(each.sells for each in lines)
    for kind in (False, True):
        severities = [each.severity for each in order if each.sells is kind]
        assert severities == sorted(severities, reverse=True)


def test_of_two_equally_bad_the_older_is_spoken_of_first() -> None:
    new, old = line(touch="a"), line(touch="b", due=MONDAY - DAY)
    assert agenda([new, old]) == [old, new]

"""A failure's machine: what opens, worsens, reaches, closes and reopens it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outreach.domain.facts import Severity
from outreach.domain.failure import (
    Failure,
    FailureState,
    closed,
    failure_id,
    opening_severity,
    raised,
    reopened,
    was_reached,
    worsened,
)
from tests.domain.makers import DAY, HOUR, MONDAY

CLOSED = (FailureState.PUT_RIGHT, FailureState.LET_BE, FailureState.VOID)


def failure(**changes: Any) -> Failure:
    values: dict[str, Any] = {
        "account": "a1", "id": "delivery/o1", "kind": "delivery", "key": "o1", "severity": Severity.MEDIUM,
        "state": FailureState.OPEN, "opened_at": MONDAY, "known_at": MONDAY, "cause": "delivery.delayed",
    }  # fmt: skip
    return Failure(**{**values, **changes})


def test_its_id_is_kind_and_key() -> None:
    assert failure_id("delivery", "o1") == "delivery/o1"


@pytest.mark.parametrize("state", list(FailureState))
def test_only_put_right_let_be_and_void_close_it(state: FailureState) -> None:
    assert failure(state=state).is_open is (state not in CLOSED)


@pytest.mark.parametrize(
    ("rule", "first_order", "nth", "severity"),
    [
        (Severity.LOW, False, 1, Severity.LOW),
        (Severity.LOW, True, 1, Severity.MEDIUM),
        (Severity.LOW, False, 2, Severity.MEDIUM),
        (Severity.LOW, True, 3, Severity.HIGH),
        (Severity.HIGH, True, 2, Severity.SEVERE),  # nothing is worse than severe
        (Severity.SEVERE, True, 5, Severity.SEVERE),
    ],
)
def test_a_first_order_and_a_repetition_weigh_more(
    rule: Severity, first_order: bool, nth: int, severity: Severity
) -> None:
    assert opening_severity(rule, first_order=first_order, nth=nth) is severity


def test_delayed_and_then_lost_is_one_failure_and_the_worse_severity_stays() -> None:
    lost = worsened(failure(), Severity.SEVERE, "delivery.lost")
    assert (lost.severity, lost.cause, lost.round) == (Severity.SEVERE, "delivery.lost", 1)
    assert worsened(lost, Severity.LOW, "delivery.promise_moved").severity is Severity.SEVERE


def test_reaching_them_is_not_putting_it_right() -> None:
    reached = was_reached(failure(), MONDAY + HOUR, MONDAY + DAY)
    assert reached.is_open
    assert (reached.state, reached.spoken) == (FailureState.REACHED, True)
    assert (reached.reached_at, reached.look_again_at) == (MONDAY + HOUR, MONDAY + DAY)
    again = was_reached(reached, MONDAY + 2 * DAY, MONDAY + 4 * DAY)
    assert (again.reached_at, again.look_again_at) == (MONDAY + HOUR, MONDAY + 4 * DAY)


@pytest.mark.parametrize("state", CLOSED)
def test_speaking_of_a_closed_failure_does_not_open_it(state: FailureState) -> None:
    spoken = was_reached(failure(state=state), MONDAY, MONDAY + DAY)
    assert (spoken.state, spoken.spoken, spoken.look_again_at) == (state, True, None)


def test_it_is_not_put_right_means_the_next_round_and_one_worse() -> None:
    over = closed(
        was_reached(failure(climbed=2), MONDAY, MONDAY), FailureState.PUT_RIGHT, MONDAY, "am", "sent"
    )
    assert (over.closed_by, over.reason, over.look_again_at) == ("am", "sent", None)
    again = reopened(over, MONDAY + DAY)
    assert (again.state, again.round, again.severity) == (FailureState.OPEN, 2, Severity.HIGH)
    assert (again.known_at, again.climbed, again.reached_at, again.closed_at) == (MONDAY + DAY, 0, None, None)
    assert again.opened_at == MONDAY  # it is still the same failure
    assert again.spoken


@pytest.mark.parametrize("state", list(FailureState))
def test_one_is_founded_while_an_event_says_that_it_happened(state: FailureState) -> None:
    assert failure(state=state).founded is (state is not FailureState.VOID)
    assert not failure(state=state, cause="").founded


changes = st.lists(
    st.sampled_from(
        [
            lambda f: worsened(f, Severity.SEVERE, "delivery.lost"),
            lambda f: worsened(f, Severity.LOW, "delivery.promise_moved"),
            lambda f: was_reached(f, MONDAY, MONDAY + DAY),
            lambda f: closed(f, FailureState.LET_BE, MONDAY, "ruth", "gone"),
            lambda f: reopened(f, MONDAY),
        ]
    )
)


@given(changes, st.sampled_from(Severity))
def test_severity_and_round_never_sink(told: list[Any], severity: Severity) -> None:
    now = failure(severity=severity)
    for change in told:
        after = change(now)
        assert (after.severity, after.round) >= (now.severity, now.round)
        assert after.spoken or not now.spoken
        now = after


@given(st.sampled_from(Severity), st.integers(0, 9))
def test_nothing_is_raised_beyond_severe(severity: Severity, by: int) -> None:
    assert severity <= raised(severity, by) <= Severity.SEVERE

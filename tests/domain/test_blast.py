"""How far one playbook may reach at once, and for how long a second person's yes holds."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outreach.domain.blast import Answer, Blast, Radius, goes_too_far, let_go, refused, standing
from tests.domain.makers import MONDAY

HUNDRED = Radius(100, timedelta(hours=1))


def blast(state: Answer, may: int = 0) -> Blast:
    return Blast("late", 1, state, MONDAY, 101, may)


@pytest.mark.parametrize(
    ("reached", "stands", "too_far"),
    [
        (1, None, False),
        (100, None, False),
        (101, None, True),
        (5000, blast(Answer.ASKING), False),  # it is being asked, and the run waits with it
        (150, blast(Answer.LET_GO, 202), False),
        (202, blast(Answer.LET_GO, 202), False),
        (203, blast(Answer.LET_GO, 202), True),  # a yes holds for what it named and as much again
        (101, blast(Answer.LET_GO, 50), True),
        (100, blast(Answer.LET_GO, 50), False),  # a yes never makes it narrower than without
        (101, blast(Answer.OVER, 5000), True),
        (101, blast(Answer.REFUSED), True),
    ],
)
def test_when_somebody_has_to_be_asked(reached: int, stands: Blast | None, too_far: bool) -> None:
    assert goes_too_far(HUNDRED, reached, stands) is too_far


def test_a_yes_is_over_once_the_number_has_fallen() -> None:
    yes = let_go(blast(Answer.ASKING), 180, "ruth", "the snow", MONDAY)
    assert (yes.state, yes.may, yes.by) == (Answer.LET_GO, 360, "ruth")
    assert standing(HUNDRED, 101, yes) is yes
    over = standing(HUNDRED, 100, yes)
    assert over is not None and over.state is Answer.OVER
    assert goes_too_far(HUNDRED, 101, over)


@pytest.mark.parametrize(
    "other", [None, blast(Answer.ASKING), refused(blast(Answer.ASKING), "x", "y", MONDAY)]
)
def test_nothing_but_a_yes_is_over_by_itself(other: Blast | None) -> None:
    assert standing(HUNDRED, 1, other) is other


@given(st.lists(st.integers(0, 400), max_size=60), st.integers(1, 200))
def test_nobody_is_reached_beyond_the_radius_without_a_yes(hours: list[int], radius: int) -> None:
    """However the number moves: as long as nobody says yes, whoever is beyond waits."""
    last = None
    for reached in hours:
        last = standing(Radius(radius, HUNDRED.within), reached, last)
        if goes_too_far(Radius(radius, HUNDRED.within), reached, last):
            last = Blast("late", 1, Answer.ASKING, MONDAY, reached)
        waits = last is not None and last.state is Answer.ASKING
        assert waits or reached <= radius

"""Who stands in for whom, at any instant."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outreach.domain.cover import Absence, covers
from tests.domain.makers import DAY, MONDAY


def away(user: str, cover: str, first: int = 0, days: int | None = 7, **more: object) -> Absence:
    since = MONDAY + first * DAY
    return Absence(f"{user}{first}", user, cover, since, since + days * DAY if days else None, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("absences", "days", "found"),
    [
        ([], 0, {}),
        ([away("jonas", "miriam")], 0, {"jonas": "miriam"}),
        ([away("jonas", "miriam")], -1, {}),
        ([away("jonas", "miriam")], 7, {}),  # they are back on that morning
        ([away("jonas", "miriam", days=None)], 900, {"jonas": "miriam"}),  # they have left
        ([away("jonas", "miriam", ended_at=MONDAY)], 1, {}),
        ([away("jonas", "miriam"), away("miriam", "tarek", 3)], 2, {"jonas": "miriam"}),
        ([away("jonas", "miriam"), away("miriam", "tarek", 3)], 4, {"jonas": "tarek", "miriam": "tarek"}),
        ([away("jonas", "miriam"), away("miriam", "jonas")], 1, {}),  # a ring covers nobody
        ([away("a", "b"), away("b", "c"), away("c", "b"), away("d", "e")], 1, {"d": "e"}),
    ],
)
def test_who_stands_in(absences: list[Absence], days: int, found: dict[str, str]) -> None:
    assert covers(absences, MONDAY + days * DAY) == found


NAMES = st.sampled_from("abcdef")


@given(
    st.lists(st.builds(away, NAMES, NAMES, st.integers(-5, 5), st.none() | st.integers(1, 9)), max_size=8),
    st.integers(-9, 9),
)
def test_whoever_stands_in_is_here(absences: list[Absence], days: int) -> None:
    at = MONDAY + timedelta(days=days)
    gone = {one.user for one in absences if one.is_on(at)}
    found = covers(absences, at)
    assert found.keys() <= gone and not set(found.values()) & gone
    assert not [one for one in absences if one.is_over(at) and one.is_on(at)]

"""Counting what came of it: hold-outs apart from those whom we spoke with."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from outreach.domain.measure import Tally, tally
from outreach.domain.plan import Run
from tests.domain.makers import MONDAY, run


def test_hold_outs_are_counted_apart() -> None:
    runs = [
        run(reached=True, success_at=MONDAY),
        run(reached=True),
        run(),
        run(holdout=True, success_at=MONDAY),
        run(playbook="again", holdout=True),
    ]
    assert tally(runs) == [
        Tally("again", runs=1, reached=0, succeeded=0, held_out=1, held_out_succeeded=0),
        Tally("late", runs=4, reached=2, succeeded=1, held_out=1, held_out_succeeded=1),
    ]


def test_a_share_of_nobody_is_no_share() -> None:
    again, late = tally([run(playbook="again", holdout=True), run(success_at=MONDAY), run(), run(), run()])
    assert again.success_share is None
    assert late.success_share == 0.25


def test_nothing_measured_is_an_empty_report() -> None:
    assert tally([]) == []


runs = st.builds(
    lambda name, reached, won, held: run(
        playbook=name, reached=reached, success_at=MONDAY if won else None, holdout=held
    ),
    st.sampled_from(["a", "b", "c"]), st.booleans(), st.booleans(), st.booleans(),
)  # fmt: skip


@given(st.lists(runs, max_size=20))
def test_every_run_is_counted_once_and_shares_are_shares(found: list[Run]) -> None:
    tallies = tally(found)
    assert sum(each.runs for each in tallies) == len(found)
    assert sum(each.succeeded + each.held_out_succeeded for each in tallies) == sum(
        each.success_at is not None for each in found
    )
    for each in tallies:
        assert each.success_share is None or 0 <= each.success_share <= 1

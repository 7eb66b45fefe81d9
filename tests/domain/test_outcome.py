"""Success is credited once, in time, beyond the run's end and for hold-outs alike."""

from __future__ import annotations

from typing import Any

import pytest

from outreach.domain.outcome import credited
from outreach.domain.plan import RunState
from tests.domain.makers import DAY, MONDAY, run

BY = MONDAY + 60 * DAY


@pytest.mark.parametrize(
    ("changes", "days", "counts"),
    [
        ({}, 10, True),
        ({}, 60, True),  # on the last instant
        ({}, 61, False),
        ({}, 0, False),  # the order that started it is not its success
        ({"success_at": MONDAY + DAY}, 10, False),  # once
        ({"success_by": None}, 10, False),  # it measures nothing
        ({"playbook": "other"}, 10, False),
        ({"state": RunState.ENDED, "end_reason": "put_right"}, 10, True),
        ({"state": RunState.ENDED, "end_reason": "holdout", "holdout": True}, 10, True),
    ],
)
def test_what_counts_as_success(changes: dict[str, Any], days: int, counts: bool) -> None:
    before = run(**{"success_by": BY, **changes})
    at = MONDAY + days * DAY
    assert [each.success_at for each in credited([before], ["late"], at)] == ([at] if counts else [])


def test_one_order_may_be_the_success_of_several_runs() -> None:
    runs = [run(id="r1", success_by=BY), run(id="r2", success_by=BY, playbook="lost")]
    assert [each.id for each in credited(runs, ["late", "lost"], MONDAY + DAY)] == ["r1", "r2"]

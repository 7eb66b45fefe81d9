"""One thing that breaks a room is put aside with its reason, and stops nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from outreach.domain.evaluate import Ruleset
from outreach.lab.scratch import Scratch, scratch_house
from outreach.service import sweep, workbench
from tests.faults.crowd import describe, let_down, statuses
from tests.faults.rules import rules
from tests.faults.workload import event
from tests.faults.world import START

DAY = timedelta(days=1)


class Shelf:
    """Where the rules lie; ops may put others there."""

    def __init__(self) -> None:
        self.rules = rules()

    def __call__(self) -> Ruleset:
        return self.rules


@pytest.fixture
def shelf() -> Shelf:
    return Shelf()


@pytest.fixture
def house(shelf: Shelf) -> Iterator[Scratch]:
    with scratch_house(shelf, START) as made:
        describe(made, 3)
        yield made


def test_a_type_taken_out_of_the_vocabulary_does_not_stop_the_clock(house: Scratch, shelf: Shelf) -> None:
    for n in range(3):
        finish = (START - 2 * DAY + n * timedelta(hours=1)).isoformat()
        raw = event(
            "installation.started", f"p{n}-0", f"i{n}", house.now, installation_id=f"i{n}", finish_by=finish
        )
        house.take_in(raw)
    let_down(house, ["p0-0", "p1-0", "p2-0"])
    shelf.rules = rules(undeclared="installation.dragging")
    house.clock.set(START + DAY + timedelta(hours=4))
    raw = event("order.placed", "p1-0", "order", house.now, order_id="x", person_id="p1")
    assert [answer.outcome for answer in house.take_in(raw)] == ["accepted"]
    for _ in range(20):
        if not sweep.tick(house.outside).total:
            break
    else:
        raise AssertionError("it goes round in circles")
    assert statuses(house) == {("email", "sent"): 3, ("sms", "sent"): 3}
    with house.database.view() as unit:
        assert not [due for due in unit.due_rows(START + 99 * DAY, 99) if due.type == "installation.dragging"]
    assert not any(differs for _, differs in workbench.rebuild(house.outside, write=False))


def test_a_run_that_cannot_walk_on_stops_no_other_run(house: Scratch) -> None:
    let_down(house, ["p0-0", "p1-0", "p2-0"])
    house.settle()
    with house.database.unit() as unit:
        unit.bulk.run("update run set trigger_time = -9000000000000000 where account = 'p1-0'")
        unit.bulk.run("update run set step = -9 where account = 'p1-0'")
    house.clock.set(house.now + DAY + timedelta(hours=2))
    for _ in range(20):
        if not sweep.tick(house.outside).total:
            break
    assert statuses(house)["sms", "sent"] == 2

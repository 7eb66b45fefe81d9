"""The scratch house: time jumps from due row to due row, and everything fires at its exact instant."""

from __future__ import annotations

from datetime import timedelta

import pytest

from outreach.domain.facts import CLOCK_SOURCE
from outreach.lab.scratch import SequentialIds, Stuck, VirtualClock
from outreach.service import sweep
from tests.service import world

DAY = timedelta(days=1)


def test_time_does_not_run_backwards() -> None:
    clock = VirtualClock(world.MONDAY)
    clock.set(world.MONDAY + DAY)
    with pytest.raises(ValueError, match="backwards"):
        clock.set(world.MONDAY)


def test_later_ids_sort_later() -> None:
    ids = SequentialIds()
    made = [ids.new() for _ in range(120)]
    assert made == sorted(made)


def test_time_events_happen_at_their_exact_instant_however_far_the_jump() -> None:
    with world.house() as house:
        world.give(house)
        promised = house.now + DAY
        house.take_in(
            world.event(house, "order.placed", "1", order_id="o1", promised_for=promised.isoformat())
        )
        house.advance(30 * DAY)
        with house.database.view() as unit:
            made = [
                e for e in unit.events_of("a1") if e.source == CLOCK_SOURCE and e.type == "delivery.overdue"
            ]
        assert [event.time - promised for event in made] == [1 * DAY, 2 * DAY, 5 * DAY, 10 * DAY]
        assert [event.arrived for event in made] == [event.time for event in made]


def test_a_long_span_without_anything_due_takes_no_tick() -> None:
    with world.house() as house:
        assert house.next_due() is None
        house.advance(10_000 * DAY)
        with house.database.view() as unit:
            assert sweep.CLOCK not in unit.heartbeats()


def test_two_houses_told_the_same_are_the_same() -> None:
    def told() -> list[object]:
        with world.house() as house:
            world.give(house)
            house.take_in(world.event(house, "delivery.lost", "1", order_id="o1"))
            house.advance(20 * DAY)
            return [*world.touches(house), *world.runs(house)]

    assert told() == told()


def test_something_due_that_never_moves_is_said_and_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    with world.house() as house:
        world.give(house)
        house.take_in(world.event(house, "inquiry.received", "1", inquiry_id="i1"))
        monkeypatch.setattr("outreach.lab.scratch.ROUNDS", 3)
        monkeypatch.setattr("outreach.service.sweep.ring", lambda outside, batch: 0)
        with pytest.raises(Stuck, match="does not move"):
            house.advance(3 * DAY)


def test_nothing_is_left_behind() -> None:
    with world.house() as house:
        path = house.database.engine.url.database
    assert path is not None
    from pathlib import Path

    assert not Path(path).parent.exists()

"""What the front door answers, and that a bad item never stops the good ones."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from outreach.lab.scratch import Scratch, cloud_event
from outreach.service import quarantine, workbench
from outreach.service.intake import Answer, take_in
from tests.service import world

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def late(house: Scratch, id_: str = "1", days: float = 3, **more: Any) -> dict[str, Any]:
    return cloud_event(
        "delivery.delayed",
        "a1",
        {"order_id": "o1", "days_late": days},
        id_,
        more.pop("time", house.now),
        **more,
    )


def outcomes(answers: list[Answer]) -> list[str]:
    return [answer.outcome for answer in answers]


def current(house: Scratch, ref: str = "erp|1") -> Any:
    with house.database.view() as unit:
        return unit.event(ref)


# -- known already -------------------------------------------------------------------------------------


def test_the_same_event_twice_is_a_duplicate_and_one_run() -> None:
    with world.house() as house:
        world.give(house)
        assert outcomes(house.take_in(late(house), late(house))) == ["accepted", "duplicate"]
        assert outcomes(house.take_in(late(house))) == ["duplicate"]
        assert len(world.runs(house)) == 1


def test_the_same_instant_in_another_zone_is_the_same_content() -> None:
    with world.house() as house:
        world.give(house)
        event = late(house)
        house.take_in(event)
        assert outcomes(house.take_in({**event, "time": "2026-03-02T09:00:00+01:00"})) == ["duplicate"]


def test_new_content_is_a_revision_and_an_earlier_content_is_none() -> None:
    with world.house() as house:
        world.give(house)
        house.take_in(late(house, days=3))
        assert outcomes(house.take_in(late(house, days=5))) == ["revised"]
        assert outcomes(house.take_in(late(house, days=3))) == ["duplicate"], "content already seen"
        assert current(house).data["days_late"] == 5


def test_two_contents_in_one_batch_are_told_as_if_they_came_one_by_one() -> None:
    with world.house() as house:
        world.give(house)
        assert outcomes(house.take_in(late(house, days=3), late(house, days=1))) == ["accepted", "revised"]
        assert outcomes(house.take_in(late(house, days=3))) == ["duplicate"]
        assert current(house).data["days_late"] == 1
        assert world.touches(house) == []


@pytest.mark.parametrize("order", [(1, 2, 3), (3, 2, 1), (2, 3, 1), (3, 1, 2)])
def test_the_greatest_sequence_is_the_current_content_in_whatever_order_they_come(
    order: tuple[int, ...],
) -> None:
    days = {1: 3, 2: 5, 3: 3}
    """The third goes back to the first content: only a sequence can say so."""
    with world.house() as house:
        world.give(house)
        for number in order:
            house.take_in(late(house, days=days[number], sequence=str(number)))
        assert current(house).data["days_late"] == 3
        house.take_in(late(house, days=5, sequence="2"))
        assert current(house).data["days_late"] == 3


def test_sequences_that_are_whole_numbers_compare_as_numbers() -> None:
    with world.house() as house:
        world.give(house)
        house.take_in(late(house, days=5, sequence="10"), late(house, days=3, sequence="9"))
        assert current(house).data["days_late"] == 5


def test_without_sequence_the_later_time_is_current() -> None:
    with world.house() as house:
        world.give(house)
        house.take_in(late(house, days=5, time=house.now - HOUR), late(house, days=3, time=house.now - DAY))
        assert current(house).data["days_late"] == 5


# -- parked --------------------------------------------------------------------------------------------


def test_the_future_waits_for_its_time_and_then_enters_by_the_same_door() -> None:
    with world.house() as house:
        world.give(house)
        soon = late(house, time=house.now + DAY)
        assert house.take_in(soon) == [Answer("parked", ("future",))]
        assert outcomes(house.take_in(soon)) == ["duplicate"]
        assert world.runs(house) == []
        house.advance(DAY)
        assert world.run_of(house, "late-delivery").started_at == house.now
        assert world.failure(house, "delivery/o1").known_at == house.now


def test_clocks_that_differ_by_minutes_are_no_future() -> None:
    with world.house() as house:
        world.give(house)
        assert outcomes(house.take_in(late(house, time=house.now + timedelta(minutes=4)))) == ["accepted"]


def test_an_unknown_account_keeps_its_events_waiting_until_it_appears() -> None:
    with world.house() as house:
        assert house.take_in(late(house)) == [Answer("parked", ("unknown_account",))]
        house.advance(DAY)
        world.give(house)
        assert [run.playbook for run in world.runs(house)] == ["late-delivery"]
        assert world.failure(house, "delivery/o1") is not None


def test_account_and_event_may_come_in_one_batch() -> None:
    with world.house() as house:
        account = world.event(house, "account.described", "acc", "a1", name="Anna", team="berlin")
        assert outcomes(house.take_in(late(house), account)) == ["accepted", "accepted"]
        assert world.failure(house, "delivery/o1") is not None


def test_a_newer_content_of_what_waits_takes_its_place_and_an_older_one_does_not() -> None:
    with world.house() as house:
        for days, sequence in ((3, "1"), (5, "3"), (4, "2")):
            house.take_in(late(house, days=days, sequence=sequence))
        world.give(house)
        assert current(house).data["days_late"] == 5


def test_an_event_revised_to_an_unknown_account_waits_for_that_one() -> None:
    with world.house() as house:
        world.give(house)
        house.take_in(late(house))
        assert outcomes(house.take_in({**late(house), "subject": "a2"})) == ["revised"]
        assert world.failure(house, "delivery/o1").state == "void"
        assert world.run_of(house, "late-delivery").end_reason == "withdrawn"
        world.give(house, "a2", person="berta")
        assert world.failure(house, "delivery/o1", "a2").state == "open"


# -- quarantined ---------------------------------------------------------------------------------------

BAD: list[tuple[dict[str, Any], str]] = [
    ({"type": "delivery.delayd"}, "did you mean delivery.delayed"),
    ({"data": {"days_late": 3}}, "data.order_id: required"),
    ({"data": {"order_id": "o1", "days_late": "three"}}, "data.days_late: must be a number"),
    ({"data": []}, "data: must be a JSON object"),
    ({"time": "yesterday"}, "time: must be RFC 3339"),
    ({"time": "2026-03-02T09:00:00"}, "time: must be RFC 3339"),
    ({"subject": ""}, "subject: required"),
    ({"id": "a|b"}, "id: at most"),
    ({"type": "failure.put_right", "data": {"failure": "delivery/o1"}}, "not accepted from outside"),
]  # fmt: skip


@pytest.mark.parametrize(("change", "reason"), BAD, ids=[reason for _, reason in BAD])
def test_a_bad_item_is_kept_with_its_reasons_and_stops_nobody(change: dict[str, Any], reason: str) -> None:
    with world.house() as house:
        world.give(house)
        answers = take_in(house.outside, [{**late(house, "bad"), **change}, late(house, "good")])
        assert outcomes(answers) == ["quarantined", "accepted"]
        assert reason in "; ".join(answers[0].reasons)
        assert len(world.runs(house)) == 1


def test_a_mended_item_goes_in_again() -> None:
    with world.house() as house:
        world.give(house)
        house.take_in({**late(house), "data": {}})
        with house.database.view() as unit:
            ((id_,),) = unit.bulk.rows("select id from quarantine where status = 'open'")
        mended = '{"id": "1", "source": "erp", "type": "delivery.delayed", "subject": "a1", "data": {"order_id": "o1", "days_late": 3}}'
        assert quarantine.replay(house.outside, id_, mended, "ops").outcome == "accepted"


# -- keys that others choose ---------------------------------------------------------------------------


@pytest.mark.parametrize("key", ["x" * 3000, "a|b", "a/b", "ü\n\t", "o1"])
def test_whatever_key_a_source_chooses_time_makes_its_events(key: str) -> None:
    with world.house() as house:
        world.give(house)
        promised = (house.now + HOUR).isoformat()
        house.take_in(world.event(house, "order.placed", "1", order_id=key, promised_for=promised))
        house.advance(3 * DAY)
        assert world.failure(house, f"delivery/{key}").state == "open"


def test_two_accounts_may_use_the_same_key() -> None:
    with world.house() as house:
        promised = (house.now + HOUR).isoformat()
        for account in ("a1", "a2"):
            world.give(house, account, person=f"p-{account}")
            house.take_in(world.event(house, "order.placed", f"f-{account}", account, order_id="o0"))
            house.take_in(
                world.event(
                    house, "order.placed", f"e-{account}", account, order_id="o1", promised_for=promised
                )
            )
        house.advance(3 * DAY)
        for account in ("a1", "a2"):
            assert world.failure(house, "delivery/o1", account).state == "open"
            assert world.run_of(house, "late-delivery", account).is_open


def test_a_date_that_was_given_after_it_had_passed_is_overdue_at_once() -> None:
    with world.house() as house:
        world.give(house)
        promised = (house.now - 3 * DAY).isoformat()
        house.take_in(world.event(house, "order.placed", "0", order_id="o0"))
        house.take_in(world.event(house, "order.placed", "1", order_id="o1", promised_for=promised))
        house.advance(HOUR)
        assert world.run_of(house, "late-delivery").is_open
        assert not any(differs for _, differs in workbench.rebuild(house.outside, write=False))


def test_an_arrival_in_the_very_moment_in_which_it_would_be_overdue_is_in_time() -> None:
    for source in ("erp", "zzz"):
        with world.house() as house:
            world.give(house)
            promised = house.now + HOUR
            house.take_in(
                world.event(house, "order.placed", "1", order_id="o1", promised_for=promised.isoformat())
            )
            house.advance_to(promised + DAY)
            arrived = world.event(house, "delivery.arrived", "2", time=promised + DAY, order_id="o1")
            house.take_in({**arrived, "source": source})
            assert world.failure(house, "delivery/o1").state == "void", source

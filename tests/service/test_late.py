"""Late and revised events: what they justify is compared with what is stored, and what has left stays."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from outreach.domain.facts import Purpose
from outreach.domain.talk import Outcome
from outreach.domain.touch import Disposition, Status
from outreach.lab.scratch import Scratch
from outreach.service import care, desk, outcomes, workbench
from tests.service import world
from tests.service.world import event, failure, give, house, run_of, runs, touches

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def late(home: Scratch, days: float, id_: str = "1", order: str = "o1", **more: Any) -> Any:
    return event(
        home, "delivery.delayed", id_, time=more.pop("time", None), order_id=order, days_late=days, **more
    )


def held(home: Scratch) -> bool:
    (answer,) = care.may_send(home.outside, [care.Asked(Purpose.MARKETING, person="anna")])
    return answer.answer == "hold"


def card(home: Scratch) -> str:
    (found,) = [touch.card for touch in touches(home) if touch.status is Status.ON_DESK]
    assert found is not None
    return found


def no_difference(home: Scratch) -> bool:
    return not any(differs for _, differs in workbench.rebuild(home.outside, write=False))


# -- no longer justified -------------------------------------------------------------------------------


def test_a_run_that_is_no_longer_justified_is_withdrawn_and_its_failure_stays_on_the_board() -> None:
    with house() as home:
        give(home, tier="standard")
        home.take_in(late(home, 3))
        home.take_in(late(home, 1))
        assert run_of(home, "late-delivery").end_reason == "withdrawn"
        assert [t.settlement for t in touches(home)] == ["withdrawn"]
        assert failure(home, "delivery/o1").is_open
        assert held(home), "the failure is still open"
        assert no_difference(home)


def test_a_failure_that_never_was_is_void_and_its_hold_is_gone_at_once() -> None:
    with house() as home:
        give(home)
        home.take_in(late(home, 3))
        home.take_in({**late(home, 3), "type": "delivery.shipped", "data": {"order_id": "o1"}})
        assert failure(home, "delivery/o1").state == "void"
        assert not held(home)
        assert no_difference(home)


def test_justified_again_is_the_same_run_with_its_hold_and_its_call() -> None:
    with house() as home:
        give(home)
        for days in (3, 1, 4):
            home.take_in(late(home, days))
            home.settle()
        (run,) = runs(home)
        assert run.is_open
        assert [t.status for t in touches(home)] == [Status.SETTLED, Status.ON_DESK]
        assert held(home)


def test_the_key_of_a_withdrawn_run_is_free_for_another_event() -> None:
    with house() as home:
        give(home, tier="standard")
        home.take_in(late(home, 3))
        home.take_in(late(home, 1))
        home.advance(HOUR)
        home.take_in(late(home, 4, "2"))
        (run,) = runs(home)
        assert run.is_open
        assert run.trigger == "erp|2"


def test_a_late_event_that_disproves_the_trigger_withdraws_what_time_made() -> None:
    with house() as home:
        give(home)
        promised = home.now + HOUR
        home.take_in(event(home, "order.placed", "0", order_id="o0"))  # so that o1 is not their first
        home.take_in(event(home, "order.placed", "1", order_id="o1", promised_for=promised.isoformat()))
        home.advance(4 * DAY)
        assert run_of(home, "late-delivery").is_open
        home.take_in(
            event(home, "delivery.arrived", "2", time=promised - HOUR / 2, order_id="o1", days_late=0)
        )
        assert run_of(home, "late-delivery").end_reason == "withdrawn"
        assert failure(home, "delivery/o1").state == "void"
        assert no_difference(home)


def test_a_call_that_somebody_has_opened_stays_and_says_what_changed() -> None:
    with house() as home:
        give(home, tier="standard")
        home.take_in(late(home, 3))
        desk.claim(home.outside, card(home), "jonas")
        home.take_in(late(home, 1))
        (touch,) = touches(home)
        assert touch.status is Status.ON_DESK
        assert touch.text and "taken back" in touch.text
        outcomes.settle(home.outside, card(home), "jonas", Outcome(Disposition.NO_ANSWER))
        home.advance(5 * DAY)
        assert [t.status for t in touches(home)] == [Status.SETTLED], "its ladder does not go on"


def test_what_has_left_is_never_repeated() -> None:
    with house() as home:
        give(home, tier="standard")
        home.take_in(late(home, 3))
        desk.claim(home.outside, card(home), "jonas")
        outcomes.settle(home.outside, card(home), "jonas", Outcome(Disposition.REACHED))
        home.advance(HOUR)
        home.take_in(late(home, 1, time=home.now - HOUR))
        home.take_in(late(home, 5, time=home.now - HOUR))
        home.settle()
        assert run_of(home, "late-delivery").is_open
        assert [t.status for t in touches(home)] == [Status.SETTLED]


def test_a_failure_that_somebody_has_spoken_of_stays_until_a_human_closes_it() -> None:
    with house() as home:
        give(home)
        home.take_in(late(home, 3))
        desk.claim(home.outside, card(home), "jonas")
        outcomes.settle(home.outside, card(home), "jonas", Outcome(Disposition.REACHED))
        home.take_in({**late(home, 3), "type": "delivery.shipped", "data": {"order_id": "o1"}})
        assert failure(home, "delivery/o1").state == "reached"
        assert no_difference(home)
        desk.put_right(home.outside, "a1", "delivery/o1", "jonas", "customer", "")
        assert failure(home, "delivery/o1").state == "put_right"
        assert no_difference(home)


# -- newly justified -----------------------------------------------------------------------------------


def test_a_late_event_that_completes_a_condition_starts_what_came_after_it() -> None:
    rules = world.rules_with({"second": """
purpose: service_recovery
severity: high
when: complaint.opened
if: count("delivery.delayed", "30d") >= 1
steps: [{call: hurt_person, brief: x/call.md}]
"""})  # fmt: skip
    with house(rules) as home:
        give(home)
        home.take_in(event(home, "complaint.opened", "1", complaint_id="c1"))
        assert runs(home) == []
        home.take_in(late(home, 1, "2", time=home.now - DAY))
        assert run_of(home, "second").trigger == "erp|1"


def test_an_earlier_event_of_the_same_key_becomes_the_runs_trigger() -> None:
    with house() as home:
        give(home)
        home.take_in(late(home, 3, "2"))
        home.take_in(late(home, 5, "1", time=home.now - DAY))
        (run,) = runs(home)
        assert run.trigger == "erp|1"
        assert len(touches(home)) == 1


def test_due_times_count_from_arrival() -> None:
    with house() as home:
        give(home)
        home.take_in(late(home, 3, time=home.now - 3 * DAY))
        (touch,) = touches(home)
        assert touch.due == home.now
        assert touch.deadline == home.now + 4 * HOUR


def test_too_old_on_arrival_is_folded_owed_and_starts_nothing() -> None:
    with house() as home:
        give(home)
        home.take_in(late(home, 3, time=home.now - 15 * DAY))
        assert runs(home) == []
        home.advance(10 * DAY)
        owed = failure(home, "delivery/o1")
        assert owed.is_open
        assert owed.owed
        assert owed.climbed == 0
        assert [row.account for row in workbench.owed(home.outside)] == ["a1"]
        with home.database.view() as unit:
            assert [d.outcome for d in unit.decisions_of("a1")] == ["too_late"]


def test_an_owed_failure_that_is_released_climbs_from_then_on() -> None:
    with house() as home:
        give(home)
        home.take_in(late(home, 3, time=home.now - 15 * DAY))
        desk.tell(home.outside, "failure.released", "a1", {"failure": "delivery/o1", "by": "ruth"}, "ruth")
        home.advance(5 * HOUR)
        assert failure(home, "delivery/o1").climbed == 1


def test_fresh_news_of_an_owed_failure_puts_it_on_the_board() -> None:
    with house() as home:
        give(home)
        home.take_in(late(home, 3, time=home.now - 15 * DAY))
        home.take_in(event(home, "delivery.lost", "2", order_id="o1"))
        assert not failure(home, "delivery/o1").owed
        assert run_of(home, "missed-or-lost-delivery").is_open
        home.advance(5 * HOUR)
        assert failure(home, "delivery/o1").climbed == 1


def test_a_late_event_starts_nothing_for_what_has_become_old_meanwhile() -> None:
    rules = world.rules_with({"second": """
purpose: service_recovery
severity: high
when: complaint.opened
if: seen("delivery.delayed", within="90d")
steps: [{call: hurt_person, brief: x/call.md}]
"""})  # fmt: skip
    with house(rules) as home:
        give(home)
        home.take_in(event(home, "complaint.opened", "1", complaint_id="c1"))
        home.advance(40 * DAY)
        home.take_in(late(home, 1, "2", time=home.now - 41 * DAY))
        assert runs(home) == []


# -- displaced, and back -------------------------------------------------------------------------------


def test_a_run_goes_on_when_what_superseded_it_was_taken_back() -> None:
    with house() as home:
        give(home)
        home.take_in(late(home, 3, "1"))
        home.advance(HOUR)
        home.take_in(event(home, "delivery.lost", "2", order_id="o1"))
        assert run_of(home, "late-delivery").end_reason == "superseded"
        home.take_in({**event(home, "delivery.shipped", "2", order_id="o1")})
        assert run_of(home, "late-delivery").is_open
        assert run_of(home, "missed-or-lost-delivery").end_reason == "withdrawn"


def test_a_superseding_run_that_is_there_first_supersedes_just_the_same() -> None:
    with house() as home:
        give(home)
        home.take_in(event(home, "delivery.lost", "2", order_id="o1"))
        home.advance(HOUR)
        home.take_in(late(home, 3, "1"))
        assert run_of(home, "late-delivery").end_reason == "superseded"
        assert [t.status for t in touches(home) if t.is_open] == [Status.ON_DESK]


def test_a_word_that_closed_it_and_was_taken_back_opens_it_again() -> None:
    with house() as home:
        give(home)
        home.take_in(late(home, 3))
        said = event(
            home,
            "failure.put_right",
            "2",
            time=home.now + timedelta(minutes=1),
            failure="delivery/o1",
            said_by="customer",
        )
        home.take_in(said)
        assert run_of(home, "late-delivery").end_reason == "put_right"
        home.take_in({**said, "data": {"failure": "delivery/o2", "said_by": "customer"}})
        assert run_of(home, "late-delivery").is_open
        assert failure(home, "delivery/o1").is_open
        assert held(home)


def test_an_old_reminder_heard_again_does_not_bring_the_card_back_twice() -> None:
    with house() as home:
        give(home)
        home.take_in(late(home, 3))
        desk.claim(home.outside, card(home), "jonas")
        outcomes.settle(home.outside, card(home), "jonas", Outcome(Disposition.REACHED))
        home.advance(2 * DAY)
        desk.claim(home.outside, card(home), "jonas")
        outcomes.settle(home.outside, card(home), "jonas", Outcome(Disposition.REACHED))
        open_ = [touch for touch in touches(home) if touch.is_open]
        home.take_in(event(home, "order.placed", "9", time=home.now - 3 * DAY, order_id="o9"))
        assert [touch for touch in touches(home) if touch.is_open] == open_


def test_a_late_event_does_not_stop_what_a_later_round_writes_by_an_old_reply() -> None:
    with house() as home:
        give(home)
        home.take_in(late(home, 3))
        home.take_in(
            event(
                home,
                "message.received",
                "2",
                time=home.now + timedelta(minutes=1),
                person_id="anna",
                text="?",
            )
        )
        home.advance(HOUR)
        desk.put_right(home.outside, "a1", "delivery/o1", "jonas", "customer", "")
        home.advance(HOUR)
        desk.not_right(home.outside, "a1", "delivery/o1", "jonas", "no")
        before = run_of(home, "late-delivery")
        home.take_in(event(home, "order.placed", "9", time=home.now - DAY, order_id="o9"))
        assert run_of(home, "late-delivery") == before

"""Runs walking their steps: ladders, other runs of the same playbook, whom a step goes to, whose card it is."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from outreach.domain.errors import Refused
from outreach.domain.evaluate import Ruleset
from outreach.domain.talk import Outcome
from outreach.domain.touch import Disposition, Status, Touch
from outreach.lab.scratch import Scratch
from outreach.service import desk, outcomes
from tests.service import world
from tests.service.world import event, failure, give, give_person, house, run_of, runs, statuses, touches

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
CALL = "steps: [{call: hurt_person, brief: x/call.md}]\n"


def playbook(
    text: str, head: str = "purpose: callback\nseverity: low\nwhen: order.placed\nhold: none\n"
) -> Ruleset:
    return world.rules_with({"it": head + text})


def ordered(home: Scratch, id_: str, order: str | None = None, **more: Any) -> None:
    home.take_in(event(home, "order.placed", id_, order_id=order or id_, **more))
    home.settle()


def card(home: Scratch, account: str = "a1") -> str:
    cards = {touch.card for touch in touches(home, account) if touch.status is Status.ON_DESK}
    (found,) = cards
    assert found is not None
    return found


def say(home: Scratch, disposition: Disposition, by: str = "jonas") -> None:
    outcomes.settle(home.outside, card(home), by, Outcome(disposition))
    home.settle()


def decisions(home: Scratch) -> list[str]:
    with home.database.view() as unit:
        return [decision.outcome for decision in reversed(unit.decisions_of("a1"))]


# -- the ladder ----------------------------------------------------------------------------------------


def test_three_times_nobody_answers_and_the_failure_stays_open() -> None:
    with house() as home:
        give(home)
        home.advance(HOUR)
        home.take_in(event(home, "delivery.damaged", "1", order_id="o1"))
        for attempt in range(1, 4):
            assert [t.attempt for t in touches(home) if t.status is Status.ON_DESK] == [attempt]
            say(home, Disposition.NO_ANSWER)
            home.advance(DAY)
        calls = [touch for touch in touches(home) if touch.channel.value == "call"]
        assert [touch.settlement for touch in calls] == ["unreached"] * 3
        assert run_of(home, "damaged-goods").attempts == 3
        assert failure(home, "delivery/o1").state == "open"
        home.advance(10 * DAY)
        assert not [t for t in touches(home) if t.status is Status.ON_DESK]


def test_a_voicemail_is_counted_so_that_it_is_left_once() -> None:
    with house() as home:
        give(home)
        home.advance(HOUR)
        home.take_in(event(home, "delivery.damaged", "1", order_id="o1"))
        say(home, Disposition.VOICEMAIL)
        home.advance(DAY)
        (again,) = [touch for touch in touches(home) if touch.status is Status.ON_DESK]
        assert again.voicemails == 1


def test_the_next_attempt_comes_in_the_teams_time() -> None:
    with house() as home:
        give(home)
        home.advance(4 * DAY + HOUR)  # Friday 10:00
        home.take_in(event(home, "delivery.damaged", "1", order_id="o1"))
        say(home, Disposition.NO_ANSWER)
        (planned,) = [touch for touch in touches(home) if touch.status is Status.PLANNED]
        assert planned.due - home.now == 3 * DAY


def test_do_not_call_is_an_opt_out_and_prefers_sms_is_a_preference() -> None:
    with house() as home:
        give(home)
        home.take_in(event(home, "delivery.damaged", "1", order_id="o1"))
        say(home, Disposition.DO_NOT_CALL)
        with home.database.view() as unit:
            assert "call" in unit.people(["anna"])["anna"].opted_out


# -- other runs of the same playbook -------------------------------------------------------------------


def test_ignore_starts_no_second_run_while_one_is_open() -> None:
    with house(playbook("if_running: ignore\n" + CALL)) as home:
        give(home)
        ordered(home, "1")
        home.advance(HOUR)
        ordered(home, "2")
        assert len(runs(home)) == 1
        assert decisions(home) == ["started", "if_running"]
        say(home, Disposition.REACHED)
        home.advance(HOUR)
        ordered(home, "3")
        assert len(runs(home)) == 2


def test_a_run_that_only_waits_in_its_last_step_does_not_count_as_open() -> None:
    steps = "steps: [{call: hurt_person, brief: x/call.md}, {wait: 30d}]\n"
    with house(playbook("if_running: ignore\n" + steps)) as home:
        give(home)
        ordered(home, "1")
        say(home, Disposition.REACHED)
        home.advance(HOUR)
        ordered(home, "2")
        assert [run.is_open for run in runs(home)] == [True, True]


def test_restart_ends_the_run_before() -> None:
    with house(playbook("if_running: restart\n" + CALL)) as home:
        give(home)
        ordered(home, "1")
        home.advance(HOUR)
        ordered(home, "2")
        assert [run.end_reason for run in runs(home)] == ["restarted", ""]
        assert statuses(home) == [("call", "settled"), ("call", "on_desk")]


def test_a_step_may_be_the_managers() -> None:
    steps = "steps: [{call: hurt_person, by: manager, within: 4h, brief: x/call.md}, {call: hurt_person, after: 1h}]\n"
    with house(playbook("if_running: parallel\n" + steps)) as home:
        give(home)
        ordered(home, "1")
        home.advance(2 * HOUR)
        assert [touch.caller for touch in touches(home)] == ["ruth", "jonas"]


def test_parallel_runs_share_the_card() -> None:
    with house(playbook(CALL)) as home:
        give(home)
        ordered(home, "1")
        ordered(home, "2")
        assert len(touches(home)) == 2
        assert card(home)


def test_a_cooldown_counts_from_the_last_runs_start() -> None:
    with house(playbook("cooldown: 3d\n" + CALL)) as home:
        give(home)
        ordered(home, "1")
        home.advance(2 * DAY)
        ordered(home, "2")
        home.advance(2 * DAY)
        ordered(home, "3")
        assert decisions(home) == ["started", "cooldown", "started"]


def test_one_run_per_key_for_ever() -> None:
    with house(playbook("once_per: event.order_id\n" + CALL)) as home:
        give(home)
        ordered(home, "1", "o1")
        say(home, Disposition.REACHED)
        home.advance(300 * DAY)
        ordered(home, "2", "o1")
        assert decisions(home) == ["started", "once_per"]


def test_a_field_that_is_missing_starts_nothing_and_is_recorded() -> None:
    with house(playbook("if: event.amount > 100\n" + CALL)) as home:
        give(home)
        ordered(home, "1")
        assert runs(home) == []
        assert decisions(home) == ["cannot_tell"]


def test_the_held_out_are_measured_and_not_contacted() -> None:
    head = "purpose: winback\nseverity: low\nwhen: quote.lost\n"
    with house(playbook("holdout: 50\nsuccess: {event: order.placed, within: 30d}\n" + CALL, head)) as home:
        for number in range(12):
            account = f"a{number}"
            give(home, account, person=f"p{number}")
            home.take_in(event(home, "quote.lost", f"q{number}", account, quote_id="q"))
        home.advance(DAY)
        for number in range(12):
            home.take_in(event(home, "order.placed", f"o{number}", f"a{number}", order_id="o"))
        all_ = [run for number in range(12) for run in runs(home, f"a{number}")]
        held = [run for run in all_ if run.holdout]
        assert 0 < len(held) < len(all_) == 12
        assert all(run.success_at == home.now for run in all_)
        assert not any(touches(home, run.account) for run in held)


# -- steps ---------------------------------------------------------------------------------------------


def test_a_wait_ends_with_its_event_or_its_time() -> None:
    steps = "steps: [{wait: 5d, for: delivery.arrived}, {call: hurt_person, brief: x/call.md}]\n"
    for arrives in (True, False):
        with house(playbook(steps)) as home:
            give(home)
            ordered(home, "1", "o1")
            home.advance(DAY)
            if arrives:
                home.take_in(event(home, "delivery.arrived", "2", order_id="o1"))
            assert bool(touches(home)) is arrives
            home.advance(4 * DAY)
            assert len(touches(home)) == 1


def test_after_counts_from_the_step_before_and_leaves_its_card_open() -> None:
    steps = "steps: [{call: hurt_person, brief: x/call.md}, {task: find the pallet, for: owner, after: 1d}]\n"
    with house(playbook(steps)) as home:
        give(home)
        ordered(home, "1")
        assert len(touches(home)) == 1
        home.advance(DAY)
        assert statuses(home) == [("call", "on_desk"), ("task", "on_desk")]


def test_without_after_a_step_waits_until_the_one_before_has_settled() -> None:
    steps = (
        "steps: [{task: find the pallet, for: owner, within: 2d}, {call: hurt_person, brief: x/call.md}]\n"
    )
    with house(playbook(steps)) as home:
        give(home)
        ordered(home, "1")
        home.advance(30 * DAY)
        assert statuses(home) == [("task", "on_desk")]
        (task,) = touches(home)
        outcomes.settle(
            home.outside, task.card or "", "jonas", Outcome(Disposition.REACHED, touches=[task.id])
        )
        assert statuses(home) == [("task", "settled"), ("call", "on_desk")]


def test_a_run_without_a_failure_ends_with_its_last_open_touch() -> None:
    with house(playbook(CALL)) as home:
        give(home)
        ordered(home, "1")
        home.advance(5 * DAY)
        assert run_of(home, "it").is_open
        say(home, Disposition.REACHED)
        assert run_of(home, "it").end_reason == "completed"


# -- whom and whose ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("whom", "expected"),
    [
        ("payer", "paula"),
        ("[decision_maker, payer]", "paula"),
        ("[payer, buyer]", "paula"),
        ("buyer", "anna"),
        ("hurt_person", "anna"),
    ],
)
def test_a_list_of_roles_is_tried_in_order(whom: str, expected: str) -> None:
    with house(playbook(f"steps: [{{call: {whom}, brief: x/call.md}}]\n")) as home:
        give(home)
        give_person(home, "paula", ["a1"], "payer")
        ordered(home, "1")
        assert [touch.person for touch in touches(home)] == [expected]


def test_the_hurt_person_is_the_one_the_event_names() -> None:
    with house(playbook(CALL)) as home:
        give(home)
        give_person(home, "paula", ["a1"], "payer")
        ordered(home, "1", person_id="paula")
        assert [touch.person for touch in touches(home)] == ["paula"]


def test_where_we_know_no_one_the_account_itself_has_a_card() -> None:
    with house(playbook(CALL)) as home:
        give(home, person=None)
        ordered(home, "1")
        (touch,) = touches(home)
        assert (touch.person, touch.identity, touch.status) == (None, "account:a1", Status.ON_DESK)


def test_one_human_at_two_accounts_has_one_card() -> None:
    with house() as home:
        give(home, "a1", person=None)
        give(home, "a2", person=None)
        give_person(home, "karl", ["a1", "a2"])
        home.take_in(event(home, "delivery.damaged", "1", "a1", order_id="o1", person_id="karl"))
        home.take_in(event(home, "delivery.lost", "2", "a2", order_id="o2", person_id="karl"))
        assert card(home, "a1") == card(home, "a2")
        outcomes.settle(home.outside, card(home, "a1"), "jonas", Outcome(Disposition.REACHED))
        assert failure(home, "delivery/o1", "a1").state == "reached"
        assert failure(home, "delivery/o2", "a2").state == "reached"


def test_a_card_is_claimed_by_one_at_a_time() -> None:
    with house(playbook(CALL)) as home:
        give(home)
        ordered(home, "1")
        desk.claim(home.outside, card(home), "jonas")
        with pytest.raises(Refused, match="jonas has this card"):
            desk.claim(home.outside, card(home), "miriam")
        with pytest.raises(Refused):
            outcomes.settle(home.outside, card(home), "miriam", Outcome(Disposition.REACHED))
        desk.let_go(home.outside, card(home), "jonas")
        assert desk.claim(home.outside, card(home), "miriam").claimed_by == "miriam"


def test_selling_lines_are_locked_while_something_is_broken() -> None:
    """They lie on the same card, and the outcome of the apology does not settle them."""
    selling = "purpose: winback\nseverity: low\nwhen: quote.lost\nhold: none\n" + CALL
    broken = "purpose: service_recovery\nseverity: high\nwhen: delivery.lost\nhold: none\n" + CALL
    with house(world.rules_with({"sell": selling, "sorry": broken})) as home:
        give(home)
        consent = {"person_id": "anna", "purpose": "marketing", "channel": "call", "basis": "express"}
        home.take_in(world.event(home, "consent.given", "c", "person:anna", **consent))
        home.take_in(event(home, "quote.lost", "1", quote_id="q1"))
        home.take_in(event(home, "delivery.lost", "2", order_id="o1"))
        outcomes.settle(home.outside, card(home), "jonas", Outcome(Disposition.REACHED))
        sell = run_of(home, "sell")
        assert [t.status for t in touches(home) if t.run == sell.id] == [Status.ON_DESK]


PROMISES = """
purpose: service_recovery
severity: high
when: [delivery.delayed, delivery.lost]
if_running: restart
hold: none
steps: [{call: hurt_person, within: 4h, brief: x/call.md}]
"""


def _late_then_lost(home: Scratch) -> Touch:
    give(home)
    home.take_in(event(home, "delivery.delayed", "1", order_id="o1", days_late=1))
    home.advance(HOUR)
    home.take_in(event(home, "delivery.lost", "2", order_id="o1"))
    (line,) = [touch for touch in touches(home) if touch.status is Status.ON_DESK]
    return line


def test_what_begins_anew_keeps_the_hour_that_was_promised() -> None:
    with house(world.rules_with({"late": PROMISES})) as home:
        then = home.now + 4 * HOUR
        assert _late_then_lost(home).deadline == then


def test_what_goes_on_after_all_keeps_its_hour_too() -> None:
    with house(world.rules_with({"late": PROMISES})) as home:
        then = home.now + 4 * HOUR
        _late_then_lost(home)
        home.advance(HOUR)
        home.take_in(
            event(home, "delivery.shipped", "2", order_id="o1")
        )  # it was not lost: its sender was wrong
        (line,) = [touch for touch in touches(home) if touch.status is Status.ON_DESK]
        assert [run.end_reason for run in runs(home)] == ["", "withdrawn"]
        assert line.run == runs(home)[0].id and line.deadline == then


def test_superseded_runs_end_with_that_reason() -> None:
    with house() as home:
        give(home)
        home.take_in(event(home, "delivery.delayed", "1", order_id="o1", days_late=3))
        home.advance(HOUR)
        home.take_in(event(home, "delivery.lost", "2", order_id="o1"))
        home.take_in(event(home, "delivery.delayed", "3", order_id="o2", days_late=3))
        reasons = {(run.playbook, run.key): run.end_reason for run in runs(home)}
        assert reasons["late-delivery", "o1"] == "superseded"
        assert reasons["late-delivery", "o2"] == "superseded", "the second failure is the manager's"
        assert reasons["missed-or-lost-delivery", "2"] == "", "another failure is not concerned"


# -- who is known there --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("condition", "starts"),
    [
        ("account.people == 1", True), ("account.people == 0", False), ("person.has_phone", True),
        ('person.role == "buyer"', True), ('person.language == "de"', False),
    ],
)  # fmt: skip
def test_a_condition_may_ask_who_is_known_there(condition: str, starts: bool) -> None:
    with house(playbook(f"if: {condition}\n" + CALL)) as home:
        give(home)
        ordered(home, "1")
        assert bool(runs(home)) is starts

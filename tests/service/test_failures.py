"""A failure from its first event to its last word; promises, holds, and the board that climbs."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from outreach.domain.errors import NotFound, Refused
from outreach.domain.facts import Purpose
from outreach.domain.talk import Outcome, PromiseMade
from outreach.domain.touch import Disposition, Status
from outreach.lab.scratch import Scratch
from outreach.service import calls, care, desk, outcomes
from outreach.service.ledger import Ledger
from tests.service import world
from tests.service.world import event, failure, give, give_person, house, run_of, touches

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
ID = "delivery/o1"


def lost(home: Scratch, id_: str = "1", order: str = "o1", **more: Any) -> None:
    home.take_in(event(home, "delivery.lost", id_, order_id=order, **more))


def card(home: Scratch) -> str:
    (found,) = {touch.card for touch in touches(home) if touch.status is Status.ON_DESK}
    assert found is not None
    return found


def say(home: Scratch, disposition: Disposition = Disposition.REACHED, **more: Any) -> None:
    desk.claim(home.outside, card(home), "jonas")
    outcomes.settle(home.outside, card(home), "jonas", Outcome(disposition, **more))
    home.settle()


def answer(home: Scratch, purpose: Purpose = Purpose.MARKETING, person: str = "anna") -> str:
    return care.may_send(home.outside, [care.Asked(purpose, person=person)])[0].answer


# -- the life of a failure -----------------------------------------------------------------------------


def test_a_failure_is_there_whether_or_not_a_playbook_matches() -> None:
    with house() as home:
        give(home)
        home.take_in(event(home, "review.bad", "1", review_id="r1", score=1))
        assert failure(home, "review/r1").state == "open"
        home.advance(5 * HOUR)
        assert failure(home, "review/r1").climbed == 1


def test_delayed_then_lost_is_one_failure_of_the_worse_kind() -> None:
    with house() as home:
        give(home)
        home.take_in(event(home, "delivery.delayed", "0", order_id="o1", days_late=3))
        lost(home)
        assert failure(home, ID).severity.word == "severe"
        assert failure(home, ID).cause == "delivery.lost"


def test_speaking_reaches_it_and_it_comes_back_after_two_working_days() -> None:
    with house() as home:
        give(home)
        lost(home)
        home.advance(HOUR)
        say(home)
        assert failure(home, ID).state == "reached"
        home.advance(2 * DAY)
        assert [t.because for t in touches(home) if t.status is Status.ON_DESK] == ["look_again"]


def test_nobody_answering_reaches_nobody() -> None:
    with house() as home:
        give(home)
        lost(home)
        say(home, Disposition.NO_ANSWER)
        assert failure(home, ID).state == "open"


def test_put_right_ends_its_run_withdraws_its_call_and_cools_the_hold_off() -> None:
    with house() as home:
        give(home)
        lost(home)
        desk.put_right(home.outside, "a1", ID, "jonas", "customer", "")
        assert failure(home, ID).state == "put_right"
        assert run_of(home, "missed-or-lost-delivery").end_reason == "put_right"
        assert [t.settlement for t in touches(home)] == ["withdrawn"]
        assert answer(home) == "hold"
        home.advance(7 * DAY - HOUR)
        assert answer(home) == "hold"
        home.advance(2 * HOUR)
        assert answer(home) == "allow"


def test_the_account_managers_word_needs_a_reason_and_so_does_letting_be() -> None:
    with house() as home:
        give(home)
        lost(home)
        with pytest.raises(Refused, match="why"):
            desk.put_right(home.outside, "a1", ID, "jonas", "am", " ")
        with pytest.raises(Refused, match="why"):
            desk.let_be(home.outside, "a1", ID, "ruth", "")
        with pytest.raises(NotFound):
            desk.put_right(home.outside, "nobody", ID, "jonas", "customer", "")
        assert failure(home, ID).is_open


def test_a_manager_lets_it_be() -> None:
    with house() as home:
        give(home)
        lost(home)
        desk.let_be(home.outside, "a1", ID, "ruth", "they have closed their shop")
        assert failure(home, ID).state == "let_be"
        assert failure(home, ID).reason == "they have closed their shop"
        assert not run_of(home, "missed-or-lost-delivery").is_open


def test_it_is_not_begins_the_next_round_of_the_same_run_one_worse_with_the_hold_back_on() -> None:
    with house() as home:
        give(home)
        home.take_in(
            event(home, "order.placed", "p1", order_id="o0"), event(home, "order.placed", "p2", order_id="o1")
        )
        home.advance(HOUR)
        home.take_in(event(home, "delivery.delayed", "1", order_id="o1", days_late=3))
        home.advance(HOUR)
        say(home, put_right=[ID], said_by="customer")
        home.advance(20 * DAY)
        assert answer(home) == "allow"
        desk.not_right(home.outside, "a1", ID, "jonas", "the door is missing")
        home.settle()
        run = run_of(home, "late-delivery")
        assert run.is_open
        assert run.round == 2
        assert failure(home, ID).severity.word == "high"
        assert [t.status for t in touches(home) if t.round == 2] == [Status.ON_DESK]
        assert answer(home) == "hold"


def test_a_further_step_of_lateness_does_not_reopen_what_a_human_has_closed() -> None:
    with house() as home:
        give(home)
        home.take_in(
            event(home, "order.placed", "1", order_id="o1", promised_for=(home.now + HOUR).isoformat())
        )
        home.advance(2 * DAY + 2 * HOUR)
        desk.put_right(home.outside, "a1", ID, "jonas", "customer", "")
        home.advance(10 * DAY)
        assert failure(home, ID).state == "put_right"


def test_a_new_failure_of_the_same_order_reopens_it() -> None:
    with house() as home:
        give(home)
        home.take_in(event(home, "delivery.delayed", "1", order_id="o1", days_late=3))
        desk.put_right(home.outside, "a1", ID, "jonas", "customer", "")
        home.advance(HOUR)
        home.take_in(event(home, "delivery.damaged", "2", order_id="o1", what="the lid"))
        home.settle()
        found = failure(home, ID)
        assert (found.state, found.round, found.cause) == ("open", 2, "delivery.damaged")
        assert run_of(home, "damaged-goods").is_open


def test_a_mail_never_closes_anything() -> None:
    with house() as home:
        give(home)
        home.take_in(event(home, "message.received", "0", person_id="anna", text="all is well, thank you"))
        lost(home)
        home.take_in(event(home, "message.received", "2", person_id="anna", text="all is well, thank you"))
        assert failure(home, ID).state == "open"


# -- severity ------------------------------------------------------------------------------------------


def test_a_first_order_and_the_second_failure_in_ninety_days_weigh_more() -> None:
    with house() as home:
        give(home)
        home.take_in(event(home, "order.placed", "p1", order_id="o1"))
        home.advance(HOUR)
        home.take_in(event(home, "delivery.delayed", "1", order_id="o1", days_late=3))
        assert failure(home, ID).severity.word == "high", "the first order"
        home.take_in(event(home, "order.placed", "p2", order_id="o2"))
        home.advance(DAY)
        home.take_in(event(home, "delivery.delayed", "2", order_id="o2", days_late=3))
        assert failure(home, "delivery/o2").nth == 2
        assert failure(home, "delivery/o2").severity.word == "high", "the second in ninety days"
        home.advance(91 * DAY)
        home.take_in(event(home, "delivery.delayed", "3", order_id="o3", days_late=3))
        assert failure(home, "delivery/o3").severity.word == "medium"


# -- the board of the unreached --------------------------------------------------------------------------


def test_it_climbs_to_the_owner_the_manager_and_the_named_person_in_business_hours() -> None:
    with house() as home:
        give(home)
        home.advance(6 * HOUR)
        lost(home)  # Monday 15:00 in Berlin
        for hours, rung in ((0, 0), (18, 0), (20, 1), (24, 2), (48, 4), (500, 4)):
            home.advance_to(world.MONDAY + timedelta(hours=6 + hours))
            assert failure(home, ID).climbed == rung, hours


def test_whoever_was_spoken_with_is_on_no_board() -> None:
    with house() as home:
        give(home)
        lost(home)
        home.take_in(
            event(home, "contact.logged", "2", person_id="anna", channel="visit", by="tarek", reached=True)
        )
        assert failure(home, ID).state == "reached"
        home.advance(DAY)
        assert failure(home, ID).climbed == 0


# -- promises ------------------------------------------------------------------------------------------


def promise(home: Scratch, until: timedelta) -> None:
    say(home, promise=PromiseMade("a new pallet", home.now + until, id="p1"))


def promised(home: Scratch) -> Any:
    with home.database.view() as unit:
        state = unit.account("a1")
    assert state is not None
    return state.promises["p1"].state


def test_a_promise_sets_when_we_look_again() -> None:
    with house() as home:
        give(home)
        lost(home)
        promise(home, 3 * DAY)
        assert failure(home, ID).look_again_at == home.now + 3 * DAY
        assert promised(home) == "open"


def test_a_broken_promise_is_a_failure_of_its_own_that_names_its_parent() -> None:
    with house() as home:
        give(home)
        lost(home)
        promise(home, 2 * DAY)
        home.advance(2 * DAY)
        broken = failure(home, "promise/p1")
        assert (broken.state, broken.parent) == ("open", ID)
        assert promised(home) == "broken"
        assert run_of(home, "broken-promise").is_open


def test_the_customers_word_closes_the_broken_promise_too_and_ours_does_not() -> None:
    for said_by, state in (("customer", "put_right"), ("am", "open")):
        with house() as home:
            give(home)
            lost(home)
            promise(home, 2 * DAY)
            home.advance(2 * DAY)
            desk.put_right(home.outside, "a1", ID, "jonas", said_by, "she said so")
            assert failure(home, "promise/p1").state == state, said_by


def test_kept_in_time_is_no_failure_and_kept_afterwards_is_late() -> None:
    for hours, state, failed in ((47, "kept", False), (49, "late", True)):
        with house() as home:
            give(home)
            lost(home)
            promise(home, 2 * DAY)
            home.advance(timedelta(hours=hours))
            desk.tell(home.outside, "promise.kept", "a1", {"promise_id": "p1"}, "jonas")
            home.advance(3 * DAY)
            assert promised(home) == state
            assert (failure(home, "promise/p1") is not None) is failed


# -- holds ---------------------------------------------------------------------------------------------

HOLDING = "hold: {{purposes: [marketing], scope: {scope}, after_close: 1d, at_most: 10d}}\n"
CALL = "steps: [{call: hurt_person, brief: x/call.md}]\n"


def holding(scope: str) -> Any:
    head = "purpose: service_recovery\nseverity: high\nwhen: delivery.lost\n"
    return world.rules_with({"lost": head + HOLDING.format(scope=scope) + CALL})


@pytest.mark.parametrize(
    ("scope", "held"),
    [
        ("person", {"anna"}),
        ("site", {"anna", "berta"}),
        ("account", {"anna", "berta", "carla", "dora"}),
        ("group", {"anna", "berta", "frida"}),
    ],
)
def test_a_hold_covers_its_scope_and_nobody_else(scope: str, held: set[str]) -> None:
    with house(holding(scope)) as home:
        give(home, "head", person="dora")
        give(home, "a1", person="anna", parent="head", group="hotels")
        give_person(home, "berta", ["a1"], phone="+4930999999")
        give(home, "a2", person="carla", parent="head")
        give(home, "a3", person="erna")
        give(home, "hotels", person="frida", group="hotels")
        lost(home, person_id="anna")
        people = ["anna", "berta", "carla", "dora", "erna", "frida"]
        assert {person for person in people if answer(home, person=person) == "hold"} == held


def test_the_hurt_person_is_held_on_every_account_of_theirs_and_by_their_address() -> None:
    with house(holding("person")) as home:
        give(home, "a1", person=None)
        give(home, "a2", person=None)
        give_person(home, "anna", ["a1", "a2"])
        lost(home, person_id="anna")
        asked = [
            care.Asked(Purpose.MARKETING, email="anna@x.example"),
            care.Asked(Purpose.MARKETING, phone="+4930123456"),
        ]
        assert [found.answer for found in care.may_send(home.outside, asked)] == ["hold", "hold"]


def test_transactional_mail_and_unheld_purposes_always_pass() -> None:
    with house(holding("account")) as home:
        give(home)
        lost(home)
        assert answer(home, Purpose.TRANSACTIONAL) == "allow"
        assert answer(home, Purpose.REORDER) == "allow"


def test_a_hold_ends_by_its_longest_time_with_an_alarm() -> None:
    with house(holding("account")) as home:
        give(home)
        lost(home)
        home.advance(10 * DAY - HOUR)
        assert answer(home) == "hold"
        home.advance(2 * HOUR)
        assert answer(home) == "allow"
        with home.database.view() as unit:
            (hold,) = unit.holds_of(["a1"])
            alarms = unit.bulk.rows("select what from audit where what = 'hold.at_most'")
        assert hold.end_reason == "at_most"
        assert len(alarms) == 1


def test_the_longest_time_counts_anew_in_the_next_round() -> None:
    with house(holding("account")) as home:
        give(home)
        lost(home)
        home.advance(9 * DAY)
        desk.put_right(home.outside, "a1", ID, "jonas", "customer", "")
        home.advance(HOUR)
        desk.not_right(home.outside, "a1", ID, "jonas", "no")
        home.advance(9 * DAY)
        assert answer(home) == "hold"


def test_a_run_without_a_failure_cools_off_from_its_own_end() -> None:
    head = "purpose: callback\nseverity: low\nwhen: callback.asked\n"
    with house(world.rules_with({"asked": head + HOLDING.format(scope="person") + CALL})) as home:
        give(home)
        home.take_in(event(home, "callback.asked", "1", callback_id="b1", person_id="anna"))
        assert answer(home) == "hold"
        say(home)
        home.advance(DAY - HOUR)
        assert answer(home) == "hold"
        home.advance(2 * HOUR)
        assert answer(home) == "allow"


def asks_to_be_called(home: Any, **more: Any) -> None:
    data = {"callback_id": "b1", "person_id": "anna", "wanted_at": home.now.isoformat()}
    home.take_in(event(home, "callback.asked", "1", **{**data, **more}))
    home.advance(HOUR + timedelta(minutes=5))


@pytest.mark.parametrize("said", ["opted_out", "preference"])
def test_who_wants_no_calls_and_asked_for_one_that_we_missed_is_called_once(said: str) -> None:
    with house() as home:
        give(home)
        if said == "opted_out":
            care.opt_out(home.outside, "anna", "call", "told us", "jonas")
        else:
            no = {"person_id": "anna", "kind": "not_channel", "value": "call", "by": "jonas"}
            home.take_in(event(home, "preference.stated", "no", "person:anna", **no))
        home.advance(HOUR)
        asks_to_be_called(home)
        (line,) = [touch for touch in touches(home) if touch.status is Status.ON_DESK]
        assert line.because == "callback-missed"
        assert desk.dial(home.outside, line.card or "", "jonas").sends


def test_the_late_call_stops_the_clock_of_the_wish() -> None:
    with house() as home:
        give(home)
        home.advance(HOUR)
        asks_to_be_called(home)
        until = (home.now + HOUR).isoformat()
        said = {"callback_id": "b1", "person_id": "anna", "until": until}
        home.take_in(event(home, "callback.promised", "2", **said))
        say(home)
        home.advance(3 * HOUR)
        with home.database.view() as unit:
            types = [told.type for told in unit.events_of("a1")]
        assert types.count("callback.made") == 1
        assert types.count("callback.missed") == 1, "an hour is not missed twice when we have rung"


def test_the_missed_call_goes_to_the_number_they_gave() -> None:
    with house() as home:
        give(home)
        home.advance(HOUR)
        asks_to_be_called(home, phone="+4930777777")
        (line,) = [touch for touch in touches(home) if touch.status is Status.ON_DESK]
        with home.database.view() as unit:
            ledger = Ledger(unit, home.outside, home.now)
            ledger.lock(["a1"])
            theirs = calls.whom(ledger, [line])
        assert line.because == "callback-missed"
        assert theirs is not None and theirs.number == "+4930777777"


def test_whom_we_do_not_know_and_who_opted_out() -> None:
    with house() as home:
        give(home)
        assert (
            care.may_send(home.outside, [care.Asked(Purpose.MARKETING, email="x@nowhere.example")])[0].answer
            == "allow"
        )
        care.opt_out(home.outside, "anna", "email", "a STOP word", "anna")
        assert (
            care.may_send(home.outside, [care.Asked(Purpose.MARKETING, email="anna@x.example")])[0].answer
            == "deny"
        )


def test_the_feed_of_holds_tells_each_change_once() -> None:
    with house(holding("account")) as home:
        give(home)
        lost(home)
        (first,) = care.holds_since(home.outside, 0)
        assert care.holds_since(home.outside, first[0]) == []
        desk.put_right(home.outside, "a1", ID, "jonas", "customer", "")
        (second,) = care.holds_since(home.outside, first[0])
        assert second[1].until == home.now + DAY

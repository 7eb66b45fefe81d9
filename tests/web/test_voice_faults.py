"""Calls that go otherwise than planned: words that come twice, late, or when nobody is there any more."""

from __future__ import annotations

from datetime import timedelta

import pytest

from outreach.domain.errors import Refused
from outreach.domain.facts import Channel
from outreach.domain.phone import LegState, PhoneCall
from outreach.domain.signal import Delivery
from outreach.domain.talk import Outcome
from outreach.domain.touch import Disposition
from outreach.service import calls, desk, outcomes, ring_backs
from outreach.service.calls_now import move_calls
from outreach.service.ports_traffic import Attempt
from tests.web.test_voice import CUSTOMER, Phones, late_card, outside_of, said, staffed, user_of
from tests.web.test_voice import phoned as phoned
from tests.web.world import World

RINGS = {"CallSid": "CA5", "From": CUSTOMER, "CallStatus": "ringing"}
NO_ANSWER = {"CallSid": "CA5", "From": CUSTOMER, "DialCallStatus": "no-answer", "DialBridged": "false"}
GONE = {"CallSid": "CA5", "From": CUSTOMER, "CallStatus": "completed", "DialBridged": "false"}


def types(here: World) -> list[str]:
    with here.house.database.view() as unit:
        return [event.type for event in unit.events_of("hotel")]


def token_in(answer: object) -> str:
    """Of the phone that rings now."""
    return str(answer.find("Dial")[0].get("url")).partition("t=")[2]  # type: ignore[attr-defined]


def open_call(here: World) -> PhoneCall:
    with here.house.database.view() as unit:
        (call,) = unit.open_calls()
    return call


def hours_pass(here: World, hours: int = 6) -> None:
    for _ in range(hours):
        here.pass_time(hours=1)
        move_calls(outside_of(here))
        here.tick()


def seconds_pass(here: World) -> None:
    for _ in range(4):
        here.pass_time(seconds=45)
        move_calls(outside_of(here))


def wish(here: World) -> Phones:
    """Anna asks to be called now, and the known face's phone rings."""
    phones = staffed(here)
    here.tell("callback.asked", "hotel", {"callback_id": "cb1", "person_id": "anna"})
    move_calls(outside_of(here))
    assert len(phones.rung) == 1
    return phones


# -- the customer rings us ---------------------------------------------------------------------------------------


def test_a_caller_who_hangs_up_while_our_phone_rings_was_missed(phoned: World) -> None:
    """Twilio then asks what comes next, of a call that is over; nobody has set a callback for its end."""
    staffed(phoned)
    first = said(phoned, "inbound", RINGS)
    said(phoned, "next", GONE | {"DialCallStatus": "canceled"}, token_in(first))
    hours_pass(phoned)
    assert types(phoned).count("call.missed") == 1


def test_a_call_that_we_lost_sight_of_was_missed(phoned: World) -> None:
    staffed(phoned)
    said(phoned, "inbound", RINGS)
    hours_pass(phoned)
    assert types(phoned).count("call.missed") == 1


def test_pressing_1_as_the_caller_hangs_up_is_a_missed_call(phoned: World) -> None:
    staffed(phoned)
    token = token_in(said(phoned, "inbound", RINGS))
    said(phoned, "screened", {"Digits": "1"}, token)
    said(phoned, "inbound", RINGS | {"CallStatus": "completed"})
    said(phoned, "next", GONE | {"DialCallStatus": "completed"}, token)
    hours_pass(phoned)
    assert types(phoned).count("call.missed") == 1


def test_the_same_question_twice_rings_the_same_phone(phoned: World) -> None:
    staffed(phoned)
    token = token_in(said(phoned, "inbound", RINGS))
    one, two = said(phoned, "next", NO_ANSWER, token), said(phoned, "next", NO_ANSWER, token)
    assert token_in(one) == token_in(two) != token


def test_who_was_told_an_hour_is_told_the_same_hour_again(phoned: World) -> None:
    """Also where somebody has come to work in between: that call is over."""
    staffed(phoned)
    calendar = outside_of(phoned).rules().company.teams["berlin"].calendar
    opens = (phoned.clock.time + timedelta(days=1)).replace(hour=3, minute=0, second=0)
    while not calendar.is_open(opens):
        opens += timedelta(minutes=1)
    phoned.clock.time = opens - timedelta(seconds=3)
    one = said(phoned, "inbound", RINGS)
    phoned.pass_time(seconds=6)
    two = said(phoned, "inbound", RINGS)
    assert one.find("Dial") is None and two.find("Dial") is None
    assert one.findtext("Say") == two.findtext("Say")
    assert types(phoned).count("call.missed") == 1


def test_a_late_1_does_not_take_the_call_from_who_is_rung_now(phoned: World) -> None:
    staffed(phoned)
    late = token_in(said(phoned, "inbound", RINGS))
    now = token_in(said(phoned, "next", NO_ANSWER, late))
    said(phoned, "screened", {"Digits": "1"}, late)
    with phoned.house.database.view() as unit:
        legs = {leg.token: leg.state for leg in unit.legs_of(open_call(phoned).id)}
    assert legs[late] is LegState.NO_ANSWER
    assert ring_backs.accept_ring_back(outside_of(phoned), now)


def test_a_shared_number_is_who_was_written_to_last(phoned: World) -> None:
    staffed(phoned)
    phoned.account("inn", "Inn", person="bert")
    phoned.tell("person.described", "person:bert", {"phone": CUSTOMER})

    def wrote(token: str, person: str, account: str, days: float) -> None:
        attempt = Attempt(
            token, "x", "r", account, Channel.SMS, "twilio", phoned.clock.time - timedelta(days=days), person, CUSTOMER,
            delivery=Delivery.SENT,
        )  # fmt: skip
        phoned.house.database.retrying(lambda unit: unit.add_attempt(attempt))

    wrote("t1", "anna", "hotel", 300)
    wrote("t2", "bert", "inn", 1)
    said(phoned, "inbound", RINGS)
    assert (open_call(phoned).person, open_call(phoned).account) == ("bert", "inn")


# -- "call me now" ---------------------------------------------------------------------------------------------


def test_nobody_hangs_up_a_conversation_of_somebody_else(phoned: World) -> None:
    phones = wish(phoned)
    seconds_pass_once(phoned)
    (_, jonas), (_, _) = phones.rung
    call = open_call(phoned)
    assert calls.accept(outside_of(phoned), jonas).outcome == "connect"
    phones.hung_up.clear()
    with pytest.raises(Refused, match="somebody else"):
        calls.hang_up_call(outside_of(phoned), call.id, user_of(phoned, "miriam"))
    assert phones.hung_up == []


def seconds_pass_once(here: World) -> None:
    here.pass_time(seconds=26)
    move_calls(outside_of(here))


def test_who_hangs_up_declines_for_themselves_alone(phoned: World) -> None:
    phones = wish(phoned)
    calls.hang_up_call(outside_of(phoned), open_call(phoned).id, user_of(phoned, "jonas"))
    seconds_pass(phoned)
    assert len(phones.rung) == 2 or "callback.promised" in types(phoned)


def test_a_call_made_by_hand_meanwhile_makes_no_promise(phoned: World) -> None:
    phones = wish(phoned)
    (card,) = phoned.cards()
    desk.claim(outside_of(phoned), card, "miriam")
    desk.dial(outside_of(phoned), card, "miriam")
    outcomes.settle(outside_of(phoned), card, "miriam", Outcome(Disposition.REACHED))
    seconds_pass(phoned)
    assert "callback.promised" not in types(phoned) and len(phones.rung) == 1


def test_nobody_is_rung_for_a_card_that_somebody_has(phoned: World) -> None:
    phones = wish(phoned)
    (card,) = phoned.cards()
    desk.claim(outside_of(phoned), card, "jonas")
    seconds_pass(phoned)
    assert len(phones.rung) == 1


def test_a_call_that_may_not_be_made_yet_becomes_a_promise(phoned: World) -> None:
    phones = wish(phoned)
    phoned.house.database.retrying(lambda unit: unit.set_setting("stop_all", "x"))
    assert calls.accept(outside_of(phoned), phones.rung[0][1]).outcome == "refused"
    phoned.house.database.retrying(lambda unit: unit.set_setting("stop_all", None))
    seconds_pass(phoned)
    assert types(phoned).count("callback.promised") == 1
    with phoned.house.database.view() as unit:
        (card,) = phoned.cards()
        found = unit.card(card)
    assert found is not None and found.claimed_by is None


def test_a_line_that_has_gone_meanwhile_is_told_and_no_error(phoned: World) -> None:
    phones, card = staffed(phoned), late_card(phoned)
    calls.ring(outside_of(phoned), card, user_of(phoned, "jonas"))
    with phoned.house.database.view() as unit:
        (touch,) = unit.touches_of_card(card)
    statement = "update touch set channel = 'task' where id = ?"
    phoned.house.database.retrying(lambda unit: unit.bulk.run(statement, touch.id))
    answer = said(phoned, "accept", {"Digits": "1"}, phones.rung[0][1])
    assert answer.find("Dial") is None and answer.findtext("Say")

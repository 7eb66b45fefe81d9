"""Calls through the house: the rig's carrier plays our phones and the customer's, against a served app."""

from __future__ import annotations

import json
import threading
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from twilio.request_validator import RequestValidator

from outreach.domain.errors import Refused
from outreach.domain.phone import CallKind, CallState, LegState
from outreach.service import calls, calls_said, desk, ring_backs
from outreach.service.calls_now import move_calls
from outreach.service.intake import take_in
from outreach.service.ports import Outside
from outreach.service.ports_records import User
from outreach.service.ports_ways import Receipt
from outreach.web.reception import EXTENSION
from tests.faults.provided import PUBLIC, Provided, provided
from tests.support.axe import axe_violations
from tests.support.rig import Rig
from tests.web.test_browser import PHONE, sign_in
from tests.web.world import World, world

JONAS, MIRIAM, CUSTOMER = "+15551230001", "+15551230002", "+15559990000"
SETTINGS = {
    "OUTREACH_PUBLIC_URL": PUBLIC, "OUTREACH_TWILIO_ACCOUNT_SID": "AC" + "a" * 32, "OUTREACH_COOKIE_SECURE": "false",
    "OUTREACH_TWILIO_AUTH_TOKEN": "rig-twilio-auth-token", "OUTREACH_TWILIO_FROM": "+15005550006",
}  # fmt: skip


class Phones:
    """A ``Telephone`` that rings in a list."""

    def __init__(self, *script: Receipt) -> None:
        self.rung: list[tuple[str, str]] = []
        self.hung_up: list[str] = []
        self.script = list(script)

    def ring(self, number: str, token: str) -> Receipt:
        self.rung.append((number, token))
        return self.script.pop(0) if self.script else Receipt("sent", ref=f"CA{len(self.rung)}")

    def hang_up(self, ref: str) -> None:
        self.hung_up.append(ref)


def staffed(here: World, phones: Any = None, live: bool = True) -> Phones:
    """Jonas and Miriam have phones; Anna was let down and waits on a card."""
    for id_, number in (("jonas", JONAS), ("miriam", MIRIAM)):
        user = replace(here.user(id_), phone=number)
        here.house.database.retrying(lambda unit, user=user: unit.save_user(user))
    here.account("hotel", "Hotel Weber", person="anna")
    here.tell("person.described", "person:anna", {"phone": CUSTOMER})
    if live:
        here.house.database.retrying(lambda unit: unit.set_setting("live:twilio", "the test"))
    found = phones or Phones()
    here.app.extensions[EXTENSION].outside = replace(here.house.outside, telephone=found)
    return found


def outside_of(here: World) -> Outside:
    found: Outside = here.app.extensions[EXTENSION].outside
    return found


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def phoned(request: pytest.FixtureRequest, tmp_path: Path, root: Path) -> Iterator[World]:
    url = request.getfixturevalue("postgres_url") if request.param == "postgres" else None
    made = world(tmp_path, root, url, settings=SETTINGS)
    yield made
    made.close()


def user_of(here: World, id_: str) -> User:
    with here.house.database.view() as unit:
        found = unit.user(id_)
    assert found is not None
    return found


def late_card(here: World) -> str:
    here.late("hotel", "anna", days=9)
    return here.cards()[0]


def said(here: World, step: str, form: dict[str, str], token: str = "") -> ET.Element:
    path = f"/hooks/twilio/voice/{step}" + (f"?t={token}" if token else "")
    signature = RequestValidator("rig-twilio-auth-token").compute_signature(PUBLIC + path, form)
    answer = here.app.test_client().post(path, data=form, headers={"X-Twilio-Signature": signature})
    assert answer.status_code in (200, 204), answer.status_code
    return ET.fromstring(answer.text) if answer.text else ET.Element("Nothing")


def call_of(here: World, card: str) -> Any:
    with here.house.database.view() as unit:
        return unit.calls_of_card(card)[0]


# -- a click -----------------------------------------------------------------------------------------------------


def test_a_click_rings_my_phone_and_nobody_else_s(phoned: World) -> None:
    phones, card = staffed(phoned), late_card(phoned)
    call = calls.ring(outside_of(phoned), card, user_of(phoned, "jonas"))
    assert (call.kind, call.state, call.number) == (CallKind.CLICK, CallState.RINGING_US, CUSTOMER)
    assert [number for number, _ in phones.rung] == [JONAS]
    with pytest.raises(Refused, match="already under way"):
        calls.ring(outside_of(phoned), card, user_of(phoned, "jonas"))


def test_before_the_key_is_pressed_nobody_is_dialled_and_nothing_is_counted(phoned: World) -> None:
    phones, card = staffed(phoned), late_card(phoned)
    calls.ring(outside_of(phoned), card, user_of(phoned, "jonas"))
    ((_, token),) = phones.rung
    asked = said(phoned, "ours", {"CallSid": "CA1", "AnsweredBy": "human"}, token)
    assert asked.find("Gather") is not None and asked.find("Dial") is None
    assert "Weber" not in ET.tostring(asked, encoding="unicode")
    nothing = said(phoned, "accept", {"CallSid": "CA1", "Digits": "7"}, token)
    assert nothing.find("Dial") is None
    with phoned.house.database.view() as unit:
        assert [touch.intent_at for touch in unit.touches_of_card(card)] == [None]


def test_pressing_1_connects_and_counts_as_the_attempt(phoned: World) -> None:
    phones, card = staffed(phoned), late_card(phoned)
    calls.ring(outside_of(phoned), card, user_of(phoned, "jonas"))
    ((_, token),) = phones.rung
    said(phoned, "ours", {"AnsweredBy": "human"}, token)
    for _ in range(2):  # the provider may ask twice: the same answer, one attempt
        answer = said(phoned, "accept", {"Digits": "1"}, token)
        dial = answer.find("Dial")
        assert dial is not None and dial.get("callerId") == "+15005550006" and dial.get("record") is None
        assert [number.text for number in dial] == [CUSTOMER]
        assert "Anna Weber" in (answer.findtext("Say") or "")
    with phoned.house.database.view() as unit:
        assert [touch.intent_at for touch in unit.touches_of_card(card)] == [phoned.clock.time]
    said(phoned, "customer", {"CallStatus": "ringing", "CallSid": "CA9"}, token)
    said(phoned, "customer", {"CallStatus": "in-progress", "CallSid": "CA9"}, token)
    said(phoned, "customer", {"CallStatus": "ringing", "CallSid": "CA9"}, token)
    assert call_of(phoned, card).state is CallState.TALKING
    said(phoned, "done", {"DialCallStatus": "completed", "DialCallDuration": "61"}, token)
    assert (call_of(phoned, card).outcome, call_of(phoned, card).seconds) == ("completed", 61)
    assert phoned.cards() == [card], "what was said only the caller knows"


@pytest.mark.parametrize(("status", "disposition"), [("busy", "busy"), ("no-answer", "no_answer")])
def test_busy_and_no_answer_are_written_down_by_themselves(
    phoned: World, status: str, disposition: str
) -> None:
    phones, card = staffed(phoned), late_card(phoned)
    calls.ring(outside_of(phoned), card, user_of(phoned, "jonas"))
    ((_, token),) = phones.rung
    said(phoned, "accept", {"Digits": "1"}, token)
    for _ in range(2):
        said(phoned, "done", {"DialCallStatus": status}, token)
    with phoned.house.database.view() as unit:
        assert [touch.disposition for touch in unit.touches_of_card(card)] == [disposition]
    assert phoned.cards() == [], "the ladder brings the next try"


def test_at_the_key_press_it_is_judged_anew(phoned: World) -> None:
    phones, card = staffed(phoned), late_card(phoned)
    calls.ring(outside_of(phoned), card, user_of(phoned, "jonas"))
    ((_, token),) = phones.rung
    phoned.tell(
        "endpoint.opted_out", "person:anna", {"person_id": "anna", "channel": "call", "how": "told Miriam"}
    )
    answer = said(phoned, "accept", {"Digits": "1"}, token)
    assert answer.find("Dial") is None and "opted out" in (answer.findtext("Say") or "").lower()
    assert call_of(phoned, card).outcome == calls.NOT_NOW


def test_a_machine_that_picks_up_is_hung_up_on(phoned: World) -> None:
    phones, card = staffed(phoned), late_card(phoned)
    calls.ring(outside_of(phoned), card, user_of(phoned, "jonas"))
    ((_, token),) = phones.rung
    answer = said(phoned, "ours", {"AnsweredBy": "machine_start"}, token)
    assert [verb.tag for verb in answer] == ["Hangup"]
    assert call_of(phoned, card).outcome == calls.NOT_ACCEPTED


def test_what_speaks_against_ringing_is_said_before_any_phone_rings(phoned: World) -> None:
    phones, card = staffed(phoned, live=False), late_card(phoned)
    with pytest.raises(Refused, match="rehearses"):
        calls.ring(outside_of(phoned), card, user_of(phoned, "jonas"))
    phoned.house.database.retrying(lambda unit: unit.set_setting("live:twilio", "the test"))
    with pytest.raises(Refused, match="own number"):
        calls.ring(outside_of(phoned), card, replace(user_of(phoned, "jonas"), phone=None))
    phoned.house.database.retrying(lambda unit: unit.set_setting("stopped:twilio", "the key is refused."))
    with pytest.raises(Refused, match="stopped"):
        calls.ring(outside_of(phoned), card, user_of(phoned, "jonas"))
    phoned.house.database.retrying(lambda unit: unit.set_setting("stopped:twilio", None))
    phoned.house.database.retrying(lambda unit: unit.set_setting("stop_all", "ops: stop"))
    with pytest.raises(Refused, match="Not now"):
        calls.ring(outside_of(phoned), card, user_of(phoned, "jonas"))
    assert phones.rung == []


@pytest.mark.parametrize(
    ("receipt", "outcome"),
    [(Receipt("failed"), calls.NOT_RUNG), (Receipt("refused"), calls.NOT_RUNG), (Receipt("unknown"), "")],
)
def test_a_phone_that_may_have_rung_is_not_rung_again(phoned: World, receipt: Receipt, outcome: str) -> None:
    phones = staffed(phoned, Phones(receipt))
    card = late_card(phoned)
    if outcome:
        with pytest.raises(Refused, match="could not be rung"):
            calls.ring(outside_of(phoned), card, user_of(phoned, "jonas"))
    else:
        calls.ring(outside_of(phoned), card, user_of(phoned, "jonas"))
    assert call_of(phoned, card).outcome == outcome
    phoned.pass_time(minutes=2)
    move_calls(outside_of(phoned))
    assert not call_of(phoned, card).is_open and len(phones.rung) == 1


def test_words_about_calls_of_nobody_are_answered(phoned: World) -> None:
    staffed(phoned)
    for step in ("ours", "accept", "leg", "customer", "done", "screen", "screened", "next", "sorry"):
        said(phoned, step, {"CallStatus": "completed", "Digits": "1", "CallSid": "CA0"}, "nobody")
    client = phoned.app.test_client()
    assert client.post("/hooks/twilio/voice/accept?t=x", data={"Digits": "1"}).status_code == 403


@pytest.mark.parametrize("order", [(0, 1, 2, 3), (3, 2, 1, 0), (2, 0, 3, 1)])
def test_any_order_of_words_ends_the_same(phoned: World, order: tuple[int, ...]) -> None:
    phones, card = staffed(phoned), late_card(phoned)
    calls.ring(outside_of(phoned), card, user_of(phoned, "jonas"))
    ((_, token),) = phones.rung
    words = ["initiated", "ringing", "in-progress", "no-answer"]
    for number in (*order, *order):
        calls_said.leg_said(outside_of(phoned), token, words[number], number)
    with phoned.house.database.view() as unit:
        (leg,) = unit.legs_of(call_of(phoned, card).id)
    assert leg.state is LegState.NO_ANSWER and call_of(phoned, card).outcome == calls.NOT_ACCEPTED


# -- rung now -----------------------------------------------------------------------------------------------------


def asks(here: World, callback: str = "b1") -> None:
    here.tell(
        "callback.asked", "hotel", {"callback_id": callback, "person_id": "anna"}, ago=timedelta(seconds=1)
    )


def test_the_known_face_rings_first_then_everybody_on_duty_and_the_first_wins(phoned: World) -> None:
    phones = staffed(phoned)
    asks(phoned)
    move_calls(outside_of(phoned))
    move_calls(outside_of(phoned))
    assert [number for number, _ in phones.rung] == [JONAS]
    phoned.pass_time(seconds=26)
    move_calls(outside_of(phoned))
    assert [number for number, _ in phones.rung] == [JONAS, MIRIAM]
    answers: list[Any] = []
    threads = [
        threading.Thread(target=lambda t=token: answers.append(calls.accept(outside_of(phoned), t)))
        for _, token in phones.rung
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answer.outcome for answer in answers) == ["connect", "taken"]
    assert len(phones.hung_up) == 1, "the other phone stops ringing"


def test_when_the_known_face_declines_the_others_ring_at_once(phoned: World) -> None:
    phones = staffed(phoned)
    asks(phoned)
    move_calls(outside_of(phoned))
    calls_said.leg_said(outside_of(phoned), phones.rung[0][1], "no-answer", 3)
    move_calls(outside_of(phoned))
    assert [number for number, _ in phones.rung] == [JONAS, MIRIAM]


def test_nobody_accepts_and_an_honest_hour_is_promised(phoned: World) -> None:
    phones = staffed(phoned)
    asks(phoned)
    for _ in range(3):
        move_calls(outside_of(phoned))
        phoned.pass_time(seconds=45)
    with phoned.house.database.view() as unit:
        (told,) = [event for event in unit.events_of("hotel") if event.type == "callback.promised"]
        dues = unit.account("hotel").dues  # type: ignore[union-attr]
    assert told.data["until"].startswith("2026-03-02T10:31")
    assert any(type_ == "callback.missed" for type_, _ in dues), "the hour has a clock"
    assert len(phones.rung) == 2 and len(phones.hung_up) == 2
    with pytest.raises(Exception, match=r"no such call|over"):
        answer = calls.accept(outside_of(phoned), phones.rung[0][1])
        raise RuntimeError(answer.outcome)


def test_a_wish_that_somebody_has_in_hand_rings_nobody(phoned: World) -> None:
    phones = staffed(phoned)
    asks(phoned)
    desk.claim(outside_of(phoned), phoned.cards()[0], "miriam")
    move_calls(outside_of(phoned))
    assert phones.rung == []


def test_a_wish_for_later_rings_at_its_hour(phoned: World) -> None:
    phones = staffed(phoned)
    wanted = (phoned.clock.time + timedelta(hours=2)).isoformat()
    phoned.tell("callback.asked", "hotel", {"callback_id": "b1", "person_id": "anna", "wanted_at": wanted})
    move_calls(outside_of(phoned))
    assert phones.rung == []
    phoned.pass_time(hours=2, seconds=1)
    move_calls(outside_of(phoned))
    assert [number for number, _ in phones.rung] == [JONAS]


# -- they ring us ---------------------------------------------------------------------------------------------------


def test_a_customer_who_rings_reaches_the_one_they_know(phoned: World) -> None:
    staffed(phoned)
    card = late_card(phoned)
    first = said(phoned, "inbound", {"CallSid": "CA5", "From": CUSTOMER, "CallStatus": "ringing"})
    dial = first.find("Dial")
    assert dial is not None and dial[0].text == JONAS
    token = (dial[0].get("url") or "").partition("t=")[2]
    assert said(phoned, "screen", {"CallSid": "CA6"}, token).find("Gather") is not None
    assert [verb.tag for verb in said(phoned, "screened", {"Digits": "1"}, token)] == []
    assert (call_of(phoned, card).state, call_of(phoned, card).accepted_by) == (CallState.TALKING, "jonas")
    desk = phoned.signed_in("jonas").get("/desk").text
    assert "Anna Weber is on the line." in desk and f'href="/desk/cards/{card}" data-open-now' in desk
    other = phoned.signed_in("miriam").get("/desk").text
    assert "is talking to Anna Weber." in other and "data-open-now" not in other
    said(
        phoned,
        "next",
        {"CallSid": "CA5", "DialCallStatus": "completed", "DialBridged": "true", "DialCallDuration": "90"},
        token,
    )
    with phoned.house.database.view() as unit:
        assert [event.data["by"] for event in unit.events_of("hotel") if event.type == "call.inbound"] == [
            "jonas"
        ]
        state = unit.account("hotel")
    assert (
        state is not None
        and state.spoken_by == "jonas"
        and not [f for f in state.failures.values() if f.state == "open"]
    )


def test_nobody_there_says_by_when_and_keeps_it(phoned: World) -> None:
    staffed(phoned)
    answer = said(phoned, "inbound", {"CallSid": "CA5", "From": CUSTOMER, "CallStatus": "ringing"})
    rung = []
    while (dial := answer.find("Dial")) is not None:
        rung.append(dial[0].text)
        token = (dial[0].get("url") or "").partition("t=")[2]
        answer = said(
            phoned,
            "next",
            {"CallSid": "CA5", "From": CUSTOMER, "DialCallStatus": "no-answer", "DialBridged": "false"},
            token,
        )
    assert rung == [JONAS, MIRIAM]
    assert "We ring you back by Monday, 11:30" in " ".join((answer.findtext("Say") or "").split())
    with phoned.house.database.view() as unit:
        types = [event.type for event in unit.events_of("hotel")]
    assert types.count("call.missed") == types.count("callback.asked") == 1
    assert len(phoned.cards()) == 1


def test_a_caller_who_hangs_up_is_missed_all_the_same(phoned: World) -> None:
    staffed(phoned)
    said(phoned, "inbound", {"CallSid": "CA5", "From": CUSTOMER, "CallStatus": "ringing"})
    for _ in range(2):
        said(phoned, "inbound", {"CallSid": "CA5", "From": CUSTOMER, "CallStatus": "completed"})
    with phoned.house.database.view() as unit:
        assert [event.type for event in unit.events_of("hotel")].count("call.missed") == 1


@pytest.mark.parametrize("number", ["+4915199999", "anonymous", ""])
def test_a_caller_whom_nobody_knows_is_never_lost(phoned: World, number: str) -> None:
    staffed(phoned)
    phoned.pass_time(hours=10)  # nobody is on duty
    said(phoned, "inbound", {"CallSid": "CA5", "From": number, "CallStatus": "ringing"})
    with phoned.house.database.view() as unit:
        (row,) = unit.inbound_open(5)
    assert (row.id, row.channel.value, row.sender) == (
        "call:CA5",
        "call",
        number if number.startswith("+") else "",
    )


# -- against the rig ------------------------------------------------------------------------------------------------


def in_trouble(here: Provided) -> str:
    """A card whose call is to the customer of the vectors."""
    staff = {"jonas": JONAS, "miriam": MIRIAM}
    for id_, number in staff.items():
        user = replace(here.world.user(id_), phone=number)
        here.world.house.database.retrying(lambda unit, user=user: unit.save_user(user))
    now = (here.clock.now() - timedelta(minutes=1)).isoformat()

    def event(kind: str, id_: str, subject: str, **data: Any) -> dict[str, Any]:
        return {
            "specversion": "1.0",
            "id": id_,
            "source": "erp",
            "type": kind,
            "subject": subject,
            "time": now,
            "data": data,
        }

    take_in(here.outside, [
        event("account.described", "1", "hotel", name="Hotel Weber", owner="jonas", country="US"),
        event("person.described", "2", "person:anna", name="Anna Weber", phone=CUSTOMER, accounts=[{"account": "hotel", "roles": ["buyer"]}]),
        event("delivery.missed", "3", "hotel", order_id="o1", person_id="anna"),
    ], internal=True)  # fmt: skip
    return here.world.cards()[0]


def test_the_voice_vectors(tmp_path: Path, rig_for: Callable[..., Rig], shared_dir: Path) -> None:
    cases = json.loads((shared_dir / "rigs/vectors/voice_scenarios.dev.json").read_text())["cases"]
    for case in cases:
        folder = tmp_path / case["id"]
        folder.mkdir()
        with provided(folder, rig_for, auto=False) as here:
            card = in_trouble(here)
            calls.ring(here.outside, card, user_of(here.world, "jonas"))
            report = here.rig.call(case["input"]["scenario"])
            expect = case["expect"]
            assert report["problems"] == expect["driver_problems"], case["id"]
            assert report["bridges"] == expect["bridges"], case["id"]
            dialled = [part for part in report["log"] if part.get("verb") == "Dial"]
            assert bool(dialled) is expect.get("customer_dialled", True), case["id"]
            call = call_of(here.world, card)
            assert not call.is_open, case["id"]
            if case["id"] == "customer-busy":
                with here.world.house.database.view() as unit:
                    assert [touch.disposition for touch in unit.touches_of_card(card)] == ["busy"]
            else:
                assert here.world.cards() == [card], "the card is still there for a human's word"
            assert here.rig.violations() == []


def test_a_bridged_call_from_event_to_the_last_word(tmp_path: Path, rig_for: Callable[..., Rig]) -> None:
    with provided(tmp_path, rig_for, auto=False) as here:
        card = in_trouble(here)
        calls.ring(here.outside, card, user_of(here.world, "jonas"))
        report = here.rig.call(
            {
                "legs": {
                    JONAS: {"answer": "human", "digits": ["1"]},
                    CUSTOMER: {"answer": "human", "talk": 0.5},
                }
            }
        )
        assert report["bridges"] == [[JONAS, CUSTOMER]] and report["problems"] == []
        call = call_of(here.world, card)
        assert (call.outcome, call.accepted_by) == ("completed", "jonas") and call.talking_at is not None
        assert here.rig.violations() == []


# -- on the card, in a browser ----------------------------------------------------------------------------------------


def test_the_card_says_live_how_the_call_stands(browser_page: Any, served: tuple[World, str]) -> None:
    here, base = served
    page = browser_page
    page.set_viewport_size(PHONE)
    page.emulate_media(reduced_motion="reduce")
    sign_in(page, served)
    user = replace(user_of(here, "jonas"), phone=JONAS)
    here.house.database.retrying(lambda unit: unit.save_user(user))
    here.house.database.retrying(lambda unit: unit.set_setting("live:twilio", "the test"))
    phones = Phones()
    here.app.extensions[EXTENSION].outside = replace(here.house.outside, telephone=phones)
    with here.house.database.view() as unit:
        card = unit.open_card("anna")
    assert card is not None
    page.goto(f"{base}/desk/cards/{card.id}")
    page.click(".thumb >> text=Call")
    page.wait_for_selector("text=Your phone rings. Pick up and press 1.")
    assert axe_violations(page) == []
    ((_, token),) = phones.rung
    calls.accept(outside_of(here), token)
    calls_said.customer_said(outside_of(here), token, "ringing")
    page.wait_for_selector("text=Anna Weber: it rings …")
    calls_said.customer_said(outside_of(here), token, "in-progress")
    page.wait_for_selector("text=You are talking to Anna Weber.")
    assert axe_violations(page) == []
    calls_said.done(outside_of(here), token, "completed", 30)
    page.wait_for_selector("text=The call is over. How did it go?")
    page.wait_for_load_state("load")


def test_who_picks_up_has_the_card_open(browser_page: Any, served: tuple[World, str]) -> None:
    here, base = served
    page = browser_page
    page.emulate_media(reduced_motion="reduce")
    sign_in(page, served)
    jonas = replace(user_of(here, "jonas"), phone=JONAS)
    here.house.database.retrying(lambda unit: unit.save_user(jonas))
    with here.house.database.view() as unit:
        card, person = unit.open_card("anna"), unit.people(["anna"])["anna"]
    assert card is not None
    page.goto(f"{base}/desk")
    rung = ring_backs.rang_us(here.house.outside, "CA9", person.described["phone"])
    page.wait_for_selector("text=Anna Weber rings us. Pick up and press 1.")
    assert axe_violations(page) == []
    assert ring_backs.accept_ring_back(here.house.outside, rung.token)
    page.wait_for_url(f"{base}/desk/cards/{card.id}")
    page.wait_for_selector("text=Anna Weber is on the line.")

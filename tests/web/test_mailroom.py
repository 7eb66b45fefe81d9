"""The mailroom, the evidence and the ways out, as their users see them."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from outreach.domain.facts import Channel
from outreach.domain.touch import Status, advance
from outreach.service import replies, switches
from outreach.service.ports_traffic import Attempt
from outreach.service.replies import Received
from outreach.web.reception import EXTENSION
from tests.support.axe import axe_violations
from tests.web.scenes import with_draft
from tests.web.test_browser import PHONE, sign_in
from tests.web.world import World, post


def some_mail(here: World) -> None:
    """Three messages to look at: somebody unknown, a refusal, and a number nobody has."""
    outside = here.house.outside
    letters = [
        ("1", "boss@berlin-kitchens.example", "B. Weber", "Invoice", "Who is looking after our grill? It has been a week."),
        ("2", "anna@example.com", "Anna Weber", "Re: Your order", "Please stop writing to me. Ring me if you must."),
    ]  # fmt: skip
    for id_, sender, name, subject, text in letters:
        replies.receive(outside, Received(f"email:{id_}", Channel.EMAIL, sender, name, "in", subject, text))
    replies.receive(
        outside, Received("sms:3", Channel.SMS, "+4915112345", "", "+49301", "", "Hello, any news?")
    )


def unknown_sms(here: World) -> str:
    """One SMS of which nobody knows."""
    here.late("a1", "anna", "o-77", days=9)
    with here.house.database.view() as unit:
        touch = next(t for run in unit.runs_of(["a1"]) for t in unit.touches_of_run(run.id))
    now = here.clock.time
    sending = replace(
        advance(replace(touch, status=Status.DUE), Status.SENDING, now, token="tok-u", intent_at=now),
        id="touch-unknown", channel=Channel.SMS, card=None,
    )  # fmt: skip
    lost = advance(
        sending, Status.UNKNOWN, now, because="unknown", sentence="No answer was recorded for this attempt."
    )
    text = "I rang and did not get through. Order o-77 is late, and I am sorry. I look after it: Jonas"
    attempt = Attempt(
        "tok-u", lost.id, lost.run, "a1", Channel.SMS, "twilio", now, "anna", "+4930123456", None, None, text
    )

    def work(unit: Any) -> None:
        unit.add_touches([lost])
        unit.add_attempt(attempt)

    here.house.database.retrying(work)
    return lost.id


def with_ways(here: World) -> World:
    """As if providers were set up."""
    outside = replace(here.house.outside, providers={Channel.EMAIL: "sendgrid", Channel.SMS: "twilio"})
    here.app.extensions[EXTENSION].outside = outside
    return here


# -- the mailroom ----------------------------------------------------------------------------------------------


def test_a_suggestion_is_taken_with_two_taps(here: World) -> None:
    here.account("a1", "Berlin Kitchens", person="anna")
    here.tell("person.described", "person:anna", {"email": "anna@berlin-kitchens.example"})
    some_mail(here)
    client = here.signed_in()
    page = client.get("/desk/messages").text
    assert "somebody else at berlin-kitchens.example" in page and "Who is looking after our grill?" in page
    assert post(client, "/desk/messages/email:1/is", {"who": "anna|a1"}).status_code == 302
    assert "Told to their account" in client.get("/desk/messages").text
    card = client.get(f"/desk/cards/{here.cards()[0]}").text
    assert "Who is looking after our grill?" in card and "A customer wrote to us" in card


def test_somebody_else_is_found_by_phone_mail_or_name(here: World) -> None:
    here.account("a1", "Berlin Kitchens", person="anna")
    some_mail(here)
    client = here.signed_in()
    for sought in ("anna@example.com", "Anna"):
        assert "Berlin Kitchens" in post(client, "/desk/messages/sms:3/find", {"sought": sought}).text
    assert "Nobody was found." in post(client, "/desk/messages/sms:3/find", {"sought": "Zebedee"}).text


def test_a_refusal_is_read_and_settled(here: World) -> None:
    here.account("a1", "Berlin Kitchens", person="anna")
    some_mail(here)
    client = here.signed_in()
    assert "Anna Weber does not want something" in client.get("/desk/messages").text
    assert "Does not want: all" in client.get("/desk/people/anna").text
    post(client, "/desk/messages/email:2/meant", {"meant": "nothing"})
    assert "Does not want" not in client.get("/desk/people/anna").text


def test_what_is_nobody_s_needs_a_reason(here: World) -> None:
    some_mail(here)
    client = here.signed_in()
    post(client, "/desk/messages/sms:3/nobody", {"reason": " "})
    assert "Say why nobody has to look at it." in client.get("/desk/messages").text
    post(client, "/desk/messages/sms:3/nobody", {"reason": "wrong number"})
    assert "any news?" not in client.get("/desk/messages").text


def test_the_desk_says_that_messages_wait(here: World) -> None:
    client = here.signed_in()
    assert "to look at" not in client.get("/desk").text
    some_mail(here)
    assert "<strong>3</strong> messages to look at" in client.get("/desk").text


def test_an_empty_room_says_so(here: World) -> None:
    assert "Nothing waits." in here.signed_in().get("/desk/messages").text


# -- ops -----------------------------------------------------------------------------------------------------------


def test_the_evidence_is_shown_and_settled(here: World) -> None:
    here.account("a1", "Berlin Kitchens", person="anna")
    touch = unknown_sms(here)
    client = here.signed_in("otto", "ops")
    assert "Look at the evidence" in client.get("/ops").text
    page = client.get(f"/ops/unknowns/{touch}").text
    assert "I rang and did not get through." in page and "Its listing cannot be read from here" in page
    post(client, f"/ops/unknowns/{touch}", {"was": "sent", "reason": "it is in their log"})
    assert client.get(f"/ops/unknowns/{touch}").status_code == 404


def test_going_live_asks_for_a_word_and_a_reason(here: World) -> None:
    client = with_ways(here).signed_in("otto", "ops")
    assert "rehearses" in client.get("/ops").text
    post(client, "/ops/live", {"reason": "seen", "sure": "yes"})
    assert "Nothing has changed" in client.get("/ops").text
    post(client, "/ops/live", {"reason": "seen", "sure": "live"})
    assert "rehearses" not in client.get("/ops").text
    post(client, "/ops/live", {"reason": "once more", "back": "1"})
    assert "rehearses" in client.get("/ops").text


def test_a_stopped_provider_is_used_again_with_a_reason(here: World) -> None:
    client = with_ways(here).signed_in("otto", "ops")
    now = here.clock.time
    here.house.database.retrying(
        lambda unit: switches.stop_provider(unit, "twilio/sms", "not allowed there", now)
    )
    assert "twilio/sms: not allowed there" in client.get("/ops").text
    post(client, "/ops/providers/resume", {"way": "twilio/sms", "reason": "permission granted"})
    assert "not allowed there" not in client.get("/ops").text.partition("Lately")[0]


def test_a_draft_says_that_it_only_rehearses(here: World) -> None:
    card, _ = with_draft(here)
    client = with_ways(here).signed_in()
    assert "it goes to the outbox, and nobody gets it" in client.get(f"/desk/cards/{card}").text
    here.house.database.retrying(lambda unit: unit.set_setting("live:sendgrid", "the test"))
    assert "This is exactly what will arrive." in client.get(f"/desk/cards/{card}").text


def test_a_way_that_rests_and_an_errand_that_was_not_reached_are_seen(here: World) -> None:
    client = with_ways(here).signed_in("otto", "ops")
    until = here.clock.time + timedelta(minutes=2)
    here.house.database.retrying(lambda unit: unit.beat(f"{switches.RESTS}twilio/sms", until))
    here.house.database.retrying(
        lambda unit: unit.beat("errand:push_holds", here.clock.time, "not reached: HTTP 503")
    )
    page = client.get("/ops").text
    assert "rests until" in page and "Push holds: the provider was not reached (HTTP 503)" in page
    gauges = here.app.test_client().get("/metrics").text
    for line in ('outreach_provider_resting{provider="twilio"} 1.0', 'outreach_provider_live{provider="twilio"} 0.0',
                 'outreach_provider_stopped{provider="twilio"} 0.0', "outreach_messages_waiting 0.0"):  # fmt: skip
        assert line in gauges
    here.pass_time(minutes=3)
    assert "rests until" not in client.get("/ops").text


def test_only_ops_may_steer(here: World) -> None:
    client = with_ways(here).signed_in()
    for path in ("/ops/live", "/ops/providers/resume", "/ops/unknowns/x"):
        assert post(client, path, {"reason": "x"}).status_code == 403


# -- in a browser ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_nobody_is_shut_out_of_the_new_rooms(
    browser_page: Any, served: tuple[World, str], dark: bool
) -> None:
    here, base = served
    some_mail(here)
    touch = unknown_sms(with_ways(here))
    page = browser_page
    page.emulate_media(color_scheme="dark" if dark else "light", reduced_motion="reduce")
    sign_in(page, served, "otto", "admin")
    for path in ("/desk/messages", f"/ops/unknowns/{touch}", "/ops"):
        for size in ({"width": 1280, "height": 800}, PHONE):
            page.set_viewport_size(size)
            page.goto(base + path)
            page.evaluate("document.querySelectorAll('details').forEach((part) => { part.open = true; })")
            assert axe_violations(page) == [], (path, size)
            wide = page.evaluate(
                "document.documentElement.scrollWidth - document.documentElement.clientWidth"
            )
            assert wide <= 0, f"{path} is {wide} px too wide"


def test_one_click_in_a_browser_of_a_stranger(browser_page: Any, served: tuple[World, str]) -> None:
    here, base = served
    attempt = Attempt(
        "tok-m", "none", "r", "a1", Channel.EMAIL, "sendgrid", here.clock.time, "anna", "anna@example.com"
    )
    with here.house.database.view() as unit:
        touch = next(t for run in unit.runs_of(["a1"]) for t in unit.touches_of_run(run.id))
    here.house.database.retrying(lambda unit: unit.add_attempt(attempt._replace(touch=touch.id)))
    page = browser_page
    page.set_viewport_size(PHONE)
    page.goto(f"{base}/u/tok-m")
    assert axe_violations(page) == []
    page.click("text=Yes, stop")
    assert page.is_visible("text=We write no more mails to you.")
    assert axe_violations(page) == []

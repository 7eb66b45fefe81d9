"""What providers post, made into the house's own words; junk never raises."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outreach.channels.incoming import (
    Left,
    forwarded,
    mail_event,
    mail_of,
    own_words,
    said_by_twilio,
    text_of,
)
from outreach.domain.signal import Delivery, Meaning

# -- Twilio ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "code", "delivery", "meaning"),
    [
        ("queued", "", Delivery.ACCEPTED, None), ("sent", "", Delivery.SENT, None),
        ("delivered", "", Delivery.DELIVERED, None), ("read", "", Delivery.READ, None),
        ("undelivered", "30006", Delivery.UNDELIVERED, Meaning.NOT_MOBILE),
        ("failed", "21610", Delivery.UNDELIVERED, Meaning.OPTED_OUT),
        ("undelivered", "30003", Delivery.UNDELIVERED, Meaning.UNREACHABLE),
        ("undelivered", "", Delivery.UNDELIVERED, Meaning.REJECTED),
        ("failed", "99999", Delivery.UNDELIVERED, Meaning.REJECTED),
    ],
)  # fmt: skip
def test_a_status_callback_says_how_far_it_got(
    status: str, code: str, delivery: Delivery, meaning: Meaning | None
) -> None:
    said = said_by_twilio(
        {"MessageStatus": status, "MessageSid": "SM1", "ErrorCode": code, "New": "1"}, "tok"
    )
    assert said is not None
    assert (said.delivery, said.meaning, said.token, said.ref) == (delivery, meaning, "tok", "SM1")


def test_a_status_nobody_knows_says_nothing() -> None:
    assert said_by_twilio({"MessageStatus": "teleported"}, "tok") is None
    assert said_by_twilio({}, "tok") is None


def test_an_sms_is_read_with_its_number_in_our_form() -> None:
    text = text_of(
        {
            "MessageSid": "SM1",
            "From": "+1 (401) 712-2661",
            "Body": "Hi",
            "NumMedia": "x",
            "OptOutType": "STOP",
        }
    )
    assert text is not None
    assert (text.sender, text.pictures, text.opt_out_type) == ("+14017122661", 0, "STOP")
    assert text_of({"From": "+14017122661"}) is None
    short = text_of({"MessageSid": "SM1", "From": "HEARTH"})
    assert short is not None and short.sender == "HEARTH"


# -- SendGrid: events ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("item", "delivery", "meaning", "left"),
    [
        ({"event": "processed"}, Delivery.ACCEPTED, None, None),
        ({"event": "Processed"}, Delivery.ACCEPTED, None, None),
        ({"event": "deferred", "attempt": "5"}, Delivery.DEFERRED, None, None),
        ({"event": "delivered"}, Delivery.DELIVERED, None, None),
        ({"event": "bounce", "type": "bounce"}, Delivery.UNDELIVERED, Meaning.INVALID, "bounced"),
        ({"event": "bounce", "type": "blocked"}, Delivery.UNDELIVERED, Meaning.REJECTED, None),
        ({"event": "dropped", "reason": "Bounced Address"}, Delivery.UNDELIVERED, Meaning.INVALID, "bounced"),
        ({"event": "dropped", "reason": "Unsubscribed Address"}, Delivery.UNDELIVERED, Meaning.OPTED_OUT, None),
        ({"event": "dropped", "reason": "?"}, Delivery.UNDELIVERED, Meaning.REJECTED, None),
        ({"event": "spamreport"}, None, None, "spam_report"),
        ({"event": "unsubscribe"}, None, None, "unsubscribed"),
        ({"event": "open", "sg_machine_open": True}, None, None, None),
        ({"event": "teleported"}, None, None, None),
        ({"event": "account_status_change"}, None, None, None),
    ],
)  # fmt: skip
def test_each_kind_of_event(item: dict[str, Any], delivery: Any, meaning: Any, left: str | None) -> None:
    whole = {
        "email": "Alex@Example.com",
        "sg_event_id": "e1",
        "sg_message_id": " mid.filter1.0",
        "outreach_token": "tok",
    }
    event = mail_event(whole | item)
    assert event is not None
    assert (event.said.delivery if event.said else None) == delivery
    assert (event.said.meaning if event.said else None) == meaning
    assert event.left == (Left("alex@example.com", left, "") if left else None)
    if event.said:
        assert (event.said.token, event.said.ref) == ("tok", "mid")


def test_leaving_one_list_names_it() -> None:
    event = mail_event({"event": "group_unsubscribe", "email": "a@b.example", "asm_group_id": 7})
    assert event is not None and event.left == Left("a@b.example", "unsubscribed", "7")


def test_an_event_without_an_id_is_known_again_by_its_content() -> None:
    one, same = mail_event({"event": "open", "a": 1, "b": 2}), mail_event({"b": 2, "a": 1, "event": "open"})
    other = mail_event({"event": "open", "a": 2, "b": 2})
    assert one and same and other and one.id == same.id != other.id


@given(st.recursive(st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=20), lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["event", "email", "sg_event_id", "sg_message_id", "type", "reason", "status", "outreach_token"]), inner, max_size=6), max_leaves=8))  # fmt: skip
def test_no_item_of_a_batch_raises(item: Any) -> None:
    mail_event(item)


# -- incoming mail ------------------------------------------------------------------------------------------------

THREAD = """Awesome, thank you!

Anna

Am Mo., 2. März 2026 um 09:12 Uhr schrieb Jonas Lindner <jonas@x.example>:

> Guten Tag,
> es tut mir leid.
"""


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (THREAD, "Awesome, thank you!\n\nAnna"),
        ("On it!\n\nOn Mon, Mar 2, 2026 at 9:12 AM Jonas <j@x.example>\nwrote:\n\n> hi", "On it!"),
        (
            "Please stop.\n\n-----Original Message-----\nFrom: Jonas\nSent: Monday\nTo: Anna\nSubject: x\n\nHello",
            "Please stop.",
        ),
        ("> hi\n\nmy answer is below", "my answer is below"),
        ("Merci !\n\nLe lun. 2 mars 2026 à 09:12, Jonas <j@x.example> a écrit :\n\n> Bonjour", "Merci !"),
        ("Just words", "Just words"),
        ("", ""),
        ("> only what they quote", "> only what they quote"),
    ],
)
def test_quoted_text_is_taken_off_and_something_is_left(text: str, words: str) -> None:
    assert own_words(text) == words
    assert own_words(text.replace("\n", "\r\n")) == words


def test_a_long_letter_without_quotes_stays_whole() -> None:
    letter = "Dear Jonas, this is what happened. " * 500
    assert own_words(letter) == letter.strip()


@given(st.text(max_size=400))
def test_any_text_has_words(text: str) -> None:
    own_words(text)


FORM = {
    "from": "Anna Weber <Anna@Example.com>", "to": "Jonas <r-1-x@in.example>", "subject": "Re: hello", "text": THREAD,
    "envelope": '{"to":["r-1-x@in.example"],"from":"bounce@example.com"}', "dkim": "{@sendgrid.com : pass}",
    "headers": "Message-ID: <m1@example.com>\nReferences: <t1@x.example>\n <t2@x.example>\nSubject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=",
}  # fmt: skip


def test_a_mail_is_read_from_the_parts_that_are_to_be_believed() -> None:
    mail = mail_of(FORM)
    assert mail is not None
    assert (mail.sender, mail.name, mail.recipients) == (
        "anna@example.com",
        "Anna Weber",
        ("r-1-x@in.example",),
    )
    assert (mail.subject, mail.references) == ("Grüße", ("<t1@x.example>", "<t2@x.example>"))
    assert mail.text == "Awesome, thank you!\n\nAnna"
    assert not mail.automatic
    again = mail_of({**FORM, "text": "another body"})
    assert again is not None and again.id == mail.id


@pytest.mark.parametrize(
    "header", ["Auto-Submitted: auto-replied", "X-Autoreply: yes", "Precedence: auto_reply"]
)
def test_an_out_of_office_answer_is_known_by_its_own_word(header: str) -> None:
    mail = mail_of({**FORM, "headers": header})
    assert mail is not None and mail.automatic


@pytest.mark.parametrize(
    "change", [{"envelope": "not json"}, {"envelope": "[]"}, {"envelope": '{"to": 5}'}, {"headers": ""}]
)
def test_broken_parts_are_left_out(change: dict[str, str]) -> None:
    mail = mail_of({**FORM, **change})
    assert mail is not None and mail.sender == "anna@example.com"


def test_a_mail_without_a_sender_is_none() -> None:
    assert mail_of({"from": "nobody", "text": "hi"}) is None
    assert mail_of({}) is None


def test_a_mail_of_html_alone_is_read() -> None:
    mail = mail_of(
        {
            "from": "a@b.example",
            "html": "<style>x{}</style><p>Hello &amp; bye</p><blockquote>old</blockquote>",
        }
    )
    assert mail is not None and mail.text == "Hello & bye"


def test_a_forwarded_mail_names_whose_it_was() -> None:
    body = "fyi\n\n---------- Forwarded message ---------\nFrom: Anna Weber <anna@example.com>\nDate: Mon\nSubject: grill\nTo: <j@x.example>\n\nWhere is my grill?"
    mail = mail_of({"from": "j@x.example", "subject": "Fwd: grill", "text": body})
    assert mail is not None and forwarded(mail) == ("anna@example.com", "Where is my grill?")
    plain = mail_of({"from": "j@x.example", "subject": "grill", "text": body})
    assert plain is not None and forwarded(plain) == ("", "")


@given(
    st.dictionaries(
        st.sampled_from(["from", "to", "cc", "text", "html", "envelope", "headers", "subject"]),
        st.text(max_size=80),
    )
)
def test_no_form_raises(form: dict[str, str]) -> None:
    mail_of(form)

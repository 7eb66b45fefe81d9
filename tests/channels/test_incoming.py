"""What providers post, made into the house's own words; junk never raises."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outreach.channels.incoming import Left, as_bytes, fields, mail_event, said_by_twilio, text_of
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


def nested(depth: int) -> Any:
    item: Any = []
    for _ in range(depth):
        item = [item]
    return item


@pytest.mark.parametrize(
    "name", ["event", "email", "sg_event_id", "sg_message_id", "status", "outreach_token", "more"]
)
def test_what_nests_deeply_raises_nothing(name: str) -> None:
    item = {"event": "bounce", "email": "a@b.example", name: nested(900)}
    event = mail_event(item)
    assert event is not None and event.id.startswith("sg:")
    assert as_bytes(item)


@pytest.mark.parametrize("digits", ["9" * 5000, "٣", "-1", "1e9", "²"])
def test_what_only_looks_like_a_number_is_none(digits: str) -> None:
    text = text_of({"MessageSid": "SM1", "From": "+14017122661", "NumMedia": digits})
    assert text is not None and text.pictures == 0
    said = said_by_twilio({"MessageStatus": "failed", "ErrorCode": digits}, "tok")
    assert said is not None and said.meaning is Meaning.REJECTED


def test_no_field_holds_what_a_database_cannot() -> None:
    assert fields({"Bo\0dy": "a\0b", "From": "+1"}) == {"Body": "ab", "From": "+1"}
    event = mail_event({"event": "delivered\0", "sg_event_id": "e\0", "outreach_token": "t\0"})
    assert event is not None and event.said is not None
    assert (event.id, event.said.token) == ("sg:e", "t")

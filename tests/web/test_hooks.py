"""What providers post to us: signed or refused, stored or asked for again, and every one of the vectors."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from twilio.request_validator import RequestValidator

from outreach.domain.signal import Delivery
from outreach.service.ports_records import User
from outreach.service.ports_traffic import Attempt
from outreach.service.posting import copy_address, reply_address
from tests.web.world import World, world

TOKEN, NEXT = "rig-twilio-auth-token", "the-new-auth-token"
SECRET = "inbound-secret-of-forty-random-letters-1"
PUBLIC = "https://outreach.example"
KEY = ec.generate_private_key(ec.SECP256R1())


def public_key(key: ec.EllipticCurvePrivateKey = KEY) -> str:
    der = key.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return base64.b64encode(der).decode()


def with_hooks(tmp_path: Path, root: Path, url: str | None = None) -> World:
    return world(tmp_path, root, url, settings={
        "OUTREACH_PUBLIC_URL": PUBLIC, "OUTREACH_TWILIO_ACCOUNT_SID": "AC" + "a" * 32,
        "OUTREACH_TWILIO_AUTH_TOKEN": TOKEN, "OUTREACH_TWILIO_AUTH_TOKEN_NEXT": NEXT,
        "OUTREACH_SENDGRID_VERIFY_KEY": public_key(), "OUTREACH_SENDGRID_INBOUND_SECRET": SECRET,
        "OUTREACH_REPLY_DOMAIN": "in.hearth.example", "OUTREACH_TWILIO_ANSWERS_STOP": "true",
    })  # fmt: skip


@pytest.fixture
def hooked(tmp_path: Path, root: Path) -> Iterator[World]:
    made = with_hooks(tmp_path, root)
    yield made
    made.close()


@pytest.fixture
def hooked_either(tmp_path: Path, root: Path, database_url: str) -> Iterator[World]:
    """On each database."""
    made = with_hooks(tmp_path, root, database_url)
    yield made
    made.close()


def twilio(
    here: World, path: str, form: Mapping[str, Any], token: str = TOKEN, signature: str | None = None
) -> Any:
    if signature is None:
        signature = RequestValidator(token).compute_signature(PUBLIC + path, dict(form))
    return here.app.test_client().post(path, data=form, headers={"X-Twilio-Signature": signature})


def sendgrid(
    here: World, events: Any, *, raw: bytes | None = None, stamp: str | None = None, key: Any = KEY
) -> Any:
    body = raw if raw is not None else json.dumps(events).encode() + b"\r\n"
    stamp = stamp or str(int(here.clock.time.timestamp()))
    signed = key.sign(stamp.encode() + body, ec.ECDSA(hashes.SHA256()))
    return here.app.test_client().post("/hooks/sendgrid/events", data=body, headers={
        "Content-Type": "application/json", "X-Twilio-Email-Event-Webhook-Timestamp": stamp,
        "X-Twilio-Email-Event-Webhook-Signature": base64.b64encode(signed).decode(),
    })  # fmt: skip


def mail(here: World, form: Mapping[str, str], password: str = SECRET) -> Any:
    auth = base64.b64encode(f"sendgrid:{password}".encode()).decode()
    return here.app.test_client().post(
        "/hooks/sendgrid/inbound", data=dict(form), headers={"Authorization": f"Basic {auth}"}
    )


def sms_sent(here: World, token: str = "tok-1", ref: str | None = None, **more: Any) -> None:
    """Somebody has got a message from us."""
    here.late("hotel", "anna", days=9)
    with here.house.database.view() as unit:
        (run,) = [r for r in unit.runs_of(["hotel"]) if r.playbook == "late-delivery"]
        (touch,) = unit.touches_of_run(run.id)
    from outreach.domain.facts import Channel

    given = {
        "channel": Channel.SMS,
        "provider": "twilio",
        "at": here.clock.time,
        "person": "anna",
        "recipient": "+14017122661",
    }
    attempt = Attempt(token, touch.id, run.id, "hotel", ref=ref, **(given | more))  # type: ignore[arg-type]
    here.house.database.retrying(lambda unit: unit.add_attempt(attempt))


def anna(here: World, phone: str = "+14017122661") -> None:
    here.account("hotel", "Hotel Weber", person="anna")
    here.tell("person.described", "person:anna", {"phone": phone, "email": "anna@example.com"})


def suppressed(here: World, kind: str, value: str) -> dict[str, str]:
    hash_ = here.house.outside.endpoint_hash(kind, value)
    with here.house.database.view() as unit:
        return unit.suppressed([hash_]).get(hash_, {})


def attempt(here: World, token: str = "tok-1") -> Attempt:
    with here.house.database.view() as unit:
        found = unit.attempt(token)
    assert found is not None
    return found


def replies_to(here: World) -> list[Any]:
    with here.house.database.view() as unit:
        return [event for event in unit.events_of("hotel") if event.type == "message.received"]


# -- signatures ----------------------------------------------------------------------------------------------

FORM = {
    "MessageSid": "SM" + "1" * 32,
    "MessageStatus": "delivered",
    "To": "+14017122661",
    "From": "+15558675310",
}


def test_only_what_is_signed_is_read(hooked: World) -> None:
    assert twilio(hooked, "/hooks/twilio/status?t=tok-1", FORM).status_code == 204
    assert twilio(hooked, "/hooks/twilio/status?t=tok-1", FORM, signature="forged").status_code == 403
    assert twilio(hooked, "/hooks/twilio/status?t=tok-1", FORM, signature="").status_code == 403
    assert twilio(hooked, "/hooks/twilio/status?t=tok-1", FORM, token="another-token").status_code == 403


def test_both_tokens_are_believed_while_they_are_being_changed(hooked: World) -> None:
    assert twilio(hooked, "/hooks/twilio/status?t=tok-1", FORM, token=NEXT).status_code == 204


def test_a_signature_is_over_the_raw_query_and_every_field(hooked: World) -> None:
    path = "/hooks/twilio/status?t=" + quote("It's José") + "&x=%2B"
    assert twilio(hooked, path, {**FORM, "Empty": "", "Body": "It's é + 1"}).status_code == 204
    signature = RequestValidator(TOKEN).compute_signature(PUBLIC + "/hooks/twilio/status?t=tok-1", FORM)
    other = {**FORM, "MessageStatus": "failed"}
    assert twilio(hooked, "/hooks/twilio/status?t=tok-1", other, signature=signature).status_code == 403
    assert twilio(hooked, "/hooks/twilio/status?t=tok-2", FORM, signature=signature).status_code == 403


@pytest.mark.parametrize("header", ["", "é", "A" * 5000, "====", "null", "\x7f"])
def test_a_malformed_header_is_refused_and_never_a_fault_of_ours(hooked: World, header: str) -> None:
    raw = header.encode("utf-8").decode("latin-1")
    assert twilio(hooked, "/hooks/twilio/sms", FORM, signature=raw).status_code == 403
    for name in ("Signature", "Timestamp"):
        headers = {
            "X-Twilio-Email-Event-Webhook-Signature": "MEUCIQ==", "X-Twilio-Email-Event-Webhook-Timestamp": "1600112502",
            f"X-Twilio-Email-Event-Webhook-{name}": raw,
        }  # fmt: skip
        answer = hooked.app.test_client().post("/hooks/sendgrid/events", data=b"[]", headers=headers)
        assert answer.status_code == 403


def test_without_a_secret_nothing_is_believed(here: World) -> None:
    """Fail closed."""
    assert twilio(here, "/hooks/twilio/status", FORM).status_code == 403
    assert twilio(here, "/hooks/twilio/sms", FORM, token="").status_code == 403
    assert sendgrid(here, []).status_code == 403
    assert mail(here, {"from": "a@b.example"}).status_code == 401
    assert mail(here, {"from": "a@b.example"}, "").status_code == 401


def test_what_was_signed_long_ago_is_played_back(hooked: World) -> None:
    hour = 3600
    now = hooked.clock.time.timestamp()
    assert (
        sendgrid(hooked, [], stamp=str(int(now - 24 * hour))).status_code == 204
    )  # SendGrid repeats for a day
    assert sendgrid(hooked, [], stamp=str(int(now - 26 * hour))).status_code == 403
    assert sendgrid(hooked, [], stamp=str(int(now + hour))).status_code == 403
    assert sendgrid(hooked, [], key=ec.generate_private_key(ec.SECP256R1())).status_code == 403


def test_the_new_key_is_believed_beside_the_old_one(tmp_path: Path, root: Path) -> None:
    fresh = ec.generate_private_key(ec.SECP256R1())
    made = world(tmp_path, root, settings={
        "OUTREACH_SENDGRID_VERIFY_KEY": public_key(), "OUTREACH_SENDGRID_VERIFY_KEY_NEXT": public_key(fresh),
    })  # fmt: skip
    try:
        assert [sendgrid(made, [], key=key).status_code for key in (KEY, fresh)] == [204, 204]
    finally:
        made.close()


def test_looking_at_a_hook_does_nothing(hooked: World) -> None:
    client = hooked.app.test_client()
    for path in (
        "/hooks/twilio/sms",
        "/hooks/twilio/status",
        "/hooks/sendgrid/events",
        "/hooks/sendgrid/inbound",
    ):
        assert client.get(path).status_code == 405


# -- SMS -----------------------------------------------------------------------------------------------------------


def test_an_sms_is_answered_with_empty_twiml_and_told_to_the_account(hooked: World) -> None:
    anna(hooked)
    answer = twilio(
        hooked,
        "/hooks/twilio/sms",
        {"MessageSid": "SM1", "From": "+14017122661", "To": "+1555", "Body": "Hello"},
    )
    assert (answer.status_code, answer.content_type) == (200, "text/xml; charset=utf-8")
    assert "<Message>" not in answer.text
    assert [event.data["text"] for event in replies_to(hooked)] == ["Hello"]


def test_stop_is_answered_by_us_only_where_the_carrier_does_not(tmp_path: Path, root: Path) -> None:
    made = world(tmp_path, root, settings={
        "OUTREACH_PUBLIC_URL": PUBLIC, "OUTREACH_TWILIO_ACCOUNT_SID": "AC" + "a" * 32,
        "OUTREACH_TWILIO_AUTH_TOKEN": TOKEN, "OUTREACH_TWILIO_ANSWERS_STOP": "false",
    })  # fmt: skip
    try:
        anna(made)
        stop = {"From": "+14017122661", "To": "+1555", "Body": "STOP"}
        assert (
            "<Message>Hearth &amp; Home"
            in twilio(made, "/hooks/twilio/sms", {"MessageSid": "SM1", **stop}).text
        )
        assert "<Message>" not in twilio(made, "/hooks/twilio/sms", {"MessageSid": "SM2", **stop}).text
    finally:
        made.close()


# -- batches -----------------------------------------------------------------------------------------------------


def test_one_bad_item_never_loses_the_others(hooked: World, monkeypatch: pytest.MonkeyPatch) -> None:
    from outreach.web import hooks

    anna(hooked)
    told = hooks.heard_of

    def breaks(outside: Any, id_: str, said: Any, left: Any) -> str:
        if id_ == "sg:bad":
            raise ValueError("a room broke")
        return told(outside, id_, said, left)

    monkeypatch.setattr(hooks, "heard_of", breaks)
    events = [
        5, None, {"event": 7}, {"event": "bounce", "sg_event_id": "bad", "email": "x@y.example"},
        {"event": "bounce", "type": "bounce", "sg_event_id": "good", "email": "anna@example.com"},
    ]  # fmt: skip
    assert sendgrid(hooked, events).status_code == 204
    assert suppressed(hooked, "email", "anna@example.com") == {"email": "bounced"}
    with hooked.house.database.view() as unit:
        assert [row[0] for row in unit.bulk.rows("select source from quarantine")] == ["provider/sendgrid"]


def test_what_cannot_be_stored_comes_again(hooked: World, monkeypatch: pytest.MonkeyPatch) -> None:
    from outreach.service.ports_faults import Unavailable
    from outreach.web import hooks

    def gone(*_: Any) -> str:
        raise Unavailable("the disk is full")

    monkeypatch.setattr(hooks, "heard_of", gone)
    answer = sendgrid(hooked, [{"event": "delivered"}])
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "2")


def test_a_signed_body_that_is_no_json_is_a_bad_request(hooked: World) -> None:
    assert sendgrid(hooked, None, raw=b"{not json").status_code == 400


def test_unknown_tokens_are_answered_and_counted(hooked: World) -> None:
    assert twilio(hooked, "/hooks/twilio/status?t=nobody", FORM).status_code == 204
    assert (
        'outreach_hooks_total{outcome="unknown",provider="twilio"} 1.0'
        in hooked.app.test_client().get("/metrics").text
    )


# -- incoming mail -----------------------------------------------------------------------------------------------


def test_an_answer_by_mail_finds_its_touch_by_address_or_thread(hooked: World) -> None:
    anna(hooked)
    sms_sent(hooked, "tok-1")
    touch = attempt(hooked).touch
    to = reply_address(hooked.house.outside, touch)
    by_address = {
        "from": "Anna <anna@example.com>",
        "text": "Yes\n\n> quoted",
        "envelope": json.dumps({"to": [to], "from": "x"}),
    }
    by_thread = {
        "from": "anna@example.com",
        "text": "And?",
        "headers": "Message-ID: <m2@x>\nIn-Reply-To: <tok-1@hearth.example>",
    }
    assert [mail(hooked, form).status_code for form in (by_address, by_thread, by_thread)] == [204, 204, 204]
    assert [(event.data["text"], event.data["touch_id"]) for event in replies_to(hooked)] == [
        ("Yes", touch),
        ("And?", touch),
    ]


def test_an_out_of_office_answer_is_nobody_s_answer(hooked: World) -> None:
    anna(hooked)
    form = {
        "from": "anna@example.com",
        "text": "I am away",
        "headers": "Auto-Submitted: auto-replied\nMessage-ID: <m@x>",
    }
    assert mail(hooked, form).status_code == 204
    assert replies_to(hooked) == []


def test_an_account_manager_s_copy_is_logged(hooked: World) -> None:
    anna(hooked)
    user = User("jonas", "Jonas", "jonas@hearth.example", "", "am")
    hooked.house.database.retrying(lambda unit: unit.save_user(user))
    to = copy_address(hooked.house.outside, "jonas")
    form = {
        "from": "jonas@hearth.example", "to": f"anna@example.com, {to}", "subject": "Your order", "text": "Dear Anna",
        "envelope": json.dumps({"to": [to], "from": "x"}),
    }  # fmt: skip
    assert mail(hooked, form).status_code == 204
    with hooked.house.database.view() as unit:
        assert [e.data["by"] for e in unit.events_of("hotel") if e.type == "contact.logged"] == ["jonas"]


def test_personal_data_is_in_no_log(hooked: World, capfd: pytest.CaptureFixture[str]) -> None:
    anna(hooked)
    mail(hooked, {"from": "anna@example.com", "text": "Planted words"})
    twilio(
        hooked, "/hooks/twilio/sms", {"MessageSid": "SM9", "From": "+14017122661", "Body": "Planted words"}
    )
    sendgrid(hooked, [{"event": "bounce", "type": "bounce", "email": "anna@example.com"}])
    told = capfd.readouterr()
    assert not [word for word in ("Planted", "anna@", "4017122661") if word in told.out + told.err]


# -- one click (RFC 8058) ------------------------------------------------------------------------------------------


def vectors(shared_dir: Path, name: str) -> list[dict[str, Any]]:
    cases: list[dict[str, Any]] = json.loads((shared_dir / "rigs/vectors" / f"{name}.dev.json").read_text())[
        "cases"
    ]
    return cases


def one_click(here: World) -> str:
    from outreach.domain.facts import Channel

    anna(here)
    sms_sent(here, "tok-mail", channel=Channel.EMAIL, provider="sendgrid", recipient="anna@example.com")
    return "/u/tok-mail"


def test_one_click_vectors(hooked: World, shared_dir: Path) -> None:
    path = one_click(hooked)
    client = hooked.app.test_client(use_cookies=False)
    for case in vectors(shared_dir, "rfc8058_one_click"):
        given, expect = case["input"], case["expect"]
        if "method" not in given:
            continue
        hash_ = hooked.house.outside.endpoint_hash("email", "anna@example.com")
        hooked.house.database.retrying(lambda unit, hash_=hash_: unit.lift(hash_, "email"))
        where = path if given["path"] == "TOKEN_PATH" else path[:-1] + "x"
        answer = client.open(
            where, method=given["method"], headers=given["headers"], data=given.get("body", "")
        )
        assert str(answer.status_code)[0] == expect["status"][0], case["id"]
        assert bool(suppressed(hooked, "email", "anna@example.com")) is expect["suppressed"], case["id"]
        assert "Set-Cookie" not in answer.headers


def test_unsubscribing_twice_and_by_the_button_is_fine(hooked: World) -> None:
    path = one_click(hooked)
    client = hooked.app.test_client()
    assert "Shall we stop writing mails to you?" in client.get(path).text
    assert [client.post(path).status_code for _ in range(2)] == [200, 200]
    assert "We write no more mails to you." in client.post(path).text
    assert client.get("/u/nothing").status_code == 404
    assert client.post("/u/nothing").status_code == 404


# -- the vectors of providers' webhooks ---------------------------------------------------------------------------


def test_twilio_webhook_vectors(hooked: World, shared_dir: Path) -> None:
    anna(hooked)
    for number, case in enumerate(vectors(shared_dir, "twilio_webhooks")):
        expect = case["expect"]
        if case["kind"] == "inbound":
            params = dict(case["input"]["params"], MessageSid=f"SM{number:032}")
            repeat, before = int(params.pop("_repeat", 1)), len(replies_to(hooked))
            was_shut = bool(suppressed(hooked, "phone", "+14017122661"))
            answers = [twilio(hooked, "/hooks/twilio/sms", params) for _ in range(repeat)]
            assert all(answer.status_code == 200 and "xml" in answer.content_type for answer in answers), (
                case["id"]
            )
            assert all("<Message>" not in answer.text for answer in answers), case["id"]
            if "sms_suppressed" in expect:
                wanted = was_shut if expect["sms_suppressed"] == "unchanged" else expect["sms_suppressed"]
                assert bool(suppressed(hooked, "phone", "+14017122661")) is wanted, case["id"]
            if "stored_replies" in expect:
                assert len(replies_to(hooked)) - before == expect["stored_replies"], case["id"]
            if "stored" in expect:
                assert len(replies_to(hooked)) == before + 1, case["id"]
        else:
            token = f"tok-{number}"
            with hooked.house.database.view() as unit:
                known = bool(unit.runs_of(["hotel"])) and any(
                    run.playbook == "late-delivery" for run in unit.runs_of(["hotel"])
                )
            if not known:
                sms_sent(hooked, token)
            else:
                first = attempt(hooked, f"tok-{first_status(shared_dir)}")
                fresh = first._replace(token=token, delivery=None, code=None, ref=None)
                hooked.house.database.retrying(lambda unit, fresh=fresh: unit.add_attempt(fresh))
            for params in case["input"]["sequence"]:
                answer = twilio(hooked, f"/hooks/twilio/status?t={token}", params)
                assert answer.status_code == 204, case["id"]
            assert attempt(hooked, token).delivery == expect["final"], case["id"]
            if "number_marked" in expect:
                assert suppressed(hooked, "phone", "+14017122661") == {"sms": "not_mobile"}, case["id"]


def first_status(shared_dir: Path) -> int:
    cases = vectors(shared_dir, "twilio_webhooks")
    return next(number for number, case in enumerate(cases) if case["kind"] == "status")


def test_sendgrid_event_vectors(hooked: World, shared_dir: Path) -> None:
    for case in vectors(shared_dir, "sendgrid_events"):
        given, expect = case["input"], case["expect"]
        if "events" not in given:
            continue
        for _ in range(given.get("repeat", 1)):
            assert sendgrid(hooked, given["events"]).status_code == 204, case["id"]
        if "email_suppressed" in expect:
            address = given["events"][0]["email"]
            assert bool(suppressed(hooked, "email", address)) is expect["email_suppressed"], case["id"]
            hash_ = hooked.house.outside.endpoint_hash("email", address)
            hooked.house.database.retrying(lambda unit, hash_=hash_: unit.lift(hash_, "email"))
        if "stored" in expect:
            with hooked.house.database.view() as unit:
                ids = {event["sg_event_id"] for event in given["events"]}
                assert [unit.was_seen(f"sg:{id_}") for id_ in ids] == [True] * expect["stored"], case["id"]


def test_a_mail_s_events_find_it_by_token_and_by_the_provider_s_id(hooked: World) -> None:
    from outreach.domain.facts import Channel

    anna(hooked)
    sms_sent(
        hooked, "tok-m", ref="mid-1", channel=Channel.EMAIL, provider="sendgrid", recipient="anna@example.com"
    )
    sendgrid(hooked, [{"event": "processed", "sg_event_id": "1", "outreach_token": "tok-m"}])
    sendgrid(hooked, [{"event": "delivered", "sg_event_id": "2", "sg_message_id": "mid-1.recvd-6d-1.0"}])
    assert attempt(hooked, "tok-m").delivery is Delivery.DELIVERED


def test_sendgrid_inbound_vectors(hooked: World, shared_dir: Path) -> None:
    auth = {"Authorization": "Basic " + base64.b64encode(f"s:{SECRET}".encode()).decode()}
    client = hooked.app.test_client()
    for case in vectors(shared_dir, "sendgrid_inbound"):
        given = case["input"]
        if "body" in given:
            answer = client.post(
                "/hooks/sendgrid/inbound",
                data=given["body"].encode(),
                content_type=given["content_type"],
                headers=auth,
            )
        elif "form" in given:
            answer = client.post("/hooks/sendgrid/inbound", data=given["form"], headers=auth)
        else:
            continue
        assert answer.status_code == 204, case["id"]
    with hooked.house.database.view() as unit:
        assert {row.sender for row in unit.inbound_open(10)} == {"test@example.com"}


# -- what no database takes ----------------------------------------------------------------------------------


def test_a_message_is_not_lost_for_a_character(hooked_either: World) -> None:
    """PostgreSQL has no U+0000: the rest of the message is kept, and nobody sends it again and again."""
    here = hooked_either
    anna(here)
    sms_sent(here, "tok-1", "SM1")
    body = {
        "MessageSid": "SM\0" + "2" * 32,
        "From": "+14017122661",
        "To": "+15558675310",
        "Body": "Still\0 waiting",
    }
    assert twilio(here, "/hooks/twilio/sms", body).status_code == 200
    letter = {
        "from": "Anna\0 <anna@example.com>",
        "subject": "The \0grill",
        "text": "Where\0 is it?",
        "to": "\0",
    }
    assert mail(here, letter).status_code == 204
    assert sorted(reply.data["asks"] for reply in replies_to(here)) == ["answer", "answer"]
    batch = [{"event": "delivered", "sg_event_id": "e\0", "outreach_token": "tok-1", "sg_message_id": "\0"}]
    assert sendgrid(here, batch).status_code == 204
    assert attempt(here, "tok-1").delivery is Delivery.DELIVERED


def test_an_item_that_nests_deeply_does_not_lose_the_batch(hooked: World) -> None:
    anna(hooked)
    sms_sent(hooked, "tok-1")
    deep = b'{"event": "delivered", "status": ' + b"[" * 900 + b"]" * 900 + b', "sg_event_id": "deep"}'
    good = b'{"event": "delivered", "sg_event_id": "e1", "outreach_token": "tok-1"}'
    assert sendgrid(hooked, None, raw=b"[" + deep + b"," + good + b"]").status_code == 204
    assert attempt(hooked, "tok-1").delivery is Delivery.DELIVERED

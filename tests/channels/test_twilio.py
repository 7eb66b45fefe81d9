"""SMS and calls by the official client, against the rig and against servers that misbehave."""

from __future__ import annotations

import json
import socket
import socketserver
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from outreach.channels.twilio import TwilioAccount, TwilioSender
from outreach.channels.twilio_phone import TwilioTelephone
from outreach.domain.signal import Meaning
from outreach.service.ports_faults import Unavailable
from outreach.service.ports_ways import Receipt
from tests.channels.messages import NOW, sms
from tests.support.rig import Rig
from tests.support.served import running

SID, TOKEN = "AC" + "a" * 32, "rig-twilio-auth-token"
US = "+15558675310"


def account(base: str, timeout: float = 5.0, token: str = TOKEN) -> TwilioAccount:
    return TwilioAccount(SID, token, "https://outreach.example", base, timeout)


def sender(base: str, **more: Any) -> TwilioSender:
    made = account(base, more.pop("timeout", 5.0), more.pop("token", TOKEN))
    return TwilioSender(made, lambda: NOW, **({"from_number": "+15005550006", "a2p": "CMP1"} | more))


# -- against the rig -----------------------------------------------------------------------------------------


def test_an_sms_says_everything_that_it_must(rig: Rig) -> None:
    receipt = sender(rig.twilio_url).send(sms(), "tok/1")
    assert receipt.outcome == "sent" and receipt.ref is not None and receipt.ref.startswith("SM")
    (asked,) = rig.requests()
    assert asked["form"] == {
        "To": [US], "From": ["+15005550006"], "Body": ["I am sorry. Ring me."], "ValidityPeriod": ["7170"],
        "StatusCallback": ["https://outreach.example/hooks/twilio/status?t=tok%2F1"],
    }  # fmt: skip
    assert rig.violations() == []


def test_a_messaging_service_sends_instead_of_a_number(rig: Rig) -> None:
    service = "MG" + "b" * 32
    assert sender(rig.twilio_url, messaging_service_sid=service).send(sms(), "t").outcome == "sent"
    (asked,) = rig.requests()
    assert asked["form"]["MessagingServiceSid"] == [service] and "From" not in asked["form"]
    assert rig.violations() == []


@pytest.mark.parametrize(
    ("preset", "outcome", "counts", "meaning"),
    [
        ("twilio_429", "refused", False, Meaning.SLOW_DOWN), ("twilio_rfc9457_429", "refused", False, Meaning.SLOW_DOWN),
        ("twilio_500", "unknown", True, None), ("twilio_503", "unknown", True, None),
        ("twilio_html_502", "unknown", True, None), ("twilio_lost_reply", "unknown", True, None),
        ("twilio_accept_500", "unknown", True, None),
    ],
)  # fmt: skip
def test_each_fault_of_the_provider_says_what_it_proves(
    rig: Rig, preset: str, outcome: str, counts: bool, meaning: Meaning | None
) -> None:
    rig.fault(preset)
    receipt = sender(rig.twilio_url).send(sms(), "t")
    assert (receipt.outcome, receipt.counts, receipt.meaning) == (outcome, counts, meaning)
    taken = len(rig.state()["messages"])
    assert taken == (1 if "lost" in preset or "accept" in preset else 0)
    assert sender(rig.twilio_url).send(sms(), "t2").outcome == "sent"


def test_a_provider_that_never_answers_is_left_after_the_time_out(rig: Rig) -> None:
    rig.fault("twilio_timeout", delay_s=3)
    receipt = sender(rig.twilio_url, timeout=0.4).send(sms(), "t")
    assert receipt.outcome == "unknown"


def test_retry_after_is_said(rig: Rig) -> None:
    body = {"code": 20429, "message": "x", "status": 429}
    rig.fault(provider="twilio", kind="error", status=429, body=body, headers={"Retry-After": "17"})
    assert sender(rig.twilio_url).send(sms(), "t").retry_at == NOW + timedelta(seconds=17)


def test_wrong_credentials_stop_everything(rig: Rig) -> None:
    receipt = sender(rig.twilio_url, token="another-token").send(sms(), "t")
    assert (receipt.outcome, receipt.meaning, receipt.counts, receipt.code) == (
        "refused",
        Meaning.PROVIDER,
        False,
        "20003",
    )


MEANINGS = {
    21610: ("failed", Meaning.OPTED_OUT), 21211: ("failed", Meaning.INVALID), 21614: ("failed", Meaning.NOT_MOBILE),
    21612: ("failed", Meaning.UNREACHABLE), 21408: ("refused", Meaning.SENDER), 21606: ("refused", Meaning.SENDER),
    21611: ("refused", Meaning.SLOW_DOWN), 20003: ("refused", Meaning.PROVIDER), 20429: ("refused", Meaning.SLOW_DOWN),
}  # fmt: skip


def test_every_error_of_the_vectors_means_what_we_do(rig: Rig, shared_dir: Path) -> None:
    cases = json.loads((shared_dir / "rigs/vectors/provider_errors.dev.json").read_text())["cases"]
    tried = 0
    for case in cases:
        given = case["input"]
        if case["provider"] != "twilio" or "code" not in given:
            continue
        to, from_number = given.get("magic_to", US), given.get("magic_from", "+15005550006")
        token = "wrong-token" if given["code"] == 20003 else TOKEN
        if "preset" in given:
            rig.fault(given["preset"])
        receipt = sender(rig.twilio_url, from_number=from_number, token=token).send(sms(to), "t")
        assert (receipt.outcome, receipt.meaning) == MEANINGS[given["code"]], case["id"]
        assert receipt.code == str(given["code"])
        tried += 1
    assert tried == 9


def test_its_own_listing_is_read_by_number_day_and_hour(rig: Rig) -> None:
    one = sender(rig.twilio_url)
    for number, text in ((US, "one"), (US, "two"), ("+15558675311", "other")):
        one.send(sms(number, text), "t")
    from datetime import UTC, datetime

    wide = (datetime(2000, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC))
    assert [found.text for found in one.find(US, *wide)] == ["two", "one"]
    assert one.find(US, wide[0], datetime(2001, 1, 1, tzinfo=UTC)) == []
    with pytest.raises(Unavailable):
        sender(rig.twilio_url, token="wrong-token").find(US, *wide)


def test_our_phone_is_rung_and_hung_up(rig: Rig) -> None:
    phone = TwilioTelephone(account(rig.twilio_url), lambda: NOW, "+15005550006")
    receipt = phone.ring("+15551230001", "leg-1")
    assert receipt.outcome == "sent" and receipt.ref is not None
    (asked,) = rig.requests()
    form = asked["form"]
    assert form["Url"] == ["https://outreach.example/hooks/twilio/voice/ours?t=leg-1"]
    assert form["StatusCallbackEvent"] == ["initiated", "ringing", "answered", "completed"]
    assert form["MachineDetection"] == ["Enable"] and "Record" not in form
    phone.hang_up(receipt.ref)
    assert [call["status"] for call in rig.state()["calls"]] == ["completed"]
    phone.hang_up("CA" + "0" * 32)  # is gone: no fault
    assert rig.violations() == []


# -- without it ------------------------------------------------------------------------------------------------


def nowhere() -> str:
    with socket.create_server(("127.0.0.1", 0)) as one:
        return f"http://127.0.0.1:{one.getsockname()[1]}"


@contextmanager
def serving(answer: Callable[[socket.socket], None]) -> Iterator[str]:
    """A server that reads a request and then does as it is told."""

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            read = b""
            while b"\r\n\r\n" not in read:
                read += self.request.recv(65536)
            head, _, body = read.partition(b"\r\n\r\n")
            length = next(
                (int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length")), 0
            )  # fmt: skip
            while len(body) < length:
                body += self.request.recv(65536)
            answer(self.request)

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True
        allow_reuse_address = True

    server = Server(("127.0.0.1", 0), Handler)
    with running(server):
        yield f"http://127.0.0.1:{server.server_address[1]}"


def reply(status: int, body: str = "", headers: str = "") -> Callable[[socket.socket], None]:
    def answer(line: socket.socket) -> None:
        length = len(body.encode())
        line.sendall(
            f"HTTP/1.1 {status} X\r\nContent-Length: {length}\r\n{headers}Connection: close\r\n\r\n{body}".encode()
        )

    return answer


def cut(line: socket.socket) -> None:
    line.close()


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (reply(201, '{"sid": "SM1"}'), "sent"), (reply(201, "no json"), "unknown"), (reply(500, "x"), "unknown"),
        (reply(408, "{}"), "unknown"), (reply(400, '{"code": 1, "message": "x", "status": 400}'), "failed"),
        (reply(302, "", "Location: http://127.0.0.1:9/\r\n"), "unknown"), (cut, "unknown"),
    ],
)  # fmt: skip
def test_what_an_answer_proves(answer: Callable[[socket.socket], None], outcome: str) -> None:
    with serving(answer) as base:
        assert sender(base).send(sms(), "t").outcome == outcome


def test_a_line_that_cannot_be_opened_proves_that_nothing_left() -> None:
    receipt = sender(nowhere()).send(sms(), "t")
    assert (receipt.outcome, receipt.counts) == ("refused", True)
    nobody = sender("http://no-such-host.invalid").send(sms(), "t")
    assert nobody.outcome == "refused"


def test_nothing_personal_is_in_a_receipt() -> None:
    body = f'{{"code": 21211, "message": "The number {US} is wrong: Anna", "status": 400}}'
    with serving(reply(400, body)) as base:
        receipt = sender(base).send(sms(), "t")
    assert US not in repr(receipt) and "Anna" not in repr(receipt)


@pytest.mark.parametrize(
    ("to", "sends"),
    [
        ("+12125550134", False),
        ("+17875550134", False),
        ("+14165550134", True),
        ("+4930123456", True),
        ("junk", True),
    ],
)
def test_the_united_states_wait_for_a_campaign(to: str, sends: bool) -> None:
    with serving(reply(201, '{"sid": "SM1"}')) as base:
        receipt = sender(base, a2p="").send(sms(to), "t")
    assert (receipt.outcome == "sent") is sends
    if not sends:
        assert receipt == Receipt(
            "refused", None, receipt.reason, NOW + timedelta(hours=1), None, "a2p", counts=False
        )


@pytest.mark.parametrize(("left", "outcome"), [(89, "refused"), (91, "sent"), (10**6, "sent")])
def test_an_sms_is_never_valid_beyond_the_allowed_hours(left: int, outcome: str) -> None:
    with serving(reply(201, '{"sid": "SM1"}')) as base:
        receipt = sender(base).send(sms(valid_until=NOW + timedelta(seconds=left)), "t")
    assert receipt.outcome == outcome and (outcome == "sent" or not receipt.counts)

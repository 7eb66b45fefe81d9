"""The doctor on providers: what is set, what is missing, whether we can be reached, and what to do about it."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from outreach.assemble import with_ways
from outreach.lab import doctor_providers
from outreach.service import intake, switches
from outreach.service.finding import Finding
from outreach.settings import load_settings
from outreach.ways import ways_out
from tests.lab.houses import NOW, ROOT, house_in, line

TWILIO = {"OUTREACH_TWILIO_ACCOUNT_SID": "AC" + "0" * 32, "OUTREACH_TWILIO_AUTH_TOKEN": "t" * 32}
SENDGRID = {"OUTREACH_SENDGRID_API_KEY": "SG." + "k" * 40}
SMTP = {"OUTREACH_SMTP_HOST": "mail.house.example", "OUTREACH_MAIL_FROM": "hello@house.example"}


class Examined:
    """A house with these settings, and what the doctor says of its providers."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.house = folder, house_in(folder)

    def __call__(self, **settings: str) -> list[Finding]:
        base = {"OUTREACH_DATA_DIR": str(self.folder / "data"), "OUTREACH_ROOT": str(ROOT)}
        read = load_settings({**base, **settings}, self.folder)
        ways = ways_out(read, self.house.outside.clock)
        self.here = replace(
            self.house, settings=read, ways=ways, outside=with_ways(self.house.outside, read, ways)
        )
        return list(doctor_providers.providers(self.here))


@pytest.fixture
def examined(tmp_path: Path) -> Iterator[Examined]:
    found = Examined(tmp_path)
    yield found
    found.house.close()


def wrong(findings: list[Finding]) -> str:
    assert all(found.remedy for found in findings if not found.ok), "every fault has its remedy"
    return "\n".join(f"{found.what} → {found.remedy}" for found in findings if not found.ok)


def right(findings: list[Finding]) -> str:
    return "\n".join(found.what for found in findings if found.ok)


def test_without_providers_everything_is_a_file_and_that_is_well(examined: Examined) -> None:
    (only,) = examined()
    assert only.ok and "outbox" in only.what


def test_a_bare_twilio_is_told_what_it_lacks(examined: Examined) -> None:
    said = examined(**TWILIO)
    for words in ("providers cannot reach http://", "set OUTREACH_TWILIO_FROM", "set OUTREACH_TWILIO_CALLER_ID",
                  ):  # fmt: skip
        assert words in wrong(said)
    assert "rehearse" not in wrong(said), "nothing leaves by it yet"
    assert "no A2P campaign is named" in right(said) and "/hooks/twilio/sms" in right(said)


def test_a_twilio_with_a_number_rehearses_until_it_goes_live(examined: Examined) -> None:
    assert "twilio rehearses: only 0 named addresses" in wrong(
        examined(**TWILIO, OUTREACH_TWILIO_FROM="+4930555000")
    )


def test_people_in_the_us_need_a_campaign(examined: Examined) -> None:
    intake.take_in(examined.house.outside, [
        line("account.described", "a1", NOW, "a1", name="A", zone="America/New_York", country="US"),
        line("person.described", "person:grace", NOW, "p1", name="Grace", phone="+12125550123",
             accounts=[{"account": "a1", "roles": ["buyer"]}]),
    ], internal=True)  # fmt: skip
    assert "(1 number of people there on file) → register it at Twilio" in wrong(examined(**TWILIO))
    assert "A2P" not in wrong(examined(**TWILIO, OUTREACH_TWILIO_A2P="CM1"))


def test_account_managers_without_a_number(examined: Examined) -> None:
    from outreach.service.ports_records import User

    def save(phone: str | None) -> None:
        jonas = User("jonas", "Jonas", "jonas@house.example", "", "am", phone=phone)
        examined.house.database.retrying(lambda unit: unit.save_user(jonas))

    save(None)
    given = {**TWILIO, "OUTREACH_TWILIO_FROM": "+4930555000"}
    assert "jonas cannot ring through the house" in wrong(examined(**given))
    save("+4930555001")
    assert "every account manager has a number" in right(examined(**given))


def test_a_bare_sendgrid_is_told_what_it_lacks(examined: Examined) -> None:
    said = examined(OUTREACH_SENDGRID_API_KEY="wrong" * 5, OUTREACH_REPLY_DOMAIN="in.house.example")
    for words in ("does not begin with SG.", "set OUTREACH_SENDGRID_VERIFY_KEY",
                  "set OUTREACH_SENDGRID_INBOUND_SECRET"):  # fmt: skip
        assert words in wrong(said)
    odd = wrong(examined(**SENDGRID, OUTREACH_SENDGRID_VERIFY_KEY="bm8ga2V5"))
    assert "OUTREACH_SENDGRID_VERIFY_KEY is no public key" in odd


def test_a_sendgrid_with_everything(examined: Examined, public_key: str) -> None:
    said = examined(
        **SENDGRID, OUTREACH_SENDGRID_VERIFY_KEY=public_key, OUTREACH_REPLY_DOMAIN="in.house.example",
        OUTREACH_SENDGRID_INBOUND_SECRET="abcdefgh" * 4, OUTREACH_SENDGRID_HOLD_GROUPS="12",
    )  # fmt: skip
    assert "SendGrid" not in wrong(said)
    for words in ("/hooks/sendgrid/events", "MX record", "SPF, DKIM and DMARC"):
        assert words in right(said)


@pytest.fixture
def public_key() -> str:
    import base64

    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    key = ec.generate_private_key(ec.SECP256R1()).public_key()
    return base64.b64encode(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).decode()


def test_mails_in_the_clear_are_a_fault_unless_they_stay_here(examined: Examined) -> None:
    assert "in the clear" in wrong(examined(**SMTP, OUTREACH_SMTP_SECURITY="none"))
    near = {**SMTP, "OUTREACH_SMTP_HOST": "127.0.0.1"}
    assert "in the clear" not in wrong(examined(**near, OUTREACH_SMTP_SECURITY="none"))


def test_stopped_ways_and_live_ones_are_told(examined: Examined) -> None:
    examined(**SMTP)
    outside = examined.here.outside
    switches.go_live(outside, "otto", "tried", accept_strict=True)
    assert "live: smtp" in right(examined(**SMTP))
    outside.database.retrying(lambda unit: switches.stop_provider(unit, "smtp", "the password is wrong", NOW))
    assert "smtp is stopped: the password is wrong → mend it, then `outreach resume smtp" in wrong(
        examined(**SMTP)
    )


class Answers(http.server.BaseHTTPRequestHandler):
    body, status = b'{"status": "ok"}', 200

    def do_GET(self) -> None:
        self.send_response(self.status)
        self.end_headers()
        self.wfile.write(self.body)

    def log_message(self, *_: object) -> None:
        """Nothing."""


@pytest.mark.parametrize(
    ("body", "status", "problem"),
    [
        (b'{"status": "ok"}', 200, ""), (b'{"status":"ok"}', 200, ""),
        (b"a login page", 200, "something else answers there"), (b"", 301, "HTTP 301"), (b"", 502, "HTTP 502"),
    ],
)  # fmt: skip
def test_our_own_address_is_tried(body: bytes, status: int, problem: str) -> None:
    handler = type("Handler", (Answers,), {"body": body, "status": status})
    with http.server.HTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.handle_request)
        thread.start()
        assert doctor_providers.reach(f"http://127.0.0.1:{server.server_port}/healthz", 5) == problem
        thread.join()
    assert doctor_providers.reach(f"http://127.0.0.1:{server.server_port}/healthz", 5) == "ConnectionError"

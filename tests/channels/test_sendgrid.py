"""Mail by the official client, against the rig and against servers that misbehave."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from socket import socket
from typing import Any

import pytest

from outreach.channels.sendgrid import SendGridAccount, SendGridSender
from outreach.domain.signal import Meaning
from tests.channels.messages import NOW, mail
from tests.channels.test_twilio import cut, nowhere, reply, serving
from tests.support.rig import Rig


def sender(base: str, key: str = "SG.rig.key", timeout: float = 5.0) -> SendGridSender:
    return SendGridSender(SendGridAccount(key, base, timeout), lambda: NOW)


# -- against the rig -----------------------------------------------------------------------------------------


def test_a_mail_looks_like_one_from_a_person(rig: Rig) -> None:
    receipt = sender(rig.sendgrid_url).send(mail(), "tok-1")
    assert receipt.outcome == "sent" and receipt.ref
    (asked,) = rig.requests()
    said = asked["json"]
    assert said["from"] == {"email": "jonas@example.com", "name": "Jonas Lindner"}
    assert said["reply_to"]["email"] == "r-t1-abc@in.example.com"
    assert [part["type"] for part in said["content"]] == ["text/plain", "text/html"]
    assert said["headers"] == {
        "Message-ID": "<tok-1@example.com>", "In-Reply-To": "<tok-0@example.com>", "References": "<tok-0@example.com>",
        "List-Unsubscribe": "<https://outreach.example/u/tok-1>", "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
    }  # fmt: skip
    assert said["custom_args"] == {"outreach_token": "tok-1"}
    assert not any(part.get("enable") for part in said["tracking_settings"].values())
    assert rig.violations() == []


def test_the_headers_of_one_click_are_as_rfc_8058_has_them(rig: Rig, shared_dir: Path) -> None:
    cases = json.loads((shared_dir / "rigs/vectors/rfc8058_one_click.dev.json").read_text())["cases"]
    assert cases[0]["id"] == "header-shape"
    sender(rig.sendgrid_url).send(mail(), "tok-1")
    headers = rig.requests()[0]["json"]["headers"]
    assert headers["List-Unsubscribe-Post"] == cases[0]["expect"]["headers"]["List-Unsubscribe-Post"]
    assert headers["List-Unsubscribe"].startswith("<https://") and headers["List-Unsubscribe"].count("<") == 1
    sender(rig.sendgrid_url).send(mail(unsubscribe=""), "tok-2")
    assert not [name for name in rig.requests()[1]["json"]["headers"] if name.startswith("List-")]


@pytest.mark.parametrize(
    ("preset", "outcome", "counts", "meaning"),
    [
        ("sendgrid_429", "refused", False, Meaning.SLOW_DOWN), ("sendgrid_403", "refused", False, Meaning.SENDER),
        ("sendgrid_500", "unknown", True, None), ("sendgrid_503", "unknown", True, None),
        ("sendgrid_lost_reply", "unknown", True, None),
    ],
)  # fmt: skip
def test_each_fault_of_the_provider_says_what_it_proves(
    rig: Rig, preset: str, outcome: str, counts: bool, meaning: Meaning | None
) -> None:
    rig.fault(preset)
    receipt = sender(rig.sendgrid_url).send(mail(), "t")
    assert (receipt.outcome, receipt.counts, receipt.meaning) == (outcome, counts, meaning)
    assert len(rig.state()["emails"]) == (1 if "lost" in preset else 0)


def test_a_provider_that_never_answers_is_left_after_the_time_out(rig: Rig) -> None:
    rig.fault("sendgrid_timeout", delay_s=3)
    assert sender(rig.sendgrid_url, timeout=0.4).send(mail(), "t").outcome == "unknown"


def test_a_wrong_key_stops_everything(rig: Rig) -> None:
    receipt = sender(rig.sendgrid_url, "SG.another").send(mail(), "t")
    assert (receipt.outcome, receipt.meaning, receipt.counts) == ("refused", Meaning.PROVIDER, False)


def test_the_errors_of_the_vectors(rig: Rig, shared_dir: Path) -> None:
    cases = json.loads((shared_dir / "rigs/vectors/provider_errors.dev.json").read_text())["cases"]
    outcomes = {
        "sg-202": ("sent", None), "sg-400": ("failed", Meaning.REJECTED), "sg-401": ("refused", Meaning.PROVIDER),
        "sg-429": ("refused", Meaning.SLOW_DOWN), "sg-413": ("failed", Meaning.REJECTED),
    }  # fmt: skip
    for case in (one for one in cases if one["provider"] == "sendgrid" and one["id"] in outcomes):
        given = case["input"]
        if given["http"] in (400, 413, 429):
            body = given.get("body") or {"errors": [{"message": "x", "field": None, "help": None}]}
            reset = {"X-RateLimit-Reset": str(int(NOW.timestamp()) + 7)} if given["http"] == 429 else {}
            rig.fault(provider="sendgrid", kind="error", status=given["http"], body=body, headers=reset)
        key = "SG.wrong" if given["http"] == 401 else "SG.rig.key"
        receipt = sender(rig.sendgrid_url, key).send(mail(), "t")
        assert (receipt.outcome, receipt.meaning) == outcomes[case["id"]], case["id"]
        if given["http"] == 429:
            assert receipt.retry_at == NOW + timedelta(seconds=7)


# -- without it ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (reply(202, "", "X-Message-Id: mid-1\r\n"), "sent"), (reply(202), "sent"), (reply(500, "x"), "unknown"),
        (reply(408, "{}"), "unknown"), (reply(400, "no json"), "failed"), (reply(413, "{}"), "failed"), (cut, "unknown"),
    ],
)  # fmt: skip
def test_what_an_answer_proves(answer: Callable[[socket], None], outcome: str) -> None:
    with serving(answer) as base:
        receipt = sender(base).send(mail(), "t")
    assert receipt.outcome == outcome


def test_a_line_that_cannot_be_opened_proves_that_nothing_left() -> None:
    assert sender(nowhere()).send(mail(), "t").outcome == "refused"
    assert sender("http://no-such-host.invalid").send(mail(), "t").outcome == "refused"


def test_nothing_personal_is_in_a_receipt() -> None:
    errors: Any = {
        "errors": [{"message": "anna@example.com is none", "field": "personalizations.0.to.0.email"}]
    }
    with serving(reply(400, json.dumps(errors))) as base:
        receipt = sender(base).send(mail(), "t")
    assert "anna" not in repr(receipt).lower()
    assert receipt.code == "400 personalizations.0.to.0.email"


def test_a_reset_far_away_is_told_as_it_is_and_clamped_by_the_pace() -> None:
    with serving(reply(429, "{}", "X-RateLimit-Reset: 4102444800\r\n")) as base:
        receipt = sender(base).send(mail(), "t")
    assert receipt.retry_at == datetime(2100, 1, 1, tzinfo=UTC)

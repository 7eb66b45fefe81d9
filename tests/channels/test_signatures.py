"""Signatures of webhooks: the vendors' own vectors, and junk that never raises."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outreach.channels.signatures import is_recent, same_secret, sendgrid_signed, twilio_signed

KEY = "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE83T4O/n84iotIvIW4mdBgQ/7dAfSmpqIM8kF9mN1flpVKS3GRqe62gw+2fNNRaINXvVpiglSI8eNEc6wEA3F+g=="


def cases(shared_dir: Path, name: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((shared_dir / "rigs/vectors" / f"{name}.dev.json").read_text())[
        "cases"
    ]
    return found


def test_twilio_s_vectors(shared_dir: Path) -> None:
    for case in cases(shared_dir, "twilio_signature"):
        given, params = case["input"], case["input"].get("params", {})
        fields = (
            list(params.items()) if isinstance(params, dict) else [(name, value) for name, value in params]
        )
        body = given.get("body", fields)
        for tokens in ([given["auth_token"]], ["", "another", given["auth_token"]]):
            assert twilio_signed(tokens, given["url"], body, given["signature"]) is case["expect"]["valid"], (
                case["id"]
            )


def test_sendgrid_s_vectors(shared_dir: Path) -> None:
    for case in cases(shared_dir, "sendgrid_event_signature"):
        given, headers = case["input"], case["input"]["headers"]
        signature = headers["X-Twilio-Email-Event-Webhook-Signature"]
        stamp = headers["X-Twilio-Email-Event-Webhook-Timestamp"]
        body = given["body"].encode()
        assert sendgrid_signed([given["public_key"]], body, signature, stamp) is case["expect"]["valid"], (
            case["id"]
        )


@given(st.text(max_size=60), st.text(max_size=20), st.binary(max_size=40))
def test_junk_is_not_verified_and_never_raises(signature: str, stamp: str, body: bytes) -> None:
    assert not sendgrid_signed([KEY, "no key", ""], body, signature, stamp)
    assert not twilio_signed(["token", ""], "https://x.example/y", [("a", "b")], signature)


def test_without_a_key_nothing_is_verified() -> None:
    assert not twilio_signed([], "https://x.example", [], "x") and not twilio_signed(
        [""], "https://x.example", [], ""
    )
    assert not sendgrid_signed([], b"", "x", "1")
    assert not same_secret(["", ""], "")


@pytest.mark.parametrize(
    ("stamp", "recent"),
    [("1772442000", True), ("1772352001", True), ("1772351999", False), ("1772442301", False), ("", False),
     ("-5", False), ("1e9", False), ("\u0661\u0662", False), ("9" * 40, False)],
)  # fmt: skip
def test_the_window_is_ours(stamp: str, recent: bool) -> None:
    assert is_recent(stamp, datetime(2026, 3, 2, 9, tzinfo=UTC)) is recent

"""Messages to send."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from outreach.domain.facts import Channel
from outreach.domain.message import Message

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)


def sms(to: str = "+15558675310", text: str = "I am sorry. Ring me.", **more: Any) -> Message:
    given = {"valid_until": NOW + timedelta(hours=2)} | more
    return Message(Channel.SMS, to, "Anna Weber", "Jonas Lindner", "", text, **given)


def mail(to: str = "anna@example.com", **more: Any) -> Message:
    given = {
        "subject": "We let you down – Grüße", "html": "<p>I am sorry.</p>", "language": "en",
        "reply_to": "r-t1-abc@in.example.com", "message_id": "<tok-1@example.com>", "references": ("<tok-0@example.com>",),
        "unsubscribe": "https://outreach.example/u/tok-1",
    } | more  # fmt: skip
    return Message(
        Channel.EMAIL, to, "Anna Weber", "Jonas Lindner", "jonas@example.com", "I am sorry.", **given
    )

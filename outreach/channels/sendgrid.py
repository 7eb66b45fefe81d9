"""Mail by SendGrid, with the official client. No tracking of any kind; our token comes back with every event."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any

from outreach.channels.answers import answered, at_unix, in_the_dark, not_asked, retry_after
from outreach.channels.incoming import TOKEN
from outreach.domain.message import Message
from outreach.domain.signal import meaning_of_http
from outreach.service.ports_ways import Receipt

API = "https://api.sendgrid.com"


@dataclass(frozen=True)
class SendGridAccount:
    """Key and address. The client is made at the first call: importing it takes a while."""

    api_key: str = field(repr=False)
    base_url: str = ""
    timeout: float = 10.0

    @cached_property
    def client(self) -> Any:
        from sendgrid import SendGridAPIClient

        made = SendGridAPIClient(self.api_key, host=self.base_url or API)
        made.client.timeout = self.timeout  # the constructor has no argument for it, and without it none
        return made.client


@dataclass(frozen=True)
class SendGridSender:
    """A ``Sender`` for mail."""

    account: SendGridAccount
    now: Callable[[], datetime]

    def send(self, message: Message, token: str) -> Receipt:
        """Never raises for provider faults. ``ref`` is X-Message-Id, which sg_message_id begins with."""
        body = as_json(message, token)
        return ask(self.now(), lambda: self.account.client.mail.send.post(request_body=body))


def as_json(message: Message, token: str) -> dict[str, Any]:
    """The body of POST /v3/mail/send. Text stands before HTML (RFC 1341, section 7.2); the token is all that
    SendGrid keeps beside the mail, since it cannot forget what it was given there."""
    content = [{"type": "text/plain", "value": message.text}]
    if message.html:
        content.append({"type": "text/html", "value": message.html})
    off = {"enable": False}
    body: dict[str, Any] = {
        "from": _address(message.sender_address, message.sender),
        "personalizations": [{"to": [_address(message.to, message.to_name)]}],
        "subject": message.subject,
        "content": content,
        "custom_args": {TOKEN: token},
        "headers": message.headers,
        "tracking_settings": {
            "click_tracking": {"enable": False, "enable_text": False}, "open_tracking": off,
            "subscription_tracking": off, "ganalytics": off,
        },
    }  # fmt: skip
    if message.reply_to:
        body["reply_to"] = _address(message.reply_to, message.sender)
    return body


def _address(value: str, name: str) -> dict[str, str]:
    return {"email": value, "name": name} if name else {"email": value}


def ask(now: datetime, call: Callable[[], Any]) -> Receipt:
    """Make the call; whatever comes back, or does not, becomes a receipt."""
    from python_http_client.exceptions import HTTPError

    try:
        answer = call()
    except HTTPError as fault:
        return _refused(fault, now)
    except (OSError, ValueError) as fault:  # URLError is an OSError; HTTPException of a cut line is not
        return _no_answer(fault)
    except Exception as fault:
        from http.client import HTTPException

        if isinstance(fault, HTTPException):
            return in_the_dark(fault)
        raise
    if 200 <= answer.status_code < 300:
        headers = {str(name).lower(): value for name, value in (answer.headers or {}).items()}
        return Receipt("sent", ref=headers.get("x-message-id") or None)
    return answered(meaning_of_http(answer.status_code), str(answer.status_code))


def _refused(fault: Any, now: datetime) -> Receipt:
    headers = {str(name).lower(): str(value) for name, value in dict(fault.headers or {}).items()}
    until = retry_after(headers.get("retry-after"), now) or at_unix(headers.get("x-ratelimit-reset"))
    status = int(fault.status_code or 0)
    return answered(meaning_of_http(status), _code(status, fault.body), until)


def _code(status: int, body: Any) -> str:
    """The status and the field that SendGrid names (never its message: it may repeat an address)."""
    try:
        first = json.loads(body)["errors"][0]
        field_ = str(first.get("field") or "")
    except (ValueError, TypeError, LookupError, AttributeError):
        field_ = ""
    return f"{status} {field_}".strip()[:80]


def _no_answer(fault: Exception) -> Receipt:
    """Whether a byte can have left: only a line that was never opened proves that none did."""
    import socket
    import ssl

    reason = getattr(fault, "reason", fault)
    if isinstance(reason, (ConnectionRefusedError, socket.gaierror, ssl.SSLCertVerificationError)):
        return not_asked(fault)
    return in_the_dark(fault)

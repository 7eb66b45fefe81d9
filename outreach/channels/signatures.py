"""Whether a webhook really comes from the provider: over the raw bytes, before anything parses them.

The vendors' own checks raise on malformed headers; here whatever cannot be verified is simply not
verified. With no key nothing is. With two, during a rotation, either will do.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

Params = Sequence[tuple[str, str]]

SENDGRID_WINDOW = timedelta(hours=25)
"""SendGrid repeats a failed post for 24 hours and does not say that it signs anew; what it repeats within
that time is known by its event ids."""
AHEAD = timedelta(minutes=5)
"""Clocks differ."""


def twilio_signed(tokens: Iterable[str], url: str, body: Params | str, signature: str) -> bool:
    """``url`` as Twilio called it: the public address, raw path and raw query. ``body``: the form's fields
    in their order, repeated ones included, or the raw body of a JSON request."""
    from twilio.request_validator import RequestValidator
    from werkzeug.datastructures import MultiDict

    given = body if isinstance(body, str) else MultiDict(list(body))
    for token in tokens:
        try:
            if token and signature and RequestValidator(token).validate(url, given, signature):
                return True
        except (ValueError, TypeError, AttributeError, KeyError, UnicodeError):
            continue
    return False


def sendgrid_signed(keys: Iterable[str], body: bytes, signature: str, timestamp: str) -> bool:
    """The signed event webhook: ECDSA over timestamp and raw body, line ends included."""
    from sendgrid import EventWebhook

    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError:
        return False
    for key in keys:
        try:
            webhook = EventWebhook(key)
            if signature and webhook.verify_signature(text, signature, timestamp, webhook.public_key):
                return True
        except Exception:  # the library raises what its base64, ASN.1 and curve code raise
            continue
    return False


def is_recent(timestamp: str, now: datetime) -> bool:
    """Whether SendGrid's timestamp (Unix seconds) lies within our window; theirs has none."""
    if not timestamp.isascii() or not timestamp.isdecimal() or len(timestamp) > 12:
        return False
    age = now.timestamp() - int(timestamp)
    return -AHEAD.total_seconds() <= age <= SENDGRID_WINDOW.total_seconds()


def same_secret(secrets: Iterable[str], given: str) -> bool:
    """In constant time, for what is protected by a password only."""
    words = given.encode(errors="surrogatepass")
    return any(secret and hmac.compare_digest(secret.encode(), words) for secret in secrets)

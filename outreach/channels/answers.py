"""What an answer of a provider proves: refused before a byte or by a 4xx is definite;
a reset, a time-out or a 5xx leaves us in the dark, and such a message is never sent again by itself."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from outreach.domain.signal import SENTENCES, TRIES_AGAIN, Meaning
from outreach.service.ports_ways import Receipt


def answered(meaning: Meaning, code: str, retry_at: datetime | None = None) -> Receipt:
    """The receipt for a provider's error, by what it means."""
    if meaning is Meaning.IN_DOUBT:
        return Receipt("unknown", reason=f"The provider's answer ({code}) leaves it open.", code=code)
    if meaning in TRIES_AGAIN:
        return Receipt(
            "refused", reason=SENTENCES[meaning], retry_at=retry_at, meaning=meaning, code=code, counts=False
        )
    return Receipt("failed", reason=SENTENCES[meaning], meaning=meaning, code=code)


def not_asked(fault: BaseException) -> Receipt:
    """The line could not be opened: certainly not taken, and tried again a few times."""
    return Receipt(
        "refused", reason=f"The provider could not be reached ({type(fault).__name__}).", code="connect"
    )


def in_the_dark(fault: BaseException) -> Receipt:
    """Bytes may have left, and no answer came back."""
    return Receipt("unknown", reason=f"No answer came back ({type(fault).__name__}).", code="no_answer")


def retry_after(value: str | None, now: datetime) -> datetime | None:
    """Retry-After (RFC 9110 section 10.2.3): seconds, or a date."""
    if not value:
        return None
    if value.strip().isdecimal():
        return now + timedelta(seconds=min(int(value), 86_400))
    try:
        at = parsedate_to_datetime(value)
    except (TypeError, ValueError):
        return None
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def at_unix(value: str | None) -> datetime | None:
    """X-RateLimit-Reset of SendGrid: Unix seconds."""
    if not value or not value.strip().isdecimal() or len(value) > 12:
        return None
    return datetime.fromtimestamp(int(value), UTC)

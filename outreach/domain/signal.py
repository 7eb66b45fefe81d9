"""What comes back from a provider: how far a message got, and what an error code means for us.

Providers answer in any order, twice, and late. ``further`` makes one story of it: a status never goes
backwards, and what came back undelivered stays so. The codes' meanings are Twilio's dictionary of errors
and SendGrid's error pages; what follows from a meaning is ours.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum


class Delivery(StrEnum):
    """How far a message got, in this order."""

    ACCEPTED = "accepted"
    """The provider has it."""
    DEFERRED = "deferred"
    """Not taken by the other side yet; the provider tries again."""
    SENT = "sent"
    """Handed over to the carrier, or to their mail server."""
    DELIVERED = "delivered"
    READ = "read"
    UNDELIVERED = "undelivered"
    """It came back, or was never passed on."""


_ORDER = tuple(Delivery)


def further(old: Delivery | None, new: Delivery) -> Delivery:
    """The one that counts. ``undelivered`` after ``delivered`` does (a mail server may take a mail and
    return it later); anything after ``undelivered`` does not."""
    return new if old is None or _ORDER.index(new) > _ORDER.index(old) else old


OPTED_OUT = "opted out"
"""Why an endpoint is shut by its owner's own word."""
SELLING = "selling"
"""Beside the channels: an endpoint may be shut for whatever sells."""


class Meaning(StrEnum):
    """What a provider's refusal means for the endpoint, the sender or the account there."""

    OPTED_OUT = "opted_out"
    """They told the carrier to stop: nothing on this channel, from no other sender either."""
    INVALID = "invalid"
    """There is no such number or address."""
    NOT_MOBILE = "not_mobile"
    """A landline: no SMS, but it can be rung."""
    UNREACHABLE = "unreachable"
    """Switched off or unknown for the moment: one later try."""
    FILTERED = "filtered"
    """The carrier took it for spam: no second try, somebody must look at the text."""
    SENDER = "sender"
    """Our number or address may not do this: that sender stops."""
    SLOW_DOWN = "slow_down"
    """Never processed; later, and slower."""
    PROVIDER = "provider"
    """Credentials or account: everything by this provider stops."""
    REJECTED = "rejected"
    """This one message is wrong; no other is concerned."""
    IN_DOUBT = "in_doubt"
    """The provider itself does not know."""


SENTENCES: Mapping[Meaning, str] = {
    Meaning.OPTED_OUT: "They have told their carrier that they want no messages.",
    Meaning.INVALID: "There is no such number or address.",
    Meaning.NOT_MOBILE: "The number is no mobile phone; it can be rung.",
    Meaning.UNREACHABLE: "The phone is switched off or cannot be reached now.",
    Meaning.FILTERED: "The carrier has filtered it as spam.",
    Meaning.SENDER: "Our sender is not allowed to do this.",
    Meaning.SLOW_DOWN: "The provider asks us to slow down.",
    Meaning.PROVIDER: "The provider refuses us: look at credentials and account.",
    Meaning.REJECTED: "The provider refuses this message.",
    Meaning.IN_DOUBT: "The provider does not know what became of it.",
}

TWILIO_CODES: Mapping[int, Meaning] = {
    21610: Meaning.OPTED_OUT, 30004: Meaning.OPTED_OUT,
    21211: Meaning.INVALID, 21214: Meaning.INVALID, 21217: Meaning.INVALID, 30005: Meaning.INVALID,
    21614: Meaning.NOT_MOBILE, 30006: Meaning.NOT_MOBILE,
    21612: Meaning.UNREACHABLE, 30003: Meaning.UNREACHABLE, 30008: Meaning.UNREACHABLE,
    30007: Meaning.FILTERED,
    21408: Meaning.SENDER, 21215: Meaning.SENDER, 21606: Meaning.SENDER, 21212: Meaning.SENDER,
    21603: Meaning.SENDER, 30032: Meaning.SENDER, 30034: Meaning.SENDER,
    20429: Meaning.SLOW_DOWN, 21611: Meaning.SLOW_DOWN, 30001: Meaning.SLOW_DOWN,
    30022: Meaning.SLOW_DOWN, 30023: Meaning.SLOW_DOWN, 14107: Meaning.SLOW_DOWN,
    20003: Meaning.PROVIDER, 30002: Meaning.PROVIDER,
    30410: Meaning.IN_DOUBT,
}  # fmt: skip
"""Twilio's error and warning dictionary. A code that is not here means what its HTTP status means."""

TRIES_AGAIN = frozenset({Meaning.SLOW_DOWN, Meaning.SENDER, Meaning.PROVIDER})
"""Not taken, through no fault of the message: it waits for better times."""


def meaning_of_twilio(code: int | None, status: int) -> Meaning:
    """``status``: HTTP's; 0 for a code that came in a status callback."""
    if code is not None and code in TWILIO_CODES:
        return TWILIO_CODES[code]
    return Meaning.REJECTED if status == 0 else meaning_of_http(status)


def meaning_of_http(status: int) -> Meaning:
    """RFC 9110, and SendGrid's error page: 401 and 403 are the key and the sender, 429 was not processed,
    other 4xx are this request's own fault, everything else is in doubt."""
    if status == 429:
        return Meaning.SLOW_DOWN
    if status == 401:
        return Meaning.PROVIDER
    if status == 403:
        return Meaning.SENDER
    return Meaning.REJECTED if 400 <= status < 500 and status != 408 else Meaning.IN_DOUBT

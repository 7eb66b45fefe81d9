"""What providers post to us, made into the house's own words: statuses, messages, unsubscribes. Mails that
come in are read by ``incoming_mail``.

Nothing here is trusted to be there: fields come and go without notice, arrive as numbers or texts, twice,
and out of order. What cannot be understood is left out, never raised.
"""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256
from typing import Any, NamedTuple

import orjson

from outreach.domain.endpoint import as_email, as_phone
from outreach.domain.errors import Invalid
from outreach.domain.signal import Delivery, Meaning, meaning_of_twilio
from outreach.service.signals import Said

Fields = Mapping[str, str]


def without_nul(text: str) -> str:
    """No text of ours holds U+0000: PostgreSQL cannot, and a message must not be lost for it."""
    return text.replace("\0", "") if "\0" in text else text


def fields(form: Mapping[str, str]) -> Fields:
    """A form as it was posted: the first value of each field, fit to be kept."""
    return {without_nul(name): without_nul(value) for name, value in form.items()}


def number_of(text: str) -> int | None:
    """Of a few digits; Python refuses to read thousands."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= 9 else None


# -- Twilio ----------------------------------------------------------------------------------------------

_TWILIO = {
    "accepted": Delivery.ACCEPTED, "scheduled": Delivery.ACCEPTED, "queued": Delivery.ACCEPTED,
    "sending": Delivery.ACCEPTED, "sent": Delivery.SENT, "delivered": Delivery.DELIVERED,
    "partially_delivered": Delivery.DELIVERED, "read": Delivery.READ, "undelivered": Delivery.UNDELIVERED,
    "failed": Delivery.UNDELIVERED, "canceled": Delivery.UNDELIVERED,
}  # fmt: skip
"""MessageStatus of the status callback."""


def said_by_twilio(form: Fields, token: str) -> Said | None:
    """A status callback; None for a status that says nothing about how far the message got."""
    delivery = _TWILIO.get((form.get("MessageStatus") or form.get("SmsStatus") or "").lower())
    if delivery is None:
        return None
    code = form.get("ErrorCode") or ""
    meaning = meaning_of_twilio(number_of(code), 0) if delivery is Delivery.UNDELIVERED else None
    return Said(delivery, token, form.get("MessageSid") or form.get("SmsSid") or "", code[:40], meaning)


class Text(NamedTuple):
    """An SMS that came in. ``id`` is the provider's."""

    id: str
    sender: str
    recipient: str
    text: str
    opt_out_type: str
    pictures: int


def text_of(form: Fields) -> Text | None:
    """None when it lacks what every message has."""
    sid, sender = form.get("MessageSid") or form.get("SmsSid") or "", form.get("From") or ""
    if not sid or not sender:
        return None
    try:
        sender = as_phone(sender, None)
    except Invalid:
        pass  # a short code or a name: kept as it is, nobody has it
    return Text(
        sid, sender, form.get("To") or "", form.get("Body") or "", form.get("OptOutType") or "",
        number_of(form.get("NumMedia") or "") or 0,
    )  # fmt: skip


# -- SendGrid: the event webhook -----------------------------------------------------------------------------

TOKEN = "outreach_token"
"""The custom argument that comes back with every event."""
_SENDGRID = {
    "processed": Delivery.ACCEPTED, "deferred": Delivery.DEFERRED, "delivered": Delivery.DELIVERED,
    "bounce": Delivery.UNDELIVERED, "dropped": Delivery.UNDELIVERED,
}  # fmt: skip
_LEFT = {"spamreport": "spam_report", "unsubscribe": "unsubscribed", "group_unsubscribe": "unsubscribed"}
_DROPPED = (
    ("bounced", Meaning.INVALID), ("invalid", Meaning.INVALID), ("unsubscribed", Meaning.OPTED_OUT),
    ("spam report", Meaning.OPTED_OUT), ("spam content", Meaning.FILTERED),
)  # fmt: skip
"""What the reason of ``dropped`` begins with or holds."""


class Left(NamedTuple):
    """They told the provider to stop, or their address does not work: true of every mail, ours or not.
    ``group``: only that list's."""

    address: str
    why: str
    group: str


class MailEvent(NamedTuple):
    """One event of a batch. ``id`` is the provider's, for knowing it again."""

    id: str
    kind: str
    said: Said | None
    left: Left | None


def mail_event(item: Any) -> MailEvent | None:
    """None for what is no event at all; an unknown kind is one that says nothing."""
    if not isinstance(item, dict):
        return None
    kind, id_ = _word(item, "event").lower(), _word(item, "sg_event_id")
    if not id_:
        id_ = sha256(as_bytes(item)).hexdigest()
    said = _mail_said(item, kind)
    return MailEvent(f"sg:{id_}"[:300], kind, said, _left(item, kind, said))


def as_bytes(item: Any) -> bytes:
    """The same bytes for the same content."""
    try:
        return orjson.dumps(item, option=orjson.OPT_SORT_KEYS, default=str)
    except orjson.JSONEncodeError:
        return b"nested deeper than anybody writes"


def _word(item: Mapping[str, Any], name: str) -> str:
    value = item.get(name)
    return without_nul(str(value)) if isinstance(value, str | int | float) else ""


def _mail_said(item: Mapping[str, Any], kind: str) -> Said | None:
    delivery = _SENDGRID.get(kind)
    if delivery is None:
        return None
    meaning = None
    if kind == "bounce":
        # "blocked" is for now only; "bounce" is for good.
        permanent = _word(item, "type").lower() in ("", "bounce")
        meaning = Meaning.INVALID if permanent else Meaning.REJECTED
    elif kind == "dropped":
        reason = _word(item, "reason").lower()
        meaning = next((means for words, means in _DROPPED if words in reason), Meaning.REJECTED)
    ref = _word(item, "sg_message_id").strip().partition(".")[0]
    return Said(delivery, _word(item, TOKEN), ref, _word(item, "status")[:40], meaning)


def _left(item: Mapping[str, Any], kind: str, said: Said | None) -> Left | None:
    bounced = said is not None and said.meaning is Meaning.INVALID
    if kind not in _LEFT and not bounced:
        return None
    try:
        address = as_email(_word(item, "email"))
    except Invalid:
        return None
    group = _word(item, "asm_group_id") if kind == "group_unsubscribe" else ""
    return Left(address, _LEFT.get(kind, "bounced"), group)

"""What providers post to us, made into the house's own words: statuses, messages, unsubscribes.

Nothing here is trusted to be there: fields come and go without notice, arrive as numbers or texts, twice,
and out of order. What cannot be understood is left out, never raised.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from email.errors import HeaderParseError
from email.headerregistry import Address
from email.policy import default as mail_policy
from email.utils import getaddresses
from hashlib import sha256
from typing import Any, NamedTuple

import orjson

from outreach.domain.endpoint import as_email, as_phone
from outreach.domain.errors import Invalid
from outreach.domain.signal import Delivery, Meaning, meaning_of_twilio
from outreach.service.signals import Said

Fields = Mapping[str, str]

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
    number = int(code) if code.isdecimal() else None
    meaning = meaning_of_twilio(number, 0) if delivery is Delivery.UNDELIVERED else None
    return Said(delivery, token, form.get("MessageSid") or form.get("SmsSid") or "", code, meaning)


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
    pictures = form.get("NumMedia") or "0"
    return Text(
        sid, sender, form.get("To") or "", form.get("Body") or "", form.get("OptOutType") or "",
        int(pictures) if pictures.isdecimal() else 0,
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
    kind, given = str(item.get("event") or "").lower(), item.get("sg_event_id")
    body = orjson.dumps(item, option=orjson.OPT_SORT_KEYS, default=str)
    id_ = str(given) if given else sha256(body).hexdigest()
    said = _mail_said(item, kind)
    return MailEvent(f"sg:{id_}"[:300], kind, said, _left(item, kind, said))


def _mail_said(item: Mapping[str, Any], kind: str) -> Said | None:
    delivery = _SENDGRID.get(kind)
    if delivery is None:
        return None
    meaning = None
    if kind == "bounce":
        # "blocked" is for now only; "bounce" is for good.
        permanent = str(item.get("type") or "bounce").lower() == "bounce"
        meaning = Meaning.INVALID if permanent else Meaning.REJECTED
    elif kind == "dropped":
        reason = str(item.get("reason") or "").lower()
        meaning = next((means for words, means in _DROPPED if words in reason), Meaning.REJECTED)
    token, status = item.get(TOKEN), item.get("status")
    ref = str(item.get("sg_message_id") or "").strip().partition(".")[0]
    return Said(delivery, token if isinstance(token, str) else "", ref, str(status or "")[:40], meaning)


def _left(item: Mapping[str, Any], kind: str, said: Said | None) -> Left | None:
    bounced = said is not None and said.meaning is Meaning.INVALID
    if kind not in _LEFT and not bounced:
        return None
    try:
        address = as_email(str(item.get("email") or ""))
    except Invalid:
        return None
    group = str(item.get("asm_group_id") or "") if kind == "group_unsubscribe" else ""
    return Left(address, _LEFT.get(kind, "bounced"), group)


# -- SendGrid: inbound parse -------------------------------------------------------------------------------------


class Mail(NamedTuple):
    """A mail that came in. ``recipients``: the envelope's, which are believed; ``to``: To and Cc as written,
    which are not. Addresses in small letters."""

    id: str
    sender: str
    name: str
    recipients: tuple[str, ...]
    to: tuple[str, ...]
    subject: str
    text: str
    """The writer's own words."""
    whole: str
    """With what they quote or forward."""
    references: tuple[str, ...]
    automatic: bool
    """An out-of-office answer, by its own word: nobody waits for an answer."""


MOST_READ = 4000
"""Characters that are searched for quoted text: the answer stands on top, and searching long texts is slow."""


def mail_of(form: Fields) -> Mail | None:
    """From the fields of the inbound-parse form; None without a sender. The raw form (``email``: the whole
    message) is understood, too."""
    headers = _headers(form)
    sender = _first_address(headers.get("from") or form.get("from") or "")
    if sender is None:
        return None
    whole = (form.get("text") or _from_html(form.get("html") or "")).replace("\r\n", "\n")
    message_id = headers.get("message-id") or ""
    seed = message_id or "\0".join(
        (sender.addr_spec, headers.get("date") or "", form.get("subject") or "", whole)
    )
    return Mail(
        id=f"email:{sha256(seed.encode(errors='replace')).hexdigest()[:40]}",
        sender=sender.addr_spec,
        name=sender.display_name,
        recipients=_envelope_to(form),
        to=_addresses(" , ".join(headers.get(name) or form.get(name) or "" for name in ("to", "cc"))),
        subject=" ".join((headers.get("subject") or form.get("subject") or "").split())[:500],
        text=own_words(whole),
        whole=whole[:50_000],
        references=tuple(re.findall(r"<[^<>\s]+>", f"{headers.get('references', '')} {headers.get('in-reply-to', '')}")),
        automatic=_is_automatic(headers),
    )  # fmt: skip


def _headers(form: Fields) -> dict[str, str]:
    """Names in small letters; the first of several."""
    found: dict[str, str] = {}
    text = re.sub(r"\r?\n[ \t]+", " ", form.get("headers") or "")
    for line in text.splitlines():
        name, colon, value = line.partition(":")
        if colon and re.fullmatch(r"[A-Za-z0-9-]+", name):
            found.setdefault(name.lower(), _decoded(value.strip()))
    return found


def _decoded(value: str) -> str:
    if "=?" not in value:
        return value
    try:
        return str(mail_policy.header_factory("Subject", value))
    except (HeaderParseError, ValueError, LookupError, IndexError):
        return value


def _first_address(text: str) -> Address | None:
    for name, address in getaddresses([text]):
        try:
            normal = as_email(address)
            return Address(display_name=re.sub(r"[\r\n]", " ", name)[:200], addr_spec=normal)
        except (Invalid, ValueError, HeaderParseError):
            continue
    return None


def _addresses(text: str) -> tuple[str, ...]:
    found = []
    for _, address in getaddresses([text]):
        try:
            found.append(as_email(address))
        except Invalid:
            continue
    return tuple(dict.fromkeys(found))


def _envelope_to(form: Fields) -> tuple[str, ...]:
    """``envelope`` is JSON (other fields that look like it are not)."""
    try:
        envelope = orjson.loads(form.get("envelope") or "{}")
    except orjson.JSONDecodeError:
        return ()
    given = envelope.get("to") if isinstance(envelope, dict) else None
    listed = given if isinstance(given, list) else [given]
    return _addresses(" , ".join(one for one in listed if isinstance(one, str)))


def _is_automatic(headers: Mapping[str, str]) -> bool:
    """RFC 3834, and what older machines write."""
    submitted = headers.get("auto-submitted", "no").lower()
    precedence = headers.get("precedence", "").lower()
    return (
        not submitted.startswith("no")
        or precedence == "auto_reply"
        or "x-autoreply" in headers
        or "x-autorespond" in headers
    )


def own_words(text: str) -> str:
    """Without what is quoted below or above; the whole text where nothing of their own would be left."""
    from mailparser_reply import EmailReplyParser

    tidy = re.sub(r"\n{3,}", "\n\n", re.sub(r"[ \t]+\n", "\n", text.replace("\r\n", "\n"))).strip()
    head, rest = tidy[:MOST_READ], tidy[MOST_READ:]
    said = EmailReplyParser(languages=["en", "de", "fr", "es"]).parse_reply(head) or ""
    said = "\n".join(line for line in said.split("\n") if not line.startswith(">")).strip()
    if said and len(said) >= len(head.strip()) and rest:
        return said + rest
    return said or tidy


_TAGS = re.compile(r"<(?:style|script|head)\b.*?</(?:style|script|head)>", re.IGNORECASE | re.DOTALL)
_QUOTE = re.compile(r"<blockquote\b.*", re.IGNORECASE | re.DOTALL)
_BREAKS = re.compile(r"<(?:br|/p|/div|/li|/tr|/h[1-6])\b[^>]*>", re.IGNORECASE)


def _from_html(markup: str) -> str:
    """Words only, for mails that come without a text of their own."""
    import html

    bare = _BREAKS.sub("\n", _QUOTE.sub("", _TAGS.sub("", markup[:200_000])))
    return html.unescape(re.sub(r"<[^<>]*>", "", bare)).strip()


# -- forwarded ----------------------------------------------------------------------------------------------------

_FORWARDS = re.compile(r"^\s*(?:fwd?|wg|tr|rv|i)\s*:", re.IGNORECASE)
_FROM_LINE = re.compile(r"^[>\s*]*(?:from|von|de)\s*:\**\s*(.{3,320})$", re.IGNORECASE | re.MULTILINE)


def forwarded(mail: Mail) -> tuple[str, str]:
    """(whose mail it was, what it said) of a mail forwarded by hand; empty where it is none."""
    if not _FORWARDS.match(mail.subject):
        return "", ""
    found = _FROM_LINE.search(mail.whole)
    whose = _first_address(found[1].replace("mailto:", " ")) if found else None
    if found is None or whose is None:
        return "", ""
    lines = mail.whole[found.end() :].lstrip("\n").split("\n")
    while lines and re.match(r"^[>\s*]*[A-Za-zÀ-ÿ-]{2,20}\s*:\**\s", lines[0]):
        lines.pop(0)
    return whose.addr_spec, own_words("\n".join(line.removeprefix("> ") for line in lines))

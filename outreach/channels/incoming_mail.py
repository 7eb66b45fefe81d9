"""Mails that come in by SendGrid's inbound parse: whose they are, what they answer to, and their own words.

Anybody may write anything of any length, so everything is cut to a length first and read in one pass:
no expression here looks at a stretch of text twice.
"""

from __future__ import annotations

import html
import re
from collections.abc import Mapping
from email.errors import HeaderParseError
from email.headerregistry import Address
from email.policy import default as mail_policy
from email.utils import getaddresses
from hashlib import sha256
from itertools import dropwhile
from string import ascii_lowercase, ascii_uppercase
from typing import NamedTuple

import orjson

from outreach.channels.incoming import Fields, without_nul
from outreach.domain.endpoint import as_email
from outreach.domain.errors import Invalid

MOST_KEPT = 50_000
"""Characters of a mail; what a person writes is shorter, what machines append is not."""
MOST_READ = 4000
"""Characters that are searched for quoted text: the answer stands on top, and searching long texts is slow."""
MOST_HEADER = 10_000
"""Characters of one header; of the whole block ten times as much."""
MOST_ENCODED = 2000
"""Characters of a header in encoded words."""
MOST_MARKUP = 200_000
"""Characters of HTML; its styles stand before its words."""


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


def mail_of(form: Fields) -> Mail | None:
    """From the fields of the inbound-parse form; None without a sender."""
    headers = _headers(form)
    sender = _first_address(headers.get("from") or form.get("from") or "")
    if sender is None:
        return None
    whole = _tidy(form.get("text") or _from_html(form.get("html") or ""))
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
        whole=whole,
        references=tuple(re.findall(r"<[^<>\s]+>", f"{headers.get('references', '')} {headers.get('in-reply-to', '')}")),
        automatic=_is_automatic(headers),
    )  # fmt: skip


def _headers(form: Fields) -> dict[str, str]:
    """Names in small letters; the first of several."""
    found: dict[str, str] = {}
    text = re.sub(r"\r?\n[ \t]+", " ", (form.get("headers") or "")[: 10 * MOST_HEADER])
    for line in text.splitlines():
        name, colon, value = line.partition(":")
        if colon and re.fullmatch(r"[A-Za-z0-9-]+", name):
            found.setdefault(name.lower(), _decoded(value.strip()[:MOST_HEADER]))
    return found


def _decoded(value: str) -> str:
    if "=?" not in value:
        return value
    try:
        return without_nul(str(mail_policy.header_factory("Subject", value[:MOST_ENCODED])))
    except (HeaderParseError, ValueError, LookupError):
        return value


def _listed(text: str) -> list[tuple[str, str]]:
    """(name, address in its normal form) of each that is an address."""
    try:
        given = getaddresses([text[:MOST_HEADER]])
    except RecursionError:  # comments in comments in comments
        return []
    found = []
    for name, address in given:
        try:
            found.append((name, as_email(address)))
        except Invalid:
            continue
    return found


def _first_address(text: str) -> Address | None:
    for name, address in _listed(text):
        try:
            return Address(display_name=re.sub(r"[\r\n]", " ", name)[:200], addr_spec=address)
        except (ValueError, HeaderParseError):
            continue
    return None


def _addresses(text: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(address for _, address in _listed(text)))


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

    tidy = _tidy(text)
    head, rest = tidy[:MOST_READ], tidy[MOST_READ:]
    said = EmailReplyParser(languages=["en", "de", "fr", "es"]).parse_reply(head) or ""
    said = "\n".join(line for line in said.split("\n") if not line.startswith(">")).strip()
    if said and len(said) >= len(head.strip()) and rest:
        return said + rest
    return said or tidy


def _tidy(text: str) -> str:
    """No blanks at the ends of lines, no more than one empty line, and no more than we keep."""
    lines = text[:MOST_KEPT].replace("\r\n", "\n").split("\n")
    return re.sub(r"\n{3,}", "\n\n", "\n".join(line.rstrip() for line in lines)).strip()


_UNREAD = ("style", "script", "title")
_LINES = ("br", "/p", "/div", "/li", "/tr", "/h1", "/h2", "/h3", "/h4", "/h5", "/h6")
_SMALL = str.maketrans(ascii_uppercase, ascii_lowercase)
_TAG = re.compile(r"<(!--|[!?]|/?[a-z][a-z0-9]*)")


def _from_html(markup: str) -> str:
    """The words up to the quotation, for mails that come without a text of their own.

    By hand, because Python's parser takes minutes for some that never close what they open. Here everything
    is looked for from where we stand, and where it is not found the reading ends.
    """
    markup = markup[:MOST_MARKUP]
    small = markup.translate(_SMALL)  # of the same length, as lower() is not
    words, at = [], 0
    while (start := small.find("<", at)) >= 0:
        words.append(markup[at:start])
        tag = _TAG.match(small, start)
        if tag is None:
            words.append("<")
            at = start + 1
            continue
        name = tag[1]
        if name == "blockquote":
            break
        if name in _LINES:
            words.append("\n")
        end = f"</{name}" if name in _UNREAD else "-->" if name == "!--" else ">"
        stop = small.find(end, start)
        if stop < 0:
            break
        at = stop if name in _UNREAD else stop + len(end)
    else:
        words.append(markup[at:])
    return html.unescape("".join(words)).strip()


# -- forwarded ----------------------------------------------------------------------------------------------------

_FORWARDS = re.compile(r"\s*(?:fwd?|wg|tr|rv|i)\s*:", re.IGNORECASE)
_FROM_LINE = re.compile(r"[>\s*]*(?:from|von|de)\s*:\**\s*(.{3,320})", re.IGNORECASE)
_HEADER_LINE = re.compile(r"[>\s*]*[A-Za-zÀ-ÿ-]{2,20}\s*:\**\s")


def forwarded(mail: Mail) -> tuple[str, str]:
    """(whose mail it was, what it said) of a mail forwarded by hand; empty where it is none."""
    if not _FORWARDS.match(mail.subject):
        return "", ""
    lines = iter(mail.whole.split("\n"))
    whose = next((found for line in lines if (found := _FROM_LINE.fullmatch(line[:400]))), None)
    sender = _first_address(whose[1].replace("mailto:", " ")) if whose else None
    if sender is None:
        return "", ""
    said = dropwhile(lambda line: _HEADER_LINE.match(line + " "), lines)
    return sender.addr_spec, own_words("\n".join(line.removeprefix("> ") for line in said))

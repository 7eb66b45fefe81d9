"""What leaves the house, rendered.

A text is rendered from a *context* of plain dicts. Its names (``CONTEXT_NAMES``):

- ``account``: the facts that conditions call ``account.*`` (id, name, kind, tier, value, orders …)
- ``person``: name, first_name, greeting, language, zone, role
- ``am``: who speaks: name, phone, email
- ``company``: name, phone, postal_address, currency, zone, language
- ``event``: id, type, time and the fields of the trigger; fields it does not have are None
- ``failure``: kind, key, severity, state, nth_90d, round, opened_on, age_days, first_order
- ``playbook``: name, title, why
- ``promises``: a list of {what, until, state, kept}; ``preferences``: a list of sentences
- ``may_offer``: a list of {name, limit, above}
- ``run``: attempts, round, reached, replied, age_days
- ``others``: a list of texts, what else went wrong for the account in the last 90 days, the newest first
- ``incident``: title, what, words: one cause that hurt many, and what we may say of it in the language of the text; None while nobody has approved any
- ``late_apology``: whether the call's hour has passed
- ``may_leave_message``: whether a machine that answers may be spoken to, once
- ``said``: what the customer last wrote, None when nothing

Names of this list that the context lacks are None. Instants are aware datetimes or RFC 3339 texts.
The zone is the person's, else the company's. The language of days and money is that of the text: the
variant's (``sorry.de.md``), the company's for a text without one, the person's when the text has no name.
"""

from __future__ import annotations

import html
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Any

from outreach.domain.facts import Channel
from outreach.domain.message_template import Template, compile_template
from outreach.domain.message_text import fill, sms_parts, to_html, to_plain, to_sms
from outreach.domain.message_tree import names_used, pick_variant, variant_of
from outreach.domain.message_values import Rendered, RenderFault
from outreach.domain.vocabulary import FACTS

__all__ = [
    "CONTEXT_NAMES", "Message", "RenderFault", "Template", "compile_template", "html_of", "names_used", "pick_variant",
    "render_brief", "render_brief_text", "render_message", "render_sms", "sms_parts",
]  # fmt: skip


def _facts(place: str, *more: str) -> tuple[str, ...]:
    return (*(name.partition(".")[2] for name in FACTS if name.startswith(f"{place}.")), *more)


CONTEXT_NAMES: Mapping[str, tuple[str, ...]] = {
    "account": _facts("account"),
    "person": (*_facts("person"), "name", "first_name", "greeting", "zone"),
    "am": ("name", "phone", "email"),
    "company": ("name", "phone", "postal_address", "currency", "zone", "language"),
    "event": ("id", "type", "time"),
    "failure": _facts("failure", "opened_on"),
    "playbook": ("name", "title", "why"),
    "run": _facts("run"),
    "promises": ("what", "until", "state", "kept"),
    "may_offer": ("name", "limit", "above"),
    "preferences": (),
    "others": (),
    "incident": ("title", "what", "words"),
    "late_apology": (),
    "may_leave_message": (),
    "said": (),
}
"""What a template may name: name → its fields (of each item, for the lists ``promises`` and ``may_offer``).
``event`` has the trigger's own fields besides."""
LISTS = ("promises", "may_offer", "preferences", "others")
NONE: Mapping[str, str] = MappingProxyType({})
MAX_SUBJECT = 250
"""Characters; a longer subject is a mistake in the template."""


@dataclass(frozen=True, slots=True)
class Message:
    """One e-mail or SMS as the person will get it. ``text`` is Markdown-free plain text.

    Nothing that becomes a mail header holds a line end or another control character: whoever could
    put one there could write headers of their own. Raises ``RenderFault``.
    """

    channel: Channel
    to: str
    to_name: str
    sender: str
    """The account manager's name."""
    sender_address: str
    text: str
    subject: str = ""
    html: str = ""
    language: str = "en"
    purpose: str = ""
    reply_to: str = ""
    """Where an answer finds its touch again; empty: the sender's own address."""
    message_id: str = ""
    references: tuple[str, ...] = ()
    """Message-IDs of what went before in the same run, oldest first."""
    unsubscribe: str = ""
    """The https address of RFC 8058's one-click; empty on what is transactional."""
    valid_until: datetime | None = None
    """An SMS must not be delivered later: the end of the allowed hours. Aware, UTC."""

    def __post_init__(self) -> None:
        for name in ("to", "to_name", "sender", "sender_address", "subject", "language", "reply_to",
                     "message_id", "unsubscribe"):  # fmt: skip
            if not is_one_line(getattr(self, name)):
                raise RenderFault("message", 0, f"`{name}` holds a line end or a control character")

    @property
    def headers(self) -> dict[str, str]:
        """Mail headers beyond From, To, Reply-To and Subject: who this is, what it follows, how to stop it."""
        found = {"Message-ID": self.message_id} if self.message_id else {}
        if self.references:
            found |= {"In-Reply-To": self.references[-1], "References": " ".join(self.references)}
        if self.unsubscribe:
            found |= {
                "List-Unsubscribe": f"<{self.unsubscribe}>",
                "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
            }
        return found


def render_brief(
    text: str,
    context: Mapping[str, Any],
    name: str = "",
    templates: Mapping[str, str] = NONE,
    **how: str | None,
) -> str:
    """A call brief as an HTML fragment that is safe to put into a page. Raises ``RenderFault``."""
    return to_html(_render(text, context, name, templates, **how))


def render_brief_text(
    text: str,
    context: Mapping[str, Any],
    name: str = "",
    templates: Mapping[str, str] = NONE,
    **how: str | None,
) -> str:
    """The same brief as plain text, for the terminal, calendars and logs on paper."""
    return to_plain(_render(text, context, name, templates, **how))


def render_message(
    text: str,
    context: Mapping[str, Any],
    name: str = "",
    templates: Mapping[str, str] = NONE,
    **how: str | None,
) -> tuple[str, str, str]:
    """(subject, plain text, HTML document) of a mail: ``Subject: …``, an empty line, then Markdown in
    which a line end is a line end.

    ``name``: the template's file name, for the language and for faults; ``templates``: the texts it may
    include (a playbook's own); ``zone`` and ``language``: the reader's, instead of the context's person's.
    Raises ``RenderFault``.
    """
    rendered = _render(text, context, name, templates, **how)
    first, _, body = rendered.marked.lstrip().partition("\n")
    subject = _subject(rendered, first, name)
    if body.split("\n", 1)[0].strip():
        raise RenderFault(
            name or "mail", 2, "the line after the subject is not empty; put an empty line there"
        )
    spoken = _language(name, context, how.get("language"))
    return subject, to_plain(rendered, body), _document(to_html(rendered, body), spoken)


def render_sms(
    text: str,
    context: Mapping[str, Any],
    name: str = "",
    templates: Mapping[str, str] = NONE,
    **how: str | None,
) -> str:
    """The text of an SMS, in as few parts as it can be said: see ``sms_parts``. Raises ``RenderFault``."""
    said = to_sms(_render(text, context, name, templates, **how))
    if not said:
        raise RenderFault(name or "sms", 0, "the SMS is empty")
    return said


def html_of(text: str, language: str = "en") -> str:
    """The HTML document of a mail that somebody has written or edited as plain text."""
    paragraphs = (html.escape(part).replace("\n", "<br>\n") for part in text.strip().split("\n\n"))
    return _document("\n".join(f"<p>{part.strip()}</p>" for part in paragraphs if part.strip()), language)


def is_one_line(text: str) -> bool:
    """Whether this can stand in a header: no line end of any kind, no control character."""
    return not any(sign < " " or sign in "\x7f\x85\u2028\u2029" for sign in text)


def _render(
    text: str, context: Mapping[str, Any], name: str, templates: Mapping[str, str], *,
    zone: str | None = None, language: str | None = None,
) -> Rendered:  # fmt: skip
    whole = _complete(context)
    person, company = whole["person"], whole["company"]
    return compile_template(name or "template", text, tuple(sorted(templates.items()))).render(
        whole,
        zone=zone or person.get("zone") or company.get("zone") or "UTC",
        language=_language(name, whole, language),
        currency=company.get("currency") or "EUR",
    )


def _complete(context: Mapping[str, Any]) -> dict[str, Any]:
    """The context with None for every known name it lacks, so that only a typo is unknown."""
    whole = dict(context)
    for name, fields in CONTEXT_NAMES.items():
        given = whole.get(name)
        if name in LISTS:
            whole[name] = [_item(item, fields) for item in given or ()]
        elif fields:
            whole[name] = {**dict.fromkeys(fields), **(given or {})}
        else:
            whole[name] = given
    return whole


def _item(given: Any, fields: tuple[str, ...]) -> Any:
    if not fields or not isinstance(given, Mapping):
        return given
    item = {**dict.fromkeys(fields), **given}
    if "kept" in fields and item["kept"] is None and item["state"] is not None:
        item["kept"] = item["state"] == "kept"
    return item


def _language(name: str, context: Mapping[str, Any], reader: str | None) -> str:
    """The text's: of the file that its name says, else the company's; the reader's for want of these."""
    variant = variant_of(name)
    if variant:
        return variant
    company, person = context.get("company") or {}, context.get("person") or {}
    if name and company.get("language"):
        return str(company["language"])
    return str(reader or person.get("language") or company.get("language") or "en")


def _subject(rendered: Rendered, first: str, name: str) -> str:
    label, colon, rest = first.partition(":")
    if label.strip() != "Subject" or not colon:
        raise RenderFault(
            name or "mail", 1, "a mail begins with its subject; make the first line `Subject: …`"
        )
    subject = fill(rendered, rest).strip()
    if not subject:
        raise RenderFault(name or "mail", 1, "the subject is empty")
    if not is_one_line(subject) or len(subject) > MAX_SUBJECT:
        raise RenderFault(
            name or "mail", 1, f"the subject holds a line end or more than {MAX_SUBJECT} characters"
        )
    return subject


def _document(body: str, language: str) -> str:
    """As a person's own mail program would write it: no pictures, no columns, nothing that is fetched."""
    style = "font-family: Arial, Helvetica, sans-serif; font-size: 15px; line-height: 1.5; color: #222"
    return (
        f'<!doctype html>\n<html lang="{html.escape(language)}">\n<head><meta charset="utf-8"></head>\n'
        f'<body style="{style}">\n{body}\n</body>\n</html>\n'
    )

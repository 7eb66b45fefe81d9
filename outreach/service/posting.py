"""What a message says, and how it is addressed so that what comes back finds its touch."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import datetime, timedelta

from outreach.domain.facts import Channel, Person, Purpose
from outreach.domain.footer import footer, with_footer
from outreach.domain.message import Message, html_of, render_message, render_sms
from outreach.domain.plan import Run
from outreach.domain.policy import Ruling, wait
from outreach.domain.touch import Touch
from outreach.service.briefs import context_of, template_of
from outreach.service.care_links import new_link
from outreach.service.ledger import Ledger
from outreach.service.ports import Outside
from outreach.service.ports_records import User
from outreach.service.ports_traffic import Attempt
from outreach.service.ports_ways import Post
from outreach.service.rulings import lawful_until
from outreach.service.switches import may_contact

OUTBOX = "outbox"
SHORTEST_WINDOW = timedelta(minutes=5)
"""An SMS with less time left than that could arrive after the allowed hours."""
LONGEST_WAIT = timedelta(hours=4)
"""What a carrier has not delivered by then is not delivered any more: Twilio's own default is ten hours,
and news about a delivery is old by then."""


def compose(ledger: Ledger, run: Run, touch: Touch) -> Message:
    """The message as the customer will read it. Raises RenderFault; a released draft says what was read."""
    person = ledger.person(touch.person)
    assert person is not None
    endpoint = person.endpoint(touch.channel)
    assert endpoint is not None
    subject, text, html = _words(ledger, run, touch, person)
    company = ledger.rules.company
    caller = ledger.outside.am(ledger.unit, touch.caller)
    return Message(
        channel=touch.channel,
        to=endpoint.value,
        to_name=person.name,
        sender=caller.name or company.sender_name or company.name,
        sender_address=_from(ledger, caller),
        subject=subject,
        text=text,
        html=html,
        language=person.language,
        purpose=touch.purpose.value,
    )


def _words(ledger: Ledger, run: Run, touch: Touch, person: Person) -> tuple[str, str, str]:
    if touch.draft is not None and touch.draft.get("released_by"):
        subject, text = touch.draft.get("subject") or "", touch.draft["text"]
        return subject, text, touch.draft.get("html") or html_of(text, person.language)
    templates = ledger.playbook(run).templates
    name, text = template_of(ledger.playbook(run), touch, person)
    context = context_of(ledger, run, touch)
    if touch.channel is Channel.SMS:
        return "", render_sms(text, context, name, templates, language=person.language), ""
    return render_message(text, context, name, templates, language=person.language)


def _from(ledger: Ledger, caller: User) -> str:
    """The account manager's own address where we may write from it, else the verified one."""
    post, company = ledger.outside.post, ledger.rules.company
    if Channel.EMAIL not in ledger.outside.providers:
        return caller.email or company.sender_email
    if caller.email and caller.email.rpartition("@")[2] in post.domains:
        return caller.email
    return post.from_address or company.sender_email


# -- once it is certain that it leaves -------------------------------------------------------------------


def addressed(ledger: Ledger, touch: Touch, message: Message, token: str) -> Message:
    """With everything that this attempt adds: its own id, the thread, where an answer goes, how to stop it."""
    if touch.channel is Channel.SMS:
        return replace(message, valid_until=_valid_until(ledger, touch))
    post = ledger.outside.post
    before = [a.message_id for a in ledger.unit.attempts_of_run(touch.run) if a.message_id and a.delivery]
    unsubscribe = _unsubscribe(post, touch, token)
    page = _page(ledger, touch)
    foot = footer(ledger.rules.company, touch.purpose, message.language, unsubscribe, page)
    text, html = with_footer(message.text, message.html, foot)
    return replace(
        message,
        text=text,
        html=html,
        reply_to=_reply_to(ledger, touch),
        message_id=f"<{token}@{message.sender_address.rpartition('@')[2] or 'outreach.invalid'}>",
        references=tuple(before),
        unsubscribe=unsubscribe,
    )


def _unsubscribe(post: Post, touch: Touch, token: str) -> str:
    transactional = touch.purpose is Purpose.TRANSACTIONAL
    return "" if transactional or not post.public_url else f"{post.public_url}/u/{token}"


def _page(ledger: Ledger, touch: Touch) -> str:
    """A new way to their own page, for this mail."""
    post = ledger.outside.post
    if touch.purpose is Purpose.TRANSACTIONAL or not post.public_url or touch.person is None:
        return ""
    return f"{post.public_url}/care/{new_link(ledger.unit, ledger.outside, touch.person, touch.account)}"


def foot_of(ledger: Ledger, touch: Touch, language: str) -> tuple[str, ...]:
    """The lines that will stand below a mail that has not left yet."""
    if touch.channel is not Channel.EMAIL:
        return ()
    post = ledger.outside.post
    page = f"{post.public_url}/care/…" if post.public_url else ""
    return footer(ledger.rules.company, touch.purpose, language, _unsubscribe(post, touch, "…"), page)


def _reply_to(ledger: Ledger, touch: Touch) -> str:
    if ledger.outside.post.reply_domain:
        return reply_address(ledger.outside, touch.id)
    return ledger.outside.am(ledger.unit, touch.caller).email


def _valid_until(ledger: Ledger, touch: Touch) -> datetime:
    ends = [lawful_until(ledger, touch), touch.not_after, ledger.now + LONGEST_WAIT]
    return min(end for end in ends if end is not None)


def too_close(ledger: Ledger, touch: Touch) -> Ruling | None:
    """An SMS that the carrier may deliver after the allowed hours waits for the next ones."""
    if touch.channel is not Channel.SMS:
        return None
    ends = lawful_until(ledger, touch)
    if ends is None or ends - ledger.now >= SHORTEST_WINDOW:
        return None
    return wait("hours", "The allowed hours end in a moment, and an SMS may take longer.", ends)


def provider_for(ledger: Ledger, channel: Channel, to: str) -> str:
    """Which way it goes. In rehearsal only the named endpoints are contacted; the rest goes to the outbox."""
    provider = ledger.outside.providers.get(channel, OUTBOX)
    if provider == OUTBOX or may_contact(ledger.unit, ledger.outside, to, provider):
        return provider
    return OUTBOX


def as_attempt(touch: Touch, message: Message, provider: str, outside: Outside) -> Attempt:
    assert touch.token is not None and touch.intent_at is not None
    return Attempt(
        token=touch.token,
        touch=touch.id,
        run=touch.run,
        account=touch.account,
        channel=touch.channel,
        provider=provider,
        at=touch.intent_at,
        person=touch.person,
        recipient=message.to,
        sender=outside.post.sms_sender or None if touch.channel is Channel.SMS else message.sender_address,
        subject=message.subject or None,
        text=message.text if touch.channel is Channel.SMS else _KEYS.sub(r"\1…", message.text),
        message_id=message.message_id or None,
    )


_KEYS = re.compile(r"(/(?:care|u)/)[\w-]+")
"""What opens a customer's page is in their mail and nowhere else."""


# -- addresses that lead back ----------------------------------------------------------------------------

_MARK = 12
"""Letters of the keyed hash: 48 bits, which nobody guesses through a mail server."""


def reply_address(outside: Outside, touch: str) -> str:
    """Where answers to this touch go. In small letters: mail servers on the way may change the case."""
    return f"r-{touch}-{_mark(outside, 'reply', touch)}@{outside.post.reply_domain}"


def copy_address(outside: Outside, user: str) -> str:
    """Where an account manager sends a copy of their own mails, or forwards a customer's."""
    return f"am-{user}-{_mark(outside, 'copy', user.lower())}@{outside.post.reply_domain}"


def led_back(outside: Outside, address: str) -> tuple[str, str] | None:
    """(``reply``, touch) or (``copy``, user) in small letters for an address of ours; None for any other."""
    local, _, domain = address.strip().lower().partition("@")
    if not outside.post.reply_domain or domain != outside.post.reply_domain:
        return None
    for start, kind in (("r-", "reply"), ("am-", "copy")):
        named, _, mark = local.removeprefix(start).rpartition("-")
        if local.startswith(start) and named and mark == _mark(outside, kind, named):
            return kind, named
    return None


def _mark(outside: Outside, kind: str, named: str) -> str:
    return outside.endpoint_hash(kind, named)[:_MARK]

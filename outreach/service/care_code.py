"""Who is it really? Six digits to an endpoint on file, before anybody sees what we know: mails are forwarded."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from outreach.domain.errors import Refused
from outreach.domain.facts import PERSON_PREFIX, Channel, Purpose
from outreach.domain.message import Message, RenderFault
from outreach.service.care_links import hashed, opened
from outreach.service.care_page import CarePage, look
from outreach.service.ledger import Ledger
from outreach.service.ports import Outside, Unit
from outreach.service.posting import OUTBOX, provider_for
from outreach.service.switches import provider_stopped

NOT_NOW = "It could not be sent just now. Try again in a few minutes, or ring us."
SENT = "care.code_sent"
CODE_LASTS, CODE_TRIES = timedelta(minutes=15), 5
MOST_CODES, IN = 5, timedelta(days=1)
"""For one person, over all their addresses: at most 25 guesses a day at one of a million codes."""


def send_code(outside: Outside, token: str, way: str, write: Callable[[str, str], tuple[str, str]]) -> None:
    """Six digits to an endpoint on file. ``write(company, code)`` gives subject and text in their language. Raises
    Refused where nothing can be sent."""
    page = look(outside, token)
    if way not in page.endpoints:
        raise Refused("We have no such address of yours.")
    channel = Channel(way)
    code = f"{int.from_bytes(hashed(outside, outside.ids.token()).encode()[:8], 'big') % 1_000_000:06}"

    def keep(unit: Unit) -> tuple[str, Message]:
        link = opened(unit, outside, token)
        now = outside.clock.now()
        _must_not_be_many(unit, link.person, now)
        unit.save_care_link(
            link._replace(code=hashed(outside, f"{token}:{code}"), code_until=now + CODE_LASTS, tries=0)
        )
        unit.audit(now, "customer", SENT, PERSON_PREFIX + page.person.id, way)
        return _code_message(unit, outside, page, channel, write, code)

    with outside.database.view() as unit:
        _must_not_be_stopped(unit, outside, channel)
    try:
        provider, message = outside.database.retrying(keep)
    except RenderFault as fault:
        raise Refused(NOT_NOW) from fault
    sender = outside.outbox if provider == OUTBOX and outside.outbox else outside.senders[channel]
    receipt = sender.send(message, outside.ids.token())
    if receipt.outcome in ("refused", "failed"):
        raise Refused(NOT_NOW)


def _must_not_be_many(unit: Unit, person: str, now: datetime) -> None:
    if len(unit.audit_since(PERSON_PREFIX + person, now - IN, SENT)) >= MOST_CODES:
        raise Refused("Those were many codes for one day. Try again tomorrow, or ring us.")


def _must_not_be_stopped(unit: Unit, outside: Outside, channel: Channel) -> None:
    """The kill switch and a stopped provider hold for this, too, though the customer asks for it."""
    provider = outside.providers.get(channel, OUTBOX)
    ways = (provider, f"{provider}/{channel.value}")
    if unit.setting("stop_all") is not None or any(provider_stopped(unit, way) for way in ways):
        raise Refused(NOT_NOW)


def _code_message(
    unit: Unit,
    outside: Outside,
    page: CarePage,
    channel: Channel,
    write: Callable[[str, str], tuple[str, str]],
    code: str,
) -> tuple[str, Message]:
    ledger, company = Ledger(unit, outside, outside.clock.now()), outside.rules().company
    to = (page.person.email if channel is Channel.EMAIL else page.person.phone) or ""
    subject, text = write(company.name, code)
    message = Message(
        channel=channel, to=to, to_name="", sender=company.sender_name or company.name,
        sender_address=outside.post.from_address or company.sender_email, subject=subject if channel is Channel.EMAIL else "",
        text=text, language=page.language, purpose=Purpose.TRANSACTIONAL.value,
        valid_until=ledger.now + CODE_LASTS,
    )  # fmt: skip
    return provider_for(ledger, channel, to), message


def proves(outside: Outside, token: str, code: str) -> bool:
    """Whether that is the code that was sent. A few tries each; a right one is good once."""

    def work(unit: Unit) -> bool:
        link = opened(unit, outside, token)
        now = outside.clock.now()
        good = link.code is not None and link.code_until is not None and now < link.code_until
        if not good or link.tries >= CODE_TRIES:
            return False
        right = link.code == hashed(outside, f"{token}:{code.strip()}")
        unit.save_care_link(link._replace(code=None if right else link.code, tries=link.tries + 1))
        return right

    found: bool = outside.database.retrying(work)
    return found

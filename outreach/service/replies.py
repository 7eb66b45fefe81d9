"""What people write to us: recognised, listened to for a *stop*, and handed to the account's own runs.

Blocking comes first and is committed with the message. Who cannot be recognised is kept until a colleague
has said who it is; what sounds like a refusal is shut at once, and a colleague reads what was meant.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from outreach.domain.facts import PERSON_PREFIX, Channel
from outreach.domain.person import REFUSED, PersonState
from outreach.domain.wishes import Asks, Wish, confirmation, wish_of
from outreach.service.endpoints import locked, open_again, shut
from outreach.service.intake import absorb_own, own_event
from outreach.service.ledger import Ledger
from outreach.service.ports import Outside, Unit
from outreach.service.ports_traffic import Inbound

SOURCE = "outreach/inbound"
"""Source of the events that are made of what people write; their ids are the messages' own."""


class Received(NamedTuple):
    """One message as it came in. ``sender``: E.164, or a mail address in small letters."""

    id: str
    """``sms:<provider id>`` or ``email:<hash of the Message-ID>``: the same message again is the same id."""
    channel: Channel
    sender: str
    name: str
    recipient: str
    subject: str
    text: str
    """Their own words, without what they quote."""
    touch: str | None = None
    """What they answer to, where the address or thread says so."""
    opt_out_type: str = ""
    """The carrier's reading of it; it has then answered it already."""


@dataclass(frozen=True, slots=True)
class Taken:
    """``outcome``: ``duplicate · erased · stopped · started · helped · refused · received · unknown``.
    ``answer``: what to say to them at once, if anything."""

    outcome: str
    answer: str = ""


@dataclass(frozen=True, slots=True)
class Who:
    """Whom a message is from, as far as that is known, and what it is about."""

    person: PersonState | None = None
    account: str | None = None
    touch: str | None = None


def receive(outside: Outside, received: Received, *, answers: bool = False) -> Taken:
    """Take it in, once. ``answers``: whether STOP, START and HELP are answered by us, not by the carrier."""

    def work(unit: Unit) -> Taken:
        now = outside.clock.now()
        if not unit.first_seen([received.id], now):
            return Taken("duplicate")
        hash_ = outside.endpoint_hash(_kind(received), received.sender)
        shut_now = unit.suppressed([hash_]).get(hash_, {})
        if shut_now.get("all") == "erased":
            return Taken("erased")
        who = recognise(unit, outside, received)
        ledger = Ledger(unit, outside, now)
        if who.account:
            ledger.lock([who.account])
        is_shut = received.channel.value in shut_now or bool(
            who.person and received.channel.value in who.person.opted_out
        )
        wish = wish_of(received.text, received.opt_out_type, is_shut=is_shut)
        outcome = _act(ledger, received, who, wish, hash_)
        ledger.flush()
        return Taken(outcome, _answer(ledger, received, who, wish, outcome) if answers else "")

    taken: Taken = outside.database.retrying(work)
    return taken


def _kind(received: Received) -> str:
    return "email" if received.channel is Channel.EMAIL else "phone"


def _act(ledger: Ledger, received: Received, who: Who, wish: Wish, hash_: str) -> str:
    how = f"wrote {received.text.strip()[:20]}" if wish.asks is Asks.STOP else "wrote to us"
    if wish.asks is Asks.STOP:
        return "stopped" if shut(ledger, received.channel, received.sender, how) else "stopped_before"
    if wish.asks is Asks.START:
        return (
            "started" if open_again(ledger, received.channel, received.sender, "wrote START") else "received"
        )
    if wish.asks is Asks.REFUSAL:
        _refused(ledger, received, who, wish, hash_)
        return "refused"
    if who.person is None or who.account is None:
        ledger.unit.keep_inbound(as_inbound(received, "unknown", hash_, ledger.now, who))
        return "unknown"
    tell(ledger, received, who.person.id, who.account, who.touch, wish.asks)
    return "helped" if wish.asks is Asks.HELP else "received"


def _refused(ledger: Ledger, received: Received, who: Who, wish: Wish, hash_: str) -> None:
    """Shut first; then somebody reads it, whether or not we know who wrote."""
    locked(ledger, received.channel, received.sender)
    if received.channel.value not in ledger.unit.suppressed([hash_]).get(hash_, {}):
        ledger.unit.suppress(hash_, received.channel.value, REFUSED, ledger.now)
    if who.person is not None:
        data = {"person_id": who.person.id, "scope": wish.scope, "words": received.text[:5000]}
        told = own_event(
            "person.refused",
            PERSON_PREFIX + who.person.id,
            data,
            ledger.now,
            f"{received.id}:refused",
            SOURCE,
        )
        absorb_own(ledger, [told])
        if who.account is not None:
            tell(ledger, received, who.person.id, who.account, who.touch, Asks.REFUSAL)
    ledger.unit.keep_inbound(as_inbound(received, "refusal", hash_, ledger.now, who))


def tell(
    ledger: Ledger, received: Received, person: str, account: str, touch: str | None, asks: Asks = Asks.ANSWER
) -> None:
    """It becomes the account's news; its runs stop writing, and somebody who knows the story gets a card."""
    data: dict[str, Any] = {
        "person_id": person, "channel": received.channel.value, "touch_id": touch, "asks": asks.value,
        "subject": received.subject[:500] or None, "text": received.text[:20_000],
    }  # fmt: skip
    told = own_event("message.received", account, data, ledger.now, received.id, SOURCE)
    absorb_own(ledger, [told])


def as_inbound(received: Received, kind: str, hash_: str, now: datetime, who: Who) -> Inbound:
    return Inbound(
        id=received.id,
        at=now,
        channel=received.channel,
        kind=kind,
        status="open",
        sender=received.sender,
        hash=hash_,
        name=received.name[:200],
        recipient=received.recipient[:320],
        subject=received.subject[:500],
        text=received.text[:20_000],
        person=who.person.id if who.person else None,
        account=who.account,
        touch=who.touch,
    )


def _answer(ledger: Ledger, received: Received, who: Who, wish: Wish, outcome: str) -> str:
    if received.opt_out_type or outcome not in ("stopped", "started", "helped"):
        return ""
    company = ledger.rules.company
    said = who.person.described if who.person else {}
    return confirmation(wish.asks, said.get("language") or company.language, company.name, company.phone)


# -- who is it? ------------------------------------------------------------------------------------------


def recognise(unit: Unit, outside: Outside, received: Received) -> Who:
    """By the touch it answers, else by who has the endpoint; the account is the touch's, that of the newest
    message to them, or the only one they belong to."""
    people = unit.people_at(_kind(received), received.sender)
    answered = unit.touch(received.touch) if received.touch else None
    if answered is not None:
        person = next((p for p in people if p.id == answered.person or answered.account in p.roles), None)
        if person is None and not people and answered.person:
            person = unit.people([answered.person]).get(answered.person)  # from another address of theirs
        if person is not None:
            return Who(person, answered.account, answered.id)
    newest = [
        (attempt.at, person.id, attempt)
        for person in people
        if (attempt := unit.last_attempt_to(person.id, received.channel)) is not None
    ]
    if newest:
        _, id_, attempt = max(newest, key=lambda each: each[:2])
        return Who(next(p for p in people if p.id == id_), attempt.account, attempt.touch)
    if len(people) == 1:
        person = people[0]
        return Who(person, sole_account(unit, person))
    return Who()


def sole_account(unit: Unit, person: PersonState) -> str | None:
    """Where their words belong: their only account, or the one with something open."""
    known = [state for id_ in sorted(person.roles) if (state := unit.account(id_)) is not None]
    if len(known) == 1:
        return known[0].id
    troubled = [state for state in known if state.open_failures]
    return troubled[0].id if len(troubled) == 1 else None

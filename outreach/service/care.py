"""What other senders and the customer may ask of us: may this be sent, what is held, please stop."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from outreach.domain.account import AccountState
from outreach.domain.errors import NotFound
from outreach.domain.facts import PERSON_PREFIX, Channel, Person, Purpose
from outreach.domain.hold import Hold, strongest
from outreach.domain.policy import ASKED, Action, Case, LawSays, rule
from outreach.domain.signal import SELLING
from outreach.domain.touch import Status, Touch
from outreach.service.endpoints import shut, stop_selling, stop_selling_to
from outreach.service.intake import absorb_own, own_event
from outreach.service.ledger import Ledger
from outreach.service.ports import Outside, Unit
from outreach.service.rulings import holds_on, law_says, wished


@dataclass(frozen=True, slots=True)
class Asked:
    """One thing somebody wants to send: to an endpoint or a person, for a purpose."""

    purpose: Purpose
    person: str | None = None
    email: str | None = None
    phone: str | None = None
    channel: str | None = None


@dataclass(frozen=True, slots=True)
class MaySend:
    """``allow · hold · deny``, why, and until when a hold lasts as known now."""

    answer: str
    reason: str
    sentence: str
    until: datetime | None = None


def may_send(outside: Outside, asked: Sequence[Asked]) -> list[MaySend]:
    """For every generic mail of ours and of others: the law at their place, their consents where we keep them, their
    wishes, holds, embargoes. An endpoint unknown to us is allowed, unless its hash is erased or opted out. What is
    transactional is never held, and goes whatever they have wished."""
    with outside.database.view() as unit:
        ledger = Ledger(unit, outside, outside.clock.now())
        return [_may_send(ledger, each) for each in asked]


def _may_send(ledger: Ledger, asked: Asked) -> MaySend:
    if (denied := _suppressed(ledger, asked)) is not None:
        return denied
    people = _find(ledger, asked)
    if not people:
        return MaySend("allow", "unknown_here", "We do not know this address.")
    return max((_answer(ledger, asked, person) for person in people), key=_strictness)


def _strictness(said: MaySend) -> tuple[int, float]:
    """Of several people at one address the strictest answer counts; of two holds the longer."""
    order = ("allow", "hold", "deny").index(said.answer)
    return order, said.until.timestamp() if said.until else 0.0


def _answer(ledger: Ledger, asked: Asked, person: Person) -> MaySend:
    case = _case(ledger, asked, person)
    ruling = rule(case, ASKED)
    if ruling.sends:
        return MaySend("allow", "allowed", ruling.reason.sentence)
    if ruling.action is Action.DROP and ruling.reason.code != "embargo":  # which is lifted one day
        return MaySend("deny", ruling.reason.code, ruling.reason.sentence)
    if ruling.reason.code == "held" and case.hold is not None:
        return MaySend(
            "hold", case.hold.because, f"Held back while {case.hold.because} is open.", case.hold.ends
        )
    return MaySend("hold", ruling.reason.code, ruling.reason.sentence, ruling.until)


def _case(ledger: Ledger, asked: Asked, person: Person) -> Case:
    """As for a message of ours that has no run. Who belongs to several accounts is judged by the one where they
    bought last: it is the only one that could speak for it."""
    channel = asked.channel or ("email" if asked.email or not asked.phone else "sms")
    accounts = {each.id: each for each in ledger.unit.accounts(sorted(person.roles))}
    ledger.accounts.update(accounts)
    probe = Touch(
        id="", run="", account=_bought_last(accounts), channel=Channel(channel), purpose=asked.purpose, step=0, status=Status.DUE,
        due=ledger.now, because="", person=person.id,
    )  # fmt: skip
    shut = _shut(ledger, person, probe.channel, asked.purpose)
    if asked.purpose is Purpose.TRANSACTIONAL:
        return Case(touch=probe, now=ledger.now, person=person, law=LawSays(True, None), suppressed=shut)
    stated = wished(ledger, person, sorted(accounts))
    return Case(
        touch=probe,
        now=ledger.now,
        person=person,
        law=_law(ledger, probe, person),
        suppressed=shut,
        hold=hold_on(ledger, person, asked.purpose),
        embargo=next((each.embargo.sentence for each in accounts.values() if each.embargo), ""),
        preferred_until=stated.until if stated else None,
        preferred_sentence=stated.sentence if stated else "",
    )


def _bought_last(accounts: Mapping[str, AccountState]) -> str:
    bought = {
        id_: state.last_order_at.timestamp() if state.last_order_at else 0 for id_, state in accounts.items()
    }
    return max(sorted(bought), key=bought.__getitem__, default="")


def _shut(ledger: Ledger, person: Person, channel: Channel, purpose: Purpose) -> str | None:
    """Their number or address itself, whoever had it when it was shut."""
    endpoint = person.endpoint(channel)
    if endpoint is None:
        return None
    hash_ = ledger.outside.endpoint_hash(endpoint.kind, endpoint.value)
    return ledger.suppressed(hash_, channel, selling=purpose.sells)


def _law(ledger: Ledger, probe: Touch, person: Person) -> LawSays:
    """Consents that the asker keeps elsewhere are theirs to know; whatever we were told of them decides."""
    said = law_says(ledger, probe, person)
    ours = {probe.purpose.value, Purpose.MARKETING.value}
    told = any(one.purpose in ours for one in person.permissions) or ours & person.opted_out.keys()
    if ledger.rules.company.keeps_consents or told:
        return said
    return replace(said, consent_ok=True, unscreened="")


def _suppressed(ledger: Ledger, asked: Asked) -> MaySend | None:
    named = [("email", asked.email), ("phone", asked.phone)]
    hashes = [ledger.outside.endpoint_hash(kind, value) for kind, value in named if value]
    channel = asked.channel or ("email" if asked.email else "")
    for by_channel in ledger.unit.suppressed(hashes).values():
        selling = by_channel.pop(SELLING, None)
        why = by_channel.get("all") or by_channel.get(channel) or (selling if asked.purpose.sells else None)
        if why or (by_channel and not channel):
            why = why or next(iter(by_channel.values()))
            return MaySend("deny", "suppressed", f"This address may not be contacted: {why}.")
    return None


def _find(ledger: Ledger, asked: Asked) -> list[Person]:
    unit = ledger.unit
    if asked.person:
        states = unit.people([asked.person])
    else:
        kind, value = ("email", asked.email) if asked.email else ("phone", asked.phone)
        states = {state.id: state for state in unit.people_at(kind, value or "")}
    return list(ledger.known_as(states).values())


def hold_on(ledger: Ledger, person: Person, purpose: Purpose) -> Hold | None:
    """The strongest hold on a person: their own, of everybody linked to them, of their accounts."""
    return strongest(holds_on(ledger, person), purpose, ledger.now)


def holds_since(outside: Outside, cursor: int, limit: int = 500) -> list[tuple[int, Hold]]:
    """The holds feed: every change of a hold, with a growing cursor."""
    with outside.database.view() as unit:
        return unit.hold_changes(cursor, limit)


@dataclass(frozen=True, slots=True)
class Unsubscribing:
    """What the link of a mail stops, and in which language its page speaks."""

    company: str
    language: str
    selling: bool
    """Only what sells; else every mail to that address."""
    done: bool = False


def unsubscribing(outside: Outside, token: str) -> Unsubscribing:
    """What the mail's own link would stop; changes nothing. Raises NotFound for a token that is none."""
    with outside.database.view() as unit:
        return _unsubscribing(unit, outside, token)


def _unsubscribing(unit: Unit, outside: Outside, token: str) -> Unsubscribing:
    attempt = unit.attempt(token)
    touch = unit.touch(attempt.touch) if attempt else None
    if attempt is None or touch is None or attempt.channel is not Channel.EMAIL:
        raise NotFound("This link is not one of ours, or it was not copied whole.")
    state = unit.people([attempt.person]).get(attempt.person) if attempt.person else None
    company = outside.rules().company
    language = (state.described.get("language") if state else None) or company.language
    return Unsubscribing(company.name, language, touch.purpose.sells)


def unsubscribe(outside: Outside, token: str) -> Unsubscribing:
    """One click (RFC 8058): the mail's recipient gets no more of this. Again is no fault. Raises NotFound."""

    def work(unit: Unit) -> Unsubscribing:
        asked = _unsubscribing(unit, outside, token)
        attempt = unit.attempt(token)
        ledger = Ledger(unit, outside, outside.clock.now())
        if attempt is not None and attempt.recipient is not None:
            stop = stop_selling if asked.selling else shut
            stop(ledger, Channel.EMAIL, attempt.recipient, "the link in a mail")
            if asked.selling and attempt.person:  # they may have another address by now
                stop_selling_to(ledger, [attempt.person], "the link in a mail")
            ledger.flush()
            unit.audit(ledger.now, "customer", "unsubscribed", f"touch/{attempt.touch}", "the link in a mail")
        return replace(asked, done=True)

    found: Unsubscribing = outside.database.retrying(work)
    return found


def opt_out(outside: Outside, person_id: str, channel: str, how: str, by: str) -> None:
    """A committed opt-out always wins over whatever is about to leave."""

    def work(unit: Unit) -> None:
        ledger = Ledger(unit, outside, outside.clock.now())
        data = {"person_id": person_id, "channel": channel, "how": how}
        subject = PERSON_PREFIX + person_id
        new = outside.ids.new()
        absorb_own(ledger, [own_event("endpoint.opted_out", subject, data, ledger.now, new)])
        ledger.flush()
        unit.audit(ledger.now, by, "endpoint.opted_out", subject, how)

    outside.database.retrying(work)

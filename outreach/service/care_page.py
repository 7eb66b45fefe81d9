"""The customer's own page: what went wrong, what we promised, who looks after it, and what they tell us of it.

The address holds a random token and nothing about them; its hash leads to a row that ends and can be revoked.
Reading changes nothing. What they say enters by the front door like any other news; their own word closes and
reopens failures. Seeing, exporting and deleting what we know asks for a code sent to an endpoint on file,
because mails are forwarded.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from outreach.domain.account import AccountState, Promise, PromiseState
from outreach.domain.errors import NotFound, Refused
from outreach.domain.facts import PERSON_PREFIX, Channel, Person, Purpose
from outreach.domain.failure import Failure, FailureState
from outreach.domain.hours import Calendar
from outreach.domain.message import Message
from outreach.domain.person import NO_LONGER, as_person
from outreach.domain.preference import paused_until
from outreach.service.care_links import hashed, opened
from outreach.service.endpoints import open_again, shut, stop_selling_to
from outreach.service.intake import absorb_own, own_event
from outreach.service.ledger import Ledger
from outreach.service.ports import CareLink, Outside, Unit, User
from outreach.service.posting import OUTBOX, provider_for
from outreach.service.replies import sole_account
from outreach.service.staff import honest_hour, on_duty, team_of
from outreach.service.switches import provider_stopped

SOURCE = "outreach/care"
CODE_LASTS, CODE_TRIES = timedelta(minutes=15), 5
PAUSE = timedelta(days=30)
LATELY = timedelta(days=90)
"""What was closed longer ago is no longer shown."""
SLOT, MOST_SLOTS, AHEAD = timedelta(minutes=30), 8, timedelta(days=14)
TOLD = ("channel", "not_channel", "hours", "days", "name", "language", "note")
"""Kinds of preferences that they may state here."""
SELLING = tuple(purpose.value for purpose in Purpose if purpose.sells)


@dataclass(frozen=True, slots=True)
class Trouble:
    """One thing that went wrong, as they may read it."""

    account: str
    failure: Failure
    words: str
    """What of it we know in words: what was lost, what they wrote."""

    @property
    def id(self) -> str:
        return f"{self.account}|{self.failure.id}"


@dataclass(frozen=True, slots=True)
class CarePage:
    """Everything on the page. Times are UTC; ``zone`` is theirs."""

    person: Person
    language: str
    zone: str
    troubles: tuple[Trouble, ...]
    promises: tuple[Promise, ...]
    face: User
    can_call_now: bool
    ring_by: datetime
    slots: tuple[datetime, ...]
    paused_until: datetime | None
    stopped: Mapping[str, bool]
    """``selling · written · all`` → whether they have stopped it."""
    endpoints: Mapping[str, str]
    """Where a code may be sent: ``email`` and ``sms`` → the address, mostly hidden."""


# -- reading -----------------------------------------------------------------------------------------------


def look(outside: Outside, token: str) -> CarePage:
    """Changes nothing. Raises NotFound for an address that is none, has ended, or was revoked."""
    with outside.database.view() as unit:
        link = opened(unit, outside, token)
        ledger = Ledger(unit, outside, outside.clock.now())
        state = unit.people([link.person]).get(link.person)
        if state is None or state.erased:
            raise NotFound("This page is not there any more.")
        accounts = {each.id: each for each in unit.accounts(sorted({*state.roles, *_named(link)}))}
        ledger.accounts.update(accounts)
        language = state.described.get("language") or ledger.rules.company.language
        return _page(ledger, as_person(state), language, link, accounts)


def _named(link: CareLink) -> list[str]:
    return [link.account] if link.account else []


def _page(
    ledger: Ledger, person: Person, language: str, link: CareLink, accounts: Mapping[str, AccountState]
) -> CarePage:
    company, main = ledger.rules.company, _main(link, accounts)
    team = team_of(ledger, main)
    zone = person.zone or company.zone
    duty = on_duty(ledger.unit, company, team, ledger.now)
    said = accounts[main].described if main else {}
    face = ledger.outside.am(ledger.unit, said.get("owner") or (accounts[main].spoken_by if main else None))
    return CarePage(
        person=person,
        language=language,
        zone=zone,
        troubles=tuple(_troubles(ledger, person, accounts)),
        promises=tuple(_promises(person, accounts)),
        face=face,
        can_call_now=bool(duty) and ledger.outside.telephone is not None and bool(person.phone),
        ring_by=honest_hour(ledger, main),
        slots=tuple(_slots(team.calendar if team else company.calendar, ledger.now)) if person.phone else (),
        paused_until=_still(paused_until(person), ledger.now),
        stopped={
            "selling": all(purpose in person.opted_out for purpose in SELLING),
            "written": all(way in person.opted_out for way in ("email", "sms")),
            "all": "all" in person.opted_out,
        },
        endpoints=_reached_at(person),
    )


def _main(link: CareLink, accounts: Mapping[str, AccountState]) -> str | None:
    """The account the page is about: the message's own, else where something is open, else the first."""
    if link.account in accounts:
        return link.account
    troubled = [id_ for id_, state in accounts.items() if state.open_failures]
    return next(iter([*troubled, *accounts]), None)


def _still(until: datetime | None, now: datetime) -> datetime | None:
    return until if until is not None and until > now else None


def _troubles(ledger: Ledger, person: Person, accounts: Mapping[str, AccountState]) -> list[Trouble]:
    """Theirs, and those of which nobody in particular was hurt; a colleague's own stay the colleague's."""
    found = []
    for id_, state in accounts.items():
        for failure in state.failures.values():
            mine = failure.person in (None, person.id) and failure.state is not FailureState.VOID
            lately = failure.closed_at is None or failure.closed_at > ledger.now - LATELY
            if mine and lately and not failure.parent:
                found.append(Trouble(id_, failure, _words_of(ledger, id_, failure)))
    return sorted(found, key=lambda each: (not each.failure.is_open, -each.failure.opened_at.timestamp()))


def _words_of(ledger: Ledger, account: str, failure: Failure) -> str:
    for event in ledger.unit.last_of(account, failure.cause, 20) if failure.cause else ():
        if event.key == failure.key:
            return str(event.data.get("what") or event.data.get("words") or event.data.get("reason") or "")
    return ""


def _promises(person: Person, accounts: Mapping[str, AccountState]) -> list[Promise]:
    shown = (PromiseState.OPEN, PromiseState.BROKEN)
    found = [
        promise
        for state in accounts.values()
        for promise in state.promises.values()
        if promise.state in shown and promise.person in (None, person.id)
    ]
    return sorted(found, key=lambda promise: promise.until)


def _slots(calendar: Calendar, now: datetime) -> list[datetime]:
    """Half hours in which somebody is here to ring, from half an hour on: only what will be kept."""
    found: list[datetime] = []
    at = _half_hour(now + SLOT)
    while len(found) < MOST_SLOTS and at < now + AHEAD:
        if not calendar.is_open(at):
            at = _half_hour(calendar.next_open(at))
            continue
        if calendar.is_open(at + SLOT - timedelta(seconds=1)):
            found.append(at)
        at += SLOT
    return found


def _half_hour(at: datetime) -> datetime:
    """The instant itself, or the next full or half hour."""
    past = timedelta(minutes=at.minute % 30, seconds=at.second, microseconds=at.microsecond)
    return at if not past else at - past + SLOT


def _reached_at(person: Person) -> dict[str, str]:
    """Enough of it to know which one is meant, too little to learn it from here."""
    found = {}
    if person.email and "email" not in person.invalid:
        local, _, domain = person.email.partition("@")
        found["email"] = f"{local[:1]}···@{domain[:1]}···{domain[domain.rfind('.') :]}"
    if person.phone and "sms" not in person.invalid:
        found["sms"] = f"{person.phone[:3]} ··· {person.phone[-2:]}"
    return found


# -- what they tell us -----------------------------------------------------------------------------------------


class _Said:
    """One thing that they say: the unit's ledger, who it is, and the account that it is about."""

    def __init__(self, ledger: Ledger, link: CareLink, person: Person, account: str | None) -> None:
        self.ledger, self.link, self.person, self.account = ledger, link, person, account

    def tell(self, type_: str, data: Mapping[str, Any], subject: str = "", id_: str = "") -> None:
        """About the account, or about them where ``subject`` says so. The same id again is no news."""
        about = subject or self.account
        if about is None:
            raise Refused("There is nothing of yours that this could be about.")
        new = id_ or self.ledger.outside.ids.new()
        absorb_own(self.ledger, [own_event(type_, about, data, self.ledger.now, new, SOURCE)])

    def tell_of_them(self, type_: str, data: Mapping[str, Any], id_: str = "") -> None:
        self.tell(type_, {"person_id": self.person.id, **data}, PERSON_PREFIX + self.person.id, id_)

    def trouble(self, id_: str) -> Failure:
        """One of those on the page. Raises NotFound for any other."""
        account, _, failure = id_.partition("|")
        state = self.ledger.accounts.get(account)
        found = state.failures.get(failure) if state else None
        if found is None or found.person not in (None, self.person.id):
            raise NotFound("This is not on your page.")
        self.account = account
        return found


def _say(outside: Outside, token: str, what: str, work: Callable[[_Said], None]) -> None:
    def within(unit: Unit) -> None:
        link = opened(unit, outside, token)
        ledger = Ledger(unit, outside, outside.clock.now())
        state = unit.people([link.person]).get(link.person)
        if state is None or state.erased:
            raise NotFound("This page is not there any more.")
        ledger.lock(sorted({*state.roles, *_named(link)}))
        person = as_person(unit.lock_people([link.person]).get(link.person, state))
        account = link.account if link.account in ledger.accounts else sole_account(unit, state)
        account = account or next(iter(ledger.accounts), None)
        work(_Said(ledger, link, person, account))
        ledger.flush()
        unit.audit(ledger.now, "customer", f"care.{what}", PERSON_PREFIX + person.id, "on their own page")

    outside.database.retrying(within)


def ask_for_call(outside: Outside, token: str, at: datetime | None) -> None:
    """Now, or at one of the times that the page offers. Raises Refused for any other time."""
    page = look(outside, token)
    if not page.person.phone:
        raise Refused("We have no number of yours: write to us, and we ring you.")
    if page.stopped["all"]:
        raise Refused("You asked us not to contact you. Open that again below, and we ring you.")
    if at is not None and at not in page.slots:
        raise Refused("Nobody is here to ring you then: choose one of the times.")
    wanted = at or (None if page.can_call_now else page.ring_by)

    def work(said: _Said) -> None:
        hour = wanted.isoformat() if wanted else f"{said.ledger.now:%Y-%m-%dT%H:%M}"
        wish = f"{said.person.id}:{hour}"  # a second click is the same wish
        data = {
            "callback_id": wish,
            "person_id": said.person.id,
            "wanted_at": wanted.isoformat() if wanted else None,
        }
        said.tell("callback.asked", data, id_=wish)

    _say(outside, token, "call_asked", work)


def put_right(outside: Outside, token: str, trouble: str) -> None:
    """Their own word closes it, whatever we thought."""

    def work(said: _Said) -> None:
        failure = said.trouble(trouble)
        if failure.is_open:
            said.tell("failure.put_right", {"failure": failure.id, "said_by": "customer", "by": "customer"})

    _say(outside, token, "put_right", work)


def not_right(outside: Outside, token: str, trouble: str, words: str) -> None:
    """It reopens, one more severe; where it is open still, somebody reads what they say."""

    def work(said: _Said) -> None:
        failure = said.trouble(trouble)
        if failure.is_open:
            _write(said, words or "It is not put right.")
        else:
            said.tell(
                "failure.reopened", {"failure": failure.id, "by": "customer", "reason": words[:500] or None}
            )

    _say(outside, token, "not_right", work)


def tell_us(outside: Outside, token: str, words: str, trouble: str = "") -> None:
    """*Not quite*, or anything else: it is read by the person who knows the story."""
    if not words.strip():
        raise Refused("Write a few words.")

    def work(said: _Said) -> None:
        if trouble:
            said.trouble(trouble)
        _write(said, words)

    _say(outside, token, "wrote", work)


def _write(said: _Said, words: str) -> None:
    data = {
        "person_id": said.person.id, "channel": "page", "touch_id": None, "asks": "answer", "text": words.strip()[:20_000],
    }  # fmt: skip
    said.tell("message.received", data)


def understood(outside: Outside, token: str, trouble: str) -> None:
    """*That's right*: kept, once, as their own word about what we know."""

    def work(said: _Said) -> None:
        failure = said.trouble(trouble)
        words = f"Confirmed how we understood {failure.id}."
        once = f"{said.person.id}:{said.account}:{failure.id}:{failure.round}"
        said.tell_of_them("preference.stated", {"kind": "note", "value": words, "by": "their page"}, once)

    _say(outside, token, "understood", work)


def prefer(outside: Outside, token: str, wishes: Mapping[str, str]) -> None:
    """How they like to be reached. An empty wish takes the earlier one back. Raises Refused for a kind that is none."""
    if not set(wishes) <= set(TOLD):
        raise Refused("That cannot be wished for here.")

    def work(said: _Said) -> None:
        known = {each.kind: each.value for each in said.person.preferences}
        for kind, value in wishes.items():
            value = " ".join(value.split())[:500]
            if value == known.get(kind, ""):
                continue
            said.tell_of_them(
                "preference.stated", {"kind": kind, "value": value or NO_LONGER, "by": "their page"}
            )
            if kind in ("name", "language") and value:
                described = {"greeting": value} if kind == "name" else {"language": value}
                said.tell("person.described", described, PERSON_PREFIX + said.person.id)

    _say(outside, token, "preferred", work)


def pause(outside: Outside, token: str, *, ends: bool = False) -> None:
    """Nobody contacts them for thirty days; or that ends now."""

    def work(said: _Said) -> None:
        until = NO_LONGER if ends else (said.ledger.now + PAUSE).isoformat()
        said.tell_of_them("preference.stated", {"kind": "pause", "value": until, "by": "their page"})

    _say(outside, token, "pause_ended" if ends else "paused", work)


HOW = "on their own page"


def stop(outside: Outside, token: str, scope: str) -> None:
    """``selling``, ``written`` (no mails, no SMS) or ``all``. Again is no fault."""

    def work(said: _Said) -> None:
        if scope == "selling":
            stop_selling_to(said.ledger, [said.person.id], HOW)
        elif scope in ("written", "all"):
            _shut(said, scope)
        else:
            raise Refused("Say what to stop.")

    _say(outside, token, f"stopped_{scope if scope in ('selling', 'written', 'all') else 'nothing'}", work)


def _shut(said: _Said, scope: str) -> None:
    for channel, value in ((Channel.EMAIL, said.person.email), (Channel.SMS, said.person.phone)):
        if value:
            shut(said.ledger, channel, value, HOW)
        if channel.value not in said.person.opted_out:
            said.tell_of_them("endpoint.opted_out", {"channel": channel.value, "how": HOW})
    if scope == "all":
        said.tell_of_them("endpoint.opted_out", {"channel": "all", "how": HOW})


def start_again(outside: Outside, token: str, scope: str, wording: str) -> None:
    """They want to hear from us again. ``wording``: the words that they agreed to, kept as evidence."""

    def work(said: _Said) -> None:
        if scope == "selling":
            evidence = {"basis": "express", "how": HOW, "wording": wording, "page": "care", "by": "customer"}
            for purpose in SELLING:
                said.tell_of_them("consent.given", {"purpose": purpose, **evidence})
            return
        for channel, value in ((Channel.EMAIL, said.person.email), (Channel.SMS, said.person.phone)):
            if value:
                open_again(said.ledger, channel, value, HOW)
            said.tell_of_them("endpoint.opted_in", {"channel": channel.value, "how": HOW})
        if scope == "all":
            said.tell_of_them("endpoint.opted_in", {"channel": "all", "how": HOW})

    if scope not in ("selling", "written", "all"):
        raise Refused("Say what to open again.")
    _say(outside, token, f"started_{scope}", work)


# -- who is it really? --------------------------------------------------------------------------------------------


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
        unit.save_care_link(
            link._replace(code=hashed(outside, f"{token}:{code}"), code_until=now + CODE_LASTS, tries=0)
        )
        unit.audit(now, "customer", "care.code_sent", PERSON_PREFIX + page.person.id, way)
        return _code_message(unit, outside, page, channel, write, code)

    with outside.database.view() as unit:
        _must_not_be_stopped(unit, outside, channel)
    provider, message = outside.database.retrying(keep)
    sender = outside.outbox if provider == OUTBOX and outside.outbox else outside.senders[channel]
    receipt = sender.send(message, outside.ids.token())
    if receipt.outcome in ("refused", "failed"):
        raise Refused("It could not be sent just now. Try again in a few minutes, or ring us.")


def _must_not_be_stopped(unit: Unit, outside: Outside, channel: Channel) -> None:
    """The kill switch and a stopped provider hold for this, too, though the customer asks for it."""
    provider = outside.providers.get(channel, OUTBOX)
    ways = (provider, f"{provider}/{channel.value}")
    if unit.setting("stop_all") is not None or any(provider_stopped(unit, way) for way in ways):
        raise Refused("It could not be sent just now. Try again in a few minutes, or ring us.")


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
        channel=channel, to=to, to_name=page.person.name, sender=company.sender_name or company.name,
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


def whose(outside: Outside, token: str) -> str:
    """The person whose page it is. Raises NotFound."""
    return look(outside, token).person.id


def kinds(page: CarePage) -> dict[str, Sequence[str]]:
    """What they have wished for, by kind."""
    found: dict[str, list[str]] = {}
    for said in page.person.preferences:
        found.setdefault(said.kind, []).append(said.value)
    return dict(found)

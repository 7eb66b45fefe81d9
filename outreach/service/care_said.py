"""What customers tell us on their own page: it enters by the front door like any other news, and their own word
closes and reopens failures."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from outreach.domain.errors import NotFound, Refused
from outreach.domain.facts import PERSON_PREFIX, Channel, Person
from outreach.domain.failure import Failure
from outreach.domain.person import NO_LONGER, as_person
from outreach.service.care_links import opened
from outreach.service.care_page import SELLING, accounts_of, is_shown, look
from outreach.service.desk import hurt_by
from outreach.service.endpoints import open_again, shut, shut_telephone, stop_selling, stop_selling_to
from outreach.service.intake import absorb_own, own_event
from outreach.service.ledger import Ledger
from outreach.service.ports import Outside, Unit
from outreach.service.ports_traffic import CareLink
from outreach.service.replies import sole_account

SOURCE = "outreach/care"
PAUSE = timedelta(days=30)
TOLD = ("channel", "not_channel", "hours", "days", "wait_for", "name", "language", "note")
"""Kinds of preferences that they may state here."""
HOW = "on their own page"


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
        if found is None or not is_shown(self.person, account, found, self.ledger.now):
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
        ledger.lock(sorted({*state.roles, *accounts_of(link)}))
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
            data = {"failure": failure.id, "said_by": "customer", "by": "customer"}
            said.tell("failure.put_right", {**data, **hurt_by(said.ledger, failure.account, failure.id)})

    _say(outside, token, "put_right", work)


def not_right(outside: Outside, token: str, trouble: str, words: str) -> None:
    """It reopens, one more severe; where it is open still, somebody reads what they say."""

    def work(said: _Said) -> None:
        failure = said.trouble(trouble)
        if not failure.is_open:
            said.tell("failure.reopened", {"failure": failure.id, "by": "customer"})
        if words.strip() or failure.is_open:
            _write(said, words if words.strip() else "It is not put right.")

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
            value = _plain(value)
            if kind == "language" and not _LANGUAGE.fullmatch(value):
                raise Refused("Choose one of the languages.")
            if value == known.get(kind, ""):
                continue
            said.tell_of_them(
                "preference.stated", {"kind": kind, "value": value or NO_LONGER, "by": "their page"}
            )
            if kind in ("name", "language") and value:
                described = {"greeting": value} if kind == "name" else {"language": value}
                said.tell("person.described", described, PERSON_PREFIX + said.person.id)

    _say(outside, token, "preferred", work)


_LANGUAGE = re.compile(r"[a-z]{2}(-[A-Za-z]{2,4})?")


def _plain(words: str) -> str:
    """On one line, with nothing in it that cannot be seen: it will stand in the heads of mails."""
    return "".join(each for each in " ".join(words.split()) if each.isprintable())[:500]


def pause(outside: Outside, token: str, *, ends: bool = False) -> None:
    """Nobody contacts them for thirty days; or that ends now."""

    def work(said: _Said) -> None:
        until = NO_LONGER if ends else (said.ledger.now + PAUSE).isoformat()
        said.tell_of_them("preference.stated", {"kind": "pause", "value": until, "by": "their page"})

    _say(outside, token, "pause_ended" if ends else "paused", work)


def stop(outside: Outside, token: str, scope: str) -> None:
    """``selling``, ``written`` (no mails, no SMS) or ``all``. Again is no fault."""

    def work(said: _Said) -> None:
        if scope == "selling":
            if said.person.email:
                stop_selling(said.ledger, Channel.EMAIL, said.person.email, HOW)
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
        if said.person.phone:
            shut_telephone(said.ledger, said.person.id, said.person.phone, HOW)
        said.tell_of_them("endpoint.opted_out", {"channel": "all", "how": HOW})


def start_again(outside: Outside, token: str, scope: str, wording: str) -> None:
    """They want to hear from us again, and have proved who they are. ``wording``: the words that they agreed to, kept as evidence."""

    def work(said: _Said) -> None:
        if scope == "selling":
            evidence = {
                "basis": "express",
                "how": f"{HOW}, code confirmed",
                "wording": wording,
                "page": "care",
                "by": "customer",
            }
            where = _written_to(said.person)
            for purpose in SELLING:
                said.tell_of_them("consent.given", {"purpose": purpose, **where, **evidence})
            return
        for channel, value in ((Channel.EMAIL, said.person.email), (Channel.SMS, said.person.phone)):
            if value:
                open_again(said.ledger, channel, value, HOW)
            said.tell_of_them("endpoint.opted_in", {"channel": channel.value, "how": HOW})
        if scope == "all":
            if said.person.phone:
                open_again(said.ledger, Channel.CALL, said.person.phone, HOW)
            said.tell_of_them("endpoint.opted_in", {"channel": "all", "how": HOW})

    if scope not in ("selling", "written", "all"):
        raise Refused("Say what to open again.")
    _say(outside, token, f"started_{scope}", work)


def _written_to(person: Person) -> dict[str, str]:
    """They agreed to be *written* to: at one address, and not to be rung. Raises Refused where there is none."""
    if person.email:
        return {"channel": "email", "endpoint": person.email}
    if person.phone:
        return {"channel": "sms", "endpoint": person.phone}
    raise Refused("We have no such address of yours.")

"""What happens to people: told to their state, and what follows from it for cards and endpoints."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from outreach.domain.card import Card
from outreach.domain.facts import PERSON_PREFIX, Event
from outreach.domain.person import PersonState, fold_person, may_be_one
from outreach.domain.signal import SELLING
from outreach.domain.touch import OPEN, Touch
from outreach.service.ledger import Ledger


def tell_person(ledger: Ledger, state: PersonState, fresh: Iterable[Event], *, anew: bool) -> PersonState:
    """Fold the person's news; ``anew`` when an event is late or revised: then from the first event."""
    news = sorted(fresh, key=lambda event: event.order)
    if anew or (state.newest is not None and news and news[0].order < state.newest):
        state = PersonState(state.id)
        told = ledger.unit.events_of(PERSON_PREFIX + state.id)
    else:
        told = news
    before = as_endpoints(state)
    for event in told:
        fold_person(state, event)
    _follow(ledger, before, news)
    return state


def as_endpoints(state: PersonState) -> Mapping[str, str]:
    named = {kind: state.described.get(kind) for kind in ("phone", "email")}
    return {kind: str(value) for kind, value in named.items() if value}


def _follow(ledger: Ledger, before: Mapping[str, str], news: Iterable[Event]) -> None:
    for event in news:
        if event.type == "link.confirmed":
            join(ledger, event.data["person_a"], event.data["person_b"], event.data.get("by") or "")
        elif event.type == "link.parted":
            part(ledger, event.data["person_a"], event.data["person_b"], event.data.get("by") or "")
        elif event.type == "consent.given" and event.data.get("basis") != "implied":
            _may_sell_again(ledger, event, before)
        elif event.type == "person.erased":
            _forget(ledger, event.subject.removeprefix(PERSON_PREFIX), before)


def _may_sell_again(ledger: Ledger, event: Event, endpoints: Mapping[str, str]) -> None:
    """Their new yes opens the address it was given for, which they had shut for whatever sells."""
    by_mail = event.data.get("channel") == "email"
    value = event.data.get("endpoint") or endpoints.get("email" if by_mail else "phone")
    if event.data.get("channel") and value:
        hash_ = ledger.outside.endpoint_hash("email" if by_mail else "phone", str(value))
        ledger.unit.lift(hash_, SELLING)


def _forget(ledger: Ledger, person: str, endpoints: Mapping[str, str]) -> None:
    """What events hold of them goes; keyed hashes stay, so that a re-import cannot contact again."""
    ledger.unit.forget(person)
    for kind, value in endpoints.items():
        hash_ = ledger.outside.endpoint_hash(kind, value)
        ledger.unit.suppress(hash_, "all", "erased", ledger.now)


SHARED = 20
"""What more people than that have is a switchboard, and says nothing of who they are."""


def suggest_links(ledger: Ledger, states: Iterable[PersonState]) -> None:
    """Who has the same number or address and a name that fits may be the same human: until somebody has asked, it
    holds and warns, and no more. A word that was said on the two before stands."""
    unit = ledger.unit
    for state in states:
        for kind, value in as_endpoints(state).items():
            sharing = unit.people_at(kind, value, SHARED + 1)
            others = [other for other in sharing if other.id != state.id] if len(sharing) <= SHARED else []
            known = unit.links_of(state.id) if others else {}
            for other in others:
                if other.id not in known and may_be_one(state, other):
                    unit.link(state.id, other.id, "suggested", "outreach", ledger.now)


# -- one human, several records ----------------------------------------------------------------------


def join(ledger: Ledger, a: str, b: str, by: str) -> None:
    """The customer's word that two records are one human: their open cards become one."""
    unit = ledger.unit
    before = set(unit.identities([a, b]).values())
    unit.link(a, b, "confirmed", by, ledger.now)
    merge_cards(ledger, before, unit.identities([a])[a])


def merge_cards(ledger: Ledger, identities: Iterable[str], identity: str) -> None:
    """The older card takes the touches. Two that different people hold wait until one is given back."""
    found = ledger.unit.open_cards(sorted({*identities, identity}))
    cards = sorted(found.values(), key=lambda card: (card.opened_at, card.id))
    holders = {card.claimed_by for card in cards if card.claimed_by}
    if not cards or len(holders) > 1:
        return
    oldest, *others = cards
    for card in others:
        for touch in ledger.unit.touches_of_card(card.id):
            _move(ledger, touch, oldest, identity)
        ledger.unit.save_card(replace(card, state="closed", closed_at=ledger.now))
    holder = next(iter(holders), None)
    ledger.unit.save_card(replace(oldest, identity=identity, claimed_by=holder))


def part(ledger: Ledger, a: str, b: str, by: str) -> None:
    """Undo: two humans after all. Each gets a card with their own lines."""
    unit = ledger.unit
    card = unit.open_card(unit.identities([a])[a])
    unit.link(a, b, "parted", by, ledger.now)
    if card is None:
        return
    lines = [touch for touch in unit.touches_of_card(card.id) if touch.status in OPEN]
    whose = unit.identities(sorted({touch.person for touch in lines if touch.person}))
    others: dict[str, Card] = {}
    for touch in lines:
        identity = whose.get(touch.person or "", card.identity)
        if identity != card.identity:
            if identity not in others:
                new = Card(ledger.outside.ids.new(), identity, ledger.now, caller=touch.caller)
                others[identity] = new
                unit.save_card(new)
            _move(ledger, touch, others[identity], identity)


def _move(ledger: Ledger, touch: Touch, card: Card, identity: str) -> None:
    ledger.lock([touch.account])
    ledger.adopt(touch)
    ledger.put_touch(replace(touch, card=card.id, identity=identity))

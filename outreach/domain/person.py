"""What is known of a person: endpoints, roles, preferences, consents and opt-outs, folded from events.

Opt-outs are monotone: a later description never clears one; only the person's own new consent does.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from outreach.domain.facts import PERSON_PREFIX, Event, Permission, Person, Preference, Purpose, Screened
from outreach.domain.permission import given
from outreach.domain.wallclock import parse_instant

NO_LONGER = "no longer"
"""The value of a preference that is taken back."""
SELLING = tuple(purpose.value for purpose in Purpose if purpose.sells)
MANY = ("note",)
"""Kinds of which somebody may state several."""


@dataclass(slots=True)
class PersonState:
    """Mutable while it is folded, and owned by whoever folds it."""

    id: str
    described: dict[str, Any] = field(default_factory=dict)
    roles: dict[str, tuple[str, ...]] = field(default_factory=dict)
    opted_out: dict[str, str] = field(default_factory=dict)
    permissions: list[Permission] = field(default_factory=list)
    screened: dict[str, Screened] = field(default_factory=dict)
    preferences: list[Preference] = field(default_factory=list)
    invalid: dict[str, str] = field(default_factory=dict)
    """channel → the endpoint that does not work there, a bar, and why."""
    erased: bool = False
    newest: tuple[datetime, str, str] | None = None


def subject_of(person_id: str) -> str:
    return PERSON_PREFIX + person_id


def fold_person(state: PersonState, event: Event) -> None:
    """Tell the state its next event. Unknown types change nothing."""
    change = _CHANGES.get(event.type)
    if change and not (state.erased and event.type != "person.erased"):
        change(state, event)
    state.newest = event.order


def _described(state: PersonState, event: Event) -> None:
    data = dict(event.data)
    accounts = data.pop("accounts", None)
    state.described.update({name: value for name, value in data.items() if value is not None})
    if accounts is not None:
        rows = [row for row in accounts if isinstance(row, Mapping) and row.get("account")]
        state.roles = {str(row["account"]): tuple(row.get("roles") or ()) for row in rows}


def _stated(state: PersonState, event: Event) -> None:
    kind, value = event.data.get("kind"), event.data.get("value")
    if not kind or not value:
        return
    said = Preference(
        kind, value, event.time, event.data.get("by") or "", parse_instant(event.data.get("ask_again"))
    )
    state.preferences = [old for old in state.preferences if old.kind != said.kind or said.kind in MANY]
    if value != NO_LONGER:
        state.preferences.append(said)


def _opted_out(state: PersonState, event: Event) -> None:
    """A STOP blocks its channel for all purposes; with a purpose it blocks that purpose everywhere."""
    what = event.data.get("purpose") or event.data.get("channel") or "all"
    state.opted_out[what] = event.data.get("how") or event.type


REFUSED = "refused in their own words"
_REFUSALS = {"nothing": (), "written": ("email", "sms"), "calls": ("call",), "all": ("all",)}


def _refused(state: PersonState, event: Event) -> None:
    """A free-text refusal blocks the written channels until a human has read what was meant; the dial, too,
    where the words may include calls."""
    written = (event.data.get("scope") or "written") == "written"
    for what in _REFUSALS["written" if written else "all"]:
        state.opted_out.setdefault(what, REFUSED)


def _refusal_settled(state: PersonState, event: Event) -> None:
    """Only what stood on those words is changed: a STOP word, or an earlier wish, stays."""
    meant = event.data.get("meant") or "all"
    for what, how in list(state.opted_out.items()):
        if how == REFUSED and not event.data.get("unread"):
            del state.opted_out[what]
    for what in _REFUSALS.get(meant, ("all",)):
        state.opted_out.setdefault(what, f"they meant it, says {event.data.get('by') or 'a colleague'}")


def _opted_in(state: PersonState, event: Event) -> None:
    """START on a channel, in their own hand: what they shut on it is open again."""
    state.opted_out.pop(event.data.get("channel") or "", None)


def _invalid(state: PersonState, event: Event) -> None:
    channel, endpoint = event.data.get("channel") or "", _endpoint_of(event.data.get("channel"))
    state.invalid[channel] = f"{state.described.get(endpoint) or ''}|{event.data.get('meaning') or 'invalid'}"


def _endpoint_of(channel: str | None) -> str:
    return "email" if channel == "email" else "phone"


def _consented(state: PersonState, event: Event) -> None:
    """Only express consent, in their own hand, opens the purpose they had shut. A channel is opened by START, by a
    settled refusal, or on their own page."""
    channel = event.data.get("channel") or ""
    on_file = str(state.described.get(_endpoint_of(channel)) or "") if channel else ""
    new = given(event.data, event.time, on_file, parse_instant(event.data.get("expires_at")))
    if new is None:
        return
    same = (new.purpose, new.channel, new.endpoint, new.basis)
    state.permissions = [
        old for old in state.permissions if (old.purpose, old.channel, old.endpoint, old.basis) != same
    ]
    state.permissions.append(new)
    if new.is_express:
        state.opted_out.pop(new.purpose, None)


def _withdrew(state: PersonState, event: Event) -> None:
    """Marketing is whatever sells."""
    purpose = event.data.get("purpose") or "marketing"
    gone = SELLING if purpose == Purpose.MARKETING else (purpose,)
    state.permissions = [old for old in state.permissions if old.purpose not in gone]
    state.opted_out[purpose] = event.data.get("how") or "consent withdrawn"


def _screened(state: PersonState, event: Event) -> None:
    data = event.data
    phone = str(data.get("phone") or state.described.get("phone") or "")
    state.screened[str(data["list"])] = Screened(
        phone, bool(data["listed"]), event.time, parse_instant(data.get("expires_at"))
    )


def _erased(state: PersonState, event: Event) -> None:
    state.described, state.preferences, state.permissions, state.invalid = {}, [], [], {}
    state.screened = {}
    state.opted_out = dict.fromkeys(state.opted_out, "before they were erased")
    state.erased = True


_CHANGES = {
    "person.described": _described,
    "preference.stated": _stated,
    "endpoint.opted_out": _opted_out,
    "endpoint.opted_in": _opted_in,
    "endpoint.invalid": _invalid,
    "person.refused": _refused,
    "refusal.settled": _refusal_settled,
    "consent.given": _consented,
    "consent.withdrawn": _withdrew,
    "registry.checked": _screened,
    "person.erased": _erased,
}


def as_person(state: PersonState, identity: str = "") -> Person:
    """The value that conditions, policy and messages see."""
    said: Mapping[str, Any] = state.described
    return Person(
        id=state.id,
        name=said.get("name") or "",
        greeting=said.get("greeting") or "",
        language=said.get("language") or "en",
        zone=said.get("zone"),
        country=said.get("country"),
        region=said.get("region"),
        phone=said.get("phone"),
        email=said.get("email"),
        mobile=said.get("mobile"),
        business_line=said.get("business_line") is True,
        roles=dict(state.roles),
        preferences=tuple(state.preferences),
        opted_out=dict(state.opted_out),
        permissions=tuple(state.permissions),
        screened={name: one for name, one in state.screened.items() if one.phone == said.get("phone")},
        invalid=_still_invalid(state),
        erased=state.erased,
        identity=identity or state.id,
    )


def may_be_one(a: PersonState, b: PersonState) -> bool:
    """Of two who share a number or an address: whether their names allow that they are the same human. A mailbox or a
    telephone that colleagues share makes no one of them."""
    first, second = _name_of(a), _name_of(b)
    return not (a.erased or b.erased) and (first <= second or second <= first)


def _name_of(state: PersonState) -> set[str]:
    name = unicodedata.normalize("NFKD", str(state.described.get("name") or "")).casefold()
    return set(re.findall(r"[^\W\d_]+", "".join(each for each in name if not unicodedata.combining(each))))


STRICT = ("not_channel", "pause", "hours", "days", "wait_for", "confide")
"""Kinds of wishes that keep us away: said to one record of a human, they hold for all."""


def strictest(person: Person, others: Iterable[PersonState]) -> Person:
    """With every no that the same human has said under another record of theirs. A yes counts where it was said."""
    opted_out, wishes = dict(person.opted_out), list(person.preferences)
    for other in others:
        opted_out = {**other.opted_out, **opted_out}
        wishes += [wish for wish in other.preferences if wish.kind in STRICT]
    wishes.sort(key=lambda wish: wish.said_at)  # the newest word of a kind decides
    return replace(person, opted_out=opted_out, preferences=tuple(wishes))


def _still_invalid(state: PersonState) -> dict[str, str]:
    """A new number or address starts afresh."""
    found = {}
    for channel, mark in state.invalid.items():
        value, _, why = mark.rpartition("|")
        if value == str(state.described.get(_endpoint_of(channel)) or ""):
            found[channel] = why
    return found

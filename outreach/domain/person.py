"""What is known of a person: endpoints, roles, preferences, consents and opt-outs, folded from events.

Opt-outs are monotone: a later description never clears one; only the person's own new consent does.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from outreach.domain.facts import PERSON_PREFIX, Event, Person, Preference


@dataclass(slots=True)
class PersonState:
    """Mutable while it is folded, and owned by whoever folds it."""

    id: str
    described: dict[str, Any] = field(default_factory=dict)
    roles: dict[str, tuple[str, ...]] = field(default_factory=dict)
    opted_out: dict[str, str] = field(default_factory=dict)
    consents: dict[str, str] = field(default_factory=dict)
    preferences: list[Preference] = field(default_factory=list)
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
    said = Preference(kind, value, event.time, event.data.get("by") or "")
    state.preferences = [old for old in state.preferences if old.kind != said.kind or said.kind == "note"]
    state.preferences.append(said)


def _opted_out(state: PersonState, event: Event) -> None:
    """A STOP blocks its channel for all purposes; with a purpose it blocks that purpose everywhere."""
    what = event.data.get("purpose") or event.data.get("channel") or "all"
    state.opted_out[what] = event.data.get("how") or event.type


def _refused(state: PersonState, event: Event) -> None:
    """A free-text refusal blocks the written channels until a human has read what was meant."""
    scope = event.data.get("scope") or "written"
    blocked = ("email", "sms") if scope == "written" else ("all",)
    for what in blocked:
        state.opted_out[what] = "refused in their own words"


def _consented(state: PersonState, event: Event) -> None:
    purpose = event.data["purpose"]
    state.consents[purpose] = event.data.get("basis") or "express"
    for what in (purpose, event.data.get("channel") or ""):
        state.opted_out.pop(what, None)


def _withdrew(state: PersonState, event: Event) -> None:
    purpose = event.data["purpose"]
    state.consents.pop(purpose, None)
    state.opted_out[purpose] = event.data.get("how") or "consent withdrawn"


def _erased(state: PersonState, event: Event) -> None:
    state.described, state.preferences, state.consents = {}, [], {}
    state.erased = True


_CHANGES = {
    "person.described": _described,
    "preference.stated": _stated,
    "endpoint.opted_out": _opted_out,
    "person.refused": _refused,
    "consent.given": _consented,
    "consent.withdrawn": _withdrew,
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
        roles=dict(state.roles),
        preferences=tuple(state.preferences),
        opted_out=dict(state.opted_out),
        consents=dict(state.consents),
        erased=state.erased,
        identity=identity or state.id,
    )

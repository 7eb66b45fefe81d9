"""Looking a person up: who they are, where they belong, what is open, how they like to be treated."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask import g

from outreach.domain.account import AccountState, Promise, PromiseState
from outreach.domain.facts import Person
from outreach.domain.failure import Failure
from outreach.domain.person import PersonState, as_person
from outreach.service.briefs import preferences_of
from outreach.store.unit import StoreUnit
from outreach.web.reception import reception


@dataclass(frozen=True, slots=True)
class Belongs:
    """One of a person's accounts, with what is open there."""

    account: AccountState
    roles: tuple[str, ...]
    failures: tuple[Failure, ...]
    promises: tuple[Promise, ...]

    @property
    def name(self) -> str:
        return self.account.described.get("name") or self.account.id

    @property
    def team(self) -> str | None:
        return self.account.described.get("team")

    @property
    def owner(self) -> str | None:
        return self.account.described.get("owner") or self.account.spoken_by


@dataclass(frozen=True, slots=True)
class Found:
    person: Person
    preferences: tuple[str, ...]
    accounts: tuple[Belongs, ...]
    akin: tuple[Akin, ...] = ()


@dataclass(frozen=True, slots=True)
class Akin:
    """Another record that may be, or is, the same human; or of which somebody has said that it is not."""

    id: str
    name: str
    state: str
    """``suggested · confirmed · parted``"""
    accounts: tuple[Belongs, ...]

    @property
    def open(self) -> int:
        """Failures that are open there."""
        return sum(len(each.failures) for each in self.accounts)


def akin_of(unit: StoreUnit, person: str) -> tuple[Akin, ...]:
    """Suggestions first, then what is certain, then what was told apart."""
    links = unit.links_of(person)
    found = [
        Akin(
            state.id, str(state.described.get("name") or state.id), links[state.id], _accounts_of(unit, state)
        )
        for state in unit.people(sorted(links)).values()
        if not state.erased
    ]
    order = ("suggested", "linked", "confirmed", "parted")
    return tuple(sorted(found, key=lambda each: (order.index(each.state), each.id)))


def by_endpoint(kind: str, value: str) -> list[Found]:
    with reception().house.database.view() as unit:
        return [found(unit, state, g.now) for state in unit.people_at(kind, value)[:20]]


def found(unit: StoreUnit, state: PersonState, now: datetime) -> Found:
    person = as_person(state)
    akin = akin_of(unit, state.id)
    return Found(person, tuple(preferences_of(person, now)), _accounts_of(unit, state), akin)


def _accounts_of(unit: StoreUnit, state: PersonState) -> tuple[Belongs, ...]:
    return tuple(
        _belongs(known, roles)
        for id_, roles in sorted(state.roles.items())
        if (known := unit.account(id_)) is not None
    )


def _belongs(state: AccountState, roles: tuple[str, ...]) -> Belongs:
    worst_first = sorted(state.open_failures, key=lambda failure: (-failure.severity, failure.opened_at))
    waiting = (PromiseState.OPEN, PromiseState.BROKEN)
    open_promises = [promise for promise in state.promises.values() if promise.state in waiting]
    return Belongs(
        state, roles, tuple(worst_first), tuple(sorted(open_promises, key=lambda promise: promise.until))
    )


def as_json(people: Sequence[Found]) -> list[dict[str, Any]]:
    return [
        {
            "id": one.person.id,
            "name": one.person.name,
            "accounts": [
                {"id": b.account.id, "name": b.name, "owner": b.owner, "roles": list(b.roles)}
                for b in one.accounts
            ],
            "preferences": list(one.preferences),
            "opted_out": sorted(one.person.opted_out),
            "open_failures": [
                {"account": b.account.id, "failure": failure.id, "severity": failure.severity.word,
                 "state": failure.state.value, "since": failure.opened_at}
                for b in one.accounts for failure in b.failures
            ],
        }
        for one in people
    ]  # fmt: skip

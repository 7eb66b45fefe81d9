"""Who somebody is to us: the people and roles, when one of us last spoke with them, and what each step of it says."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from outreach.domain.account import AccountState
from outreach.domain.facts import Person
from outreach.domain.failure import Failure, FailureState
from outreach.domain.fold import was_two_way
from outreach.service import desk
from outreach.service.briefs import preferences_of
from outreach.service.ledger import Ledger
from outreach.service.ports import Outside
from outreach.store import views_accounts
from outreach.store.unit import StoreUnit
from outreach.web import sayings

ASK_WITHIN = timedelta(days=14)
"""So long after it was put right the winning-back question is shown."""
PAGE = 25
"""Steps of a relationship at once."""
LOOKED_AT = 100
"""Contacts of an account, of each kind, among which we look for the last one with each of its people."""


@dataclass(frozen=True, slots=True)
class PersonShown:
    person: Person
    places: tuple[tuple[tuple[str, ...], str], ...]
    """Their roles, and the name of the account where they have them."""
    preferences: tuple[str, ...]
    spoken: datetime | None
    """When somebody of us last really spoke with them."""


def name_of(state: AccountState) -> str:
    """As we call the account; its id where nobody has told us."""
    return state.described.get("name") or state.id


def last_spoken(unit: StoreUnit, outside: Outside, accounts: Iterable[str]) -> dict[str, datetime]:
    """Person → when one of us last really spoke with them, or they wrote."""
    proofs = {name: kind.contact for name, kind in outside.rules().vocabulary.types.items() if kind.contact}
    found: dict[str, datetime] = {}
    for account in accounts:
        for event in (each for name in proofs for each in unit.last_of(account, name, LOOKED_AT)):
            person = event.data.get("person_id")
            if person and (proofs[event.type] == "reply" or was_two_way(event)):
                found[person] = max(event.time, found.get(person, event.time))
    return found


def told_of(accounts: Sequence[AccountState], seen: frozenset[str]) -> list[str]:
    """Whose relationship stands on the card. What somebody bought privately stays off a card about a business."""
    private = {state.id for state in accounts if state.described.get("kind") == "private"}
    about_business = any(state.id not in private for state in accounts)
    return sorted(seen - private if about_business else seen)


def people_of(
    ledger: Ledger, seen: frozenset[str], this: Person | None, spoken: Mapping[str, datetime]
) -> tuple[PersonShown, ...]:
    """Everybody once, however many of the accounts they belong to."""
    known = {person.id: person for account in sorted(seen) for person in ledger.people_of(account)}
    if this is not None:
        known.setdefault(this.id, this)
    return tuple(
        PersonShown(
            person,
            tuple(_places(ledger, person)),
            tuple(preferences_of(person, ledger.now)),
            spoken.get(person.id),
        )
        for person in known.values()
        if not person.erased
    )


def _places(ledger: Ledger, person: Person) -> Iterator[tuple[tuple[str, ...], str]]:
    for account, state in sorted(ledger.accounts.items()):
        if account in person.roles:
            yield person.roles[account], name_of(state)


def just_put_right(failure: Failure, now: datetime) -> bool:
    """So lately that it is still a thing to speak of."""
    lately = failure.closed_at is not None and now - failure.closed_at < ASK_WITHIN
    return failure.state is FailureState.PUT_RIGHT and lately


def winback_of(
    unit: StoreUnit,
    outside: Outside,
    accounts: Sequence[AccountState],
    person: str | None,
    now: datetime,
    right: Collection[str] = (),
) -> str | None:
    """The ruling beside "how can we win your business again?"; None while it is no time to ask. ``right``: failures
    that have just been said to be put right."""
    found = [failure for state in accounts for failure in state.failures.values()]
    still = [failure for failure in found if failure.is_open and failure.id not in right]
    if still or not (right or any(just_put_right(failure, now) for failure in found)):
        return None
    return desk.winback_ruling(outside, unit, accounts[0].id, person)


def words_of(step: views_accounts.Step) -> str:
    """Everything that a step of the relationship says, shown or not, to be searched."""
    if step.event is not None:
        return f"{sayings.of_event(step.event)} {' '.join(map(str, step.event.data.values()))}"
    assert step.touch is not None
    attempt = step.attempt
    written = [attempt.subject, attempt.text] if attempt else []
    said = [sayings.of_touch(step.touch, attempt), step.touch.text, step.touch.sentence, *written]
    return " ".join(each for each in said if each)

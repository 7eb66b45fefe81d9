"""Whom a step goes to: a role, or a list as fallbacks, resolved at the step."""

from __future__ import annotations

from collections.abc import Sequence

from outreach.domain.facts import Channel, Person
from outreach.domain.steps import Recipient

HURT = "hurt_person"
OWNER = "owner"


def account_identity(account: str) -> str:
    """The card of an account where we know no one."""
    return f"account:{account}"


def resolve(
    whom: Sequence[str],
    channel: Channel,
    account: str,
    hurt: Person | None,
    people: Sequence[Person],
    caller: str | None,
) -> Recipient:
    """The first named role somebody holds, preferring one who can be reached on the channel.

    ``owner`` is the account manager (a task, never a customer). A call falls back to anybody known
    there, then to the account itself: a human finds out whom to speak to. What is written goes to a
    named role or to nobody: a colleague has no part in it.
    """
    if channel is Channel.TASK and OWNER in whom:
        return Recipient(None, account_identity(account), caller)
    candidates = [person for role in whom for person in _holding(role, account, hurt, people)]
    if not channel.written:
        candidates += [person for person in people if person not in candidates]
    living = [person for person in candidates if not person.erased]
    reachable = [person for person in living if person.endpoint(channel) is not None]
    for person in [*reachable, *living]:
        return Recipient(person.id, person.identity or person.id, caller)
    return Recipient(None, account_identity(account), caller)


def hurt_one(named: Person | None, account: str, people: Sequence[Person]) -> Person | None:
    """Whom it happened to: the one the event names, else the buyer, else the only one we know there."""
    if named is not None:
        return named
    buyers = _holding("buyer", account, None, people) or (people if len(people) == 1 else ())
    return buyers[0] if buyers else None


def _holding(role: str, account: str, hurt: Person | None, people: Sequence[Person]) -> list[Person]:
    if role == HURT:
        if hurt is not None:
            return [hurt]
        return _holding("buyer", account, None, people)
    return [person for person in people if role in person.roles.get(account, ())]

"""Colleagues who come in by the company's own OpenID provider: whose sign-in it is, bound once, loosened again.

A mail address is handed on to the next employee; (issuer, subject) never is. So the address counts once, for
somebody who is not bound yet, and from then on only the pair. Nobody is added here, and no role is given.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import NamedTuple

from outreach.domain.endpoint import as_email
from outreach.domain.errors import Invalid
from outreach.service.ports import Outside, Unit
from outreach.service.ports_faults import Outpaced
from outreach.service.ports_records import User


class Said(NamedTuple):
    """What the provider says of whoever has just signed in there."""

    issuer: str
    subject: str
    email: str = ""
    verified: bool = False
    """Whether the provider has made sure that the address is theirs."""


def recognise(outside: Outside, said: Said) -> User | None:
    """The active colleague whose sign-in it is, bound now if it is their first. None where nobody goes with it; the
    audit says why, and never with the address."""

    def work(unit: Unit) -> User | None:
        now = outside.clock.now()
        user, why = _whose(unit, said)
        if user is None or why:
            unit.audit(now, "outreach", "sign_in.refused", f"user/{user.id}" if user else "sign_in", why)
            return None
        return user if user.subject else _bind(unit, user, said, now)

    found: User | None = outside.database.retrying(work)
    return found


def _whose(unit: Unit, said: Said) -> tuple[User | None, str]:
    """Who it is, where that is known, and why they do not come in; empty when they do."""
    known = unit.user_by_subject(said.issuer, said.subject)
    if known is not None:
        return known, "" if known.active else "disabled"
    if not said.verified:
        return None, "unverified"
    same = _with_address(unit, said.email)
    active = [user for user in same if user.active]
    if len(active) > 1:
        return None, "ambiguous"
    if not active:
        return (same[0], "disabled") if same else (None, "unknown")
    return active[0], "bound to another" if active[0].subject else ""


def _with_address(unit: Unit, email: str) -> list[User]:
    if not email.rpartition("@")[0].isascii():  # there, other letters than ours are folded into ours
        return []
    try:
        address = as_email(email)
    except Invalid:
        return []
    return [user for user in unit.users() if user.email.lower() == address]


def _bind(unit: Unit, user: User, said: Said, now: datetime) -> User:
    if not unit.bind_user(user.id, said.issuer, said.subject):
        raise Outpaced("somebody was bound to them in the meantime")
    unit.audit(now, user.manager or user.id, "user.bound", f"user/{user.id}")
    return replace(user, issuer=said.issuer, subject=said.subject)


def loosen(outside: Outside, ids: list[str], by: str) -> list[str]:
    """Their next sign-in at the provider is their first again, and sessions they have now are over. Gives who was
    bound."""

    def work(unit: Unit) -> list[str]:
        now = outside.clock.now()
        bound = [user for id_ in ids if (user := unit.user(id_)) is not None and user.subject]
        for user in bound:
            unit.save_user(replace(user, issuer=None, subject=None))
            unit.audit(now, by, "user.unbound", f"user/{user.id}")
        return [user.id for user in bound]

    found: list[str] = outside.database.retrying(work)
    return found

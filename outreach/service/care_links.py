"""The addresses of customers' own pages: a random token that says nothing, ends, and can be revoked."""

from __future__ import annotations

from datetime import timedelta

from outreach.domain.errors import NotFound
from outreach.domain.facts import PERSON_PREFIX
from outreach.service.ports import Outside, Unit
from outreach.service.ports_traffic import CareLink

LASTS = timedelta(days=60)
"""Longer than it takes to put something right."""


def new_link(unit: Unit, outside: Outside, person: str, account: str | None) -> str:
    """A token for their page. Shown once; only its hash is kept."""
    token, now = outside.ids.token(), outside.clock.now()
    unit.save_care_link(CareLink(hashed(outside, token), person, now, now + LASTS, account=account))
    return token


def link_by_hand(outside: Outside, person: str, account: str | None, by: str) -> str:
    """A colleague reads it out, or sends it by a way of their own. Raises NotFound."""

    def work(unit: Unit) -> str:
        state = unit.people([person]).get(person)
        if state is None or state.erased:
            raise NotFound("There is no such person.")
        unit.audit(outside.clock.now(), by, "care.link_made", PERSON_PREFIX + person)
        return new_link(unit, outside, person, account)

    token: str = outside.database.retrying(work)
    return token


def revoke_links(outside: Outside, person: str, by: str) -> int:
    """None of the addresses that were given out leads to their page any more. Gives how many did."""

    def work(unit: Unit) -> int:
        unit.audit(outside.clock.now(), by, "care.links_revoked", PERSON_PREFIX + person)
        return unit.revoke_care_links(person)

    count: int = outside.database.retrying(work)
    return count


def hashed(outside: Outside, token: str) -> str:
    return outside.endpoint_hash("care", token)


def opened(unit: Unit, outside: Outside, token: str) -> CareLink:
    link = unit.care_link(hashed(outside, token)) if len(token) <= 200 else None
    if link is None or link.revoked or outside.clock.now() >= link.expires_at:
        raise NotFound("This page is not there any more.")
    return link

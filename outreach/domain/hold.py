"""A hold: generic mail withheld while something is open, ours and others'.

Ends at the first of: ``until`` (closed plus the cool-off), ``at_most_until`` (with an alarm), or a
human ending it with a reason.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from outreach.domain.facts import Purpose


@dataclass(frozen=True, slots=True)
class Hold:
    id: str
    run: str
    account: str
    scope: str
    """person: the hurt one · site: this account · account: with its parent and all sites · group: and
    everybody of the same group. The hurt person is meant by each, wherever they belong."""
    purposes: tuple[Purpose, ...]
    because: str
    since: datetime
    at_most_until: datetime
    person: str | None = None
    group: str | None = None
    """What accounts beyond its own must have in common with it: one of ``kin``."""
    until: datetime | None = None
    """Known once the failure is closed (or the run without one ended)."""
    ended_at: datetime | None = None
    end_reason: str = ""

    @property
    def ends(self) -> datetime:
        return self.at_most_until if self.until is None else min(self.until, self.at_most_until)

    def reaches(self, people: Container[str], accounts: Container[str], kin: Container[str]) -> bool:
        """Whether it is on one of these people, accounts, or those akin to them."""
        if self.person is not None and self.person in people:
            return True
        if self.scope == "person":
            return False
        return self.account in accounts or (self.group is not None and self.group in kin)

    def covers(self, purpose: Purpose, now: datetime) -> bool:
        """Transactional mail and service messages always pass."""
        return self.ended_at is None and now < self.ends and purpose in self.purposes


def kin(account: str, described: Mapping[str, Any]) -> tuple[str, ...]:
    """What an account has in common with others: the account at the head of its sites, and its group."""
    named = described.get("group")
    head = described.get("parent") or account
    return (head, f"group:{named}") if named else (head,)


def common(scope: str, account: str, described: Mapping[str, Any]) -> str | None:
    """What a hold of that scope is on, beyond the account itself."""
    if scope not in ("account", "group"):
        return None
    return kin(account, described)[-1 if scope == "group" else 0]


def strongest(holds: Iterable[Hold], purpose: Purpose, now: datetime) -> Hold | None:
    """The hold that lasts longest among those that cover the purpose now."""
    covering = [hold for hold in holds if hold.covers(purpose, now)]
    return max(covering, key=lambda hold: (hold.ends, hold.id), default=None)


def ended(hold: Hold, now: datetime, reason: str) -> Hold:
    return hold if hold.ended_at else replace(hold, ended_at=now, end_reason=reason)


def closing(hold: Hold, until: datetime) -> Hold:
    """The failure was closed: the cool-off runs."""
    return replace(hold, until=until)


def reopening(hold: Hold, now: datetime, at_most_until: datetime) -> Hold:
    """ "It is not": the hold is back on, and its longest time counts anew."""
    return replace(hold, since=now, until=None, ended_at=None, end_reason="", at_most_until=at_most_until)

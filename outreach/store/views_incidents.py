"""Whom an incident hurt, as its page shows them: who looks after them, what was promised, on whose desk they are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from outreach.domain.failure import Failure
from outreach.domain.incident import Ref
from outreach.store.codec import instant
from outreach.store.desk import ON_THE_DESK
from outreach.store.unit import StoreUnit
from outreach.store.views_accounts import accounts_named


@dataclass(frozen=True, slots=True)
class Customer:
    failure: Failure
    name: str
    owner: str | None
    promised: datetime | None
    """By when we said it would be put right, while that is open."""
    desk: str | None
    """Who has the card, or whose it is."""
    card: str | None

    @property
    def stands(self) -> str:
        """``unreached · reached · promised · put_right · let_be``"""
        if not self.failure.is_open:
            return self.failure.state.value
        if self.promised:
            return "promised"
        return "reached" if self.failure.spoken or self.failure.state.value == "reached" else "unreached"


def customers(unit: StoreUnit, failures: Sequence[Failure]) -> list[Customer]:
    """In the order of the failures."""
    ids = sorted({failure.account for failure in failures})
    named, promised, desks = accounts_named(unit, ids), _promised(unit, ids), _desks(unit, ids)
    found = []
    for failure in failures:
        account, ref = named.get(failure.account), (failure.account, failure.id)
        card, desk = desks.get(ref, (None, None))
        name, owner = (account.name, account.owner) if account else (failure.account, None)
        found.append(Customer(failure, name, owner, promised.get(ref), desk, card))
    return found


def _promised(unit: StoreUnit, accounts: Sequence[str]) -> dict[Ref, datetime]:
    rows = unit.bulk.rows(
        "select account, failure, min(\"until\") from promise where failure is not null and state in ('open', 'broken')"
        f" and {unit.bulk.one_of('account')} group by account, failure",
        unit.bulk.keys(accounts),
    )
    return {(account, failure): instant(until) for account, failure, until in rows}


def _desks(unit: StoreUnit, accounts: Sequence[str]) -> dict[Ref, tuple[str, str | None]]:
    rows = unit.bulk.rows(
        f"select t.account, r.failure, c.id, coalesce(c.claimed_by, c.handed_to, a.owner, t.caller) {ON_THE_DESK}"
        f" and r.failure is not null and {unit.bulk.one_of('t.account')} order by c.id desc",
        unit.bulk.keys(accounts),
    )
    return {(account, failure): (card, desk) for account, failure, card, desk in rows}

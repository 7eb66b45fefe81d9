"""What ops do: see what is owed, stop all, rebuild."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial

from outreach.domain.account import AccountState
from outreach.domain.errors import must_say
from outreach.domain.facts import PERSON_PREFIX
from outreach.domain.failure import Failure
from outreach.domain.fold import fold, in_order
from outreach.domain.person import PersonState, fold_person
from outreach.service.ports import Outside, Unit
from outreach.service.ports_events import WindowNeed

# -- owed ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Owed:
    """Somebody let down and never called."""

    account: str
    name: str
    failures: tuple[Failure, ...]
    value: float | None
    last_order_at: datetime | None
    back_since: bool
    """They ordered again after the failure by themselves."""
    bought: float | None = None
    """The sum of their orders, where the yearly value is not known."""


def owed(outside: Outside, *, include_back: bool = False) -> list[Owed]:
    """Everyone with an open failure whom nobody has spoken with, not back since; the worst first."""
    found = []
    with outside.database.view() as unit:
        for state in each_account(unit):
            row = _owed(state)
            if row is not None and (include_back or not row.back_since):
                found.append(row)
        found = _with_orders(outside, unit, found)
    worst = {row.account: max(failure.severity for failure in row.failures) for row in found}
    return sorted(
        found, key=lambda row: (-worst[row.account], -(row.value or row.bought or 0.0), row.account)
    )


def _with_orders(outside: Outside, unit: Unit, rows: list[Owed]) -> list[Owed]:
    """Where nobody has said what they are worth in a year: what they have ordered so far."""
    orders = [kind.name for kind in outside.rules().vocabulary.types.values() if kind.order]
    unknown = [row.account for row in rows if row.value is None]
    windows = unit.windows(
        [WindowNeed(account, type_, None, False) for account in unknown for type_ in orders]
    )
    bought = {
        account: sum(happening.amount or 0.0 for found in by_type.values() for happening in found)
        for account, by_type in windows.items()
    }
    return [replace(row, bought=bought.get(row.account)) for row in rows]


def _owed(state: AccountState) -> Owed | None:
    failures = tuple(f for f in state.open_failures if not f.spoken)
    if not failures:
        return None
    last = max(failure.opened_at for failure in failures)
    back = state.last_order_at is not None and state.last_order_at > last
    said = state.described
    return Owed(state.id, said.get("name") or "", failures, said.get("value"), state.last_order_at, back)


def each_account(unit: Unit, page: int = 500) -> Iterator[AccountState]:
    after = ""
    while ids := unit.account_ids(after, page):
        yield from unit.accounts(ids)
        after = ids[-1]


# -- stop ----------------------------------------------------------------------------------


def stop_all(outside: Outside, by: str, reason: str) -> None:
    """The kill switch: nothing leaves until somebody resumes. What is due waits, nothing is lost."""
    _switch(outside, by, reason, "stop_all", f"{by}: {reason}")


def resume_all(outside: Outside, by: str, reason: str) -> None:
    _switch(outside, by, reason, "resume_all", None)


def _switch(outside: Outside, by: str, reason: str, what: str, value: str | None) -> None:
    must_say(reason)
    now = outside.clock.now()

    def work(unit: Unit) -> None:
        unit.set_setting("stop_all", value)
        unit.audit(now, by, what, "sending", reason)

    outside.database.retrying(work)


# -- rebuild -------------------------------------------------------------------------------------------


def rebuild(outside: Outside, *, write: bool = True) -> Iterator[tuple[str, bool]]:
    """Fold every account (and person) anew from its events, one transaction each: (id, differed).
    Runs, touches and holds are history and are not derived again. Resumable: it is idempotent."""
    with outside.database.view() as unit:
        ids = [state.id for state in each_account(unit)]
        people = unit.person_ids()
    for id_ in people:
        yield PERSON_PREFIX + id_, outside.database.retrying(partial(_rebuild_person, id_=id_, write=write))
    for id_ in ids:
        yield id_, outside.database.retrying(partial(rebuild_account, outside=outside, id_=id_, write=write))


def _rebuild_person(unit: Unit, id_: str, write: bool) -> bool:
    old = unit.lock_people([id_])[id_]
    new = PersonState(id_)
    for event in unit.events_of(PERSON_PREFIX + id_):
        fold_person(new, event)
    differs = replace(new, newest=None) != replace(old, newest=None)
    if differs and write:
        unit.save_people([new])
    return differs


def rebuild_account(unit: Unit, outside: Outside, id_: str, write: bool) -> bool:
    old = unit.lock_accounts([id_])[id_]
    new = AccountState(id_, version=old.version)
    for event in in_order(unit.events_of(id_)):
        if not event.retracted:
            fold(new, event, outside.rules().folding)
    for key, failure in old.failures.items():
        if key not in new.failures:
            new.failures[key] = failure
    differs = new != old
    if differs and write:
        unit.save_accounts([new])
    return differs

"""What ops do: ask why, see what is owed, publish, stop all, rebuild."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial

from outreach.domain.account import AccountState, fold, in_order
from outreach.domain.errors import NotFound, Refused
from outreach.domain.evaluate import BY_HAND, explain, failure_of, scope_of
from outreach.domain.facts import PERSON_PREFIX, Event, Trace, Verdict
from outreach.domain.failure import Failure
from outreach.domain.person import PersonState, fold_person
from outreach.domain.plan import Decision
from outreach.domain.playbook import Playbook
from outreach.domain.recipient import hurt_one
from outreach.service.ledger import Ledger
from outreach.service.ports import Outside, Unit, WindowNeed
from outreach.service.telling import whole_history

PUBLISH_STATES = ("shadow", "percent", "live", "paused", "disabled")


# -- why and why not ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Why:
    """One event and one playbook: what came of it, or why nothing did."""

    event: Event
    playbook: str
    outcome: str
    """``started``, a ``Stopped`` reason, ``cannot_tell`` or ``no``"""
    trace: Trace
    decided_at: datetime | None = None

    @property
    def sentence(self) -> str:
        return f"{self.playbook}: {self.outcome.replace('_', ' ')}; {spell(self.trace)}"


def why(outside: Outside, account: str, limit: int = 50) -> list[Why]:
    """For the account's newest events and every playbook that listens to them: matched, failed with
    the value then, or cannot tell and which field is missing. Judged again by the same rooms."""
    with outside.database.view() as unit:
        ledger = Ledger(unit, outside, outside.clock.now())
        events = in_order(event for event in unit.events_of(account) if not event.retracted)
        if not events and unit.account(account) is None:
            raise NotFound(f"There is no account {account}.")
        decided = {(d.event, d.playbook): d for d in reversed(unit.decisions_of(account))}
        found = list(_judged(ledger, account, events, decided))
    return found[::-1][:limit]


def _judged(
    ledger: Ledger, account: str, events: list[Event], decided: dict[tuple[str, str], Decision]
) -> Iterator[Why]:
    state, history = AccountState(account), whole_history(events)
    for event in events:
        fold(state, event, ledger.rules.folding)
        for playbook in ledger.rules.by_type.get(event.type, ()):
            failure = state.failures.get(failure_of(event, ledger.rules.vocabulary) or "")
            people = ledger.people_of(account)
            person = hurt_one(ledger.person(event.data.get("person_id")), account, people)
            scope = scope_of(event, state, history, person=person, failure=failure, people=people)
            trace = explain(event, playbook, scope)
            yield _why(event, playbook, trace, decided.get((event.ref, playbook.name)))


def _why(event: Event, playbook: Playbook, trace: Trace, decision: Decision | None) -> Why:
    if decision is not None:
        return Why(event, playbook.name, decision.outcome, decision.trace or trace, decision.at)
    words = {Verdict.TRUE: "matches, not decided", Verdict.FALSE: "no", Verdict.CANNOT_TELL: "cannot_tell"}
    return Why(event, playbook.name, words[trace.verdict], trace)


def spell(trace: Trace) -> str:
    """A trace as one sentence for people: ``event.days_late >= 2 (event.days_late was 3)``."""
    if trace.path == BY_HAND:
        return trace.text
    if trace.missing:
        return f"{trace.text} cannot be told: {', '.join(trace.missing)} is missing"
    values = ", ".join(f"{name} was {value}" for name, value in trace.values)
    verdict = "holds" if trace.verdict is Verdict.TRUE else "does not hold"
    return f"{trace.text} {verdict}" + (f" ({values})" if values else "")


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


# -- publish and stop ----------------------------------------------------------------------------------


def publish(outside: Outside, playbook: str, state: str, by: str, reason: str, percent: int = 100) -> None:
    """Raises NotFound for an unknown playbook, Refused for an unknown state or a missing reason."""
    if playbook not in outside.rules().playbooks:
        raise NotFound(f"There is no playbook {playbook}.")
    if state not in PUBLISH_STATES:
        raise Refused(f"{state!r} is not a publish state; choose {', '.join(PUBLISH_STATES)}.")
    if not reason.strip():
        raise Refused("Say why.")
    now = outside.clock.now()

    def work(unit: Unit) -> None:
        unit.set_publish_state(playbook, state, percent, by, reason, now)
        unit.audit(now, by, f"playbook.{state}", f"playbook/{playbook}", reason)

    outside.database.retrying(work)


def stop_all(outside: Outside, by: str, reason: str) -> None:
    """The kill switch: nothing leaves until somebody resumes. What is due waits, nothing is lost."""
    _switch(outside, by, reason, "stop_all", f"{by}: {reason}")


def resume_all(outside: Outside, by: str, reason: str) -> None:
    _switch(outside, by, reason, "resume_all", None)


def _switch(outside: Outside, by: str, reason: str, what: str, value: str | None) -> None:
    if not reason.strip():
        raise Refused("Say why.")
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

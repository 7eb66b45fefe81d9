"""An account's events told to its state, one after the other."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

from outreach.domain.account import AccountState, Due, Embargo, Promise, PromiseState
from outreach.domain.dues import (
    RUNGS,
    FoldRules,
    await_order,
    end_wait,
    start_wait,
    take_due,
    wait_for,
    watch_unreached,
    watch_unresolved,
)
from outreach.domain.facts import CLOCK_SOURCE, Event
from outreach.domain.failure import (
    REPEAT_WINDOW,
    Failure,
    FailureState,
    closed,
    failure_id,
    opening_severity,
    reopened,
    was_reached,
    worsened,
)
from outreach.domain.rhythm import after_order
from outreach.domain.vocabulary import EventType, FailureRule
from outreach.domain.wallclock import parse_instant


def in_order(events: Iterable[Event]) -> list[Event]:
    """As an account's events are told: by time, then what was sent before what time makes at that same
    instant (what ends a wait in its last moment ends it), then by source and id."""
    return sorted(
        events, key=lambda event: (event.time, event.source == CLOCK_SOURCE, event.source, event.id)
    )


def fold(state: AccountState, event: Event, rules: FoldRules) -> bool:
    """Tell the state its next event. False: time made this event, and nothing justifies it any more
    (its cause was revised or retracted), so it must be retracted; the state is unchanged then."""
    kind = rules.vocabulary.get(event.type)
    if event.source == CLOCK_SOURCE and not take_due(state, event, rules):
        return False
    change = _CHANGES.get(event.type)
    if change:
        change(state, event, rules)
    if kind:
        _fold_declared(state, event, kind, rules)
    if state.since is None or event.time < state.since:
        state.since = event.time
    state.newest = max(state.newest, event.order) if state.newest else event.order
    return True


def _fold_declared(state: AccountState, event: Event, kind: EventType, rules: FoldRules) -> None:
    """What the vocabulary declares of the type: orders, waits that start or end, failures."""
    if kind.order:
        _ordered(state, event)
    for waiting in rules.ends.get(event.type, ()):
        end_wait(state, event, waiting)
    for waiting in rules.starts.get(event.type, ()):
        start_wait(state, event, waiting)
    if kind.failure:
        _failed(state, event, kind.failure, rules)
    if kind.contact == "two_way" and event.type not in _CHANGES:
        _spoken(state, event, rules)


def _ordered(state: AccountState, event: Event) -> None:
    state.orders += 1
    state.first_order_at = state.first_order_at or event.time
    state.last_order_at = event.time
    state.rhythm = after_order(state.rhythm, event.time)
    await_order(state, event)


def _failed(state: AccountState, event: Event, rule: FailureRule, rules: FoldRules) -> None:
    key = str(event.data.get(rule.key) or event.id)
    id_ = failure_id(rule.kind, key)
    old = state.failures.get(id_)
    if old is None or not old.founded:
        failure = _opened(state, event, rule, key, rules)
    elif old.is_open:
        failure = worsened(old, rule.severity, event.type)
        if not old.owed or _too_late(event, rules):
            state.failures[id_] = failure
            return
        failure = replace(failure, owed=False, known_at=event.arrived)
    elif event.source == CLOCK_SOURCE:
        return  # closed by a human's word: a further step of lateness is no news about it
    else:
        failure = worsened(reopened(old, event.arrived), rule.severity, event.type)
        failure = replace(failure, owed=_too_late(event, rules))
    state.failures[id_] = failure
    if not failure.owed:
        watch_unreached(state, event, failure, rules)


def _too_late(event: Event, rules: FoldRules) -> bool:
    return event.arrived - event.time > rules.horizon


def _opened(state: AccountState, event: Event, rule: FailureRule, key: str, rules: FoldRules) -> Failure:
    since = event.time - REPEAT_WINDOW
    nth = 1 + sum(other.founded and other.opened_at > since for other in state.failures.values())
    first_order = state.orders <= 1 and rule.kind in ("delivery", "installation", "backorder")
    return Failure(
        account=state.id,
        id=failure_id(rule.kind, key),
        kind=rule.kind,
        key=key,
        severity=opening_severity(rule.severity, first_order=first_order, nth=nth),
        state=FailureState.OPEN,
        opened_at=event.time,
        known_at=event.arrived,
        cause=event.type,
        person=event.data.get("person_id"),
        nth=nth,
        first_order=first_order,
        owed=_too_late(event, rules),
        parent=event.data.get("failure") if rule.kind == "promise" else None,
    )


def _climbed(state: AccountState, event: Event, rules: FoldRules) -> None:
    failure, rung = state.failures.get(event.data["failure"]), event.data.get("rung")
    if failure and failure.state is FailureState.OPEN and rung in RUNGS:
        step = RUNGS.index(rung)
        state.failures[failure.id] = replace(failure, climbed=rung)
        if step + 1 < len(RUNGS):
            watch_unreached(state, event, failure, rules, step + 1)


def _contacted(state: AccountState, event: Event, rules: FoldRules) -> None:
    """A human spoke with them: two-way, or not at all."""
    if was_two_way(event):
        _spoken(state, event, rules)


def was_two_way(event: Event) -> bool:
    """Of a contact: two people have really spoken."""
    return event.data.get("disposition") == "reached" or event.data.get("reached") is True


def _spoken(state: AccountState, event: Event, rules: FoldRules) -> None:
    """About the failures it names; about all that are open where it names none."""
    state.last_contact_at = event.time
    state.spoken_by = event.data.get("by") or state.spoken_by
    named = event.data.get("failure_keys")
    for id_ in [failure.id for failure in state.open_failures] if named is None else named:
        if isinstance(id_, str) and id_ in state.failures:
            _reached(state, state.failures[id_], event, rules)


def _reached(state: AccountState, failure: Failure, event: Event, rules: FoldRules) -> None:
    promised = [p.until for p in state.promises.values() if p.failure == failure.id and p.state == "open"]
    calendar = rules.calendar_of(state.described.get("team"))
    look_again = max(promised) if promised else calendar.add(event.arrived, rules.look_again)
    state.failures[failure.id] = was_reached(failure, event.time, look_again)
    state.dues.pop(("failure.unreached", failure.id), None)
    watch_unresolved(state, event, state.failures[failure.id])


def _close(state: AccountState, event: Event, to: FailureState, by: str) -> None:
    failure = state.failures.get(event.data["failure"])
    if failure is None or not failure.is_open:
        return
    children = [f.id for f in state.open_failures if f.parent == failure.id and by == "customer"]
    for id_ in [failure.id, *children]:
        reason = event.data.get("reason") or ""
        state.failures[id_] = closed(state.failures[id_], to, event.arrived, by, reason)
        state.dues.pop(("failure.unreached", id_), None)
        state.dues.pop(("failure.unresolved", id_), None)


def _put_right(state: AccountState, event: Event, rules: FoldRules) -> None:
    _close(state, event, FailureState.PUT_RIGHT, event.data.get("said_by") or "am")


def _let_be(state: AccountState, event: Event, rules: FoldRules) -> None:
    _close(state, event, FailureState.LET_BE, event.data.get("by") or "manager")


def _reopened(state: AccountState, event: Event, rules: FoldRules) -> None:
    failure = state.failures.get(event.data["failure"])
    if failure and not failure.is_open and failure.founded:
        state.failures[failure.id] = again = reopened(failure, event.arrived)
        watch_unreached(state, event, again, rules)


def _promised(state: AccountState, event: Event, rules: FoldRules) -> None:
    id_, until = event.data["promise_id"], parse_instant(event.data.get("until"))
    if until is None:
        return
    state.promises[id_] = made = Promise(
        state.id, id_, event.data.get("what") or "", until, event.time,
        event.data.get("by") or "", event.data.get("person_id"), event.data.get("failure"),
    )  # fmt: skip
    data = {"promise_id": id_, "what": made.what, "person_id": made.person, "failure": made.failure}
    wait_for(state, event, Due(state.id, "promise.overdue", id_, until, until, 0, data))
    parent = state.failures.get(made.failure or "")
    if parent and parent.state is FailureState.REACHED:
        state.failures[parent.id] = again = replace(parent, look_again_at=until)
        watch_unresolved(state, event, again)


def _kept(state: AccountState, event: Event, rules: FoldRules) -> None:
    promise = state.promises.get(event.data["promise_id"])
    if promise:
        late = promise.state is PromiseState.BROKEN
        state.promises[promise.id] = replace(
            promise, state=PromiseState.LATE if late else PromiseState.KEPT, settled_at=event.time
        )
        state.dues.pop(("promise.overdue", promise.id), None)


def _broken(state: AccountState, event: Event, rules: FoldRules) -> None:
    promise = state.promises.get(event.data["promise_id"])
    if promise and promise.state is PromiseState.OPEN:
        state.promises[promise.id] = replace(promise, state=PromiseState.BROKEN)


def _released(state: AccountState, event: Event, rules: FoldRules) -> None:
    """An owed failure was put on the board by hand: its clocks start now."""
    failure = state.failures.get(event.data["failure"])
    if failure and failure.owed and failure.is_open:
        state.failures[failure.id] = now_due = replace(failure, owed=False, known_at=event.arrived)
        watch_unreached(state, event, now_due, rules)


def _embargoed(state: AccountState, event: Event, rules: FoldRules) -> None:
    data = event.data
    state.embargo = Embargo(
        data["kind"], data["only"], event.time, data.get("by") or "", data.get("note") or ""
    )


def _embargo_lifted(state: AccountState, event: Event, rules: FoldRules) -> None:
    state.embargo = None


def _described(state: AccountState, event: Event, rules: FoldRules) -> None:
    state.described.update({name: value for name, value in event.data.items() if value is not None})


_CHANGES: Mapping[str, Callable[[AccountState, Event, FoldRules], None]] = {
    "account.described": _described,
    "account.embargoed": _embargoed,
    "account.embargo_lifted": _embargo_lifted,
    "contact.settled": _contacted,
    "contact.logged": _contacted,
    "failure.put_right": _put_right,
    "failure.let_be": _let_be,
    "failure.reopened": _reopened,
    "failure.released": _released,
    "failure.unreached": _climbed,
    "promise.made": _promised,
    "promise.kept": _kept,
    "promise.overdue": _broken,
}

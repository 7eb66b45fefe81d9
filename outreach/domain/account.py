"""What is known of an account: folded from its events, and its history as the conditions read it."""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from hashlib import sha256
from operator import attrgetter
from typing import Any, NamedTuple, TypeAlias

from outreach.domain.facts import CLOCK_SOURCE, Event, Person
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
from outreach.domain.hours import Calendar, Duration
from outreach.domain.rhythm import Rhythm, after_order
from outreach.domain.vocabulary import EventType, FailureRule, Vocabulary
from outreach.domain.wallclock import parse_instant

_TIME = attrgetter("time")


class Happening(NamedTuple):
    """One event of an account's history, as far as a window reads it."""

    time: datetime
    key: str | None
    amount: float | None
    data: Mapping[str, Any] | None = None
    """The event's whole data, only where a ``Need`` asked for it."""


@dataclass(frozen=True, slots=True)
class Need:
    """What a window reads: events of a type since so long; ``within`` None means all of history.

    ``data`` when more than the window columns ``time``, ``key`` and ``amount`` is read.
    """

    type: str
    within: timedelta | None
    data: bool = False


class History:
    """The events of one account that the conditions' windows read, per type and sorted by time.

    All bounds are inclusive; ``since`` None means from the beginning.
    """

    __slots__ = ("_rows",)

    def __init__(self, rows: Mapping[str, Sequence[Happening]]) -> None:
        self._rows = rows

    def count(self, type: str, since: datetime | None, until: datetime) -> int:
        """How many events of the type lie within the bounds."""
        start, end = self._bounds(type, since, until)
        return end - start

    def total(self, type: str, since: datetime | None, until: datetime) -> float:
        """Sum of the amounts within the bounds; an event without an amount adds nothing."""
        start, end = self._bounds(type, since, until)
        amounts = (row.amount for row in self._rows.get(type, ())[start:end])
        try:
            return math.fsum(amount for amount in amounts if amount is not None)
        except (OverflowError, ValueError):
            return math.nan

    def last(self, type: str, until: datetime) -> Happening | None:
        """The newest event of the type up to ``until``, None when there is none."""
        _, end = self._bounds(type, None, until)
        return self._rows[type][end - 1] if end else None

    def seen(self, type: str, key: str | None, since: datetime | None, until: datetime) -> bool:
        """Whether an event of the type, with this key when one is given, lies within the bounds."""
        start, end = self._bounds(type, since, until)
        if key is None:
            return end > start
        return any(row.key == key for row in self._rows.get(type, ())[start:end])

    def _bounds(self, type: str, since: datetime | None, until: datetime) -> tuple[int, int]:
        rows = self._rows.get(type, ())
        start = bisect_left(rows, since, key=_TIME) if since is not None else 0
        return start, max(start, bisect_right(rows, until, key=_TIME))


class PromiseState(StrEnum):
    OPEN = "open"
    BROKEN = "broken"
    KEPT = "kept"
    LATE = "late"
    """Kept after it was broken."""


@dataclass(frozen=True, slots=True)
class Promise:
    """What we told the customer we would do, by when."""

    account: str
    id: str
    what: str
    until: datetime
    made_at: datetime
    by: str = ""
    person: str | None = None
    failure: str | None = None
    state: PromiseState = PromiseState.OPEN
    settled_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Due:
    """A row that waits for its instant and then becomes an event of ``type``.

    ``base`` is the instant it counts from; with account, type, key, step and ``at`` it makes the event's id, so
    that making it twice is a no-op and a moved clock makes other events.
    """

    account: str
    type: str
    key: str
    at: datetime
    base: datetime
    step: int
    data: Mapping[str, Any]

    @property
    def event_id(self) -> str:
        parts = (
            self.account,
            self.type,
            self.key,
            self.base.isoformat(),
            f"{self.step:02d}",
            self.at.isoformat(),
        )
        return "/".join(_short(part) for part in parts)


def _short(text: str) -> str:
    """As part of an id: others choose keys, and may choose them long or with signs that no id may have."""
    if len(text) <= _LONGEST_PART and text.isprintable() and "|" not in text:
        return text
    return sha256(text.encode()).hexdigest()[:32]


_LONGEST_PART = 100


@dataclass(frozen=True, slots=True)
class Embargo:
    """Litigation, insolvency, a question of safety: nobody but ``only`` may contact anybody there."""

    kind: str
    only: str
    since: datetime
    by: str = ""
    note: str = ""

    @property
    def sentence(self) -> str:
        who = f"Nobody but {self.only}" if self.only else "Nobody"
        return f"{who} may contact them ({self.kind}, since {self.since:%d %B %Y})."


@dataclass(slots=True)
class AccountState:
    """Mutable while it is folded, and owned by whoever folds it. Small: windows are read, not kept."""

    id: str
    described: dict[str, Any] = field(default_factory=dict)
    embargo: Embargo | None = None
    orders: int = 0
    first_order_at: datetime | None = None
    last_order_at: datetime | None = None
    last_contact_at: datetime | None = None
    """Last two-way contact."""
    spoken_by: str | None = None
    """Who spoke with them last."""
    since: datetime | None = None
    rhythm: Rhythm = field(default_factory=Rhythm)
    ended: list[str] = field(default_factory=list)
    """``type/key`` of things waited for that have ended; a late start does not wake them again."""
    failures: dict[str, Failure] = field(default_factory=dict)
    promises: dict[str, Promise] = field(default_factory=dict)
    dues: dict[tuple[str, str], Due] = field(default_factory=dict)
    newest: tuple[datetime, str, str] | None = None
    version: int = 0

    @property
    def open_failures(self) -> list[Failure]:
        return [failure for failure in self.failures.values() if failure.is_open]


@dataclass(frozen=True, slots=True)
class FoldRules:
    """What the fold needs of the rules: the vocabulary, and the company's clocks."""

    vocabulary: Vocabulary
    calendar_of: Callable[[str | None], Calendar]
    """Team → its calendar."""
    unreached_after: Duration
    look_again: Duration
    horizon: timedelta
    """A failure older than this on arrival is owed, not unreached."""
    starts: Mapping[str, tuple[EventType, ...]] = field(default_factory=dict)
    """Event type → the made-by-time types that it starts."""
    ends: Mapping[str, tuple[EventType, ...]] = field(default_factory=dict)


RUNGS = (1, 2, 4)
"""Owner, manager, named person: at N, 2N and 4N business hours without two-way contact."""
_ENDED_KEPT = 50
_NEXT = timedelta(microseconds=1)
_END_OF_TIME = datetime.max.replace(tzinfo=UTC)


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
    if event.source == CLOCK_SOURCE and not _take_due(state, event, rules):
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
        _end_wait(state, event, waiting)
    for waiting in rules.starts.get(event.type, ()):
        _start_wait(state, event, waiting)
    if kind.failure:
        _failed(state, event, kind.failure, rules)
    if kind.contact == "two_way" and event.type not in _CHANGES:
        _spoken(state, event, rules)


def _take_due(state: AccountState, event: Event, rules: FoldRules) -> bool:
    """Consume the due row that made this event, and write the next step's."""
    due = next((row for row in state.dues.values() if row.event_id == event.id), None)
    if due is None or due.at != event.time:
        return False
    del state.dues[due.type, due.key]
    kind = rules.vocabulary.get(event.type)
    if kind and kind.time_rule and due.step + 1 < len(kind.time_rule.steps):
        _wait_for_step(state, event, kind, due.key, due.base, due.step + 1, due.data)
    return True


def _wait_for(state: AccountState, event: Event, due: Due) -> None:
    """Nothing comes due before the event that it waits because of: told in order of time, it would
    come first and find no reason. A date given when it had passed comes due right after."""
    at = max(due.at, event.time + _NEXT)
    state.dues[due.type, due.key] = due if at == due.at else replace(due, at=at)


def _start_wait(state: AccountState, event: Event, waiting: EventType) -> None:
    rule = waiting.time_rule
    assert rule is not None
    key, starts = event.data.get(rule.key), rule.starts[event.type]
    base = event.time if starts == "time" else parse_instant(event.data.get(starts))
    if key is None or base is None or f"{waiting.name}/{key}" in state.ended:
        return
    old = state.dues.get((waiting.name, str(key)))
    known = {**(old.data if old else {}), **event.data}
    carried = {name: known[name] for name in waiting.fields if known.get(name) is not None}
    _wait_for_step(state, event, waiting, str(key), base, 0, carried)


def _wait_for_step(
    state: AccountState,
    event: Event,
    waiting: EventType,
    key: str,
    base: datetime,
    step: int,
    carried: Mapping[str, Any],
) -> None:
    """The row that waits for that step. Fields of the same name are carried over from the start."""
    rule = waiting.time_rule
    assert rule is not None
    days = round(rule.steps[step] / timedelta(days=1), 2)
    if base > _END_OF_TIME - rule.steps[step]:
        return  # "9999-12-31" says that nobody waits for it
    due = Due(
        state.id, waiting.name, key, base + rule.steps[step], base, step,
        {**carried, rule.key: key, rule.sets: days},
    )  # fmt: skip
    _wait_for(state, event, due)


def _end_wait(state: AccountState, event: Event, waiting: EventType) -> None:
    rule = waiting.time_rule
    assert rule is not None
    key = event.data.get(rule.key)
    if key is None:
        return
    state.dues.pop((waiting.name, str(key)), None)
    state.ended = [*state.ended, f"{waiting.name}/{key}"][-_ENDED_KEPT:]


def _ordered(state: AccountState, event: Event) -> None:
    state.orders += 1
    state.first_order_at = state.first_order_at or event.time
    state.last_order_at = event.time
    state.rhythm = rhythm = after_order(state.rhythm, event.time)
    state.dues.pop(("reorder.due", "own"), None)
    state.dues.pop(("account.silent", "own"), None)
    if rhythm.due_at is not None and rhythm.silent_at is not None:
        due = {"due_on": rhythm.due_at.date().isoformat(), "median_days": rhythm.median_days}
        silent = {"days": round((rhythm.silent_at - event.time) / timedelta(days=1), 1)}
        for type_, at, data in (
            ("reorder.due", rhythm.due_at, due),
            ("account.silent", rhythm.silent_at, silent),
        ):
            _wait_for(state, event, Due(state.id, type_, "own", at, event.time, 0, data))


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
        _watch_unreached(state, event, failure, rules)


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


def _watch_unreached(
    state: AccountState, event: Event, failure: Failure, rules: FoldRules, step: int = 0
) -> None:
    """The clock that climbs: N business hours for the owner, 2N the manager, 4N the named person."""
    calendar = rules.calendar_of(state.described.get("team"))
    hours = rules.unreached_after.times(RUNGS[step])
    at = calendar.add(failure.known_at, hours)
    due = Due(
        state.id, "failure.unreached", failure.id, at, failure.known_at, step,
        {"failure": failure.id, "rung": RUNGS[step]},
    )  # fmt: skip
    _wait_for(state, event, due)


def _climbed(state: AccountState, event: Event, rules: FoldRules) -> None:
    failure, rung = state.failures.get(event.data["failure"]), event.data.get("rung")
    if failure and failure.state is FailureState.OPEN and rung in RUNGS:
        step = RUNGS.index(rung)
        state.failures[failure.id] = replace(failure, climbed=rung)
        if step + 1 < len(RUNGS):
            _watch_unreached(state, event, failure, rules, step + 1)


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
    _watch_unresolved(state, event, state.failures[failure.id])


def _watch_unresolved(state: AccountState, event: Event, failure: Failure) -> None:
    if failure.is_open and failure.look_again_at:
        due = Due(
            state.id, "failure.unresolved", failure.id, failure.look_again_at, event.time, 0,
            {"failure": failure.id},
        )  # fmt: skip
        _wait_for(state, event, due)


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
        _watch_unreached(state, event, again, rules)


def _promised(state: AccountState, event: Event, rules: FoldRules) -> None:
    id_, until = event.data["promise_id"], parse_instant(event.data.get("until"))
    if until is None:
        return
    state.promises[id_] = made = Promise(
        state.id, id_, event.data.get("what") or "", until, event.time,
        event.data.get("by") or "", event.data.get("person_id"), event.data.get("failure"),
    )  # fmt: skip
    data = {"promise_id": id_, "what": made.what, "person_id": made.person, "failure": made.failure}
    _wait_for(state, event, Due(state.id, "promise.overdue", id_, until, until, 0, data))
    parent = state.failures.get(made.failure or "")
    if parent and parent.state is FailureState.REACHED:
        state.failures[parent.id] = again = replace(parent, look_again_at=until)
        _watch_unresolved(state, event, again)


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
        _watch_unreached(state, event, now_due, rules)


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


class Facts(Mapping[str, Any]):
    """Facts that are worked out when they are asked for: a condition reads two or three of them. Good
    as long as what they are about does not change."""

    __slots__ = ("_about", "_at", "_given", "_makers")

    def __init__(self, makers: Makers, about: Any, at: datetime, given: Mapping[str, Any]) -> None:
        self._makers, self._about, self._at, self._given = makers, about, at, given

    def get(self, name: str, default: Any = None) -> Any:
        maker = self._makers.get(name)
        return self._given.get(name, default) if maker is None else maker(self._about, self._at)

    def __getitem__(self, name: str) -> Any:
        maker = self._makers.get(name)
        return self._given[name] if maker is None else maker(self._about, self._at)

    def __iter__(self) -> Iterator[str]:
        return iter(self._given.keys() | self._makers.keys())

    def __len__(self) -> int:
        return len(self._given.keys() | self._makers.keys())


Makers: TypeAlias = Mapping[str, Callable[[Any, datetime], Any]]


def account_facts(state: AccountState, at: datetime, people: Sequence[Person] | None = None) -> Facts:
    """What conditions, briefs and pages call ``account.*``, as of ``at``."""
    makers = _ACCOUNT
    if people is not None:
        deciding = sum("decision_maker" in person.roles.get(state.id, ()) for person in people)
        known = {"people": lambda state, at: len(people), "decision_makers": lambda state, at: deciding}
        makers = {**_ACCOUNT, **known}
    return Facts(makers, state, at, state.described)


def _days(then: datetime | None, at: datetime) -> float | None:
    return None if then is None else (at - then) / timedelta(days=1)


def _open_failures(state: AccountState, at: datetime) -> int:
    return sum(f.founded and f.is_open for f in state.failures.values())


def _failures_90d(state: AccountState, at: datetime) -> int:
    since = at - REPEAT_WINDOW
    return sum(f.founded and since < f.opened_at <= at for f in state.failures.values())


_ACCOUNT: Makers = {
    "id": lambda state, at: state.id,
    "orders": lambda state, at: state.orders,
    "days_since_order": lambda state, at: _days(state.last_order_at, at),
    "days_since_contact": lambda state, at: _days(state.last_contact_at, at),
    "open_failures": _open_failures,
    "failures_90d": _failures_90d,
    "people": lambda state, at: None,
    "decision_makers": lambda state, at: None,
    "age_days": lambda state, at: _days(state.since, at),
}


def rhythm_facts(state: AccountState, at: datetime) -> Facts:
    """What conditions, briefs and pages call ``rhythm.*``, as of ``at``."""
    return Facts(_RHYTHM, state.rhythm, at, {})


_RHYTHM: Makers = {
    "known": lambda rhythm, at: rhythm.known,
    "orders": lambda rhythm, at: rhythm.orders,
    "median_days": lambda rhythm, at: rhythm.median_days if rhythm.known else None,
    "spread_days": lambda rhythm, at: rhythm.spread_days if rhythm.known else None,
    "days_late": lambda rhythm, at: (
        None if rhythm.due_at is None else (at - rhythm.due_at) / timedelta(days=1)
    ),
}


def failure_facts(failure: Failure | None, at: datetime) -> dict[str, Any]:
    if failure is None:
        return {}
    return {
        "kind": failure.kind,
        "key": failure.key,
        "severity": failure.severity.word,
        "nth_90d": failure.nth,
        "round": failure.round,
        "age_days": (at - failure.opened_at) / timedelta(days=1),
        "first_order": failure.first_order,
        "state": str(failure.state),
        "opened_on": failure.opened_at,
    }

"""What time will bring: the rows that wait for an account, written and taken back as its events are told."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from outreach.domain.account import AccountState, Due
from outreach.domain.facts import Event
from outreach.domain.failure import Failure
from outreach.domain.hours import Calendar, Duration
from outreach.domain.vocabulary import EventType, Vocabulary
from outreach.domain.wallclock import parse_instant


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


def take_due(state: AccountState, event: Event, rules: FoldRules) -> bool:
    """Consume the due row that made this event, and write the next step's."""
    due = next((row for row in state.dues.values() if row.event_id == event.id), None)
    if due is None or due.at != event.time:
        return False
    del state.dues[due.type, due.key]
    kind = rules.vocabulary.get(event.type)
    if kind and kind.time_rule and due.step + 1 < len(kind.time_rule.steps):
        _wait_for_step(state, event, kind, due.key, due.base, due.step + 1, due.data)
    return True


def wait_for(state: AccountState, event: Event, due: Due) -> None:
    """Nothing comes due before the event that it waits because of: told in order of time, it would
    come first and find no reason. A date given when it had passed comes due right after."""
    at = max(due.at, event.time + _NEXT)
    state.dues[due.type, due.key] = due if at == due.at else replace(due, at=at)


def start_wait(state: AccountState, event: Event, waiting: EventType) -> None:
    """From this event on the type waits for its first step; not where it has ended already."""
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
    wait_for(state, event, due)


def end_wait(state: AccountState, event: Event, waiting: EventType) -> None:
    """What it waited for has come; a start that is told later does not wake it again."""
    rule = waiting.time_rule
    assert rule is not None
    key = event.data.get(rule.key)
    if key is None:
        return
    state.dues.pop((waiting.name, str(key)), None)
    state.ended = [*state.ended, f"{waiting.name}/{key}"][-_ENDED_KEPT:]


def await_order(state: AccountState, event: Event) -> None:
    """By their own rhythm, as it is after this order."""
    rhythm = state.rhythm
    state.dues.pop(("reorder.due", "own"), None)
    state.dues.pop(("account.silent", "own"), None)
    if rhythm.due_at is not None and rhythm.silent_at is not None:
        due = {"due_on": rhythm.due_at.date().isoformat(), "median_days": rhythm.median_days}
        silent = {"days": round((rhythm.silent_at - event.time) / timedelta(days=1), 1)}
        for type_, at, data in (
            ("reorder.due", rhythm.due_at, due),
            ("account.silent", rhythm.silent_at, silent),
        ):
            wait_for(state, event, Due(state.id, type_, "own", at, event.time, 0, data))


def watch_unreached(
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
    wait_for(state, event, due)


def watch_unresolved(state: AccountState, event: Event, failure: Failure) -> None:
    """They were reached: at its hour somebody looks whether it is put right."""
    if failure.is_open and failure.look_again_at:
        due = Due(
            state.id, "failure.unresolved", failure.id, failure.look_again_at, event.time, 0,
            {"failure": failure.id},
        )  # fmt: skip
        wait_for(state, event, due)

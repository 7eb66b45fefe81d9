"""The reference model: an account's plan from its events, by DESIGN's rules and nothing clever.

Everything arrived at one instant. Take the greatest content of each event, let time make its events,
tell everything in order, and see which runs the triggers justify. Only the fold of single events and the
test of single conditions are the house's own; revisions, late news, windows, once_per, if_running,
cooldown, superseding, closing and stopping are worked out here by themselves.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import groupby
from typing import Any

from outreach.domain.account import AccountState, Due
from outreach.domain.evaluate import Ruleset, scope_of
from outreach.domain.facts import CLOCK_SOURCE, Channel, Event, Purpose
from outreach.domain.failure import Failure
from outreach.domain.fold import fold
from outreach.domain.history import Happening, History
from outreach.domain.playbook import IfRunning, Playbook


@dataclass(frozen=True)
class Version:
    """One content of one event, as its source sent it."""

    id: str
    type: str
    subject: str
    time: datetime
    data: dict[str, Any]
    sequence: int | None = None
    source: str = "erp"


@dataclass(frozen=True)
class Plan:
    failures: dict[str, tuple[str, str, int]]
    """id → state, severity, round"""
    runs: dict[tuple[str, str], str]
    """(playbook, key) → trigger, of the runs that are under way"""
    touches: frozenset[tuple[str, str, int, str]]
    """(playbook, key, step, channel) of what is still to be done"""


@dataclass
class _Run:
    playbook: Playbook
    key: str
    trigger: Event
    failure: str | None
    over: bool = False


@dataclass
class _Account:
    state: AccountState
    told: list[Event] = field(default_factory=list)
    runs: list[_Run] = field(default_factory=list)


def plan(versions: Iterable[Version], account: str, rules: Ruleset, now: datetime) -> Plan:
    """``versions`` in the order in which each event's contents were sent."""
    it = _Account(AccountState(account))
    waiting = [_event(version, rules, now) for version in current(versions) if version.subject == account]
    while instant := _next_instant(waiting, it.state, now):
        for event in _tell_instant(it, waiting, instant, rules, now):
            for playbook in rules.by_type.get(event.type, ()):
                _decide(it, event, playbook, rules, now)
        waiting = [event for event in waiting if event.time > instant]
    for run in it.runs:
        run.over = run.over or _is_over(run, it, now)
    return _as_plan(it)


def current(versions: Iterable[Version]) -> list[Version]:
    """Each event's content: the greatest by sequence, then time, then arrival. A content that was seen
    before is no news, unless a sequence says so."""
    found: dict[tuple[str, str], Version] = {}
    seen: list[Version] = []
    for version in versions:
        old = found.get((version.source, version.id))
        repeated = version.sequence is None and version in seen
        if old is None or (_rank(version) >= _rank(old) and not repeated):
            found[version.source, version.id] = version
        seen.append(version)
    return list(found.values())


def _rank(version: Version) -> tuple[bool, int, datetime]:
    return (version.sequence is not None, version.sequence or 0, version.time)


def _event(version: Version, rules: Ruleset, now: datetime) -> Event:
    kind = rules.vocabulary.types[version.type]
    key, amount = version.data.get(kind.key or ""), version.data.get(kind.amount or "")
    return Event(
        version.source, version.id, version.type, version.subject, version.time, now, version.data,
        key=None if key is None else str(key), amount=amount,
    )  # fmt: skip


def _next_instant(waiting: Sequence[Event], state: AccountState, now: datetime) -> datetime | None:
    times = [event.time for event in waiting] + [due.at for due in state.dues.values() if due.at <= now]
    return min(times, default=None)


def _tell_instant(
    it: _Account, waiting: Sequence[Event], instant: datetime, rules: Ruleset, now: datetime
) -> list[Event]:
    """All events of one instant: first what was sent, in order, then what time makes of it."""
    told = sorted((event for event in waiting if event.time == instant), key=lambda event: event.order)
    for event in told:
        assert fold(it.state, event, rules.folding)
    while due := min(
        (due for due in it.state.dues.values() if due.at <= instant), key=_due_order, default=None
    ):
        made = _made_by_time(due, rules, now)
        assert fold(it.state, made, rules.folding)
        told.append(made)
    it.told += told
    return told


def _due_order(due: Due) -> str:
    return due.event_id


def _made_by_time(due: Due, rules: Ruleset, now: datetime) -> Event:
    version = Version(due.event_id, due.type, due.account, due.at, dict(due.data), source=CLOCK_SOURCE)
    return _event(version, rules, now)


def _history(it: _Account) -> History:
    told = sorted(it.told, key=lambda event: (event.type, event.time))
    return History({type_: [Happening(e.time, e.key, e.amount, e.data) for e in same]
                    for type_, same in groupby(told, key=lambda event: event.type)})  # fmt: skip


def _decide(it: _Account, event: Event, playbook: Playbook, rules: Ruleset, now: datetime) -> None:
    failure = _failure_of(event, rules)
    scope = scope_of(event, it.state, _history(it), failure=it.state.failures.get(failure or ""))
    if playbook.condition is not None and playbook.condition.test(scope) is not True:
        return
    value = playbook.once_per.value(scope) if playbook.once_per else None
    key = event.id if value is None else str(value)
    mine = [run for run in it.runs if run.playbook.name == playbook.name]
    if now - event.time > playbook.horizon.plain or any(run.key == key for run in mine):
        return
    if playbook.if_running is IfRunning.IGNORE and mine:
        return
    if playbook.cooldown and mine and event.time - mine[-1].trigger.time < playbook.cooldown.plain:
        return
    for run in mine if playbook.if_running is IfRunning.RESTART else ():
        run.over = True
    it.runs.append(_Run(playbook, key, event, failure))


def _failure_of(event: Event, rules: Ruleset) -> str | None:
    rule = rules.vocabulary.types[event.type].failure
    if event.type == "failure.put_right":  # what this starts does not live with the failure
        return None
    return f"{rule.kind}/{event.data[rule.key]}" if rule else event.data.get("failure")


def _same(other: _Run, run: _Run) -> bool:
    if run.playbook.purpose is Purpose.CALLBACK:
        return other.key == run.key or (run.failure is not None and run.failure == other.failure)
    return other.failure == run.failure


def _is_over(run: _Run, it: _Account, now: datetime) -> bool:
    failure = it.state.failures.get(run.failure or "")
    if failure is not None and not failure.is_open:
        return True
    if any(run.playbook.name in other.playbook.supersedes and _same(other, run) for other in it.runs):
        return True
    later = [event for event in it.told if event.time >= run.trigger.time and event is not run.trigger]
    written = all(step.channel in (Channel.EMAIL, Channel.SMS) for step in run.playbook.steps)
    if written and any(event.type in run.playbook.stop_events for event in later):
        return True  # an open call would stay
    return run.playbook.if_resolved is None and _still_open(run, it, now) is False


def _still_open(run: _Run, it: _Account, now: datetime) -> bool | None:
    if run.playbook.still_open is None:
        return True
    failure = it.state.failures.get(run.failure or "")
    return run.playbook.still_open.test(
        scope_of(run.trigger, it.state, _history(it), at=now, failure=failure)
    )


def _as_plan(it: _Account) -> Plan:
    going = [run for run in it.runs if not run.over]
    return Plan(
        failures={f.id: _told_failure(f) for f in it.state.failures.values()},
        runs={(run.playbook.name, run.key): run.trigger.ref for run in going},
        touches=frozenset(
            (run.playbook.name, run.key, 0, str(run.playbook.steps[0].channel)) for run in going
        ),
    )


def _told_failure(failure: Failure) -> tuple[str, str, int]:
    return (failure.state.value, failure.severity.word, failure.round)

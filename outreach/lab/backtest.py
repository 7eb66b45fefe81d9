"""What these playbooks would have done with the history that is stored: whom they contact, when, and what they hold back.

Nothing is judged twice over here: the stored events go through the very same services, on a virtual clock and scratch
stores, those who belong together in one of them, and as many at once as there are processors. Nobody answers: what
people said is in the history as it was said, and a call that is put on the desk stays there. Nothing can leave.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from multiprocessing import get_context
from pathlib import Path
from typing import NamedTuple

from outreach.domain.evaluate import Ruleset
from outreach.lab.backtest_parts import Part, parts_of
from outreach.lab.player import Player
from outreach.lab.scratch import scratch_house, with_nobody_asked
from outreach.lab.stored import arrivals_of
from outreach.library.loader import load
from outreach.store.codec import instant, micros
from outreach.store.engine import Store, open_database
from outreach.store.unit import StoreUnit

OFF = ("paused", "disabled")


class Touched(NamedTuple):
    """One contact that would have been made, or was held back. No name and no number of anybody."""

    account: str
    playbook: str
    key: str
    """What its run is about, by the playbook's ``once_per``."""
    step: int
    attempt: int
    round: int
    channel: str
    whose: str
    """The user name of whoever would have made it; empty when nobody looks after them."""
    at: datetime
    """When it was due."""
    status: str
    because: str

    @property
    def made(self) -> bool:
        """Neither held back nor taken back."""
        return self.status not in ("withheld", "expired", "cancelled")


@dataclass
class Played:
    """What came of all of it, since a day."""

    since: datetime
    until: datetime
    touches: list[Touched] = field(default_factory=list)
    runs: Counter[str] = field(default_factory=Counter)
    """Playbook → how often it started."""
    holds: Counter[str] = field(default_factory=Counter)
    """Playbook → holds on generic mail."""
    decisions: Counter[str] = field(default_factory=Counter)
    """What became of matches."""
    failures: dict[str, int] = field(default_factory=dict)
    """Account → failures in that time."""
    events: int = 0
    seconds: float = 0.0

    def add(self, other: Played) -> None:
        self.touches += other.touches
        self.runs += other.runs
        self.holds += other.holds
        self.decisions += other.decisions
        self.failures |= other.failures
        self.events += other.events


@dataclass(frozen=True, slots=True)
class Task:
    """What a worker is told."""

    part: Part
    since: datetime
    until: datetime


Shown = Callable[[int], None]
"""Told how many events have been played."""


def backtest(
    root: Path,
    database_url: str,
    since: datetime,
    until: datetime,
    *,
    workers: int | None = None,
    shown: Shown = lambda _: None,
) -> Played:
    """Play what is stored by the rules below ``root``. Raises Invalid where the rules cannot be read."""
    load(root)  # faults are told here, and not by every worker
    with _reading(database_url) as store, store.view() as unit:
        tasks = [Task(part, since, until) for part in parts_of(unit)]
    found = Played(since, until)
    for outcome in _each(tasks, root, database_url, workers or os.cpu_count() or 1):
        found.add(outcome)
        shown(found.events)
    found.touches.sort()
    return found


def _each(tasks: Sequence[Task], root: Path, url: str, workers: int) -> Iterator[Played]:
    if workers == 1 or len(tasks) < 2:
        _prepare(root, url)
        yield from map(_play, tasks)
        return
    with ProcessPoolExecutor(min(workers, len(tasks)), get_context("spawn"), _prepare, (root, url)) as pool:
        yield from pool.map(_play, tasks)


# -- in a worker ---------------------------------------------------------------------------------------


class _Here(NamedTuple):
    rules: Ruleset
    url: str


_here: list[_Here] = []


def _prepare(root: Path, url: str) -> None:
    _here[:] = [_Here(with_nobody_asked(load(root)), url)]


def _play(task: Task) -> Played:
    (here,) = _here
    with _reading(here.url) as store, store.view() as unit:
        arrivals = arrivals_of(unit, task.part.subjects, task.until)
        off = {name for name, (state, _) in unit.publish_states().items() if state in OFF}
    outcome = Played(task.since, task.until)
    if not arrivals:
        return outcome
    with scratch_house(here.rules, arrivals[0].at) as house:
        _switch_off(house.database, off, arrivals[0].at)
        player = Player(house)
        player.play(arrivals, task.until)
        with house.database.view() as unit:
            _read(unit, outcome)
    outcome.events = player.events
    return outcome


@contextmanager
def _reading(url: str) -> Iterator[Store]:
    store = open_database(url)
    try:
        yield store
    finally:
        store.close()


def _switch_off(store: Store, names: Iterable[str], at: datetime) -> None:
    """What contacts nobody now would not have contacted anybody."""
    with store.unit() as unit:
        for name in names:
            unit.set_publish_state(name, "disabled", 100, "backtest", "as it is now", at)


_TOUCHES = (
    "select t.account, r.playbook, r.key, t.step, t.attempt, t.round, t.channel,"
    " coalesce(t.caller, a.owner, ''), t.due, t.status, t.because"
    " from touch t join run r on r.id = t.run join account a on a.id = t.account"
    " where not r.shadow and t.due >= ? and t.due <= ?"
)


def _read(unit: StoreUnit, outcome: Played) -> None:
    first, last = micros(outcome.since), micros(outcome.until)
    for *names, due, status, because in unit.bulk.rows(_TOUCHES, first, last):
        outcome.touches.append(Touched._make((*names, instant(due), status, because)))
    outcome.runs.update(dict(map(tuple, unit.bulk.rows(
        "select playbook, count(*) from run where started_at >= ? group by playbook", first))))  # fmt: skip
    outcome.holds.update(dict(map(tuple, unit.bulk.rows(
        "select because, count(*) from hold where since >= ? group by because", first))))  # fmt: skip
    outcome.decisions.update(dict(map(tuple, unit.bulk.rows(
        'select outcome, count(*) from decision where "at" >= ? group by outcome', first))))  # fmt: skip
    outcome.failures = dict(map(tuple, unit.bulk.rows(
        "select account, count(*) from failure where state <> 'void' and opened_at >= ? group by account", first)))  # fmt: skip

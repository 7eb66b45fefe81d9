"""What these playbooks would have done with the history that is stored: whom they contact, when, and what they hold back.

Nothing is judged twice over here: the stored events go through the very same services, on a virtual clock and scratch
stores, those who belong together in one of them, and as many at once as there are processors. Nobody answers: what
people said is in the history as it was said, and a call that is put on the desk stays there. Nothing can leave.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from datetime import datetime
from multiprocessing import get_context
from pathlib import Path
from typing import Any, NamedTuple

from outreach.assemble import collect_less_often
from outreach.domain.evaluate import Ruleset
from outreach.lab.backtest_part import Task, play_part
from outreach.lab.backtest_parts import parts_of
from outreach.lab.backtest_played import Played
from outreach.lab.backtest_pointless import marked
from outreach.lab.progress import EVERY, Shown, silent
from outreach.lab.stored import reading
from outreach.library.loader import load


def backtest(
    root: Path,
    database_url: str,
    since: datetime,
    until: datetime,
    *,
    workers: int | None = None,
    shown: Shown = silent,
    screened: bool = True,
) -> Played:
    """Play what is stored by the rules below ``root``. Raises Invalid where the rules cannot be read."""
    collect_less_often()
    rules = load(root)  # faults are told here, and not by every worker
    with reading(database_url) as store, store.view() as unit:
        pointless = marked(unit)
        tasks = [Task(part, since, until, screened) for part in parts_of(unit)]
    of = sum(task.part.events for task in tasks)
    shown(0, of)
    found = Played(since, until, marked=pointless)
    for outcome in _each(
        tasks, root, rules, database_url, workers or os.cpu_count() or 1, lambda done: shown(done, of)
    ):
        found.add(outcome)
    shown(of, of)
    found.touches.sort()
    return found


def _each(
    tasks: Sequence[Task], root: Path, rules: Ruleset, url: str, workers: int, shown: Callable[[int], None]
) -> Iterator[Played]:
    if workers == 1 or len(tasks) < 2:
        done = _Sum(shown).add
        yield from (play_part(rules, url, task, done) for task in tasks)
        return
    context = get_context("spawn")
    counter = context.Value("q")
    setting = (root, url, counter)
    with ProcessPoolExecutor(min(workers, len(tasks)), context, _prepare, setting) as pool:
        rest = {pool.submit(_play, task) for task in tasks}
        while rest:
            ended, rest = wait(rest, EVERY, FIRST_COMPLETED)
            shown(counter.value)
            yield from (each.result() for each in ended)


class _Sum:
    def __init__(self, shown: Callable[[int], None]) -> None:
        self._shown, self._done = shown, 0

    def add(self, more: int) -> None:
        self._done += more
        self._shown(self._done)


# -- in a worker ---------------------------------------------------------------------------------------


class _Here(NamedTuple):
    rules: Ruleset
    url: str
    done: Callable[[int], None]
    """Told how many events more are done."""


_here: list[_Here] = []


def _prepare(root: Path, url: str, counter: Any) -> None:
    """``counter`` is shared by all workers."""

    def done(more: int) -> None:
        with counter.get_lock():
            counter.value += more

    collect_less_often()
    _here[:] = [_Here(load(root), url, done)]


def _play(task: Task) -> Played:
    (here,) = _here
    return play_part(here.rules, here.url, task, here.done)

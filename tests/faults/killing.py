"""Kill a process at a chosen point of the workload, go on as its successor would, and check.

A program of its own, so that what is forked has neither threads nor connections:

    python -m tests.faults.killing '{"points": 300, "part": 0, "parts": 6}'

It first plays the script undisturbed and keeps a copy of the world at every boundary between two of its
steps. Then, for each point, a child starts from the copy before and kills itself there; another one
(which may be killed, too) goes on to the next boundary but one, where everything must be as undisturbed.
Prints one JSON object.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from outreach.service import sweep as service_sweep
from outreach.service.ports import Outside
from outreach.service.ports_ways import Receipt
from outreach.service.sending import record
from tests.faults.checker import LOG, LOG_POSTGRES, broken, differences, plan
from tests.faults.rules import rules
from tests.faults.workload import BOUNDARIES, play
from tests.faults.world import Point, World, furnish, nowhere
from tests.support.postgres import Server, database_of

TO_THE_END = 15
"""Every so manyth point goes on to the end of the script."""
KILLED = -signal.SIGKILL


@dataclass(frozen=True)
class Order:
    points: int
    """How many in all parts together, spread evenly."""
    part: int = 0
    parts: int = 1
    server: str | None = None
    """PostgreSQL's URL; None is SQLite."""
    journal: str | None = None
    every_point: bool = False
    """Instead of so many."""
    seed: int = 1
    only: str = ""
    """Only points whose name ends so."""
    careless: bool = False
    """A house that sends again what it does not know to have been sent: the check must find it out."""


@dataclass
class Report:
    points: int = 0
    all_points: int = 0
    twice: int = 0
    seconds: float = 0.0
    reference_seconds: float = 0.0
    unknown: int = 0
    places: dict[str, int] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)


class Worlds:
    """Worlds to begin with, and copies of them."""

    def __init__(self, home: Path, order: Order) -> None:
        self.home, self.order = home, order
        self.server = Server(order.server) if order.server else None
        self._copies: dict[int, tuple[Path, str | None]] = {}

    def empty(self) -> World:
        world = self._world("reference")
        store = furnish(world.url, world.journal)
        with store.engine.begin() as connection:
            for statement in LOG_POSTGRES if self.server else LOG:
                connection.exec_driver_sql(statement)
        store.close()
        return world

    def _world(self, name: str, template: str | None = None) -> World:
        folder = self.home / name
        folder.mkdir(exist_ok=True)
        if self.server is None:
            return World(folder, f"sqlite:///{folder / 'db'}", self.order.journal)
        return World(folder, self.server.create(template=template) if template else self.server.create())

    def keep(self, world: World, boundary: int) -> None:
        """Call with no transaction and, on PostgreSQL, no connection open."""
        folder = self.home / f"at-{boundary}"
        shutil.copytree(world.folder, folder, ignore=shutil.ignore_patterns("*-shm"))
        name = self.server.create(template=database_of(world.url)) if self.server else None
        self._copies[boundary] = (folder, name)

    def copy(self, boundary: int) -> World:
        folder, url = self._copies[boundary]
        to = self.home / "tried"
        shutil.rmtree(to, ignore_errors=True)
        shutil.copytree(folder, to)
        return self._world("tried", database_of(url) if url else None)

    def drop(self, world: World) -> None:
        if self.server:
            self.server.drop(world.url)

    def drop_all(self) -> None:
        for _, url in self._copies.values():
            if self.server and url:
                self.server.drop(url)


# -- the undisturbed run -----------------------------------------------------------------------------


@dataclass
class Reference:
    plans: dict[int, dict[str, list[Any]]]
    places: list[tuple[int, int, str]]
    """(boundary before, how many points after it, name) of every point."""


def undisturbed(worlds: Worlds, report: Report) -> Reference:
    """Boundary by boundary, each with a process's connections of its own, so that it can be copied."""
    world, known = worlds.empty(), Reference({}, [])
    started = time.perf_counter()
    for boundary in range(BOUNDARIES):
        worlds.keep(world, boundary)
        count = 0

        def point(place: str, boundary: int = boundary) -> None:
            nonlocal count
            count += 1
            known.places.append((boundary, count, place))

        with world.open(rules(), boundary, point) as house:
            play(world, house, boundary + 1)
            with house.database.view() as unit:
                known.plans[boundary + 1] = plan(unit)
    report.reference_seconds = round(time.perf_counter() - started, 2)
    with world.open(rules(), 99) as house:
        report.failures += [f"undisturbed: {what}" for what in broken(world, house)]
    worlds.drop(world)
    return known


# -- one point ---------------------------------------------------------------------------------------


def in_a_child(work: Callable[[], list[str]], told: Path) -> tuple[int, list[str]]:
    """How it ended, and what it found."""
    told.unlink(missing_ok=True)
    pid = os.fork()
    if pid == 0:
        try:
            told.write_text(json.dumps(work()))
            os._exit(0)
        except BaseException:
            told.write_text(json.dumps([traceback.format_exc(limit=-6)]))
            os._exit(1)
    _, status = os.waitpid(pid, 0)
    return os.waitstatus_to_exitcode(status), json.loads(told.read_text()) if told.exists() else []


def dying_at(nth: int) -> Point:
    left = nth

    def point(place: str) -> None:
        nonlocal left
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    return point


def try_point(
    worlds: Worlds, known: Reference, number: int, report: Report, chance: random.Random
) -> list[str]:
    boundary, nth, place = known.places[number]
    world = worlds.copy(boundary)
    until = BOUNDARIES if number % TO_THE_END == 0 else min(boundary + 2, BOUNDARIES)
    told = worlds.home / "told"

    def go_on(process: int, point: Point, until: int) -> list[str]:
        with world.open(rules(), process, point) as house:
            play(world, house, until)
            with house.database.view() as unit:
                return list(differences(known.plans[until], plan(unit)))

    def check(process: int) -> list[str]:
        found = go_on(process, nowhere, until)
        with world.open(rules(), process + 1) as house:
            found += broken(world, house, quiet=until == BOUNDARIES)
            with house.database.view() as unit:
                (row,) = unit.bulk.rows("select count(*) from touch where status = 'unknown'")
        return [*found, f"unknown={row[0]}"]

    ended, found = in_a_child(lambda: go_on(100, dying_at(nth), boundary + 1), told)
    if ended != KILLED:
        return [f"was not killed: {ended} {found}"]
    if chance.random() < 0.3:
        report.twice += 1
        again = chance.randrange(1, 1 + 2 * nth)
        ended, found = in_a_child(lambda: go_on(200, dying_at(again), until), told)
        if ended not in (KILLED, 0):
            return found
    ended, found = in_a_child(lambda: check(300), told)
    worlds.drop(world)
    counted = [what for what in found if what.startswith("unknown=")]
    report.unknown += sum(int(what.partition("=")[2]) for what in counted)
    return [
        f"{place} (point {number}, after step {boundary}): {what}" for what in found if what not in counted
    ]


def numbers(order: Order, places: list[tuple[int, int, str]]) -> Sequence[int]:
    """This part's share: half of the points where something becomes so (commits, and the provider), half
    of those before statements, each spread evenly, the whole spread moved by the seed."""
    if order.only:
        places = [place if place[2].endswith(order.only) else (0, 0, "") for place in places]
        return [n for n, (_, _, place) in enumerate(places) if place][order.part :: order.parts]
    decisive = [n for n, (_, _, place) in enumerate(places) if place.endswith(("commit", "provider"))]
    others = sorted(set(range(len(places))) - set(decisive))
    if order.every_point:
        return range(len(places))[order.part :: order.parts]
    half = min(order.points // 2, len(decisive))
    moved = random.Random(order.seed).random()
    chosen = [*_spread(decisive, half, moved), *_spread(others, order.points - half, moved)]
    random.Random(order.seed).shuffle(chosen)  # or each part would get its own kind of points
    return chosen[order.part :: order.parts]


def _spread(there: list[int], wanted: int, moved: float) -> list[int]:
    return [there[int((nth + moved) * len(there) / wanted)] for nth in range(wanted)]


def sweep(order: Order) -> Report:
    report, chance = Report(), random.Random(order.seed + order.part)
    started = time.perf_counter()
    if order.careless:
        service_sweep.mark_stuck = send_again  # type: ignore[attr-defined]
    with _home() as home:
        worlds = Worlds(home, order)
        known = undisturbed(worlds, report)
        report.all_points = len(known.places)
        for number in numbers(order, known.places):
            report.points += 1
            report.failures += try_point(worlds, known, number, report, chance)
            kind = " ".join(known.places[number][2].split()[:2])
            report.places[kind] = report.places.get(kind, 0) + 1
        worlds.drop_all()
    report.seconds = round(time.perf_counter() - started, 2)
    return report


def send_again(outside: Outside, older_than: timedelta, limit: int = 100) -> int:
    """What nobody should do."""
    with outside.database.view() as unit:
        stuck = unit.touches_stuck(outside.clock.now() - older_than, limit)
    for touch in stuck:
        record(outside, touch, Receipt("refused", reason="it will not have been taken"))
    return len(stuck)


@contextmanager
def _home() -> Iterator[Path]:
    memory = Path("/dev/shm")
    place = memory if memory.is_dir() and shutil.disk_usage(memory).free > 1 << 28 else None
    folder = Path(tempfile.mkdtemp(prefix="outreach-kill-", dir=place))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.stdout.write(json.dumps(asdict(sweep(Order(**json.loads(sys.argv[1]))))) + "\n")

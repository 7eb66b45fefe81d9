"""Taking events in, whole: checked, stored, folded, judged by 50 playbooks, and what follows laid.

Measured beside the bare minimum: the driver writing exactly the rows that we wrote, by the same
statements in the same transactions, into the same tables with the same indexes and pragmas. What is
between the two is what deciding costs. Nothing is given up for it: every commit is on the disk.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import groupby
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from sqlalchemy.engine import make_url

from outreach.assemble import keyed_hash, make_outside
from outreach.domain.evaluate import Ruleset
from outreach.lab.bench_rig import Goal, Line, Say, Work, alternate, compare, missing
from outreach.lab.bench_world import START, accounts, bench_rules, stream
from outreach.lab.scratch import SequentialIds, VirtualClock
from outreach.service import intake
from outreach.service.ports import Outside
from outreach.store import tables
from outreach.store.bulk import Bulk
from outreach.store.engine import Store, open_database

BATCH = 1000
GOAL = Goal(4)
_WRITES = ("insert", "update", "delete")

Write = tuple[str, list[Any]]
"""One statement with the rows it was given."""


@dataclass(frozen=True, slots=True)
class Sizes:
    accounts: int
    events: int
    rounds: int


FULL, QUICK = Sizes(20_000, 10_000, 9), Sizes(300, 500, 2)


def bench_intake(quick: bool, say: Say, postgres: str | None = None) -> list[Line]:
    if postgres is not None:
        empty_or_refuse(postgres)
    sizes, rules = QUICK if quick else FULL, bench_rules()
    say(f"{sizes.events:,} events on {sizes.accounts:,} accounts, {BATCH} a transaction, SQLite")
    with TemporaryDirectory(prefix="outreach-bench-") as folder:
        lines = [_measured("SQLite", _SqliteCopies(Path(folder), rules, sizes.accounts), rules, sizes, say)]
    if postgres is None:
        note = "no server: set OUTREACH_BENCH_POSTGRES to the URL of an empty database"
        return [*lines, missing("intake", "take_in, PostgreSQL", "the same rows by the driver", note, GOAL)]
    say("the same on PostgreSQL")
    return [*lines, _measured("PostgreSQL", _Emptied(postgres, rules, sizes.accounts), rules, sizes, say)]


def _measured(name: str, copies: _Copies, rules: Ruleset, sizes: Sizes, say: Say) -> Line:
    events = stream(sizes.events, sizes.accounts)
    written, matched = _recorded(copies.open(), rules, events)
    say(f"{name}: {matched / sizes.events:.1%} of the events match a playbook")

    def ours() -> Work:
        store = copies.open()
        take = _taker(house_on(store, rules, sizes.events), events)
        return lambda: all(map(len, take))

    def raw() -> Work:
        connection = copies.open_raw()
        return lambda: _rewrite(connection, written)

    times = alternate({"ours": ours, "raw": raw}, sizes.rounds, sizes.events)
    copies.close()
    against = "the same rows by the driver"
    line = compare("intake", f"take_in, {name}", against, times["ours"], times["raw"], goal=GOAL)
    if name == "SQLite":
        rows = sum(len(rows) for batch in written for _, rows in batch)
        return replace(line, note=f"{rows / sizes.events:.2f} rows an event")
    return replace(
        line, ratio=None, note="only wall time holds the server's work, too; CPU is that of this process"
    )


def house_on(store: Store, rules: Ruleset, seconds: int = 0) -> Outside:
    """Time stands right after the last event of a stream of so many seconds."""
    clock = VirtualClock(START + timedelta(seconds=seconds + 1))
    return make_outside(store, lambda: rules, clock, SequentialIds(), {}, keyed_hash(b"bench"))


def fill(store: Store, rules: Ruleset, count: int) -> None:
    """The accounts, before anything happens to them."""
    outside, described = house_on(store, rules), accounts(count)
    for at in range(0, count, BATCH):
        intake.take_in(outside, described[at : at + BATCH], internal=True)


def _taker(outside: Outside, events: Sequence[dict[str, Any]]) -> Iterator[list[intake.Answer]]:
    for at in range(0, len(events), BATCH):
        yield intake.take_in(outside, events[at : at + BATCH])


# -- what was written --------------------------------------------------------------------------------


def _recorded(
    store: Store, rules: Ruleset, events: Sequence[dict[str, Any]]
) -> tuple[list[list[Write]], int]:
    """The writes of every transaction, and how many events matched."""
    seen: list[list[Write]] = [[]]
    store._bulk = _noting(store._bulk, lambda statement, rows: seen[-1].append((statement, rows)))
    for answers in _taker(house_on(store, rules, len(events)), events):
        if any(answer.outcome != "accepted" for answer in answers):
            raise RuntimeError(f"the bench's events are not accepted: {set(answers)}")
        seen.append([])
    with store.view() as unit:
        ((matched,),) = unit.bulk.rows("select count(distinct event) from decision")
    return [_joined(batch) for batch in seen if batch], matched


def _noting(kind: type[Bulk], note: Callable[[str, list[Any]], None]) -> type[Bulk]:
    """The same, telling of every statement that writes."""

    class Noting(kind):  # type: ignore[misc, valid-type]
        def _told(self, statement: str, rows: list[Any]) -> None:
            if statement.lstrip().startswith(_WRITES):
                note(self._marked(statement), rows)

        def rows(self, statement: str, *values: Any) -> Any:
            self._told(statement, [values])
            return super().rows(statement, *values)

        def run(self, statement: str, *values: Any) -> int:
            self._told(statement, [values])
            changed: int = super().run(statement, *values)
            return changed

        def _run_many(self, statement: str, rows: Any) -> None:
            given = [tuple(row) for row in rows]
            self._told(statement, given)
            super()._run_many(statement, given)

    return Noting


def _joined(writes: Sequence[Write]) -> list[Write]:
    """Neighbours with one statement become one: the driver would not write them singly."""
    return [
        (statement, [row for _, rows in same for row in rows])
        for statement, same in groupby(writes, key=lambda write: write[0])
    ]


def _rewrite(connection: Any, written: Sequence[Sequence[Write]]) -> None:
    cursor = connection.cursor()
    immediate = not hasattr(connection.driver_connection, "pgconn")
    for batch in written:
        if immediate:
            cursor.execute("begin immediate")
        for statement, rows in batch:
            if len(rows) == 1:
                cursor.execute(statement, rows[0])
            else:
                cursor.executemany(statement, rows)
        connection.commit()


# -- the same beginning for every round --------------------------------------------------------------


class _Copies:
    """Gives stores that hold the accounts and nothing else; one at a time."""

    def __init__(self) -> None:
        self._last: Store | None = None
        self._raw: Any = None

    def open(self) -> Store:
        self.close()
        self._last = self._new()
        return self._last

    def open_raw(self) -> Any:
        """The driver's connection, set up as ours are."""
        self._raw = self.open().engine.raw_connection()
        return self._raw

    def close(self) -> None:
        """Outside of what is timed: a database that is closed tidies up."""
        if self._raw is not None:
            self._raw.close()
            self._raw = None
        if self._last is not None:
            self._last.close()
            self._last = None

    def _new(self) -> Store:
        raise NotImplementedError


class _SqliteCopies(_Copies):
    def __init__(self, folder: Path, rules: Ruleset, count: int) -> None:
        super().__init__()
        self._folder, self._made = folder, 0
        self._seed = folder / "seed.db"
        store = open_database(f"sqlite:///{self._seed}", create=True)
        fill(store, rules, count)
        store.close()

    def _new(self) -> Store:
        self._made += 1
        path = self._folder / f"{self._made}.db"
        for old in self._folder.glob(f"{self._made - 1}.db*"):
            old.unlink()
        shutil.copy(self._seed, path)
        store = open_database(f"sqlite:///{path}")
        with store.view() as unit:
            unit.bulk.rows("select count(*) from account")
        return store


class _Emptied(_Copies):
    """One PostgreSQL database, emptied before each round."""

    def __init__(self, url: str, rules: Ruleset, count: int) -> None:
        super().__init__()
        self._url, self._fill = url, lambda store: fill(store, rules, count)

    def _new(self) -> Store:
        store = open_database(self._url, create=True)
        names = ", ".join(f'"{table.name}"' for table in tables.metadata.sorted_tables)
        with store.engine.begin() as connection:
            connection.exec_driver_sql(f"truncate {names} restart identity cascade")
        self._fill(store)
        with store.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.exec_driver_sql("vacuum analyze")
        return store


def empty_or_refuse(url: str) -> None:
    """The benches empty their database. Raises RuntimeError for one that somebody may need."""
    name = make_url(url).database or ""
    if "bench" not in name:
        raise RuntimeError(f"the benches empty their database, so its name must hold 'bench', not {name!r}")

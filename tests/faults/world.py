"""A house that outlives its processes: a database, the virtual time, what was answered, and the
provider's own ledger, all of it files in one folder. Whoever opens it goes on where the last one died.
"""

from __future__ import annotations

import itertools
import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import event as sa_event

from outreach.assemble import keyed_hash, make_outside
from outreach.domain.evaluate import Ruleset
from outreach.domain.facts import Channel
from outreach.domain.message import Message
from outreach.lab.scratch import Scratch, VirtualClock
from outreach.service.ports_records import User
from outreach.service.ports_ways import Receipt
from outreach.store.engine import Store, open_database
from outreach.store.sqlite import READ_ONLY

START = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
"""A Monday, nine o'clock in Berlin."""
HASHED = keyed_hash(b"faults")

PROVIDERS = {Channel.EMAIL: "sendgrid", Channel.SMS: "twilio"}
OURS = {"jonas": "+4930555001", "miriam": "+4930555002"}
"""Who of us can be rung, and where."""

Point = Callable[[str], None]
"""Called wherever a process may die, with a name for the place."""


def nowhere(place: str) -> None:
    """Nobody dies here."""


class File:
    """JSON lines. What was appended is there for whoever comes next, even if its writer was killed."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def append(self, **what: Any) -> None:
        handle = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        try:
            os.write(handle, json.dumps(what).encode() + b"\n")
            os.fsync(handle)
        finally:
            os.close(handle)

    def read(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.path.read_text().splitlines()] if self.path.exists() else []


@dataclass(frozen=True)
class LedgerSender:
    """A provider that writes down what it has accepted before it says so. One message it refuses once."""

    ledger: File
    point: Point = nowhere
    refused_once: str = "sms o7"

    def send(self, message: Message, token: str) -> Receipt:
        self.point("before the provider")
        what = label(message)
        taken = what != self.refused_once or any(row["what"] == what for row in self.ledger.read())
        self.ledger.append(token=token, to=message.to, what=what, taken=taken)
        self.point("after the provider")
        return Receipt("sent", ref=f"ref-{token}") if taken else Receipt("refused", reason="busy")


@dataclass(frozen=True)
class LedgerTelephone:
    """Rings our own phones, and writes down that it did before it says so."""

    ledger: File
    point: Point = nowhere

    def ring(self, number: str, token: str) -> Receipt:
        self.point("before the provider")
        self.ledger.append(token=token, to=number, what=f"ring {token}", taken=True)
        self.point("after the provider")
        return Receipt("sent", ref=f"ref-{token}")

    def hang_up(self, ref: str) -> None:
        self.point("before the provider")


def label(message: Message) -> str:
    """Which message it is: every text of ``rules`` begins with its name and the thing it is about."""
    return message.subject or message.text.partition(":")[0]


class LastingClock(VirtualClock):
    """Time goes on where it stood."""

    def __init__(self, path: Path) -> None:
        self.path = path
        super().__init__(datetime.fromisoformat(path.read_text()) if path.exists() else START)

    def set(self, now: datetime) -> None:
        super().set(now)
        handle = os.open(self.path, os.O_WRONLY | os.O_CREAT)
        os.pwrite(handle, now.isoformat(timespec="microseconds").encode(), 0)
        os.close(handle)


class Ids:
    """Each process counts on in a range of its own: later ids sort later, and none is given twice."""

    def __init__(self, process: int) -> None:
        self._numbers = itertools.count(process * 10_000_000 + 1)

    def new(self) -> str:
        return f"{next(self._numbers):012d}"

    def token(self) -> str:
        return f"token-{self.new()}"


@dataclass(frozen=True)
class World:
    folder: Path
    url: str
    journal: str | None = None

    @property
    def ledger(self) -> File:
        return File(self.folder / "ledger")

    @property
    def answers(self) -> File:
        return File(self.folder / "answers")

    @contextmanager
    def open(self, rules: Ruleset, process: int = 0, point: Point = nowhere) -> Iterator[Scratch]:
        database = open_database(self.url, endpoint_hash=HASHED, journal_mode=self.journal)
        if point is not nowhere:
            watch(database, point)
        sender, telephone = LedgerSender(self.ledger, point), LedgerTelephone(self.ledger, point)
        clock = LastingClock(self.folder / "now")
        outside = make_outside(
            database, lambda: rules, clock, Ids(process), {Channel.EMAIL: sender, Channel.SMS: sender}, HASHED
        )
        outside = replace(outside, providers=PROVIDERS, telephone=telephone)
        try:
            yield Scratch(outside, clock, database, sender)
        finally:
            database.close()


def furnish(url: str, journal: str | None = None) -> Store:
    """A new database with colleagues in it, whose providers have gone live."""
    store = open_database(url, endpoint_hash=HASHED, journal_mode=journal, create=True)

    def work(unit: Any) -> None:
        for name, phone in OURS.items():
            unit.save_user(User(name, name.title(), f"{name}@grills.example", "", "am", name, phone=phone))
        for provider in PROVIDERS.values():
            unit.set_setting(f"live:{provider}", "the test")

    store.retrying(work)
    return store


def watch(database: Store, point: Point) -> None:
    """Call ``point`` before every statement of a unit, and before and after its commit. Views cannot
    leave anything behind."""
    dialect, writing = database.engine.dialect, set[int]()
    if dialect.name == "sqlite":
        _trace(database, writing, point)
    else:
        _hook(dialect, writing, point)
    do_commit = dialect.do_commit

    def commit(connection: Any) -> None:
        writes = id(connection.dbapi_connection) in writing
        do_commit(connection)
        writing.discard(id(connection.dbapi_connection))
        if writes:
            point("after commit")

    dialect.do_commit = commit  # type: ignore[method-assign,assignment]


def _trace(database: Store, writing: set[int], point: Point) -> None:
    """SQLite itself says what it begins to do, whoever asked for it: each row of many, and triggers, too."""

    def connected(connection: Any, record: object) -> None:
        def begins(statement: str) -> None:
            words = " ".join(statement.split()[:4]).lower()
            if words == "begin immediate":
                writing.add(id(connection))
            if id(connection) in writing:
                point(f"before {words}")
            if words == "rollback":
                writing.discard(id(connection))

        connection.set_trace_callback(begins)

    sa_event.listen(database.engine, "connect", connected)


def _hook(dialect: Any, writing: set[int], point: Point) -> None:
    do_commit = dialect.do_commit

    def before(cursor: Any, statement: str, parameters: Any, context: Any = None) -> None:
        if context is None or context.root_connection.get_execution_options().get(READ_ONLY):
            writing.discard(id(cursor.connection))
            return
        writing.add(id(cursor.connection))
        point("before " + " ".join(statement.split()[:4]))

    def commit(connection: Any) -> None:
        if id(connection.dbapi_connection) in writing:
            point("before commit")
        do_commit(connection)

    dialect.do_commit = commit
    for name in ("do_execute", "do_executemany", "do_execute_no_params"):
        setattr(dialect, name, _after(before, getattr(dialect, name)))


def _after(first: Callable[..., None], then: Callable[..., None]) -> Callable[..., None]:
    def both(*given: Any, **more: Any) -> None:
        first(*given, **more)
        then(*given, **more)

    return both

"""The whole house on a virtual clock and a scratch store: nothing leaves it, nothing is kept.

Time stands still until somebody moves it. ``advance_to`` jumps from one due row to the next, so that
months pass in no time and yet everything fires at its exact instant.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from outreach.assemble import keyed_hash, make_outside
from outreach.channels.null import FaultySender, RecordingSender
from outreach.domain.evaluate import Ruleset
from outreach.domain.facts import Channel
from outreach.service import intake, sweep
from outreach.service.intake import Answer
from outreach.service.ports import Ids, Outside
from outreach.service.ports_ways import Sender
from outreach.store.alone import AloneStore
from outreach.store.engine import Store, open_database
from outreach.store.unit import StoreUnit
from outreach.store.views_waiting import first_due, has_due

ROUNDS = 1000
"""So often one instant may be worked on; more means that something due never moves."""


class VirtualClock:
    """Shows what it was set to, aware UTC, and never runs backwards."""

    def __init__(self, now: datetime) -> None:
        self._now = now

    def now(self) -> datetime:
        return self._now

    def set(self, now: datetime) -> None:
        if now < self._now:
            raise ValueError(
                f"time does not run backwards: {now.isoformat()} is before {self._now.isoformat()}"
            )
        self._now = now


class SequentialIds:
    """1, 2, 3 …: the same run makes the same ids, and later ids sort later. ``before``: what they all begin with."""

    def __init__(self, before: str = "") -> None:
        self._last, self._before = 0, before

    def new(self) -> str:
        self._last += 1
        return f"{self._before}{self._last:010d}"

    def token(self) -> str:
        return f"token-{self.new()}"


def with_nobody_asked(rules: Ruleset) -> Ruleset:
    """Without a blast radius: where a history is played, nobody is there to be asked."""
    return replace(rules, company=replace(rules.company, blast_radius=None))


class Stuck(RuntimeError):
    """Something is due and no tick moves it: a fault in the house, never in a story."""


@dataclass(frozen=True)
class Scratch:
    """A house nobody lives in. ``sender`` has taken everything that left it."""

    outside: Outside
    clock: VirtualClock
    database: Store
    sender: Sender
    reopen: Callable[[], Store] | None = None

    @property
    def now(self) -> datetime:
        return self.clock.now()

    @property
    def sent(self) -> RecordingSender:
        assert isinstance(self.sender, RecordingSender)
        return self.sender

    def built_again(self) -> Scratch:
        """The house as its successor finds it when the process was killed: built up from its store."""
        assert self.reopen is not None
        self.database.close()
        was, database = self.outside, self.reopen()
        outside = make_outside(database, was.rules, self.clock, was.ids, was.senders, was.endpoint_hash)
        return replace(self, outside=outside, database=database)

    def take_in(self, *events: Mapping[str, Any], internal: bool = True) -> list[Answer]:
        return intake.take_in(self.outside, events, internal=internal)

    def next_due(self) -> datetime | None:
        """The earliest instant for which a row waits, past ones included."""
        with self.database.view() as unit:
            return first_due(unit)

    def tick(self) -> None:
        sweep.tick(self.outside)

    def settle(self) -> None:
        """Tick until nothing more is due now. Raises ``Stuck`` when that does not come to an end."""
        for _ in range(ROUNDS):
            due = self.next_due()
            if due is None or due > self.now:
                return
            self.tick()
        raise Stuck(f"something has been due since {due.isoformat() if due else ''} and does not move")

    def advance_to(self, until: datetime) -> None:
        """Let time pass up to and including that instant."""
        self.settle()
        while (due := self.next_due()) is not None and due <= until:
            self.clock.set(due)
            self.settle()
        self.clock.set(max(until, self.now))

    def advance(self, by: timedelta) -> None:
        self.advance_to(self.now + by)


@dataclass(frozen=True)
class AloneScratch(Scratch):
    """For one thread, and where nobody asks for a heartbeat: a tick does only what has something due."""

    looking: StoreUnit | None = None

    def next_due(self) -> datetime | None:
        assert self.looking is not None
        return first_due(self.looking)

    def tick(self) -> None:
        assert self.looking is not None
        due = has_due(self.looking, self.now)
        for name, work in sweep.works():
            if name in due:
                work(self.outside, sweep.BATCH)
                due = has_due(self.looking, self.now)


@contextmanager
def scratch_house(
    rules: Ruleset | Callable[[], Ruleset],
    start: datetime,
    *,
    senders: Mapping[Channel, Sender] | None = None,
    database_url: str | None = None,
    ids: Ids | None = None,
    endpoint_hash: Callable[[str, str], str] | None = None,
    alone: bool = False,
) -> Iterator[Scratch]:
    """A house whose clock stands at ``start`` (aware), with an empty store that is deleted afterwards.

    ``rules``: a set of rules, or what gives the current one. ``database_url``: an empty database of
    one's own instead, which is left as it is. ``ids`` and ``endpoint_hash``: of the house whose rows are taken over.
    ``alone``: for one thread only, which makes it quicker.
    """
    hashed, sender, clock = endpoint_hash or keyed_hash(b"lab"), FaultySender(), VirtualClock(start)
    with _opener(database_url, hashed, alone) as open_:
        database, current = open_(), rules if callable(rules) else lambda: rules
        given = senders or {Channel.EMAIL: sender, Channel.SMS: sender}
        outside = make_outside(database, current, clock, ids or SequentialIds(), given, hashed)
        if alone:
            with database.view() as unit:
                yield AloneScratch(outside, clock, database, sender, open_, unit)
        else:
            yield Scratch(outside, clock, database, sender, open_)


@contextmanager
def _opener(url: str | None, hashed: Callable[[str, str], str], alone: bool) -> Iterator[Callable[[], Store]]:
    """Opens the same store each time: at the ``url``, or one that is deleted afterwards. The last one is closed."""
    folder = Path(tempfile.mkdtemp(prefix="outreach-lab-", dir=_quickest_place()))
    opened: list[Store] = []

    def open_() -> Store:
        if url:
            found = open_database(url, endpoint_hash=hashed, durable=False, create=not opened)
        else:
            found = _scratch_store(folder / "scratch.db", hashed, alone)
        opened[:] = [found]
        return found

    try:
        yield open_
    finally:
        for store in opened:
            store.close()
        shutil.rmtree(folder, ignore_errors=True)


def _scratch_store(path: Path, hashed: Callable[[str, str], str], alone: bool) -> Store:
    if not path.exists():
        path.write_bytes(_empty_store())
    found = open_database(f"sqlite:///{path}", endpoint_hash=hashed, durable=False, journal_mode="memory")
    return AloneStore(found.engine, hashed) if alone else found


@cache
def _empty_store() -> bytes:
    """A database with all its tables and nothing in them: quicker copied than made."""
    with tempfile.TemporaryDirectory(prefix="outreach-lab-") as folder:
        path = Path(folder) / "empty.db"
        open_database(f"sqlite:///{path}", durable=False, create=True, journal_mode="memory").close()
        return path.read_bytes()


def _quickest_place() -> str | None:
    """Memory that looks like a folder, where the system has it."""
    memory = Path("/dev/shm")
    return str(memory) if memory.is_dir() and shutil.disk_usage(memory).free > 1 << 28 else None


def cloud_event(
    type_: str, subject: str, data: Mapping[str, Any], id_: str, time: datetime, **more: Any
) -> dict[str, Any]:
    """A CloudEvent in its structured JSON form."""
    return {
        "specversion": "1.0", "id": id_, "source": "erp", "type": type_, "subject": subject,
        "time": time.isoformat(), "data": dict(data), **more,
    }  # fmt: skip

"""What reading windows costs beside storing the same events. Run by hand:

    python -m tests.store.measure_windows [--events 1000000] [--accounts 20000] [--url postgresql://…]

For batches of 1,000 events on top of a full store, alternating, median of the rounds: storing the rows
by one plain statement, storing them through a unit, and reading one window (type, 90 days) per event.
CPU microseconds per event of this process (all of SQLite; only the client's share of PostgreSQL), wall beside.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from random import Random

from outreach.domain.facts import Event
from outreach.domain.history import Happening
from outreach.service.ports_events import NewEvent, WindowNeed
from outreach.store import tables
from outreach.store.engine import Store, open_database
from outreach.store.events import _COLUMNS, _event_row
from tests.store.samples import NOW

TYPES = tuple(f"type.{n}" for n in range(6))
BATCH, YEAR, WINDOW = 1000, timedelta(days=365), timedelta(days=90)


def made(count: int, accounts: int, first: int = 0) -> Iterator[NewEvent]:
    """Events in order of time with ids in order, evenly over the accounts, as a shop would send them."""
    dice = Random(first)
    for n in range(first, first + count):
        at = NOW + YEAR * (n / 1_000_000)
        data = {"order_id": f"o{n}", "amount": 12.5, "note": "x" * 150}
        account = f"a{dice.randrange(accounts):06}"
        told = Event("shop", f"{n:012}", TYPES[n % 6], account, at, at, data, f"o{n}", 12.5)
        yield NewEvent(told, f"{n:032x}", {})


def batches(count: int, accounts: int, first: int = 0) -> Iterator[list[NewEvent]]:
    for at in range(first, first + count, BATCH):
        yield list(made(min(BATCH, first + count - at), accounts, at))


def timed(work: Callable[[], object]) -> tuple[float, float]:
    """CPU and wall, in microseconds per event of a batch."""
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    return (time.process_time() - cpu) / BATCH * 1e6, (time.perf_counter() - wall) / BATCH * 1e6


def measure(store: Store, events: int, accounts: int, rounds: int) -> dict[str, list[tuple[float, float]]]:
    for batch in batches(events, accounts):
        with store.unit() as unit:
            unit.add_events(batch)
    if store.engine.dialect.name == "postgresql":
        with store.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.exec_driver_sql("vacuum analyze event")
    found: dict[str, list[tuple[float, float]]] = {
        "raw insert": [],
        "add_events": [],
        "windows": [],
        "rows": [],
    }
    for turn, batch in enumerate(batches(rounds * 2 * BATCH, accounts, events)):
        if turn % 2:
            found["raw insert"].append(_raw(store, batch))
        else:
            stored, read, rows = _ours(store, batch)
            found["add_events"].append(stored)
            found["windows"].append(read)
            found["rows"].append((rows, 0.0))
    return found


def _raw(store: Store, batch: list[NewEvent]) -> tuple[float, float]:
    rows = [_event_row(new) for new in batch]

    def work() -> None:
        with store.unit() as unit:
            unit.bulk.insert(tables.event, _COLUMNS, rows)

    return timed(work)


def _ours(store: Store, batch: list[NewEvent]) -> tuple[tuple[float, float], tuple[float, float], float]:
    """As the intake does it: stored, and then their windows read, in one unit."""
    needs = [WindowNeed(new.event.subject, new.event.type, new.event.time - WINDOW, False) for new in batch]
    whole, read, rows = (0.0, 0.0), (0.0, 0.0), 0

    def work() -> None:
        nonlocal read, rows
        with store.unit() as unit:
            unit.add_events(batch)
            answer: dict[str, dict[str, list[Happening]]] = {}
            read = timed(lambda: answer.update(unit.windows(needs)))
            rows = sum(len(found) for by_type in answer.values() for found in by_type.values())

    whole = timed(work)
    return (whole[0] - read[0], whole[1] - read[1]), read, rows / BATCH


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--events", type=int, default=20_000)
    parser.add_argument("--accounts", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--url")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        store = open_database(given.url or f"sqlite:///{folder}/x.db", create=True)
        found = measure(store, given.events, given.accounts, given.rounds)
        store.close()
    middle = {
        name: [statistics.median(part) for part in zip(*rows, strict=True)] for name, rows in found.items()
    }
    print(f"{given.events:,} events, {middle['rows'][0]:.1f} rows a window")
    for name in ("raw insert", "add_events", "windows"):
        cpu, wall = middle[name]
        print(
            f"{name:12} CPU {cpu:6.1f}  wall {wall:6.1f} us/event  {cpu / middle['raw insert'][0]:.2f}x of raw"
        )


if __name__ == "__main__":
    main()

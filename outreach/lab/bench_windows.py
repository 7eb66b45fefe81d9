"""Reading windows of the past, beside storing the events that ask for them, in a store that is full.

A window asks for one type of one account over 90 days. It is read from one covering index, so what else
the account has done costs nothing, and neither do the other accounts.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

from outreach.domain.facts import Event
from outreach.lab.bench_rig import Case, Line, Say, Work, alternate, compare
from outreach.lab.bench_world import START
from outreach.service.ports_events import NewEvent, WindowNeed
from outreach.store.engine import Store, open_database

TYPES = tuple(f"type.{n}" for n in range(6))
BATCH, WINDOW = 1000, timedelta(days=90)
_APART = timedelta(days=365) / 1_000_000


def bench_windows(quick: bool, say: Say) -> list[Line]:
    stored, accounts, rounds = (5_000, 500, 2) if quick else (1_000_000, 20_000, 5)
    say(f"filling a store with {stored:,} events of {accounts:,} accounts")
    with TemporaryDirectory(prefix="outreach-bench-") as folder:
        store = open_database(f"sqlite:///{Path(folder) / 'full.db'}", create=True)
        for batch in _batches(0, stored, accounts):
            _insert(store, batch)
        say(f"a batch of {BATCH} events, {rounds} rounds")
        news = _batches(stored, 2 * rounds * BATCH, accounts)
        cases: dict[str, Case] = {
            "windows": lambda: _reading(store, next(news)),
            "insert": lambda: _storing(store, next(news)),
        }
        times = alternate(cases, rounds, BATCH)
        store.close()
    what = f"a window of {WINDOW.days} days read, {stored:,} events stored"
    return [compare("windows", what, "the event stored", times["windows"], times["insert"])]


def _reading(store: Store, batch: list[NewEvent]) -> Work:
    needs = [WindowNeed(new.event.subject, new.event.type, new.event.time - WINDOW, False) for new in batch]

    def work() -> None:
        with store.view() as unit:
            unit.windows(needs)

    return work


def _storing(store: Store, batch: list[NewEvent]) -> Work:
    return lambda: _insert(store, batch)


def _insert(store: Store, batch: list[NewEvent]) -> None:
    with store.unit() as unit:
        unit.add_events(batch)


def _batches(first: int, count: int, accounts: int) -> Iterator[list[NewEvent]]:
    for at in range(first, first + count, BATCH):
        dice = Random(at)
        yield [_event(n, dice.randrange(accounts)) for n in range(at, min(at + BATCH, first + count))]


def _event(n: int, account: int) -> NewEvent:
    at = START + _APART * n
    data = {"order_id": f"o{n}", "amount": 12.5, "note": "x" * 150}
    told = Event("shop", f"{n:012}", TYPES[n % 6], f"a{account:06}", at, at, data, f"o{n}", 12.5)
    return NewEvent(told, f"{n:032x}", {})

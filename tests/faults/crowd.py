"""Many at once: a crowd of customers with something due, and threads or processes that all begin together."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

from outreach.lab.scratch import Scratch
from outreach.service import sweep
from outreach.service.ports import Outside
from tests.faults.workload import event
from tests.faults.world import START, World

PATIENCE = 120.0


def describe(house: Scratch, people: int, *, accounts_each: int = 1, phone: str | None = None) -> None:
    """p0, p1 … with accounts p0-0, p0-1 …; all on one phone, where one is given."""
    raws: list[dict[str, Any]] = []
    for n in range(people):
        accounts = [f"p{n}-{k}" for k in range(accounts_each)]
        raws += [
            event("account.described", a, f"acc-{a}", START, name=a, owner="jonas", team="berlin")
            for a in accounts
        ]
        raws.append(
            event(
                "person.described", f"person:p{n}", f"per-{n}", START, name=f"P {n}", email=f"p{n}@example.com",
                phone=phone or f"+4930{1_000_000 + n}", accounts=[{"account": a, "roles": ["buyer"]} for a in accounts],
            )
        )  # fmt: skip
    assert {answer.outcome for answer in house.take_in(*raws)} == {"accepted"}


def let_down(house: Scratch, accounts: Sequence[str], key: str = "o") -> None:
    """Something they ordered is out of stock: a mail is due now, an SMS a day later."""
    raws = [
        event(
            "backorder.opened",
            a,
            f"{key}-{a}",
            house.now,
            order_id=f"{key}-{a}",
            person_id=a.partition("-")[0],
        )
        for a in accounts
    ]
    assert {answer.outcome for answer in house.take_in(*raws)} == {"accepted"}


def all_at_once(*work: Callable[[], Any]) -> list[Any]:
    """Each in a thread of its own, all let go at the same moment. Raises what the first of them raised."""
    gate, answers = threading.Barrier(len(work)), [None] * len(work)
    faults: list[BaseException] = []

    def one(number: int) -> None:
        try:
            gate.wait(PATIENCE)
            answers[number] = work[number]()
        except BaseException as fault:
            faults.append(fault)

    threads = [threading.Thread(target=one, args=(n,), daemon=True) for n in range(len(work))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    assert not any(thread.is_alive() for thread in threads), "somebody never came back"
    if faults:
        raise faults[0]
    return answers


def tick_on(outside: Outside) -> int:
    """Until nothing moves."""
    total = 0
    while moved := sweep.tick(outside, 25).total:
        total += moved
    return total


def statuses(house: Scratch) -> Counter[tuple[str, str]]:
    """(channel, status) → how many touches."""
    with house.database.view() as unit:
        return Counter(tuple(row) for row in unit.bulk.rows("select channel, status from touch"))


def taken(world: World) -> Counter[tuple[str, str]]:
    """(to, what) → how often the provider took it."""
    return Counter((row["to"], row["what"]) for row in world.ledger.read() if row["taken"])


def sent_at(house: Scratch, identity: str) -> list[datetime]:
    with house.database.view() as unit:
        rows = unit.contacts_since(identity, None, house.now - timedelta(days=365))
    return sorted(touch.intent_at for touch in rows if touch.intent_at)

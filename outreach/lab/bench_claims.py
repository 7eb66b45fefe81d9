"""Sending what is due while very much more waits: it must cost the same, and an idle look must cost nothing.

Two houses, one with few and one with many touches that wait for a later day. The same number is due in
both, and is claimed and sent by the clock's own tick. What waits stands in the table and nowhere else.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any

from outreach.assemble import keyed_hash, make_outside
from outreach.channels.null import NullSender
from outreach.domain.evaluate import Ruleset
from outreach.domain.facts import Channel
from outreach.domain.touch import Status, Touch
from outreach.lab.bench_rig import Case, Goal, Line, Say, Work, alternate, compare
from outreach.lab.bench_world import START, bench_rules
from outreach.lab.scratch import SequentialIds, VirtualClock, cloud_event
from outreach.service import intake, sweep
from outreach.store import tables
from outreach.store.engine import open_database
from outreach.store.runs import TOUCH

GROWTH = Goal(1.6)
_CHUNK = 5_000
_LOOKS = 20


def bench_claims(quick: bool, say: Say) -> list[Line]:
    few, many, due, rounds = (2_000, 50_000, 40, 2) if quick else (20_000, 1_000_000, 200, 5)
    rules = bench_rules()
    with TemporaryDirectory(prefix="outreach-bench-") as folder:
        say(f"{few:,} touches wait in one house, {many:,} in the other")
        small = _House(Path(folder) / "few.db", rules, few)
        big = _House(Path(folder) / "many.db", rules, many)
        say(f"{due} due touches claimed and sent, {rounds} rounds")
        sending: dict[str, Case] = {
            "few": lambda: small.work_off(due),
            "many": lambda: big.work_off(due),
        }
        sent = alternate(sending, rounds, due)
        looking: dict[str, Case] = {"few": small.look, "many": big.look}
        idle = alternate(looking, rounds, _LOOKS)
        small.close()
        big.close()
    with_few, with_many = f"with {few:,} waiting", f"with {many:,} waiting"
    return [
        compare("claims", f"a due touch sent {with_many}", with_few, sent["many"], sent["few"], goal=GROWTH,
                per="touch"),
        compare("claims", f"a tick with nothing due {with_many}", with_few, idle["many"], idle["few"],
                goal=GROWTH, per="tick"),
    ]  # fmt: skip


class _House:
    """A house whose touches wait for next year, and where some can be made due now."""

    def __init__(self, path: Path, rules: Ruleset, waiting: int) -> None:
        self._store = open_database(f"sqlite:///{path}", create=True)
        self._clock, self._made = VirtualClock(START), 0
        senders = {Channel.EMAIL: NullSender(), Channel.SMS: NullSender()}
        self._outside = make_outside(
            self._store, lambda: rules, self._clock, SequentialIds(), senders, keyed_hash(b"bench")
        )
        self._let_wait(waiting)

    def close(self) -> None:
        """Raises RuntimeError when not everything that was due has been sent."""
        with self._store.view() as unit:
            ((sent,),) = unit.bulk.rows("select count(*) from touch where status = 'sent'")
        self._store.close()
        if sent != self._made:
            raise RuntimeError(f"{sent} of {self._made} due touches were sent")

    def work_off(self, count: int) -> Work:
        """Prepares so many due touches, each for somebody else."""
        for event in self._news(count):
            intake.take_in(self._outside, event, internal=True)

        def work() -> None:
            while sweep.tick(self._outside).total:
                pass

        return work

    def look(self) -> Work:
        def work() -> None:
            for _ in range(_LOOKS):
                if sweep.tick(self._outside).total:
                    raise RuntimeError("there was nothing to do")

        return work

    def _news(self, count: int) -> Iterator[list[dict[str, Any]]]:
        """Account, person and what went wrong, for ``count`` new accounts."""
        numbers = range(self._made, self._made + count)
        self._made += count
        self._clock.set(self._clock.now() + timedelta(seconds=1))
        now = self._clock.now()
        yield [
            cloud_event("account.described", f"a{n}", {"country": "DE", "owner": "jonas"}, f"a{n}", now)
            for n in numbers
        ]
        yield [
            cloud_event("person.described", f"person:p{n}", {
                "name": "Anna", "email": f"p{n}@example.com", "accounts": [{"account": f"a{n}", "roles": ["buyer"]}],
            }, f"p{n}", now)
            for n in numbers
        ]  # fmt: skip
        yield [
            cloud_event(
                "backorder.opened", f"a{n}", {"order_id": f"o{n}", "person_id": f"p{n}"}, f"o{n}", now
            )
            for n in numbers
        ]

    def _let_wait(self, count: int) -> None:
        """Copies of one real touch, each of an account of its own, due over the next year."""
        for event in self._news(1):
            intake.take_in(self._outside, event, internal=True)
        with self._store.view() as unit:
            (one,) = unit.touches_of(["a0"])
        while sweep.tick(self._outside).total:
            pass
        dice = Random(count)
        for first in range(0, count, _CHUNK):
            rows = [TOUCH.row(_later(one, n, dice)) for n in range(first, min(first + _CHUNK, count))]
            with self._store.unit() as unit:
                unit.bulk.insert(tables.touch, TOUCH.names, rows)


def _later(one: Touch, n: int, dice: Random) -> Touch:
    due = START + timedelta(days=30) + timedelta(seconds=dice.randrange(365 * 86400))
    return replace(
        one, id=f"w{n:09}", run=f"wr{n}", account=f"w{n}", identity=f"w{n}", person=None, endpoint=None,
        status=Status.PLANNED, due=due, not_after=due + timedelta(days=3),
    )  # fmt: skip

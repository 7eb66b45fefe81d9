"""Several clocks at once are harmless: each touch leaves once, opt-outs win, caps hold."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta

from outreach.domain.facts import Channel
from outreach.domain.message import Message
from outreach.domain.talk import Outcome
from outreach.lab.scratch import Scratch
from outreach.service import care, outcomes
from outreach.service.ports import Outside
from outreach.service.ports_ways import Receipt
from outreach.service.sending import deliver_due
from tests.conftest import PROFILE
from tests.faults.checker import LOG, LOG_POSTGRES, broken
from tests.faults.crowd import all_at_once, describe, let_down, statuses, taken, tick_on
from tests.faults.rules import ROOT, rules
from tests.faults.workload import NO_ANSWER, event
from tests.faults.world import LedgerSender, World

CROWD, FEW = 500, 150
SLOW = PROFILE != "nightly"
"""Not that many over a wire, but at night."""


@contextmanager
def opened(world: World, caps: str = "") -> Iterator[Scratch]:
    with world.open(rules(caps=caps)) as house:
        with house.database.engine.begin() as connection:
            for statement in LOG if connection.dialect.name == "sqlite" else LOG_POSTGRES:
                connection.exec_driver_sql(statement)
        yield house


def accounts(people: int, each: int = 1) -> list[str]:
    return [f"p{n}-{k}" for n in range(people) for k in range(each)]


def due_now(house: Scratch) -> list[tuple[str, str]]:
    with house.database.view() as unit:
        return unit.touches_due(house.now, 1000)


# -- each once ---------------------------------------------------------------------------------------


def test_four_threads_that_tick_at_once_send_each_touch_once(world: World) -> None:
    crowd = FEW if SLOW and world.url.startswith("postgresql") else CROWD
    with opened(world) as house:
        describe(house, crowd)
        let_down(house, accounts(crowd))
        all_at_once(*[lambda: tick_on(house.outside)] * 4)
        assert statuses(house) == {("email", "sent"): crowd}
        assert sorted(taken(world).values()) == [1] * crowd
        assert broken(world, house) == []


def test_two_processes_with_two_threads_each_send_each_touch_once(world: World) -> None:
    with opened(world) as house:
        describe(house, FEW)
        let_down(house, accounts(FEW))
    children = [
        subprocess.Popen(
            [sys.executable, "-m", "tests.faults.ticking", str(world.folder), world.url, str(n)],
            cwd=ROOT, stdout=subprocess.PIPE, text=True,
        )
        for n in (1, 2)
    ]  # fmt: skip
    while not all((world.folder / f"ready-{n}").exists() for n in (1, 2)):
        assert all(child.poll() is None for child in children)
        time.sleep(0.02)
    (world.folder / "go").touch()
    told = [child.communicate(timeout=120)[0] for child in children]
    assert [child.returncode for child in children] == [0, 0]
    assert all(int(moved) for moved in told), f"one of them had nothing to do: {told}"
    with world.open(rules(), 3) as house:
        assert statuses(house) == {("email", "sent"): FEW}
        assert sorted(taken(world).values()) == [1] * FEW
        assert broken(world, house) == []


def test_time_events_are_made_once_by_however_many_clocks(world: World) -> None:
    with opened(world) as house:
        describe(house, 60)
        placed = [
            event(
                "order.placed",
                a,
                f"o-{a}",
                house.now,
                order_id=f"o-{a}",
                promised_for=(house.now + timedelta(days=1)).isoformat(),
            )
            for a in accounts(60)
        ]
        house.take_in(*placed)
        house.clock.set(house.now + timedelta(days=3, hours=1))
        all_at_once(*[lambda: tick_on(house.outside)] * 4)
        with house.database.view() as unit:
            made = unit.bulk.rows("select type, count(*) from event where source <> 'erp' group by type")
        assert dict(map(tuple, made))["delivery.overdue"] == 120
        assert statuses(house) == {("call", "on_desk"): 60}
        assert broken(world, house) == []


# -- opt-outs ----------------------------------------------------------------------------------------


class Watched:
    """A clock and a sender that remember, per thread, when the transaction before a hand-over looked at
    the time. That is after it began and before it read anything."""

    def __init__(self, house: Scratch, world: World) -> None:
        self.clock, self.sender, self.local = house.clock, LedgerSender(world.ledger), threading.local()
        self.judged: dict[str, float] = {}

    def now(self) -> datetime:
        self.local.last = time.monotonic()
        return self.clock.now()

    def send(self, message: Message, token: str) -> Receipt:
        self.judged[message.to] = self.local.last
        return self.sender.send(message, token)

    def outside(self, house: Scratch) -> Outside:
        return replace(house.outside, clock=self, senders={Channel.EMAIL: self, Channel.SMS: self})


def test_an_opt_out_that_is_committed_wins_over_whatever_is_judged_afterwards(world: World) -> None:
    people = 120
    with opened(world) as house:
        describe(house, people)
        let_down(house, accounts(people))
        watched, out = Watched(house, world), dict[str, float]()
        outside = watched.outside(house)

        def opt_out(numbers: range) -> None:
            for n in numbers:
                care.opt_out(house.outside, f"p{n}", "email", "STOP", "customer")
                out[f"p{n}@example.com"] = time.monotonic()

        all_at_once(
            lambda: tick_on(outside), lambda: tick_on(outside),
            lambda: opt_out(range(people - 1, 0, -2)), lambda: opt_out(range(people // 2, people, 2)),
        )  # fmt: skip
        wrong = [to for to, judged in watched.judged.items() if judged > out.get(to, judged)]
        assert not wrong, f"sent although the opt-out was committed: {wrong}"
        assert max(taken(world).values()) == 1
        assert set(statuses(house)) <= {("email", "sent"), ("email", "withheld")}


def test_an_opt_out_during_the_hand_over_of_another_message_wins(world: World) -> None:
    with opened(world) as house:
        describe(house, 5)
        let_down(house, accounts(5))

        class Telling(LedgerSender):
            def send(self, message: Message, token: str) -> Receipt:
                for n in range(5):
                    if f"p{n}@example.com" != message.to:
                        care.opt_out(house.outside, f"p{n}", "email", "STOP", "customer")
                return super().send(message, token)

        sender = Telling(world.ledger)
        tick_on(replace(house.outside, senders={Channel.EMAIL: sender, Channel.SMS: sender}))
        assert sum(taken(world).values()) == 1
        assert statuses(house) == {("email", "sent"): 1, ("email", "withheld"): 4}


# -- caps --------------------------------------------------------------------------------------------


def test_the_cap_of_a_person_holds_over_accounts_and_threads(world: World) -> None:
    with opened(world, caps="{per_person_per_day: 3}") as house:
        describe(house, 1, accounts_each=12)
        let_down(house, accounts(1, 12))
        pairs = due_now(house)
        assert len(pairs) == 12
        all_at_once(*[lambda pair=pair: deliver_due(house.outside, [pair]) for pair in pairs])
        assert statuses(house)["email", "sent"] == 3
        assert sum(taken(world).values()) == 3
        assert broken(world, house) == []


def test_the_cap_of_an_endpoint_holds_over_people_and_threads(world: World) -> None:
    with opened(world, caps="{per_endpoint_per_day: 2}") as house:
        describe(house, 10, phone="+49305550100")
        let_down(house, accounts(10))
        house.settle()
        house.clock.set(house.now + timedelta(days=1, hours=2))
        with house.database.view() as unit:
            assert len(unit.runs_to_wake(house.now, 100)) == 10
        all_at_once(*[lambda: tick_on(house.outside)] * 4)
        assert statuses(house)["sms", "sent"] == 2
        assert broken(world, house) == []


# -- one card ----------------------------------------------------------------------------------------


def test_calls_of_all_their_accounts_lie_on_one_card_whoever_puts_them_there(world: World) -> None:
    with opened(world) as house:
        describe(house, 1, accounts_each=8)

        def hurt(account: str) -> None:
            raw = event(
                "delivery.delayed",
                account,
                f"d-{account}",
                house.now,
                order_id=f"d-{account}",
                days_late=3,
                person_id="p0",
            )
            (answer,) = house.take_in(raw)
            assert answer.outcome == "accepted", answer

        all_at_once(*[lambda account=account: hurt(account) for account in accounts(1, 8)])
        with house.database.view() as unit:
            cards = unit.bulk.rows("select card, count(*) from touch where status = 'on_desk' group by card")
        assert [count for _, count in cards] == [8]
        assert broken(world, house) == []


def test_no_call_is_put_on_a_card_that_is_being_closed(world: World) -> None:
    with opened(world) as house:
        describe(house, 1, accounts_each=41)
        names = accounts(1, 41)

        def hurt(n: int) -> None:
            raw = event(
                "delivery.delayed",
                names[n],
                f"d-{n}",
                house.now,
                order_id=f"d-{n}",
                days_late=3,
                person_id="p0",
            )
            house.take_in(raw)

        def settle() -> None:
            with house.database.view() as unit:
                card = unit.open_card("p0")
            if card is not None:
                outcomes.settle(house.outside, card.id, "jonas", Outcome(NO_ANSWER))

        hurt(0)
        for n in range(1, 41, 2):
            all_at_once(lambda n=n: hurt(n), lambda n=n: hurt(n + 1), settle)
            assert broken(world, house) == []

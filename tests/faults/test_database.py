"""The database fails: full, locked, dropped in the middle, or its answer to a COMMIT is lost. Nothing is
half written, nothing leaves twice, and the work goes on when it is back."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import psycopg
import pytest
from sqlalchemy import event as sa_event

from outreach.domain.talk import Outcome
from outreach.lab.scratch import Scratch
from outreach.service import desk, outcomes
from outreach.service.ports_faults import InDoubt, Unavailable
from outreach.store import sqlite
from outreach.store.engine import Store
from tests.faults.checker import LOG, LOG_POSTGRES, broken, plan
from tests.faults.crowd import describe, let_down, statuses, taken, tick_on
from tests.faults.rules import rules
from tests.faults.workload import NO_ANSWER, event
from tests.faults.world import World


@contextmanager
def opened(world: World) -> Iterator[Scratch]:
    with world.open(rules()) as house:
        with house.database.engine.begin() as connection:
            for statement in LOG if connection.dialect.name == "sqlite" else LOG_POSTGRES:
                connection.exec_driver_sql(statement)
        yield house


def everything(house: Scratch) -> dict[str, list[Any]]:
    with house.database.view() as unit:
        return plan(unit)


def late(house: Scratch, account: str, n: int = 0) -> dict[str, Any]:
    person = account.partition("-")[0]
    return event(
        "delivery.delayed",
        account,
        f"late-{account}-{n}",
        house.now,
        order_id=f"late-{account}-{n}",
        days_late=3,
        person_id=person,
    )


# -- full --------------------------------------------------------------------------------------------


def limit(store: Store, pages: int) -> int:
    """The most pages that the file may have, on all connections; gives how many it has now."""
    with store.engine.connect() as connection:
        there = int(connection.exec_driver_sql("pragma page_count").scalar_one())

    def set_limit(connection: Any, *_: Any) -> None:
        connection.execute(f"pragma max_page_count = {there + pages}")

    store.engine.dispose()
    sa_event.listen(store.engine, "checkout", lambda raw, record, proxy: set_limit(raw))
    return there


def test_a_full_disk_answers_so_and_keeps_nothing_by_halves(sqlite_world: World) -> None:
    with opened(sqlite_world) as house:
        describe(house, 4)
        limit(house.database, 3)
        before, answered = everything(house), 0
        with pytest.raises(Unavailable):
            for n in range(200):
                before = everything(house)
                house.take_in(*[late(house, f"p{k}-0", n) for k in range(4)])
                answered += 4
        assert everything(house) == before
        with house.database.view() as unit:
            stored = unit.bulk.rows("select count(*) from event where type = 'delivery.delayed'")[0][0]
        assert stored == answered
    with sqlite_world.open(rules(), 1) as house:
        house.take_in(*[late(house, "p0-0", n) for n in range(60)])
        tick_on(house.outside)
        assert broken(sqlite_world, house) == []


def test_on_a_full_disk_no_mail_leaves_whose_intent_cannot_be_written(sqlite_world: World) -> None:
    with opened(sqlite_world) as house:
        describe(house, 40)
        let_down(house, [f"p{n}-0" for n in range(40)])
        limit(house.database, 1)
        with pytest.raises(Unavailable):
            for _ in range(50):
                tick_on(house.outside)
                let_down(house, [f"p{n}-0" for n in range(40)], key=f"again-{_}")
        found = broken(sqlite_world, house, quiet=False)
        assert found == []
    with sqlite_world.open(rules(), 1) as house:
        house.advance_to(house.now)
        house.clock.set(house.now.replace(minute=59))
        tick_on(house.outside)
        assert broken(sqlite_world, house) == []
        assert max(taken(sqlite_world).values()) == 1


# -- locked ------------------------------------------------------------------------------------------


def test_somebody_who_keeps_the_file_locked_is_waited_for_and_then_named(
    sqlite_world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite, "BUSY_SECONDS", 0.05)
    with opened(sqlite_world) as house, sqlite_world.open(rules(), 1) as other:
        describe(house, 2)
        with other.database.unit():
            with pytest.raises(Unavailable):
                house.take_in(late(house, "p0-0"))
            with pytest.raises(Unavailable):
                desk.tell(house.outside, "order.placed", "p0-0", {"order_id": "x"}, "jonas")
            with house.database.view() as unit:
                assert unit.account("p0-0") is not None, "readers wait for a writer"
        assert [answer.outcome for answer in house.take_in(late(house, "p0-0"))] == ["accepted"]
        assert broken(sqlite_world, house) == []


# -- dropped -----------------------------------------------------------------------------------------


@dataclass
class Fault:
    """What happens once, right before or right after a statement or commit that the text says."""

    do: Callable[[Any], None]
    when: str
    nth: int = 1
    happened: bool = False

    def watch(self, store: Store) -> None:
        def before(connection: Any, cursor: Any, statement: str, *_: Any) -> None:
            if self.when in statement and not self.happened:
                self.nth -= 1
                if self.nth == 0:
                    self.happened = True
                    self.do(cursor.connection)

        sa_event.listen(store.engine, "before_cursor_execute", before)


def drop_from_outside(url: str) -> Callable[[Any], None]:
    """The server ends that connection, as a failover or an administrator would."""

    def drop(connection: Any) -> None:
        with psycopg.connect(url.replace("postgresql+psycopg://", "postgresql://"), autocommit=True) as admin:
            admin.execute("select pg_terminate_backend(%s)", [connection.info.backend_pid])

    return drop


INTO = ["event", "failure", "due", "run", "touch", "card", "decision"]


@pytest.mark.parametrize("when", [*(f'insert into "{table}"' for table in INTO), "insert into counter"])
def test_a_connection_that_is_dropped_within_a_unit_leaves_nothing(postgres_world: World, when: str) -> None:
    with opened(postgres_world) as house:
        describe(house, 3)
        house.take_in(*[late(house, f"p{n}-0") for n in range(2)])
        fault = Fault(drop_from_outside(postgres_world.url), when)
        fault.watch(house.database)
        before = everything(house)
        raws = [late(house, f"p{n}-0", 1) for n in range(3)]
        with pytest.raises(Unavailable):
            house.take_in(*raws)
        assert fault.happened
        assert everything(house) == before
        house.take_in(*raws)
        tick_on(house.outside)
        assert statuses(house)["call", "on_desk"] == 5
        assert broken(postgres_world, house) == []


def test_a_connection_that_is_dropped_between_intent_and_record_makes_an_unknown(
    postgres_world: World,
) -> None:
    with opened(postgres_world) as house:
        describe(house, 3)
        let_down(house, [f"p{n}-0" for n in range(3)])
        fault = Fault(drop_from_outside(postgres_world.url), 'update "touch" set "status" = %s, "sent_at"')
        fault.watch(house.database)
        with pytest.raises(Unavailable):
            tick_on(house.outside)
        assert fault.happened
        assert sum(taken(postgres_world).values()) == 1
        house.advance_to(house.now.replace(minute=30))
        assert statuses(house) == {("email", "sent"): 2, ("email", "unknown"): 1}
        assert sum(taken(postgres_world).values()) == 3
        assert broken(postgres_world, house) == []


# -- in doubt ----------------------------------------------------------------------------------------


class Cut:
    """The wire to the server, cut at the COMMIT: before it was heard, or after it was done."""

    def __init__(self, store: Store, url: str, *, heard: bool) -> None:
        self.left, self.lock = 0, threading.Lock()
        drop, do_commit = drop_from_outside(url), store.engine.dialect.do_commit

        def commit(connection: Any) -> None:
            with self.lock:
                cut, self.left = self.left > 0, max(self.left - 1, 0)
            if not cut:
                do_commit(connection)
                return
            if heard:
                connection.dbapi_connection.execute("commit")
            drop(connection.dbapi_connection)
            do_commit(connection)
            connection.dbapi_connection.execute("select 1")

        store.engine.dialect.do_commit = commit  # type: ignore[method-assign,assignment]


@pytest.mark.parametrize("heard", [True, False], ids=["done", "not done"])
def test_a_lost_answer_to_a_commit_is_doubt_and_the_client_s_repetition_settles_it(
    postgres_world: World, heard: bool
) -> None:
    with opened(postgres_world) as house:
        describe(house, 3)
        cut = Cut(house.database, postgres_world.url, heard=heard)
        raws = [late(house, f"p{n}-0") for n in range(3)]
        cut.left = 1
        with pytest.raises(InDoubt):
            house.take_in(*raws)
        answers = [answer.outcome for answer in house.take_in(*raws)]
        assert answers == (["duplicate"] if heard else ["accepted"]) * 3
        tick_on(house.outside)
        assert statuses(house) == {("call", "on_desk"): 3}
        assert broken(postgres_world, house) == []


@pytest.mark.parametrize("heard", [True, False], ids=["done", "not done"])
def test_a_lost_answer_to_the_intent_s_commit_sends_nothing(postgres_world: World, heard: bool) -> None:
    with opened(postgres_world) as house:
        describe(house, 1)
        let_down(house, ["p0-0"])
        cut = Cut(house.database, postgres_world.url, heard=heard)

        def at_the_claim(connection: Any, cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
            if "sending" in repr(parameters):
                cut.left = 1

        sa_event.listen(house.database.engine, "before_cursor_execute", at_the_claim)
        with pytest.raises(InDoubt):
            tick_on(house.outside)
        sa_event.remove(house.database.engine, "before_cursor_execute", at_the_claim)
        assert sum(taken(postgres_world).values()) == 0
        house.advance_to(house.now.replace(minute=30))
        assert statuses(house) == {("email", "unknown" if heard else "sent"): 1}
        assert sum(taken(postgres_world).values()) == (0 if heard else 1)
        assert broken(postgres_world, house) == []


@pytest.mark.parametrize("heard", [True, False], ids=["done", "not done"])
def test_a_lost_answer_to_a_colleague_s_word_is_not_said_twice(postgres_world: World, heard: bool) -> None:
    with opened(postgres_world) as house:
        describe(house, 1)
        house.take_in(late(house, "p0-0"))
        with house.database.view() as unit:
            card = unit.open_card("p0")
        assert card is not None
        cut = Cut(house.database, postgres_world.url, heard=heard)
        cut.left = 1
        with pytest.raises(InDoubt):
            outcomes.settle(house.outside, card.id, "jonas", Outcome(NO_ANSWER))
        if not heard:
            outcomes.settle(house.outside, card.id, "jonas", Outcome(NO_ANSWER))
        with house.database.view() as unit:
            told = [e for e in unit.events_of("p0-0") if e.type == "contact.settled"]
        assert len(told) == 1
        assert broken(postgres_world, house) == []

"""Opening a database: set-up asserted, units kept or not kept, use cases repeated."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psycopg
import pytest
from sqlalchemy import event as sa_event
from sqlalchemy.exc import IntegrityError

from outreach.service.ports_faults import InDoubt, Outpaced, Unavailable
from outreach.store import sqlite
from outreach.store.engine import TRIES, Store, open_database
from outreach.store.unit import StoreUnit
from tests.store.samples import account, card, event, new, touch

# --- set-up -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("version", "loses"),
    [
        ((3, 6, 23), False),
        ((3, 7, 0), True),
        ((3, 40, 1), True),
        ((3, 44, 5), True),
        ((3, 44, 6), False),
        ((3, 45, 0), True),
        ((3, 50, 6), True),
        ((3, 50, 7), False),
        ((3, 51, 2), True),
        ((3, 51, 3), False),
        ((3, 53, 0), False),
    ],
)
def test_versions_that_lose_writes_in_wal_mode_are_known(version: tuple[int, ...], loses: bool) -> None:
    assert sqlite.loses_writes(version) is loses
    assert sqlite.safe_journal_mode(version) == ("delete" if loses else "wal")


def test_doctor_hears_of_such_a_version(monkeypatch: pytest.MonkeyPatch) -> None:
    old = SimpleNamespace(sqlite_version="3.40.1", sqlite_version_info=(3, 40, 1))
    monkeypatch.setattr(sqlite, "driver", lambda: old)
    assert "3.40.1 can lose" in (sqlite.sqlite_warning("sqlite:///x.db") or "")
    assert sqlite.sqlite_warning("postgresql://x/y") is None
    new_ = SimpleNamespace(sqlite_version="3.53.4", sqlite_version_info=(3, 53, 4))
    monkeypatch.setattr(sqlite, "driver", lambda: new_)
    assert sqlite.sqlite_warning("sqlite:///x.db") is None


@pytest.mark.parametrize("mode", ["wal", "delete"])
def test_every_connection_is_set_up(tmp_path: Path, mode: str) -> None:
    store = open_database(f"sqlite:///{tmp_path}/deep/down/x.db", journal_mode=mode)
    wanted = {
        "journal_mode": mode, "synchronous": 2, "cache_size": -65536, "wal_autocheckpoint": 10000,
        "busy_timeout": 30000, "foreign_keys": 1,
    }  # fmt: skip
    with store.view() as one, store.unit() as two:
        for unit in (one, two):
            assert {name: unit.bulk.rows(f"PRAGMA {name}")[0][0] for name in wanted} == wanted
    store.close()


def test_a_scratch_store_does_not_wait_for_the_disk(tmp_path: Path) -> None:
    store = open_database(f"sqlite:///{tmp_path}/x.db", durable=False)
    with store.view() as unit:
        assert unit.bulk.rows("PRAGMA synchronous")[0][0] == 0
    store.close()


def test_the_journal_mode_of_an_old_file_is_changed(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/x.db"
    open_database(url, journal_mode="wal", create=True).close()
    store = open_database(url, journal_mode="delete")
    with store.view() as unit:
        assert unit.bulk.rows("PRAGMA journal_mode")[0][0] == "delete"
    store.close()


def test_a_file_in_use_in_another_journal_mode_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"sqlite:///{tmp_path}/x.db"
    first = open_database(url, journal_mode="wal", create=True)
    second = open_database(url, journal_mode="delete")
    monkeypatch.setattr(sqlite, "MODE_TRIES", 2)
    monkeypatch.setattr(sqlite, "BUSY_SECONDS", 0.01)
    with (
        first.view() as unit,
        pytest.raises((RuntimeError, Unavailable), match=r"another journal mode|locked"),
    ):
        unit.account("a1")
        with second.view():
            pass
    first.close()
    second.close()


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:"])
def test_sqlite_in_memory_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="needs a file"):
        open_database(url)


@pytest.mark.postgres
def test_postgres_sessions_are_bounded(postgres_url: str) -> None:
    store = open_database(postgres_url.replace("+psycopg", ""))
    wanted = {
        "statement_timeout": "1min",
        "lock_timeout": "20s",
        "idle_in_transaction_session_timeout": "1min",
        "TimeZone": "UTC",
        "transaction_isolation": "read committed",
        "transaction_read_only": "off",
    }
    with store.unit() as unit:
        assert {name: unit.bulk.rows(f"show {name}")[0][0] for name in wanted} == wanted
    with store.view() as unit:
        assert unit.bulk.rows("show transaction_isolation")[0][0] == "repeatable read"
        assert unit.bulk.rows("show transaction_read_only")[0][0] == "on"
    with store.unit() as unit:
        assert unit.bulk.rows("show transaction_isolation")[0][0] == "read committed"
    store.close()


# --- units --------------------------------------------------------------------------------------------


def test_a_unit_that_fails_leaves_nothing_behind(store: Store) -> None:
    with pytest.raises(ZeroDivisionError), store.unit() as unit:
        unit.save_accounts([account()])
        unit.audit(event().time, "ada", "x", "y")
        raise ZeroDivisionError
    with store.view() as unit:
        assert unit.account("a1") is None
        assert unit.audit_fault() is None


def test_a_view_sees_one_state_and_cannot_write(store: Store, kind: str) -> None:
    with store.view() as view:
        assert view.account_ids() == []
        if kind != "delete":  # there a reader makes the writer wait
            with store.unit() as unit:
                unit.save_accounts([account()])
            assert view.account_ids() == []
    if kind == "postgres":
        with pytest.raises(Exception, match="read-only"), store.view() as view:
            view.save_accounts([account("a2")])


def test_a_unit_sees_what_it_wrote(store: Store) -> None:
    with store.unit() as unit:
        unit.save_accounts([account()])
        assert unit.account_ids() == ["a1"]


def test_a_unique_row_stored_twice_stays_an_integrity_fault(store: Store) -> None:
    with pytest.raises(IntegrityError), store.unit() as unit:
        unit.add_touches([touch(), touch()])


def test_a_unit_that_is_over_refuses(store: Store) -> None:
    with store.unit() as unit:
        pass
    with store.view() as view:
        pass
    for over in (unit, view):
        with pytest.raises(RuntimeError, match="this unit is over"):
            over.account("a1")


# --- again --------------------------------------------------------------------------------------------


def test_the_answer_of_the_work_is_given_back(store: Store) -> None:
    assert store.retrying(lambda unit: unit.account_ids()) == []


def test_who_was_outpaced_begins_again_with_a_fresh_unit(store: Store) -> None:
    units: list[StoreUnit] = []

    def work(unit: StoreUnit) -> str:
        units.append(unit)
        unit.set_setting(f"try {len(units)}", "x")
        if len(units) < 3:
            raise Outpaced("somebody was first")
        return "done"

    assert store.retrying(work) == "done"
    with store.view() as view:
        assert [view.setting(f"try {n}") for n in (1, 2, 3)] == [None, None, "x"]


def test_nobody_tries_for_ever(store: Store) -> None:
    tries: list[int] = []

    def work(unit: StoreUnit) -> None:
        tries.append(1)
        raise Outpaced("always")

    with pytest.raises(Outpaced):
        store.retrying(work)
    assert len(tries) == TRIES


def test_a_fault_of_the_work_is_not_repeated(store: Store) -> None:
    tries: list[int] = []

    def work(unit: StoreUnit) -> None:
        tries.append(1)
        raise ValueError("bad")

    with pytest.raises(ValueError, match="bad"):
        store.retrying(work)
    assert len(tries) == 1


def test_who_comes_second_with_a_card_reads_again_and_finds_the_first(
    open_store: Callable[[], Store], kind: str
) -> None:
    """On PostgreSQL the unique index is the only thing that both touch."""
    if kind != "postgres":
        pytest.skip("SQLite's units never overlap")
    one, two = open_store(), open_store()
    tries: list[str | None] = []

    def open_card(unit: StoreUnit) -> str:
        found = unit.open_card("anna")
        tries.append(found and found.id)
        if found is None:
            with one.unit() as quicker:
                quicker.save_card(card("quick"))
            unit.save_card(card("slow"))
            return "slow"
        return found.id

    assert two.retrying(open_card) == "quick"
    assert tries == [None, "quick"]


@pytest.mark.postgres
def test_a_deadlock_is_repeated(postgres_url: str) -> None:
    store = open_database(postgres_url, create=True)
    with store.unit() as unit:
        unit.save_accounts([account("a1"), account("a2")])
    both_hold_one = threading.Barrier(2)
    tries: list[str] = []

    def work(first: str, second: str) -> Callable[[StoreUnit], None]:
        def lock_backwards(unit: StoreUnit) -> None:
            tries.append(first)
            unit.lock_accounts([first])
            if tries.count(first) == 1:
                both_hold_one.wait(10)
            states = unit.lock_accounts([second])
            states[second].orders += 1
            unit.save_accounts(list(states.values()))

        return lock_backwards

    _together(lambda: store.retrying(work("a1", "a2")), lambda: store.retrying(work("a2", "a1")))
    assert len(tries) == 3
    with store.view() as unit:
        assert [state.orders for id_ in ("a1", "a2") if (state := unit.account(id_))] == [1, 1]
    store.close()


@pytest.mark.postgres
def test_a_commit_whose_answer_was_lost_is_in_doubt_and_not_repeated(postgres_url: str) -> None:
    store = open_database(postgres_url, create=True)
    tries: list[int] = []

    def cut(connection: Any) -> None:
        """The server ends the session before it hears of the commit."""
        if tries:
            pid = connection.exec_driver_sql("select pg_backend_pid()").scalar()
            with psycopg.connect(postgres_url.replace("+psycopg", ""), autocommit=True) as other:
                other.execute("select pg_terminate_backend(%s)", (pid,))

    sa_event.listen(store.engine, "commit", cut)

    def work(unit: StoreUnit) -> None:
        tries.append(1)
        unit.set_setting("x", "y")

    with pytest.raises(InDoubt):
        store.retrying(work)
    assert len(tries) == 1
    tries.clear()
    with store.view() as unit:
        assert unit.setting("x") is None
    store.close()


@pytest.mark.postgres
def test_a_connection_lost_before_the_commit_is_no_doubt(postgres_url: str) -> None:
    store = open_database(postgres_url, create=True)
    with pytest.raises(Unavailable), store.unit() as unit:
        pid = unit.bulk.rows("select pg_backend_pid()")[0][0]
        with psycopg.connect(postgres_url.replace("+psycopg", ""), autocommit=True) as other:
            other.execute("select pg_terminate_backend(%s)", (pid,))
        unit.set_setting("x", "y")
    with store.view() as view:
        assert view.setting("x") is None
    store.close()


def test_a_full_disk_is_unavailable_and_keeps_nothing(tmp_path: Path) -> None:
    store = open_database(f"sqlite:///{tmp_path}/x.db", create=True)
    with store.engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA max_page_count = 200")
    with pytest.raises(Unavailable, match="full"), store.unit() as unit:
        unit.bulk.run("PRAGMA max_page_count = 200")
        unit.add_events([new(event(f"e{n}", data={"text": "x" * 1000})) for n in range(2000)])
    with store.view() as view:
        assert view.events_of("a1") == []
    store.close()


def test_a_busy_database_is_unavailable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite, "BUSY_SECONDS", 0.001)
    url = f"sqlite:///{tmp_path}/x.db"
    one, two = open_database(url, create=True), open_database(url)
    with one.unit(), pytest.raises(Unavailable, match="locked"):
        two.retrying(lambda unit: None)
    two.retrying(lambda unit: unit.save_accounts([replace(account())]))
    one.close()
    two.close()


def _together(*works: Callable[[], object]) -> None:
    faults: list[BaseException] = []

    def run(work: Callable[[], object]) -> None:
        try:
            work()
        except BaseException as fault:
            faults.append(fault)

    threads = [threading.Thread(target=run, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert faults == []

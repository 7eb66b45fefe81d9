"""Killed in the middle: a unit is kept whole or not at all, and the next one finds a sound database."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from sqlalchemy import event as sa_event

from outreach.domain.facts import Channel
from outreach.domain.touch import Status
from outreach.store.engine import Store, open_database
from outreach.store.unit import StoreUnit
from tests.store.samples import NOW, account, at, card, event, failure, hold, new, person, run, touch

COUNTED, KILLED = 7, -signal.SIGKILL


def _everything(unit: StoreUnit) -> None:
    """A unit that writes to many tables."""
    unit.lock_accounts(["a1", "a2"])
    unit.lock_people(["anna"])
    unit.lock_endpoints(["#1"])
    unit.add_events([new(event(f"e{n}"), private={"note": "x"} if n else None) for n in range(3)])
    unit.save_accounts([account("a1", failure()), account("a2")])
    unit.save_people([person("anna", phone="+4930123456", roles={"a1": ("buyer",)})])
    unit.save_runs([run()])
    unit.add_touches([touch(), touch("t2", channel=Channel.CALL, due=at(5))])
    unit.change_touch(touch(), replace(touch(), status=Status.SENDING, token="x", intent_at=NOW))
    unit.save_holds([hold()])
    unit.save_card(card())
    unit.audit(NOW, "ada", "everything", "a1")


def _in_a_child(open_: Callable[[], Store], kill_at: int) -> int:
    """Do everything in a process that is killed before its nth statement; how that process ended. The
    statement after the last is the commit. With no kill it ends with ``COUNTED`` plus the statements."""
    pid = os.fork()
    if pid == 0:
        try:
            store, done = open_(), [0]

            def before(*_: Any) -> None:
                done[0] += 1
                if done[0] == kill_at:
                    os.kill(os.getpid(), signal.SIGKILL)

            _before_each_statement(store, before)
            with store.unit() as unit:
                _everything(unit)
            os._exit(COUNTED + done[0])
        except BaseException:
            os._exit(1)
    _, status = os.waitpid(pid, 0)
    return os.waitstatus_to_exitcode(status)


def _before_each_statement(store: Store, before: Callable[..., None]) -> None:
    """SQLite is spoken to past SQLAlchemy, so its own driver is asked to tell; the commit is a statement."""
    if store.engine.dialect.name == "sqlite":
        sa_event.listen(store.engine, "checkout", lambda driver, *_: driver.set_trace_callback(before))
    else:
        sa_event.listen(store.engine, "before_cursor_execute", before)
        sa_event.listen(store.engine, "commit", before)


def _kept(store: Store) -> list[bool]:
    with store.view() as unit:
        return [
            bool(unit.account_ids()),
            bool(unit.events_of("a1")),
            bool(unit.people(["anna"])),
            unit.run("r1") is not None,
            unit.touch("t1") is not None,
            bool(unit.hold_changes(0, 9)),
            unit.open_card("anna") is not None,
            bool(unit.audit_of("a1")),
            bool(unit.bulk.rows("select id from account union all select id from person")),
        ]


def test_killed_before_any_statement_nothing_is_kept(store_url: str, kind: str) -> None:
    def open_() -> Store:
        return open_database(store_url, journal_mode=None if kind == "postgres" else kind)

    point = 0
    while True:
        point += 1
        ended = _in_a_child(open_, kill_at=point)
        store = open_()
        kept = _kept(store)
        store.close()
        if ended != KILLED:
            break
        assert not any(kept), f"killed before statement {point}, and yet something is kept"
    assert point > 15
    assert ended == COUNTED + point - 1
    assert all(kept)
    store = open_()
    with store.view() as unit:
        assert unit.audit_fault() is None
        if kind != "postgres":
            assert [row[0] for row in unit.bulk.rows("PRAGMA integrity_check")] == ["ok"]
    store.close()


def test_a_killed_writer_does_not_keep_others_waiting(store: Store, store_url: str, kind: str) -> None:
    def open_() -> Store:
        return open_database(store_url, journal_mode=None if kind == "postgres" else kind)

    assert _in_a_child(open_, kill_at=8) == KILLED
    store.retrying(_everything)
    assert all(_kept(store))

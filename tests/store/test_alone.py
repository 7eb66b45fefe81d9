"""A store of one thread: quicker, and no less true."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from outreach.store.alone import AloneStore
from outreach.store.engine import open_database

NOW = datetime(2026, 3, 2, tzinfo=UTC)


@pytest.fixture
def store(tmp_path: Path) -> AloneStore:
    opened = open_database(f"sqlite:///{tmp_path}/a.db", durable=False, journal_mode="memory", create=True)
    return AloneStore(opened.engine, opened.endpoint_hash)


def states(store: AloneStore) -> set[str]:
    with store.view() as unit:
        return set(unit.publish_states())


def publish(store: AloneStore, name: str) -> None:
    store.retrying(lambda unit: unit.set_publish_state(name, "shadow", 100, "olga", "new", NOW))


def test_what_was_done_is_kept_and_what_broke_is_not(store: AloneStore) -> None:
    publish(store, "kept")
    with pytest.raises(LookupError), store.unit() as unit:
        unit.set_publish_state("broken", "shadow", 100, "olga", "new", NOW)
        raise LookupError
    publish(store, "after")
    assert states(store) == {"kept", "after"}
    store.close()


def test_nobody_looks_while_something_is_done(store: AloneStore) -> None:
    with store.unit() as unit, pytest.raises(RuntimeError, match="a unit is open"):
        unit.set_publish_state("now", "shadow", 100, "olga", "new", NOW)
        states(store)
    assert states(store) == {"now"}
    store.close()

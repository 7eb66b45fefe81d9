"""A store on each kind of database: SQLite in both journal modes, and PostgreSQL."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from outreach.store.engine import Store, open_database

KINDS = ["wal", "delete", pytest.param("postgres", marks=pytest.mark.postgres)]


def hashed(kind: str, value: str) -> str:
    """Stands for the keyed hash."""
    return f"#{kind}:{value}"


@pytest.fixture(scope="session")
def empty_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite file with all tables, to be copied."""
    path = tmp_path_factory.mktemp("empty") / "empty.db"
    open_database(f"sqlite:///{path}", journal_mode="delete", create=True).close()
    return path


def _fill(url: str) -> None:
    open_database(url, create=True).close()


def _new_url(request: pytest.FixtureRequest, kind: str) -> str:
    if kind == "postgres":
        server = request.getfixturevalue("postgres_server")
        url: str = server.create(template=server.template("store", _fill))
        request.addfinalizer(lambda: server.drop(url))
        return url
    path = request.getfixturevalue("tmp_path") / "outreach.db"
    shutil.copy(request.getfixturevalue("empty_sqlite"), path)
    return f"sqlite:///{path}"


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def store_url(request: pytest.FixtureRequest, kind: str) -> str:
    """A database with all tables and nothing in them."""
    return _new_url(request, kind)


@pytest.fixture
def open_store(store_url: str, kind: str) -> Iterator[Callable[[], Store]]:
    """Opens the test's database as often as wanted, as several processes would."""
    opened: list[Store] = []

    def open_one() -> Store:
        mode = None if kind == "postgres" else kind
        opened.append(open_database(store_url, endpoint_hash=hashed, journal_mode=mode))
        return opened[-1]

    yield open_one
    for store in opened:
        store.close()


@pytest.fixture
def store(open_store: Callable[[], Store]) -> Store:
    return open_store()

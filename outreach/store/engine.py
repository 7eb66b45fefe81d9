"""Opening a database: SQLite in its safest set-up, or PostgreSQL; and units on it.

``open_database(url)`` is the only way in. SQLite: ``sqlite:///path``; PostgreSQL:
``postgresql://user@host/name``. Engines must be made after a fork, and closed with ``close()``.
"""

from __future__ import annotations

import hashlib
import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import structlog
from sqlalchemy import Connection, Engine, create_engine
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DatabaseError, DataError, DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from outreach.service.ports_faults import InDoubt, Outpaced, Unavailable, Unfit
from outreach.store import sqlite, tables
from outreach.store.base import EndpointHash
from outreach.store.bulk import Bulk, PostgresBulk, SqliteBulk
from outreach.store.told import Told
from outreach.store.unit import StoreUnit

T = TypeVar("T")

log = structlog.get_logger(__name__)

TRIES = 5
_POSTGRES_OPTIONS = {
    "statement_timeout": "60s",
    "lock_timeout": "20s",
    "idle_in_transaction_session_timeout": "60s",
    "timezone": "UTC",
}
_REPEATABLE = {
    "40001",  # serialization_failure
    "40P01",  # deadlock_detected
    "55P03",  # lock_not_available
    "23505",  # unique_violation: somebody stored the same a moment before, so read again
}


def open_database(
    url: str,
    *,
    endpoint_hash: EndpointHash | None = None,
    journal_mode: str | None = None,
    durable: bool = True,
    create: bool = False,
    read_only: bool = False,
    told: Told | None = None,
) -> Store:
    """``endpoint_hash``: keyed hash of (kind, value); without one an unkeyed hash, for scratch stores only.

    ``journal_mode``: SQLite's, ``wal`` or ``delete``; by default the safe one. ``durable=False`` gives up
    surviving a power cut, for scratch stores. ``create`` makes the tables without migrations. With ``read_only`` the
    database refuses every change. ``told`` hears what each unit has changed, once that is committed.
    """
    given = make_url(url)
    if given.get_backend_name() == "sqlite":
        engine = sqlite.engine(given, journal_mode=journal_mode, durable=durable, read_only=read_only)
    else:
        engine = _postgres(url, durable=durable, read_only=read_only)
    if create:
        tables.metadata.create_all(engine)
    return Store(engine, endpoint_hash or _unkeyed, told)


def _postgres(url: str, *, durable: bool, read_only: bool) -> Engine:
    options = _POSTGRES_OPTIONS | ({} if durable else {"synchronous_commit": "off"})
    options |= {"default_transaction_read_only": "on"} if read_only else {}
    return create_engine(
        make_url(url).set(drivername="postgresql+psycopg"),
        pool_pre_ping=True,
        hide_parameters=True,
        pool_size=8,
        max_overflow=24,
        pool_use_lifo=True,
        isolation_level="READ COMMITTED",
        connect_args={
            "connect_timeout": 10,
            "keepalives_idle": 30,
            "keepalives_interval": 10,
            "keepalives_count": 3,
            "options": " ".join(f"-c {name}={value}" for name, value in options.items()),
        },
    )


def _unkeyed(kind: str, value: str) -> str:
    return hashlib.sha256(f"{kind}:{value}".encode()).hexdigest()


class Store:
    """A ``ports.Database``. Threads may share it; each unit has a connection of its own."""

    def __init__(self, engine: Engine, endpoint_hash: EndpointHash, told: Told | None = None) -> None:
        self.engine = engine
        self.endpoint_hash = endpoint_hash
        self._told = told
        self._bulk: type[Bulk] = SqliteBulk if engine.dialect.name == "sqlite" else PostgresBulk
        reading: dict[str, Any] = {sqlite.READ_ONLY: True}
        if engine.dialect.name == "postgresql":
            reading |= {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
        self._reading = engine.execution_options(**reading)

    def close(self) -> None:
        self.engine.dispose()

    @contextmanager
    def unit(self) -> Iterator[StoreUnit]:
        """A write transaction; commits at the end, rolls back on any exception.

        Raises Unavailable when nothing was kept, InDoubt when that cannot be known.
        """
        with in_our_words(), self._unit() as unit:
            yield unit

    @contextmanager
    def view(self) -> Iterator[StoreUnit]:
        """A read-only transaction that sees one state of the database."""
        with in_our_words(), self._reading.connect() as connection, connection.begin():
            unit = self._on(connection, writes=False)
            try:
                yield unit
            finally:
                unit.end()

    def retrying(self, work: Callable[[StoreUnit], T]) -> T:
        """Runs ``work(unit)`` in a unit of its own, and the whole of it again while the database says
        that somebody else was in the way. Never after a commit whose answer was lost."""
        with in_our_words():
            for tried in range(1, TRIES):
                try:
                    return self._once(work)
                except Outpaced:
                    pass
                except DBAPIError as error:
                    if not _may_repeat(error):
                        raise
                time.sleep(random.uniform(0, 0.02) * 2**tried)
            return self._once(work)

    def _once(self, work: Callable[[StoreUnit], T]) -> T:
        with self._unit() as unit:
            return work(unit)

    def _on(self, connection: Connection, *, writes: bool) -> StoreUnit:
        return StoreUnit(connection, self._bulk(connection), self.endpoint_hash, writes=writes)

    @contextmanager
    def _unit(self) -> Iterator[StoreUnit]:
        with self.engine.connect() as connection:
            transaction = connection.begin()
            unit = self._on(connection, writes=True)
            try:
                yield unit
                unit.finish()
            except BaseException:
                _roll_back(connection)
                raise
            finally:
                unit.end()
            try:
                transaction.commit()
            except DBAPIError as error:
                if error.connection_invalidated or _connection_lost(error):
                    raise InDoubt("the connection broke while committing") from error
                _roll_back(connection)
                raise
        self._tell(unit)

    def _tell(self, unit: StoreUnit) -> None:
        """It is committed: whoever listens cannot make it look as if it were not."""
        if self._told is None or not unit.changed:
            return
        try:
            self._told(unit.changed)
        except Exception:
            log.exception("not told")


def _roll_back(connection: Connection) -> None:
    """As far as there still is a connection; without one the database does it by itself."""
    try:
        if not connection.invalidated:
            connection.rollback()
    except DBAPIError:
        connection.invalidate()


def _connection_lost(error: DBAPIError) -> bool:
    """No state at all: the server's answer never came."""
    return getattr(error.orig, "sqlstate", "none") is None


def _may_repeat(error: DBAPIError) -> bool:
    """Definitely not committed, and likely to go through next time."""
    if sqlite.is_busy(error.orig):
        return True
    return getattr(error.orig, "sqlstate", None) in _REPEATABLE


@contextmanager
def in_our_words() -> Iterator[None]:
    """What the database says is wrong with it, or with what it was given, as Unavailable and Unfit."""
    try:
        yield
    except DataError as error:
        raise Unfit(f"the database cannot hold this: {error.orig}") from error
    except (OperationalError, InterfaceError, PoolTimeout) as error:
        raise Unavailable(f"the database did not do it: {getattr(error, 'orig', None) or error}") from error
    except DatabaseError as error:
        if type(error) is DatabaseError:  # no more particular: the file itself is none, or is damaged
            raise Unavailable(f"the database cannot be read: {error.orig}") from error
        raise

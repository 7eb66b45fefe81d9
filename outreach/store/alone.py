"""A SQLite store that one thread has for itself: one connection that stays open, and views that cost nothing but their
statements. For scratch stores."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Engine

from outreach.store.base import EndpointHash
from outreach.store.engine import Store
from outreach.store.unit import StoreUnit


class AloneStore(Store):
    """No view can be had while a unit is open: nobody else could see the store then."""

    def __init__(self, engine: Engine, endpoint_hash: EndpointHash) -> None:
        super().__init__(engine, endpoint_hash)
        self._held = engine.connect()
        driver: Any = self._held.connection.dbapi_connection
        driver.execute("pragma locking_mode = exclusive").fetchall()  # asked for once, and kept
        self._driver = driver
        self._writing = False

    def close(self) -> None:
        self._held.close()
        super().close()

    @contextmanager
    def view(self) -> Iterator[StoreUnit]:
        if self._writing:
            raise RuntimeError("a unit is open: what it has not committed is nobody's business")
        unit = self._on(self._held, writes=False)
        try:
            yield unit
        finally:
            unit.end()

    @contextmanager
    def _unit(self) -> Iterator[StoreUnit]:
        self._driver.execute("begin immediate")
        self._writing = True
        unit = self._on(self._held, writes=True)
        try:
            yield unit
            unit.finish()
            self._driver.execute("commit")
        except BaseException:
            self._driver.execute("rollback")
            raise
        finally:
            self._writing = False
            unit.end()

"""What the parts of a unit share."""

from __future__ import annotations

from collections.abc import Callable
from typing import NoReturn

from sqlalchemy import Connection

from outreach.store.bulk import Bulk
from outreach.store.told import Change

EndpointHash = Callable[[str, str], str]


class Part:
    """One open transaction, as far as one subject needs it.

    ``bulk`` is the driver level, ``core`` the same connection for SQLAlchemy Core. ``writes`` is False
    in a view, where nothing is locked.
    """

    changed: list[Change]
    """What of runs, touches and decisions was written, in that order; for whoever tells of it."""

    def __init__(self, core: Connection, bulk: Bulk, endpoint_hash: EndpointHash, *, writes: bool) -> None:
        self.core = core
        self.bulk = bulk
        self.endpoint_hash = endpoint_hash
        self.writes = writes

    @property
    def locks(self) -> bool:
        """Whether rows are locked: not in a view, and not where the whole database is."""
        return self.writes and self.bulk.locks

    def finish(self) -> None:
        """What must be written last, right before the commit."""

    def grown(self, name: str, by: int) -> int:
        """The counter's new value. Its row stays locked until the unit ends."""
        rows = self.bulk.rows(
            "insert into counter (name, value, word) values (?, ?, '')"
            " on conflict (name) do update set value = counter.value + excluded.value returning value",
            name, by,
        )  # fmt: skip
        return int(rows[0][0])

    def end(self) -> None:
        """From here on this unit refuses, rather than speak on a connection that others may have."""
        self.core = self.bulk = _Over()  # type: ignore[assignment]


class _Over:
    def __getattr__(self, name: str) -> NoReturn:
        raise RuntimeError("this unit is over: what was read must be used, or read, inside of it")

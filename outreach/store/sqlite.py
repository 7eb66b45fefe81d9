"""SQLite as we trust it: committed is on the disk, one writer at a time, readers beside it.

Versions 3.7.0 to 3.51.2 can lose committed writes in WAL mode (the WAL-reset bug; mended in 3.51.3 and in
3.50.7 and 3.44.6 of the older series). There we use ``pysqlite3``'s own SQLite when it is installed, else
the rollback journal, which is slower and safe.
"""

from __future__ import annotations

import importlib
import importlib.util
import time
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.pool import QueuePool

READ_ONLY = "outreach_read_only"
BUSY_SECONDS = 30.0
_BUSY, _LOCKED = 5, 6
MODE_TRIES = 50


def driver() -> Any:
    """The module that talks to SQLite: a newer one where it is installed."""
    name = "pysqlite3.dbapi2" if importlib.util.find_spec("pysqlite3") else "sqlite3.dbapi2"
    return importlib.import_module(name)


def loses_writes(version: tuple[int, ...]) -> bool:
    """Whether this version has the WAL-reset bug."""
    if version < (3, 7, 0) or version >= (3, 51, 3):
        return False
    series = version[:2]
    return not (
        (series == (3, 44) and version >= (3, 44, 6)) or (series == (3, 50) and version >= (3, 50, 7))
    )


def safe_journal_mode(version: tuple[int, ...]) -> str:
    return "delete" if loses_writes(version) else "wal"


def sqlite_warning(url: str) -> str | None:
    """What ``doctor`` should say of the SQLite that this address is opened with."""
    if make_url(url).get_backend_name() != "sqlite":
        return None
    found = driver().sqlite_version
    if not loses_writes(driver().sqlite_version_info):
        return None
    return (
        f"SQLite {found} can lose committed writes in WAL mode, so the slower rollback journal is used;"
        " install pysqlite3 0.6.1 or newer, or SQLite 3.51.3 or newer"
    )


def engine(url: URL, *, journal_mode: str | None, durable: bool, read_only: bool = False) -> Engine:
    """Every connection is set up and the set-up asserted: pragmas that fail, fail silently."""
    if not url.database or url.database == ":memory:":
        raise ValueError(
            "SQLite needs a file (sqlite:///path): in memory each connection has its own database"
        )
    Path(url.database).parent.mkdir(parents=True, exist_ok=True)
    module = driver()
    mode = journal_mode or safe_journal_mode(module.sqlite_version_info)
    made = create_engine(
        url.set(drivername="sqlite+pysqlite"),
        module=module,
        poolclass=QueuePool,
        pool_size=8,
        max_overflow=56,
        pool_use_lifo=True,  # each connection has a page cache of its own: use the warmest
        connect_args={"timeout": BUSY_SECONDS, "check_same_thread": False, "cached_statements": 512},
    )
    synchronous = 2 if durable else 0

    def set_up(connection: Any, record: object) -> None:
        connection.isolation_level = None  # we say BEGIN ourselves
        _set_journal_mode(connection, mode)
        for name, value in (
            ("synchronous", synchronous),
            ("cache_size", -65536),
            ("wal_autocheckpoint", 10000),
            ("busy_timeout", int(BUSY_SECONDS * 1000)),
            ("foreign_keys", 1),
            ("trusted_schema", 0),
            ("query_only", int(read_only)),
        ):
            connection.execute(f"PRAGMA {name} = {value}").fetchall()
            (now,) = connection.execute(f"PRAGMA {name}").fetchone()
            if now != value:
                raise RuntimeError(f"SQLite did not take {name} = {value}, it is {now}")

    event.listen(made, "connect", set_up)
    event.listen(made, "begin", _begin)
    return made


def _set_journal_mode(connection: Any, mode: str) -> None:
    """The mode lies in the file; changing it needs the file alone, and SQLite does not wait for that."""
    for _ in range(MODE_TRIES):
        if connection.execute("PRAGMA journal_mode").fetchone()[0] == mode:
            return
        try:
            connection.execute(f"PRAGMA journal_mode = {mode}").fetchone()
        except connection.OperationalError as error:
            if not is_busy(error):
                raise
            time.sleep(0.02)
    raise RuntimeError(
        f"the database file is in use in another journal mode than {mode}, which this SQLite needs;"
        " stop all processes that use it and start again"
    )


def _begin(connection: Connection) -> None:
    """A transaction that means to write says so at once: a later upgrade fails without waiting."""
    reads = connection.get_execution_options().get(READ_ONLY)
    connection.exec_driver_sql("BEGIN" if reads else "BEGIN IMMEDIATE")


def is_busy(error: BaseException | None) -> bool:
    code = getattr(error, "sqlite_errorcode", None)
    if code is not None:
        return code & 0xFF in (_BUSY, _LOCKED)
    return str(error).startswith(("database is locked", "database table is locked"))

"""The database's schema through time: Alembic, driven from here rather than by an ini file.

A new revision, after ``tables`` has changed:

    python -c "from outreach.store.schema import new_revision; new_revision('sqlite:////tmp/x.db', 'why')"
"""

from __future__ import annotations

from collections.abc import Callable
from io import StringIO
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from outreach.store.engine import Store, in_our_words, open_database

_FOLDER = Path(__file__).parent / "migrations"
_LOCK = 7_305_804_402
"""Any number: PostgreSQL's name for "somebody is migrating"."""


def upgrade(url: str) -> None:
    """Bring the database to the newest revision, from nothing, too. Safe to run by several at once: all
    revisions are one transaction, and the others wait for it. Raises Unavailable."""
    store = open_database(url)
    try:
        with in_our_words(), store.engine.begin() as connection:
            _wait_for_others(connection)
            command.upgrade(_config(connection), "head")
    finally:
        store.close()


def revision_of(store: Store) -> str | None:
    """The database's revision; None when it has no tables yet."""
    with in_our_words(), store.engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision()


def newest_revision() -> str | None:
    return ScriptDirectory(str(_FOLDER)).get_current_head()


def check(url: str) -> None:
    """Raises when ``tables`` and the migrated database differ."""
    _with_config(url, command.check)


def new_revision(url: str, message: str) -> None:
    """Write a revision from what differs between ``tables`` and the database, which is upgraded first."""
    upgrade(url)
    number = f"{len(list((_FOLDER / 'versions').glob('*.py'))) + 1:04}"
    _with_config(url, lambda config: command.revision(config, message, autogenerate=True, rev_id=number))


def _with_config(url: str, work: Callable[[Config], object]) -> None:
    store = open_database(url)
    try:
        with store.engine.begin() as connection:
            work(_config(connection))
    finally:
        store.close()


def _config(connection: Connection) -> Config:
    config = Config(stdout=StringIO())
    config.set_main_option("script_location", str(_FOLDER).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config


def _wait_for_others(connection: Connection) -> None:
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(f"select pg_advisory_xact_lock({_LOCK})")

"""Migrations lead from nothing to exactly what ``tables`` says."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from outreach.store import schema
from outreach.store.engine import Store, open_database
from tests.store.samples import account


def _layout(store: Store) -> list[tuple[str, ...]]:
    """Every table, column, constraint and index, as the database itself describes them."""
    with store.view() as unit:
        if store.engine.dialect.name == "sqlite":
            rows = unit.bulk.rows("select name, sql from sqlite_master where name not like '%alembic%'")
            return sorted((name, "".join((sql or "").split()).replace('"', "")) for name, sql in rows)
        columns = unit.bulk.rows(
            "select table_name, column_name, data_type, is_nullable, column_default"
            " from information_schema.columns where table_schema = 'public'"
        )
        indexes = unit.bulk.rows("select tablename, indexdef from pg_indexes where schemaname = 'public'")
        checks = unit.bulk.rows(
            "select conrelid::regclass::text, conname, pg_get_constraintdef(oid) from pg_constraint"
            " where connamespace = 'public'::regnamespace"
        )
    found = [tuple(map(str, row)) for row in (*columns, *indexes, *checks)]
    return sorted(row for row in found if row[0] != "alembic_version")


def test_migrations_make_what_tables_says(
    database_url: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    schema.upgrade(database_url)
    schema.check(database_url)
    migrated = open_database(database_url)
    assert schema.revision_of(migrated) == schema.newest_revision()
    if migrated.engine.dialect.name == "sqlite":
        other = f"sqlite:///{tmp_path}/created.db"
    else:
        server = request.getfixturevalue("postgres_server")
        other = server.create()
        request.addfinalizer(lambda: server.drop(other))
    created = open_database(other, create=True)
    assert schema.revision_of(created) is None
    assert _layout(migrated) == _layout(created)
    with migrated.unit() as unit:
        unit.save_accounts([account()])
    migrated.close()
    created.close()


def test_upgrading_again_changes_nothing(database_url: str) -> None:
    schema.upgrade(database_url)
    store = open_database(database_url)
    with store.unit() as unit:
        unit.save_accounts([account()])
    schema.upgrade(database_url)
    with store.view() as unit:
        assert unit.account_ids() == ["a1"]
    store.close()


def test_many_may_upgrade_at_once(database_url: str) -> None:
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(schema.upgrade, [database_url] * 4))
    store = open_database(database_url)
    assert schema.revision_of(store) == schema.newest_revision()
    store.close()


def test_a_wheel_brings_the_migrations(root: Path, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)],
        cwd=root, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    (wheel,) = tmp_path.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    assert "outreach/store/migrations/env.py" in names
    assert "outreach/store/migrations/script.py.mako" in names
    revisions = {path.name for path in (root / "outreach/store/migrations/versions").glob("*.py")}
    assert revisions <= {Path(name).name for name in names}

"""Databases with the tables in them, made once and copied."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.world import World, furnish


@pytest.fixture(scope="session")
def empty_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("empty") / "db"
    _fill(f"sqlite:///{path}")
    return path


def _fill(url: str) -> None:
    furnish(url).close()


@pytest.fixture
def sqlite_world(tmp_path: Path, empty_file: Path) -> World:
    shutil.copy(empty_file, tmp_path / "db")
    return World(tmp_path, f"sqlite:///{tmp_path / 'db'}")


@pytest.fixture
def postgres_world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    server = request.getfixturevalue("postgres_server")
    url = server.create(template=server.template("faults", _fill))
    yield World(tmp_path, url)
    server.drop(url)


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def world(request: pytest.FixtureRequest) -> World:
    """On each kind of database."""
    found: World = request.getfixturevalue(f"{request.param}_world")
    return found

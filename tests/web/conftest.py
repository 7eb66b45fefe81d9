"""A house per test, and a served one for the browser."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from outreach.web import workshop
from tests.web.scenes import busy_day
from tests.web.world import World, serving, world


@pytest.fixture(autouse=True)
def nobody_steps_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is tried out lets a desk go first. Beside it are only other tests here, and it would wait for all of them."""
    monkeypatch.setattr(workshop, "POLITE", 0)


@pytest.fixture
def here(tmp_path: Path, root: Path) -> Iterator[World]:
    """An empty house on SQLite. Forms need no CSRF token."""
    made = world(tmp_path, root)
    yield made
    made.close()


@pytest.fixture
def either(tmp_path: Path, root: Path, database_url: str) -> Iterator[World]:
    """An empty house on each database."""
    made = world(tmp_path, root, database_url)
    yield made
    made.close()


@pytest.fixture
def guarded(tmp_path: Path, root: Path) -> Iterator[World]:
    """As in life: CSRF tokens and limits are asked for."""
    made = world(tmp_path, root, limits=True, csrf=True)
    yield made
    made.close()


@pytest.fixture
def served(tmp_path: Path, root: Path) -> Iterator[tuple[World, str]]:
    """A busy day's house on a port, as in life, and its address."""
    made = world(tmp_path, root, csrf=True)
    busy_day(made)
    with serving(made) as address:
        yield made, address

"""What all tests share: the run's folder, databases, a browser, and a loud word about what was missing.

Environment variables: OUTREACH_TEST_PROFILE (ci, nightly) · OUTREACH_TEST_POSTGRES (a server's URL) · OUTREACH_TEST_PICTURES=keep ·
OUTREACH_TEST_NO_INSTALL=1 (never install anything) · OUTREACH_TEST_REQUIRE_ALL=1 (missing = failed).
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from tests.support import chromium, postgres, run
from tests.support import rig as providers

ROOT = Path(__file__).resolve().parent.parent
PROFILE = os.environ.get("OUTREACH_TEST_PROFILE", "ci")
MARKED_BY_FIXTURE = {
    "postgres_server": "postgres",
    "browser": "browser",
    "browser_page": "browser",
    "shared_dir": "shared",
    "rig": "shared",
    "rig_for": "shared",
}

settings.register_profile(
    "ci", derandomize=True, deadline=None, max_examples=50, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile(
    "nightly", deadline=None, max_examples=2000, suppress_health_check=[HealthCheck.too_slow], print_blob=True
)
settings.load_profile(PROFILE)


# --- the run ----------------------------------------------------------------------------------------


def pytest_configure(config: pytest.Config) -> None:
    # A person's own settings must not reach the tests.
    for name in [name for name in os.environ if name.startswith("OUTREACH_")]:
        if not name.startswith("OUTREACH_TEST_"):
            del os.environ[name]
    if not hasattr(config, "workerinput"):
        run.begin()


def pytest_unconfigure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        run.end(postgres.stop)


@pytest.hookimpl(tryfirst=True)  # before -m is applied
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    for item in items:
        for fixture, mark in MARKED_BY_FIXTURE.items():
            if fixture in getattr(item, "fixturenames", ()):
                item.add_marker(mark)
    if PROFILE != "nightly" and "nightly" not in str(config.option.markexpr):
        slow = [item for item in items if item.get_closest_marker("nightly")]
        if slow:
            items[:] = [item for item in items if not item.get_closest_marker("nightly")]
            config.hook.pytest_deselected(items=slow)


def pytest_terminal_summary(terminalreporter: Any) -> None:
    counts: dict[str, int] = {}
    for report in terminalreporter.stats.get("skipped", []):
        why = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        why = why.removeprefix("Skipped: ")
        if why.startswith(run.MISSING):
            why = why.removeprefix(run.MISSING)
            counts[why] = counts.get(why, 0) + 1
    if counts:
        terminalreporter.section("NOT TESTED: something is missing on this machine", red=True, bold=True)
        for why, count in sorted(counts.items()):
            terminalreporter.line(f"SKIPPED: {why}: {count} test{'s' if count > 1 else ''}", red=True)


@pytest.fixture(autouse=True)
def wide_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a command says stands in one line, unless a test asks how it is wrapped."""
    monkeypatch.setenv("COLUMNS", "500")


# --- folders and databases --------------------------------------------------------------------------


@pytest.fixture(scope="session")
def root() -> Path:
    """The checkout."""
    return ROOT


@pytest.fixture(scope="session")
def shared_dir() -> Path:
    """The folder ../shared beside the checkout, if there is one."""
    path = ROOT.parent / "shared"
    if not path.is_dir():
        run.skip_loudly("the folder ../shared")
    return path


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """A file that does not exist yet."""
    return f"sqlite:///{tmp_path / 'outreach.db'}"


@pytest.fixture(scope="session")
def postgres_server() -> postgres.Server:
    """The run's PostgreSQL. `create()`, `template()` and `drop()` make databases on it."""
    try:
        return postgres.server()
    except run.Missing as missing:
        run.skip_loudly(str(missing))


@pytest.fixture
def postgres_url(postgres_server: postgres.Server) -> Iterator[str]:
    """A fresh, empty database; dropped afterwards, whoever is still connected."""
    url = postgres_server.create()
    yield url
    postgres_server.drop(url)


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def database_url(request: pytest.FixtureRequest) -> str:
    """A test that takes this runs on each database."""
    return request.getfixturevalue(f"{request.param}_url")


# --- the providers' rig -----------------------------------------------------------------------------


@pytest.fixture(scope="session")
def _rigs() -> Iterator[Callable[..., providers.Rig]]:
    """Starts instances; all of them end with the session."""
    started: dict[tuple[Any, ...], providers.Rig] = {}

    def started_with(engine_base: str = "", event_url: str = "", auto: bool = False) -> providers.Rig:
        how = (engine_base, event_url, auto)
        if how not in started:
            try:
                started[how] = providers.start(*how)
            except run.Missing as missing:
                run.skip_loudly(str(missing))
        started[how].reset()
        return started[how]

    yield started_with
    for one in started.values():
        one.stop()


@pytest.fixture
def rig(_rigs: Callable[..., providers.Rig]) -> providers.Rig:
    """Twilio and SendGrid on loopback, with nothing in them. Nobody is called back."""
    return _rigs()


@pytest.fixture
def rig_for(_rigs: Callable[..., providers.Rig]) -> Callable[..., providers.Rig]:
    """An instance that calls an engine back: ``rig_for(engine_base, event_url, auto)``."""
    return _rigs


# --- logs -------------------------------------------------------------------------------------------


@pytest.fixture(autouse=True)
def logging_as_it_was() -> Iterator[None]:
    """Whoever sets up logs sets them up for the whole process: a handler that outlives its stream complains into the
    output of the tests that follow."""
    logger = logging.getLogger()
    handlers, level = logger.handlers[:], logger.level
    yield
    logger.handlers[:] = handlers
    logger.setLevel(level)


# --- browser ----------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def browser_type_launch_args() -> dict[str, Any]:
    """Read by pytest-playwright."""
    return {"executable_path": chromium.program(), "args": chromium.FLAGS, "headless": True}


@pytest.fixture
def browser_page(new_context: Any) -> Iterator[Any]:
    """A page in a fresh context. A fault in the page's own scripts, or a word on its console, fails the test."""
    context = new_context(
        locale="en-GB", timezone_id="Europe/Berlin", viewport={"width": 1280, "height": 800}
    )
    context.set_default_timeout(10_000)
    page = context.new_page()
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(f"script: {error}"))
    page.on("console", lambda said: faults.append(f"console: {said.text}") if said.type == "error" else None)
    page.faults = faults  # a test that provokes one clears it
    yield page
    assert not faults, "the page complained:\n" + "\n".join(faults)

"""One folder per test run, shared by the controller and its xdist workers.

What is dear (a server, a browser, a download) is made once per run by whoever needs it first, under a file
lock, and thrown away by the controller when the whole run is over.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

import pytest

FOLDER = "OUTREACH_TEST_RUN_FOLDER"
PREFIX = "outreach-tests-"
MISSING = "MISSING: "


class Missing(Exception):
    """Something the tests need is not on this machine; the message says what and what to do."""


def begin() -> None:
    """Called by the controller before anything else."""
    _sweep()
    folder = Path(tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-"))
    folder.chmod(0o755)  # a PostgreSQL that runs as another user must be able to walk in
    os.environ[FOLDER] = str(folder)


def end(stop: Callable[[Path], None]) -> None:
    """Called by the controller after everything else; `stop` shuts down what lives in the folder."""
    folder = Path(os.environ.pop(FOLDER, "/nonexistent"))
    if folder.is_dir():
        stop(folder)
        shutil.rmtree(folder, ignore_errors=True)


def folder() -> Path:
    return Path(os.environ[FOLDER])


def leftovers() -> Iterator[Path]:
    """Folders of earlier runs of this user whose controller was killed."""
    for path in Path(tempfile.gettempdir()).glob(f"{PREFIX}[0-9]*-*"):
        pid = path.name.removeprefix(PREFIX).split("-")[0]
        if pid.isdigit() and path.stat().st_uid == os.getuid() and not _alive(int(pid)):
            yield path


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _sweep() -> None:
    from tests.support import postgres

    for path in leftovers():
        postgres.stop(path)
        shutil.rmtree(path, ignore_errors=True)


@contextmanager
def lock(name: str, where: Path | None = None) -> Iterator[None]:
    with open((where or folder()) / f"{name}.lock", "w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def once(name: str, make: Callable[[], Any]) -> Any:
    """The answer of `make`, made once per run over all workers. What is missing stays missing."""
    answer = folder() / f"{name}.json"
    with lock(name):
        if not answer.exists():
            try:
                told = {"found": make()}
            except Missing as missing:
                told = {"missing": str(missing)}
            answer.write_text(json.dumps(told))
        told = json.loads(answer.read_text())
    if "missing" in told:
        raise Missing(told["missing"])
    return told["found"]


def need(name: str, make: Callable[[], Any]) -> Any:
    """As `once`, but what is missing skips the test loudly, or fails it where nothing may be missing."""
    try:
        return once(name, make)
    except Missing as missing:
        skip_loudly(str(missing))


def skip_loudly(why: str) -> NoReturn:
    if os.environ.get("OUTREACH_TEST_REQUIRE_ALL") == "1":
        pytest.fail(why, pytrace=False)
    pytest.skip(MISSING + why)

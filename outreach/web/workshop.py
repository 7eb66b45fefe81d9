"""The workshop behind the pages: what ops try out runs as a command of its own, beside reception.

So a page and the terminal give the same answer, and what takes minutes keeps nobody at the desk waiting.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Sequence
from typing import Any

import orjson

from outreach.domain.errors import Refused
from outreach.settings import PREFIX, Settings
from outreach.web.reception import reception

POLITE = 10
"""Added to the niceness of what is tried out: the desk and the clock come first."""
UNWRAPPED = "10000"
"""Columns: the page wraps what the command says, as wide as it is."""
_AT_ONCE = threading.BoundedSemaphore(2)
"""Whoever asks keeps a thread of reception: so many may, and the desk has the others."""


def ask(words: Sequence[str], *, timeout: float = 60.0) -> Any:
    """What ``outreach <words>`` answers in JSON. ``timeout`` in seconds. Raises Refused with the command's own words where
    it gives none."""
    if not _AT_ONCE.acquire(blocking=False):
        raise Refused("Others are trying something out just now. Ask again in a moment.")
    try:
        done = subprocess.run(
            command(words), capture_output=True, timeout=timeout, env=surroundings(reception().house.settings)
        )
    except subprocess.TimeoutExpired:
        raise Refused(f"This took longer than {timeout:.0f} seconds and was stopped.") from None
    finally:
        _AT_ONCE.release()
    try:
        return orjson.loads(done.stdout)
    except orjson.JSONDecodeError:
        raise Refused(last_words(done.stderr.decode(errors="replace"))) from None


def command(words: Sequence[str]) -> list[str]:
    return ["nice", "-n", str(POLITE), sys.executable, "-m", "outreach", *words]


def surroundings(settings: Settings) -> dict[str, str]:
    """The environment of a command on the database and the folder of this house."""
    of_this_house = {
        "DATABASE_URL": settings.database_url, "DATA_DIR": str(settings.data_dir), "ROOT": str(settings.root),
    }  # fmt: skip
    return (
        os.environ | {"COLUMNS": UNWRAPPED} | {PREFIX + name: value for name, value in of_this_house.items()}
    )


def last_words(errors: str) -> str:
    """What a command said before it gave up, without its name before it."""
    lines = [line for line in errors.strip().splitlines() if line.strip()]
    return lines[-1].removeprefix("outreach: ").removeprefix("Error: ") if lines else "It gave no answer."

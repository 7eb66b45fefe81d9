"""Debian's Chromium for the browser tests, never one that playwright downloads."""

from __future__ import annotations

import shutil
from pathlib import Path

from tests.support import apt, run
from tests.support.run import Missing

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = [
    "--no-sandbox",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--disable-quic",
    "--disable-dev-shm-usage",
]


def program() -> str:
    """The path of a Chromium; skips the test loudly if there is none."""
    return run.need("chromium", _get)


def _get() -> str:
    if path := _find():
        return path
    if apt.may_install():
        apt.install("chromium", "fonts-dejavu-core")
        if path := _find():
            return path
    raise Missing("Chromium (install it: apt-get install chromium)")


def _find() -> str | None:
    usual = Path("/usr/bin/chromium")
    if usual.exists():
        return str(usual)
    return next((path for name in NAMES if (path := shutil.which(name))), None)

"""axe-core finds what a page keeps from people with impairments. Fetched by npm into a folder outside the checkout."""

from __future__ import annotations

import os
import subprocess
import tarfile
import tempfile
from pathlib import Path
from typing import Any

from tests.support import run
from tests.support.run import Missing

PACKAGE = "axe-core@4.11"


def axe_violations(page: Any, within: str | None = None, ignore: tuple[str, ...] = ()) -> list[str]:
    """Each violation on the page (or within a CSS selector) as one readable line."""
    source = Path(run.need("axe", _get))
    page.evaluate(source.read_text(encoding="utf-8"))  # not a script tag: the page's CSP stays as it is
    found = page.evaluate(
        "([within, rules]) => axe.run(within || document, {rules})",
        [within, {rule: {"enabled": False} for rule in ignore}],
    )
    return [
        f"{violation['id']} ({violation['impact']}): {violation['help']} at {' '.join(map(str, node['target']))}"
        for violation in found["violations"]
        for node in violation["nodes"]
    ]


def _get() -> str:
    if given := os.environ.get("OUTREACH_TEST_AXE"):
        return given
    home = Path(tempfile.gettempdir()) / f"outreach-tests-cache-{os.getuid()}"
    home.mkdir(mode=0o700, exist_ok=True)
    if home.stat().st_uid != os.getuid():
        raise Missing(f"axe-core ({home} belongs to somebody else)")
    kept = home / f"{PACKAGE}.min.js"
    with run.lock("axe", home):
        if not kept.exists():
            _fetch(kept)
    return str(kept)


def _fetch(kept: Path) -> None:
    if os.environ.get("OUTREACH_TEST_NO_INSTALL") == "1":
        raise Missing(
            "axe-core (OUTREACH_TEST_NO_INSTALL=1 forbids fetching it; OUTREACH_TEST_AXE names a file)"
        )
    with tempfile.TemporaryDirectory(dir=kept.parent) as scratch:
        command = ["npm", "pack", "--ignore-scripts", "--silent", PACKAGE]
        try:
            subprocess.run(command, cwd=scratch, capture_output=True, check=True, timeout=120)
        except (OSError, subprocess.SubprocessError) as fault:
            raise Missing(f"axe-core (npm could not fetch it: {type(fault).__name__})") from fault
        with tarfile.open(next(Path(scratch).glob("*.tgz"))) as archive:
            member = archive.extractfile("package/axe.min.js")
            if member is None:
                raise Missing("axe-core (the package holds no axe.min.js)")
            fresh = Path(scratch) / "axe.min.js"
            fresh.write_bytes(member.read())
        fresh.replace(kept)

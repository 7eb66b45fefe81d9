"""What takes minutes to try out: begun by a page, run beside reception, looked at until it is done.

A try-out is a folder: the rules it was given, what it answers, how far it is. So it outlives a restart of reception, every
worker can tell of it, and it is thrown away after a week.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import orjson

from outreach.domain.errors import NotFound, Refused
from outreach.settings import Settings
from outreach.web.workshop import command, last_words, surroundings

MOST_AT_ONCE = 2
KEPT = timedelta(days=7)
_TAIL = 4000
"""Bytes at the end of what a command says that are looked at for how far it is."""


@dataclass(frozen=True, slots=True)
class Tryout:
    id: str
    kind: str
    """``stories``, ``backtest`` or ``diff``"""
    playbook: str
    by: str
    begun_at: datetime
    state: str
    """``running``, ``done``, ``failed`` or ``stopped``"""
    done: int = 0
    of: int = 0
    """Events played, of how many; 0 while nothing is known."""
    words: str = ""
    """Why it failed."""
    has_report: bool = False

    @property
    def runs(self) -> bool:
        return self.state == "running"

    @property
    def percent(self) -> int:
        return min(100, 100 * self.done // self.of) if self.of else 0


class Tryouts:
    """Those of a house, below ``folder``."""

    def __init__(self, settings: Settings) -> None:
        self._folder, self._settings = settings.data_dir / "tryouts", settings

    def begin(
        self,
        id_: str,
        kind: str,
        playbook: str,
        by: str,
        now: datetime,
        words: Callable[[Path], Sequence[str]],
        rules: Callable[[Path], object],
    ) -> None:
        """``rules(folder)`` lays them out there; ``words(folder of the try-out)`` is the command. Raises Refused while as many
        run as this machine is good for."""
        self._throw_away(now - KEPT)
        if sum(one.runs for one in self.all()) >= MOST_AT_ONCE:
            raise Refused(f"{MOST_AT_ONCE} try-outs run already. Wait for one, or stop it.")
        here = self._folder / id_
        here.mkdir(parents=True)
        rules(here / "rules")
        about = {"kind": kind, "playbook": playbook, "by": by, "begun_at": now.isoformat()}
        self._run(here, words(here), about)

    def _run(self, here: Path, words: Sequence[str], about: dict[str, Any]) -> None:
        with (here / "answer.json").open("wb") as answer, (here / "said.txt").open("wb") as said:
            process = subprocess.Popen(
                command(words), stdout=answer, stderr=said, stdin=subprocess.DEVNULL, start_new_session=True,
                env=surroundings(self._settings),
            )  # fmt: skip
        (here / "about.json").write_bytes(orjson.dumps(about | {"pid": process.pid}))
        threading.Thread(target=_wait_for, args=(process, here), daemon=True).start()

    def all(self) -> list[Tryout]:
        """Newest first."""
        found = [self._read(folder) for folder in self._folder.glob("*/")]
        return sorted((one for one in found if one), key=lambda one: (one.begun_at, one.id), reverse=True)

    def about(self, playbook: str, most: int = 8) -> list[Tryout]:
        return [one for one in self.all() if one.playbook == playbook][:most]

    def of(self, id_: str) -> Tryout:
        found = self._read(self._folder / id_) if id_.isalnum() else None
        if found is None:
            raise NotFound("This try-out is not kept any more.")
        return found

    def answer(self, id_: str) -> Any:
        """What the command answered; None while it has not."""
        try:
            return orjson.loads((self._folder / self.of(id_).id / "answer.json").read_bytes())
        except orjson.JSONDecodeError:
            return None

    def report(self, id_: str) -> Path:
        return self._folder / self.of(id_).id / "report.html"

    def stop(self, id_: str) -> None:
        one, here = self.of(id_), self._folder / id_
        if one.runs:
            (here / "stopped").touch()
            _end(_about(here)["pid"])

    def _read(self, here: Path) -> Tryout | None:
        about = _about(here)
        if not about:
            return None
        state, words = _state(here, about["pid"])
        done, of = _so_far(here)
        return Tryout(
            here.name, about["kind"], about["playbook"], about["by"], datetime.fromisoformat(about["begun_at"]),
            state, done, of, words, (here / "report.html").exists(),
        )  # fmt: skip

    def _throw_away(self, before: datetime) -> None:
        for one in self.all():
            if one.begun_at < before and not one.runs:
                shutil.rmtree(self._folder / one.id, ignore_errors=True)


def _about(here: Path) -> dict[str, Any]:
    try:
        found: dict[str, Any] = orjson.loads((here / "about.json").read_bytes())
    except (FileNotFoundError, orjson.JSONDecodeError):
        return {}  # being laid out
    return found


def _wait_for(process: subprocess.Popen[bytes], here: Path) -> None:
    """A process that nobody waits for stays in the table of processes."""
    process.wait()
    if here.exists():
        (here / "ended").touch()


def _state(here: Path, pid: int) -> tuple[str, str]:
    """The answer says more than an exit code: 1 only means that something was found."""
    if (here / "stopped").exists():
        return "stopped", ""
    if not (here / "ended").exists() and _lives(pid):
        return "running", ""
    try:
        orjson.loads((here / "answer.json").read_bytes())
    except orjson.JSONDecodeError:
        return "failed", last_words(_said(here))
    return "done", ""


def _said(here: Path) -> str:
    with (here / "said.txt").open("rb") as file:
        file.seek(max(0, file.seek(0, os.SEEK_END) - _TAIL))
        return file.read().decode(errors="replace")


def _so_far(here: Path) -> tuple[int, int]:
    for line in reversed(_said(here).splitlines()):
        try:
            found = orjson.loads(line)
            return int(found["done"]), int(found["of"])
        except (orjson.JSONDecodeError, KeyError, TypeError, ValueError):
            continue
    return 0, 0


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _end(pid: int) -> None:
    """It and the processes that it works with."""
    try:
        os.killpg(pid, signal.SIGTERM)
    except (ProcessLookupError, PermissionError):
        return

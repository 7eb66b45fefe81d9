"""What takes minutes to try out: begun by a page, run beside reception, looked at until it is done.

A try-out is a folder: the rules it was given, what it answers, how far it is. So it outlives a restart of reception, every
worker can tell of it, and it is thrown away after a week.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import IO, Any

import orjson

from outreach.domain.errors import NotFound, Refused
from outreach.settings import Settings
from outreach.web.workshop import command, last_words, surroundings

MOST_AT_ONCE = 2
TITLES = {"stories": "Stories", "backtest": "Backtest", "diff": "What would be different"}
"""What can be tried out, in the words of its page."""
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
        here = self._folder / id_
        with self._one_at_a_time():
            self._throw_away(now - KEPT)
            if sum(one.runs for one in self.all()) >= MOST_AT_ONCE:
                raise Refused(f"{MOST_AT_ONCE} try-outs run already. Wait for one, or stop it.")
            here.mkdir()
            held = _hold(here)
        about = {"kind": kind, "playbook": playbook, "by": by, "begun_at": now.isoformat()}
        (here / "about.json").write_bytes(orjson.dumps(about))
        try:
            rules(here / "rules")
            self._run(here, words(here), held)
        except BaseException:
            shutil.rmtree(here, ignore_errors=True)
            raise
        finally:
            held.close()

    def _run(self, here: Path, words: Sequence[str], held: IO[str]) -> None:
        """The process inherits the lock, so it stands for as long as that lives, whatever becomes of reception."""
        with (here / "answer.json").open("wb") as answer, (here / "said.txt").open("wb") as said:
            process = subprocess.Popen(
                command(words), stdout=answer, stderr=said, stdin=subprocess.DEVNULL, start_new_session=True,
                env=surroundings(self._settings), pass_fds=(held.fileno(),),
            )  # fmt: skip
        (here / "pid").write_text(str(process.pid))
        # A process that nobody waits for stays in the table of processes.
        threading.Thread(target=process.wait, daemon=True).start()

    @contextmanager
    def _one_at_a_time(self) -> Iterator[None]:
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with (self._folder / "lock").open("w") as held:
            fcntl.flock(held, fcntl.LOCK_EX)
            yield

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
        if one.runs and (here / "pid").exists():
            (here / "stopped").touch()
            _end(int((here / "pid").read_text()))

    def _read(self, here: Path) -> Tryout | None:
        about = _about(here)
        if not about:
            return None
        state, words = _state(here)
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


def _hold(here: Path) -> IO[str]:
    held = (here / "lock").open("w")
    fcntl.flock(held, fcntl.LOCK_EX)
    return held


def _is_held(here: Path) -> bool:
    with (here / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def _state(here: Path) -> tuple[str, str]:
    """The answer says more than an exit code: 1 only means that something was found. It may be large, so only its end is
    looked at."""
    if (here / "stopped").exists():
        return "stopped", ""
    if _is_held(here):
        return "running", ""
    whole = _end_of(here / "answer.json", 2).strip().endswith(("}", "]"))
    return ("done", "") if whole else ("failed", last_words(_end_of(here / "said.txt", _TAIL)))


def _end_of(path: Path, size: int) -> str:
    try:
        with path.open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - size))
            return file.read().decode(errors="replace")
    except FileNotFoundError:
        return ""  # being laid out


def _so_far(here: Path) -> tuple[int, int]:
    """What is told by ``--progress json``; of two phases each is one half."""
    for line in reversed(_end_of(here / "said.txt", _TAIL).splitlines()):
        try:
            found = orjson.loads(line)
            done, of = int(found["done"]), int(found["of"])
        except (orjson.JSONDecodeError, KeyError, TypeError, ValueError):
            continue
        phase = found.get("phase")
        return (done + of * (phase == "after"), 2 * of) if phase else (done, of)
    return 0, 0


def _end(pid: int) -> None:
    """It and the processes that it works with."""
    try:
        os.killpg(pid, signal.SIGTERM)
    except (ProcessLookupError, PermissionError):
        return

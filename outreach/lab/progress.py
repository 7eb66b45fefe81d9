"""How far something long has come: a bar where somebody looks, a line of JSON now and then where a page does."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import orjson
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

Shown = Callable[..., None]
"""Told how many events are done, how many there are, and, if that says something, which day they are of:
``shown(done, of, day="")``."""
EVERY = 0.5
"""Seconds between two lines of JSON."""


def silent(done: int, of: int, day: str = "") -> None:
    """Nobody looks."""


@contextmanager
def progress(kind: str = "auto", phase: str = "") -> Iterator[Shown]:
    """Shown on stderr. ``auto``: a bar on a terminal, else nothing. ``json``: ``{"done": 500, "of": 2000}`` at once, each
    half second, and at the end, with ``"phase"`` where one is named."""
    if kind == "json":
        lines = _Lines(phase)
        yield lines.shown
        lines.last()
    elif kind == "auto" and sys.stderr.isatty():
        with _bar(phase) as shown:
            yield shown
    else:
        yield silent


class _Lines:
    def __init__(self, phase: str) -> None:
        self._named: dict[str, Any] = {"phase": phase} if phase else {}
        self._known: tuple[int, int] | None = None
        self._told: tuple[int, int] | None = None
        self._next = 0.0

    def shown(self, done: int, of: int, day: str = "") -> None:
        self._known = (done, of)
        if time.monotonic() >= self._next:
            self._next = time.monotonic() + EVERY
            self._write()

    def last(self) -> None:
        if self._known != self._told:
            self._write()

    def _write(self) -> None:
        assert self._known is not None
        self._told = self._known
        done, of = self._known
        sys.stderr.write(orjson.dumps({**self._named, "done": done, "of": of}).decode() + "\n")
        sys.stderr.flush()


@contextmanager
def _bar(phase: str) -> Iterator[Shown]:
    columns = (
        TextColumn("{task.description}"), BarColumn(), TextColumn("{task.completed:,} of {task.total:,} events"),
        TimeElapsedColumn(), TimeRemainingColumn(),
    )  # fmt: skip
    with Progress(*columns, console=Console(stderr=True), transient=True) as shown:
        task = shown.add_task(phase, total=0)
        yield lambda done, of, day="": shown.update(
            task, completed=done, total=of, description=f"{phase} {day}".strip()
        )

"""How the benches measure: two things in turn (A B A B …), in one run, on one machine, side by side.

A time alone says more about the machine than about the code, and a shared machine changes from minute to
minute. So every figure is a ratio of two cases that ran right after each other. CPU time is the steady
figure; wall time stands beside it. What prepares a case is not timed.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from statistics import median
from typing import Any

Work = Callable[[], object]
Case = Callable[[], Work]
"""Prepares, and gives the work that is timed."""
Clock = Callable[[], float]
Say = Callable[[str], None]
"""Tells what is being measured right now."""


@dataclass(frozen=True, slots=True)
class Spread:
    """Median, least and greatest of the rounds."""

    middle: float
    low: float
    high: float

    @classmethod
    def of(cls, values: list[float]) -> Spread:
        return cls(median(values), min(values), max(values))

    def text(self, form: str = ".3g") -> str:
        return f"{self.middle:{form}} ({self.low:{form}}–{self.high:{form}})"


@dataclass(frozen=True, slots=True)
class Goal:
    """What the ratio should be. Shown next to what it is; nothing fails."""

    value: float
    at_least: bool = False

    def met(self, ratio: float) -> bool:
        return ratio >= self.value if self.at_least else ratio <= self.value

    @property
    def text(self) -> str:
        return f"{'≥' if self.at_least else '≤'} {self.value:g}"


@dataclass(frozen=True, slots=True)
class Line:
    """One row of the answer: how a case compares with another one."""

    bench: str
    what: str
    against: str
    ratio: Spread | None
    """Of CPU time, per round; None where it says nothing, see ``note``. Then wall time is what counts."""
    wall_ratio: Spread | None = None
    ours: float = 0.0
    """CPU of one unit of work, median."""
    theirs: float = 0.0
    unit: str = "µs CPU"
    goal: Goal | None = None
    note: str = ""

    @property
    def met(self) -> bool | None:
        ratio = self.ratio or self.wall_ratio
        return None if self.goal is None or ratio is None else self.goal.met(ratio.middle)

    def as_json(self) -> dict[str, Any]:
        return {**asdict(self), "goal": self.goal.text if self.goal else None, "met": self.met}


@dataclass(slots=True)
class Times:
    """Of one case: microseconds per unit, one entry a round."""

    cpu: list[float] = field(default_factory=list)
    wall: list[float] = field(default_factory=list)


def alternate(
    cases: Mapping[str, Case], rounds: int, units: int, cpu: Clock = time.process_time
) -> dict[str, Times]:
    """Every case once a round, in turn; microseconds per unit of work."""
    found = {name: Times() for name in cases}
    for turn in range(rounds):
        names = list(cases)
        for name in names if turn % 2 == 0 else reversed(names):
            work = cases[name]()
            gc.collect()
            spent, passed = timed(work, cpu)
            found[name].cpu.append(spent / units * 1e6)
            found[name].wall.append(passed / units * 1e6)
    return found


def timed(work: Work, cpu: Clock = time.process_time) -> tuple[float, float]:
    """Seconds of CPU and of wall time."""
    passed, spent = time.perf_counter(), cpu()
    work()
    return cpu() - spent, time.perf_counter() - passed


def compare(
    bench: str,
    what: str,
    against: str,
    ours: Times,
    theirs: Times,
    *,
    goal: Goal | None = None,
    per: str = "event",
    upside_down: bool = False,
    note: str = "",
) -> Line:
    """Ours over theirs, round by round. ``upside_down``: theirs over ours, so "so many times faster"."""
    one, other = (theirs, ours) if upside_down else (ours, theirs)
    return Line(
        bench, what, against,
        ratio=Spread.of(_ratios(one.cpu, other.cpu)),
        wall_ratio=Spread.of(_ratios(one.wall, other.wall)),
        ours=median(ours.cpu),
        theirs=median(theirs.cpu),
        unit=f"µs CPU per {per}",
        goal=goal,
        note=note,
    )  # fmt: skip


def _ratios(one: list[float], other: list[float]) -> list[float]:
    return [a / max(b, 1e-9) for a, b in zip(one, other, strict=True)]


def missing(bench: str, what: str, against: str, note: str, goal: Goal | None = None) -> Line:
    """A line that says why it was not measured."""
    return Line(bench, what, against, None, goal=goal, note=note)

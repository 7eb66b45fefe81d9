"""What a look over the house comes to: one thing that is well, or one that somebody has to see to, with the remedy."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum


class Gravity(IntEnum):
    """How soon somebody has to see to it."""

    WELL = 0
    SOON = 1
    NOW = 2
    """Customers wait, or nothing leaves."""


@dataclass(frozen=True, slots=True)
class Finding:
    """``what`` is a sentence without its capital and its full stop; ``remedy``: what to do, with the command in
    backquotes where there is one."""

    what: str
    remedy: str = ""
    gravity: Gravity = Gravity.WELL

    @property
    def ok(self) -> bool:
        return self.gravity is Gravity.WELL


Findings = Iterator[Finding]


def well(what: str) -> Finding:
    return Finding(what)


def look(what: str, remedy: str, gravity: Gravity = Gravity.SOON) -> Finding:
    return Finding(what, remedy, gravity)


def many(count: int, what: str) -> str:
    plural = {"person": "people", "story": "stories", "named address": "named addresses are"}.get(
        what, f"{what}s"
    )
    single = {"named address": "named address is"}.get(what, what)
    return f"{count:,} {single if count == 1 else plural}"

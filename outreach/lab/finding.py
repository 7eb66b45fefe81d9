"""What the doctor says: one thing that is well, or one that somebody has to see to, with the remedy."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    ok: bool
    what: str
    remedy: str = ""


Findings = Iterator[Finding]


def well(what: str) -> Finding:
    return Finding(True, what)


def look(what: str, remedy: str) -> Finding:
    return Finding(False, what, remedy)


def many(count: int, what: str) -> str:
    plural = {"person": "people", "story": "stories", "named address": "named addresses are"}.get(
        what, f"{what}s"
    )
    single = {"named address": "named address is"}.get(what, what)
    return f"{count:,} {single if count == 1 else plural}"

"""Where an expression stands in its file, and what is wrong with it there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NoReturn

from outreach.domain.errors import Fault, Invalid

MOST_FAULTS = 20
"""More faults in one expression help nobody."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where an expression stands: its file, and for each offset into its text the line and column there.

    ``position`` counts lines and columns from 1. It knows about quotes, escapes and block scalars.
    """

    file: str
    position: Callable[[int], tuple[int, int]]

    @classmethod
    def plain(cls, file: str, line: int = 1, column: int = 1) -> Place:
        """A text that stands in one line just as it is, from this line and column on."""
        return cls(file, lambda offset: (line, column + offset))


@dataclass(slots=True)
class Faults:
    """Collects what is wrong with one expression, so that all of it is told at once."""

    place: Place
    found: list[Fault] = field(default_factory=list)

    def add(self, offset: int, what: str, remedy: str = "") -> None:
        line, column = self.place.position(offset)
        fault = Fault(self.place.file, line, column, what, remedy)
        if fault not in self.found:
            self.found.append(fault)

    def raise_if_any(self) -> None:
        if self.found:
            raise Invalid(sorted(self.found, key=lambda fault: (fault.line, fault.column))[:MOST_FAULTS])

    def stop(self, offset: int, what: str, remedy: str = "") -> NoReturn:
        self.add(offset, what, remedy)
        self.raise_if_any()
        raise AssertionError("a fault was just added")

"""What can go wrong, as values and exceptions.

OutreachError
├── Refused         the request is understood and may not be done (409 at the edge)
├── NotFound        the thing named does not exist (404)
├── Gone            it was there and is not kept any more (410)
├── Invalid         the input is wrong; carries every fault at once (400/422)
└── IllegalChange   a status change that the machine does not allow
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault in something a person wrote: where, what, and how to mend it.

    ``line`` and ``column`` count from 1; 0 means "the whole file".
    """

    file: str
    line: int
    column: int
    what: str
    remedy: str = ""
    warning: bool = False

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}:{self.column}" if self.line else self.file
        return f"{place}: {self.what}" + (f"; {self.remedy}" if self.remedy else "")


class OutreachError(Exception):
    """Root of everything this project raises on purpose."""


class Refused(OutreachError):
    """This may not be done now."""


class NotFound(OutreachError):
    """There is no such thing."""


class Gone(OutreachError):
    """It is not kept any more."""


class IllegalChange(OutreachError):
    """This status change is not in the table."""


class Invalid(OutreachError):
    """The input is wrong. ``faults`` holds every fault, not only the first."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults = tuple(faults)
        super().__init__("\n".join(str(fault) for fault in self.faults))


def must_say(reason: str, words: str = "Say why.") -> None:
    """Raises Refused with these words where no reason is given."""
    if not reason.strip():
        raise Refused(words)

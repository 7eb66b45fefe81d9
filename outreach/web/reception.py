"""What one app holds: the house behind it, the writer, the numbers, and the limiter of log-ins."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic
from typing import TYPE_CHECKING, Any

from flask import current_app

from outreach.domain.evaluate import Ruleset
from outreach.service.ports import Outside
from outreach.web.writer import Writer

if TYPE_CHECKING:
    from outreach.assemble import House

EXTENSION = "outreach"


class Glance:
    """The rules, looked up on the disk at most so often: asking costs a look at every file."""

    def __init__(self, rules: Callable[[], Ruleset], every: float = 1.0) -> None:
        self._rules, self._every = rules, every
        self._known: Ruleset | None = None
        self._next = 0.0

    def __call__(self) -> Ruleset:
        now = monotonic()
        if self._known is None or now >= self._next:
            self._known, self._next = self._rules(), now + self._every
        return self._known


@dataclass
class Reception:
    """One per app, in ``app.extensions``."""

    house: House
    outside: Outside
    writer: Writer
    cheap_hashes: bool = False
    metrics: Any = None


def reception() -> Reception:
    """That of the app which serves this request."""
    found: Reception = current_app.extensions[EXTENSION]
    return found


def outside() -> Outside:
    return reception().outside

"""What one app holds: the house behind it, the writer, the numbers, and the limiter of log-ins."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from flask import current_app

from outreach.service.ports import Outside
from outreach.web.writer import Writer

if TYPE_CHECKING:
    from outreach.assemble import House

EXTENSION = "outreach"


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

"""What a database says when it has not done it."""

from __future__ import annotations

from outreach.domain.errors import OutreachError


class Outpaced(OutreachError):
    """Somebody else changed the same row first; ``Database.retrying`` repeats the use case whole."""


class Unavailable(OutreachError):
    """The database did not do it: full, busy for too long, or gone. Nothing of the unit is kept."""


class Unfit(OutreachError, ValueError):
    """The database cannot hold this value: U+0000, or a number beyond its column. Nothing of the unit is kept."""


class InDoubt(OutreachError):
    """The connection broke while the unit was being committed: it may or may not be kept. Read again
    what it should have written before doing anything twice."""

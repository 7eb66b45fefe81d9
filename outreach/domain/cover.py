"""Who is away, and who stands in: an absence with its dates, and a leaver's, which has no end."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True)
class Absence:
    """``user`` and ``cover`` are user names. ``until`` None: they do not come back."""

    id: str
    user: str
    cover: str
    since: datetime
    until: datetime | None
    note: str = ""
    """What the cover needs to know."""
    by: str = ""
    ended_at: datetime | None = None
    back: str = ""
    """What the one who comes back needs to know."""

    @property
    def last(self) -> datetime | None:
        """An instant of their last day away: ``until`` is the morning on which they are back."""
        return self.until - timedelta(seconds=1) if self.until else None

    def is_on(self, at: datetime) -> bool:
        return self.ended_at is None and self.since <= at and (self.until is None or at < self.until)

    def is_over(self, at: datetime) -> bool:
        return self.ended_at is not None or (self.until is not None and self.until <= at)


def covers(absences: Iterable[Absence], at: datetime) -> Mapping[str, str]:
    """Who is away → who is here for them: where the cover is away, too, the cover's own. A ring of people who
    are all away covers nobody: none of them is in it."""
    direct = {one.user: one.cover for one in absences if one.is_on(at)}
    found = {user: _here(user, direct) for user in direct}
    return {user: cover for user, cover in found.items() if cover}


def _here(user: str, direct: Mapping[str, str]) -> str:
    seen, at = {user}, direct[user]
    while at in direct:
        if at in seen:
            return ""
        seen.add(at)
        at = direct[at]
    return at

"""How many calls somebody can make well in a day, and what does not fit."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from outreach.domain.company import Company


@dataclass(frozen=True, slots=True)
class Load:
    """Calls that wait for one colleague today, and how many they can make. ``can`` None: nobody has said."""

    name: str
    waiting: int
    can: int | None

    @property
    def short(self) -> int:
        """How many will not be made."""
        return max(self.waiting - self.can, 0) if self.can is not None else 0


def share(company: Company, name: str, away: Collection[str]) -> int | None:
    """A team's capacity is shared by those of its members who are here. None for everybody else: nobody has said."""
    team = company.team_of(name)
    if team is None or team.capacity is None:
        return None
    here = [member for member in team.members if member not in away]
    return team.capacity // len(here) if name in here else None


def minutes_per_call(company: Company, name: str) -> float | None:
    """What one of their calls takes: as company.yaml says, else a working day shared by as many calls as they can make
    well in it. None: nobody has said."""
    if company.costs.call_minutes is not None:
        return company.costs.call_minutes
    team, can = company.team_of(name), share(company, name, ())
    return team.calendar.minutes_a_day / can if team and can else None


def loads(company: Company, waiting: Mapping[str, int], away: Collection[str]) -> list[Load]:
    """Of everybody for whom a call waits; who is shortest first."""
    found = [Load(name, count, share(company, name, away)) for name, count in waiting.items()]
    return sorted(found, key=lambda load: (-load.short, -load.waiting, load.name))

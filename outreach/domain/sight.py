"""What a colleague may see whole: an account manager their own accounts and their team's; who leads or runs the house, all."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from outreach.domain.company import Company


@dataclass(frozen=True, slots=True)
class Sight:
    """``names``: theirs, their team's, and of those they stand in for. What is nobody's is everybody's, so that
    nothing is without somebody who looks."""

    everything: bool = False
    names: frozenset[str] = frozenset()
    team: str | None = None

    def sees(self, owner: str | None, team: str | None) -> bool:
        """An account with that owner and that team."""
        if self.everything or not (owner or team):
            return True
        return owner in self.names or (team is not None and team == self.team)

    def narrowed(self, names: Iterable[str], team: str | None) -> Sight:
        """Only what is theirs, or the team's; what is nobody's stays."""
        return Sight(False, frozenset(names), team)

    def has(self, *names: str | None) -> bool:
        """A card that one of these has, was handed, or is to call about."""
        return self.everything or any(name in self.names for name in names if name)


ALL = Sight(everything=True)


def sight_of(company: Company, by: str, covered: Iterable[str]) -> Sight:
    """Of an account manager. A company without teams is one team."""
    if not company.teams:
        return ALL
    team = company.team_of(by)
    mates = (*team.members, team.manager) if team else ()
    return Sight(
        False, frozenset(name for name in (by, *covered, *mates) if name), team.name if team else None
    )

"""Which of us can be rung: the one the customer knows, and those who are on duty now."""

from __future__ import annotations

from datetime import datetime

from outreach.domain.company import Company, Team
from outreach.domain.cover import covers
from outreach.domain.hours import Duration
from outreach.service.ledger import Ledger
from outreach.service.ports import Unit
from outreach.service.ports_records import User

MOST_AT_ONCE = 8
"""Phones that ring at once when the known face did not pick up."""
STEERING = frozenset({"ops", "admin"})
"""Roles that may change what playbooks do."""
AN_HOUR = Duration(business_seconds=3600)


def name_of(user: User) -> str:
    """What cards and accounts call them."""
    return user.manager or user.id


def known_face(unit: Unit, ledger: Ledger, account: str | None) -> User | None:
    """The account manager, else whoever spoke with them last; only if they are here and can be rung."""
    state = ledger.accounts.get(account or "")
    if state is None:
        return None
    away = covers(unit.absences(ledger.now), ledger.now)
    for named in (state.described.get("owner"), state.spoken_by):
        user = unit.user(away.get(named, named)) if named else None
        if user is not None and _can_be_rung(user):
            return user
    return None


def on_duty(unit: Unit, company: Company, team: Team | None, now: datetime) -> list[User]:
    """The team's people who can be rung while it is open; without a team the named person's, while the company
    is. Nobody outside the hours: a phone at night is no promise kept."""
    calendar = team.calendar if team else company.calendar
    if not calendar.is_open(now):
        return []
    names = [*team.members, team.manager] if team else [company.named_person]
    away = covers(unit.absences(now), now)
    users = [unit.user(name) for name in dict.fromkeys(names) if name and name not in away]
    return [user for user in users if user is not None and _can_be_rung(user)][:MOST_AT_ONCE]


def team_of(ledger: Ledger, account: str | None) -> Team | None:
    """The account's team, else its owner's, else the company's first."""
    company = ledger.rules.company
    state = ledger.accounts.get(account or "")
    said = state.described if state else {}
    named = company.teams.get(said.get("team") or "") or company.team_of(said.get("owner") or "")
    return named or next(iter(company.teams.values()), None)


def honest_hour(ledger: Ledger, account: str | None) -> datetime:
    """By when we certainly ring: one opening hour of the team from now."""
    team = team_of(ledger, account)
    calendar = team.calendar if team else ledger.rules.company.calendar
    return calendar.add(ledger.now, AN_HOUR)


def _can_be_rung(user: User) -> bool:
    return user.active and bool(user.phone)

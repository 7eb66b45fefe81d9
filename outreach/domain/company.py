"""The company: its place, its teams and their hours, and how much contact one person gets.

Read from ``playbooks/company.yaml`` by ``library``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta

from outreach.domain.blast import USUAL, Radius
from outreach.domain.hours import Calendar, Duration


@dataclass(frozen=True, slots=True)
class Caps:
    """The most that may be sent or dialled, over all playbooks and channels. None: no cap."""

    per_person_per_day: int | None = None
    per_person_per_week: int | None = None
    per_endpoint_per_day: int | None = None
    per_endpoint_per_week: int | None = None
    calls_per_person_per_day: int | None = None


@dataclass(frozen=True, slots=True)
class Costs:
    """What contacts cost, in the company's currency. None: nobody has said."""

    call_minutes: float | None = None
    """Minutes that one call takes, with what is read before and written after."""
    call_minute: float | None = None
    email: float | None = None
    sms: float | None = None

    @property
    def priced(self) -> bool:
        return not (self.call_minute is None and self.email is None and self.sms is None)


@dataclass(frozen=True)
class Team:
    """People who stand in for each other. Members and the manager are user names."""

    name: str
    calendar: Calendar
    members: tuple[str, ...] = ()
    manager: str = ""
    capacity: int | None = None
    """Calls the team can make in one working day; None when nobody has said."""
    title: str = ""


@dataclass(frozen=True)
class Company:
    """What is the same for all playbooks. ``named_person`` is the last rung of every ladder."""

    name: str
    zone: str
    country: str
    language: str
    calendar: Calendar
    named_person: str
    unreached_after: Duration
    """N: after it an overdue call or an unreached failure climbs; again at 2N and 4N."""
    look_again: Duration
    """When a reached failure that is not put right comes back, where no promise says so."""
    region: str | None = None
    currency: str = "EUR"
    postal_address: str = ""
    phone: str = ""
    sender_name: str = ""
    """In whose name mail leaves when no account manager is known."""
    sender_email: str = ""
    sender_phone: str = ""
    care_text: str = ""
    """The first words on the customer's own page."""
    missed_call: str = ""
    """What a customer hears who rings when nobody can come; ``{time}`` is the hour by which we ring."""
    caps: Caps = Caps()
    blast_radius: Radius | None = USUAL
    """None: no limit, where nobody is there to be asked."""
    costs: Costs = Costs()
    keeps_consents: bool = False
    """Whether who has no consent here has none: what other senders ask us is then judged by it."""
    keep_messages: timedelta = timedelta(days=730)
    """How long the texts of messages are kept, ours and theirs."""
    quiet_days: frozenset[date] = frozenset()
    """Nobody is rung or texted then, wherever they live."""
    teams: Mapping[str, Team] = field(default_factory=dict)

    def calendar_of(self, team: str | None) -> Calendar:
        """The team's hours; the company's for an unknown team or none."""
        found = self.teams.get(team or "")
        return found.calendar if found else self.calendar

    def team_of(self, user: str) -> Team | None:
        """The first team that the user is a member or the manager of."""
        found = (team for team in self.teams.values() if user in team.members or user == team.manager)
        return next(found, None)

"""What a backtest comes to: contacts a day and per account manager against their capacity, what they cost, what was held back
and why."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import date, timedelta

from outreach.domain.company import Company
from outreach.domain.hours import local
from outreach.lab.backtest_played import Played, Touched
from outreach.service.capacity import minutes_per_call, share

CHANNELS = ("call", "email", "sms", "task")
NOBODY = "nobody"
CAPS = "cap_"
"""Reasons of the policy that begin so are caps."""
WEEKDAYS = ("Mondays", "Tuesdays", "Wednesdays", "Thursdays", "Fridays", "Saturdays", "Sundays")


@dataclass
class Cost:
    """Of contacts that were made. Money in the company's currency, as far as company.yaml has prices."""

    minutes: float = 0.0
    unknown: int = 0
    """Calls of which nobody has said how long they take."""
    money: float = 0.0

    def add(self, touch: Touched, company: Company) -> None:
        if touch.channel == "call":
            minutes = minutes_per_call(company, touch.whose)
            self.unknown += minutes is None
            self.minutes += minutes or 0.0
            self.money += (minutes or 0.0) * (company.costs.call_minute or 0.0)
        elif touch.channel in ("email", "sms"):
            self.money += getattr(company.costs, touch.channel) or 0.0


@dataclass
class Report:
    """Counts. A day is one in the company's zone."""

    outcome: Played
    company: Company
    days: dict[date, Counter[str]] = field(default_factory=dict)
    """Day → channel → contacts."""
    playbooks: dict[str, Counter[str]] = field(default_factory=dict)
    """Playbook → channel, ``started``, ``held`` (generic mail), ``withheld``, and of its calls ``said_pointless`` and
    ``moot`` → how many."""
    costs: dict[str, Cost] = field(default_factory=dict)
    """Playbook → what its contacts cost."""
    withheld: Counter[str] = field(default_factory=Counter)
    """Why something was not done → how many."""
    capped: set[str] = field(default_factory=set)
    """Accounts of which somebody had more than the caps allow."""
    loads: dict[str, dict[date, int]] = field(default_factory=dict)
    """Account manager → day → calls."""

    @property
    def weeks(self) -> float:
        return max((self.outcome.until - self.outcome.since) / timedelta(weeks=1), 1 / 7)

    def total(self, channel: str) -> int:
        return sum(day[channel] for day in self.days.values())

    @property
    def cost(self) -> Cost:
        found = self.costs.values()
        return Cost(sum(c.minutes for c in found), sum(c.unknown for c in found), sum(c.money for c in found))

    def of_all(self, name: str) -> int:
        """A count of ``playbooks``, over all of them."""
        return sum(counts[name] for counts in self.playbooks.values())

    @property
    def pointless(self) -> float | None:
        """The share of calls that were found pointless; None without a call."""
        calls = self.total("call")
        return (self.of_all("said_pointless") + self.of_all("moot")) / calls if calls else None

    def capacity(self, name: str) -> int | None:
        return share(self.company, name, ())

    def over(self, name: str) -> list[date]:
        """Days on which they would have had more calls than they can make well."""
        can = self.capacity(name)
        return [] if can is None else [day for day, calls in sorted(self.loads[name].items()) if calls > can]

    def reached(self) -> set[str]:
        """Accounts that a human would have contacted."""
        return {touch.account for touch in self.outcome.touches if touch.made and touch.channel != "task"}


def report_of(outcome: Played, company: Company) -> Report:
    report = Report(outcome, company)
    for name, count in outcome.runs.items():
        report.playbooks[name] = Counter(started=count)
    for name, count in outcome.holds.items():
        report.playbooks.setdefault(name, Counter())["held"] += count
    for touch in outcome.touches:
        _count(report, touch)
    return report


def _count(report: Report, touch: Touched) -> None:
    counts = report.playbooks.setdefault(touch.playbook, Counter())
    if touch.because.startswith(CAPS):
        report.capped.add(touch.account)
    if not touch.made:
        if touch.status != "cancelled":
            report.withheld[touch.because] += 1
            counts["withheld"] += 1
        return
    day = local(touch.at, report.company.zone).date()
    report.days.setdefault(day, Counter())[touch.channel] += 1
    counts[touch.channel] += 1
    report.costs.setdefault(touch.playbook, Cost()).add(touch, report.company)
    if touch.channel == "call":
        if found := pointless_by(report.outcome, touch):
            counts[found] += 1
        loads = report.loads.setdefault(touch.whose or NOBODY, {})
        loads[day] = loads.get(day, 0) + 1


def pointless_by(outcome: Played, touch: Touched) -> str:
    """``said_pointless``: whoever made this call really said so. ``moot``: its reason was gone before anybody would have
    made it. Empty for all others."""
    if touch.channel != "call" or not touch.made:
        return ""
    return "said_pointless" if (touch.account, touch.key) in outcome.marked else "moot" if touch.moot else ""

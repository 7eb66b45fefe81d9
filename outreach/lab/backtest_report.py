"""What a backtest comes to: contacts a day and per account manager against their capacity, what was held back and why."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from outreach.domain.company import Company
from outreach.domain.hours import local
from outreach.lab.backtest_played import Played, Touched
from outreach.lab.pages_of import write_page
from outreach.service.capacity import share

CHANNELS = ("call", "email", "sms", "task")
NOBODY = "nobody"
CAPS = "cap_"
"""Reasons of the policy that begin so are caps."""
WEEKDAYS = ("Mondays", "Tuesdays", "Wednesdays", "Thursdays", "Fridays", "Saturdays", "Sundays")


@dataclass
class Report:
    """Counts. A day is one in the company's zone."""

    outcome: Played
    company: Company
    days: dict[date, Counter[str]] = field(default_factory=dict)
    """Day → channel → contacts."""
    playbooks: dict[str, Counter[str]] = field(default_factory=dict)
    """Playbook → channel, ``started``, ``held`` (generic mail), ``withheld`` → how many."""
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
    if touch.channel == "call":
        loads = report.loads.setdefault(touch.whose or NOBODY, {})
        loads[day] = loads.get(day, 0) + 1


def as_json(report: Report) -> dict[str, Any]:
    outcome = report.outcome
    return {
        "from": outcome.since.isoformat(), "to": outcome.until.isoformat(), "events": outcome.events,
        "seconds": round(outcome.seconds, 1), "failures": sum(outcome.failures.values()),
        "let_down": len(outcome.failures), "reached": len(report.reached()), "over_caps": len(report.capped),
        "totals": {channel: report.total(channel) for channel in CHANNELS},
        "days": {day.isoformat(): dict(counts) for day, counts in sorted(report.days.items())},
        "playbooks": {name: dict(counts) for name, counts in sorted(report.playbooks.items())},
        "withheld": dict(report.withheld.most_common()), "decisions": dict(outcome.decisions.most_common()),
        "account_managers": {
            name: {"calls": sum(days.values()), "most": max(days.values()), "capacity": report.capacity(name),
                   "days_over": [day.isoformat() for day in report.over(name)]}
            for name, days in sorted(report.loads.items())
        },
    }  # fmt: skip


def write_csv(report: Report, path: Path) -> None:
    """One line for each contact, made or held back; ids only."""
    with path.open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(Touched._fields)
        rows.writerows((*touch[:8], touch.at.isoformat(), *touch[9:]) for touch in report.outcome.touches)


def write_html(report: Report, path: Path, title: str = "Backtest") -> None:
    """A page of its own: no script, nothing fetched."""
    days = _every_day(report)
    tallest = max((sum(counts.values()) for counts in days.values()), default=0) or 1
    write_page(
        path, "backtest.html", title=title, headline=headline(report), told=as_json(report), days=days,
        tallest=tallest, channels=CHANNELS,
    )  # fmt: skip


def _every_day(report: Report) -> dict[date, Counter[str]]:
    """Those without a contact, too: a gap is news."""
    if not report.days:
        return {}
    first, last = min(report.days), max(report.days)
    return {
        day: report.days.get(day, Counter())
        for n in range((last - first).days + 1)
        if (day := first + timedelta(days=n))
    }


# -- in the terminal -------------------------------------------------------------------------------------


def headline(report: Report) -> str:
    outcome, calls = report.outcome, report.total("call")
    return (
        f"{_day(outcome.since)} to {_day(outcome.until)}: {len(outcome.failures):,} customers let down, {len(report.reached()):,}"
        f" contacted by a human. {calls:,} calls ({calls / report.weeks:,.0f} a week), {report.total('email'):,} e-mails,"
        f" {report.total('sms'):,} SMS; {sum(report.withheld.values()):,} held back. {outcome.events:,} events in {outcome.seconds:,.0f} s."
    )


def _day(at: datetime) -> str:
    return f"{at:%Y-%m-%d}"


def print_report(report: Report, console: Console | None = None) -> None:
    console = console or Console()
    console.print(headline(report))
    console.print(
        _table("By playbook", ("playbook", "started", *CHANNELS, "withheld", "held"), _playbook_rows(report))
    )
    if report.loads:
        console.print(
            _table(
                "By account manager",
                ("who", "calls", "most in a day", "can make", "days over"),
                _load_rows(report),
            )
        )
    if report.withheld:
        console.print(_table("Held back, by reason", ("reason", "number"), report.withheld.most_common()))
    if report.capped:
        console.print(f"{len(report.capped):,} accounts had somebody whom the caps kept waiting.")


def _playbook_rows(report: Report) -> Iterable[tuple[Any, ...]]:
    for name, counts in sorted(report.playbooks.items(), key=lambda item: (-item[1]["started"], item[0])):
        yield (
            name,
            counts["started"],
            *(counts[channel] for channel in CHANNELS),
            counts["withheld"],
            counts["held"],
        )


def _load_rows(report: Report) -> Iterable[tuple[Any, ...]]:
    for name, days in sorted(report.loads.items(), key=lambda item: -sum(item[1].values())):
        can = report.capacity(name)
        yield (
            name,
            sum(days.values()),
            max(days.values()),
            "?" if can is None else can,
            len(report.over(name)),
        )


def _table(title: str, columns: tuple[str, ...], rows: Iterable[tuple[Any, ...]]) -> Table:
    table = Table(*columns, title=title, title_justify="left")
    for column in table.columns[1:]:
        column.justify = "right"
    for row in rows:
        table.add_row(
            *(
                f"{cell:,}" if isinstance(cell, int) and cell else "·" if cell == 0 else str(cell)
                for cell in row
            )
        )
    return table

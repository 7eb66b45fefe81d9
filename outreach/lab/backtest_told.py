"""How a backtest is told: to people in a terminal and on a page, to programs as JSON and CSV."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from rich.console import Console

from outreach.domain.wallclock import local
from outreach.lab.backtest_played import Touched
from outreach.lab.backtest_report import CHANNELS, Cost, Report, pointless_by
from outreach.lab.pages_of import without_gaps, write_page
from outreach.lab.table_of import table_of
from outreach.lab.terminal import terminal


def as_json(report: Report) -> dict[str, Any]:
    outcome = report.outcome
    return {
        "from": outcome.since.isoformat(), "to": outcome.until.isoformat(), "events": outcome.events,
        "seconds": round(outcome.seconds, 1), "failures": sum(outcome.failures.values()),
        "let_down": len(outcome.failures), "reached": len(report.reached()), "over_caps": len(report.capped),
        "totals": {channel: report.total(channel) for channel in CHANNELS},
        "days": {day.isoformat(): dict(counts) for day, counts in sorted(report.days.items())},
        "playbooks": {name: _of_playbook(report, name) for name in sorted(report.playbooks)},
        "cost": _cost(report, report.cost),
        "pointless": {"said": report.of_all("said_pointless"), "moot": report.of_all("moot"), "share": report.pointless},
        "withheld": dict(report.withheld.most_common()), "decisions": dict(outcome.decisions.most_common()),
        "account_managers": {
            name: {"calls": sum(days.values()), "most": max(days.values()), "capacity": report.capacity(name),
                   "days_over": [day.isoformat() for day in report.over(name)]}
            for name, days in sorted(report.loads.items())
        },
    }  # fmt: skip


def _of_playbook(report: Report, name: str) -> dict[str, Any]:
    return {**report.playbooks[name], "cost": _cost(report, report.costs.get(name, Cost()))}


def _cost(report: Report, cost: Cost) -> dict[str, Any]:
    """``money`` is null where nobody has said what anything costs."""
    priced = report.company.costs.priced
    return {
        "minutes": round(cost.minutes), "calls_of_unknown_length": cost.unknown,
        "money": round(cost.money, 2) if priced else None, "currency": report.company.currency,
    }  # fmt: skip


def write_csv(report: Report, path: Path) -> None:
    """One line for each contact, made or held back; ids only."""
    with path.open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow((*Touched._fields[:-1], "pointless"))
        for touch in report.outcome.touches:
            found = pointless_by(report.outcome, touch)
            rows.writerow((*touch[:8], touch.at.isoformat(), *touch[9:-1], found))


def write_html(report: Report, path: Path, title: str = "Backtest") -> None:
    """A page of its own: no script, nothing fetched."""
    days = without_gaps(report.days, timedelta(days=1))
    loads = {
        name: {day: {"call": calls.get(day, 0)} for day in days}
        for name, calls in sorted(report.loads.items())
    }
    write_page(
        path, "backtest.html", title=title, headline=headline(report), told=as_json(report), days=days,
        loads=loads, channels=CHANNELS, last_words=last_words(report),
    )  # fmt: skip


# -- in the terminal -------------------------------------------------------------------------------------


def headline(report: Report) -> str:
    outcome, calls = report.outcome, report.total("call")
    return (
        f"{_day(report, outcome.since)} to {_day(report, outcome.until)}: {len(outcome.failures):,} customers let down, {len(report.reached()):,}"
        f" contacted by a human. {calls:,} calls ({calls / report.weeks:,.1f} a week), {report.total('email'):,} e-mails,"
        f" {report.total('sms'):,} SMS; {sum(report.withheld.values()):,} held back. {outcome.events:,} events in {outcome.seconds:,.0f} s."
    )


def _day(report: Report, at: datetime) -> str:
    return f"{local(at, report.company.zone):%Y-%m-%d}"


def print_report(report: Report, console: Console | None = None) -> None:
    console = console or terminal()
    console.print(headline(report))
    console.print(table_of("By playbook", _columns(report), _playbook_rows(report)))
    if report.loads:
        console.print(
            table_of(
                "By account manager",
                ("who", "calls", "most in a day", "can make", "days over"),
                _load_rows(report),
            )
        )
    if report.withheld:
        console.print(table_of("Held back, by reason", ("reason", "number"), report.withheld.most_common()))
    if report.capped:
        console.print(f"{len(report.capped):,} accounts had somebody whom the caps kept waiting.")
    console.print("\n".join(last_words(report)))


def last_words(report: Report) -> list[str]:
    """What it costs, and what was found pointless."""
    cost, costs = report.cost, report.company.costs
    said = [
        f"The calls take {cost.minutes / 60:,.0f} hours"
        + (
            f", not counting {cost.unknown:,} of whose length nobody has said anything."
            if cost.unknown
            else "."
        )
    ]
    if costs.priced:
        said.append(
            f"All contacts cost {cost.money:,.2f} {report.company.currency}, as far as company.yaml says what they cost."
        )
    if report.pointless is not None:
        said.append(
            f"{report.pointless:.1%} of the calls were found pointless: of {report.of_all('said_pointless'):,} whoever made them said so,"
            f" and of {report.of_all('moot'):,} the reason was gone within a day."
        )
    return said


def _columns(report: Report) -> tuple[str, ...]:
    money = (report.company.currency,) if report.company.costs.priced else ()
    return ("playbook", "runs", *CHANNELS, "with-\nheld", "held", "hours", *money, "point-\nless")


def _playbook_rows(report: Report) -> Iterable[tuple[Any, ...]]:
    for name, counts in sorted(report.playbooks.items(), key=lambda item: (-item[1]["started"], item[0])):
        cost = report.costs.get(name, Cost())
        yield (
            name,
            counts["started"],
            *(counts[channel] for channel in CHANNELS),
            counts["withheld"],
            counts["held"],
            round(cost.minutes / 60),
            *((round(cost.money),) if report.company.costs.priced else ()),
            counts["said_pointless"] + counts["moot"],
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

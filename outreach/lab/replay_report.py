"""What a replay came to: failures, calls, mails, SMS and holds per week, by playbook, withheld and why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from outreach.domain.evaluate import Ruleset
from outreach.lab.pages_of import without_gaps, write_page
from outreach.lab.table_of import table_of
from outreach.lab.terminal import terminal
from outreach.store.unit import StoreUnit

COLUMNS = ("failures", "calls", "emails", "sms", "tasks", "holds")
_WEEK = 7 * 86_400_000_000
_FROM_MONDAY = 3 * 86_400_000_000
"""The first of January 1970 was a Thursday."""
_MONDAY = date(1969, 12, 29)
_OF_CHANNEL = {"call": "calls", "email": "emails", "sms": "sms", "task": "tasks"}
_OF_PLAYBOOK = ("runs", "calls", "emails", "sms", "tasks", "withheld", "holds", "ended")
_DONE = (
    "t.status in ('on_desk', 'settled', 'draft', 'due', 'planned', 'sending', 'sent', 'unknown')"
    " and (t.settlement is null or t.settlement <> 'withdrawn')"
)
"""Touches that were laid and neither withheld nor taken back."""


@dataclass
class Report:
    """Numbers only. ``weeks``: Monday → column → how many."""

    currency: str = ""
    first: datetime = datetime(1970, 1, 1, tzinfo=UTC)
    last: datetime = datetime(1970, 1, 1, tzinfo=UTC)
    seconds: float = 0.0
    taken: Mapping[str, int] = field(default_factory=dict)
    skipped: Mapping[str, int] = field(default_factory=dict)
    events: Mapping[str, int] = field(default_factory=dict)
    weeks: dict[date, Counter[str]] = field(default_factory=dict)
    playbooks: dict[str, Counter[str]] = field(default_factory=dict)
    withheld: Mapping[str, int] = field(default_factory=dict)
    withdrawn: Mapping[str, int] = field(default_factory=dict)
    decisions: Mapping[str, int] = field(default_factory=dict)
    kinds: Mapping[str, int] = field(default_factory=dict)
    failures_per_account: Mapping[int, int] = field(default_factory=dict)
    totals: Mapping[str, int] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        return {
            "from": self.first.isoformat(), "to": self.last.isoformat(), "seconds": round(self.seconds, 1),
            "taken": dict(self.taken), "skipped": dict(self.skipped), "events": dict(self.events),
            "totals": dict(self.totals), "failures": dict(self.kinds),
            "failures_per_account": {str(n): count for n, count in self.failures_per_account.items()},
            "weeks": {monday.isoformat(): dict(self.weeks[monday]) for monday in sorted(self.weeks)},
            "playbooks": {name: dict(counts) for name, counts in sorted(self.playbooks.items())},
            "withheld": dict(self.withheld), "withdrawn": dict(self.withdrawn),
            "decisions": dict(self.decisions),
        }  # fmt: skip


def report_of(unit: StoreUnit, rules: Ruleset) -> Report:
    """From a store that was played to its end."""
    report = Report(currency=rules.company.currency)
    report.events = _pairs(
        unit, "select type, count(*) from event where not retracted group by type order by 2 desc"
    )
    report.kinds = _pairs(
        unit, "select kind, count(*) from failure where state <> 'void' group by kind order by 2 desc"
    )
    report.decisions = _pairs(unit, "select outcome, count(*) from decision group by outcome order by 2 desc")
    report.withheld = _pairs(
        unit, "select channel || ': ' || because, count(*) from touch where status in ('withheld', 'expired')"
        " group by 1 order by 2 desc",
    )  # fmt: skip
    report.withdrawn = _pairs(
        unit, "select channel || ': ' || because, count(*) from touch"
        " where settlement = 'withdrawn' or status = 'cancelled' group by 1 order by 2 desc",
    )  # fmt: skip
    _fill_weeks(report, unit)
    _fill_playbooks(report, unit)
    _fill_totals(report, unit)
    return report


def _pairs(unit: StoreUnit, statement: str) -> dict[str, int]:
    return {str(name): int(count) for name, count in unit.bulk.rows(statement)}


def _fill_weeks(report: Report, unit: StoreUnit) -> None:
    def add(column: str, week: int, count: int) -> None:
        monday = _MONDAY + timedelta(weeks=int(week))
        report.weeks.setdefault(monday, Counter())[column] += int(count)

    for column, table, at, where in (
        ("failures", "failure", "opened_at", "state <> 'void'"),
        ("holds", "hold", "since", "1 = 1"),
    ):
        for week, count in unit.bulk.rows(
            f"select ({at} + {_FROM_MONDAY}) / {_WEEK}, count(*) from {table} where {where} group by 1"
        ):
            add(column, week, count)
    for week, channel, count in unit.bulk.rows(
        f"select (t.created_at + {_FROM_MONDAY}) / {_WEEK}, t.channel, count(*) from touch t where {_DONE} group by 1, 2"
    ):
        add(_OF_CHANNEL[channel], week, count)


def _fill_playbooks(report: Report, unit: StoreUnit) -> None:
    for name, runs, ended in unit.bulk.rows(
        "select playbook, count(*), sum(case when state = 'ended' then 1 else 0 end) from run group by playbook"
    ):
        report.playbooks[name] = Counter(runs=int(runs), ended=int(ended))
    for name, channel, count in unit.bulk.rows(
        f"select r.playbook, t.channel, count(*) from touch t join run r on r.id = t.run"
        f" where {_DONE} group by 1, 2"
    ):
        report.playbooks[name][_OF_CHANNEL[channel]] += int(count)
    for name, count in unit.bulk.rows(
        "select r.playbook, count(*) from touch t join run r on r.id = t.run"
        " where t.status in ('withheld', 'expired') group by 1"
    ):
        report.playbooks[name]["withheld"] += int(count)
    for name, count in unit.bulk.rows("select because, count(*) from hold group by because"):
        report.playbooks.setdefault(name, Counter())["holds"] += int(count)


def _fill_totals(report: Report, unit: StoreUnit) -> None:
    def count(rest: str) -> int:
        return int(unit.bulk.rows(f"select count(*) from {rest}")[0][0])

    report.failures_per_account = {
        int(failures): int(accounts)
        for failures, accounts in unit.bulk.rows(
            "select n, count(*) from (select count(*) n from failure where state <> 'void' group by account) f"
            " group by n order by n"
        )
    }
    columns = {name: sum(week[name] for week in report.weeks.values()) for name in COLUMNS}
    report.totals = {
        "accounts": count("account where state is not null"),
        "accounts_let_down": sum(report.failures_per_account.values()),
        **columns,
        "unreached": count("failure where state = 'open' and not spoken"),
        "unmatched": count(
            "failure f where state <> 'void' and not exists"
            " (select 1 from run r where r.account = f.account and r.failure = f.id"
            " and not r.shadow and not r.holdout)"
        ),
        "cards": count("card where state = 'open'"),
    }


# -- on a page ----------------------------------------------------------------------------------------------


def write_html(report: Report, path: Path) -> None:
    """A page of its own: no script, nothing fetched."""
    weeks, channels = without_gaps(report.weeks, timedelta(weeks=1)), tuple(_OF_CHANNEL)
    contacts = {day: {c: counts[_OF_CHANNEL[c]] for c in channels} for day, counts in weeks.items()}
    write_page(
        path, "replay.html", title="Replay", headline=_headline(report), told=report.as_json(), channels=channels,
        weeks=contacts, failures=weeks, columns=_OF_PLAYBOOK, last_words=_last_words(report),
        totals={channel: report.totals[_OF_CHANNEL[channel]] for channel in channels},
    )  # fmt: skip


# -- for people ------------------------------------------------------------------------------------------


def print_report(report: Report, console: Console | None = None) -> None:
    console = console or terminal()
    console.print(_headline(report))
    console.print(_weeks_table(report))
    console.print(_playbooks_table(report))
    for title, counts in (
        ("Withheld, by reason", report.withheld),
        ("Taken back before they left, by reason", report.withdrawn),
        ("Triggers that matched a playbook", report.decisions),
        ("Failures, by kind", report.kinds),
    ):
        if counts:
            console.print(_counts_table(title, counts.items()))
    console.print(_last_words(report))


def _headline(report: Report) -> str:
    events = sum(report.events.values())
    rate = events / report.seconds if report.seconds else 0.0
    taken = ", ".join(f"{count:,} {name}" for name, count in sorted(report.taken.items()))
    skipped = ", ".join(f"{count:,} {why}" for why, count in report.skipped.items())
    return (
        f"{report.first:%Y-%m-%d} to {report.last:%Y-%m-%d}: {events:,} events with those that time made"
        f" ({taken}), in {report.seconds:,.0f} s, {rate:,.0f} events a second."
        + (f"\nNot played: {skipped}." if skipped else "")
    )


def _weeks_table(report: Report) -> Table:
    rows = [
        (day.isoformat(), *(week[name] for name in COLUMNS)) for day, week in sorted(report.weeks.items())
    ]
    return table_of(
        "Per week", ("week of", *COLUMNS), rows, ("all", *(report.totals[name] for name in COLUMNS))
    )


def _playbooks_table(report: Report) -> Table:
    rows = [
        (playbook, *(counts[name] for name in _OF_PLAYBOOK))
        for playbook, counts in sorted(report.playbooks.items(), key=lambda item: -item[1]["runs"])
    ]
    return table_of("By playbook", ("playbook", *_OF_PLAYBOOK), rows)


def _counts_table(title: str, counts: Iterable[tuple[str, int]]) -> Table:
    return table_of(title, ("", "number"), [(name.replace("_", " "), count) for name, count in counts])


def _last_words(report: Report) -> str:
    totals, often = report.totals, report.failures_per_account
    several = sum(accounts for failures, accounts in often.items() if failures > 1)
    return (
        f"{totals['accounts_let_down']:,} of {totals['accounts']:,} customers were let down, {several:,} of them more"
        f" than once. {totals['calls']:,} calls would have been put on the desk, on {totals['cards']:,} cards;"
        f" {totals['unreached']:,} failures had nobody spoken to at the end, since nobody answers in a replay;"
        f" {totals['unmatched']:,} were matched by no playbook."
    )

"""What ops try out before they change anything: playbooks on the history that is stored."""

from __future__ import annotations

import time
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from outreach.cli.common import OutFile, answer, found_something, house, json_option, progress_option
from outreach.domain.errors import Refused
from outreach.lab.terminal import say

if TYPE_CHECKING:
    from outreach.lab.backtest_report import Report

days_option = click.option(
    "--days",
    default=90,
    show_default=True,
    type=click.IntRange(1, 3650),
    help="So far back contacts are counted.",
)
workers_option = click.option(
    "--workers", type=click.IntRange(1, 256), help="Processes; as many as there are processors."
)
file_type = OutFile()


@click.command()
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path), default=".")
@days_option
@workers_option
@click.option("--csv", "as_csv", type=file_type, help="One line for each contact, made or held back.")
@click.option("--html", type=file_type, help="A page with plots.")
@progress_option
@json_option
def backtest(
    folder: Path,
    days: int,
    workers: int | None,
    as_csv: Path | None,
    html: Path | None,
    kind: str,
    as_json: bool,
) -> None:
    """What the playbooks of FOLDER would have done with the stored history. Nothing can be sent by it."""
    from outreach.lab.backtest_told import as_json as told
    from outreach.lab.backtest_told import print_report, write_csv, write_html

    report = _played(folder, days, workers, kind)
    if as_csv:
        write_csv(report, as_csv)
    if html:
        write_html(report, html)
    if as_json:
        answer(told(report))
    else:
        print_report(report)


@click.command()
@click.argument("old")
@click.argument("new", default=".")
@days_option
@workers_option
@click.option("--accounts", is_flag=True, help="With the accounts behind each sentence.")
@click.option(
    "--at-most", type=click.FloatRange(0), help="Percent by which calls may change; exit code 1 above it."
)
@click.option("--html", type=file_type, help="A page with the accounts behind each sentence.")
@progress_option
@json_option
def diff(
    old: str,
    new: str,
    days: int,
    workers: int | None,
    accounts: bool,
    at_most: float | None,
    html: Path | None,
    kind: str,
    as_json: bool,
) -> None:
    """What changes between two versions of the playbooks, on the stored history. OLD and NEW are folders, or revisions of git:
    outreach diff HEAD~1 ."""
    from outreach.lab.backtest_diff import difference, rules_at, write_html

    with rules_at(old, Path()) as before, rules_at(new, Path()) as after:
        was, will = (
            _played(before, days, workers, kind, "before"),
            _played(after, days, workers, kind, "after"),
        )
    found = difference(was, will)
    if html:
        write_html(found, html, f"{old} and {new}", will.outcome)
    if as_json:
        answer(found.as_json())
    else:
        for one in found.changes:
            say(one.words, hang=2)
            if accounts and one.accounts:
                say(", ".join(one.accounts), lead="    ")
        if not found.changes:
            say("Nothing changes for anybody.")
    too_much = at_most is not None and abs(found.calls) * 100 > at_most
    if too_much:
        say(f"Calls change by {abs(found.calls):.0%}, which is more than {at_most:g} %.", err=True)
    found_something(too_much)


def _played(folder: Path, days: int, workers: int | None, kind: str, phase: str = "") -> Report:
    from outreach.lab.backtest import backtest as play
    from outreach.lab.backtest_report import report_of
    from outreach.lab.progress import progress
    from outreach.library.loader import load

    with house() as here:
        until, url = here.outside.clock.now(), here.settings.database_url
        with here.database.view() as unit:
            if not unit.bulk.rows("select 1 from event where not retracted limit 1"):
                raise Refused("No history is stored here. Take one in first: outreach import history.jsonl")
    started = time.monotonic()
    with progress(kind, phase) as shown:
        outcome = play(folder, url, until - timedelta(days=days), until, workers=workers, shown=shown)
    outcome.seconds = time.monotonic() - started
    return report_of(outcome, load(folder).company)

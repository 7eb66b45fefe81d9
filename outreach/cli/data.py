"""What came in and what became of it: import, rebuild, replay, owed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from outreach.cli.common import OutFile, answer, found_something, house, json_option, progress_option
from outreach.lab.terminal import Told, on_clocks_of, say, say_list

if TYPE_CHECKING:
    from outreach.service.workbench import Owed


@click.command("import")
@click.argument(
    "files", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path)
)
@click.option("--bad-rows", type=OutFile(), help="Where refused lines go (FILE.bad.jsonl).")
def import_(files: tuple[Path, ...], bad_rows: Path | None) -> None:
    """Take in CloudEvents from JSON Lines. Can be broken off and started again; repeating is harmless."""
    from outreach.lab.importing import import_file

    bad = 0
    with house() as here:
        for file in files:
            done = import_file(here, file, bad_rows)
            say(done.sentence, hang=4)
            bad += done.bad
    found_something(bad > 0)


@click.command()
@click.option("--check", "check_only", is_flag=True, help="Only say what differs.")
def rebuild(check_only: bool) -> None:
    """Fold every account anew from its events. Exit code 1 when something differed."""
    from outreach.service.workbench import rebuild as fold_anew

    differed = total = 0
    with house() as here:
        for id_, changed in fold_anew(here.outside, write=not check_only):
            total += 1
            differed += changed
            if changed:
                say(id_, lead="differs: ")
    say(f"{total:,} accounts and people, {differed:,} differed.")
    found_something(differed > 0)


@click.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@click.option("--store", type=click.Path(path_type=Path), help="Keep the scratch database here.")
@click.option("--limit", type=int, default=None, help="Only so many accounts.")
@click.option("--html", type=OutFile(), help="A page with plots.")
@progress_option
@json_option
def replay(
    files: tuple[Path, ...],
    store: Path | None,
    limit: int | None,
    html: Path | None,
    kind: str,
    as_json: bool,
) -> None:
    """What would have been done: history through the services on a virtual clock. Sends nothing."""
    from outreach.lab.replay import run_replay

    run_replay(files, store=store, limit=limit, as_json=as_json, html=html, kind=kind)


@click.command()
@click.option("--all", "include_back", is_flag=True, help="Also those who came back by themselves.")
@click.option(
    "--store",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A database that replay kept.",
)
@json_option
def owed(include_back: bool, store: Path | None, as_json: bool) -> None:
    """Who was let down and never called, not back since, and what they are worth."""
    from outreach.service.workbench import owed as who

    with house(database=f"sqlite:///{store.absolute()}" if store else None) as here:
        rows = who(here.outside, include_back=include_back)
        company = here.library.current().company
    if as_json:
        answer([{"account": r.account, "name": r.name, "failures": [f.id for f in r.failures], "value": r.value,
                 "ordered_so_far": r.bought, "last_order_at": r.last_order_at} for r in rows])  # fmt: skip
        return
    with on_clocks_of(company.zone) as told:
        say_list(_OWED, [_owed_row(row, company.currency, told) for row in rows])
        back = "and were never called" if include_back else ", were never called and have not come back"
        many = "1 customer was let down" if len(rows) == 1 else f"{len(rows):,} customers were let down"
        say(f"{many}{back}." if rows else _nobody(include_back))


_OWED = ("account", "severity", "since", "open", "who, what, worth")


def _nobody(include_back: bool) -> str:
    if include_back:
        return "Nobody was let down and never called."
    return "Nobody was let down, was never called and has not come back."


def _owed_row(row: Owed, currency: str, told: Told) -> tuple[str, ...]:
    worst = max(row.failures, key=lambda failure: failure.severity)
    worth = f"{row.value:,.0f} {currency} a year" if row.value is not None else _ordered(row.bought)
    about = f"{row.name}: {worst.cause}; {worth}"
    return row.account, worst.severity.word, told(worst.opened_at), str(len(row.failures)), about


def _ordered(amount: float | None) -> str:
    return f"value unknown, ordered {amount:,.0f} so far" if amount else "value unknown"

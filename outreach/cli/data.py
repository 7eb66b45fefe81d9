"""What came in and what became of it: import, rebuild, replay, owed."""

from __future__ import annotations

from pathlib import Path

import click

from outreach.cli.common import OutFile, answer, found_something, house, json_option, progress_option


@click.command("import")
@click.argument(
    "files", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path)
)
@click.option("--bad-rows", type=click.Path(path_type=Path), help="Where refused lines go (FILE.bad.jsonl).")
def import_(files: tuple[Path, ...], bad_rows: Path | None) -> None:
    """Take in CloudEvents from JSON Lines. Can be broken off and started again; repeating is harmless."""
    from outreach.lab.importing import import_file

    bad = 0
    with house() as here:
        for file in files:
            done = import_file(here, file, bad_rows)
            click.echo(done.sentence)
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
                click.echo(f"differs: {id_}")
    click.echo(f"{total} accounts and people, {differed} differed.")
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
        currency = here.library.current().company.currency
    if as_json:
        answer([{"account": r.account, "name": r.name, "failures": [f.id for f in r.failures], "value": r.value,
                 "ordered_so_far": r.bought, "last_order_at": r.last_order_at} for r in rows])  # fmt: skip
        return
    for row in rows:
        worst = max(row.failures, key=lambda failure: failure.severity)
        worth = f"{row.value:,.0f} {currency} a year" if row.value is not None else _ordered(row.bought)
        click.echo(
            f"{row.account:16} {row.name[:24]:24} {worst.severity.word:7} {worst.cause:24} "
            f"{worst.opened_at:%Y-%m-%d}  {len(row.failures)} open  {worth}"
        )
    if include_back:
        click.echo(f"{len(rows):,} customers were let down and were never called.")
    else:
        click.echo(f"{len(rows):,} customers were let down, were never called and have not come back.")


def _ordered(amount: float | None) -> str:
    return f"value unknown, ordered {amount:,.0f} so far" if amount else "value unknown"

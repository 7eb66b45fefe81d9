"""Runs, from the terminal: which are under way, and moving them to the playbook as it is now."""

from __future__ import annotations

import getpass
from typing import TYPE_CHECKING, Any

import click

from outreach.cli.common import answer, house, json_option, must_be_named
from outreach.cli.group import Group
from outreach.lab.terminal import Told, on_clocks_of, say, say_list

if TYPE_CHECKING:
    from outreach.service.moving import Move, Moves, UnderWay

SHORT = 8
"""So much of a version is shown."""
MOST_SHOWN = 20
"""Runs of one version that are shown one by one."""


@click.group(cls=Group)
def runs() -> None:
    """Runs under way, and moving them to the current version of their playbook."""


@runs.command("list")
@click.option("--playbook", help="Of this playbook only.")
@click.option("--account", help="Of this account only.")
@click.option("--limit", type=click.IntRange(1, 100_000), default=200, show_default=True)
@json_option
def list_(playbook: str | None, account: str | None, limit: int, as_json: bool) -> None:
    """Open runs, the oldest first; * runs by an older version of the file."""
    from outreach.service.moving import under_way

    with house() as here:
        must_be_named(here, accounts=(account,), playbook=playbook)
        found = under_way(here.outside, playbook, account, limit + 1)
    found, more = found[:limit], len(found) > limit
    if as_json:
        answer([_row(each) for each in found])
        return
    with on_clocks_of(here.library.current().company.zone) as told:
        say_list(("account", "run", "next"), [_cells(each, told) for each in found])
        if not all(each.is_current for each in found):
            say("* by an older version of the file.")
        if more:
            say(f"These are the first {limit:,}; --limit shows more.")
        if not found:
            say("No run is under way.")


def _cells(each: UnderWay, told: Told) -> tuple[str, ...]:
    run, old = each.run, "" if each.is_current else "*"
    due = f", {told(each.next_due)}" if each.next_due else ""
    shadow = "\nin shadow" if run.shadow else ""
    by = f"{run.playbook}\nsince {told(run.started_at)} by {run.version[:SHORT]}{old}{shadow}"
    return run.account, by, f"{each.next_step}{due}"


def _row(each: UnderWay) -> dict[str, Any]:
    run = each.run
    return {
        "run": run.id, "account": run.account, "playbook": run.playbook, "version": run.version,
        "current": each.is_current, "shadow": run.shadow, "since": run.started_at, "next_step": each.next_step, "next_due": each.next_due,
    }  # fmt: skip


@runs.command()
@click.argument("playbook")
@click.option("--from", "from_version", help="Only runs of this version; its beginning is enough.")
@click.option("--account", help="Of this account only.")
@click.option("--yes", is_flag=True, help="Move them; without it, it is only shown.")
@click.option("--reason", default="", help="Why; it is kept.")
@json_option
def move(
    playbook: str,
    from_version: str | None,
    account: str | None,
    yes: bool,
    reason: str,
    as_json: bool,
) -> None:
    """Show what moving a playbook's runs to its current version would do; with --yes, move them.

    Steps that have begun stay as they are. What cannot be moved says why, and goes on as before.
    """
    from outreach.service import moving

    if yes and not reason.strip():
        raise click.UsageError("say why: --reason …")
    with house() as here:
        must_be_named(here, accounts=(account,))
        moves = moving.preview(here.outside, playbook, from_version, account)
        done = (
            moving.move(here.outside, playbook, getpass.getuser(), reason, None, from_version, account)
            if yes
            else None
        )
    if as_json:
        answer(_as_json(moves, done))
        return
    _show(moves)
    if done is not None:
        say(f"Moved: {sum(not each.why_not for each in done):,}.")
    elif moves.can:
        say(f"Nothing is moved yet. To move {len(moves.can):,}: --yes --reason …")


def _show(moves: Moves) -> None:
    for old in moves.versions:
        say(f"{old.version[:SHORT]} → {moves.to[:SHORT]}: {len(old.moves):,} under way")
        click.echo(old.diff or "(the old version cannot be read)")  # a diff is read line by line
        for each in old.moves[:MOST_SHOWN]:
            say(f"at {each.stands}", lead=f"  {each.run.account}  ")
            for line in _lines(each):
                say(line, lead="      ", hang=9)
        if len(old.moves) > MOST_SHOWN:
            say(f"  and {len(old.moves) - MOST_SHOWN:,} more; --json shows them all")
    if moves.versions:
        say(f"{len(moves.can):,} can be moved, {len(moves.cannot):,} cannot.")
    else:
        say("No such run is under way by an older version: there is nothing to move.")


def _lines(each: Move) -> list[str]:
    if each.why_not:
        return [f"stays: {each.why_not}"]
    changes = [*(f"no more  {words}" for words in each.goes), *(f"comes    {words}" for words in each.comes)]
    return changes or ["goes on as it would have"]


def _as_json(moves: Moves, done: list[Move] | None) -> dict[str, Any]:
    return {
        "playbook": moves.playbook,
        "to": moves.to,
        "versions": [
            {"version": old.version, "diff": old.diff, "runs": [_of_move(each) for each in old.moves]}
            for old in moves.versions
        ],
        "moved": None if done is None else [each.run.id for each in done if not each.why_not],
    }


def _of_move(each: Move) -> dict[str, Any]:
    return {
        "run": each.run.id, "account": each.run.account, "stands": each.stands, "goes": each.goes,
        "comes": each.comes, "why_not": each.why_not,
    }  # fmt: skip

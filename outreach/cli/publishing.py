"""Who gets a playbook, from the terminal: its publish state, one step back, and the second person's word."""

from __future__ import annotations

import getpass
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from outreach.cli.common import answer, found_something, house, json_option, zone_of
from outreach.domain.plan import STATES, Publish
from outreach.lab.terminal import on_clocks_of, say, say_list

if TYPE_CHECKING:
    from outreach.assemble import House
    from outreach.service.ports_publishing import Published
    from outreach.service.publishing import Asked


@click.command()
@click.argument("playbook", required=False)
@click.argument("state", type=click.Choice(STATES), required=False)
@click.option(
    "--percent", type=click.IntRange(0, 100), help="For percent: of the accounts, by a stable hash."
)
@click.option("--reason", default="", help="Why; it is kept.")
@click.option("--back", is_flag=True, help="Back to the state before the last change.")
@click.option("--history", is_flag=True, help="Who said what, when and why.")
@click.option("--asked", is_flag=True, help="Playbooks that wait for a second person.")
@click.option("--let-go", is_flag=True, help="Yes: it may reach so many accounts.")
@click.option(
    "--as",
    "who",
    metavar="EMAIL",
    default="",
    help="With --let-go: which colleague says so; their user name will do.",
)
@click.option("--refuse", is_flag=True, help="No: what waits ends, and the playbook is paused.")
@click.option(
    "--yes", is_flag=True, help="Let what is under way end; without it, disabling only shows what would."
)
@json_option
def publish(
    playbook: str | None,
    state: str | None,
    percent: int | None,
    reason: str,
    who: str,
    yes: bool,
    as_json: bool,
    **does: bool,
) -> None:
    """Set a playbook's publish state. Disabling ends what is under way, in all its versions.

    \b
    outreach publish                           how each playbook stands
    outreach publish NAME STATE --reason …     one of the states above
    outreach publish NAME --back --reason …    as it was before the last change
    outreach publish NAME --history            who said what, when and why
    outreach publish --asked                   what waits for a second person
    outreach publish NAME --let-go --as EMAIL --reason …  yes; or --refuse
    """
    (wanted,) = _one_thing(playbook, state, does)
    _must_fit(wanted, state, percent, who, reason)
    with house() as here:
        if not yes and _ends_something(here, playbook or "", wanted, state):
            return
        if wanted == "all":
            _all(here, as_json)
        elif wanted == "asked":
            _asked(here, as_json)
        elif wanted == "history":
            _history(here, playbook or "", as_json)
        elif wanted == "state":
            _set(here, playbook or "", state or "", 100 if percent is None else percent, reason)
        elif wanted == "let_go":
            _let_go(here, playbook or "", who, reason)
        else:
            _DOES[wanted](here, playbook or "", reason)


def _one_thing(playbook: str | None, state: str | None, does: dict[str, bool]) -> list[str]:
    wanted = [name for name, yes in does.items() if yes] + (["state"] if state else [])
    if playbook is None and not wanted:
        return ["all"]
    if len(wanted) != 1:
        raise click.UsageError("name a STATE, or one of --back, --history, --asked, --let-go, --refuse")
    if (playbook is None) != (wanted == ["asked"]):
        raise click.UsageError("name a PLAYBOOK" if playbook is None else "--asked goes without a PLAYBOOK")
    return wanted


def _must_fit(wanted: str, state: str | None, percent: int | None, who: str, reason: str) -> None:
    if wanted not in ("all", "history", "asked") and not reason.strip():
        raise click.UsageError("say why: --reason …")
    if state == "percent" and percent is None:
        raise click.UsageError("say of how many: add --percent 20, for instance")
    if percent is not None and state != "percent":
        raise click.UsageError("--percent goes with the state percent")
    if (wanted == "let_go") != bool(who.strip()):
        raise click.UsageError(
            "--as goes with --let-go" if who else "say who says yes: --as EMAIL, a colleague who steers"
        )


def _all(here: House, as_json: bool) -> None:
    from outreach.service.publishing import asked_in

    with here.database.view() as unit:
        states = unit.publish_states()
        asks = {each.playbook: each.accounts for each in asked_in(unit, here.outside)}
    rows = {
        name: states.get(name, ("live", 100)) for name in sorted({*here.outside.rules().playbooks, *states})
    }
    if as_json:
        answer(
            [
                {"playbook": name, "state": state, "percent": percent, "asks_for": asks.get(name)}
                for name, (state, percent) in rows.items()
            ]
        )
        return
    say_list(
        ("playbook", "state"),
        [(name, _stands(Publish(*row), asks.get(name))) for name, row in rows.items()],
    )
    if not rows:
        say("There is no playbook.")


def _stands(state: Publish, asks_for: int | None) -> str:
    from outreach.service.finding import many

    stopped = f"; stopped: {many(asks_for or 0, 'account')} {'waits' if asks_for == 1 else 'wait'} for a yes"
    return state.words + ("" if asks_for is None else stopped)


def _ends_something(here: House, playbook: str, wanted: str, state: str | None) -> bool:
    """Whether it would disable the playbook while something is under way; that is told."""
    from outreach.service import publishing

    if wanted == "back":
        back = publishing.step_back(here.outside, playbook)
        state = back.state if back else None
    ends = publishing.ending(here.outside, playbook) if state == "disabled" else ""
    if ends:
        say(f"If {playbook} is disabled: {ends}")
        say("Nothing is changed yet. To disable it: --yes")
    return bool(ends)


def _set(here: House, playbook: str, state: str, percent: int, reason: str) -> None:
    from outreach.service import publishing

    _told(publishing.publish(here.outside, playbook, state, getpass.getuser(), reason, percent))


def _back(here: House, playbook: str, reason: str) -> None:
    from outreach.service import publishing

    _told(publishing.take_back(here.outside, playbook, getpass.getuser(), reason))


def _told(row: Published) -> None:
    say(f"{row.playbook} is {Publish(row.state, row.percent).words}.")


def _history(here: House, playbook: str, as_json: bool) -> None:
    from outreach.service import publishing
    from outreach.service.named import must_be_playbook

    with here.database.view() as unit:
        must_be_playbook(unit, here.outside, playbook)
    rows = publishing.history(here.outside, playbook)
    if as_json:
        answer([asdict(row) for row in rows])
        return
    with on_clocks_of(zone_of(here)) as told:
        say_list(
            ("when", "version", "what"), [(told(row.at), row.version[:8], _changed(row)) for row in rows]
        )
        if not rows:
            say(f"Nobody has changed {playbook}: it is live, and has not started yet.")


def _changed(row: Published) -> str:
    if not row.by:
        return row.reason
    now, before = Publish(row.state, row.percent), Publish(row.before, row.before_percent)
    return f"{now.words} (was {before.words}), by {row.by}: {row.reason}"


def _asked(here: House, as_json: bool) -> None:
    from outreach.service import publishing

    rows = publishing.asked(here.outside)
    if as_json:
        answer([asdict(row) for row in rows])
    else:
        _say_asked(rows, zone_of(here))
    found_something(bool(rows))


def _say_asked(rows: Sequence[Asked], zone: str) -> None:
    with on_clocks_of(zone) as told:
        for row in rows:
            but = f", but not by {' or '.join(row.not_by)}" if row.not_by else ""
            say(
                f"{row.playbook} has reached {row.reached:,} accounts and stopped at {told(row.since)};"
                f" {row.accounts:,} more wait for a yes{but}.",
                hang=4,
            )
        if not rows:
            say("No playbook waits for a second person.")


def _let_go(here: House, playbook: str, who: str, reason: str) -> None:
    """Nobody has signed in here, so they say who they are, and that is looked up."""
    from outreach.service import publishing

    by = publishing.colleague(here.outside, who)
    told = publishing.let_go(here.outside, playbook, by, reason, hand=getpass.getuser())
    say(f"{told.accounts:,} accounts are reached within minutes.")


def _refuse(here: House, playbook: str, reason: str) -> None:
    from outreach.service import publishing

    told = publishing.refuse(here.outside, playbook, getpass.getuser(), reason)
    say(f"{playbook} is paused; {told.accounts:,} accounts are not reached by it.")


_DOES = {"back": _back, "refuse": _refuse}

"""What ops ask of one account: why, and what if."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from outreach.cli.common import answer, house, json_option, settings_from_here
from outreach.lab.terminal import say, say_lines, say_zone

if TYPE_CHECKING:
    from outreach.service.why_told import Answer

at_option = click.option(
    "--at", metavar="T", help="A moment: 2026-03-02T09:00 on the company's clocks, or with its zone."
)


def moment(text: str | None, now: datetime, zone: str) -> datetime | None:
    """What ``--at`` names, in UTC."""
    from outreach.lab.story_time import When

    if text is None:
        return None
    try:
        return When.parse(text).instant(now, zone)
    except ValueError as fault:
        raise click.BadParameter(str(fault), param_hint="--at") from None


@click.command()
@click.argument("account")
@click.option("--playbook", metavar="NAME", help="Only this one.")
@at_option
@click.option("--event", metavar="ID", help="Only this event: its id, or source|id.")
@click.option("--limit", default=20, show_default=True, type=click.IntRange(1, 10_000))
@click.option("--tree", "as_tree", is_flag=True, help="With everything that it consists of.")
@json_option
def why(
    account: str,
    playbook: str | None,
    at: str | None,
    event: str | None,
    limit: int,
    as_tree: bool,
    as_json: bool,
) -> None:
    """Why, and why not, for an account's newest events and every playbook."""
    from outreach.service.why import why as asked

    with house() as here:
        zone = here.library.current().company.zone
        now = here.outside.clock.now()
        when = moment(at, now, zone)
        if when is not None and when > now:
            raise click.BadParameter("that is still to come; ask outreach simulate", param_hint="--at")
        found = asked(here.outside, account, playbook=playbook, at=when, event=event, limit=limit)
    if as_json:
        answer(found.as_json())
    else:
        _print(found, zone, as_tree)


def _print(found: Answer, zone: str, as_tree: bool) -> None:
    from outreach.service.why_told import told_at

    told = None
    for row in found.rows:
        if row.event.ref != told:
            told = row.event.ref
            say(f"{told_at(row.event.time, zone)}  {row.event.type}  ({row.event.id})", hang=4)
        if as_tree:
            say_lines(row.tree.lines(), indent="    ")
        else:
            say(row.sentence, lead="    ", hang=2)
    if found.more:
        say(f"{found.more} more before these: --limit {len(found.rows) + found.more}")
    for each in found.not_listening:
        say(each.words, hang=4)
    for note in found.notes:
        say(note)
    say_zone(zone)


@click.command()
@click.argument("account")
@at_option
@click.option(
    "--what-if",
    "what_ifs",
    multiple=True,
    metavar="EVENT",
    help="An event that might happen: 'delivery.overdue order=17 days_late=3 at=+2d', or JSON. As many as you like.",
)
@click.option(
    "--days", default=30, show_default=True, type=click.IntRange(1, 366), help="So long time goes on."
)
@click.option(
    "--folder",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Playbooks to judge by, instead of those that are live.",
)
@click.option("--tree", "as_tree", is_flag=True, help="With everything that it consists of.")
@json_option
def simulate(
    account: str,
    at: str | None,
    what_ifs: tuple[str, ...],
    days: int,
    folder: Path | None,
    as_tree: bool,
    as_json: bool,
) -> None:
    """What would happen next to an account, and what if. Nothing can be sent by it, and nothing is written."""
    from outreach.assemble import SystemClock, keyed_hash
    from outreach.lab.simulate import simulate
    from outreach.lab.stored import reading
    from outreach.lab.what_if import read_what_if
    from outreach.library.loader import load

    settings, now = settings_from_here(), SystemClock().now()
    rules = load(folder or settings.root)
    moment_ = moment(at, now, rules.company.zone)
    if moment_ is not None and moment_ > now:
        raise click.BadParameter("that is still to come; say how far with --days", param_hint="--at")
    asked = [read_what_if(text, rules.vocabulary) for text in what_ifs]
    with reading(settings.database_url, keyed_hash(settings.endpoint_key)) as store:
        found = simulate(store, rules, now, account, at=moment_, what_ifs=asked, days=days)
    if as_json:
        answer(found.as_json())
    else:
        say_lines(found.lines(everything=as_tree))
        say_zone(found.zone)

"""What ops do with playbooks from the terminal."""

from __future__ import annotations

import getpass
from pathlib import Path

import click

from outreach.cli.common import answer, found_something, house, json_option

folder = click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path), default=".")


@click.command()
@folder
@json_option
def check(folder: Path, as_json: bool) -> None:
    """Every fault of every file at once, with place and remedy. Exit code 1 when there are errors."""
    from outreach.domain.errors import Invalid
    from outreach.lab.finding import many
    from outreach.library.loader import load

    try:
        rules = load(folder)
        faults, count = rules.faults, len(rules.playbooks)
    except Invalid as invalid:
        faults, count = invalid.faults, 0
    errors = [each for each in faults if not each.warning]
    if as_json:
        answer([{"file": f.file, "line": f.line, "column": f.column, "what": f.what,
                 "remedy": f.remedy, "warning": f.warning} for f in faults])  # fmt: skip
    else:
        for each in faults:
            click.echo(("warning: " if each.warning else "") + str(each))
        click.echo(
            f"{count} playbooks, {many(len(errors), 'error')}, {many(len(faults) - len(errors), 'warning')}."
        )
    found_something(bool(errors))


@click.command()
@click.option("--quick", is_flag=True, help="Small sizes, to see that it runs.")
@click.option("--only", multiple=True, help="Only these benches.")
@json_option
def bench(quick: bool, only: tuple[str, ...], as_json: bool) -> None:
    """Measure the costly paths, as ratios within one run."""
    from outreach.lab.bench import run_bench

    run_bench(quick=quick, only=only, as_json=as_json)


@click.command()
@click.argument("playbook")
@click.argument("state", type=click.Choice(["shadow", "percent", "live", "paused", "disabled"]))
@click.option(
    "--percent", type=click.IntRange(0, 100), help="For percent: of the accounts, by a stable hash."
)
@click.option("--reason", required=True)
def publish(playbook: str, state: str, percent: int | None, reason: str) -> None:
    """Set a playbook's publish state. Disabling stops all its versions before the next send."""
    from outreach.service.workbench import publish as set_state

    if (state == "percent") != (percent is not None):
        raise click.UsageError("--percent goes with the state percent, and percent with --percent")
    with house() as here:
        set_state(
            here.outside, playbook, state, getpass.getuser(), reason, 100 if percent is None else percent
        )
    click.echo(
        f"{playbook} is {state if percent is None else f'live for {percent} percent of the accounts'}."
    )


@click.command("stop-all")
@click.option("--reason", required=True)
@click.option("--resume", is_flag=True, help="Let sending go on.")
def stop_all(reason: str, resume: bool) -> None:
    """The kill switch: nothing leaves, nothing is lost."""
    from outreach.service.workbench import resume_all
    from outreach.service.workbench import stop_all as stop

    with house() as here:
        (resume_all if resume else stop)(here.outside, getpass.getuser(), reason)
    click.echo("Sending goes on." if resume else "All sending is stopped.")

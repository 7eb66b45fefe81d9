"""What ops do with rules from the terminal: check them, measure, stop all."""

from __future__ import annotations

import getpass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from outreach.cli.common import answer, found_something, house, json_option
from outreach.lab.terminal import NARROWEST, say, terminal

if TYPE_CHECKING:
    from outreach.lab.checking import Checked
    from outreach.library.excerpt import Excerpts

folder = click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path), default=".")


@click.command()
@folder
@click.option("--strict", is_flag=True, help="Warnings count as errors.")
@json_option
def check(folder: Path, strict: bool, as_json: bool) -> None:
    """Every fault of every file at once, with place and remedy. Exit code 1 when there are errors."""
    from outreach.lab.checking import check_folder
    from outreach.library.excerpt import Excerpts

    found, excerpts = check_folder(folder), Excerpts(folder)
    if as_json:
        answer([{"file": f.file, "line": f.line, "column": f.column, "what": f.what, "remedy": f.remedy,
                 "warning": f.warning, "text": excerpts.line(f)} for f in (*found.errors, *found.warnings)])  # fmt: skip
    else:
        _tell(found, excerpts)
    found_something(bool(found.errors or (strict and found.warnings)))


def _tell(found: Checked, excerpts: Excerpts) -> None:
    """People read it, so errors stand last: that is where a terminal stops."""
    from outreach.library.excerpt import BESIDE, WIDEST
    from outreach.service.finding import many

    widest = min(WIDEST, max(terminal().width - BESIDE, NARROWEST))
    for word, faults in (("warning: ", found.warnings), ("", found.errors)):
        for fault in faults:
            say(f"{word}{fault}", hang=4)
            if shown := excerpts.show(fault, widest):
                click.echo(f"{shown}\n")  # as it stands in the file, with its caret
    counts = ", ".join(
        many(len(some), word) for some, word in ((found.errors, "error"), (found.warnings, "warning"))
    )
    say(f"{many(found.playbooks, 'playbook')}, {counts}.")


@click.command()
@click.option("--quick", is_flag=True, help="Small sizes, to see that it runs.")
@click.option("--only", multiple=True, help="Only these benches.")
@json_option
def bench(quick: bool, only: tuple[str, ...], as_json: bool) -> None:
    """Measure the costly paths, as ratios within one run."""
    from outreach.lab.bench import run_bench

    run_bench(quick=quick, only=only, as_json=as_json)


@click.command("stop-all")
@click.option("--reason", required=True)
@click.option("--resume", is_flag=True, help="Let sending go on.")
def stop_all(reason: str, resume: bool) -> None:
    """The kill switch: nothing leaves, nothing is lost."""
    from outreach.service.workbench import resume_all
    from outreach.service.workbench import stop_all as stop

    with house() as here:
        (resume_all if resume else stop)(here.outside, getpass.getuser(), reason)
    say("Sending goes on." if resume else "All sending is stopped.")

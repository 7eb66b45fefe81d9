"""The playbooks' stories in the terminal."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from outreach.cli.common import found_something
from outreach.cli.rules import folder

if TYPE_CHECKING:
    from outreach.domain.evaluate import Ruleset
    from outreach.lab.stories import Told

_FILE = click.Path(dir_okay=False, path_type=Path)


@click.command()
@folder
@click.option("-k", "only", default="", help="Only stories whose name has these words.")
@click.option("--fail-fast", is_flag=True, help="Stop at the first story that is not as told.")
@click.option("--update", is_flag=True, help="What happened becomes what is expected, in the files.")
@click.option(
    "--force", is_flag=True, help="With --update: in files, too, that git does not have as they are."
)
@click.option("--junit", "report", type=_FILE, help="Write JUnit XML, for CI systems.")
@click.option("--coverage", "covers", is_flag=True, help="Say in which branches no story has been.")
@click.option(
    "--coverage-at-least", "least", type=click.IntRange(0, 100),
    help="The same; exit code 1 when a playbook has fewer percent.",
)  # fmt: skip
def test(
    folder: Path, only: str, fail_fast: bool, update: bool, force: bool, report: Path | None,
    covers: bool, least: int | None,
) -> None:  # fmt: skip
    """Run the playbooks' stories on a virtual clock. Exit code 1 when one is not as told."""
    from outreach.lab.stories import read_folder, summary, tell_all, untold
    from outreach.lab.story_coverage import Coverage
    from outreach.lab.story_junit import junit
    from outreach.library.loader import load
    from outreach.service.finding import many

    _must_fit(covers or least is not None, update, force, narrowed=bool(only or fail_fast))
    rules = load(folder)
    stories, faults = read_folder(folder, rules)
    coverage = Coverage(rules) if covers or least is not None else None
    chosen = [story for story in stories if only.lower() in story.title.lower()]
    told = list(_shown(tell_all(chosen, rules, coverage.look if coverage else None), fail_fast))
    if update:
        told = _updated(folder, told, rules, force)
        stories, faults = read_folder(folder, rules)
    problems = [*map(str, faults), *([] if only else untold(stories, rules))]
    if coverage:
        click.echo("\n".join(["", *map(str, coverage.covered())]))
        problems += coverage.below(least or 0)
    if report:
        report.write_bytes(junit(told, problems))
    wrong = sum(not one.good for one in told)
    click.echo("\n".join(["", *summary(told), "", *problems]))
    click.echo(f"{many(len(told), 'story')}, {wrong} not as told, {many(len(problems), 'other problem')}.")
    found_something(bool(wrong or problems))


def _must_fit(covers: bool, update: bool, force: bool, *, narrowed: bool) -> None:
    if covers and narrowed:
        raise click.UsageError("coverage is of all stories: leave out -k and --fail-fast")
    if covers and update:
        raise click.UsageError("--update changes the stories: ask for coverage afterwards")
    if force and not update:
        raise click.UsageError("--force goes with --update")


def _shown(told: Iterator[Told], fail_fast: bool) -> Iterator[Told]:
    for one in told:
        click.echo(str(one))
        yield one
        if fail_fast and not one.good:
            return


def _updated(folder: Path, told: list[Told], rules: Ruleset, force: bool) -> list[Told]:
    """Rewrites the files, and gives all stories as they go now."""
    from outreach.lab.story_update import update

    now = {(one.story.file, one.story.title): one for one in told}
    for changes, again in update(folder, told, rules, force=force):
        click.echo(f"\n{changes}\n")
        for one in again:
            click.echo(str(one))
            now[one.story.file, one.story.title] = one
    return list(now.values())

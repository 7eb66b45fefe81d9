"""The playbooks' stories in the terminal."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from outreach.cli.common import OutFile, answer, found_something, json_option
from outreach.cli.rules import folder
from outreach.lab.terminal import say, say_lines
from outreach.service.named import meant

if TYPE_CHECKING:
    from outreach.domain.evaluate import Ruleset
    from outreach.lab.stories import Told
    from outreach.lab.story_coverage import Covered
    from outreach.lab.story_reader import Story

_FILE = OutFile()


@click.command()
@folder
@click.option("-k", "only", default="", help="Only stories whose name has these words.")
@click.option("--playbook", default="", help="Only the stories in this playbook's own file.")
@click.option("--fail-fast", is_flag=True, help="Stop at the first story that is not as told.")
@click.option("--update", is_flag=True, help="What happened becomes what is expected, in the files.")
@click.option(
    "--force", is_flag=True, help="With --update: in files, too, that git does not have as they are."
)
@click.option("--junit", "report", type=_FILE, help="Write JUnit XML, for CI systems.")
@click.option("--coverage", "covers", is_flag=True, help="Say in which branches no story has been.")
@click.option(
    "--coverage-at-least",
    "least",
    type=click.IntRange(0, 100),
    help="The same; exit code 1 when a playbook has fewer percent.",
)
@json_option
def test(
    folder: Path, only: str, playbook: str, fail_fast: bool, update: bool, force: bool, report: Path | None,
    covers: bool, least: int | None, as_json: bool,
) -> None:  # fmt: skip
    """Run the playbooks' stories on a virtual clock. Exit code 1 when one is not as told."""
    from outreach.lab.stories import read_folder, tell_all, untold
    from outreach.lab.story_coverage import Coverage
    from outreach.lab.story_junit import as_data, junit
    from outreach.library.loader import load

    _must_fit(covers or least is not None, update, force, narrowed=bool(only or fail_fast), as_json=as_json)
    rules = load(folder)
    stories, faults = read_folder(folder, rules)
    coverage = Coverage(rules) if covers or least is not None else None
    chosen = _chosen(stories, only, playbook, rules)
    telling = tell_all(chosen, rules, coverage.look if coverage else None)
    told = list(_shown(telling, fail_fast, quiet=as_json))
    if update:
        told = _updated(folder, told, rules, force)
        stories, faults = read_folder(folder, rules)
    problems = _of(playbook, [*map(str, faults), *([] if only else untold(stories, rules))])
    covered = [one for one in coverage.covered() if playbook in ("", one.playbook)] if coverage else []
    problems += [words for one in covered if (words := one.below(least or 0))]
    if report:
        report.write_bytes(junit(told, problems))
    if as_json:
        answer(as_data(told, problems, covered))
    else:
        _say(told, problems, covered)
    found_something(bool(problems or any(not one.good for one in told)))


def _chosen(stories: list[Story], only: str, playbook: str, rules: Ruleset) -> list[Story]:
    """Raises UsageError where there is none: a slip of the pen is no success."""
    own = [story for story in stories if not playbook or Path(story.file).stem == playbook]
    if playbook and not own:
        known = [*rules.playbooks, *(Path(story.file).stem for story in stories)]
        near = "" if playbook in rules.playbooks else meant(playbook, known)
        raise click.UsageError(f"no story is in playbooks/stories/{playbook}.yaml{near}")
    chosen = [story for story in own if only.lower() in story.title.lower()]
    if only and not chosen:
        raise click.UsageError(f"no story's name has the words {only!r}")
    return chosen


def _of(playbook: str, problems: list[str]) -> list[str]:
    """Those of one playbook: each begins with its name, or with a file of its name."""
    own = (f"{playbook}:", f"playbooks/{playbook}.yaml", f"playbooks/stories/{playbook}.yaml")
    return [words for words in problems if not playbook or words.startswith(own)]


def _say(told: list[Told], problems: list[str], covered: list[Covered]) -> None:
    from outreach.lab.stories import summary
    from outreach.service.finding import many

    wrong = sum(not one.good for one in told)
    if covered:
        say_lines(["", *(line for one in covered for line in str(one).splitlines())])
    say_lines(["", *summary(told), "", *problems])
    say(f"{many(len(told), 'story')}, {wrong} not as told, {many(len(problems), 'other problem')}.")


def _must_fit(covers: bool, update: bool, force: bool, *, narrowed: bool, as_json: bool) -> None:
    if covers and narrowed:
        raise click.UsageError("coverage is of all stories: leave out -k and --fail-fast")
    if covers and update:
        raise click.UsageError("--update changes the stories: ask for coverage afterwards")
    if as_json and update:
        raise click.UsageError("--update shows what it changes: leave out --json")
    if force and not update:
        raise click.UsageError("--force goes with --update")


def _shown(told: Iterator[Told], fail_fast: bool, quiet: bool) -> Iterator[Told]:
    for one in told:
        if not quiet:
            _say_one(one)
        yield one
        if fail_fast and not one.good:
            return


def _say_one(one: Told) -> None:
    title, *wrong = str(one).splitlines()
    say(title[len(_VERDICT) :], lead=title[: len(_VERDICT)])
    say_lines(wrong)


_VERDICT = "WRONG "
"""As wide as "ok" is made."""


def _updated(folder: Path, told: list[Told], rules: Ruleset, force: bool) -> list[Told]:
    """Rewrites the files, and gives all stories as they go now."""
    from outreach.lab.story_update import update

    now = {(one.story.file, one.story.title): one for one in told}
    for changes, again in update(folder, told, rules, force=force):
        click.echo(f"\n{changes}\n")  # a diff is read line by line
        for one in again:
            _say_one(one)
            now[one.story.file, one.story.title] = one
    return list(now.values())

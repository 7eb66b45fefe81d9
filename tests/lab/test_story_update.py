"""What happened becomes what is expected, and nothing else in the file changes by a letter."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from outreach.cli.main import outreach
from outreach.domain.errors import Refused
from outreach.lab.stories import FOLDER, Told, read_folder, story_files, tell, tell_all
from outreach.lab.story_reader import read_stories
from outreach.lab.story_rewrite import rewritten
from outreach.lab.story_update import update
from tests.service import world

# -- our own stories, changed on purpose -------------------------------------------------------------

FILES = [path.relative_to(world.ROOT) for path in story_files(world.ROOT)]
_EXPECTED = r"((?:expect: |^ +- )\{[^\n]*?"
CHANGES = [
    (re.compile(_EXPECTED + r"\bby: )(\"\d[^\"]*\")", re.M), r'\1"2031-01-01T10:00"'),
    (re.compile(_EXPECTED + r"\bby: )(\"[A-Z][^\"]*\")", re.M), r'\1"Sun 03:33"'),
    (re.compile(_EXPECTED + r"failure: [^\n]*?state: )(\w+)", re.M), r"\1void"),
    (re.compile(_EXPECTED + r"\blines: )(\d+)", re.M), r"\g<1>41"),
    (re.compile(_EXPECTED + r"answer: )(\w+)\}\}", re.M), r"\1wrong}}"),
    (re.compile(_EXPECTED + r"brief: )([\w./-]+)", re.M), r"\1other.md"),
    (re.compile(r"(expect: |^ +- )nothing\b", re.M), r"\1{call: nobody}"),
]


def spoilt(text: str) -> str:
    """The same stories, with most of what they expect wrong."""
    for pattern, other in CHANGES:
        text = pattern.sub(other, text)
    return re.sub(r"answer: wrong\}\}(.*)", "answer: deny}}\\1", text)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_our_stories_spoilt_and_updated_are_as_before(file: Path, tmp_path: Path) -> None:
    original = (world.ROOT / file).read_text()
    path = tmp_path / file
    path.parent.mkdir(parents=True)
    path.write_text(spoilt(original))
    stories, faults = read_folder(tmp_path, world.own_rules())
    told = list(tell_all(stories, world.own_rules()))
    assert not faults
    again = [one for _, found in update(tmp_path, told, world.own_rules()) for one in found]
    assert [str(one) for one in again if not one.good] == []
    assert path.read_text() == original


def test_most_of_our_files_can_be_spoilt() -> None:
    changed = [file for file in FILES if spoilt(text := (world.ROOT / file).read_text()) != text]
    assert len(changed) > len(FILES) * 0.8


# -- layouts -----------------------------------------------------------------------------------------

HEAD = """\
# Above.
story: "a story"   # what it tells
given: {account: {id: a1, tier: gold, owner: jonas, people: [{id: anna, role: buyer, phone: "+4930123456"}]}}
script:
  - at: Mon 09:00
    event: {type: delivery.delayed, data: {order_id: o1,   days_late: 3}}
"""
THERE = "{call: anna, because: late-delivery, by: Mon 13:00}"
LAYOUTS = [
    ("    expect: nothing   # why\n", f"    expect: {THERE}   # why\n"),
    ("    expect:\n      nothing\n", f"    expect:\n      {THERE}\n"),
    ("    expect: [nothing, {card: anna, lines: 1}]\n", f"    expect: [{THERE}, {{card: anna, lines: 1}}]\n"),
    ("    expect: {call:  anna, by: 'Mon 12:00',  caller: jonas}   # why\n",
     "    expect: {call:  anna, by: 'Mon 13:00',  caller: jonas}   # why\n"),
    ("    expect: {call: anna, by: Mon 12:00, caller: ruth}\n", "    expect: {call: anna, by: Mon 13:00, caller: jonas}\n"),
    ("    expect:\n      call: anna   # whom\n      by: Mon 12:00   # when\n      # below\n",
     "    expect:\n      call: anna   # whom\n      by: Mon 13:00   # when\n      # below\n"),
    ("    expect:\n      call: anna   # whom\n      hold: [transactional]   # what\n      caller: jonas\n",
     "    expect:\n      call: anna   # whom\n      caller: jonas\n"),
    ("    expect: {call: anna, hold: [transactional], caller: jonas}\n", "    expect: {call: anna, caller: jonas}\n"),
    ("    expect: {hold: [transactional], call: anna}\n", "    expect: {call: anna}\n"),
    ("    expect:\n      - call: anna\n        caller: ruth   # hers\n      # and\n      - {failure: delivery/o1, state: reached}\n\n# Below.\n",
     "    expect:\n      - call: anna\n        caller: jonas   # hers\n      # and\n      - {failure: delivery/o1, state: open}\n\n# Below.\n"),
    ("    expect:\n      - {call: anna}\n      - nothing   # no\n      # and\n      - {card: anna, lines: 1}\n",
     "    expect:\n      - {call: anna}\n      # and\n      - {card: anna, lines: 1}\n"),
    ("    expect: [{call: anna}, nothing]\n", "    expect: [{call: anna}]\n"),
    ("    expect: [nothing, {call: anna}]\n", "    expect: [{call: anna}]\n"),
    ("    expect: {hold: [marketing, transactional]}   # why\n",
     "    expect:\n      - {hold: [marketing]}\n      - {no_hold: [transactional]}   # why\n"),
    ("    expect:\n      hold: [marketing, transactional]\n",
     "    expect:\n      - {hold: [marketing]}\n      - {no_hold: [transactional]}\n"),
    ("    expect:\n    - nothing\n    - hold: [marketing, transactional]\n",
     f"    expect:\n    - {THERE}\n    - {{hold: [marketing]}}\n    - {{no_hold: [transactional]}}\n"),
    ("    expect: {run: late-delivery, state: ended, reason: completed}\n", "    expect: {run: late-delivery, state: open}\n"),
    ("    expect: {run: late-delivery, reason: completed}\n", "    expect: {run: late-delivery, state: open}\n"),
    ("    expect:\n      run: late-delivery\n      reason: completed\n", "    expect:\n      {run: late-delivery, state: open}\n"),
    ("    expect: {may_send: {person: anna, purpose: marketing, answer: \"allow\"}}\n",
     "    expect: {may_send: {person: anna, purpose: marketing, answer: \"hold\"}}\n"),
    ("    expect:\n      may_send:\n        person: anna\n        purpose: marketing\n        answer: allow\n",
     "    expect:\n      may_send:\n        person: anna\n        purpose: marketing\n        answer: hold\n"),
    ("    expect: {call: anna, by: \"2026-03-02T12:00\"}", "    expect: {call: anna, by: \"2026-03-02T13:00\"}"),
    ("  - {at: Mon 10:00, expect: {hold: [marketing, transactional]}}\n",
     "  - {at: Mon 10:00, expect: [{hold: [marketing]}, {no_hold: [transactional]}]}\n"),
    ("    expect: {unreached: [delivery/o1]}\n", "    expect: {unreached: []}\n"),
    ("    expect:\n      unreached:\n        - delivery/o1   # late\n  - at: +1h\n", "    expect:\n      unreached:\n        []   # late\n  - at: +1h\n"),
]  # fmt: skip


def told(text: str) -> Told:
    (story,) = read_stories("s.yaml", text, world.own_rules())
    return tell(story, world.own_rules())


@pytest.mark.parametrize(("before", "after"), LAYOUTS, ids=[before.strip() for before, _ in LAYOUTS])
@pytest.mark.parametrize("ends", ["\n", "\r\n"], ids=["unix", "windows"])
def test_the_layout_stays(before: str, after: str, ends: str) -> None:
    found = rewritten((HEAD + before).replace("\n", ends), told(HEAD + before).wrong)
    assert found.replace("\r\n", "\n") == HEAD + after
    assert told(found).good


# -- the command -------------------------------------------------------------------------------------

Run = Callable[..., tuple[int, str]]
STORY = f"{FOLDER}/late-delivery.yaml"


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Run]:
    """``outreach test`` on a copy of our playbooks."""
    for name in ("playbooks", "templates"):
        shutil.copytree(world.ROOT / name, tmp_path / name)
    spoil(tmp_path / STORY)

    def command(*words: str) -> tuple[int, str]:
        done = CliRunner().invoke(outreach, ["test", str(tmp_path), "-k", "late delivery", *words])
        if done.exception and not isinstance(done.exception, SystemExit):
            raise done.exception
        return done.exit_code, done.output

    yield command


def spoil(path: Path) -> None:
    path.write_text(path.read_text().replace('by: "Mon 13:00"', 'by: "Mon 14:00"', 1))


def git(folder: Path, *words: str) -> None:
    name = ("-c", "user.name=a", "-c", "user.email=a@example.com")
    subprocess.run(["git", *name, *words], cwd=folder, check=True, capture_output=True)


def test_the_command_shows_what_it_changes_and_is_green_then(run: Run, tmp_path: Path) -> None:
    code, said = run("--update")
    assert (code, said.count('-        expect: {call: anna, by: "Mon 14:00"')) == (0, 1)
    assert '+        expect: {call: anna, by: "Mon 13:00", because: late-delivery, hold: [marketing]}' in said
    assert (tmp_path / STORY).read_bytes() == (world.ROOT / STORY).read_bytes()
    code, said = run("--update")
    assert code == 0 and "+++" not in said


def test_what_git_does_not_have_is_kept(run: Run, tmp_path: Path) -> None:
    git(tmp_path, "init", "-q")
    spoilt_text = (tmp_path / STORY).read_text()
    with pytest.raises(Refused, match=r"Commit playbooks/stories/late-delivery.yaml first, or say --force"):
        run("--update")
    assert (tmp_path / STORY).read_text() == spoilt_text
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-qm", "spoilt")
    (tmp_path / "playbooks/defaults.yaml").write_bytes(
        (world.ROOT / "playbooks/defaults.yaml").read_bytes() + b"\n"
    )
    assert run("--update")[0] == 0
    (tmp_path / STORY).write_text(spoilt_text + "\n# written just now\n")
    with pytest.raises(Refused):
        run("--update")
    assert run("--update", "--force")[0] == 0
    assert (tmp_path / STORY).read_text().endswith("# written just now\n")


def test_what_is_done_and_not_possible_stays_wrong(run: Run, tmp_path: Path) -> None:
    path = tmp_path / STORY
    path.write_text(path.read_text().replace("outcome: {call: anna", "outcome: {call: berta", 1))
    code, said = run("--update")
    assert code == 1 and "berta has no card on the desk" in said


@pytest.mark.parametrize("words", [["--force"], ["--coverage"], ["--update", "--coverage"]])
def test_what_does_not_go_together_is_said(run: Run, words: list[str]) -> None:
    code, said = run(*words)
    assert code == 2, said

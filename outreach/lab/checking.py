"""Everything that can be said of a folder of rules before anything runs: playbooks, texts, stories."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from outreach.domain.errors import Fault, Invalid
from outreach.domain.evaluate import Ruleset
from outreach.lab.stories import read_folder
from outreach.lab.story_reader import Story
from outreach.library.kinds import did_you_mean
from outreach.library.loader import load

NO_PLAYBOOK = ("look_again",)
"""What else may stand behind ``because``: a card comes back because we spoke and it is not put right."""

_KEYS = {"run": "run", "no_run": "no_run", "publish": "playbook"}
"""Behind which key a playbook is named, where it is not ``because``."""


@dataclass(frozen=True, slots=True)
class Checked:
    playbooks: int
    stories: int
    errors: tuple[Fault, ...]
    warnings: tuple[Fault, ...]


def check_folder(root: Path) -> Checked:
    """Every fault of every file. Stories are read only where the rules they are told by can be."""
    try:
        rules = load(root)
    except Invalid as invalid:
        return _sorted(0, 0, invalid.faults)
    stories, faults = read_folder(root, rules)
    named = _named(rules, root)
    strangers = [fault for story in stories for fault in _strangers(story, named)]
    return _sorted(len(rules.playbooks), len(stories), [*rules.faults, *faults, *strangers])


def _sorted(playbooks: int, stories: int, faults: Any) -> Checked:
    placed = sorted(set(faults), key=lambda fault: (fault.file, fault.line, fault.column, fault.what))
    errors = tuple(fault for fault in placed if not fault.warning)
    return Checked(playbooks, stories, errors, tuple(fault for fault in placed if fault.warning))


def _named(rules: Ruleset, root: Path) -> frozenset[str]:
    """Every playbook by name, the faulty ones, too: their own faults are enough."""
    return frozenset(rules.playbooks) | {file.stem for file in (root / "playbooks").glob("*.yaml")}


def _strangers(story: Story, named: frozenset[str]) -> Iterator[Fault]:
    """Where a story speaks of a playbook that is not there."""
    for entry in story.script:
        for said in (*entry.acts, *entry.expects):
            key = _KEYS.get(said.kind, "because")
            name = said.values.get(key)
            if name and name not in named and name not in NO_PLAYBOOK:
                what = f"there is no playbook `{name}`, of which this story speaks"
                yield Fault(said.file, *said.at(key), what, did_you_mean(name, named))

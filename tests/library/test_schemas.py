"""The JSON Schemas take what the reader takes, and refuse what is built wrongly."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from outreach.domain.errors import Invalid
from outreach.domain.vocabulary import Vocabulary
from outreach.lab.story_schema import story_schema
from outreach.library.playbook_keys import PLAYBOOK
from outreach.library.schemas import SCHEMAS
from outreach.library.tree import plain
from outreach.library.vocabulary import read_vocabulary
from outreach.library.yaml_reader import read, read_table
from tests.library.test_playbooks import BROKEN, CASES, PIECES
from tests.library.world import COMPANY, DEFAULTS, LATE, VOCABULARY, faults, shipped

ROOT = Path(__file__).resolve().parents[2]
FILES = sorted((ROOT / "playbooks").glob("*.yaml"))
STORIES = sorted((ROOT / "playbooks/stories").glob("*.yaml"))
MAKERS = {**SCHEMAS, "story": story_schema}
MISBUILT = {"endless-hold", "quoted-scalars", "serious-recovery", "unknown-keys", "wordless", "wrong-values"}
"""Whose keys or values are wrong in themselves; what is wrong with the others only the reader can tell."""
NO_YAML = {"strictness", "syntax"}


def name_of(file: Path) -> str:
    return file.stem


@cache
def own() -> Vocabulary:
    """The vocabulary of the small company that the tests break."""
    return read_vocabulary(read_table("vocabulary.yaml", VOCABULARY))[0]


@cache
def validator(name: str, *, small: bool = False) -> Draft202012Validator:
    return Draft202012Validator(MAKERS[name](own() if small else shipped().vocabulary))


def wrong(name: str, text: str | bytes, *, small: bool = False) -> list[str]:
    told = validator(name, small=small).iter_errors(plain(read(name, text)))
    return [f"{list(error.absolute_path)}: {error.message[:200]}" for error in told]


@pytest.mark.parametrize("name", MAKERS)
def test_the_schema_is_a_schema(name: str) -> None:
    Draft202012Validator.check_schema(validator(name).schema)


@pytest.mark.parametrize("file", FILES, ids=name_of)
def test_every_file_that_we_ship_is_taken(file: Path) -> None:
    assert wrong(file.stem if file.stem in SCHEMAS else "playbook", file.read_bytes()) == []


@pytest.mark.parametrize("file", STORIES, ids=name_of)
def test_every_story_that_we_ship_is_taken(file: Path) -> None:
    assert wrong("story", file.read_bytes()) == []


@pytest.mark.parametrize(
    ("name", "text"), [("vocabulary", VOCABULARY), ("company", COMPANY), ("defaults", DEFAULTS)]
)
def test_the_shared_files_of_the_small_company_are_taken(name: str, text: str) -> None:
    assert wrong(name, text, small=True) == []


@pytest.mark.parametrize("case", [case for case in CASES if case not in NO_YAML])
def test_of_the_broken_playbooks_those_are_refused_that_are_built_wrongly(case: str) -> None:
    assert bool(wrong("playbook", (BROKEN / f"{case}.yaml").read_text(), small=True)) is (case in MISBUILT)


@pytest.mark.parametrize("case", sorted(NO_YAML))
def test_what_is_no_yaml_gets_no_farther_than_that(case: str) -> None:
    with pytest.raises(Invalid):
        read(case, (BROKEN / f"{case}.yaml").read_text())


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("defaults", "service_recvery: {horizon: 3d}"),
        ("defaults", "all: {playbook: x}"),
        ("defaults", "all: {steps: {call: {call: owner}}}"),
        ("company", "company: Grills"),
        ("vocabulary", "order.placed: {titel: An order}"),
        ("vocabulary", "OrderPlaced: {title: An order}"),
        ("vocabulary", "types: {order.placed: {fields: {a: {type: txt}}}}"),
        ("story", "story: nothing is given\nscript: [{at: Mon 09:00}]"),
        ("story", "stories: []"),
        ("story", "story: x\ngiven: {account: {id: a1}}\nscript: [{at: someday}]"),
        ("story", "story: x\ngiven: {account: {id: a1}}\nscript: [{at: Mon 09:00, expect: {cal: anna}}]"),
        (
            "story",
            "story: x\ngiven: {account: {id: a1}}\nscript: [{at: Mon 09:00, event: {type: order.plcaed}}]",
        ),
    ],
)
def test_other_files_that_are_built_wrongly_are_refused(name: str, text: str) -> None:
    assert wrong(name, text, small=True) != []


@pytest.mark.parametrize(
    "length",
    ["0", "30m", "90 minutes", "1.5h", "4 business hours", "1 business day + 2h", "4 Business Hours"],
)
def test_durations_that_the_reader_takes_are_taken(length: str) -> None:
    assert wrong("playbook", LATE.replace("4 business hours", length), small=True) == []


@pytest.mark.parametrize("length", ["4 busines hours", "soon", "5", "3 lightyears"])
def test_other_durations_are_refused(length: str) -> None:
    assert wrong("playbook", LATE.replace("4 business hours", length), small=True) != []


@given(st.data())
def test_whatever_the_reader_takes_the_schema_takes(data: st.DataObject) -> None:
    """An editor that marks what is right is switched off."""
    lines = LATE.strip().split("\n")
    at = data.draw(st.integers(0, len(lines) - 1))
    key, colon, _ = lines[at].partition(": ")
    lines[at] = key + colon + data.draw(st.sampled_from(PIECES))
    if data.draw(st.booleans()):
        added = data.draw(st.sampled_from([one.name for one in PLAYBOOK.keys]))
        lines.append(f"{added}: {data.draw(st.sampled_from(PIECES))}")
    text = "\n".join(lines) + "\n"
    if all(fault.warning for fault in faults({"late": text})):
        assert wrong("playbook", text, small=True) == []


def test_event_types_come_with_their_titles_and_keys_with_their_meaning() -> None:
    schema: Mapping[str, Any] = validator("playbook").schema
    types = shipped().vocabulary.types
    event_type = schema["$defs"]["event_type"]
    assert event_type["enum"] == sorted(types)
    assert event_type["enumDescriptions"] == [types[name].title for name in sorted(types)]
    assert all(key["description"] for key in schema["properties"].values())

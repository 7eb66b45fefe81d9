"""The reference page is made from the readers' own tables, and shows everything that a story may say."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from outreach.domain.conditions_names import FUNCTIONS
from outreach.lab.reference import page
from outreach.lab.stories import tell
from outreach.lab.story_deeds import ACTS
from outreach.lab.story_examples import EXAMPLES
from outreach.lab.story_reader import read_stories
from outreach.lab.story_words import EXPECTATIONS, GIVEN
from outreach.library.groups import Group
from outreach.library.reference import MEANINGS, nested
from outreach.library.tree import Listing, Node, Table
from outreach.library.yaml_reader import read_table
from tests.library.world import shipped

ROOT = Path(__file__).resolve().parents[2]
GROUPS = [GIVEN, *ACTS.values(), *EXPECTATIONS.values()]


def test_the_page_in_docs_is_the_one_we_would_write_now() -> None:
    kept = (ROOT / "docs" / "playbooks.md").read_text(encoding="utf-8")
    assert kept == page(shipped().vocabulary), "run: python -m outreach.lab.reference > docs/playbooks.md"


def test_every_function_of_the_language_is_explained() -> None:
    assert MEANINGS.keys() == FUNCTIONS.keys()


@pytest.mark.parametrize("group", GROUPS, ids=lambda group: group.name)
def test_every_key_has_a_meaning(group: Group) -> None:
    for one in (group, *(inner for _, inner in nested(group))):
        assert all(key.doc for key in one.keys), one.name


@pytest.mark.parametrize("title", EXAMPLES)
def test_each_example_is_told_as_it_stands(title: str) -> None:
    (story,) = read_stories(title, EXAMPLES[title], shipped())
    told = tell(story, shipped())
    assert told.good, str(told)


def used() -> Iterator[tuple[str, str]]:
    """(group, key) of everything that the examples say."""
    for text in EXAMPLES.values():
        story = read_table("example", text.encode())
        yield from _keys(GIVEN, story.get("given"))
        script = story.get("script")
        assert isinstance(script, Listing)
        for moment in script.items:
            assert isinstance(moment, Table)
            for name, _, node in moment:
                if name in ACTS:
                    yield from _keys(ACTS[name], node)
                elif name == "expect":
                    yield from _expected(node)


def _expected(node: Node) -> Iterator[tuple[str, str]]:
    for one in node.items if isinstance(node, Listing) else (node,):
        if isinstance(one, Table):
            kind = next(name for name in EXPECTATIONS if name in one.entries)
            yield from _keys(EXPECTATIONS[kind], one)


def _keys(group: Group, node: Node | None) -> Iterator[tuple[str, str]]:
    if isinstance(node, Listing):
        for item in node.items:
            yield from _keys(group, item)
    elif isinstance(node, Table):
        inner = {way[0][0]: found for way, found in nested(group) if len(way) == 1}
        for name, _, child in node:
            yield group.name, name
            if name in inner:
                yield from _keys(inner[name], child)


def test_every_key_of_a_story_stands_in_an_example() -> None:
    every = {
        (one.name, key.name)
        for group in GROUPS
        for one in (group, *(g for _, g in nested(group)))
        for key in one.keys
    }
    missing = every - set(used())
    assert not missing, f"add it to a story in outreach/lab/story_examples.py: {sorted(missing)}"


def test_every_kind_of_expectation_stands_in_an_example() -> None:
    said = "".join(EXAMPLES.values())
    assert not [kind for kind in EXPECTATIONS if f"{kind}: " not in said]

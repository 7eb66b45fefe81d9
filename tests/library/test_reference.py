"""The reference page and the JSON Schema are made from the reader's own tables."""

from __future__ import annotations

from pathlib import Path

import jsonschema
import pytest

from outreach.domain.conditions_names import FUNCTIONS
from outreach.library.playbook_keys import PLAYBOOK
from outreach.library.reference import MEANINGS, reference, schema
from outreach.library.tree import plain
from outreach.library.yaml_reader import read_table
from tests.library.world import shipped

ROOT = Path(__file__).resolve().parents[2]
SHARED = {"vocabulary", "company", "defaults"}
PLAYBOOKS = sorted(file for file in (ROOT / "playbooks").glob("*.yaml") if file.stem not in SHARED)


def test_the_page_in_docs_is_the_one_we_would_write_now() -> None:
    page = (ROOT / "docs" / "playbook-reference.md").read_text(encoding="utf-8")
    assert page == reference(shipped().vocabulary), (
        "run: python -m outreach.library.reference > docs/playbook-reference.md"
    )


def test_every_function_of_the_language_is_explained() -> None:
    assert MEANINGS.keys() == FUNCTIONS.keys()


def test_every_key_has_a_meaning() -> None:
    assert all(key.doc for key in PLAYBOOK.keys)


def test_the_schema_is_a_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(schema(shipped().vocabulary))


@pytest.mark.parametrize("file", PLAYBOOKS, ids=lambda file: file.stem)
def test_the_schema_takes_every_playbook_that_we_ship(file: Path) -> None:
    jsonschema.validate(plain(read_table(file.name, file.read_bytes())), schema(shipped().vocabulary))


def test_the_schema_refuses_an_unknown_key() -> None:
    tree = plain(read_table("x", PLAYBOOKS[0].read_bytes())) | {"sevrity": "high"}
    with pytest.raises(jsonschema.ValidationError, match="sevrity"):
        jsonschema.validate(tree, schema(shipped().vocabulary))

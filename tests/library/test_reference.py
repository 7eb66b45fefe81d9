"""The reference page is made from the reader's own tables."""

from __future__ import annotations

from pathlib import Path

from outreach.domain.conditions_names import FUNCTIONS
from outreach.library.playbook_keys import PLAYBOOK
from outreach.library.reference import MEANINGS, reference
from tests.library.world import shipped

ROOT = Path(__file__).resolve().parents[2]


def test_the_page_in_docs_is_the_one_we_would_write_now() -> None:
    page = (ROOT / "docs" / "playbook-reference.md").read_text(encoding="utf-8")
    assert page == reference(shipped().vocabulary), (
        "run: python -m outreach.library.reference > docs/playbook-reference.md"
    )


def test_every_function_of_the_language_is_explained() -> None:
    assert MEANINGS.keys() == FUNCTIONS.keys()


def test_every_key_has_a_meaning() -> None:
    assert all(key.doc for key in PLAYBOOK.keys)

"""The rules as they are in this checkout, read once for all rooms' tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from outreach.domain.dues import FoldRules
from outreach.domain.evaluate import Ruleset
from outreach.library.loader import load


@pytest.fixture(scope="session")
def ruleset(root: Path) -> Ruleset:
    """The starter set's rules."""
    return load(root)


@pytest.fixture(scope="session")
def folding(ruleset: Ruleset) -> FoldRules:
    """What the fold needs of them: Berlin hours, N = 4 business hours, look again after 2 business days."""
    return ruleset.folding

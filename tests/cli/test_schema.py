"""``outreach schema``: one to read, or all of them into a folder for the editor."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from jsonschema import Draft202012Validator

from outreach.cli.main import outreach
from outreach.cli.schema import NAMES
from outreach.domain.errors import Invalid

ROOT = str(Path(__file__).resolve().parents[2])


@pytest.mark.parametrize("name", NAMES)
def test_each_can_be_read(name: str) -> None:
    told = CliRunner().invoke(outreach, ["schema", ROOT, "--of", name])
    assert told.exit_code == 0
    Draft202012Validator.check_schema(json.loads(told.output))


def test_all_are_written_for_the_editor(tmp_path: Path) -> None:
    into = tmp_path / ".vscode" / "schemas"
    told = CliRunner().invoke(outreach, ["schema", ROOT, "--write", str(into)])
    assert told.output == f"5 schemas in {into}.\n"
    assert sorted(file.stem for file in into.iterdir()) == sorted(NAMES)
    assert json.loads((into / "playbook.json").read_text())["title"] == "Outreach playbook"


def test_without_a_vocabulary_there_is_none(tmp_path: Path) -> None:
    told = CliRunner().invoke(outreach, ["schema", str(tmp_path)])
    assert isinstance(told.exception, Invalid)
    assert "playbooks/vocabulary.yaml: this file is missing" in str(told.exception)

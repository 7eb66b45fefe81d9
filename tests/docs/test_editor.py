"""The recipe for editors: its settings are what VS Code reads, its schemas are written, and it takes in the files it means."""

from __future__ import annotations

import json
import re
from pathlib import Path, PurePosixPath

import pytest
from click.testing import CliRunner

from outreach.cli.main import outreach
from outreach.library.loader import SHARED

ROOT = Path(__file__).resolve().parents[2]
TUTORIAL = (ROOT / "docs" / "writing-playbooks.md").read_text(encoding="utf-8")
SECTION = TUTORIAL[TUTORIAL.index("### Let the editor help") : TUTORIAL.index("## 2.")]
SETTINGS: dict[str, dict[str, str]] = json.loads(re.findall(r"```json\n(.*?)```", SECTION, re.DOTALL)[0])
FILES = [path.relative_to(ROOT) for path in sorted((ROOT / "playbooks").rglob("*.yaml"))]


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkout's folder with the schemas, by the command as it stands on the page."""
    folder = tmp_path_factory.mktemp("checkout")
    typed = re.findall(r"^\$ outreach (schema --write \S+)$", SECTION, re.MULTILINE)
    assert typed == ["schema --write .vscode/schemas"]
    done = CliRunner().invoke(outreach, ["schema", str(ROOT), "--write", str(folder / ".vscode/schemas")])
    assert done.exit_code == 0, done.output
    return folder


def test_the_settings_name_schemas_that_are_written(written: Path) -> None:
    assert SETTINGS.keys() == {"yaml.schemas"}
    for schema in SETTINGS["yaml.schemas"]:
        assert json.loads((written / schema).read_text())["$schema"].startswith("https://json-schema.org/")


def test_each_file_has_the_one_schema_that_is_meant_for_it() -> None:
    """Playbooks say it in their first line; a glob would take in the shared files as well."""
    for file in FILES:
        found = [
            PurePosixPath(schema).stem
            for schema, glob in SETTINGS["yaml.schemas"].items()
            if PurePosixPath(file.as_posix()).match(glob)
        ]
        if file.parts[1] == "stories":
            assert found == ["story"], file
        elif file.name in SHARED:
            assert found == [file.stem], file
        else:
            assert not found, file


def test_every_glob_takes_in_something() -> None:
    for glob in SETTINGS["yaml.schemas"].values():
        assert any(PurePosixPath(file.as_posix()).match(glob) for file in FILES), glob


def test_the_first_line_of_a_playbook_leads_to_its_schema(written: Path) -> None:
    (line,) = re.findall(r"^# yaml-language-server: \$schema=(\S+)$", SECTION, re.MULTILINE)
    assert (written / "playbooks" / line).resolve() == written / ".vscode/schemas/playbook.json"
    assert (written / ".vscode/schemas/playbook.json").is_file()

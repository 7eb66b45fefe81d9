"""``outreach check``: every fault of every file with its line, and what ends the command how."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from outreach.cli.main import outreach

ROOT = Path(__file__).resolve().parents[2]
ODD = """playbook: odd
title: Odd
why: To see what is said of it.
purpose: service_recovery
severity: high
when: delivery.lost
if: event.order_id == "a"
steps:
  - call: hurt_person
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("playbooks", "templates"):
        shutil.copytree(ROOT / name, tmp_path / name)
    return tmp_path


def check(folder: Path, *words: str) -> Result:
    return CliRunner().invoke(outreach, ["check", str(folder), *words])


def test_our_own_playbooks_have_neither_errors_nor_warnings() -> None:
    told = check(ROOT, "--strict")
    assert told.exit_code == 0
    assert told.output.endswith(" playbooks, 0 errors, 0 warnings.\n")


def test_an_error_is_shown_in_its_line_and_the_command_fails(folder: Path) -> None:
    (folder / "playbooks/odd.yaml").write_text(ODD.replace("order_id", "order_idd"))
    told = check(folder)
    assert told.exit_code == 1
    assert '     7 | if: event.order_idd == "a"\n       |           ^\n' in told.output
    assert "did you mean order_id?" in told.output


def test_a_warning_fails_only_a_strict_check(folder: Path) -> None:
    (folder / "playbooks/odd.yaml").write_text(ODD)
    told = check(folder)
    assert told.exit_code == 0
    assert "warning: playbooks/odd.yaml:9:5: this call has no brief" in told.output
    assert check(folder, "--strict").exit_code == 1


def test_programs_get_the_line_as_well(folder: Path) -> None:
    (folder / "playbooks/odd.yaml").write_text(ODD)
    (told,) = json.loads(check(folder, "--json").output)
    assert told.keys() == {"file", "line", "column", "what", "remedy", "warning", "text"}
    assert told["text"] == "  - call: hurt_person"


def test_a_story_about_a_playbook_that_is_not_there_is_told(folder: Path) -> None:
    file = folder / "playbooks/stories/late-delivery.yaml"
    file.write_text(file.read_text().replace("because: late-delivery", "because: late-delivry", 1))
    told = check(folder)
    assert told.exit_code == 1
    assert "playbooks/stories/late-delivery.yaml:8:56: " in told.output
    assert (
        "there is no playbook `late-delivry`, of which this story speaks; did you mean late-delivery?"
        in told.output
    )


def test_a_faulty_story_is_told_with_the_rest(folder: Path) -> None:
    (folder / "playbooks/stories/odd.yaml").write_text("story: odd\ngivn: {}\n")
    told = check(folder)
    assert told.exit_code == 1
    assert "playbooks/stories/odd.yaml:2:1: unknown key `givn`; did you mean given?" in told.output


def test_a_text_that_no_playbook_uses_is_a_warning(folder: Path) -> None:
    (folder / "templates/late-delivery/old.md").write_text("Old words.\n")
    told = check(folder)
    assert told.exit_code == 0
    assert "warning: templates/late-delivery/old.md: no playbook uses this file; delete it" in told.output


def test_a_broken_vocabulary_is_told_without_the_stories(folder: Path) -> None:
    (folder / "playbooks/vocabulary.yaml").write_text("order.placed: {titel: x}\n")
    told = check(folder)
    assert told.exit_code == 1
    assert "playbooks/vocabulary.yaml:1:16: unknown key `titel`; did you mean title?" in told.output
    assert "stories/" not in told.output


@pytest.mark.parametrize(("words", "told"), [
    (["test", "--playbook", "nope"], "no story is in playbooks/stories/nope.yaml"),
    (["test", "--playbook", "late-delivry"], "late-delivry.yaml; did you mean late-delivery?"),
    (["test", "-k", "nopenope"], "no story's name has the words 'nopenope'"),
    (["backtest", "--html", "no/such/x.html"], "there is no folder no/such to write it into"),
    (["test", "--junit", "no/such/x.xml"], "there is no folder no/such to write it into"),
])  # fmt: skip
def test_a_slip_of_the_pen_is_no_success(
    words: list[str], told: str, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(root)
    done = CliRunner().invoke(outreach, words)
    assert done.exit_code == 2 and told in " ".join(done.output.split())

"""In the terminal: a token for each system, good for what it needs and nothing else."""

from __future__ import annotations

from pathlib import Path

from click.testing import CliRunner, Result

from outreach.cli import people
from outreach.cli.main import outreach
from outreach.web import auth
from tests.lab.houses import ROOT


def run(folder: Path, *words: str) -> Result:
    env = {"OUTREACH_DATA_DIR": str(folder), "OUTREACH_ROOT": str(ROOT)}
    return CliRunner().invoke(outreach, words, env=env)


def test_a_token_is_good_for_what_it_was_made_for(tmp_path: Path) -> None:
    assert run(tmp_path, "migrate").exit_code == 0
    assert run(tmp_path, "token", "add", "erp", "--scope", "feed:read").exit_code == 0
    assert run(tmp_path, "token", "list").output.splitlines()[-1].split() == ["erp", "ok", "-", "feed:read"]
    wrong = run(tmp_path, "token", "add", "erp", "--scope", "feed:write")
    assert wrong.exit_code == 2 and "feed:read" in wrong.output


def test_the_terminal_knows_every_scope_that_a_door_asks_for() -> None:
    assert set(people.SCOPES) == set(auth.SCOPES)

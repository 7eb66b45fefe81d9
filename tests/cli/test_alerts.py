"""In the terminal: where a colleague is reached, by whoever runs the house."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from outreach.assemble import SystemClock
from outreach.cli.main import outreach
from outreach.domain.errors import Refused
from tests.lab.houses import ROOT, house_in

Run = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs a command on the house in the folder, in which jonas is known. Raises what broke."""
    monkeypatch.chdir(tmp_path)

    def command(*words: str, input: str | None = None, **env: str) -> Result:
        given = {"OUTREACH_DATA_DIR": str(tmp_path / "data"), "OUTREACH_ROOT": str(ROOT), **env}
        done = CliRunner().invoke(outreach, words, env=given, input=input)
        if done.exception and not isinstance(done.exception, SystemExit):
            raise done.exception
        return done

    assert (
        command("user", "invite", "jonas", "--name", "Jonas Lindner", "--email", "jonas@x.example").exit_code
        == 0
    )
    return command


def test_where_somebody_is_reached_is_said_asked_and_taken_back(run: Run) -> None:
    assert run("user", "alerts", "jonas").output == "Jonas Lindner is reached nowhere.\n"
    said = run(
        "user",
        "alerts",
        "jonas",
        "json://127.0.0.1:9/secret/first",
        "mailtos://u:pw@mail.example?to=a@b.example",
    ).output
    assert said == "Jonas Lindner is reached by JSON …irst, E-Mail …mple.\n"
    assert run("user", "alerts", "jonas").output == said
    assert run(
        "user", "alerts", "jonas", "--read", input="json://127.0.0.1:9/secret/other\n\n"
    ).output.endswith("by JSON …ther.\n")
    assert run("user", "alerts", "jonas", "--none").output == "Jonas Lindner is reached nowhere.\n"


def test_a_test_says_how_it_went(run: Run) -> None:
    done = run("user", "alerts", "jonas", "json://127.0.0.1:9/x", "--test")
    assert done.exit_code == 1 and done.output.endswith("The test: refused (JSON could not be reached).\n")


def test_what_is_wrong_is_told_without_the_address(run: Run) -> None:
    with pytest.raises(Refused, match="no address that Apprise knows") as refused:
        run("user", "alerts", "jonas", "json://127.0.0.1:9/good", "nonsense-S3CRET")
    assert "S3CRET" not in str(refused.value)
    assert run("user", "alerts", "jonas").output.endswith("nowhere.\n"), "all or none"
    assert "did you mean jonas?" in run("user", "alerts", "jonsa").output
    assert run("user", "alerts", "jonas", "json://x", "--none").exit_code == 2
    with pytest.raises(Refused, match="Nothing leaves this house"):
        run("user", "alerts", "jonas", "json://x", OUTREACH_ALERT_SERVICES="none")


def test_the_doctor_says_whose_alerts_do_not_arrive(run: Run, tmp_path: Path) -> None:
    run("user", "alerts", "jonas", "json://127.0.0.1:9/x")
    assert "1 colleague reached away from the desk" in run("doctor").output
    with closing(house_in(tmp_path, SystemClock())) as made:
        now = made.outside.clock.now()
        made.database.retrying(lambda unit: unit.claim_alerts("jonas", ["late/x"], now))
        made.database.retrying(
            lambda unit: unit.settle_alerts("jonas", ["late/x"], "failed", "JSON answered 404")
        )
    assert "the last alert for jonas did not arrive, or not everywhere: JSON answered 404" in " ".join(
        run("doctor").output.split()
    )
    assert "nobody is reached away from the desk" in run("doctor", OUTREACH_ALERT_SERVICES="none").output

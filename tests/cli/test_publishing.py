"""In the terminal: who gets a playbook, one step back, the second person's word, and runs that are moved."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from outreach.assemble import House
from outreach.cli.main import outreach
from outreach.domain.blast import Answer, Blast
from outreach.domain.errors import Invalid, NotFound, Refused
from outreach.service import intake, sweep
from outreach.service.ports_records import User
from tests.lab.houses import NOW, ROOT, house_in, line

Run = Callable[..., Result]
NAME = "late-delivery"
HEAD = 2
"""Lines over a list: the names of its columns, and a rule."""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """The project's own files, to be changed."""
    for folder in ("playbooks", "templates"):
        shutil.copytree(ROOT / folder, tmp_path / "rules" / folder)
    return tmp_path / "rules"


@pytest.fixture
def run(tmp_path: Path, root: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs a command on the house in the folder. Raises what broke."""
    monkeypatch.chdir(tmp_path)

    def command(*words: str, by: str = "otto") -> Result:
        monkeypatch.setenv("LOGNAME", by)
        given = {"OUTREACH_DATA_DIR": str(tmp_path / "data"), "OUTREACH_ROOT": str(root)}
        done = CliRunner().invoke(outreach, words, env=given)
        if done.exception and not isinstance(done.exception, SystemExit):
            raise done.exception
        return done

    assert command("migrate").exit_code == 0
    return command


@pytest.fixture
def house(tmp_path: Path, run: Run) -> Iterator[House]:
    found = house_in(tmp_path)
    yield found
    found.close()


def a_call(house: House) -> None:
    """An account whose delivery is late, and the call that it is owed."""
    described = line("account.described", "a1", NOW, "d", zone="Europe/Berlin", country="DE", tier="silver")
    late = line("delivery.delayed", "a1", NOW, "l", order_id="o1", days_late=3)
    intake.take_in(house.outside, [described, late], internal=True)
    sweep.tick(house.outside)


def asks(house: House) -> None:
    row = Blast(NAME, 1, Answer.ASKING, NOW, 201)
    house.database.retrying(lambda unit: unit.add_blasts([row]))


def test_publish_its_history_and_one_step_back(run: Run) -> None:
    assert "has not started yet" in run("publish", NAME, "--history").output
    done = run("publish", NAME, "percent", "--percent", "20", "--reason", "careful")
    assert done.output == f"{NAME} is live for 20 % of accounts.\n"
    assert run("publish", NAME, "paused", "--reason", "wrong words").output == f"{NAME} is paused.\n"
    assert "live for 20 %" in run("publish", NAME, "--back", "--reason", "they are fine").output
    told = run("publish", NAME, "--history").output.splitlines()[HEAD:]
    assert told.pop() == "Times are those of Europe/Berlin." and len(told) == 3
    assert "live for 20 % of accounts (was paused), by otto: they are fine" in told[0]
    rows = json.loads(run("publish", NAME, "--history", "--json").output)
    assert [(row["state"], row["before"]) for row in rows] == [
        ("percent", "paused"), ("paused", "percent"), ("percent", "live"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ([NAME], "name a STATE, or one of"),
        (["--reason", "x", "--percent", "20"], "--percent goes with"),
        (["--back", "--reason", "x"], "name a PLAYBOOK"),
        ([NAME, "--asked"], "--asked goes without"),
        ([NAME, "live", "--back", "--reason", "x"], "name a STATE, or one of"),
        ([NAME, "live"], "say why"),
        ([NAME, "percent", "--reason", "x"], "add --percent 20"),
        ([NAME, "live", "--percent", "5", "--reason", "x"], "--percent goes with"),
    ],
)
def test_what_makes_no_sense_says_what_would(run: Run, words: list[str], told: str) -> None:
    done = run("publish", *words)
    assert done.exit_code == 2
    assert told in done.output


def test_a_yes_needs_a_second_person_and_a_no_pauses(run: Run, house: House) -> None:
    assert run("publish", "--asked").output == "No playbook waits for a second person.\n"
    run("publish", NAME, "live", "--reason", "new words")
    asks(house)
    done = run("publish", "--asked")
    assert done.exit_code == 1
    assert f"{NAME} has reached 200 accounts and stopped" in done.output and "not by otto" in done.output
    assert json.loads(run("publish", "--asked", "--json").output)[0]["not_by"] == ["otto"]
    join(house, "otto", "ops")
    join(house, "olga", "admin")
    yes = ["publish", NAME, "--let-go", "--reason", "snow", "--as"]
    with pytest.raises(Refused, match="second person"):
        run(*yes, "otto@house.example", by="somebody")
    with pytest.raises(Refused, match="from this login, otto"):
        run(*yes, "olga", by="otto")
    assert "reached within minutes" in run(*yes, "Olga@house.example", by="root").output
    with house.database.view() as unit:
        row = next(row for row in unit.audit_of(f"playbook/{NAME}") if row.what == "playbook.let_go")
    assert row.who == "olga" and row.why.endswith("snow (in the terminal, as root)")
    with pytest.raises(Refused, match="does not wait"):
        run("publish", NAME, "--refuse", "--reason", "no")
    house.database.retrying(lambda unit: unit.add_blasts([Blast(NAME, 2, Answer.ASKING, NOW, 500)]))
    assert f"{NAME} is paused" in run("publish", NAME, "--refuse", "--reason", "no").output
    assert "paused (was live), by otto: no" in run("publish", NAME, "--history").output


def join(house: House, id_: str, role: str, *, active: bool = True) -> None:
    user = User(id_, id_.title(), f"{id_}@house.example", "", role, active=active)
    house.database.retrying(lambda unit: unit.save_user(user))


def test_in_the_terminal_the_second_person_is_a_colleague_who_steers(run: Run, house: House) -> None:
    asks(house)
    join(house, "jonas", "am")
    join(house, "gone", "ops", active=False)
    for email, why in (
        ("jonas@", "jonas has the role am"),
        ("gone@", "No colleague"),
        ("nobody@", "No colleague"),
    ):
        with pytest.raises(Refused, match=why):
            run("publish", NAME, "--let-go", "--reason", "snow", "--as", f"{email}house.example")
    told = run("publish", NAME, "--let-go", "--reason", "snow")
    assert told.exit_code == 2 and "say who says yes: --as EMAIL" in told.output
    told = run("publish", NAME, "paused", "--reason", "x", "--as", "jonas@house.example")
    assert told.exit_code == 2 and "--as goes with --let-go" in told.output


def test_runs_are_listed_and_moved_after_a_look(run: Run, house: House, root: Path) -> None:
    assert run("runs", "list").output == "No run is under way.\n"
    a_call(house)
    (row,) = json.loads(run("runs", "list", "--playbook", NAME, "--json").output)
    assert (row["account"], row["current"], row["next_step"].startswith("step 1: call")) == ("a1", True, True)
    assert "there is nothing to move" in run("runs", "move", NAME).output
    file = root / "playbooks" / f"{NAME}.yaml"
    file.write_text(file.read_text().replace("wait: 30d", "wait: 20d"))
    looked = run("runs", "move", NAME)
    assert "-  - wait: 30d" in looked.output and "+  - wait: 20d" in looked.output
    assert "1 can be moved, 0 cannot." in looked.output and "Nothing is moved yet" in looked.output
    assert f"{row['version'][:8]}*" in run("runs", "list", "--account", "a1").output
    assert "say why" in run("runs", "move", NAME, "--yes").output
    assert "Moved: 1." in run("runs", "move", NAME, "--yes", "--reason", "shorter").output
    found = json.loads(run("runs", "move", NAME, "--json").output)
    assert (found["versions"], found["moved"]) == ([], None)
    (now,) = json.loads(run("runs", "list", "--json").output)
    assert now["current"] and now["version"] == found["to"]


def test_a_playbook_that_is_not_there(run: Run) -> None:
    for words in (("runs", "move", "losst"), ("publish", "losst", "--back", "--reason", "x")):
        with pytest.raises(NotFound, match="There is no playbook losst"):
            run(*words)


def test_how_each_playbook_stands(run: Run) -> None:
    run("publish", NAME, "percent", "--percent", "20", "--reason", "slowly")
    told = run("publish").output.splitlines()
    assert [line.split(maxsplit=1)[1] for line in told if line.startswith(f"{NAME} ")] == [
        "live for 20 % of accounts"
    ]
    assert sum(line.endswith("  live") for line in told) > 20
    assert {"playbook": NAME, "state": "percent", "percent": 20, "asks_for": None} in json.loads(
        run("publish", "--json").output
    )


def test_a_slip_in_a_playbooks_name_is_told(run: Run) -> None:
    with pytest.raises(NotFound, match=r"did you mean late-delivery\?"):
        run("publish", "late-delivry", "paused", "--reason", "x")


def test_disabling_tells_first_what_ends_by_it(run: Run, house: House) -> None:
    a_call(house)
    shown = run("publish", NAME, "disabled", "--reason", "not wanted")
    assert shown.exit_code == 0
    assert f"If {NAME} is disabled: 1 run ends for good, 1 call leaves the desk" in shown.output
    assert "Nothing is changed yet. To disable it: --yes" in shown.output
    assert "disabled" not in run("publish").output
    done = run("publish", NAME, "disabled", "--yes", "--reason", "not wanted")
    assert done.output == f"{NAME} is disabled.\n"
    sweep.tick(house.outside)
    assert run("publish", NAME, "paused", "--reason", "perhaps").exit_code == 0
    assert run("publish", NAME, "--back", "--reason", "no").output == f"{NAME} is disabled.\n", (
        "nothing is left to end"
    )


def test_a_faulty_file_that_all_share_keeps_nobody_from_looking_and_stopping(
    run: Run, house: House, root: Path
) -> None:
    a_call(house)
    run("publish", "thank-you", "shadow", "--reason", "to see")
    (root / "playbooks" / "company.yaml").write_text("zone: [")
    for words in (
        ("holds", "list"),
        ("quarantine", "list"),
        ("audit", "list"),
        ("unknowns",),
        ("token", "list"),
    ):
        assert run(*words).exit_code in (0, 1), words
    assert "Times are those of UTC." in run("audit", "list").output
    done = run("publish", NAME, "paused", "--reason", "whatever it is, stop")
    assert (done.exit_code, done.output) == (0, f"{NAME} is paused.\n")
    rows = json.loads(run("publish", NAME, "--history", "--json").output)
    assert rows[0]["before"] == "live", "it was there, though nobody can read it now"
    assert run("publish", "thank-you", "--back", "--reason", "seen").output == "thank-you is live.\n"
    with pytest.raises(Invalid):
        run("publish", "late", "paused", "--reason", "there may be none of that name")


def test_the_list_says_what_has_stopped_and_waits_for_a_yes(run: Run, house: House) -> None:
    run("publish", "thank-you", "shadow", "--reason", "to see")
    asks(house)
    rows = run("publish").output
    assert re.search(rf"{NAME} +live; stopped: 0 accounts wait for a yes", rows)
    assert re.search(r"thank-you +in shadow\n", rows)
    told = {row["playbook"]: row for row in json.loads(run("publish", "--json").output)}
    assert told["thank-you"]["state"] == "shadow"


def test_runs_in_shadow_are_told(run: Run, house: House) -> None:
    run("publish", NAME, "shadow", "--reason", "to see")
    a_call(house)
    listed = run("runs", "list").output
    assert "in shadow" in listed
    assert json.loads(run("runs", "list", "--json").output)[0]["shadow"] is True

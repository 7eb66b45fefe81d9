"""Holds, quarantine and incidents from a terminal alone."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from outreach.cli.main import main
from outreach.domain.errors import NotFound, Refused
from outreach.lab.scratch import VirtualClock
from outreach.service import incidents, intake
from tests.cli.test_sending import Run, run
from tests.lab.houses import NOW, house_in, line

__all__ = ["run"]
DAY = timedelta(days=1)


def let_down(folder: Path, accounts: int = 3) -> str:
    """Several accounts with one late carrier, and two events that came in wrong; gives the incident's id."""
    here = house_in(folder)
    for number in range(1, accounts + 1):
        id_ = f"a{number}"
        intake.take_in(here.outside, [
            line("account.described", id_, NOW, id_, name=f"Gasthof {number}", owner="jonas", zone="Europe/Berlin", country="DE"),
            line("delivery.delayed", id_, NOW, f"d{number}", order_id=f"o{number}", days_late=3, carrier="Nordfracht"),
        ], internal=True)  # fmt: skip
    intake.take_in(
        here.outside, [line("delivery.delaid", "a1", NOW, f"w{i}", order_id="o") for i in range(2)]
    )
    made = incidents.open_one(
        here.outside, "Snow", "delivery.delayed", "carrier", "Nordfracht", NOW - DAY, NOW + DAY, "otto"
    )
    here.close()
    return made.id


def test_holds_are_listed_and_one_is_ended(run: Run, tmp_path: Path) -> None:
    let_down(tmp_path)
    listed = json.loads(run("holds", "list", "--json", "--account", "a2").output)
    assert [(row["account"], row["playbook"]) for row in listed] == [("a2", "late-delivery")]
    assert (
        "3 in all" in run("holds", "list").output
        and "Gasthof 1" in run("holds", "list", "--purpose", "marketing").output
    )
    hold = listed[0]["hold"]
    assert "Ended. a2 gets generic mail again" in run("holds", "end", hold, "--reason", "they asked").output
    assert json.loads(run("holds", "list", "--json", "--account", "a2").output) == []
    with pytest.raises(Refused, match="ended already"):
        run("holds", "end", hold, "--reason", "again")
    assert run("holds", "end", hold).exit_code == 2, "a reason is needed"
    assert "they asked" in run("audit", "list", "--subject", f"hold/{hold}").output


def test_quarantine_is_listed_taken_in_and_discarded(run: Run, tmp_path: Path) -> None:
    assert (
        run("quarantine", "list").output == "Nothing is in quarantine.\n"
        and run("quarantine", "list").exit_code == 0
    )
    let_down(tmp_path)
    listed = run("quarantine", "list")
    assert listed.exit_code == 1 and "did you mean delivery.delayed?" in listed.output
    rows = json.loads(run("quarantine", "list", "--json").output)
    assert len(rows) == 2 and rows[0]["type"] == "delivery.delaid"
    again = run("quarantine", "replay", "--type", "delivery.delaid")
    assert again.exit_code == 1 and "Still wrong: 2." in again.output
    assert "nothing to take in" in run("quarantine", "replay", "--source", "nobody").output
    none = run("quarantine", "list", "--source", "nobody")
    assert (none.exit_code, none.output[:14]) == (0, "None of these;"), "there are others"
    with pytest.raises(NotFound, match="has the id nosuch"):
        run("quarantine", "discard", "nosuch", "--reason", "a slip")
    ids = [row["id"] for row in rows]
    assert "Discarded: 2." in run("quarantine", "discard", *ids, "--reason", "a test").output
    assert run("quarantine", "list").output == "Nothing is in quarantine.\n"


def test_an_incident_is_worded_and_corrected(run: Run, tmp_path: Path) -> None:
    assert "No incident" in run("incidents").output
    it = let_down(tmp_path)
    assert "Snow: reached 0 of 3; nothing may be said of it yet" in run("incidents").output
    assert "Nobody is told" in run("incidents", it, "--words", "We come on Friday.", "--what", "Snow").output
    assert "Drafts written anew: 0." in run("incidents", it, "--approve", "1").output
    shown = run("incidents", it).output
    assert "1. We come on Friday." in shown and "approved by otto" in shown and "Gasthof 3" in shown
    found = json.loads(run("incidents", it, "--json").output)
    assert (found["customers"], found["words"], len(found["who"])) == (3, "We come on Friday.", 3)
    assert "Gasthof" not in run("incidents", it, "--told").output
    with pytest.raises(Refused, match="would sell"):
        run("incidents", it, "--words", "A voucher for you")
    assert run("incidents", "--told").exit_code == 2
    assert "Closed." in run("incidents", it, "--close", "the pass is open").output
    assert "Snow" not in run("incidents").output


def test_a_suggestion_is_opened(run: Run, tmp_path: Path) -> None:
    now = datetime.now(UTC) - timedelta(minutes=5)
    here = house_in(tmp_path, VirtualClock(now))
    intake.take_in(here.outside, [
        event for i in range(5) for event in (
            line("account.described", f"b{i}", now, f"b{i}", name=f"Haus {i}", owner="jonas", zone="Europe/Berlin", country="DE"),
            line("delivery.lost", f"b{i}", now, f"l{i}", order_id=f"o{i}", carrier="Nordfracht"),
        )
    ], internal=True)  # fmt: skip
    here.close()
    assert "1. looks like one: delivery.lost, carrier Nordfracht, 5 customers" in run("incidents").output
    assert run("incidents", "--open", "2").exit_code == 2
    assert "A delivery was lost: carrier Nordfracht" in run("incidents", "--open", "1").output
    assert "reached 0 of 5" in run("incidents").output


def test_a_correction_that_forgets_a_language_is_told_and_a_closed_one_says_so(
    run: Run, tmp_path: Path
) -> None:
    it = let_down(tmp_path)
    assert "has none" not in run("incidents", it, "--words", "Friday.\n\n[de]\nFreitag.").output
    run("incidents", it, "--approve", "1")
    assert (
        "Wording 1 has words in de, and this one has none"
        in run("incidents", it, "--words", "Monday.").output
    )
    assert "has none" not in run("incidents", it, "--words", "Monday.\n[de]\nMontag.").output
    assert "Closed" not in run("incidents", it).output
    run("incidents", it, "--close", "the pass is open")
    assert " by otto." in run("incidents", it).output and "\nClosed " in run("incidents", it).output


def test_a_group_without_a_command_shows_its_help_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["outreach", "holds"])
    with pytest.raises(SystemExit) as gone:
        main()
    told = capsys.readouterr()
    assert (gone.value.code, told.out, told.err.count("Usage:")) == (2, "", 1)
    assert "Error" not in told.err

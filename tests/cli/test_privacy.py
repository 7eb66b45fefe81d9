"""In the terminal: a person's file, forgetting them, and the chain of who did what."""

from __future__ import annotations

import json
from pathlib import Path

from tests.cli.test_sending import Run
from tests.cli.test_sending import run as run
from tests.lab.houses import NOW, house_in, line


def people(run: Run, folder: Path) -> None:
    rows = [
        line("account.described", "a1", NOW, "a1", name="Berlin Kitchens", owner="jonas", zone="Europe/Berlin", country="DE"),
        *(line("person.described", f"person:{id_}", NOW, id_, name=f"{id_.title()} Weber", phone="+4930555123",
               email=f"{id_}@berlin-kitchens.example", accounts=[{"account": "a1", "roles": ["buyer"]}])
          for id_ in ("anna", "bert")),
    ]  # fmt: skip
    file = folder / "people.jsonl"
    file.write_text("\n".join(json.dumps(row) for row in rows))
    assert run("import", str(file)).exit_code == 0


def test_a_file_is_read_by_people_and_by_programs(run: Run, tmp_path: Path) -> None:
    people(run, tmp_path)
    shown = json.loads(run("export", "anna@berlin-kitchens.example").stdout)
    assert shown["person"] == "anna" and {"what": "phone", "we have": "+4930555123"} in shown["who you are"]
    page, tree = tmp_path / "anna.html", tmp_path / "anna.json"
    assert "for your eyes only" in run("export", "anna", "--to", str(page)).stdout
    run("export", "anna", "--to", str(tree))
    assert "Anna Weber" in page.read_text() and "Nothing." in page.read_text()
    assert page.stat().st_mode & 0o077 == 0
    assert json.loads(tree.read_text()) == shown
    assert "2 people share that" in run("export", "030 555 123").output
    assert run("export", "nobody").exit_code == 2


def test_forgetting_asks_first_and_stays_in_the_chain(run: Run, tmp_path: Path) -> None:
    people(run, tmp_path)
    assert "Aborted" in run("erase", "anna", "--reason", "by letter", input="n\n").output
    assert "Anna Weber" in run("export", "anna").stdout
    assert "is erased" in run("erase", "anna", "--reason", "by letter", "--yes").stdout
    assert "Anna Weber" not in run("export", "anna").stdout
    assert "person.erased" in run("audit", "list", "--subject", "person:anna").stdout
    rows = json.loads(run("audit", "list", "--json").stdout)
    assert rows[0]["what"] == "person.erased" and rows[0]["why"] == "by letter"
    assert "The chain holds: 1 row." in run("audit", "verify").stdout


def test_a_chain_that_was_tampered_with_is_found(run: Run, tmp_path: Path) -> None:
    people(run, tmp_path)
    run("erase", "anna", "--reason", "by letter", "--yes")
    here = house_in(tmp_path)
    here.database.retrying(lambda unit: unit.bulk.run("update audit set why = 'by nobody'"))
    here.close()
    found = run("audit", "verify")
    assert found.exit_code == 1 and "row 1 was changed" in found.stdout

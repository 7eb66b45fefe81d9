"""The line that a fault is in, as people see it."""

from __future__ import annotations

from pathlib import Path

from outreach.domain.errors import Fault
from outreach.library.excerpt import BESIDE, Excerpts


def shown(tmp_path: Path, text: str, line: int, column: int) -> str:
    (tmp_path / "late.yaml").write_text(text, encoding="utf-8")
    return Excerpts(tmp_path).show(Fault("late.yaml", line, column, "odd"))


def test_the_caret_stands_under_the_place(tmp_path: Path) -> None:
    assert shown(tmp_path, "a: 1\nif: event.x\n", 2, 5) == "     2 | if: event.x\n       |     ^"


def test_a_long_line_is_cut_around_the_place(tmp_path: Path) -> None:
    row, caret = shown(tmp_path, "a" * 200 + "HERE" + "b" * 200, 1, 201).split("\n")
    assert len(row) < 120
    assert row[caret.index("^") :].startswith("HERE")
    row, caret = shown(tmp_path, "HERE" + "b" * 200, 1, 1).split("\n")
    assert row[caret.index("^") :].startswith("HERE")


def test_a_column_after_the_end_of_the_line_is_at_its_end(tmp_path: Path) -> None:
    assert shown(tmp_path, "if: x", 1, 99) == "     1 | if: x\n       |      ^"


def test_where_there_is_no_line_nothing_is_shown(tmp_path: Path) -> None:
    assert shown(tmp_path, "a: 1\n", 0, 0) == ""
    assert shown(tmp_path, "a: 1\n", 7, 1) == ""
    assert Excerpts(tmp_path).show(Fault("gone.yaml", 1, 1, "odd")) == ""


def test_it_fits_a_narrow_terminal(tmp_path: Path) -> None:
    (tmp_path / "late.yaml").write_text("a" * 200 + "HERE" + "b" * 200, encoding="utf-8")
    row, caret = Excerpts(tmp_path).show(Fault("late.yaml", 1, 201, "odd"), 80 - BESIDE).split("\n")
    assert len(row) == 80
    assert row[caret.index("^") :].startswith("HERE")

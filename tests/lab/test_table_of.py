"""Tables for a terminal of eighty columns: nothing in them is cut."""

from __future__ import annotations

import io

from rich.console import Console

from outreach.lab.table_of import table_of


def shown(width: int, *row: object) -> list[str]:
    console = Console(width=width, file=io.StringIO())
    console.print(table_of("T", ("playbook", "call", "with-\nheld", "hours"), [row], ("all", 1, 0, 2)))
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue().splitlines()


def test_a_name_and_its_numbers_are_whole_and_nothing_is_a_dot() -> None:
    lines = shown(80, "short-or-wrong-delivery", 12345, 0, 7)
    assert [line.split() for line in lines if "short" in line] == [
        ["short-or-wrong-delivery", "12,345", "·", "7"]
    ]
    assert lines[-1].split() == ["all", "1", "·", "2"]


def test_where_there_is_no_room_no_digit_is_lost() -> None:
    told = "".join(shown(36, "short-or-wrong-delivery", 1234567, 7654321, 7))
    assert "…" not in told and sum(told.count(digit) for digit in "1234567") >= 15

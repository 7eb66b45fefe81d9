"""Tables for a terminal: of numbers with a name before each row, and lists that end in a text."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.cells import cell_len
from rich.table import Table
from rich.text import Text


def table_of(
    title: str, columns: Sequence[str], rows: Iterable[Sequence[Any]], all_: Sequence[Any] = ()
) -> Table:
    """Narrow enough for a terminal of eighty columns, with the whole name. Nothing is a dot. ``all_``: a last row, apart."""
    table = Table(*columns, title=title, title_justify="left", box=SIMPLE_HEAD, padding=0, show_edge=False)
    table.columns[0].no_wrap = True
    for column in table.columns[1:]:
        column.justify, column.overflow = "right", "fold"  # no number loses a digit
    for row in rows:
        table.add_row(*map(_told, row))
    if all_:
        table.add_section()
        table.add_row(*map(_told, all_))
    return table


GAP = 2
SHORT = 36
"""As long as an id gets. A name that is longer is broken rather than that the text beside it is."""
TEXT = 16
"""So much a list's last column gets, or all columns are broken."""


def list_of(columns: Sequence[str], rows: Sequence[Sequence[str]], width: int) -> Table:
    """Columns as wide as they need; the last one is wrapped to what is left of ``width``. Nothing is cut."""
    table = Table(*columns, box=SIMPLE_HEAD, padding=(0, GAP - 1, 0, 0), show_edge=False, pad_edge=False)
    needs = [max(_wide(cell) for cell in cells) for cells in zip(columns, *rows, strict=True)]
    fits = sum(needs[:-1]) + GAP * (len(needs) - 1) + TEXT <= width
    for column, need in zip(table.columns, needs, strict=True):
        column.overflow = "fold"
        column.no_wrap = fits and need <= SHORT
    table.columns[-1].no_wrap = False
    for row in rows:
        table.add_row(*map(Text, row))  # a "[" in what somebody wrote is a "["
    return table


def _wide(cell: str) -> int:
    return max(map(cell_len, cell.splitlines()), default=0)


def _told(cell: Any) -> str:
    if not isinstance(cell, int):
        return str(cell)
    return f"{cell:,}" if cell else "·"

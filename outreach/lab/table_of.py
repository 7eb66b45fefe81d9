"""Tables for a terminal: of numbers, with a name before each row."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.table import Table


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


def _told(cell: Any) -> str:
    if not isinstance(cell, int):
        return str(cell)
    return f"{cell:,}" if cell else "·"

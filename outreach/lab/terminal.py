"""The terminal, as people read it: sentences wrapped to its width, lists that fit, times on the company's clocks.

Programs ask for ``--json`` and never come here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from shutil import get_terminal_size

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from outreach.lab.table_of import list_of
from outreach.service.why_told import told_at

ELSEWHERE = 80
"""Columns where there is no terminal to ask: a file, a pipe."""
NARROWEST = 20
"""Less is left to a sentence only where an indent has eaten up the rest."""
Told = Callable[[datetime | None], str]
_LEAD = re.compile(r"[\w: ]{0,19}? *[✓✗?·] | *")
"""An indent, and of a tree's line its mark, with a time before it or none."""


class _Terminal(Console):
    """Words are not guessed at: no markup, no colours of its own. A reader that has gone is the command's business."""

    def on_broken_pipe(self) -> None:
        raise BrokenPipeError


def terminal(*, err: bool = False) -> Console:
    return _Terminal(
        width=get_terminal_size((ELSEWHERE, 24)).columns,
        stderr=err,
        highlight=False,
        markup=False,
        emoji=False,
    )


def say(words: str = "", lead: str = "", *, hang: int = 0, bold: bool = False, err: bool = False) -> None:
    """A sentence. Its further lines stand below its first word behind ``lead``, and ``hang`` columns further in."""
    on = terminal(err=err)
    indent = " " * (cell_len(lead) + hang)
    lines = Text(words, "bold" if bold else "").wrap(on, max(on.width - len(indent), NARROWEST))
    for number, line in enumerate(lines or [Text()]):
        line.rstrip()
        whole = Text(indent if number else lead) + line
        whole.rstrip()
        on.print(whole, soft_wrap=True)


def say_lines(lines: Iterable[str], indent: str = "") -> None:
    """Lines that bring their own indent, such as those of a tree: it is kept when they are wrapped."""
    for line in lines:
        lead = _LEAD.match(line)
        split = lead.end() if lead else 0
        say(line[split:], indent + line[:split], hang=0 if indent or split else 4)


def say_list(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """A list with a head over it; the last column is what may be long. Nothing where there are no rows."""
    on, found = terminal(), [tuple(row) for row in rows]
    if found:
        with on.capture() as drawn:
            on.print(list_of(columns, found, on.width))
        for line in Text.from_ansi(drawn.get()).split():
            line.rstrip()  # nothing is padded: it may go into a file
            on.print(line, soft_wrap=True)


@contextmanager
def on_clocks_of(zone: str, *, seconds: bool = False) -> Iterator[Told]:
    """Tells times as that zone's clocks show them, and names the zone once, at the end, if there were any. Every time
    that a command tells people goes through here. ``seconds``: where they are held against somebody else's list."""
    told: list[datetime] = []

    def tell(at: datetime | None) -> str:
        if at is None:
            return "-"
        told.append(at)
        return told_at(at, zone, seconds=seconds)

    yield tell
    if told:
        say_zone(zone)


def say_zone(zone: str) -> None:
    """Below sentences that hold times already."""
    say(f"Times are those of {zone}.")

"""The line of a file that a fault is in, with a caret under the place."""

from __future__ import annotations

from pathlib import Path

from outreach.domain.errors import Fault

WIDEST = 100
"""Characters of a line that are shown; what is long is cut around the place."""
BESIDE = 11
"""Columns that the number before the line takes, and the marks where it was cut."""
_CUT = "…"


class Excerpts:
    """Lines of the files below a root, each file read once."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._lines: dict[str, list[str]] = {}

    def line(self, fault: Fault) -> str:
        """The line as it is written; empty when the fault is about a whole file, or there is none."""
        lines = self._of(fault.file) if fault.line else []
        return lines[fault.line - 1] if 0 < fault.line <= len(lines) else ""

    def show(self, fault: Fault, widest: int = WIDEST) -> str:
        """The line and below it the caret, set off from the words; empty where there is no line."""
        line = self.line(fault)
        if not line.strip():
            return ""
        shown, column = _cut(line.replace("\t", " "), fault.column, widest)
        number = f"{fault.line:>6}"
        return f"{number} | {shown}\n{' ' * len(number)} | {' ' * (column - 1)}^"

    def _of(self, file: str) -> list[str]:
        if file not in self._lines:
            try:
                text = (self._root / file).read_text(encoding="utf-8", errors="replace")
            except OSError:
                text = ""  # deleted since it was read, or a name that is no file
            self._lines[file] = text.split("\n")
        return self._lines[file]


def _cut(line: str, column: int, widest: int) -> tuple[str, int]:
    """At most so much of the line that the place is seen, and the place in it."""
    line = line.rstrip()
    column = max(1, min(column, len(line) + 1))
    if len(line) <= widest:
        return line, column
    start = min(max(column - widest // 2, 0), len(line) - widest)
    before, after = _CUT if start else "", _CUT if start + widest < len(line) else ""
    return before + line[start : start + widest] + after, column - start + len(before)

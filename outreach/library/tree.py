"""What a YAML file says, with the exact place of every key and value.

Columns and lines count from 1, columns in characters. ``Scalar.position`` maps an offset in a
scalar's text to its place in the source: exact in plain and quoted scalars (folds, escapes) and in
block scalars.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from outreach.domain.errors import Fault

_FOLD = r"[ ]*\n(?:[ ]*\n)*[ ]*"
_PLAIN = re.compile(_FOLD)
_SINGLE = re.compile(rf"''|{_FOLD}")
_DOUBLE = re.compile(
    rf"\\\n[ ]*(?:\n[ ]*)*|\\x[0-9a-fA-F]{{2}}|\\u[0-9a-fA-F]{{4}}|\\U[0-9a-fA-F]{{8}}|\\.|{_FOLD}"
)


@dataclass(frozen=True, slots=True, eq=False)
class Node:
    """Something written in a file."""

    file: str
    line: int
    column: int

    def fault(self, what: str, remedy: str = "", *, warning: bool = False) -> Fault:
        return Fault(self.file, self.line, self.column, what, remedy, warning)


@dataclass(frozen=True, slots=True, eq=False)
class Scalar(Node):
    """``text`` as written (unquoted, unfolded); ``value`` by the YAML 1.2 core schema."""

    text: str
    value: bool | int | float | str | None
    style: str = ""
    """``'`` ``"`` ``|`` ``>`` or empty for plain."""
    raw: str = ""
    """The source from the first to the last character of the scalar, quotes and header included."""

    def position(self, offset: int) -> tuple[int, int]:
        """(line, column) in the source of the character at ``offset`` of ``text``."""
        anchors = self._anchors()
        start, line, column = anchors[max(bisect_right([a[0] for a in anchors], offset) - 1, 0)]
        return line, column + offset - start

    def _anchors(self) -> list[tuple[int, int, int]]:
        if self.style in ("|", ">"):
            return _block_anchors(self)
        return _flow_anchors(self)


@dataclass(frozen=True, slots=True, eq=False)
class Listing(Node):
    items: tuple[Node, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Table(Node):
    """A mapping. Its place is its first key's."""

    entries: dict[str, tuple[Scalar, Node]] = field(default_factory=dict)

    def get(self, key: str) -> Node | None:
        entry = self.entries.get(key)
        return entry[1] if entry else None

    def key(self, key: str) -> Node:
        """The key itself, for faults; the table where there is no such key."""
        entry = self.entries.get(key)
        return entry[0] if entry else self

    def __iter__(self) -> Iterator[tuple[str, Scalar, Node]]:
        return ((name, key, value) for name, (key, value) in self.entries.items())


def plain(node: Node | None) -> Any:
    """The bare data: dict, list, text, number, boolean or None."""
    if isinstance(node, Table):
        return {name: plain(value) for name, _, value in node}
    if isinstance(node, Listing):
        return [plain(item) for item in node.items]
    return node.value if isinstance(node, Scalar) else None


def merge(nearer: Table, farther: Table) -> Table:
    """Both tables in one: the nearer's entries win, tables inside merge, lists and texts replace."""
    entries = dict(nearer.entries)
    for name, key, value in farther:
        mine = nearer.get(name)
        if mine is None:
            entries[name] = (key, value)
        elif isinstance(mine, Table) and isinstance(value, Table):
            entries[name] = (nearer.entries[name][0], merge(mine, value))
    return Table(nearer.file, nearer.line, nearer.column, entries)


def _flow_anchors(scalar: Scalar) -> list[tuple[int, int, int]]:
    """Where each verbatim run of a plain or quoted scalar starts: (offset, line, column)."""
    pattern = {"'": _SINGLE, '"': _DOUBLE}.get(scalar.style, _PLAIN)
    quote = 1 if scalar.style else 0
    inner = scalar.raw[quote : len(scalar.raw) - quote]
    offset, line, column, at = 0, scalar.line, scalar.column + quote, 0
    anchors = [(offset, line, column)]
    for found in pattern.finditer(inner):
        run = found.start() - at
        anchors.append((offset + run, line, column + run))
        offset += run + _produced(found.group())
        line, column = _after(found.group(), line, column + run)
        anchors.append((offset, line, column))
        at = found.end()
    return anchors


def _produced(token: str) -> int:
    """How many characters of text a fold or an escape stands for."""
    breaks = token.count("\n")
    if token.startswith("\\"):
        return breaks - 1 if breaks else 1
    return max(breaks - 1, 1)


def _after(token: str, line: int, column: int) -> tuple[int, int]:
    breaks = token.count("\n")
    if not breaks:
        return line, column + len(token)
    return line + breaks, len(token) - token.rfind("\n")


def _block_anchors(scalar: Scalar) -> list[tuple[int, int, int]]:
    """Where each source line of a block scalar starts in its text. Between lines there is only
    white space, so each line's words are found at the next place where they occur."""
    header, *lines = scalar.raw.split("\n")
    first = next((line for line in lines if line.strip(" ")), "")
    indent = len(first) - len(first.lstrip(" "))
    if (given := re.match(r"[|>][+-]?([1-9])", header)) and lines:
        indent = min(indent, int(given.group(1)) + _parent_indent(scalar, indent, int(given.group(1))))
    anchors, cursor = [(0, scalar.line + 1, indent + 1)], 0
    for number, line in enumerate(lines, scalar.line + 1):
        words = line[indent:]
        if not words.strip(" "):
            continue
        found = scalar.text.find(words, cursor)
        if found < 0:
            break
        anchors.append((found, number, indent + 1))
        cursor = found + len(words)
    return anchors


def _parent_indent(scalar: Scalar, indent: int, given: int) -> int:
    """The indentation that an explicit indicator counts from, read off the text's leading spaces."""
    leading = len(scalar.text.lstrip("\n")) - len(scalar.text.lstrip("\n").lstrip(" "))
    return max(indent - leading - given, 0)

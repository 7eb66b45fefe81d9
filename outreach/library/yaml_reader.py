"""Reads YAML strictly: YAML 1.2 core values, no aliases, tags, merge or duplicate keys, bounded.

Everything is refused in the parser's event stream, before anything is built: a file cannot make us
walk a bomb. All faults of a file come at once, except after a fault in the syntax itself.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
    StreamEndEvent,
)
from ruamel.yaml.scanner import Scanner, ScannerError

from outreach.domain.errors import Fault, Invalid
from outreach.library.tree import Listing, Node, Scalar, Table

MAX_BYTES = 256 * 1024
MAX_DEPTH = 20
MAX_ITEMS = 10_000
"""Lines and commas together; bounds the time a file can take."""
MAX_LINE = 4_000
"""Characters in one line; for the same reason."""

_INTEGER = re.compile(r"[-+]?[0-9]{1,18}\Z")
_FLOAT = re.compile(r"[-+]?(\.[0-9]{1,18}|[0-9]{1,18}(\.[0-9]{0,18})?)([eE][-+]?[0-9]{1,2})?\Z")
_CONSTANTS: dict[str, bool | None] = {
    "": None, "~": None, "null": None, "Null": None, "NULL": None,
    "true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False,
}  # fmt: skip
_UNWELCOME = re.compile("[\ufeff\x00-\x08\t\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
_NAMES = {
    "\ufeff": ("a byte order mark", "save the file as UTF-8 without BOM"),
    "\x00": ("a NUL character", "remove it"),
    "\t": ("a tab", "use spaces"),
    "\r": ("a lone carriage return", "end lines with a line feed"),
}


class _TooDeep(Exception):
    pass


class _BoundedScanner(Scanner):
    """The scanner looks ahead over a whole line of brackets before the parser sees one; so it counts."""

    def fetch_flow_collection_start(self, *args: Any, **kwargs: Any) -> None:
        if len(self.flow_context) >= MAX_DEPTH:
            raise ScannerError(None, None, "too deep", self.reader.get_mark())
        super().fetch_flow_collection_start(*args, **kwargs)


def read(file: str, raw: bytes | str) -> Node:
    """The file's one document as a tree.

    Raises Invalid with every fault found. ``file`` is only named in faults, never opened.
    """
    text = _decode(file, raw)
    _refuse_unwelcome(file, text)
    return _Builder(file, text).build()


def read_table(file: str, raw: bytes | str) -> Table:
    """As ``read``, for files whose top must be a mapping (``key: value`` lines)."""
    node = read(file, raw)
    if not isinstance(node, Table):
        raise Invalid([node.fault("the file must consist of `key: value` lines")])
    return node


def _decode(file: str, raw: bytes | str) -> str:
    data = raw.encode("utf-8", "surrogatepass") if isinstance(raw, str) else raw
    if len(data) > MAX_BYTES:
        raise Invalid([Fault(file, 0, 0, f"the file is larger than {MAX_BYTES // 1024} KB", "split it")])
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        column = error.start - (data.rfind(b"\n", 0, error.start) + 1) + 1
        raise Invalid([Fault(file, line, column, "this is not UTF-8", "save the file as UTF-8")]) from None
    return text.replace("\r\n", "\n")


def _refuse_unwelcome(file: str, text: str) -> None:
    if text.count("\n") + text.count(",") > MAX_ITEMS:
        raise Invalid([Fault(file, 0, 0, f"the file has more than {MAX_ITEMS} lines and items", "split it")])
    for number, line in enumerate(text.split("\n"), 1):
        if len(line) > MAX_LINE:
            raise Invalid(
                [Fault(file, number, MAX_LINE + 1, f"the line is longer than {MAX_LINE}", "break it")]
            )
    _refuse_invisible(file, text)


def _refuse_invisible(file: str, text: str) -> None:
    faults = []
    for found in _UNWELCOME.finditer(text):
        what, remedy = _NAMES.get(
            found.group(), (f"the invisible character U+{ord(found.group()):04X}", "remove it")
        )
        row = text.count("\n", 0, found.start()) + 1
        column = found.start() - text.rfind("\n", 0, found.start())
        faults.append(Fault(file, row, column, f"{what} is not allowed here", remedy))
        if len(faults) == 10:
            break
    if faults:
        raise Invalid(faults)


def resolve(text: str) -> bool | int | float | str | None:
    """A plain scalar's value by YAML 1.2: ``21:00``, ``NO`` and ``2026-01-02`` stay text."""
    if text in _CONSTANTS:
        return _CONSTANTS[text]
    if _INTEGER.match(text):
        return int(text)
    return float(text) if _FLOAT.match(text) else text


class _Builder:
    """Turns the event stream into a tree, refusing what we do not take."""

    def __init__(self, file: str, text: str) -> None:
        self.file = file
        self.text = text
        self.faults: list[Fault] = []

    def build(self) -> Node:
        try:
            root = self._document(self._events())
        except MarkedYAMLError as error:
            self.faults.append(self._syntax(error))
        except (YAMLError, ValueError, ArithmeticError, LookupError, AttributeError, TypeError) as error:
            first = str(error).splitlines()[0] if str(error) else type(error).__name__
            self.faults.append(Fault(self.file, 0, 0, f"this cannot be read as YAML ({first})"))
        if self.faults:
            raise Invalid(self.faults)
        return root

    def _events(self) -> Iterator[Any]:
        yaml = YAML(typ="safe", pure=True)
        yaml.Scanner = _BoundedScanner
        yield from yaml.parse(self.text)

    def _document(self, events: Iterator[Any]) -> Node:
        root: Node | None = None
        for event in events:
            if isinstance(event, DocumentStartEvent):
                self._check_document(event, first=root is None)
                root = self._node(next(events), events, 1) if root is None else root
            elif isinstance(event, StreamEndEvent) and root is None:
                raise Invalid([Fault(self.file, 0, 0, "the file is empty")])
        assert root is not None
        return root

    def _check_document(self, event: Any, *, first: bool) -> None:
        line, column = event.start_mark.line + 1, event.start_mark.column + 1
        if not first:
            raise Invalid(
                [Fault(self.file, line, column, "a second document", "one file, one document: remove `---`")]
            )
        if event.version or event.tags:
            raise Invalid([Fault(self.file, line, column, "a % directive is not allowed", "remove it")])

    def _node(self, event: Any, events: Iterator[Any], depth: int) -> Node:
        if depth > MAX_DEPTH:
            raise Invalid([*self.faults, self._at(event, f"nested deeper than {MAX_DEPTH} levels")])
        self._refuse_marks(event)
        place = (self.file, event.start_mark.line + 1, event.start_mark.column + 1)
        if isinstance(event, MappingStartEvent):
            return Table(*place, self._entries(events, depth))
        if isinstance(event, SequenceStartEvent):
            return Listing(*place, tuple(self._items(events, depth)))
        if isinstance(event, ScalarEvent):
            return self._scalar(event)
        return Scalar(*place, "", None)

    def _refuse_marks(self, event: Any) -> None:
        if isinstance(event, AliasEvent):
            self.faults.append(
                self._at(event, f"the alias *{event.anchor} is not allowed", "write the text out")
            )
        elif event.anchor:
            self.faults.append(self._at(event, f"the anchor &{event.anchor} is not allowed", "remove it"))
        if getattr(event, "tag", None):
            self.faults.append(
                self._at(event, f"the tag {event.tag} is not allowed", "remove it; quote a text if need be")
            )

    def _items(self, events: Iterator[Any], depth: int) -> Iterator[Node]:
        while not isinstance(event := next(events), SequenceEndEvent):
            yield self._node(event, events, depth + 1)

    def _entries(self, events: Iterator[Any], depth: int) -> dict[str, tuple[Scalar, Node]]:
        entries: dict[str, tuple[Scalar, Node]] = {}
        while not isinstance(event := next(events), MappingEndEvent):
            key = self._node(event, events, depth + 1)
            value = _at_key(self._node(next(events), events, depth + 1), key)
            if not isinstance(key, Scalar) or not key.text:
                self.faults.append(key.fault("a key must be a plain word", "write `key: value`"))
            elif self._good_key(key, entries):
                entries[key.text] = (key, value)
        return entries

    def _good_key(self, key: Scalar, entries: dict[str, tuple[Scalar, Node]]) -> bool:
        if key.text == "<<" and not key.style:
            self.faults.append(key.fault("merge keys (<<) are not allowed", "write the keys out"))
        elif key.text in entries:
            first = entries[key.text][0]
            self.faults.append(
                key.fault(f"`{key.text}` is here twice (first in line {first.line})", "remove one")
            )
        else:
            return True
        return False

    def _scalar(self, event: ScalarEvent) -> Scalar:
        start, end, style = event.start_mark, event.end_mark, event.style or ""
        value = event.value if style else resolve(event.value)
        raw = self.text[start.index : end.index]
        return Scalar(self.file, start.line + 1, start.column + 1, event.value, value, style, raw)

    def _at(self, event: Any, what: str, remedy: str = "") -> Fault:
        return Fault(self.file, event.start_mark.line + 1, event.start_mark.column + 1, what, remedy)

    def _syntax(self, error: MarkedYAMLError) -> Fault:
        mark = error.problem_mark or error.context_mark
        what, remedy = _plain_words(error.problem or error.context or "")
        line, column = (mark.line + 1, mark.column + 1) if mark else (0, 0)
        return Fault(self.file, line, column, what, remedy)


def _at_key(value: Node, key: Node) -> Node:
    """YAML places an absent value at the next thing that is there; people look at the key."""
    absent = isinstance(value, Scalar) and not value.raw and not value.style
    return Scalar(key.file, key.line, key.column, "", None) if absent else value


_SAYINGS = (
    ("mapping values are not allowed", "a colon where no key can be", "put a text with `: ` in quotes, or mend the indentation"),
    ("too deep", f"nested deeper than {MAX_DEPTH} levels", "flatten it"),
    ("could not find expected ':'", "a line that is no `key: value`", "add the colon, or indent the line under its key"),
    ("expected <block end>", "this line does not fit the lines before it", "mend the indentation"),
    ("found unexpected end of stream", "a quote is never closed", "close it"),
    ("found character '%'", "a text cannot begin with %", "put it in quotes"),
    ("found character '@'", "a text cannot begin with @", "put it in quotes"),
    ("found character '`'", "a text cannot begin with a backtick", "put it in quotes"),
    ("found unknown escape character", "an unknown \\ escape in a text in double quotes", "use single quotes, or write \\\\"),
    ("expected ',' or ']'", "a [list] is never closed", "add `]` or a comma"),
    ("expected ',' or '}'", "a {mapping} is never closed", "add `}` or a comma"),
)  # fmt: skip


def _plain_words(problem: str) -> tuple[str, str]:
    for start, what, remedy in _SAYINGS:
        if start in problem:
            return what, remedy
    return f"this cannot be read as YAML ({problem})", "mend the line"

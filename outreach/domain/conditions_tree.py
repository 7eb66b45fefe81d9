"""The checked tree of an expression: what the two back ends, generated code and explanation, work from.

Nodes are frozen and carry no positions, so that equal parts of different expressions are equal values:
that is what lets ``fuse`` read each of them once. ``write`` gives a node's canonical text.

    leaves      Literal, EventField, Fact, Count, Total, LastField, DaysSince, Seen, Known
    values      Arithmetic, Rank
    verdicts    Compare, Member, And, Or, Not, and every leaf whose type is boolean
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import ClassVar, TypeAlias

from outreach.domain.history import Need
from outreach.domain.hours import Duration
from outreach.domain.vocabulary import FieldType

NUMBERS = frozenset({FieldType.NUMBER, FieldType.INTEGER})
INSTANTS = frozenset({FieldType.TIME, FieldType.DATE})
Scalar: TypeAlias = str | int | float | bool | datetime | date


@dataclass(frozen=True, slots=True)
class Literal:
    """A fixed value. ``type`` LIST: a tuple of texts, of numbers or of instants, as ``members`` says."""

    value: Scalar | tuple[Scalar, ...]
    type: FieldType
    members: FieldType | None = None


@dataclass(frozen=True, slots=True)
class EventField:
    """A field of the trigger's data."""

    name: str
    type: FieldType


@dataclass(frozen=True, slots=True)
class Fact:
    """What is known of account, rhythm, person, failure or run."""

    place: str
    name: str
    type: FieldType


@dataclass(frozen=True, slots=True)
class Count:
    event: str
    within: timedelta
    type: ClassVar[FieldType] = FieldType.INTEGER


@dataclass(frozen=True, slots=True)
class Total:
    event: str
    field: str
    within: timedelta
    type: ClassVar[FieldType] = FieldType.NUMBER


@dataclass(frozen=True, slots=True)
class LastField:
    """A field of the newest event of a type. ``column``: ``key``, ``amount`` or ``data``."""

    event: str
    field: str
    type: FieldType
    column: str


@dataclass(frozen=True, slots=True)
class DaysSince:
    event: str
    type: ClassVar[FieldType] = FieldType.NUMBER


@dataclass(frozen=True, slots=True)
class Seen:
    """Whether an event of the type, with this key when one is given, lies in the window."""

    event: str
    field: str | None
    key: Node | None
    within: timedelta | None
    type: ClassVar[FieldType] = FieldType.BOOLEAN


@dataclass(frozen=True, slots=True)
class Known:
    """Whether the value is there. The only question that always has an answer."""

    part: Node
    type: ClassVar[FieldType] = FieldType.BOOLEAN


@dataclass(frozen=True, slots=True)
class Arithmetic:
    """``+ - * /`` of numbers; ``-`` of two times or two dates is days."""

    sign: str
    left: Node
    right: Node
    type: ClassVar[FieldType] = FieldType.NUMBER


@dataclass(frozen=True, slots=True)
class Rank:
    """The place of a text among ``values``, from 0, so that ordered texts compare."""

    part: Node
    values: tuple[str, ...]
    type: ClassVar[FieldType] = FieldType.INTEGER


@dataclass(frozen=True, slots=True)
class Compare:
    """``== != < <= > >=`` of two values of one type; texts and booleans only ``== !=``."""

    sign: str
    left: Node
    right: Node
    type: ClassVar[FieldType] = FieldType.BOOLEAN


@dataclass(frozen=True, slots=True)
class Member:
    """``item in items``; items is a fixed list or a field that holds a list of texts."""

    item: Node
    items: Node
    type: ClassVar[FieldType] = FieldType.BOOLEAN


@dataclass(frozen=True, slots=True)
class And:
    parts: tuple[Node, ...]
    type: ClassVar[FieldType] = FieldType.BOOLEAN


@dataclass(frozen=True, slots=True)
class Or:
    parts: tuple[Node, ...]
    type: ClassVar[FieldType] = FieldType.BOOLEAN


@dataclass(frozen=True, slots=True)
class Not:
    part: Node
    type: ClassVar[FieldType] = FieldType.BOOLEAN


Window: TypeAlias = Count | Total | LastField | DaysSince | Seen
Node: TypeAlias = (
    Literal | EventField | Fact | Window | Known | Arithmetic | Rank | Compare | Member | And | Or | Not
)


def parts_of(node: Node) -> tuple[Node, ...]:
    """A node's direct parts, in order of writing."""
    match node:
        case And(parts) | Or(parts):
            return parts
        case Not(part) | Known(part) | Rank(part, _):
            return (part,)
        case Compare(_, left, right) | Arithmetic(_, left, right) | Member(left, right):
            return (left, right)
        case Seen(_, _, key, _) if key is not None:
            return (key,)
    return ()


def walk(node: Node) -> Iterator[Node]:
    """The node and everything in it, each before its parts."""
    yield node
    for part in parts_of(node):
        yield from walk(part)


def need_of(node: Node) -> Need | None:
    """What a window call reads of the history; None for every other node."""
    match node:
        case Count(event, within) | Total(event, _, within):
            return Need(event, within)
        case Seen(event, _, _, within):
            return Need(event, within)
        case DaysSince(event):
            return Need(event, None)
        case LastField(event, _, _, column):
            return Need(event, None, data=column == "data")
    return None


_STRENGTH = {Or: 1, And: 2, Not: 3, Compare: 4, Member: 4}


def write(node: Node) -> str:
    """The canonical text of a node. Compiling it again gives an equal tree."""
    return _Writer().text(node)


class _Writer:
    def text(self, node: Node, around: int = 0) -> str:
        strength = self._strength(node)
        text = self._bare(node, strength)
        return f"({text})" if strength < around else text

    def _strength(self, node: Node) -> int:
        if isinstance(node, Arithmetic):
            return 5 if node.sign in "+-" else 6
        if isinstance(node, Literal) and isinstance(node.value, int | float) and node.value < 0:
            return 5
        if isinstance(node, Not) and isinstance(node.part, Member):
            return 4
        return _STRENGTH.get(type(node), 9)

    def _bare(self, node: Node, strength: int) -> str:
        match node:
            case Literal(value, _, _):
                return _write_literal(value)
            case EventField(name, _):
                return f"event.{name}"
            case Fact(place, name, _):
                return f"{place}.{name}"
            case Known(part):
                return f"known({self.text(part)})"
            case Rank(part, _):
                return self.text(part, strength)
            case And(parts):
                return " and ".join(self.text(part, strength + 1) for part in parts)
            case Or(parts):
                return " or ".join(self.text(part, strength + 1) for part in parts)
            case Not(Member(item, items)):
                return f"{self.text(item, 5)} not in {self.text(items, 5)}"
            case Not(part):
                return f"not {self.text(part, strength)}"
            case Member(item, items):
                return f"{self.text(item, 5)} in {self.text(items, 5)}"
            case Compare(sign, left, right):
                return self._compare(sign, left, right)
            case Arithmetic(sign, left, right):
                return f"{self.text(left, strength)} {sign} {self.text(right, strength + 1)}"
        return self._window(node)

    def _compare(self, sign: str, left: Node, right: Node) -> str:
        if isinstance(left, Rank) and isinstance(right, Literal) and isinstance(right.value, int):
            right = Literal(left.values[right.value], FieldType.TEXT)
        elif isinstance(right, Rank) and isinstance(left, Literal) and isinstance(left.value, int):
            left = Literal(right.values[left.value], FieldType.TEXT)
        return f"{self.text(left, 5)} {sign} {self.text(right, 5)}"

    def _window(self, node: Node) -> str:
        match node:
            case Count(event, within):
                return f"count({_quote(event)}, {_quote(_spell(within))})"
            case Total(event, name, within):
                return f"total({_quote(event)}, {_quote(name)}, {_quote(_spell(within))})"
            case LastField(event, name, _, _):
                return f"last({_quote(event)}).{name}"
            case DaysSince(event):
                return f"days_since({_quote(event)})"
            case Seen(event, name, key, within):
                words = [_quote(event)]
                words += [f"{name}={self.text(key)}"] if key is not None else []
                words += [f"within={_quote(_spell(within))}"] if within is not None else []
                return f"seen({', '.join(words)})"
        raise TypeError(f"no text for {node!r}")


def _spell(within: timedelta) -> str:
    return Duration.of(within).text


def _quote(text: str) -> str:
    """With double quotes unless the text holds one; a text never holds both or a line break."""
    return f'"{text}"' if '"' not in text else f"'{text}'" if "'" not in text else json.dumps(text)


def _write_literal(value: Scalar | tuple[Scalar, ...]) -> str:
    if isinstance(value, tuple):
        return "[" + ", ".join(_write_literal(one) for one in value) + "]"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime | date):
        return _quote(value.isoformat())
    return _quote(value) if isinstance(value, str) else f"{value!r}"

"""The slow back end: walks the checked tree and says why, with the values seen and what was missing.

Nothing is cut short: every part of an ``and`` is judged, so that "why not" is complete. It always
agrees with the generated code. What does not depend on the scope (texts, and which values to show) is
written down once, as an ``Outline``.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

from outreach.domain.conditions_tree import (
    INSTANTS,
    And,
    Arithmetic,
    Compare,
    Count,
    DaysSince,
    EventField,
    Fact,
    Known,
    LastField,
    Literal,
    Member,
    Node,
    Not,
    Or,
    Rank,
    Seen,
    Total,
    parts_of,
    walk,
    write,
)
from outreach.domain.conditions_values import (
    READERS,
    Scope,
    as_key,
    calculate,
    column_of,
    days_between,
    spell_instant,
)
from outreach.domain.facts import Trace, Verdict
from outreach.domain.vocabulary import FieldType

_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_READ = (EventField, Fact, Count, Total, LastField, DaysSince)
_SHOWN = (*_READ, Seen, Arithmetic)
LONGEST_SHOWN = 80


def judge(node: Node, scope: Scope) -> bool | None:
    """The condition's answer; None when we cannot tell."""
    return _Judge(scope).verdict(node)


class Outline(NamedTuple):
    """An explanation before there are values: one per ``and``, ``or``, ``not`` and comparison."""

    node: Node
    text: str
    shown: tuple[tuple[str, Node], ...]
    """The values to show, each with its name; of a comparison only."""
    parts: tuple[Outline, ...]


def outline(node: Node, text: str = "") -> Outline:
    """``text`` instead of the canonical one."""
    if isinstance(node, And | Or | Not):
        return Outline(node, text or write(node), (), tuple(outline(part) for part in parts_of(node)))
    shown = {write(part): part for part in walk(node) if isinstance(part, _SHOWN)}
    return Outline(node, text or write(node), tuple(shown.items()), ())


def explain(outlined: Outline, scope: Scope, path: str) -> Trace:
    """Why: the parts are at ``path/0``, ``path/1`` …"""
    return _Judge(scope).trace(outlined, path)


def key_value(node: Node, scope: Scope) -> str | int | float | None:
    """What an expression names; None when missing. One value has one spelling: 3.0 is 3, an instant is in UTC."""
    judge = _Judge(scope)
    if judge.value(node) is None:
        return None
    raw = judge.raw(node)
    if node.type in INSTANTS:
        return spell_instant(raw) if node.type is FieldType.TIME else str(raw)
    return int(raw) if isinstance(raw, float) and raw.is_integer() else raw


@dataclass(frozen=True, slots=True)
class _Judge:
    scope: Scope

    def verdict(self, node: Node) -> bool | None:
        match node:
            case Compare(sign, left, right):
                one, other = self.value(left), self.value(right)
                return None if one is None or other is None else _COMPARE[sign](one, other)
            case And() | Or() | Not():
                return _joined(node, [self.verdict(part) for part in parts_of(node)])
            case Known(part):
                return self.value(part) is not None
            case Member(item, items):
                one, many = self.value(item), self.value(items)
                return None if one is None or many is None else one in many
        answer: bool | None = self.value(node)
        return answer

    def value(self, node: Node) -> Any:
        """The node's value; None when it is missing or of the wrong kind."""
        match node:
            case EventField(name, kind):
                return READERS[kind](self.scope.event.get(name))
            case Fact(place, name, kind):
                return READERS[kind](getattr(self.scope, place).get(name))
            case Literal(value, _, members) if isinstance(value, tuple):
                return [READERS[members or FieldType.TEXT](one) for one in value]
            case Literal(value, kind, _):
                return READERS[kind](value)
            case Known() | Compare() | Member() | And() | Or() | Not():
                return self.verdict(node)
            case Arithmetic(sign, left, right):
                return self.calculated(sign, left, right)
            case Rank(part, values):
                value = self.value(part)
                return values.index(value) if value in values else None
            case Seen(event, _, key, within):
                return self.seen(event, key, within)
        return READERS[node.type](self.raw(node))

    def raw(self, node: Node) -> Any:
        """What stands there, of whatever kind."""
        scope = self.scope
        match node:
            case EventField(name, _):
                return scope.event.get(name)
            case Fact(place, name, _):
                return getattr(scope, place).get(name)
            case Count(event, within):
                return scope.history.count(event, scope.at - within, scope.at)
            case Total(event, _, within):
                return scope.history.total(event, scope.at - within, scope.at)
            case LastField(event, field, _, column):
                return column_of(scope.history.last(event, scope.at), column, field)
            case DaysSince(event):
                last = scope.history.last(event, scope.at)
                return days_between(last.time, scope.at) if last is not None else None
        return self.value(node)

    def calculated(self, sign: str, left: Node, right: Node) -> int | float | None:
        one, other = self.value(left), self.value(right)
        if one is None or other is None:
            return None
        result = calculate(sign, one, other)
        if result is not None and left.type is FieldType.TIME:
            return result / 86400
        return result

    def seen(self, event: str, key: Node | None, within: Any) -> bool | None:
        since = self.scope.at - within if within is not None else None
        if key is None:
            return self.scope.history.seen(event, None, since, self.scope.at)
        text = as_key(self.value(key))
        return self.scope.history.seen(event, text, since, self.scope.at) if text is not None else None

    # ── why ──────────────────────────────────────────────────────────────────────────────────────

    def trace(self, outlined: Outline, path: str) -> Trace:
        node, text, shown, parts = outlined
        if parts:
            children = tuple([self.trace(part, f"{path}/{i}") for i, part in enumerate(parts)])
            answer = _joined(node, [_ANSWERS[child.verdict] for child in children])
            missing = [name for child in children for name in child.missing] if answer is None else []
            return Trace(path, text, _word(answer), (), tuple(dict.fromkeys(missing)), children)
        answer = self.verdict(node)
        missing = list(self.missing(node)) or [write(node)] if answer is None else []
        return Trace(path, text, _word(answer), tuple(self.seen_values(shown)), tuple(missing))

    def seen_values(self, shown: Iterable[tuple[str, Node]]) -> Iterator[tuple[str, Any]]:
        for name, part in shown:
            yield name, self.shown(part) if isinstance(part, _READ) else self.value(part)

    def missing(self, node: Node) -> dict[str, None]:
        """Names of the smallest parts that are missing."""
        names: dict[str, None] = {}
        for part in parts_of(node) or (node,):
            inner = self.missing(part) if parts_of(part) and not isinstance(part, Known) else {}
            if inner:
                names |= inner
            elif self.value(part) is None:
                names[write(part)] = None
        return names

    def shown(self, node: Node) -> Any:
        """The value, or what stood there instead of one."""
        raw = self.raw(node)
        if raw is None or READERS[node.type](raw) is not None:
            return raw
        text = repr(raw)
        return text if len(text) <= LONGEST_SHOWN else f"{text[:LONGEST_SHOWN]}…"


def _joined(node: Node, answers: list[bool | None]) -> bool | None:
    """What ``and``, ``or`` and ``not`` make of the answers of their parts."""
    if isinstance(node, And):
        return _all_of(answers)
    if isinstance(node, Or):
        return _opposite(_all_of([_opposite(answer) for answer in answers]))
    return _opposite(answers[0])


def _all_of(answers: list[bool | None]) -> bool | None:
    """A false beats a cannot-tell, a cannot-tell beats a true."""
    if False in answers:
        return False
    return None if None in answers else True


def _opposite(answer: bool | None) -> bool | None:
    return None if answer is None else not answer


_WORDS = {True: Verdict.TRUE, False: Verdict.FALSE, None: Verdict.CANNOT_TELL}
_ANSWERS = {word: answer for answer, word in _WORDS.items()}


def _word(answer: bool | None) -> Verdict:
    return _WORDS[answer]

"""Parts of an expression whose answer never changes: contradictions, and what is always true.

Sound, not complete: what is told holds for every event and every customer whose values are known. A part
that is not understood counts as free, and an expression with too many ways to be true as sensible.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import combinations, product
from typing import Any

from outreach.domain.conditions_tree import And, Compare, Count, Literal, Member, Node, Not, Or, Rank, write
from outreach.domain.vocabulary import FieldType

MOST_WAYS = 500
"""Ways in which an expression can be true, beyond which nobody looks."""

Choices = Callable[[Node], tuple[str, ...]]
"""The only texts that a part can have; empty when any."""
Clause = tuple[tuple[Node, bool], ...]
"""Parts, each with the answer it must have, all at once."""

_OPPOSITE = {"==": "!=", "!=": "==", "<": ">=", ">=": "<", ">": "<=", "<=": ">"}
_TURNED = {"==": "==", "!=": "!=", "<": ">", ">": "<", "<=": ">=", ">=": "<="}
_ALLOWS = {"==": "=", "!=": "<>", "<": "<", "<=": "<=", ">": ">", ">=": ">="}


class _TooManyWays(Exception):
    pass


@dataclass(frozen=True, slots=True)
class Odd:
    """A part whose answer is always the same where it can be told."""

    answer: bool
    part: Node
    pair: tuple[Node, Node] | None
    """The two of its parts that make it so, where two alone do."""
    whole: bool
    """It is the whole expression."""


def odd_parts(tree: Node, choices: Choices, *, whole: bool = True) -> Iterator[Odd]:
    """The largest parts that make no sense; fixed words (``true``) that stand alone are meant so."""
    if isinstance(tree, Literal):
        return
    answer = fixed_answer(tree, choices)
    if answer is not None:
        yield Odd(answer, tree, _culprits(tree, answer, choices), whole)
    elif isinstance(tree, And | Or):
        for part in tree.parts:
            yield from odd_parts(part, choices, whole=False)
    elif isinstance(tree, Not):
        yield from odd_parts(tree.part, choices, whole=False)


def fixed_answer(tree: Node, choices: Choices) -> bool | None:
    """The answer that it has whenever it has one; None when it can have both."""
    if not possible(tree, True, choices):
        return False
    return None if possible(tree, False, choices) else True


def possible(tree: Node, answer: bool, choices: Choices) -> bool:
    try:
        return any(_consistent(clause, choices) for clause in _ways(tree, answer))
    except _TooManyWays:
        return True


def place_of(node: Node, text: str) -> int:
    """Where the text of an expression says this part; its beginning when the words are not found."""
    words = [re.escape(word) for word in re.findall(r"\w+|[^\w\s]", write(node))]
    pattern = r"\s*".join(words).replace('"', "[\"']")
    found = re.search(rf"(?<![\w.]){pattern}", text)
    return found.start() if found else len(text) - len(text.lstrip())


def _culprits(tree: Node, answer: bool, choices: Choices) -> tuple[Node, Node] | None:
    kind = Or if answer else And
    if not isinstance(tree, kind):
        return None
    pairs = combinations(tree.parts, 2)
    return next((pair for pair in pairs if fixed_answer(kind(pair), choices) is answer), None)


def _ways(node: Node, answer: bool) -> list[Clause]:
    """Every way in which the node can have this answer."""
    match node:
        case Not(part):
            return _ways(part, not answer)
        case And(parts) | Or(parts):
            ways = [_ways(part, answer) for part in parts]
            return _all_of(ways) if isinstance(node, And) is answer else [way for one in ways for way in one]
        case Literal(value):
            return [()] if value is answer else []
    return [((node, answer),)]


def _all_of(ways: list[list[Clause]]) -> list[Clause]:
    if math.prod(map(len, ways)) > MOST_WAYS:
        raise _TooManyWays
    return [tuple(one for clause in clauses for one in clause) for clauses in product(*ways)]


# ── can all of it be so at once? ─────────────────────────────────────────────────────────────────


@dataclass(slots=True)
class _Span:
    """The values that one thing can still have."""

    whole: bool
    only: set[Any] | None = None
    never: set[Any] = field(default_factory=set)
    low: Any = None
    high: Any = None
    above: bool = False
    """``low`` itself is out."""
    below: bool = False

    def narrow(self, sign: str, value: Any) -> None:
        if sign == "!=":
            self.never.add(value)
        elif sign == "==":
            self.keep({value})
        elif sign in (">", ">="):
            if self.low is None or (value, sign == ">") > (self.low, self.above):
                self.low, self.above = value, sign == ">"
        elif self.high is None or (value, sign == "<=") < (self.high, not self.below):
            self.high, self.below = value, sign == "<"

    def keep(self, values: set[Any]) -> None:
        self.only = values if self.only is None else self.only & values

    def empty(self) -> bool:
        if self.only is not None:
            return not any(self._takes(value) for value in self.only)
        if self.low is None or self.high is None:
            return False
        if self.whole:
            return self._no_whole_number()
        return self.low > self.high or (self.low == self.high and not self._takes(self.low))

    def _takes(self, value: Any) -> bool:
        if value in self.never or (
            self.low is not None and (value < self.low or (self.above and value == self.low))
        ):
            return False
        return self.high is None or value < self.high or (value == self.high and not self.below)

    def _no_whole_number(self) -> bool:
        first, last = math.ceil(self.low), math.floor(self.high)
        if last - first > len(self.never) + 2:
            return False  # more numbers than anything here rules out
        return not any(self._takes(number) for number in range(first, last + 1))


def _consistent(clause: Clause, choices: Choices) -> bool:
    answers: dict[Node, bool] = {}
    spans: dict[Node, _Span] = {}
    orders: dict[tuple[Node, Node], set[str]] = {}
    for node, answer in clause:
        match node:
            case Compare(sign, left, right):
                sign = sign if answer else _OPPOSITE[sign]
                _compare(sign, left, right, spans, orders, choices)
            case Member(item, Literal(tuple() as values)):
                span = _span(item, spans, choices)
                span.keep(set(values)) if answer else span.never.update(values)
            case _ if answers.setdefault(node, answer) is not answer:
                return False
    return not any(span.empty() for span in spans.values()) and all(orders.values())


def _compare(
    sign: str,
    left: Node,
    right: Node,
    spans: dict[Node, _Span],
    orders: dict[tuple[Node, Node], set[str]],
    choices: Choices,
) -> None:
    if isinstance(left, Literal) or (not isinstance(right, Literal) and write(left) > write(right)):
        sign, left, right = _TURNED[sign], right, left
    if isinstance(right, Literal):
        _span(left, spans, choices).narrow(sign, right.value)
    else:
        allowed = set(_ALLOWS[sign])
        if left == right:
            allowed &= {"="}
        orders[left, right] = orders.get((left, right), {"<", "=", ">"}) & allowed


def _span(node: Node, spans: dict[Node, _Span], choices: Choices) -> _Span:
    if node not in spans:
        span = spans[node] = _Span(whole=node.type is FieldType.INTEGER)
        if isinstance(node, Rank):
            span.only = set(range(len(node.values)))
        elif isinstance(node, Count):
            span.low = 0
        elif values := choices(node):
            span.only = set(values)
    return spans[node]

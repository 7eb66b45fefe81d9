"""From Python's syntax tree to our own checked tree. Whatever is not named here does not exist.

Every method answers None after adding its fault, and goes on with the other parts first, so that all
faults of an expression are told at once.
"""

from __future__ import annotations

import ast
from collections.abc import Callable
from dataclasses import dataclass

from outreach.domain.conditions_calls import Calls
from outreach.domain.conditions_compare import TRUTH, Comparisons
from outreach.domain.conditions_names import PLACES, Names, type_words
from outreach.domain.conditions_place import Faults, Place
from outreach.domain.conditions_text import read
from outreach.domain.conditions_tree import INSTANTS, NUMBERS, And, Arithmetic, Literal, Node, Not, Or
from outreach.domain.vocabulary import FieldType, Vocabulary

_SIGNS: dict[type[ast.AST], str] = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/"}


def check_condition(text: str, vocabulary: Vocabulary, when: tuple[str, ...], place: Place) -> Node:
    """The checked tree of a condition. Raises Invalid with every fault."""
    return _check(text, vocabulary, when, place, _Checker.condition)


def check_value(text: str, vocabulary: Vocabulary, when: tuple[str, ...], place: Place) -> Node:
    """The checked tree of an expression that gives a text, a number or a time. Raises Invalid."""
    return _check(text, vocabulary, when, place, _Checker.key)


def _check(
    text: str,
    vocabulary: Vocabulary,
    when: tuple[str, ...],
    place: Place,
    how: Callable[[_Checker, ast.expr], Node | None],
) -> Node:
    faults = Faults(place)
    syntax = read(text, faults)
    node = how(_Checker(syntax, Names(vocabulary, when, faults), faults), syntax.tree)
    faults.raise_if_any()
    if node is None:
        faults.stop(0, "this cannot be read as an expression")
    return node


@dataclass(frozen=True)
class _Checker(Comparisons, Calls):
    """Reads everything but comparisons and calls, which it inherits."""

    def condition(self, node: ast.expr) -> Node | None:
        """A part that must be true or false."""
        found = self.value(node)
        if found is not None and found.type is not FieldType.BOOLEAN:
            text = self.text(node)
            compare = f'{text} == "…"' if found.type is FieldType.TEXT else f"{text} > 0"
            compare = f'"…" in {text}' if found.type is FieldType.LIST else compare
            self.fault(
                node, f"`{text}` is {type_words(found.type)}, not true or false", f"compare it: {compare}"
            )
            return None
        return found

    def key(self, node: ast.expr) -> Node | None:
        """A part that must be a value that can name something."""
        found = self.value(node)
        if isinstance(found, Literal):
            self.fault(node, "this is the same for every event", "write a field, such as event.order_id")
            return None
        if found is not None and found.type in (FieldType.BOOLEAN, FieldType.LIST):
            self.fault(
                node, f"a key cannot be {type_words(found.type)}", "write a field, such as event.order_id"
            )
            return None
        return found

    def value(self, node: ast.expr, expected: FieldType | None = None) -> Node | None:
        """Any part. ``expected`` is the other side's type, for a better remedy only."""
        match node:
            case ast.BoolOp(op=op, values=values):
                return self._join(And if isinstance(op, ast.And) else Or, values)
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                part = self.condition(operand)
                return Not(part) if part is not None else None
            case ast.UnaryOp(op=ast.USub() | ast.UAdd() as op, operand=operand):
                return self._signed(operand, minus=isinstance(op, ast.USub))
            case ast.BinOp():
                return self._arithmetic(node)
            case ast.Compare():
                return self.chain(node)
            case ast.Constant(value=value):
                return self._literal(node, value)
            case ast.Name(id=name):
                return self._name(node, name, expected)
            case ast.Attribute():
                return self._attribute(node)
            case ast.Call():
                return self.call(node)
            case ast.List():
                self.fault(node, "a list can only stand after in", 'write account.tier in ["gold", "silver"]')
                return None
        self.fault(node, f"`{self.text(node)}` means nothing here", "write one condition")
        return None

    # ── and, or, arithmetic ──────────────────────────────────────────────────────────────────────

    def _join(self, kind: type[And] | type[Or], values: list[ast.expr]) -> Node | None:
        parts: list[Node] = []
        for found in [self.condition(value) for value in values]:
            if found is None:
                return None
            parts.extend(found.parts if isinstance(found, kind) else (found,))
        return kind(tuple(parts))

    def _signed(self, node: ast.expr, minus: bool) -> Node | None:
        found = self._number(node)
        if found is None or not minus:
            return found
        if isinstance(found, Literal) and isinstance(found.value, int | float):
            return Literal(-found.value, found.type)
        return Arithmetic("-", Literal(0, FieldType.INTEGER), found)

    def _number(self, node: ast.expr) -> Node | None:
        found = self.value(node)
        if found is None or found.type in NUMBERS:
            return found
        self.fault(
            node, f"`{self.text(node)}` is {type_words(found.type)}, not a number", "calculate with numbers"
        )
        return None

    def _arithmetic(self, node: ast.BinOp) -> Node | None:
        sign = _SIGNS.get(type(node.op))
        if sign is None:
            self.fault(node, f"`{self.text(node)}` means nothing here", "calculate with + - * /")
            return None
        left, right = self.value(node.left), self.value(node.right)
        if left is None or right is None:
            return None
        left, right = self.as_instants(node, left, right)
        if sign == "-" and left.type in INSTANTS and left.type == right.type:
            return Arithmetic(sign, left, right)
        for side, found in ((node.left, left), (node.right, right)):
            if found.type not in NUMBERS:
                text = self.text(side)
                self.fault(
                    side, f"`{text}` is {type_words(found.type)}, not a number", "calculate with numbers"
                )
                return None
        if sign == "/" and isinstance(right, Literal) and right.value == 0:
            self.fault(node.right, "nothing can be divided by zero", "write another number")
            return None
        return Arithmetic(sign, left, right)

    # ── names and literals ───────────────────────────────────────────────────────────────────────

    def _literal(self, node: ast.Constant, value: object) -> Node | None:
        if isinstance(value, bool):
            return Literal(value, FieldType.BOOLEAN)
        if isinstance(value, int):
            return Literal(value, FieldType.INTEGER)
        if isinstance(value, float):
            return Literal(value, FieldType.NUMBER)
        if isinstance(value, str):
            return Literal(value, FieldType.TEXT)
        self.fault(node, f"there is no `{self.text(node)}`", "ask known(…) whether a value is there")
        return None

    def _name(self, node: ast.Name, name: str, expected: FieldType | None) -> Node | None:
        if name in TRUTH:
            return Literal(TRUTH[name], FieldType.BOOLEAN)
        self.names.unknown(name, self.syntax.offset(node), expected)
        return None

    def _attribute(self, node: ast.Attribute) -> Node | None:
        at_name = self.syntax.end(node) - len(node.attr)
        match node.value:
            case ast.Name(id="event"):
                return self.names.event_field(node.attr, at_name)
            case ast.Name(id=place) if place in PLACES:
                return self.names.fact(place, node.attr, at_name)
            case ast.Name(id=place):
                self.names.unknown_place(place, node.attr, self.syntax.offset(node))
            case ast.Call(func=ast.Name(id="last")) as call:
                type = self.event_type(self.arguments(call, ("type",)).get("type"))
                return self.names.last_field(type, node.attr, at_name) if type is not None else None
            case _:
                if self.value(node.value) is not None:
                    self.fault(node, f"`{self.text(node.value)}` has no parts", f"leave out .{node.attr}")
        return None

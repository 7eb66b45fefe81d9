"""Comparisons: both sides must be of one kind, and a fixed text one that the other side can have."""

from __future__ import annotations

import ast
import re
from datetime import UTC, date, datetime

from outreach.domain.conditions_names import Reader, alike, type_words
from outreach.domain.conditions_tree import (
    INSTANTS,
    NUMBERS,
    And,
    Compare,
    EventField,
    Fact,
    Known,
    LastField,
    Literal,
    Member,
    Node,
    Not,
    Rank,
    Scalar,
    Seen,
    write,
)
from outreach.domain.vocabulary import ORDERED_FACTS, FieldType

TRUTH = {"true": True, "false": False, "True": True, "False": False}
_SIGNS: dict[type[ast.AST], str] = {
    ast.Eq: "==",
    ast.NotEq: "!=",
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
}
_LEAVES = (EventField, Fact, LastField, Seen, Known, Literal)


class Comparisons(Reader):
    """Reads ``==``, ``<`` … , chains of them, and ``in``."""

    def chain(self, node: ast.Compare) -> Node | None:
        sides = [node.left, *node.comparators]
        pairs = [
            self._membership(left, op, right)
            if isinstance(op, ast.In | ast.NotIn)
            else self._comparison(left, _SIGNS[type(op)], right)
            for left, op, right in zip(sides, node.ops, sides[1:], strict=False)
        ]
        found = [pair for pair in pairs if pair is not None]
        if len(found) < len(pairs):
            return None
        return found[0] if len(found) == 1 else And(tuple(found))

    def _comparison(self, left_side: ast.expr, sign: str, right_side: ast.expr) -> Node | None:
        left, right = self._sides(left_side, right_side)
        if left is None or right is None:
            return None
        left, right = self.as_instants(right_side, left, right)
        if isinstance(left, Literal) and isinstance(right, Literal):
            self.fault(
                left_side, "two fixed values are compared, the answer never changes", "compare a field"
            )
            return None
        if not alike(left.type, right.type):
            self._cannot_compare(left_side, left, right_side, right)
            return None
        fine = self._fits(left, right, right_side) and self._fits(right, left, left_side)
        if left.type is FieldType.BOOLEAN:
            return self._compare_truth(left, sign, right, left_side) if fine else None
        if left.type in (FieldType.TEXT, FieldType.LIST) and (
            sign not in ("==", "!=") or left.type is FieldType.LIST
        ):
            return self._compare_order(left, sign, right, left_side) if fine else None
        return Compare(sign, left, right) if fine else None

    def _sides(self, left: ast.expr, right: ast.expr) -> tuple[Node | None, Node | None]:
        """Both sides; each one's type helps with the fault of the other."""
        if isinstance(left, ast.Name) and left.id not in TRUTH:
            found = self.value(right)
            return self.value(left, _kind_beside(found)), found
        found = self.value(left)
        return found, self.value(right, _kind_beside(found))

    def _fits(self, node: Node, other: Node, side: ast.expr) -> bool:
        return self.names.check_value(
            other, self.names.values_of(node), write(node), self.syntax.offset(side)
        )

    def _cannot_compare(self, left_side: ast.expr, left: Node, right_side: ast.expr, right: Node) -> None:
        remedy = "compare values of one kind"
        for one, other in ((left, right), (right, left)):
            if isinstance(one, Literal):
                remedy = self._remedy_for(one, other) or remedy
        texts = self.text(left_side), self.text(right_side)
        what = f"`{texts[0]}` is {type_words(left.type)} and `{texts[1]}` is {type_words(right.type)}"
        side = left_side if isinstance(left, Literal) else right_side
        self.fault(side, what, remedy)

    def _remedy_for(self, literal: Literal, other: Node) -> str:
        value, kind = literal.value, other.type
        if kind is FieldType.LIST:
            return f"write {write(literal)} in {write(other)}"
        if kind is FieldType.TEXT:
            values = self.names.values_of(other)
            choices = ", ".join(f'"{choice}"' for choice in values)
            return f"it is one of {choices}" if values else f'write a text in quotes: "{value}"'
        if isinstance(value, str) and kind in NUMBERS and re.fullmatch(r"-?\d+(\.\d+)?", value):
            return f"write {value} without quotes"
        if isinstance(value, str) and kind is FieldType.BOOLEAN and value.lower() in TRUTH:
            return f"write {value.lower()} without quotes"
        return 'write a date like "2026-01-31"' if kind in INSTANTS else ""

    def _compare_truth(self, left: Node, sign: str, right: Node, side: ast.expr) -> Node | None:
        if sign not in ("==", "!="):
            self.fault(side, f"true and false cannot be compared with {sign}", "write == or !=")
            return None
        if isinstance(left, Literal) or isinstance(right, Literal):
            fixed, part = (left, right) if isinstance(left, Literal) else (right, left)
            return part if isinstance(fixed, Literal) and fixed.value == (sign == "==") else Not(part)
        if not isinstance(left, _LEAVES) or not isinstance(right, _LEAVES):
            self.fault(side, "two conditions are compared", "join them with and, or, not")
            return None
        return Compare(sign, left, right)

    def _compare_order(self, left: Node, sign: str, right: Node, side: ast.expr) -> Node | None:
        ordered = next((part for part in (left, right) if write(part) in ORDERED_FACTS), None)
        if ordered is not None:
            values = self.names.values_of(ordered)
            return Compare(sign, _ranked(left, values), _ranked(right, values))
        if left.type is FieldType.LIST:
            self.fault(side, "two lists cannot be compared", 'ask for one of them: "a" in event.list')
        else:
            self.fault(side, f"texts have no order, so {sign} means nothing", "write ==, != or in [ … ]")
        return None

    def as_instants(self, node: ast.AST, left: Node, right: Node) -> tuple[Node, Node]:
        """A text beside a time or a date is one, too, if it can be read so."""
        if isinstance(right, Literal) and right.type is FieldType.TEXT and left.type in INSTANTS:
            return left, _instant(right, left.type) or right
        if isinstance(left, Literal) and left.type is FieldType.TEXT and right.type in INSTANTS:
            return _instant(left, right.type) or left, right
        return left, right

    # ── in ───────────────────────────────────────────────────────────────────────────────────────

    def _membership(self, left_side: ast.expr, op: ast.cmpop, right_side: ast.expr) -> Node | None:
        item = self.value(left_side)
        if isinstance(right_side, ast.List):
            found = self._in_fixed_list(left_side, item, right_side)
        else:
            found = self._in_field(left_side, item, right_side)
        return Not(found) if found is not None and isinstance(op, ast.NotIn) else found

    def _in_field(self, left_side: ast.expr, item: Node | None, right_side: ast.expr) -> Node | None:
        items = self.value(right_side)
        if item is None or items is None:
            return None
        if items.type is not FieldType.LIST:
            text = self.text(right_side)
            self.fault(
                right_side, f"`{text}` is {type_words(items.type)}, not a list", f"write in [{text}], or =="
            )
            return None
        if item.type is not FieldType.TEXT:
            text = self.text(left_side)
            self.fault(
                left_side, f"`{text}` is {type_words(item.type)}, the list holds texts", "ask for a text"
            )
            return None
        return Member(item, items)

    def _in_fixed_list(self, left_side: ast.expr, item: Node | None, right_side: ast.List) -> Node | None:
        kind = item.type if item is not None else None
        members = [self._list_member(member, kind) for member in right_side.elts]
        if not members:
            self.fault(right_side, "the list is empty, the answer never changes", "write at least one value")
        if item is None or None in members or not members:
            return None
        if isinstance(item, Literal) or item.type in (FieldType.LIST, FieldType.BOOLEAN):
            self.fault(left_side, f"`{self.text(left_side)}` cannot be looked for in a list", "write a field")
            return None
        fixed = [
            self._fitting(member, item, side) for member, side in zip(members, right_side.elts, strict=True)
        ]
        good = [member for member in fixed if member is not None]
        if len(good) < len(fixed):
            return None
        return Member(item, Literal(tuple(_scalar(one) for one in good), FieldType.LIST, good[0].type))

    def _list_member(self, side: ast.expr, expected: FieldType | None) -> Literal | None:
        found = self.value(side, expected)
        if found is None or isinstance(found, Literal):
            return found
        self.fault(
            side, "a list holds fixed values only", f"join comparisons with or: … == {self.text(side)}"
        )
        return None

    def _fitting(self, member: Literal | None, item: Node, side: ast.expr) -> Literal | None:
        assert member is not None
        if member.type is FieldType.TEXT and item.type in INSTANTS:
            member = _instant(member, item.type) or member
        if not alike(item.type, member.type):
            remedy = self._remedy_for(member, item) or "write values of one kind"
            what = f"`{write(item)}` is {type_words(item.type)} and `{write(member)}` is {type_words(member.type)}"
            self.fault(side, what, remedy)
            return None
        return member if self._fits(item, member, side) else None


def _kind_beside(other: Node | None) -> FieldType | None:
    """What a bare word beside a field most likely is; beside a fixed value it is a field itself."""
    return None if other is None or isinstance(other, Literal) else other.type


def _ranked(node: Node, values: tuple[str, ...]) -> Node:
    if isinstance(node, Literal):
        return Literal(values.index(str(node.value)), FieldType.INTEGER)
    return Rank(node, values)


def _scalar(literal: Literal) -> Scalar:
    assert not isinstance(literal.value, tuple)
    return literal.value


_DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)


def _instant(literal: Literal, kind: FieldType) -> Literal | None:
    """A day, or for times also an instant with its offset; a day alone begins at midnight UTC."""
    text = str(literal.value)
    try:
        if _DAY.fullmatch(text):
            day = date.fromisoformat(text)
            midnight = datetime(day.year, day.month, day.day, tzinfo=UTC)
            return Literal(day if kind is FieldType.DATE else midnight, kind)
        at = datetime.fromisoformat(text)
        if kind is FieldType.TIME and at.tzinfo is not None:
            return Literal(at.astimezone(UTC), kind)
    except (ValueError, OverflowError):
        return None
    return None

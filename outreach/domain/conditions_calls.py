"""Calls: the closed list of functions, and their arguments."""

from __future__ import annotations

import ast
from datetime import timedelta

from outreach.domain.conditions_names import FUNCTIONS, Reader, alike, did_you_mean, type_words
from outreach.domain.conditions_tree import (
    Arithmetic,
    Count,
    DaysSince,
    EventField,
    Fact,
    Known,
    LastField,
    Node,
    Seen,
    Total,
)
from outreach.domain.hours import Duration
from outreach.domain.vocabulary import EventType, FieldType


class Calls(Reader):
    """Reads ``count(…)``, ``seen(…)`` and the like."""

    def call(self, node: ast.Call) -> Node | None:
        name = self.text(node.func)
        match name:
            case "count":
                return self._count(node)
            case "total":
                return self._total(node)
            case "days_since":
                type = self.event_type(self.arguments(node, ("type",)).get("type"))
                return DaysSince(type.name) if type is not None else None
            case "seen":
                return self._seen(node)
            case "known":
                return self._known(node)
            case "last":
                self.fault(node, "last(…) alone is no value", f"say which field: {FUNCTIONS['last']}")
                return None
        self.fault(node, f"there is no function `{name}`", did_you_mean(name, FUNCTIONS))
        return None

    def _count(self, node: ast.Call) -> Node | None:
        given = self.arguments(node, ("type", "within"))
        type, within = self.event_type(given.get("type")), self._within(given.get("within"))
        return Count(type.name, within) if type is not None and within is not None else None

    def _total(self, node: ast.Call) -> Node | None:
        given = self.arguments(node, ("type", "field", "within"))
        type, within = self.event_type(given.get("type")), self._within(given.get("within"))
        field = self._amount(type, given.get("field")) if type is not None else None
        if type is None or field is None or within is None:
            return None
        return Total(type.name, field, within)

    def _amount(self, type: EventType, node: ast.expr | None) -> str | None:
        match node:
            case ast.Constant(value=str() as name) | ast.Name(id=name):
                if name == type.amount:
                    return name
                remedy = f"declare amount: {name} for {type.name} in vocabulary.yaml"
                if name not in type.fields:
                    remedy = did_you_mean(name, [type.amount] if type.amount else type.fields)
                    self.fault(node, f"{type.name} has no field `{name}`", remedy)
                else:
                    self.fault(node, f"`{name}` of {type.name} cannot be summed over a window", remedy)
            case ast.expr():
                self.fault(node, f"`{self.text(node)}` is not the name of a field", 'write it like "amount"')
        return None

    def _seen(self, node: ast.Call) -> Node | None:
        named = {keyword.arg: keyword.value for keyword in node.keywords if keyword.arg}
        given = self.arguments(node, ("type", "within"), required=1, positions=1, others=True)
        type = self.event_type(given.get("type"))
        within = self._within(given["within"]) if "within" in given else None
        fields = {name: value for name, value in named.items() if name not in ("type", "within")}
        if type is None or ("within" in given and within is None):
            for value in fields.values():
                self.value(value)
            return None
        keys = [self._seen_key(type, name, value) for name, value in fields.items()]
        if None in keys or len(keys) > 1:
            return None
        return Seen(type.name, type.key if keys else None, keys[0] if keys else None, within)

    def _seen_key(self, type: EventType, name: str, node: ast.expr) -> Node | None:
        field = type.fields.get(name)
        found = self.value(node, field.type if field is not None else None)
        if field is None:
            self.fault(node, f"{type.name} has no field `{name}`", did_you_mean(name, type.fields))
        elif name != type.key:
            ask = f"ask by {type.key}, or " if type.key else ""
            remedy = f"{ask}declare key: {name} for {type.name} in vocabulary.yaml"
            self.fault(node, f"`{name}` of {type.name} is not its window column", remedy)
        elif found is not None and (
            not alike(found.type, field.type) or field.type in (FieldType.LIST, FieldType.BOOLEAN)
        ):
            what = f"`{name}` is {type_words(field.type)} and `{self.text(node)}` is {type_words(found.type)}"
            self.fault(node, what, "ask for a value of the field's kind")
        elif found is not None and self.names.check_value(
            found, field.values, name, self.syntax.offset(node)
        ):
            return found
        return None

    def _known(self, node: ast.Call) -> Node | None:
        side = self.arguments(node, ("value",), by_name=False).get("value")
        part = self.value(side) if side is not None else None
        if part is None or side is None:
            return None
        if not isinstance(part, EventField | Fact | LastField | DaysSince | Arithmetic):
            self.fault(side, f"`{self.text(side)}` is always known", "ask for a field: known(event.order_id)")
            return None
        return Known(part)

    def arguments(
        self,
        node: ast.Call,
        names: tuple[str, ...],
        required: int | None = None,
        positions: int | None = None,
        by_name: bool = True,
        others: bool = False,
    ) -> dict[str, ast.expr]:
        """The arguments by name, with faults for those that are missing, twice or too many."""
        function = self.text(node.func)
        example = f"write it like {FUNCTIONS[function]}"
        given = dict(zip(names[:positions], node.args, strict=False))
        for extra in node.args[len(given) :]:
            self.fault(extra, f"{function}(…) has too many values", example)
        for keyword in node.keywords:
            name = keyword.arg or ""
            if name in given:
                self.fault(keyword, f"`{name}` is given twice", example)
            elif by_name and (name in names or others):
                given[name] = keyword.value
            else:
                self.fault(keyword, f"{function}(…) knows no `{name}`", example)
        for name in names[:required]:
            if name not in given:
                self.fault(node, f"{function}(…) lacks its {name}", example)
        return given

    def event_type(self, node: ast.expr | None) -> EventType | None:
        match node:
            case None:
                return None
            case ast.Constant(value=str() as name):
                return self.names.event_type(name, self.syntax.offset(node) + 1)
        text = self.text(node)
        self.fault(node, f"`{text}` is not an event type", f'write it in quotes: "{text.strip(chr(34))}"')
        return None

    def _within(self, node: ast.expr | None) -> timedelta | None:
        match node:
            case None:
                return None
            case ast.Constant(value=str() as text):
                return self._duration(node, text)
        self.fault(node, f"`{self.text(node)}` is not a duration", 'write it in quotes, like "90d"')
        return None

    def _duration(self, node: ast.expr, text: str) -> timedelta | None:
        try:
            length = Duration.parse(text).plain
        except (ValueError, OverflowError) as error:
            what, _, remedy = str(error).partition("; ")
            self.fault(node, what, remedy)
            return None
        if length <= timedelta(0):
            self.fault(node, "the window is empty", 'write it like "90d"')
            return None
        return length

    def _fault(self, node: ast.AST, what: str, remedy: str = "") -> None:
        self.faults.add(self.syntax.offset(node), what, remedy)

"""What the names in an expression mean: fields of the trigger, facts, event types; and did-you-mean."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches

from outreach.domain.conditions_place import Faults
from outreach.domain.conditions_text import Syntax
from outreach.domain.conditions_tree import NUMBERS, EventField, Fact, LastField, Literal, Node
from outreach.domain.vocabulary import FACTS, EventType, Field, FieldType, Vocabulary

FUNCTIONS: dict[str, str] = {
    "count": 'count("order.placed", "90d")',
    "total": 'total("order.placed", "amount", "365d")',
    "last": 'last("order.placed").amount',
    "days_since": 'days_since("order.placed")',
    "seen": 'seen("delivery.arrived", order_id=event.order_id, within="30d")',
    "known": "known(event.order_id)",
}
"""The closed list of functions, each as an example of its use."""

TYPE = "type"
"""What every event has besides its fields."""

PLACES = ("event", *dict.fromkeys(name.partition(".")[0] for name in FACTS))
"""What may stand before the dot."""

_TYPE_WORDS = {
    FieldType.TEXT: "a text",
    FieldType.NUMBER: "a number",
    FieldType.INTEGER: "a number",
    FieldType.BOOLEAN: "true or false",
    FieldType.TIME: "a time",
    FieldType.DATE: "a date",
    FieldType.LIST: "a list",
}


def type_words(type: FieldType) -> str:
    return _TYPE_WORDS[type]


def alike(one: FieldType, other: FieldType) -> bool:
    """Whether values of the two types can be compared."""
    return one == other or (one in NUMBERS and other in NUMBERS)


def did_you_mean(word: str, names: Iterable[str], otherwise: str = "") -> str:
    """The remedy for a word that is none of the names."""
    known = sorted(set(names))
    close = get_close_matches(word.lower(), known, n=1, cutoff=0.6)
    if close:
        return f"did you mean {close[0]}?"
    if otherwise or not known:
        return otherwise
    return f"known: {', '.join(known[:12])}{' …' if len(known) > 12 else ''}"


def _in_quotes(names: Iterable[str]) -> str:
    return ", ".join(f'"{name}"' for name in names)


@dataclass(frozen=True)
class Names:
    """Looks names up for one expression. Every method adds its fault and answers None when it must."""

    vocabulary: Vocabulary
    when: tuple[str, ...]
    faults: Faults

    @property
    def triggers(self) -> list[EventType]:
        return [type for name in self.when if (type := self.vocabulary.get(name)) is not None]

    def event_field(self, name: str, offset: int) -> Node | None:
        """``event.<name>``: there must be such a field, of one type, in every type of ``when``."""
        if not self._triggers_known(offset):
            return None
        lacking = [type.name for type in self.triggers if name not in type.fields]
        if lacking and self._is_type_itself(name):
            return EventField(name, FieldType.TEXT)
        if lacking:
            self._no_such_field(name, lacking, offset)
            return None
        fields = [type.fields[name] for type in self.triggers]
        if self._is_personal(fields[0], offset):
            return None
        if not all(alike(fields[0].type, field.type) for field in fields):
            types = ", ".join(
                f"{type_words(type.fields[name].type)} in {type.name}" for type in self.triggers
            )
            self.faults.add(offset, f"event.{name} is {types}", "write one playbook for each type")
            return None
        mixed = len({field.type for field in fields}) > 1
        return EventField(name, FieldType.NUMBER if mixed else fields[0].type)

    def fact(self, place: str, name: str, offset: int) -> Node | None:
        field = FACTS.get(f"{place}.{name}")
        if field is None:
            names = [full.partition(".")[2] for full in FACTS if full.startswith(f"{place}.")]
            self.faults.add(offset, f"{place} has no `{name}`", did_you_mean(name, names))
            return None
        return Fact(place, name, field.type)

    def event_type(self, name: str, offset: int) -> EventType | None:
        type = self.vocabulary.get(name)
        if type is None:
            self.faults.add(
                offset,
                f'there is no event type "{name}"',
                did_you_mean(name, self.vocabulary.types, "declare it in vocabulary.yaml"),
            )
        return type

    def last_field(self, type: EventType, name: str, offset: int) -> Node | None:
        field = type.fields.get(name)
        if field is None:
            self.faults.add(offset, f"{type.name} has no field `{name}`", did_you_mean(name, type.fields))
            return None
        if self._is_personal(field, offset):
            return None
        column = "amount" if name == type.amount else "data"
        column = "key" if name == type.key and field.type is FieldType.TEXT else column
        return LastField(type.name, name, field.type, column)

    def unknown(self, word: str, offset: int, expected: FieldType | None) -> None:
        """A bare word that means nothing: it may lack its quotes or its place."""
        what = f"`{word}` is not a name that is known here"
        if expected is FieldType.TEXT:
            remedy = f'write a text in quotes: "{word}"'
        elif word in PLACES:
            what, remedy = f"`{word}` alone is no value", f"say which field: {self._example(word)}"
        elif word in FUNCTIONS:
            what, remedy = f"`{word}` is a function", f"write {FUNCTIONS[word]}"
        elif word.lower() in ("none", "null"):
            what, remedy = f"there is no `{word}`", "ask known(…) whether a value is there"
        elif word.lower() in ("yes", "on", "no", "off"):
            remedy = f"write {'true' if word.lower() in ('yes', 'on') else 'false'}"
        else:
            remedy = self._full_name(word)
        self.faults.add(offset, what, remedy)

    def unknown_place(self, place: str, name: str, offset: int) -> None:
        self.faults.add(
            offset,
            f"`{place}` is not a name that is known here",
            f'write an event type in quotes: "{place}.{name}"'
            if self.vocabulary.get(f"{place}.{name}")
            else did_you_mean(place, PLACES),
        )

    def values_of(self, node: Node) -> tuple[str, ...]:
        """The only texts a node can have; empty when any."""
        match node:
            case EventField(name, FieldType.TEXT) if self._is_type_itself(name):
                return self.when
            case EventField(name, FieldType.TEXT):
                lists = [type.fields[name].values for type in self.triggers]
                return (
                    tuple(dict.fromkeys(value for values in lists for value in values)) if all(lists) else ()
                )
            case Fact(place, name, _):
                return FACTS[f"{place}.{name}"].values
            case LastField(event, name, FieldType.TEXT, _):
                return self.vocabulary.types[event].fields[name].values
        return ()

    def check_value(self, value: Node, values: tuple[str, ...], name: str, offset: int) -> bool:
        """Whether a fixed text is one of the values that the other side can have."""
        if not values or not isinstance(value, Literal) or value.value in values:
            return True
        self.faults.add(
            offset,
            f'{name} is never "{value.value}"',
            did_you_mean(str(value.value), values, f"it is one of {_in_quotes(values)}"),
        )
        return False

    def _is_type_itself(self, name: str) -> bool:
        """``event.type``: which of the types under ``when`` it was. A field of that name would be meant first."""
        return name == TYPE and not any(name in type.fields for type in self.triggers)

    def _triggers_known(self, offset: int) -> bool:
        if not self.when:
            self.faults.add(offset, "there is no event here to read from", "use facts and functions only")
        elif missing := [name for name in self.when if self.vocabulary.get(name) is None]:
            self.faults.add(
                offset,
                f'event is of a type that is not known: "{missing[0]}"',
                did_you_mean(missing[0], self.vocabulary.types, "declare it in vocabulary.yaml"),
            )
        else:
            return True
        return False

    def _no_such_field(self, name: str, lacking: list[str], offset: int) -> None:
        common = set.intersection(*(set(type.fields) for type in self.triggers))
        which = lacking[0] if len(lacking) == 1 else f"{', '.join(lacking[:-1])} and {lacking[-1]}"
        verb = "has" if len(lacking) == 1 else "have"
        otherwise = "use a field that every type under when: has, or write a playbook of its own"
        if len(lacking) == len(self.when):
            otherwise = ""
        self.faults.add(offset, f"{which} {verb} no field `{name}`", did_you_mean(name, common, otherwise))

    def _is_personal(self, field: Field, offset: int) -> bool:
        if field.personal:
            self.faults.add(
                offset,
                f"`{field.name}` is personal and kept apart",
                "conditions cannot read it; use another field",
            )
        return field.personal

    def _all_names(self) -> list[str]:
        fields = {f"event.{name}" for type in self.triggers for name in type.fields}
        return [*sorted(fields), *FACTS]

    def _full_name(self, word: str) -> str:
        names = self._all_names()
        same = [name for name in names if name.partition(".")[2] == word]
        if same:
            return f"did you mean {same[0]}?"
        by_end = {name.partition(".")[2]: name for name in reversed(names)}
        close = get_close_matches(word.lower(), [*by_end, *FUNCTIONS, "true", "false"], n=1, cutoff=0.7)
        if close:
            return f"did you mean {by_end.get(close[0], close[0])}?"
        return f"a name starts with one of {', '.join(PLACES)}; a text stands in quotes"

    def _example(self, place: str) -> str:
        return next((name for name in self._all_names() if name.startswith(f"{place}.")), f"{place}.…")


@dataclass(frozen=True)
class Reader:
    """What all readers of Python's tree share: the text, the names, and where to put faults."""

    syntax: Syntax
    names: Names
    faults: Faults

    def value(self, node: ast.expr, expected: FieldType | None = None) -> Node | None:
        """Any part, checked. ``expected`` is the other side's type, for a better remedy only."""
        raise NotImplementedError

    def text(self, node: ast.AST) -> str:
        return self.syntax.text(node)

    def fault(self, node: ast.AST, what: str, remedy: str = "") -> None:
        self.faults.add(self.syntax.offset(node), what, remedy)

    def not_a(self, wanted: str, node: ast.AST, found: Node, remedy: str) -> None:
        """The fault of a part that has the wrong type."""
        self.fault(node, f"`{self.text(node)}` is {type_words(found.type)}, not {wanted}", remedy)

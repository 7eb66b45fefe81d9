"""The expression language of playbooks: typed against the vocabulary, three answers, never evaluated text.

    compile_condition   text → Condition; Invalid with every fault, each with file, line, column, remedy
    compile_value       text → Value, for ``once_per``
    fuse                all conditions of an event type → one function
    Condition.explain   why, and why not

A condition is True, False or None: *cannot tell*, because a value is missing or of the wrong kind. A
false beats a cannot-tell, a cannot-tell beats a true.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from outreach.domain.conditions_check import check_condition, check_value
from outreach.domain.conditions_code import FusedTest, Test, compile_fused, compile_test
from outreach.domain.conditions_explain import Outline, explain, key_value, outline
from outreach.domain.conditions_names import FUNCTIONS, PLACES
from outreach.domain.conditions_place import Place
from outreach.domain.conditions_tree import EventField, Fact, Node, need_of, walk, write
from outreach.domain.conditions_values import Scope
from outreach.domain.facts import Trace
from outreach.domain.history import Need
from outreach.domain.vocabulary import Vocabulary

__all__ = [
    "FUNCTIONS",
    "PLACES",
    "Condition",
    "Place",
    "Reading",
    "Scope",
    "Value",
    "compile_condition",
    "compile_value",
    "fuse",
    "longest_needs",
]


@dataclass(frozen=True, slots=True)
class Reading:
    """What an expression reads, for the window reader, the checker and the docs."""

    event_fields: frozenset[str]
    """Fields of the trigger's data."""
    facts: frozenset[str]
    """``account.tier`` …"""
    needs: tuple[Need, ...]
    """One per event type, with the longest window."""

    @property
    def event_types(self) -> frozenset[str]:
        """Event types of the history that windows read."""
        return frozenset(need.type for need in self.needs)


@dataclass(frozen=True, slots=True)
class Condition:
    """A checked condition. Equal when text and meaning are; can be pickled."""

    text: str
    tree: Node = field(repr=False)
    reading: Reading = field(repr=False)
    test: Test = field(repr=False, compare=False)
    """The answer for a scope: True, False or None. Never raises, whatever the data hold."""
    outline: Outline = field(repr=False, compare=False)

    @property
    def needs(self) -> tuple[Need, ...]:
        return self.reading.needs

    @property
    def reads(self) -> frozenset[str]:
        return self.reading.event_types

    def explain(self, scope: Scope, path: str = "if") -> Trace:
        """Why it is so, part by part; slower than ``test`` and always of the same answer."""
        return explain(self.outline, scope, path)

    def __reduce__(self) -> tuple[Any, ...]:
        return _condition, (self.text, self.tree)


@dataclass(frozen=True, slots=True)
class Value:
    """A checked expression that names something: a text, a number, or an instant as text in UTC."""

    text: str
    tree: Node = field(repr=False)
    reading: Reading = field(repr=False)

    @property
    def needs(self) -> tuple[Need, ...]:
        return self.reading.needs

    @property
    def reads(self) -> frozenset[str]:
        return self.reading.event_types

    def value(self, scope: Scope) -> str | int | float | None:
        """None when it is missing or of the wrong kind."""
        return key_value(self.tree, scope)


def compile_condition(text: str, vocabulary: Vocabulary, when: tuple[str, ...], place: Place) -> Condition:
    """Check a condition for triggers of the types ``when``. Raises Invalid with every fault."""
    return _condition(" ".join(text.split()), check_condition(text, vocabulary, when, place))


def compile_value(text: str, vocabulary: Vocabulary, when: tuple[str, ...], place: Place) -> Value:
    """Check an expression that names something, such as ``event.order_id``. Raises Invalid."""
    tree = check_value(text, vocabulary, when, place)
    return Value(" ".join(text.split()), tree, reading_of(tree))


def fuse(conditions: Sequence[Condition | None]) -> FusedTest:
    """One function that answers all conditions in order; what they share is read once. None is True."""
    return compile_fused([condition.tree if condition is not None else None for condition in conditions])


def reading_of(tree: Node) -> Reading:
    nodes = list(walk(tree))
    needs = [need for node in nodes if (need := need_of(node)) is not None]
    return Reading(
        frozenset(node.name for node in nodes if isinstance(node, EventField)),
        frozenset(write(node) for node in nodes if isinstance(node, Fact)),
        longest_needs(needs),
    )


def longest_needs(needs: Iterable[Need]) -> tuple[Need, ...]:
    """One need per event type, sorted: the longest window, with data when one of them wants data."""
    longest: dict[str, Need] = {}
    for need in needs:
        known = longest.get(need.type, need)
        within = None if None in (need.within, known.within) else max(need.within, known.within)  # type: ignore[type-var]
        longest[need.type] = Need(need.type, within, need.data or known.data)
    return tuple(longest[type] for type in sorted(longest))


def _condition(text: str, tree: Node) -> Condition:
    return Condition(text, tree, reading_of(tree), compile_test(tree), outline(tree, text))

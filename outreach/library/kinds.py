"""The kinds of value that may stand behind a key: how each is read, described and put into JSON Schema.

One table of keys made of these drives the reader, the JSON Schema and the reference page. A reader
returns None where it has noted a fault, so that one file shows all its faults at once.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol

from outreach.domain.conditions_names import did_you_mean as did_you_mean
from outreach.domain.duration import UNITS
from outreach.domain.errors import Fault
from outreach.domain.facts import Severity
from outreach.domain.hours import Duration
from outreach.library.tree import Node, Scalar

Schema = dict[str, Any]


@dataclass(slots=True)
class Reading:
    """What a reader knows while it reads: the declared event types; and the faults noted so far."""

    types: Collection[str] = ()
    faults: list[Fault] = field(default_factory=list)

    @property
    def good(self) -> bool:
        return all(fault.warning for fault in self.faults)

    def note(self, node: Node, what: str, remedy: str = "", *, warning: bool = False) -> None:
        self.faults.append(node.fault(what, remedy, warning=warning))


class Kind(Protocol):
    @property
    def words(self) -> str:
        """What to write there, in a few words."""

    def read(self, node: Node, reading: Reading) -> Any:
        """The value, or None when a fault was noted."""

    def schema(self) -> Schema:
        """The kind as JSON Schema (2020-12)."""


def text_of(node: Node, reading: Reading, words: str) -> Scalar | None:
    """The node as a scalar with something in it, else a noted fault."""
    if isinstance(node, Scalar) and (node.text.strip() or node.style):
        return node
    if isinstance(node, Scalar):
        reading.note(node, "this is empty", f"write {words}, or remove the line")
    else:
        reading.note(node, f"this must be {words}")
    return None


_SCALARS = ("string", "number", "boolean")
"""Whatever stands in one line is a text where a text is asked for: ``title: 2026``."""
LONGEST_TEXT = 2_000
"""Characters of one text; what is longer belongs into a template."""


@dataclass(frozen=True)
class Text:
    words: str = "a text"
    pattern: str = ""

    def read(self, node: Node, reading: Reading) -> str | None:
        scalar = text_of(node, reading, self.words)
        if scalar is None:
            return None
        if self.pattern and not re.fullmatch(self.pattern, scalar.text):
            reading.note(node, f"`{scalar.text[:60]}` is not {self.words}")
            return None
        if len(scalar.text) > LONGEST_TEXT:
            reading.note(
                node, f"this text has {len(scalar.text)} characters, {LONGEST_TEXT} is the most", "shorten it"
            )
        return scalar.text.strip()

    def schema(self) -> Schema:
        if not self.pattern:
            return {"type": [*_SCALARS], "maxLength": LONGEST_TEXT}
        numbers_too = re.fullmatch(self.pattern, "1") is not None
        return {"type": ["string", "number"] if numbers_too else "string", "pattern": f"^({self.pattern})$"}


@dataclass(frozen=True)
class Number:
    low: float = 0
    high: float = 1e12
    whole: bool = False

    @property
    def words(self) -> str:
        name = "a whole number" if self.whole else "a number"
        return (
            f"{name} from {self.low:,.10g} to {self.high:,.10g}"
            if self.high < 1e12
            else f"{name}, {self.low:,.10g} or more"
        )

    def read(self, node: Node, reading: Reading) -> float | int | None:
        value = node.value if isinstance(node, Scalar) and not isinstance(node.value, bool) else None
        fits = isinstance(value, int) or (isinstance(value, float) and not self.whole)
        if not fits or not self.low <= value <= self.high:  # type: ignore[operator]
            shown = f"`{node.text[:40]}`" if isinstance(node, Scalar) else "this"
            reading.note(node, f"{shown} is not {self.words}")
            return None
        return value  # type: ignore[return-value]

    def schema(self) -> Schema:
        return {"type": "integer" if self.whole else "number", "minimum": self.low, "maximum": self.high}


@dataclass(frozen=True)
class Flag:
    words: str = "true or false"

    def read(self, node: Node, reading: Reading) -> bool | None:
        if isinstance(node, Scalar) and isinstance(node.value, bool):
            return node.value
        reading.note(node, "this must be true or false")
        return None

    def schema(self) -> Schema:
        return {"type": "boolean"}


@dataclass(frozen=True)
class Length:
    """A duration. ``business`` False: only elapsed time has a meaning here."""

    business: bool = True

    @property
    def words(self) -> str:
        return "a duration" if self.business else "a duration in m, h, d or w"

    def read(self, node: Node, reading: Reading) -> Duration | None:
        scalar = text_of(node, reading, f"{self.words}, such as 2d")
        if scalar is None:
            return None
        try:
            length = Duration.parse(scalar.text)
        except ValueError as error:
            what, _, remedy = str(error).partition("; ")
            reading.note(node, what, remedy)
            return None
        if length.is_business and not self.business:
            reading.note(node, f"`{scalar.text}`: business time means nothing here", "write it in h, d or w")
            return None
        return length

    def schema(self) -> Schema:
        business = "([Bb]usiness )?" if self.business else ""
        part = rf"[0-9]+(\.[0-9]+)? ?{business}({'|'.join(_either_case(unit) for unit in UNITS)})"
        examples = (
            ["4 business hours", "1 business day", "30m", "2d"]
            if self.business
            else ["30m", "4h", "2d", "3w"]
        )
        text = {"type": "string", "pattern": rf"^\s*{part}(\s*\+\s*{part})*\s*$", "examples": examples}
        return {"anyOf": [text, {"const": 0}]}


def _either_case(word: str) -> str:
    return f"[{word[0].upper()}{word[0]}]{word[1:]}"


@dataclass(frozen=True)
class Choice:
    """One of the members of an enumeration, written as its value; or of some words."""

    members: type[StrEnum] | tuple[str, ...]

    @property
    def values(self) -> tuple[str, ...]:
        return self.members if isinstance(self.members, tuple) else tuple(one.value for one in self.members)

    @property
    def words(self) -> str:
        return " · ".join(self.values)

    def read(self, node: Node, reading: Reading) -> Any:
        scalar = text_of(node, reading, f"one of {', '.join(self.values)}")
        if scalar is None:
            return None
        if scalar.text not in self.values:
            remedy = did_you_mean(scalar.text, self.values)
            reading.note(
                node,
                f"`{scalar.text[:40]}` is not one of {', '.join(self.values)}",
                remedy if "?" in remedy else "",
            )
            return None
        return scalar.text if isinstance(self.members, tuple) else self.members(scalar.text)

    def schema(self) -> Schema:
        return {"enum": list(self.values)}


class SeverityKind(Choice):
    def __init__(self) -> None:
        super().__init__(tuple(one.word for one in Severity))

    def read(self, node: Node, reading: Reading) -> Severity | None:
        word = super().read(node, reading)
        return Severity.parse(word) if word else None


@dataclass(frozen=True)
class EventName:
    words: str = "an event type"

    def read(self, node: Node, reading: Reading) -> str | None:
        scalar = text_of(node, reading, "an event type from vocabulary.yaml")
        if scalar is None:
            return None
        if scalar.text not in reading.types:
            remedy = did_you_mean(scalar.text, reading.types) or "declare it in vocabulary.yaml"
            reading.note(node, f"there is no event type `{scalar.text[:60]}`", remedy)
            return None
        return scalar.text

    def schema(self) -> Schema:
        return {"$ref": "#/$defs/event_type"}


@dataclass(frozen=True)
class Expression:
    """Left as it is written; compiled where the event types are known."""

    words: str = "an expression"

    def read(self, node: Node, reading: Reading) -> Scalar | None:
        return text_of(node, reading, "an expression")

    def schema(self) -> Schema:
        return {"type": ["string", "boolean"]}

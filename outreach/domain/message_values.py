"""What goes into a template and comes out: plain frozen values, and the bounds on everything."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from types import MappingProxyType
from typing import Any

from outreach.domain import message_words as words
from outreach.domain.errors import OutreachError
from outreach.domain.facts import Severity

MAX_TEMPLATE_BYTES = 64 * 1024
MAX_OUTPUT = 64 * 1024
"""Characters."""
MAX_LIST = 100
"""Items of a list that a template gets to see; the rest is cut off."""
MAX_VALUE = 8_000
"""Characters of one value; the rest is cut off."""
MAX_WORK = 500_000
"""What all loops of one rendering may do: turns times the parts of what is looped over, well under a second."""
MAX_NODES = 10_000
MAX_DEPTH = 40
MAX_NESTED_LOOPS = 2
MAX_INCLUDES = 30
"""Files put into one template, and a file put in twice counts twice."""
MAX_NUMBER = 1e15

OPEN, CLOSE = "\ue000", "\ue001"
"""Around the number of a value in rendered text, until it is put in: Markdown never sees values."""
STATE = "_state"
"""The name under which a rendering is handed through a template; templates cannot say it."""


class RenderFault(OutreachError):
    """A template is faulty, or cannot say what it was given. ``line`` from 1; 0: the whole of it.
    ``what`` holds no customer data."""

    def __init__(self, path: str, line: int, what: str) -> None:
        self.path, self.line, self.what = path, line, what
        super().__init__(f"{path}:{line}: {what}" if line else f"{path}: {what}")


@dataclass(slots=True)
class Rendering:
    """One rendering under way: how to say things, the values said so far, what is left of the bounds."""

    zone: str
    language: str
    currency: str
    values: list[str] = field(default_factory=list)
    size: int = 0
    work: int = 0

    def put(self, value: Any) -> str:
        """The mark that stands for the value; the value itself where Markdown can make nothing of it."""
        text = words.say_plainly(value, self.zone, self.language)
        self.size += len(text)
        if self.size > MAX_OUTPUT:
            raise ValueError(f"the text grows beyond {MAX_OUTPUT} characters")
        if text.isalnum() or not text:
            return text
        self.values.append(text)
        return f"{OPEN}{len(self.values) - 1}{CLOSE}"


@dataclass(frozen=True, slots=True)
class Rendered:
    """``marked``: the text with marks in place of values; ``values``: what the marks stand for."""

    marked: str
    values: tuple[str, ...]


def freeze(context: Mapping[str, Any], path: str = "context") -> dict[str, Any]:
    """A copy of plain values only: text, numbers, yes and no, None, days, instants, tuples, read-only dicts."""
    return {name: _freeze(value, path, name, 0) for name, value in context.items()}


def _freeze(value: Any, path: str, name: str, depth: int) -> Any:
    if depth > 6:
        raise RenderFault(path, 0, f"`{name}` is too deeply nested")
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return _plain_text(str.__str__(value))
    if isinstance(value, Severity):
        return value.word
    if isinstance(value, (int, float, Decimal)):
        return _plain_number(value)
    if isinstance(value, (datetime, date)):
        return value
    if isinstance(value, Mapping):
        return MappingProxyType(
            {str(key): _freeze(one, path, f"{name}.{key}", depth + 1) for key, one in value.items()}
        )
    if isinstance(value, (list, tuple)):
        return tuple(_freeze(one, path, name, depth + 1) for one in value[:MAX_LIST])
    raise RenderFault(path, 0, f"`{name}` is no plain value but a {type(value).__name__}")


def _plain_text(text: str) -> str:
    """Without control characters, which no letter needs; line ends become \\n."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    text = "".join(sign for sign in text if sign >= " " or sign in "\n\t")
    text = text.replace(OPEN, "").replace(CLOSE, "")
    return text if len(text) <= MAX_VALUE else text[: MAX_VALUE - 1] + "…"


def _plain_number(value: int | float | Decimal) -> int | float | None:
    if isinstance(value, int):
        return int(value) if abs(value) <= MAX_NUMBER else None
    number = float(value)
    return number if math.isfinite(number) else None

"""Values as conditions see them. What has the wrong kind is missing, and nothing here ever raises.

A number is an int or a finite float, never a bool. A time becomes seconds since 1970, a date its day
number, so that both compare and subtract like numbers. A list is a sequence of texts.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any, NamedTuple

from outreach.domain.history import Happening, History
from outreach.domain.vocabulary import FieldType

BOUND = 1e300
"""Results of arithmetic beyond this are no longer a number: cannot tell."""


class Scope(NamedTuple):
    """What an expression is judged against: the trigger's data, the facts, the history, as of ``at``.

    ``at`` is aware. Windows reach back from ``at`` and include both ends.
    """

    event: Mapping[str, Any]
    account: Mapping[str, Any]
    rhythm: Mapping[str, Any]
    person: Mapping[str, Any]
    failure: Mapping[str, Any]
    run: Mapping[str, Any]
    history: History
    at: datetime


def as_text(value: object) -> str | None:
    return str(value) if isinstance(value, str) else None


def as_number(value: object) -> int | float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return value if isinstance(value, int) or math.isfinite(value) else None


def as_truth(value: object) -> bool | None:
    return value if isinstance(value, bool) else None


def as_instant(value: object) -> float | None:
    """Seconds since 1970 of an aware time or of its RFC 3339 text; without an offset it is missing."""
    try:
        at = datetime.fromisoformat(value) if isinstance(value, str) else value
        return at.timestamp() if isinstance(at, datetime) and at.tzinfo is not None else None
    except (ValueError, OverflowError):
        return None


def as_day(value: object) -> int | None:
    """The day number of a date or of its text ``2026-01-31``."""
    try:
        day = date.fromisoformat(value) if isinstance(value, str) and len(value) == 10 else value
    except ValueError:
        return None
    return day.toordinal() if isinstance(day, date) and not isinstance(day, datetime) else None


def as_texts(value: object) -> tuple[str, ...] | None:
    if isinstance(value, str | bytes) or not isinstance(value, Sequence):
        return None
    return tuple(value) if all(isinstance(one, str) for one in value) else None


READERS: dict[FieldType, Callable[[object], Any]] = {
    FieldType.TEXT: as_text,
    FieldType.NUMBER: as_number,
    FieldType.INTEGER: as_number,
    FieldType.BOOLEAN: as_truth,
    FieldType.TIME: as_instant,
    FieldType.DATE: as_day,
    FieldType.LIST: as_texts,
}


def as_key(value: object) -> str | None:
    """A value as the window column ``key`` holds it: texts as they are, whole numbers in digits."""
    if isinstance(value, str):
        return value
    number = as_number(value)
    if number is None or number != number // 1 or abs(number) >= 1e18:
        return None
    return str(int(number))


def column_of(last: Happening | None, column: str, field: str) -> object:
    """A field of the newest happening, raw; None when there is none."""
    if last is None:
        return None
    if column == "data":
        return last.data.get(field) if last.data is not None else None
    return last.key if column == "key" else last.amount


def days_between(earlier: datetime, later: datetime) -> float:
    return (later - earlier).total_seconds() / 86400


def calculate(sign: str, left: float, right: float) -> int | float | None:
    """``+ - * /``; None when divided by zero or when the result is out of bounds."""
    try:
        if sign == "/":
            result = left / right
        elif sign == "*":
            result = left * right
        else:
            result = left + right if sign == "+" else left - right
    except (ZeroDivisionError, OverflowError):
        return None
    return result if -BOUND <= result <= BOUND else None


def spell_instant(value: object) -> str | None:
    """One text for one instant, whatever the offset it was written with."""
    seconds = as_instant(value)
    at = datetime.fromisoformat(value) if isinstance(value, str) else value
    return at.astimezone(UTC).isoformat() if seconds is not None and isinstance(at, datetime) else None


# ── what the generated code calls ────────────────────────────────────────────────────────────────


def _number(value: object) -> float:
    if value is None:
        return math.nan
    found = READERS[FieldType.NUMBER](value)
    return math.nan if found is None else found


def _instant(value: object) -> float:
    found = READERS[FieldType.TIME](value)
    return math.nan if found is None else found


def _day(value: object) -> float:
    found = READERS[FieldType.DATE](value)
    return math.nan if found is None else found


def _calculate(sign: str, left: float, right: float) -> float:
    found = calculate(sign, left, right)
    return math.nan if found is None else found


def _rank(values: tuple[str, ...], value: str | None) -> float:
    return values.index(value) if value in values else math.nan


def _days_since(last: Happening | None, at: datetime) -> float:
    return math.nan if last is None else days_between(last.time, at)


def _seen(history: History, event: str, key: object, since: datetime | None, at: datetime) -> bool | None:
    text = as_key(key)
    return None if text is None else history.seen(event, text, since, at)


def reader_name(kind: FieldType) -> str:
    return {FieldType.INTEGER: "number"}.get(kind, kind.value)


HELPERS: dict[str, Any] = {
    "int": int,
    "float": float,
    "str": str,
    "nan": math.nan,
    "isfinite": math.isfinite,
    "text": READERS[FieldType.TEXT],
    "number": _number,
    "boolean": READERS[FieldType.BOOLEAN],
    "time": _instant,
    "date": _day,
    "list": READERS[FieldType.LIST],
    "calculate": _calculate,
    "column_of": column_of,
    "rank": _rank,
    "days_since": _days_since,
    "seen": _seen,
}

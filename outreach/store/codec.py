"""How the rooms' values lie in the tables: times as microseconds, enums by value, the rest as JSON.

Each column's type knows both ways, so a dataclass and a table whose columns have the same names need
no mapping code: ``shapes.Shape(Touch, tables.touch)``. An added field costs one column.
"""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from enum import Enum, IntEnum
from typing import Any

import orjson
from sqlalchemy import BigInteger, SmallInteger, Text
from sqlalchemy.types import TypeDecorator

Decoder = Callable[[Any], Any]

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
EARLIEST, LATEST = -(2**62), 2**62
"""Before and after every instant that a ``datetime`` can hold."""


def micros(instant: datetime) -> int:
    """Microseconds since 1970 in UTC. A naive datetime is refused: nobody knows what it means."""
    if instant.tzinfo is None:
        raise ValueError(f"an instant without zone cannot be stored: {instant.isoformat()}")
    return (instant - EPOCH) // _MICROSECOND


def instant(value: int) -> datetime:
    return EPOCH + timedelta(0, 0, value)


def instant_or_none(value: int | None) -> datetime | None:
    return None if value is None else instant(value)


def to_json(value: Any) -> str:
    return orjson.dumps(value, default=_plain).decode()


def to_json_sorted(value: Any) -> str:
    """The same text for the same content, whoever wrote it."""
    return orjson.dumps(value, default=_plain, option=orjson.OPT_SORT_KEYS).decode()


def from_json(text: str | bytes) -> Any:
    return orjson.loads(text)


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, (set, frozenset)):
        return sorted(value)
    if isinstance(value, tuple):
        return list(value)
    return str(value)


# --- column types -----------------------------------------------------------------------------------


class Utc(TypeDecorator[datetime]):
    """An aware datetime; in the database microseconds since 1970, in UTC."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Any) -> int | None:
        return None if value is None else micros(value)

    def process_result_value(self, value: int | None, dialect: Any) -> datetime | None:
        return instant_or_none(value)


class Word(TypeDecorator[Any]):
    """An enum of texts, by value."""

    impl = Text
    cache_ok = True

    def __init__(self, kind: type[Enum]) -> None:
        super().__init__()
        self.kind = kind
        self.by_value = {member.value: member for member in kind}

    def process_bind_param(self, value: Any, dialect: Any) -> str | None:
        return None if value is None else str(self.kind(value).value)

    def process_result_value(self, value: str | None, dialect: Any) -> Any:
        return None if value is None else self.by_value[value]


class Grade(TypeDecorator[Any]):
    """An enum of small numbers, by value, so that the database can compare."""

    impl = SmallInteger
    cache_ok = True

    def __init__(self, kind: type[IntEnum]) -> None:
        super().__init__()
        self.kind = kind

    def process_bind_param(self, value: Any, dialect: Any) -> int | None:
        return None if value is None else int(value)

    def process_result_value(self, value: int | None, dialect: Any) -> Any:
        return None if value is None else self.kind(value)


class Json(TypeDecorator[Any]):
    """A value as JSON text, read back as the type it was: dataclasses, tuples, enums and times included."""

    impl = Text
    cache_ok = True

    def __init__(self, kind: Any = Any) -> None:
        super().__init__()
        self.kind = kind
        decode = decoder(kind)
        self.read: Decoder = from_json if decode is None else lambda text: decode(orjson.loads(text))

    def process_bind_param(self, value: Any, dialect: Any) -> str | None:
        return None if value is None else to_json(value)

    def process_result_value(self, value: str | None, dialect: Any) -> Any:
        return None if value is None else self.read(value)


# --- JSON by type -----------------------------------------------------------------------------------


def decoder(kind: Any) -> Decoder | None:
    """What turns parsed JSON back into ``kind``; None when nothing needs to be done."""
    if isinstance(kind, type):
        return _decoder_of_class(kind)
    origin = typing.get_origin(kind)
    if origin in (typing.Union, types.UnionType):
        return _optional(kind)
    if origin is tuple:
        return _decoder_of_tuple(typing.get_args(kind))
    if origin in (list, Sequence, Iterable):
        inner = decoder(typing.get_args(kind)[0])
        return None if inner is None else lambda value: [inner(item) for item in value]
    if isinstance(origin, type) and issubclass(origin, Mapping):
        inner_value = decoder(typing.get_args(kind)[1])
        if inner_value is None:
            return None
        return lambda value: {name: inner_value(item) for name, item in value.items()}
    return None


def _decoder_of_class(kind: type) -> Decoder | None:
    if kind is datetime:
        return datetime.fromisoformat
    if kind is date:
        return date.fromisoformat
    if issubclass(kind, Enum):
        return kind
    if dataclasses.is_dataclass(kind) or hasattr(kind, "_fields"):
        return _Late(kind)
    return tuple if kind is tuple else None


class _Late:
    """Decodes a dataclass or named tuple; looks its fields up when first used, since a tree holds itself."""

    def __init__(self, kind: type) -> None:
        self.kind = kind
        self._names = frozenset(field_names(kind))
        self._decode: list[tuple[str, Decoder]] | None = None

    def __call__(self, value: dict[str, Any]) -> Any:
        if self._decode is None:
            hints = typing.get_type_hints(self.kind)
            self._decode = [(name, d) for name in self._names if (d := decoder(hints[name]))]
        if not self._names >= value.keys():
            value = {name: item for name, item in value.items() if name in self._names}
        for name, decode in self._decode:
            if value.get(name) is not None:
                value[name] = decode(value[name])
        return self.kind(**value)


def _optional(kind: Any) -> Decoder | None:
    inner = [decoder(part) for part in typing.get_args(kind) if part is not type(None)]
    decode = inner[0] if len(inner) == 1 else None
    return None if decode is None else lambda value: None if value is None else decode(value)


def _decoder_of_tuple(parts: tuple[Any, ...]) -> Decoder:
    if len(parts) == 2 and parts[1] is Ellipsis:
        inner = decoder(parts[0])
        return tuple if inner is None else lambda value: tuple(inner(item) for item in value)
    each = [decoder(part) for part in parts]
    return lambda value: tuple(
        item if decode is None or item is None else decode(item)
        for decode, item in zip(each, value, strict=True)
    )


def field_names(kind: type) -> tuple[str, ...]:
    if dataclasses.is_dataclass(kind):
        return tuple(field.name for field in dataclasses.fields(kind))
    return tuple(kind._fields)  # type: ignore[attr-defined]

"""How the rooms' values lie in the tables: times as microseconds, enums by value, the rest as JSON.

Each column's type knows both ways, so a dataclass and a table whose columns have the same names need
no mapping code: ``Shape(Touch, tables.touch)``. An added field costs one column.
"""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from enum import Enum, IntEnum
from operator import attrgetter
from typing import Any, Generic, TypeVar

import orjson
from sqlalchemy import BigInteger, Boolean, Column, SmallInteger, Table, Text
from sqlalchemy.types import TypeDecorator, TypeEngine

Decoder = Callable[[Any], Any]
T = TypeVar("T")

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
        return None if value is None else instant(value)


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


# --- rows -------------------------------------------------------------------------------------------


def raw_encoder(column: Column[Any]) -> Decoder | None:
    """From the rooms' value to the driver's; None when they are the same."""
    kind: TypeEngine[Any] = column.type
    if isinstance(kind, Utc):
        return micros
    if isinstance(kind, Json):
        return to_json
    if isinstance(kind, Word):
        return attrgetter("value")
    return int if isinstance(kind, Grade) else None


def raw_decoder(column: Column[Any]) -> Decoder | None:
    kind: TypeEngine[Any] = column.type
    if isinstance(kind, Utc):
        return instant
    if isinstance(kind, Json):
        return kind.read
    if isinstance(kind, Word):
        return kind.by_value.__getitem__
    if isinstance(kind, Grade):
        return kind.kind
    return bool if isinstance(kind, Boolean) else None


class Shape(Generic[T]):
    """A frozen dataclass (or named tuple) as rows of a table: fields and columns by the same names."""

    def __init__(self, kind: type[T], table: Table) -> None:
        self.kind, self.table = kind, table
        self.names = field_names(kind)
        missing = [name for name in self.names if name not in table.c]
        if missing:
            raise TypeError(f"the table {table.name} needs columns for {kind.__name__}: {', '.join(missing)}")
        self.columns = [table.c[name] for name in self.names]
        self._get = attrgetter(*self.names)
        self._encode = [(i, e) for i, c in enumerate(self.columns) if (e := raw_encoder(c))]
        self._decode = [(i, d) for i, c in enumerate(self.columns) if (d := raw_decoder(c))]

    def row(self, value: T) -> list[Any]:
        """As the driver takes it."""
        row = list(self._get(value))
        for i, encode in self._encode:
            if row[i] is not None:
                row[i] = encode(row[i])
        return row

    def made(self, row: Sequence[Any]) -> T:
        """From a row as the driver gave it, columns in the order of ``names``."""
        values = list(row)
        for i, decode in self._decode:
            if values[i] is not None:
                values[i] = decode(values[i])
        return self.kind(*values)

    def changes(self, old: T, new: T) -> dict[str, Any]:
        """Column → the driver's value, for what differs."""
        before, after = self._get(old), self._get(new)
        differing = [i for i, (a, b) in enumerate(zip(before, after, strict=True)) if a is not b and a != b]
        if not differing:
            return {}
        row = self.row(new)
        return {self.names[i]: row[i] for i in differing}


def field_names(kind: type) -> tuple[str, ...]:
    if dataclasses.is_dataclass(kind):
        return tuple(field.name for field in dataclasses.fields(kind))
    return tuple(kind._fields)  # type: ignore[attr-defined]


class Fields:
    """Some fields of a mutable dataclass as one JSON text; an added field costs nothing.

    What is empty, and would be by default, is left out: most accounts are small.
    """

    def __init__(self, kind: type, without: Iterable[str] = ()) -> None:
        apart, hints = set(without), typing.get_type_hints(kind)
        fields = [field for field in dataclasses.fields(kind) if field.name not in apart]
        self.names = frozenset(field.name for field in fields)
        self._empty = [(field.name, _default(field)) for field in fields if not _default(field)]
        self._whole = [field.name for field in fields if _default(field)]
        self._decode = [(f.name, decode) for f in fields if (decode := decoder(hints[f.name]))]

    def text(self, value: Any) -> str:
        kept = {}
        for name, default in self._empty:
            item = getattr(value, name)
            if item or item != default:
                kept[name] = item
        for name in self._whole:
            kept[name] = getattr(value, name)
        return to_json(kept)

    def read(self, text: str) -> dict[str, Any]:
        """Field → value; absent where it has its default, or was added since the text was written."""
        read: dict[str, Any] = orjson.loads(text)
        if not self.names >= read.keys():
            read = {name: item for name, item in read.items() if name in self.names}
        for name, decode in self._decode:
            if read.get(name) is not None:
                read[name] = decode(read[name])
        return read


def _default(field: dataclasses.Field[Any]) -> Any:
    if field.default_factory is not dataclasses.MISSING:
        return field.default_factory()
    return True if field.default is dataclasses.MISSING else field.default

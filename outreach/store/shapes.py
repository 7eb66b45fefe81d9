"""The rooms' values as rows: a dataclass and a table whose columns have the same names."""

from __future__ import annotations

import dataclasses
import typing
from collections.abc import Iterable, Sequence
from operator import attrgetter
from typing import Any, Generic, TypeVar

import orjson
from sqlalchemy import Boolean, Column, Table
from sqlalchemy.types import TypeEngine

from outreach.store.codec import (
    Decoder,
    Grade,
    Json,
    Utc,
    Word,
    decoder,
    field_names,
    instant,
    micros,
    to_json,
)

T = TypeVar("T")


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
        if old is new:
            return {}
        before, after = self._get(old), self._get(new)
        differing = [i for i, (a, b) in enumerate(zip(before, after, strict=True)) if a is not b and a != b]
        if not differing:
            return {}
        row = self.row(new)
        return {self.names[i]: row[i] for i in differing}


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

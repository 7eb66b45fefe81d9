"""The words that ``tables`` is written in: columns by their names, checks, and indexes of some rows."""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, Column, Float, Index, Integer, MetaData, Text, text

NAMES = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s",
    "pk": "pk_%(table_name)s",
}
metadata = MetaData(naming_convention=NAMES)

Growing = BigInteger().with_variant(Integer, "sqlite")
"""SQLite numbers rows by itself only in a column called INTEGER."""
Number = Float(53)


def key(names: str, kind: Any = Text) -> list[Column[Any]]:
    return [Column(name, kind, primary_key=True, nullable=False) for name in names.split()]


def must(names: str, kind: Any = Text) -> list[Column[Any]]:
    return [Column(name, kind, nullable=False) for name in names.split()]


def may(names: str, kind: Any = Text) -> list[Column[Any]]:
    return [Column(name, kind, nullable=True) for name in names.split()]


def numbered() -> Column[Any]:
    return Column("seq", Growing, primary_key=True, autoincrement=True)


def one_of(column: str, values: Iterable[Enum | str]) -> CheckConstraint:
    return CheckConstraint(is_in(column, *values), name=column)


def is_in(column: str, *values: Enum | str) -> str:
    """One value is written ``=``: SQLite takes a partial index only where it sees the same words."""
    words = [f"'{value.value if isinstance(value, Enum) else value}'" for value in values]
    return f"{column} = {words[0]}" if len(words) == 1 else f"{column} in ({', '.join(words)})"


def some(name: str, columns: str, where: str, *, unique: bool = False) -> Index:
    """An index of those rows only that meet a condition."""
    only = text(where)
    return Index(name, *columns.split(), unique=unique, sqlite_where=only, postgresql_where=only)

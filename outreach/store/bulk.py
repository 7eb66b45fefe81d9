"""The hot statements, at driver level: one statement for many rows, in each database's quickest way.

SQLite takes ``executemany`` for rows and ``json_each`` for keys. PostgreSQL takes one JSON parameter
for rows (``jsonb_to_recordset``) and an array for keys. Statements are written once with ``?`` and
double-quoted names; none may hold a question mark or a per cent sign of its own.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from functools import cache, lru_cache
from typing import Any, TypeVar

from sqlalchemy import Connection, Table
from sqlalchemy.dialects import postgresql
from sqlalchemy.exc import DBAPIError

from outreach.store.codec import to_json
from outreach.store.shapes import Shape

T = TypeVar("T")
Row = Sequence[Any]

_POSTGRES = postgresql.dialect()  # type: ignore[no-untyped-call]


class Bulk:
    """Driver-level statements on one open connection. ``locks`` where rows can be locked."""

    locks = False

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    # --- any statement

    def rows(self, statement: str, *values: Any) -> Sequence[Row]:
        """All rows of a query, as the driver gives them."""
        result = self._connection.exec_driver_sql(self._marked(statement), values)
        rows: Sequence[Row] = result.cursor.fetchall()  # type: ignore[union-attr]  # quicker than rows of SQLAlchemy
        result.close()
        return rows

    def run(self, statement: str, *values: Any) -> int:
        """How many rows the statement changed."""
        return self._connection.exec_driver_sql(self._marked(statement), values).rowcount

    def _marked(self, statement: str) -> str:
        return statement

    # --- many keys

    def keys(self, keys: Iterable[str]) -> Any:
        """A parameter that holds many texts, for ``one_of``."""
        raise NotImplementedError

    def one_of(self, column: str) -> str:
        """``column`` is among the keys of one parameter."""
        raise NotImplementedError

    def by_keys(
        self, shape: Shape[T], column: str, keys: Collection[str], more: str = "", *values: Any
    ) -> list[T]:
        """All values whose ``column`` is one of the keys; ``more`` is appended to the query."""
        if not keys:
            return []
        statement = f"{select(shape)} where {self.one_of(quoted(column))} {more}"
        return [shape.made(row) for row in self.rows(statement, self.keys(keys), *values)]

    def all(self, shape: Shape[T], more: str = "", *values: Any) -> list[T]:
        """``select …`` with ``more`` appended, as values."""
        return [shape.made(row) for row in self.rows(f"{select(shape)} {more}", *values)]

    def one(self, shape: Shape[T], more: str, *values: Any) -> T | None:
        found = self.all(shape, more, *values)
        return found[0] if found else None

    # --- many rows

    def insert(self, table: Table, names: tuple[str, ...], rows: Sequence[Row], then: str = "") -> None:
        """One statement for all rows; ``then`` is its ``on conflict …``."""
        raise NotImplementedError

    def upsert(self, table: Table, names: tuple[str, ...], rows: Sequence[Row]) -> None:
        """Insert, or overwrite the row with the same primary key."""
        self.insert(table, names, rows, _overwrite(table, names))

    def update(self, table: Table, names: tuple[str, ...], rows: Sequence[Row]) -> None:
        """Overwrite some columns of rows that are there; the first name is the primary key."""
        raise NotImplementedError

    def put(self, shape: Shape[T], values: Sequence[T]) -> None:
        """Insert or overwrite by primary key."""
        self.upsert(shape.table, shape.names, [shape.row(value) for value in values])

    def delete(self, table: Table, keys: Sequence[Row]) -> None:
        """By primary key."""
        raise NotImplementedError

    def change(self, table: Table, key: Any, changes: dict[str, Any], where: str = "", *values: Any) -> int:
        """Set some columns of the row with this single-column primary key, if ``where`` holds."""
        (name,) = key_of(table)
        sets = ", ".join(f"{quoted(column)} = ?" for column in changes)
        statement = f"update {quoted(table.name)} set {sets} where {quoted(name)} = ? {where}"
        return self.run(statement, *changes.values(), key, *values)


class SqliteBulk(Bulk):
    """Straight to the driver: SQLAlchemy's way to it costs more than SQLite itself. Its faults come in
    SQLAlchemy's words all the same, which is what ``Store`` repeats by."""

    def __init__(self, connection: Connection) -> None:
        super().__init__(connection)
        driver: Any = connection.connection.dbapi_connection
        self._driver, self._fault = driver, driver.Error

    def rows(self, statement: str, *values: Any) -> Sequence[Row]:
        try:
            rows: Sequence[Row] = self._driver.execute(statement, values).fetchall()
        except self._fault as fault:
            raise self._in_their_words(statement, fault) from fault
        return rows

    def run(self, statement: str, *values: Any) -> int:
        try:
            changed: int = self._driver.execute(statement, values).rowcount
        except self._fault as fault:
            raise self._in_their_words(statement, fault) from fault
        return changed

    def _run_many(self, statement: str, rows: Iterable[Row]) -> None:
        try:
            self._driver.executemany(statement, rows)
        except self._fault as fault:
            raise self._in_their_words(statement, fault) from fault

    def _in_their_words(self, statement: str, fault: Exception) -> BaseException:
        return DBAPIError.instance(
            statement, None, fault, self._fault, hide_parameters=True, dialect=self._connection.dialect
        )

    def keys(self, keys: Iterable[str]) -> Any:
        return to_json(list(keys))

    def one_of(self, column: str) -> str:
        return f"{column} in (select value from json_each(?))"

    def insert(self, table: Table, names: tuple[str, ...], rows: Sequence[Row], then: str = "") -> None:
        if rows:
            self._run_many(_insert_marks(table.name, names) + then, rows)

    def update(self, table: Table, names: tuple[str, ...], rows: Sequence[Row]) -> None:
        if rows:
            sets = ", ".join(f"{quoted(name)} = ?" for name in names[1:])
            statement = f"update {quoted(table.name)} set {sets} where {quoted(names[0])} = ?"
            self._run_many(statement, [(*row[1:], row[0]) for row in rows])

    def delete(self, table: Table, keys: Sequence[Row]) -> None:
        if keys:
            where = " and ".join(f"{quoted(name)} = ?" for name in key_of(table))
            self._run_many(f"delete from {quoted(table.name)} where {where}", keys)


class PostgresBulk(Bulk):
    locks = True

    def _marked(self, statement: str) -> str:
        return _percent(statement)

    def keys(self, keys: Iterable[str]) -> Any:
        return list(keys)

    def one_of(self, column: str) -> str:
        return f"{column} = any(?)"

    def insert(self, table: Table, names: tuple[str, ...], rows: Sequence[Row], then: str = "") -> None:
        if rows:
            listed = ", ".join(map(quoted, names))
            statement = (
                f"insert into {quoted(table.name)} ({listed}) select {listed} from {recordset(table, names)}"
            )
            self.run(statement + then, records(names, rows))

    def update(self, table: Table, names: tuple[str, ...], rows: Sequence[Row]) -> None:
        if rows:
            sets = ", ".join(f"{quoted(name)} = r.{quoted(name)}" for name in names[1:])
            same = f"t.{quoted(names[0])} = r.{quoted(names[0])}"
            statement = (
                f"update {quoted(table.name)} t set {sets} from {recordset(table, names)} where {same}"
            )
            self.run(statement, records(names, rows))

    def delete(self, table: Table, keys: Sequence[Row]) -> None:
        if keys:
            names = key_of(table)
            same = " and ".join(f"t.{quoted(name)} = r.{quoted(name)}" for name in names)
            statement = f"delete from {quoted(table.name)} t using {recordset(table, names)} where {same}"
            self.run(statement, records(names, keys))


def key_of(table: Table) -> tuple[str, ...]:
    return tuple(str(column.name) for column in table.primary_key.columns)


def quoted(name: str) -> str:
    return f'"{name}"'


def as_pattern(text: str) -> str:
    """The text itself within a pattern of ``like … escape '\\'``."""
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


@cache
def select(shape: Shape[Any]) -> str:
    return f"select {', '.join(map(quoted, shape.names))} from {quoted(shape.table.name)}"


@cache
def recordset(table: Table, names: tuple[str, ...]) -> str:
    """One JSON parameter as the rows ``r`` with the table's types."""
    typed = ", ".join(f"{quoted(name)} {table.c[name].type.compile(dialect=_POSTGRES)}" for name in names)
    return f"jsonb_to_recordset(?::jsonb) as r({typed})"


def records(names: Sequence[str], rows: Sequence[Row]) -> str:
    return to_json([dict(zip(names, row, strict=True)) for row in rows])


@cache
def _insert_marks(table: str, names: tuple[str, ...]) -> str:
    listed = ", ".join(map(quoted, names))
    return f"insert into {quoted(table)} ({listed}) values ({', '.join('?' * len(names))})"


@cache
def _overwrite(table: Table, names: tuple[str, ...]) -> str:
    key = key_of(table)
    sets = ", ".join(f"{quoted(name)} = excluded.{quoted(name)}" for name in names if name not in key)
    what = f"do update set {sets}" if sets else "do nothing"
    return f" on conflict ({', '.join(map(quoted, key))}) {what}"


@lru_cache(maxsize=4096)
def _percent(statement: str) -> str:
    return statement.replace("?", "%s")

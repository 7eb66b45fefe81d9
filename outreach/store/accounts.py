"""What is folded of accounts: locked, loaded with everything that hangs on them, and saved by difference."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple, TypeVar

from outreach.domain.account import AccountState, Due, Promise
from outreach.domain.failure import Failure
from outreach.store import tables
from outreach.store.base import Part
from outreach.store.bulk import Row, key_of
from outreach.store.codec import instant, micros
from outreach.store.shapes import Fields, Shape

T = TypeVar("T")

FAILURE = Shape(Failure, tables.failure)
PROMISE = Shape(Promise, tables.promise)
DUE = Shape(Due, tables.due)

_STATE = Fields(AccountState, without=("id", "failures", "promises", "dues", "newest", "version"))
_DESCRIBED = ("name", "tier", "kind", "owner", "team", "zone", "country", "region", "language", "parent")
_DESCRIBED_COLUMNS = (*_DESCRIBED, "grp", "value")
_TOLD = ("id", "state", "newest_time", "newest_source", "newest_id", "version", "parts")
_LOADED = "select id, state, newest_time, newest_source, newest_id, version, parts from account where "
_HAS_FAILURES, _HAS_PROMISES, _HAS_DUES = 1, 2, 4


class Loaded(NamedTuple):
    """An account as it was loaded, so that only differences are written."""

    state: str | None
    described: dict[str, Any]
    newest: tuple[datetime, str, str] | None
    failures: dict[str, Failure]
    promises: dict[str, Promise]
    dues: dict[tuple[str, str], Due]


class Accounts(Part):
    _loaded: dict[str, Loaded]
    _new_rows: dict[str, set[str]]

    def lock_accounts(self, ids: Collection[str]) -> dict[str, AccountState]:
        """An account that does not exist yet is locked, too: by its empty row, gone again unless saved."""
        wanted = sorted(set(ids))
        if not wanted:
            return {}
        more = ""
        if self.locks:
            self._reserve("account", {"version": "0", "parts": "0"}, wanted)
            more = " order by id for update"
        return self._load_existing(self.bulk.one_of("id") + more, self.bulk.keys(wanted))

    def account(self, id_: str) -> AccountState | None:
        return self._load_existing("id = ?", id_).get(id_)

    def accounts(self, ids: Collection[str]) -> list[AccountState]:
        """In order of their ids."""
        where = self.bulk.one_of("id") + " order by id"
        return list(self._load_existing(where, self.bulk.keys(ids)).values())

    def accounts_akin(self, groups: Collection[str]) -> list[str]:
        named = [name.removeprefix("group:") for name in groups if name.startswith("group:")]
        heads = [name for name in groups if not name.startswith("group:")]
        rows = self.bulk.rows(
            f"select id from account where {self.bulk.one_of('id')} or {self.bulk.one_of('parent')}"
            f" or {self.bulk.one_of('grp')} order by id",
            self.bulk.keys(heads), self.bulk.keys(heads), self.bulk.keys(named),
        ) if groups else []  # fmt: skip
        return [row[0] for row in rows]

    def account_ids(self, after: str = "", limit: int = 500) -> list[str]:
        rows = self.bulk.rows(
            "select id from account where id > ? and state is not null order by id limit ?", after, limit
        )
        return [row[0] for row in rows]

    def save_accounts(self, states: Sequence[AccountState]) -> None:
        """``version`` counts the changes; an account that has not changed is not written."""
        self._load_unknown([state.id for state in states if state.id not in self._loaded])
        told, described, changes = [], [], _Changes()
        for state in states:
            before, text = self._loaded[state.id], _STATE.text(state)
            if changes.collect(before, state) or text != before.state or state.newest != before.newest:
                state.version += 1
                if before.state is not None and before.described == state.described:
                    told.append(_told_row(state, text))
                else:
                    described.append([*_described_row(state), *_told_row(state, text)])
                self._loaded[state.id] = _as_loaded(state, text)
        self.bulk.update(tables.account, _TOLD, told)
        self.bulk.upsert(tables.account, (*_DESCRIBED_COLUMNS, *_TOLD), described)
        self.bulk.put(FAILURE, changes.failures)
        self.bulk.delete(tables.promise, changes.promises_gone)
        self.bulk.put(PROMISE, changes.promises)
        self.bulk.delete(tables.due, changes.dues_gone)
        self.bulk.put(DUE, changes.dues)

    def due_rows(self, now: datetime, limit: int) -> list[Due]:
        return self.bulk.all(DUE, 'where "at" <= ? order by "at" limit ?', micros(now), limit)

    # --- loading

    def _load_existing(self, where: str, *values: Any) -> dict[str, AccountState]:
        rows = self.bulk.rows(_LOADED + where, *values)
        return self._load([row for row in rows if row[1] is not None])

    def _load(self, rows: Sequence[Row]) -> dict[str, AccountState]:
        """Only what the row says is there is looked for: most accounts have nothing open."""
        failures = self._hanging(FAILURE, rows, _HAS_FAILURES)
        promises = self._hanging(PROMISE, rows, _HAS_PROMISES)
        dues = self._hanging(DUE, rows, _HAS_DUES)
        states = {}
        for row in rows:
            id_, text, version = row[0], row[1], row[5]
            state = AccountState(
                id=id_,
                failures={failure.id: failure for failure in failures.get(id_, ())},
                promises={promise.id: promise for promise in promises.get(id_, ())},
                dues={(due.type, due.key): due for due in dues.get(id_, ())},
                newest=None if row[2] is None else (instant(row[2]), row[3], row[4]),
                version=version,
                **({} if text is None else _STATE.read(text)),
            )
            self._loaded[id_] = _as_loaded(state, text)
            states[id_] = state
        return states

    def _hanging(self, shape: Shape[T], rows: Iterable[Row], has: int) -> dict[str, list[T]]:
        accounts = [row[0] for row in rows if row[6] & has]
        found: dict[str, list[T]] = defaultdict(list)
        order = ", ".join(f'"{name}"' for name in key_of(shape.table))
        for value in self.bulk.by_keys(shape, "account", accounts, f"order by {order}"):
            found[value.account].append(value)  # type: ignore[attr-defined]
        return found

    def _load_unknown(self, ids: Sequence[str]) -> None:
        if ids:
            self._loaded.update(dict.fromkeys(ids, Loaded(None, {}, None, {}, {}, {})))
            self._load(self.bulk.rows(_LOADED + self.bulk.one_of("id"), self.bulk.keys(ids)))

    # --- rows that stand for what does not exist yet

    def _reserve(self, table: str, values: Mapping[str, str], ids: Sequence[str]) -> None:
        names = ", ".join(("id", *values))
        rows = self.bulk.rows(
            f"insert into {table} ({names}) select {', '.join(('i', *values.values()))} from unnest(?::text[]) i"
            f" where not exists (select 1 from {table} t where t.id = i) order by i"
            " on conflict (id) do nothing returning id",
            self.bulk.keys(ids),
        )
        self._new_rows[table].update(row[0] for row in rows)

    def finish(self) -> None:
        super().finish()
        for table, ids in self._new_rows.items():
            if ids:
                where = self.bulk.one_of("id")
                self.bulk.run(
                    f"delete from {table} where {where} and state is null", self.bulk.keys(sorted(ids))
                )


class _Changes:
    """What differs between accounts as they were loaded and as they are to be saved."""

    def __init__(self) -> None:
        self.failures: list[Failure] = []
        self.promises: list[Promise] = []
        self.promises_gone: list[Row] = []
        self.dues: list[Due] = []
        self.dues_gone: list[Row] = []

    def collect(self, before: Loaded, state: AccountState) -> bool:
        """Whether there were any."""
        failures = _differing(before.failures, state.failures)
        promises = _differing(before.promises, state.promises)
        dues = _differing(before.dues, state.dues)
        promises_gone = [(state.id, id_) for id_ in before.promises if id_ not in state.promises]
        dues_gone = [(state.id, *ref) for ref in before.dues if ref not in state.dues]
        self.failures += failures
        self.promises += promises
        self.dues += dues
        self.promises_gone += promises_gone
        self.dues_gone += dues_gone
        return bool(failures or promises or dues or promises_gone or dues_gone)


def _differing(before: Mapping[Any, T], now: Mapping[Any, T]) -> list[T]:
    if not now:
        return []
    return [value for key, value in now.items() if (old := before.get(key)) is not value and old != value]


def _as_loaded(state: AccountState, text: str | None) -> Loaded:
    return Loaded(
        text,
        dict(state.described),
        state.newest,
        dict(state.failures),
        dict(state.promises),
        dict(state.dues),
    )


def _described_row(state: AccountState) -> list[Any]:
    """What pages and statistics ask of accounts, as columns."""
    said = state.described
    return [
        *(_text(said.get(name)) for name in _DESCRIBED),
        _text(said.get("group")),
        _number(said.get("value")),
    ]


def _told_row(state: AccountState, text: str) -> list[Any]:
    time, source, event_id = state.newest or (None, None, None)
    parts = (
        _HAS_FAILURES * bool(state.failures)
        | _HAS_PROMISES * bool(state.promises)
        | _HAS_DUES * bool(state.dues)
    )
    return [state.id, text, None if time is None else micros(time), source, event_id, state.version, parts]


def _text(value: Any) -> str | None:
    return None if value is None else str(value)


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, (int, float)) else None

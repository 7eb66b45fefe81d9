"""What is folded of accounts: loaded whole, saved by difference."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Table

from outreach.domain.account import AccountState, Due, Promise
from outreach.domain.failure import Failure, FailureState
from outreach.domain.rhythm import Rhythm
from outreach.store.engine import Store
from outreach.store.unit import StoreUnit
from tests.store.samples import NOW, TEXTS, account, anything, at, failure, undone


def _promise(id_: str = "p1", account: str = "a1") -> Promise:
    return Promise(account, id_, "a new pallet", at(48), NOW)


def _due(key: str = "own", account: str = "a1", hours: float = 10) -> Due:
    return Due(account, "reorder.due", key, at(hours), NOW, 0, {"days": 10.5})


def _whole() -> AccountState:
    state = account("a1", failure(), name="Ada", tier="gold", group="ada", value=1200)
    state.promises = {"p1": _promise()}
    state.dues = {("reorder.due", "own"): _due()}
    state.orders, state.first_order_at, state.last_order_at = 3, at(-48), NOW
    state.rhythm = Rhythm(3, (1.0, 1.0), NOW)
    state.ended = ["delivery.overdue/o1"]
    state.newest = (NOW, "shop", "e1")
    return state


def test_an_account_comes_back_with_all_that_hangs_on_it(store: Store) -> None:
    saved = _whole()
    with store.unit() as unit:
        unit.save_accounts([saved])
    with store.view() as unit:
        assert unit.account("a1") == saved
        assert unit.account("a2") is None
    with store.unit() as unit:
        assert unit.lock_accounts(["a2", "a1", "a1"]) == {"a1": saved}
        assert unit.lock_accounts([]) == {}


def test_what_is_asked_of_accounts_often_lies_in_columns(store: Store) -> None:
    with store.unit() as unit:
        unit.save_accounts([_whole(), account("a2", value="much", tier=3)])
        rows = unit.bulk.rows("select id, name, tier, grp, value, newest_id from account order by id")
    assert [tuple(row) for row in rows] == [
        ("a1", "Ada", "gold", "ada", 1200.0, "e1"), ("a2", None, "3", None, None, None),
    ]  # fmt: skip


def _saved(store: Store, state: AccountState) -> AccountState:
    with store.unit() as unit:
        unit.save_accounts([state])
    with store.view() as unit:
        found = unit.account(state.id)
    assert found is not None
    return found


def test_dues_and_promises_that_are_gone_are_deleted_and_failures_never(store: Store) -> None:
    _saved(store, _whole())
    with store.unit() as unit:
        state = unit.lock_accounts(["a1"])["a1"]
        state.dues.clear()
        state.promises.clear()
        state.failures.clear()
        unit.save_accounts([state])
    with store.view() as unit:
        found = unit.account("a1")
        assert found is not None
        assert (found.dues, found.promises) == ({}, {})
        assert len(unit.bulk.rows("select id from failure")) == 1


def test_an_account_that_was_never_loaded_is_saved_as_it_is(store: Store) -> None:
    """As a rebuild does it: a fresh state over what lies there."""
    _saved(store, _whole())
    fresh = account("a1", failure(state=FailureState.VOID))
    fresh.dues = {("account.silent", "own"): replace(_due(), type="account.silent")}
    found = _saved(store, fresh)
    assert found == fresh


def test_only_what_differs_is_written(store: Store) -> None:
    quiet, busy = account("a1", failure()), account("a2", failure("delivery/o2", "a2"))
    with store.unit() as unit:
        unit.save_accounts([quiet, busy])
    with store.unit() as unit:
        states = unit.lock_accounts(["a1", "a2"])
        states["a2"].failures["delivery/o2"] = replace(failure("delivery/o2", "a2"), round=2)
        written = _written(unit)
        unit.save_accounts(list(states.values()))
        assert [state.version for state in states.values()] == [1, 2]
    assert written == {"account": ["a2"], "failure": ["delivery/o2"]}


def _written(unit: StoreUnit) -> dict[str, list[str]]:
    """Table → ids, filled as the unit writes."""
    written: dict[str, list[str]] = {}

    def noted(write: Callable[..., None]) -> Callable[..., None]:
        def noting(table: Table, names: tuple[str, ...], rows: list[list[Any]], *more: Any) -> None:
            if rows:
                written[table.name] = [row[names.index("id" if "id" in names else "account")] for row in rows]
            write(table, names, rows, *more)

        return noting

    unit.bulk.insert = noted(unit.bulk.insert)  # type: ignore[method-assign]
    unit.bulk.update = noted(unit.bulk.update)  # type: ignore[method-assign]
    return written


def test_a_changed_description_is_written_to_the_columns(store: Store) -> None:
    _saved(store, _whole())
    with store.unit() as unit:
        state = unit.lock_accounts(["a1"])["a1"]
        state.described["tier"] = "silver"
        unit.save_accounts([state])
        assert unit.bulk.rows("select tier from account") == [("silver",)]
        assert unit.account("a1") == state


def test_saving_twice_in_one_unit_writes_the_last(store: Store) -> None:
    with store.unit() as unit:
        state = account("a1")
        unit.save_accounts([state])
        state.dues["reorder.due", "own"] = _due()
        unit.save_accounts([state])
        del state.dues["reorder.due", "own"]
        unit.save_accounts([state])
    with store.view() as unit:
        assert unit.account("a1") == state


def test_an_account_that_was_only_locked_does_not_come_to_exist(store: Store) -> None:
    with store.unit() as unit:
        assert unit.lock_accounts(["a1", "a2"]) == {}
        assert unit.lock_people(["anna"]) == {}
        unit.save_accounts([account("a2")])
    with store.view() as unit:
        assert unit.account_ids() == ["a2"]
        assert len(unit.bulk.rows("select id from account union all select id from person")) == 1


def test_ids_are_paged(store: Store) -> None:
    with store.unit() as unit:
        unit.save_accounts([account(f"a{n}") for n in range(5)])
        assert unit.account_ids(limit=2) == ["a0", "a1"]
        assert unit.account_ids("a1", 2) == ["a2", "a3"]


def test_time_rows_come_oldest_first_once_their_instant_is_reached(store: Store) -> None:
    one, two = account("a1"), account("a2")
    one.dues = {("reorder.due", "own"): _due(hours=5)}
    two.dues = {("reorder.due", key): _due(key, "a2", hours) for key, hours in (("x", 1), ("y", 9))}
    with store.unit() as unit:
        unit.save_accounts([one, two])
        assert [due.key for due in unit.due_rows(at(5), 10)] == ["x", "own"]
        assert [due.key for due in unit.due_rows(at(5), 1)] == ["x"]


_STATES = anything(
    AccountState,
    failures=st.just({}),
    promises=st.just({}),
    dues=st.just({}),
    rhythm=anything(Rhythm),
    version=st.just(0),
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25)
@given(
    states=st.lists(_STATES, min_size=1, max_size=3, unique_by=lambda state: state.id),
    failures=st.lists(anything(Failure), max_size=3),
    promises=st.lists(anything(Promise), max_size=3),
    dues=st.lists(anything(Due), max_size=3),
    name=TEXTS,
)
def test_any_account_comes_back_as_it_was(
    store: Store,
    states: list[AccountState],
    failures: list[Failure],
    promises: list[Promise],
    dues: list[Due],
    name: str,
) -> None:
    for state in states:
        state.described["name"] = name
        state.failures = {f.id: replace(f, account=state.id) for f in failures}
        state.promises = {p.id: replace(p, account=state.id) for p in promises}
        state.dues = {(d.type, d.key): replace(d, account=state.id) for d in dues}
    with undone(store) as unit:
        unit.save_accounts(states)
        assert unit.lock_accounts([state.id for state in states]) == {state.id: state for state in states}

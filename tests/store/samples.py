"""Values to store: plain ones by name, and any at all by type."""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from enum import Enum
from typing import Any

from hypothesis import strategies as st

from outreach.domain.account import AccountState
from outreach.domain.card import Card
from outreach.domain.facts import Channel, Event, Purpose, Severity
from outreach.domain.failure import Failure, FailureState
from outreach.domain.hold import Hold
from outreach.domain.person import PersonState
from outreach.domain.plan import Run
from outreach.domain.touch import Status, Touch
from outreach.service.ports_events import NewEvent
from outreach.store.engine import Store
from outreach.store.unit import StoreUnit

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)


def at(hours: float = 0) -> datetime:
    return NOW + timedelta(hours=hours)


def event(id_: str = "e1", subject: str = "a1", type_: str = "order.placed", **more: Any) -> Event:
    given = {"time": NOW, "arrived": at(1), "data": {"order_id": id_}} | more
    return Event("shop", id_, type_, subject, **given)


def new(event_: Event, hash_: str = "", private: Mapping[str, Any] | None = None) -> NewEvent:
    return NewEvent(event_, hash_ or f"hash of {event_.id}", private or {})


def failure(id_: str = "delivery/o1", account: str = "a1", **more: Any) -> Failure:
    kind, key = id_.split("/", 1)
    given = {"severity": Severity.HIGH, "state": FailureState.OPEN, "opened_at": NOW, "known_at": at(1)}
    return Failure(account=account, id=id_, kind=kind, key=key, cause="delivery.delayed", **(given | more))


def account(id_: str = "a1", *failures: Failure, **described: Any) -> AccountState:
    return AccountState(id_, dict(described), failures={failure.id: failure for failure in failures})


def person(id_: str = "anna", **more: Any) -> PersonState:
    described = {name: more.pop(name) for name in ("name", "phone", "email") if name in more}
    return PersonState(id_, described, **more)


def run(id_: str = "r1", account: str = "a1", **more: Any) -> Run:
    given: dict[str, Any] = {
        "playbook": "late-delivery", "version": "v1", "account": account, "key": id_, "trigger": "shop|e1",
        "trigger_type": "delivery.delayed", "trigger_time": NOW, "started_at": at(1),
        "purpose": Purpose.SERVICE_RECOVERY, "severity": Severity.HIGH,
    }  # fmt: skip
    return Run(id_, **(given | more))


def touch(id_: str = "t1", account: str = "a1", **more: Any) -> Touch:
    given: dict[str, Any] = {
        "run": "r1", "account": account, "channel": Channel.EMAIL, "purpose": Purpose.SERVICE_RECOVERY,
        "step": 0, "status": Status.DUE, "due": NOW, "because": "late-delivery", "identity": "anna",
    }  # fmt: skip
    return Touch(id_, **(given | more))


def hold(id_: str = "h1", account: str = "a1", **more: Any) -> Hold:
    given: dict[str, Any] = {
        "run": "r1", "account": account, "scope": "account", "purposes": (Purpose.MARKETING,),
        "because": "late-delivery", "since": NOW, "at_most_until": at(24 * 30),
    }  # fmt: skip
    return Hold(id_, **(given | more))


def card(id_: str = "c1", identity: str = "anna", **more: Any) -> Card:
    return Card(id_, identity, NOW, **more)


class Undone(Exception):
    pass


@contextmanager
def undone(store: Store) -> Iterator[StoreUnit]:
    """A unit that keeps nothing, for tests that try many values on one store."""
    try:
        with store.unit() as unit:
            yield unit
            raise Undone
    except Undone:
        pass


# --- any value of a type ------------------------------------------------------------------------------

TEXTS = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"), max_size=20)
INSTANTS = st.datetimes(datetime(1900, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
NUMBERS = st.floats(allow_nan=False, allow_infinity=False)
PLAIN = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | NUMBERS | TEXTS
_BY_TYPE: dict[Any, st.SearchStrategy[Any]] = {
    str: TEXTS,
    int: st.integers(-(2**31), 2**31 - 1),
    float: NUMBERS,
    bool: st.booleans(),
    datetime: INSTANTS,
    Any: PLAIN,
}


def anything(kind: Any, **fixed: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Any value of a dataclass, named tuple, or annotated type; ``fixed`` strategies by field."""
    if kind in _BY_TYPE:
        return _BY_TYPE[kind]
    if isinstance(kind, type):
        return st.sampled_from(list(kind)) if issubclass(kind, Enum) else _fields(kind, fixed)
    origin, parts = typing.get_origin(kind), typing.get_args(kind)
    if origin in (typing.Union, types.UnionType):
        return st.one_of([st.none() if part is type(None) else anything(part) for part in parts])
    if origin is tuple and parts[-1] is Ellipsis:
        return st.lists(anything(parts[0]), max_size=3).map(tuple)
    if origin is tuple:
        return st.tuples(*map(anything, parts))
    if origin is list:
        return st.lists(anything(parts[0]), max_size=3)
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return st.dictionaries(anything(parts[0]), anything(parts[1]), max_size=3)
    raise TypeError(f"no strategy for {kind}")


def _fields(kind: type, fixed: Mapping[str, st.SearchStrategy[Any]]) -> st.SearchStrategy[Any]:
    hints = typing.get_type_hints(kind)
    make: Callable[..., Any] = kind
    names = (
        [field.name for field in dataclasses.fields(kind)] if dataclasses.is_dataclass(kind) else kind._fields
    )

    def built() -> st.SearchStrategy[Any]:
        parts = {
            name: fixed[name]
            if name in fixed
            else st.just(())
            if name == "children"
            else anything(hints[name])
            for name in names
        }
        return st.fixed_dictionaries(parts).map(lambda given: make(**given))

    return st.deferred(built)

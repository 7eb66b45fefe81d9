"""What conditions, briefs and pages may ask of an account, its rhythm and a failure, worked out when it is asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, TypeAlias

from outreach.domain.account import AccountState
from outreach.domain.facts import Person
from outreach.domain.failure import REPEAT_WINDOW, Failure


class Facts(Mapping[str, Any]):
    """Facts that are worked out when they are asked for: a condition reads two or three of them. Good
    as long as what they are about does not change."""

    __slots__ = ("_about", "_at", "_given", "_makers")

    def __init__(self, makers: Makers, about: Any, at: datetime, given: Mapping[str, Any]) -> None:
        self._makers, self._about, self._at, self._given = makers, about, at, given

    def get(self, name: str, default: Any = None) -> Any:
        maker = self._makers.get(name)
        return self._given.get(name, default) if maker is None else maker(self._about, self._at)

    def __getitem__(self, name: str) -> Any:
        maker = self._makers.get(name)
        return self._given[name] if maker is None else maker(self._about, self._at)

    def __iter__(self) -> Iterator[str]:
        return iter(self._given.keys() | self._makers.keys())

    def __len__(self) -> int:
        return len(self._given.keys() | self._makers.keys())


Makers: TypeAlias = Mapping[str, Callable[[Any, datetime], Any]]


def account_facts(state: AccountState, at: datetime, people: Sequence[Person] | None = None) -> Facts:
    """What conditions, briefs and pages call ``account.*``, as of ``at``."""
    makers = _ACCOUNT
    if people is not None:
        deciding = sum("decision_maker" in person.roles.get(state.id, ()) for person in people)
        known = {"people": lambda state, at: len(people), "decision_makers": lambda state, at: deciding}
        makers = {**_ACCOUNT, **known}
    return Facts(makers, state, at, state.described)


def _days(then: datetime | None, at: datetime) -> float | None:
    return None if then is None else (at - then) / timedelta(days=1)


def _open_failures(state: AccountState, at: datetime) -> int:
    return sum(f.founded and f.is_open for f in state.failures.values())


def _failures_90d(state: AccountState, at: datetime) -> int:
    since = at - REPEAT_WINDOW
    return sum(f.founded and since < f.opened_at <= at for f in state.failures.values())


_ACCOUNT: Makers = {
    "id": lambda state, at: state.id,
    "orders": lambda state, at: state.orders,
    "days_since_order": lambda state, at: _days(state.last_order_at, at),
    "days_since_contact": lambda state, at: _days(state.last_contact_at, at),
    "open_failures": _open_failures,
    "failures_90d": _failures_90d,
    "people": lambda state, at: None,
    "decision_makers": lambda state, at: None,
    "age_days": lambda state, at: _days(state.since, at),
}


def rhythm_facts(state: AccountState, at: datetime) -> Facts:
    """What conditions, briefs and pages call ``rhythm.*``, as of ``at``."""
    return Facts(_RHYTHM, state.rhythm, at, {})


_RHYTHM: Makers = {
    "known": lambda rhythm, at: rhythm.known,
    "orders": lambda rhythm, at: rhythm.orders,
    "median_days": lambda rhythm, at: rhythm.median_days if rhythm.known else None,
    "spread_days": lambda rhythm, at: rhythm.spread_days if rhythm.known else None,
    "days_late": lambda rhythm, at: (
        None if rhythm.due_at is None else (at - rhythm.due_at) / timedelta(days=1)
    ),
}


def failure_facts(failure: Failure | None, at: datetime) -> dict[str, Any]:
    if failure is None:
        return {}
    return {
        "kind": failure.kind,
        "key": failure.key,
        "severity": failure.severity.word,
        "nth_90d": failure.nth,
        "round": failure.round,
        "age_days": (at - failure.opened_at) / timedelta(days=1),
        "first_order": failure.first_order,
        "state": str(failure.state),
        "opened_on": failure.opened_at,
    }

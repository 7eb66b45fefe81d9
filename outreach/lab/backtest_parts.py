"""Which accounts have to be judged together: those that share a human, a telephone, a mailbox, a parent or a group."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from outreach.domain.facts import CLOCK_SOURCE, PERSON_PREFIX
from outreach.store.unit import StoreUnit

SMALL = 2_000
"""Events of a part, unless those who belong together have more."""


class Part(NamedTuple):
    """What a worker plays in one go: subjects, by who belongs together, and how many events they have in all, without
    those that time made."""

    groups: tuple[tuple[str, ...], ...]
    events: int


class _Kin:
    """Union-find: who belongs together."""

    def __init__(self) -> None:
        self._head: dict[str, str] = {}

    def head(self, one: str) -> str:
        found = one
        while (above := self._head.get(found, found)) != found:
            found = above
        while (above := self._head.get(one, one)) != found:
            self._head[one], one = found, above
        return found

    @property
    def known(self) -> list[str]:
        return [*self._head, *set(self._head.values())]

    def join(self, one: str, other: str) -> None:
        self._head[self.head(one)] = self.head(other)


_TOGETHER = (
    f"select '{PERSON_PREFIX}' || person, account from membership",
    f"select '{PERSON_PREFIX}' || a, '{PERSON_PREFIX}' || b from link where state in ('confirmed', 'suggested')",
    f"select '{PERSON_PREFIX}' || person, 'endpoint:' || hash from endpoint",
    "select id, parent from account where parent is not null",
    "select id, 'group:' || grp from account where grp is not null",
)

_COUNTS = "select subject, count(*) from event where not retracted and source <> ? group by subject"


def parts_of(unit: StoreUnit) -> list[Part]:
    """Every subject with events, the largest parts first, so that no worker is left with one at the end."""
    kin = _kin_in(unit)
    counts = dict(map(tuple, unit.bulk.rows(_COUNTS, CLOCK_SOURCE)))
    together: dict[str, list[str]] = {}
    for subject in counts:
        together.setdefault(kin.head(subject), []).append(subject)
    return sorted(_packed(together.values(), counts), key=lambda part: -part.events)


def _kin_in(unit: StoreUnit) -> _Kin:
    kin = _Kin()
    for statement in _TOGETHER:
        for one, other in unit.bulk.rows(statement):
            kin.join(one, other)
    return kin


def those_with(unit: StoreUnit, subject: str) -> tuple[str, ...]:
    """The subject, and everybody who has to be judged together with it."""
    kin = _kin_in(unit)
    head = kin.head(subject)
    known = (
        one for one in kin.known if kin.head(one) == head and not one.startswith(("endpoint:", "group:"))
    )
    return tuple(sorted({subject, *known}))


def _packed(groups: Iterable[list[str]], counts: dict[str, int]) -> Iterator[Part]:
    """Small ones share a part: each costs a house of its own."""
    packed: list[tuple[str, ...]] = []
    events = 0
    for group in groups:
        packed.append(tuple(group))
        events += sum(counts[subject] for subject in group)
        if events >= SMALL:
            yield Part(tuple(packed), events)
            packed, events = [], 0
    if packed:
        yield Part(tuple(packed), events)

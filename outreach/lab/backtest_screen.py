"""What of a history has to be played at all: as long as no playbook says yes, or cannot tell, an account is told its events
and nothing else can come of it.

The telling is the services' own, with what time makes at its instants. Who is known there is left open: what only depends
on that counts as a yes. So does whatever a telling in order cannot be sure of: news that came late, an account that nobody
has described yet, an event that breaks a room.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from typing import NamedTuple

from outreach.domain.account import AccountState
from outreach.domain.conditions_tree import Fact, Known, Node, walk, write
from outreach.domain.evaluate import BY_HAND, Ruleset, is_about_people
from outreach.domain.facts import PERSON_PREFIX, Event, Person
from outreach.domain.failure import FailureState
from outreach.lab.player import Checked
from outreach.service.following import News, is_late
from outreach.service.front import Incoming, whole
from outreach.service.intake import CREATES, POISON, absorb
from outreach.service.ledger import Ledger
from outreach.service.ports import Outside, Unit
from outreach.service.ports_events import NewEvent
from outreach.service.telling import Telling

_NEXT = timedelta(microseconds=1)
Arrivals = Mapping[str, Sequence[Checked]]
"""Subject → what arrives about it, in order of arrival."""


class _Quiet(Telling):
    """A telling that nobody is known in, with each instant as its own now. ``taken``: what it was told."""

    def __init__(self, ledger: Ledger, subject: str) -> None:
        super().__init__(ledger, AccountState(subject), None)
        self.taken: list[Incoming] = []

    def wait_until(self, instant: datetime) -> None:
        while not self.matches and (due := self._first_due(before=instant)) is not None:
            self.ledger.now = max(self.ledger.now, due.at)
            self._tell_instant(due.at, [])

    def _who(self, event: Event, *, about_people: bool) -> tuple[Person | None, list[Person] | None]:
        return None, None


class Batch(NamedTuple):
    """What arrives at one instant about one subject. What the vocabulary refuses is left out."""

    at: datetime
    items: list[Incoming]

    @property
    def events(self) -> list[Event]:
        return [whole(item.event, item.private) for item in self.items]


@dataclass
class Screen:
    """Looks for the first instant at which something may come of a history. ``unit``: of any store; nothing is written."""

    unit: Unit
    outside: Outside

    def __post_init__(self) -> None:
        self._unsure = frozenset(unsure_types(self.outside.rules()))

    def first_match(self, arrivals: Arrivals, until: datetime) -> tuple[datetime | None, list[AccountState]]:
        """Of those who belong together: when they first have to be played, or None and their accounts as of ``until``."""
        first, states = None, []
        for subject, coming in arrivals.items():
            if not subject.startswith(PERSON_PREFIX):
                telling = self._telling(subject, coming)
                at = self._look(telling, batches(coming), first or until + _NEXT)
                first = first if at is None else at
                states.append(telling.state)
        return first, states if first is None else []

    def before(self, arrivals: Arrivals, first: datetime) -> list[_Quiet]:
        """Every account told what comes before that instant, with what time makes before it."""
        found = []
        for subject, coming in arrivals.items():
            if not subject.startswith(PERSON_PREFIX) and coming[0].at < first:
                telling = self._telling(subject, coming)
                self._look(telling, batches(coming), first)
                found.append(telling)
        return found

    def _telling(self, subject: str, coming: Sequence[Checked]) -> _Quiet:
        return _Quiet(Ledger(self.unit, self.outside, coming[0].at), subject)

    def _look(self, telling: _Quiet, coming: Iterable[Batch], end: datetime) -> datetime | None:
        """Tell it everything before ``end``. Gives the instant at which it cannot go on, if there is one."""
        ledger = telling.ledger
        try:
            for batch in coming:
                if batch.at >= end:
                    break
                telling.wait_until(batch.at)
                if telling.matches:
                    return ledger.now
                ledger.now = batch.at
                events = batch.events
                if not self._is_plain(telling.state, events, batch.at):
                    return batch.at
                telling.taken += batch.items
                telling.tell(events)
                if telling.matches:
                    return batch.at
            telling.wait_until(end)
        except POISON:
            return ledger.now
        return ledger.now if telling.matches else None

    def _is_plain(self, state: AccountState, events: Sequence[Event], at: datetime) -> bool:
        if not events:
            return True
        created = state.newest is not None or any(event.type in CREATES for event in events)
        told_in_order = not is_late(state, News(list(events))) and all(event.time <= at for event in events)
        return created and told_in_order and not any(event.type in self._unsure for event in events)


def batches(coming: Iterable[Checked]) -> Iterator[Batch]:
    for at, same in groupby(coming, key=lambda arrival: arrival.at):
        yield Batch(at, [each.item for each in same if isinstance(each.item, Incoming)])


def unsure_types(rules: Ruleset) -> Iterator[str]:
    """Of these a condition asks whether something of a person is known at all: only who is known there can answer that."""
    yield BY_HAND
    for type_ in rules.about_people:
        conditions = [playbook.condition for playbook in rules.by_type[type_] if playbook.condition]
        if any(_asks_whether_known(node) for each in conditions for node in walk(each.tree)):
            yield type_


def _asks_whether_known(node: Node) -> bool:
    return isinstance(node, Known) and any(
        isinstance(part, Fact) and is_about_people(write(part)) for part in walk(node.part)
    )


def settle_in(
    unit: Unit, outside: Outside, arrivals: Arrivals, told: Sequence[_Quiet], first: datetime
) -> None:
    """Put in a store what comes before that instant, as if it had been lived through there: the people by the front door,
    one after the other, and the accounts as they have been told."""
    people = [each for subject in arrivals if subject.startswith(PERSON_PREFIX) for each in arrivals[subject]]
    before = sorted((each for each in people if each.at < first), key=lambda arrival: arrival.at)
    for at, items in batches(before):
        absorb(unit, outside, items, at)
    for telling in told:
        unit.add_events([*(NewEvent(*item) for item in telling.taken), *telling.made])
    unit.save_accounts([telling.state for telling in told])


def let_down(states: Iterable[AccountState], since: datetime) -> dict[str, int]:
    """Account → its failures since then, that were any."""
    counts = {
        state.id: sum(
            f.state is not FailureState.VOID and f.opened_at >= since for f in state.failures.values()
        )
        for state in states
    }
    return {account: count for account, count in counts.items() if count}

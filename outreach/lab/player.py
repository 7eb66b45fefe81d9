"""History through the services on a virtual clock: arrivals, what people do, and what time makes happen,
each at its own instant and in one order.

At one instant arrivals come first (what has arrived is no longer late), then people, then the clock.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from heapq import heappop, heappush
from typing import Any, NamedTuple

from outreach.domain.vocabulary import Vocabulary
from outreach.lab.scratch import Scratch, Stuck
from outreach.service import intake
from outreach.service.front import Incoming, Rejected, check

ROUNDS = 1000
"""So often one instant may be worked on by the clock."""
MOST_AT_ONCE = 500


class Arrival(NamedTuple):
    at: datetime
    raw: Mapping[str, Any]


class Checked(NamedTuple):
    """An arrival that was checked before, as of ``at``."""

    at: datetime
    item: Incoming | Rejected


Doing = Callable[[], datetime | None]
"""Something that somebody does; gives when they want to go on with it, or None."""


class Player:
    """Plays on a scratch house. ``taken`` counts events by what became of them."""

    def __init__(
        self, house: Scratch, told: Callable[[datetime, int], None] = lambda at, events: None
    ) -> None:
        self.house, self.told = house, told
        self.taken: dict[str, int] = {}
        self.events = 0
        self._doings: list[tuple[datetime, int, Doing]] = []
        self._number = 0
        self._worked: tuple[datetime | None, int] = (None, 0)

    def plan(self, at: datetime, doing: Doing) -> None:
        self._number += 1
        heappush(self._doings, (at, self._number, doing))

    def play(self, arrivals: Iterable[Arrival | Checked], until: datetime) -> None:
        """``arrivals`` in order of time. Raises Stuck when something due does not move."""
        coming = _Coming(arrivals)
        while (at := self._next_instant(coming)) is not None and at <= until:
            now = max(at, self.house.now)
            self.house.clock.set(now)
            if coming.at is not None and coming.at <= now:
                self._take_in(coming)
            elif self._doings and self._doings[0][0] <= now:
                self._do()
            else:
                self._tick()
        self.house.clock.set(max(until, self.house.now))

    def _next_instant(self, coming: _Coming) -> datetime | None:
        does = self._doings[0][0] if self._doings else None
        return min((t for t in (self.house.next_due(), coming.at, does) if t is not None), default=None)

    def _take_in(self, coming: _Coming) -> None:
        now, vocabulary = self.house.now, self.house.outside.rules().vocabulary
        items = [_checked(each, vocabulary, now) for each in coming.until(now)]
        for answer in intake.take_checked(self.house.outside, items):
            self.taken[answer.outcome] = self.taken.get(answer.outcome, 0) + 1
        self.events += len(items)
        self.told(now, self.events)

    def _do(self) -> None:
        _, _, doing = heappop(self._doings)
        again = doing()
        if again is not None:
            self.plan(again, doing)

    def _tick(self) -> None:
        now = self.house.now
        at, rounds = self._worked
        self._worked = (now, rounds + 1 if at == now else 1)
        if self._worked[1] > ROUNDS:
            raise Stuck(f"something has been due since {now.isoformat()} and does not move")
        self.house.tick()


def _checked(each: Arrival | Checked, vocabulary: Vocabulary, now: datetime) -> Incoming | Rejected:
    if isinstance(each, Checked):
        return each.item
    return check(each.raw, vocabulary, now, internal=True)


class _Coming:
    """The arrivals that are still to come."""

    def __init__(self, arrivals: Iterable[Arrival | Checked]) -> None:
        self._rest: Iterator[Arrival | Checked] = iter(arrivals)
        self._next = next(self._rest, None)

    @property
    def at(self) -> datetime | None:
        return self._next.at if self._next else None

    def until(self, now: datetime) -> list[Arrival | Checked]:
        found: list[Arrival | Checked] = []
        while self._next is not None and self._next.at <= now and len(found) < MOST_AT_ONCE:
            found.append(self._next)
            self._next = next(self._rest, None)
        return found

"""What other systems act on: events that the vocabulary marks ``feed``, in the order of their commits.

An event that has changed comes again at the end as it is now, one that was taken back comes without its data.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import timedelta
from difflib import get_close_matches

from outreach.domain.errors import Fault, Gone, Invalid
from outreach.domain.facts import Event
from outreach.domain.vocabulary import Vocabulary
from outreach.service.ports import Outside
from outreach.service.ports_events import FeedEnds, Passed

KEPT_FOR = timedelta(days=400)
"""More than a year, so that whoever settles up once a year still finds all of it."""


@dataclass(frozen=True, slots=True)
class Page:
    """Events with their numbers, and where to read on."""

    cursor: int
    events: list[tuple[int, Event]]


def read(outside: Outside, after: int | None, types: Collection[str] = (), limit: int = 500) -> Page:
    """What comes after the cursor; without one, from the oldest that is kept. Raises Invalid for types that are not in
    the feed, Gone where reading on from there would leave something out."""
    rules = outside.rules()
    if unknown := [type_ for type_ in types if type_ not in rules.fed]:
        raise Invalid(_unknown(unknown, rules.fed))
    with outside.database.view() as unit:
        ends = unit.feed_ends()
        start = ends.forgotten if after is None else _kept(after, ends)
        rows = unit.feed(start, types or rules.fed, limit)
    cursor = rows[-1].number if len(rows) == limit else ends.newest
    return Page(cursor, [(row.number, _shown(row, rules.vocabulary)) for row in rows])


def _unknown(types: Iterable[str], known: Collection[str]) -> Iterable[Fault]:
    for type_ in types:
        near = get_close_matches(type_, sorted(known), n=1)
        remedy = f"did you mean {near[0]}?" if near else f"there are {', '.join(sorted(known)) or 'none'}"
        yield Fault("type", 0, 0, f"{type_} is not in the feed", remedy)


def _kept(after: int, ends: FeedEnds) -> int:
    if after < ends.forgotten:
        raise Gone(
            f"What follows {after} is older than {KEPT_FOR.days} days and is forgotten up to {ends.forgotten}."
            " Begin again without `after`, and settle what lies between by hand."
        )
    if after > ends.newest:
        raise Gone(
            f"The feed ends at {ends.newest}: {after} was given by another database, or before an older one was"
            " restored. Begin again without `after`."
        )
    return after


def _shown(passed: Passed, vocabulary: Vocabulary) -> Event:
    """Only the fields that the vocabulary names. What has become an event of another type is taken back, too."""
    event = passed.event
    if event.retracted or event.type != passed.type:
        return event._replace(type=passed.type, data={}, retracted=True)
    names = vocabulary.types[event.type].feed
    return event._replace(data={name: event.data[name] for name in names if name in event.data})

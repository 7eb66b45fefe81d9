"""The feed: events that other systems act on, under numbers that grow in the order of commits.

There is one row per event, and one more for each type that it was of before. When the event changes, its rows get new
numbers, so whoever reads on finds it again as it is now; the content lies with the event alone.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from outreach.domain.facts import Event
from outreach.service.ports_events import FeedEnds, Passed
from outreach.store import tables
from outreach.store.base import Part
from outreach.store.codec import micros
from outreach.store.events import EVENT, by_source

_END, _FORGOTTEN = "feed", "feed_forgotten"
"""Counters: the newest number that was given, the greatest that is forgotten."""
_COLUMNS = ("source", "id", "type", "at", "number")
_READ = (
    'select f."number", f."type", ' + ", ".join(f'e."{name}"' for name in EVENT.names) + " from feed f"
    ' join event e on e."source" = f."source" and e."id" = f."id" where f."number" > ? and {which}'
    ' order by f."number" limit ?'
)
"""What is personal lies apart from the event, and is not asked for."""


class Feed(Part):
    _passed: dict[tuple[str, str, str], int]

    def pass_on(self, events: Collection[Event], at: datetime) -> None:
        for event in events:
            key = (event.source, event.id, event.type)
            self._passed.pop(key, None)  # what it is now comes after what it was
            self._passed[key] = micros(at)

    def pass_on_again(self, refs: Collection[tuple[str, str]], at: datetime) -> None:
        here = self.bulk.one_of('"id"')
        for source, ids in by_source(refs).items():
            found = self.bulk.rows(
                f'select "id", "type" from feed where "source" = ? and {here}', source, self.bulk.keys(ids)
            )
            self._passed.update({(source, id_, type_): micros(at) for id_, type_ in found})

    def finish(self) -> None:
        """Numbers are given as the last thing, under a lock that the commit ends: whoever has read up to one has
        read all below it."""
        super().finish()
        if not self._passed:
            return
        first = self.grown(_END, len(self._passed)) - len(self._passed) + 1
        rows = [(*key, at, number) for number, (key, at) in enumerate(self._passed.items(), start=first)]
        self.bulk.upsert(tables.feed, _COLUMNS, rows)
        self._passed.clear()

    def feed(self, after: int, types: Collection[str], limit: int) -> list[Passed]:
        statement = _READ.format(which=self.bulk.one_of('f."type"'))
        rows = self.bulk.rows(statement, after, self.bulk.keys(types), limit)
        return [Passed(row[0], row[1], EVENT.made(row[2:])) for row in rows]

    def feed_ends(self) -> FeedEnds:
        rows = self.bulk.rows("select name, value from counter where name in (?, ?)", _END, _FORGOTTEN)
        values = dict(map(tuple, rows))
        return FeedEnds(values.get(_FORGOTTEN, 0), values.get(_END, 0))

    def forget_feed(self, before: datetime) -> int:
        ((last,),) = self.bulk.rows('select max("number") from feed where "at" < ?', micros(before))
        if last is None:
            return 0
        self.bulk.upsert(tables.counter, ("name", "value", "word"), [(_FORGOTTEN, last, "")])
        return self.bulk.run('delete from feed where "number" <= ?', last)

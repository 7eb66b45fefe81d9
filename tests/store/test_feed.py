"""The feed: whoever reads on from a number never misses what is committed later, whoever wrote first."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from outreach.domain.facts import Event
from outreach.service.ports_events import FeedEnds
from outreach.store.engine import Store, open_database
from outreach.store.unit import StoreUnit
from tests.store.samples import NOW, Undone, at, event, new, undone

TYPES = ("order.placed", "remedy.granted")


def tell(unit: StoreUnit, *ids: str, type_: str = "order.placed", hours: float = 0) -> None:
    """Store such events and pass them on."""
    events = [event(id_, type_=type_) for id_ in ids]
    unit.add_events([new(told) for told in events])
    unit.pass_on(events, at(hours))


def told(store: Store, after: int = 0, *types: str, limit: int = 100) -> list[tuple[int, str]]:
    with store.view() as unit:
        return [(row.number, row.event.id) for row in unit.feed(after, types or TYPES, limit)]


def ends(store: Store) -> tuple[int, int]:
    with store.view() as unit:
        return tuple(unit.feed_ends())


def on(store: Store, work: Callable[[StoreUnit], object]) -> None:
    with store.unit() as unit:
        work(unit)


# --- one after the other ------------------------------------------------------------------------------


def test_an_empty_feed_has_no_ends(store: Store) -> None:
    assert told(store) == []
    assert ends(store) == FeedEnds(0, 0)


def test_events_come_in_the_order_they_were_passed_on(store: Store) -> None:
    on(store, lambda unit: tell(unit, "b", "a"))
    on(store, lambda unit: tell(unit, "c"))
    assert told(store) == [(1, "b"), (2, "a"), (3, "c")]
    assert told(store, 2) == [(3, "c")]
    assert told(store, 3) == []
    assert ends(store) == (0, 3)


def test_nothing_has_a_place_before_the_commit(store: Store) -> None:
    with store.unit() as unit:
        tell(unit, "a")
        assert unit.feed(0, TYPES, 9) == []
    assert told(store) == [(1, "a")]


def test_what_was_rolled_back_was_never_there(store: Store) -> None:
    on(store, lambda unit: tell(unit, "a"))
    with undone(store) as unit:
        tell(unit, "b")
    with pytest.raises(Undone), store.unit() as unit:
        tell(unit, "c")
        unit.finish()
        raise Undone
    on(store, lambda unit: tell(unit, "d"))
    assert told(store) == [(1, "a"), (2, "d")]


def test_a_page_is_as_long_as_asked(store: Store) -> None:
    on(store, lambda unit: tell(unit, *(f"e{n}" for n in range(7))))
    found, cursor = [], 0
    while page := told(store, cursor, limit=3):
        assert len(page) <= 3
        found += page
        cursor = page[-1][0]
    assert found == [(n + 1, f"e{n}") for n in range(7)]


def test_only_the_types_that_were_asked_for(store: Store) -> None:
    on(store, lambda unit: tell(unit, "a"))
    on(store, lambda unit: tell(unit, "b", type_="remedy.granted"))
    assert told(store, 0, "remedy.granted") == [(2, "b")]
    assert told(store, 0, "order.placed") == [(1, "a")]
    assert told(store, 0, "nothing.such") == []


def test_an_event_comes_without_what_is_personal(store: Store) -> None:
    said = event(data={"order_id": "o1", "note": "she cried"})
    with store.unit() as unit:
        unit.add_events([new(said, private={"note": "she cried"})])
        unit.pass_on([said], NOW)
    with store.view() as unit:
        (row,) = unit.feed(0, TYPES, 9)
    assert (row.number, row.type, dict(row.event.data)) == (1, "order.placed", {"order_id": "o1"})
    assert row.event.ref == said.ref


# --- what has changed ---------------------------------------------------------------------------------


def test_what_has_changed_moves_to_the_end_as_it_is_now(store: Store) -> None:
    on(store, lambda unit: tell(unit, "a", "b"))
    revised = event("a", data={"order_id": "other"})
    with store.unit() as unit:
        ref = unit.stored([("shop", "a")])["shop", "a"]
        unit.revise_event(ref.seq, new(revised, "newer"), ref, current=True)
        unit.pass_on_again([("shop", "a"), ("shop", "none")], NOW)
        unit.pass_on([revised], NOW)
    with store.view() as unit:
        rows = unit.feed(0, TYPES, 9)
    assert [(row.number, row.event.id) for row in rows] == [(2, "b"), (3, "a")]
    assert rows[1].event.data == {"order_id": "other"}


def test_what_was_retracted_moves_to_the_end_and_says_so(store: Store) -> None:
    on(store, lambda unit: tell(unit, "a", "b"))
    with store.unit() as unit:
        unit.retract([("shop", "a")])
        unit.pass_on([event("a")], NOW)
    with store.view() as unit:
        rows = unit.feed(2, TYPES, 9)
    assert [(row.number, row.event.id, row.event.retracted) for row in rows] == [(3, "a", True)]


def test_what_has_become_of_another_type_comes_as_both_the_newer_last(store: Store) -> None:
    on(store, lambda unit: tell(unit, "a"))

    def become(type_: str) -> None:
        revised = event("a", type_=type_)
        with store.unit() as unit:
            ref = unit.stored([("shop", "a")])["shop", "a"]
            unit.revise_event(ref.seq, new(revised, type_), ref, current=True)
            unit.pass_on_again([("shop", "a")], NOW)
            unit.pass_on([revised], NOW)

    become("remedy.granted")
    with store.view() as unit:
        rows = unit.feed(0, TYPES, 9)
    assert [(row.number, row.type, row.event.type) for row in rows] == [
        (2, "order.placed", "remedy.granted"),
        (3, "remedy.granted", "remedy.granted"),
    ]
    become("order.placed")
    with store.view() as unit:
        rows = unit.feed(0, TYPES, 9)
    assert [(row.number, row.type) for row in rows] == [(4, "remedy.granted"), (5, "order.placed")]


def test_only_what_was_passed_on_is_passed_on_again(store: Store) -> None:
    with store.unit() as unit:
        unit.add_events([new(event("a"))])
        unit.pass_on_again([("shop", "a")], NOW)
    assert told(store) == []


# --- forgetting ---------------------------------------------------------------------------------------


def test_what_is_older_is_forgotten_and_the_feed_says_up_to_where(store: Store) -> None:
    for hours in range(4):
        on(store, lambda unit, hours=hours: tell(unit, f"e{hours}", hours=hours))
    with store.unit() as unit:
        assert unit.forget_feed(at(-1)) == 0
        assert unit.forget_feed(at(2)) == 2
    assert told(store) == [(3, "e2"), (4, "e3")]
    assert ends(store) == (2, 4)
    on(store, lambda unit: unit.forget_feed(at(9)))
    assert (told(store), ends(store)) == ([], (4, 4))
    on(store, lambda unit: tell(unit, "new", hours=10))
    assert told(store, 4) == [(5, "new")]


def test_what_has_changed_since_is_not_forgotten_with_its_first_place(store: Store) -> None:
    on(store, lambda unit: tell(unit, "a"))
    on(store, lambda unit: unit.pass_on([event("a")], at(5)))
    on(store, lambda unit: unit.forget_feed(at(3)))
    assert told(store) == [(2, "a")]


# --- at the same time ---------------------------------------------------------------------------------


def only_postgres(kind: str) -> None:
    if kind != "postgres":
        pytest.skip("SQLite's units never overlap")


def test_who_writes_first_and_commits_last_is_not_missed(store: Store, kind: str) -> None:
    only_postgres(kind)
    with store.unit() as slow:
        tell(slow, "slow")
        with store.unit() as quick:
            tell(quick, "quick")
        assert told(store) == [(1, "quick")]
        assert ends(store) == (0, 1)
    assert told(store, 1) == [(2, "slow")]


def test_nobody_passes_a_number_that_was_given_and_is_not_committed(
    open_store: Callable[[], Store], kind: str
) -> None:
    """The one interleaving that matters, forced: numbers are given, and the commit is still to come."""
    only_postgres(kind)
    store, other = open_store(), open_store()
    quick = threading.Thread(target=on, args=(other, lambda unit: tell(unit, "quick")))
    with store.unit() as slow:
        tell(slow, "slow")
        slow.finish()
        quick.start()
        quick.join(0.5)
        assert quick.is_alive(), "its number waits for the one before"
        assert (told(store), ends(store)) == ([], (0, 0))
    quick.join(30)
    assert told(store) == [(1, "slow"), (2, "quick")]


def test_a_number_that_was_given_and_rolled_back_is_given_again(
    open_store: Callable[[], Store], kind: str
) -> None:
    only_postgres(kind)
    store, other = open_store(), open_store()
    quick = threading.Thread(target=on, args=(other, lambda unit: tell(unit, "quick")))
    with pytest.raises(Undone), store.unit() as slow:
        tell(slow, "slow")
        slow.finish()
        quick.start()
        quick.join(0.3)
        raise Undone
    quick.join(30)
    assert told(store) == [(1, "quick")]


@dataclass
class Reader:
    """Reads on and on, page by page, as another system would."""

    store: Store
    limit: int
    over: threading.Event = field(default_factory=threading.Event)
    seen: list[tuple[int, str]] = field(default_factory=list)

    def __enter__(self) -> Reader:
        self._thread = threading.Thread(target=lambda: self.seen.extend(self._follow()))
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.over.set()
        self._thread.join(60)
        assert not self._thread.is_alive()

    def _follow(self) -> Iterator[tuple[int, str]]:
        cursor = 0
        while True:
            done = self.over.is_set()
            with self.store.view() as unit:
                rows, newest = unit.feed(cursor, TYPES, self.limit), unit.feed_ends().newest
            yield from ((row.number, row.event.id) for row in rows)
            full = len(rows) == self.limit
            cursor = rows[-1].number if full else newest  # as the service does
            if done and not full:
                return


@pytest.mark.parametrize("limit", [1, 3, 1000])
def test_a_reader_beside_many_writers_gets_each_once(open_store: Callable[[], Store], limit: int) -> None:
    """Eight writers on two stores write, pause, commit or think better of it; the order never changes."""
    stores = [open_store(), open_store()]
    kept: list[str] = []

    def write(number: int) -> None:
        dice = random.Random(number)
        for turn in range(10):
            ids = [f"{number}-{turn}-{n}" for n in range(dice.randint(1, 3))]

            def work(unit: StoreUnit, ids: list[str] = ids) -> None:
                tell(unit, *ids)
                if unit.bulk.locks:
                    pause.wait(dice.uniform(0, 0.01))

            if dice.random() < 0.2:
                with undone(stores[number % 2]) as unit:
                    work(unit)
            else:
                stores[number % 2].retrying(work)
                kept.extend(ids)

    pause = threading.Event()
    with Reader(stores[0], limit) as reader:
        writers = [threading.Thread(target=write, args=(number,)) for number in range(8)]
        for writer in writers:
            writer.start()
        for writer in writers:
            writer.join(120)
    assert [number for number, _ in reader.seen] == list(range(1, len(kept) + 1))
    assert sorted(id_ for _, id_ in reader.seen) == sorted(kept)
    assert reader.seen == told(stores[1], limit=10_000)


# --- any course of events -----------------------------------------------------------------------------

STEP = st.one_of(
    st.tuples(st.just("tell"), st.sampled_from(TYPES)),
    st.tuples(st.just("change"), st.integers(0, 20)),
    st.tuples(st.just("undo"), st.none()),
    st.tuples(st.just("read"), st.integers(1, 4)),
)


@pytest.fixture(scope="module")
def one_store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    store = open_database(f"sqlite:///{tmp_path_factory.mktemp('feed')}/x.db", create=True, durable=False)
    yield store
    store.close()


@given(steps=st.lists(STEP, max_size=30))
@settings(max_examples=60)
def test_whatever_happens_a_reader_ends_with_every_event_as_it_is(
    one_store: Store, steps: list[tuple[str, object]]
) -> None:
    store = one_store
    on(store, lambda unit: (unit.bulk.run("delete from feed"), unit.bulk.run("delete from event")))
    cursor = start = ends(store)[1]
    events: dict[str, Event] = {}
    read: dict[str, bool] = {}
    numbers: list[int] = []

    def read_on(limit: int) -> int:
        with store.view() as unit:
            rows, newest = unit.feed(cursor, TYPES, limit), unit.feed_ends().newest
        read.update({row.event.id: row.event.retracted for row in rows})
        numbers.extend(row.number for row in rows)
        return rows[-1].number if len(rows) == limit else newest

    for what, value in steps:
        if what == "tell":
            told_ = event(f"e{len(events)}", type_=str(value))
            events[told_.id] = told_
            on(store, lambda unit, told_=told_: (unit.add_events([new(told_)]), unit.pass_on([told_], NOW)))
        elif what == "change" and events and isinstance(value, int):
            old = list(events.values())[value % len(events)]
            now = old._replace(retracted=not old.retracted)
            events[old.id] = now
            with store.unit() as unit:
                unit.retract([(now.source, now.id)], retracted=now.retracted)
                unit.pass_on([now], NOW)
        elif what == "undo":
            with undone(store) as unit:
                tell(unit, "never")
        elif what == "read" and isinstance(value, int):
            cursor = read_on(value)
    while (after := read_on(3)) != cursor:
        cursor = after
    assert read == {id_: told_.retracted for id_, told_ in events.items()}
    assert numbers == sorted(set(numbers)) and all(number > start for number in numbers)

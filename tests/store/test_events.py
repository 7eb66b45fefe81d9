"""Events: stored once, revised, retracted, read through windows; parking and quarantine."""

from __future__ import annotations

import pytest
from sqlalchemy.exc import IntegrityError

from outreach.domain.facts import Event
from outreach.domain.history import Happening
from outreach.service.ports_events import Parked, Quarantined, WindowNeed
from outreach.store.engine import Store
from tests.store.samples import NOW, at, event, new, undone


def test_an_event_comes_back_as_it_was(store: Store) -> None:
    told = event(key="o1", amount=12.5, sequence="7", data={"order_id": "o1", "lines": [1, {"a": None}]})
    with store.unit() as unit:
        unit.add_events([new(told)])
    with store.view() as unit:
        assert unit.event("shop|e1") == told._replace(seq=1)
        assert unit.events_of("a1") == [told._replace(seq=1)]
        assert unit.event("shop|e2") is None


def test_a_ref_may_hold_bars(store: Store) -> None:
    odd = event("a|b|")._replace(source="x|y")
    with store.unit() as unit:
        unit.add_events([new(odd)])
        found = unit.event(odd.ref)
    assert found is not None
    assert (found.source, found.id) == ("x|y", "a|b|")


def test_one_source_and_id_is_stored_once(store: Store) -> None:
    with store.unit() as unit:
        unit.add_events([new(event())])
    with pytest.raises(IntegrityError), store.unit() as unit:
        unit.add_events([new(event("e2")), new(event())])
    with store.view() as unit:
        assert [told.id for told in unit.events_of("a1")] == ["e1"]


def test_stored_tells_what_lies_under_each_ref(store: Store) -> None:
    with store.unit() as unit:
        unit.add_events([new(event("e1")), new(event("e2", sequence="3")), new(event("e3"))])
    with store.view() as unit:
        found = unit.stored([("shop", "e1"), ("shop", "e2"), ("shop", "none"), ("mail", "e1")])
        assert unit.stored([]) == {}
    assert found.keys() == {("shop", "e1"), ("shop", "e2")}
    ref = found["shop", "e2"]
    assert (ref.hash, ref.subject, ref.time, ref.arrived) == ("hash of e2", "a1", NOW, at(1))
    assert (ref.sequence, ref.revision, ref.earlier) == ("3", 0, frozenset())


def test_events_of_a_subject_are_told_by_time_source_and_id(store: Store) -> None:
    late = event("a", time=at(2))
    twins = [event("b"), event("a")._replace(source="a-shop"), event("c")]
    with store.unit() as unit:
        unit.add_events([new(told) for told in (late, *twins, event("x", "a2"))])
        told = unit.events_of("a1")
    assert [(found.source, found.id) for found in told] == [
        ("a-shop", "a"), ("shop", "b"), ("shop", "c"), ("shop", "a"),
    ]  # fmt: skip


# --- revisions ----------------------------------------------------------------------------------------


def test_a_greater_content_becomes_the_current_one(store: Store) -> None:
    with store.unit() as unit:
        unit.add_events([new(event(data={"days_late": 3}))])
        ref = unit.stored([("shop", "e1")])["shop", "e1"]
        newer = event(data={"days_late": 1}, time=at(1), key="k", amount=1.0)
        unit.revise_event(ref.seq, new(newer, "newer"), ref, current=True)
    with store.view() as unit:
        ref = unit.stored([("shop", "e1")])["shop", "e1"]
        assert (ref.hash, ref.revision, ref.earlier) == ("newer", 1, {"hash of e1"})
        assert unit.events_of("a1") == [newer._replace(seq=ref.seq, revision=1)]


def test_a_lesser_content_is_kept_and_changes_nothing(store: Store) -> None:
    with store.unit() as unit:
        unit.add_events([new(event())])
        ref = unit.stored([("shop", "e1")])["shop", "e1"]
        unit.revise_event(ref.seq, new(event(time=at(-9)), "lesser"), ref, current=False)
    with store.view() as unit:
        ref = unit.stored([("shop", "e1")])["shop", "e1"]
        assert (ref.hash, ref.time, ref.earlier) == ("hash of e1", NOW, {"lesser"})


def test_the_revision_number_does_not_depend_on_the_order_of_arrival(store: Store) -> None:
    older, newer = new(event(), "older"), new(event(time=at(1)), "newer")
    numbers = []
    for first, second, current in ((older, newer, True), (newer, older, False)):
        with undone(store) as unit:
            unit.add_events([first])
            ref = unit.stored([("shop", "e1")])["shop", "e1"]
            unit.revise_event(ref.seq, second, ref, current=current)
            numbers += [(told.revision, told.time) for told in unit.events_of("a1")]
    assert numbers == [(1, at(1)), (1, at(1))]


def test_a_revision_may_move_an_event_to_another_subject(store: Store) -> None:
    with store.unit() as unit:
        unit.add_events([new(event())])
        ref = unit.stored([("shop", "e1")])["shop", "e1"]
        unit.revise_event(ref.seq, new(event(subject="a2"), "moved"), ref, current=True)
        assert unit.events_of("a1") == []
        assert [told.id for told in unit.events_of("a2")] == ["e1"]


# --- personal fields ----------------------------------------------------------------------------------


def test_personal_fields_lie_apart_and_are_merged_on_reading(store: Store) -> None:
    told = event(
        subject="person:anna", type_="person.described", data={"zone": "Europe/Berlin", "name": "Anna"}
    )
    with store.unit() as unit:
        unit.add_events([new(told, private={"name": "Anna"})])
        lying = unit.bulk.rows("select data from event")
    assert lying[0][0] == '{"zone":"Europe/Berlin"}'
    with store.view() as unit:
        assert [found.data for found in unit.events_of("person:anna")] == [told.data]


def test_forgetting_a_person_leaves_their_events_without_personal_fields(store: Store) -> None:
    described = event("d", "person:anna", data={"name": "Anna", "zone": "UTC"})
    noted = event("n", "a1", data={"note": "has a dog", "person_id": "anna"})
    other = event("o", "person:ben", data={"name": "Ben"})
    with store.unit() as unit:
        unit.add_events(
            [
                new(described, private={"name": "Anna"}),
                new(noted, private={"note": "has a dog"}),
                new(other, private={"name": "Ben"}),
            ]
        )
    with store.unit() as unit:
        unit.forget("anna")
    with store.view() as unit:
        assert unit.events_of("person:anna")[0].data == {"zone": "UTC"}
        assert unit.events_of("a1")[0].data == {"person_id": "anna"}
        assert unit.events_of("person:ben")[0].data == {"name": "Ben"}


def test_a_revision_takes_the_earlier_personal_fields_with_it(store: Store) -> None:
    with store.unit() as unit:
        unit.add_events([new(event("d", "person:anna", data={"name": "Ana"}), private={"name": "Ana"})])
        ref = unit.stored([("shop", "d")])["shop", "d"]
        mended = new(event("d", "person:anna", data={"name": "Anna"}), "mended", {"name": "Anna"})
        unit.revise_event(ref.seq, mended, ref, current=True)
        assert unit.events_of("person:anna")[0].data == {"name": "Anna"}
        kept = unit.bulk.rows("select data from revision") + unit.bulk.rows("select data from event_private")
    assert "Ana" not in str(kept).replace("Anna", "")


# --- windows ------------------------------------------------------------------------------------------


def _placed(store: Store, *events: Event) -> None:
    with store.unit() as unit:
        unit.add_events([new(told) for told in events])


def test_a_window_holds_its_type_since_its_instant_by_time(store: Store) -> None:
    _placed(
        store,
        event("e3", time=at(3), key="c", amount=3.0),
        event("e1", time=at(1), key="a", amount=1.0),
        event("e2", time=at(2)),
        event("other type", type_="order.cancelled", time=at(3)),
        event("other account", "a2", time=at(3)),
    )
    with store.view() as unit:
        found = unit.windows([WindowNeed("a1", "order.placed", at(2), False)])
    assert found == {"a1": {"order.placed": [Happening(at(2), None, None), Happening(at(3), "c", 3.0)]}}


def test_many_windows_are_read_at_once(store: Store) -> None:
    _placed(store, event("e1", time=at(1)), event("e2", "a2", time=at(2)), event("e3", "a2", "order.lost"))
    with store.view() as unit:
        found = unit.windows(
            [
                WindowNeed("a1", "order.placed", None, False),
                WindowNeed("a2", "order.placed", at(3), False),
                WindowNeed("a2", "order.lost", NOW, False),
                WindowNeed("nobody", "order.placed", None, False),
            ]
        )
    assert found == {
        "a1": {"order.placed": [Happening(at(1), None, None)]},
        "a2": {"order.lost": [Happening(NOW, None, None)]},
        "nobody": {},
    }


def test_the_widest_of_two_windows_on_one_type_is_read(store: Store) -> None:
    _placed(store, event("e1", time=at(1)), event("e2", time=at(2)))
    with store.view() as unit:
        found = unit.windows(
            [WindowNeed("a1", "order.placed", at(2), True), WindowNeed("a1", "order.placed", at(1), False)]
        )
    assert [row.time for row in found["a1"]["order.placed"]] == [at(1), at(2)]
    assert found["a1"]["order.placed"][0].data == {"order_id": "e1"}


def test_data_are_read_in_the_order_in_which_events_are_told(store: Store) -> None:
    _placed(store, event("b"), event("a"), event("c")._replace(source="a-shop"))
    with store.view() as unit:
        found = unit.windows([WindowNeed("a1", "order.placed", None, True)])
    assert [row.data["order_id"] for row in found["a1"]["order.placed"] if row.data] == ["c", "a", "b"]


def test_retracted_events_are_in_no_window_until_they_are_back(store: Store) -> None:
    _placed(store, event("e1"), event("e2"))
    with store.unit() as unit:
        unit.retract([("shop", "e1"), ("shop", "none")])
    with store.unit() as unit:
        assert len(unit.windows([WindowNeed("a1", "order.placed", None, False)])["a1"]["order.placed"]) == 1
        assert [told.retracted for told in unit.events_of("a1")] == [True, False]
        unit.retract([("shop", "e1")], retracted=False)
        assert len(unit.windows([WindowNeed("a1", "order.placed", None, False)])["a1"]["order.placed"]) == 2


# --- parking and quarantine -----------------------------------------------------------------------------


def _parked(id_: str, told: Event, until: object = None, reason: str = "unknown_account") -> Parked:
    return Parked(id_, told, f"hash {id_}", {"name": "Anna"}, reason, until)  # type: ignore[arg-type]


def test_parked_events_are_found_by_ref_subject_and_time(store: Store) -> None:
    waiting = _parked("p1", event("e1", key="k", amount=2.0))
    future = _parked("p2", event("e2", "a2", time=at(50)), at(50), "future")
    with store.unit() as unit:
        unit.park([waiting, future])
    with store.view() as unit:
        assert unit.parked([("shop", "e1"), ("shop", "x")]) == {("shop", "e1"): waiting}
        assert unit.parked_for(["a2", "a3"]) == [future]
        assert unit.parked_until(at(49), 10) == []
        assert unit.parked_until(at(50), 10) == [future]
    with store.unit() as unit:
        unit.unpark(["p1"])
        assert unit.parked([("shop", "e1")]) == {}


def test_what_is_parked_twice_lies_there_once(store: Store) -> None:
    with store.unit() as unit:
        unit.park([_parked("p1", event())])
        unit.park([_parked("p2", event(subject="a2"))])
        assert [row.id for row in unit.parked([("shop", "e1")]).values()] == ["p2"]
        assert unit.parked_for(["a1"]) == []


def test_quarantine_keeps_bodies_whatever_is_in_them(store: Store) -> None:
    with store.unit() as unit:
        unit.quarantine([Quarantined("q1", NOW, "shop", "e\0", "t", "bad", "{\0 'quote' %s ? \U0001f600}")])
        rows = unit.bulk.rows("select event_id, body, status from quarantine")
    assert tuple(rows[0]) == ("e\ufffd", "{\ufffd 'quote' %s ? \U0001f600}", "open")


def test_what_the_database_cannot_hold_is_a_fault_of_the_value(store: Store, kind: str) -> None:
    if kind != "postgres":
        pytest.skip("SQLite holds NUL")
    with pytest.raises(ValueError, match="cannot hold"), store.unit() as unit:
        unit.add_events([new(event(key="\0"))])

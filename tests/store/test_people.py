"""People, endpoints, memberships, and who is the same human."""

from __future__ import annotations

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from outreach.domain.facts import Permission, Preference, Screened
from outreach.domain.person import PersonState
from outreach.store.engine import Store
from tests.store.conftest import hashed
from tests.store.samples import NOW, anything, person, undone


def _anna() -> PersonState:
    return person(
        "anna",
        name="Anna",
        phone="+4930123456",
        email="anna@example.org",
        roles={"a1": ("buyer", "payer"), "a2": ()},
        opted_out={"sms": "STOP"},
        permissions=[Permission("winback", NOW, "call", "+4930123456", how="on the phone", expires_at=NOW)],
        screened={"tps": Screened("+4930123456", True, NOW)},
        preferences=[Preference("hours", "mornings", NOW, "jonas")],
        newest=(NOW, "shop", "e1"),
    )


def test_a_person_comes_back_and_is_found_by_endpoint_and_account(store: Store) -> None:
    with store.unit() as unit:
        unit.save_people([_anna(), person("ben", phone="+4930123456", roles={"a2": ("user",)})])
    with store.view() as unit:
        assert unit.people(["anna", "nobody"]) == {"anna": _anna()}
        assert unit.people([]) == {}
        assert unit.people_at("email", "anna@example.org") == [_anna()]
        assert unit.people_at("email", "other@example.org") == []
        assert [found.id for found in unit.people_of("a2")] == ["anna", "ben"]
        assert [found.id for found in unit.people_of("a3")] == []
        assert [found.id for found in unit.people_at("phone", "+4930123456")] == ["anna", "ben"]


def test_endpoints_lie_with_their_keyed_hash(store: Store) -> None:
    with store.unit() as unit:
        unit.save_people([_anna()])
        rows = unit.bulk.rows("select value, hash from endpoint order by kind")
    assert [tuple(row) for row in rows] == [
        ("anna@example.org", hashed("email", "anna@example.org")),
        ("+4930123456", hashed("phone", "+4930123456")),
    ]


def test_erasing_leaves_no_endpoint_and_no_name(store: Store) -> None:
    erased = PersonState("anna", roles={"a1": ("buyer",)}, erased=True)
    with store.unit() as unit:
        unit.save_people([_anna()])
        unit.save_people([erased])
        assert unit.people(["anna"]) == {"anna": erased}
        assert unit.people_at("email", "anna@example.org") == []
        rows = unit.bulk.rows("select state from person union all select value from endpoint")
    assert "Anna" not in str(rows)


def test_a_person_who_left_an_account_is_no_member_any_more(store: Store) -> None:
    with store.unit() as unit:
        unit.save_people([_anna()])
        unit.save_people([person("anna", roles={"a2": ("user",)})])
        assert unit.people_of("a1") == []


def test_locking_people_gives_those_who_exist(store: Store) -> None:
    with store.unit() as unit:
        unit.save_people([_anna()])
    with store.unit() as unit:
        assert unit.lock_people(["zoe", "anna"]) == {"anna": _anna()}
        assert unit.lock_people([]) == {}
        unit.lock_endpoints(["#1", "#2", "#1"])
        unit.lock_endpoints([])


def test_a_view_locks_nothing(store: Store) -> None:
    with store.view() as unit:
        assert unit.lock_people(["anna"]) == {}
        assert unit.lock_accounts(["a1"]) == {}
        unit.lock_endpoints(["#1"])


# --- one human ----------------------------------------------------------------------------------------


def test_confirmed_links_make_one_human_and_the_smallest_id_stands_for_all(store: Store) -> None:
    with store.unit() as unit:
        unit.link("b", "a", "confirmed", "jonas", NOW)
        unit.link("b", "c", "confirmed", "jonas", NOW)
        unit.link("c", "d", "linked", "jonas", NOW)
        unit.link("x", "d", "suggested", "jonas", NOW)
    with store.view() as unit:
        assert unit.identities(["c", "d", "z"]) == {"c": "a", "d": "d", "z": "z"}
        assert unit.same_human("a") == ["a", "b", "c"]
        assert unit.same_human("z") == ["z"]
        assert unit.linked(["x"]) == ["a", "b", "c", "d", "x"]
        assert unit.linked(["z", "y"]) == ["y", "z"]
        assert unit.linked([]) == []


def test_an_undone_link_parts_them(store: Store) -> None:
    with store.unit() as unit:
        unit.link("a", "b", "confirmed", "jonas", NOW)
        unit.link("b", "a", "undone", "ada", NOW)
        assert unit.identities(["b"]) == {"b": "b"}
        assert unit.linked(["a"]) == ["a"]


_PEOPLE = anything(PersonState)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25)
@given(states=st.lists(_PEOPLE, min_size=1, max_size=3, unique_by=lambda state: state.id))
def test_any_person_comes_back_as_they_were(store: Store, states: list[PersonState]) -> None:
    with undone(store) as unit:
        unit.save_people(states)
        assert unit.people([state.id for state in states]) == {state.id: state for state in states}

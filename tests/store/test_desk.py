"""Holds and their feed; cards."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.exc import IntegrityError

from outreach.domain.card import Card
from outreach.domain.hold import Hold
from outreach.domain.talk import Outcome, PromiseMade, Said, Wished
from outreach.domain.touch import Disposition
from outreach.store.engine import Store
from tests.store.samples import NOW, anything, at, card, hold, undone


def test_holds_are_found_by_account_person_and_group(store: Store) -> None:
    by_person = hold("h1", "a1", scope="person", person="anna")
    by_account = hold("h2", "a2")
    by_group = hold("h3", "a3", scope="group", group="g")
    over = hold("h4", "a1", person="anna", ended_at=at(1), end_reason="released")
    with store.unit() as unit:
        unit.save_holds([by_person, by_account, by_group, over])
    with store.view() as unit:
        assert unit.holds_of(["a1", "a3"]) == [by_person, by_group, over]
        assert unit.holds_on(["anna", "ben"], [], []) == [by_person]
        assert unit.holds_on([], ["a2"], ["g"]) == [by_account, by_group]
        assert unit.holds_on(["anna"], ["a1"], ["g"]) == [by_person, by_group]
        assert unit.holds_on([], [], []) == []


def test_holds_past_their_end_are_found_until_they_are_ended(store: Store) -> None:
    at_most, until = hold("h1", at_most_until=at(2)), hold("h2", until=at(1))
    with store.unit() as unit:
        unit.save_holds([at_most, until, hold("h3"), hold("h4", until=at(1), ended_at=at(1))])
        assert {found.id for found in unit.holds_over(at(2), 9)} == {"h1", "h2"}
        assert unit.holds_over(at(0), 9) == []


def test_the_feed_gives_each_change_with_a_growing_cursor(store: Store) -> None:
    with store.unit() as unit:
        unit.save_holds([hold("h1"), hold("h2")])
    with store.view() as unit:
        first = unit.hold_changes(0, 10)
    assert [(cursor, found.id) for cursor, found in first] == [(1, "h1"), (2, "h2")]
    over = replace(hold("h1"), ended_at=at(1))
    with store.unit() as unit:
        unit.save_holds([over])
        unit.save_holds([over])
        assert unit.hold_changes(2, 10) == []
    with store.view() as unit:
        assert unit.hold_changes(2, 10) == [(3, over)]
        assert [found.id for _, found in unit.hold_changes(0, 1)] == ["h2"]


def test_no_change_can_appear_below_a_cursor_that_was_read(store: Store, kind: str) -> None:
    """Units that overlap: the one that commits first comes first in the feed, whoever wrote first."""
    if kind != "postgres":
        pytest.skip("SQLite's units never overlap")
    with store.unit() as slow:
        slow.save_holds([hold("slow")])
        with store.unit() as quick:
            quick.save_holds([hold("quick")])
        with store.view() as unit:
            assert [found.id for _, found in unit.hold_changes(0, 9)] == ["quick"]
    with store.view() as unit:
        assert [found.id for _, found in unit.hold_changes(1, 9)] == ["slow"]


# --- cards --------------------------------------------------------------------------------------------


def test_a_person_has_one_open_card(store: Store) -> None:
    with store.unit() as unit:
        unit.save_card(card("c1"))
        unit.save_card(card("c1", state="closed", closed_at=at(1)))
        unit.save_card(card("c2"))
        assert unit.open_card("anna") == card("c2")
        assert unit.open_card("ben") is None
        assert unit.card("c1") == card("c1", state="closed", closed_at=at(1))
    with pytest.raises(IntegrityError), store.unit() as unit:
        unit.save_card(card("c3"))


def test_a_card_is_claimed_by_one(store: Store) -> None:
    with store.unit() as unit:
        unit.save_card(card("c1"))
        assert unit.claim_card("c1", "jonas", NOW)
        assert not unit.claim_card("c1", "ada", NOW)
        assert unit.claim_card("c1", "jonas", at(1))
        assert unit.card("c1") == card("c1", claimed_by="jonas", claimed_at=at(1))
        unit.save_card(card("c1", state="closed"))
        assert not unit.claim_card("c1", "ada", NOW)
        assert not unit.claim_card("none", "ada", NOW)


def test_what_was_said_waits_until_somebody_takes_it(store: Store) -> None:
    promise = PromiseMade("a grill", at(9), "delivery/o1")
    outcome = Outcome(
        Disposition.REACHED,
        ["t1"],
        "a note",
        promise,
        [Wished("hours", "after 16:00", date(2027, 3, 1))],
        ["delivery/o1"],
    )
    said = [
        Said(f"s{n}", f"c{n}", "anna", by, at(n), at(n + 1), outcome) for n, by in ((1, "jonas"), (2, "mia"))
    ]
    with store.unit() as unit:
        for each in said:
            unit.save_said(each)
        assert unit.said_of("jonas") == unit.said_of("jonas", "c1") == said[:1]
        assert unit.said_of("jonas", "c2") == []
        assert unit.said_due(at(2), 9) == said[:1] and unit.said_due(at(3), 9) == said
        assert unit.said_cards(at(1)) == {"c1", "c2"} and unit.said_cards(at(2)) == {"c2"}
        assert unit.said_waits("c1") and not unit.said_waits("c9")
        unit.save_said(replace(said[0], fault="broke", due=at(9)))
        assert unit.said_due(at(3), 9) == said[1:] and unit.said_cards(at(1)) == {"c2"}, "shown again"
        assert unit.take_said("s2") and not unit.take_said("s2")
        unit.forget("anna")
        assert unit.said_of("jonas") == []
        unit.save_said(replace(said[0], person=None, fault="broke"))
        assert not unit.said_waits("c1"), "what broke keeps the card from nobody"
        unit.forget_words(at(99))
        assert unit.said_of("jonas") == [], "what was written is not kept for ever"


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25)
@given(
    one=anything(Hold),
    two=anything(Card, state=st.sampled_from(["open", "closed"])),
)
def test_any_hold_and_card_come_back_as_they_were(store: Store, one: Hold, two: Card) -> None:
    with undone(store) as unit:
        unit.save_holds([one])
        unit.save_card(two)
        assert unit.holds_of([one.account]) == [one]
        assert unit.card(two.id) == two

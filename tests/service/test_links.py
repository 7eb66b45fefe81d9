"""Two records, one human? Suggested by number and address, decided by their own word, and undone."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from outreach.domain.facts import Purpose
from outreach.domain.person import PersonState, may_be_one
from outreach.lab.scratch import Scratch
from outreach.service.care import Asked, may_send
from outreach.service.persons import SHARED
from tests.service.world import event, give, give_person, house

LATER = timedelta(minutes=1)


@pytest.fixture
def either(database_url: str) -> Iterator[Scratch]:
    with house(database_url=database_url) as home:
        yield home


def links(home: Scratch, person: str = "anna") -> dict[str, str]:
    with home.database.view() as unit:
        return unit.links_of(person)


def heard(home: Scratch, what: str, other: str) -> None:
    home.advance(LATER)
    data = {"person_a": "anna", "person_b": other, "by": "jonas"}
    home.take_in(event(home, what, f"{what}-{other}-{home.now}", "person:anna", **data))
    home.settle()


def cards(home: Scratch) -> int:
    with home.database.view() as unit:
        return len(unit.bulk.rows("select id from card where state = 'open'"))


@pytest.mark.parametrize(
    ("a", "b", "fits"),
    [
        ("Anna Weber", "anna  WEBER", True),
        ("Anna Weber", "Weber", True),
        ("Anna Wéber", "Anna Weber", True),
        ("", "Anna Weber", True),
        ("Anna Weber", "Otto Weber", False),
        ("Anna Weber", "Otto Berg", False),
    ],
)
def test_names_that_fit(a: str, b: str, fits: bool) -> None:
    first, second = (PersonState("x", described={"name": name}) for name in (a, b))
    assert may_be_one(first, second) is may_be_one(second, first) is fits


def test_who_is_erased_is_nobody_again() -> None:
    assert not may_be_one(PersonState("a", erased=True), PersonState("b"))


def test_a_shared_address_suggests_and_a_shared_mailbox_does_not(either: Scratch) -> None:
    give(either)
    name = "Anna Weber"
    either.advance(LATER)
    either.take_in(event(either, "person.described", "n", "person:anna", name=name))
    give_person(either, "private", ["a2"], name=name, email="anna@x.example", phone="+4930777")
    give_person(either, "otto", ["a2"], name="Otto Berg", email="anna@x.example", phone="+4930778")
    assert links(either) == {"private": "suggested"}


def test_two_that_come_in_one_batch_are_seen(either: Scratch) -> None:
    one, two = (
        event(either, "person.described", id_, f"person:{id_}", name="Mara Ost", email="mara@x.example")
        for id_ in ("m1", "m2")
    )
    either.take_in(one, two)
    assert links(either, "m1") == {"m2": "suggested"}


def test_a_suggestion_holds_and_no_more_until_somebody_asked(either: Scratch) -> None:
    give(either)
    give(either, "a2", None)
    give_person(either, "private", ["a2"], name="", email="anna@x.example", phone="+4930777")
    assert links(either) == {"private": "suggested"}
    either.advance(LATER)
    either.take_in(event(either, "delivery.lost", "l1", "a1", order_id="o1", person_id="anna"))
    either.take_in(event(either, "delivery.lost", "l2", "a2", order_id="o2", person_id="private"))
    either.settle()
    assert cards(either) == 2, "nobody has said that it is one human"
    (said,) = may_send(either.outside, [Asked(Purpose.MARKETING, person="private")])
    assert said.answer == "hold"


def test_yes_makes_one_card_and_the_undo_parts_them_for_good(either: Scratch) -> None:
    give(either)
    give(either, "a2", None)
    give_person(either, "private", ["a2"], name="", email="anna@x.example", phone="+4930777")
    either.take_in(event(either, "delivery.lost", "l1", "a1", order_id="o1", person_id="anna"))
    either.take_in(event(either, "delivery.lost", "l2", "a2", order_id="o2", person_id="private"))
    either.settle()
    heard(either, "link.confirmed", "private")
    assert (links(either), cards(either)) == ({"private": "confirmed"}, 1)
    heard(either, "link.parted", "private")
    assert (links(either), cards(either)) == ({"private": "parted"}, 2)
    either.advance(LATER)
    either.take_in(event(either, "person.described", "again", "person:private", email="anna@x.example"))
    assert links(either) == {"private": "parted"}, "what was said stands"
    heard(either, "link.confirmed", "private")
    assert cards(either) == 1


def test_a_switchboard_says_nothing_of_who_they_are(either: Scratch) -> None:
    events = [
        event(either, "person.described", f"s{n}", f"person:s{n:02}", name="", phone="+4930999000")
        for n in range(SHARED + 2)
    ]
    for each in events:
        either.take_in(each)
    assert len(links(either, "s00")) == SHARED - 1, "until it was one too many"
    assert links(either, f"s{SHARED + 1:02}") == {}

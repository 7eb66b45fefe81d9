"""What other systems act on: which events, with what in them, what becomes of those that change."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from outreach.domain.errors import Gone, Invalid
from outreach.domain.facts import Event
from outreach.lab.scratch import Scratch
from outreach.service import feed, privacy, workbench
from outreach.service.errands import run_errands
from outreach.service.remedies import Offer, offer
from tests.service.world import event, give, house, own_rules

DAY, MINUTE = timedelta(days=1), timedelta(minutes=1)
WORDS = "she cried, and it rained"


@pytest.fixture
def home(database_url: str) -> Iterator[Scratch]:
    """The real playbooks; a delivery that was lost."""
    with house(database_url=database_url) as made:
        give(made)
        made.advance(MINUTE)
        made.take_in(event(made, "delivery.lost", "l1", order_id="o1", person_id="anna"))
        made.advance(MINUTE)
        yield made


def read(home: Scratch, after: int | None = None, *types: str, limit: int = 500) -> list[Event]:
    return [each for _, each in feed.read(home.outside, after, types, limit).events]


def end(home: Scratch) -> int:
    return feed.read(home.outside, None).cursor


def promise(
    home: Scratch, id_: str = "p1", until: datetime | None = None, by: str = "jonas", **more: Any
) -> Any:
    said = {"promise_id": id_, "what": WORDS, "person_id": "anna", "by": by, **more}
    return event(home, "promise.made", f"made/{id_}", until=(until or home.now + DAY).isoformat(), **said)


def kept(home: Scratch, time: datetime | None = None, id_: str = "p1") -> Any:
    return event(home, "promise.kept", f"kept/{id_}", time=time, promise_id=id_, by="jonas", what=WORDS)


# -- what is in it -------------------------------------------------------------------------------------


def test_a_remedy_comes_with_all_that_it_takes_to_pay_it(home: Scratch) -> None:
    offer(
        home.outside,
        Offer("r1", "a1", "delivery/o1", "refund_freight", None, home.now + DAY),
        "jonas",
        may_grant=False,
    )
    granted, promised = read(home)
    assert (granted.source, granted.id, granted.type, granted.subject) == (
        "outreach",
        "r1",
        "remedy.granted",
        "a1",
    )
    assert granted.data == {
        "remedy_id": "r1",
        "failure": "delivery/o1",
        "key": "o1",
        "remedy": "refund_freight",
        "currency": "EUR",
        "by": "jonas",
    }
    assert (promised.type, promised.id) == ("promise.made", "r1-promise")
    assert promised.data.keys() == {"promise_id", "until", "by", "failure"}


def test_no_words_about_people_leave_the_house(home: Scratch) -> None:
    home.take_in(promise(home))
    home.take_in(kept(home, home.now + MINUTE))
    told = {"said_by": "am", "by": "jonas", "reason": WORDS, "failure": "delivery/o1"}
    home.take_in(event(home, "failure.put_right", "r", time=home.now + 2 * MINUTE, **told))
    home.take_in(event(home, "contact.logged", "c", time=home.now + 2 * MINUTE, note=WORDS, reached=True))
    found = read(home)
    assert [each.type for each in found] == ["promise.made", "promise.kept", "failure.put_right"]
    assert WORDS not in str(found) and "anna" not in str(found)


def test_only_what_the_vocabulary_names_is_in_it(home: Scratch) -> None:
    vocabulary = own_rules().vocabulary
    fed = {name: kind.feed for name, kind in vocabulary.types.items() if kind.feed}
    assert fed.keys() == own_rules().fed
    for name, fields in fed.items():
        assert not {"what", "reason", "note", "person_id"} & set(fields), name
        assert not any(vocabulary.types[name].fields[each].personal for each in fields), name


def test_what_is_no_longer_marked_is_not_given_any_more(home: Scratch) -> None:
    home.take_in(promise(home))
    assert len(read(home)) == 1
    rules = replace(own_rules(), fed=own_rules().fed - {"promise.made"})
    outside = replace(home.outside, rules=lambda: rules)
    page = feed.read(outside, None)
    assert (page.events, page.cursor) == ([], 1)


def test_types_that_are_not_in_it_are_named_with_what_was_meant(home: Scratch) -> None:
    with pytest.raises(Invalid, match=r"remedy\.grantd is not in the feed; did you mean remedy\.granted\?"):
        read(home, None, "promise.made", "remedy.grantd")
    with pytest.raises(Invalid, match=r"order\.placed is not in the feed; .*promise\.made"):
        read(home, None, "order.placed")


# -- reading on ----------------------------------------------------------------------------------------


def test_page_by_page_to_the_end_and_on(home: Scratch) -> None:
    home.take_in(*(promise(home, f"p{n}") for n in range(5)))
    cursor, found = None, []
    for _ in range(3):
        page = feed.read(home.outside, cursor, limit=2)
        cursor = page.cursor
        found += [each.id for _, each in page.events]
    assert found == [f"made/p{n}" for n in range(5)]
    assert feed.read(home.outside, cursor).events == []
    home.take_in(kept(home))
    assert [each.type for each in read(home, cursor)] == ["promise.kept"]


def test_who_reads_some_types_gets_past_the_others(home: Scratch) -> None:
    home.take_in(promise(home))
    page = feed.read(home.outside, None, ["remedy.granted"])
    assert (page.events, page.cursor) == ([], 1)
    assert feed.read(home.outside, page.cursor, ["promise.made"]).events == []


def test_the_same_again_is_no_news(home: Scratch) -> None:
    home.take_in(promise(home))
    home.take_in(promise(home))
    assert end(home) == 1


# -- what has changed ----------------------------------------------------------------------------------


def test_a_revised_event_comes_again_as_it_is_now(home: Scratch) -> None:
    home.take_in(promise(home), promise(home, "p2"))
    home.take_in(promise(home, until=home.now + 3 * DAY, by="grace"))
    first, last = feed.read(home.outside, None).events
    assert (first[0], first[1].id) == (2, "made/p2"), "nobody is told twice who was told not yet"
    assert (last[0], last[1].id, last[1].data["by"], last[1].retracted) == (3, "made/p1", "grace", False)


def test_a_content_that_comes_late_and_is_not_the_current_one_is_no_news(home: Scratch) -> None:
    home.take_in({**promise(home, by="grace"), "sequence": "2"})
    home.take_in({**promise(home), "sequence": "1"})
    assert [(n, each.data["by"]) for n, each in feed.read(home.outside, None).events] == [(1, "grace")]


def test_what_was_revised_into_another_type_is_taken_back(home: Scratch) -> None:
    home.take_in(promise(home))
    cursor = end(home)
    home.take_in({**promise(home), "type": "contact.logged", "data": {"reached": True, "by": "jonas"}})
    (gone,) = read(home, cursor)
    assert (gone.type, gone.id, gone.retracted, gone.data) == ("promise.made", "made/p1", True, {})


def test_what_time_made_and_was_disproved_is_taken_back_and_may_come_back(home: Scratch) -> None:
    due = home.now + DAY
    home.take_in(promise(home, until=due))
    home.advance(2 * DAY)
    assert [each.type for each in read(home)] == ["promise.made", "promise.overdue"]
    cursor = end(home)
    home.take_in(kept(home, due - MINUTE))
    gone, done = sorted(read(home, cursor), key=lambda each: each.type, reverse=True)
    assert (gone.type, gone.retracted, gone.data) == ("promise.overdue", True, {})
    assert (done.type, done.retracted) == ("promise.kept", False)
    cursor = end(home)
    home.take_in(kept(home, due + MINUTE))
    again = {each.type: each for each in read(home, cursor)}
    assert not again["promise.overdue"].retracted
    assert again["promise.overdue"].ref == gone.ref
    assert again["promise.overdue"].data["promise_id"] == "p1"


def test_who_was_never_told_of_it_need_not_hear_that_it_was_taken_back(home: Scratch) -> None:
    due = home.now + DAY
    quiet = replace(own_rules(), fed=frozenset())
    before = replace(home, outside=replace(home.outside, rules=lambda: quiet))
    before.take_in(promise(home, until=due))
    before.advance(2 * DAY)
    home.take_in(kept(home, due - MINUTE))
    assert [each.type for each in read(home)] == ["promise.kept"]


def test_telling_an_account_anew_repeats_nothing(home: Scratch) -> None:
    home.take_in(promise(home))
    home.advance(2 * DAY)
    before = feed.read(home.outside, None)
    home.take_in(event(home, "order.placed", "late", time=home.now - 3 * DAY, order_id="o0", amount=5))
    assert feed.read(home.outside, None) == before
    assert list(workbench.rebuild(home.outside))
    assert feed.read(home.outside, None) == before


def test_what_waited_for_its_account_is_passed_on_when_it_comes(home: Scratch) -> None:
    home.take_in({**promise(home), "subject": "a9"})
    assert read(home) == []
    give(home, "a9", None)
    assert [each.subject for each in read(home)] == ["a9"]


# -- forgetting ----------------------------------------------------------------------------------------


def test_an_erased_person_leaves_what_was_granted_and_nothing_of_theirs(home: Scratch) -> None:
    home.take_in(promise(home, failure="delivery/o1"))
    privacy.erase(home.outside, "anna", "ruth", "asked by letter")
    found = read(home)
    assert [each.type for each in found] == ["promise.made", "failure.let_be"]
    assert found[0].data["promise_id"] == "p1"
    assert not any(word in str(found) for word in ("anna", "Anna", WORDS, "@", "+49"))


def test_after_more_than_a_year_it_is_forgotten_and_whoever_was_not_there_is_told(home: Scratch) -> None:
    home.take_in(promise(home, "p1", until=home.now + 800 * DAY))
    home.advance(300 * DAY)
    home.take_in(promise(home, "p2", until=home.now + 800 * DAY))
    run_errands(home.outside)
    assert [each.id for each in read(home, 0)] == ["made/p1", "made/p2"]
    home.advance(101 * DAY)
    assert run_errands(home.outside)["forget_feed"] == 1
    with pytest.raises(Gone, match="forgotten up to 1"):
        read(home, 0)
    assert [each.id for each in read(home, 1)] == ["made/p2"]
    assert [each.id for each in read(home)] == ["made/p2"]
    with home.database.view() as unit:
        assert "made/p1" in [each.id for each in unit.events_of("a1")], "the event itself stays"


def test_a_cursor_of_another_database_is_told_so(home: Scratch) -> None:
    home.take_in(promise(home))
    assert read(home, 1) == []
    with pytest.raises(Gone, match="ends at 1: 2 was given by another database"):
        read(home, 2)

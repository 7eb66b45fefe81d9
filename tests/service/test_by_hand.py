"""A colleague starts a playbook by hand: its ``if`` is overruled, everything else is asked as always."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from outreach.domain.errors import NotFound, Refused
from outreach.domain.evaluate import BY_HAND
from outreach.domain.touch import Status, Touch
from outreach.lab.scratch import Scratch
from outreach.service import by_hand, desk, privacy, publishing
from outreach.service.why_told import spell
from tests.service.test_late import card, late, no_difference
from tests.service.world import event, failure, give, house, rules_with, run_of, runs, touches

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def offered(home: Scratch) -> list[tuple[str, str]]:
    with home.database.view() as unit:
        offers = by_hand.offers(unit, home.outside, "a1")
    return [(offer.playbook.name, offer.trigger.type) for offer in offers]


def trigger_of(home: Scratch, type_: str = "delivery.delayed") -> str:
    with home.database.view() as unit:
        return unit.last_of("a1", type_)[0].ref


def start(home: Scratch, playbook: str = "late-delivery", why: str = "She is moving house.") -> list[Touch]:
    return by_hand.start(home.outside, "a1", playbook, trigger_of(home), "jonas", why)


def a_day_late(home: Scratch, **more: Any) -> None:
    """Not late enough for a call, says the playbook."""
    give(home, tier="standard")
    home.take_in(late(home, 1, person_id="anna", **more))
    assert runs(home) == []


def test_what_the_playbook_would_not_do_is_done_and_says_who_wanted_it() -> None:
    with house() as home:
        a_day_late(home)
        assert ("late-delivery", "delivery.delayed") in offered(home)
        assert "The card is on the desk." in by_hand.standing(start(home))
        run = run_of(home, "late-delivery")
        assert (run.failure, run.person, run.trigger) == ("delivery/o1", "anna", trigger_of(home))
        with home.database.view() as unit:
            decision = unit.decision_of_run("a1", run.id)
            assert by_hand.why_of(unit, run) == "She is moving house."
        assert decision is not None and decision.trace is not None
        assert spell(decision.trace) == "jonas started it by hand"
        assert ("late-delivery", "delivery.delayed") not in offered(home)
        assert no_difference(home)


ONE_AT_A_TIME = (
    "purpose: service_recovery\nseverity: low\nwhen: delivery.delayed\nif: event.days_late >= 2\nhold: none\n"
    "if_running: ignore\nonce_per: event.order_id\nsteps: [{call: hurt_person, brief: x/call.md}]\n"
)
COOLED = ONE_AT_A_TIME.replace("if_running: ignore", "if_running: parallel\ncooldown: 2d")


@pytest.mark.parametrize(
    ("text", "words"), [(ONE_AT_A_TIME, "under way for them already"), (COOLED, "cooldown")]
)
def test_every_other_check_is_asked_and_what_is_refused_leaves_nothing_behind(text: str, words: str) -> None:
    with house(rules_with({"late-delivery": text})) as home:
        a_day_late(home)
        with pytest.raises(Refused, match="Say in a few words why"):
            start(home, why="  ")
        with pytest.raises(NotFound):
            start(home, "quote-lost-to-competitor")
        start(home)
        with pytest.raises(NotFound):
            start(home)
        home.take_in(event(home, "delivery.delayed", "2", order_id="o2", days_late=1, person_id="anna"))
        with pytest.raises(Refused, match=words):
            start(home)
        assert len(runs(home)) == 1 and no_difference(home)
        with home.database.view() as unit:
            assert len(unit.last_of("a1", BY_HAND, 9)) == 1
            assert [row.what for row in unit.audit_of("a1")].count(BY_HAND) == 1


def test_a_paused_playbook_is_not_offered_and_what_is_too_old_neither() -> None:
    with house() as home:
        a_day_late(home)
        publishing.publish(home.outside, "late-delivery", "paused", "ops", "wait")
        assert ("late-delivery", "delivery.delayed") not in offered(home)
        publishing.publish(home.outside, "late-delivery", "live", "ops", "go")
        assert ("late-delivery", "delivery.delayed") in offered(home)
        home.advance(30 * DAY)
        assert ("late-delivery", "delivery.delayed") not in offered(home)


def test_somebody_who_wants_no_calls_is_not_called() -> None:
    with house() as home:
        a_day_late(home)
        home.take_in(event(home, "endpoint.opted_out", "x", "person:anna", person_id="anna", channel="all"))
        said = by_hand.standing(start(home))
        assert said.startswith("But its first contact may not be made:"), said
        assert Status.ON_DESK not in {touch.status for touch in touches(home)}


# -- told anew -----------------------------------------------------------------------------------------


def test_late_news_of_before_and_of_in_between_do_not_take_it_back() -> None:
    with house() as home:
        a_day_late(home)
        asked_at = home.now
        home.advance(2 * HOUR)
        start(home)
        call = card(home)
        home.advance(HOUR)
        for n, at in enumerate((asked_at - HOUR, asked_at + HOUR, asked_at + 2 * HOUR + HOUR / 2)):
            home.take_in(event(home, "order.placed", f"n{n}", time=at, order_id=f"n{n}"))
            home.settle()
            assert run_of(home, "late-delivery").is_open and card(home) == call
            assert no_difference(home)
        with home.database.view() as unit:
            found = [d.outcome for d in unit.decisions_of("a1") if d.playbook == "late-delivery"]
        assert set(found) == {"started"}, "it stands; nothing says that it was stopped"


def test_it_lives_as_long_as_what_it_is_about() -> None:
    with house() as home:
        a_day_late(home)
        start(home)
        home.take_in({**late(home, 1), "type": "delivery.shipped", "data": {"order_id": "o1"}})
        assert not run_of(home, "late-delivery").is_open
        assert failure(home, "delivery/o1").state == "void"
        assert no_difference(home)


def test_once_it_is_justified_by_itself_it_is_the_same_run() -> None:
    with house() as home:
        a_day_late(home)
        start(home)
        home.take_in(late(home, 4, person_id="anna"))
        home.settle()
        assert len(runs(home)) == 1 and run_of(home, "late-delivery").is_open
        assert no_difference(home)


def test_put_right_ends_it_like_any_other() -> None:
    with house() as home:
        a_day_late(home)
        start(home)
        desk.put_right(home.outside, "a1", "delivery/o1", "jonas", "customer", "")
        assert run_of(home, "late-delivery").end_reason == "put_right"
        assert offered(home) == [] or ("late-delivery", "delivery.delayed") not in offered(home)


def test_what_was_said_is_erased_with_whom_it_was_about() -> None:
    with house() as home:
        a_day_late(home)
        start(home, why="thylacine")
        privacy.erase(home.outside, "anna", "otto", "asked for it")
        with home.database.view() as unit:
            assert by_hand.why_of(unit, run_of(home, "late-delivery")) == ""
            assert "thylacine" not in str(unit.bulk.rows("select * from event"))
            assert "thylacine" not in str(unit.bulk.rows("select trace from decision"))

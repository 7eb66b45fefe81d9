"""A hold is ended by hand: with a reason, once, and everywhere it was asked."""

from __future__ import annotations

from datetime import timedelta

import pytest

from outreach.domain.errors import NotFound, Refused
from outreach.domain.facts import Purpose
from outreach.domain.hold import Hold
from outreach.domain.touch import Status, Touch
from outreach.lab.scratch import Scratch
from outreach.service import holds, workbench
from outreach.service.care import Asked, may_send
from outreach.service.pushing import push_holds
from tests.service import world
from tests.service.test_pushing import HELD, with_lists
from tests.service.world import event, failure, give, house, touches

SELLS = (
    "purpose: reorder\nwhen: order.placed\nonce_per: event.order_id\nhold: none\n"
    "steps: [{email: hurt_person, template: x/offer.md, review: none, within: 60d}]\n"
)
HOLDS_ALL = HELD.replace("[marketing]", "[marketing, reorder]")


def hold_of(home: Scratch) -> Hold:
    with home.database.view() as unit:
        (found,) = unit.holds_of(["a1"])
    return found


def asked(home: Scratch) -> str:
    return may_send(home.outside, [Asked(Purpose.MARKETING, person="anna")])[0].answer


def let_down(home: Scratch) -> Hold:
    give(home)
    home.take_in(event(home, "delivery.lost", "1", order_id="o1"))
    home.settle()
    return hold_of(home)


def test_it_ends_for_us_for_others_and_on_providers_lists() -> None:
    with house(world.rules_with({"lost": HELD})) as plain:
        home, lists = with_lists(plain)
        hold = let_down(home)
        push_holds(home.outside)
        assert asked(home) == "hold" and lists.group == {"anna@x.example"}
        holds.end(home.outside, hold.id, "otto", "they asked for the newsletter")
        assert asked(home) == "allow"
        push_holds(home.outside)
        assert lists.group == set()
        with home.database.view() as unit:
            (row,) = unit.audit_of(f"hold/{hold.id}")
            changes = unit.hold_changes(0, 10)
        assert (row.who, row.what, row.why) == ("otto", "hold.ended", "they asked for the newsletter")
        assert changes[-1][1].end_reason == "by_hand", "whoever follows the feed hears of it"


def test_it_ends_once_with_a_reason_and_only_where_it_is() -> None:
    with house(world.rules_with({"lost": HELD})) as home:
        hold = let_down(home)
        with pytest.raises(Refused, match="Say why"):
            holds.end(home.outside, hold.id, "otto", "  ")
        with pytest.raises(NotFound):
            holds.end(home.outside, "none", "otto", "x")
        ended = holds.end(home.outside, hold.id, "otto", "x")
        with pytest.raises(Refused, match="ended already"):
            holds.end(home.outside, hold.id, "otto", "again")
        assert hold_of(home) == ended, "the first word stands"


def test_putting_it_right_afterwards_holds_nothing_back_again_but_it_is_not_does() -> None:
    with house(world.rules_with({"lost": HELD})) as home:
        hold = let_down(home)
        holds.end(home.outside, hold.id, "otto", "x")
        (key,) = [failure(home, "delivery/o1").id]
        home.take_in(event(home, "failure.put_right", "r", failure=key, said_by="customer", by="jonas"))
        assert asked(home) == "allow"
        home.advance(timedelta(hours=1))
        home.take_in(event(home, "failure.reopened", "n", failure=key, by="jonas", reason="it is not"))
        assert asked(home) == "hold"


def test_what_of_ours_had_waited_for_its_end_is_asked_anew() -> None:
    with house(world.rules_with({"lost": HOLDS_ALL, "again": SELLS})) as home:
        hold = let_down(home)
        consent = {"person_id": "anna", "purpose": "reorder", "channel": "email", "by": "jonas"}
        home.take_in(event(home, "consent.given", "c", "person:anna", **consent))
        home.take_in(event(home, "order.placed", "2", order_id="o2"))
        home.settle()

        def offer() -> Touch:
            (found,) = [touch for touch in touches(home) if touch.purpose is Purpose.REORDER]
            return found

        assert offer().because == "held" and offer().due == hold.at_most_until
        holds.end(home.outside, hold.id, "otto", "x")
        home.settle()
        assert offer().status is Status.SENT


def test_the_kill_switch_has_nothing_to_do_with_it() -> None:
    with house(world.rules_with({"lost": HELD})) as home:
        hold = let_down(home)
        workbench.stop_all(home.outside, "otto", "x")
        holds.end(home.outside, hold.id, "otto", "x")
        home.advance(timedelta(days=40))
        assert hold_of(home).end_reason == "by_hand"

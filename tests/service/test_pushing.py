"""Held customers on other senders' lists, and whom providers do not write to any more."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from outreach.channels.incoming import Left
from outreach.lab.scratch import Scratch
from outreach.service import desk
from outreach.service.errands import BEAT, not_reached, run_errands
from outreach.service.ports_faults import Unavailable
from outreach.service.ports_ways import Suppressed
from outreach.service.providers import leave
from outreach.service.pushing import push_holds
from outreach.service.suppressions import pull_suppressions
from tests.service import world
from tests.service.test_signals import suppressed
from tests.service.world import event, give, give_person, house, provided

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
HELD = (
    "purpose: service_recovery\nseverity: high\nwhen: delivery.lost\nonce_per: event.order_id\n"
    "hold: {purposes: [marketing], scope: account, after_close: 1d, at_most: 30d}\n"
    "steps: [{call: hurt_person, within: 4 business hours, brief: x/call.md}]\n"
)


class Lists:
    """A provider's lists, with people who edit them by hand, and lines that break."""

    def __init__(self) -> None:
        self.group: set[str] = set()
        self.found: list[Suppressed] = []
        self.removed: list[str] = []
        self.breaks: list[str] = []
        self.asked = 0

    def _maybe(self, when: str) -> None:
        self.asked += 1
        if self.breaks and self.breaks[0] == when:
            self.breaks.pop(0)
            raise Unavailable("the line broke")

    def groups(self) -> Sequence[str]:
        return ("7",)

    def members(self, group: str, addresses: Sequence[str]) -> set[str]:
        self._maybe("members")
        return self.group & set(addresses)

    def add(self, group: str, addresses: Sequence[str]) -> None:
        self._maybe("before add")
        self.group |= set(addresses)
        self._maybe("after add")

    def remove(self, group: str, address: str) -> None:
        self._maybe("before remove")
        self.group.discard(address)
        self.removed.append(address)
        self._maybe("after remove")

    def suppressed_since(self, since: datetime) -> list[Suppressed]:
        self._maybe("pull")
        return [row for row in self.found if row.at >= since or row.group]


def with_lists(plain: Scratch) -> tuple[Scratch, Lists]:
    lists = Lists()
    return provided(plain, lists=lists), lists


def rules() -> Any:
    return world.rules_with({"lost": HELD})


def lost(home: Scratch, account: str = "a1", order: str = "o1") -> None:
    home.take_in(event(home, "delivery.lost", f"lost/{account}/{order}", account, order_id=order))
    home.settle()


def right(home: Scratch, account: str = "a1", order: str = "o1") -> None:
    """Put right, and the cool-off over."""
    desk.put_right(home.outside, account, f"delivery/{order}", "jonas", "customer", "")
    home.advance(2 * DAY)


def journal(home: Scratch) -> dict[str, str]:
    with home.database.view() as unit:
        return {row.hash: row.state for row in unit.pushed("sendgrid/7")}


def test_whoever_is_held_is_on_the_list_and_off_it_afterwards(database_url: str) -> None:
    with house(rules(), database_url=database_url) as plain:
        home, lists = with_lists(plain)
        give(home)
        give_person(home, "bert", ["a1"], role="payer", phone="+4930999")
        give(home, "a2", "cora")
        lost(home)
        assert push_holds(home.outside) == 2
        assert lists.group == {"anna@x.example", "bert@x.example"}
        right(home)
        assert push_holds(home.outside) == 2
        assert lists.group == set() and set(journal(home).values()) == {"out"}
        lost(home, order="o2")
        push_holds(home.outside)
        assert lists.group == {"anna@x.example", "bert@x.example"}


def test_nothing_is_asked_while_nothing_has_changed() -> None:
    with house(rules()) as plain:
        home, lists = with_lists(plain)
        give(home)
        lost(home)
        push_holds(home.outside)
        asked = lists.asked
        for _ in range(5):
            push_holds(home.outside)
        assert lists.asked == asked


def test_who_joins_a_held_account_is_found_within_ten_minutes() -> None:
    with house(rules()) as plain:
        home, lists = with_lists(plain)
        give(home)
        lost(home)
        push_holds(home.outside)
        give_person(home, "bert", ["a1"], phone="+4930999")
        home.advance(10 * MINUTE)
        push_holds(home.outside)
        assert "bert@x.example" in lists.group


def test_who_was_on_the_list_before_us_stays_there() -> None:
    with house(rules()) as plain:
        home, lists = with_lists(plain)
        lists.group = {"anna@x.example"}
        give(home)
        lost(home)
        push_holds(home.outside)
        right(home)
        push_holds(home.outside)
        assert lists.group == {"anna@x.example"} and lists.removed == []


@pytest.mark.parametrize("how", ["list", "channel", "erased"])
def test_who_opts_out_while_held_is_never_released(how: str) -> None:
    with house(rules()) as plain:
        home, lists = with_lists(plain)
        give(home)
        lost(home)
        push_holds(home.outside)
        data = {"person_id": "anna", "how": "told us"}
        if how == "erased":
            home.take_in(event(home, "person.erased", "x", "person:anna", person_id="anna"))
        else:
            more = {"purpose": "marketing"} if how == "list" else {"channel": "email"}
            home.take_in(event(home, "endpoint.opted_out", "x", "person:anna", **data, **more))
        right(home)
        push_holds(home.outside)
        assert lists.group == {"anna@x.example"} and lists.removed == []
        with home.database.view() as unit:
            assert [row.address for row in unit.pushed("sendgrid/7")] == [None]


@pytest.mark.parametrize("where", ["members", "before add", "after add", "before remove", "after remove"])
def test_a_broken_line_is_mended_by_the_next_round(where: str) -> None:
    with house(rules()) as plain:
        home, lists = with_lists(plain)
        give(home)
        lost(home)
        lists.breaks = [where]
        for step in (lambda: None, lambda: right(home)):
            step()
            try:
                push_holds(home.outside)
            except Unavailable:
                push_holds(home.outside)
        assert lists.group == set() and set(journal(home).values()) == {"out"}


@settings(max_examples=40)
@given(
    st.lists(
        st.sampled_from(["lost a", "lost b", "right", "push", "opt out", "by hand", "break", "ten minutes"]), min_size=3, max_size=14
    ),
    st.lists(st.sampled_from(["members", "before add", "after add", "before remove", "after remove"]), max_size=6),
)  # fmt: skip
def test_at_quiet_the_list_holds_the_held_and_their_own_words(acts: list[str], breaks: list[str]) -> None:
    with house(rules()) as plain:
        home, lists = with_lists(plain)
        give(home, "a", "anna")
        give(home, "b", "bert")
        own_word: set[str] = set()
        open_: set[str] = set()
        for number, act in enumerate(acts):
            if act.startswith("lost"):
                account = act[-1]
                if account not in open_:
                    open_.add(account)
                    lost(home, account, f"{account}{number}")
            elif act == "right":
                for account in sorted(open_):
                    with home.database.view() as unit:
                        state = unit.account(account)
                    for failure in state.open_failures if state else []:
                        desk.put_right(home.outside, account, failure.id, "jonas", "customer", "")
                open_.clear()
                home.advance(2 * DAY)
            elif act == "opt out":
                data = {"person_id": "anna", "purpose": "marketing", "how": "told us"}
                home.take_in(event(home, "endpoint.opted_out", f"out{number}", "person:anna", **data))
                own_word.add("anna@x.example")
            elif act == "by hand" and "bert@x.example" not in lists.group:
                lists.group.add("bert@x.example")
                own_word.add("bert@x.example")
            elif act == "break":
                lists.breaks = list(breaks)
            elif act == "ten minutes":
                home.advance(10 * MINUTE)
            elif act == "push":
                _push(home)
        lists.breaks = []
        home.advance(10 * MINUTE)
        _push(home)
        held = {f"{'anna' if account == 'a' else 'bert'}@x.example" for account in open_}
        assert held <= lists.group
        assert lists.group <= held | own_word
        assert (
            "anna@x.example" not in lists.removed
            or "anna@x.example" not in own_word
            or acts.index("opt out") > 0
        )


def _push(home: Scratch) -> None:
    try:
        push_holds(home.outside)
    except Unavailable:
        pass


# -- suppressions -----------------------------------------------------------------------------------------------


def told(
    home: Scratch, why: str, address: str = "anna@x.example", group: str = "", ago: timedelta = HOUR
) -> Suppressed:
    return Suppressed(address, why, home.now - ago, group)


@pytest.mark.parametrize(
    ("why", "shut", "opted_out"),
    [("bounced", {"email": "bounced"}, set()), ("spam_report", {"email": "spam_report"}, {"email"}),
     ("unsubscribed", {"email": "unsubscribed"}, {"email"})],
)  # fmt: skip
def test_what_the_webhook_missed_is_respected_too(
    why: str, shut: dict[str, str], opted_out: set[str]
) -> None:
    with house(rules()) as plain:
        home, lists = with_lists(plain)
        give(home)
        lists.found = [told(home, why), told(home, why, "stranger@y.example")]
        assert pull_suppressions(home.outside) == 2
        assert (
            suppressed(home, "email", "anna@x.example")
            == shut
            == suppressed(home, "email", "stranger@y.example")
        )
        with home.database.view() as unit:
            assert set(unit.people(["anna"])["anna"].opted_out) == opted_out
        home.advance(HOUR)
        assert pull_suppressions(home.outside) == 0


def test_leaving_one_list_shuts_selling_and_our_own_pushes_are_nobody_s_word() -> None:
    with house(rules()) as plain:
        home, lists = with_lists(plain)
        give(home)
        give(home, "a2", "cora")
        lost(home)
        push_holds(home.outside)
        lists.found = [
            told(home, "unsubscribed", group="7"),
            told(home, "unsubscribed", "cora@x.example", "7"),
        ]
        pull_suppressions(home.outside)
        with home.database.view() as unit:
            people = unit.people(["anna", "cora"])
        assert people["anna"].opted_out == {}
        assert set(people["cora"].opted_out) == {"marketing", "reorder", "winback"}


def test_it_is_asked_every_ten_minutes_and_an_errand_that_fails_stops_no_other() -> None:
    with house(rules()) as plain:
        home, lists = with_lists(plain)
        give(home)
        lost(home)
        lists.breaks = ["pull"]
        run_errands(home.outside)
        assert lists.group == {"anna@x.example"}
        with home.database.view() as unit:
            beats = unit.heartbeats()
        assert beats[f"{BEAT}pull_suppressions"][1].startswith("not reached")
        lists.found = [told(home, "bounced")]
        run_errands(home.outside)
        assert suppressed(home, "email", "anna@x.example") == {"email": "bounced"}
        asked = lists.asked
        home.advance(MINUTE)
        run_errands(home.outside)
        assert lists.asked == asked


# -- our own entry is not their word -------------------------------------------------------------------------


@pytest.mark.parametrize("why", ["bounced", "unsubscribed"])
def test_what_we_had_entered_ourselves_is_never_read_as_their_word_against_selling(why: str) -> None:
    """They stop mail while they are held, so they stay in the group; the group is then pulled."""
    with house(rules()) as plain:
        home, lists = with_lists(plain)
        give(home)
        lost(home)
        push_holds(home.outside)
        leave(home.outside, Left("anna@x.example", why, ""))
        right(home)
        home.advance(DAY * 10)
        push_holds(home.outside)
        assert "anna@x.example" in lists.group
        lists.found = [told(home, "unsubscribed", group="7")]
        pull_suppressions(home.outside)
        with home.database.view() as unit:
            shut = unit.people(["anna"])["anna"].opted_out
        assert "reorder" not in shut and "winback" not in shut


def test_who_unsubscribes_while_others_are_released_stays() -> None:
    with house(rules()) as plain:
        home, lists = with_lists(plain)
        give(home)
        give_person(home, "bert", ["a1"], role="payer", phone="+4930999")
        lost(home)
        push_holds(home.outside)
        right(home)
        home.advance(DAY * 10)
        taken_off, left = lists.remove, []

        def remove(group: str, address: str) -> None:
            taken_off(group, address)
            if not left:
                left.append(({"anna@x.example", "bert@x.example"} - {address}).pop())
                leave(home.outside, Left(left[0], "unsubscribed", "7"))

        lists.remove = remove  # type: ignore[method-assign]
        push_holds(home.outside)
        assert left and left[0] in lists.group
        push_holds(home.outside)
        assert left[0] in lists.group


def test_an_errand_that_breaks_stops_no_other() -> None:
    with house(rules()) as plain:
        home, lists = with_lists(plain)
        give(home)
        lost(home)

        def broken(since: datetime) -> list[Suppressed]:
            raise TypeError("nobody thought of this")

        lists.suppressed_since = broken  # type: ignore[method-assign, assignment]
        run_errands(home.outside)
        assert lists.group
        with home.database.view() as unit:
            assert any("TypeError" in why for why in not_reached(unit).values())


def test_in_rehearsal_only_who_was_named_is_put_on_a_list() -> None:
    with house(rules()) as plain:
        home, lists = with_lists(plain)
        give(home)
        give_person(home, "bert", ["a1"], role="payer", phone="+4930999")
        home.database.retrying(lambda unit: unit.set_setting("live:sendgrid", None))
        home = replace(home, outside=replace(home.outside, rehearsal_to=frozenset({"bert@x.example"})))
        lost(home)
        push_holds(home.outside)
        assert set(lists.group) == {"bert@x.example"}
        home.database.retrying(lambda unit: unit.set_setting("live:sendgrid", "the test"))
        home.advance(DAY)
        push_holds(home.outside)
        assert set(lists.group) == {"anna@x.example", "bert@x.example"}

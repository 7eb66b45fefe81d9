"""A paused playbook keeps listening: what it missed is judged once it goes on, as of its own time, each once."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from outreach.domain.blast import Radius
from outreach.domain.touch import Status
from outreach.lab.scratch import Scratch
from outreach.service import desk, publishing, resuming, sweep, why
from tests.service import world
from tests.service.test_late import no_difference
from tests.service.world import event, failure, give, house, runs, touches

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
LATE = (
    "purpose: service_recovery\nseverity: medium\nwhen: delivery.delayed\nif: event.days_late >= 2\n"
    "once_per: event.order_id\nhorizon: 5d\nhold: none\n"
    'still_open: not seen("delivery.arrived", order_id=event.order_id)\n'
    "steps: [{call: hurt_person, within: 4h, brief: x/call.md}]\n"
)


@contextmanager
def paused(url: str | None = None, text: str = LATE, accounts: int = 1) -> Iterator[Scratch]:
    with house(world.rules_with({"late": text}), database_url=url) as home:
        for number in range(1, accounts + 1):
            give(home, f"a{number}", f"p{number}")
        publish(home, "paused")
        yield home


def publish(home: Scratch, state: str) -> None:
    publishing.publish(home.outside, "late", state, "ruth", "because")


def late(home: Scratch, id_: str = "1", account: str = "a1", **more: Any) -> None:
    home.take_in(
        event(home, "delivery.delayed", id_, account, **({"order_id": f"o{id_}", "days_late": 3} | more))
    )
    home.settle()


def decided(home: Scratch, account: str = "a1") -> list[str]:
    """The oldest first."""
    with home.database.view() as unit:
        return [decision.outcome for decision in reversed(unit.decisions_of(account))]


def missed(home: Scratch) -> dict[str, int]:
    with home.database.view() as unit:
        return dict(unit.count_missed())


def test_what_it_missed_starts_when_it_goes_on(database_url: str) -> None:
    with paused(database_url) as home:
        late(home)
        home.advance(2 * DAY)
        assert (runs(home), decided(home), missed(home)) == ([], ["paused"], {"late": 1})
        publish(home, "live")
        home.settle()
        (run,) = runs(home)
        assert (run.trigger_time, run.started_at) == (home.now - 2 * DAY, home.now)
        assert [touch.status for touch in touches(home)] == [Status.ON_DESK]
        assert (decided(home), missed(home)) == (["paused", "started"], {})
        assert no_difference(home)


def test_it_is_judged_as_of_its_own_time() -> None:
    with paused(text=LATE.replace("event.days_late >= 2", 'account.tier == "gold"')) as home:
        late(home, "1")
        home.advance(HOUR)
        give(home, "a1", None, tier="gold")
        home.advance(HOUR)
        late(home, "2")
        publish(home, "live")
        home.settle()
        assert [run.key for run in runs(home)] == ["o2"]


def test_what_has_arrived_meanwhile_is_not_called_about(database_url: str) -> None:
    with paused(database_url) as home:
        late(home)
        home.advance(DAY)
        home.take_in(event(home, "delivery.arrived", "9", order_id="o1", days_late=4))
        publish(home, "live")
        home.settle()
        assert [run.end_reason for run in runs(home)] == ["no_longer_true"]
        assert touches(home) == []


def test_what_was_closed_meanwhile_starts_nothing() -> None:
    with paused() as home:
        late(home)
        home.advance(HOUR)
        desk.let_be(home.outside, "a1", "delivery/o1", "berta", "she rang us herself")
        assert not failure(home, "delivery/o1").is_open
        publish(home, "live")
        home.settle()
        assert (runs(home), decided(home)[-1]) == ([], "closed")


def test_what_is_older_than_the_horizon_starts_nothing() -> None:
    with paused() as home:
        late(home, "1")
        home.advance(4 * DAY)
        late(home, "2")
        home.advance(2 * DAY)
        publish(home, "live")
        home.settle()
        assert [run.key for run in runs(home)] == ["o2"]
        assert decided(home) == ["paused", "paused", "too_late", "started"]


def test_each_starts_once(database_url: str) -> None:
    with paused(database_url) as home:
        late(home, "1", order_id="o1")
        late(home, "2", order_id="o1", days_late=4)
        publish(home, "live")
        home.settle()
        assert decided(home)[-2:] == ["started", "once_per"]
        publish(home, "paused")
        publish(home, "live")
        home.settle()
        assert len(runs(home)) == 1


def test_a_revision_and_a_late_event_count_as_they_are_now(database_url: str) -> None:
    with paused(database_url) as home:
        late(home, "1")
        late(home, "2")
        home.advance(HOUR)
        late(home, "1", days_late=1)  # a revision: it was not so late after all
        home.take_in(
            event(home, "delivery.delayed", "0", time=home.now - 3 * HOUR, order_id="o0", days_late=2)
        )
        publish(home, "live")
        home.settle()
        assert sorted(run.key for run in runs(home)) == ["o0", "o2"]
        assert (missed(home), no_difference(home)) == ({}, True)


def test_disabled_forgets() -> None:
    with paused() as home:
        late(home)
        publish(home, "disabled")
        assert missed(home) == {}
        late(home, "2")
        publish(home, "live")
        home.settle()
        assert runs(home) == []


def test_from_shadow_to_live_nothing_is_made_up_for() -> None:
    with paused() as home:
        publish(home, "shadow")
        late(home)
        publish(home, "live")
        home.advance(HOUR)
        assert [run.shadow for run in runs(home)] == [True]
        assert missed(home) == {}


def test_a_share_of_the_accounts_goes_on_alone() -> None:
    with paused(accounts=8) as home:
        for number in range(1, 9):
            late(home, str(number), f"a{number}")
        publishing.publish(home.outside, "late", "percent", "ruth", "half", 50)
        home.settle()
        started = [account for n in range(1, 9) if runs(home, account := f"a{n}")]
        assert 0 < len(started) < 8
        assert missed(home) == {}


def test_a_long_pause_is_made_up_for_in_small_transactions_and_a_crash_repeats_nothing(
    database_url: str,
) -> None:
    with paused(database_url, accounts=7) as home:
        for number in range(1, 8):
            late(home, str(number), f"a{number}")
        publish(home, "live")
        assert sweep.resume_missed(home.outside, 3) == 3
        again = home.built_again()
        assert missed(again) == {"late": 4}
        assert [sweep.resume_missed(again.outside, 3) for _ in range(3)] == [3, 1, 0]
        assert [len(runs(again, f"a{n}")) for n in range(1, 8)] == [1] * 7


def test_two_clocks_and_one_that_had_not_seen_the_pause_start_nothing_twice(database_url: str) -> None:
    with paused(database_url) as home:
        late(home)
        publish(home, "live")
        with home.database.view() as unit:
            rows = resuming.missed_by_now(unit, home.now, 9)
        for _ in range(2):
            home.database.retrying(lambda unit: resuming.judge_missed(unit, home.outside, rows))
        assert [run.is_open for run in runs(home)] == [True]


def test_paused_again_before_the_clock_came_it_goes_on_waiting() -> None:
    with paused() as home:
        late(home)
        publish(home, "live")
        with home.database.view() as unit:
            rows = resuming.missed_by_now(unit, home.now, 9)
        publish(home, "paused")
        home.database.retrying(lambda unit: resuming.judge_missed(unit, home.outside, rows))
        assert (runs(home), missed(home)) == ([], {"late": 1})


def test_what_was_missed_is_within_the_radius_too() -> None:
    rules = world.rules_with({"late": LATE})
    with house(replace(rules, company=replace(rules.company, blast_radius=Radius(2, HOUR)))) as home:
        for number in range(1, 6):
            give(home, f"a{number}", f"p{number}")
        publish(home, "paused")
        for number in range(1, 6):
            late(home, str(number), f"a{number}")
        publish(home, "live")
        home.settle()
        (asked,) = publishing.asked(home.outside)
        assert (asked.reached, asked.accounts) == (2, 3)


def test_one_that_cannot_be_judged_stops_none_of_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    with paused(accounts=3) as home:
        for number in range(1, 4):
            late(home, str(number), f"a{number}")
        publish(home, "live")
        tell = resuming.tell_missed

        def breaks(ledger: Any, account: str, triggers: Any) -> None:
            if account == "a2":
                raise LookupError(account)
            tell(ledger, account, triggers)

        monkeypatch.setattr(resuming, "tell_missed", breaks)
        home.settle()
        assert [len(runs(home, f"a{n}")) for n in (1, 2, 3)] == [1, 0, 1]
        assert missed(home) == {"late": 1}
        monkeypatch.undo()
        home.advance(HOUR)
        assert [len(runs(home, f"a{n}")) for n in (1, 2, 3)] == [1, 1, 1]


days = st.integers(1, 4)
news = st.lists(
    st.tuples(st.sampled_from(["delivery.delayed", "delivery.arrived"]), st.sampled_from("123"), days, st.integers(0, 90)),
    max_size=7,
)  # fmt: skip


@settings(max_examples=10)
@given(news)
def test_a_pause_changes_when_it_starts_and_not_what_starts(told: list[tuple[str, str, int, int]]) -> None:
    """Whatever came, late and revised events too: the same triggers start the same runs as without the pause."""
    with paused() as home, house(home.outside.rules()) as live:
        give(live)
        for number, (type_, order, late_by, back) in enumerate(told):
            for each in (home, live):
                each.advance(HOUR)
                time = each.now - timedelta(minutes=back)
                data = {"order_id": f"o{order}", "days_late": late_by}
                each.take_in(event(each, type_, f"e{number}", time=time, **data))
                each.settle()
        assert runs(home) == []
        publish(home, "live")
        home.settle()
        assert {(run.key, run.trigger) for run in runs(home)} == {
            (r.key, r.trigger) for r in runs(live) if not r.taken_back
        }
        assert missed(home) == {} and no_difference(home)


def test_why_tells_what_became_of_what_was_missed() -> None:
    with paused() as home:
        late(home)
        (row,) = why.why(home.outside, "a1").rows
        assert "It is paused".lower() in row.sentence.lower()
        desk.let_be(home.outside, "a1", "delivery/o1", "berta", "she rang us herself")
        publish(home, "live")
        home.settle()
        (row,) = [row for row in why.why(home.outside, "a1").rows if row.playbook == "late"]
        assert (row.outcome, [point.code for point in row.story][:1]) == ("closed", ["stopped.closed"])

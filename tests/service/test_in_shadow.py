"""What only a run in shadow took does not count against one that contacts somebody."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from outreach.domain.plan import LIVE, Run
from outreach.domain.touch import Status
from outreach.lab.scratch import Scratch
from outreach.service import by_hand, publishing, why
from outreach.service.ledger import Ledger
from tests.service import world
from tests.service.world import event, give, house, runs, touches

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
LATE = (
    "purpose: service_recovery\nseverity: medium\nwhen: delivery.delayed\nonce_per: event.order_id\nhold: none\n"
    "steps: [{call: hurt_person, within: 4h, brief: x/call.md}]\n"
)


@contextmanager
def shadowed(url: str | None = None) -> Iterator[Scratch]:
    with house(world.rules_with({"late": LATE}), database_url=url) as home:
        give(home)
        publish(home, "shadow")
        yield home


def publish(home: Scratch, state: str) -> None:
    publishing.publish(home.outside, "late", state, "ruth", "because")
    home.advance(HOUR)


def late(home: Scratch, id_: str, **more: object) -> None:
    home.take_in(event(home, "delivery.delayed", id_, "a1", **({"order_id": "o1", "days_late": 3} | more)))
    home.settle()
    home.advance(HOUR)


def noted(home: Scratch, back: timedelta) -> None:
    """Something of another kind that comes late: the account is told anew."""
    id_ = f"p{home.now:%d%H}{back}"
    home.take_in(event(home, "order.placed", id_, "a1", home.now - back, order_id=id_))
    home.settle()


def by_mode(home: Scratch) -> dict[bool, Run]:
    found = runs(home)
    assert len({run.shadow for run in found}) == len(found)
    return {run.shadow: run for run in found}


def on_desk(home: Scratch) -> int:
    return sum(touch.status is Status.ON_DESK for touch in touches(home))


def test_once_it_is_live_the_next_news_of_the_same_failure_reaches_the_customer(database_url: str) -> None:
    with shadowed(database_url) as home:
        late(home, "1")
        assert on_desk(home) == 0
        publish(home, "live")
        assert on_desk(home) == 0, "going live makes nothing up"
        late(home, "2", days_late=5)
        assert on_desk(home) == 1
        late(home, "3", days_late=9)
        assert on_desk(home) == 1, "that one counts, for ever"
        assert by_mode(home)[True].trigger != by_mode(home)[False].trigger
        assert by_mode(home)[True].is_open, "the shadow's run goes on to its own end"


def test_told_anew_nothing_changes(database_url: str) -> None:
    with shadowed(database_url) as home:
        late(home, "1")
        late(home, "1b")
        publish(home, "live")
        noted(home, 2 * DAY)
        assert list(by_mode(home)) == [True], (
            "what came in shadow starts nothing when the account is told anew"
        )
        late(home, "2")
        before = runs(home)
        noted(home, 3 * DAY)
        assert runs(home) == before
        publish(home, "shadow")
        noted(home, 4 * DAY)
        assert runs(home) == before


def test_back_in_shadow_a_run_that_contacts_somebody_counts_for_it_too() -> None:
    with shadowed() as home:
        publish(home, "live")
        late(home, "1")
        publish(home, "shadow")
        late(home, "2")
        assert [run.shadow for run in runs(home)] == [False]
        assert on_desk(home) == 1


def test_what_came_in_a_pause_belongs_to_the_state_in_which_it_went_on() -> None:
    with shadowed() as home:
        begun = home.now - HOUR
        publish(home, "live")
        publish(home, "paused")
        in_pause = home.now
        home.advance(HOUR)
        publish(home, "shadow")
        publish(home, "paused")
        in_another = home.now
        home.advance(HOUR)
        publish(home, "live")
        with home.database.unit() as unit:
            ledger = Ledger(unit, home.outside, home.now)
            said = [ledger.published_at("late", at).state for at in (begun, in_pause, in_another, home.now)]
            assert said == ["shadow", "shadow", "live", "live"]
            assert ledger.published_at("other", begun) == LIVE


def test_started_by_hand_for_what_the_shadow_has_seen(database_url: str) -> None:
    with shadowed(database_url) as home:
        late(home, "1")
        publish(home, "live")
        trigger = by_mode(home)[True].trigger
        by_hand.start(home.outside, "a1", "late", trigger, "jonas", "they rang")
        assert on_desk(home) == 1
        assert {run.trigger for run in by_mode(home).values()} == {trigger}
        noted(home, 2 * DAY)
        assert on_desk(home) == 1 and not any(run.taken_back for run in runs(home))


def test_why_says_which_run_stood_in_the_way() -> None:
    with shadowed() as home:
        late(home, "1")
        late(home, "2")
        publish(home, "live")
        late(home, "3")
        late(home, "4")
        rows = {row.event.id: row for row in why.why(home.outside, "a1").rows}
        assert [rows[id_].outcome for id_ in "1234"] == ["started", "once_per", "started", "once_per"]
        told = {id_: repr(row.story) for id_, row in rows.items()}
        assert "one run in shadow for o1" in told["2"] and "the next trigger for it starts one" in told["2"]
        assert "in shadow" not in told["4"] and "one run for o1, for ever" in told["4"]
        assert "it runs in shadow" in told["1"] and "it runs in shadow" not in told["3"]


def test_back_in_shadow_a_correction_takes_no_call_from_the_desk(database_url: str) -> None:
    with shadowed(database_url) as home:
        late(home, "1")
        publish(home, "live")
        late(home, "2", days_late=5)
        publish(home, "shadow")
        late(home, "2", days_late=7)
        assert [run.is_open for run in runs(home)] == [True, True] and on_desk(home) == 1
        publish(home, "live")
        noted(home, 4 * DAY)
        assert on_desk(home) == 1


def test_what_the_shadow_would_have_passed_over_is_passed_over_once_it_is_live(database_url: str) -> None:
    """Nothing about it is news when something else comes late."""
    rules = world.rules_with({"late": LATE + "cooldown: 20d\n"})
    with house(rules, database_url=database_url) as home:
        give(home)
        publish(home, "shadow")
        late(home, "1")
        late(home, "2", order_id="o2")
        publish(home, "live")
        noted(home, 2 * DAY)
        assert [(run.key, run.shadow) for run in runs(home)] == [("o1", True)]


def test_whom_it_was_not_for_when_it_came_hears_nothing_of_it_later(database_url: str) -> None:
    """Live again, or for more accounts: only what comes from then on starts a run, whatever else is told late."""
    for state in ("disabled", "percent"):
        with shadowed(database_url if state == "disabled" else None) as home:
            publishing.publish(home.outside, "late", state, "ruth", "because", 1)
            home.advance(HOUR)
            late(home, "1")
            publish(home, "paused")
            noted(home, 2 * DAY)
            publish(home, "live")
            noted(home, 3 * DAY)
            assert runs(home) == []
            late(home, "2")
            assert on_desk(home) == 1

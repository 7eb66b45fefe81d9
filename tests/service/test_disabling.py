"""Disabled is the end: what is under way ends, what was promised stays, and once it is live again only news starts."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from alembic import command

from outreach.domain.sight import ALL
from outreach.domain.touch import Settlement, Status
from outreach.lab.scratch import Scratch
from outreach.service import desk, publishing, sweep
from outreach.service.ports_publishing import Ending
from outreach.service.sending import deliver_due
from outreach.store import schema
from outreach.store.views_board import unmatched
from tests.service import world
from tests.service.world import event, failure, give, house, run_of, runs, touches

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
LOST = (
    "purpose: service_recovery\nseverity: high\nwhen: delivery.lost\nonce_per: event.order_id\n"
    "hold: {purposes: [marketing], scope: account, after_close: 1d, at_most: 30d}\n"
    "steps: [{call: hurt_person, within: 4h, brief: x/call.md}, {email: hurt_person, after: 2h, template: x/mail.md, review: none}]\n"
)
CALLBACK = (
    "purpose: callback\nseverity: high\nwhen: callback.asked\nonce_per: event.callback_id\nhold: none\n"
    "steps: [{call: hurt_person, within: 30m, brief: x/call.md}, {sms: hurt_person, after: 1h, template: x/text.md, review: none}]\n"
)


@contextmanager
def under_way(url: str | None = None, accounts: int = 1, **books: str) -> Iterator[Scratch]:
    """A house in which the order of each account is lost, and the call about it on the desk."""
    with house(world.rules_with({"lost": LOST, **books}), database_url=url) as home:
        for number in range(1, accounts + 1):
            give(home, f"a{number}", f"p{number}")
            lose(home, "o", f"a{number}")
        home.advance(MINUTE)
        yield home


def lose(home: Scratch, order: str, account: str = "a1") -> None:
    home.take_in(event(home, "delivery.lost", f"l{order}{account}", account, order_id=f"{order}-{account}"))
    home.settle()


def say(home: Scratch, state: str, playbook: str = "lost") -> None:
    publishing.publish(home.outside, playbook, state, "ruth", "because")


def statuses(home: Scratch, account: str = "a1") -> list[Status]:
    return [touch.status for touch in touches(home, account)]


def card_of(home: Scratch, account: str = "a1") -> str:
    return next(touch.card for touch in touches(home, account) if touch.card)


def test_what_is_under_way_ends_and_the_failure_stays_on_the_board(database_url: str) -> None:
    with under_way(database_url) as home:
        home.advance(HOUR)
        say(home, "disabled")
        home.settle()
        run = run_of(home, "lost")
        assert (run.is_open, run.end_reason) == (False, "disabled")
        (call, *_) = touches(home)
        assert (call.status, call.settlement) == (Status.SETTLED, Settlement.WITHDRAWN)
        assert failure(home, "delivery/o-a1").is_open
        with home.database.view() as unit:
            (hold,) = unit.holds_of(["a1"])
            assert hold.ended_at is None and hold.until == home.now + DAY
            assert [each.failure.id for each in unmatched(unit, ALL)] == ["delivery/o-a1"], (
                "nobody sees to it now"
            )
        home.advance(2 * DAY)
        with home.database.view() as unit:
            assert unit.holds_of(["a1"])[0].ended_at is not None
        assert home.sent.taken == []
        assert publishing.ending(home.outside, "lost") == ""


def test_what_is_planned_or_a_draft_is_cancelled() -> None:
    with under_way() as home:
        home.advance(3 * HOUR)  # the mail has left
        assert len(home.sent.taken) == 1
    drafted = LOST.replace("review: none", "review: owner")
    with under_way(lost=drafted) as home:
        home.advance(3 * HOUR)
        assert Status.DRAFT in statuses(home)
        say(home, "disabled")
        home.settle()
        assert sorted(statuses(home)) == [Status.CANCELLED, Status.SETTLED]


def test_live_again_only_news_starts_a_run(database_url: str) -> None:
    """Also where the clock was not there in between, and never for what has had its run."""
    with under_way(database_url) as home:
        say(home, "disabled")
        home.clock.set(home.now + MINUTE)
        say(home, "live")
        home.settle()
        assert run_of(home, "lost").end_reason == "disabled"
        home.advance(MINUTE)
        lose(home, "o")
        assert [run.end_reason for run in runs(home)] == ["disabled"], "told twice is told once"
        lose(home, "another")
        assert [run.is_open for run in runs(home)] == [False, True]
        home.advance(DAY)
        assert [run.is_open for run in runs(home)] == [False, True]


def test_nothing_of_it_leaves_before_the_clock_has_come_round(database_url: str) -> None:
    """A thousand runs take it a while; what falls due in between is dropped by its state then, or since then."""
    for states in (["disabled"], ["disabled", "live"]):
        with under_way(database_url) as home:
            for state in states:
                home.clock.set(home.now + MINUTE)
                say(home, state)
            home.clock.set(home.now + 3 * HOUR)
            sweep.wake(home.outside)
            with home.database.view() as unit:
                due = unit.touches_due(home.now, 9)
            deliver_due(home.outside, due)
            assert home.sent.taken == []
            assert run_of(home, "lost").is_open, "the clock has not looked"
            assert [t.because for t in touches(home) if t.channel.written] == ["disabled"]


def test_the_clock_ends_them_in_parts() -> None:
    with under_way(accounts=5) as home:
        say(home, "disabled")
        assert [sweep.end_what_is_over(home.outside, 2) for _ in range(4)] == [2, 2, 1, 0]
        assert {run_of(home, "lost", f"a{n}").end_reason for n in range(1, 6)} == {"disabled"}


def test_a_call_that_somebody_has_taken_up_goes_when_they_put_it_down(database_url: str) -> None:
    with under_way(database_url) as home:
        card = card_of(home)
        desk.claim(home.outside, card, "jonas")
        say(home, "disabled")
        home.advance(HOUR)
        assert statuses(home)[0] is Status.ON_DESK and run_of(home, "lost").is_open
        desk.let_go(home.outside, card, "jonas")
        home.settle()
        assert statuses(home)[0] is Status.SETTLED and run_of(home, "lost").end_reason == "disabled"


def test_a_call_that_was_promised_is_kept_whatever_becomes_of_the_playbook(database_url: str) -> None:
    with under_way(database_url, back=CALLBACK) as home:
        at = (home.now + 2 * HOUR).isoformat()
        home.take_in(
            event(home, "callback.asked", "c1", "a1", callback_id="c1", person_id="p1", wanted_at=at)
        )
        home.settle()
        ends = publishing.ending(home.outside, "back")
        assert (
            ends
            == "Whoever asks for a call from then on, or is promised one, gets none by it. 1 run stays, since these customers have our word that we ring."
        )
        for state in ("paused", "disabled"):
            say(home, state, "back")
            home.advance(10 * MINUTE)
        home.advance(3 * HOUR)
        assert run_of(home, "back").is_open
        (call,) = [
            touch
            for touch in touches(home)
            if touch.run == run_of(home, "back").id and not touch.channel.written
        ]
        assert call.status is Status.ON_DESK
        written = [touch for touch in touches(home) if touch.run == call.run and touch.channel.written]
        assert {touch.because for touch in written} == {"disabled"}, "no machine writes for it any more"


def test_a_promised_call_that_comes_due_in_a_pause_comes_to_the_desk() -> None:
    with under_way(back=CALLBACK) as home:
        home.take_in(event(home, "callback.asked", "c1", "a1", callback_id="c1", person_id="p1"))
        home.settle()
        run = run_of(home, "back")
        (call,) = [touch for touch in touches(home) if touch.run == run.id]
        say(home, "paused", "back")
        with home.database.unit() as unit:  # as if it had not come to the desk before
            unit.bulk.run("update touch set status = 'due', card = null where id = ?", call.id)
        home.settle()
        assert next(touch for touch in touches(home) if touch.id == call.id).status is Status.ON_DESK


def test_a_call_that_is_asked_for_in_a_pause_comes_to_the_desk_and_no_machine_writes(
    database_url: str,
) -> None:
    with under_way(
        database_url, back=CALLBACK.replace("{sms: hurt_person, after: 1h", "{sms: hurt_person, after: none")
    ) as home:
        say(home, "paused", "back")
        home.take_in(event(home, "callback.asked", "c1", "a1", callback_id="c1", person_id="p1"))
        home.settle()
        mine = {touch.channel.value: touch for touch in touches(home) if touch.run == run_of(home, "back").id}
        assert mine["call"].status is Status.ON_DESK
        home.advance(HOUR)
        assert [sent for sent in home.sent.taken if sent[1].channel.value == "sms"] == []


def test_what_is_in_shadow_was_promised_by_nobody() -> None:
    with under_way(back=CALLBACK) as home:
        say(home, "shadow", "back")
        home.take_in(event(home, "callback.asked", "c0", "a1", callback_id="c0", person_id="p1"))
        home.settle()
        assert run_of(home, "back").shadow and not run_of(home, "back").is_promised
        say(home, "disabled", "back")
        home.settle()
        assert run_of(home, "back").end_reason == "disabled"


def test_what_ends_is_counted(database_url: str) -> None:
    with under_way(database_url, accounts=3) as home:
        with home.database.view() as unit:
            assert unit.ends_with("lost") == Ending(3, 3, 0, 3, 0)
            assert unit.ends_with("other") == Ending(0, 0, 0, 0, 0)
            assert unit.last_disabled() == {} and unit.runs_over(9) == []
        words = publishing.ending(home.outside, "lost")
        assert (
            words
            == "3 runs end for good, 3 calls leave the desk, 3 holds go into the cool-off; failures stay open."
        )


def test_a_step_back_says_where_it_leads() -> None:
    with under_way() as home:
        assert publishing.step_back(home.outside, "lost") is None
        say(home, "paused")
        say(home, "paused")
        back = publishing.step_back(home.outside, "lost")
        assert back is not None and back.state == "live"


def again(home: Scratch) -> None:
    """Disabled for an hour, a day ago."""
    for state in ("disabled", "live"):
        home.advance(HOUR)
        say(home, state)
    home.advance(DAY)


def test_what_begins_again_after_it_was_enabled_goes_on(database_url: str) -> None:
    """It is not put right, or what had taken a run back was wrong: news, of which the playbook knows what to do."""
    for closes in (True, False):
        with under_way(database_url if closes else None) as home:
            told, opened = home.now, failure(home, "delivery/o-a1").id
            if closes:
                home.take_in(event(home, "failure.put_right", "r", "a1", failure=opened, by="customer"))
            else:
                home.take_in(event(home, "delivery.lost", "loa1", "a1", told, order_id="another"))
            home.settle()
            assert not runs(home)[0].is_open
            again(home)
            if closes:
                home.take_in(event(home, "failure.reopened", "n", "a1", failure=opened, by="customer"))
            else:
                later = told + MINUTE
                home.take_in(event(home, "delivery.lost", "loa1", "a1", later, order_id="o-a1"))
            home.settle()
            home.advance(HOUR)
            (run,) = [each for each in runs(home) if each.key == "o-a1"]
            assert run.is_open and run.again_at is not None
            assert [t.status for t in touches(home) if t.run == run.id][-1] is not Status.CANCELLED
            assert Status.ON_DESK in [t.status for t in touches(home) if t.run == run.id]
            say(home, "disabled")
            home.settle()
            assert next(each for each in runs(home) if each.id == run.id).end_reason == "disabled"


def test_enabled_in_the_same_instant_what_starts_then_goes_on() -> None:
    with under_way() as home:
        say(home, "disabled")
        say(home, "live")
        lose(home, "another")
        assert [run.end_reason for run in runs(home)] == ["disabled", ""]


def test_of_one_that_was_disabled_before_anybody_kept_its_history_the_runs_end(database_url: str) -> None:
    with under_way(database_url) as home:
        say(home, "disabled")
        with home.database.unit() as unit:
            unit.bulk.run("delete from playbook_published")
        home.settle()
        assert run_of(home, "lost").end_reason == "disabled"


def test_after_an_update_the_runs_of_what_is_disabled_end_and_what_was_promised_stays(
    database_url: str,
) -> None:
    """From the release before, in which runs went on once their playbook was enabled again: those are spared."""
    with under_way(database_url, accounts=2, other=LOST, back=CALLBACK) as home:
        home.take_in(event(home, "callback.asked", "c1", "a1", callback_id="c1", person_id="p1"))
        home.settle()
        for state, playbook in (
            ("disabled", "lost"),
            ("live", "lost"),
            ("disabled", "other"),
            ("disabled", "back"),
        ):
            home.clock.set(home.now + MINUTE)
            say(home, state, playbook)
        with home.database.engine.begin() as connection:
            config = schema._config(connection)
            command.stamp(config, schema.newest_revision())
            command.downgrade(config, "0014")
        schema.upgrade(database_url)
        home.settle()
        for account in ("a1", "a2"):
            assert run_of(home, "lost", account).is_open
            assert run_of(home, "other", account).end_reason == "disabled"
        assert run_of(home, "back").is_open
        assert statuses(home).count(Status.ON_DESK) == 2


def test_a_pause_starts_nothing_that_would_not_have_started_before_it(database_url: str) -> None:
    """In shadow, and for a share of the accounts, it is judged once the playbook goes on."""
    for state in ("shadow", "percent", "disabled"):
        with under_way(database_url if state == "shadow" else None, back=CALLBACK) as home:
            publishing.publish(home.outside, "back", state, "ruth", "because", 1)
            home.advance(HOUR)
            for _ in range(2):
                say(home, "paused", "back")
                home.advance(MINUTE)
            home.take_in(event(home, "callback.asked", "c1", "a1", callback_id="c1", person_id="p1"))
            home.settle()
            assert [run for run in runs(home) if run.playbook == "back"] == []
            say(home, "live", "back")
            home.settle()
            assert run_of(home, "back").is_open

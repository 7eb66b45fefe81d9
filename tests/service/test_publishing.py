"""Who published what, one step back, and the second person who is asked when a playbook reaches too far."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta

import pytest

from outreach.domain.blast import Answer, Blast, Radius
from outreach.domain.errors import NotFound, Refused
from outreach.domain.touch import Status
from outreach.lab.scratch import Scratch
from outreach.service import desk, intake, publishing, saves, sweep
from outreach.service.blast import within_radius
from outreach.service.ledger import Ledger
from tests.service import world
from tests.service.world import event, give, house, run_of, touches

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
CALL = (
    "purpose: service_recovery\nseverity: high\nwhen: delivery.lost\nonce_per: event.order_id\n"
    "hold: {purposes: [marketing], scope: account, after_close: 1d, at_most: 30d}\n"
    "steps: [{call: hurt_person, within: 4h, brief: x/call.md}, {email: hurt_person, template: x/mail.md}]\n"
)


@contextmanager
def storm(radius: int = 2, url: str | None = None, steps: str = CALL, accounts: int = 8) -> Iterator[Scratch]:
    """A house whose playbook may reach so many accounts in an hour, and accounts that can be let down."""
    rules = world.rules_with({"lost": steps})
    narrow = replace(rules, company=replace(rules.company, blast_radius=Radius(radius, HOUR)))
    with house(narrow, database_url=url) as home:
        for number in range(1, accounts + 1):
            give(home, f"a{number}", f"p{number}")
        yield home


def lose(home: Scratch, *numbers: int, order: str = "") -> None:
    """These accounts' orders are lost, all in one batch."""
    home.take_in(
        *(event(home, "delivery.lost", f"l{n}{order}", f"a{n}", order_id=f"o{n}{order}") for n in numbers)
    )
    home.settle()


def on_desk(home: Scratch) -> list[str]:
    return [
        f"a{n}" for n in range(1, 9) for touch in touches(home, f"a{n}") if touch.status is Status.ON_DESK
    ]


def waiting(home: Scratch) -> list[str]:
    return [
        f"a{n}" for n in range(1, 9) for touch in touches(home, f"a{n}")
        if touch.status is Status.PLANNED and touch.because == "blast_radius"
    ]  # fmt: skip


def audited(home: Scratch) -> list[str]:
    with home.database.view() as unit:
        return [row.what for row in unit.audit_of("playbook/lost")]


# -- history and back ----------------------------------------------------------------------------------


def test_history_tells_who_said_what_and_when_a_new_file_started_first(database_url: str) -> None:
    with storm(url=database_url) as home:
        assert publishing.history(home.outside, "lost") == []
        publishing.publish(home.outside, "lost", "percent", "ruth", "careful", 100)
        home.advance(MINUTE)
        lose(home, 1)
        home.advance(MINUTE)
        row = publishing.publish(home.outside, "lost", "paused", "olga", "the texts are wrong")
        assert (row.before, row.before_percent, row.version) == ("percent", 100, run_of(home, "lost").version)
        told = publishing.history(home.outside, "lost")
        assert [(row.state, row.before, row.by) for row in told] == [
            ("paused", "percent", "olga"), ("percent", "percent", ""), ("percent", "live", "ruth"),
        ]  # fmt: skip
        assert told[1].version == run_of(home, "lost").version
        assert publishing.history(home.outside, "lost", limit=1) == told[:1]


def test_one_step_back_and_back_again(database_url: str) -> None:
    with storm(url=database_url) as home:
        with pytest.raises(Refused, match="nothing to go back to"):
            publishing.take_back(home.outside, "lost", "ruth", "oops")
        publishing.publish(home.outside, "lost", "percent", "ruth", "careful", 20)
        publishing.publish(home.outside, "lost", "disabled", "ruth", "wrong one")
        publishing.publish(home.outside, "lost", "disabled", "ruth", "pressed twice")
        back = publishing.take_back(home.outside, "lost", "olga", "it was the other one")
        assert (back.state, back.percent, back.before) == ("percent", 20, "disabled")
        again = publishing.take_back(home.outside, "lost", "ruth", "no, this one")
        assert (again.state, again.before) == ("disabled", "percent")
        with home.database.view() as unit:
            assert unit.publish_states() == {"lost": ("disabled", 100)}
        assert audited(home).count("playbook.disabled") == 3


def test_nothing_is_said_without_a_reason_of_nothing_that_is_not_there() -> None:
    with storm() as home:
        for wrong in ("", "  "):
            with pytest.raises(Refused, match="Say why"):
                publishing.publish(home.outside, "lost", "paused", "ruth", wrong)
            with pytest.raises(Refused, match="Say why"):
                publishing.take_back(home.outside, "lost", "ruth", wrong)
        with pytest.raises(Refused, match="choose shadow"):
            publishing.publish(home.outside, "lost", "maybe", "ruth", "x")
        for unknown in (publishing.take_back, publishing.refuse):
            with pytest.raises(NotFound):
                unknown(home.outside, "losst", "ruth", "x")
        assert publishing.history(home.outside, "lost") == []


# -- the blast radius ----------------------------------------------------------------------------------


def test_beyond_the_radius_nothing_reaches_the_desk_until_a_second_person_says_yes(database_url: str) -> None:
    with storm(url=database_url) as home:
        publishing.publish(home.outside, "lost", "live", "ruth", "new words")
        lose(home, 1, 2, 3, 4)
        assert (on_desk(home), waiting(home)) == (["a1", "a2"], ["a3", "a4"])
        (asked,) = publishing.asked(home.outside)
        assert (asked.playbook, asked.accounts, asked.reached, asked.not_by) == ("lost", 2, 2, ("ruth",))
        home.advance(20 * MINUTE)
        lose(home, 5)
        assert waiting(home) == ["a3", "a4", "a5"]
        with pytest.raises(Refused, match="second person"):
            publishing.let_go(home.outside, "lost", "ruth", "it is the snow")
        assert publishing.let_go(home.outside, "lost", "olga", "it is the snow").accounts == 3
        home.advance(6 * MINUTE)
        assert on_desk(home) == ["a1", "a2", "a3", "a4", "a5"]
        assert publishing.asked(home.outside) == []
        assert {"playbook.asks", "playbook.let_go"} <= set(audited(home))


def test_what_waits_is_held_and_on_the_board_all_the_same() -> None:
    with storm(radius=1) as home:
        lose(home, 1, 2)
        assert world.failure(home, "delivery/o2", "a2").is_open
        with home.database.view() as unit:
            assert [hold.because for hold in unit.holds_of(["a2"])] == ["lost"]


def test_a_yes_holds_for_as_many_again_and_until_the_number_has_fallen() -> None:
    with storm() as home:
        lose(home, 1, 2, 3)
        publishing.let_go(home.outside, "lost", "olga", "it is the snow")
        lose(home, 4, 5, 6)
        home.advance(6 * MINUTE)
        assert on_desk(home) == ["a1", "a2", "a3", "a4", "a5", "a6"]
        lose(home, 7)
        assert waiting(home) == ["a7"], "three were named: up to six"
        (asked,) = publishing.asked(home.outside)
        assert asked.reached == 6
        publishing.let_go(home.outside, "lost", "olga", "more snow")
        home.advance(2 * HOUR)
        lose(home, 1, 2, 3, order="b")
        assert waiting(home) == ["a3"], "another hour, another question"


def test_an_account_counts_once_and_an_old_one_no_more() -> None:
    with storm() as home:
        lose(home, 1)
        lose(home, 1, order="b")
        lose(home, 2)
        assert publishing.asked(home.outside) == []
        home.advance(HOUR + MINUTE)
        lose(home, 3, 4)
        assert publishing.asked(home.outside) == []
        lose(home, 5)
        assert waiting(home) == ["a5"]


def test_a_no_ends_what_waits_pauses_the_playbook_and_leaves_the_failures(database_url: str) -> None:
    with storm(url=database_url) as home:
        publishing.publish(home.outside, "lost", "live", "ruth", "new words")
        lose(home, 1, 2, 3, 4)
        assert publishing.refuse(home.outside, "lost", "ruth", "the feed is wrong").accounts == 2
        home.settle()
        for account in ("a3", "a4"):
            run = run_of(home, "lost", account)
            assert (run.is_open, run.end_reason) == (False, "blast_radius")
            assert {touch.status for touch in touches(home, account)} == {Status.CANCELLED}
            assert world.failure(home, f"delivery/o{account[1]}", account).is_open
        assert on_desk(home) == ["a1", "a2"]
        with home.database.view() as unit:
            assert unit.publish_states()["lost"] == ("paused", 100)
        with pytest.raises(Refused, match="does not wait"):
            publishing.let_go(home.outside, "lost", "olga", "but yes")


def test_disabling_is_a_no() -> None:
    """And nobody lets go of what waits by switching the playbook off and on."""
    with storm() as home:
        lose(home, 1, 2, 3)
        publishing.publish(home.outside, "lost", "disabled", "ruth", "no")
        publishing.publish(home.outside, "lost", "live", "ruth", "yes")
        home.advance(10 * MINUTE)
        assert run_of(home, "lost", "a3").end_reason == "blast_radius"
        assert [touch.status for touch in touches(home, "a3")] == [Status.CANCELLED]


def test_pausing_and_going_on_answers_nothing() -> None:
    with storm() as home:
        lose(home, 1, 2, 3)
        publishing.publish(home.outside, "lost", "paused", "ruth", "wait")
        home.advance(10 * MINUTE)
        publishing.publish(home.outside, "lost", "live", "ruth", "go")
        home.advance(10 * MINUTE)
        assert waiting(home) == ["a3"]
        assert publishing.asked(home.outside)[0].not_by == ("ruth",)


def test_a_run_that_started_while_the_answer_was_being_given_follows_it() -> None:
    """Another process had not seen the no yet."""
    with storm() as home:
        lose(home, 1, 2, 3)
        publishing.refuse(home.outside, "lost", "olga", "no")
        home.settle()
        with home.database.unit() as unit:
            run = replace(run_of(home, "lost", "a1"), blast=1)
            unit.runs_of(["a1"])
            unit.save_runs([run])
        assert home.next_due() is not None
        sweep.tick(home.outside)
        assert run_of(home, "lost", "a1").end_reason == "blast_radius"


def test_every_pointless_call_is_counted_however_much_else_is_written() -> None:
    with storm() as home:
        with home.database.unit() as unit:
            for number in range(1100):
                why = f"{'small' if number % 2 else 'solved'} touch/{number}"
                unit.audit(home.now, "jonas", desk.POINTLESS_CALL, "playbook/lost", why)
            unit.audit(home.now, "jonas", desk.POINTLESS_CALL, "playbook/lost", "twice touch/0")
            for _ in range(1100):
                unit.audit(home.now, "otto", "run.moved", "playbook/lost")
        with home.database.view() as unit:
            said = desk.pointless_calls(unit, "lost", home.now - HOUR)
            assert said == {"small": 550, "solved": 549, "twice": 1}, "of each call the newest word"
            assert not desk.pointless_calls(unit, "lost", home.now + HOUR)


def test_shadow_reaches_nobody_and_asks_nobody() -> None:
    with storm() as home:
        publishing.publish(home.outside, "lost", "shadow", "ruth", "look")
        lose(home, 1, 2, 3, 4)
        assert publishing.asked(home.outside) == []
        publishing.publish(home.outside, "lost", "live", "ruth", "good")
        lose(home, 5, 6)
        assert on_desk(home) == ["a5", "a6"]


def test_two_workers_ask_one_question(database_url: str) -> None:
    with storm(url=database_url) as home:
        lose(home, 1, 2)
        with home.database.view() as unit:
            assert unit.blast("lost", 1) is None
        lose(home, 3)
        with home.database.unit() as unit:
            (asks,) = unit.blasts_standing()
            unit.add_blasts([replace(asks, accounts=77)])
        with home.database.view() as unit:
            assert unit.blasts_standing() == [asks]


def test_a_worker_that_looked_before_another_asked_asks_no_second_question() -> None:
    with storm() as home:
        lose(home, 1, 2)
        run = replace(run_of(home, "lost", "a1"), id="third", account="a3")
        with home.database.unit() as unit:
            ledger = Ledger(unit, home.outside, home.now)
            ledger.lock(["a3"])
            assert ledger.blasts == {}
            unit.add_blasts([Blast("lost", 1, Answer.ASKING, home.now, 3)])
            assert within_radius(ledger, run).blast == 1
            ledger.flush()
        assert [asks.reached for asks in publishing.asked(home.outside)] == [2]


def test_who_saved_the_file_last_is_no_second_person() -> None:
    with storm() as home:
        saves.Book(home.outside, "lost", "otto", "x").begin({}, {})
        publishing.publish(home.outside, "lost", "live", "ruth", "go")
        lose(home, 1, 2, 3)
        assert publishing.asked(home.outside)[0].not_by == ("otto", "ruth")


def test_the_mails_of_a_storm_wait_too_and_do_not_leave_past_their_time() -> None:
    mail = (
        "purpose: service_recovery\nseverity: high\nwhen: delivery.lost\nonce_per: event.order_id\nhold: none\n"
        "steps: [{email: hurt_person, template: x/mail.md, review: none, within: 1h}]\n"
    )
    with storm(radius=1, steps=mail) as home:
        lose(home, 1, 2)
        assert len(home.sent.taken) == 1
        home.advance(2 * HOUR)
        assert len(home.sent.taken) == 1
        publishing.let_go(home.outside, "lost", "olga", "late, but yes")
        home.advance(10 * MINUTE)
        assert [touch.status for touch in touches(home, "a2")] == [Status.EXPIRED]


def test_without_a_radius_nobody_is_asked() -> None:
    rules = world.rules_with({"lost": CALL})
    free = replace(rules, company=replace(rules.company, blast_radius=None))
    with house(free) as home:
        for number in range(1, 9):
            give(home, f"a{number}", f"p{number}")
        lose(home, *range(1, 9))
        assert len(on_desk(home)) == 8


def test_workers_at_once_ask_one_question_and_go_too_far_by_little(database_url: str) -> None:
    """Each sees what is committed: they may overshoot by what they start in the same moment, and then all stop."""
    with storm(radius=2, url=database_url) as home:
        with ThreadPoolExecutor(4) as workers:
            batches = [event(home, "delivery.lost", f"l{n}", f"a{n}", order_id=f"o{n}") for n in range(1, 9)]
            answers = list(workers.map(lambda one: intake.take_in(home.outside, [one]), batches))
        assert [answer.outcome for each in answers for answer in each] == ["accepted"] * 8
        (asked,) = publishing.asked(home.outside)
        home.settle()
        assert len(on_desk(home)) + asked.accounts == 8
        assert 2 <= len(on_desk(home)) <= 2 + 3
        with home.database.view() as unit:
            assert unit.blast("lost", 1) and unit.blast("lost", 2) is None


def test_only_what_still_waits_is_counted(database_url: str) -> None:
    with storm(url=database_url) as home:
        lose(home, 1, 2, 3, 4)
        assert publishing.asked(home.outside)[0].accounts == 2
        with home.database.unit() as unit:
            unit.bulk.run("update run set state = 'ended' where account = 'a4'")
        assert publishing.asked(home.outside)[0].accounts == 1


def test_a_playbook_whose_file_is_gone_can_still_be_stopped() -> None:
    with storm() as home:
        lose(home, 1, 2, 3)
        without = replace(home.outside.rules(), playbooks={})
        gone = replace(home.outside, rules=lambda: without)
        publishing.refuse(gone, "lost", "otto", "what was that?")
        publishing.publish(gone, "lost", "disabled", "otto", "it is gone")
        with pytest.raises(NotFound):
            publishing.publish(gone, "never-was", "disabled", "otto", "x")

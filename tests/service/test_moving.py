"""Runs are moved to the playbook as it is now: shown first, never twice, and with a reason where they stay."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest

from outreach.domain.errors import NotFound, Refused
from outreach.domain.evaluate import Ruleset
from outreach.domain.plan import RunState
from outreach.domain.talk import Outcome
from outreach.domain.touch import Disposition, Status
from outreach.lab.scratch import Scratch
from outreach.service import moving, outcomes, why
from outreach.service.why_told import Mark
from tests.service import world
from tests.service.test_late import no_difference
from tests.service.world import event, give, run_of, statuses, touches

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
HEAD = (
    "purpose: service_recovery\nseverity: high\nwhen: delivery.lost\nonce_per: event.order_id\n"
    "hold: {purposes: [marketing], scope: account, after_close: 1d, at_most: 30d}\nsteps:\n"
)
CALL = "  - {call: hurt_person, within: 4h, brief: x/call.md}\n"
MAIL = "  - {email: hurt_person, after: 1d, template: x/mail.md, review: none}\n"
TEXT = "  - {sms: hurt_person, after: 2d, template: x/text.md, review: none}\n"


class Files:
    """The rules, as ops change them."""

    def __init__(self, steps: str) -> None:
        self.write(steps)

    def write(self, steps: str) -> None:
        self.rules = world.rules_with({"lost": HEAD + steps})

    def __call__(self) -> Ruleset:
        return self.rules


@contextmanager
def house(steps: str, url: str | None = None, accounts: int = 1) -> Iterator[tuple[Scratch, Files]]:
    files = Files(steps)
    with world.scratch_house(files, world.MONDAY, database_url=url) as home:
        for number in range(1, accounts + 1):
            give(home, f"a{number}", f"p{number}", phone=f"+493012345{number}")
            home.take_in(event(home, "delivery.lost", f"l{number}", f"a{number}", order_id=f"o{number}"))
        home.settle()
        yield home, files


def move(home: Scratch, **more: str) -> list[moving.Move]:
    return moving.move(home.outside, "lost", "ruth", "the new words", **more)


def test_the_look_shows_what_changes_and_moves_nothing(database_url: str) -> None:
    with house(CALL + MAIL + TEXT, database_url) as (home, files):
        assert moving.preview(home.outside, "lost").versions == ()
        old = run_of(home, "lost")
        files.write(CALL + TEXT)
        found = moving.preview(home.outside, "lost")
        (version,) = found.versions
        (one,) = version.moves
        assert (version.version, found.to) == (old.version, files.rules.playbooks["lost"].version)
        assert version.diff.startswith("--- lost.yaml")
        assert "\n-  - email: hurt_person\n" in version.diff and "\n-I am sorry. Call me.\n" in version.diff
        assert one.stands == "step 1: call x/call.md, on desk"
        assert one.goes == ("step 2: e-mail x/mail.md", "step 3: SMS x/text.md")
        assert one.comes == ("step 2: SMS x/text.md",)
        assert (found.can, found.cannot) == ([one], [])
        assert run_of(home, "lost") == old


def test_what_is_laid_stays_and_what_comes_is_of_the_new_version(database_url: str) -> None:
    with house(CALL + MAIL, database_url) as (home, files):
        before = touches(home)
        files.write(CALL + TEXT)
        (done,) = move(home)
        run = run_of(home, "lost")
        assert (done.why_not, run.version) == ("", files.rules.playbooks["lost"].version)
        assert touches(home) == before
        home.advance(DAY + HOUR)  # when the mail was to come: its time had been set
        assert statuses(home) == [("call", "on_desk"), ("sms", "sent")]
        assert [message.channel.value for message in home.sent.messages] == ["sms"]
        assert no_difference(home)


def test_it_is_written_down_and_why_it_began_is_not_forgotten() -> None:
    with house(CALL + MAIL) as (home, files):
        began = run_of(home, "lost")
        with home.database.view() as unit:
            started = unit.decision_of_run("a1", began.id)
        files.write(CALL + TEXT)
        move(home)
        with home.database.view() as unit:
            (row,) = unit.audit_of(f"run/{began.id}")
            moved = unit.decision_of_run("a1", began.id)
        assert (row.who, row.what, row.why.rpartition(": ")[2]) == ("ruth", "run.moved", "the new words")
        assert started is not None and moved is not None
        assert (moved.outcome, moved.trace, moved.event) == ("moved", started.trace, started.event)
        (told,) = [row for row in why.why(home.outside, "a1").rows if row.playbook == "lost"]
        assert (told.outcome, told.mark) == ("moved", Mark.FOR)
        assert "was moved to a newer version since" in told.sentence


def test_what_was_sent_is_not_sent_again(database_url: str) -> None:
    with house(CALL + MAIL + TEXT, database_url) as (home, files):
        home.advance(DAY + HOUR)
        assert len(home.sent.taken) == 1
        files.write(CALL + TEXT + MAIL)
        (stays,) = move(home)
        assert "step 2 has begun, and is of another kind now: e-mail → SMS" in stays.why_not
        files.write(CALL + MAIL + MAIL)
        (stays,) = move(home)
        assert "would say again" in stays.why_not
        files.write(CALL + MAIL)
        (done,) = move(home)
        assert done.goes == ("step 3: SMS x/text.md",)
        home.advance(10 * DAY)
        assert [message.channel.value for message in home.sent.messages] == ["email"]
        assert move(home) == [], "it is there already"


def test_moved_twice_nothing_is_said_twice(database_url: str) -> None:
    """Of the second move it counts what had really left, not what the version in between would have said."""
    mail, other = "  - {email: hurt_person, template: x/mail.md, review: none}\n", "x/many.md"
    changed, wait = mail.replace("x/mail.md", other), "  - wait: 3d\n"
    with house(mail + wait + changed, database_url) as (home, files):
        assert len(home.sent.taken) == 1
        files.write(changed + wait + TEXT)
        (done,) = move(home)
        assert not done.why_not
        files.write(changed + wait + mail)
        (stays,) = moving.preview(home.outside, "lost").cannot
        assert "step 3: e-mail x/mail.md would say again" in stays.why_not
        (stays,) = move(home)
        assert stays.why_not
        home.advance(10 * DAY)
        assert [each.channel.value for each in home.sent.messages] == ["email", "sms"]


def test_a_longer_version_goes_on_after_the_call_that_was_waited_for() -> None:
    with house(CALL) as (home, files):
        files.write(CALL + "  - {email: hurt_person, template: x/mail.md, review: none, if: run.reached}\n")
        move(home)
        card = next(touch.card for touch in touches(home) if touch.status is Status.ON_DESK)
        outcomes.settle(home.outside, card or "", "jonas", Outcome(Disposition.REACHED))
        home.advance(HOUR)
        assert statuses(home) == [("call", "settled"), ("email", "sent")]


def test_what_a_reply_has_stopped_stays_stopped() -> None:
    with house(CALL + MAIL) as (home, files):
        reply = {"person_id": "p1", "channel": "email", "text": "Leave it.", "asks": "answer"}
        home.take_in(event(home, "message.received", "m1", **reply))
        home.settle()
        files.write(CALL + MAIL + TEXT)
        (done,) = move(home)
        assert (done.why_not, done.comes) == ("", ())
        home.advance(10 * DAY)
        assert home.sent.taken == []


def test_one_account_one_version_some_runs() -> None:
    with house(CALL + MAIL, accounts=3) as (home, files):
        first = run_of(home, "lost").version
        files.write(CALL + TEXT)
        (done,) = move(home, account="a2")
        assert done.run.account == "a2"
        assert move(home, from_version="nonsense") == []
        wanted = [run_of(home, "lost", "a3").id]
        (done,) = moving.move(home.outside, "lost", "ruth", "x", runs=wanted)
        assert done.run.account == "a3"
        (done,) = move(home, from_version=first[:8])
        assert done.run.account == "a1"


def test_what_is_under_way() -> None:
    with house(CALL + MAIL, accounts=2) as (home, files):
        found = moving.under_way(home.outside)
        assert [(each.run.account, each.next_step, each.is_current) for each in found] == [
            ("a1", "step 1: call x/call.md, on desk", True), ("a2", "step 1: call x/call.md, on desk", True),
        ]  # fmt: skip
        assert found[0].next_due == touches(home)[0].deadline
        files.write(CALL + TEXT)
        (only,) = moving.under_way(home.outside, "lost", "a2")
        assert (only.run.account, only.is_current) == ("a2", False)
        assert moving.under_way(home.outside, "other") == []


def test_without_a_reason_or_a_playbook_nothing_is_moved() -> None:
    with house(CALL + MAIL) as (home, files):
        files.write(CALL + TEXT)
        with pytest.raises(Refused, match="Say why"):
            moving.move(home.outside, "lost", "ruth", " ")
        with pytest.raises(NotFound):
            moving.preview(home.outside, "losst")
        assert run_of(home, "lost").version != files.rules.playbooks["lost"].version


def test_a_moved_run_is_beyond_the_law_no_more_than_any_other() -> None:
    """Due at once in the new version, at night: it waits for the morning like any SMS."""
    with house(CALL + MAIL) as (home, files):
        home.advance(12 * HOUR)  # 21:00 in Berlin
        files.write(CALL + "  - {sms: hurt_person, after: 1h, template: x/text.md, review: none}\n")
        move(home)
        home.advance(DAY)
        (sent,) = [touch for touch in touches(home) if touch.status is Status.SENT]
        assert sent.sent_at is not None and 7 <= sent.sent_at.hour < 20


def test_what_cannot_be_moved_goes_on_as_it_was() -> None:
    with house(CALL + MAIL, accounts=2) as (home, files):
        files.write(CALL + TEXT)
        with home.database.unit() as unit:
            unit.bulk.run("delete from playbook_version")
        (version,) = moving.preview(home.outside, "lost").versions
        assert {each.why_not for each in version.moves} == {"Its version cannot be read any more."}
        assert [each.why_not for each in move(home)] == [each.why_not for each in version.moves]
        with home.database.view() as unit:
            assert {run.state for run in unit.runs_of(["a1", "a2"])} == {RunState.OPEN}

"""The send protocol, row by row: what the provider did, what we may say of it, and what must never follow."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta

import pytest

from outreach.channels.null import FaultySender
from outreach.domain.errors import IllegalChange, Refused
from outreach.domain.facts import Channel
from outreach.domain.message import Message
from outreach.domain.touch import Status, Touch
from outreach.lab.scratch import Scratch, scratch_house
from outreach.service import care, desk, publishing, sweep, workbench
from outreach.service.ports_ways import Receipt
from outreach.service.sending import MOST_ATTEMPTS, record
from tests.faults.crowd import describe, let_down
from tests.faults.rules import rules
from tests.faults.workload import event
from tests.faults.world import START, label

HOUR = timedelta(hours=1)
House = Callable[..., Scratch]


@pytest.fixture
def house() -> Iterator[House]:
    """A house with that many customers who are owed a mail now, and a provider with that script."""
    opened = []

    def make(*script: str | Receipt, people: int = 1, sender: FaultySender | None = None) -> Scratch:
        sender = sender or FaultySender(script)
        opened.append(
            scratch_house(rules(), START, senders={Channel.EMAIL: sender, Channel.SMS: FaultySender()})
        )
        made = replace(opened[-1].__enter__(), sender=sender)
        describe(made, people)
        let_down(made, [f"p{n}-0" for n in range(people)])
        return made

    yield make
    for each in opened:
        each.__exit__(None, None, None)


def mail(house: Scratch, account: str = "p0-0") -> Touch:
    with house.database.view() as unit:
        (run,) = unit.runs_of([account])
        return next(touch for touch in unit.touches_of_run(run.id) if touch.channel is Channel.EMAIL)


def now_called(house: Scratch, **described: str) -> None:
    """p1 is described anew."""
    raw = event("person.described", "person:p1", "anew", house.now + timedelta(seconds=1), **described)
    assert [answer.outcome for answer in house.take_in(raw)] == ["accepted"]


def dies(house: Scratch) -> None:
    with pytest.raises(SystemExit):
        house.settle()


@dataclass(frozen=True)
class Row:
    """One way it can go: the provider's words, then what is so at once, and what is so in the end."""

    script: tuple[str, ...]
    at_once: Status
    in_the_end: Status
    taken: int
    calls: int = 1
    attempt: int = 1
    dies: bool = False


ROWS = {
    "taken": Row(("sent",), Status.SENT, Status.SENT, taken=1),
    "refused before a byte, then taken": Row(
        ("refused", "sent"), Status.DUE, Status.SENT, 1, calls=2, attempt=2
    ),
    "refused three times, then taken": Row(("refused",) * 3, Status.DUE, Status.SENT, 1, calls=4, attempt=4),
    "refused for ever": Row(
        ("refused",) * 99, Status.DUE, Status.FAILED, 0, calls=MOST_ATTEMPTS, attempt=MOST_ATTEMPTS
    ),
    "a definite no": Row(("failed",), Status.FAILED, Status.FAILED, 0),
    "no answer, and it was taken": Row(("unknown",), Status.UNKNOWN, Status.UNKNOWN, 1),
    "no answer, and it was not taken": Row(("lost",), Status.UNKNOWN, Status.UNKNOWN, 0),
    "refused, then no answer": Row(("refused", "unknown"), Status.DUE, Status.UNKNOWN, 1, calls=2, attempt=2),
    "we died before it was taken": Row(("crash",), Status.SENDING, Status.UNKNOWN, 0, dies=True),
    "we died right after it was taken": Row(("crash_after",), Status.SENDING, Status.UNKNOWN, 1, dies=True),
}


@pytest.mark.parametrize("row", ROWS.values(), ids=ROWS)
def test_what_the_provider_did_decides_what_we_say(house: House, row: Row) -> None:
    here = house(*row.script)
    (dies if row.dies else sweep_once)(here)
    assert mail(here).status is row.at_once
    here.advance(timedelta(days=20))
    touch = mail(here)
    assert (touch.status, touch.attempt) == (row.in_the_end, row.attempt)
    assert len(here.sender.taken) == row.taken
    assert here.sender.calls == row.calls
    assert not here.sender.doubled
    if row.in_the_end is Status.UNKNOWN:
        assert touch.sentence, "it does not say why nobody knows"


def sweep_once(house: Scratch) -> None:
    sweep.tick(house.outside)


def test_a_crash_leaves_one_message_in_doubt_and_the_others_still_to_be_sent(house: House) -> None:
    here = house("sent", "crash_after", people=6)
    dies(here)
    found = [mail(here, f"p{n}-0").status for n in range(6)]
    assert sorted(found) == sorted([Status.SENT, Status.SENDING, *[Status.DUE] * 4])
    here.advance(HOUR)
    assert len(here.sender.taken) == 6
    assert [mail(here, f"p{n}-0").status for n in range(6)].count(Status.UNKNOWN) == 1


def test_a_sender_that_breaks_leaves_an_unknown_and_stops_no_other_message(house: House) -> None:
    class Breaking(FaultySender):
        def send(self, message: Message, token: str) -> Receipt:
            if message.to == "p1@example.com":
                raise OSError("reset by peer")
            return super().send(message, token)

    here = house(people=3, sender=Breaking())
    here.settle()
    found = [mail(here, f"p{n}-0").status for n in range(3)]
    assert found == [Status.SENT, Status.UNKNOWN, Status.SENT]


# -- before anything leaves --------------------------------------------------------------------------


def test_a_message_that_cannot_be_rendered_has_failed_and_was_never_handed_over(house: House) -> None:
    here = house(people=3)
    now_called(here, name="Eve\nBcc: everybody@example.com")
    here.settle()
    touch = mail(here, "p1-0")
    assert (touch.status, touch.because, touch.token) == (Status.FAILED, "render", None)
    assert [mail(here, f"p{n}-0").status for n in (0, 2)] == [Status.SENT, Status.SENT]
    assert {message.to for message in here.sender.messages} == {"p0@example.com", "p2@example.com"}


def test_a_touch_that_breaks_a_room_waits_by_itself_and_stops_none_of_the_others(house: House) -> None:
    here = house(people=3)
    with here.database.unit() as unit:
        unit.bulk.run("update touch set step = 7 where account = 'p1-0'")
    here.settle()
    touch = mail(here, "p1-0")
    assert (touch.status, touch.because) == (Status.PLANNED, "internal")
    assert touch.due == START + HOUR
    assert len(here.sender.taken) == 2
    here.advance(timedelta(days=9))
    assert mail(here, "p1-0").status is Status.EXPIRED
    with here.database.view() as unit:
        assert unit.audit_of(f"touch/{touch.id}")


def test_the_kill_switch_lets_nothing_leave_and_loses_nothing(house: House) -> None:
    here = house(people=3)
    workbench.stop_all(here.outside, "ruth", "wrong template")
    here.advance(3 * HOUR)
    assert here.sender.calls == 0
    assert {mail(here, f"p{n}-0").because for n in range(3)} == {"kill_switch"}
    workbench.resume_all(here.outside, "ruth", "mended")
    here.advance(HOUR)
    assert len(here.sender.taken) == 3


def test_an_address_that_changed_after_the_touch_was_laid_is_judged_as_it_is_now(house: House) -> None:
    here = house(people=2)
    with here.database.unit() as unit:
        unit.suppress(here.outside.endpoint_hash("email", "stop@example.com"), "email", "opted_out", here.now)
    now_called(here, email="stop@example.com")
    here.settle()
    assert [message.to for message in here.sender.messages] == ["p0@example.com"]
    assert mail(here, "p1-0").status is Status.WITHHELD
    assert mail(here, "p1-0").because == "suppressed"


STOPPED = {
    "they opted out": (
        lambda here: care.opt_out(here.outside, "p1", "email", "STOP", "customer"),
        "opted_out",
    ),
    "they refused": (
        lambda here: say(here, "person.refused", "person:p1", person_id="p1", scope="written"),
        "opted_out",
    ),
    "they were erased": (lambda here: say(here, "person.erased", "person:p1", by="ruth"), None),
    "it is put right": (
        lambda here: desk.put_right(here.outside, "p1-0", "delivery/o-p1-0", "jonas", "customer", ""),
        "put_right",
    ),
    "it is no longer so": (
        lambda here: say(here, "backorder.cleared", "p1-0", order_id="o-p1-0"),
        "no_longer_true",
    ),
    "they replied": (
        lambda here: say(here, "message.received", "p1-0", person_id="p1", channel="email", text="stop"),
        "reply",
    ),
    "the playbook is disabled": (
        lambda here: publishing.publish(here.outside, "notice", "disabled", "ruth", "wrong"),
        "disabled",
    ),
    "the endpoint is suppressed": (lambda here: suppress(here, "p1@example.com"), "suppressed"),
}


def say(here: Scratch, type_: str, subject: str, **data: str) -> None:
    raw = event(type_, subject, f"said-{type_}", here.now + timedelta(seconds=1), **data)
    assert [answer.outcome for answer in here.take_in(raw)] == ["accepted"]


def suppress(here: Scratch, address: str) -> None:
    with here.database.unit() as unit:
        unit.suppress(here.outside.endpoint_hash("email", address), "email", "opted_out", here.now)


@pytest.mark.parametrize(("stop", "because"), STOPPED.values(), ids=STOPPED)
def test_what_has_changed_since_it_was_laid_stops_it_at_the_last_moment(
    house: House, stop: Callable[[Scratch], None], because: str | None
) -> None:
    here = house(people=2)
    assert mail(here, "p1-0").status is Status.PLANNED
    stop(here)
    here.advance(timedelta(days=9))
    touch = mail(here, "p1-0")
    assert touch.status in (Status.WITHHELD, Status.CANCELLED)
    assert because in (touch.because, None)
    assert "p1@example.com" not in {message.to for message in here.sender.messages}


# -- after it has left -------------------------------------------------------------------------------


def test_an_answer_that_is_recorded_twice_changes_nothing(house: House) -> None:
    here = house("sent")
    here.settle()
    sent = mail(here)
    for outcome in ("sent", "refused", "failed", "unknown"):
        record(here.outside, sent, Receipt(outcome))
        assert mail(here) == sent


@pytest.mark.parametrize(
    ("late", "status"),
    [
        ("sent", Status.SENT),
        ("failed", Status.FAILED),
        ("refused", Status.UNKNOWN),
        ("unknown", Status.UNKNOWN),
    ],
)
def test_a_definite_answer_that_comes_too_late_settles_what_was_unknown(
    house: House, late: str, status: Status
) -> None:
    here = house("crash_after")
    dies(here)
    in_flight = mail(here)
    here.advance(HOUR)
    assert mail(here).status is Status.UNKNOWN
    record(here.outside, in_flight, Receipt(late, ref="r1"))
    here.advance(timedelta(days=9))
    assert mail(here).status is status
    assert here.sender.calls == 1


def test_what_became_of_a_message_is_kept_even_where_its_run_is_broken(house: House) -> None:
    class Breaking(FaultySender):
        def send(self, message: Message, token: str) -> Receipt:
            with here.database.unit() as unit:
                unit.bulk.run("update run set step = 77, step_due = 0 where account = 'p1-0'")
            return super().send(message, token)

    here = house(people=3, sender=Breaking())
    here.settle()
    assert [mail(here, f"p{n}-0").status for n in range(3)] == [Status.SENT] * 3


def test_an_answer_to_an_earlier_attempt_does_not_settle_a_later_one(house: House) -> None:
    here = house("refused", "crash")
    sweep_once(here)
    first = here.outside.ids.token()
    here.clock.set(here.now + HOUR)
    dies(here)
    record(here.outside, replace(mail(here), token=first), Receipt("sent", ref="late"))
    assert mail(here).status is Status.SENDING


@pytest.mark.parametrize(("was", "status"), [("sent", Status.SENT), ("failed", Status.FAILED)])
def test_a_human_settles_what_nobody_knows(house: House, was: str, status: Status) -> None:
    here = house("unknown")
    here.settle()
    desk.settle_unknown(here.outside, mail(here).id, "ruth", was, "looked it up")
    here.advance(timedelta(days=5))
    assert mail(here).status is status
    assert here.sender.calls == 1
    with pytest.raises(Refused):
        desk.settle_unknown(here.outside, mail(here).id, "ruth", "again", "once more")


def test_only_a_human_sends_an_unknown_again_and_it_is_judged_again(house: House) -> None:
    here = house("lost", "lost", people=2)
    here.settle()
    care.opt_out(here.outside, "p1", "email", "STOP", "customer")
    for account in ("p0-0", "p1-0"):
        desk.settle_unknown(
            here.outside, mail(here, account).id, "ruth", "again", "the provider never saw it"
        )
    here.settle()
    assert (mail(here).status, mail(here).attempt) == (Status.SENT, 2)
    assert (mail(here, "p1-0").status, mail(here, "p1-0").because) == (Status.WITHHELD, "opted_out")
    assert [label(message) for message in here.sender.messages] == ["notice o-p0-0"]
    with here.database.view() as unit:
        (row,) = unit.audit_of(f"touch/{mail(here).id}")
    assert (row.who, row.what, row.why) == ("ruth", "unknown.again", "the provider never saw it")


def test_a_provider_that_asks_to_wait_is_asked_again_then_and_not_before(house: House) -> None:
    later = START + timedelta(hours=7)
    here = house(Receipt("refused", reason="429", retry_at=later))
    here.advance_to(later - timedelta(seconds=1))
    assert here.sender.calls == 1
    here.advance(timedelta(seconds=1))
    assert mail(here).status is Status.SENT


def test_a_provider_that_asks_to_wait_past_the_last_hour_lets_it_expire(house: House) -> None:
    here = house(Receipt("refused", reason="429", retry_at=START + timedelta(days=9)))
    here.advance(timedelta(days=10))
    assert (mail(here).status, here.sender.calls) == (Status.EXPIRED, 1)


def test_statuses_change_by_the_table_only(house: House) -> None:
    from outreach.domain.touch import CHANGES, advance

    here = house()
    for old in Status:
        for new in set(Status) - CHANGES[old]:
            with pytest.raises(IllegalChange):
                advance(replace(mail(here), status=old), new, here.now)


def test_what_a_sender_whose_clock_is_ahead_has_told_us_has_happened(house: House) -> None:
    here = house(people=2)
    ahead = here.now + timedelta(minutes=4)
    answers = here.take_in(event("backorder.cleared", "p1-0", "ahead", ahead, order_id="o-p1-0"))
    assert [answer.outcome for answer in answers] == ["accepted"]
    assert (mail(here, "p1-0").status, mail(here, "p1-0").because) == (Status.CANCELLED, "no_longer_true")

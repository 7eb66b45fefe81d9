"""Down for three days, then up: nothing leaves blindly, nothing is forgotten, and nobody gets it all at once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from outreach.domain.facts import Channel
from outreach.domain.touch import Status, Touch
from outreach.lab.scratch import Scratch, scratch_house
from outreach.service import sweep
from outreach.service.briefs import context_of, is_late
from outreach.service.ledger import Ledger
from tests.faults.crowd import describe, let_down, sent_at, statuses
from tests.faults.rules import rules
from tests.faults.workload import event
from tests.faults.world import START

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
THURSDAY = START + 3 * DAY + 2 * HOUR
"""Eleven o'clock in Berlin; it went down on Monday at nine."""


@contextmanager
def house(people: int = 1, accounts_each: int = 1, caps: str = "") -> Iterator[Scratch]:
    with scratch_house(rules(caps=caps), START) as made:
        describe(made, people, accounts_each=accounts_each)
        yield made


def down_until(here: Scratch, when: datetime) -> None:
    here.clock.set(when)


def touches(here: Scratch, channel: Channel) -> list[Touch]:
    with here.database.view() as unit:
        return [
            t
            for run in unit.runs_of(unit.account_ids())
            for t in unit.touches_of_run(run.id)
            if t.channel is channel
        ]


def quote(here: Scratch, account: str, nth: int) -> None:
    """Something that is asked within five business days, of somebody who wants to be asked."""
    person = account.partition("-")[0]
    here.take_in(
        event(
            "consent.given",
            f"person:{person}",
            f"consent-{person}",
            here.now,
            person_id=person,
            purpose="reorder",
        ),
        event(
            "quote.lost",
            account,
            f"quote-{account}-{nth}",
            here.now,
            quote_id=f"{account}-{nth}",
            person_id=person,
        ),
    )


def test_mail_whose_time_has_passed_expires_and_says_so() -> None:
    with house(people=3) as here:
        let_down(here, [f"p{n}-0" for n in range(3)])
        down_until(here, THURSDAY)
        here.settle()
        found = touches(here, Channel.EMAIL)
        assert [(t.status, t.because) for t in found] == [(Status.EXPIRED, "expired")] * 3
        assert all(t.sentence for t in found)
        assert not [message for message in here.sent.messages if message.channel is Channel.EMAIL]


def test_what_is_still_in_time_is_judged_by_what_is_so_now() -> None:
    with house(people=3) as here:
        let_down(here, [f"p{n}-0" for n in range(3)])
        down_until(here, START + DAY + HOUR)
        here.take_in(
            event(
                "endpoint.opted_out",
                "person:p0",
                "stop",
                here.now,
                person_id="p0",
                channel="email",
                how="STOP",
            ),
            event("backorder.cleared", "p1-0", "clear", here.now, order_id="o-p1-0"),
        )
        here.settle()
        by_account = {t.account: (t.status, t.because) for t in touches(here, Channel.EMAIL)}
        assert by_account["p0-0"] == (Status.WITHHELD, "opted_out")
        assert by_account["p1-0"] == (Status.CANCELLED, "no_longer_true")
        assert by_account["p2-0"][0] is Status.SENT
        assert [message.to for message in here.sent.messages if message.channel is Channel.EMAIL] == [
            "p2@example.com"
        ]


def test_a_call_never_expires_it_becomes_a_late_apology_and_climbs() -> None:
    with house() as here:
        here.take_in(
            event("delivery.delayed", "p0-0", "late", here.now, order_id="o1", days_late=3, person_id="p0")
        )
        down_until(here, THURSDAY)
        here.settle()
        (call,) = touches(here, Channel.CALL)
        assert call.status is Status.ON_DESK
        assert is_late(call, here.now)
        with here.database.view() as unit:
            ledger = Ledger(unit, here.outside, here.now)
            ledger.lock(["p0-0"])
            assert context_of(ledger, ledger.runs["p0-0"][call.run], call)["late_apology"] is True
            failure = ledger.accounts["p0-0"].failures["delivery/o1"]
        assert failure.climbed == 4, "owner, manager and the named person have not heard of it"


def test_a_call_that_was_asked_for_in_the_meantime_is_on_the_desk_at_once() -> None:
    with house() as here:
        wanted = (here.now + DAY).isoformat()
        here.take_in(
            event(
                "callback.asked", "p0-0", "cb", here.now, callback_id="cb", person_id="p0", wanted_at=wanted
            )
        )
        down_until(here, THURSDAY)
        here.settle()
        calls = touches(here, Channel.CALL)
        assert Status.ON_DESK in {call.status for call in calls}
        assert all(is_late(call, here.now) for call in calls if call.status is Status.ON_DESK)


def test_what_time_should_have_made_is_made_each_once_and_dated_as_it_happened() -> None:
    with house() as here:
        promised = here.now + HOUR
        here.take_in(
            event("order.placed", "p0-0", "order", here.now, order_id="o1", promised_for=promised.isoformat())
        )
        down_until(here, THURSDAY)
        here.settle()
        with here.database.view() as unit:
            made = [e for e in unit.events_of("p0-0") if e.type == "delivery.overdue" and not e.retracted]
        assert [(e.time, e.data["days_late"]) for e in made] == [(promised + DAY, 1), (promised + 2 * DAY, 2)]
        assert len(touches(here, Channel.CALL)) == 1


def test_one_person_does_not_get_it_all_at_once() -> None:
    with house(accounts_each=8, caps="{per_person_per_day: 2, per_person_per_week: 5}") as here:
        let_down(here, [f"p0-{n}" for n in range(8)])
        down_until(here, START + 2 * DAY)
        here.settle()
        assert len(here.sent.taken) == 2
        here.advance(7 * DAY)
        times = sent_at(here, "p0")
        for first, third in zip(times, times[2:], strict=False):
            assert third - first >= DAY
        assert set(statuses(here)) <= {
            (c, s) for c in ("email", "sms") for s in ("sent", "withheld", "expired")
        }


def test_up_again_at_night_nothing_rings_before_the_hours_of_the_place() -> None:
    with house(people=4) as here:
        let_down(here, [f"p{n}-0" for n in range(4)])
        here.settle()
        down_until(here, START + DAY + 14 * HOUR)  # 23:00 in Berlin
        here.settle()
        assert Counter(message.channel for message in here.sent.messages) == {Channel.EMAIL: 4}
        assert {(t.status, t.because) for t in touches(here, Channel.SMS)} == {(Status.PLANNED, "hours")}
        here.advance(DAY)
        assert {t.sent_at for t in touches(here, Channel.SMS)} == {START + DAY + 23 * HOUR}


def test_a_thousand_that_came_due_meanwhile_are_worked_off_in_batches_that_come_to_an_end() -> None:
    with house(people=300) as here:
        let_down(here, [f"p{n}-0" for n in range(300)])
        down_until(here, THURSDAY)
        rounds = 1
        while sweep.tick(here.outside).more:
            rounds += 1
        assert 3 <= rounds <= 15
        assert statuses(here)["email", "expired"] == 300
        waits = here.next_due()
        assert waits is None or waits > here.now

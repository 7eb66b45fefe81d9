"""Whatever happens in whatever order: nothing leaves at the wrong hour, above the caps, after a stop or in a
way that the table of changes does not know; and what is folded can be told anew at any time."""

from __future__ import annotations

import contextlib
from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from outreach.channels.null import FaultySender
from outreach.domain.errors import Refused
from outreach.domain.facts import Channel
from outreach.domain.message import Message
from outreach.domain.talk import Outcome, PromiseMade
from outreach.domain.touch import Disposition, Status, Touch
from outreach.lab.scratch import scratch_house
from outreach.service import care, desk, outcomes, workbench
from outreach.service.ports_ways import Receipt
from tests.conftest import PROFILE
from tests.faults.checker import LOG, cards, changes
from tests.faults.rules import rules
from tests.faults.workload import event
from tests.faults.world import START

PER_DAY, PER_WEEK, CALLS = 3, 6, 2
CAPS = (
    f"{{per_person_per_day: {PER_DAY}, per_person_per_week: {PER_WEEK}, calls_per_person_per_day: {CALLS}}}"
)
DAY, WEEK = timedelta(days=1), timedelta(days=7)
PLACES = {"anna": "Europe/Berlin", "bob": "America/New_York", "cem": "Europe/Berlin"}
COUNTRY = {"Europe/Berlin": "DE", "America/New_York": "US"}
BELONGS = {"anna": ["a1"], "bob": ["a2"], "cem": ["a3", "a4"]}
OWNER = {account: person for person, accounts in BELONGS.items() for account in accounts}
TYPES = {
    "delivery.delayed": "order_id", "backorder.opened": "order_id", "backorder.cleared": "order_id",
    "delivery.arrived": "order_id", "order.placed": "order_id", "quote.lost": "quote_id",
    "callback.asked": "callback_id", "complaint.opened": "complaint_id",
}  # fmt: skip

accounts = st.sampled_from(sorted(OWNER))
people = st.sampled_from(sorted(PLACES))
minutes = st.integers(-3 * 24 * 60, 24 * 60)


class Post(FaultySender):
    """Says what it is told to say, and remembers when it took what."""

    def __init__(self) -> None:
        super().__init__()
        self.now: Any = None
        self.times: list[tuple[datetime, Message]] = []

    def send(self, message: Message, token: str) -> Receipt:
        before = len(self.taken)
        try:
            return super().send(message, token)
        finally:
            if len(self.taken) > before:
                self.times.append((self.now(), message))


class Days(RuleBasedStateMachine):
    @initialize(hour=st.integers(0, 7 * 24))
    def move_in(self, hour: int) -> None:
        self.post, self.stack, self.numbers = Post(), contextlib.ExitStack(), 0
        senders = {Channel.EMAIL: self.post, Channel.SMS: self.post}
        start = START + timedelta(hours=hour)
        self.house = self.stack.enter_context(scratch_house(rules(caps=CAPS), start, senders=senders))
        self.post.now = self.house.clock.now
        self.dials: dict[str, list[datetime]] = defaultdict(list)
        self.out: dict[tuple[str, str], datetime] = {}
        with self.house.database.engine.begin() as connection:
            for statement in LOG:
                connection.exec_driver_sql(statement)
        for person, zone in PLACES.items():
            for account in BELONGS[person]:
                self.tell(
                    "account.described",
                    account,
                    name=account,
                    owner="jonas",
                    country=COUNTRY[zone],
                    zone=zone,
                )
            self.tell(
                "person.described", f"person:{person}", name=person.title(), email=f"{person}@example.com", zone=zone,
                phone={"anna": "+4930200001", "bob": "+12125550101", "cem": "+4930200003"}[person],
                country=COUNTRY[zone], accounts=[{"account": a, "roles": ["buyer"]} for a in BELONGS[person]],
            )  # fmt: skip

    def teardown(self) -> None:
        if not hasattr(self, "house"):
            return
        try:
            workbench.resume_all(self.house.outside, "ruth", "end")
            self.on(self.house.now + 45 * DAY)
            with self.house.database.view() as unit:
                left = unit.bulk.rows("select status, count(*) from touch group by status")
            assert {row[0] for row in left} <= {
                "sent",
                "failed",
                "unknown",
                "withheld",
                "expired",
                "cancelled",
                "settled",
                "on_desk",
                "draft",
            }
            assert not any(differs for _, differs in workbench.rebuild(self.house.outside, write=False))
        finally:
            self.stack.close()

    # -- what may happen -----------------------------------------------------------------------------

    def tell(self, type_: str, subject: str, at: datetime | None = None, id_: str = "", **data: Any) -> str:
        self.numbers += 1
        raw = event(type_, subject, id_ or f"e{self.numbers}", at or self.house.now, **data)
        (answer,) = self.house.take_in(raw)
        assert answer.outcome != "quarantined", answer
        return answer.outcome

    @rule(
        type_=st.sampled_from(sorted(TYPES)),
        account=accounts,
        key=st.integers(1, 3),
        ago=minutes,
        days=st.integers(0, 4),
    )
    def something_happens(self, type_: str, account: str, key: int, ago: int, days: int) -> None:
        at = self.house.now + timedelta(minutes=ago)
        data: dict[str, Any] = {TYPES[type_]: f"k{key}", "person_id": OWNER[account]}
        if type_ == "delivery.delayed":
            data["days_late"] = days
        if type_ == "order.placed":
            data["promised_for"] = (at + days * DAY).isoformat()
        if type_ == "callback.asked":
            data["wanted_at"] = (self.house.now + timedelta(hours=days)).isoformat()
        self.last = (type_, account, f"e{self.numbers + 1}", at, data)
        self.tell(type_, account, at, **data)

    @rule(later=st.integers(0, 600), changed=st.booleans())
    def it_is_sent_again(self, later: int, changed: bool) -> None:
        if not hasattr(self, "last"):
            return
        type_, account, id_, at, data = self.last
        if changed:
            at, data = (
                min(at + timedelta(minutes=later), max(at, self.house.now)),
                {**data, TYPES[type_]: "k9"},
            )
        self.tell(type_, account, at, id_, **data)
        assert self.tell(type_, account, at, id_, **data) == "duplicate"

    @rule(person=people, channel=st.sampled_from(["email", "sms", "call", "all"]))
    def they_opt_out(self, person: str, channel: str) -> None:
        care.opt_out(self.house.outside, person, channel, "STOP", "customer")
        self.out.setdefault((person, channel), self.house.now)

    @rule(person=people, hours=st.sampled_from(["after 16:00", "before 12:00", "09:00-12:00"]))
    def they_say_when(self, person: str, hours: str) -> None:
        self.tell(
            "preference.stated", f"person:{person}", person_id=person, kind="hours", value=hours, by="jonas"
        )

    @rule(person=people)
    def they_agree_to_be_asked(self, person: str) -> None:
        self.tell("consent.given", f"person:{person}", person_id=person, purpose="reorder", basis="express")

    @rule(account=accounts)
    def they_reply(self, account: str) -> None:
        self.tell("message.received", account, person_id=OWNER[account], channel="email", text="hm")

    @rule(hours=st.sampled_from([1, 3, 8, 24, 50]))
    def time_passes(self, hours: int) -> None:
        self.on(self.house.now + timedelta(hours=hours))

    def on(self, until: datetime) -> None:
        """Whoever dies on the way is followed by another, who goes on."""
        for _ in range(9):
            with contextlib.suppress(SystemExit):
                self.house.advance_to(until)
                return

    @rule(hours=st.sampled_from([2, 30, 80]))
    def the_house_is_down(self, hours: int) -> None:
        self.house.clock.set(self.house.now + timedelta(hours=hours))
        self.on(self.house.now)

    @rule(
        words=st.lists(
            st.sampled_from(["sent", "refused", "failed", "unknown", "lost", "crash", "crash_after"]),
            max_size=3,
        )
    )
    def the_provider_has_a_bad_day(self, words: Sequence[str]) -> None:
        self.post.script, self.post.calls = list(words), 0

    @rule(stop=st.booleans())
    def the_kill_switch(self, stop: bool) -> None:
        (workbench.stop_all if stop else workbench.resume_all)(self.house.outside, "ruth", "because")

    @rule(person=people, how=st.sampled_from(list(Disposition)), promise=st.booleans(), right=st.booleans())
    def somebody_calls(self, person: str, how: Disposition, promise: bool, right: bool) -> None:
        with self.house.database.view() as unit:
            card = unit.open_card(person)
            lines = [t for t in unit.touches_of_card(card.id) if t.status is Status.ON_DESK] if card else []
        if card is None or not [t for t in lines if t.channel is Channel.CALL]:
            return
        desk.claim(self.house.outside, card.id, "jonas")
        if not desk.dial(self.house.outside, card.id, "jonas").sends:
            return
        self.dials[person].append(self.house.now)
        failures = self._failures(lines)
        made = (
            PromiseMade("a grill", self.house.now + DAY, failures[0] if failures else None)
            if promise
            else None
        )
        outcome = Outcome(how, promise=made, put_right=failures if right else (), said_by="customer")
        with contextlib.suppress(Refused):
            outcomes.settle(self.house.outside, card.id, "jonas", outcome)

    def _failures(self, lines: Sequence[Touch]) -> list[str]:
        with self.house.database.view() as unit:
            runs = [unit.run(touch.run) for touch in lines]
        return sorted({run.failure for run in runs if run and run.failure})

    @rule(release=st.booleans())
    def a_draft_is_read(self, release: bool) -> None:
        with self.house.database.view() as unit:
            rows = unit.bulk.rows("select id from touch where status = 'draft' order by id limit 1")
            drafts = [touch for (id_,) in rows if (touch := unit.touch(id_))]
        for touch in drafts:
            assert touch.draft is not None
            if release:
                desk.release(
                    self.house.outside, touch.id, "jonas", touch.draft["subject"], touch.draft["text"]
                )
            else:
                desk.discard(self.house.outside, touch.id, "jonas", "no")

    @rule(account=accounts)
    def it_is_not_right(self, account: str) -> None:
        with self.house.database.view() as unit:
            state = unit.account(account)
        assert state is not None
        for failure in [f for f in state.failures.values() if f.state.value in ("put_right", "let_be")][:1]:
            desk.not_right(self.house.outside, account, failure.id, "jonas", "it is not")

    # -- what must hold ------------------------------------------------------------------------------

    @invariant()
    def work_comes_to_an_end(self) -> None:
        if hasattr(self, "house"):
            self.on(self.house.now)

    @invariant()
    def nothing_rings_at_the_wrong_hour(self) -> None:
        for at, message in self._times():
            zone = next(zone for person, zone in PLACES.items() if person.title() == message.to_name)
            if message.channel is Channel.SMS:
                local = at.astimezone(ZoneInfo(zone))
                assert 8 <= local.hour < 21, f"{message.to_name} at {local}"
                assert local.weekday() < 6 or zone != "Europe/Berlin", f"{message.to_name} on a Sunday"

    @invariant()
    def caps_hold(self) -> None:
        written = defaultdict(list)
        for at, message in self._times():
            written[message.to_name.lower()].append(at)
        for person in PLACES:
            dials = sorted(getattr(self, "dials", {}).get(person, []))
            assert most(sorted(written[person] + []), DAY) <= PER_DAY
            assert most(sorted(written[person] + []), WEEK) <= PER_WEEK
            assert most(dials, DAY) <= CALLS

    @invariant()
    def nobody_is_written_to_after_a_stop(self) -> None:
        for at, message in self._times():
            for channel in (message.channel.value, "all"):
                stopped = self.out.get((message.to_name.lower(), channel))
                assert stopped is None or at <= stopped, (
                    f"{message.to_name} said stop at {stopped}, and at {at}: {message.text}"
                )

    @invariant()
    def each_message_is_taken_once(self) -> None:
        if hasattr(self, "post"):
            assert not self.post.doubled

    @invariant()
    def the_desk_is_in_order_and_changes_are_legal(self) -> None:
        if hasattr(self, "house"):
            with self.house.database.view() as unit:
                assert [*cards(unit), *changes(unit)] == []

    def _times(self) -> list[tuple[datetime, Message]]:
        return self.post.times if hasattr(self, "post") else []


def most(times: Sequence[datetime], window: timedelta) -> int:
    """The most instants that lie within any window of that length."""
    return max((sum(at <= other < at + window for other in times) for at in times), default=0)


TestDays = Days.TestCase
TestDays.settings = settings(
    max_examples=400 if PROFILE == "nightly" else 25,
    stateful_step_count=40 if PROFILE == "nightly" else 20,
    deadline=None,
)

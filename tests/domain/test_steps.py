"""How a run walks its steps: one cursor, one touch at a time, each wait a row."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outreach.domain.conditions import Condition, Place, compile_condition
from outreach.domain.evaluate import Ruleset
from outreach.domain.facts import Channel, Purpose
from outreach.domain.hours import Duration
from outreach.domain.plan import Run, RunState
from outreach.domain.playbook import Branch, Playbook, Rung, Step
from outreach.domain.steps import (
    Footing,
    Recipient,
    Walked,
    again_from_start,
    end,
    look_again,
    may_leave_message,
    next_attempt,
    resume,
    settled,
    take_back,
    take_back_written,
    walk,
)
from outreach.domain.touch import UNSENT, Settlement, Status, Touch, advance
from tests.domain.makers import DAY, HOUR, MINUTE, MONDAY, OFFICE, counter, playbook, run, step, touch

CALL, EMAIL, SMS, TASK = Channel.CALL, Channel.EMAIL, Channel.SMS, Channel.TASK


@dataclass
class World:
    """What the walk asks of the world, as a test sets it."""

    now: datetime = MONDAY
    allows: dict[int, bool | None] = field(default_factory=dict)
    """Step → its ``if``; others are allowed."""
    still_open: bool | None = True
    wanted_at: datetime | None = None
    happened: dict[str, datetime] = field(default_factory=dict)
    busy: bool = False
    ids: Any = field(default_factory=lambda: counter("t"))

    def footing(self) -> Footing:
        return Footing(
            now=self.now,
            calendar=OFFICE,
            new_id=self.ids,
            recipient=lambda whom: Recipient("anna", "anna", "jonas"),
            allows=lambda each: self.allows.get(each.index, True),
            still_open=lambda: self.still_open,
            wanted_at=self.wanted_at,
            seen_since=lambda type_, since: type_ in self.happened and self.happened[type_] >= since,
            busy=lambda: self.busy,
        )


@pytest.fixture(scope="module")
def condition(ruleset: Ruleset) -> Condition:
    """Any condition at all: what it says comes from the world."""
    return compile_condition(
        "event.days_late >= 2", ruleset.vocabulary, ("delivery.delayed",), Place.plain("late.yaml", 1, 1)
    )


def told(walked: Walked) -> list[tuple[int, str, str]]:
    return [(each.step, str(each.status), each.because) for each in walked.laid]


# --- touches --------------------------------------------------------------------------------------------


def test_the_first_step_is_laid_at_once_and_a_call_has_its_promised_hour() -> None:
    walked = walk(run(), playbook("late", step(0, within="4 business hours")), World().footing())
    (call,) = walked.laid
    assert (call.status, call.due, call.deadline, call.not_after) == (
        Status.PLANNED, MONDAY, MONDAY + 4 * HOUR, None,
    )  # fmt: skip
    assert (call.person, call.identity, call.caller, call.because) == ("anna", "anna", "jonas", "late")
    assert (walked.run.step, walked.run.step_due, walked.run.wake_at) == (0, None, None)


def test_a_mail_goes_no_later_than_its_within_else_three_working_days() -> None:
    book = playbook("late", step(0, EMAIL), step(1, SMS, after="0", within="2h"))
    mail, sms = walk(run(), book, World().footing()).laid
    assert (mail.not_after, mail.deadline) == (MONDAY + 3 * DAY, None)
    assert sms.not_after == MONDAY + 2 * HOUR


def test_a_task_is_laid_with_its_words_and_its_hour() -> None:
    book = playbook("late", step(0, TASK, task="find the pallet", within="1 business day"))
    (task,) = walk(run(), book, World().footing()).laid
    assert (task.text, task.deadline, task.not_after) == ("find the pallet", MONDAY + DAY, None)


def test_without_after_the_next_step_waits_until_this_one_has_settled() -> None:
    world, book = World(), playbook("late", step(0), step(1, EMAIL))
    first = walk(run(), book, world.footing())
    assert told(first) == [(0, "planned", "late")]
    again = walk(first.run, book, world.footing())
    assert (again.run, again.laid) == (first.run, [])
    world.now += 5 * HOUR
    moved = settled(first.run, first.laid[0], world.now)
    second = walk(moved, book, world.footing())
    assert told(second) == [(1, "planned", "late")]
    assert second.laid[0].due == world.now


def test_with_after_the_cursor_moves_on_by_the_clock_and_the_card_stays_open() -> None:
    world, book = World(), playbook("late", step(0), step(1, EMAIL, after="1 business day"))
    first = walk(run(), book, world.footing())
    assert told(first) == [(0, "planned", "late")]
    assert (first.run.step, first.run.wake_at) == (1, MONDAY + DAY)
    assert settled(first.run, first.laid[0], MONDAY + HOUR) == first.run  # the call's end moves nothing
    world.now = MONDAY + DAY
    assert told(walk(first.run, book, world.footing())) == [(1, "planned", "late")]


def test_after_counts_from_when_the_step_before_became_due_also_when_the_clock_was_down() -> None:
    world = World(now=MONDAY + 5 * DAY)
    book = playbook("late", step(0), step(1, EMAIL, after="2h"))
    call, mail = walk(run(), book, world.footing()).laid
    assert (call.due, mail.due) == (MONDAY, MONDAY + 2 * HOUR)
    assert mail.not_after is not None and mail.not_after < world.now  # the policy will end it with a reason


@pytest.mark.parametrize(("answer", "because"), [(False, "step_if"), (None, "cannot_tell")])
def test_a_step_whose_if_is_false_or_cannot_be_told_is_kept_as_skipped(
    answer: bool | None, because: str, condition: Condition
) -> None:
    book = playbook("late", step(0, EMAIL, condition=condition), step(1))
    walked = walk(run(), book, World(allows={0: answer}).footing())
    assert told(walked) == [(0, "withheld", because), (1, "planned", "late")]
    assert walked.laid[0].ended_at == MONDAY


def test_a_skipped_step_still_sets_the_clock_of_the_next() -> None:
    book = playbook("late", step(0, EMAIL), step(1, after="3h"))
    walked = walk(run(), book, World(allows={0: False}).footing())
    assert told(walked) == [(0, "withheld", "step_if")]
    assert walked.run.wake_at == MONDAY + 3 * HOUR


def test_a_callback_is_due_when_they_asked_for_it_and_what_follows_counts_from_then() -> None:
    world = World(wanted_at=MONDAY + 5 * HOUR)
    book = playbook("ring", step(0, within="30m"), step(1, SMS, after="1h"), purpose=Purpose.CALLBACK)
    walked = walk(run(purpose=Purpose.CALLBACK), book, world.footing())
    (call,) = walked.laid
    assert (call.due, call.deadline) == (world.wanted_at, MONDAY + 5 * HOUR + 30 * MINUTE)
    assert walked.run.wake_at == MONDAY + 6 * HOUR  # "we rang" is no word for before we have
    earlier = World(wanted_at=MONDAY - HOUR)
    assert walk(run(purpose=Purpose.CALLBACK), book, earlier.footing()).laid[0].due == MONDAY


def test_only_a_callback_waits_for_the_hour_they_asked_for() -> None:
    world = World(wanted_at=MONDAY + 5 * HOUR)
    assert walk(run(), playbook("late"), world.footing()).laid[0].due == MONDAY


# --- waits ----------------------------------------------------------------------------------------------

WAIT_THEN_MAIL = playbook("late", step(0, None, wait="2d", wait_for="order.placed"), step(1, EMAIL))


def test_a_wait_is_a_row_with_its_instant() -> None:
    walked = walk(run(), WAIT_THEN_MAIL, World().footing())
    assert (walked.laid, walked.run.step, walked.run.step_started) == ([], 0, MONDAY)
    assert walked.run.wake_at == MONDAY + 2 * DAY


def test_looking_again_at_a_wait_does_not_begin_it_anew() -> None:
    world = World()
    waiting = walk(run(), WAIT_THEN_MAIL, world.footing()).run
    world.now += DAY
    assert walk(waiting, WAIT_THEN_MAIL, world.footing()).run == waiting


def test_a_wait_is_over_at_its_end() -> None:
    world = World()
    waiting = walk(run(), WAIT_THEN_MAIL, world.footing()).run
    world.now += 2 * DAY
    over = walk(waiting, WAIT_THEN_MAIL, world.footing())
    assert told(over) == [(1, "planned", "late")]
    assert (over.laid[0].due, over.run.step_started, over.run.wake_at) == (world.now, None, None)


@pytest.mark.parametrize(("when", "goes_on"), [(MONDAY + HOUR, True), (MONDAY, True), (MONDAY - HOUR, False)])
def test_the_event_it_waits_for_ends_it_early_unless_it_was_before(when: datetime, goes_on: bool) -> None:
    world = World(happened={"order.placed": when})
    world.now = MONDAY + 2 * HOUR
    walked = walk(run(), WAIT_THEN_MAIL, world.footing())
    assert bool(walked.laid) is goes_on


def test_after_a_wait_counts_from_the_waits_end_so_that_what_follows_is_not_expired_at_once() -> None:
    book = playbook("late", step(0, None, wait="30d"), step(1, EMAIL, after="1 business day"))
    world = World()
    waiting = walk(run(), book, world.footing()).run
    world.now = MONDAY + 30 * DAY
    next_ = walk(waiting, book, world.footing())
    assert next_.laid == []
    assert next_.run.wake_at == OFFICE.add(MONDAY + 30 * DAY, Duration(business_days=1))


def test_a_wait_ended_early_sets_the_clock_of_what_follows_from_then() -> None:
    book = playbook("late", step(0, None, wait="30d", wait_for="order.placed"), step(1, EMAIL, after="1h"))
    world = World(now=MONDAY + DAY, happened={"order.placed": MONDAY + DAY})
    assert walk(run(), book, world.footing()).run.wake_at == MONDAY + DAY + HOUR


# --- still_open -----------------------------------------------------------------------------------------


def test_without_a_branch_the_run_ends_when_it_is_no_longer_so(condition: Condition) -> None:
    book = playbook("late", still_open=condition)
    walked = walk(run(), book, World(still_open=False).footing())
    assert (walked.run.state, walked.run.end_reason, walked.laid) == (RunState.ENDED, "no_longer_true", [])


def test_with_a_branch_each_step_says_its_softer_words_or_is_skipped(condition: Condition) -> None:
    steps = (step(0), step(1, EMAIL, after="0"), step(2, TASK, after="0", task="find it"))
    book = playbook("late", *steps, still_open=condition, if_resolved=Branch(brief="softer.md"))
    walked = walk(run(), book, World(still_open=False).footing())
    assert told(walked) == [
        (0, "planned", "late"), (1, "withheld", "no_text_once_resolved"), (2, "planned", "late"),
    ]  # fmt: skip
    assert [each.resolved for each in walked.laid] == [True, True, True]
    assert walked.run.resolved


@pytest.mark.parametrize("answer", [True, None])
def test_open_or_unknown_goes_on_as_before(answer: bool | None, condition: Condition) -> None:
    book = playbook("late", still_open=condition, if_resolved=Branch(brief="softer.md"))
    walked = walk(run(resolved=True), book, World(still_open=answer).footing())
    assert (walked.run.resolved, walked.laid[0].resolved) == (False, False)


# --- the end --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "busy", "ends"),
    [
        ({"failure": "delivery/o1"}, False, False),  # stays until a human has closed the failure
        ({"failure": "delivery/o1", "purpose": Purpose.CALLBACK}, False, False),
        ({"failure": "delivery/o1", "purpose": Purpose.WINBACK}, False, True),
        ({}, False, True),
        ({}, True, False),  # a touch of it is still open
    ],
)
def test_when_a_run_that_has_walked_its_steps_ends(changes: dict[str, Any], busy: bool, ends: bool) -> None:
    walked = walk(run(step=1, **changes), playbook("late"), World(busy=busy).footing())
    assert (walked.run.end_reason == "completed") is ends
    assert (walked.run.step_due, walked.run.wake_at) == (None, None)


def test_a_run_that_has_ended_walks_no_further() -> None:
    over = end(run(wake_at=MONDAY), "put_right", MONDAY)
    assert (over.ended_at, over.step_due, over.wake_at) == (MONDAY, None, None)
    assert walk(over, playbook("late"), World().footing()).laid == []


# --- what comes back --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "of_touch"),
    [
        ({"step_due": MONDAY}, {}),  # it waits for the clock, not for this touch
        ({"step": 1, "step_due": None}, {}),  # it has moved on
        ({"step_due": None, "round": 2}, {}),  # a touch of the round before
        ({"step_due": None, "state": RunState.ENDED}, {}),
        ({"step_due": None}, {"step": 1}),
    ],
)
def test_a_touch_that_the_cursor_does_not_wait_for_moves_nothing(
    changes: dict[str, Any], of_touch: dict[str, Any]
) -> None:
    before = run(**changes)
    assert settled(before, touch(**of_touch), MONDAY) is before


LADDER = {
    "no_answer": Rung(Duration.parse("1 business day"), at_most=3, voicemail="once"),
    "busy": Rung(Duration.parse("1h"), at_most=2),
    "voicemail": Rung(Duration.parse("1d"), at_most=3),
}


@pytest.mark.parametrize(
    ("disposition", "attempt", "due"),
    [
        ("no_answer", 1, MONDAY + DAY),
        ("no_answer", 2, MONDAY + DAY),
        ("no_answer", 3, None),  # all attempts are counted
        ("busy", 1, MONDAY + HOUR),
        ("busy", 2, None),
        ("wrong_number", 1, None),  # no rung for it
        ("reached", 1, None),
    ],
)
def test_the_ladder_tries_again_until_it_is_at_its_end(
    disposition: str, attempt: int, due: datetime | None
) -> None:
    dialled = touch(
        id="dialled", channel=CALL, status=Status.ON_DESK, attempt=attempt, card="c1", opened=True,
        deadline=MONDAY,
    )  # fmt: skip
    following = next_attempt(dialled, disposition, step(0, ladder=LADDER), World().footing())
    assert (following and following.due) == due
    if following is not None:
        assert (following.status, following.attempt, following.card) == (Status.PLANNED, attempt + 1, None)
        assert (following.opened, following.intent_at, following.ended_at) == (False, None, None)
        assert following.deadline == MONDAY  # the promised hour was promised once
        assert following.id != dialled.id


def test_the_ladder_remembers_what_was_said_on_the_machine() -> None:
    dialled = touch(channel=CALL, voicemails=1)
    on, rungs = World().footing(), step(0, ladder=LADDER)
    said, silent = next_attempt(dialled, "voicemail", rungs, on), next_attempt(dialled, "busy", rungs, on)
    assert said is not None and said.voicemails == 2
    assert silent is not None and silent.voicemails == 1


def test_a_ladder_leaves_one_message_where_it_may_leave_any() -> None:
    rungs, on = step(0, ladder=LADDER), World().footing()
    first = touch(channel=CALL)
    assert may_leave_message(first, rungs)
    missed = next_attempt(first, "no_answer", rungs, on)
    assert missed is not None and may_leave_message(missed, rungs)
    left = next_attempt(missed, "voicemail", rungs, on)
    assert left is not None and not may_leave_message(left, rungs)
    assert not may_leave_message(first, step(0))
    assert not may_leave_message(first, step(0, ladder={"no_answer": Rung(Duration.parse("1d"), at_most=3)}))


def test_looking_again_brings_the_last_call_back_as_a_card() -> None:
    book = playbook("late", step(0), step(1, EMAIL), step(2, within="1h"), step(3, SMS))
    world = World(now=MONDAY + 2 * DAY)
    again = look_again(run(step=4, step_due=None, round=2), book, world.footing())
    assert again is not None
    assert (again.step, again.because, again.round, again.due) == (2, "look_again", 2, world.now)
    assert again.deadline == world.now + HOUR


def test_nobody_looks_again_where_nobody_was_to_call_or_the_run_is_over() -> None:
    assert look_again(run(), playbook("late", step(0, EMAIL)), World().footing()) is None
    assert look_again(run(state=RunState.ENDED), playbook("late"), World().footing()) is None


def test_it_is_not_put_right_begins_the_next_round_at_step_one() -> None:
    over = end(run(step=3, reached=True, replied=True, resolved=True, attempts=2), "put_right", MONDAY)
    again = again_from_start(over, 2, MONDAY + DAY)
    assert (again.state, again.end_reason, again.ended_at) == (RunState.OPEN, "", None)
    assert (again.step, again.step_due, again.round) == (0, MONDAY + DAY, 2)
    assert (again.reached, again.replied, again.resolved) == (False, False, False)
    assert (again.id, again.started_at) == (over.id, over.started_at)
    assert told(walk(again, playbook("late"), World(now=MONDAY + DAY).footing())) == [(0, "planned", "late")]


def test_justified_again_it_goes_on_from_what_has_left() -> None:
    book = playbook("late", step(0), step(1, EMAIL), step(2, SMS))
    gone = end(run(step=1, step_due=None), "withdrawn", MONDAY)
    on = World(now=MONDAY + DAY).footing()
    fresh = resume(gone, book, [], on)
    assert (fresh.state, fresh.step, fresh.step_due) == (RunState.OPEN, 0, MONDAY + DAY)
    spoken = touch(channel=CALL, step=0, status=Status.SETTLED, settlement=Settlement.REACHED)
    assert (resume(gone, book, [spoken], on).step, resume(gone, book, [spoken], on).step_due) == (
        1,
        MONDAY + DAY,
    )
    on_its_way = touch(step=1, status=Status.SENDING)
    waits = resume(gone, book, [spoken, on_its_way], on)
    assert (waits.step, waits.step_due) == (1, None)


def test_ending_a_run_takes_back_what_has_not_left() -> None:
    touches = [touch(id=str(status), status=status) for status in Status]
    changes = {old.status: new for old, new in take_back(touches, "put_right", MONDAY)}
    assert set(changes) == {*UNSENT, Status.ON_DESK}
    for status in UNSENT:
        assert (changes[status].status, changes[status].because) == (Status.CANCELLED, "put_right")
    withdrawn = changes[Status.ON_DESK]
    assert (withdrawn.status, withdrawn.settlement) == (Status.SETTLED, Settlement.WITHDRAWN)


def test_a_reply_stops_what_is_written_and_the_open_card_stays() -> None:
    touches = [
        touch(id="call", channel=CALL, status=Status.ON_DESK),
        touch(id="mail"),
        touch(id="sms", channel=SMS),
    ]
    assert [old.id for old, _ in take_back_written(touches, "reply", MONDAY)] == ["mail", "sms"]


# --- what holds for every playbook ------------------------------------------------------------------------

HOURS = st.integers(0, 60).map(lambda hours: Duration(seconds=hours * 3600.0))
shapes = st.lists(
    st.tuples(st.sampled_from([CALL, EMAIL, SMS, TASK, None]), st.none() | HOURS, HOURS),
    min_size=1,
    max_size=6,
)
moves = st.lists(
    st.one_of(
        st.tuples(st.just("later"), st.integers(0, 80)),
        st.tuples(st.sampled_from(["settle", "open", "resolved", "order", "again", "withdrawn"]), st.just(0)),
    ),
    max_size=25,
)


def made(shape: list[tuple[Channel | None, Duration | None, Duration]], condition: Condition) -> Playbook:
    steps: list[Step] = []
    for index, (channel, after, wait) in enumerate(shape):
        more: dict[str, Any] = {"after": after} if channel else {"wait": wait, "wait_for": "order.placed"}
        steps.append(step(index, channel, **more))
    return playbook("any", *steps, still_open=condition, if_resolved=Branch(brief="softer.md"))


class _Telling:
    """One run under random moves of the world, with what it has laid so far."""

    def __init__(self, book: Playbook, world: World) -> None:
        self.book, self.world = book, world
        self.run: Run = run(failure="delivery/o1")
        self.touches: dict[str, Touch] = {}
        self.walk()

    def walk(self) -> None:
        before = self.run
        walked = walk(self.run, self.book, self.world.footing())
        self.run = walked.run
        assert (before.round, before.step) <= (self.run.round, self.run.step), "the cursor went back"
        for each in walked.laid:
            self.touches[each.id] = each

    def move(self, what: str, hours: int) -> None:
        if what == "later":
            self.world.now += hours * HOUR
        elif what == "settle":
            for each in [each for each in self.touches.values() if each.is_open][:1]:
                self.touches[each.id] = advance(each, Status.CANCELLED, self.world.now)
                self.run = settled(self.run, each, self.world.now)
        elif what in ("open", "resolved"):
            self.world.still_open = what == "open"
        elif what == "order":
            self.world.happened["order.placed"] = self.world.now
        else:
            for old, new in take_back(self.touches.values(), what, self.world.now):
                self.touches[old.id] = new
            self.run = again_from_start(self.run, self.run.round + 1, self.world.now)
        self.walk()


@given(shapes, moves, st.dictionaries(st.integers(0, 5), st.sampled_from([True, False, None])))
def test_the_cursor_never_goes_back_within_a_round_and_each_step_is_laid_once_per_round(
    condition: Condition,
    shape: list[tuple[Channel | None, Duration | None, Duration]],
    moved: list[tuple[str, int]],
    allowed: dict[int, bool | None],
) -> None:
    telling = _Telling(made(shape, condition), World(allows=allowed))
    for what, hours in moved:
        telling.move(what, hours)
    laid = [(each.round, each.step, each.attempt) for each in telling.touches.values()]
    assert len(laid) == len(set(laid))
    assert all(telling.book.steps[each.step].channel is each.channel for each in telling.touches.values())
    assert telling.run.is_open  # its failure is open


@given(shapes, moves)
def test_an_open_run_waits_for_the_clock_or_a_touch_or_has_walked_all_its_steps(
    condition: Condition,
    shape: list[tuple[Channel | None, Duration | None, Duration]],
    moved: list[tuple[str, int]],
) -> None:
    """Nothing is ever stuck: what waits has a row or an open touch that moves it."""
    telling = _Telling(made(shape, condition), World())
    for what, hours in moved:
        telling.move(what, hours)
        on = telling.run
        if on.wake_at is not None:
            assert on.wake_at > telling.world.now
        elif on.step < len(telling.book.steps):
            waited = [
                t for t in telling.touches.values() if t.is_open and (t.round, t.step) == (on.round, on.step)
            ]
            assert waited, "nothing will ever move this run"


@given(shapes)
def test_walking_twice_at_one_instant_is_walking_once(
    condition: Condition, shape: list[tuple[Channel | None, Duration | None, Duration]]
) -> None:
    book, world = made(shape, condition), World()
    first = walk(run(), book, world.footing())
    second = walk(first.run, book, replace(world, busy=any(t.is_open for t in first.laid)).footing())
    assert (second.run, second.laid) == (first.run, [])

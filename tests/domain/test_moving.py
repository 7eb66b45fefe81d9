"""Runs on an old version, placed in the new one: nothing twice, nothing undone, and a reason where it cannot be."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outreach.domain.facts import Channel, Purpose
from outreach.domain.hours import Duration
from outreach.domain.moving import Moved, Ran, Stays, first_to_come, move, says, worded
from outreach.domain.plan import Run
from outreach.domain.playbook import Playbook, Step
from outreach.domain.touch import Status, Touch
from tests.domain.makers import DAY, MONDAY, playbook, run, touch

KINDS = {"call": Channel.CALL, "email": Channel.EMAIL, "sms": Channel.SMS, "task": Channel.TASK, "wait": None}


def steps(*words: str) -> tuple[Step, ...]:
    """``call a``, ``email b``, ``wait``: the kind, and what it says."""
    made = []
    for index, text in enumerate(words):
        kind, _, what = text.partition(" ")
        named: dict[str, Any] = {"call": {"brief": what}, "task": {"task": what}}.get(
            kind, {"template": what}
        )
        made.append(
            Step(index, KINDS[kind], **named) if what else Step(index, KINDS[kind], wait=Duration(86400))
        )
    return tuple(made)


def version(name: str, *words: str, **more: Any) -> Playbook:
    return playbook("late", *steps(*words), version=name, **more)


def at(step: int, due: bool = True, **more: Any) -> Run:
    """``due``: the step has not begun, or is a wait; else its touch is on its way."""
    return run(step=step, step_due=MONDAY if due else None, version="v1", **more)


def begun(one: Run, book: Playbook) -> list[Touch]:
    """What has left of the steps before the one it stands at."""
    steps = book.steps[: first_to_come(one, book, [])]
    return [
        touch(id=f"t{step.index}", step=step.index, channel=step.channel, status=Status.SENT)
        for step in steps
        if step.channel
    ]


OLD = version("v1", "call a", "email b", "wait", "sms c")


@pytest.mark.parametrize(
    ("one", "new", "goes", "comes"),
    [
        (at(0), OLD, (), ()),
        (at(0), version("v2", "call a", "email x", "wait", "sms c"), (1,), (1,)),
        (at(0), version("v2", "email x"), (0, 1, 2, 3), (0,)),  # nothing has begun
        (at(0, due=False), version("v2", "call x", "email b", "wait", "sms c"), (), ()),  # what is laid stays
        (at(1), version("v2", "call a"), (1, 2, 3), ()),
        (at(1), version("v2", "call a", "sms d", "email b"), (1, 2, 3), (1, 2)),
        (at(1, due=False), version("v2", "call a", "email b", "sms d"), (2, 3), (2,)),
        (at(2, step_started=MONDAY), version("v2", "call a", "email b", "wait"), (3,), ()),
        (at(3), version("v2", "call a", "email b", "wait", "sms c", "task d"), (), (4,)),
        (at(4, due=False), version("v2", "call a", "email b", "wait", "sms c", "task d"), (), ()),  # stopped, or done
    ],
)  # fmt: skip
def test_what_goes_and_what_comes(
    one: Run, new: Playbook, goes: tuple[int, ...], comes: tuple[int, ...]
) -> None:
    found = move(one, OLD, new, [])
    assert isinstance(found, Moved)
    assert (found.goes, found.comes) == (goes, comes)
    assert found.run.version == new.version
    assert found.run == replace(one, version=new.version, step=found.run.step)


@pytest.mark.parametrize(
    ("one", "new", "why"),
    [
        (at(1), version("v2", "email a"), "Its step 1 has begun, and is of another kind now: call → e-mail."),
        (at(0, due=False), version("v2", "sms a"), "call → SMS"),
        (at(2), version("v2", "call a"), "Its step 2 (e-mail) has begun, and is not there any more."),
        (at(2, step_started=MONDAY), version("v2", "call a", "email b"), "Its step 3 (wait) has begun"),
        (at(2, step_started=MONDAY), version("v2", "call a", "email b", "sms c"), "wait → SMS"),
        (at(2), version("v2", "call a", "email x", "email b"), "Its step 3: e-mail b would say again"),
        (at(4, due=False), version("v2", "call a"), "is not there any more"),
        (at(0), version("v2", "call a", purpose=Purpose.WINBACK), "for another purpose now"),
    ],
)
def test_what_cannot_be_moved_says_why(one: Run, new: Playbook, why: str) -> None:
    found = move(one, OLD, new, begun(one, OLD))
    assert isinstance(found, Stays)
    assert why in found.why


def test_what_is_open_of_an_earlier_round_or_beyond_the_cursor_must_find_its_step() -> None:
    new = version("v2", "call a", "email b")
    sent = touch(step=3, status=Status.SENT, channel=Channel.SMS)
    assert isinstance(move(at(0, round=2), OLD, new, [sent]), Moved)
    unknown = replace(sent, status=Status.UNKNOWN)
    assert isinstance(move(at(0, round=2), OLD, new, [unknown]), Stays)


def test_a_run_of_many_rounds_begins_each_anew() -> None:
    before = touch(step=0, round=1, status=Status.SETTLED)
    assert first_to_come(at(0, round=2), OLD, [before]) == 0
    assert first_to_come(at(0, round=1), OLD, [before]) == 1
    assert first_to_come(at(9), OLD, []) == 4


def test_a_text_with_the_same_name_and_other_words_is_another() -> None:
    new = replace(OLD, version="v2", templates={"b": "new words"})
    found = move(at(0), replace(OLD, templates={"b": "old words"}), new, [])
    assert isinstance(found, Moved) and found.comes == (1,)


def test_what_was_said_by_a_version_before_the_last_is_not_said_again() -> None:
    one, v1 = at(1, step_started=MONDAY), version("v1", "email a", "wait", "email x")
    v2, v3 = version("v2", "email b", "wait", "email x"), version("v3", "email b", "wait", "email a")
    sent = touch(step=0, status=Status.SENT, created_at=MONDAY - DAY, intent_at=MONDAY - DAY)
    ran = [Ran(MONDAY - 2 * DAY, v1), Ran(MONDAY, v2)]
    found = move(one, v2, v3, [sent], ran)
    assert isinstance(found, Stays) and "step 3: e-mail a would say again" in found.why
    would_have = version("v4", "email c", "wait", "email b")
    assert isinstance(move(one, v2, would_have, [sent], ran), Moved), "b was never said"
    lost = move(one, v2, v3, [sent], [Ran(MONDAY - 2 * DAY, None), Ran(MONDAY, v2)])
    assert isinstance(lost, Stays) and "cannot be read any more" in lost.why


def test_a_copy_of_a_text_is_the_same_text_and_what_never_left_was_not_said() -> None:
    old = replace(version("v1", "email a", "wait"), templates={"a": "I am\nsorry."})
    new = replace(version("v2", "email x", "wait", "email copy"), templates={"copy": "I am sorry."})
    one, sent = at(1), touch(step=0, status=Status.SENT)
    assert isinstance(move(one, old, new, [sent]), Stays)
    assert isinstance(move(one, old, new, [replace(sent, status=Status.WITHHELD)]), Moved)
    assert isinstance(move(one, old, new, [replace(sent, status=Status.DRAFT)]), Stays), "it may leave yet"


def test_steps_in_words() -> None:
    assert [worded(step) for step in OLD.steps] == [
        "step 1: call a", "step 2: e-mail b", "step 3: wait", "step 4: SMS c",
    ]  # fmt: skip


words = st.builds(
    lambda kind, what: kind if kind == "wait" else f"{kind} {what}",
    st.sampled_from(sorted(KINDS)),
    st.sampled_from("ab"),
)
plans = st.lists(words, min_size=1, max_size=5)


@given(plans, plans, st.integers(0, 5), st.booleans(), st.booleans())
def test_nothing_is_said_more_often_than_it_would_have_been_and_nothing_begun_is_undone(
    before: list[str], after: list[str], cursor: int, due: bool, waits: bool
) -> None:
    old, new = version("v1", *before), version("v2", *after)
    cursor = min(cursor, len(old.steps))
    one = at(cursor, due=due)
    if waits and due and cursor < len(old.steps) and old.steps[cursor].channel is None:
        one = replace(one, step_started=MONDAY - DAY)
    found = move(one, old, new, begun(one, old))
    if isinstance(found, Stays):
        assert found.why
        return
    first = first_to_come(one, old, [])
    behind, coming = old.steps[:first], new.steps[first:] if cursor < len(old.steps) else ()
    assert [step.channel for step in behind] == [step.channel for step in new.steps[:first]]
    said = Counter((step.channel, says(step)) for step in behind if says(step))
    planned = said + Counter((s.channel, says(s)) for s in old.steps[first:] if says(s))
    then = said + Counter((s.channel, says(s)) for s in coming if says(s))
    assert all(then[text] <= planned[text] for text in said)
    assert found.run.step == cursor or cursor == len(old.steps)
    assert (found.run.step_due, found.run.round, found.run.id) == (one.step_due, one.round, one.id)

"""Runs and touches: what is found by what, and compare-and-set."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.exc import IntegrityError

from outreach.domain.facts import Channel
from outreach.domain.plan import Run, RunState
from outreach.domain.touch import Status, Touch
from outreach.store.engine import Store
from tests.store.samples import NOW, anything, at, run, touch, undone


def test_runs_are_found_by_id_and_by_account(store: Store) -> None:
    with store.unit() as unit:
        unit.save_runs([run(), run("r2", "a2")])
    with store.view() as unit:
        assert unit.run("r1") == run()
        assert unit.run("r9") is None
        assert unit.runs_of(["a1", "a3"]) == [run()]
        assert unit.runs_of([]) == []


def test_a_playbook_has_one_run_per_account_and_key(store: Store) -> None:
    with pytest.raises(IntegrityError), store.unit() as unit:
        unit.save_runs([run("r1", key="o1"), run("r2", key="o1")])


@pytest.mark.parametrize("read", [True, False])
def test_saving_a_run_again_changes_it(store: Store, read: bool) -> None:
    with store.unit() as unit:
        unit.save_runs([run()])
    changed = run(step=2, state=RunState.ENDED, end_reason="settled", ended_at=at(3))
    with store.unit() as unit:
        if read:
            unit.runs_of(["a1"])
        unit.save_runs([changed])
        unit.save_runs([changed])
    with store.view() as unit:
        assert unit.run("r1") == changed


def test_open_runs_whose_hour_has_come_wake_oldest_first(store: Store) -> None:
    with store.unit() as unit:
        unit.save_runs(
            [
                run("late", wake_at=at(2)),
                run("first", "a2", wake_at=at(1)),
                run("not yet", wake_at=at(9)),
                run("ended", wake_at=at(1), state=RunState.ENDED),
                run("never"),
            ]
        )
        assert unit.runs_to_wake(at(2), 9) == [("a2", "first"), ("a1", "late")]
        assert unit.runs_to_wake(at(2), 1) == [("a2", "first")]


# --- touches ------------------------------------------------------------------------------------------


def test_touches_are_found_by_id_token_run_and_card(store: Store) -> None:
    with store.unit() as unit:
        unit.add_touches(
            [touch("t1", token="x", card="c1", draft={"subject": "Sorry"}), touch("t2", run="r2")]
        )
        unit.add_touches([])
    with store.view() as unit:
        first, second = unit.touch("t1"), unit.touch("t2")
        assert (first, second) == (
            touch("t1", token="x", card="c1", draft={"subject": "Sorry"}),
            touch("t2", run="r2"),
        )
        assert unit.touch("t9") is None
        assert unit.touch_by_token("x") == first
        assert unit.touch_by_token("y") is None
        assert unit.touches_of_run("r2") == [second]
        assert unit.touches_of_card("c1") == [first]


def test_an_accounts_touches_are_those_of_open_runs_and_the_open_ones(store: Store) -> None:
    with store.unit() as unit:
        unit.save_runs([run("open"), run("over", state=RunState.ENDED)])
        unit.add_touches(
            [
                touch("t1", run="open", status=Status.SENT),
                touch("t2", run="over", status=Status.SENT),
                touch("t3", run="over", status=Status.ON_DESK),
                touch("t4", "a2", run="open"),
            ]
        )
        assert [found.id for found in unit.touches_of(["a1"])] == ["t1", "t3"]
        assert [found.id for found in unit.touches_of(["a1", "a2"])] == ["t1", "t3", "t4"]


def test_a_touch_changes_only_from_the_status_and_attempt_it_was_read_in(store: Store) -> None:
    old = touch()
    sending = replace(old, status=Status.SENDING, token="x", intent_at=NOW)
    with store.unit() as unit:
        unit.add_touches([old])
        assert unit.change_touch(old, sending)
        assert not unit.change_touch(old, replace(old, status=Status.CANCELLED))
        assert not unit.change_touch(replace(sending, attempt=2), replace(sending, status=Status.SENT))
        assert unit.change_touch(sending, sending)
        assert not unit.change_touch(touch("none"), touch("none", because="x"))
        assert unit.touch("t1") == sending


def test_a_status_that_is_none_is_refused_by_the_database(store: Store) -> None:
    with store.unit() as unit:
        unit.add_touches([touch()])
    with pytest.raises(IntegrityError), store.unit() as unit:
        unit.bulk.run("update touch set status = 'lost'")


def test_touches_that_wait_are_due_oldest_first(store: Store) -> None:
    with store.unit() as unit:
        unit.add_touches(
            [
                touch("t1", due=at(2), status=Status.PLANNED),
                touch("t2", "a2", due=at(1)),
                touch("t3", due=at(1), status=Status.SENT),
                touch("t4", due=at(3)),
            ]
        )
        assert unit.touches_due(at(2), 9) == [("a2", "t2"), ("a1", "t1")]
        assert unit.touches_due(at(2), 1) == [("a2", "t2")]


def test_touches_stuck_in_sending_are_found_by_their_intent(store: Store) -> None:
    with store.unit() as unit:
        unit.add_touches(
            [
                touch("t1", status=Status.SENDING, intent_at=at(1)),
                touch("t2", status=Status.SENDING, intent_at=at(3)),
                touch("t3", status=Status.SENT, intent_at=at(1)),
            ]
        )
        assert [found.id for found in unit.touches_stuck(at(2), 9)] == ["t1"]


def test_what_counts_for_caps_is_sent_maybe_sent_or_dialled(store: Store) -> None:
    counted = [
        touch("t1", status=Status.SENT, intent_at=at(1)),
        touch("t2", status=Status.UNKNOWN, intent_at=at(1)),
        touch("t3", status=Status.SENDING, intent_at=at(1), identity="ben", endpoint="#1"),
        touch("t4", status=Status.ON_DESK, channel=Channel.CALL, intent_at=at(1)),
    ]
    with store.unit() as unit:
        unit.add_touches(
            [
                *counted,
                touch("too old", status=Status.SENT, intent_at=at(0)),
                touch("failed", status=Status.FAILED, intent_at=at(1)),
                touch("not dialled", status=Status.ON_DESK, channel=Channel.CALL),
                touch("another's", status=Status.SENT, intent_at=at(1), identity="ben", endpoint="#2"),
            ]
        )
        assert unit.contacts_since("anna", "#1", at(1)) == counted
        assert unit.contacts_since("anna", None, at(1)) == [counted[0], counted[1], counted[3]]


def test_the_lines_of_one_dial_come_back_as_one_contact(store: Store) -> None:
    """To the microsecond, on every database: by card and instant the caps know that it was one."""
    then = at(1) + timedelta(microseconds=123_457)
    lines = [
        touch(f"t{n}", status=Status.SETTLED, channel=Channel.CALL, card="c1", intent_at=then) for n in (1, 2)
    ]
    with store.unit() as unit:
        unit.add_touches([*lines, replace(lines[0], id="t3", intent_at=then + timedelta(microseconds=1))])
    with store.view() as unit:
        found = unit.contacts_since("anna", "#1", at(0))
    assert len(found) == 3 and len({each.contact for each in found}) == 2


_RUNS = anything(Run)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25)
@given(runs=st.lists(_RUNS, min_size=1, max_size=3, unique_by=lambda run: run.id), last=_RUNS)
def test_any_run_comes_back_as_it_was(store: Store, runs: list[Run], last: Run) -> None:
    runs = [replace(run, account=run.id) for run in runs]
    with undone(store) as unit:
        unit.save_runs(runs)
        assert [unit.run(run.id) for run in runs] == runs
        changed = replace(last, id=runs[0].id, account=runs[0].id)
        unit.save_runs([changed])
        assert unit.run(changed.id) == changed


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25)
@given(
    touches=st.lists(anything(Touch), min_size=1, max_size=3, unique_by=lambda touch: touch.id),
    last=anything(Touch),
)
def test_any_touch_comes_back_as_it_was(store: Store, touches: list[Touch], last: Touch) -> None:
    touches = [replace(touch, token=None if touch.token is None else touch.id) for touch in touches]
    with undone(store) as unit:
        unit.add_touches(touches)
        assert [unit.touch(touch.id) for touch in touches] == touches
        changed = replace(last, id=touches[0].id, token=None)
        assert unit.change_touch(touches[0], changed)
        assert unit.touch(changed.id) == changed

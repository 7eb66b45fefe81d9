"""Which runs the triggers of an account justify: the stops in their order, and what is taken back."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outreach.domain.evaluate import Match
from outreach.domain.facts import Channel, Event, Purpose
from outreach.domain.hours import Duration
from outreach.domain.plan import Publish, Run, RunState, Settled, settle_matches
from outreach.domain.playbook import IfRunning, Playbook, Success
from tests.domain.makers import DAY, HOUR, MONDAY, counter, event, playbook, run, step

LATE = playbook("late", if_running=IfRunning.PARALLEL)
LOST = playbook("lost", if_running=IfRunning.PARALLEL, supersedes=("late",))
REORDER = playbook("reorder", purpose=Purpose.REORDER)
WAITS = playbook("waits", step(0), step(1, None, wait="30d"), purpose=Purpose.REORDER)
RESTARTS = playbook("restarts", if_running=IfRunning.RESTART, purpose=Purpose.REORDER)
ASKED = playbook("asked", if_running=IfRunning.PARALLEL, purpose=Purpose.CALLBACK)
MISSED = playbook("missed", if_running=IfRunning.PARALLEL, supersedes=("asked",))
BOOKS = {book.name: book for book in (LATE, LOST, REORDER, WAITS, RESTARTS, ASKED, MISSED)}


def match(
    book: Playbook = LATE, key: str = "o1", t: datetime = MONDAY, verdict: bool | None = True,
    failure: str | None = None, arrived: datetime | None = None, **more: Any,
) -> Match:  # fmt: skip
    trigger = event("delivery.delayed", t, **more)._replace(id=f"{book.name}/{key}/{t}", arrived=arrived or t)
    return Match(trigger, book, verdict, key, failure, None)


def of(book: Playbook, **changes: Any) -> Run:
    """A run of the playbook, started on the day before."""
    before = MONDAY - DAY
    values = {"id": f"old-{book.name}", "trigger_time": before, "started_at": before, "purpose": book.purpose}
    return run(playbook=book.name, **{**values, **changes})


def settle(
    *matches: Match, before: Iterable[Run] = (), again: Iterable[Run] = (), now: datetime = MONDAY,
    publish: Mapping[str, Publish] | None = None, books: Mapping[str, Playbook] = BOOKS,
    ids: Callable[[], str] | None = None, came_in_shadow: Callable[[Match], bool] | None = None,
    came_in: Callable[[Match], Publish] | None = None,
) -> Settled:  # fmt: skip
    judged_again = {each.slot: each for each in again}
    if came_in_shadow is not None:
        came_in = lambda one: Publish("shadow") if came_in_shadow(one) else Publish()  # noqa: E731
    return settle_matches(
        matches, list(before), judged_again, publish or {}, lambda each: books[each.playbook],
        ids or counter("r"), now, came_in,
    )  # fmt: skip


def outcomes(settled: Settled) -> list[str]:
    return [decision.outcome for decision in settled.decisions]


# --- starting -------------------------------------------------------------------------------------------


def test_a_match_starts_a_run_that_carries_what_it_is_about() -> None:
    book = replace(LATE, success=Success("order.placed", Duration.parse("60d")), priority=3)
    one = match(book, failure="delivery/o1", person_id="anna", t=MONDAY - HOUR, arrived=MONDAY)
    (started,) = settle(one).started
    assert (started.playbook, started.version, started.account, started.key) == ("late", "v1", "a1", "o1")
    assert (started.failure, started.person, started.priority) == ("delivery/o1", "anna", 3)
    assert (started.trigger, started.trigger_time) == (one.trigger.ref, MONDAY - HOUR)
    assert started.started_at == started.step_due == MONDAY  # due times count from arrival
    assert started.success_by == MONDAY + 60 * DAY


def test_every_match_leaves_a_decision_with_its_run() -> None:
    told = settle(match(), match())
    assert outcomes(told) == ["started", "once_per"]
    assert [decision.run for decision in told.decisions] == [told.started[0].id, None]
    assert told.decisions[0].event == match().trigger.ref


SHADOW = {"late": Publish("shadow")}
UNSEEN = of(LATE, id="unseen", shadow=True)
"""What only the shadow has seen."""


@pytest.mark.parametrize(
    ("before", "publish", "outcome", "in_shadow"),
    [
        ([UNSEEN], {}, "started", False),  # what only the shadow took is free
        ([replace(UNSEEN, state=RunState.ENDED, end_reason="completed")], {}, "started", False),
        ([replace(UNSEEN, holdout=True)], {}, "started", False),
        ([UNSEEN], {"late": Publish("percent", 100)}, "started", False),
        ([UNSEEN], {"late": Publish("paused")}, "paused", None),
        ([UNSEEN], SHADOW, "once_per", None),  # the shadow's own key is taken for the shadow
        (
            [of(LATE)],
            SHADOW,
            "once_per",
            None,
        ),  # there was a run that contacts somebody: no other would have come
        ([of(LATE, holdout=True)], SHADOW, "once_per", None),
        ([UNSEEN, of(LATE)], {}, "once_per", None),
        ([UNSEEN, of(LATE)], SHADOW, "once_per", None),
        ([replace(UNSEEN, state=RunState.ENDED, end_reason="withdrawn")], {}, "started", False),
        ([of(LATE, state=RunState.ENDED, end_reason="withdrawn"), UNSEEN], {}, "started", False),
    ],
)
def test_what_only_the_shadow_took_does_not_count_against_what_contacts_somebody(
    before: list[Run], publish: dict[str, Publish], outcome: str, in_shadow: bool | None
) -> None:
    told = settle(match(), before=before, publish=publish)
    assert outcomes(told) == [outcome]
    assert [each.shadow for each in (*told.started, *told.resumed)] == (
        [] if in_shadow is None else [in_shadow]
    )
    assert told.ended == [], "neither ends the other"


@pytest.mark.parametrize(
    ("state", "type_", "outcome"),
    [("paused", "callback.asked", "started"), ("paused", "callback.promised", "started"),
     ("paused", "delivery.delayed", "paused"), ("disabled", "callback.asked", "not_live")],
)  # fmt: skip
def test_a_pause_keeps_nobody_waiting_for_a_call_that_was_promised(
    state: str, type_: str, outcome: str
) -> None:
    one = match()
    asked = one._replace(trigger=one.trigger._replace(type=type_))
    told = settle(asked, publish={"late": Publish(state)})
    assert outcomes(told) == [outcome]
    assert not any(each.shadow for each in told.started)


def test_judged_again_what_the_shadow_has_judged_stays_the_shadows() -> None:
    """Each trigger keeps its run, and nothing that came in shadow starts once it is live."""
    first, second, third = (match(t=MONDAY - back * HOUR) for back in (3, 2, 1))
    old = of(LATE, id="unseen", shadow=True, trigger=first.trigger.ref, trigger_time=first.trigger.time)
    lives = of(LATE, id="lives", trigger=third.trigger.ref, trigger_time=third.trigger.time)
    came = lambda one: one.trigger.time < MONDAY - HOUR  # noqa: E731
    told = settle(first, second, third, again=[old, lives], came_in_shadow=came)
    assert outcomes(told) == ["started", "once_per", "started"]
    assert [each.run for each in told.decisions] == ["unseen", None, "lives"]
    assert (told.started, told.resumed, told.ended) == ([], [], [])
    without = settle(first, second, again=[old], came_in_shadow=came)
    assert outcomes(without) == ["started", "once_per"] and without.started == []
    for state in ({}, SHADOW, {"late": Publish("disabled")}):
        again = settle(first, third, again=[old, lives], came_in_shadow=came, publish=state)
        assert (again.started, again.resumed, again.ended) == ([], [], [])


def test_judged_again_a_run_is_kept_beside_one_that_is_live_and_withdrawn_for_itself() -> None:
    first, second = match(t=MONDAY - 3 * HOUR), match(t=MONDAY - HOUR)
    old = of(LATE, id="unseen", shadow=True, trigger=first.trigger.ref, trigger_time=first.trigger.time)
    lives = of(LATE, id="lives", trigger=second.trigger.ref, trigger_time=second.trigger.time)
    came = lambda one: one.trigger.time < MONDAY - 2 * HOUR  # noqa: E731
    assert settle(first, again=[old, lives], came_in_shadow=came).ended == [(lives, "withdrawn")]
    assert settle(second, again=[old, lives], came_in_shadow=came).ended == [(old, "withdrawn")]
    earlier = match(t=MONDAY - 5 * HOUR, arrived=MONDAY)
    late = settle(earlier, first, second, again=[old, lives], came_in_shadow=lambda one: one is first)
    assert outcomes(late) == ["started", "started", "once_per"]
    assert [(each.id, each.trigger) for each in late.resumed] == [("lives", earlier.trigger.ref)]
    assert late.ended == []


@pytest.mark.parametrize(
    ("one", "more", "outcome"),
    [
        (match(), {}, "started"),
        (match(), {"publish": {"late": Publish("paused")}}, "paused"),
        (match(), {"publish": {"late": Publish("disabled")}}, "not_live"),
        (match(), {"publish": {"late": Publish("percent", 0)}}, "not_live"),
        (match(), {"publish": {"late": Publish("percent", 100)}}, "started"),
        (match(), {"publish": {"late": Publish("shadow")}}, "started"),
        (match(verdict=None), {}, "cannot_tell"),
        (match(t=MONDAY - 15 * DAY, arrived=MONDAY), {}, "too_late"),
        (match(t=MONDAY - 14 * DAY, arrived=MONDAY), {}, "started"),
        (match(), {"before": [of(LATE)]}, "once_per"),
        (match(), {"before": [of(LATE, state=RunState.ENDED, end_reason="put_right")]}, "once_per"),  # for ever
        (match(), {"before": [of(LATE, version="v0")]}, "once_per"),  # over all versions
        (match(), {"before": [of(LATE, state=RunState.ENDED, end_reason="withdrawn")]}, "started"),  # freed
        (match(), {"before": [of(LATE, key="o2")]}, "started"),
        (match(), {"before": [of(LOST)]}, "started"),
        (match(REORDER), {"before": [of(REORDER, key="o2")]}, "if_running"),
        (match(REORDER), {"before": [of(REORDER, key="o2", holdout=True)]}, "started"),
        (match(REORDER), {"before": [of(REORDER, key="o2", state=RunState.ENDED, ended_at=MONDAY - HOUR)]},
         "started"),
        (match(RESTARTS), {"before": [of(RESTARTS, key="o2")]}, "started"),
    ],
)  # fmt: skip
def test_what_stops_a_trigger(one: Match, more: dict[str, Any], outcome: str) -> None:
    told = settle(one, **more)
    assert outcomes(told) == [outcome]
    assert bool(told.started or told.resumed) is (outcome == "started")


def test_the_stops_speak_in_the_order_of_the_language() -> None:
    book = replace(REORDER, cooldown=Duration.parse("30d"))
    told = settle(match(book), before=[of(book)])
    assert outcomes(told) == ["once_per"]
    assert outcomes(settle(match(book, key="o2"), before=[of(book)])) == ["if_running"]
    over = of(book, state=RunState.ENDED, ended_at=MONDAY - HOUR)
    assert outcomes(settle(match(book, key="o2"), before=[over])) == ["cooldown"]


def test_a_run_that_only_waits_in_its_last_step_does_not_stop_the_next() -> None:
    waiting = of(WAITS, key="o2", step=1, step_started=MONDAY - HOUR)
    assert outcomes(settle(match(WAITS), before=[waiting])) == ["started"]
    assert outcomes(settle(match(WAITS), before=[replace(waiting, step=0)])) == ["if_running"]


def test_restart_ends_the_run_under_way_and_starts_anew() -> None:
    old = of(RESTARTS, key="o2")
    told = settle(match(RESTARTS), before=[old])
    assert told.ended == [(old, "restarted")]
    assert [each.key for each in told.started] == ["o1"]


def test_what_is_about_a_failure_begins_anew_for_that_failure_only() -> None:
    book = replace(LATE, if_running=IfRunning.RESTART)
    same, other = of(book, key="e1", failure="f"), of(book, key="e2", failure="g")
    walked = replace(same, step=len(book.steps), step_due=None)  # it only waits for its failure's end
    for old in (same, walked):
        told = settle(match(book, key="e3", failure="f"), before=[old, other])
        assert told.ended == [(old, "restarted")]
        assert [each.key for each in told.started] == ["e3"]


def test_parallel_runs_go_side_by_side() -> None:
    told = settle(match(key="o1"), match(key="o2"), before=[of(LATE, key="o3")])
    assert [each.key for each in told.started] == ["o1", "o2"]
    assert told.ended == []


@pytest.mark.parametrize(("days", "outcome"), [(29, "cooldown"), (30, "started"), (31, "started")])
def test_the_cooldown_counts_from_the_last_start(days: int, outcome: str) -> None:
    book = replace(LATE, cooldown=Duration.parse("30d"))
    last = of(book, key="o2", trigger_time=MONDAY - days * DAY, state=RunState.ENDED, ended_at=MONDAY - DAY)
    assert outcomes(settle(match(book), before=[last])) == [outcome]


def test_shadow_runs_decide_and_say_so() -> None:
    (started,) = settle(match(), publish={"late": Publish("shadow")}).started
    assert started.shadow


# --- shares -----------------------------------------------------------------------------------------------


def accounts(book: Playbook, publish: Mapping[str, Publish] | None = None) -> list[tuple[str, str, bool]]:
    """Account → outcome and whether it is held out, for 400 accounts."""
    found = []
    for number in range(400):
        one = match(book)
        told = settle(one._replace(trigger=one.trigger._replace(subject=f"a{number}")), publish=publish)
        found.append((f"a{number}", outcomes(told)[0], any(each.holdout for each in told.started)))
    return found


def test_the_hold_out_share_is_stable_and_about_as_large_as_said() -> None:
    fifth, half = replace(REORDER, holdout=20.0), replace(REORDER, holdout=50.0)
    few, many = accounts(fifth), accounts(half)
    assert few == accounts(fifth)
    held_few, held_many = ({name for name, _, held in found if held} for found in (few, many))
    assert held_few < held_many  # a larger share keeps who was held out
    assert 50 <= len(held_few) <= 110
    assert 160 <= len(held_many) <= 240


def test_a_held_out_run_is_measured_and_contacts_no_one() -> None:
    book = replace(REORDER, holdout=100.0, success=Success("order.placed", Duration.parse("30d")))
    told = settle(match(book))
    assert outcomes(told) == ["holdout"]
    (held,) = told.started
    assert (held.holdout, held.state, held.end_reason) == (True, RunState.ENDED, "holdout")
    assert held.success_by == MONDAY + 30 * DAY


def test_a_percentage_goes_live_for_the_same_accounts_each_time() -> None:
    publish = {"late": Publish("percent", 30)}
    live = [name for name, outcome, _ in accounts(LATE, publish) if outcome == "started"]
    assert live == [name for name, outcome, _ in accounts(LATE, publish) if outcome == "started"]
    assert 80 <= len(live) <= 160


# --- superseding ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("before", "news", "gone"),
    [
        ([of(LATE, failure="f")], [match(LOST, failure="f")], ["late"]),
        ([of(LOST, failure="f")], [match(LATE, failure="f")], ["late"]),  # whichever came first
        ([], [match(LATE, failure="f"), match(LOST, failure="f")], ["late"]),
        ([], [match(LOST, failure="f"), match(LATE, failure="f")], ["late"]),
        ([of(LATE, failure="another")], [match(LOST, failure="f")], []),
        ([of(LATE)], [match(LOST)], ["late"]),  # neither has a failure: of the same account
        ([of(LATE, failure="f", state=RunState.ENDED)], [match(LOST, failure="f")], []),
        ([of(LATE, failure="f")], [match(REORDER, failure="f")], []),
    ],
)
def test_a_superseded_run_ends_whichever_came_first(
    before: list[Run], news: list[Match], gone: list[str]
) -> None:
    told = settle(*news, before=before)
    assert [(each.playbook, reason) for each, reason in told.ended] == [(name, "superseded") for name in gone]


@pytest.mark.parametrize("asked_of", [None, "delivery/o1"])
@pytest.mark.parametrize("missed_is", [None, "callback/b1"])
def test_a_wish_to_be_called_gives_way_by_the_wish_whatever_failure_it_is_of(
    asked_of: str | None, missed_is: str | None
) -> None:
    missed, before = match(MISSED, "b1", failure=missed_is), [of(ASKED, key="b1", failure=asked_of)]
    assert [(each.key, reason) for each, reason in settle(missed, before=before).ended] == [
        ("b1", "superseded")
    ]
    another = [of(ASKED, key="b2", failure=asked_of)]
    assert settle(missed, before=another).ended == [], "another wish keeps its call"


def test_a_wish_goes_on_when_its_hour_was_not_missed_after_all() -> None:
    asked = of(ASKED, key="b1", state=RunState.ENDED, end_reason="superseded", trigger="shop|asked")
    missed = of(MISSED, key="b1", failure="callback/b1")
    assert settle(before=[asked, missed], again=[of(LATE)]).resumed == []
    told = settle(before=[asked], again=[missed])
    assert [each.playbook for each in told.resumed if each.is_open] == ["asked"]


@pytest.mark.parametrize("shadow", ["lost", "restarts"])
@pytest.mark.parametrize("newest_first", [True, False])
def test_what_runs_in_shadow_ends_nothing_that_is_live(shadow: str, newest_first: bool) -> None:
    publish = {shadow: Publish("shadow")}
    if shadow == "restarts":
        again = match(RESTARTS, key="o2", t=MONDAY + HOUR)
        assert settle(again, before=[of(RESTARTS)], publish=publish).ended == []
        return
    live, watching = match(LATE, failure="f"), match(LOST, failure="f")
    found = [watching, live] if newest_first else [live, watching]
    assert settle(*found, publish=publish).ended == []


def test_a_run_in_shadow_makes_room_only_among_its_like() -> None:
    both = {"late": Publish("shadow"), "lost": Publish("shadow")}
    gone = settle(match(LATE, failure="f"), match(LOST, failure="f"), publish=both).ended
    assert [(each.playbook, reason) for each, reason in gone] == [("late", "superseded")]
    watched = {"late": Publish("shadow")}
    gone = settle(match(LATE, failure="f"), match(LOST, failure="f"), publish=watched).ended
    assert [(each.playbook, reason) for each, reason in gone] == [("late", "superseded")]


def test_what_a_run_in_shadow_began_does_not_stop_the_playbook_when_it_is_live() -> None:
    watching = of(REORDER, key="o2", shadow=True)
    assert outcomes(settle(match(REORDER), before=[watching])) == ["started"]
    assert outcomes(settle(match(REORDER), before=[watching], publish={"reorder": Publish("shadow")})) == [
        "if_running"
    ]
    rests = replace(REORDER, cooldown=Duration.parse("30d"), if_running=IfRunning.PARALLEL)
    assert outcomes(settle(match(rests), before=[watching])) == ["started"]


def test_a_held_out_run_restarts_nothing_that_is_live() -> None:
    book = replace(RESTARTS, holdout=100.0)
    told = settle(match(book, key="o2", t=MONDAY + HOUR), before=[of(RESTARTS)])
    assert (outcomes(told), told.ended) == (["holdout"], [])


@pytest.mark.parametrize("silent", [{"shadow": True}, {"holdout": True, "state": RunState.ENDED}])
def test_what_only_a_silent_run_displaced_goes_on(silent: dict[str, Any]) -> None:
    """As runs stood that were ended before this was so."""
    late = of(LATE, failure="f", state=RunState.ENDED, end_reason="superseded", trigger=match().trigger.ref)
    lost = of(LOST, failure="f", key="l1", **silent)
    told = settle(match(failure="f"), before=[lost], again=[late])
    assert [each.playbook for each in told.resumed if each.is_open] == ["late"]


def test_a_share_counts_only_while_it_is_published_for_a_share() -> None:
    assert outcomes(settle(match(), publish={"late": Publish("shadow", 0)})) == ["started"]
    assert outcomes(settle(match(), publish={"late": Publish("percent", 0)})) == ["not_live"]


# --- judged again -----------------------------------------------------------------------------------------


def test_what_is_no_longer_justified_is_withdrawn() -> None:
    old = of(LATE)
    told = settle(again=[old])
    assert told.ended == [(old, "withdrawn")]
    assert settle(again=[replace(old, state=RunState.ENDED, end_reason="withdrawn")]).ended == []


def test_one_that_had_ended_is_withdrawn_too_so_that_its_key_is_free() -> None:
    over = of(LATE, state=RunState.ENDED, end_reason="completed")
    assert settle(again=[over]).ended == [(over, "withdrawn")]


def test_justified_again_the_same_run_resumes() -> None:
    gone = of(LATE, state=RunState.ENDED, end_reason="withdrawn", ended_at=MONDAY, step=1)
    told = settle(match(), again=[gone])
    (back,) = told.resumed
    assert (back.id, back.state, back.end_reason, back.ended_at) == (gone.id, RunState.OPEN, "", None)
    assert (told.started, told.ended) == ([], [])


def test_still_justified_means_nothing_happens() -> None:
    first = settle(match())
    again = settle(match(), again=first.started)
    assert (again.started, again.resumed, again.ended) == ([], [], [])
    assert outcomes(again) == ["started"]


def test_an_earlier_event_of_the_same_key_becomes_the_trigger_of_the_same_run() -> None:
    first = settle(match(t=MONDAY)).started
    earlier = match(t=MONDAY - HOUR, arrived=MONDAY)
    told = settle(earlier, match(t=MONDAY), again=first)
    assert [(each.id, each.trigger_time) for each in told.resumed] == [(first[0].id, MONDAY - HOUR)]
    assert outcomes(told) == ["started", "once_per"]
    assert told.started == []


def test_one_that_ended_by_itself_is_not_opened_again_by_being_judged_again() -> None:
    over = settle(match()).started[0]
    over = replace(over, state=RunState.ENDED, end_reason="put_right")
    told = settle(match(), again=[over])
    assert all(not each.is_open for each in told.resumed)
    assert (told.started, told.ended) == ([], [])


def test_a_started_run_stays_justified_however_late_it_is_judged_again_but_nothing_old_starts() -> None:
    later = MONDAY + 20 * DAY
    first = settle(match()).started
    assert outcomes(settle(match(), again=first, now=later)) == ["started"]
    assert outcomes(settle(match(), now=later)) == ["too_late"]


@pytest.mark.parametrize("state", [Publish("paused"), Publish("disabled"), Publish("percent", 0)])
def test_pausing_a_playbook_withdraws_no_run_that_has_started(state: Publish) -> None:
    """What is under way waits for the pause to end, or is dropped by the policy with that reason."""
    first = settle(match()).started
    told = settle(match(), again=first, publish={"late": state})
    assert (outcomes(told), told.ended, told.resumed) == (["started"], [], [])
    gone = replace(first[0], state=RunState.ENDED, end_reason="withdrawn")
    assert outcomes(settle(match(), again=[gone], publish={"late": state})) == [
        "paused" if state.state == "paused" else "not_live"
    ]


def test_what_was_superseded_by_a_run_that_was_taken_back_goes_on() -> None:
    late = of(LATE, failure="f", state=RunState.ENDED, end_reason="superseded", trigger=match().trigger.ref)
    lost = of(LOST, failure="f", key="l1")
    told = settle(match(failure="f"), again=[late, lost])
    assert (lost, "withdrawn") in told.ended
    assert [each.playbook for each in told.resumed if each.is_open] == ["late"]


# --- for every set of matches -----------------------------------------------------------------------------

books = st.sampled_from([LATE, LOST])
keys = st.sampled_from(["o1", "o2", "o3"])
matches_ = st.lists(
    st.builds(
        lambda book, key, hours, number: match(book, key, MONDAY - hours * HOUR, number=number),
        books, keys, st.integers(0, 3), st.integers(0, 99),
    ),
    max_size=8,
)  # fmt: skip


def justified(told: Settled) -> set[tuple[str, str]]:
    return {(each.playbook, each.key) for each in told.started}


@given(matches_, st.randoms(use_true_random=False))
def test_matches_of_one_instant_give_the_same_keys_in_any_order(found: list[Match], dice: Any) -> None:
    same_time = [one._replace(trigger=one.trigger._replace(time=MONDAY, arrived=MONDAY)) for one in found]
    shuffled = dice.sample(same_time, len(same_time))
    assert justified(settle(*same_time)) == justified(settle(*shuffled))


@given(matches_)
def test_each_key_gets_one_run_and_its_trigger_is_the_first(found: list[Match]) -> None:
    told = settle(*sorted(found, key=lambda one: one.trigger.order))
    assert len(justified(told)) == len(told.started) == len({(m.playbook.name, m.key) for m in found})
    for each in told.started:
        own = [m.trigger.time for m in found if (m.playbook.name, m.key) == (each.playbook, each.key)]
        assert each.trigger_time == min(own)


@given(matches_, st.integers(0, 8))
def test_told_in_two_parts_is_told_at_once(found: list[Match], cut: int) -> None:
    """The newest-event path is the fast path of the same function."""
    ordered = sorted(found, key=lambda one: one.trigger.order)
    whole = settle(*ordered)
    first = settle(*ordered[:cut])
    second = settle(*ordered[cut:], before=first.started)
    assert justified(first) | justified(second) == justified(whole)
    assert len(first.started) + len(second.started) == len(whole.started)


@given(matches_, matches_)
def test_judging_again_and_again_comes_to_rest(before: list[Match], after: list[Match]) -> None:
    """Withdrawn, justified again, withdrawn again: one run per key, and the plan is what is justified now."""
    ids, runs = counter("r"), dict[str, Run]()
    for found in (before, after, before, after):
        told = settle(*sorted(found, key=lambda one: one.trigger.order), again=runs.values(), ids=ids)
        for each in (*told.started, *told.resumed):
            runs[each.id] = each
        for each, reason in told.ended:
            runs[each.id] = replace(runs[each.id], state=RunState.ENDED, end_reason=reason, ended_at=MONDAY)
    standing = {(each.playbook, each.key) for each in runs.values() if not each.taken_back}
    assert standing == {(m.playbook.name, m.key) for m in after}
    assert len({(each.playbook, each.key) for each in runs.values()}) == len(runs)


def test_a_share_needs_no_event_of_its_own() -> None:
    """By stable hash of the account: the trigger's id and time do not matter."""
    book = replace(REORDER, holdout=50.0)
    one: Event = match(book).trigger
    held = {
        bool(
            settle(
                Match(
                    one._replace(id=str(n), time=one.time - n * timedelta(minutes=1)),
                    book,
                    True,
                    "k",
                    None,
                    None,
                )
            )
            .started[0]
            .holdout
        )
        for n in range(20)
    }
    assert len(held) == 1
    assert Channel.CALL in {each.channel for each in book.steps}

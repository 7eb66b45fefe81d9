"""The fold: what is known of an account after its events, and what time makes of them."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outreach.domain.account import AccountState, Due, Promise, PromiseState
from outreach.domain.account_facts import account_facts, failure_facts, rhythm_facts
from outreach.domain.dues import FoldRules
from outreach.domain.evaluate import Ruleset
from outreach.domain.facts import CLOCK_SOURCE, OUTREACH_SOURCE, Event, Person, Severity
from outreach.domain.failure import Failure, FailureState
from outreach.domain.fold import fold, in_order
from outreach.domain.history import Happening, History
from outreach.domain.hours import Calendar
from outreach.domain.vocabulary import EventType, Field, FieldType, Vocabulary
from outreach.domain.wallclock import parse_instant
from outreach.store.codec import decoder, from_json, to_json
from outreach.store.shapes import Fields
from tests.domain.makers import DAY, HOUR, MINUTE, MONDAY, event, from_clock

LATER = timedelta(microseconds=1)
ORDER = "delivery.overdue", "o1"


def told(rules: FoldRules, *events: Event, state: AccountState | None = None) -> AccountState:
    """The account after these events, in their order."""
    state = state or AccountState("a1")
    for each in events:
        assert fold(state, each, rules), f"nothing justifies {each.id}"
    return state


def clock(
    state: AccountState, rules: FoldRules, until: datetime, arrived: datetime | None = None
) -> list[Event]:
    """What time makes until then, folded as it comes."""
    made: list[Event] = []
    while waiting := [due for due in state.dues.values() if due.at <= until]:
        due = min(waiting, key=lambda each: (each.at, each.event_id))
        made.append(from_clock(due.event_id, due.type, due.at, due.data, arrived))
        assert fold(state, made[-1], rules)
        assert len(made) < 200, "time makes events without end"
    return made


def delayed(t: datetime = MONDAY, order_id: str = "o1", **data: Any) -> Event:
    return event("delivery.delayed", t, order_id=order_id, **data)


def ordered(t: datetime = MONDAY, order_id: str = "o1", **data: Any) -> Event:
    return event("order.placed", t, order_id=order_id, **data)


def reached(t: datetime = MONDAY, **data: Any) -> Event:
    return event("contact.settled", t, disposition="reached", **data)


def put_right(t: datetime = MONDAY, failure: str = "delivery/o1", **data: Any) -> Event:
    return event("failure.put_right", t, failure=failure, **data)


def promised(t: datetime, until: datetime, **data: Any) -> Event:
    return event("promise.made", t, **{"promise_id": "p1", "until": until.isoformat(), **data})


def only(state: AccountState) -> Failure:
    (failure,) = state.failures.values()
    return failure


def at(state: AccountState, type_: str, key: str = "delivery/o1") -> datetime | None:
    due = state.dues.get((type_, key))
    return due and due.at


# --- failures -------------------------------------------------------------------------------------------


def test_an_event_that_the_vocabulary_calls_a_failure_opens_one(folding: FoldRules) -> None:
    arrived = MONDAY + HOUR
    failure = only(told(folding, ordered(), ordered(), delayed(person_id="anna")._replace(arrived=arrived)))
    assert (failure.id, failure.state, failure.severity) == (
        "delivery/o1",
        FailureState.OPEN,
        Severity.MEDIUM,
    )
    assert (failure.opened_at, failure.known_at, failure.person) == (MONDAY, arrived, "anna")
    assert (failure.cause, failure.round, failure.nth, failure.owed) == ("delivery.delayed", 1, 1, False)


def test_delayed_and_then_lost_on_one_order_is_one_failure(folding: FoldRules) -> None:
    state = told(folding, delayed(), event("delivery.lost", MONDAY + DAY, order_id="o1"))
    assert (only(state).severity, only(state).cause) == (Severity.SEVERE, "delivery.lost")
    assert only(state).opened_at == MONDAY


def test_a_lesser_event_takes_nothing_back(folding: FoldRules) -> None:
    moved = event("delivery.promise_moved", MONDAY + DAY, order_id="o1", promised_for="2026-04-01T09:00:00Z")
    assert only(told(folding, event("delivery.lost", order_id="o1"), moved)).severity is Severity.SEVERE


def test_another_order_is_another_failure_and_without_a_key_each_event_is_one(folding: FoldRules) -> None:
    assert len(told(folding, delayed(), delayed(order_id="o2")).failures) == 2
    nameless = event("review.bad")
    assert f"review/{nameless.id}" in told(folding, nameless).failures


@pytest.mark.parametrize(
    ("orders", "type_", "first"),
    [(0, "delivery.delayed", True), (1, "delivery.delayed", True), (2, "delivery.delayed", False),
     (1, "complaint.opened", False), (1, "installation.visit_missed", True)],
)  # fmt: skip
def test_a_first_order_raises_the_severity(folding: FoldRules, orders: int, type_: str, first: bool) -> None:
    before = [ordered(MONDAY - n * DAY, f"before{n}") for n in range(orders, 0, -1)]
    keys = {"order_id": "o1", "complaint_id": "c1", "installation_id": "i1"}
    failure = only(told(folding, *before, event(type_, **keys)))
    rule = folding.vocabulary.types[type_].failure
    assert rule is not None
    assert failure.first_order is first
    assert failure.severity == min(rule.severity + first, Severity.SEVERE)


def test_the_nth_failure_in_ninety_days_weighs_more(folding: FoldRules) -> None:
    orders = [ordered(MONDAY - 200 * DAY, "x"), ordered(MONDAY - 199 * DAY, "y")]
    old, recent = delayed(MONDAY - 90 * DAY, "o0"), delayed(MONDAY - 89 * DAY, "o1")
    state = told(folding, *orders, old, recent, delayed(MONDAY, "o2"))
    third = state.failures["delivery/o2"]
    assert (third.nth, third.severity) == (2, Severity.HIGH)  # the one of 90 days ago counts no more
    assert account_facts(state, MONDAY)["failures_90d"] == 2


def test_a_failure_that_is_void_counts_for_nothing(folding: FoldRules) -> None:
    state = told(folding, delayed(MONDAY - DAY, "o0"))
    state.failures["delivery/o0"] = replace(state.failures["delivery/o0"], state=FailureState.VOID)
    told(folding, delayed(), state=state)
    assert state.failures["delivery/o1"].nth == 1
    assert account_facts(state, MONDAY)["open_failures"] == 1
    told(folding, delayed(MONDAY + HOUR, "o0"), state=state)
    assert (state.failures["delivery/o0"].round, state.failures["delivery/o0"].state) == (
        1,
        FailureState.OPEN,
    )


def test_news_about_a_closed_failure_reopens_it_one_worse(folding: FoldRules) -> None:
    again = told(folding, ordered(), ordered(), delayed(), put_right(MONDAY + DAY), delayed(MONDAY + 2 * DAY))
    assert (only(again).state, only(again).round, only(again).severity) == (
        FailureState.OPEN,
        2,
        Severity.HIGH,
    )
    lost = event("delivery.lost", MONDAY + 2 * DAY, order_id="o1")
    assert only(told(folding, delayed(), put_right(MONDAY + DAY), lost)).severity is Severity.SEVERE


def test_a_further_step_of_lateness_does_not_reopen_what_a_human_has_closed(folding: FoldRules) -> None:
    state = told(folding, ordered(promised_for=MONDAY.isoformat()))
    clock(state, folding, MONDAY + DAY)
    told(folding, put_right(MONDAY + DAY + HOUR), state=state)
    assert [each.type for each in clock(state, folding, MONDAY + 20 * DAY)] == ["delivery.overdue"] * 3
    assert (only(state).state, only(state).round) == (FailureState.PUT_RIGHT, 1)


# --- the ladder of the unreached ----------------------------------------------------------------------------


def test_an_unreached_failure_climbs_at_n_2n_and_4n_business_hours(folding: FoldRules) -> None:
    """Monday 10:00 in Berlin, open 9 to 17, N = 4: Monday 14:00, Tuesday 10:00, Wednesday 10:00."""
    state = told(folding, delayed())
    made = clock(state, folding, MONDAY + 30 * DAY)
    assert [(each.type, each.time, each.data["rung"]) for each in made] == [
        ("failure.unreached", MONDAY + 4 * HOUR, 1),
        ("failure.unreached", MONDAY + DAY, 2),
        ("failure.unreached", MONDAY + 3 * DAY - DAY, 4),
    ]  # fmt: skip
    assert only(state).climbed == 4


def test_the_ladder_keeps_the_hours_of_the_accounts_team(folding: FoldRules) -> None:
    night = Calendar("UTC", {0: ((time(20), time(23, 59)),)})
    rules = replace(folding, calendar_of=lambda team: night if team == "night" else folding.calendar_of(team))
    state = told(rules, event("account.described", team="night"), delayed())
    assert at(state, "failure.unreached") == MONDAY.replace(hour=20) + 7 * DAY + timedelta(minutes=1)


def test_worsening_does_not_set_the_clock_back(folding: FoldRules) -> None:
    state = told(folding, delayed(), event("delivery.lost", MONDAY + HOUR, order_id="o1"))
    assert at(state, "failure.unreached") == MONDAY + 4 * HOUR


def test_a_rung_that_is_none_or_names_nothing_changes_nothing(folding: FoldRules) -> None:
    state = told(folding, delayed())
    for data in ({"rung": 3}, {}, {"rung": 1, "failure": "delivery/other"}):
        told(
            folding,
            event("failure.unreached", MONDAY + HOUR, **{"failure": "delivery/o1", **data}),
            state=state,
        )
    assert only(state).climbed == 0


@pytest.mark.parametrize(("days", "owed"), [(14, False), (15, True)])
def test_what_we_learn_too_late_is_owed_and_climbs_only_once_released(
    folding: FoldRules, days: int, owed: bool
) -> None:
    arrived = MONDAY + days * DAY
    state = told(folding, delayed()._replace(arrived=arrived))
    assert only(state).owed is owed
    assert (at(state, "failure.unreached") is None) is owed
    told(folding, event("failure.released", arrived + HOUR, failure="delivery/o1"), state=state)
    assert not only(state).owed
    assert at(state, "failure.unreached") is not None


def test_releasing_what_is_not_owed_or_closed_does_nothing(folding: FoldRules) -> None:
    release = event("failure.released", MONDAY + HOUR, failure="delivery/o1")
    assert at(told(folding, delayed(), release), "failure.unreached") == MONDAY + 4 * HOUR
    old = delayed()._replace(arrived=MONDAY + 30 * DAY)
    assert at(told(folding, old, put_right(MONDAY + 30 * DAY), release), "failure.unreached") is None
    assert told(folding, release).failures == {}


@pytest.mark.parametrize(
    "news", [delayed(MONDAY + 30 * DAY), event("failure.reopened", MONDAY + 30 * DAY, failure="delivery/o1")]
)
def test_fresh_news_of_an_owed_failure_puts_it_on_the_board(folding: FoldRules, news: Event) -> None:
    old, closing = delayed()._replace(arrived=MONDAY + 30 * DAY), put_right(MONDAY + 29 * DAY)
    state = told(folding, old, closing, news)
    assert (only(state).owed, only(state).state) == (False, FailureState.OPEN)
    assert at(state, "failure.unreached") is not None


# --- reaching, closing, reopening ---------------------------------------------------------------------------


def test_reaching_them_ends_the_climb_and_sets_a_look_again(folding: FoldRules) -> None:
    state = told(folding, delayed(), reached(MONDAY + HOUR, by="jonas"))
    assert (only(state).state, only(state).spoken, only(state).reached_at) == (
        FailureState.REACHED, True, MONDAY + HOUR,
    )  # fmt: skip
    assert (state.last_contact_at, state.spoken_by) == (MONDAY + HOUR, "jonas")
    assert at(state, "failure.unreached") is None
    assert at(state, "failure.unresolved") == MONDAY + 2 * DAY + HOUR  # two business days
    assert [each.type for each in clock(state, folding, MONDAY + 9 * DAY)] == ["failure.unresolved"]


@pytest.mark.parametrize(
    ("contact", "spoken"),
    [
        (event("contact.settled", disposition="reached"), True),
        (event("contact.settled", disposition="no_answer"), False),
        (event("contact.settled", disposition="voicemail", failure_keys=["delivery/o1"]), False),
        (event("contact.settled", disposition="reached", failure_keys=["delivery/o1"]), True),
        (event("contact.settled", disposition="reached", failure_keys=[]), False),
        (event("contact.settled", disposition="reached", failure_keys=["delivery/other", {"odd": 1}]), False),
        (event("contact.logged", reached=True), True),
        (event("contact.logged", reached=False), False),
        (event("contact.logged"), False),
        (event("call.inbound", call_id="k1"), True),  # the vocabulary says that two people have spoken
        (event("message.received", person_id="anna"), False),  # a reply alone is not reached
        (event("complaint.answered", complaint_id="c1"), False),
    ],
)
def test_what_counts_as_having_spoken_of_a_failure(folding: FoldRules, contact: Event, spoken: bool) -> None:
    state = told(folding, delayed(MONDAY - HOUR), contact)
    assert (only(state).state is FailureState.REACHED) is spoken


def test_a_promise_gives_the_day_of_the_look_again(folding: FoldRules) -> None:
    friday, saturday = MONDAY + 4 * DAY, MONDAY + 5 * DAY
    first = promised(MONDAY, friday, failure="delivery/o1")
    state = told(folding, delayed(), first, reached(MONDAY + HOUR))
    assert at(state, "failure.unresolved") == friday
    later = promised(MONDAY + 2 * HOUR, saturday, promise_id="p2", failure="delivery/o1")
    assert at(told(folding, later, state=state), "failure.unresolved") == saturday
    other = promised(MONDAY + 3 * HOUR, saturday + DAY, promise_id="p3", failure="delivery/other")
    assert at(told(folding, other, state=state), "failure.unresolved") == saturday


@pytest.mark.parametrize(
    ("closing", "state_", "by"),
    [
        (event("failure.put_right", MONDAY + DAY, failure="delivery/o1", said_by="customer"),
         FailureState.PUT_RIGHT, "customer"),
        (event("failure.put_right", MONDAY + DAY, failure="delivery/o1"), FailureState.PUT_RIGHT, "am"),
        (event("failure.let_be", MONDAY + DAY, failure="delivery/o1", by="ruth", reason="gone"),
         FailureState.LET_BE, "ruth"),
        (event("failure.let_be", MONDAY + DAY, failure="delivery/o1"), FailureState.LET_BE, "manager"),
    ],
)  # fmt: skip
def test_a_humans_word_closes_it_and_its_clocks(
    folding: FoldRules, closing: Event, state_: FailureState, by: str
) -> None:
    state = told(folding, delayed(), reached(MONDAY + HOUR), closing)
    assert (only(state).state, only(state).closed_by, only(state).closed_at) == (state_, by, MONDAY + DAY)
    assert state.dues == {}
    again = told(folding, put_right(MONDAY + 2 * DAY), state=state)
    assert only(again).closed_at == MONDAY + DAY  # the first word stays


@pytest.mark.parametrize(
    "type_", ["delivery.arrived", "complaint.closed", "contact.settled", "message.received"]
)
def test_nothing_else_closes_a_failure(folding: FoldRules, type_: str) -> None:
    news = event(
        type_, MONDAY + DAY, order_id="o1", complaint_id="o1", disposition="no_answer", person_id="anna"
    )
    assert only(told(folding, delayed(), news)).is_open


def test_it_is_not_put_right_reopens_and_climbs_anew(folding: FoldRules) -> None:
    reopening = event("failure.reopened", MONDAY + DAY, failure="delivery/o1")
    state = told(folding, ordered(), ordered(), delayed(), put_right(MONDAY + HOUR), reopening)
    assert (only(state).state, only(state).round, only(state).severity) == (
        FailureState.OPEN,
        2,
        Severity.HIGH,
    )
    assert at(state, "failure.unreached") == MONDAY + DAY + 4 * HOUR
    assert only(told(folding, reopening, state=state)).round == 2  # open already


def test_words_about_failures_that_nobody_knows_change_nothing(folding: FoldRules) -> None:
    for type_ in (
        "failure.put_right",
        "failure.let_be",
        "failure.reopened",
        "failure.released",
        "failure.unresolved",
    ):
        assert told(folding, event(type_, failure="delivery/unknown")).failures == {}


# --- promises -------------------------------------------------------------------------------------------------


def test_a_promise_that_is_kept_in_time_makes_nothing_overdue(folding: FoldRules) -> None:
    state = told(folding, promised(MONDAY, MONDAY + DAY, what="a new pallet", by="jonas", person_id="anna"))
    assert state.promises["p1"] == Promise(
        "a1", "p1", "a new pallet", MONDAY + DAY, MONDAY, "jonas", "anna", None, PromiseState.OPEN, None
    )
    told(folding, event("promise.kept", MONDAY + HOUR, promise_id="p1"), state=state)
    assert (state.promises["p1"].state, state.promises["p1"].settled_at) == (PromiseState.KEPT, MONDAY + HOUR)
    assert clock(state, folding, MONDAY + 9 * DAY) == []


def test_a_broken_promise_is_a_failure_that_names_its_parent(folding: FoldRules) -> None:
    state = told(folding, delayed(), promised(MONDAY, MONDAY + DAY, failure="delivery/o1", person_id="anna"))
    (made,) = [each for each in clock(state, folding, MONDAY + DAY) if each.type == "promise.overdue"]
    assert made.time == MONDAY + DAY
    broken = state.failures["promise/p1"]
    assert (broken.parent, broken.person, broken.severity) == ("delivery/o1", "anna", Severity.SEVERE)
    assert state.promises["p1"].state is PromiseState.BROKEN
    told(folding, event("promise.kept", MONDAY + 2 * DAY, promise_id="p1"), state=state)
    assert state.promises["p1"].state is PromiseState.LATE
    assert broken.is_open  # late is not put right


@pytest.mark.parametrize(("said_by", "closes"), [("customer", True), ("am", False)])
def test_the_customers_word_closes_the_broken_promises_too(
    folding: FoldRules, said_by: str, closes: bool
) -> None:
    state = told(folding, delayed(), promised(MONDAY, MONDAY + HOUR, failure="delivery/o1"))
    clock(state, folding, MONDAY + HOUR)
    told(folding, put_right(MONDAY + 2 * HOUR, said_by=said_by), state=state)
    assert not state.failures["delivery/o1"].is_open
    assert state.failures["promise/p1"].is_open is not closes


def test_a_promise_with_a_new_date_waits_for_that(folding: FoldRules) -> None:
    state = told(folding, promised(MONDAY, MONDAY + DAY), promised(MONDAY + HOUR, MONDAY + 3 * DAY))
    assert at(state, "promise.overdue", "p1") == MONDAY + 3 * DAY


def test_a_promise_without_a_date_is_only_words(folding: FoldRules) -> None:
    state = told(folding, event("promise.made", promise_id="p1", what="we will ring"))
    assert (state.promises, state.dues) == ({}, {})
    assert told(folding, event("promise.kept", promise_id="p9")).promises == {}


# --- time rules -------------------------------------------------------------------------------------------------


def test_lateness_is_told_at_each_step_until_it_arrives(folding: FoldRules) -> None:
    promise = MONDAY + DAY
    state = told(folding, ordered(promised_for=promise.isoformat(), person_id="anna"))
    made = [each for each in clock(state, folding, promise + 5 * DAY) if each.type == "delivery.overdue"]
    assert [(each.time, each.data["days_late"]) for each in made] == [
        (promise + DAY, 1), (promise + 2 * DAY, 2), (promise + 5 * DAY, 5),
    ]  # fmt: skip
    assert {(each.data["order_id"], each.data["person_id"]) for each in made} == {("o1", "anna")}
    assert made[0].data["promised_for"] == promise.isoformat()  # carried from the start
    told(folding, event("delivery.arrived", promise + 6 * DAY, order_id="o1"), state=state)
    assert ORDER not in state.dues
    assert only(state).is_open  # it came, and it came late


def test_all_steps_of_lateness_are_one_failure_and_after_the_last_there_is_silence(
    folding: FoldRules,
) -> None:
    state = told(folding, ordered(promised_for=MONDAY.isoformat()))
    made = [
        each.data["days_late"] for each in clock(state, folding, MONDAY + 99 * DAY) if each.type == ORDER[0]
    ]
    assert made == [1, 2, 5, 10]
    assert list(state.failures) == ["delivery/o1"]
    assert state.dues == {}


def test_a_moved_date_moves_the_clock_and_the_old_event_is_refused(folding: FoldRules) -> None:
    state = told(folding, ordered(promised_for=MONDAY.isoformat(), person_id="anna"))
    before = state.dues[ORDER]
    moved = (MONDAY + 7 * DAY).isoformat()
    told(
        folding,
        event("delivery.promise_moved", MONDAY + HOUR, order_id="o1", promised_for=moved),
        state=state,
    )
    after = state.dues[ORDER]
    assert (after.base, after.at, after.step) == (MONDAY + 7 * DAY, MONDAY + 8 * DAY, 0)
    assert after.data["person_id"] == "anna"  # what the first start said is not forgotten
    assert after.event_id != before.event_id
    assert not fold(state, from_clock(before.event_id, before.type, before.at, before.data), folding)


def test_an_event_made_by_time_that_nothing_justifies_leaves_no_trace(folding: FoldRules) -> None:
    state, same = told(folding, ordered()), told(folding, ordered())
    odd = from_clock(
        "delivery.overdue/o1/x", "delivery.overdue", MONDAY + DAY, {"order_id": "o1", "days_late": 1}
    )
    assert not fold(state, odd, folding)
    assert replace(state, newest=same.newest) == same
    due = told(folding, ordered(promised_for=MONDAY.isoformat())).dues[ORDER]
    at_another_time = from_clock(due.event_id, due.type, due.at + HOUR, due.data)
    assert not fold(told(folding, ordered(promised_for=MONDAY.isoformat())), at_another_time, folding)


def test_made_twice_is_made_once(folding: FoldRules) -> None:
    state = told(folding, ordered(promised_for=MONDAY.isoformat()))
    (made,) = clock(state, folding, MONDAY + DAY)
    assert not fold(state, made, folding)


def test_a_late_start_does_not_wake_what_has_ended(folding: FoldRules) -> None:
    arrived = event("delivery.arrived", order_id="o1")
    late_word = event("delivery.promised", MONDAY + HOUR, order_id="o1", promised_for=MONDAY.isoformat())
    assert told(folding, arrived, late_word).dues == {}
    other = event("delivery.promised", MONDAY + HOUR, order_id="o2", promised_for=MONDAY.isoformat())
    assert list(told(folding, arrived, other).dues) == [("delivery.overdue", "o2")]


def test_only_the_latest_ended_things_are_remembered(folding: FoldRules) -> None:
    state = told(folding, *(event("delivery.arrived", order_id=f"o{n}") for n in range(70)))
    assert len(state.ended) == 50
    assert "delivery.overdue/o69" in state.ended


def test_the_word_time_means_the_moment_of_the_start(folding: FoldRules) -> None:
    state = told(folding, event("complaint.opened", complaint_id="c1", person_id="anna"))
    due = state.dues["complaint.unanswered", "c1"]
    assert (due.base, due.at) == (MONDAY, MONDAY + 2 * DAY)
    assert due.data == {"complaint_id": "c1", "person_id": "anna", "days_waiting": 2}
    told(folding, event("complaint.answered", MONDAY + DAY, complaint_id="c1"), state=state)
    assert ("complaint.unanswered", "c1") not in state.dues


def test_a_date_that_had_passed_when_it_was_given_comes_due_right_after(folding: FoldRules) -> None:
    state = told(folding, ordered(promised_for=(MONDAY - 3 * DAY).isoformat()))
    assert state.dues[ORDER].at == MONDAY + LATER
    made = [each for each in clock(state, folding, MONDAY + MINUTE) if each.type == ORDER[0]]
    assert [each.data["days_late"] for each in made] == [1, 2]
    assert [each.time for each in made] == [MONDAY + LATER, MONDAY + 2 * LATER]


@pytest.mark.parametrize(
    "data",
    [{}, {"promised_for": None}, {"promised_for": "soon"}, {"promised_for": "9999-12-31T23:59:59Z"},
     {"promised_for": "0001-01-01T00:00:00+05:00"}, {"promised_for": MONDAY.isoformat(), "order_id": None}],
)  # fmt: skip
def test_a_start_without_a_usable_date_or_key_waits_for_nothing(
    folding: FoldRules, data: dict[str, Any]
) -> None:
    assert told(folding, event("order.placed", **{"order_id": "o1", **data})).dues == {}


def test_what_is_sent_is_told_before_what_time_makes_at_that_instant(folding: FoldRules) -> None:
    state = told(folding, ordered(promised_for=MONDAY.isoformat()))
    due = state.dues[ORDER]
    made = from_clock(due.event_id, due.type, due.at, due.data)
    arrived = event("delivery.arrived", due.at, order_id="o1")
    assert in_order([made, arrived]) == [arrived, made]
    told(folding, arrived, state=state)
    assert not fold(state, made, folding)
    assert state.failures == {}


def test_the_id_of_an_event_made_by_time_fits_whatever_the_key() -> None:
    def due(key: str, account: str = "a1", step: int = 0) -> str:
        return Due(account, "delivery.overdue", key, MONDAY, MONDAY, step, {}).event_id

    assert due("o1") == "a1/delivery.overdue/o1/2026-03-02T09:00:00+00:00/00/2026-03-02T09:00:00+00:00"
    ids = {due("o1"), due("o1", step=1), due("o1", "a2"), due("o" * 5000), due("o|1"), due("o\x001")}
    assert len(ids) == 6
    assert all(len(each) < 300 and each.isprintable() and "|" not in each for each in ids)


# --- rhythm ------------------------------------------------------------------------------------------------------


def test_three_order_days_make_a_rhythm_that_comes_due_and_falls_silent(folding: FoldRules) -> None:
    state = told(folding, *(ordered(MONDAY + n * 14 * DAY, f"o{n}") for n in range(3)))
    assert (state.orders, state.first_order_at, state.last_order_at) == (3, MONDAY, MONDAY + 28 * DAY)
    assert at(state, "reorder.due", "own") == MONDAY + 42 * DAY
    assert at(state, "account.silent", "own") == MONDAY + 58 * DAY
    assert rhythm_facts(state, MONDAY + 44 * DAY)["days_late"] == 2
    told(folding, ordered(MONDAY + 43 * DAY, "o9"), state=state)
    assert at(state, "reorder.due", "own") == MONDAY + 57 * DAY  # the next order sets both anew
    made = clock(state, folding, MONDAY + 99 * DAY)
    assert [each.type for each in made] == ["reorder.due", "account.silent"]


def test_before_there_is_a_rhythm_nothing_comes_due(folding: FoldRules) -> None:
    state = told(folding, ordered(), ordered(MONDAY + DAY, "o2"))
    assert state.dues == {}
    facts = rhythm_facts(state, MONDAY)
    assert {name: facts[name] for name in facts} == {
        "known": False, "orders": 2, "median_days": None, "spread_days": None, "days_late": None,
    }  # fmt: skip


# --- descriptions and facts ---------------------------------------------------------------------------------------


def test_a_description_keeps_what_it_leaves_out(folding: FoldRules) -> None:
    state = told(
        folding, event("account.described", name="Bakery", tier="gold", value=9000.0),
        event("account.described", tier="silver", value=None),
    )  # fmt: skip
    people = [Person("p1", roles={"a1": ("buyer",)}), Person("p2", roles={"a1": ("decision_maker", "payer")})]
    facts = account_facts(state, MONDAY, people)
    assert (facts["name"], facts["tier"], facts["value"], facts["people"]) == ("Bakery", "silver", 9000.0, 2)
    assert facts["decision_makers"] == 1
    assert account_facts(state, MONDAY)["decision_makers"] is None, "nobody was asked about"


def test_facts_of_an_account_as_of_an_instant(folding: FoldRules) -> None:
    state = told(folding, ordered(MONDAY - 10 * DAY), reached(MONDAY - 3 * DAY), delayed())
    facts = account_facts(state, MONDAY + DAY)
    assert (facts["id"], facts["orders"], facts["open_failures"], facts["failures_90d"]) == ("a1", 1, 1, 1)
    assert (facts["days_since_order"], facts["days_since_contact"], facts["age_days"]) == (11, 4, 11)
    assert facts["people"] is None
    empty = account_facts(AccountState("a2"), MONDAY)
    assert (empty["days_since_order"], empty["days_since_contact"], empty["age_days"]) == (None, None, None)


def test_facts_of_a_failure(folding: FoldRules) -> None:
    facts = failure_facts(only(told(folding, delayed())), MONDAY + 3 * DAY)
    assert (facts["kind"], facts["key"], facts["severity"], facts["state"]) == (
        "delivery",
        "o1",
        "high",
        "open",
    )
    assert (facts["nth_90d"], facts["round"], facts["age_days"], facts["first_order"]) == (1, 1, 3, True)
    assert failure_facts(None, MONDAY) == {}


@pytest.mark.parametrize(
    ("value", "instant"),
    [
        ("2026-03-02T10:00:00+01:00", MONDAY),
        ("2026-03-02T09:00:00Z", MONDAY),
        ("2026-03-02", MONDAY.replace(hour=0)),
        ("soon", None),
        ("", None),
        (None, None),
        (17, None),
        ("0001-01-01T00:00:00+05:00", None),  # before the calendar begins
        ("9999-12-31T23:59:59-05:00", None),
        (MONDAY, MONDAY),
    ],
)
def test_instants_as_they_come_in_data(value: Any, instant: datetime | None) -> None:
    assert parse_instant(value) == instant


def test_history_bounds_include_both_ends() -> None:
    rows = [Happening(MONDAY + n * HOUR, f"o{n % 2}", float(n)) for n in range(4)]
    history = History({"order.placed": rows})
    assert history.count("order.placed", MONDAY + HOUR, MONDAY + 2 * HOUR) == 2
    assert history.count("order.placed", None, MONDAY) == 1
    assert history.total("order.placed", MONDAY, MONDAY + 3 * HOUR) == 6
    assert history.last("order.placed", MONDAY + 90 * MINUTE) == rows[1]
    assert history.last("order.placed", MONDAY - HOUR) is None
    assert history.seen("order.placed", "o1", None, MONDAY) is False
    assert history.seen("order.placed", None, None, MONDAY) is True
    assert history.count("order.cancelled", None, MONDAY) == 0


# --- for every list of events --------------------------------------------------------------------------------------

TIMES = st.sampled_from(
    ["2026-03-01T00:00:00Z", "2026-03-02T09:00:00+01:00", "2026-03-09T12:00:00Z", "1999-01-01T00:00:00Z",
     "9999-12-31T23:59:59Z", "9999-12-25T00:00:00Z", "0001-01-01T00:00:00Z", "2026-03-05"]
)  # fmt: skip
TEXTS = {
    "failure": ["delivery/o1", "complaint/o1", "promise/o1", "nothing", ""],
    "disposition": ["reached", "no_answer"],
}


def _value(field: Field) -> st.SearchStrategy[Any]:
    match field.type:
        case FieldType.TEXT:
            return st.sampled_from(field.values or TEXTS.get(field.name) or ["o1", "o2", ""])
        case FieldType.NUMBER:
            return st.floats(-1e9, 1e9) | st.integers(-5, 5)
        case FieldType.INTEGER:
            return st.integers(-1, 5)
        case FieldType.BOOLEAN:
            return st.booleans()
        case FieldType.TIME | FieldType.DATE:
            return TIMES
        case _:
            return st.lists(
                st.sampled_from(["delivery/o1", "promise/o1", "x", {"account": "a1"}, 3]), max_size=3
            )


def _data(kind: EventType) -> st.SearchStrategy[dict[str, Any]]:
    must = {name: _value(field) for name, field in kind.fields.items() if field.required}
    may = {name: st.none() | _value(field) for name, field in kind.fields.items() if not field.required}
    return st.fixed_dictionaries(must, optional=may)


_MADE: dict[str, st.SearchStrategy[list[Event]]] = {}
"""By the vocabulary's digest: to make one takes longer than to draw from it."""


def conforming(vocabulary: Vocabulary) -> st.SearchStrategy[list[Event]]:
    """Any events of one account that the vocabulary allows."""
    if vocabulary.digest not in _MADE:
        _MADE[vocabulary.digest] = _conforming(vocabulary)
    return _MADE[vocabulary.digest]


def _conforming(vocabulary: Vocabulary) -> st.SearchStrategy[list[Event]]:
    sources = st.sampled_from(["shop", OUTREACH_SOURCE, CLOCK_SOURCE])
    one = st.one_of(
        st.tuples(st.just(kind.name), st.integers(0, 60), st.integers(0, 600), sources, _data(kind))
        for kind in vocabulary.types.values()
        if not kind.name.startswith(("person.", "link."))
    )
    return st.lists(one, max_size=12).map(_events)


def _events(rows: Iterable[tuple[str, int, int, str, dict[str, Any]]]) -> list[Event]:
    made = []
    for number, (type_, hours, late, source, data) in enumerate(rows):
        t = MONDAY + hours * 8 * HOUR
        made.append(Event(source, f"e{number}", type_, "a1", t, t + late * HOUR, data))
    return made


SMALL = Fields(AccountState, without=("id", "failures", "promises", "dues", "newest", "version"))


def written_down(state: AccountState) -> AccountState:
    """As the cellar would give it back: the small fields as one JSON text, what hangs on it as rows."""

    def read(kind: type, values: Iterable[Any]) -> list[Any]:
        decode = decoder(kind)
        assert decode is not None
        return [decode(from_json(to_json(value))) for value in values]

    failures, promises = read(Failure, state.failures.values()), read(Promise, state.promises.values())
    dues = read(Due, state.dues.values())
    return AccountState(
        state.id,
        **SMALL.read(SMALL.text(state)),
        failures={each.id: each for each in failures},
        promises={each.id: each for each in promises},
        dues={(each.type, each.key): each for each in dues},
        newest=state.newest,
        version=state.version,
    )


@given(st.data())
def test_no_conforming_events_can_break_the_fold_and_the_state_survives_being_written_down(
    ruleset: Ruleset, folding: FoldRules, data: st.DataObject
) -> None:
    events = in_order(data.draw(conforming(ruleset.vocabulary)))
    state, kept = AccountState("a1"), AccountState("a1")
    for each in events:
        assert fold(state, each, folding) == fold(kept, each, folding)
        kept = written_down(kept)
        assert kept == state
    clock(state, folding, datetime(2100, 1, 1, tzinfo=UTC))
    json.dumps(dict(account_facts(state, MONDAY + 90 * DAY)), default=str)
    assert all(
        each.is_open or each.closed_at or each.state is FailureState.VOID for each in state.failures.values()
    )


@given(st.data())
def test_rebuilding_from_all_events_gives_the_live_state(
    ruleset: Ruleset, folding: FoldRules, data: st.DataObject
) -> None:
    """What time made on the way is in the log; told again from the first event, it all comes out the same."""
    sent = in_order(e for e in data.draw(conforming(ruleset.vocabulary)) if e.source != CLOCK_SOURCE)
    live, log = AccountState("a1"), list[Event]()
    for each in sent:
        log += clock(live, folding, each.time - LATER)
        assert fold(live, each, folding)
        log.append(each)
    log += clock(live, folding, MONDAY + 90 * DAY)
    assert told(folding, *in_order(log)) == live


@given(st.data())
def test_every_open_failure_has_a_clock_or_is_owed_or_was_reached_or_has_climbed_to_the_top(
    ruleset: Ruleset, folding: FoldRules, data: st.DataObject
) -> None:
    """Nobody who was let down is forgotten: until it is closed, somebody will be told."""
    state = AccountState("a1")
    for each in in_order(data.draw(conforming(ruleset.vocabulary))):
        fold(state, each, folding)
        for failure in state.open_failures:
            climbing = ("failure.unreached", failure.id) in state.dues or failure.climbed == 4
            assert failure.owed or failure.state is FailureState.REACHED or climbing

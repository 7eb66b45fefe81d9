"""Judging triggers: which playbooks an event starts, under which key, about which failure, and why."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outreach.domain.account import AccountState
from outreach.domain.conditions import Condition, Place, Scope, compile_condition, compile_value
from outreach.domain.dues import FoldRules
from outreach.domain.evaluate import (
    Ruleset,
    explain,
    failure_of,
    judge,
    make_ruleset,
    merged_needs,
    person_facts,
    scope_of,
)
from outreach.domain.facts import Event, Verdict
from outreach.domain.fold import fold
from outreach.domain.history import Happening, History, Need
from outreach.domain.playbook import Playbook
from tests.domain.makers import DAY, HOUR, MONDAY, event, person, playbook

WHEN = ("delivery.delayed",)
PLACE = Place.plain("late.yaml", 1, 1)


def says(rules: Ruleset, text: str, when: tuple[str, ...] = WHEN) -> Condition:
    return compile_condition(text, rules.vocabulary, when, PLACE)


def with_books(rules: Ruleset, *books: Playbook) -> Ruleset:
    return make_ruleset(rules.vocabulary, books, rules.company)


def judged(rules: Ruleset, trigger: Event, **rows: list[Happening]) -> list[tuple[str, bool | None]]:
    history = History({name.replace("_", ".", 1): found for name, found in rows.items()})
    return [
        (m.playbook.name, m.verdict)
        for m in judge(trigger, scope_of(trigger, AccountState("a1"), history), rules)
    ]


@pytest.mark.parametrize(
    ("condition", "data", "answer"),
    [
        (None, {}, [("late", True)]),  # without a condition every trigger counts
        ("event.days_late >= 2", {"days_late": 3}, [("late", True)]),
        ("event.days_late >= 2", {"days_late": 1}, []),  # a plain no leaves no entry
        ("event.days_late >= 2", {}, [("late", None)]),
        (
            'account.tier == "gold" and event.days_late >= 2',
            {"days_late": 1},
            [],
        ),  # a false beats a cannot-tell
        ('account.tier == "gold" or event.days_late >= 2', {"days_late": 3}, [("late", True)]),
        ('account.tier == "gold" or event.days_late >= 2', {"days_late": 1}, [("late", None)]),
    ],
)
def test_three_answers(
    ruleset: Ruleset, condition: str | None, data: dict[str, Any], answer: list[tuple[str, bool | None]]
) -> None:
    book = playbook("late", condition=condition and says(ruleset, condition))
    assert judged(with_books(ruleset, book), event("delivery.delayed", order_id="o1", **data)) == answer


def test_each_playbook_of_the_type_is_asked_in_order_of_names(ruleset: Ruleset) -> None:
    rules = with_books(
        ruleset,
        playbook("zebra"),
        playbook("ant", condition=says(ruleset, "event.days_late >= 2")),
        playbook("bee", when=("delivery.lost",)),
        playbook("cow", condition=says(ruleset, "event.days_late >= 9")),
    )
    assert judged(rules, event("delivery.delayed", order_id="o1", days_late=3)) == [
        ("ant", True),
        ("zebra", True),
    ]
    assert judged(rules, event("delivery.lost", order_id="o1")) == [("bee", True)]
    assert judged(rules, event("order.placed", order_id="o1")) == []


def test_one_playbook_may_have_several_triggers(ruleset: Ruleset) -> None:
    both = ("delivery.delayed", "delivery.overdue")
    book = playbook("late", when=both, condition=says(ruleset, "event.days_late >= 2", both))
    for type_ in both:
        assert judged(with_books(ruleset, book), event(type_, order_id="o1", days_late=2)) == [("late", True)]


def test_the_key_is_what_once_per_says_else_the_event(ruleset: Ruleset) -> None:
    per_order = compile_value("event.order_id", ruleset.vocabulary, WHEN, PLACE)
    rules = with_books(ruleset, playbook("keyed", once_per=per_order), playbook("plain"))
    trigger = event("delivery.delayed", order_id="o7")
    scope = scope_of(trigger, AccountState("a1"), History({}))
    assert [match.key for match in judge(trigger, scope, rules)] == ["o7", trigger.id]
    nameless = event("delivery.delayed")
    assert [m.key for m in judge(nameless, scope_of(nameless, AccountState("a1"), History({})), rules)] == [
        nameless.id, nameless.id,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("trigger", "failure"),
    [
        (event("delivery.delayed", order_id="o1"), "delivery/o1"),
        (event("delivery.lost", order_id="o1"), "delivery/o1"),
        (event("backorder.opened", order_id="o1"), "delivery/o1"),
        (event("promise.overdue", promise_id="p1", failure="delivery/o1"), "promise/p1"),
        (event("failure.unreached", failure="delivery/o1"), "delivery/o1"),
        (event("order.placed", order_id="o1"), None),
        (event("failure.unreached", failure=3), None),
        (event("no.such.type"), None),
    ],
)
def test_which_failure_an_event_is_about(ruleset: Ruleset, trigger: Event, failure: str | None) -> None:
    assert failure_of(trigger, ruleset.vocabulary) == failure


def test_without_a_key_the_event_itself_names_the_failure(ruleset: Ruleset) -> None:
    nameless = event("review.bad")
    assert failure_of(nameless, ruleset.vocabulary) == f"review/{nameless.id}"


def test_what_a_closing_word_starts_does_not_hang_on_the_failure_it_closed(ruleset: Ruleset) -> None:
    rules = with_books(ruleset, playbook("thanks", when=("failure.put_right",)))
    closing = event("failure.put_right", failure="delivery/o1")
    (match,) = judge(closing, scope_of(closing, AccountState("a1"), History({})), rules)
    assert match.failure is None


def test_the_because_is_the_condition_with_the_values_it_had(ruleset: Ruleset) -> None:
    book = playbook("late", condition=says(ruleset, "event.days_late >= 2"))
    trigger = event("delivery.delayed", order_id="o1", days_late=3)
    scope = scope_of(trigger, AccountState("a1"), History({}))
    trace = explain(book, scope)
    assert (trace.path, trace.verdict) == ("if", Verdict.TRUE)
    assert ("event.days_late", 3) in trace.values
    assert explain(playbook("always"), scope).verdict is Verdict.TRUE
    missing = explain(book, scope._replace(event={}))
    assert missing.verdict is Verdict.CANNOT_TELL
    assert "event.days_late" in missing.missing


def test_a_trigger_is_judged_as_of_its_own_time(ruleset: Ruleset, folding: FoldRules) -> None:
    state = AccountState("a1")
    fold(state, event("order.placed", MONDAY - 10 * DAY, order_id="o1"), folding)
    trigger = event("delivery.delayed", order_id="o1")
    assert scope_of(trigger, state, History({})).at == MONDAY
    assert scope_of(trigger, state, History({})).event["type"] == "delivery.delayed"
    assert scope_of(trigger, state, History({})).account["days_since_order"] == 10
    assert scope_of(trigger, state, History({}), at=MONDAY + DAY).account["days_since_order"] == 11


def test_windows_reach_back_from_the_trigger_and_no_further_than_it(ruleset: Ruleset) -> None:
    book = playbook("again", condition=says(ruleset, 'count("order.placed", "10d") >= 2'))
    rules, trigger = with_books(ruleset, book), event("delivery.delayed", order_id="o1")

    def answer(*days: float) -> list[tuple[str, bool | None]]:
        return judged(rules, trigger, order_placed=[Happening(MONDAY + n * DAY, None, None) for n in days])

    assert answer(-10, 0) == [("again", True)]  # both ends are in
    assert answer(-10.1, 0) == []
    assert answer(-1, 0.1) == []


def test_what_conditions_see_of_a_person() -> None:
    anna = person(roles={"a1": ("buyer", "payer"), "a2": ("user",)}, email=None, language="de")
    facts = person_facts(anna, "a1")
    assert (facts["id"], facts["role"], facts["language"]) == ("anna", "buyer", "de")
    assert (facts["has_phone"], facts["has_email"]) == (True, False)
    assert person_facts(anna, "a9")["role"] is None
    assert person_facts(None, "a1") == {}


def test_the_fold_knows_which_events_start_and_end_what_time_makes(
    ruleset: Ruleset, folding: FoldRules
) -> None:
    starts = {type_: [kind.name for kind in kinds] for type_, kinds in folding.starts.items()}
    assert starts["order.placed"] == ["delivery.overdue"]
    assert starts["complaint.opened"] == ["complaint.unanswered"]
    ends = {type_: [kind.name for kind in kinds] for type_, kinds in folding.ends.items()}
    assert ends["delivery.arrived"] == ["delivery.overdue"]
    for type_, kinds in [*folding.starts.items(), *folding.ends.items()]:
        assert type_ in ruleset.vocabulary.types
        assert all(kind.time_rule for kind in kinds)


def test_the_starter_set_is_indexed_by_its_triggers(ruleset: Ruleset) -> None:
    assert [fault for fault in ruleset.faults if not fault.warning] == []
    for name, book in ruleset.playbooks.items():
        for type_ in book.when:
            assert name in [found.name for found in ruleset.by_type[type_]]
    assert set(ruleset.by_type) == set(ruleset.fused) == set(ruleset.needs)


# --- needs ---------------------------------------------------------------------------------------------

needs = st.lists(
    st.builds(
        Need,
        st.sampled_from("xyz"),
        st.none() | st.integers(1, 90).map(lambda n: timedelta(days=n)),
        st.booleans(),
    )
)


@given(needs)
def test_one_need_per_type_reaches_as_far_as_any_that_it_stands_for(asked: list[Need]) -> None:
    merged = {need.type: need for need in merged_needs(asked)}
    assert set(merged) == {need.type for need in asked}
    for need in asked:
        whole = merged[need.type]
        assert whole.within is None or (need.within is not None and need.within <= whole.within)
        assert whole.data or not need.data
    for type_, need in merged.items():
        own = [each for each in asked if each.type == type_]
        assert need.within in [each.within for each in own]
        assert need.data == any(each.data for each in own)


@given(st.integers(0, 12), st.integers(0, 12), st.integers(0, 5))
def test_judging_all_at_once_is_judging_each_alone(
    ruleset: Ruleset, days_late: int, orders: int, missing: int
) -> None:
    """The fused function says what each playbook's own condition says."""
    texts = [
        "event.days_late >= 5", 'count("order.placed", "2d") >= 6', "rhythm.known or event.days_late < 3",
        'not known(event.carrier) and event.days_late != 7', "account.open_failures == 0",
    ]  # fmt: skip
    books = [playbook(f"p{n}", condition=says(ruleset, text)) for n, text in enumerate(texts)]
    rows = [Happening(MONDAY - n * 6 * HOUR, None, None) for n in range(orders, 0, -1)]
    trigger = event("delivery.delayed", order_id="o1", **({} if missing == 0 else {"days_late": days_late}))
    scope: Scope = scope_of(trigger, AccountState("a1"), History({"order.placed": rows}))
    alone = [
        (book.name, verdict)
        for book in books
        if book.condition and (verdict := book.condition.test(scope)) is not False
    ]
    together = [(m.playbook.name, m.verdict) for m in judge(trigger, scope, with_books(ruleset, *books))]
    assert together == alone

"""Contradictions and what is always true: told where it is so for everybody, and silent everywhere else."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from outreach.domain.conditions import Scope
from outreach.domain.conditions_explain import judge
from outreach.domain.conditions_sense import fixed_answer, odd_parts, place_of
from outreach.domain.conditions_tree import (
    And,
    Compare,
    Count,
    EventField,
    Fact,
    Literal,
    Member,
    Node,
    Not,
    Or,
    Rank,
    Seen,
    write,
)
from outreach.domain.vocabulary import FieldType
from tests.domain.condition_cases import condition
from tests.domain.test_condition_agreement import SEVERITIES, combine, scopes, trees


def choices(node: Node) -> tuple[str, ...]:
    return ("road", "rail", "air") if write(node) == "event.carrier" else ()


NEVER = [
    "event.days_late > 5 and event.days_late < 3",
    "event.days_late > 5 and event.days_late <= 5",
    "event.days_late == 1 and event.days_late == 2",
    "event.days_late == 1 and event.days_late != 1",
    "5 < event.days_late < 3",
    "5 < event.days_late and 3 > event.days_late",
    "event.lines > 1 and event.lines < 2",
    "event.site == 'a' and event.site in ['b', 'c']",
    "event.site in ['a'] and event.site not in ['a', 'b']",
    "event.carrier != 'road' and event.carrier not in ['rail', 'air']",
    "event.express and not event.express",
    "event.express == true and event.express == false",
    "not (event.days_late > 3 or event.days_late <= 3)",
    "(event.days_late > 5 or event.days_late > 7) and event.days_late < 2",
    "seen('delivery.arrived', order_id=event.order_id) and not seen('delivery.arrived', order_id=event.order_id)",
    "failure.severity > 'high' and failure.severity < 'severe'",
    "failure.severity > 'severe'",
    "count('order.placed', '90d') < 0",
    "known(event.site) and not known(event.site)",
    "event.promised_for > '2026-03-02' and event.promised_for < '2026-03-01'",
    "event.order_id == event.site and event.order_id != event.site",
]
ALWAYS = [
    "event.days_late > 3 or event.days_late <= 3",
    "event.days_late != 1 or event.days_late != 2",
    "event.express or not event.express",
    "event.carrier in ['road', 'rail', 'air']",
    "count('order.placed', '90d') >= 0",
    "failure.severity >= 'low'",
    "not (event.days_late > 5 and event.days_late < 3)",
]
SENSIBLE = [
    "event.days_late >= 2 or account.tier == 'gold'",
    "event.days_late >= 2 and event.days_late <= 2",
    "event.days_late > 1 and event.days_late < 2",
    "event.lines > 1 and event.lines < 3",
    "1 < event.days_late < 3",
    "event.days_late > 5 and account.value < 3",
    "event.carrier != 'road' and event.carrier != 'rail'",
    "event.site == 'a' or event.site == 'b'",
    "account.kind != 'business' and account.kind != 'private'",
    "not known(event.site) or event.site == 'a'",
    "count('order.placed', '90d') > 2 and count('order.placed', '30d') < 1",
    "seen('delivery.arrived') and not seen('delivery.arrived', order_id=event.order_id)",
    "event.days_late - 1 > 5 and event.days_late < 6",
    "failure.severity > 'low' and failure.severity < 'severe'",
    "account.orders >= 0",
    "true",
    "event.express and true",
    "event.order_id == event.site",
]


@pytest.mark.parametrize("text", NEVER)
def test_a_contradiction_is_never_true(text: str) -> None:
    assert fixed_answer(condition(text).tree, choices) is False


@pytest.mark.parametrize("text", ALWAYS)
def test_what_says_nothing_is_always_true(text: str) -> None:
    assert fixed_answer(condition(text).tree, choices) is True


@pytest.mark.parametrize("text", SENSIBLE)
def test_what_can_be_both_is_left_alone(text: str) -> None:
    assert not list(odd_parts(condition(text).tree, choices))


def test_a_part_that_makes_no_sense_is_told_with_the_two_that_contradict() -> None:
    text = "account.tier == 'gold' or\n  event.days_late > 5 and event.express and event.days_late < 3"
    (odd,) = odd_parts(condition(text).tree, choices)
    assert not odd.whole
    assert odd.answer is False
    assert odd.pair is not None
    assert [write(part) for part in odd.pair] == ["event.days_late > 5", "event.days_late < 3"]
    assert text[place_of(odd.pair[1], text) :] == "event.days_late < 3"


def test_a_text_is_found_with_either_quote_and_any_space_and_else_the_beginning_is_pointed_at() -> None:
    node = condition("event.site == 'a'").tree
    assert place_of(node, "event.sites > 1 and event.site  ==  'a'") == 20
    assert place_of(node, "  'a' == event.site") == 2


def test_an_expression_with_too_many_ways_to_be_true_is_left_alone() -> None:
    many = " and ".join(f"(event.days_late == {n} or event.lines == {n})" for n in range(12))
    assert fixed_answer(condition(many).tree, choices) is None


FEW = st.integers(-2, 3).map(lambda value: Literal(value, FieldType.INTEGER))
WORDS = st.sampled_from(["a", "b", "it's"])
NUMBERS: st.SearchStrategy[Node] = st.sampled_from(
    [
        EventField("days_late", FieldType.NUMBER),
        EventField("lines", FieldType.INTEGER),
        Count("order.placed", timedelta(days=3)),
        Rank(Fact("failure", "severity", FieldType.TEXT), SEVERITIES),
    ]
)
SIGNS = st.sampled_from(["==", "!=", "<", "<=", ">", ">="])
SITE: st.SearchStrategy[Node] = st.just(EventField("site", FieldType.TEXT))
close_together: st.SearchStrategy[Node] = st.recursive(
    st.one_of(
        st.builds(Compare, SIGNS, NUMBERS, FEW),
        st.builds(Compare, SIGNS, FEW, NUMBERS),
        st.builds(Compare, SIGNS, NUMBERS, NUMBERS),
        st.builds(
            Member, SITE, st.lists(WORDS, min_size=1).map(lambda some: Literal(tuple(some), FieldType.LIST, FieldType.TEXT))
        ),
        st.just(EventField("express", FieldType.BOOLEAN)),
        st.just(Seen("order.placed", None, None, None)),
    ),
    combine,
    max_leaves=8,
)  # fmt: skip


@settings(max_examples=600)
@given(close_together | trees, scopes)
def test_no_false_alarm_a_fixed_answer_is_never_contradicted(tree: Node, given_: Scope) -> None:
    answer = fixed_answer(tree, lambda _: ())
    if answer is not None:
        assert judge(tree, given_) in (answer, None)


@given(close_together, scopes)
def test_a_condition_beside_its_own_opposite_is_not_taken_for_true(tree: Node, given_: Scope) -> None:
    assert fixed_answer(And((tree, Not(tree))), lambda _: ()) in (False, None)
    assert judge(Or((tree, Not(tree))), given_) in (True, None)

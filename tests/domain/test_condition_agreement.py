"""Properties over random well-typed expressions and random scopes with missing and wrong values.

The fast back end (one by one, and fused) and the explaining one always give the same answer; the
canonical text of a tree compiles to the same tree; and a peer with another implementation agrees on the
part of the language that both share.
"""

from __future__ import annotations

import math
import operator
import re
from datetime import UTC, date, datetime, timedelta
from functools import reduce
from typing import Any

import pytest
import rule_engine
from hypothesis import given
from hypothesis import strategies as st

from outreach.domain.conditions import Condition, Scope, fuse
from outreach.domain.conditions_explain import judge
from outreach.domain.conditions_tree import (
    And,
    Arithmetic,
    Compare,
    Count,
    DaysSince,
    EventField,
    Fact,
    Known,
    LastField,
    Literal,
    Member,
    Node,
    Not,
    Or,
    Rank,
    Seen,
    Total,
    write,
)
from outreach.domain.facts import Trace, Verdict
from outreach.domain.history import Happening, History
from outreach.domain.vocabulary import FieldType
from tests.domain.condition_cases import AT, condition, scope

TEXT, NUMBER, INTEGER = FieldType.TEXT, FieldType.NUMBER, FieldType.INTEGER
BOOLEAN, TIME, DATE, LIST = FieldType.BOOLEAN, FieldType.TIME, FieldType.DATE, FieldType.LIST
WORDS = ["a", "b", "it's", 'say "x"']
SEVERITIES = ("low", "medium", "high", "severe")
WITHIN = st.sampled_from([timedelta(days=1), timedelta(days=3), timedelta(hours=36)])
INSTANTS = st.sampled_from([AT - timedelta(hours=hours) for hours in (0, 5, 24, 26, 50, 100)])
DAYS = st.sampled_from([date(2026, 3, 7), date(2026, 3, 8), date(2026, 3, 9)])
PAST_TYPES = st.sampled_from(["order.placed", "delivery.delayed"])


def literal(kind: FieldType) -> st.SearchStrategy[Node]:
    values: dict[FieldType, tuple[st.SearchStrategy[Any], FieldType]] = {
        TEXT: (st.sampled_from(WORDS), TEXT),
        INTEGER: (st.integers(-5, 5), INTEGER),
        NUMBER: (st.sampled_from([-1.5, 0.5, 2.25, 1e-05]), NUMBER),
        TIME: (INSTANTS, TIME),
        DATE: (DAYS, DATE),
    }
    strategy, made = values[kind]
    return strategy.map(lambda value: Literal(value, made))


texts = st.sampled_from(
    [
        EventField("order_id", TEXT),
        EventField("site", TEXT),
        Fact("account", "tier", TEXT),
        Fact("person", "role", TEXT),
    ]
) | st.just(LastField("order.placed", "order_id", TEXT, "key"))
times = st.sampled_from(
    [EventField("promised_for", TIME), LastField("order.placed", "promised_for", TIME, "data")]
)
days = st.just(EventField("day", DATE))
lists = st.just(EventField("goods", LIST))
plain_numbers = st.one_of(
    st.sampled_from(
        [
            EventField("days_late", NUMBER),
            EventField("lines", INTEGER),
            Fact("account", "value", NUMBER),
            Fact("rhythm", "days_late", NUMBER),
            Fact("run", "attempts", INTEGER),
            LastField("order.placed", "amount", NUMBER, "amount"),
            LastField("order.placed", "lines", INTEGER, "data"),
        ]
    ),
    st.builds(Count, PAST_TYPES, WITHIN),
    st.builds(Total, st.just("order.placed"), st.just("amount"), WITHIN),
    st.builds(DaysSince, PAST_TYPES),
    st.builds(Arithmetic, st.just("-"), times, literal(TIME) | times),
    st.builds(Arithmetic, st.just("-"), days, literal(DATE) | days),
)


def arithmetic(parts: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    either = parts | literal(INTEGER) | literal(NUMBER)
    # A fixed zero below the line is a fault when loaded; a computed one is not.
    below = either.filter(lambda node: not (isinstance(node, Literal) and node.value == 0))
    return st.builds(Arithmetic, st.sampled_from("+-*"), parts, either) | st.builds(
        Arithmetic, st.just("/"), either, below
    ).filter(lambda node: not (isinstance(node.left, Literal) and isinstance(node.right, Literal)))


numbers = st.recursive(plain_numbers, arithmetic, max_leaves=4)
truths = st.sampled_from(
    [EventField("express", BOOLEAN), Fact("run", "reached", BOOLEAN), Fact("rhythm", "known", BOOLEAN)]
)
seen = st.one_of(
    st.builds(Seen, PAST_TYPES, st.none(), st.none(), WITHIN | st.none()),
    st.builds(Seen, PAST_TYPES, st.just("order_id"), texts | literal(TEXT), WITHIN | st.none()),
    st.builds(
        Seen, st.just("invoice.sent"), st.just("number"), numbers | literal(INTEGER), WITHIN | st.none()
    ),
)
known = st.builds(
    Known,
    st.one_of(
        texts, times, days, lists, truths, plain_numbers.filter(lambda n: not isinstance(n, Count | Total))
    ),
)


def both_ways(
    sign: st.SearchStrategy[str], one: st.SearchStrategy[Any], fixed: st.SearchStrategy[Any]
) -> st.SearchStrategy[Node]:
    return st.builds(Compare, sign, one, one | fixed) | st.builds(Compare, sign, fixed, one)


def fixed_list(kind: FieldType) -> st.SearchStrategy[Node]:
    return st.lists(literal(kind), min_size=1, max_size=3).map(
        lambda members: Literal(tuple(member.value for member in members), LIST, kind)  # type: ignore[union-attr, misc]
    )


ORDER = st.sampled_from(["==", "!=", "<", "<=", ">", ">="])
SAME = st.sampled_from(["==", "!="])
severity = Fact("failure", "severity", TEXT)
comparisons: st.SearchStrategy[Any] = st.one_of(
    both_ways(ORDER, numbers, literal(INTEGER) | literal(NUMBER)),
    both_ways(SAME, texts, literal(TEXT)),
    both_ways(ORDER, times, literal(TIME)),
    both_ways(ORDER, days, literal(DATE)),
    st.builds(Compare, SAME, truths | seen | known, truths | seen | known),
    st.builds(
        Compare,
        st.sampled_from(["<", "<=", ">", ">="]),
        st.just(Rank(severity, SEVERITIES)),
        st.integers(0, 3).map(lambda rank: Literal(rank, INTEGER)),
    ),
    st.builds(
        Compare, SAME, st.just(severity), st.sampled_from(SEVERITIES).map(lambda word: Literal(word, TEXT))
    ),
    st.builds(Member, texts, fixed_list(TEXT)),
    st.builds(Member, numbers, fixed_list(INTEGER)),
    st.builds(Member, times, fixed_list(TIME)),
    st.builds(Member, texts | literal(TEXT), lists),
    truths,
    seen,
    known,
    st.booleans().map(lambda value: Literal(value, BOOLEAN)),
)


def joined(kind: type[And] | type[Or], parts: list[Node]) -> Node:
    flat = [one for part in parts for one in (part.parts if isinstance(part, kind) else (part,))]
    return kind(tuple(flat))


def combine(parts: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    several = st.lists(parts, min_size=2, max_size=4)
    return st.one_of(
        several.map(lambda some: joined(And, some)),
        several.map(lambda some: joined(Or, some)),
        parts.map(Not),
    )


trees = st.recursive(comparisons, combine, max_leaves=8)

# ── scopes ───────────────────────────────────────────────────────────────────────────────────────────

WRONG = st.sampled_from([None, "x", 0, 7.5, True, [], ["a", 1], {"a": 1}, math.nan, math.inf, 10**400])


def places(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({}, optional={name: right | right | WRONG for name, right in fields.items()})


number = st.integers(-5, 5) | st.sampled_from([-1.5, 0.5, 2.25, 1e300])
word = st.sampled_from(WORDS)
instant = INSTANTS.map(datetime.isoformat)
rows = st.lists(
    st.builds(
        Happening,
        INSTANTS,
        st.sampled_from([*WORDS, "3", None]),
        st.none() | st.sampled_from([1.0, 2.5, -4.0]),
        st.none() | places(promised_for=instant, lines=st.integers(-3, 3)),
    ),
    max_size=4,
).map(lambda some: sorted(some, key=lambda one: one.time))
scopes = st.builds(
    Scope,
    places(order_id=word, site=word, days_late=number, lines=st.integers(-3, 3), express=st.booleans(), promised_for=instant,
           day=DAYS.map(date.isoformat), goods=st.lists(word, max_size=3)),
    places(tier=word, value=number),
    places(known=st.booleans(), days_late=number),
    places(role=word),
    places(severity=st.sampled_from(SEVERITIES)),
    places(reached=st.booleans(), attempts=st.integers(-2, 3)),
    st.fixed_dictionaries({}, optional={"order.placed": rows, "delivery.delayed": rows, "invoice.sent": rows}).map(History),
    st.just(AT),
)  # fmt: skip


@given(trees, scopes)
def test_the_test_and_the_explanation_agree(tree: Node, given_: Scope) -> None:
    asked = condition(write(tree))
    answer = asked.test(given_)
    why = asked.explain(given_)
    assert answer is judge(tree, given_)
    assert why.verdict is {True: Verdict.TRUE, False: Verdict.FALSE, None: Verdict.CANNOT_TELL}[answer]
    _check_trace(why)


def _check_trace(why: Trace) -> None:
    """A cannot-tell always names what is missing, and only it does."""
    assert bool(why.missing) is (why.verdict is Verdict.CANNOT_TELL)
    for index, child in enumerate(why.children):
        assert child.path == f"{why.path}/{index}"
        _check_trace(child)


@given(st.lists(trees | st.none(), max_size=6), scopes)
def test_fused_conditions_answer_like_each_one_alone(some: list[Node | None], given_: Scope) -> None:
    asked: list[Condition | None] = [condition(write(tree)) if tree is not None else None for tree in some]
    assert fuse(asked)(given_) == [one.test(given_) if one is not None else True for one in asked]


@given(trees)
def test_the_canonical_text_compiles_to_the_same_tree(tree: Node) -> None:
    again = condition(write(tree))
    assert again.tree == tree
    assert write(again.tree) == write(tree)


@given(trees, scopes)
def test_what_is_known_never_changes_when_more_becomes_known(tree: Node, given_: Scope) -> None:
    """True and false stay so whatever the missing values turn out to be, apart from ``known``."""
    if "known(" in write(tree) or "rhythm.known" in write(tree):
        return
    answer = condition(write(tree)).test(given_)
    told = given_._replace(
        run={"reached": True, "attempts": 1, **given_.run},
        account={"tier": "a", "value": 2, **given_.account},
    )
    if answer is not None:
        assert condition(write(tree)).test(told) is answer


# ── a peer ───────────────────────────────────────────────────────────────────────────────────────────

shared_numbers = st.recursive(
    st.sampled_from(
        [EventField("days_late", NUMBER), EventField("lines", INTEGER), Fact("account", "value", NUMBER)]
    ),
    lambda parts: st.builds(Arithmetic, st.sampled_from("+-*"), parts, parts | literal(INTEGER)),
    max_leaves=3,
)
shared = st.recursive(
    st.one_of(
        both_ways(ORDER, shared_numbers, st.integers(0, 5).map(lambda n: Literal(n, INTEGER))),
        both_ways(SAME, st.sampled_from([EventField("order_id", TEXT), Fact("account", "tier", TEXT)]),
                  st.sampled_from("ab").map(lambda w: Literal(w, TEXT))),
        st.builds(Member, st.just(Fact("account", "tier", TEXT)), st.sampled_from([("a",), ("a", "b")]).map(lambda w: Literal(w, LIST, TEXT))),
        st.builds(Member, st.sampled_from("ab").map(lambda w: Literal(w, TEXT)), lists),
        st.sampled_from([EventField("express", BOOLEAN), Fact("run", "reached", BOOLEAN)]),
    ),
    combine,
    max_leaves=6,
)  # fmt: skip
complete = st.builds(
    lambda event, account, run: scope(event=event, account=account, run=run),
    st.fixed_dictionaries(
        {"order_id": st.sampled_from("abc"), "days_late": st.integers(-3, 6), "lines": st.integers(0, 4),
         "express": st.booleans(), "goods": st.lists(st.sampled_from("abc"), max_size=3)}
    ),
    st.fixed_dictionaries({"tier": st.sampled_from("abc"), "value": st.integers(-3, 6)}),
    st.fixed_dictionaries({"reached": st.booleans()}),
)  # fmt: skip


@given(shared, complete)
def test_a_peer_gives_the_same_answers_on_the_shared_part(tree: Node, given_: Scope) -> None:
    flat = {
        f"{place}_{name}": value
        for place in ("event", "account", "run")
        for name, value in getattr(given_, place).items()
    }
    theirs = rule_engine.Rule(re.sub(r"\b(event|account|run)\.", r"\1_", write(tree))).matches(flat)
    assert condition(write(tree)).test(given_) is theirs


@pytest.mark.parametrize("depth", [3, 7, 10])
def test_deep_trees_compile_and_agree(depth: int) -> None:
    late: Node = Compare(">", EventField("days_late", NUMBER), Literal(1, INTEGER))
    tree = reduce(
        lambda inner, level: Not(Or((inner, late))) if level % 2 else And((inner, late)), range(depth), late
    )
    value = reduce(
        lambda inner, _: Arithmetic("+", inner, Literal(1, INTEGER)), range(depth - 1), plain_number()
    )
    for given_ in (scope(event={"days_late": 2}), scope(event={"days_late": 0}), scope()):
        for node in (tree, Compare("!=", value, Literal(3, INTEGER))):
            assert condition(write(node)).test(given_) is judge(node, given_)


def plain_number() -> Node:
    return EventField("days_late", NUMBER)


def test_the_bounds_of_windows_are_exact_to_the_microsecond() -> None:
    asked = condition('count("order.placed", "1d") == 1')
    for offset, expected in ((timedelta(0), True), (timedelta(microseconds=1), False)):
        past = History({"order.placed": [Happening(AT - timedelta(days=1) - offset, None, None)]})
        assert asked.test(scope(past)) is expected
        assert operator.is_(judge(asked.tree, scope(past)), expected)
    assert AT.tzinfo is UTC

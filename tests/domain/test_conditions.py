"""What conditions mean, sentence by sentence. Every answer is asked of all three ways to get it."""

from __future__ import annotations

import pickle
from datetime import timedelta
from typing import Any

import pytest

from outreach.domain.conditions import Condition, Place, Scope, compile_value, fuse, longest_needs
from outreach.domain.errors import Invalid
from outreach.domain.facts import Verdict
from outreach.domain.history import Need
from tests.domain.condition_cases import AT, PLACE, VOCABULARY, WHEN, condition, days_ago, history, scope

WORDS = {True: Verdict.TRUE, False: Verdict.FALSE, None: Verdict.CANNOT_TELL}


def answer(text: str, given: Scope) -> bool | None:
    return answer_of(condition(text), given)


def answer_of(asked: Condition, given: Scope) -> bool | None:
    """The answer, once the test, the fused function and the explanation have agreed on it."""
    found = asked.test(given)
    assert fuse([None, asked, asked])(given) == [True, found, found]
    assert asked.explain(given).verdict is WORDS[found]
    return found


EVENT = {
    "type": "delivery.delayed",
    "order_id": "o1",
    "days_late": 3,
    "lines": 4,
    "express": True,
    "promised_for": "2026-03-07T10:00:00+01:00",
    "day": "2026-03-07",
    "goods": ["grill", "charcoal"],
    "carrier": "rail",
}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("event.days_late >= 2", True),
        ("event.days_late > 3", False),
        ("event.days_late == 3.0", True),
        ("event.days_late != 3", False),
        ("2 < event.days_late", True),
        ("1 <= event.days_late < 3", False),
        ("1 <= event.days_late <= event.lines", True),
        ("event.days_late in [1, 2, 3]", True),
        ("event.days_late not in [1, 2, 3]", False),
        ("event.days_late + event.lines * 2 == 11", True),
        ("(event.days_late + event.lines) * 2 == 14", True),
        ("-event.days_late < -2", True),
        ("event.lines / event.days_late > 1.3", True),
        ('event.order_id == "o1"', True),
        ("event.order_id == 'o1'", True),
        ('event.carrier in ["road", "rail"]', True),
        ('"grill" in event.goods', True),
        ('"sauce" in event.goods', False),
        ('"sauce" not in event.goods', True),
        ("event.express", True),
        ("not event.express", False),
        ("event.express == false", False),
        ("event.express != false", True),
        ("true or event.express", True),
        ('event.type == "delivery.delayed"', True),
        ('event.type not in ["delivery.delayed"]', False),
        ("event.express\n  and event.days_late > 2\n\tand event.lines > 3", True),
    ],
)
def test_a_comparison_means_what_it_says(text: str, expected: bool) -> None:
    assert answer(text, scope(event=EVENT)) is expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('event.promised_for < "2026-03-08"', True),
        ('event.promised_for == "2026-03-07T09:00:00Z"', True),
        ('event.promised_for >= "2026-03-07T09:00:01+00:00"', False),
        ('event.day == "2026-03-07"', True),
        ('event.day in ["2026-03-07", "2026-03-08"]', True),
        ('event.day > "2026-03-07"', False),
        ('"2026-03-10" - event.day == 3', True),
        ('"2026-03-07T21:00:00Z" - event.promised_for == 0.5', True),
    ],
)
def test_times_compare_as_instants_and_subtract_to_days(text: str, expected: bool) -> None:
    assert answer(text, scope(event=EVENT)) is expected


@pytest.mark.parametrize(
    ("text", "severity", "expected"),
    [
        ('failure.severity >= "high"', "severe", True),
        ('failure.severity >= "high"', "high", True),
        ('failure.severity >= "high"', "medium", False),
        ('"medium" < failure.severity', "high", True),
        ('failure.severity == "high"', "high", True),
        ('failure.severity in ["low", "medium"]', "high", False),
        ('failure.severity >= "high"', None, None),
        ('failure.severity >= "high"', "catastrophic", None),
    ],
)
def test_severities_have_their_order(text: str, severity: str | None, expected: bool | None) -> None:
    assert answer(text, scope(failure={"severity": severity})) is expected


T, F, N = "event.express", "not event.express", "run.reached"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"{F} and {N}", False),
        (f"{N} and {F}", False),
        (f"{T} and {N}", None),
        (f"{N} and {T}", None),
        (f"{T} or {N}", True),
        (f"{N} or {T}", True),
        (f"{F} or {N}", None),
        (f"not {N}", None),
        (f"not ({N} and {F})", True),
        (f"not ({N} or {T})", False),
        (f"({N} or {T}) and ({N} and {F})", False),
        (f"known({N})", False),
        (f"not known({N})", True),
        (f"{N} or known({T})", True),
        ('account.tier != "gold"', None),
        ('account.tier not in ["gold"]', None),
        ("account.tier == account.group", None),
        ("account.tier != account.group", None),
        ("account.value != 3", None),
        ("rhythm.known == run.reached", None),
        ('"grill" in event.missing', None),
        ("1 <= account.value < 0", None),
        ("5 <= event.days_late < account.value", False),
        ("known(account.value) and account.value > 3", False),
    ],
)
def test_a_false_beats_a_cannot_tell_and_a_cannot_tell_beats_a_true(text: str, expected: bool | None) -> None:
    assert (
        answer(text.replace("event.missing", "event.goods"), scope(event={"express": True, "days_late": 3}))
        is expected
    )


@pytest.mark.parametrize(
    ("field", "wrong"),
    [
        ("days_late", "3"),
        ("days_late", True),
        ("days_late", [3]),
        ("days_late", float("nan")),
        ("days_late", float("inf")),
        ("order_id", 17),
        ("order_id", None),
        ("express", 1),
        ("express", "true"),
        ("promised_for", "2026-03-07T10:00:00"),
        ("promised_for", "next week"),
        ("promised_for", 20260307),
        ("day", "2026-02-30"),
        ("day", "2026-03-07T10:00:00Z"),
        ("goods", "grill"),
        ("goods", ["grill", 3]),
        ("goods", {"grill": 1}),
    ],
)
def test_a_value_of_the_wrong_kind_is_missing_and_named(field: str, wrong: Any) -> None:
    asks = {
        "days_late": "event.days_late != 7",
        "order_id": 'event.order_id != "x"',
        "express": "not event.express",
        "promised_for": 'event.promised_for != "2020-01-01"',
        "day": 'event.day != "2020-01-01"',
        "goods": 'not "sauce" in event.goods',
    }
    asked, given = condition(asks[field]), scope(event={field: wrong})
    assert answer_of(asked, given) is None
    assert asked.explain(given).missing == (f"event.{field}",)
    assert answer(f"known(event.{field})", given) is False


@pytest.mark.parametrize(
    ("text", "event"),
    [
        ("event.days_late / event.lines > 1", {"days_late": 3, "lines": 0}),
        ("event.days_late / (event.lines - 4) > 1", {"days_late": 3, "lines": 4}),
        ("event.days_late * event.lines > 1", {"days_late": 1e300, "lines": 10}),
        ("event.days_late * event.lines > 1", {"days_late": 1.5, "lines": 10**400}),
        ("event.days_late + event.lines > 1", {"days_late": 3}),
    ],
)
def test_arithmetic_without_a_result_cannot_tell(text: str, event: dict[str, Any]) -> None:
    given = scope(event=event)
    assert answer(text, given) is None
    assert condition(text).explain(given).missing


PAST = history(
    order_placed=[
        days_ago(100, "o0", 40.0, lines=2, promised_for="2025-12-01T00:00:00Z"),
        days_ago(30, "o1", 10.0, lines=3),
        days_ago(2, "o2", 5.5, lines="many", promised_for="2026-03-12T00:00:00Z"),
        days_ago(-1, "o3", 99.0),
    ],
    delivery_arrived=[days_ago(5, "o1")],
    invoice_sent=[days_ago(1, "17")],
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('count("order.placed", "90d") == 2', True),
        ('count("order.placed", within="30d") == 2', True),
        ('count("order.placed", "29d") == 1', True),
        ('count("delivery.delayed", "90d") == 0', True),
        ('total("order.placed", "amount", "90d") == 15.5', True),
        ('total("order.placed", "amount", "1d") == 0', True),
        ('last("order.placed").order_id == "o2"', True),
        ('last("order.placed").amount == 5.5', True),
        ('last("order.placed").promised_for > "2026-03-11"', True),
        ('last("order.placed").lines > 1', None),
        ('last("delivery.delayed").days_late > 1', None),
        ('known(last("delivery.delayed").days_late)', False),
        ('known(last("order.placed").amount)', True),
        ('days_since("order.placed") == 2', True),
        ('days_since("delivery.delayed") > 2', None),
        ('not seen("delivery.delayed") or days_since("delivery.delayed") > 2', True),
        ('seen("delivery.arrived", order_id=event.order_id)', True),
        ('seen("delivery.arrived", order_id="o2")', False),
        ('seen("delivery.arrived", order_id=event.site)', None),
        ('not seen("delivery.arrived", order_id=event.site)', None),
        ('seen("delivery.arrived", order_id=event.order_id, within="4d")', False),
        ('seen("delivery.arrived", order_id=event.order_id, within="5d")', True),
        ('seen("order.placed", within="3d")', True),
        ('seen("order.placed", within="1d")', False),
        ('seen("invoice.sent", number=17)', True),
        ('seen("invoice.sent", number=event.days_late)', False),
        ('seen("invoice.sent", number=event.days_late / 2)', None),
        ('seen("order.placed") == seen("delivery.arrived")', True),
    ],
)
def test_windows_reach_back_from_the_instant_and_include_both_ends(text: str, expected: bool | None) -> None:
    assert answer(text, scope(PAST, event={"order_id": "o1", "days_late": 3})) is expected


def test_nothing_that_happened_later_is_seen() -> None:
    later = scope(PAST)._replace(at=AT + timedelta(days=1))
    assert answer('count("order.placed", "90d") == 2', scope(PAST)) is True
    assert answer('count("order.placed", "90d") == 3', later) is True


def test_the_explanation_shows_every_part_with_its_values_and_what_was_missing() -> None:
    asked = condition('event.days_late >= 2 and (account.tier == "gold" or not run.reached)')
    why = asked.explain(scope(event={"days_late": 3}, account={"tier": "silver"}), "steps/0/if")
    assert (why.path, why.text, why.verdict) == ("steps/0/if", asked.text, Verdict.CANNOT_TELL)
    late, either = why.children
    assert (late.path, late.text, late.values) == (
        "steps/0/if/0",
        "event.days_late >= 2",
        (("event.days_late", 3),),
    )
    gold, unreached = either.children
    assert (gold.path, gold.verdict, gold.values) == (
        "steps/0/if/1/0",
        Verdict.FALSE,
        (("account.tier", "silver"),),
    )
    assert unreached.missing == why.missing == ("run.reached",)
    assert unreached.children[0].values == (("run.reached", None),)


def test_the_explanation_shows_what_stood_there_instead_of_a_value() -> None:
    why = condition("event.days_late > 2").explain(scope(event={"days_late": "x" * 500}))
    assert why.missing == ("event.days_late",)
    (name, shown), *_ = why.values
    assert name == "event.days_late"
    assert shown.startswith("'xxx") and len(shown) < 100


def test_a_division_by_zero_is_named_as_it_is_written() -> None:
    why = condition("event.days_late / event.lines > 1").explain(scope(event={"days_late": 3, "lines": 0}))
    assert why.missing == ("event.days_late / event.lines",)
    assert dict(why.values) == {"event.days_late / event.lines": None, "event.days_late": 3, "event.lines": 0}


def test_a_condition_says_what_it_reads() -> None:
    asked = condition(
        'event.days_late > 2 and account.tier == "gold" and count("order.placed", "30d") > 1'
        ' and total("order.placed", "amount", "90d") > 5 and not seen("delivery.arrived", order_id=event.order_id)'
        ' and last("order.placed").lines > 1'
    )
    assert asked.reading.event_fields == {"days_late", "order_id"}
    assert asked.reading.facts == {"account.tier"}
    assert asked.reads == {"order.placed", "delivery.arrived"}
    assert asked.needs == (Need("delivery.arrived", None), Need("order.placed", None, data=True))


def test_the_longest_window_of_each_type_is_needed() -> None:
    week, month = timedelta(days=7), timedelta(days=30)
    needs = [Need("b", week), Need("a", month), Need("b", month), Need("a", None), Need("b", week, data=True)]
    assert longest_needs(needs) == (Need("a", None), Need("b", month, data=True))
    assert longest_needs([]) == ()


def test_fields_that_all_types_of_when_have_can_be_read() -> None:
    both = condition("event.days_late >= 2", ("delivery.delayed", "delivery.overdue"))
    assert answer_of(both, scope(event={"days_late": 2.5})) is True


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("event.order_id", "o1"),
        ("event.days_late", 3),
        ("event.days_late * 2", 6),
        ("event.days_late * 2.0", 6),
        ("event.promised_for", "2026-03-07T09:00:00+00:00"),
        ("event.day", "2026-03-07"),
        ('last("order.placed").order_id', "o2"),
        ("account.id", None),
    ],
)
def test_a_value_names_something(text: str, expected: Any) -> None:
    value = compile_value(text, VOCABULARY, WHEN, PLACE)
    assert value.value(scope(PAST, event=EVENT)) == expected


def test_a_value_of_the_wrong_kind_names_nothing() -> None:
    assert (
        compile_value("event.order_id", VOCABULARY, WHEN, PLACE).value(scope(event={"order_id": 7})) is None
    )


@pytest.mark.parametrize("text", ["event.express", '"fixed"', "event.goods", "event.days_late > 2"])
def test_a_value_must_be_able_to_name_something(text: str) -> None:
    with pytest.raises(Invalid):
        compile_value(text, VOCABULARY, WHEN, PLACE)


def test_conditions_travel_between_processes_and_compare_by_meaning() -> None:
    asked = condition('event.days_late > 2 and account.tier == "gold"')
    again = pickle.loads(pickle.dumps(asked))
    assert again == asked == condition('event.days_late > 2\n  and account.tier == "gold"')
    assert again.test(scope(event=EVENT, account={"tier": "gold"})) is True
    assert asked != condition('event.days_late > 2 and account.tier == "silver"')


def test_fusing_reads_every_field_and_window_once() -> None:
    class Counting(dict[str, Any]):
        reads = 0

        def get(self, key: str, default: Any = None) -> Any:
            Counting.reads += 1
            return super().get(key, default)

    class CountingHistory(type(PAST)):  # type: ignore[misc]
        calls = 0

        def count(self, *asked: Any) -> int:
            CountingHistory.calls += 1
            return 5

    texts = [f'event.days_late > {n} and count("order.placed", "90d") > {n}' for n in range(20)]
    fused = fuse([condition(text) for text in texts])
    given = scope(CountingHistory({}), event=Counting(days_late=9))
    assert fused(given) == [n < 5 for n in range(20)]
    assert (Counting.reads, CountingHistory.calls) == (1, 1)


def test_a_window_that_nothing_depends_on_is_not_read() -> None:
    class Untouchable:
        def __getattr__(self, name: str) -> Any:
            raise AssertionError(name)

    fused = fuse([condition('event.days_late > 5 and count("order.placed", "90d") > 1')])
    assert fused(scope(event={"days_late": 3})._replace(history=Untouchable())) == [False]  # type: ignore[arg-type]


def test_a_fused_condition_of_many_fields_keeps_its_three_answers() -> None:
    names = ("id", "tier", "owner", "zone", "country", "region", "language", "parent", "group", "name")
    text = " and ".join(f'account.{name} == "x"' for name in names)
    full = dict.fromkeys(names, "x")
    assert answer(text, scope(account=full)) is True
    assert answer(text, scope(account={**full, "zone": None})) is None
    assert answer(text, scope(account={**full, "zone": None, "id": "y"})) is False


def test_fusing_nothing_answers_nothing() -> None:
    assert fuse([])(scope()) == []
    assert fuse([None, None])(scope()) == [True, True]


def test_a_place_maps_plain_text() -> None:
    assert Place.plain("x.yaml", 3, 7).position(4) == (3, 11)

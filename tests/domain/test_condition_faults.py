"""Every fault has its place, says what is wrong in human words, and how to mend it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from outreach.domain.conditions import Place, compile_condition, compile_value
from outreach.domain.errors import Invalid
from outreach.domain.vocabulary import Vocabulary
from tests.domain.condition_cases import PLACE, VOCABULARY, WHEN, condition


def faults_of(text: str, when: tuple[str, ...] = WHEN, place: Place = PLACE) -> list[str]:
    with pytest.raises(Invalid) as caught:
        compile_condition(text, VOCABULARY, when, place)
    return [str(fault).removeprefix(f"{place.file}:6:") for fault in caught.value.faults]


GOLDEN = [
    # Names.
    ("event.days_lat >= 2", "11: delivery.delayed has no field `days_lat`; did you mean days_late?"),
    ("acount.tier == 'x'", "5: `acount` is not a name that is known here; did you mean account?"),
    ("account.teir == 'x'", "13: account has no `teir`; did you mean tier?"),
    ("days_late > 2", "5: `days_late` is not a name that is known here; did you mean event.days_late?"),
    ("tier == 'gold'", "5: `tier` is not a name that is known here; did you mean account.tier?"),
    ("days_lat > 2", "5: `days_lat` is not a name that is known here; did you mean event.days_late?"),
    ("event == 3", "5: `event` alone is no value; say which field: event.carrier"),
    ("count > 3", '5: `count` is a function; write count("order.placed", "90d")'),
    ("account.tier == gold", '21: `gold` is not a name that is known here; write a text in quotes: "gold"'),
    ("run.reached == yes", "20: `yes` is not a name that is known here; write true"),
    ("account.tier == none", '21: `none` is not a name that is known here; write a text in quotes: "none"'),
    ("account.value == null", "22: there is no `null`; ask known(…) whether a value is there"),
    ("account.value == None", "22: there is no `None`; ask known(…) whether a value is there"),
    ("event.order_id.length > 3", "5: `event.order_id` has no parts; leave out .length"),
    (
        "event.phone == 'x'",
        "11: `phone` is personal and kept apart; conditions cannot read it; use another field",
    ),
    ("event.__class__ == 'x'", None),
    # Kinds.
    ("account.tier == 3", '21: `account.tier` is a text and `3` is a number; write a text in quotes: "3"'),
    (
        "event.days_late > '2'",
        "23: `event.days_late` is a number and `'2'` is a text; write 2 without quotes",
    ),
    (
        "run.reached == 'true'",
        "20: `run.reached` is true or false and `'true'` is a text; write true without quotes",
    ),
    (
        "event.promised_for > 'soon'",
        "26: `event.promised_for` is a time and `'soon'` is a text; write a date like \"2026-01-31\"",
    ),
    (
        "event.promised_for > '2026-01-31T10:00:00'",
        "26: `event.promised_for` is a time and `'2026-01-31T10:00:00'` is a text; write a date like \"2026-01-31\"",
    ),
    (
        "event.promised_for > event.day",
        "26: `event.promised_for` is a time and `event.day` is a date; compare values of one kind",
    ),
    ("account.tier < 'gold'", "5: texts have no order, so < means nothing; write ==, != or in [ … ]"),
    (
        "event.type == 'delivery.delaid'",
        '19: event.type is never "delivery.delaid"; did you mean delivery.delayed?',
    ),
    ("event.carrier == 'raod'", '22: event.carrier is never "raod"; did you mean road?'),
    ("event.carrier == 'ship'", '22: event.carrier is never "ship"; it is one of "road", "rail", "air"'),
    (
        "event.carrier in ['rail', 'ship']",
        '31: event.carrier is never "ship"; it is one of "road", "rail", "air"',
    ),
    ("failure.severity >= 'hihg'", '25: failure.severity is never "hihg"; did you mean high?'),
    (
        "event.carrier == 3",
        '22: `event.carrier` is a text and `3` is a number; it is one of "road", "rail", "air"',
    ),
    (
        "event.goods == 'grill'",
        "20: `event.goods` is a list and `'grill'` is a text; write \"grill\" in event.goods",
    ),
    (
        "event.days_late in [1, 'x']",
        '28: `event.days_late` is a number and `"x"` is a text; write values of one kind',
    ),
    (
        "event.order_id in account.tier",
        "23: `account.tier` is a text, not a list; write in [account.tier], or ==",
    ),
    (
        "event.days_late in event.goods",
        "5: `event.days_late` is a number, the list holds texts; ask for a text",
    ),
    (
        "event.days_late",
        "5: `event.days_late` is a number, not true or false; compare it: event.days_late > 0",
    ),
    (
        "event.goods and run.reached",
        '5: `event.goods` is a list, not true or false; compare it: "…" in event.goods',
    ),
    ("not account.tier", '9: `account.tier` is a text, not true or false; compare it: account.tier == "…"'),
    ("account.tier + 1 > 2", "5: `account.tier` is a text, not a number; calculate with numbers"),
    ("-account.tier > 2", "6: `account.tier` is a text, not a number; calculate with numbers"),
    ("event.days_late / 0 > 2", "23: nothing can be divided by zero; write another number"),
    ("1 == 1", "5: two fixed values are compared, the answer never changes; compare a field"),
    ("(1 < 2) == run.reached", None),
    ("(event.lines < 2) == run.reached", "6: two conditions are compared; join them with and, or, not"),
    ("run.reached > true", "5: true and false cannot be compared with >; write == or !="),
    ("event.days_late in []", "24: the list is empty, the answer never changes; write at least one value"),
    (
        "event.lines in [1, event.days_late]",
        "24: a list holds fixed values only; join comparisons with or: … == event.days_late",
    ),
    ("known(3)", "11: `3` is always known; ask for a field: known(event.order_id)"),
    # Windows.
    (
        'seen("delivery.arived")',
        '11: there is no event type "delivery.arived"; did you mean delivery.arrived?',
    ),
    (
        'seen("delivery.arrived", oder_id="x")',
        "38: delivery.arrived has no field `oder_id`; did you mean order_id?",
    ),
    (
        'seen("delivery.arrived", day="2026-01-01")',
        "34: `day` of delivery.arrived is not its window column; ask by order_id, or declare key: day for delivery.arrived in vocabulary.yaml",
    ),
    (
        'seen("delivery.arrived", order_id=3)',
        "39: `order_id` is a text and `3` is a number; ask for a value of the field's kind",
    ),
    (
        'seen("delivery.arrived", order_id=o1)',
        '39: `o1` is not a name that is known here; write a text in quotes: "o1"',
    ),
    ('seen("delivery.arrived", "o1")', None),
    (
        "seen()",
        '5: seen(…) lacks its type; write it like seen("delivery.arrived", order_id=event.order_id, within="30d")',
    ),
    ('count("order.placed") > 1', '5: count(…) lacks its within; write it like count("order.placed", "90d")'),
    ('count("order.placed", 90) > 1', '27: `90` is not a duration; write it in quotes, like "90d"'),
    (
        'count(order.placed, "90d") > 1',
        '11: `order.placed` is not an event type; write it in quotes: "order.placed"',
    ),
    (
        'count("order.placed", "4 business hours") > 1',
        "27: '4 business hours' is business time and needs a calendar; write it like 4h or 2d",
    ),
    ('count("order.placed", "0d") > 1', '27: the window is empty; write it like "90d"'),
    (
        'count("order.placed", "90d", within="3d") > 1',
        '34: `within` is given twice; write it like count("order.placed", "90d")',
    ),
    (
        'total("order.placed", "amont", "9d") > 1',
        "27: order.placed has no field `amont`; did you mean amount?",
    ),
    (
        'total("order.placed", "lines", "9d") > 1',
        "27: `lines` of order.placed cannot be summed over a window; declare amount: lines for order.placed in vocabulary.yaml",
    ),
    (
        'last("order.placed") == 3',
        '5: last(…) alone is no value; say which field: last("order.placed").amount',
    ),
    ('last("order.placed").amont > 3', "26: order.placed has no field `amont`; did you mean amount?"),
    ("cuont('order.placed', '9d') > 3", "5: there is no function `cuont`; did you mean count?"),
    # Signs and words.
    ("event.days_late = 3", "21: `=` does not compare; write =="),
    ("known(event.days_late = 3)", "27: `=` does not compare; write =="),
    ("event.days_late === 3", "21: `===` is not a comparison here; write =="),
    ("event.days_late => 3", "21: `=>` is the wrong way round; write >="),
    ("event.days_late <> 3", "21: `<>` is not a comparison here; write !="),
    ("event.days_late ≥ 3", "21: `≥` is not a word of this language; write >="),
    ("event.express && run.reached", "19: `&&` is not a word of this language; write and"),
    ("event.express || run.reached", "19: `||` is not a word of this language; write or"),
    ("!event.express", "5: `!` is not a word of this language; write not, or != for different"),
    ("event.express AND run.reached", "19: `AND` is written with small letters; write and"),
    (
        "event.order_id is 'x'",
        "20: `is` is not a word of this language; write == to compare, known(…) to ask whether it is there",
    ),
    ("event.lines ** 2 > 3", "17: there is no power operator; write the product"),
    ("event.lines % 2 == 1", "17: `%` means nothing here; write the share as a number: 0.1 for 10 %"),
    (
        "event.lines > 2d",
        '19: `2d` is not a number; inside a function write it in quotes, "2d"; else the plain number 2',
    ),
    ("event.lines > 1,000", None),
    ("event.lines > 1_000", "19: `1_000` is not a number; write it like 12 or 0.5"),
    ("event.lines > 007", "19: `007` starts with a zero; write 7"),
    ("event.lines > 99999999999999999999", "19: this number is too big; write at most 1,000,000,000,000,000"),
    ("account.tier == 'go\\'ld'", "24: a text has no backslash escapes; write the character itself"),
    (
        "event.lines > 3 # many",
        "21: a comment cannot stand inside an expression; put it on a line of its own, outside",
    ),
    ("event.lines\u200b > 3", "16: an invisible character stands here, U+200B; remove it"),
    ("account.tier == 'a\x00'", "23: an invisible character stands here, U+0000; remove it"),
    ("Größe > 3", "5: `Größe` is not written in plain letters; use a to z, digits and _"),
    # Structure.
    ("(event.lines > 3", "5: `(` is never closed; add )"),
    ("event.lines > 3)", "20: `)` closes nothing; remove it, or open it before"),
    ("event.lines in [1, 2", "20: `[` is never closed; add ]"),
    ("account.tier == 'gold", "21: the text that starts here has no closing '; add ' where it ends"),
    ("event.lines >", "18: a value is missing after `>`; complete the expression"),
    ("event.express and", "22: a value is missing after `and`; complete the expression"),
    ("and event.express", "5: a value is missing before `and`; complete the expression"),
    (
        "event.lines > and event.express",
        "19: a value is missing between `>` and `and`; complete the expression",
    ),
    (
        "event.lines > 3 event.express",
        "21: `event` follows `3` with nothing between them; put a comparison, and, or between them, or a comma in a list",
    ),
    (
        "account.tier in ['a' 'b']",
        "26: `'b'` follows `'a'` with nothing between them; put a comparison, and, or between them, or a comma in a list",
    ),
    (
        "event.goods[0] == 'x'",
        "16: nothing can be picked from a value with [ ]; to compare with a list write in [ … ]",
    ),
    ("event.express not run.reached", "19: `not` follows a value; write and not, or not in"),
    ("event.lines > not 3", "19: `not` cannot follow `>`; write not before the comparison"),
    ("event.'x' == 3", "11: `'x'` is not the name of a field; write a name after the dot"),
    ("['a']", '5: a list can only stand after in; write account.tier in ["gold", "silver"]'),
    (
        "(event.express, run.reached)",
        "5: `(event.express, run.reached)` means nothing here; write one condition",
    ),
    ("", "5: the expression is empty; write a condition, or leave the key out"),
    (" \n ", "5: the expression is empty; write a condition, or leave the key out"),
    ("not in event.goods", None),
    ("lambda: 3", None),
]


@pytest.mark.parametrize(("text", "expected"), GOLDEN)
def test_a_fault_says_where_what_and_how_to_mend_it(text: str, expected: str | None) -> None:
    found = faults_of(text)
    assert found
    if expected is not None:
        assert found == [expected]


def test_all_faults_of_an_expression_are_told_at_once_in_order() -> None:
    text = (
        'event.days_lat >= 2 and (acount.tier == 3 or not account.teir) and count("order.placd", "9x") > "a"'
    )
    assert [fault.split(":")[0] for fault in faults_of(text)] == ["11", "30", "62", "79", "93"]


def test_typographic_quotes_are_all_told() -> None:
    assert faults_of("account.tier == “gold”") == [
        '21: this is a typographic quote; write texts in straight quotes: "gold"',
        '26: this is a typographic quote; write texts in straight quotes: "gold"',
    ]


def test_a_field_must_be_in_every_type_of_when_and_of_one_kind() -> None:
    both = ("delivery.delayed", "delivery.overdue")
    (lacking,) = faults_of("event.lines > 3", both)
    assert lacking.startswith(
        "11: delivery.overdue has no field `lines`; use a field that every type under when: has"
    )
    assert faults_of("event.site == 3", both) == [
        "11: event.site is a text in delivery.delayed, a number in delivery.overdue; write one playbook for each type"
    ]


def test_an_unknown_or_absent_type_under_when_is_named() -> None:
    assert faults_of("event.lines > 3", ("delivery.delay",)) == [
        '11: event is of a type that is not known: "delivery.delay"; did you mean delivery.delayed?'
    ]
    assert faults_of("event.lines > 3", ()) == [
        "11: there is no event here to read from; use facts and functions only"
    ]


def test_an_empty_vocabulary_knows_no_types() -> None:
    with pytest.raises(Invalid, match=r"declare it in vocabulary\.yaml"):
        compile_condition('seen("x")', Vocabulary(), (), PLACE)


# ── columns in the file ──────────────────────────────────────────────────────────────────────────────


def mapped(
    source: str, start: int, end: int, unescape: Callable[[str, int], tuple[str, int]]
) -> tuple[str, Place]:
    """The value of a YAML scalar in ``source[start:end]`` and its place, made character by character."""
    text, offsets, i = "", [], start
    while i < end:
        piece, used = unescape(source, i)
        offsets += [i] * len(piece)
        text, i = text + piece, i + used
    offsets.append(end)

    def position(offset: int) -> tuple[int, int]:
        before = source[: offsets[min(offset, len(offsets) - 1)]]
        return before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1

    return text, Place("p.yaml", position)


def test_columns_are_exact_in_a_quoted_scalar_with_escapes() -> None:
    source = 'a: 1\nif: "event.carrier == \\"raod\\" and acount.x > 1"\n'
    start = source.index('"') + 1

    def unescape(text: str, i: int) -> tuple[str, int]:
        return (text[i + 1], 2) if text[i] == "\\" else (text[i], 1)

    text, place = mapped(source, start, source.rindex('"'), unescape)
    assert text == 'event.carrier == "raod" and acount.x > 1'
    with pytest.raises(Invalid) as caught:
        compile_condition(text, VOCABULARY, WHEN, place)
    told = [(fault.line, source.splitlines()[1][fault.column - 1 :][:6]) for fault in caught.value.faults]
    assert told == [(2, '\\"raod'), (2, "acount")]


def test_columns_are_exact_in_a_block_scalar() -> None:
    source = "if: |\n  event.days_late > 2\n    and acount.x > 1\n  and event.nix == 3\n"
    start = source.index("event")

    def unindent(text: str, i: int) -> tuple[str, int]:
        return ("\n", 3) if text[i] == "\n" and text[i + 1 : i + 3] == "  " else (text[i], 1)

    text, place = mapped(source, start, len(source), unindent)
    assert text == "event.days_late > 2\n  and acount.x > 1\nand event.nix == 3\n"
    with pytest.raises(Invalid) as caught:
        compile_condition(text, VOCABULARY, WHEN, place)
    assert [(fault.line, fault.column) for fault in caught.value.faults] == [(3, 9), (4, 13)]


def test_columns_are_counted_in_characters_not_in_bytes() -> None:
    assert faults_of('account.tier == "größte €" and acount.x > 1')[0].startswith("36: ")


# ── abuse ────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "text",
    [
        "event.express or " * 200 + "event.express",
        "(" * 300 + "event.express" + ")" * 300,
        "not " * 400 + "event.express",
        "-" * 1900 + "1 > 2",
        "+".join(["1"] * 900) + " > event.lines",
        "[" * 21,
        "9" * 1900 + " > event.lines",
        "event.lines > 1e999",
        "9**9**9**9 > event.lines",
        "a." * 900 + "b",
        "\\" * 500,
        '"' * 501,
        "\ud800",
        "event.lines > 0x" + "f" * 1000,
    ],
)
def test_abuse_is_refused_at_once(text: str) -> None:
    with pytest.raises(Invalid) as caught:
        condition(text)
    assert 1 <= len(caught.value.faults) <= 20


@pytest.mark.parametrize(
    "text",
    [
        "__import__('os').system('true')",
        "().__class__.__bases__",
        "event.__class__ == 'x'",
        "account.get == 'x'",
        "[x for x in event.goods] == 3",
        "(lambda: 1)() == 1",
        "f'{event.lines}' == 'x'",
        "b'x' == event.order_id",
        "event.goods[0] == 'x'",
        "event.lines if run.reached else 3",
        "(y := 3) > 2",
        "{'a': 1} == 3",
        "count(*event.goods) > 1",
        "count(**event.goods) > 1",
        "event.order_id * 3 == 'x'",
        "'x' * 9 == event.order_id",
        "event.order_id + 'x' == 'y'",
        "`ls` == 3",
        "open('x') == 3",
        "event.lines > ...",
        "await run.reached",
    ],
)
def test_nothing_of_python_but_its_look_gets_in(text: str) -> None:
    with pytest.raises(Invalid):
        condition(text)


_WORDS = r"""event account.tier event.days_late run.reached ( ) [ ] , . == != < > <= >= = + - * / and or not in "gold" 'a'
    3 0.5 count( seen( total( last( known( "order.placed" "90d" true false within= order_id= && “ # \ % 1e5 is lambda
    : ; { } ** // é if else for x y.z None 007 2d"""
PIECES = st.sampled_from(_WORDS.split()) | st.sampled_from("\n\t\x00\ud800")


@given(
    st.one_of(
        st.text(max_size=80),
        st.lists(PIECES, max_size=25).map(" ".join),
        st.lists(PIECES, max_size=25).map("".join),
    )
)
@example("count(a=1, 2)")
@example("seen('order.placed', within='1d', within='2d')")
@example("known(x=event.lines)")
@example("1 if 2 else 3")
@example("event.lines > 1 if")
def test_whatever_is_written_is_compiled_or_refused(text: str) -> None:
    for compile in (compile_condition, compile_value):
        try:
            compile(text, VOCABULARY, WHEN, PLACE)
        except Invalid as refused:
            assert refused.faults
            for fault in refused.faults:
                assert fault.line == 6 and 5 <= fault.column <= 5 + len(text)
                assert fault.what

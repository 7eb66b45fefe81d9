"""One cause, many customers: what looks like one, who belongs to it, what they were told."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from itertools import combinations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outreach.domain.facts import Event, Severity
from outreach.domain.incident import (
    LEAST,
    WITHIN,
    Hurt,
    Incident,
    SaidAbout,
    Wording,
    belongs,
    common_fields,
    common_value,
    current,
    outdated,
    proposed,
    says,
    suggest,
    told,
)
from outreach.domain.vocabulary import EventType, FailureRule, Field, FieldType
from tests.domain.makers import DAY, HOUR, MONDAY

LATE = EventType(
    "delivery.delayed",
    "A delivery will be late",
    {
        field.name: field
        for field in (
            Field("order_id", FieldType.TEXT, required=True),
            Field("person_id", FieldType.TEXT),
            Field("lorry_id", FieldType.TEXT),
            Field("carrier", FieldType.TEXT),
            Field("words", FieldType.TEXT, personal=True),
            Field("promised_for", FieldType.TIME),
            Field("days_late", FieldType.NUMBER),
        )
    },
    key="order_id",
    failure=FailureRule("delivery", "order_id", Severity.MEDIUM),
)


def hurt(account: str, at: datetime = MONDAY, carrier: str = "North", **more: Any) -> Hurt:
    values: dict[str, Any] = {
        "failure": f"delivery/{account}", "severity": Severity.MEDIUM, "unreached": True, "type": "delivery.delayed",
        "common": {"carrier": carrier},
    }  # fmt: skip
    return Hurt(account=account, at=at, **{**values, **more})


def many(count: int, start: str = "a", **more: Any) -> list[Hurt]:
    return [hurt(f"{start}{i}", **more) for i in range(count)]


def late(time: datetime = MONDAY, **data: Any) -> Event:
    return Event("shop", "e1", "delivery.delayed", "a1", time, time, {"order_id": "o1", **data})


# -- what they have in common --------------------------------------------------------------------------------


def test_only_what_many_can_have_in_common_is_looked_at() -> None:
    assert common_fields(LATE) == ["carrier", "promised_for"], "no key, no id, no amount, nothing personal"


@pytest.mark.parametrize(
    ("field", "given_", "value"),
    [
        ("carrier", " North ", "North"),
        ("carrier", "", None),
        ("carrier", None, None),
        ("promised_for", "2026-03-02T23:30:00+00:00", "2026-03-03"),
        ("promised_for", "soon", None),
        ("nothing", "x", None),
    ],
)
def test_values_are_compared_as_people_would(field: str, given_: str | None, value: str | None) -> None:
    assert common_value(LATE, field, late(**{field: given_}), "Europe/Berlin") == value


@pytest.mark.parametrize(
    ("event", "is_part"),
    [
        (late(carrier="North"), True),
        (late(carrier="South"), False),
        (late(), False),
        (late(MONDAY + DAY, carrier="North"), False),
        (late(MONDAY - HOUR, carrier="North"), False),
        (late(carrier="North")._replace(retracted=True), False),
        (late(carrier="North")._replace(type="delivery.lost"), False),
    ],
)
def test_who_belongs_to_it(event: Event, is_part: bool) -> None:
    rule = Incident("i", "Snow", "delivery.delayed", "carrier", "North", MONDAY, MONDAY + DAY, "ops", MONDAY)
    assert belongs(rule, LATE, event, "UTC") is is_part
    assert belongs(replace(rule, field="", value=""), LATE, late(), "UTC"), "the time alone may do"


# -- suggestions -----------------------------------------------------------------------------------------------


def test_four_are_told_one_by_one_and_five_are_an_incident() -> None:
    assert suggest(many(LEAST - 1)) == []
    (one,) = suggest(many(LEAST))
    assert (one.type, one.field, one.value, one.accounts) == ("delivery.delayed", "carrier", "North", 5)
    assert one.unreached == 5 and one.since == MONDAY and one.until == MONDAY + WITHIN


def test_five_failures_of_one_account_are_none() -> None:
    assert suggest([hurt("a", failure=f"delivery/{i}") for i in range(9)]) == []


def test_what_lies_too_far_apart_is_none() -> None:
    assert suggest([hurt(f"a{i}", MONDAY + i * 12 * HOUR) for i in range(LEAST)]) == []
    assert len(suggest([hurt(f"a{i}", MONDAY + i * 11 * HOUR) for i in range(LEAST)])) == 1


def test_many_badly_hurt_and_not_reached_come_first() -> None:
    few = many(5, "a", carrier="few", severity=Severity.SEVERE)
    lots = many(12, "b", carrier="lots", severity=Severity.LOW)
    reached = many(30, "c", carrier="reached", unreached=False)
    assert [one.value for one in suggest([*few, *lots, *reached])] == ["lots", "few", "reached"]


def test_one_cause_is_suggested_once() -> None:
    """The same customers, by the carrier and by the day."""
    both = [hurt(f"a{i}", common={"carrier": "North", "promised_for": "2026-03-02"}) for i in range(6)]
    assert len(suggest(both)) == 1
    known = [[(each.account, each.failure) for each in both]]
    assert suggest(both, known) == [], "it is an incident already"
    assert len(suggest([*both, hurt("z", common={"carrier": "North"})], known)) == 1, "it has grown"


HURTS = st.lists(
    st.builds(
        lambda account, hours, carrier, unreached: hurt(
            f"a{account}",
            MONDAY + hours * HOUR,
            carrier,
            unreached=unreached,
            failure=f"delivery/{carrier}-{account}",
        ),
        st.integers(0, 12),
        st.integers(0, 200),
        st.sampled_from(["North", "South"]),
        st.booleans(),
    ),
    max_size=40,
)


@given(HURTS)
def test_every_suggestion_is_one(hurts: list[Hurt]) -> None:
    by_ref = {(each.account, each.failure) for each in hurts}
    for one in suggest(hurts):
        assert one.accounts >= LEAST and one.until - one.since <= WITHIN
        assert one.failures <= by_ref and one.unreached <= one.accounts
        for ref in one.failures:
            assert any(
                (each.account, each.failure) == ref
                and each.common[one.field] == one.value
                and one.since <= each.at < one.until
                for each in hurts
            )


@given(HURTS)
def test_no_cause_is_overlooked(hurts: list[Hurt]) -> None:
    """Wherever five accounts first have the same trouble within two days, that carrier is suggested."""
    first: dict[tuple[str, str], Hurt] = {}
    for each in sorted(hurts, key=lambda each: each.at):
        first.setdefault((each.account, each.common["carrier"]), each)
    found = {one.value for one in suggest(hurts)}
    for carrier in ("North", "South"):
        times = sorted(each.at for each in first.values() if each.common["carrier"] == carrier)
        crowded = any(b - a < WITHIN for a, b in zip(times, times[LEAST - 1 :], strict=False))
        assert crowded == (carrier in found)


@given(HURTS)
def test_nobody_belongs_to_two_of_one_kind(hurts: list[Hurt]) -> None:
    for one, other in combinations(suggest(hurts), 2):
        if (one.type, one.field, one.value) == (other.type, other.field, other.value):
            assert one.until <= other.since or other.until <= one.since


# -- what is told ------------------------------------------------------------------------------------------------


def wording(number: int, words: str, approved: datetime | None = None) -> Wording:
    by = "otto" if approved else None
    return Wording("i", number, "", words, "ruth", MONDAY, by, approved)


FIRST = wording(1, "The pass is shut; we come on Friday.", MONDAY)
SECOND = wording(2, "The pass is shut; we come on Monday.", MONDAY + DAY)
THIRD = wording(3, "We do not know.")


def test_the_newest_that_is_approved_is_said() -> None:
    assert current([FIRST, SECOND, THIRD]) == SECOND and proposed([FIRST, SECOND, THIRD]) == THIRD
    assert current([THIRD]) is None and proposed([FIRST, SECOND]) is None and proposed([]) is None


@pytest.mark.parametrize(
    ("text", "yes"),
    [
        ("Dear Anna,\n\nThe pass is shut; we\ncome on Friday.\n\nJonas", True),
        ("THE PASS IS SHUT - we come on Friday", True),
        ("The pass is shut.", False),
        ("", False),
    ],
)
def test_words_are_found_however_they_are_laid_out(text: str, yes: bool) -> None:
    assert says(text, FIRST.words) is yes
    assert not says(text, " … "), "no words are said by nobody"


@pytest.mark.parametrize(
    ("text", "wordings", "is_so"),
    [
        (FIRST.words, [FIRST], False),
        (FIRST.words, [FIRST, SECOND], True),
        (SECOND.words, [FIRST, SECOND], False),
        (SECOND.words, [FIRST, SECOND, THIRD], False),
        ("I am sorry.", [FIRST, SECOND], False),
        (FIRST.words, [THIRD], False),
    ],
)
def test_what_was_corrected_since_is_outdated(text: str, wordings: list[Wording], is_so: bool) -> None:
    assert outdated(text, wordings) is is_so


def test_words_that_were_only_added_to_are_not_outdated() -> None:
    longer = wording(2, FIRST.words + " Your grill comes with it.", MONDAY + DAY)
    assert not outdated(f"Hello. {longer.words}", [FIRST, longer])


def test_words_of_which_a_part_was_taken_back_are_outdated() -> None:
    """The longest that the text holds is what it says."""
    promise = wording(1, "The pass is shut. We come on Friday and pay you 100 euros.", MONDAY)
    less = wording(2, "The pass is shut.", MONDAY + DAY)
    assert outdated(f"Dear Anna. {promise.words}", [promise, less])
    assert not outdated(f"Dear Anna. {less.words}", [promise, less])
    told_them = told([SaidAbout("a", "f", "email", MONDAY + HOUR, promise.words)], [promise, less])
    assert told_them["a", "f"][0] == 1
    assert not outdated(promise.words, [promise, less, wording(3, promise.words, MONDAY + 2 * DAY)])


def test_words_are_compared_within_their_own_incident() -> None:
    other = replace(wording(1, "Another thing.", MONDAY), incident="j")
    assert outdated(FIRST.words, [FIRST, SECOND, other])
    assert not outdated(f"{SECOND.words} {other.words}", [FIRST, SECOND, other])


def test_each_was_told_the_newest_that_they_heard() -> None:
    both = [FIRST, SECOND, THIRD]
    said = [
        SaidAbout("mail", "f", "email", MONDAY + HOUR, f"Dear Anna. {FIRST.words}"),
        SaidAbout("none", "f", "email", MONDAY + HOUR, "Dear Ole."),
        SaidAbout("early", "f", "call", MONDAY - HOUR, None),
        SaidAbout("phone", "f", "call", MONDAY + HOUR, None),
        SaidAbout("again", "f", "email", MONDAY + HOUR, FIRST.words),
        SaidAbout("again", "f", "call", MONDAY + 2 * DAY, None),
    ]
    found = {account: number for (account, _), (number, _) in told(said, both).items()}
    assert found == {"mail": 1, "phone": 1, "again": 2}


@given(st.integers(0, 5), st.timedeltas(timedelta(0), timedelta(days=3)))
def test_a_call_tells_what_stood_on_the_card_then(count: int, after: timedelta) -> None:
    wordings = [wording(n, f"words {n}", MONDAY + n * DAY) for n in range(1, count + 1)]
    call = SaidAbout("a", "f", "call", MONDAY + after, None)
    number = told([call], wordings).get(("a", "f"), (0, call))[0]
    assert number == min(count, after // DAY)

"""The vocabulary: event types with fields, failures, what time makes; and what is wrong with one."""

from __future__ import annotations

from datetime import timedelta

import pytest

from outreach.domain.errors import Invalid
from outreach.domain.facts import Severity
from outreach.domain.vocabulary import FailureRule, FieldType, TimeRule, Vocabulary
from outreach.library.vocabulary import read_vocabulary
from outreach.library.yaml_reader import read_table
from tests.library.world import VOCABULARY

SMALL = """
parcel.sent:
  title: A parcel was sent
  fields:
    parcel_id: {type: text, required: true}
    due: {type: time}
    weight: {type: number, unit: kg}
    to: {type: text, personal: true}
    size: {type: text, values: [small, large]}
  key: parcel_id
  amount: weight
parcel.late:
  title: A parcel is late
  internal: true
  fields: {parcel_id: {type: text}, days_late: {type: number}}
  key: parcel_id
  failure: {kind: parcel, key: parcel_id, severity: high}
  made_by_time:
    starts: {parcel.sent: due}
    steps: [12h, 1d]
    until: [parcel.came]
    key: parcel_id
parcel.came:
  title: A parcel came
  fields: {parcel_id: {type: text}}
  key: parcel_id
"""


def read(text: str) -> Vocabulary:
    vocabulary, faults = read_vocabulary(read_table("v.yaml", text))
    assert not faults
    return vocabulary


def said(text: str) -> str:
    return "\n".join(map(str, read_vocabulary(read_table("v.yaml", text))[1]))


def test_what_other_systems_read_are_fields_that_are_not_personal() -> None:
    fed = SMALL.replace("  amount: weight\n", "  amount: weight\n  feed: [parcel_id, weight]\n")
    assert read(fed).types["parcel.sent"].feed == ("parcel_id", "weight")
    assert read(SMALL).types["parcel.sent"].feed == ()
    assert read(fed).digest == read(SMALL).digest, "nothing is to be folded anew"
    assert "parcel.sent has no field `wieght`; did you mean weight?" in said(
        fed.replace("id, weight]", "id, wieght]")
    )
    personal = said(fed.replace("id, weight]", "id, to]"))
    assert "`to` is personal and stays in the house; leave it out of `feed`" in personal
    assert "the list is empty" in said(fed.replace("[parcel_id, weight]", "[]"))


def test_event_types_become_what_they_say() -> None:
    types = read(SMALL).types
    sent, late = types["parcel.sent"], types["parcel.late"]
    assert (sent.key, sent.amount, sent.internal) == ("parcel_id", "weight", False)
    assert sent.fields["weight"].type is FieldType.NUMBER
    assert sent.fields["to"].personal
    assert sent.fields["size"].values == ("small", "large")
    assert late.failure == FailureRule("parcel", "parcel_id", Severity.HIGH)
    steps = (timedelta(hours=12), timedelta(days=1))
    assert late.time_rule == TimeRule(
        {"parcel.sent": "due"}, steps, ("parcel.came",), "parcel_id", "days_late"
    )


def test_types_may_stand_below_a_key_of_their_own() -> None:
    indented = "types:\n" + "".join(f"  {line}\n" for line in SMALL.strip().splitlines())
    assert read(indented).types.keys() == read(SMALL).types.keys()


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("type: number, unit: kg", "type: numbr, unit: kg",
         "v.yaml:7:20: `numbr` is not one of text, number, integer, boolean, time, date, list; did you mean number?"),
        ("  amount: weight", "  amount: wait", "v.yaml:11:11: parcel.sent has no field `wait`; did you mean weight?"),
        ("  amount: weight", "  amount: size", "v.yaml:11:11: `size` is no number; name a field of type number or integer"),
        ("  key: parcel_id\n  amount", "  key: to\n  amount", "v.yaml:10:8: `to` is personal and cannot be kept as key"),
        ("kind: parcel, key: parcel_id", "kind: parcel, key: parcel_no",
         "v.yaml:17:32: parcel.late has no field `parcel_no`; did you mean parcel_id?"),
        ("severity: high", "severity: hihg", "v.yaml:17:53: `hihg` is not one of low, medium, high, severe; did you mean high?"),
        ("{parcel.sent: due}", "{parcel.snet: due}", "v.yaml:19:14: there is no event type `parcel.snet`; did you mean parcel.sent?"),
        ("{parcel.sent: due}", "{parcel.sent: weight}",
         "v.yaml:19:27: parcel.sent.weight is no instant; name a field of type time, or write `time`"),
        ("until: [parcel.came]", "until: [parcel.cam]", "v.yaml:21:13: there is no event type `parcel.cam`; did you mean parcel.came?"),
        ("[12h, 1d]", "[1d, 12h]", "v.yaml:20:12: the steps do not rise; write them in order, each once"),
        ("[12h, 1d]", "[1 business day]",
         "v.yaml:20:13: `1 business day`: business time means nothing here; write it in h, d or w"),
        ("parcel.came:\n", "parcelcame:\n", "v.yaml:23:1: `parcelcame` is not an event type's name, such as order.placed"),
        ("internal: true", "internal: yes", "v.yaml:14:13: this must be true or false"),
        ("values: [small", "valus: [small", "v.yaml:9:24: unknown key `valus`; did you mean values?"),
        ("type: text, values", "type: list, values", "v.yaml:9:24: only texts can have `values`; remove them, or make it a text"),
    ],
)  # fmt: skip
def test_a_fault_says_where_it_is_and_what_to_do(old: str, new: str, message: str) -> None:
    assert old in SMALL
    assert message in said(SMALL.replace(old, new)).splitlines()


def test_a_made_type_shares_its_key_with_what_starts_and_ends_it() -> None:
    text = SMALL.replace("fields: {parcel_id: {type: text}}\n  key: parcel_id\n", "")
    assert said(text) == "v.yaml:21:12: parcel.came has no field `parcel_id`, by which it would be recognised"


@pytest.mark.parametrize(
    "change",
    [("A parcel was sent", "It went"), ("unit: kg", "unit: g"), ("internal: true", "internal: false")],
)
def test_the_digest_stays_when_only_words_change(change: tuple[str, str]) -> None:
    assert read(SMALL.replace(*change)).digest == read(SMALL).digest


@pytest.mark.parametrize(
    "change",
    [
        ("severity: high", "severity: low"),
        ("[12h, 1d]", "[12h]"),
        ("  amount: weight\n", ""),
        ("type: number}", "type: text}"),
    ],
)
def test_the_digest_changes_with_what_decides_the_fold(change: tuple[str, str]) -> None:
    assert read(SMALL.replace(*change)).digest != read(SMALL).digest


def test_a_file_that_declares_nothing_is_refused() -> None:
    with pytest.raises(Invalid, match=r"v.yaml:1:1: this must be a mapping|must declare event types"):
        read_vocabulary(read_table("v.yaml", "types: 3\n"))


def test_the_tests_own_vocabulary_is_good() -> None:
    assert "order.placed" in read(VOCABULARY).types

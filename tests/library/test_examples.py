"""Every example of the reference is one that the library takes, and every expression answers what the page says."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from textwrap import indent
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import pytest

from outreach.domain.conditions import Place, Scope, compile_condition
from outreach.domain.conditions_names import FUNCTIONS
from outreach.domain.errors import Invalid
from outreach.domain.history import Happening, History
from outreach.domain.hours import Duration
from outreach.domain.message import render_brief_text
from outreach.domain.message_filters import FILTERS, TESTS
from outreach.domain.vocabulary import FACTS, FieldType
from outreach.library.company import COMPANY
from outreach.library.examples import ASKED, AT, EVENT, KEYS, KNOWN, PAST, WHEN
from outreach.library.groups import Group, Key, Many, Named
from outreach.library.kinds import Kind
from outreach.library.loader import SHARED, Trees, assemble, snapshot
from outreach.library.playbook_keys import PLAYBOOK, STEPS, StepKind
from outreach.library.reference import Path as Way
from outreach.library.reference import nested
from outreach.library.text_examples import CONTEXT, RENDERED, Rendered
from outreach.library.vocabulary import EVENT_TYPE
from tests.library.world import shipped

ROOT = Path(__file__).resolve().parents[2]
OTHERS = ("playbooks/damaged-goods.yaml", "templates/late-delivery/", "templates/damaged-goods/",
          "templates/missed-or-lost-delivery/", "playbooks/law/")  # fmt: skip
"""What the examples speak of, besides the shared files."""
TOGETHER: Mapping[tuple[str, str], tuple[str, ...]] = {
    ("a playbook", "purpose"): ("severity",),
    ("a playbook", "still_open"): ("if_resolved",),
    ("a playbook", "if_resolved"): ("still_open",),
    ("a playbook", "holdout"): (),
    ("an event type", "key"): ("fields",),
    ("an event type", "amount"): ("fields",),
    ("an event type", "failure"): ("fields",),
    ("an event type", "feed"): ("fields",),
    ("an event type", "made_by_time"): ("fields", "internal"),
}
"""Keys that mean something only beside others."""
INSTEAD: Mapping[tuple[str, str], Mapping[str, str]] = {
    ("a playbook", "holdout"): {"purpose": "reorder", "when": "order.placed", "severity": "low"},
}
"""Where the usual would forbid it."""


class Case(NamedTuple):
    """One key in the place where it belongs."""

    file: str
    root: Group
    way: Way
    group: Group
    key: Key

    def __str__(self) -> str:
        return ".".join([self.file, *(name for name, _ in self.way), self.group.name, self.key.name])


def cases() -> Iterator[Case]:
    seen: set[tuple[str, str]] = set()
    for file, root in (("playbook", PLAYBOOK), ("vocabulary", EVENT_TYPE), ("company", COMPANY)):
        places: list[tuple[Way, Group]] = [((), root), *nested(root)]
        for group in STEPS.values() if root is PLAYBOOK else ():
            step: Way = (("steps", Many(StepKind(), or_one=False)),)
            places += [(step, group), *((step + way, inner) for way, inner in nested(group))]
        for way, group in places:
            for key in group.keys:
                if (group.name, key.name) not in seen:
                    seen.add((group.name, key.name))
                    yield Case(file, root, way, group, key)


CASES = list(cases())


def example(group: str, key: str) -> str:
    found = KEYS.get(group, {}).get(key)
    assert found is not None, (
        f"add an example of it to outreach/library/examples.py: KEYS[{group!r}][{key!r}]"
    )
    return found


def written(group: Group, key: str, value: str) -> str:
    """The group with this key and whatever it cannot be without."""
    beside = [one.name for one in group.keys if one.required] + [*TOGETHER.get((group.name, key), ())]
    if group is PLAYBOOK:
        beside.append("severity")
    said = {name: example(group.name, name) for name in beside if name != key}
    said |= {key: value} | dict(INSTEAD.get((group.name, key), {}))
    return "".join(
        f"{name}: {text}\n" if not text.startswith("\n") else f"{name}:{text}" for name, text in said.items()
    )


def document(case: Case) -> str:
    """The file's part, from the innermost group outwards."""
    text = written(case.group, case.key.name, example(case.group.name, case.key.name))
    above = [case.root, *_groups_above(case)]
    for (name, kind), group in zip(reversed(case.way), reversed(above[: len(case.way)]), strict=True):
        text = written(group, name, "\n" + _below(kind, text))
    return text


def _groups_above(case: Case) -> Iterator[Group]:
    """The groups on the way, without the root; a step's own group is found by its kind."""
    for name, kind in case.way:
        if name == "steps":
            yield next(
                one
                for one in STEPS.values()
                if one is case.group or any(g is case.group for _, g in nested(one))
            )
        else:
            while isinstance(kind, Many | Named):
                kind = kind.kind
            assert isinstance(kind, Group)
            yield kind


def _below(kind: Kind, text: str) -> str:
    if isinstance(kind, Many):
        return "  - " + indent(text, "    ").lstrip()
    if isinstance(kind, Named):
        return f"  {kind.names[0] if kind.names else 'order_id'}:\n" + indent(text, "    ")
    return indent(text, "  ")


@cache
def _files() -> tuple[Mapping[str, bytes], Trees]:
    wanted = (*OTHERS, *(f"playbooks/{name}" for name in SHARED))
    return {name: raw for name, raw in snapshot(ROOT).items() if name.startswith(wanted)}, Trees()


def faults(case: Case, text: str) -> list[str]:
    shared, trees = _files()
    files = dict(shared)
    if case.file == "playbook":
        files["playbooks/example.yaml"] = text.encode()
    elif case.file == "vocabulary":
        files["playbooks/vocabulary.yaml"] += f"\nexample.happened:\n{indent(text, '  ')}".encode()
    else:
        files["playbooks/company.yaml"] = text.encode()
    file = "playbooks/example.yaml" if case.file == "playbook" else f"playbooks/{case.file}.yaml"
    try:
        found = assemble(files, None, trees).faults
    except Invalid as invalid:
        found = invalid.faults
    return [str(fault) for fault in found if not fault.warning and fault.file == file]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_each_keys_example_is_taken(case: Case) -> None:
    text = document(case)
    assert not faults(case, text), text


@pytest.mark.parametrize("case", CASES, ids=str)
def test_each_keys_example_stands_where_it_is_read(case: Case) -> None:
    """The same document with the key misspelt is faulty, so the example really was looked at."""
    text = document(case).replace(
        f"{case.key.name}: {example(case.group.name, case.key.name)}\n", "zzz: 1\n", 1
    )
    assert faults(case, text), text


def test_no_example_is_of_a_key_that_is_gone() -> None:
    known = {(case.group.name, case.key.name) for case in CASES}
    assert not [(group, key) for group, keys in KEYS.items() for key in keys if (group, key) not in known]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_each_key_has_a_meaning(case: Case) -> None:
    assert case.key.doc


# -- expressions ---------------------------------------------------------------------------------------


def scope() -> Scope:
    at = datetime.fromisoformat(AT)
    vocabulary, past = shipped().vocabulary, dict[str, list[Happening]]()
    for days, type_, data in PAST:
        kind = vocabulary.types[type_]
        amount = data.get(kind.amount) if kind.amount else None
        one = Happening(at - timedelta(days=days), str(data[kind.key or ""]), amount, data)
        past.setdefault(type_, []).append(one)
    facts: dict[str, dict[str, Any]] = {}
    for name, value in KNOWN.items():
        place, _, field = name.partition(".")
        facts.setdefault(place, {}).update({} if value is None else {field: value})
    return Scope(event=EVENT, history=History(past), at=at, **facts)


@pytest.mark.parametrize("asked", ASKED, ids=lambda asked: asked.text)
def test_each_expression_answers_what_the_page_says(asked: Any) -> None:
    condition = compile_condition(asked.text, shipped().vocabulary, (WHEN,), Place.plain("page.md", 1, 1))
    assert condition.test(scope()) is asked.answer


def test_every_function_and_operator_has_an_example() -> None:
    shown = {asked.about for asked in ASKED}
    assert FUNCTIONS.keys() <= shown
    assert {
        "==",
        "!=",
        "<",
        "<=",
        ">",
        ">=",
        "in",
        "not in",
        "and",
        "or",
        "not",
        "+",
        "-",
        "*",
        "/",
        "true",
        "false",
    } <= shown
    assert all(asked.about in asked.text for asked in ASKED if asked.about not in ("cannot tell", "( )"))


@pytest.mark.parametrize(("name", "form"), FUNCTIONS.items())
def test_the_form_of_each_function_is_taken(name: str, form: str) -> None:
    text = form if name in ("seen", "known") else f"{form} > 0"
    compile_condition(text, shipped().vocabulary, (WHEN,), Place.plain("page.md", 1, 1))


def test_every_fact_has_a_value_in_the_examples() -> None:
    assert KNOWN.keys() == FACTS.keys(), (
        "say in outreach/library/examples.py what it is in the examples: KNOWN"
    )


@pytest.mark.parametrize("name", FACTS)
def test_each_fact_can_be_read(name: str) -> None:
    kinds = {FieldType.TEXT: str, FieldType.BOOLEAN: bool, FieldType.INTEGER: int, FieldType.NUMBER: float}
    value, field = KNOWN[name], FACTS[name]
    assert value is None or type(value) is kinds[field.type]
    assert value is None or not field.values or value in field.values
    condition = compile_condition(
        f"known({name})", shipped().vocabulary, (WHEN,), Place.plain("page.md", 1, 1)
    )
    assert condition.test(scope()) is (value is not None)


# -- texts ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("one", RENDERED, ids=lambda one: one.template)
def test_each_text_says_what_the_page_says(one: Rendered) -> None:
    assert render_brief_text(one.template, CONTEXT) == one.says
    assert one.about in one.template


def test_every_filter_and_test_has_an_example() -> None:
    assert {one.about for one in RENDERED} == FILTERS.keys() - {"bounded"} | TESTS.keys()


# -- durations -----------------------------------------------------------------------------------------


def test_durations_are_as_long_as_the_page_says() -> None:
    page = (ROOT / "docs" / "playbooks.md").read_text(encoding="utf-8")
    section = page[page.index("## Durations") : page.index("## Expressions")]
    written = [one for one in re.findall(r"`([^`]+)`", section) if one != "+"]
    assert len(written) >= 7
    for length in written:
        assert Duration.parse(length)
    calendar = shipped().company.calendar
    zone = ZoneInfo(calendar.zone)
    saturday = datetime(2026, 3, 7, 23, tzinfo=zone)
    for length, until in (("4 business hours", "Monday 13:00"), ("1 business day", "Tuesday 09:00")):
        assert f"{length} is {until}" in " ".join(section.split())
        reached = calendar.add(saturday, Duration.parse(length)).astimezone(zone)
        assert f"{reached:%A %H:%M}" == until

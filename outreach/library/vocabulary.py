"""Reads ``vocabulary.yaml``: event types, their fields, which are failures, what time makes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

from outreach.domain.errors import Fault, Invalid
from outreach.domain.vocabulary import EventType, FailureRule, Field, FieldType, TimeRule, Vocabulary
from outreach.library.groups import Group, Key, Many, Named
from outreach.library.kinds import Choice, EventName, Flag, Length, Reading, SeverityKind, Text, did_you_mean
from outreach.library.tree import Node, Table
from outreach.library.yaml_reader import read_table

WORD = r"[a-z][a-z0-9_]{0,60}"
TYPE_NAME = r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)+"

FIELD = Group(
    "a field",
    (
        Key("type", Choice(FieldType), "what kind of value it holds", required=True),
        Key("required", Flag(), "an event without it is quarantined", "false"),
        Key("personal", Flag(), "kept apart from the event, gone when the person is erased", "false"),
        Key("values", Many(Text(), or_one=False), "the only texts allowed"),
        Key("unit", Text(), "what is counted: days, currency, pieces"),
        Key("doc", Text(), "what it means"),
    ),
)
FAILURE = Group(
    "failure",
    (
        Key(
            "kind",
            Text("a word in lower case", WORD),
            "events of one kind and key are one failure",
            required=True,
        ),
        Key("key", Text(), "the field that says what it is about", required=True),
        Key("severity", SeverityKind(), "how bad it is", required=True),
    ),
)
MADE_BY_TIME = Group(
    "made_by_time",
    (
        Key("starts", Named(Text(), what="event type"), "event type: the field that holds the instant, or `time`", required=True),
        Key("steps", Many(Length(business=False)), "how long after the instant; each makes one event", required=True),
        Key("until", Many(EventName()), "event types that stop it", required=True),
        Key("key", Text(), "the field, common to all of them, that names the thing waited for", required=True),
        Key("sets", Text(), "the field that gets the step in whole days", "days_late"),
    ),
)  # fmt: skip
EVENT_TYPE = Group(
    "an event type",
    (
        Key("title", Text(), "what happened, as a person would say it", required=True),
        Key("doc", Text(), "more about it"),
        Key("fields", Named(FIELD, what="field"), "what its data may hold"),
        Key("key", Text(), "the field that names the thing: what `seen` looks for"),
        Key("amount", Text(), "the number that `total` adds up"),
        Key("failure", FAILURE, "it means that we let the customer down"),
        Key("made_by_time", MADE_BY_TIME, "it happens when nothing else has"),
        Key("internal", Flag(), "made by Outreach itself, not accepted from outside", "false"),
        Key("contact", Choice(("two_way", "reply")), "proof of a conversation, or that the customer wrote"),
        Key("order", Flag(), "counts as an order: rhythm, first order", "false"),
        Key(
            "feed",
            Many(Text(), or_one=False),
            "the fields that other systems read of it at `/v1/feed`; left out, it is not there",
        ),
    ),
)


def read_vocabulary(tree: Table) -> tuple[Vocabulary, list[Fault]]:
    """The vocabulary, and every fault of the file. With faults it is only good for checking on."""
    root = tree.get("types") if set(tree.entries) == {"types"} else tree
    if not isinstance(root, Table):
        raise Invalid(
            [
                tree.fault(
                    "vocabulary.yaml must declare event types", "write `order.placed:` and below it its keys"
                )
            ]
        )
    reading = Reading(types=root.entries.keys())
    types: dict[str, EventType] = {}
    for name, key, node in root:
        Text("an event type's name, such as order.placed", TYPE_NAME).read(key, reading)
        if (values := EVENT_TYPE.read(node, reading)) is not None:
            types[name] = _event_type(name, values)
    for name, _, node in root:
        if name in types and isinstance(node, Table):
            _check_type(types[name], node, types, reading)
    return Vocabulary(types, digest(types)), reading.faults


def vocabulary_of(root: Path) -> Vocabulary:
    """The vocabulary below the root alone, whatever the other files are like. Raises Invalid with every fault."""
    file = "playbooks/vocabulary.yaml"
    if not (root / file).is_file():
        raise Invalid([Fault(file, 0, 0, "this file is missing", "every set of playbooks needs one")])
    vocabulary, faults = read_vocabulary(read_table(file, (root / file).read_bytes()))
    if faults:
        raise Invalid(faults)
    return vocabulary


def _event_type(name: str, values: Mapping[str, Any]) -> EventType:
    failure, by_time = values["failure"], values["made_by_time"]
    return EventType(
        name=name,
        title=values["title"] or name,
        fields={field: _field(field, given) for field, given in (values["fields"] or {}).items()},
        key=values["key"],
        amount=values["amount"],
        failure=FailureRule(**failure) if failure and all(failure.values()) else None,
        time_rule=_time_rule(by_time) if by_time else None,
        internal=bool(values["internal"]),
        contact=values["contact"] or "",
        order=bool(values["order"]),
        feed=values["feed"] or (),
        doc=values["doc"] or "",
    )


def _field(name: str, values: Mapping[str, Any]) -> Field:
    return Field(
        name=name,
        type=values["type"] or FieldType.TEXT,
        unit=values["unit"] or "",
        required=bool(values["required"]),
        personal=bool(values["personal"]),
        values=values["values"] or (),
        doc=values["doc"] or "",
    )


def _time_rule(values: Mapping[str, Any]) -> TimeRule:
    return TimeRule(
        starts=values["starts"] or {},
        steps=tuple(timedelta(seconds=step.seconds) for step in values["steps"] or ()),
        until=values["until"] or (),
        key=values["key"] or "",
        sets=values["sets"] or "days_late",
    )


def _check_type(kind: EventType, node: Table, types: Mapping[str, EventType], reading: Reading) -> None:
    _check_fields(kind, node, reading)
    _check_column(kind, node, "key", reading)
    if kind.amount and (field := _check_column(kind, node, "amount", reading)):
        if field.type not in (FieldType.NUMBER, FieldType.INTEGER):
            reading.note(
                _value(node, "amount"),
                f"`{kind.amount}` is no number",
                "name a field of type number or integer",
            )
    for name in kind.feed:
        field = _named(kind, name, _value(node, "feed"), reading)
        if field and field.personal:
            reading.note(
                _value(node, "feed"), f"`{name}` is personal and stays in the house", "leave it out of `feed`"
            )
    failure = node.get("failure")
    if kind.failure and isinstance(failure, Table):
        _named(kind, kind.failure.key, _value(failure, "key"), reading)
    by_time = node.get("made_by_time")
    if kind.time_rule and isinstance(by_time, Table):
        _check_time_rule(kind, kind.time_rule, by_time, types, reading)


def _check_fields(kind: EventType, node: Table, reading: Reading) -> None:
    fields = node.get("fields")
    for name, key, given in fields if isinstance(fields, Table) else ():
        Text("a field's name, such as order_id", WORD).read(key, reading)
        field = kind.fields.get(name)
        if field and field.values and field.type is not FieldType.TEXT and isinstance(given, Table):
            reading.note(
                given.key("values"), "only texts can have `values`", "remove them, or make it a text"
            )


def _check_column(kind: EventType, node: Table, column: str, reading: Reading) -> Field | None:
    name = kind.key if column == "key" else kind.amount
    if not name:
        return None
    field = _named(kind, name, _value(node, column), reading)
    if field and field.personal:
        reading.note(_value(node, column), f"`{name}` is personal and cannot be kept as {column}")
    return field


def _named(kind: EventType, name: str, place: Node, reading: Reading) -> Field | None:
    field = kind.fields.get(name)
    if field is None:
        reading.note(place, f"{kind.name} has no field `{name}`", did_you_mean(name, kind.fields))
    return field


def _check_time_rule(
    kind: EventType, rule: TimeRule, node: Table, types: Mapping[str, EventType], reading: Reading
) -> None:
    _named(kind, rule.key, _value(node, "key"), reading)
    _named(kind, rule.sets, _value(node, "sets"), reading)
    if list(rule.steps) != sorted(set(rule.steps)):
        reading.note(_value(node, "steps"), "the steps do not rise", "write them in order, each once")
    starts = node.get("starts")
    for name, key, instant in starts if isinstance(starts, Table) else ():
        if name not in types:
            reading.note(key, f"there is no event type `{name}`", did_you_mean(name, types))
            continue
        _check_key(rule, types[name], key, reading)
        if (field := rule.starts.get(name)) and field != "time":
            found = _named(types[name], field, instant, reading)
            if found and found.type not in (FieldType.TIME, FieldType.DATE):
                reading.note(
                    instant, f"{name}.{field} is no instant", "name a field of type time, or write `time`"
                )
    for name in rule.until:
        _check_key(rule, types[name], _value(node, "until"), reading)


def _check_key(rule: TimeRule, kind: EventType, place: Node, reading: Reading) -> None:
    if rule.key and rule.key not in kind.fields:
        reading.note(place, f"{kind.name} has no field `{rule.key}`, by which it would be recognised")


def _value(table: Table, name: str) -> Node:
    return table.get(name) or table


def digest(types: Mapping[str, EventType]) -> str:
    """Over what decides the fold. Titles, docs and units may change without a rebuild."""
    told = {name: _deciding(kind) for name, kind in sorted(types.items())}
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()


def _deciding(kind: EventType) -> list[Any]:
    failure, rule = kind.failure, kind.time_rule
    return [
        {name: [field.type.value, field.personal] for name, field in kind.fields.items()},
        [kind.key, kind.amount, kind.contact, kind.order],
        failure and [failure.kind, failure.key, int(failure.severity)],
        rule
        and [
            dict(rule.starts),
            [s.total_seconds() for s in rule.steps],
            list(rule.until),
            rule.key,
            rule.sets,
        ],
    ]


def fields_of(vocabulary: Vocabulary, names: tuple[str, ...]) -> frozenset[str]:
    """The fields that any of the types has."""
    kinds = [vocabulary.types[name] for name in names if name in vocabulary.types]
    return frozenset(field for kind in kinds for field in kind.fields)

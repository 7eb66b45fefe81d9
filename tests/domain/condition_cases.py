"""A small vocabulary and scopes for the tests of the expression language."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from outreach.domain.conditions import Condition, Place, Scope, compile_condition
from outreach.domain.history import Happening, History
from outreach.domain.vocabulary import EventType, Field, FieldType, Vocabulary

AT = datetime(2026, 3, 10, 12, 0, tzinfo=UTC)
WHEN = ("delivery.delayed",)
PLACE = Place.plain("late.yaml", 6, 5)


def _type(name: str, fields: str, **more: Any) -> EventType:
    """``fields`` like ``order_id:text days_late:number``."""
    made = [Field(word.partition(":")[0], FieldType(word.partition(":")[2])) for word in fields.split()]
    return EventType(name, name, {field.name: field for field in made}, **more)


def _with(type: EventType, *fields: Field) -> EventType:
    return EventType(
        type.name, type.title, {**type.fields, **{f.name: f for f in fields}}, type.key, type.amount
    )


_DELAYED = _type(
    "delivery.delayed",
    "order_id:text days_late:number lines:integer express:boolean promised_for:time day:date goods:list "
    "site:text",
    key="order_id",
    amount="days_late",
)
VOCABULARY = Vocabulary(
    {
        type.name: type
        for type in (
            _with(
                _DELAYED,
                Field("carrier", FieldType.TEXT, values=("road", "rail", "air")),
                Field("phone", FieldType.TEXT, personal=True),
            ),
            _type(
                "delivery.overdue",
                "order_id:text days_late:integer site:integer",
                key="order_id",
                amount="days_late",
            ),
            _type("delivery.arrived", "order_id:text day:date", key="order_id"),
            _type(
                "order.placed",
                "order_id:text amount:number promised_for:time lines:integer",
                key="order_id",
                amount="amount",
            ),
            _type("invoice.sent", "number:integer paid:boolean", key="number"),
        )
    }
)


def days_ago(days: float, key: str | None = None, amount: float | None = None, **data: Any) -> Happening:
    return Happening(AT - timedelta(days=days), key, amount, data)


def history(**rows: list[Happening]) -> History:
    """``order_placed=[…]`` for the type order.placed; any order."""
    return History(
        {name.replace("_", ".", 1): sorted(row, key=lambda one: one.time) for name, row in rows.items()}
    )


def scope(past: History | None = None, **places: Mapping[str, Any]) -> Scope:
    given = {
        name: places.get(name, {}) for name in ("event", "account", "rhythm", "person", "failure", "run")
    }
    return Scope(**given, history=past or History({}), at=AT)


def condition(text: str, when: tuple[str, ...] = WHEN) -> Condition:
    return compile_condition(text, VOCABULARY, when, PLACE)

"""What each filter and test of a template makes of something. The reference page shows them, and the tests render each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

CONTEXT: Mapping[str, Mapping[str, Any]] = {
    "event": {
        "order_id": "o-7",
        "days_late": 3.0,
        "promised_for": "2026-03-06T13:30:00+01:00",
        "amount": 96.9,
        "items": ["a grill", "charcoal", "tongs"],
        "reason": None,
    },
    "person": {"name": "Anna Berg", "zone": "Europe/Berlin", "language": "en"},
    "company": {"currency": "EUR", "zone": "Europe/Berlin"},
}


class Rendered(NamedTuple):
    about: str
    """The filter or test."""
    template: str
    says: str


RENDERED = (
    Rendered("day", "{{ event.promised_for | day }}", "Friday, 6 March"),
    Rendered("date", "{{ event.promised_for | date }}", "6 March 2026"),
    Rendered("clock", "{{ event.promised_for | clock }}", "13:30"),
    Rendered("money", "{{ event.amount | money }}", "€ 96.90"),
    Rendered("money", '{{ event.amount | money("USD") }}', "$96.90"),
    Rendered("days", "{{ event.days_late | days }}", "3 days"),
    Rendered("default", '{{ event.reason | default("we do not know why") }}', "we do not know why"),
    Rendered("join", '{{ event.items | join(" and ") }}', "a grill and charcoal and tongs"),
    Rendered("length", "{{ event.items | length }}", "3"),
    Rendered("count", "{{ event.items | count }}", "3"),
    Rendered("first", "{{ event.items | first }}", "a grill"),
    Rendered("last", "{{ event.items | last }}", "tongs"),
    Rendered("lower", "{{ person.name | lower }}", "anna berg"),
    Rendered("upper", "{{ person.name | upper }}", "ANNA BERG"),
    Rendered("capitalize", '{{ "charcoal" | capitalize }}', "Charcoal"),
    Rendered("title", '{{ "anna berg" | title }}', "Anna Berg"),
    Rendered("trim", '{{ " tongs " | trim }}', "tongs"),
    Rendered("round", "{{ event.amount | round }}", "97"),
    Rendered("round", "{{ event.amount | round(1) }}", "96.9"),
    Rendered("truncate", '{{ "We are sorry that it came so late" | truncate(20) }}', "We are sorry that…"),
    Rendered("replace", '{{ event.order_id | replace("o-", "order ") }}', "order 7"),
    Rendered("defined", "{% if event.order_id is defined %}yes{% endif %}", "yes"),
    Rendered("none", "{% if event.reason is none %}we do not know why{% endif %}", "we do not know why"),
    Rendered("even", "{% if event.items | length is even %}even{% else %}odd{% endif %}", "odd"),
    Rendered("odd", "{% if event.items | length is odd %}odd{% endif %}", "odd"),
)

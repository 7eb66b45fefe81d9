"""The event types this company knows: fields with types, which types are failures, what time makes.

Read from ``playbooks/vocabulary.yaml`` by ``library``. Feeds the checker, the fold, JSON Schema,
the simulator and the docs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum

from outreach.domain.facts import Severity


class FieldType(StrEnum):
    TEXT = "text"
    NUMBER = "number"
    INTEGER = "integer"
    BOOLEAN = "boolean"
    TIME = "time"
    """An instant, RFC 3339 with offset, kept as text in data and compared as an instant."""
    DATE = "date"
    LIST = "list"
    """A list of texts."""


@dataclass(frozen=True, slots=True)
class Field:
    name: str
    type: FieldType
    unit: str = ""
    required: bool = False
    personal: bool = False
    """Stored apart from the event row, so that erasing it leaves the fold intact."""
    values: tuple[str, ...] = ()
    """The only texts allowed, when given."""
    doc: str = ""


@dataclass(frozen=True, slots=True)
class FailureRule:
    """An event of this type opens (or worsens) the failure ``kind/<value of key>``."""

    kind: str
    key: str
    severity: Severity


@dataclass(frozen=True, slots=True)
class TimeRule:
    """A type that time makes: due ``steps`` after the instant in a field of a starting event.

    ``starts``: event type → field holding the instant (later starts move it). ``until``: types
    that end it. ``key``: the field, common to all of them, that names the thing waited for.
    ``sets``: field of the made event that gets the step in whole days. In ``starts`` the word
    ``time`` stands for the starting event's own time. Fields that the made type shares by name with
    the starting event (who, what, promised for when) are carried over.
    """

    starts: Mapping[str, str]
    steps: tuple[timedelta, ...]
    until: tuple[str, ...]
    key: str
    sets: str = "days_late"


@dataclass(frozen=True, slots=True)
class EventType:
    name: str
    title: str
    fields: Mapping[str, Field]
    key: str | None = None
    """The field kept as window column ``key`` (``seen(type, order_id=…)``)."""
    amount: str | None = None
    """The number field kept as window column ``amount`` (``total(type, field, within)``)."""
    failure: FailureRule | None = None
    time_rule: TimeRule | None = None
    internal: bool = False
    """Made by Outreach itself (outcomes, promises, what time makes); not accepted from outside
    unless the token may."""
    contact: str = ""
    """``two_way`` when it proves a human conversation, ``reply`` when the customer wrote."""
    order: bool = False
    """Counts as an order of the account: rhythm, first order."""
    feed: tuple[str, ...] = ()
    """The fields that other systems read of it in the feed; without any it is not in there."""
    doc: str = ""


@dataclass(frozen=True, slots=True)
class Vocabulary:
    types: Mapping[str, EventType] = field(default_factory=dict)
    digest: str = ""
    """Content hash of what decides the fold; a change asks for a rebuild."""

    def get(self, name: str) -> EventType | None:
        return self.types.get(name)


def _facts(place: str, *fields: Field) -> dict[str, Field]:
    return {f"{place}.{field.name}": field for field in fields}


def _text(name: str, doc: str, *values: str) -> Field:
    return Field(name, FieldType.TEXT, values=values, doc=doc)


def _number(name: str, unit: str, doc: str) -> Field:
    return Field(name, FieldType.NUMBER, unit=unit, doc=doc)


def _integer(name: str, doc: str) -> Field:
    return Field(name, FieldType.INTEGER, doc=doc)


def _yes_no(name: str, doc: str) -> Field:
    return Field(name, FieldType.BOOLEAN, doc=doc)


FACTS: Mapping[str, Field] = {
    **_facts(
        "account",
        _text("id", "the account's id"),
        _text("name", "the account's name"),
        _text("kind", "a business or a private customer", "business", "private"),
        _text("tier", "the company's own classes, such as gold"),
        _text("owner", "the account manager's user name"),
        _text("zone", "IANA time zone of the account"),
        _text("country", "ISO 3166 code of the country, such as DE"),
        _text("region", "state or province"),
        _text("language", "BCP 47 code, such as de"),
        _text("parent", "id of the account this one is a site of"),
        _text("group", "id of the topmost account of the group"),
        _number("value", "per year", "what the account buys in a year; missing when unknown, never zero"),
        _integer("orders", "orders the account has placed, over all time"),
        _number("days_since_order", "days", "since the last order; missing before the first"),
        _number("days_since_contact", "days", "since the last two-way contact; missing before the first"),
        _integer("open_failures", "failures that are open or reached"),
        _integer("failures_90d", "failures that were opened in the last 90 days"),
        _integer("people", "how many people are known there"),
        _integer("decision_makers", "how many of them decide what is bought"),
        _number("age_days", "days", "since the account's first event"),
    ),
    **_facts(
        "rhythm",
        _yes_no("known", "whether there are three order days or more, so that there is a rhythm"),
        _number("median_days", "days", "the usual time between two orders"),
        _number("spread_days", "days", "how much that time varies"),
        _number("days_late", "days", "since the next order was due; below zero before that"),
        _integer("orders", "order days that the rhythm was learnt from"),
    ),
    **_facts(
        "person",
        _text("id", "the person's id"),
        _text("role", "the person's role at the account, such as buyer"),
        _text("language", "BCP 47 code, such as de"),
        _text("country", "ISO 3166 code of the country, such as DE"),
        _text("region", "state or province"),
        _yes_no("has_phone", "whether a phone number is known"),
        _yes_no("has_email", "whether an e-mail address is known"),
    ),
    **_facts(
        "failure",
        _text("kind", "the failure's kind, such as delivery"),
        _text("key", "what it is about: the order, the delivery, the complaint"),
        _text("severity", "how bad it is, in this order", "low", "medium", "high", "severe"),
        _integer("nth_90d", "which failure of the account in 90 days this is, from 1"),
        _integer("round", "1, and one more each time it was reopened"),
        _number("age_days", "days", "since it was opened"),
        _yes_no("first_order", "whether it hurt the account's first order"),
        _text("state", "where it stands", "open", "reached", "put_right", "let_be", "void"),
    ),
    **_facts(
        "run",
        _yes_no("reached", "whether a human spoke with the customer in this run"),
        _integer("attempts", "calls tried in this run"),
        _number("age_days", "days", "since the run started"),
        _integer("round", "1, and one more each time the failure was reopened"),
        _yes_no("replied", "whether the customer wrote back in this run"),
    ),
}
"""What expressions may say besides ``event.…``: ``account.tier``, ``run.reached`` … with type and meaning."""

ORDERED_FACTS = frozenset({"failure.severity"})
"""Texts whose ``values`` are in ascending order, so that ``failure.severity >= "high"`` means something."""

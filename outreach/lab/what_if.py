"""Events that might happen, in few words: ``delivery.overdue order=17 days_late=3 at=+2d``, or as JSON or YAML in one line."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from outreach.domain.conditions_names import did_you_mean
from outreach.domain.errors import Refused
from outreach.domain.vocabulary import EventType, FieldType, Vocabulary
from outreach.lab.scratch import cloud_event
from outreach.lab.story_time import When
from outreach.library.tree import plain
from outreach.library.yaml_reader import read_table, resolve

SOURCE = "what-if"
_ABOUT = ("type", "at", "subject", "data")


@dataclass(frozen=True, slots=True)
class WhatIf:
    """``at``: None for the moment that is simulated. ``given``: fields as they were written."""

    type: str
    given: Mapping[str, Any]
    at: When | None = None
    subject: str | None = None

    def when(self, moment: datetime, zone: str) -> datetime:
        return self.at.instant(moment, zone) if self.at else moment

    def event(
        self, number: int, account: str, moment: datetime, zone: str, kind: EventType
    ) -> dict[str, Any]:
        """As a CloudEvent. ``moment``: what ``+2d`` counts from."""
        data = {name: _value(value, kind, name, moment, zone) for name, value in self.given.items()}
        at, about = self.when(moment, zone), self.subject or account
        return cloud_event(self.type, about, data, f"what-if-{number}", at, source=SOURCE)


def read_what_if(text: str, vocabulary: Vocabulary) -> WhatIf:
    """Raises Refused, with what may have been meant, for a type or a field that the vocabulary does not have; Invalid
    for YAML that is none."""
    told = plain(read_table("what-if", text)) if text.lstrip().startswith("{") else _in_words(text)
    name = str(told.get("type") or "")
    kind = vocabulary.get(name)
    if kind is None:
        raise Refused(f"what-if: there is no event type {name}; {did_you_mean(name, vocabulary.types)}")
    given = {**(told.get("data") or {}), **{key: told[key] for key in told if key not in _ABOUT}}
    fields = {_field(key, kind): value for key, value in given.items()}
    at = told.get("at")
    try:
        when = When.parse(str(at)) if at is not None else None
    except ValueError as fault:
        raise Refused(f"what-if: {fault}") from None
    return WhatIf(name, fields, when, told.get("subject"))


def _in_words(text: str) -> dict[str, Any]:
    try:
        first, *rest = shlex.split(text) or [""]
    except ValueError as fault:
        raise Refused(f"what-if: {fault}: {text}") from None
    told: dict[str, Any] = {"type": first}
    for word in rest:
        name, is_, value = word.partition("=")
        if not is_:
            raise Refused(f"what-if: write name=value, not {word}")
        told[name] = value
    return told


def _field(name: str, kind: EventType) -> str:
    """``order`` is enough for ``order_id``."""
    for known in (name, f"{name}_id"):
        if known in kind.fields:
            return known
    raise Refused(f"what-if: {kind.name} has no field {name}; {did_you_mean(name, kind.fields)}")


def _value(value: Any, kind: EventType, name: str, moment: datetime, zone: str) -> Any:
    """What was written, as the field wants it; ``+2d`` is an instant or a day."""
    wants = kind.fields[name].type
    if not isinstance(value, str):
        return str(value) if wants is FieldType.TEXT else value
    if wants in (FieldType.TIME, FieldType.DATE) and value.startswith("+"):
        at = When.parse(value).instant(moment, zone)
        return at.isoformat() if wants is FieldType.TIME else at.date().isoformat()
    if wants is FieldType.LIST:
        return value.split(",")
    return resolve(value) if wants in (FieldType.NUMBER, FieldType.INTEGER, FieldType.BOOLEAN) else value

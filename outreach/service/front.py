"""The front door's check: from a CloudEvent's JSON to an event, or to reasons why not.

Pure and done before any transaction, by whichever thread has the request. A wrong event is kept in
quarantine with every reason; it never stops the others.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, NamedTuple

import orjson

from outreach.domain.account import Due
from outreach.domain.endpoint import as_email, as_phone
from outreach.domain.errors import Invalid
from outreach.domain.facts import CLOCK_SOURCE, OUTREACH_SOURCE, PERSON_PREFIX, Event
from outreach.domain.vocabulary import EventType, FieldType, Vocabulary
from outreach.domain.wallclock import parse_instant

TEXT_LIMIT = 512
_UNFIT = re.compile(r"[\x00-\x1f|]")
DATA_LIMIT = 64 * 1024
DESCRIBES_PERSON = "person.described"


class Incoming(NamedTuple):
    """A checked event with its personal fields apart and the hash of its content."""

    event: Event
    hash: str
    private: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Rejected:
    """Understood as an envelope, refused for these reasons."""

    source: str
    id: str
    type: str
    reasons: tuple[str, ...]
    body: str


def check(
    raw: Mapping[str, Any], vocabulary: Vocabulary, arrived: datetime, *, internal: bool = False
) -> Incoming | Rejected:
    """Check one CloudEvent (structured JSON form). ``internal``: our own types are welcome, too."""
    problems: list[str] = []
    texts = {name: _text(raw, name, problems) for name in ("id", "source", "type", "subject")}
    if raw.get("specversion", "1.0") != "1.0":
        problems.append("specversion: must be 1.0")
    time = _time(raw.get("time"), arrived, problems)
    data = raw.get("data")
    if data is None:
        data = {}
    if not isinstance(data, dict):
        problems.append("data: must be a JSON object")
        data = {}
    kind = vocabulary.get(texts["type"])
    if kind is None:
        problems.append(_unknown_type(texts["type"], vocabulary))
    else:
        if kind.internal and not internal:
            problems.append(f"type: {kind.name} is made by Outreach itself and not accepted from outside")
        problems.extend(_check_data(data, kind))
        if kind.name == DESCRIBES_PERSON:
            data = _normalised(data, problems)
    if len(orjson.dumps(data, default=str)) > DATA_LIMIT:
        problems.append(f"data: more than {DATA_LIMIT // 1024} KB")
    if problems:
        body = orjson.dumps(raw, default=str).decode()
        return Rejected(texts["source"], texts["id"], texts["type"], tuple(problems), body)
    assert kind is not None
    return _incoming(raw, texts, time, data, kind, arrived)


def _normalised(data: dict[str, Any], problems: list[str]) -> dict[str, Any]:
    """Phone and mail in the one form we keep, so that lookups, caps and opt-outs find them."""
    found = dict(data)
    for name, normal in (("phone", lambda text: as_phone(text, data.get("country"))), ("email", as_email)):
        if isinstance(found.get(name), str):
            try:
                found[name] = normal(found[name])
            except Invalid as invalid:
                problems += [f"data.{fault.file}: {fault.what}; {fault.remedy}" for fault in invalid.faults]
    return found


def _incoming(
    raw: Mapping[str, Any],
    texts: Mapping[str, str],
    time: datetime,
    data: dict[str, Any],
    kind: EventType,
    arrived: datetime,
) -> Incoming:
    # What nobody declared may be personal, too, so it lies apart: no condition can read it anyway.
    declared = kind.fields
    private = {
        name: value for name, value in data.items() if (field := declared.get(name)) is None or field.personal
    }
    public = {name: value for name, value in data.items() if name not in private} if private else data
    sequence = raw.get("sequence")
    key = data.get(kind.key) if kind.key else None
    amount = data.get(kind.amount) if kind.amount else None
    event = Event(
        source=texts["source"],
        id=texts["id"],
        type=texts["type"],
        subject=texts["subject"],
        time=time,
        arrived=arrived,
        data=public,
        key=None if key is None else str(key),
        amount=None if amount is None else float(amount),
        sequence=None if sequence is None else str(sequence),
    )
    stated = time if raw.get("time") is not None else None
    return Incoming(event, content_hash(event.type, event.subject, stated, data), private)


def content_hash(type_: str, subject: str, time: datetime | None, data: Mapping[str, Any]) -> str:
    """Of type, subject, the stated time as an instant, and canonical data."""
    micros = None if time is None else int(time.timestamp() * 1_000_000)
    content = [type_, subject, micros, data]
    return sha256(orjson.dumps(content, option=orjson.OPT_SORT_KEYS)).hexdigest()[:32]


def whole(event: Event, private: Mapping[str, Any]) -> Event:
    """The event with its personal fields, as the fold and the pages see it."""
    return event._replace(data={**event.data, **private}) if private else event


def _text(raw: Mapping[str, Any], name: str, problems: list[str]) -> str:
    value = raw.get(name)
    if not isinstance(value, str) or not value.strip():
        problems.append(f"{name}: required, a text")
        return ""
    if len(value) > TEXT_LIMIT or _UNFIT.search(value):
        problems.append(f"{name}: at most {TEXT_LIMIT} characters, no control characters, no '|'")
        return ""
    return value


def _time(value: Any, arrived: datetime, problems: list[str]) -> datetime:
    if value is None:
        return arrived
    try:
        parsed = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        parsed = None
    if parsed is None or parsed.tzinfo is None:
        problems.append("time: must be RFC 3339 with an offset, like 2026-03-02T09:00:00+01:00")
        return arrived
    try:
        parsed = parsed.astimezone(UTC)
    except (OverflowError, ValueError):
        parsed = None
    if parsed is None or not 1970 <= parsed.year <= 2200:
        problems.append("time: must lie between 1970 and 2200")
        return arrived
    return parsed


def _unknown_type(name: str, vocabulary: Vocabulary) -> str:
    from difflib import get_close_matches

    near = get_close_matches(name, list(vocabulary.types), n=1)
    return f"type: {name!r} is not in the vocabulary" + (f"; did you mean {near[0]}?" if near else "")


def _check_data(data: Mapping[str, Any], kind: EventType) -> list[str]:
    problems = []
    for name, field in kind.fields.items():
        value = data.get(name)
        if value is None:
            if field.required:
                problems.append(f"data.{name}: required")
            continue
        problem = _CHECKS[field.type](value)
        if problem:
            problems.append(f"data.{name}: {problem}")
        elif field.values and value not in field.values:
            problems.append(f"data.{name}: must be one of {', '.join(field.values)}")
    return problems


def _is_text(value: Any) -> str | None:
    if not isinstance(value, str):
        return "must be a text"
    return "is longer than 20,000 characters" if len(value) > 20_000 else None


def _is_number(value: Any) -> str | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return "must be a number"
    return None if abs(value) < 1e15 else "is too large"


def _is_integer(value: Any) -> str | None:
    whole_number = isinstance(value, int) and not isinstance(value, bool) and abs(value) < 10**15
    return None if whole_number else "must be a whole number"


def _is_boolean(value: Any) -> str | None:
    return None if isinstance(value, bool) else "must be true or false"


def _is_time(value: Any) -> str | None:
    return None if isinstance(value, str) and parse_instant(value) else "must be an RFC 3339 time"


def _is_list(value: Any) -> str | None:
    return None if isinstance(value, list) and len(value) <= 1000 else "must be a list of at most 1,000"


_CHECKS: Mapping[FieldType, Callable[[Any], str | None]] = {
    FieldType.TEXT: _is_text,
    FieldType.NUMBER: _is_number,
    FieldType.INTEGER: _is_integer,
    FieldType.BOOLEAN: _is_boolean,
    FieldType.TIME: _is_time,
    FieldType.DATE: _is_time,
    FieldType.LIST: _is_list,
}


def is_about_person(event: Event) -> bool:
    return event.subject.startswith(PERSON_PREFIX)


# -- events that we make ourselves -----------------------------------------------------------------


def own_event(
    type_: str, subject: str, data: Mapping[str, Any], at: datetime, id_: str, source: str = OUTREACH_SOURCE
) -> dict[str, Any]:
    """The CloudEvent of something done on our own pages, or by time."""
    return {
        "specversion": "1.0", "id": id_, "source": source, "type": type_, "subject": subject,
        "time": at.isoformat(), "data": {k: v for k, v in data.items() if v is not None},
    }  # fmt: skip


def from_clock(due: Due, sequence: int) -> dict[str, Any]:
    """What time makes of a due row. ``sequence`` grows with the account: what was taken back once and is
    justified again is no repetition."""
    made = own_event(due.type, due.account, due.data, due.at, due.event_id, CLOCK_SOURCE)
    return made | {"sequence": str(sequence)}

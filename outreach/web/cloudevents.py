"""CloudEvents 1.0 over HTTP, as the one structured form that the front door checks.

Coming in, told apart here: what is no CloudEvent at all (``NotACloudEvent``), and what is one and may still be
wrong inside (the front door's business, kept in quarantine).
"""

from __future__ import annotations

from base64 import b64decode
from binascii import Error as Base64Error
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

import orjson

from outreach.domain.facts import Event

BATCH = "application/cloudevents-batch+json"
STRUCTURED = "application/cloudevents+json"
REQUIRED = ("specversion", "id", "source", "type")
_HEADER = "ce-"
_SEQUENCE_DIGITS = 18
"""In order as texts and as numbers, and short enough for our own front door."""


class NotACloudEvent(ValueError):
    """Says what is missing."""


def is_batch(content_type: str, body: bytes, headers: Mapping[str, str]) -> bool:
    """A list sent as plain JSON counts as one, too: everybody's first curl."""
    kind = _kind(content_type)
    return kind == BATCH or (
        kind == "application/json" and not _is_binary(headers) and body.lstrip()[:1] == b"["
    )


def read_batch(body: bytes, most: int) -> list[Any]:
    """The items, whatever each of them is. Raises NotACloudEvent when the envelope does not parse."""
    items = _json(body)
    if not isinstance(items, list):
        raise NotACloudEvent("A batch is a JSON list of events.")
    if len(items) > most:
        raise NotACloudEvent(f"A batch holds at most {most} events; this one has {len(items)}.")
    return items


def read_one(content_type: str, body: bytes, headers: Mapping[str, str]) -> dict[str, Any]:
    """The event in structured form. Header names in lower case. Raises NotACloudEvent."""
    if _is_binary(headers) and _kind(content_type) != STRUCTURED:
        raw = _from_headers(content_type, body, headers)
    else:
        raw = _json(body)
    if not isinstance(raw, dict):
        raise NotACloudEvent("A CloudEvent is a JSON object.")
    missing = [name for name in REQUIRED if not isinstance(raw.get(name), str) or not raw[name].strip()]
    if missing:
        raise NotACloudEvent(f"Not a CloudEvent: {', '.join(missing)} is missing or no text.")
    if raw["specversion"] != "1.0":
        raise NotACloudEvent("specversion must be 1.0.")
    return with_plain_data(raw)


def with_plain_data(raw: dict[str, Any]) -> dict[str, Any]:
    """Data that came as base64 is JSON all the same."""
    packed = raw.get("data_base64")
    if not isinstance(packed, str) or "data" in raw:
        return raw
    try:
        data = orjson.loads(b64decode(packed, validate=True))
    except (Base64Error, ValueError):
        return raw
    return {**{name: value for name, value in raw.items() if name != "data_base64"}, "data": data}


def _is_binary(headers: Mapping[str, str]) -> bool:
    return "ce-specversion" in headers or "ce-id" in headers or "ce-type" in headers


def _from_headers(content_type: str, body: bytes, headers: Mapping[str, str]) -> dict[str, Any]:
    raw: dict[str, Any] = {
        name.removeprefix(_HEADER): unquote(value)
        for name, value in headers.items()
        if name.startswith(_HEADER)
    }
    if body.strip():
        raw["data"] = _json(body)
    if content_type:
        raw["datacontenttype"] = content_type
    return raw


def _kind(content_type: str) -> str:
    return content_type.partition(";")[0].strip().lower()


def _json(body: bytes) -> Any:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as fault:
        raise NotACloudEvent(f"This is not JSON: {fault}") from None


# -- going out -----------------------------------------------------------------------------------------


def write_one(event: Event, number: int) -> dict[str, Any]:
    """The event in structured form. One that was taken back says so and has no data."""
    attributes = {
        "specversion": "1.0", "id": event.id, "source": event.source, "type": event.type, "subject": event.subject,
        "time": event.time.isoformat(), "sequence": f"{number:0{_SEQUENCE_DIGITS}}",
    }  # fmt: skip
    if event.retracted:
        return attributes | {"retracted": True}
    return attributes | {"datacontenttype": "application/json", "data": dict(event.data)}

"""The JSON Schema of a file of stories, made from the tables that their reader uses."""

from __future__ import annotations

from outreach.domain.vocabulary import Vocabulary
from outreach.lab.story_deeds import ACTS
from outreach.lab.story_words import EXPECTATIONS, GIVEN, NOTHING, Moment
from outreach.library.kinds import Schema, Text
from outreach.library.schemas import event_types, whole


def story_schema(vocabulary: Vocabulary) -> Schema:
    """``stories:`` with a list, or a single one that begins with ``story:``."""
    story = {"$ref": "#/$defs/story"}
    several = {
        "type": "object",
        "properties": {"stories": {"type": "array", "minItems": 1, "items": story}},
        "required": ["stories"],
        "additionalProperties": False,
    }
    either = {"if": {"type": "object", "required": ["story"]}, "then": story, "else": several}
    defs = event_types(vocabulary) | {"story": _story(), "moment": _moment(), "expectation": _expectation()}
    return whole("Outreach stories", {"type": "object"} | either, defs)


def _story() -> Schema:
    properties = {
        "story": Text().schema() | {"description": "what it tells, in one line"},
        "given": GIVEN.schema() | {"description": "who is known before it begins"},
        "script": {"type": "array", "minItems": 1, "items": {"$ref": "#/$defs/moment"}},
    }
    return {
        "type": "object",
        "properties": properties,
        "required": [*properties],
        "additionalProperties": False,
    }


def _moment() -> Schema:
    acts = {name: _one_or_more(group.schema()) for name, group in ACTS.items()}
    at = Moment().schema() | {"description": "when"}
    expect = _one_or_more({"$ref": "#/$defs/expectation"}) | {"description": "what must be so now"}
    properties = {"at": at, **acts, "expect": expect}
    return {"type": "object", "properties": properties, "required": ["at"], "additionalProperties": False}


def _expectation() -> Schema:
    return {"anyOf": [{"const": NOTHING}, *(group.schema() for group in EXPECTATIONS.values())]}


def _one_or_more(schema: Schema) -> Schema:
    return {"anyOf": [schema, {"type": "array", "items": schema}]}

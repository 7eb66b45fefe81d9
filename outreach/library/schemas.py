"""JSON Schemas (draft 2020-12) of the files in playbooks/, for editors. Made from the tables that the reader
uses, with the event types of the vocabulary beside them. The reader checks more.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from outreach.domain.vocabulary import Vocabulary
from outreach.library.company import COMPANY
from outreach.library.defaults import LAYERS
from outreach.library.groups import Group
from outreach.library.kinds import Schema, Text
from outreach.library.playbook_keys import DEFAULT_KEYS, PLAYBOOK, STEPS
from outreach.library.vocabulary import EVENT_TYPE, TYPE_NAME

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def playbook_schema(vocabulary: Vocabulary) -> Schema:
    return whole("Outreach playbook", PLAYBOOK.schema(), event_types(vocabulary))


def defaults_schema(vocabulary: Vocabulary) -> Schema:
    """Per layer the keys of a playbook, none of them required; ``steps`` maps a kind of step to its keys."""
    layer = _optional(Group("defaults", tuple(key for key in PLAYBOOK.keys if key.name in DEFAULT_KEYS)))
    steps = {kind: _optional(group, without=kind) for kind, group in STEPS.items()}
    layer["properties"]["steps"] = _object(steps) | {"description": "per kind of step, its keys"}
    layers = _object({name: {"$ref": "#/$defs/layer"} for name in LAYERS})
    return whole("Outreach defaults", layers, event_types(vocabulary) | {"layer": layer})


def company_schema(vocabulary: Vocabulary) -> Schema:
    return whole("Outreach company", COMPANY.schema(), {})


def vocabulary_schema(vocabulary: Vocabulary) -> Schema:
    """Types may be named that are declared a line further down, so only the form of their names is asked."""
    name = Text("an event type's name", TYPE_NAME).schema()
    types = {
        "type": "object",
        "propertyNames": {"$ref": "#/$defs/event_type"},
        "additionalProperties": EVENT_TYPE.schema(),
    }
    either = {
        "if": {"type": "object", "required": ["types"]},
        "then": _object({"types": types}),
        "else": types,
    }
    return whole("Outreach vocabulary", {"type": "object"} | either, {"event_type": name})


SCHEMAS: Mapping[str, Callable[[Vocabulary], Schema]] = {
    "playbook": playbook_schema,
    "defaults": defaults_schema,
    "company": company_schema,
    "vocabulary": vocabulary_schema,
}


def event_types(vocabulary: Vocabulary) -> Schema:
    """What EventName points at: the declared types, each with its title for whoever chooses one."""
    kinds = sorted(vocabulary.types.items())
    named = {"enum": [name for name, _ in kinds], "enumDescriptions": [kind.title for _, kind in kinds]}
    return {"event_type": named if kinds else {"type": "string"}}


def whole(title: str, schema: Schema, defs: Schema) -> Schema:
    return {"$schema": DIALECT, "title": title, **schema} | ({"$defs": defs} if defs else {})


def _optional(group: Group, without: str = "") -> Schema:
    """The group's keys, each of which may be left out."""
    keys = tuple(key for key in group.keys if key.name != without)
    return Group(group.name, keys, from_defaults=True).schema()


def _object(properties: Schema) -> Schema:
    return {"type": "object", "properties": properties, "additionalProperties": False}

"""Kinds that hold other kinds: lists, mappings with free names, mappings with a table of known keys."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from outreach.library.kinds import Choice, EventName, Kind, Reading, Schema, Text, did_you_mean
from outreach.library.tree import Listing, Node, Scalar, Table


@dataclass(frozen=True)
class Many:
    """A list; ``or_one``: a single one may stand without brackets. The value is a tuple."""

    kind: Kind
    or_one: bool = True
    empty: bool = False

    @property
    def words(self) -> str:
        return f"{self.kind.words}, or a list" if self.or_one else f"a list, each {self.kind.words}"

    def read(self, node: Node, reading: Reading) -> tuple[Any, ...] | None:
        if isinstance(node, Listing):
            if not node.items and not self.empty:
                reading.note(node, "the list is empty")
            return tuple(self._items(node, reading))
        if not self.or_one:
            reading.note(node, f"this must be {self.words}", "write each item as `- item`")
            return None
        value = self.kind.read(node, reading)
        return None if value is None else (value,)

    def _items(self, node: Listing, reading: Reading) -> Iterator[Any]:
        seen: set[str] = set()
        for item in node.items:
            value = self.kind.read(item, reading)
            if isinstance(value, str) and value in seen:
                reading.note(item, f"`{value}` is in this list twice", "remove one")
            elif value is not None:
                yield value
            seen |= {value} if isinstance(value, str) else set()

    def schema(self) -> Schema:
        items: Schema = {"type": "array", "items": self.kind.schema()}
        items |= {} if self.empty else {"minItems": 1}
        items |= {"uniqueItems": True} if isinstance(self.kind, Text | Choice | EventName) else {}
        return {"anyOf": [self.kind.schema(), items]} if self.or_one else items


@dataclass(frozen=True)
class Named:
    """A mapping from free (or, with ``names``, given) names to one kind. The value is a dict."""

    kind: Kind
    names: tuple[str, ...] = ()
    what: str = "name"

    @property
    def words(self) -> str:
        return f"per {self.what}: {self.kind.words}"

    def read(self, node: Node, reading: Reading) -> dict[str, Any] | None:
        if not isinstance(node, Table):
            reading.note(node, f"this must be a mapping with a line per {self.what}")
            return None
        values: dict[str, Any] = {}
        for name, key, child in node:
            if self.names and name not in self.names:
                reading.note(key, f"`{name}` is not a known {self.what}", did_you_mean(name, self.names))
            elif (value := self.kind.read(child, reading)) is not None:
                values[name] = value
        return values

    def schema(self) -> Schema:
        if not self.names:
            return {"type": "object", "additionalProperties": self.kind.schema()}
        return {
            "type": "object",
            "properties": dict.fromkeys(self.names, self.kind.schema()),
            "additionalProperties": False,
        }


@dataclass(frozen=True)
class Key:
    """One row of a key table. ``default`` is only words for the reference."""

    name: str
    kind: Kind
    doc: str
    default: str = ""
    required: bool = False


@dataclass(frozen=True)
class Group:
    """A mapping with known keys. The value is a dict with every key, None where it is absent."""

    name: str
    keys: tuple[Key, ...]
    from_defaults: bool = False
    """Required keys may come from the defaults, so the JSON Schema of a file does not ask for them."""

    @property
    def words(self) -> str:
        return "{" + ", ".join(key.name for key in self.keys) + "}"

    def read(self, node: Node, reading: Reading) -> dict[str, Any] | None:
        if not isinstance(node, Table):
            reading.note(node, f"this must be a mapping with {', '.join(key.name for key in self.keys)}")
            return None
        known = {key.name: key for key in self.keys}
        values: dict[str, Any] = dict.fromkeys(known)
        for name, place, child in node:
            if name not in known:
                reading.note(place, f"unknown key `{name}`", did_you_mean(name, known))
            elif not _is_none(known[name], child):
                values[name] = known[name].kind.read(child, reading)
            elif known[name].required:
                reading.note(
                    child, f"{self.name} needs `{name}`, it cannot be none", f"write {known[name].kind.words}"
                )
        self._require(node, reading)
        return values

    def _require(self, node: Table, reading: Reading) -> None:
        for key in self.keys:
            if key.required and node.get(key.name) is None:
                reading.note(node, f"{self.name} needs `{key.name}`", f"add `{key.name}:` ({key.kind.words})")

    def schema(self) -> Schema:
        required = [key.name for key in self.keys if key.required and not self.from_defaults]
        return {
            "type": "object",
            "properties": {key.name: _key_schema(key) for key in self.keys},
            "additionalProperties": False,
        } | ({"required": required} if required else {})


def _key_schema(key: Key) -> Schema:
    schema = key.kind.schema()
    if not key.required and "none" not in schema.get("enum", ()):
        schema = {"anyOf": [schema, {"const": "none"}]}
    default = f" Left out: {key.default}." if key.default else ""
    return schema | {"description": key.doc + default}


def _is_none(key: Key, node: Node) -> bool:
    """``none`` switches a default off, where it is not itself a choice."""
    if not isinstance(node, Scalar) or node.text != "none":
        return False
    return not (isinstance(key.kind, Choice) and "none" in key.kind.values)

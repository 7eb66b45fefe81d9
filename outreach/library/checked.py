"""One playbook under check, as the checks of more than one key see it."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from outreach.domain.facts import Purpose, Severity
from outreach.domain.vocabulary import Vocabulary
from outreach.library.kinds import Reading
from outreach.library.tree import Listing, Node, Scalar, Table


@dataclass(frozen=True, slots=True)
class Checked:
    """One playbook under check: its tree, the values read from it, and what is around it."""

    tree: Table
    values: Mapping[str, Any]
    file_name: str
    names: Collection[str]
    vocabulary: Vocabulary
    templates: Mapping[str, str]
    reading: Reading

    @property
    def purpose(self) -> Purpose | None:
        return Purpose(self.values["purpose"]) if self.values["purpose"] else None

    @property
    def severity(self) -> Severity:
        return self.values["severity"] or Severity.LOW

    def steps(self) -> Iterator[tuple[Table, str, Mapping[str, Any]]]:
        listing, read = self.tree.get("steps"), self.values["steps"] or ()
        if isinstance(listing, Listing) and len(listing.items) == len(read):
            for node, (kind, values) in zip(listing.items, read, strict=True):
                if isinstance(node, Table):
                    yield node, kind, values

    def own(self, key: str) -> Node:
        """Where the playbook itself says this; its first line when it only has it from the defaults."""
        node = self.tree.get(key)
        return node if node is not None and node.file == self.tree.file else self.tree

    def is_own(self, node: Node | None) -> bool:
        """Whether the playbook itself says it, and not its defaults."""
        return node is not None and node.file == self.tree.file

    def item(self, key: str, text: str) -> Node:
        """The item of a list (or the single one) with this text, else what ``own`` answers."""
        node = self.tree.get(key)
        items = node.items if isinstance(node, Listing) else (node,)
        return next((item for item in items if isinstance(item, Scalar) and item.text == text), self.own(key))

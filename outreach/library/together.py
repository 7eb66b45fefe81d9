"""Playbooks that get in each other's way: two calls about one failure, two that end each other."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import combinations

from outreach.domain.errors import Fault
from outreach.domain.facts import Channel, Purpose
from outreach.domain.playbook import Playbook
from outreach.domain.vocabulary import Vocabulary
from outreach.library.tree import Listing, Node, Scalar, Table

Pair = tuple[Table, Playbook]


def in_each_others_way(playbooks: Iterable[Pair], vocabulary: Vocabulary) -> Iterator[Fault]:
    """Warnings about good playbooks. ``playbooks``: each with its file's tree, by name."""
    for (_, first), (tree, second) in combinations(playbooks, 2):
        if first.name in second.supersedes and second.name in first.supersedes:
            what = f"{first.name} and {second.name} supersede each other: the later one ends the one before"
            yield _item(tree, "supersedes", first.name).fault(
                what, "let only one of them do so", warning=True
            )
        elif shared := _both_ring(first, second, vocabulary):
            what = f"{first.name} starts on {shared} under the same condition: two calls about one failure"
            remedy = f"write `supersedes: [{first.name}]`, or different conditions"
            yield _item(tree, "when", shared).fault(what, remedy, warning=True)


def _both_ring(first: Playbook, second: Playbook, vocabulary: Vocabulary) -> str:
    """An event type on which both always start and call, neither in place of the other."""
    if not (_rings(first) and _rings(second)) or _asked(first) != _asked(second):
        return ""
    if first.name in second.supersedes or second.name in first.supersedes:
        return ""
    failures = (name for name in first.when if (kind := vocabulary.get(name)) is not None and kind.failure)
    return next((name for name in failures if name in second.when), "")


def _rings(playbook: Playbook) -> bool:
    """It calls about the failure, whatever else is so."""
    calls = (step for step in playbook.steps if step.channel is Channel.CALL and step.condition is None)
    return playbook.purpose is Purpose.SERVICE_RECOVERY and next(calls, None) is not None


def _asked(playbook: Playbook) -> object:
    return playbook.condition.tree if playbook.condition else None


def _item(tree: Table, key: str, text: str) -> Node:
    node = tree.get(key)
    items = node.items if isinstance(node, Listing) else (node,)
    return next((item for item in items if isinstance(item, Scalar) and item.text == text), node or tree)

"""Reads the law packs of ``playbooks/law``."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from outreach.domain.errors import Fault, Invalid
from outreach.domain.law_examples import untrue
from outreach.domain.lawpack import LawPack
from outreach.library.tree import Listing, Node, Table, plain


def read_law(trees: Iterable[Table]) -> tuple[tuple[LawPack, ...], list[Fault]]:
    """The packs, and every fault of their files."""
    packs: dict[str, LawPack] = {}
    faults: list[Fault] = []
    for tree in trees:
        try:
            pack = LawPack.from_tree(plain(tree), tree.file, position_in(tree))
        except Invalid as invalid:
            faults += invalid.faults
            continue
        if pack.name in packs:
            faults.append(
                (tree.get("law") or tree).fault(f"there is another law pack `{pack.name}`", "rename one")
            )
        packs[pack.name] = pack
    return tuple(packs.values()), faults or list(untrue(packs.values()))


def position_in(tree: Table) -> Callable[[tuple[str | int, ...]], tuple[int, int]]:
    """Path of keys and indexes → line and column of what is there, or of the nearest thing above it."""

    def position(path: tuple[str | int, ...]) -> tuple[int, int]:
        node: Node = tree
        for part in path:
            below = _below(node, part)
            if below is None:
                break
            node = below
        return node.line, node.column

    return position


def _below(node: Node, part: str | int) -> Node | None:
    if isinstance(node, Table):
        return node.get(str(part))
    if isinstance(node, Listing) and isinstance(part, int) and part < len(node.items):
        return node.items[part]
    return None

"""Reads ``defaults.yaml`` and lays its layers under a playbook: the nearest word wins.

Playbook, then the company's defaults for its purpose, the company's for all, what is built in for the
purpose, what is built in for all. Mappings merge key by key, lists and texts replace; ``none``
switches a default off.
"""

from __future__ import annotations

from collections.abc import Iterable

from outreach.domain.errors import Fault
from outreach.library.kinds import Reading, did_you_mean
from outreach.library.playbook_keys import BUILT_IN, DEFAULT_KEYS, PURPOSES, STEP_KINDS, STEPS, kind_of
from outreach.library.tree import Listing, Node, Scalar, Table, merge

LAYERS = ("all", *PURPOSES)


def check_defaults(tree: Table) -> list[Fault]:
    """Unknown layers and keys. Their values are checked in every playbook they are laid under."""
    reading = Reading()
    for layer, key, node in tree:
        if layer not in LAYERS:
            reading.note(key, f"`{layer}` is no purpose", did_you_mean(layer, LAYERS))
        elif not isinstance(node, Table):
            reading.note(node, f"`{layer}` must be a mapping of playbook keys")
        else:
            _check_keys(node, (*DEFAULT_KEYS, "steps"), f"the defaults of {layer}", reading)
            _check_steps(node.get("steps"), reading)
    return reading.faults


def _check_steps(node: Node | None, reading: Reading) -> None:
    if node is not None and not isinstance(node, Table):
        reading.note(node, "the defaults of steps are a mapping", "write `steps: {call: {ladder: …}}`")
        return
    if node is None:
        return
    _check_keys(node, STEP_KINDS, "`steps`", reading)
    for kind, _, keys in node:
        if isinstance(keys, Table) and kind in STEP_KINDS:
            known = tuple(key.name for key in STEPS[kind].keys if key.name != kind)
            _check_keys(keys, known, STEPS[kind].name, reading)


def _check_keys(table: Table, known: tuple[str, ...], whose: str, reading: Reading) -> None:
    for name, key, _ in table:
        if name not in known:
            reading.note(key, f"{whose} cannot have `{name}`", did_you_mean(name, known))


def resolve(playbook: Table, defaults: Table | None) -> Table:
    """The playbook with every default written into it. Values keep the place where they were written."""
    layers = list(_layers(playbook, defaults))
    resolved = playbook
    for layer in layers:
        resolved = merge(resolved, _part(layer, [name for name in layer.entries if name in DEFAULT_KEYS]))
    steps = playbook.get("steps")
    if isinstance(steps, Listing):
        items = tuple(_resolve_step(step, layers) for step in steps.items)
        resolved.entries["steps"] = (
            playbook.entries["steps"][0],
            Listing(steps.file, steps.line, steps.column, items),
        )
    return resolved


def _layers(playbook: Table, defaults: Table | None) -> Iterable[Table]:
    purpose = playbook.get("purpose")
    word = purpose.text if isinstance(purpose, Scalar) else ""
    for source in (defaults, BUILT_IN):
        for layer in (word, "all"):
            node = source.get(layer) if source else None
            if isinstance(node, Table):
                yield node


def _resolve_step(step: Node, layers: Iterable[Table]) -> Node:
    kind = kind_of(step)
    if not isinstance(step, Table) or kind is None:
        return step
    for layer in layers:
        steps = layer.get("steps")
        default = steps.get(kind) if isinstance(steps, Table) else None
        if isinstance(default, Table):
            known = [key.name for key in STEPS[kind].keys if key.name in default.entries]
            step = merge(step, _part(default, known))
    return step


def _part(table: Table, names: Iterable[str]) -> Table:
    return Table(table.file, table.line, table.column, {name: table.entries[name] for name in names})

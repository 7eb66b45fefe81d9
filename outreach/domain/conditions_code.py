"""The fast back end: one generated Python function for one condition, or for all of an event type.

The source is written from checked trees only. Identifiers are generated, and constants are put in after
it is compiled, so no text of a playbook ever becomes source.

Three answers without three-valued work: for every condition two plain conditions are written, *it holds
for certain* and *it fails for certain*, in which a missing value makes every comparison false. A missing
number is NaN, a missing text, truth or list is None. Only where the first is false and something was
missing is the second one asked; if it is false, too, we cannot tell. Fields and facts are read once, at
the top; windows and arithmetic are computed once, where first needed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

from outreach.domain.conditions_tree import (
    INSTANTS,
    NUMBERS,
    And,
    Arithmetic,
    Compare,
    Count,
    DaysSince,
    EventField,
    Fact,
    Known,
    LastField,
    Literal,
    Member,
    Node,
    Not,
    Or,
    Rank,
    Seen,
    Total,
    walk,
)
from outreach.domain.conditions_values import HELPERS, READERS, Scope, reader_name
from outreach.domain.vocabulary import FieldType

Test = Callable[[Scope], "bool | None"]
FusedTest = Callable[[Scope], "list[bool | None]"]
_OPPOSITE = {"==": "!=", "!=": "==", "<": ">=", ">=": "<", ">": "<=", "<=": ">"}
_UNSET = object()
ALWAYS = "True"
MOST_BLOCKS = 8
"""A condition that reads more fields than this gets no block for each of them."""


def compile_test(tree: Node) -> Test:
    """A function that answers one condition: True, False, or None for cannot tell."""
    code = _Code()
    holds, fails, guard = code.verdict(tree)
    lines = [f"if {holds}: return True"]
    lines += [f"if {guard} and not ({fails}): return None"] if guard else []
    test: Test = code.function([*lines, "return False"])
    return test


def compile_fused(trees: Sequence[Node | None]) -> FusedTest:
    """A function that answers all of them in order. No condition is True."""
    code = _Code()
    lines = [f"r = {code.constant([tree is None for tree in trees])}.copy()"]
    plain: list[tuple[int, Node]] = []
    rest: list[str] = []
    for index, tree in ((index, tree) for index, tree in enumerate(trees) if tree is not None):
        holds, fails, guard = code.verdict(tree)
        lines.append(f"if {holds}: r[{index}] = True")
        if guard == ALWAYS:
            lines.append(f"elif not ({fails}): r[{index}] = None")
        elif guard and len({node for node in walk(tree) if node in code.read}) > MOST_BLOCKS:
            rest.append(f"    if {guard} and r[{index}] is False and not ({fails}): r[{index}] = None")
        elif guard:
            plain.append((index, tree))
    rest += _blocks(code, plain)
    fused: FusedTest = code.function([*lines, *(["if m:", *rest] if rest else []), "return r"])
    return fused


def _blocks(code: _Code, trees: list[tuple[int, Node]]) -> list[str]:
    """For each field or fact: if it is missing, look again at the conditions that read it.

    Knowing that it is missing makes them short, so that missing values cost little more than known ones.
    """
    lines = []
    for gone, (_, bit) in list(code.read.items()):
        block = []
        for index, tree in trees:
            if gone in walk(tree):
                holds, fails = code.certain(tree, True, gone), code.certain(tree, False, gone)
                unless = "" if holds == "False" else f"r[{index}] is False and "
                if fails != "True":
                    block.append(f"        if {unless}not ({fails}): r[{index}] = None")
        lines += [f"    if m & {bit}:", *block] if block else []
    return lines


class _Code:
    """Writes one function. ``top`` reads fields and facts, ``lazy`` names what is computed on demand.

    Constants stand in the source as texts ``"K0"``, ``"K1"`` … and are put into the code object after
    it is compiled: that is as fast as a literal, and no value is ever spelled out in source.
    """

    def __init__(self) -> None:
        self.top: list[str] = []
        self.lazy: dict[object, str] = {}
        self.read: dict[Node, tuple[str, int]] = {}
        self.names: dict[object, str] = {}
        self.constants: dict[str, Any] = {}
        self.places: dict[str, str] = {}

    def function(self, body: list[str]) -> Any:
        lines = [f"{variable} = s.{place}.get" for place, variable in self.places.items()]
        if self.lazy:
            lines += ["h = s.history", "at = s.at", f"{' = '.join(self.lazy.values())} = U"]
        source = "".join(f"    {line}\n" for line in [*lines, "m = 0", *self.top, *body])
        namespace: dict[str, Any] = {"__builtins__": {}, "U": _UNSET, **HELPERS}
        exec(compile(f"def judge(s):\n{source}", "<conditions>", "exec"), namespace)
        judge = namespace["judge"]
        held = tuple(self.constants.get(held, held) for held in judge.__code__.co_consts)
        judge.__code__ = judge.__code__.replace(co_consts=held)
        return judge

    def constant(self, value: object) -> str:
        key = (type(value), value) if not isinstance(value, list | dict) else id(value)
        name = self.names.setdefault(key, f"K{len(self.names)}")
        self.constants[name] = value
        return f'"{name}"'

    # ── verdicts ─────────────────────────────────────────────────────────────────────────────────

    def verdict(self, tree: Node) -> tuple[str, str, str]:
        """Sources for: it holds for certain, it fails for certain, whether something is missing.

        The last is empty when nothing ever is.
        """
        holds, fails = self.certain(tree, True), self.certain(tree, False)
        nodes = list(walk(tree))
        if any(_missing_by_itself(node) for node in nodes):
            return holds, fails, ALWAYS
        bits = sum({self.read[node][1] for node in nodes if node in self.read})
        return holds, fails, f"m & {bits}" if bits else ""

    def certain(self, node: Node, answer: bool, gone: Node | None = None) -> str:
        """Source that is true only where the node has this answer for certain.

        ``gone`` is a field known to be missing: what needs it is certain of nothing.
        """
        match node:
            case Literal(value, _, _):
                return str(value is answer)
            case Not(part):
                return self.certain(part, not answer, gone)
            case And(parts) | Or(parts):
                return _joined(
                    [self.certain(part, answer, gone) for part in parts], isinstance(node, And) is answer
                )
        if gone is not None and gone in walk(node):
            return str(not answer) if isinstance(node, Known) else "False"
        match node:
            case Known(part):
                return self.known(part, answer)
            case Compare(sign, left, right):
                return self.compare(sign if answer else _OPPOSITE[sign], left, right)
            case Member(item, items):
                return self.member(item, items, answer)
        return f"{self.value(node)} is {answer}"

    def known(self, part: Node, answer: bool) -> str:
        value = self.value(part)
        if _numeric(part):
            return f"{value} {'==' if answer else '!='} {value}"
        return f"{value} {'is not' if answer else 'is'} None"

    def compare(self, sign: str, left: Node, right: Node) -> str:
        """A missing side must make it false: NaN does so by itself except for !=."""
        unsure = [side for side in (left, right) if _may_miss(side)]
        guards: list[Node] = []
        if sign == "!=":
            guards = unsure
        elif not _numeric(left) and len(unsure) == 2:
            guards = unsure[:1]
        known = [self.known(side, True) for side in guards]
        return _joined([*known, f"{self.value(left)} {sign} {self.value(right)}"], True)

    def member(self, item: Node, items: Node, answer: bool) -> str:
        known = [] if isinstance(items, Literal) else [self.known(items, True)]
        if _may_miss(item) and (known or not answer):
            known.append(self.known(item, True))
        return _joined(
            [*known, f"{self.value(item)} {'in' if answer else 'not in'} {self.value(items)}"], True
        )

    # ── values ───────────────────────────────────────────────────────────────────────────────────

    def value(self, node: Node) -> str:
        match node:
            case Literal():
                return self.literal(node)
            case EventField(name, kind):
                return self.at_top(node, "event", name, kind)
            case Fact(place, name, kind):
                return self.at_top(node, place, name, kind)
            case Arithmetic(sign, left, right):
                days = " / 86400" if left.type is FieldType.TIME and right.type is FieldType.TIME else ""
                helper = f"calculate({self.constant(sign)}, {self.value(left)}, {self.value(right)})"
                return self.on_demand(node, helper + days)
            case Rank(part, values):
                return self.on_demand(node, f"rank({self.constant(values)}, {self.value(part)})")
            case Known(part):
                return f"({self.known(part, True)})"
        return self.window(node)

    def literal(self, node: Literal) -> str:
        if isinstance(node.value, tuple):
            reader = READERS[node.members or FieldType.TEXT]
            return self.constant(frozenset(reader(one) for one in node.value))
        return self.constant(READERS[node.type](node.value))

    def window(self, node: Node) -> str:
        match node:
            case Count(event, within):
                call = f"h.count({self.constant(event)}, {self.since(within)}, at)"
            case Total(event, _, within):
                call = f"number(h.total({self.constant(event)}, {self.since(within)}, at))"
            case LastField(event, field, kind, column):
                raw = f"column_of({self.last(event)}, {self.constant(column)}, {self.constant(field)})"
                call = f"{reader_name(kind)}({raw})"
            case DaysSince(event):
                call = f"days_since({self.last(event)}, at)"
            case Seen(event, _, None, within):
                call = f"h.seen({self.constant(event)}, None, {self.since(within)}, at)"
            case Seen(event, _, key, within) if key is not None:
                call = f"seen(h, {self.constant(event)}, {self.value(key)}, {self.since(within)}, at)"
            case _:
                raise TypeError(f"no code for {node!r}")
        return self.on_demand(node, call)

    def since(self, within: timedelta | None) -> str:
        return "None" if within is None else f"at - {self.constant(within)}"

    def last(self, event: str) -> str:
        return self.on_demand(("last", event), f"h.last({self.constant(event)}, at)")

    def on_demand(self, key: object, source: str) -> str:
        name = self.lazy.setdefault(key, f"w{len(self.lazy)}")
        return f"({name} if {name} is not U else ({name} := {source}))"

    def at_top(self, node: Node, place: str, name: str, kind: FieldType) -> str:
        if node not in self.read:
            variable, bit = f"v{len(self.read)}", 1 << len(self.read)
            self.read[node] = variable, bit
            get = self.places.setdefault(place, f"p{len(self.places)}")
            self.top.append(f"{variable} = {get}({self.constant(name)})")
            self.top += _reading(variable, kind, bit)
        return self.read[node][0]


def _joined(parts: list[str], all_of_them: bool) -> str:
    """``and`` or ``or`` of sources, without those that are fixed."""
    beats, drops = ("False", "True") if all_of_them else ("True", "False")
    if beats in parts:
        return beats
    open_ones = [part for part in parts if part != drops]
    if len(open_ones) < 2:
        return open_ones[0] if open_ones else drops
    return "(" + (" and " if all_of_them else " or ").join(open_ones) + ")"


def _reading(v: str, kind: FieldType, bit: int) -> list[str]:
    """Lines that make ``v`` right for its kind. The common case costs one or two identity tests."""
    if kind is FieldType.TEXT:
        return [f"if {v}.__class__ is not str and ({v} is None or ({v} := text({v})) is None): m |= {bit}"]
    if kind in NUMBERS:
        unusual = f"{v}.__class__ is not int and ({v}.__class__ is not float or not isfinite({v}))"
        return [f"if {unusual} and ({v} := number({v})) != {v}: m |= {bit}"]
    if kind is FieldType.BOOLEAN:
        return [f"if {v} is not True and {v} is not False:", f"    {v} = None", f"    m |= {bit}"]
    missing = f"{v} != {v}" if kind in INSTANTS else f"{v} is None"
    return [f"{v} = {reader_name(kind)}({v})", f"if {missing}: m |= {bit}"]


def _numeric(node: Node) -> bool:
    return node.type in NUMBERS or node.type in INSTANTS


def _may_miss(node: Node) -> bool:
    return not isinstance(node, Literal | Count | Known)


def _missing_by_itself(node: Node) -> bool:
    """Whether it can be missing though every field and fact in it is there."""
    if isinstance(node, Seen):
        return node.key is not None and node.key.type in NUMBERS
    return isinstance(node, LastField | DaysSince | Arithmetic | Rank | Total)

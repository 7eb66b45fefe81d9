"""Puts other expectations into a story file in place of wrong ones. Not a letter outside of them changes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from ruamel.yaml import YAML
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode
from ruamel.yaml.scalarstring import DoubleQuotedScalarString, SingleQuotedScalarString

from outreach.lab.story_amiss import Expected, Wrong, flow

_QUOTED = {'"': DoubleQuotedScalarString, "'": SingleQuotedScalarString}


class _Edit(NamedTuple):
    start: int
    end: int
    text: str


class _Expect(NamedTuple):
    """The value of one ``expect:``, with what it stands in."""

    moment: MappingNode
    key: Node
    value: Node

    @property
    def items(self) -> list[Node]:
        return self.value.value if isinstance(self.value, SequenceNode) else [self.value]


def rewritten(text: str, wrong: Iterable[Wrong]) -> str:
    """The file's text with what there is in place of what was expected."""
    by_place = {(one.said.line, one.said.column): one for one in wrong if one.said is not None}
    edits = []
    for expect in _expects(YAML(typ="safe", pure=True).compose(text)):
        for item in expect.items:
            one = by_place.get((item.start_mark.line + 1, item.start_mark.column + 1))
            edits += _edits(text, expect, item, one) if one is not None else []
    for edit in sorted(edits, reverse=True):
        text = text[: edit.start] + edit.text + text[edit.end :]
    return text


def _expects(node: Node) -> Iterator[_Expect]:
    if isinstance(node, SequenceNode):
        for item in node.value:
            yield from _expects(item)
    elif isinstance(node, MappingNode):
        for key, value in node.value:
            if key.value == "expect":
                yield _Expect(node, key, value)
            elif key.value in ("stories", "script"):
                yield from _expects(value)


def _edits(text: str, expect: _Expect, item: Node, wrong: Wrong) -> list[_Edit]:
    assert wrong.said is not None
    if isinstance(item, MappingNode) and not wrong.replaced and len(wrong.there_is) == 1:
        written, there_is = wrong.said.written, wrong.there_is[0]
        assert isinstance(there_is, Mapping)
        return list(_key_by_key(text, item, written, there_is))
    if wrong.there_is:
        return [_put(text, expect, item, wrong.there_is)]
    return [_drop(text, expect.value, item)]


# -- one expectation in place of another -------------------------------------------------------------


def _put(text: str, expect: _Expect, item: Node, there_is: tuple[Expected, ...]) -> _Edit:
    start, end, rows = item.start_mark.index, _end(text, item), [flow(one) for one in there_is]
    value = expect.value
    if isinstance(value, SequenceNode):
        return _Edit(start, end, (", " if value.flow_style else _dash(value.start_mark.column)).join(rows))
    if len(rows) == 1:
        return _Edit(start, end, rows[0])
    if expect.moment.flow_style:
        return _Edit(start, end, f"[{', '.join(rows)}]")
    if value.start_mark.line > expect.key.start_mark.line:
        return _Edit(start, end, "- " + _dash(value.start_mark.column).join(rows))
    dash = _dash(expect.key.start_mark.column + 2)
    return _Edit(len(text[:start].rstrip(" ")), end, dash + dash.join(rows))


def _dash(column: int) -> str:
    return f"\n{' ' * column}- "


def _drop(text: str, value: Node, item: Node) -> _Edit:
    """An item of a list goes, with its line or with its comma."""
    assert isinstance(value, SequenceNode)
    if not value.flow_style:
        dash = text.rfind("-", 0, item.start_mark.index)
        return _Edit(_line_start(text, dash), _next_line(text, _end(text, item)), "")
    number = value.value.index(item)
    if number:
        return _Edit(_end(text, value.value[number - 1]), _end(text, item), "")
    return _Edit(item.start_mark.index, value.value[1].start_mark.index, "")


# -- the same expectation, key by key ----------------------------------------------------------------


def _key_by_key(
    text: str, node: MappingNode, written: Mapping[str, Any], there_is: Mapping[str, Any]
) -> Iterator[_Edit]:
    added = {key: value for key, value in there_is.items() if key not in written}
    if added and len(there_is) - len(added) < len(written) and not node.flow_style:
        yield _Edit(node.start_mark.index, _end(text, node), flow(there_is))
        return
    for number, (key, value) in enumerate(node.value):
        if key.value not in there_is:
            yield _without(text, node, number)
        elif (new := there_is[key.value]) != (old := written[key.value]):
            if isinstance(value, MappingNode) and isinstance(new, Mapping):
                yield from _key_by_key(text, value, old, new)
            else:
                yield _Edit(value.start_mark.index, _end(text, value), _as_before(value, new))
    between = ", " if node.flow_style else f"\n{' ' * node.start_mark.column}"
    for key, value in added.items():
        yield _Edit(
            _end(text, node.value[-1][1]), _end(text, node.value[-1][1]), f"{between}{key}: {flow(value)}"
        )


def _without(text: str, node: MappingNode, number: int) -> _Edit:
    key, value = node.value[number]
    if number == 0:
        return _Edit(key.start_mark.index, node.value[1][0].start_mark.index, "")
    if node.flow_style:
        return _Edit(_end(text, node.value[number - 1][1]), _end(text, value), "")
    return _Edit(_line_start(text, key.start_mark.index), _next_line(text, _end(text, value)), "")


def _as_before(node: Node, value: Any) -> str:
    """In the quotes that stood there."""
    quoted = _QUOTED.get(node.style) if isinstance(node, ScalarNode) and isinstance(value, str) else None
    return flow(quoted(value) if quoted else value)


# -- places in the text ------------------------------------------------------------------------------


def _end(text: str, node: Node) -> int:
    """Where the node's own text ends: ruamel counts the white space after a block to it."""
    if isinstance(node, (MappingNode, SequenceNode)) and not node.flow_style and node.value:
        last = node.value[-1]
        return _end(text, last[1] if isinstance(node, MappingNode) else last)
    start = node.start_mark.index
    return start + len(text[start : node.end_mark.index].rstrip())


def _line_start(text: str, index: int) -> int:
    return text.rfind("\n", 0, index) + 1


def _next_line(text: str, index: int) -> int:
    found = text.find("\n", index)
    return len(text) if found < 0 else found + 1

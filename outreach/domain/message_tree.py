"""Reads a template, refuses what it may not hold, and puts in what it includes.

Refused by a list of what is allowed rather than of what is forbidden: a node that a later Jinja brings
is refused until somebody has thought about it.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import jinja2
from jinja2 import nodes

from outreach.domain.message_filters import FILTERS, TESTS
from outreach.domain.message_sandbox import ENVIRONMENT
from outreach.domain.message_values import (
    CLOSE,
    MAX_DEPTH,
    MAX_INCLUDES,
    MAX_NESTED_LOOPS,
    MAX_NODES,
    MAX_TEMPLATE_BYTES,
    OPEN,
    RenderFault,
)

_FAR = 1_000_000
"""Lines of the n-th included file are counted from n × this, so that a fault can name the file."""
_VARIANT = re.compile(r"\.([a-z]{2,3}(?:-[A-Za-z0-9]{2,8})?)\.[^./]+$")
_TAGS_ALONE = re.compile(
    r"^[ \t]*((?:\{%[-+]?[ \t]*(?:if|elif|else|endif|for|endfor|set)\b[^\n]*?)%\})[ \t]*\n", re.MULTILINE
)


def read_tree(name: str, text: str, texts: Mapping[str, str]) -> tuple[nodes.Template, tuple[str, ...]]:
    """The checked tree with all includes put in, and the files it is made of. Raises ``RenderFault``."""
    files = [name]
    tree = _include(_parse(name, text), texts, files, (name,))
    _check_size(name, tree)
    return tree, tuple(files)


def pick_variant(templates: Mapping[str, str], name: str, language: str | None) -> tuple[str, str]:
    """(name, text) of the file to use for a person of this language: ``sorry.de-at.md``, else
    ``sorry.de.md``, else ``sorry.md``. Raises ``RenderFault`` when there is none at all."""
    stem, dot, suffix = name.rpartition(".")
    code = (language or "").replace("_", "-").lower()
    by_lower = {file.lower(): file for file in templates}
    for variant in dict.fromkeys((f".{code}", f".{code.split('-')[0]}", "")) if dot and code else ("",):
        found = by_lower.get(f"{stem}{variant}{dot}{suffix}".lower())
        if found is not None:
            return found, templates[found]
    raise RenderFault(name, 0, "there is no such template")


def variant_of(name: str) -> str | None:
    """The language in a file name: ``de`` of ``late-delivery/sorry.de.md``."""
    found = _VARIANT.search(name)
    return found[1] if found else None


def names_used(text: str) -> frozenset[str]:
    """What the text speaks of, dotted, from the names it must be given: ``event.days_late``, ``said``.

    Loop variables count as what they run over: ``{% for p in promises %}{{ p.what }}`` uses
    ``promises`` and ``promises.what``. Raises ``RenderFault``.
    """
    tree = _parse("template", text)
    return frozenset(_names(tree, {}))


_ALLOWED = (
    nodes.Template, nodes.Output, nodes.TemplateData, nodes.Const, nodes.Name, nodes.Getattr, nodes.Getitem,
    nodes.Slice, nodes.List, nodes.Tuple, nodes.If, nodes.For, nodes.CondExpr, nodes.Assign, nodes.Compare,
    nodes.Operand, nodes.And, nodes.Or, nodes.Not, nodes.Neg, nodes.Pos, nodes.Add, nodes.Sub, nodes.Mul,
    nodes.Div, nodes.FloorDiv, nodes.Filter, nodes.Test, nodes.Keyword, nodes.Include,
)  # fmt: skip
_WHY_NOT: Mapping[type[nodes.Node], str] = {
    nodes.Call: "nothing can be called in a template",
    nodes.Concat: "texts cannot be joined with `~`; write them side by side",
    nodes.Mod: "`%` is not offered",
    nodes.Pow: "`**` is not offered",
    nodes.AssignBlock: "`set` takes a value, not a block",
}


def _parse(name: str, text: str) -> nodes.Template:
    if len(text.encode("utf-8", "replace")) > MAX_TEMPLATE_BYTES:
        raise RenderFault(name, 0, f"the template is longer than {MAX_TEMPLATE_BYTES // 1024} KB")
    if OPEN in text or CLOSE in text:
        raise RenderFault(name, 0, "the template holds characters of private use")
    try:
        tree = ENVIRONMENT.parse(_TAGS_ALONE.sub(_swallow_line_end, text))
    except jinja2.TemplateSyntaxError as error:
        raise RenderFault(name, error.lineno, error.message or "a fault in the syntax") from None
    except (ValueError, RecursionError, MemoryError):
        raise RenderFault(
            name, 0, "the template is too deeply nested, or a number in it is too long"
        ) from None
    _check(name, tree)
    return tree


def _swallow_line_end(found: re.Match[str]) -> str:
    """A line of one tag and nothing else leaves no empty line; the line end moves into the tag,
    where it means nothing and keeps the count of lines."""
    tag = found[1]
    return found[0] if "%}" in tag[:-2] or "{{" in tag else tag[:-2] + "\n%}"


def _check(name: str, tree: nodes.Template) -> None:
    _check_size(name, tree)
    for node in walk(tree):
        what = _refusal(node)
        if what:
            raise RenderFault(name, node.lineno or 0, what)


def _check_size(name: str, tree: nodes.Template) -> None:
    """Bounds on what one rendering can take, includes counted."""
    waiting: list[tuple[nodes.Node, int, int]] = [(tree, 0, 0)]
    seen = 0
    while waiting:
        node, depth, loops = waiting.pop()
        seen += 1
        loops += isinstance(node, nodes.For)
        if seen > MAX_NODES or depth > MAX_DEPTH:
            raise RenderFault(name, 0, "the template is too large or too deeply nested")
        if loops > MAX_NESTED_LOOPS:
            raise RenderFault(
                name, (node.lineno or 0) % _FAR, f"more than {MAX_NESTED_LOOPS} loops within each other"
            )
        waiting += [(child, depth + 1, loops) for child in node.iter_child_nodes()]


def walk(tree: nodes.Node) -> Iterator[nodes.Node]:
    """In the order of the text."""
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        yield node
        waiting += reversed(list(node.iter_child_nodes()))


def _include(
    tree: nodes.Template, texts: Mapping[str, str], files: list[str], path: tuple[str, ...]
) -> nodes.Template:
    """The tree with the body of each included file in place of the tag. ``path``: the files we are in."""
    for parent in list(walk(tree)):
        for branch in ("body", "else_"):
            inside = getattr(parent, branch, None)
            if isinstance(inside, list) and any(isinstance(node, nodes.Include) for node in inside):
                setattr(
                    parent, branch, [one for node in inside for one in _included(node, texts, files, path)]
                )
    return tree


def _included(
    node: nodes.Node, texts: Mapping[str, str], files: list[str], path: tuple[str, ...]
) -> list[nodes.Node]:
    if not isinstance(node, nodes.Include):
        return [node]
    assert isinstance(node.template, nodes.Const)  # see _refusal
    line = node.lineno % _FAR
    try:
        name, text = pick_variant(texts, node.template.value, variant_of(path[0]))
    except RenderFault:
        raise RenderFault(
            path[-1], line, f"it includes `{node.template.value}`, which is not there"
        ) from None
    if name in path or len(files) > MAX_INCLUDES:
        raise RenderFault(path[-1], line, f"it includes `{name}` in a circle, or too many files")
    tree = _parse(name, text)
    files.append(name)
    far = (len(files) - 1) * _FAR
    _include(tree, texts, files, (*path, name))
    for one in walk(tree):
        if one.lineno and one.lineno < _FAR:
            one.lineno += far
    return tree.body


def place(files: Sequence[str], line: int) -> tuple[str, int]:
    """The file and its line that a line of the whole tree stands for."""
    return files[line // _FAR], line % _FAR


def _refusal(node: nodes.Node) -> str | None:
    """Why this node may not be in a template, or None."""
    if type(node) not in _ALLOWED:
        return _WHY_NOT.get(type(node), f"`{type(node).__name__.lower()}` is not offered in templates")
    if isinstance(node, nodes.Name) and node.name.startswith("_"):
        return f"there is no `{node.name}`"
    if isinstance(node, nodes.Getattr) and node.attr.startswith("_"):
        return f"there is no `{node.attr}`"
    if isinstance(node, (nodes.Filter, nodes.Test)):
        return _unknown(node)
    if isinstance(node, nodes.Include) and not _is_text(node.template):
        return "the name of an included file must be written out"
    if isinstance(node, nodes.For) and node.recursive:
        return "a loop cannot call itself"
    if isinstance(node, (nodes.For, nodes.Assign)) and not isinstance(node.target, nodes.Name):
        return "only a single name can be set"
    if isinstance(node, (nodes.List, nodes.Tuple)) and not all(
        isinstance(one, nodes.Const) for one in node.items
    ):
        return "a list may hold only texts and numbers as written"
    if isinstance(node, nodes.Mul) and any(_is_text(side) for side in (node.left, node.right)):
        return "text cannot be multiplied"
    return None


def _unknown(node: nodes.Filter | nodes.Test) -> str | None:
    known: Mapping[str, Any] = FILTERS if isinstance(node, nodes.Filter) else TESTS
    if node.name not in known or node.name == "bounded":
        kind = "filter" if isinstance(node, nodes.Filter) else "test"
        offered = ", ".join(sorted(set(known) - {"bounded"}))
        return f"there is no {kind} `{node.name}`; there are {offered}"
    if node.dyn_args or node.dyn_kwargs:
        return "`*` and `**` are not offered"
    try:
        inspect.signature(known[node.name]).bind(
            *_arguments(node), **{str(one.key): None for one in node.kwargs}
        )
    except TypeError as error:
        return f"`{node.name}` is used wrongly: {error}"
    return None


def _arguments(node: nodes.Filter | nodes.Test) -> list[None]:
    """As many as the function will get: the value, those written, and for some the context first."""
    function = FILTERS[node.name] if isinstance(node, nodes.Filter) else TESTS[node.name]
    takes_context = next(iter(inspect.signature(function).parameters)) == "context"
    return [None] * (1 + len(node.args) + takes_context)


def _is_text(node: nodes.Node) -> bool:
    return isinstance(node, nodes.Const) and isinstance(node.value, str)


def _names(node: nodes.Node, aliases: dict[str, str]) -> Iterator[str]:
    """``aliases``: name in the template → the dotted name it stands for, "" for a value of its own."""
    dotted = _dotted(node, aliases)
    if dotted:
        yield dotted
    if isinstance(node, (nodes.Getattr, nodes.Getitem, nodes.Name)) and dotted is not None:
        inner = node.node if isinstance(node, (nodes.Getattr, nodes.Getitem)) else None
        if inner is not None and not isinstance(inner, nodes.Name):
            yield from _names(inner, aliases)
        return
    if isinstance(node, nodes.For):
        yield from _names(node.iter, aliases)
        assert isinstance(node.target, nodes.Name)
        aliases = {**aliases, node.target.name: _dotted(node.iter, aliases) or "", "loop": ""}
    for child in node.iter_child_nodes():
        yield from _names(child, aliases)
        if isinstance(child, nodes.Assign) and isinstance(child.target, nodes.Name):
            aliases[child.target.name] = _dotted(child.node, aliases) or ""


def _dotted(node: nodes.Node, aliases: Mapping[str, str]) -> str | None:
    """``event.days_late``; empty for what belongs to the template itself; None when it is no name."""
    if isinstance(node, nodes.Name):
        if node.ctx != "load":
            return ""
        return aliases.get(node.name, node.name)
    if isinstance(node, nodes.Getattr):
        inner = _dotted(node.node, aliases)
        return f"{inner}.{node.attr}" if inner else inner
    if isinstance(node, nodes.Getitem) and isinstance(node.arg, nodes.Const):
        inner = _dotted(node.node, aliases)
        if inner and isinstance(node.arg.value, str):
            return f"{inner}.{node.arg.value}"
        return inner
    return None

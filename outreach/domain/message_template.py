"""Compiled templates: a text and what it includes, checked, ready to be rendered."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import TracebackType
from typing import Any

import jinja2
from jinja2 import nodes

from outreach.domain.message_sandbox import ENVIRONMENT
from outreach.domain.message_tree import place, read_tree, walk
from outreach.domain.message_values import MAX_OUTPUT, STATE, Rendered, RenderFault, Rendering, freeze


@dataclass(frozen=True, slots=True)
class Template:
    """A checked and compiled template, all that it includes put into it."""

    files: tuple[str, ...]
    """Its own name, then those of the included files; faults name them."""
    compiled: jinja2.Template

    @property
    def name(self) -> str:
        return self.files[0]

    def render(
        self, context: Mapping[str, Any], *, zone: str, language: str, currency: str = "EUR"
    ) -> Rendered:
        """Raises ``RenderFault`` with the line where it went wrong."""
        state = Rendering(zone, language, currency)
        frozen = freeze(context, self.name)
        try:
            inside = self.compiled.new_context({**frozen, STATE: state})
            marked = _collect(self.compiled.root_render_func(inside))
        except Exception as error:
            file, line = place(self.files, _line(self.compiled, error.__traceback__))
            raise RenderFault(file, line, _sentence(error)) from None
        return Rendered(marked, tuple(state.values))


@lru_cache(maxsize=1024)
def compile_template(name: str, text: str, others: tuple[tuple[str, str], ...] = ()) -> Template:
    """``others``: (file name, text) of what it may include. Raises ``RenderFault`` with file and line."""
    tree, files = read_tree(name, text, dict(others))
    for loop in tree.find_all(nodes.For):
        weight = nodes.Const(sum(1 for _ in walk(loop)))
        loop.iter = nodes.Filter(loop.iter, "bounded", [weight], [], None, None, lineno=loop.lineno)
    try:
        return Template(files, ENVIRONMENT.from_string(tree))
    except jinja2.TemplateSyntaxError as error:
        raise RenderFault(*place(files, error.lineno), error.message or "a fault in the syntax") from None
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise RenderFault(name, 0, "the template is too deeply nested") from None


def _collect(pieces: Iterator[str]) -> str:
    parts: list[str] = []
    size = 0
    for piece in pieces:
        parts.append(piece)
        size += len(piece)
        if size > MAX_OUTPUT:
            raise ValueError(f"the text grows beyond {MAX_OUTPUT} characters")
    return "".join(parts)


def _line(template: jinja2.Template, trace: TracebackType | None) -> int:
    """The template's line that the innermost frame of its code was in."""
    line = 0
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == "<template>":
            line = template.get_corresponding_lineno(trace.tb_lineno)
        trace = trace.tb_next
    return line


def _sentence(error: Exception) -> str:
    """Never the value itself: faults are logged, customers' data is not."""
    if isinstance(error, (jinja2.UndefinedError, ValueError, jinja2.TemplateError)):
        return str(error) or "this cannot be rendered"
    if isinstance(error, ZeroDivisionError):
        return "a division by zero"
    return "these values cannot be compared or computed with each other (is one of them missing?)"

"""Text of playbooks, stories and templates as coloured lines, with what is wrong at its place."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from markupsafe import Markup
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexer import Lexer
from pygments.lexers.data import YamlLexer
from pygments.lexers.diff import DiffLexer
from pygments.lexers.templates import DjangoLexer

from outreach.domain.errors import Fault

_FORMAT = HtmlFormatter(nowrap=True)


def coloured(file: str, text: str, faults: Iterable[Fault] = ()) -> Markup:
    """One element per line; a faulty one carries its faults' words, so that they stand beside it."""
    wrong = defaultdict(list)
    for fault in faults:
        if fault.file == file and fault.line:
            wrong[fault.line].append(fault)
    lines = _lines(text, _lexer(file))
    return Markup("").join(_line(html, wrong[number]) for number, html in enumerate(lines, 1))


def _line(html: str, faults: list[Fault]) -> Markup:
    if not faults:
        return Markup('<span class="code-line">{}</span>').format(Markup(html))
    kind = "is-doubtful" if all(fault.warning for fault in faults) else "is-faulty"
    words = "; ".join(fault.what for fault in faults)
    return Markup('<span class="code-line {}" data-fault="{}">{}</span>').format(kind, words, Markup(html))


def _lines(text: str, lexer: Lexer) -> list[str]:
    """As many as the text has: the formatter closes what it opens at the end of each."""
    html = highlight(text, lexer, _FORMAT)
    lines = html.split("\n")[: text.count("\n") + 1]
    return lines + [""] * (text.count("\n") + 1 - len(lines))


def _lexer(file: str) -> Lexer:
    kinds: dict[str, type[Lexer]] = {".yaml": YamlLexer, ".diff": DiffLexer}
    kind = next((lexer for ending, lexer in kinds.items() if file.endswith(ending)), DjangoLexer)
    return kind(stripnl=False, ensurenl=True)

"""From an expression's text to Python's syntax tree, with faults in human words and exact columns.

Python's own parser builds the tree, but only after our scanner has let through nothing except names,
numbers, texts and the signs of the language, in an order that makes sense. So people never read Python's
messages, and the parser never sees anything odd.
"""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from typing import NamedTuple

from outreach.domain.conditions_place import Faults
from outreach.domain.conditions_words import CAPITALS, EXAMPLE, ODD_SIGNS, OTHER_WORDS, PYTHON_WORDS

LONGEST_TEXT = 2_000
DEEPEST = 20
MOST_NODES = 500
BIGGEST_NUMBER = 1e15


class Token(NamedTuple):
    kind: str
    """``name``, ``number``, ``text`` or the sign itself."""
    text: str
    offset: int


@dataclass(frozen=True, slots=True)
class Syntax:
    """Python's tree of an expression, and the offset of each of its nodes in the expression's text."""

    tree: ast.expr
    line: str

    def offset(self, node: ast.AST) -> int:
        return self._characters(getattr(node, "col_offset", 1)) - 1

    def end(self, node: ast.AST) -> int:
        return self._characters(getattr(node, "end_col_offset", 1)) - 1

    def text(self, node: ast.AST) -> str:
        return self.line[self.offset(node) + 1 : self.end(node) + 1].strip()

    def _characters(self, column: int) -> int:
        """Python counts columns in UTF-8 bytes."""
        return column if self.line.isascii() else len(self.line.encode()[:column].decode(errors="ignore"))


def read(text: str, faults: Faults) -> Syntax:
    """Python's tree of the expression; raises Invalid with every fault that the scanner finds."""
    if len(text) > LONGEST_TEXT:
        faults.stop(
            0,
            f"the expression is {len(text):,} characters long, {LONGEST_TEXT:,} is the most",
            "split it into several playbooks",
        )
    line = re.sub(r"\s", " ", text)
    _check_characters(line, faults)
    tokens = _scan(line, faults)
    if not tokens and not faults.found:
        faults.stop(0, "the expression is empty", "write a condition, or leave the key out")
    _check_brackets(tokens, faults)
    faults.raise_if_any()
    _check_order(tokens, len(line.rstrip()), faults)
    faults.raise_if_any()
    return _check_size(_parse(f"({line})", faults), faults)


def _parse(line: str, faults: Faults) -> Syntax:
    try:
        return Syntax(ast.parse(line, mode="eval").body, line)
    except SyntaxError as error:
        offset = max((error.offset or 1) - 2, 0)
        faults.stop(min(offset, len(line) - 2), "this cannot be read as an expression", EXAMPLE)
    except (ValueError, MemoryError, RecursionError, OverflowError):
        faults.stop(0, "the expression is nested too deeply", "write it in simpler parts")


def _check_size(syntax: Syntax, faults: Faults) -> Syntax:
    level: list[ast.AST] = [syntax.tree]
    depth = nodes = 0
    while level:
        depth, nodes = depth + 1, nodes + len(level)
        if depth > DEEPEST:
            faults.stop(
                syntax.offset(level[0]),
                f"this is nested more than {DEEPEST} deep",
                "write it in simpler parts",
            )
        level = [child for node in level for child in ast.iter_child_nodes(node) if hasattr(child, "lineno")]
    if nodes > MOST_NODES:
        faults.stop(0, f"the expression has more than {MOST_NODES} parts", "split it into several playbooks")
    return syntax


_SCANNER = re.compile(
    r"""
      (?P<space>\ +)
    | (?P<number>\d[\w.]*(?:(?<=[eE])[+-]\d+)?)
    | (?P<name>[A-Za-z_]\w*)
    | (?P<text>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')
    | (?P<sign>===|!==|&&|\|\||\*\*|//|<>|=<|=>|:=|<<|>>|->|\+\+|==|!=|<=|>=|[-+*/<>=()\[\],.])
    | (?P<odd>.)
    """,
    re.VERBOSE | re.DOTALL,
)
_NUMBER = re.compile(r"\d+(\.\d+)?([eE][+-]?\d+)?", re.ASCII)
_GOOD_SIGNS = frozenset(
    ["==", "!=", "<=", ">=", "<", ">", "=", "+", "-", "*", "/", "(", ")", "[", "]", ",", "."]
)


def _check_characters(line: str, faults: Faults) -> None:
    """Characters that nobody sees and no parser takes."""
    for match in re.finditer(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff\u200b\u200e\u200f\u2028-\u202e\ufeff]", line):
        faults.add(
            match.start(), f"an invisible character stands here, U+{ord(match.group()):04X}", "remove it"
        )
    faults.raise_if_any()


def _scan(line: str, faults: Faults) -> list[Token]:
    tokens = []
    for match in _SCANNER.finditer(line):
        kind, text, offset = str(match.lastgroup), match.group(), match.start()
        if kind == "space":
            continue
        if kind == "odd" and text in "\"'":
            faults.add(
                offset, f"the text that starts here has no closing {text}", f"add {text} where it ends"
            )
            break
        _check_token(kind, text, offset, faults)
        tokens.append(Token(text if kind in ("sign", "odd") else kind, text, offset))
    return tokens


def _check_token(kind: str, text: str, offset: int, faults: Faults) -> None:
    if kind == "number":
        _check_number(text, offset, faults)
    elif kind == "text" and "\\" in text:
        faults.add(offset + text.index("\\"), "a text has no backslash escapes", "write the character itself")
    elif kind == "name":
        _check_name(text, offset, faults)
    elif kind == "odd" or (kind == "sign" and text not in _GOOD_SIGNS):
        what, remedy = ODD_SIGNS.get(text, (f"`{text}` means nothing here", EXAMPLE))
        faults.add(offset, what, remedy)


def _check_number(text: str, offset: int, faults: Faults) -> None:
    if not _NUMBER.fullmatch(text):
        digits = re.match(r"\d+", text, re.ASCII)
        if digits and re.fullmatch(r"[a-z]+", text[digits.end() :]):
            remedy = f'inside a function write it in quotes, "{text}"; else the plain number {digits.group()}'
        else:
            remedy = "write it like 12 or 0.5"
        faults.add(offset, f"`{text}` is not a number", remedy)
    elif len(text) > 40 or float(text) > BIGGEST_NUMBER:
        faults.add(offset, "this number is too big", "write at most 1,000,000,000,000,000")
    elif re.match(r"0\d", text):
        faults.add(offset, f"`{text}` starts with a zero", f"write {text.lstrip('0') or '0'}")


def _check_name(text: str, offset: int, faults: Faults) -> None:
    if text in CAPITALS:
        faults.add(offset, f"`{text}` is written with small letters", f"write {CAPITALS[text]}")
    elif text in OTHER_WORDS:
        faults.add(offset, *OTHER_WORDS[text])
    elif text in PYTHON_WORDS:
        faults.add(offset, f"`{text}` is not a word of this language", EXAMPLE)
    elif not text.isascii():
        faults.add(offset, f"`{text}` is not written in plain letters", "use a to z, digits and _")


_CLOSES = {")": "(", "]": "["}


def _check_brackets(tokens: list[Token], faults: Faults) -> None:
    open_ones: list[Token] = []
    for token in tokens:
        if token.kind in ("(", "["):
            open_ones.append(token)
        elif token.kind in _CLOSES:
            if not open_ones or open_ones[-1].kind != _CLOSES[token.kind]:
                faults.add(token.offset, f"`{token.kind}` closes nothing", "remove it, or open it before")
                return
            open_ones.pop()
        if len(open_ones) > DEEPEST:
            faults.stop(token.offset, f"this is nested more than {DEEPEST} deep", "write it in simpler parts")
    for token in open_ones:
        closing = ")" if token.kind == "(" else "]"
        faults.add(token.offset, f"`{token.kind}` is never closed", f"add {closing}")


_ENDS = frozenset({"name", "number", "text", ")", "]"})
_STARTS = frozenset({"name", "number", "text", "(", "[", "not", "-", "+"})
_COMPARES = frozenset({"==", "!=", "<", "<=", ">", ">=", "in"})
_WORDS = frozenset({"and", "or", "not", "in"})
_NONE = Token("", "", 0)


def _check_order(tokens: list[Token], end: int, faults: Faults) -> None:
    """A value must follow a word that joins, and the other way round."""
    words = [
        _NONE,
        *(token._replace(kind=token.text) if token.text in _WORDS else token for token in tokens),
        _NONE,
    ]
    calls: list[bool] = []
    """For every open bracket, whether it is a call."""
    for index in range(1, len(words) - 1):
        before, token, after = words[index - 1 : index + 2]
        if token.kind == "=":
            named = before.kind == "name" and words[index - 2].kind in ("(", ",")
            if not (named and calls and calls[-1]):
                faults.add(token.offset, "`=` does not compare", "write ==")
        elif before.kind in _ENDS:
            _check_after_value(before, token, after, faults)
        else:
            _check_before_value(before, token, faults)
        if token.kind in ("(", "["):
            calls.append(token.kind == "(" and before.kind == "name")
        elif token.kind in _CLOSES:
            calls.pop()
    if words[-2].kind not in _ENDS:
        faults.add(end, f"a value is missing after `{words[-2].text}`", "complete the expression")


def _check_after_value(before: Token, token: Token, after: Token, faults: Faults) -> None:
    if token.kind == "not" and after.kind != "in":
        faults.add(token.offset, "`not` follows a value", "write and not, or not in")
    elif token.kind == "[":
        faults.add(
            token.offset,
            "nothing can be picked from a value with [ ]",
            "to compare with a list write in [ … ]",
        )
    elif token.kind in ("name", "number", "text") or (token.kind == "(" and before.kind != "name"):
        faults.add(
            token.offset,
            f"`{token.text}` follows `{before.text}` with nothing between them",
            "put a comparison, and, or between them, or a comma in a list",
        )


def _check_before_value(before: Token, token: Token, faults: Faults) -> None:
    if token.kind == "not" and before.kind in _COMPARES | frozenset("+-*/"):
        faults.add(token.offset, f"`not` cannot follow `{before.text}`", "write not before the comparison")
    elif before.kind == "." and token.kind != "name":
        faults.add(token.offset, f"`{token.text}` is not the name of a field", "write a name after the dot")
    elif not _may_start(before, token):
        where = f"between `{before.text}` and" if before.kind else "before"
        faults.add(token.offset, f"a value is missing {where} `{token.text}`", "complete the expression")


def _may_start(before: Token, token: Token) -> bool:
    """Whether a value may start here, or a bracket close without one, or ``not`` become ``not in``."""
    if token.kind in _CLOSES:
        return before.kind in ("(", "[", ",")
    return token.kind in _STARTS or (token.kind == "in" and before.kind == "not")

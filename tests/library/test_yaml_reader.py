"""The strict reader: what it takes, what it refuses, and where it says that things are."""

from __future__ import annotations

import string
import time
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outreach.domain.errors import Invalid
from outreach.library.tree import Listing, Node, Scalar, Table, plain
from outreach.library.yaml_reader import MAX_BYTES, read


def scalars(node: Node) -> Iterator[Scalar]:
    if isinstance(node, Scalar):
        yield node
    elif isinstance(node, Listing):
        for item in node.items:
            yield from scalars(item)
    elif isinstance(node, Table):
        for _, key, value in node:
            yield key
            yield from scalars(value)


def refusal(text: str | bytes) -> str:
    with pytest.raises(Invalid) as refused:
        read("x.yaml", text)
    return str(refused.value)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("21:00", "21:00"),
        ("NO", "NO"),
        ("on", "on"),
        ("yes", "yes"),
        ("2026-01-02", "2026-01-02"),
        ("012", 12),
        ("1_000", "1_000"),
        ("0x10", "0x10"),
        ("-3", -3),
        ("2.5", 2.5),
        ("1e3", 1000.0),
        ("true", True),
        ("False", False),
        ("~", None),
        ("", None),
        ("'3'", "3"),
        ('"true"', "true"),
        (".inf", ".inf"),
        (".nan", ".nan"),
        ("9" * 30, "9" * 30),
        ("+49 30 123", "+49 30 123"),
    ],
)
def test_a_scalar_is_what_yaml_1_2_says(text: str, value: Any) -> None:
    assert plain(read("x.yaml", f"key: {text}\n")) == {"key": value}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: &x 1\nb: *x\n", ("x.yaml:1:4: the anchor &x is not allowed; remove it\n"
         "x.yaml:2:4: the alias *x is not allowed; write the text out")),
        ("a: !!python/object x\n", ("x.yaml:1:4: the tag tag:yaml.org,2002:python/object is not allowed; "
         "remove it; quote a text if need be")),
        ("a: 1\nb: 2\na: 3\n", "x.yaml:3:1: `a` is here twice (first in line 1); remove one"),
        ("<<: {a: 1}\n", "x.yaml:1:1: merge keys (<<) are not allowed; write the keys out"),
        ("a:\n\tb: 1\n", "x.yaml:2:1: a tab is not allowed here; use spaces"),
        ("\ufeffa: 1\n", "x.yaml:1:1: a byte order mark is not allowed here; save the file as UTF-8 without BOM"),
        ("a: x\x00y\n", "x.yaml:1:5: a NUL character is not allowed here; remove it"),
        ("a: x\u202ey\n", "x.yaml:1:5: the invisible character U+202E is not allowed here; remove it"),
        ("a: 1\rb: 2\n", "x.yaml:1:5: a lone carriage return is not allowed here; end lines with a line feed"),
        (b"a: gr\xfcn\n", "x.yaml:1:6: this is not UTF-8; save the file as UTF-8"),
        ("a: 1\n".encode("utf-16"), "x.yaml:1:1: this is not UTF-8; save the file as UTF-8"),
        ("---\na: 1\n---\nb: 1\n", "x.yaml:3:1: a second document; one file, one document: remove `---`"),
        ("%YAML 1.1\n---\na: 1\n", "x.yaml:2:1: a % directive is not allowed; remove it"),
        ("", "x.yaml: the file is empty"),
        ("# nothing\n", "x.yaml: the file is empty"),
        ("a: b: c\n", ("x.yaml:1:5: a colon where no key can be; "
         "put a text with `: ` in quotes, or mend the indentation")),
        ("a: 'x\n", "x.yaml:2:1: a quote is never closed; close it"),
        ("a: [1\n", "x.yaml:2:1: a [list] is never closed; add `]` or a comma"),
        ("a: @x\n", "x.yaml:1:4: a text cannot begin with @; put it in quotes"),
        ("a: 1\n b: 2\n", ("x.yaml:2:3: a colon where no key can be; "
         "put a text with `: ` in quotes, or mend the indentation")),
        ("? [a]\n: 1\n", "x.yaml:1:3: a key must be a plain word; write `key: value`"),
    ],
)  # fmt: skip
def test_what_we_do_not_take_is_refused_with_place_and_remedy(text: str | bytes, message: str) -> None:
    assert refusal(text) == message


def test_all_faults_of_a_file_come_at_once() -> None:
    message = refusal("a: &x 1\nb: !t 2\na: *x\n<<: {}\n")
    assert [line.split(":")[1] for line in message.splitlines()] == ["1", "2", "3", "3", "4"]


HOSTILE = {
    "a bomb": "a: &a [x,x]\n" + "".join(f"b{i}: &b{i} [*a,*a]\n" for i in range(20)),
    "brackets": "[" * 2000,
    "braces": "{a: " * 2000,
    "dashes": "- " * 1500,
    "questions": "? " * 1500,
    "nested lines": "".join("  " * i + "a:\n" for i in range(200)),
    "many items": "a: [" + "1," * 100_000 + "]",
    "many lines": "a: |\n" + "  x\n" * 40_000,
    "one long line": "a: " + "x " * 100_000,
    "one long key": "k" * 200_000 + ": 1",
    "escapes": 'a: "' + "\\x41" * 60_000 + '"',
    "too large": "#" * (MAX_BYTES + 1),
    "merges": "a: &a {x: 1}\n" + "b:\n  <<: [" + "*a," * 4000 + "*a]\n",
    "tabs": "\t" * 200_000,
    "nulls": "\x00" * 200_000,
    "long digits": "a: " + "9" * 5000,
    "wide escapes": 'a: "\\U99999999"',
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_input_is_refused_at_once(name: str) -> None:
    began = time.process_time()
    refusal(HOSTILE[name])
    assert time.process_time() - began < 0.25  # 50 ms on a quiet machine; the margin is for a busy one


def test_deep_is_twenty_levels() -> None:
    fine = "".join("  " * i + f"k{i}:\n" for i in range(18)) + "  " * 18 + "x"
    read("x.yaml", fine)
    assert "nested deeper than 20 levels" in refusal("[" * 21 + "]" * 21)


@given(
    st.one_of(
        st.text(max_size=300), st.text("ab:-[]{}'\"|>&*!%#?, \n\\x0", max_size=200), st.binary(max_size=200)
    )
)
def test_any_input_gives_a_tree_or_typed_faults(text: str | bytes) -> None:
    try:
        node = read("x.yaml", text)
    except Invalid as invalid:
        assert invalid.faults
        assert all(fault.file == "x.yaml" and fault.what for fault in invalid.faults)
    else:
        for scalar in scalars(node):
            assert scalar.position(0) >= (scalar.line, 1)


STYLES = """\
plain: plain word
folded: plain folded
  over lines

  with a blank
single: 'it''s
  quoted'
double: "x\\x41y \\
    esc \\u00e9 and
   fold\\tz \\"q\\" \\\\ end"
literal: |
  line one
    deeper

  line three
block: >-
  event.x >= 2
  or account.tier
    deep
  == 3

  para
indicated: |2
    two extra
  none
flow: [fl ow, "q", {a: 'b'}]
nested:
  - inner: >
      nested text
      more
    umlaut: grün "und" blau
"""


def test_every_character_of_every_style_is_found_where_it_stands() -> None:
    lines = STYLES.split("\n")
    for scalar in scalars(read("x.yaml", STYLES)):
        for offset, character in enumerate(scalar.text):
            line, column = scalar.position(offset)
            source = lines[line - 1][column - 1 :]
            assert source.startswith((character, "\\")) or character in " \n", (
                scalar,
                offset,
            )


WORDS = st.lists(st.text(string.ascii_letters + "é\"'\\", min_size=1, max_size=6), min_size=1, max_size=8)


@given(WORDS, st.sampled_from(["'", '"', "|", ">"]), st.integers(1, 5), st.data())
def test_the_place_of_a_word_is_exact(words: list[str], style: str, indent: int, data: st.DataObject) -> None:
    seams = [data.draw(st.sampled_from([" ", "\n"])) for _ in words[1:]]
    source = _written(words, seams, style, indent)
    scalar = next(one for one in scalars(read("x.yaml", source)) if one.style)
    at = data.draw(st.integers(0, len(words) - 1))
    offset = len(" ".join(words[:at])) + bool(at)
    line, column = scalar.position(offset)
    written = source.split("\n")[line - 1][column - 1 :]
    assert written.startswith(_quoted(words[at], style))
    assert line == 1 + (style in "|>") + "".join(seams[:at]).count("\n")


def _written(words: list[str], seams: list[str], style: str, indent: int) -> str:
    body = "".join(
        _quoted(word, style) + seam.replace("\n", "\n" + " " * indent)
        for word, seam in zip(words, [*seams, ""], strict=True)
    )
    if style in "|>":
        return f"k: {style}\n{' ' * indent}{body}\n"
    return f"k: {style}{body}{style}\n"


def _quoted(word: str, style: str) -> str:
    if style == "'":
        return word.replace("'", "''")
    return word.replace("\\", "\\\\").replace('"', '\\"') if style == '"' else word

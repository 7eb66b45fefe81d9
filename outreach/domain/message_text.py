"""Rendered templates become what is sent or shown: HTML and readable text from Markdown, text for SMS.

Markdown sees marks in place of values (``message_sandbox``), so nothing a customer or a colleague
typed can become a link, a heading or a tag. Raw HTML and images are not offered.
"""

from __future__ import annotations

import html
import re
from collections.abc import Sequence

from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from markdown_it.tree import SyntaxTreeNode
from markdown_it.utils import EnvType, OptionsDict

from outreach.domain.message_values import CLOSE, OPEN, Rendered

SCHEMES = ("https:", "http:", "mailto:", "tel:")
"""Where a link may lead."""

_MARK = re.compile(f"{OPEN}([0-9]{{1,6}}){CLOSE}")

GSM_BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿"
    "abcdefghijklmnopqrstuvwxyzäöñüà"
)
"""GSM 03.38 default alphabet: one septet each."""
GSM_EXTENDED = frozenset("\f^{}\\[~]|€")
"""Its extension: two septets each."""
_PLAIN_SIGNS = str.maketrans({
    "‘": "'", "’": "'", "‚": "'", "“": '"', "”": '"', "„": '"', "«": '"', "»": '"',
    "–": "-", "—": "-", "‐": "-", "‑": "-", "…": "...", "\u00a0": " ", "\u202f": " ", "\u2009": " ", "\t": " ",
})  # fmt: skip
"""Typographic signs, each of which would turn an SMS of 160 letters into parts of 67."""


def fill(rendered: Rendered, text: str | None = None) -> str:
    """The text with every mark replaced by its value, as plain text."""
    values = rendered.values
    return _MARK.sub(
        lambda found: values[int(found[1])] if int(found[1]) < len(values) else "",
        rendered.marked if text is None else text,
    )


def to_html(rendered: Rendered, markdown: str | None = None) -> str:
    """Markdown → an HTML fragment. Values are text, their line ends ``<br>``."""
    return str(_MARKDOWN.renderer.render(_tokens(rendered, markdown), _MARKDOWN.options, {})).strip()


def to_plain(rendered: Rendered, markdown: str | None = None) -> str:
    """Markdown → text a human would have typed: no stars and brackets, links with their address."""
    return _blocks(SyntaxTreeNode(_tokens(rendered, markdown)).children).strip()


def to_sms(rendered: Rendered) -> str:
    """No Markdown; typographic signs made plain; no empty lines."""
    lines = fill(rendered).translate(_PLAIN_SIGNS).split("\n")
    return "\n".join(line for line in (re.sub(r" {2,}", " ", one).strip() for one in lines) if line)


def sms_parts(text: str) -> tuple[str, int]:
    """("GSM-7" or "UCS-2", number of parts billed). One part holds 160 septets or 70 UTF-16 units,
    each of several 153 or 67; a sign is never split between two."""
    if all(sign in GSM_BASIC or sign in GSM_EXTENDED for sign in text):
        return "GSM-7", _parts([2 if sign in GSM_EXTENDED else 1 for sign in text], 160, 153)
    return "UCS-2", _parts([2 if ord(sign) > 0xFFFF else 1 for sign in text], 70, 67)


def _parts(widths: Sequence[int], single: int, each: int) -> int:
    if sum(widths) <= single:
        return 1
    parts, room = 1, each
    for width in widths:
        if width > room:
            parts, room = parts + 1, each
        room -= width
    return parts


# --- Markdown ---------------------------------------------------------------------------------------


class _Markdown(MarkdownIt):
    """Links are judged after their marks are filled in, see ``_fill_in``."""

    def validateLink(self, url: str) -> bool:
        return True

    def normalizeLink(self, url: str) -> str:
        return url

    def normalizeLinkText(self, link: str) -> str:
        return link


def _text(self: RendererHTML, tokens: Sequence[Token], index: int, options: OptionsDict, env: EnvType) -> str:
    return html.escape(tokens[index].content).replace("\n", "<br>\n")


def _markdown() -> MarkdownIt:
    made = _Markdown("commonmark", {"html": False, "breaks": False, "maxNesting": 20})
    made.enable(["table", "strikethrough"]).disable(["image", "html_block", "html_inline"])
    made.add_render_rule("text", _text)
    return made


_MARKDOWN = _markdown()


def _tokens(rendered: Rendered, markdown: str | None) -> list[Token]:
    """Parsed first, filled in afterwards: values are never read as Markdown."""
    tokens = _MARKDOWN.parse(rendered.marked if markdown is None else markdown)
    for token in tokens:
        for one in (token, *(token.children or ())):
            _fill_in(rendered, one)
    return tokens


def _fill_in(rendered: Rendered, token: Token) -> None:
    token.info = ""
    if token.type != "inline":
        token.content = fill(rendered, token.content)
    if token.type == "link_open":
        target = re.sub(r"\s", "", fill(rendered, str(token.attrs.get("href", ""))))
        token.attrs = {"href": target} if target.lower().startswith(SCHEMES) else {}
    elif token.type != "ordered_list_open":
        token.attrs = {}


# --- plain text -------------------------------------------------------------------------------------


def _blocks(nodes: Sequence[SyntaxTreeNode], between: str = "\n\n") -> str:
    return between.join(text for text in map(_block, nodes) if text)


def _block(node: SyntaxTreeNode) -> str:
    if node.type in ("paragraph", "heading", "th", "td"):
        return "".join(_inline(child) for child in node.children)
    if node.type in ("bullet_list", "ordered_list"):
        return _list(node)
    if node.type == "blockquote":
        return "\n".join(f"> {line}".rstrip() for line in _blocks(node.children).split("\n"))
    if node.type in ("code_block", "fence"):
        return node.content.rstrip("\n")
    if node.type == "hr":
        return "-" * 20
    if node.type == "tr":
        return " | ".join(map(_block, node.children))
    if node.type in ("table", "thead", "tbody"):
        return _blocks(node.children, "\n")
    return _inline(node)


def _list(node: SyntaxTreeNode) -> str:
    first = int(str(node.attrs.get("start", 1)))
    items = []
    for number, item in enumerate(node.children, first):
        sign = "- " if node.type == "bullet_list" else f"{number}. "
        body = _blocks(item.children, "\n").replace("\n", "\n" + " " * len(sign))
        items.append(sign + body)
    return "\n".join(items)


def _inline(node: SyntaxTreeNode) -> str:
    if node.type in ("text", "code_inline", "text_special"):
        return node.content
    if node.type == "softbreak":
        return " "
    if node.type == "hardbreak":
        return "\n"
    said = "".join(_inline(child) for child in node.children)
    if node.type == "link":
        return _link(said, str(node.attrs.get("href", "")))
    return said


def _link(said: str, target: str) -> str:
    shown = re.sub(r"^(mailto|tel):", "", target)
    return said if not target or said in (target, shown) else f"{said} ({shown})"

"""Report pages that stand alone: no script, nothing fetched, one look."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader

_PAGES = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "pages"),
    autoescape=True,
    trim_blocks=True,
    lstrip_blocks=True,
)


def write_page(path: Path, template: str, **values: Any) -> None:
    """``template``: a file of ``pages/``."""
    path.write_text(_PAGES.get_template(template).render(**values), encoding="utf-8")

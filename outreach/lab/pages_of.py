"""Report pages that stand alone: no script, nothing fetched, one look."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import date, timedelta
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


def without_gaps(found: Mapping[date, Counter[str]], step: timedelta) -> dict[date, Counter[str]]:
    """From the first to the last, with those of which nothing is told: a gap is news."""
    if not found:
        return {}
    first, last = min(found), max(found)
    every = (first + n * step for n in range((last - first) // step + 1))
    return {day: found.get(day, Counter()) for day in every}

"""A person's file as one page that needs nothing else: to be printed, sent, or kept."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, select_autoescape

from outreach.service.privacy import PersonFile

PAGES = Path(__file__).parent / "pages"


def as_page(file: PersonFile, company: str) -> str:
    pages = Environment(loader=FileSystemLoader(PAGES), autoescape=select_autoescape())
    pages.filters["plain"] = plain
    return pages.get_template("file.html").render(file=file, company=company)


def plain(value: Any) -> str:
    """Any value as people read it."""
    if value is None or value == "":
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M} UTC"
    if isinstance(value, dict):
        return "; ".join(f"{name}: {plain(each)}" for name, each in value.items()) or "–"
    if isinstance(value, list | tuple):
        return ", ".join(plain(each) for each in value) or "–"
    return str(value)

"""Reading a form: every fault at once, in words, by field."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from math import isfinite, nan
from typing import Any

from flask import request, url_for
from werkzeug.datastructures import MultiDict

from outreach.domain.errors import Fault, Invalid
from outreach.domain.hours import instant
from outreach.web import words

LONGEST_TEXT = 5000
LAST_PAGE = 10_000
"""Nobody turns over so many; and a number that no database can count to is no page."""


def page_asked_for() -> int:
    """Of a list, from 1."""
    return min(max(request.args.get("page", 1, type=int), 1), LAST_PAGE)


def asked_again(endpoint: str, kept: Mapping[str, Any]) -> str:
    """A list's own address with what was asked for."""
    values: dict[str, Any] = {name: value for name, value in kept.items() if value}
    return url_for(endpoint, **values)


def turned_over(endpoint: str, kept: Mapping[str, Any]) -> str:
    """The same, up to the number of its page."""
    base = asked_again(endpoint, kept)
    return base + ("&" if "?" in base else "?")


class Checker:
    """Collects what is wrong; ``done`` raises Invalid with all of it."""

    def __init__(self, form: MultiDict[str, str]) -> None:
        self._form = form
        self._faults: list[Fault] = []

    def wrong(self, field: str, what: str) -> None:
        self._faults.append(FieldFault(field, 0, 0, what))

    def text(self, name: str, why: str = "") -> str:
        """Trimmed. Needed when a reason to give is named."""
        value = self._form.get(name, "").strip()
        if not value and why:
            self.wrong(name, why)
        if len(value) > LONGEST_TEXT:
            self.wrong(name, f"At most {LONGEST_TEXT} characters.")
        return value

    def one_of(self, name: str, allowed: Iterable[str], why: str) -> str:
        value = self._form.get(name, "")
        if value not in {str(each) for each in allowed}:
            self.wrong(name, why)
        return value

    def local_time(self, name: str, *, needed: bool, why: str) -> datetime | None:
        """A wall time on the reader's clock, as an instant."""
        value = self._form.get(name, "").strip()
        if not value:
            if needed:
                self.wrong(name, why)
            return None
        try:
            wall = datetime.fromisoformat(value)
        except ValueError:
            self.wrong(name, why)
            return None
        if wall.year not in words.YEARS:
            self.wrong(name, why)
            return None
        return instant(wall.date(), wall.time().replace(tzinfo=None), words.my_zone())

    def number(self, name: str, why: str) -> float | None:
        """None where nothing was typed. A comma is a decimal point to many."""
        value = self._form.get(name, "").strip().replace(",", ".")
        try:
            found = float(value) if value else None
        except ValueError:
            found = nan
        if found is not None and not isfinite(found):
            self.wrong(name, why)
            return None
        return found

    def day(self, name: str, why: str) -> date | None:
        """A day as a date field gives it; None where nothing was typed."""
        value = self._form.get(name, "").strip()
        try:
            found = date.fromisoformat(value) if value else None
        except ValueError:
            found = date.min
        if found is not None and found.year not in words.YEARS:
            self.wrong(name, why)
            return None
        return found

    def done(self) -> None:
        if self._faults:
            raise Invalid(self._faults)


class FieldFault(Fault):
    """Reads as its sentence alone: the form shows where it belongs."""

    def __str__(self) -> str:
        return self.what

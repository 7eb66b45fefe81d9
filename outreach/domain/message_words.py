"""How messages say days, hours, money and numbers: in the language of the text, in the person's zone.

Every function takes None (nothing known, nothing said) and gives "" for it. Instants are aware
``datetime`` or RFC 3339 texts; days are ``date`` or ``YYYY-MM-DD``. What is neither raises ``ValueError``
with a sentence that holds no customer data.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo


@dataclass(frozen=True, slots=True)
class Tongue:
    """What one language needs. Patterns know {weekday} {day} {month} {year}."""

    weekdays: tuple[str, ...]
    months: tuple[str, ...]
    day: str
    date: str
    one_day: str
    many_days: str
    thousands: str
    point: str
    symbol_first: bool
    yes: str
    no: str


ENGLISH = Tongue(
    weekdays=("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"),
    months=(
        "January", "February", "March", "April", "May", "June",
        "July", "August", "September", "October", "November", "December",
    ),
    day="{weekday}, {day} {month}",
    date="{day} {month} {year}",
    one_day="day",
    many_days="days",
    thousands=",",
    point=".",
    symbol_first=True,
    yes="yes",
    no="no",
)  # fmt: skip
GERMAN = Tongue(
    weekdays=("Montag", "Dienstag", "Mittwoch", "Donnerstag", "Freitag", "Samstag", "Sonntag"),
    months=(
        "Januar", "Februar", "März", "April", "Mai", "Juni",
        "Juli", "August", "September", "Oktober", "November", "Dezember",
    ),
    day="{weekday}, {day}. {month}",
    date="{day}. {month} {year}",
    one_day="Tag",
    many_days="Tage",
    thousands=".",
    point=",",
    symbol_first=False,
    yes="ja",
    no="nein",
)  # fmt: skip
TONGUES: Mapping[str, Tongue] = {"en": ENGLISH, "de": GERMAN}
"""Languages that days and money are said in; texts in any other get the English form."""

SYMBOLS = {"EUR": "€", "USD": "$", "GBP": "£"}
CLOSE_SYMBOLS = ("$", "£")
"""These stand right before the number in English: $5.00, but € 5.00."""
WITHOUT_CENTS = ("JPY", "KRW", "ISK", "HUF", "CLP")


def tongue(language: str | None) -> Tongue:
    """By BCP 47 code; regions are ignored, unknown languages are English."""
    return TONGUES.get((language or "").replace("_", "-").split("-")[0].lower(), ENGLISH)


def say_day(value: Any, zone: str, language: str) -> str:
    """``Friday, 6 March``."""
    return _say(tongue(language).day, _local(value, zone), language)


def say_date(value: Any, zone: str, language: str) -> str:
    """``6 March 2026``."""
    return _say(tongue(language).date, _local(value, zone), language)


def say_clock(value: Any, zone: str) -> str:
    """``14:30``; "" for a day without an hour."""
    local = _local(value, zone)
    return f"{local:%H:%M}" if isinstance(local, datetime) else ""


def say_money(value: Any, currency: str | None, language: str) -> str:
    """``€ 96.90``, German ``96,90 €``. ``value`` in whole units of the currency."""
    if value is None or value == "":
        return ""
    number, words = _number(value), tongue(language)
    code = (currency or "EUR").upper()
    symbol = SYMBOLS.get(code, code)
    digits = _digits(abs(number), 0 if code in WITHOUT_CENTS else 2, words)
    sign = "-" if number < 0 else ""
    if not words.symbol_first:
        return f"{sign}{digits} {symbol}"
    return f"{sign}{symbol}{'' if symbol in CLOSE_SYMBOLS else ' '}{digits}"


def say_days(value: Any, language: str) -> str:
    """``3 days``, ``1 day``, ``2.5 days``."""
    if value is None or value == "":
        return ""
    number, words = _number(value), tongue(language)
    return f"{say_number(number, language)} {words.one_day if abs(number) == 1 else words.many_days}"


def say_number(value: Any, language: str) -> str:
    """Whole numbers without a point, others with at most two places."""
    if value is None or value == "":
        return ""
    number = _number(value)
    if number == int(number):
        return str(int(number))
    return f"{number:.2f}".rstrip("0").rstrip(".").replace(".", tongue(language).point)


def say_plainly(value: Any, zone: str, language: str) -> str:
    """What a template prints without a filter: text as it is, numbers, yes and no, instants, nothing."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return tongue(language).yes if value else tongue(language).no
    if isinstance(value, (int, float)):
        return say_number(value, language)
    if isinstance(value, datetime):
        return f"{say_date(value, zone, language)}, {say_clock(value, zone)}"
    if isinstance(value, date):
        return say_date(value, zone, language)
    raise ValueError("a list or a record cannot be printed; name the field, or loop over it")


def _say(pattern: str, local: date | None, language: str) -> str:
    if local is None:
        return ""
    words = tongue(language)
    return pattern.format(
        weekday=words.weekdays[local.weekday()], day=local.day,
        month=words.months[local.month - 1], year=local.year,
    )  # fmt: skip


def _local(value: Any, zone: str) -> date | None:
    """A ``datetime`` on the wall clock of ``zone``, or a ``date`` where no hour was given."""
    if value is None or value == "":
        return None
    found = _read(value) if isinstance(value, str) else value
    if isinstance(found, datetime):
        if found.tzinfo is None:
            raise ValueError("the instant has no UTC offset, so its day is not known")
        return found.astimezone(_zone(zone))
    if isinstance(found, date):
        return found
    raise ValueError("this is no day and no instant")


def _read(text: str) -> date:
    try:
        return date.fromisoformat(text) if len(text) == 10 else datetime.fromisoformat(text)
    except ValueError:
        raise ValueError("this text is no day and no instant (2026-03-06 or 2026-03-06T14:30:00Z)") from None


@lru_cache(maxsize=512)
def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (OSError, ValueError, KeyError):  # ZoneInfoNotFoundError is a KeyError
        raise ValueError(f"`{name[:40]}` is no time zone") from None


def _number(value: Any) -> float:
    if isinstance(value, bool):
        raise ValueError("yes or no is not a number")
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        raise ValueError("this is no number") from None
    if not math.isfinite(number) or abs(number) > 1e15:
        raise ValueError("this number is out of bounds")
    return number


def _digits(number: float, places: int, words: Tongue) -> str:
    plain = f"{number:,.{places}f}"
    return plain.replace(",", "\0").replace(".", words.point).replace("\0", words.thousands)

"""The customer's language: words from catalogues that translators know (gettext's .po), dates by Babel.

What a catalogue lacks is said in English, and a test says which.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from babel.dates import format_datetime, format_skeleton, format_time
from babel.messages.pofile import read_po

FOLDER = Path(__file__).parent / "translations"
ENGLISH = "en"
LANGUAGES = ("en", "de", "fr", "es")
NAMES = {"en": "English", "de": "Deutsch", "fr": "Français", "es": "Español"}


@dataclass(frozen=True, slots=True)
class Speech:
    """How one customer is spoken to. ``zone`` is theirs."""

    language: str
    zone: str

    def say(self, words: str, **named: Any) -> str:
        """The words in their language; ``{name}`` is filled in."""
        found = catalogue(self.language).get(words) or words
        return found.format(**named) if named else found

    def day(self, at: datetime) -> str:
        """``Tuesday, 3 March``, as they write it."""
        return format_skeleton("MMMMEEEEd", at, tzinfo=ZoneInfo(self.zone), locale=_locale(self.language))

    def hour(self, at: datetime) -> str:
        return format_time(at, "short", tzinfo=ZoneInfo(self.zone), locale=_locale(self.language))

    def moment(self, at: datetime) -> str:
        return f"{self.day(at)}, {self.hour(at)}"

    def date(self, at: datetime) -> str:
        return format_datetime(at, "d MMMM y", tzinfo=ZoneInfo(self.zone), locale=_locale(self.language))


def speech(language: str | None, zone: str) -> Speech:
    """In the nearest language that there is: ``de-AT`` is spoken as ``de``."""
    code = (language or ENGLISH).lower().replace("_", "-").partition("-")[0]
    return Speech(code if code in LANGUAGES else ENGLISH, zone)


def _locale(language: str) -> str:
    return "en_GB" if language == ENGLISH else language


@cache
def catalogue(language: str) -> dict[str, str]:
    """English → theirs; empty for English."""
    if language == ENGLISH:
        return {}
    with (FOLDER / f"{language}.po").open("rb") as stream:
        read = read_po(stream, locale=language)
    return {str(message.id): str(message.string) for message in read if message.id and message.string}

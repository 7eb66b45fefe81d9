"""How the texts of settings are read: each takes a text and gives the value, or raises ``ValueError`` with the remedy."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from difflib import get_close_matches
from urllib.parse import urlsplit

SECRET_LENGTH = 32
MEBIBYTE = 1024 * 1024


def whole(low: int, high: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        if not re.fullmatch(r"[0-9]{1,12}", text) or not low <= int(text) <= high:
            raise ValueError(f"write a whole number from {low} to {high}")
        return int(text)

    return read


def seconds(text: str) -> float:
    if not re.fullmatch(r"[0-9]{1,4}(\.[0-9]{1,3})?", text) or not 0.1 <= float(text) <= 3600:
        raise ValueError("write seconds from 0.1 to 3600")
    return float(text)


def size(text: str) -> int:
    found = re.fullmatch(r"([0-9]{1,9})\s*(KiB|MiB)?", text, re.IGNORECASE)
    unit = {"kib": 1024, "mib": MEBIBYTE}.get((found[2] or "").lower(), 1) if found else 0
    in_bytes = int(found[1]) * unit if found else 0
    if not 1024 <= in_bytes <= 256 * MEBIBYTE:
        raise ValueError("write a size from 1 KiB to 256 MiB, such as 512 KiB")
    return in_bytes


def yes_no(text: str) -> bool:
    words = {
        "true": True,
        "yes": True,
        "on": True,
        "1": True,
        "false": False,
        "no": False,
        "off": False,
        "0": False,
    }
    if text.lower() not in words:
        raise ValueError("write true or false")
    return words[text.lower()]


def one_of(*words: str) -> Callable[[str], str]:
    def read(text: str) -> str:
        if text.lower() not in words:
            raise ValueError(f"write {' or '.join(words)}{did_you_mean(text.lower(), words)}")
        return text.lower()

    return read


def host(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9.:_-]{1,253}", text):
        raise ValueError("write an address or name to listen on, such as 0.0.0.0")
    return text


def url(text: str) -> str:
    try:
        parts = urlsplit(text)
        ok = (
            parts.scheme in ("http", "https")
            and bool(parts.hostname)
            and (parts.port is None or parts.port > 0)
        )
    except ValueError:
        ok = False
    if not ok or parts.query or parts.fragment or parts.username or re.search(r"\s", text):
        raise ValueError("write the address that browsers use, such as https://outreach.example.com")
    return text.rstrip("/")


def issuer(text: str) -> str:
    """As ``url``, and by https unless it is this machine's own: what it says lets people in."""
    found = url(text)
    if not is_guarded(found):
        raise ValueError("write the provider's https address (http is only for this machine)")
    return found


def is_guarded(address: str) -> bool:
    """Whether nobody on the way can read or change what is said there."""
    parts = urlsplit(address)
    here = parts.hostname in ("localhost", "::1") or bool(
        re.fullmatch(r"127(\.[0-9]{1,3}){3}", parts.hostname or "")
    )
    return parts.scheme == "https" or (parts.scheme == "http" and here)


def database(text: str) -> str:
    for short in ("postgres://", "postgresql://"):
        if text.startswith(short):
            text = "postgresql+psycopg://" + text.removeprefix(short)
    if not re.match(r"sqlite:///.|postgresql\+psycopg://.", text):
        raise ValueError("write sqlite:////path/to/outreach.db or postgresql://user:password@host/database")
    return text


def secret(text: str) -> str:
    if len(text) < SECRET_LENGTH or len(set(text)) < 8:
        raise ValueError(f"it must be at least {SECRET_LENGTH} random characters")
    return text


def addresses(text: str) -> tuple[str, ...]:
    found = tuple(part.strip().lower() for part in text.split(",") if part.strip())
    if not all(re.fullmatch(r"[^@\s]+@[^@\s]+\.[^@\s]+|\+[0-9]{6,15}", one) for one in found):
        raise ValueError("write mail addresses and phone numbers (+49…), with commas between them")
    return found


def address(text: str) -> str:
    if not re.fullmatch(r"[^@\s]+@[^@\s]+\.[^@\s]+", text):
        raise ValueError("write a mail address, such as hello@example.com")
    return text.lower()


def domain(text: str) -> str:
    if not re.fullmatch(r"([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}", text.lower()):
        raise ValueError("write a mail domain, such as example.com")
    return text.lower()


def domains(text: str) -> tuple[str, ...]:
    return tuple(domain(part) for part in words(text))


def words(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


def numbers(text: str) -> tuple[str, ...]:
    found = words(text)
    wrong = [word for word in found if not word.isascii() or not word.isdecimal()]
    if wrong:
        raise ValueError(f"write numbers with commas between them, such as 12345; {wrong[0]!r} is none")
    return found


def phone(text: str) -> str:
    if not re.fullmatch(r"\+[1-9][0-9]{6,14}", text):
        raise ValueError("write the number with country code and without spaces, such as +4930123456")
    return text


def sid(prefix: str) -> Callable[[str], str]:
    def read(text: str) -> str:
        if not re.fullmatch(prefix + "[0-9a-fA-F]{32}", text):
            raise ValueError(f"it begins with {prefix} and has 32 letters and digits after it")
        return text

    return read


def key(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9._-]{8,200}", text):
        raise ValueError("copy it whole: letters, digits, dots and dashes")
    return text


def text(text: str) -> str:
    return text


def rate(text: str) -> float:
    if not re.fullmatch(r"[0-9]{1,4}(\.[0-9]{1,3})?", text) or not 0 < float(text) <= 1000:
        raise ValueError("write how many a second, more than 0 and at most 1000")
    return float(text)


def did_you_mean(word: str, known: Iterable[str]) -> str:
    close = get_close_matches(word, list(known), n=1, cutoff=0.7)
    return f"; did you mean {close[0]}?" if close else ""

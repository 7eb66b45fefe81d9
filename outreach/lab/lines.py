"""Reading files of CloudEvents, one JSON object per line, plain or gzipped, with bounded memory."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from hashlib import blake2b
from pathlib import Path
from typing import IO, Any, NamedTuple

import orjson

from outreach.domain.errors import OutreachError
from outreach.domain.facts import CLOCK_SOURCE
from outreach.domain.vocabulary import EventType, Vocabulary

LONGEST = 1 << 20
"""Bytes of a line; a CloudEvent is far smaller."""
_CHUNK = 1 << 20
_GZIP, _BOM = b"\x1f\x8b", b"\xef\xbb\xbf"
_TIME_ALONE = frozenset(
    {"promise.overdue", "failure.unreached", "failure.unresolved", "reorder.due", "account.silent"}
)
"""Made by due rows, though the vocabulary gives them no ``made_by_time``."""


class Unreadable(OutreachError):
    """The file ends or breaks in the middle. What came before is kept."""


class Line(NamedTuple):
    number: int
    """From 1."""
    end: int
    """Offset behind it, in the file's plain bytes."""
    text: bytes
    """Without the line's end; cut when it is too long."""
    too_long: bool = False


@contextmanager
def opened(path: Path) -> Iterator[IO[bytes]]:
    """The file's plain bytes; gzip is known by its first bytes, whatever the name."""
    with path.open("rb") as raw:
        zipped = raw.read(2) == _GZIP
        raw.seek(0)
        if not zipped:
            yield raw
            return
        with gzip.open(raw, "rb") as plain:
            yield plain  # type: ignore[misc]


def read_lines(file: IO[bytes], number: int = 0, offset: int = 0) -> Iterator[Line]:
    """All lines that hold something, from where the file stands. Raises Unreadable."""
    while text := _part(file):
        number, offset = number + 1, offset + len(text)
        too_long = len(text) > LONGEST and not text.endswith(b"\n")
        while too_long and (rest := _part(file)):
            offset += len(rest)
            if rest.endswith(b"\n"):
                break
        if number == 1:
            text = text.removeprefix(_BOM)
        if text := text.strip():
            yield Line(number, offset, text[:LONGEST], too_long)


def _part(file: IO[bytes]) -> bytes:
    try:
        return file.readline(LONGEST + 2)
    except (EOFError, OSError, zlib.error) as fault:
        raise Unreadable(f"the file cannot be read to its end: {fault}") from fault


def lines_before(path: Path, offset: int) -> int:
    """How many lines end within the first bytes."""
    count = left = 0
    with opened(path) as file:
        left = offset
        while left and (chunk := file.read(min(_CHUNK, left))):
            count, left = count + chunk.count(b"\n"), left - len(chunk)
    return count


def digest_of(path: Path) -> str:
    """Of the whole content as it lies there: another content is another import."""
    digest = blake2b(digest_size=16)
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def parsed(line: Line) -> Mapping[str, Any] | str:
    """The line's JSON object, or what is wrong with it."""
    if line.too_long:
        return f"longer than {LONGEST >> 20} MiB; one event per line"
    try:
        raw = orjson.loads(line.text)
    except orjson.JSONDecodeError as fault:
        return f"not JSON: {fault}"
    return raw if isinstance(raw, dict) else "not a JSON object; one CloudEvent per line"


def left_to_time(raw: Mapping[str, Any], vocabulary: Vocabulary) -> bool:
    """Events that the clock makes by itself: bringing them along would tell them twice."""
    kind = vocabulary.get(raw["type"]) if isinstance(raw.get("type"), str) else None
    return raw.get("source") == CLOCK_SOURCE or (kind is not None and is_made_by_time(kind))


def is_made_by_time(kind: EventType) -> bool:
    return kind.name in _TIME_ALONE or (kind.time_rule is not None and kind.internal)

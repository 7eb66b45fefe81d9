"""Who was erased, in a file of its own beside the database: a line each, appended and synced to the disk."""

from __future__ import annotations

import os
from datetime import datetime
from pathlib import Path

import orjson

from outreach.service.ports import Erasure


class FileErasureLog:
    """A ``ports.ErasureLog``. A line that cannot be read is passed over: it was cut off by a crash."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def note(self, erasure: Erasure) -> None:
        line = orjson.dumps(erasure._asdict(), option=orjson.OPT_APPEND_NEWLINE)
        with self.path.open("ab") as stream:
            if stream.tell() and not self._ends_whole():
                stream.write(b"\n")
            stream.write(line)
            stream.flush()
            os.fsync(stream.fileno())

    def _ends_whole(self) -> bool:
        with self.path.open("rb") as stream:
            stream.seek(-1, os.SEEK_END)
            return stream.read(1) == b"\n"

    def all(self) -> list[Erasure]:
        if not self.path.exists():
            return []
        return [found for line in self.path.read_bytes().splitlines() if (found := _read(line)) is not None]


def _read(line: bytes) -> Erasure | None:
    try:
        read = orjson.loads(line)
        return Erasure(str(read["person"]), tuple(read["hashes"]), datetime.fromisoformat(read["at"]))
    except (ValueError, KeyError, TypeError):
        return None

"""Taking in files of CloudEvents: streamed, a thousand lines per transaction, resumable.

How far a file was read is kept by the digest of its content. Broken off (kill -9 included) it goes on
behind the last full batch; the lines of the batch that was under way are known by their ids. A file
that was read to its end may be read again: nothing happens twice.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import orjson
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from outreach.assemble import House
from outreach.domain.vocabulary import Vocabulary
from outreach.lab.lines import (
    Line,
    Unreadable,
    digest_of,
    left_to_time,
    lines_before,
    opened,
    parsed,
    read_lines,
)
from outreach.service.finding import many
from outreach.service.front import Incoming, Rejected, check
from outreach.service.intake import Answer, take_checked
from outreach.service.ports_records import ImportProgress

BATCH = 1000
BATCH_BYTES = 8 << 20
"""Long lines make smaller batches."""
_SHOWN = 2000
"""Characters of a bad line that quarantine and the file of bad rows keep where it is no event."""


@dataclass
class Imported:
    """What became of one file. ``sentence`` says it to people."""

    name: str
    counts: Counter[str] = field(default_factory=Counter)
    """``accepted · duplicate · revised · parked · quarantined · left_to_time``, in this run."""
    resumed_at: int = 0
    """Lines that an earlier run had already taken in."""
    bad_file: Path | None = None
    seconds: float = 0.0
    broken: str = ""
    """Why the file could not be read to its end."""

    @property
    def bad(self) -> int:
        return self.counts["quarantined"] + bool(self.broken)

    @property
    def lines(self) -> int:
        return sum(self.counts.values())

    @property
    def sentence(self) -> str:
        said = [f"{self.counts[name]:,} {words}" for name, words in _WORDS if self.counts[name]]
        if self.counts["quarantined"]:
            said.append(f"{self.counts['quarantined']:,} refused (reasons in {self.bad_file})")
        rate = f"{self.lines / self.seconds:,.0f} a second" if self.seconds > 0 else "at once"
        again = f", going on behind line {self.resumed_at:,}" if self.resumed_at else ""
        broken = f" The file broke off: {self.broken}." if self.broken else ""
        return (
            f"{self.name}: {many(self.lines, 'event')}{again} ({rate}): {', '.join(said) or 'none'}.{broken}"
        )


_WORDS = (
    ("accepted", "accepted"),
    ("duplicate", "known already"),
    ("revised", "revised"),
    ("parked", "parked until their account or their time comes"),
    ("left_to_time", "left out, since time makes them by itself"),
)


def import_file(house: House, path: Path, bad_rows: Path | None = None) -> Imported:
    """Take in one file (JSON Lines, plain or gzip). Refused lines go to ``bad_rows``, by default
    ``FILE.bad.jsonl``, and to quarantine. Raises OutreachError when the database does not store."""
    started = time.monotonic()
    done = Imported(path.name, bad_file=bad_rows or path.with_name(path.name + ".bad.jsonl"))
    progress = _where_it_stopped(house, path)
    done.resumed_at = lines_before(path, progress.offset)
    _forget_bad(done)
    with opened(path) as file, _bar(path) as bar:
        file.seek(progress.offset)
        lines = read_lines(file, done.resumed_at, progress.offset)
        for batch in batches(_until_it_breaks(lines, done)):
            progress = _take_in(house, batch, done, progress)
            bar(progress.offset, done.lines)
    if not done.broken:
        _keep(house, replace(progress, finished_at=house.outside.clock.now()))
    done.seconds = time.monotonic() - started
    return done


def _where_it_stopped(house: House, path: Path) -> ImportProgress:
    digest = digest_of(path)
    with house.database.view() as unit:
        found = unit.import_progress(digest)
    fresh = ImportProgress(digest, path.name)
    return fresh if found is None or found.finished_at is not None else found


def _until_it_breaks(lines: Iterable[Line], done: Imported) -> Iterator[Line]:
    try:
        yield from lines
    except Unreadable as fault:
        done.broken = str(fault)


def batches(lines: Iterable[Line]) -> Iterator[list[Line]]:
    """At most ``BATCH`` lines and about ``BATCH_BYTES`` bytes each."""
    batch: list[Line] = []
    size = 0
    for line in lines:
        batch.append(line)
        size += len(line.text)
        if len(batch) == BATCH or size > BATCH_BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _take_in(house: House, batch: list[Line], done: Imported, before: ImportProgress) -> ImportProgress:
    """One batch, then how far we are: dying in between repeats the batch, which is harmless."""
    vocabulary, now = house.outside.rules().vocabulary, house.outside.clock.now()
    items = [
        (line, item) for line in batch if (item := _checked(line, vocabulary, now, done.name)) is not None
    ]
    done.counts["left_to_time"] += len(batch) - len(items)
    answers = take_checked(house.outside, [item for _, item in items])
    done.counts.update(answer.outcome for answer in answers)
    bad = [(line, answer) for (line, _), answer in zip(items, answers, strict=True) if _is_bad(answer)]
    if bad:
        _keep_bad(done, bad)
    after = replace(
        before,
        offset=batch[-1].end,
        accepted=before.accepted + sum(answer.outcome == "accepted" for answer in answers),
        bad=before.bad + len(bad),
    )
    _keep(house, after)
    return after


def _is_bad(answer: Answer) -> bool:
    return answer.outcome == "quarantined"


def _checked(line: Line, vocabulary: Vocabulary, now: datetime, name: str) -> Incoming | Rejected | None:
    """None for what time makes by itself. Our own types are welcome: the past has them, too."""
    raw = parsed(line)
    if isinstance(raw, str):
        return Rejected(f"file:{name}", f"line {line.number}", "", (raw,), _text(line))
    if left_to_time(raw, vocabulary):
        return None
    return check(raw, vocabulary, now, internal=True)


def _text(line: Line) -> str:
    return line.text[:_SHOWN].decode("utf-8", "replace")


def _keep(house: House, progress: ImportProgress) -> None:
    house.database.retrying(lambda unit: unit.save_import_progress(progress))


def _keep_bad(done: Imported, bad: Iterable[tuple[Line, Answer]]) -> None:
    assert done.bad_file is not None
    with done.bad_file.open("ab") as file:
        for line, answer in bad:
            file.write(orjson.dumps(_bad_row(done.name, line, answer)) + b"\n")


def _forget_bad(done: Imported) -> None:
    """Drop the rows of lines that are about to be read again."""
    file = done.bad_file
    if file is None or not file.exists():
        return
    again = file.with_name(file.name + ".part")
    with file.open("rb") as old, again.open("wb") as kept:
        kept.writelines(row for row in old if not _is_read_again(row, done))
    again.replace(file)
    if not file.stat().st_size:
        file.unlink()


def _is_read_again(row: bytes, done: Imported) -> bool:
    try:
        said = orjson.loads(row)
    except orjson.JSONDecodeError:  # cut off in the middle of writing
        return True
    return bool(said.get("file") == done.name and said.get("line", 0) > done.resumed_at)


def _bad_row(name: str, line: Line, answer: Answer) -> Mapping[str, Any]:
    raw = parsed(line)
    whole = {"text": _text(line)} if isinstance(raw, str) else {"event": raw}
    return {"file": name, "line": line.number, "reasons": list(answer.reasons), **whole}


# -- the progress bar ------------------------------------------------------------------------------


def _bar(path: Path) -> AbstractContextManager[Any]:
    """Gives ``shown(offset, lines)``. Only on a terminal; a gzip's plain size is not known beforehand."""
    console = Console(stderr=True)
    if not console.is_terminal:
        return nullcontext(lambda offset, lines: None)
    return _Bar(path, console)


class _Bar:
    def __init__(self, path: Path, console: Console) -> None:
        with path.open("rb") as file:
            plain = file.read(2) != b"\x1f\x8b"
        self._progress = Progress(
            TextColumn("{task.description}"), BarColumn(), TextColumn("{task.percentage:3.0f}%"),
            TextColumn("{task.fields[lines]:,} events, {task.fields[rate]:,.0f} a second"),
            TimeElapsedColumn(), TimeRemainingColumn(), console=console, transient=True,
        )  # fmt: skip
        total = path.stat().st_size if plain else None
        self._task = self._progress.add_task(path.name, total=total, lines=0, rate=0.0)
        self._started = time.monotonic()

    def __enter__(self) -> Any:
        self._progress.start()
        return self._show

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def _show(self, offset: int, lines: int) -> None:
        rate = lines / max(time.monotonic() - self._started, 0.001)
        self._progress.update(self._task, completed=offset, lines=lines, rate=rate)

"""Houses to import into, replay in and look over: real playbooks, a database of one's own, a set clock."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import orjson

from outreach.assemble import House, TimeOrderedIds, keyed_hash, make_outside
from outreach.channels.null import RecordingSender
from outreach.domain.evaluate import Ruleset
from outreach.domain.facts import Channel
from outreach.lab.backtest_played import Touched
from outreach.lab.scratch import Scratch, VirtualClock
from outreach.library.loader import Library
from outreach.service.ports import Clock
from outreach.settings import Settings, load_settings
from outreach.store.codec import instant
from outreach.store.engine import open_database
from outreach.ways import ways_out

ROOT = Path(__file__).resolve().parents[2]
NOW = datetime(2026, 3, 4, 9, 0, tzinfo=UTC)
"""A Wednesday."""


@cache
def library() -> Library:
    found = Library(ROOT)
    found.current()
    return found


def rules() -> Ruleset:
    return library().current()


def settings_in(folder: Path) -> Settings:
    return load_settings({"OUTREACH_DATA_DIR": str(folder / "data"), "OUTREACH_ROOT": str(ROOT)}, folder)


def house_in(folder: Path, clock: Clock | None = None) -> House:
    """Opens what is in the folder; makes it when there is nothing yet."""
    settings = settings_in(folder)
    hashed = keyed_hash(b"test")
    database = open_database(settings.database_url, endpoint_hash=hashed, durable=False, create=True)
    sender = RecordingSender()
    senders = {Channel.EMAIL: sender, Channel.SMS: sender}
    clock = clock or VirtualClock(NOW)
    outside = make_outside(database, rules, clock, TimeOrderedIds(), senders, hashed)
    return House(settings, database, library(), outside, ways_out(settings, clock))


def line(type_: str, subject: str, time: datetime, id_: str, **data: Any) -> dict[str, Any]:
    return {
        "specversion": "1.0", "id": id_, "source": "erp", "type": type_, "subject": subject,
        "time": time.isoformat(), "data": data,
    }  # fmt: skip


def write_lines(path: Path, *events: Mapping[str, Any] | bytes) -> Path:
    """JSON Lines; bytes are written as they are."""
    rows = [event if isinstance(event, bytes) else orjson.dumps(event) + b"\n" for event in events]
    path.write_bytes(b"".join(rows))
    return path


def count(house: House, rest: str) -> int:
    with house.database.view() as unit:
        return int(unit.bulk.rows(f"select count(*) from {rest}")[0][0])


def touches_of(house: Scratch) -> list[Touched]:
    """Everything that was laid there, as a backtest would tell it."""
    with house.database.view() as unit:
        rows = unit.bulk.rows(
            "select t.account, r.playbook, r.key, t.step, t.attempt, t.round, t.channel, coalesce(t.caller, a.owner, ''),"
            " t.due, t.status, t.because from touch t join run r on r.id = t.run join account a on a.id = t.account"
        )
    return sorted(Touched(*row[:8], instant(row[8]), *row[9:]) for row in rows)

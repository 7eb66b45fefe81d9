"""The history that is stored, as it would come in again."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy.engine import make_url

from outreach.domain.errors import Refused
from outreach.domain.facts import CLOCK_SOURCE, Event
from outreach.lab.player import Arrival
from outreach.store.engine import Store, open_database
from outreach.store.unit import StoreUnit

TOO_LATE = timedelta(days=7)
"""What was learnt so long after it happened came with an import: it is played as if it had been known in time."""


@contextmanager
def reading(url: str, endpoint_hash: Callable[[str, str], str] | None = None) -> Iterator[Store]:
    """The house's own database without the house: no provider is set up beside it, and the database itself refuses every
    change. ``endpoint_hash``: the house's own, for whoever asks about endpoints. Raises Refused where nothing is stored."""
    given = make_url(url)
    if given.get_backend_name() == "sqlite" and not Path(given.database or "").is_file():
        raise Refused("No history is stored here. Take one in first: outreach import history.jsonl")
    store = open_database(url, endpoint_hash=endpoint_hash, read_only=True)
    try:
        yield store
    finally:
        store.close()


def arrivals_of(unit: StoreUnit, subjects: Iterable[str], until: datetime) -> list[Arrival]:
    """In order of arrival; without what time makes, and what was taken back."""
    found = []
    for subject in subjects:
        for event in unit.events_of(subject):
            at = event.arrived if event.arrived - event.time <= TOO_LATE else event.time
            if event.source != CLOCK_SOURCE and not event.retracted and at <= until:
                found.append(Arrival(at, _raw(event)))
    return sorted(found, key=lambda arrival: arrival.at)


def _raw(event: Event) -> dict[str, Any]:
    order = {"sequence": event.sequence} if event.sequence else {}
    return {
        "specversion": "1.0", "id": event.id, "source": event.source, "type": event.type, "subject": event.subject,
        "time": event.time.isoformat(), "data": dict(event.data), **order,
    }  # fmt: skip

"""The history that is stored, as it would come in again."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from outreach.domain.facts import CLOCK_SOURCE, Event
from outreach.lab.player import Arrival
from outreach.store.unit import StoreUnit

TOO_LATE = timedelta(days=7)
"""What was learnt so long after it happened came with an import: it is played as if it had been known in time."""


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

"""What a look over the house begins with: what is due, what came long ago, which runs stand still."""

from __future__ import annotations

from datetime import datetime

from outreach.service.checkup import Standing
from outreach.store.codec import from_json
from outreach.store.runs import RUN
from outreach.store.unit import StoreUnit
from outreach.store.views_ops import counts
from outreach.store.views_waiting import first_due

MOST_STILL = 1000
"""Runs that are looked at one by one."""
_STILL = (
    "where state = 'open' and wake_at is null and not exists (select 1 from touch t where t.run = run.id"
    " and t.status in ('planned', 'due', 'draft', 'sending', 'unknown', 'on_desk')) order by id limit ?"
)


def standing(unit: StoreUnit, now: datetime) -> Standing:
    return Standing(
        now=now,
        counts=counts(unit, now),
        waits=first_due(unit),
        oldest_parked=_oldest_parked(unit),
        still=tuple(unit.bulk.all(RUN, _STILL, MOST_STILL)),
    )


def _oldest_parked(unit: StoreUnit) -> datetime | None:
    rows = unit.bulk.rows("select event from parked where reason = 'unknown_account' order by id limit 1")
    return datetime.fromisoformat(from_json(rows[0][0])["arrived"]) if rows else None

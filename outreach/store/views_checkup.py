"""What a look over the house begins with: what is due, what came long ago, which runs stand still."""

from __future__ import annotations

from datetime import datetime, timedelta

from outreach.service.checkup import Standing
from outreach.service.sweep import STUCK_AFTER
from outreach.store.codec import from_json, instant
from outreach.store.runs import RUN
from outreach.store.unit import StoreUnit
from outreach.store.views_ops import counts

MOST_STILL = 1000
"""Runs that are looked at one by one."""
_MICROSECOND = timedelta(microseconds=1)
_NEXT_DUE = """
    select min(t) from (
        select min("at") t from due
        union all select min(wake_at) from run where state = 'open'
        union all select min(due) from touch where status in ('planned', 'due')
        union all select min(intent_at) + ? from touch where status = 'sending'
        union all select min("until") from parked
        union all select min(due) from said
        union all select min(m.due) from missed m join playbook_state s on s.playbook = m.playbook
            where s.state not in ('paused', 'disabled')
        union all select min(b."at") from blast b join run r on r.playbook = b.playbook and r.blast = b.nth
            where b.state = 'refused' and r.state = 'open'
        union all select min("until") from hold where ended_at is null
        union all select min(at_most_until) from hold where ended_at is null
    ) w
"""
_STILL = (
    "where state = 'open' and wake_at is null and not exists (select 1 from touch t where t.run = run.id"
    " and t.status in ('planned', 'due', 'draft', 'sending', 'unknown', 'on_desk')) order by id limit ?"
)


def standing(unit: StoreUnit, now: datetime) -> Standing:
    return Standing(
        now=now,
        counts=counts(unit, now),
        waits=next_due(unit),
        oldest_parked=_oldest_parked(unit),
        still=tuple(unit.bulk.all(RUN, _STILL, MOST_STILL)),
    )


def next_due(unit: StoreUnit) -> datetime | None:
    """The earliest instant for which a row waits, past ones included."""
    (row,) = unit.bulk.rows(_NEXT_DUE, STUCK_AFTER // _MICROSECOND + 1)
    return None if row[0] is None else instant(row[0])


def _oldest_parked(unit: StoreUnit) -> datetime | None:
    rows = unit.bulk.rows("select event from parked where reason = 'unknown_account' order by id limit 1")
    return datetime.fromisoformat(from_json(rows[0][0])["arrived"]) if rows else None

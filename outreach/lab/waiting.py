"""What waits in a store, for which work of a tick, and until when."""

from __future__ import annotations

from datetime import datetime, timedelta

from outreach.service import sweep
from outreach.store.codec import instant, micros
from outreach.store.unit import StoreUnit

_STUCK = sweep.STUCK_AFTER // timedelta(microseconds=1) + 1
_UNTIL = {
    "said": "select min(due) t from said",
    "parked": 'select min("until") t from parked',
    "events": 'select min("at") t from due',
    "woken": "select min(wake_at) t from run where state = 'open'",
    "touches": "select min(due) t from touch where status in ('planned', 'due')",
    "stuck": f"select min(intent_at) + {_STUCK} t from touch where status = 'sending'",
    "holds": 'select min(t) t from (select min("until") t from hold where ended_at is null'
    " union all select min(at_most_until) from hold where ended_at is null) h",
}
"""Work → the earliest instant for which it has a row, past ones included."""
_FIRST = f"select min(t) from ({' union all '.join(_UNTIL.values())}) w"


def first_due(unit: StoreUnit) -> datetime | None:
    ((at,),) = unit.bulk.rows(_FIRST)
    return None if at is None else instant(at)


def has_due(unit: StoreUnit, work: str, now: datetime) -> bool:
    """Never for what waits for nothing, such as calls through a telephone that is not there."""
    if work not in _UNTIL:
        return False
    ((at,),) = unit.bulk.rows(_UNTIL[work])
    return at is not None and at <= micros(now)

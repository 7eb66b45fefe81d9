"""What waits in a store, for which work of a tick, and until when."""

from __future__ import annotations

from datetime import datetime, timedelta

from outreach.domain.plan import SILENT
from outreach.service import sweep
from outreach.store.codec import instant_or_none, micros
from outreach.store.columns import is_in
from outreach.store.publishing import OVER
from outreach.store.unit import StoreUnit

_STUCK = sweep.STUCK_AFTER // timedelta(microseconds=1) + 1
_UNTIL = {
    "said": "select min(due) from said",
    "parked": 'select min("until") from parked',
    "events": 'select min("at") from due',
    "missed": "select min(m.due) from missed m join playbook_state s on s.playbook = m.playbook"
    f" where not ({is_in('s.state', *SILENT)})",
    "over": 'select min("at") from (select min(b."at") "at" from blast b join run r on r.playbook = b.playbook and r.blast = b.nth'
    f" where b.state = 'refused' and r.state = 'open' union all select min(d.\"at\") {OVER}) o",
    "woken": "select min(wake_at) from run where state = 'open'",
    "touches": "select min(due) from touch where status in ('planned', 'due')",
    "stuck": f"select min(intent_at) + {_STUCK} from touch where status = 'sending'",
    "holds": 'select min(t) from (select min("until") t from hold where ended_at is null'
    " union all select min(at_most_until) from hold where ended_at is null) h",
}
"""Work → the earliest instant for which it has a row, past ones included. A telephone is not among them: where there is
none, nothing waits for it."""
_ALL = f"select {', '.join(f'({statement})' for statement in _UNTIL.values())}"


def first_due(unit: StoreUnit) -> datetime | None:
    (found,) = unit.bulk.rows(_ALL)
    first = min((at for at in found if at is not None), default=None)
    return instant_or_none(first)


def has_due(unit: StoreUnit, now: datetime) -> set[str]:
    """The works that have something to do now."""
    (found,) = unit.bulk.rows(_ALL)
    return {name for name, at in zip(_UNTIL, found, strict=True) if at is not None and at <= micros(now)}

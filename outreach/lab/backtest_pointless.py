"""Which calls those who made them said to be pointless, when the same history was lived through."""

from __future__ import annotations

from outreach.service.desk import POINTLESS_CALL
from outreach.store.unit import StoreUnit

Matters = frozenset[tuple[str, str]]
"""Account and key: what a call was about, whichever playbook laid it."""


def marked(unit: StoreUnit) -> Matters:
    said = unit.bulk.rows(
        "select why from audit where what = ? and subject like 'playbook/%'", POINTLESS_CALL
    )
    touches = {why.rpartition("touch/")[2] for (why,) in said}
    rows = unit.bulk.rows(_MATTERS + unit.bulk.one_of("t.id"), unit.bulk.keys(touches)) if touches else ()
    return frozenset((account, key) for account, key in rows)


_MATTERS = "select t.account, r.key from touch t join run r on r.id = t.run where "

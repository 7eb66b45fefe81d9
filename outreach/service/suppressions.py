"""Whom a provider does not write to any more, fetched from its lists: what the webhook missed counts, too."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from outreach.service.ports import Outside, Unit
from outreach.service.ports_traffic import Pushed
from outreach.service.ports_ways import Suppressed
from outreach.service.providers import leave
from outreach.service.pushing import OURS

EVERY = timedelta(minutes=10)
OVERLAP = timedelta(minutes=10)
"""Lists lag, and clocks differ."""
FIRST_LOOK = timedelta(days=365)
_LAST = "suppressions_pulled"


def pull_suppressions(outside: Outside) -> int:
    """Every ten minutes; gives how many were new to us. Raises Unavailable; the next round asks from the same
    instant. An address that is on a group's list by our own doing is nobody's word."""
    if outside.lists is None:
        return 0
    now = outside.clock.now()
    with outside.database.view() as unit:
        kept = unit.setting(_LAST)
    last = datetime.fromisoformat(kept) if kept else now - FIRST_LOOK
    if kept and now - last < EVERY:
        return 0
    found = outside.lists.suppressed_since(last - OVERLAP)
    with outside.database.view() as unit:
        ours = _ours(unit, {row.group for row in found if row.group})
    new = sum(leave(outside, row) == "left" for row in found if not _is_ours(outside, row, ours))
    outside.database.retrying(lambda unit: unit.set_setting(_LAST, now.isoformat()))
    return new


def _ours(unit: Unit, groups: set[str]) -> dict[tuple[str, str], Pushed]:
    return {(group, row.hash): row for group in groups for row in unit.pushed(f"sendgrid/{group}")}


def _is_ours(outside: Outside, row: Suppressed, ours: Mapping[tuple[str, str], Pushed]) -> bool:
    """A list may still show what we took off a moment ago; what was put there later is their own word."""
    pushed = ours.get((row.group, outside.endpoint_hash("email", row.address))) if row.group else None
    if pushed is None:
        return False
    return pushed.state in OURS or (pushed.state == "out" and row.at <= pushed.at)

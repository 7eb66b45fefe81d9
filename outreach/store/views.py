"""What pages show, shaped for them: read-only, one statement for a whole list, frozen rows.

Every function takes an open view (``Store.view()``). Lists are bounded; nothing here is locked.
"""

from __future__ import annotations

from typing import Any

from outreach.domain.sight import Sight
from outreach.store.unit import StoreUnit

OPEN_FAILURE = "f.state in ('open', 'reached')"


def seen_by(unit: StoreUnit, sight: Sight, *theirs: str, a: str = "a") -> tuple[str, list[Any]]:
    """The accounts ``a`` that a colleague may see, as more of a ``where``: what ``Sight.sees`` says. ``theirs``: columns
    with the name of somebody who has a part in the row."""
    if sight.everything:
        return "", []
    names = (f"{a}.owner", *theirs)
    named = " or ".join(unit.bulk.one_of(name) for name in names)
    seen = f" and (({a}.owner is null and {a}.team is null) or {a}.team = ? or {named})"
    return seen, [sight.team or "", *[unit.bulk.keys(sorted(sight.names))] * len(names)]


def count(unit: StoreUnit, rest: str, *values: Any) -> int:
    return int(unit.bulk.rows(f"select count(*) from {rest}", *values)[0][0])

"""What those who watch the house count: what is open, and what has ended since they last looked.

Everything is found by index, so what is open bounds what a look costs, and history does not.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from outreach.domain.failure import FailureState
from outreach.domain.touch import Status
from outreach.store.codec import LATEST, from_json, instant, micros
from outreach.store.columns import is_in
from outreach.store.unit import StoreUnit
from outreach.store.views import OPEN_FAILURE, count
from outreach.store.views_board import count_unmatched

_TOUCHES = "select t.channel, r.playbook, t.status, t.because, t.settlement"
_WITH_RUN = "from touch t join run r on r.id = t.run"
_PER_TOUCH = "group by t.channel, r.playbook, t.status, t.because, t.settlement"
_OPEN_TOUCHES = (  # each has a partial index, which is taken only where its very words stand
    ("due", is_in("status", Status.PLANNED, Status.DUE)),
    ("intent_at", is_in("status", Status.SENDING)),
    ("intent_at", is_in("status", Status.UNKNOWN)),
    ("due", is_in("status", Status.ON_DESK, Status.DRAFT)),
)
_OPEN_RUNS = (  # in halves, so that SQLite takes the partial index and not the one that groups
    "select playbook, count(*) from (select playbook from run where state = 'open' and wake_at <= ?"
    " union all select playbook from run where state = 'open' and wake_at is null) n group by playbook"
)
_AT_FAULT = 12
"""Characters of a quarantine's reason that say what is wrong: ``type: …``, ``data.amount: …``."""


class Touched(NamedTuple):
    channel: str
    playbook: str
    status: str
    reason: str
    """Why it waits or ended; of a call that has left the desk, how. Empty: its playbook alone is the reason."""


@dataclass(frozen=True, slots=True)
class Standing:
    """What is open right now."""

    touches: Mapping[Touched, int]
    runs: Mapping[str, int]
    """Playbook → how many are under way."""
    failures: Mapping[tuple[str, str], int]
    """(kind, open or reached) → how many."""
    climbed: Mapping[int, int]
    """1, 2 or 4 times the hour within which somebody is to be reached → failures that are past it."""
    unreached: int
    unmatched: int
    owed: int
    holds: Mapping[str, int]
    """Purpose → holds that withhold it."""
    parked: Mapping[str, int]
    quarantined: Mapping[str, int]
    """The part of the event that was wrong → how many nobody has dealt with."""
    calls_overdue: int
    due: int
    oldest: Mapping[str, datetime | None]
    """touches, events, runs, unknown → since when the first of them is due, or in doubt."""


def standing(unit: StoreUnit, now: datetime) -> Standing:
    touches, failures = _open_touches(unit), _open_failures(unit)
    unreached = [row for row in failures if row[1] == FailureState.OPEN and not row[3]]
    return Standing(
        touches=touches,
        runs=_summed(unit.bulk.rows(_OPEN_RUNS, LATEST)),
        failures=_summed(((kind, state), n) for kind, state, _, _, n in failures),
        climbed=_summed((climbed, n) for _, _, climbed, _, n in unreached if climbed),
        unreached=sum(row[4] for row in unreached),
        unmatched=count_unmatched(unit),
        owed=sum(row[4] for row in failures if row[3]),
        holds=_open_holds(unit),
        parked=_summed(unit.bulk.rows("select reason, count(*) from parked group by reason")),
        quarantined=_quarantined(unit),
        calls_overdue=count(
            unit, "touch where status in ('on_desk', 'draft') and due <= ? and status = 'on_desk'"
            " and card is not null and deadline < ?", LATEST, micros(now)),
        due=count(unit, "touch where status in ('planned', 'due') and due <= ?", micros(now)),
        oldest={name: _oldest(unit, *where) for name, where in _OLDEST.items()},
    )  # fmt: skip


_OLDEST = {
    "touches": ("due", "touch", "status in ('planned', 'due')"),
    "events": ("at", "due", "true"),
    "runs": ("wake_at", "run", "state = 'open' and wake_at is not null"),
    "unknown": ("intent_at", "touch", "status = 'unknown'"),
}


def _oldest(unit: StoreUnit, column: str, table: str, where: str) -> datetime | None:
    rows = unit.bulk.rows(f'select "{column}" from {table} where {where} order by "{column}" limit 1')
    return instant(rows[0][0]) if rows and rows[0][0] is not None else None


def _summed(rows: Iterable[Any]) -> Counter[Any]:
    found: Counter[Any] = Counter()
    for key, number in rows:
        found[key] += number
    return found


def _open_touches(unit: StoreUnit) -> Counter[Touched]:
    found: Counter[Touched] = Counter()
    for column, where in _OPEN_TOUCHES:
        statement = f"{_TOUCHES}, count(*) {_WITH_RUN} where t.{where} and t.{column} <= ? {_PER_TOUCH}"
        found += _summed((_touched(row), row[-1]) for row in unit.bulk.rows(statement, LATEST))
    return found


def _touched(row: Sequence[Any]) -> Touched:
    channel, playbook, status, because, settlement = row[:5]
    reason = settlement or because
    return Touched(channel, playbook, status, "" if reason == playbook else reason)


def _open_failures(unit: StoreUnit) -> Sequence[Sequence[Any]]:
    """(kind, state, climbed, owed, how many)."""
    return unit.bulk.rows(
        f"select f.kind, f.state, f.climbed, f.owed, count(*) from failure f where {OPEN_FAILURE}"
        " group by f.kind, f.state, f.climbed, f.owed"
    )


def _open_holds(unit: StoreUnit) -> Counter[str]:
    rows = unit.bulk.rows(
        "select purposes, count(*) from hold where ended_at is null and at_most_until <= ? group by purposes",
        LATEST,
    )
    return _summed((purpose, number) for purposes, number in rows for purpose in from_json(purposes))


def _quarantined(unit: StoreUnit) -> Counter[str]:
    """A reason may quote what came in; only the name of the part that was wrong is taken of it."""
    rows = unit.bulk.rows(
        f"select substr(reasons, 1, {_AT_FAULT}), count(*) from quarantine where status = 'open' and \"at\" <= ?"
        f" group by substr(reasons, 1, {_AT_FAULT})", LATEST,
    )  # fmt: skip
    return _summed((_part(reason), number) for reason, number in rows)


def _part(reason: str) -> str:
    part = reason.partition(":")[0].partition(".")[0]
    return part if part in ("id", "source", "type", "subject", "time", "data", "sequence") else "other"


# -- what has come to an end ---------------------------------------------------------------------------


class Ended(NamedTuple):
    """Of one kind of touch: how many ended, and how long after their time those left that were sent."""

    touched: Touched
    number: int
    late_seconds: float


def ended_touches(unit: StoreUnit, after: datetime, until: datetime) -> list[Ended]:
    """What ended later than ``after`` and not later than ``until``."""
    rows = unit.bulk.rows(
        f"{_TOUCHES}, count(*), coalesce(sum(t.sent_at - t.due), 0) {_WITH_RUN}"
        f" where t.ended_at is not null and t.ended_at > ? and t.ended_at <= ? {_PER_TOUCH}",
        micros(after), micros(until),
    )  # fmt: skip
    return [Ended(_touched(row), row[5], float(row[6]) / 1e6) for row in rows]


def decisions_until(unit: StoreUnit, before: datetime) -> int:
    """The place after which decisions begin that were made then or later; walks back from the newest."""
    rows = unit.bulk.rows('select seq from decision where "at" < ? order by seq desc limit 1', micros(before))
    return int(rows[0][0]) if rows else 0


def decisions_between(
    unit: StoreUnit, after: int, until: datetime
) -> tuple[Mapping[tuple[str, str], int], int]:
    """(playbook, outcome) → how many, up to the first that is younger than ``until``; and the place reached.

    A run is counted when it starts, and not again when a late event has its account told anew. Places are given before the commit. What is younger may still have an elder beside it that nobody sees yet."""
    newer = unit.bulk.rows('select min(seq) from decision where seq > ? and "at" > ?', after, micros(until))
    newest = unit.bulk.rows("select max(seq) from decision where seq > ?", after)
    to = (newer[0][0] - 1) if newer[0][0] is not None else (newest[0][0] or after)
    rows = unit.bulk.rows(
        "select d.playbook, d.outcome, coalesce(r.shadow, false), count(*) from decision d left join run r on r.id = d.run"
        " where d.seq > ? and d.seq <= ? and (d.run is null or not exists (select 1 from decision e"
        " where e.account = d.account and e.run = d.run and e.seq < d.seq)) group by d.playbook, d.outcome, coalesce(r.shadow, false)", after, to,
    )  # fmt: skip
    started = _summed(
        ((playbook, "shadow" if shadow and outcome == "started" else outcome), n)
        for playbook, outcome, shadow, n in rows
    )
    return started, int(to)

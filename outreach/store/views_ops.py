"""What the pages of ops show: numbers, playbooks' states, quarantine, holds, what nobody is sure about."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from outreach.domain.touch import Touch
from outreach.service.checkup import Counts
from outreach.service.ports_events import Quarantined
from outreach.service.ports_records import AuditRow
from outreach.service.quarantine import Which
from outreach.service.staff import name_of
from outreach.store.bulk import as_pattern, quoted
from outreach.store.codec import from_json, instant, instant_or_none, micros
from outreach.store.events import QUARANTINED, waiting_in_quarantine
from outreach.store.runs import TOUCH
from outreach.store.unit import StoreUnit
from outreach.store.views import OPEN_FAILURE, count
from outreach.store.views_board import count_owed, count_unmatched, count_unreached


def counts(unit: StoreUnit, now: datetime) -> Counts:
    at = micros(now)
    return Counts(
        due=count(unit, "touch where status in ('planned', 'due') and due <= ?", at),
        overdue_calls=count(unit, "touch where status = 'on_desk' and card is not null and deadline < ?", at),
        open_runs=count(unit, "run where state = 'open'"),
        open_failures=count(unit, f"failure f where {OPEN_FAILURE}"),
        unreached=count_unreached(unit),
        unmatched=count_unmatched(unit),
        owed=count_owed(unit),
        quarantined=count(unit, "quarantine where status = 'open'"),
        parked=count(unit, "parked"),
        holds=count(unit, "hold where ended_at is null"),
    )


def parked_by_reason(unit: StoreUnit) -> dict[str, int]:
    return {row[0]: row[1] for row in unit.bulk.rows("select reason, count(*) from parked group by reason")}


@dataclass(frozen=True, slots=True)
class PlaybookState:
    """What ops last said about a playbook."""

    state: str
    percent: int
    by: str
    reason: str
    at: datetime


def playbook_states(unit: StoreUnit) -> dict[str, PlaybookState]:
    rows = unit.bulk.rows('select playbook, state, percent, "by", reason, "at" from playbook_state')
    return {
        name: PlaybookState(state, percent, by, reason, instant(at))
        for name, state, percent, by, reason, at in rows
    }


def open_runs_by_playbook(unit: StoreUnit) -> dict[str, int]:
    rows = unit.bulk.rows("select playbook, count(*) from run where state = 'open' group by playbook")
    return {row[0]: row[1] for row in rows}


def quarantined(unit: StoreUnit, which: Which, limit: int = 50, offset: int = 0) -> list[Quarantined]:
    """Those that nobody has dealt with, newest first."""
    where, values = waiting_in_quarantine(which.type, which.source, which.about)
    return unit.bulk.all(
        QUARANTINED, f'where {where} order by "at" desc, id desc limit ? offset ?', *values, limit, offset
    )


MOST_COUNTED = 10_000


def quarantine_by_reason(unit: StoreUnit) -> list[tuple[str, str, int]]:
    """(first reason, type, how many) of what waits in quarantine, the most first."""
    rows = unit.bulk.rows(
        "select reasons, type, count(*) from quarantine where status = 'open' group by reasons, type limit ?",
        MOST_COUNTED,
    )
    found: Counter[tuple[str, str]] = Counter()
    for reasons, type_, many in rows:
        found[reasons.partition("\n")[0], type_] += many
    return [(reason, type_, many) for (reason, type_), many in found.most_common()]


@dataclass(frozen=True, slots=True)
class HoldRow:
    id: str
    account: str
    account_name: str
    scope: str
    purposes: tuple[str, ...]
    because: str
    """The playbook."""
    since: datetime
    until: datetime | None
    """Known once it is put right: the cool-off runs."""
    at_most_until: datetime
    failure: str | None
    run: str
    run_ended: str
    """Why its run ended; empty while it is open."""
    failure_state: str | None
    """Of its failure; None where it is about none."""

    @property
    def ends(self) -> datetime:
        return min(self.until or self.at_most_until, self.at_most_until)


@dataclass(frozen=True, slots=True)
class HoldsAsked:
    """Which holds somebody wants to see; empty: all."""

    purpose: str = ""
    playbook: str = ""
    accounts: tuple[str, ...] = ()
    newest: bool = False
    """Those first that began last; else those that end first."""


def open_holds(unit: StoreUnit, asked: HoldsAsked, limit: int = 50, offset: int = 0) -> list[HoldRow]:
    where, values = _holds_where(unit, asked)
    order = "h.since desc, h.id desc" if asked.newest else "coalesce(h.until, h.at_most_until), h.id"
    rows = unit.bulk.rows(
        "select h.id, h.account, coalesce(a.name, h.account), h.scope, h.purposes, h.because, h.since, h.until,"
        f" h.at_most_until, r.failure, h.run, coalesce(r.end_reason, ''), f.state {where} order by {order} limit ? offset ?",
        *values, limit, offset,
    )  # fmt: skip
    return [
        HoldRow(
            row[0], row[1], row[2], row[3], tuple(from_json(row[4])), row[5], instant(row[6]),
            instant_or_none(row[7]), instant(row[8]), *row[9:13],
        )
        for row in rows
    ]  # fmt: skip


def count_holds(unit: StoreUnit, asked: HoldsAsked) -> int:
    where, values = _holds_where(unit, asked)
    return int(unit.bulk.rows(f"select count(*) {where}", *values)[0][0])


def held_because(unit: StoreUnit) -> list[str]:
    """The playbooks that withhold something now."""
    return [
        row[0]
        for row in unit.bulk.rows("select distinct because from hold where ended_at is null order by because")
    ]


def _holds_where(unit: StoreUnit, asked: HoldsAsked) -> tuple[str, list[Any]]:
    where = "from hold h left join account a on a.id = h.account left join run r on r.id = h.run"
    where += " left join failure f on f.account = h.account and f.id = r.failure where h.ended_at is null"
    values: list[Any] = []
    if asked.purpose:
        where += " and h.purposes like ? escape '\\'"
        values.append(f'%"{as_pattern(asked.purpose)}"%')
    if asked.playbook:
        where += " and h.because = ?"
        values.append(asked.playbook)
    if asked.accounts:
        where += f" and {unit.bulk.one_of('h.account')}"
        values.append(unit.bulk.keys(asked.accounts))
    return where, values


def unknown_touches(unit: StoreUnit, limit: int = 50) -> list[tuple[Touch, str]]:
    """Nobody knows whether they left; oldest first, with the account's name."""
    names = ", ".join(f"t.{quoted(name)}" for name in TOUCH.names)
    rows = unit.bulk.rows(
        f"select a.name, {names} from touch t join account a on a.id = t.account"
        " where t.status = 'unknown' order by t.intent_at, t.id limit ?",
        limit,
    )
    return [(made := TOUCH.made(row[1:]), row[0] or made.account) for row in rows]


def waiting_because(unit: StoreUnit, reasons: Sequence[str]) -> list[tuple[str, str, int]]:
    """(reason, sentence, how many) of what has not left yet, the most first."""
    return _because(unit, reasons, "status in ('planned', 'due')")


def withheld_because(unit: StoreUnit, reasons: Sequence[str], since: datetime) -> list[tuple[str, str, int]]:
    """(reason, sentence, how many) of what did not leave at all since then, the most first."""
    return _because(unit, reasons, "status = 'withheld' and ended_at >= ?", micros(since))


def _because(unit: StoreUnit, reasons: Sequence[str], where: str, *values: int) -> list[tuple[str, str, int]]:
    rows = unit.bulk.rows(
        f"select because, sentence, count(*) from touch where {where} and {unit.bulk.one_of('because')}"
        " group by because, sentence order by count(*) desc, sentence limit 50",
        *values, unit.bulk.keys(reasons),
    )  # fmt: skip
    return [(row[0], row[1], row[2]) for row in rows]


def called(unit: StoreUnit, text: str) -> list[str]:
    """The user names of colleagues whose name holds that part, or whose user name it is; else the text itself."""
    wanted = text.casefold()
    found = [
        name_of(user)
        for user in unit.users()
        if wanted in user.name.casefold() or wanted == name_of(user).casefold()
    ]
    return sorted(set(found)) or [text]


def audit_rows(
    unit: StoreUnit,
    limit: int = 50,
    offset: int = 0,
    *,
    who: Collection[str] = (),
    about: str = "",
    since: datetime | None = None,
    before: datetime | None = None,
) -> list[AuditRow]:
    """What people and the house did, newest first; of these alone, about what holds that part, from an instant on and up
    to another."""
    asked: list[tuple[str, Any]] = [
        (unit.bulk.one_of("who"), unit.bulk.keys(sorted(who)) if who else None),
        ("lower(subject) like ? escape '\\'", f"%{as_pattern(about.lower())}%" if about else None),
        ('"at" >= ?', None if since is None else micros(since)),
        ('"at" < ?', None if before is None else micros(before)),
    ]
    asked = [(condition, value) for condition, value in asked if value is not None]
    where = "where " + " and ".join(condition for condition, _ in asked) if asked else ""
    rows = unit.bulk.rows(
        f'select seq, "at", who, what, subject, why from audit {where} order by seq desc limit ? offset ?',
        *(value for _, value in asked), limit, offset,
    )  # fmt: skip
    return [AuditRow(row[0], instant(row[1]), *row[2:]) for row in rows]

"""What the pages of ops show: numbers, playbooks' states, quarantine, holds, what nobody is sure about."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from outreach.domain.touch import Touch
from outreach.service.ports import AuditRow, Quarantined
from outreach.store.bulk import quoted
from outreach.store.codec import from_json, instant, micros
from outreach.store.events import QUARANTINED
from outreach.store.runs import TOUCH
from outreach.store.unit import StoreUnit
from outreach.store.views import OPEN_FAILURE, count, count_owed, count_unmatched, count_unreached


@dataclass(frozen=True, slots=True)
class Counts:
    """How the house stands, as numbers."""

    touches: Mapping[str, int]
    due: int
    """Touches whose time has come and that wait for the clock."""
    overdue_calls: int
    open_runs: int
    open_failures: int
    unreached: int
    unmatched: int
    owed: int
    quarantined: int
    parked: int
    holds: int


def counts(unit: StoreUnit, now: datetime) -> Counts:
    by_status = unit.bulk.rows("select status, count(*) from touch group by status")
    at = micros(now)
    return Counts(
        touches={row[0]: row[1] for row in by_status},
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


def quarantined(unit: StoreUnit, limit: int = 50, offset: int = 0) -> list[Quarantined]:
    """Those that nobody has dealt with, newest first."""
    return unit.bulk.all(
        QUARANTINED, "where status = 'open' order by \"at\" desc, id desc limit ? offset ?", limit, offset
    )


def quarantined_one(unit: StoreUnit, id_: str) -> Quarantined | None:
    return unit.bulk.one(QUARANTINED, "where id = ?", id_)


@dataclass(frozen=True, slots=True)
class HoldRow:
    id: str
    account: str
    account_name: str
    scope: str
    purposes: tuple[str, ...]
    because: str
    since: datetime
    ends: datetime


def open_holds(unit: StoreUnit, limit: int = 50, offset: int = 0) -> list[HoldRow]:
    """Those that last longest come last."""
    rows = unit.bulk.rows(
        "select h.id, h.account, a.name, h.scope, h.purposes, h.because, h.since, h.at_most_until, h.until"
        " from hold h left join account a on a.id = h.account where h.ended_at is null"
        " order by coalesce(h.until, h.at_most_until), h.id limit ? offset ?",
        limit, offset,
    )  # fmt: skip
    return [
        HoldRow(
            row[0], row[1], row[2] or row[1], row[3], tuple(from_json(row[4])), row[5], instant(row[6]),
            instant(min(row[7], row[8] if row[8] is not None else row[7])),
        )
        for row in rows
    ]  # fmt: skip


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


def audit_rows(
    unit: StoreUnit, limit: int = 50, offset: int = 0, *, who: str = "", about: str = ""
) -> list[AuditRow]:
    """What people and the house did, newest first; of somebody alone, or about a subject."""
    wanted = {"who": who, "subject": about}
    where = " and ".join(f"{name} = ?" for name, value in wanted.items() if value)
    rows = unit.bulk.rows(
        f'select seq, "at", who, what, subject, why from audit {"where " + where if where else ""}'
        " order by seq desc limit ? offset ?",
        *(value for value in wanted.values() if value), limit, offset,
    )  # fmt: skip
    return [AuditRow(row[0], instant(row[1]), *row[2:]) for row in rows]

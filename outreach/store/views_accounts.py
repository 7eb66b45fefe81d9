"""An account's timeline, and accounts by name."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import NamedTuple

from outreach.domain.facts import Event
from outreach.domain.sight import Sight
from outreach.domain.touch import Touch
from outreach.service.ports_traffic import Attempt
from outreach.store.bulk import as_pattern, quoted
from outreach.store.codec import instant, micros
from outreach.store.events import _EVENT_SELECT, _event
from outreach.store.runs import TOUCH
from outreach.store.unit import StoreUnit
from outreach.store.views import seen_by


@dataclass(frozen=True, slots=True)
class Step:
    """One thing of a relationship: an event that happened, or a touch as it stands."""

    at: datetime
    event: Event | None = None
    touch: Touch | None = None
    attempt: Attempt | None = None
    """The newest attempt to send the touch."""

    @property
    def id(self) -> str:
        return self.event.ref if self.event else self.touch.id if self.touch else ""


def timeline(
    unit: StoreUnit, accounts: Collection[str], before: datetime | None, limit: int = 20
) -> list[Step]:
    """The whole relationship, newest first: what happened, what we did, what is planned. Only steps
    before ``before`` (exclusive), so that the last one's time is the next page's start."""
    end = 2**62 if before is None else micros(before)
    subjects = unit.bulk.keys(sorted(accounts))
    events = unit.bulk.rows(
        f"{_EVENT_SELECT} where {unit.bulk.one_of('e.subject')} and e.time < ? and not e.retracted"
        " order by e.time desc, e.source desc, e.id desc limit ?",
        subjects, end, limit,
    )  # fmt: skip
    names = ", ".join(f"t.{quoted(name)}" for name in TOUCH.names)
    when = "coalesce(t.sent_at, t.ended_at, t.due)"
    touches = unit.bulk.rows(
        f"select {when}, {names} from touch t where {unit.bulk.one_of('t.account')} and {when} < ?"
        f" order by {when} desc, t.id desc limit ?",
        subjects, end, limit,
    )  # fmt: skip
    steps = [Step(event.time, event=event) for event in map(_event, events)]
    steps += [Step(instant(row[0]), touch=TOUCH.made(row[1:])) for row in touches]
    newest = sorted(steps, key=lambda step: (step.at, step.id), reverse=True)[:limit]
    attempts = {a.touch: a for a in unit.attempts_of([step.touch.id for step in newest if step.touch])}
    return [replace(step, attempt=attempts.get(step.touch.id)) if step.touch else step for step in newest]


def open_cards_of(unit: StoreUnit, accounts: Collection[str]) -> list[tuple[str, str, str | None]]:
    """(card, account, who has it) of open cards with a line about these accounts."""
    if not accounts:
        return []
    rows = unit.bulk.rows(
        "select distinct c.id, t.account, c.claimed_by from card c join touch t on t.card = c.id"
        f" where c.state = 'open' and {unit.bulk.one_of('t.account')}"
        " and t.card is not null and t.status in ('on_desk', 'draft') order by c.id",
        unit.bulk.keys(sorted(accounts)),
    )
    return [(row[0], row[1], row[2]) for row in rows]


class AccountRow(NamedTuple):
    id: str
    name: str
    tier: str | None
    owner: str | None
    team: str | None


def accounts_named(unit: StoreUnit, ids: Iterable[str]) -> dict[str, AccountRow]:
    rows = unit.bulk.rows(
        f"select id, name, tier, owner, team from account where {unit.bulk.one_of('id')}",
        unit.bulk.keys(sorted(set(ids))),
    )
    return {row[0]: AccountRow(row[0], row[1] or row[0], *row[2:5]) for row in rows}


def accounts_like(unit: StoreUnit, sight: Sight, text: str, limit: int = 20) -> list[AccountRow]:
    """Accounts whose id is the text, or whose name holds it, whatever the case of its letters."""
    seen, values = seen_by(unit, sight)
    rows = unit.bulk.rows(
        "select a.id, a.name, a.tier, a.owner, a.team from account a where a.state is not null"
        f" and (a.id = ? or lower(a.name) like ? escape '\\'){seen} order by a.name, a.id limit ?",
        text.strip(), f"%{as_pattern(text.strip().lower())}%", *values, limit,
    )  # fmt: skip
    return [AccountRow(row[0], row[1] or row[0], *row[2:5]) for row in rows]

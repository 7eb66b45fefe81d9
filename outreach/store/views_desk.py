"""The day list as it is shown: cards, their lines, drafts."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from outreach.domain.facts import Channel, Purpose, Severity
from outreach.domain.sight import Sight
from outreach.domain.touch import Touch
from outreach.store.bulk import Row, as_pattern, quoted
from outreach.store.codec import instant, instant_or_none
from outreach.store.desk import ON_THE_DESK, SELLS
from outreach.store.runs import TOUCH
from outreach.store.unit import StoreUnit
from outreach.store.views import OPEN_FAILURE, seen_by


class DeskLine(NamedTuple):
    """One open reason to speak to somebody, with everything a list shows of it."""

    card: str
    identity: str
    claimed_by: str | None
    claimed_at: datetime | None
    snoozed_until: datetime | None
    handed_to: str | None
    note: str | None
    noted_by: str | None
    touch: str
    run: str
    account: str
    account_name: str
    tier: str | None
    owner: str | None
    team: str | None
    zone: str | None
    value: float | None
    channel: Channel
    purpose: Purpose
    due: datetime
    deadline: datetime | None
    caller: str | None
    person: str | None
    attempt: int
    text: str | None
    playbook: str
    trigger_type: str
    severity: Severity
    failure: str | None
    known_at: datetime | None
    nth: int | None
    first_order: bool
    broken: bool
    """Something of the account is still to be put right, so selling lines are locked."""

    @property
    def locked(self) -> bool:
        return self.purpose.sells and self.broken


class Glance(NamedTuple):
    """One open reason to speak to somebody, as far as it is found and ranked by: all of a large house's are read for
    each look at the desk, so it is lean."""

    card: str
    claimed_by: str | None
    snoozed_until: datetime | None
    handed_to: str | None
    owner: str | None
    team: str | None
    caller: str | None
    call: bool
    sells: bool
    severity: Severity
    deadline: datetime | None
    value: float | None
    known_at: datetime
    """Of its failure; else when it was due."""
    locked: bool
    """It sells, and something of the account is still to be put right."""
    playbook: str

    @property
    def due(self) -> datetime:
        return self.known_at


_GLANCES = f"""
select c.id, c.claimed_by, c.snoozed_until, c.handed_to, a.owner, a.team, t.caller, t.channel, t.purpose in ({SELLS}),
  r.severity, t.deadline, a.value, coalesce(b.known_at, t.due),
  t.purpose in ({SELLS}) and exists (select 1 from failure f where f.account = t.account and {OPEN_FAILURE}), r.playbook
{ON_THE_DESK}{{}}
"""

_GRADES = {grade.value: grade for grade in Severity}


def glances(unit: StoreUnit, sight: Sight) -> list[Glance]:
    """The lines of all open cards in which a colleague has a part, in no order."""
    seen, values = seen_by(unit, sight, "t.caller", "c.claimed_by", "c.handed_to")
    return [_glance(row) for row in unit.bulk.rows(_GLANCES.format(seen), *values)]


def _glance(row: Row) -> Glance:
    """Thousands of them for each look: nothing is converted that need not be."""
    (
        card,
        claimed,
        snoozed,
        handed,
        owner,
        team,
        caller,
        channel,
        sells,
        grade,
        ends,
        value,
        known,
        locked,
        playbook,
    ) = row
    return Glance(
        card, claimed, instant_or_none(snoozed), handed, owner, team, caller, channel == "call",
        sells == 1, _GRADES[grade], instant_or_none(ends), value, instant(known), locked == 1, playbook,
    )  # fmt: skip


_DESK_LINES = f"""
select c.id, c.identity, c.claimed_by, c.claimed_at, c.snoozed_until, c.handed_to, c.note, c.noted_by, t.id, t.run, t.account, a.name, a.tier, a.owner, a.team,
  a.zone, a.value, t.channel, t.purpose, t.due, t.deadline, t.caller, t.person, t.attempt, t.text,
  r.playbook, r.trigger_type, r.severity, r.failure, b.known_at, b.nth, b.first_order,
  exists (select 1 from failure f where f.account = t.account and {OPEN_FAILURE})
{ON_THE_DESK}{{}}
order by c.id, t.due, t.id
"""


def desk_lines(unit: StoreUnit, cards: Collection[str] | None = None) -> list[DeskLine]:
    """Every line of every open card, or of these; cards together, oldest line first."""
    if cards is None:
        return [_desk_line(row) for row in unit.bulk.rows(_DESK_LINES.format(""))]
    only = _DESK_LINES.format(f" and {unit.bulk.one_of('c.id')}")
    return [_desk_line(row) for row in unit.bulk.rows(only, unit.bulk.keys(sorted(cards)))]


def cards_like(unit: StoreUnit, text: str, limit: int = 500) -> list[str]:
    """Open cards of an account of that id, or where the name of an account, or something of a person, holds the text."""
    sought = f"%{as_pattern(text.strip().lower())}%"
    rows = unit.bulk.rows(
        "select distinct t.card from touch t join account a on a.id = t.account left join person p on p.id = t.person"
        " where t.status = 'on_desk' and t.card is not null and (a.id = ? or lower(a.name) like ? escape '\\'"
        " or lower(p.state) like ? escape '\\') order by t.card limit ?",
        text.strip(), sought, sought, limit,
    )  # fmt: skip
    return [row[0] for row in rows]


def _desk_line(row: Row) -> DeskLine:
    values = dict(zip(DeskLine._fields, row, strict=True))
    values |= {
        name: instant_or_none(values[name])
        for name in ("claimed_at", "snoozed_until", "due", "deadline", "known_at")
    }
    values |= {name: bool(values[name]) for name in ("first_order", "broken")}
    return DeskLine(**values)._replace(
        account_name=values["account_name"] or values["account"], channel=Channel(values["channel"]),
        purpose=Purpose(values["purpose"]), severity=Severity(values["severity"]),
    )  # fmt: skip


def desk_stamp(unit: StoreUnit) -> str:
    """Changes whenever the desk would look different: a line came or went, a card was claimed, a draft, a call."""
    lines = unit.bulk.rows(
        "select count(*), max(id), sum(attempt) from touch where status in ('on_desk', 'draft')"
    )[0]
    cards = unit.bulk.rows(
        "select count(*), count(claimed_by), max(claimed_at), max(snoozed_until), count(snoozed_until),"
        " count(handed_to) from card where state = 'open'"
    )[0]
    asks = unit.bulk.rows("select count(*), max(id) from ask where state = 'open'")[0]
    said = unit.bulk.rows("select count(*), max(due) from said")[0]
    calls = unit.bulk.rows(
        "select count(*), max(id), min(state), max(state), count(accepted_by) from phone_call where next_at is not null"
    )[0]
    return "-".join(str(part or 0) for part in (*lines, *cards, *asks, *said, *calls))


@dataclass(frozen=True, slots=True)
class Draft:
    """A mail or SMS that waits for its account manager to release it."""

    touch: Touch
    account_name: str
    owner: str | None
    team: str | None
    playbook: str


def drafts(unit: StoreUnit, sight: Sight, limit: int = 500) -> list[Draft]:
    """Oldest first."""
    seen, values = seen_by(unit, sight, "t.caller")
    names = ", ".join(f"t.{quoted(name)}" for name in TOUCH.names)
    rows = unit.bulk.rows(
        f"select a.name, a.owner, a.team, r.playbook, {names} from touch t"
        " join account a on a.id = t.account join run r on r.id = t.run"
        f" where t.status = 'draft' and t.card is not null{seen} order by t.due, t.id limit ?",
        *values, limit,
    )  # fmt: skip
    return [Draft(made := TOUCH.made(row[4:]), row[0] or made.account, *row[1:4]) for row in rows]

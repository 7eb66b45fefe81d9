"""What pages show, shaped for them: read-only, one statement for a whole list, frozen rows.

Every function takes an open view (``Store.view()``). Lists are bounded; nothing here is locked.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from outreach.domain.account import Promise
from outreach.domain.facts import Channel, Event, Purpose, Severity
from outreach.domain.failure import Failure
from outreach.domain.sight import ALL, Sight
from outreach.domain.touch import Touch
from outreach.service.ports_traffic import Attempt, Inbound
from outreach.store.accounts import FAILURE, PROMISE
from outreach.store.bulk import Row, as_pattern, quoted
from outreach.store.codec import instant, micros
from outreach.store.desk import ON_THE_DESK, SELLS
from outreach.store.events import _EVENT_SELECT, _event
from outreach.store.runs import TOUCH
from outreach.store.traffic import INBOUND
from outreach.store.unit import StoreUnit

OPEN_FAILURE = "f.state in ('open', 'reached')"


def _at(value: int | None) -> datetime | None:
    return None if value is None else instant(value)


# --- the desk -----------------------------------------------------------------------------------------


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
    seen, values = _seen(unit, sight, "t.caller", "c.claimed_by", "c.handed_to")
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
        card, claimed, None if snoozed is None else instant(snoozed), handed, owner, team, caller, channel == "call",
        sells == 1, _GRADES[grade], None if ends is None else instant(ends), value, instant(known), locked == 1, playbook,
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
        name: _at(values[name]) for name in ("claimed_at", "snoozed_until", "due", "deadline", "known_at")
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


def _seen(unit: StoreUnit, sight: Sight, *theirs: str, a: str = "a") -> tuple[str, list[Any]]:
    """The accounts ``a`` that a colleague may see, as more of a ``where``: what ``Sight.sees`` says. ``theirs``: columns
    with the name of somebody who has a part in the row."""
    if sight.everything:
        return "", []
    names = (f"{a}.owner", *theirs)
    named = " or ".join(unit.bulk.one_of(name) for name in names)
    seen = f" and (({a}.owner is null and {a}.team is null) or {a}.team = ? or {named})"
    return seen, [sight.team or "", *[unit.bulk.keys(sorted(sight.names))] * len(names)]


def drafts(unit: StoreUnit, sight: Sight, limit: int = 500) -> list[Draft]:
    """Oldest first."""
    seen, values = _seen(unit, sight, "t.caller")
    names = ", ".join(f"t.{quoted(name)}" for name in TOUCH.names)
    rows = unit.bulk.rows(
        f"select a.name, a.owner, a.team, r.playbook, {names} from touch t"
        " join account a on a.id = t.account join run r on r.id = t.run"
        f" where t.status = 'draft' and t.card is not null{seen} order by t.due, t.id limit ?",
        *values, limit,
    )  # fmt: skip
    return [Draft(made := TOUCH.made(row[4:]), row[0] or made.account, *row[1:4]) for row in rows]


# --- failures -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Board:
    """An open failure on a list of failures."""

    failure: Failure
    account_name: str
    tier: str | None
    owner: str | None
    team: str | None
    value: float | None
    card: str | None
    """The open card on which somebody is asked to call about it."""


def _board(unit: StoreUnit, sight: Sight, where: str, order: str, limit: int, offset: int) -> list[Board]:
    seen, values = _seen(unit, sight)
    names = ", ".join(f"f.{quoted(name)}" for name in FAILURE.names)
    rows = unit.bulk.rows(
        f"""select a.name, a.tier, a.owner, a.team, a.value,
          (select min(t.card) from touch t join run r on r.id = t.run
             where t.account = f.account and r.failure = f.id and t.status = 'on_desk'), {names}
        from failure f join account a on a.id = f.account
        where {OPEN_FAILURE} and {where}{seen} order by {order} limit ? offset ?""",
        *values, limit, offset,
    )  # fmt: skip
    return [Board(made := FAILURE.made(row[6:]), row[0] or made.account, *row[1:6]) for row in rows]


_NOT_OWED = "not f.owed"
_UNMATCHED = (
    f"{_NOT_OWED} and not exists (select 1 from run r where r.account = f.account and r.failure = f.id"
    " and not r.shadow and not r.holdout and r.end_reason not in ('disabled', 'blast_radius'))"
)


def unmatched(unit: StoreUnit, sight: Sight, limit: int = 50, offset: int = 0) -> list[Board]:
    """Open failures about which no playbook does anything; the worst first."""
    return _board(unit, sight, _UNMATCHED, "f.severity desc, f.known_at, f.account, f.id", limit, offset)


def count_unmatched(unit: StoreUnit, sight: Sight = ALL) -> int:
    return _count_failures(unit, sight, _UNMATCHED)


def _count_failures(unit: StoreUnit, sight: Sight, where: str) -> int:
    seen, values = _seen(unit, sight)
    joined = " join account a on a.id = f.account" if seen else ""
    return count(unit, f"failure f{joined} where {OPEN_FAILURE} and {where}{seen}", *values)


_UNREACHED = f"f.state = 'open' and {_NOT_OWED}"


def unreached(unit: StoreUnit, sight: Sight, limit: int = 50, offset: int = 0) -> list[Board]:
    """Failures with nobody spoken to since, oldest first."""
    return _board(unit, sight, _UNREACHED, "f.known_at, f.account, f.id", limit, offset)


def count_unreached(unit: StoreUnit, sight: Sight = ALL) -> int:
    return _count_failures(unit, sight, _UNREACHED)


def owed(unit: StoreUnit, sight: Sight, limit: int = 50, offset: int = 0) -> list[Board]:
    """Failures we learnt of too late and that nobody has put on the board; the worst first."""
    return _board(unit, sight, "f.owed", "f.severity desc, f.opened_at, f.account, f.id", limit, offset)


def count_owed(unit: StoreUnit, sight: Sight = ALL) -> int:
    """Failures we learnt of too late, which wait to be released."""
    return _count_failures(unit, sight, "f.owed")


def count(unit: StoreUnit, rest: str, *values: Any) -> int:
    return int(unit.bulk.rows(f"select count(*) from {rest}", *values)[0][0])


# --- messages -----------------------------------------------------------------------------------------

_WAITING = "inbound i left join account a on a.id = i.account where i.status = 'open'"
_THEIR_ACCOUNTS = "select 1 from membership m join account b on b.id = m.account where m.person = i.person"


def messages(unit: StoreUnit, sight: Sight, limit: int, offset: int) -> list[Inbound]:
    """Those that a colleague has to look at, the oldest first; of whom nobody knows who they are, are everybody's."""
    seen, values = _seen_messages(unit, sight)
    names = ", ".join(f"i.{quoted(name)}" for name in INBOUND.names)
    rows = unit.bulk.rows(
        f'select {names} from {_WAITING}{seen} order by i."at", i.id limit ? offset ?', *values, limit, offset
    )
    return [INBOUND.made(row) for row in rows]


def count_messages(unit: StoreUnit, sight: Sight) -> int:
    seen, values = _seen_messages(unit, sight)
    return count(unit, f"{_WAITING}{seen}", *values)


def _seen_messages(unit: StoreUnit, sight: Sight) -> tuple[str, list[Any]]:
    """By the account, else by any of the person's; where neither is known, everybody's."""
    if sight.everything:
        return "", []
    of_account, values = _seen(unit, sight)
    of_person, more = _seen(unit, sight, a="b")
    known = f"i.person is not null and exists ({_THEIR_ACCOUNTS})"
    nobody_knows = f"not ({known}) or exists ({_THEIR_ACCOUNTS}{of_person})"
    seen = f" and ((i.account is not null{of_account}) or (i.account is null and ({nobody_knows})))"
    return seen, [*values, *more]


# --- promises -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Promised:
    """A promise on the ledger."""

    promise: Promise
    account_name: str
    owner: str | None
    team: str | None


PROMISED_LATELY = timedelta(days=90)
_PROMISE_LISTS = {
    "waiting": ("p.state in ('open', 'broken')", 'p."until", p.account, p.id'),
    "kept": ("p.state in ('kept', 'late')", "p.settled_at desc, p.account, p.id"),
}


def promises(
    unit: StoreUnit, sight: Sight, kind: str, whose: Collection[str] | None, limit: int = 50, offset: int = 0
) -> list[Promised]:
    """``waiting`` (the first to come due first) or ``kept`` (the newest first). ``whose``: only what these colleagues
    gave, or what was promised to accounts of theirs; None for everybody's."""
    names = ", ".join(f"p.{quoted(name)}" for name in PROMISE.names)
    where, order = _PROMISE_LISTS[kind]
    of, values = _of(unit, whose)
    seen, more = _seen(unit, sight, "p.by")
    rows = unit.bulk.rows(
        f"select a.name, a.owner, a.team, {names} from promise p join account a on a.id = p.account"
        f" where {where}{of}{seen} order by {order} limit ? offset ?",
        *values, *more, limit, offset,
    )  # fmt: skip
    return [Promised(made := PROMISE.made(row[3:]), row[0] or made.account, row[1], row[2]) for row in rows]


def _of(unit: StoreUnit, whose: Collection[str] | None) -> tuple[str, list[Any]]:
    if whose is None:
        return "", []
    keys = unit.bulk.keys(sorted(whose))
    return f" and ({unit.bulk.one_of('p.by')} or {unit.bulk.one_of('a.owner')})", [keys, keys]


def promise_tally(unit: StoreUnit, now: datetime) -> dict[str, dict[str, int]]:
    """Who promised → ``open · broken · kept · late`` → how many of those made in the last 90 days."""
    rows = unit.bulk.rows(
        'select "by", state, count(*) from promise where made_at >= ? group by "by", state order by "by"',
        micros(now - PROMISED_LATELY),
    )
    found: dict[str, dict[str, int]] = {}
    for by, state, count_ in rows:
        found.setdefault(by, {})[state] = count_
    return found


# --- an account, a person ---------------------------------------------------------------------------------


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
    seen, values = _seen(unit, sight)
    rows = unit.bulk.rows(
        "select a.id, a.name, a.tier, a.owner, a.team from account a where a.state is not null"
        f" and (a.id = ? or lower(a.name) like ? escape '\\'){seen} order by a.name, a.id limit ?",
        text.strip(), f"%{as_pattern(text.strip().lower())}%", *values, limit,
    )  # fmt: skip
    return [AccountRow(row[0], row[1] or row[0], *row[2:5]) for row in rows]

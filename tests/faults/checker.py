"""What must hold whatever happened: read from the database, the answers that clients got, and the
provider's own ledger. Each broken rule is a sentence."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from outreach.domain.facts import CLOCK_SOURCE
from outreach.domain.touch import CHANGES, OPEN, Status
from outreach.lab.scratch import Scratch
from outreach.service import workbench
from outreach.store.codec import micros
from outreach.store.unit import StoreUnit
from tests.faults.world import World

ON_CARD = (Status.ON_DESK.value, Status.DRAFT.value)
WRITTEN = ("email", "sms")

IN_DOUBT = "in doubt"
"""Of which nobody knows whether it left: it differs from run to run, and is not compared."""


def plan(unit: StoreUnit) -> dict[str, list[Any]]:
    """What is so now, in words that are the same in every process and for every order of ids."""
    touches = unit.bulk.rows(
        "select r.account, r.playbook, r.key, t.round, t.step, t.channel, t.attempt, t.status, t.because"
        " from touch t join run r on r.id = t.run"
    )
    return {
        "touches": sorted([*row[:6], *_words(row)] for row in touches),
        "runs": _rows(unit, "select account, playbook, key, round, state, end_reason, reached from run"),
        "failures": _rows(unit, "select account, id, state, round, severity from failure"),
        "promises": _rows(unit, "select account, id, state from promise"),
        "decisions": _rows(unit, "select event, playbook, outcome from decision"),
        "events": _rows(unit, "select source, type, subject, revision, retracted from event"),
        "parked": _rows(unit, "select source, event_id, reason from parked"),
        "quarantined": _rows(unit, "select source, event_id, status from quarantine"),
        "holds": _rows(unit, 'select account, because, scope, "until" is null, end_reason from hold'),
        "cards": _rows(unit, "select identity, state, claimed_by from card"),
        "calls": _rows(
            unit,
            "select distinct kind, account, state, outcome from phone_call where outcome not in ('not_accepted')",
        ),
        "arrived": _rows(unit, "select account, channel from attempt where delivery = 'delivered'"),
        IN_DOUBT: _rows(unit, "select account, channel from touch where status = 'unknown'"),
        "inbound": _rows(unit, "select id, channel, kind, status, text from inbound"),
        "opted out": _rows(unit, "select hash, channel, why from suppression"),
    }


def _rows(unit: StoreUnit, statement: str) -> list[list[Any]]:
    return sorted(
        ([int(v) if isinstance(v, bool) else v for v in row] for row in unit.bulk.rows(statement)), key=repr
    )


def _words(row: Any) -> list[Any]:
    """Attempts of a mail depend on the provider, and what is not known for sure counts as sent here."""
    *_, channel, attempt, status, because = row
    if channel in WRITTEN and status in (Status.SENT, Status.UNKNOWN):
        return ["", "left", ""]
    return [attempt, status, because]


def differences(expected: Mapping[str, list[Any]], found: Mapping[str, list[Any]]) -> Iterator[str]:
    doubted = Counter(map(repr, found[IN_DOUBT]))
    for name, rows in expected.items():
        if name == IN_DOUBT:
            continue
        wanted, there = Counter(map(repr, rows)), Counter(map(repr, found[name]))
        missing = wanted - there
        if name == "arrived":  # of what was never handed over no provider says that it arrived
            missing -= doubted
        for row in missing.elements():
            yield f"{name}: missing {row}"
        for row in (there - wanted).elements():
            yield f"{name}: too much {row}"


def broken(world: World, house: Scratch, *, quiet: bool = True) -> list[str]:
    """Every rule that does not hold. ``quiet``: nothing may be due any more."""
    with house.database.view() as unit:
        found = [
            *_lost(world, unit),
            *_doubled(world, unit),
            *_half(world, unit, house, quiet),
            *cards(unit),
            *changes(unit),
        ]
        fault = unit.audit_fault()
        if fault:
            found.append(fault)
        if not unit.bulk.locks and unit.bulk.rows("pragma integrity_check")[0][0] != "ok":
            found.append("the file is not sound")
    found += [
        f"{id_}: live state differs from its events"
        for id_, differs in workbench.rebuild(house.outside, write=False)
        if differs
    ]
    return found


# -- nothing is lost ---------------------------------------------------------------------------------


def _lost(world: World, unit: StoreUnit) -> Iterator[str]:
    stored = {tuple(row) for row in unit.bulk.rows("select source, id from event")}
    parked = {tuple(row) for row in unit.bulk.rows("select source, event_id from parked")}
    wrong = {tuple(row) for row in unit.bulk.rows("select source, event_id from quarantine")}
    where = {"parked": stored | parked, "quarantined": wrong}
    for source, id_, outcome in _answered(world):
        if (source, id_) not in where.get(outcome, stored | parked if outcome == "duplicate" else stored):
            yield f"{source}|{id_} was answered {outcome} and is not there"


def _answered(world: World) -> Iterable[tuple[str, str, str]]:
    for row in world.answers.read():
        if isinstance(row["answer"], list):
            yield from (tuple(answer) for answer in row["answer"] if len(answer) == 3)


# -- nothing is doubled ------------------------------------------------------------------------------


def _doubled(world: World, unit: StoreUnit) -> Iterator[str]:
    taken = [row for row in world.ledger.read() if row["taken"]]
    for what, times in Counter((row["to"], row["what"]) for row in taken).items():
        if times > 1:
            yield f"{what} was taken {times} times"
    for token, times in Counter(row["token"] for row in world.ledger.read()).items():
        if times > 1:
            yield f"{token} was handed over {times} times"
    yield from _more_than_once(unit, "a run", "select playbook, account, key from run")
    yield from _more_than_once(unit, "a phone of ours", 'select call, "user" from call_leg')
    yield from _more_than_once(unit, "accepted", "select call from call_leg where state = 'accepted'")
    yield from _more_than_once(
        unit, "what made a call", "select cause from phone_call where cause is not null"
    )
    yield from _more_than_once(unit, "an attempt", "select touch, token from attempt")
    yield from _more_than_once(unit, "an event", "select source, id from event")
    yield from _more_than_once(unit, "a hold", "select run from hold")
    yield from _more_than_once(
        unit, "a conversation", "select key from event where type = 'contact.settled' and key is not null"
    )
    yield from _more_than_once(
        unit, "a time event",
        f"select type, subject, key, time from event where source = '{CLOCK_SOURCE}' and not retracted",
    )  # fmt: skip
    yield from _more_than_once(
        unit, "an open touch",
        "select run, round, step, attempt from touch"
        f" where status in ({', '.join(sorted(repr(s.value) for s in OPEN))})",
    )  # fmt: skip


def _more_than_once(unit: StoreUnit, what: str, statement: str) -> Iterator[str]:
    for row, times in Counter(map(tuple, unit.bulk.rows(statement))).items():
        if times > 1:
            yield f"{what} {times} times: {row}"


# -- nothing is half done ----------------------------------------------------------------------------


def _half(world: World, unit: StoreUnit, house: Scratch, quiet: bool) -> Iterator[str]:
    taken = {row["token"] for row in world.ledger.read() if row["taken"]}
    rows = unit.bulk.rows("select id, channel, status, token, due, account from touch")
    known = {row[3] for row in rows} | {row[0] for row in unit.bulk.rows("select token from call_leg")}
    noted = {row[0] for row in unit.bulk.rows("select token from attempt")}
    for token in {
        row[3] for row in rows if row[1] in WRITTEN and row[2] in (Status.SENT, Status.UNKNOWN)
    } - noted:
        yield f"{token} left and nobody has kept what it said"
    for token in taken - known:
        yield f"{token} was taken and no touch knows of it"
    for id_, channel, status, token, due, _account in rows:
        if status == Status.SENT and channel in WRITTEN and token not in taken:
            yield f"touch {id_} is called sent and was never taken"
        if token in taken and status not in (Status.SENT, Status.UNKNOWN, Status.SENDING):
            yield f"touch {id_} was taken and is called {status}"
        if quiet and status == Status.SENDING:
            yield f"touch {id_} is still called sending"
        if quiet and status in (Status.PLANNED, Status.DUE) and due <= micros(house.now):
            yield f"touch {id_} has been due and is still {status}"
    late = unit.bulk.rows("select id from phone_call where next_at <= ?", micros(house.now)) if quiet else []
    for (id_,) in late:
        yield f"phone call {id_} should have gone on"
    calls = unit.bulk.rows(
        "select t.id from touch t where t.channel = 'call' and t.status = 'settled' and t.settlement <> 'withdrawn'"
        " and not exists (select 1 from event e where e.type = 'contact.settled' and e.subject = t.account)"
    )
    for (id_,) in calls:
        yield f"call {id_} is settled and nothing was told of it"


def cards(unit: StoreUnit) -> Iterator[str]:
    """Every line on an open card of its own person, no open card empty, at most one per person."""
    rows = unit.bulk.rows(
        "select t.id, t.status, t.card, c.state, c.identity, t.identity from touch t left join card c on c.id = t.card"
    )
    lines: dict[str, int] = defaultdict(int)
    for id_, status, card, state, whose, identity in rows:
        if status in ON_CARD:
            lines[card] += 1
            if state != "open":
                yield f"touch {id_} is {status} and its card is {state}"
            if whose != identity:
                yield f"touch {id_} of {identity} lies on the card of {whose}"
    yield from _more_than_once(unit, "an open card", "select identity from card where state = 'open'")
    for (card,) in unit.bulk.rows("select id from card where state = 'open'"):
        if not lines[card]:
            yield f"card {card} is open and empty"


# -- only legal changes ------------------------------------------------------------------------------

_LOG_TABLE = "create table touch_log (touch text, old text, new text)"
LOG = (
    _LOG_TABLE,
    """create trigger touch_changed after update of status on touch when old.status <> new.status
    begin insert into touch_log values (old.id, old.status, new.status); end""",
)
"""SQLite only."""
LOG_POSTGRES = (
    _LOG_TABLE,
    """create function log_touch() returns trigger language plpgsql as
    'begin insert into touch_log values (old.id, old.status, new.status); return new; end'""",
    """create trigger touch_changed after update of status on touch for each row
    when (old.status is distinct from new.status) execute function log_touch()""",
)
_PASSED = frozenset({Status.PLANNED, Status.DUE})
"""States that a touch may go through within one transaction."""


def changes(unit: StoreUnit) -> Iterator[str]:
    """Every change of status that ``LOG`` has seen is in the table."""
    for touch, old, new in unit.bulk.rows("select touch, old, new from touch_log"):
        if not legal(Status(old), Status(new)):
            yield f"touch {touch} went from {old} to {new}"


def legal(old: Status, new: Status) -> bool:
    """Straight, or through planned and due, as a transaction may. By itself nothing comes back from unknown."""
    if old is Status.UNKNOWN:
        return new in (Status.SENT, Status.FAILED)
    reached, looking = set(CHANGES[old]), set(CHANGES[old])
    while looking:
        looking = {to for by in looking & _PASSED for to in CHANGES[by]} - reached
        reached |= looking
    return new in reached

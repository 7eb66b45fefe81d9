"""What is open and owed: failures, promises, messages that wait for somebody."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from outreach.domain.account import Promise
from outreach.domain.failure import Failure
from outreach.domain.sight import ALL, Sight
from outreach.service.ports_traffic import Inbound
from outreach.store.accounts import FAILURE, PROMISE
from outreach.store.bulk import quoted
from outreach.store.codec import micros
from outreach.store.traffic import INBOUND
from outreach.store.unit import StoreUnit
from outreach.store.views import OPEN_FAILURE, count, seen_by


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
    seen, values = seen_by(unit, sight)
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
    seen, values = seen_by(unit, sight)
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
    of_account, values = seen_by(unit, sight)
    of_person, more = seen_by(unit, sight, a="b")
    known = f"i.person is not null and exists ({_THEIR_ACCOUNTS})"
    nobody_knows = f"not ({known}) or exists ({_THEIR_ACCOUNTS}{of_person})"
    seen = f" and ((i.account is not null{of_account}) or (i.account is null and ({nobody_knows})))"
    return seen, [*values, *more]


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
    seen, more = seen_by(unit, sight, "p.by")
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

"""Where colleagues are reached, what there is to tell them, and what they were told."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from outreach.domain.alert import Given, OnDesk, Unreached
from outreach.domain.facts import Severity
from outreach.service.ports_reaching import Alert, Reach
from outreach.store import tables
from outreach.store.base import Part
from outreach.store.bulk import Row
from outreach.store.codec import instant, instant_or_none, micros
from outreach.store.desk import ON_THE_DESK, SELLS
from outreach.store.shapes import Shape

REACH = Shape(Reach, tables.reach)
ALERT = Shape(Alert, tables.alert)

LONGEST_WAIT, A_MINUTE = 10, 60_000_000
"""Minutes until the next try, at most; microseconds of one."""

_LINES = f"""
select c.id, t.run, t.account, c.claimed_by, c.claimed_at, c.snoozed_until, c.handed_to,
  case when c.handed_to is not null then (select max(d."at") from audit d
    where d.subject = 'card/' || c.id and d.what = 'card.handed_over') end,
  a.owner, a.team, t.caller, t.channel = 'call', t.due, t.deadline, r.trigger_type, r.severity, b.severity, r.failure, b.round
{ON_THE_DESK} and not exists (select 1 from said s where s.card = c.id and s.fault is null) and t.purpose not in ({SELLS})
and ({{}} or (c.claimed_by is null and c.handed_to is null and a.owner is null and t.caller is null))
"""
_COLUMNS = (
    "card", "run", "account", "claimed_by", "claimed_at", "snoozed_until", "handed_to", "handed_at", "owner", "team", "caller",
    "call", "due", "deadline", "trigger_type", "run_severity", "severity", "failure", "round",
)  # fmt: skip
_INSTANTS = ("claimed_at", "snoozed_until", "handed_at", "due", "deadline")
_CLAIM = """
insert into alert ("user", thing, "at", state, tries, why, again_at) values (?, ?, ?, 'sending', 1, '', null)
on conflict ("user", thing) do update set state = 'sending', "at" = excluded."at", tries = alert.tries + 1, again_at = null
where alert.state = 'again' and alert.again_at <= excluded."at"
returning thing
"""


class Alerts(Part):
    def reach(self, user: str) -> Reach | None:
        return self.bulk.one(REACH, 'where "user" = ?', user)

    def reaches(self) -> list[Reach]:
        return self.bulk.all(REACH, "where ways <> '[]' order by \"user\"")

    def save_reach(self, reach: Reach) -> None:
        self.bulk.put(REACH, [reach])

    def open_lines(self, names: Collection[str]) -> list[OnDesk]:
        columns = ("c.claimed_by", "c.handed_to", "a.owner", "t.caller")
        theirs = " or ".join(self.bulk.one_of(column) for column in columns)
        keys = [self.bulk.keys(sorted(names))] * len(columns)
        return [_line(row) for row in self.bulk.rows(_LINES.format(theirs), *keys)]

    def given_by(self, names: Collection[str], until: datetime) -> list[Given]:
        theirs = " or ".join(self.bulk.one_of(column) for column in ('p."by"', "a.owner"))
        keys = [self.bulk.keys(sorted(names))] * 2
        rows = self.bulk.rows(
            'select p.account, p.id, p."by", a.owner, p."until" from promise p join account a on a.id = p.account'
            f" where p.state in ('open', 'broken') and p.\"until\" < ? and ({theirs})",
            micros(until), *keys,
        )  # fmt: skip
        return [Given(account, id_, by, owner, instant(until)) for account, id_, by, owner, until in rows]

    def unreached_of(self, names: Collection[str]) -> list[Unreached]:
        rows = self.bulk.rows(
            "select f.account, f.id, a.owner, a.team, f.climbed, f.round, f.known_at from failure f"
            " join account a on a.id = f.account where f.state in ('open', 'reached') and f.state = 'open'"
            f" and not f.owed and (f.climbed > 1 or {self.bulk.one_of('a.owner')})",
            self.bulk.keys(sorted(names)),
        )
        return [Unreached._make((*row[:6], instant(row[6]))) for row in rows]

    def untold(self, user: str, things: Collection[str], now: datetime) -> set[str]:
        told = self.bulk.rows(
            "select thing from alert where \"user\" = ? and not (state = 'again' and again_at <= ?)"
            f" and {self.bulk.one_of('thing')}",
            user, micros(now), self.bulk.keys(sorted(things)),
        )  # fmt: skip
        return set(things) - {row[0] for row in told}

    def claim_alerts(self, user: str, things: Collection[str], now: datetime) -> set[str]:
        """In order, so that two who ask at once cannot block each other."""
        at = micros(now)
        return {thing for thing in sorted(things) if self.bulk.rows(_CLAIM, user, thing, at)}

    def settle_alerts(self, user: str, things: Collection[str], state: str, why: str) -> None:
        self.bulk.run(
            "update alert set state = ?, why = ?, again_at = \"at\" + case when tries < ? then tries else ? end * ?"
            f" where \"user\" = ? and state = 'sending' and {self.bulk.one_of('thing')}",
            state, why, LONGEST_WAIT, LONGEST_WAIT, A_MINUTE, user, self.bulk.keys(sorted(things)),
        )  # fmt: skip

    def last_alert(self, user: str) -> Alert | None:
        more = 'where "user" = ? and state <> \'none\' order by "at" desc, thing limit 1'
        return self.bulk.one(ALERT, more, user)

    def forget_alerts(self, before: datetime) -> int:
        return len(self.bulk.rows('delete from alert where "at" < ? returning thing', micros(before)))


def _line(row: Row) -> OnDesk:
    values = dict(zip(_COLUMNS, row, strict=True))
    values |= {name: instant_or_none(values[name]) for name in _INSTANTS}
    graver, round_ = max(values.pop("run_severity"), values["severity"] or 0), values["round"] or 1
    return OnDesk(**values | {"call": bool(values["call"]), "severity": Severity(graver), "round": round_})

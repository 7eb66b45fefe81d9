"""Incidents with their wordings, whom they hurt, and what was said to those."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from outreach.domain.facts import Event
from outreach.domain.failure import Failure
from outreach.domain.incident import Incident, SaidAbout, Wording
from outreach.domain.touch import Touch
from outreach.store import tables
from outreach.store.accounts import FAILURE
from outreach.store.base import Part
from outreach.store.bulk import quoted
from outreach.store.codec import instant, micros
from outreach.store.events import EVENT
from outreach.store.runs import TOUCH
from outreach.store.shapes import Shape

INCIDENT = Shape(Incident, tables.incident)
WORDING = Shape(Wording, tables.wording)

_FAILURES = ", ".join(f"f.{quoted(name)}" for name in FAILURE.names)
_EVENTS = ", ".join(f"e.{quoted(name)}" for name in EVENT.names)
_HURT = f"""
select {_FAILURES}, {_EVENTS} from failure f cross join event e
where f.state <> 'void' and {{alive}} and e.subject = f.account and {{types}} and e.time >= ? and e.time < ?
  and not e.retracted order by e.time, f.account, f.id
"""
_OPEN = "f.state in ('open', 'reached') and f.known_at >= ? and f.known_at < ?"
_ALIVE = "f.opened_at < ? and (f.closed_at is null or f.closed_at >= ?)"
# Of a call the moment of its dial: what stood on the card then is what they may have heard.
_SAID = """
select t.account, r.failure, t.channel, coalesce(a."at", t.intent_at, t.ended_at), a.text
from run r join touch t on t.run = r.id left join attempt a on a.token = t.token
where r.failure is not null and {} and ((t.status in ('sending', 'sent', 'unknown') and a.text is not null)
  or (t.channel = 'call' and t.settlement = 'reached' and t.ended_at is not null))
"""


class Incidents(Part):
    def incident(self, id_: str) -> Incident | None:
        return self.bulk.one(INCIDENT, "where id = ?", id_)

    def incidents_open(self) -> list[Incident]:
        return self.bulk.all(INCIDENT, "where closed_at is null order by opened_at desc, id desc")

    def incidents_corrected(self) -> list[Incident]:
        worded = "select incident from wording where approved_at is not null and number > 1"
        return self.bulk.all(INCIDENT, f"where id in ({worded}) order by opened_at desc, id desc")

    def incidents_closed(self, limit: int) -> list[Incident]:
        more = "where closed_at is not null order by closed_at desc, id desc limit ?"
        return self.bulk.all(INCIDENT, more, limit)

    def save_incident(self, incident: Incident) -> None:
        self.bulk.put(INCIDENT, [incident])

    def wordings(self, incidents: Collection[str]) -> list[Wording]:
        return self.bulk.by_keys(WORDING, "incident", sorted(incidents), "order by incident, number")

    def add_wording(self, wording: Wording) -> None:
        self.bulk.insert(tables.wording, WORDING.names, [WORDING.row(wording)])

    def approve_wording(self, incident: str, number: int, by: str, at: datetime) -> bool:
        changed = self.bulk.run(
            "update wording set approved_by = ?, approved_at = ?"
            " where incident = ? and number = ? and approved_at is null",
            by, micros(at), incident, number,
        )  # fmt: skip
        return changed == 1

    def hurt_lately(
        self, types: Collection[str], since: datetime, until: datetime
    ) -> list[tuple[Failure, Event]]:
        return self._hurt(_OPEN, types, (micros(since), micros(until)), since, until)

    def hurt_by(self, type_: str, since: datetime, until: datetime) -> list[tuple[Failure, Event]]:
        return self._hurt(_ALIVE, [type_], (micros(until), micros(since)), since, until)

    def _hurt(
        self, alive: str, types: Collection[str], when: tuple[int, int], since: datetime, until: datetime
    ) -> list[tuple[Failure, Event]]:
        """Failures are few beside events: each asks for its account's own, by the index that windows are read from."""
        statement = _HURT.format(alive=alive, types=self.bulk.one_of("e.type"))
        keys = self.bulk.keys(sorted(types))
        rows = self.bulk.rows(statement, *when, keys, micros(since), micros(until))
        apart = len(FAILURE.names)
        return [(FAILURE.made(row[:apart]), EVENT.made(row[apart:])) for row in rows]

    def said_about(self, accounts: Collection[str]) -> list[SaidAbout]:
        rows = self.bulk.rows(_SAID.format(self.bulk.one_of("r.account")), self.bulk.keys(sorted(accounts)))
        return [
            SaidAbout(account, failure, channel, instant(at), text)
            for account, failure, channel, at, text in rows
        ]

    def drafts_of(self, accounts: Collection[str]) -> list[Touch]:
        return self.bulk.by_keys(
            TOUCH, "account", sorted(accounts), "and status = 'draft' order by account, id"
        )

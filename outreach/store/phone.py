"""Calls through the house, and our phones that ring for them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from outreach.domain.phone import Leg, PhoneCall
from outreach.store import tables
from outreach.store.base import Part
from outreach.store.codec import micros
from outreach.store.shapes import Shape

CALL = Shape(PhoneCall, tables.phone_call)
LEG = Shape(Leg, tables.call_leg)


class Phone(Part):
    def add_call(self, call: PhoneCall, legs: Sequence[Leg]) -> None:
        self.bulk.insert(tables.phone_call, CALL.names, [CALL.row(call)])
        self.add_legs(legs)

    def call(self, id_: str) -> PhoneCall | None:
        """Locked, or two of us could press 1 at once and both be the first."""
        return self.bulk.one(CALL, "where id = ?" + (" for update" if self.locks else ""), id_)

    def call_by_cause(self, cause: str) -> PhoneCall | None:
        return self.bulk.one(CALL, "where cause = ? order by started_at desc limit 1", cause)

    def calls_of_card(self, card: str) -> list[PhoneCall]:
        return self.bulk.all(CALL, "where card = ? order by started_at desc, id desc", card)

    def open_calls(self) -> list[PhoneCall]:
        return self.bulk.all(CALL, "where next_at is not null order by started_at, id")

    def callbacks_to_ring(self, since: datetime, now: datetime, limit: int) -> list[tuple[str, str, str]]:
        rows = self.bulk.rows(
            "select t.account, t.id, t.run from touch t join run r on r.id = t.run"
            " where t.status in ('on_desk', 'draft') and t.channel = 'call'"  # the index's own words
            " and r.trigger_type = 'callback.asked' and t.due >= ? and t.due <= ?"
            " and not exists (select 1 from phone_call c where c.cause = t.run and c.cause is not null)"
            " order by t.due limit ?",
            micros(since), micros(now), limit,
        )  # fmt: skip
        return [(row[0], row[1], row[2]) for row in rows]

    def calls_to_move(self, now: datetime, limit: int) -> list[str]:
        rows = self.bulk.rows(
            "select id from phone_call where next_at is not null and next_at <= ? order by next_at limit ?",
            micros(now), limit,
        )  # fmt: skip
        return [row[0] for row in rows]

    def save_call(self, call: PhoneCall) -> None:
        self.bulk.put(CALL, [call])

    def leg(self, token: str) -> Leg | None:
        return self.bulk.one(LEG, "where token = ?", token)

    def legs_of(self, call: str) -> list[Leg]:
        return self.bulk.all(LEG, 'where call = ? order by "at", token', call)

    def add_legs(self, legs: Sequence[Leg]) -> None:
        self.bulk.insert(tables.call_leg, LEG.names, [LEG.row(leg) for leg in legs])

    def save_leg(self, leg: Leg) -> None:
        self.bulk.put(LEG, [leg])

"""Holds with their feed, and cards."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from outreach.domain.card import Card
from outreach.domain.cover import Absence
from outreach.domain.facts import Purpose
from outreach.domain.hold import Hold
from outreach.domain.talk import Said
from outreach.service.ports_desk import Ask
from outreach.store import tables
from outreach.store.base import Part
from outreach.store.bulk import quoted
from outreach.store.codec import micros
from outreach.store.shapes import Shape

HOLD = Shape(Hold, tables.hold)
CARD = Shape(Card, tables.card)
ASK = Shape(Ask, tables.ask)
SAID = Shape(Said, tables.said)
ABSENCE = Shape(Absence, tables.absence)

SELLS = ", ".join(f"'{purpose.value}'" for purpose in Purpose if purpose.sells)
ON_THE_DESK = """from card c
join touch t on t.card = c.id and t.card is not null and t.status = 'on_desk'
join run r on r.id = t.run
join account a on a.id = t.account
left join failure b on b.account = t.account and b.id = r.failure
where c.state = 'open'"""
"""Every line ``t`` of every open card ``c``, with its run, its account, and the failure ``b`` that it is about."""


class Desk(Part):
    _changed_holds: dict[str, None]

    # --- holds

    def hold(self, id_: str) -> Hold | None:
        return self.bulk.one(HOLD, "where id = ?", id_)

    def holds_of(self, accounts: Collection[str]) -> list[Hold]:
        return self.bulk.by_keys(HOLD, "account", accounts, "order by id")

    def holds_on(
        self, people: Collection[str], accounts: Collection[str], groups: Collection[str]
    ) -> list[Hold]:
        """Each way by its own index; the database would rather walk than combine them."""
        ways, values = [], []
        for column, keys in (("person", people), ("account", accounts), ("group", groups)):
            if keys:
                where = self.bulk.one_of(quoted(column))
                ways.append(f"select id from hold where ended_at is null and {where}")
                values.append(self.bulk.keys(keys))
        if not ways:
            return []
        return self.bulk.all(HOLD, f"where id in ({' union '.join(ways)}) order by id", *values)

    def save_holds(self, holds: Sequence[Hold]) -> None:
        rows = [[*HOLD.row(hold), 0] for hold in holds]
        self.bulk.upsert(tables.hold, (*HOLD.names, "change"), rows)
        self._changed_holds.update(dict.fromkeys(hold.id for hold in holds))

    def hold_changes(self, after: int, limit: int) -> list[tuple[int, Hold]]:
        """Only the newest state of a hold is in the feed. Nothing can appear below a cursor once read."""
        listed = ", ".join(map(quoted, HOLD.names))
        rows = self.bulk.rows(
            f"select change, {listed} from hold where change > ? order by change limit ?", after, limit
        )
        return [(row[0], HOLD.made(row[1:])) for row in rows]

    def holds_over(self, now: datetime, limit: int) -> list[Hold]:
        at = micros(now)
        more = "where ended_at is null and (at_most_until <= ? or until <= ?) order by at_most_until limit ?"
        return self.bulk.all(HOLD, more, at, at, limit)

    # --- cards

    def open_card(self, identity: str) -> Card | None:
        return self.open_cards([identity]).get(identity)

    def open_cards(self, identities: Collection[str]) -> dict[str, Card]:
        """Locked, or somebody would put a line on a card that another is closing."""
        lock = " for update" if self.locks else ""
        found = self.bulk.by_keys(CARD, "identity", identities, f"and state = 'open' order by identity{lock}")
        return {card.identity: card for card in found}

    def save_cards(self, cards: Sequence[Card]) -> None:
        self.bulk.put(CARD, cards)

    def card(self, id_: str) -> Card | None:
        return self.bulk.one(CARD, "where id = ?", id_)

    def save_card(self, card: Card) -> None:
        self.bulk.put(CARD, [card])

    def claim_card(self, id_: str, by: str, now: datetime) -> bool:
        claim: dict[str, Any] = {"claimed_by": by, "claimed_at": micros(now)}
        where = "and state = 'open' and (claimed_by is null or claimed_by = ?)"
        return self.bulk.change(tables.card, id_, claim, where, by) == 1

    # --- what was said of a conversation and can still be taken back

    def said_of(self, by: str, card: str | None = None) -> list[Said]:
        said = self.bulk.all(SAID, 'where "by" = ? order by "at", id', by)
        return [each for each in said if card in (None, each.card)]

    def said_due(self, now: datetime, limit: int) -> list[Said]:
        return self.bulk.all(SAID, "where due <= ? order by due limit ?", micros(now), limit)

    def said_cards(self, since: datetime) -> set[str]:
        rows = self.bulk.rows("select card from said where due > ? and fault is null", micros(since))
        return {card for (card,) in rows}

    def said_waits(self, card: str) -> bool:
        return bool(self.bulk.rows("select 1 from said where card = ? and fault is null limit 1", card))

    def save_said(self, said: Said) -> None:
        self.bulk.put(SAID, [said])

    def take_said(self, id_: str) -> bool:
        return bool(self.bulk.rows("delete from said where id = ? returning id", id_))

    # --- remedies above a limit

    def ask(self, id_: str) -> Ask | None:
        return self.bulk.one(ASK, "where id = ?", id_)

    def save_ask(self, ask: Ask) -> None:
        self.bulk.put(ASK, [ask])

    def asks_open(self, limit: int = 50) -> list[Ask]:
        return self.bulk.all(ASK, "where state = 'open' order by \"at\", id limit ?", limit)

    def asks_of(self, accounts: Collection[str]) -> list[Ask]:
        return self.bulk.by_keys(ASK, "account", accounts, 'order by "at" desc, id')

    # --- cover

    def absences(self, now: datetime) -> list[Absence]:
        more = 'where ended_at is null and ("until" is null or "until" > ?) order by since, id'
        return self.bulk.all(ABSENCE, more, micros(now))

    def absence(self, id_: str) -> Absence | None:
        return self.bulk.one(ABSENCE, "where id = ?", id_)

    def save_absence(self, absence: Absence) -> None:
        self.bulk.put(ABSENCE, [absence])

    # --- the feed

    def finish(self) -> None:
        """Cursors are given in order of commit, or a reader could pass one that is not there yet."""
        super().finish()
        if self._changed_holds:
            last = self.grown("hold", len(self._changed_holds))
            first = last - len(self._changed_holds) + 1
            rows = [(id_, cursor) for cursor, id_ in enumerate(self._changed_holds, start=first)]
            self.bulk.update(tables.hold, ("id", "change"), rows)
            self._changed_holds.clear()

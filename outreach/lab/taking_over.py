"""A scratch house that stands as the real one does, as far as some accounts and people go: their rows, taken over."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Column, Table, insert, select

from outreach.domain.facts import PERSON_PREFIX
from outreach.domain.recipient import account_identity
from outreach.store import tables
from outreach.store.unit import StoreUnit

AT_ONCE = 500
"""Keys in one statement."""

LEFT_OUT = {
    "feed": "other systems are told nothing from here",
    "quarantine": "it is no event yet",
    "endpoint_lock": "nobody else works here",
    "attempt": "what was written decides nothing",
    "phone_call": "nobody dials from here",
    "call_leg": "nobody dials from here",
    "inbound": "it waits for a colleague, and nobody answers",
    "seen": "providers tell nothing here",
    "pushed": "providers' lists are not touched from here",
    "care_link": "nobody opens a page here",
    "saved": "what was saved is in the files",
    "heartbeat": "nobody watches it",
    "audit": "a record, and the chain of another house",
    "counter": "it counts the feeds and the audit",
    "app_user": "colleagues' log-ins",
    "reach": "colleagues' own telephones",
    "alert": "no colleague is told anything from here",
    "api_token": "nobody comes in here",
    "import_progress": "nothing is imported here",
}
"""Table → why no row of it is taken over."""


def take_over(source: StoreUnit, into: StoreUnit, subjects: Iterable[str]) -> None:
    """Everything that decides what happens next to these subjects: what is known of them, their runs, contacts, holds
    and cards, and what ops have said. Without colleagues' log-ins, messages' texts and the records."""
    rows, subjects = _Rows(source, into), list(subjects)
    accounts = [each for each in subjects if not each.startswith(PERSON_PREFIX)]
    people = [each.removeprefix(PERSON_PREFIX) for each in subjects if each.startswith(PERSON_PREFIX)]
    _what_happened(rows, subjects)
    for table in (
        tables.failure,
        tables.promise,
        tables.due,
        tables.run,
        tables.touch,
        tables.hold,
        tables.ask,
    ):
        rows.copy(table, table.c.account, accounts)
    rows.copy(tables.decision, tables.decision.c.account, accounts)
    rows.copy(tables.missed, tables.missed.c.account, accounts)
    rows.copy(tables.account, tables.account.c.id, accounts)
    rows.copy(tables.person, tables.person.c.id, people)
    rows.copy(tables.membership, tables.membership.c.person, people)
    rows.copy(tables.link, tables.link.c.a, people)
    endpoints = rows.copy(tables.endpoint, tables.endpoint.c.person, people)
    rows.copy(tables.suppression, tables.suppression.c.hash, {row["hash"] for row in endpoints})
    _on_the_desk(rows, [*people, *map(account_identity, accounts)])
    _what_ops_said(source, into)


def _what_happened(rows: _Rows, subjects: Sequence[str]) -> None:
    events = rows.copy(tables.event, tables.event.c.subject, subjects)
    numbers = [row["seq"] for row in events]
    rows.copy(tables.event_private, tables.event_private.c.event_seq, numbers)
    rows.copy(tables.revision, tables.revision.c.event_seq, numbers)
    rows.copy(tables.parked, tables.parked.c.subject, subjects)


def _on_the_desk(rows: _Rows, identities: Sequence[str]) -> None:
    cards = rows.copy(tables.card, tables.card.c.identity, identities)
    rows.copy(tables.said, tables.said.c.card, [row["id"] for row in cards])


def _what_ops_said(source: StoreUnit, into: StoreUnit) -> None:
    """Publish states, what a second person was asked, the kill switch, versions that runs are pinned to, who is away,
    and what the customers of an incident are told."""
    rows = _Rows(source, into)
    published(source, into)
    for table in (
        tables.blast, tables.playbook_version, tables.absence, tables.incident, tables.wording,
    ):  # fmt: skip
        rows.copy(table)
    rows.copy(tables.setting, tables.setting.c.name, ["stop_all"])


def published(source: StoreUnit, into: StoreUnit) -> None:
    """Which playbooks contact anybody, as it is now, and who said so."""
    rows = _Rows(source, into)
    for table in (tables.playbook_state, tables.playbook_published):
        rows.copy(table)


class _Rows:
    """From one database to the other, whichever kinds they are."""

    def __init__(self, source: StoreUnit, into: StoreUnit) -> None:
        self._source, self._into = source.core, into.core

    def copy(
        self, table: Table, column: Column[Any] | None = None, keys: Iterable[Any] = ()
    ) -> list[dict[str, Any]]:
        """The rows whose column is one of the keys; without a column all of them."""
        found = self._all(table) if column is None else self._of(table, column, sorted(set(keys)))
        if found:
            self._into.execute(insert(table), found)
        return found

    def _all(self, table: Table) -> list[dict[str, Any]]:
        return [dict(row) for row in self._source.execute(select(table)).mappings()]

    def _of(self, table: Table, column: Column[Any], keys: Sequence[Any]) -> list[dict[str, Any]]:
        parts = (keys[start : start + AT_ONCE] for start in range(0, len(keys), AT_ONCE))
        asked = (select(table).where(column.in_(part)) for part in parts)
        return [dict(row) for each in asked for row in self._source.execute(each).mappings()]

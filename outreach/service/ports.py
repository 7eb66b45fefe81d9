"""The hatches of the corridor: what services need from the cellar, the postbox and the outside.

A unit is one transaction. Only services open one, one per use case; the store never commits by
itself. Methods that take many rows are the hot ones: one statement each, whatever the number.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple, Protocol, TypeVar

from outreach.domain.errors import NotFound
from outreach.domain.evaluate import Ruleset
from outreach.domain.facts import Channel
from outreach.domain.playbook import Playbook
from outreach.service.ports_accounts import Accounts
from outreach.service.ports_desk import Desk
from outreach.service.ports_events import Events
from outreach.service.ports_incidents import Incidents
from outreach.service.ports_phone import Phone
from outreach.service.ports_publishing import Publishing
from outreach.service.ports_reaching import Reaching
from outreach.service.ports_records import Records, User
from outreach.service.ports_runs import Runs
from outreach.service.ports_traffic import Traffic
from outreach.service.ports_ways import Finder, Lists, Notifier, Papers, Post, Sender, Telephone

Done = TypeVar("Done")


class Clock(Protocol):
    def now(self) -> datetime:
        """Aware, UTC."""


class Ids(Protocol):
    def new(self) -> str:
        """A time-ordered id: later ids sort later."""

    def token(self) -> str:
        """Unguessable, URL-safe, at least 128 bits."""


class Unit(Events, Accounts, Runs, Desk, Reaching, Incidents, Traffic, Phone, Publishing, Records, Protocol):
    """One open transaction. Everything read through it is consistent; nothing is kept without commit."""


class Database(Protocol):
    def unit(self) -> AbstractContextManager[Unit]:
        """Opens a write transaction; commits at the end, rolls back on any exception."""

    def view(self) -> AbstractContextManager[Unit]:
        """A read-only transaction."""

    def retrying(self, work: Callable[[Unit], Done]) -> Done:
        """Runs ``work(unit)`` in a unit, and again as a whole when the database says the
        transaction must be repeated (serialisation, deadlock, busy)."""


class Erasure(NamedTuple):
    """Nothing of it says who they were: our own id, and keyed hashes of their endpoints."""

    person: str
    hashes: tuple[str, ...]
    at: datetime


class ErasureLog(Protocol):
    """Who was erased, kept apart from the database: a backup that is restored does not bring them back."""

    def note(self, erasure: Erasure) -> None: ...
    def all(self) -> list[Erasure]: ...


@dataclass(frozen=True, slots=True)
class Outside:
    """Everything the services are handed: the composition root makes one."""

    database: Database
    clock: Clock
    ids: Ids
    rules: Callable[[], Ruleset]
    """Callable that gives the current Ruleset."""
    senders: Mapping[Channel, Sender] = field(default_factory=dict)
    providers: Mapping[Channel, str] = field(default_factory=dict)
    """Channel → the provider behind its sender. A channel without one leads to the outbox."""
    outbox: Sender | None = None
    """Takes what a provider in rehearsal must not."""
    papers: Papers | None = None
    rehearsal_to: frozenset[str] = frozenset()
    """Endpoints that a provider in rehearsal may contact."""
    post: Post = Post()
    finders: Mapping[Channel, Finder] = field(default_factory=dict)
    telephone: Telephone | None = None
    notifier: Notifier | None = None
    """Without one nobody is told anything away from the desk."""
    lists: Lists | None = None
    rests: Callable[[], Mapping[str, datetime]] = dict
    """Ways that this process lets rest, because the provider is unwell or has asked for it → until when."""
    endpoint_hash: Callable[[str, str], str] = lambda kind, value: f"{kind}:{value}"
    """``(kind, value) -> str``, keyed by the composition root."""
    erasures: ErasureLog | None = None
    restore: Callable[[str], Playbook] | None = None
    """A stored version's text → the playbook it was."""

    def pinned(self, unit: Unit, version: str) -> Playbook:
        """A run's own version, after the files have moved on. Raises NotFound when it was never stored."""
        text = unit.version(version)
        if text is None or self.restore is None:
            raise NotFound(f"playbook version {version} is not stored")
        return self.restore(text)

    def am(self, unit: Unit, user: str | None) -> User:
        """The account manager as mails and briefs name them; empty when nobody is known."""
        found = unit.user(user) if user else None
        return found or User(user or "", "", "", "", "am")

"""What happened: stored, passed on, parked, quarantined."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple, Protocol

from outreach.domain.facts import Event
from outreach.domain.history import Happening


class StoredRef(NamedTuple):
    """What is stored under one (source, id)."""

    seq: int
    hash: str
    subject: str
    time: datetime
    arrived: datetime
    sequence: str | None
    revision: int
    earlier: frozenset[str]
    """Content hashes of earlier contents."""


class WindowNeed(NamedTuple):
    subject: str
    type: str
    since: datetime | None
    data: bool


class Quarantined(NamedTuple):
    id: str
    at: datetime
    source: str
    event_id: str
    type: str
    reasons: str
    body: str
    status: str = "open"


class Parked(NamedTuple):
    id: str
    event: Event
    hash: str
    private: Mapping[str, Any]
    reason: str
    """``future`` or ``unknown_account``"""
    until: datetime | None


class NewEvent(NamedTuple):
    """An event about to be stored, with its content hash and its personal fields apart."""

    event: Event
    hash: str
    private: Mapping[str, Any]


class Passed(NamedTuple):
    """An event at its place in the feed, as it is now and without what is personal. ``type``: as which it was
    passed on."""

    number: int
    type: str
    event: Event


class FeedEnds(NamedTuple):
    """The greatest number that is forgotten, and the newest; 0 where there is none yet."""

    forgotten: int
    newest: int


class Events(Protocol):
    """One open transaction, as far as it is about this."""

    def stored(self, refs: Collection[tuple[str, str]]) -> dict[tuple[str, str], StoredRef]: ...
    def add_events(self, rows: Sequence[NewEvent]) -> None: ...
    def revise_event(self, seq: int, row: NewEvent, earlier: StoredRef, *, current: bool) -> None:
        """Keep the content as a revision; make it the current one where it is the greatest."""

    def retract(self, refs: Collection[tuple[str, str]], *, retracted: bool = True) -> None: ...
    def events_of(self, subject: str) -> list[Event]:
        """All current events of one subject, retracted ones included, in order of (time, source, id)."""

    def last_of(self, subject: str, type_: str, limit: int = 1) -> list[Event]:
        """The newest events of a type, personal fields included, newest first; retracted ones are left out."""

    def event(self, ref: str) -> Event | None:
        """By ``source|id``."""

    def events(self, refs: Collection[str]) -> dict[str, Event]:
        """Several by ``source|id``; what is not there is left out."""

    def windows(self, needs: Collection[WindowNeed]) -> dict[str, dict[str, list[Happening]]]:
        """subject → type → happenings sorted by time; retracted events are left out."""

    def pass_on(self, events: Collection[Event], at: datetime) -> None:
        """These get the next places in the feed, with the commit; those that have one leave it."""

    def pass_on_again(self, refs: Collection[tuple[str, str]], at: datetime) -> None:
        """The same for those of them that are in the feed, whatever they are now."""

    def feed(self, after: int, types: Collection[str], limit: int) -> list[Passed]:
        """What was passed on as one of these types, by number."""

    def feed_ends(self) -> FeedEnds: ...
    def forget_feed(self, before: datetime) -> int:
        """Everything up to the newest that was passed on before then. Gives how many."""

    def quarantine(self, rows: Sequence[Quarantined]) -> None: ...
    def quarantined(
        self, *, type_: str = "", source: str = "", about: str = "", after: str = "", limit: int = 100
    ) -> list[Quarantined]:
        """Those that nobody has dealt with, of this type and source, with these words in a reason; in order of their
        ids, from the one after ``after``."""

    def quarantined_one(self, id_: str) -> Quarantined | None:
        """Whatever has become of it."""

    def mark_quarantined(self, id_: str, status: str) -> bool:
        """False when somebody has dealt with it already."""

    def park(self, rows: Sequence[Parked]) -> None: ...
    def parked(self, refs: Collection[tuple[str, str]]) -> dict[tuple[str, str], Parked]: ...
    def parked_for(self, subjects: Collection[str]) -> list[Parked]: ...
    def parked_until(self, now: datetime, limit: int) -> list[Parked]: ...
    def unpark(self, ids: Collection[str]) -> None: ...

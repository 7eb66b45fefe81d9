"""The hatches of the corridor: what services need from the cellar, the postbox and the outside.

A unit is one transaction. Only services open one, one per use case; the store never commits by
itself. Methods that take many rows are the hot ones: one statement each, whatever the number.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple, Protocol, TypeVar

from outreach.domain.account import AccountState, Due, Happening
from outreach.domain.alert import Given, OnDesk, Unreached
from outreach.domain.blast import Blast
from outreach.domain.card import Card
from outreach.domain.cover import Absence
from outreach.domain.errors import NotFound, OutreachError
from outreach.domain.evaluate import Ruleset
from outreach.domain.facts import Channel, Event
from outreach.domain.failure import Failure
from outreach.domain.hold import Hold
from outreach.domain.incident import Incident, SaidAbout, Wording
from outreach.domain.message import Message
from outreach.domain.person import PersonState
from outreach.domain.phone import Leg, PhoneCall
from outreach.domain.plan import Decision, Run
from outreach.domain.playbook import Playbook
from outreach.domain.signal import Delivery, Meaning
from outreach.domain.talk import Said
from outreach.domain.touch import Touch

Done = TypeVar("Done")


class Clock(Protocol):
    def now(self) -> datetime:
        """Aware, UTC."""


class Ids(Protocol):
    def new(self) -> str:
        """A time-ordered id: later ids sort later."""

    def token(self) -> str:
        """Unguessable, URL-safe, at least 128 bits."""


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


@dataclass(frozen=True, slots=True)
class User:
    """A colleague who signs in. ``email`` in lower case, unique."""

    id: str
    name: str
    email: str
    password_hash: str
    role: str
    manager: str | None = None
    """The account manager that they are: what ``account.owner`` says."""
    zone: str | None = None
    active: bool = True
    phone: str | None = None
    """Their own, E.164: where the house rings them."""
    issuer: str | None = None
    subject: str | None = None
    """Who they are at the company's OpenID provider; unique together. Bound at their first sign-in there."""


@dataclass(frozen=True, slots=True)
class ApiToken:
    """Another system's key. Only its hash is kept."""

    hash: str
    name: str
    scopes: tuple[str, ...]
    created: datetime
    expires: datetime | None = None
    revoked: bool = False


@dataclass(frozen=True, slots=True)
class ImportProgress:
    """How far a file was read, by the digest of its content, so that an import can be resumed."""

    digest: str
    name: str
    offset: int = 0
    """Bytes read and stored."""
    accepted: int = 0
    bad: int = 0
    finished_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Save:
    """What somebody saved into the folder of playbooks from a page: path below it → text. A text is None where there was
    no such file, or is none any more."""

    id: str
    playbook: str
    by: str
    reason: str
    at: datetime
    before: Mapping[str, str | None]
    after: Mapping[str, str | None]
    commit: str = ""
    """In git; empty where the folder is in no repository."""
    authors: Sequence[str] = ()
    """Whoever has written to the draft, and saved it."""


class Attempt(NamedTuple):
    """One attempt to hand a message over: what it said, to whom, by whom it went, how far it got.

    Written with the intent to send, so that there is evidence when nobody knows what became of it. The
    personal fields are None once the person is erased.
    """

    token: str
    touch: str
    run: str
    account: str
    channel: Channel
    provider: str
    """``twilio · sendgrid · smtp · outbox``"""
    at: datetime
    person: str | None = None
    recipient: str | None = None
    sender: str | None = None
    """The number or address it left from, where we choose it."""
    subject: str | None = None
    text: str | None = None
    message_id: str | None = None
    ref: str | None = None
    """The provider's own id for it."""
    delivery: Delivery | None = None
    code: str | None = None
    """The provider's error code, as it wrote it."""
    heard_at: datetime | None = None


class Inbound(NamedTuple):
    """Something a person sent us that a colleague has to look at."""

    id: str
    """``sms:<provider id>``, ``email:<hash of the Message-ID>``, ``call:<provider id>``"""
    at: datetime
    channel: Channel
    kind: str
    """``unknown`` (who is it?) · ``refusal`` (what was meant?)"""
    status: str
    """``open`` · ``settled``"""
    sender: str
    hash: str
    """Keyed hash of the sender's endpoint."""
    name: str
    recipient: str
    subject: str
    text: str
    person: str | None = None
    account: str | None = None
    touch: str | None = None
    by: str | None = None
    why: str | None = None
    settled_at: datetime | None = None


class Pushed(NamedTuple):
    """One address on one of a provider's unsubscribe lists.

    ``adding`` and ``removing`` are intents: what they speak of may or may not have happened, and both may
    be done again. ``theirs``: it was there before us, or they put it there themselves; we never take it off.
    """

    place: str
    """``sendgrid/<group>``"""
    hash: str
    state: str
    at: datetime
    person: str | None = None
    address: str | None = None


class Unit(Protocol):
    """One open transaction. Everything read through it is consistent; nothing is kept without commit."""

    # locks: account rows, then endpoint rows, each in key order
    def lock_accounts(self, ids: Collection[str]) -> dict[str, AccountState]:
        """The states of those accounts that exist, their failures, promises and dues included."""

    def lock_people(self, ids: Collection[str]) -> dict[str, PersonState]: ...
    def lock_endpoints(self, hashes: Collection[str]) -> None: ...

    # events
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

    # the feed
    def pass_on(self, events: Collection[Event], at: datetime) -> None:
        """These get the next places in the feed, with the commit; those that have one leave it."""

    def pass_on_again(self, refs: Collection[tuple[str, str]], at: datetime) -> None:
        """The same for those of them that are in the feed, whatever they are now."""

    def feed(self, after: int, types: Collection[str], limit: int) -> list[Passed]:
        """What was passed on as one of these types, by number."""

    def feed_ends(self) -> FeedEnds: ...
    def forget_feed(self, before: datetime) -> int:
        """Everything up to the newest that was passed on before then. Gives how many."""

    # parking and quarantine
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

    # what is folded
    def save_accounts(self, states: Sequence[AccountState]) -> None:
        """Upsert accounts with their failures, promises and dues (rows gone from the state are deleted,
        but failures are never: the caller marks them void)."""

    def account(self, id_: str) -> AccountState | None: ...
    def accounts(self, ids: Collection[str]) -> list[AccountState]:
        """Those that exist, in order of their ids."""

    def accounts_akin(self, groups: Collection[str]) -> list[str]:
        """Ids of the accounts that have one of these in common (see ``hold.kin``)."""

    def account_ids(self, after: str = "", limit: int = 500) -> list[str]: ...
    def save_people(self, states: Sequence[PersonState]) -> None:
        """Upsert people with their endpoints (keyed hashes too) and memberships."""

    def people(self, ids: Collection[str]) -> dict[str, PersonState]: ...
    def person_ids(self) -> list[str]: ...
    def people_of(self, account: str) -> list[PersonState]: ...
    def people_of_accounts(self, accounts: Collection[str]) -> dict[str, list[PersonState]]:
        """Account → everybody known there, in order of their ids."""

    def identities(self, people: Collection[str]) -> dict[str, str]:
        """person id → the id that stands for this human across confirmed links."""

    def erased_people(self, ids: Collection[str]) -> set[str]: ...
    def humans(self, people: Collection[str]) -> dict[str, set[str]]:
        """Each of the people → all records that are confirmed to be the same human, their own among them."""

    def same_human(self, identity: str) -> list[str]: ...
    def links_of(self, person: str) -> dict[str, str]:
        """Who else it is about → the newest word on the two: ``suggested · linked · confirmed · parted``."""

    def link(self, a: str, b: str, state: str, by: str, at: datetime) -> None: ...
    def linked(self, people: Collection[str]) -> list[str]:
        """Those people, and everybody suggested, linked or confirmed to be the same human."""

    def due_rows(self, now: datetime, limit: int) -> list[Due]:
        """Time rows whose instant has come, oldest first, over all accounts."""

    # runs, touches, holds, cards
    def runs_of(self, accounts: Collection[str]) -> list[Run]: ...
    def run(self, id_: str) -> Run | None: ...
    def save_runs(self, runs: Sequence[Run]) -> None: ...
    def runs_to_wake(self, now: datetime, limit: int) -> list[tuple[str, str]]:
        """(account, run) of open runs whose ``wake_at`` has come; claimed where the database can."""

    def touches_of(self, accounts: Collection[str]) -> list[Touch]:
        """All touches of the open runs of those accounts, and every open touch."""

    def touches_of_run(self, run: str) -> list[Touch]: ...
    def touches_of_card(self, card: str) -> list[Touch]: ...
    def touch(self, id_: str) -> Touch | None: ...
    def touch_by_token(self, token: str) -> Touch | None: ...
    def add_touches(self, touches: Sequence[Touch]) -> None: ...
    def change_touch(self, old: Touch, new: Touch) -> bool:
        """Compare and set on (id, old status, old attempt). False when somebody else was first."""

    def touches_due(self, now: datetime, limit: int) -> list[tuple[str, str]]:
        """(account, touch) with status planned or due and ``due`` reached, oldest first."""

    def touches_stuck(self, before: datetime, limit: int) -> list[Touch]:
        """Status ``sending`` with an intent older than ``before``."""

    def touches_unknown(self, limit: int) -> list[Touch]:
        """Of which nobody knows whether they left, the newest first: they are the likeliest to be found."""

    def contacts_since(self, identity: str, endpoint: str | None, since: datetime) -> list[Touch]:
        """Touches of this human or endpoint that count for caps: sending, sent, unknown, dialled."""

    def hold(self, id_: str) -> Hold | None: ...
    def holds_of(self, accounts: Collection[str]) -> list[Hold]: ...
    def holds_on(
        self, people: Collection[str], accounts: Collection[str], groups: Collection[str]
    ) -> list[Hold]:
        """Holds that have not been ended and touch any of these people, accounts or groups."""

    def save_holds(self, holds: Sequence[Hold]) -> None: ...
    def hold_changes(self, after: int, limit: int) -> list[tuple[int, Hold]]:
        """The feed: changes of holds with a growing cursor."""

    def holds_over(self, now: datetime, limit: int) -> list[Hold]:
        """Holds not ended whose end has passed."""

    def open_card(self, identity: str) -> Card | None: ...
    def open_cards(self, identities: Collection[str]) -> dict[str, Card]: ...
    def save_cards(self, cards: Sequence[Card]) -> None: ...
    def card(self, id_: str) -> Card | None: ...
    def save_card(self, card: Card) -> None: ...
    def claim_card(self, id_: str, by: str, now: datetime) -> bool:
        """Compare and set: True when nobody else has it."""

    # records
    def add_decisions(self, rows: Sequence[Decision]) -> None: ...
    def decisions_of(self, account: str, limit: int = 200) -> list[Decision]: ...
    def decision_of_run(self, account: str, run: str) -> Decision | None:
        """The newest that started the run, or pointed it at another trigger: it holds why."""

    def versions_of_runs(self, accounts: Collection[str]) -> dict[str, list[tuple[datetime, str]]]:
        """Run → since when it went by which version, in order; the first is the one that it started with."""

    def keep_version(self, version: str, name: str, source: str, at: datetime) -> None: ...
    def version(self, version: str) -> str | None: ...
    def publish_states(self) -> dict[str, tuple[str, int]]:
        """playbook → (shadow · percent · live · paused · disabled, percent). Absent means live."""

    def set_publish_state(
        self, playbook: str, state: str, percent: int, by: str, reason: str, at: datetime
    ) -> None: ...
    def add_save(self, save: Save) -> None: ...
    def saves_of(self, playbook: str, limit: int) -> Sequence[Save]:
        """Newest first."""

    def saves_since(self, at: datetime) -> Sequence[Save]:
        """Of all playbooks."""

    def add_published(self, row: Published) -> None: ...
    def published(self, playbook: str, limit: int) -> list[Published]:
        """Newest first."""

    def versions_of(self, playbook: str, limit: int) -> list[tuple[str, datetime]]:
        """(version, when its first run started), newest first."""

    def reached(self, playbook: str, since: datetime, limit: int) -> int:
        """How many accounts its runs that contact anybody were started for after that; counts up to ``limit``."""

    def blasts_standing(self) -> list[Blast]:
        """Those that are asked about, and those that were let go and hold: of each playbook one."""

    def blasts_refused(self, since: datetime) -> list[Blast]: ...
    def blast(self, playbook: str, nth: int) -> Blast | None: ...
    def blasts_of(self, playbook: str) -> int:
        """How many there have been."""

    def add_blasts(self, rows: Sequence[Blast]) -> None:
        """One that is there already stays as it is."""

    def change_blast(self, old: Blast, new: Blast) -> bool:
        """Compare and set on its state. False when somebody else was first."""

    def runs_of_blast(self, playbook: str, nth: int, limit: int) -> list[tuple[str, str]]:
        """(account, run) of the open runs that wait with it, or waited."""

    def accounts_of_blast(self, playbook: str, nth: int) -> int: ...
    def keep_missed(self, rows: Sequence[Missed]) -> None:
        """What is kept already stays."""

    def missed(self, playbooks: Collection[str], now: datetime, limit: int) -> list[Missed]: ...
    def drop_missed(self, rows: Sequence[Missed]) -> None: ...
    def put_off_missed(self, row: Missed, until: datetime) -> None: ...
    def forget_missed(self, playbook: str) -> int: ...
    def count_missed(self) -> dict[str, int]:
        """Playbook → triggers."""

    def runs_under_way(
        self, playbook: str | None, account: str | None, not_version: str | None, limit: int
    ) -> list[Run]:
        """Open runs, the oldest first; those of another version alone, where one is named."""

    def setting(self, name: str) -> str | None: ...
    def set_setting(self, name: str, value: str | None) -> None: ...
    def beat(self, name: str, at: datetime, detail: str = "") -> None: ...
    def heartbeats(self) -> dict[str, tuple[datetime, str]]: ...
    def audit_of(self, subject: str, limit: int = 200) -> Sequence[AuditRow]: ...
    def audit_since(self, subject: str, since: datetime, what: str | None = None) -> Sequence[AuditRow]:
        """All of them, the newest first; of this kind alone, where one is named."""

    def audit(self, at: datetime, who: str, what: str, subject: str, why: str = "") -> None: ...
    def suppressed(self, hashes: Collection[str]) -> dict[str, dict[str, str]]:
        """Keyed endpoint hash → channel (or ``all``) → why it may not be contacted that way."""

    def suppress(self, hash_: str, channel: str, why: str, at: datetime) -> None:
        """What is erased stays so, whatever comes later."""

    def lift(self, hash_: str, channel: str) -> None:
        """They want to hear from us on this channel again. What is erased stays so."""

    def audit_fault(self) -> str | None:
        """Where the audit chain was tampered with, in a sentence; None when it holds."""

    def forget(self, person: str) -> None:
        """Remove the personal fields of events, attempts, calls and messages about that person; the rows
        stay for the fold."""

    # what went out, and what came back
    def care_link(self, hash_: str) -> CareLink | None:
        """Locked where the unit writes."""

    def save_care_link(self, link: CareLink) -> None: ...
    def revoke_care_links(self, person: str) -> int:
        """How many were good until now."""

    def forget_traces(self, person: str, endpoints: Collection[str], hashes: Collection[str]) -> None:
        """What was put aside before anybody knew whose it was goes, too."""

    def forget_name(self, account: str) -> None:
        """A private customer's account is called what they were called; its state is to be folded anew."""

    def attempts_to(self, person: str) -> list[Attempt]: ...
    def forget_drafts(self, accounts: Collection[str], person: str) -> None: ...
    def written_about(self, person: str) -> list[str]:
        """Accounts of every message that was sent to them."""

    def told_of(self, person: str) -> list[str]:
        """Accounts that have events with words of theirs."""

    def add_attempt(self, attempt: Attempt) -> None: ...
    def attempt(self, token: str) -> Attempt | None: ...
    def attempt_by_ref(self, ref: str) -> Attempt | None: ...
    def attempts_of(self, touches: Collection[str]) -> list[Attempt]:
        """Oldest first."""

    def attempts_of_run(self, run: str) -> list[Attempt]: ...
    def last_attempt_to(self, person: str, channel: Channel) -> Attempt | None:
        """The newest message that went to this person on this channel."""

    def save_attempt(self, attempt: Attempt) -> None: ...
    def was_seen(self, id_: str) -> bool: ...
    def first_seen(self, ids: Collection[str], at: datetime) -> set[str]:
        """Those of the ids that nobody has told us before; from now on they are known."""

    def forget_settled(self, before: datetime) -> int:
        """What was put aside and settled before then goes. Gives how much."""

    def forget_words(self, before: datetime) -> int:
        """Texts of messages, ours and theirs, from before then go; that there was one stays. Gives how many."""

    def forget_seen(self, before: datetime) -> None: ...
    def keep_inbound(self, row: Inbound) -> bool:
        """False when it is there already."""

    def inbound(self, id_: str) -> Inbound | None: ...
    def inbound_open(self, limit: int, offset: int = 0) -> list[Inbound]:
        """Oldest first: nothing expires unseen."""

    def inbound_of(self, person: str) -> list[Inbound]: ...
    def count_inbound(self) -> int: ...
    def save_inbound(self, row: Inbound) -> None: ...
    def people_at(self, kind: str, value: str, limit: int = 10_000) -> list[PersonState]:
        """Everybody who has this endpoint, or the first of them, by id."""

    def people_like(
        self, *, name: str = "", mail_domain: str = "", phone_start: str = "", limit: int = 50
    ) -> list[tuple[str, str]]:
        """(person, name) of people whose name shares a word with it, or who have such an endpoint."""

    # what was said of a conversation and can still be taken back
    def said_of(self, by: str, card: str | None = None) -> list[Said]:
        """The oldest first."""

    def said_due(self, now: datetime, limit: int) -> list[Said]: ...
    def said_cards(self, since: datetime) -> set[str]:
        """Of which something was to be written down after that, and nothing is wrong with it."""

    def said_waits(self, card: str) -> bool:
        """Somebody has just said how it went. What broke since does not keep the card from anybody."""

    def save_said(self, said: Said) -> None: ...
    def take_said(self, id_: str) -> bool:
        """It waits no longer. False when it did not any more: somebody else has taken it."""

    # remedies above a limit
    def ask(self, id_: str) -> Ask | None: ...
    def save_ask(self, ask: Ask) -> None: ...
    def asks_open(self, limit: int = 50) -> list[Ask]:
        """The oldest first."""

    def asks_of(self, accounts: Collection[str]) -> list[Ask]:
        """The newest first."""

    # cover
    def absences(self, now: datetime) -> list[Absence]:
        """Those that are on or still to come, the first to begin first."""

    def absence(self, id_: str) -> Absence | None: ...
    def save_absence(self, absence: Absence) -> None: ...

    # reaching colleagues away from the desk
    def reach(self, user: str) -> Reach | None: ...
    def reaches(self) -> list[Reach]:
        """Of everybody who has said where they are reached."""

    def save_reach(self, reach: Reach) -> None: ...
    def open_lines(self, names: Collection[str]) -> list[OnDesk]:
        """Of open cards with which one of these has to do, or nobody; what sells is left out."""

    def given_by(self, names: Collection[str], until: datetime) -> list[Given]:
        """Promises not kept yet that are due before then, given by these or for accounts of theirs."""

    def unreached_of(self, names: Collection[str]) -> list[Unreached]:
        """Failures with nobody spoken to: of accounts of theirs, and all that have climbed beyond the owner."""

    def untold(self, user: str, things: Collection[str], now: datetime) -> set[str]:
        """Those of the things that they were never told, or in vain and to be tried again by now."""

    def claim_alerts(self, user: str, things: Collection[str], now: datetime) -> set[str]:
        """Those of the same that are ours to tell from now on: of two who ask at once one gets each."""

    def settle_alerts(self, user: str, things: Collection[str], state: str, why: str) -> None:
        """What became of things that are being told. What is to be tried ``again`` waits a minute longer each time,
        ten at most."""

    def last_alert(self, user: str) -> Alert | None:
        """The newest that there was something to tell in."""

    def forget_alerts(self, before: datetime) -> int: ...

    # incidents
    def incident(self, id_: str) -> Incident | None: ...
    def incidents_open(self) -> list[Incident]:
        """The one opened last first."""

    def incidents_corrected(self) -> list[Incident]:
        """Open or closed, those of which more than a first wording was approved."""

    def incidents_closed(self, limit: int) -> list[Incident]:
        """The one closed last first."""

    def save_incident(self, incident: Incident) -> None: ...
    def wordings(self, incidents: Collection[str]) -> list[Wording]:
        """Of each in the order of their numbers."""

    def add_wording(self, wording: Wording) -> None: ...
    def approve_wording(self, incident: str, number: int, by: str, at: datetime) -> bool:
        """False when somebody has approved it already."""

    def hurt_lately(
        self, types: Collection[str], since: datetime, until: datetime
    ) -> list[tuple[Failure, Event]]:
        """Open failures that we learnt of then, each with every event of these types of its account at that time: not all
        of these are about it. Without what is personal; in order of time."""

    def hurt_by(self, type_: str, since: datetime, until: datetime) -> list[tuple[Failure, Event]]:
        """The same of failures that were open at some moment then, whatever has become of them."""

    def said_about(self, accounts: Collection[str]) -> list[SaidAbout]:
        """What left, or may have, and calls that reached somebody, about failures of these accounts."""

    def drafts_of(self, accounts: Collection[str]) -> list[Touch]: ...

    # calls through the house
    def add_call(self, call: PhoneCall, legs: Sequence[Leg]) -> None: ...
    def call(self, id_: str) -> PhoneCall | None:
        """Locked until the unit ends, where rows can be."""

    def call_by_cause(self, cause: str) -> PhoneCall | None: ...
    def calls_of_card(self, card: str) -> list[PhoneCall]:
        """Newest first."""

    def open_calls(self) -> list[PhoneCall]: ...
    def callbacks_to_ring(self, since: datetime, now: datetime, limit: int) -> list[tuple[str, str, str]]:
        """(account, touch, run) of calls on the desk that a customer asked for, due since then, for which
        no phone of ours has rung yet."""

    def calls_to_move(self, now: datetime, limit: int) -> list[str]:
        """Ids of calls whose ``next_at`` has come."""

    def save_call(self, call: PhoneCall) -> None: ...
    def leg(self, token: str) -> Leg | None: ...
    def legs_of(self, call: str) -> list[Leg]:
        """In the order they were rung."""

    def add_legs(self, legs: Sequence[Leg]) -> None: ...
    def save_leg(self, leg: Leg) -> None: ...

    # what we have put on providers' lists
    def pushed(self, place: str) -> list[Pushed]: ...
    def save_pushed(self, rows: Sequence[Pushed]) -> None: ...
    def open_holds(self) -> list[Hold]:
        """Every hold that has not been ended, in order of their ids."""

    # who may, and what was imported
    def user(self, id_: str) -> User | None: ...
    def user_by_email(self, email: str) -> User | None: ...
    def user_by_subject(self, issuer: str, subject: str) -> User | None: ...
    def bind_user(self, id_: str, issuer: str, subject: str) -> bool:
        """False for somebody who is bound already."""

    def users(self) -> list[User]: ...
    def save_user(self, user: User) -> None: ...
    def token(self, hash_: str) -> ApiToken | None: ...
    def tokens(self) -> list[ApiToken]: ...
    def save_token(self, token: ApiToken) -> None: ...
    def import_progress(self, digest: str) -> ImportProgress | None: ...
    def save_import_progress(self, progress: ImportProgress) -> None: ...


class Outpaced(OutreachError):
    """Somebody else changed the same row first; ``Database.retrying`` repeats the use case whole."""


class Unavailable(OutreachError):
    """The database did not do it: full, busy for too long, or gone. Nothing of the unit is kept."""


class Unfit(OutreachError, ValueError):
    """The database cannot hold this value: U+0000, or a number beyond its column. Nothing of the unit is kept."""


class InDoubt(OutreachError):
    """The connection broke while the unit was being committed: it may or may not be kept. Read again
    what it should have written before doing anything twice."""


class Database(Protocol):
    def unit(self) -> AbstractContextManager[Unit]:
        """Opens a write transaction; commits at the end, rolls back on any exception."""

    def view(self) -> AbstractContextManager[Unit]:
        """A read-only transaction."""

    def retrying(self, work: Callable[[Unit], Done]) -> Done:
        """Runs ``work(unit)`` in a unit, and again as a whole when the database says the
        transaction must be repeated (serialisation, deadlock, busy)."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """What the way out says of one attempt."""

    outcome: str
    """``sent`` · ``refused`` (definite, may be tried again at ``retry_at``) · ``failed`` (definite) ·
    ``unknown`` (may have been taken: never again by itself)"""
    ref: str | None = None
    reason: str = ""
    """A sentence for people, without anybody's name, number or text."""
    retry_at: datetime | None = None
    meaning: Meaning | None = None
    """What a refusal means beyond this message."""
    code: str = ""
    """The provider's own error code."""
    counts: bool = True
    """Of a refusal: whether it counts among the tries. The provider that was never asked, or that never
    processed it, says no."""


class Sender(Protocol):
    """One way out. Called with no transaction open; must not raise for provider faults."""

    def send(self, message: Message, token: str) -> Receipt: ...


class Papers(Protocol):
    """Messages that lie as files where no provider took them. Each gives how many are gone."""

    def forget(self, tokens: Collection[str]) -> int: ...
    def forget_to(self, addresses: Collection[str]) -> int: ...
    def forget_before(self, at: datetime) -> int: ...


class Found(NamedTuple):
    """One message or call in a provider's own listing."""

    ref: str
    at: datetime
    text: str
    status: str
    code: str | None = None


class Finder(Protocol):
    """A provider's own listing of what it has taken. Raises ``Unavailable`` when it cannot be read."""

    def find(self, recipient: str, since: datetime, until: datetime) -> list[Found]: ...


@dataclass(frozen=True, slots=True)
class Letter:
    """What one colleague is told, by all of their ways."""

    urls: tuple[str, ...] = field(repr=False)
    title: str
    text: str


class Notifier(Protocol):
    """Reaches our own people away from the desk. Called with no transaction open."""

    def shown(self, url: str, *, trusted: bool) -> str:
        """What may be seen of an address. Raises Refused, with the remedy, for one that is none, or that may not be
        named from a page (not ``trusted``)."""

    def tell(self, letters: Sequence[Letter]) -> list[Receipt]:
        """One receipt for each, in their order; ``refused``: it certainly did not leave. Comes back in bounded time
        and does not raise."""


class Telephone(Protocol):
    """Rings our own people's phones. Called with no transaction open; must not raise for provider faults."""

    def ring(self, number: str, token: str) -> Receipt:
        """Ring that phone; whoever picks up is asked to accept the call that the token stands for."""

    def hang_up(self, ref: str) -> None:
        """End that leg, whether it rings or talks. What has ended already is no fault."""


class Lists(Protocol):
    """A provider's lists of addresses that it does not write to. Raises ``Unavailable``."""

    def groups(self) -> Sequence[str]:
        """The unsubscribe groups that stand for the company's own marketing."""

    def members(self, group: str, addresses: Sequence[str]) -> set[str]:
        """Those of the addresses that are in the group."""

    def add(self, group: str, addresses: Sequence[str]) -> None: ...
    def remove(self, group: str, address: str) -> None: ...
    def suppressed_since(self, since: datetime) -> list[Suppressed]:
        """Bounces, spam reports and unsubscribes, of all lists, since then."""


class Suppressed(NamedTuple):
    """An address on one of the provider's lists. ``why``: ``bounced · spam_report · unsubscribed``;
    ``group`` for an unsubscribe group's."""

    address: str
    why: str
    at: datetime
    group: str = ""


@dataclass(frozen=True, slots=True)
class Post:
    """How messages are addressed so that what comes back finds its touch."""

    public_url: str = ""
    from_address: str = ""
    """The verified address that mails leave from when the account manager's own is not ours to use."""
    domains: frozenset[str] = frozenset()
    """Mail domains whose addresses may stand in From."""
    reply_domain: str = ""
    """Where answers are taken in; without one they go to the account manager's own address."""
    sms_sender: str = ""


class Ask(NamedTuple):
    """A remedy above the limit of whoever wants to offer it. ``amount`` in the company's currency."""

    id: str
    account: str
    failure: str
    remedy: str
    amount: float
    until: datetime
    by: str
    at: datetime
    state: str
    """``open`` · ``granted`` · ``refused``"""
    person: str | None = None
    card: str | None = None
    decided_by: str | None = None
    decided_at: datetime | None = None
    why: str | None = None


@dataclass(frozen=True, slots=True)
class Way:
    """One address at which a colleague is reached. ``url`` is a secret; ``shown`` is what may be seen of it."""

    url: str = field(repr=False)
    shown: str


@dataclass(frozen=True, slots=True)
class Reach:
    """How a colleague is reached away from the desk. ``quiet_from`` and ``quiet_until``: ``HH:MM`` on their own
    clock. ``always``: of promised calls outside working hours, too."""

    user: str
    ways: tuple[Way, ...] = ()
    quiet_from: str | None = None
    quiet_until: str | None = None
    always: bool = False
    sound_at: datetime | None = None
    """What failed before that is mended: they changed something, or a test arrived."""


class Alert(NamedTuple):
    """What one colleague was told of one thing. ``state``: ``sending`` (may have left) · ``sent`` · ``again``
    (certainly not left; tried again at ``again_at``) · ``failed`` (refused) · ``unknown`` (may have left) · ``none``
    (nothing was to be told)."""

    user: str
    thing: str
    at: datetime
    state: str
    tries: int
    why: str
    again_at: datetime | None


class CareLink(NamedTuple):
    """A way to somebody's own page. ``code``: the hash of what was sent to an endpoint on file, good until
    ``code_until`` and for a few tries."""

    hash: str
    person: str
    made_at: datetime
    expires_at: datetime
    revoked: bool = False
    tries: int = 0
    account: str | None = None
    code: str | None = None
    code_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Published:
    """One change of a playbook's publish state. Without a ``by``: the file itself had changed, and its first run
    started from the new ``version``."""

    playbook: str
    state: str
    percent: int
    by: str
    reason: str
    at: datetime
    version: str
    """The file's, at that time."""
    before: str
    before_percent: int

    @property
    def changes(self) -> bool:
        return (self.state, self.percent) != (self.before, self.before_percent)


class Missed(NamedTuple):
    """A trigger that came while its playbook was paused. ``event``: ``source|id``; ``due``: not before."""

    playbook: str
    account: str
    event: str
    due: datetime


class AuditRow(NamedTuple):
    """Who did what to what, when and why."""

    seq: int
    at: datetime
    who: str
    what: str
    subject: str
    why: str


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

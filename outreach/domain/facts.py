"""The common values: what happened, to whom, and the words everything else is built of.

Times are aware ``datetime`` in UTC throughout the domain. Durations are ``timedelta`` or, in
business time, ``hours.Duration``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum, StrEnum
from typing import Any, NamedTuple

OUTREACH_SOURCE = "outreach"
"""Source of events that people enter on our pages."""
CLOCK_SOURCE = "outreach/clock"
"""Source of events that time makes. Their ids are derived, so that making one twice is a no-op."""
PERSON_PREFIX = "person:"
"""Subjects of events about a person start so; all other subjects are account ids."""


class Verdict(StrEnum):
    """A condition's three answers. A false beats a cannot-tell, a cannot-tell beats a true."""

    TRUE = "true"
    FALSE = "false"
    CANNOT_TELL = "cannot_tell"


class Purpose(StrEnum):
    """Why we may contact somebody; decides which law applies."""

    SERVICE_RECOVERY = "service_recovery"
    CALLBACK = "callback"
    REORDER = "reorder"
    WINBACK = "winback"
    MARKETING = "marketing"
    TRANSACTIONAL = "transactional"

    @property
    def sells(self) -> bool:
        """Judged as marketing by the law."""
        return self in (Purpose.REORDER, Purpose.WINBACK, Purpose.MARKETING)


class Severity(IntEnum):
    LOW = 1
    MEDIUM = 2
    HIGH = 3
    SEVERE = 4

    @classmethod
    def parse(cls, word: str) -> Severity:
        return cls[word.upper()]

    @property
    def word(self) -> str:
        return self.name.lower()


class Channel(StrEnum):
    CALL = "call"
    EMAIL = "email"
    SMS = "sms"
    TASK = "task"
    """Something a named person does that is no contact (find the pallet). Lives on the desk."""

    @property
    def written(self) -> bool:
        return self in (Channel.EMAIL, Channel.SMS)


CHANNEL_WORDS = {
    Channel.CALL: ("call", "calls"),
    Channel.EMAIL: ("e-mail", "e-mails"),
    Channel.SMS: ("SMS", "SMS"),
    Channel.TASK: ("task", "tasks"),
}
"""Channel → one of them, and many."""


def named(channel: Channel) -> str:
    """``E-mail``: at the beginning of a sentence."""
    one, _ = CHANNEL_WORDS[channel]
    return one[:1].upper() + one[1:]


class Event(NamedTuple):
    """Something that happened. Immutable; ``data`` is never changed after construction.

    ``time`` is when it happened, ``arrived`` when we learnt of it. ``subject`` is an account id,
    or ``person:<id>``. ``key`` and ``amount`` are the vocabulary's window columns for the type.
    """

    source: str
    id: str
    type: str
    subject: str
    time: datetime
    arrived: datetime
    data: Mapping[str, Any]
    key: str | None = None
    amount: float | None = None
    sequence: str | None = None
    seq: int = 0
    retracted: bool = False
    revision: int = 0

    @property
    def order(self) -> tuple[datetime, str, str]:
        """The order in which an account's events are told: time, then source, then id."""
        return (self.time, self.source, self.id)

    @property
    def ref(self) -> str:
        return f"{self.source}|{self.id}"

    @property
    def whose(self) -> str:
        """The person whose personal fields it has; empty where it names none."""
        if self.subject.startswith(PERSON_PREFIX):
            return self.subject.removeprefix(PERSON_PREFIX)
        return str(self.data.get("person_id") or "")


@dataclass(frozen=True, slots=True)
class Reason:
    """Why: a stable code for logs, metrics and tests, and a sentence for people."""

    code: str
    sentence: str

    def __str__(self) -> str:
        return self.sentence


@dataclass(frozen=True, slots=True)
class Trace:
    """One node of "because": a path into the YAML (``if``, ``steps/0/if``), its text, the verdict,
    and the values it had then. ``children`` are the parts of an ``and``/``or``/``not``."""

    path: str
    text: str
    verdict: Verdict
    values: tuple[tuple[str, Any], ...] = ()
    missing: tuple[str, ...] = ()
    children: tuple[Trace, ...] = ()


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A phone number (E.164) or an e-mail address (lower case), normalised."""

    kind: str
    """``phone`` or ``email``."""
    value: str


@dataclass(frozen=True, slots=True)
class Permission:
    """Somebody's consent: for a purpose, by a channel, at an address, with the evidence. Empty ``channel`` or
    ``endpoint``: whichever."""

    purpose: str
    given_at: datetime
    channel: str = ""
    endpoint: str = ""
    basis: str = "express"
    ground: str = ""
    """Of implied consent: purchase or inquiry."""
    expires_at: datetime | None = None
    by: str = ""
    how: str = ""
    wording: str = ""
    page: str = ""
    jurisdiction: str = ""

    @property
    def is_express(self) -> bool:
        return self.basis != "implied"

    @property
    def words(self) -> str:
        """``express consent of 3 March 2026 (ticked in the shop)``."""
        how = f" ({self.how})" if self.how else ""
        kind = "express" if self.is_express else f"implied ({self.ground or 'unsaid'})"
        return f"{kind} consent of {self.given_at:%d %B %Y}{how}".replace(" 0", " ", 1)

    def covers(self, purpose: Purpose, channel: Channel, endpoint: str, at: datetime) -> bool:
        """Whether it is about this at all; whether implied consent still counts the law says."""
        return (
            self.purpose in (purpose.value, Purpose.MARKETING.value)
            and self.channel in ("", channel.value)
            and self.endpoint in ("", endpoint)
            and self.given_at <= at
            and (self.expires_at is None or at < self.expires_at)
        )


@dataclass(frozen=True, slots=True)
class Screened:
    """What a registry of numbers said of this one, and when it was asked."""

    phone: str
    listed: bool
    at: datetime
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Person:
    """A human as the rooms need them. Built by the corridor from the person's folded state."""

    id: str
    name: str = ""
    greeting: str = ""
    language: str = "en"
    zone: str | None = None
    """IANA zone from the stated address, None when unknown (then every plausible one counts)."""
    country: str | None = None
    region: str | None = None
    phone: str | None = None
    email: str | None = None
    mobile: bool | None = None
    business_line: bool = False
    """Somebody has shown that the number is the company's own line."""
    roles: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """account id → roles there."""
    preferences: tuple[Preference, ...] = ()
    opted_out: Mapping[str, str] = field(default_factory=dict)
    """channel or purpose or ``all`` → reason. Strictest wins."""
    permissions: tuple[Permission, ...] = ()
    screened: Mapping[str, Screened] = field(default_factory=dict)
    """registry → what it said of the number on file."""
    invalid: Mapping[str, str] = field(default_factory=dict)
    """channel → why the endpoint on file does not work there (invalid, not_mobile, bounced)."""
    erased: bool = False
    identity: str = ""
    """The person id that stands for this human across confirmed links (own id when none)."""

    def endpoint(self, channel: Channel) -> Endpoint | None:
        if channel is Channel.EMAIL:
            return Endpoint("email", self.email) if self.email else None
        return Endpoint("phone", self.phone) if self.phone else None


@dataclass(frozen=True, slots=True)
class Preference:
    """How a person likes to be treated: said by whom, when, to whom."""

    kind: str
    """channel · not_channel · hours · days · pause · wait_for · name · language · confide · note"""
    value: str
    said_at: datetime
    told_to: str = ""
    ask_again: datetime | None = None
    """When it is time to ask whether it is still so."""

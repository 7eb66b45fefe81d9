"""The ways out: to customers, to our own people, to providers' lists."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple, Protocol

from outreach.domain.message import Message
from outreach.domain.signal import Meaning


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

"""What went out, what came back, and where it is shut."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import NamedTuple, Protocol

from outreach.domain.facts import Channel
from outreach.domain.hold import Hold
from outreach.domain.signal import Delivery


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


class Traffic(Protocol):
    """One open transaction, as far as it is about this."""

    def suppressed(self, hashes: Collection[str]) -> dict[str, dict[str, str]]:
        """Keyed endpoint hash → channel (or ``all``) → why it may not be contacted that way."""

    def suppress(self, hash_: str, channel: str, why: str, at: datetime) -> None:
        """What is erased stays so, whatever comes later."""

    def lift(self, hash_: str, channel: str) -> None:
        """They want to hear from us on this channel again. What is erased stays so."""

    def forget(self, person: str) -> None:
        """Remove the personal fields of events, attempts, calls and messages about that person; the rows
        stay for the fold."""

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
    def pushed(self, place: str) -> list[Pushed]: ...
    def save_pushed(self, rows: Sequence[Pushed]) -> None: ...
    def open_holds(self) -> list[Hold]:
        """Every hold that has not been ended, in order of their ids."""

"""What lies on the desk: holds, cards, what was said and can still be taken back, remedies, cover."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import NamedTuple, Protocol

from outreach.domain.card import Card
from outreach.domain.cover import Absence
from outreach.domain.hold import Hold
from outreach.domain.talk import Said


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


class Desk(Protocol):
    """One open transaction, as far as it is about this."""

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

    def ask(self, id_: str) -> Ask | None: ...
    def save_ask(self, ask: Ask) -> None: ...
    def asks_open(self, limit: int = 50) -> list[Ask]:
        """The oldest first."""

    def asks_of(self, accounts: Collection[str]) -> list[Ask]:
        """The newest first."""

    def absences(self, now: datetime) -> list[Absence]:
        """Those that are on or still to come, the first to begin first."""

    def absence(self, id_: str) -> Absence | None: ...
    def save_absence(self, absence: Absence) -> None: ...

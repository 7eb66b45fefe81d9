"""Calls through the house."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from outreach.domain.phone import Leg, PhoneCall


class Phone(Protocol):
    """One open transaction, as far as it is about this."""

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

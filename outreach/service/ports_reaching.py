"""How colleagues are reached away from the desk, and what they were told."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple, Protocol

from outreach.domain.alert import Given, OnDesk, Unreached


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


class Reaching(Protocol):
    """One open transaction, as far as it is about this."""

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

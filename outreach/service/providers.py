"""One event of a provider's batch: known again, told to its touch, and to everybody whose address it is."""

from __future__ import annotations

from datetime import timedelta
from hashlib import sha256
from typing import Protocol

from outreach.domain.facts import Channel
from outreach.service.endpoints import broken, shut, stop_selling
from outreach.service.ledger import Ledger
from outreach.service.ports import Outside, Unit
from outreach.service.ports_events import Quarantined
from outreach.service.signals import Said, hear

KNOWN_FOR = timedelta(days=9)
"""Longer than anybody repeats himself."""


class Leaving(Protocol):
    """They told the provider to stop: an address, why, and the list, if it was only one."""

    @property
    def address(self) -> str: ...
    @property
    def why(self) -> str: ...
    @property
    def group(self) -> str: ...


def heard_of(outside: Outside, id_: str, said: Said | None, left: Leaving | None) -> str:
    """What became of it. It is known again only once it is stored, so that a crash in between loses nothing."""
    with outside.database.view() as unit:
        if unit.was_seen(id_):
            return "repeated"
    outcome = "ignored"
    if said is not None:
        outcome = hear(outside, said)
    if left is not None:
        outcome = leave(outside, left)
    outside.database.retrying(lambda unit: unit.first_seen([id_], outside.clock.now()))
    return outcome


def leave(outside: Outside, left: Leaving) -> str:
    """A spam report or an unsubscribe shuts the channel; leaving one list of the company's shuts selling; an
    address that bounces is broken for all mails."""

    def work(unit: Unit) -> str:
        ledger = Ledger(unit, outside, outside.clock.now())
        how = _HOW.get(left.why, left.why)
        if left.why == "bounced":
            done = broken(ledger, Channel.EMAIL, left.address, left.why)
        elif left.group:
            done = stop_selling(ledger, Channel.EMAIL, left.address, how)
        else:
            done = shut(ledger, Channel.EMAIL, left.address, how, left.why)
        ledger.flush()
        return "left" if done else "repeated"

    outcome: str = outside.database.retrying(work)
    return outcome


_HOW = {"spam_report": "reported a mail as spam", "unsubscribed": "unsubscribed from mails"}


def keep_aside(outside: Outside, provider: str, body: bytes, fault: str) -> None:
    """It was well signed and broke a room: kept in quarantine for ops, the others go on."""
    row = Quarantined(
        sha256(body).hexdigest()[:26], outside.clock.now(), f"provider/{provider}", "", "",
        f"internal: {fault}", body.decode("utf-8", "replace"),
    )  # fmt: skip
    outside.database.retrying(lambda unit: unit.quarantine([row]))

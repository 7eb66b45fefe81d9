"""When a contact may be made, as things stand: the policy is asked, and asked again at each instant that it names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from outreach.domain.facts import Channel
from outreach.domain.plan import Run
from outreach.domain.policy import DIALLING, PLACING, RULES, Action, Case, Rule, Ruling, rule
from outreach.domain.touch import Status, Touch
from outreach.service.ledger import Ledger
from outreach.service.ports import Outside, Unit
from outreach.service.rulings import case_for, speaks_first
from outreach.service.runs import readdressed

ASKED = 6
"""So often it is asked again; what waits longer has no end that anybody knows."""
ENDLESS = frozenset({"kill_switch", "provider_stopped", "paused", "blast_radius", "embargo", "outranked"})
"""What lasts until somebody ends it, or another message has left: the instant that the ruling names is only when it is asked again."""


@dataclass(frozen=True, slots=True)
class Obstacle:
    """One thing that stands in the way, and what it was judged by."""

    ruling: Ruling
    case: Case
    rival: Run | None = None
    """Whose message goes first, where that is it."""

    @property
    def until(self) -> datetime | None:
        return None if self.ruling.reason.code in ENDLESS else self.ruling.until


@dataclass(frozen=True, slots=True)
class Allowed:
    """``at``: the first instant at which nothing speaks against it; None when it would be dropped, or no end is known."""

    at: datetime | None
    obstacles: tuple[Obstacle, ...] = ()

    @property
    def dropped(self) -> bool:
        return bool(self.obstacles) and self.obstacles[-1].ruling.action is Action.DROP


def when_allowed(outside: Outside, unit: Unit, touch: Touch, now: datetime) -> Allowed:
    """Of a touch that has not left yet. Nothing is written; caps, wishes, holds and law are those of today."""
    at = now if touch.due <= now or touch.sentence else touch.due
    obstacles: list[Obstacle] = []
    for _ in range(ASKED):
        found = _asked(outside, unit, touch, at)
        if found is None:
            return Allowed(at, tuple(obstacles))
        if obstacles and obstacles[-1].ruling.reason.code == found.ruling.reason.code:
            obstacles.pop()
        obstacles.append(found)
        if found.until is None:
            break
        at = found.until
    return Allowed(None, tuple(obstacles))


def _asked(outside: Outside, unit: Unit, touch: Touch, at: datetime) -> Obstacle | None:
    ledger = Ledger(unit, outside, at)
    ledger.lock([touch.account])
    run = ledger.runs[touch.account][touch.run]
    touch = readdressed(ledger, touch)
    case = case_for(ledger, run, touch)
    ruling = rule(case, rules_for(touch))
    if ruling.sends:
        return None
    rival = speaks_first(ledger, run, touch) if ruling.reason.code == "outranked" else None
    return Obstacle(ruling, case, rival)


def rules_for(touch: Touch) -> Sequence[Rule]:
    """A call is put on the desk by one list of rules and dialled by another; what is written leaves by all."""
    if touch.channel.written:
        return RULES
    if touch.channel is Channel.TASK or touch.status is not Status.ON_DESK:
        return PLACING
    return DIALLING

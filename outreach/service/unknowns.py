"""Messages of which nobody knows whether they left: looked up at the provider, else shown to a human.

The provider's own listing can prove that a message went out; that it is not there proves nothing, since
listings lag. So a look-up only ever settles ``sent``, and only where exactly one entry can be meant.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta

from outreach.domain.errors import NotFound
from outreach.domain.touch import Status, Touch
from outreach.service.ports import Outside, Unit
from outreach.service.ports_faults import Unavailable
from outreach.service.ports_traffic import Attempt
from outreach.service.ports_ways import Found, Receipt
from outreach.service.sending import record

BEFORE, AFTER = timedelta(minutes=2), timedelta(minutes=15)
"""How far a provider's time of a message may lie from our intent: clocks differ, and queues take a while."""
LISTED_FOR = timedelta(hours=24)
"""So long after the intent the listing is looked at by itself."""
FREQUENT, RARE = timedelta(hours=1), 10
"""In the first hour at each round, then in each tenth minute."""
MOST, MOST_WAITING = 20, 1000


@dataclass(frozen=True, slots=True)
class Evidence:
    """What we meant to send, and what the provider has of it."""

    touch: Touch
    attempt: Attempt | None
    found: tuple[Found, ...]
    """The provider's entries to that recipient around that time, the likeliest first."""
    readable: bool
    """Whether the listing could be read at all; where there is none, a human looks at the provider's page."""


def look_up(outside: Outside, limit: int = MOST) -> int:
    """Settle by the providers' listings what they prove. Gives how many."""
    now = outside.clock.now()
    with outside.database.view() as unit:
        waiting = [
            (touch, attempt)
            for touch, attempt in _unknown(unit)
            if _is_listed(outside, attempt) and _its_turn(attempt, now)
        ]
    return sum(_look(outside, touch, attempt) == "found" for touch, attempt in waiting[:limit])


def look_up_now(outside: Outside) -> Counter[str]:
    """The same for all of them, whatever their turn: ``found · not found · not reached · without a listing``."""
    with outside.database.view() as unit:
        waiting = _unknown(unit)
    listed = [pair for pair in waiting if _is_listed(outside, pair[1])]
    seen = Counter({"without a listing": len(waiting) - len(listed)})
    for touch, attempt in listed:
        seen[_look(outside, touch, attempt)] += 1
    return seen


def _unknown(unit: Unit) -> list[tuple[Touch, Attempt]]:
    attempts = ((touch, unit.attempt(touch.token or "")) for touch in unit.touches_unknown(MOST_WAITING))
    return [(touch, attempt) for touch, attempt in attempts if attempt is not None]


def _is_listed(outside: Outside, attempt: Attempt) -> bool:
    return attempt.channel in outside.finders and outside.providers.get(attempt.channel) == attempt.provider


def _its_turn(attempt: Attempt, now: datetime) -> bool:
    age = now - attempt.at
    return age < FREQUENT or (age < LISTED_FOR and now.minute % RARE == 0)


def _look(outside: Outside, touch: Touch, attempt: Attempt) -> str:
    try:
        found = _meant(outside, attempt, _listing(outside, attempt))
    except Unavailable:
        return "not reached"
    if len(found) != 1:
        return "not found"
    record(outside, touch, Receipt("sent", ref=found[0].ref, reason="found in the provider's listing"))
    return "found"


def _listing(outside: Outside, attempt: Attempt) -> list[Found]:
    if attempt.recipient is None:
        return []
    finder = outside.finders[attempt.channel]
    return finder.find(attempt.recipient, attempt.at - BEFORE, attempt.at + LISTED_FOR)


def _meant(outside: Outside, attempt: Attempt, listed: list[Found]) -> list[Found]:
    """The entries that can be this attempt: the same text, at that time, and not known as another one's."""
    near = [
        one
        for one in listed
        if _same(one.text, attempt.text) and attempt.at - BEFORE <= one.at <= attempt.at + AFTER
    ]
    with outside.database.view() as unit:
        others = {one.ref: unit.attempt_by_ref(one.ref) for one in near}
    return [one for one in near if (known := others[one.ref]) is None or known.token == attempt.token]


def _same(one: str, other: str | None) -> bool:
    return other is not None and " ".join(one.split()) == " ".join(other.split())


def evidence(outside: Outside, touch_id: str) -> Evidence:
    """For a human: our text and the provider's entries side by side. Raises NotFound."""
    with outside.database.view() as unit:
        touch = unit.touch(touch_id)
        if touch is None:
            raise NotFound("There is no such message.")
        if touch.status is not Status.UNKNOWN:
            raise NotFound("It is known by now what became of this message.")
        attempt = unit.attempt(touch.token or "")
    if attempt is None or not _is_listed(outside, attempt):
        return Evidence(touch, attempt, (), False)
    try:
        listed = _listing(outside, attempt)
    except Unavailable:
        return Evidence(touch, attempt, (), False)
    likely = {one.ref for one in _meant(outside, attempt, listed)}
    ordered = sorted(listed, key=lambda one: (one.ref not in likely, abs(one.at - attempt.at)))
    return Evidence(touch, attempt, tuple(ordered[:10]), True)

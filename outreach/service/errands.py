"""What the clock does outside the house every minute: colleagues are told, look-ups at providers, their lists, what we forget.

Each errand is alone: a provider that cannot be reached is written down with its heartbeat and stops none of
the others. None of them holds a transaction while it is out.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from outreach.service.alerts import tell_urgent
from outreach.service.feed import KEPT_FOR
from outreach.service.ports import Outside, Unit
from outreach.service.ports_faults import Unavailable
from outreach.service.providers import KNOWN_FOR
from outreach.service.pushing import push_holds
from outreach.service.suppressions import pull_suppressions
from outreach.service.unknowns import look_up

FORGET_EVERY = timedelta(hours=6)
FORGET_WORDS_EVERY = timedelta(days=1)
SETTLED_FOR = timedelta(days=90)
"""What was put aside may hold personal data; once settled it is a record for so long."""
BEAT = "errand:"
"""Heartbeats of errands begin so."""
NOT_REACHED = "not reached: "


def run_errands(outside: Outside) -> dict[str, int]:
    """Errand → how much it moved."""
    return {name: moved for name, errand in ERRANDS.items() if (moved := _run(outside, name, errand))}


def _run(outside: Outside, name: str, errand: Callable[[Outside], int]) -> int:
    try:
        moved = errand(outside)
        detail = f"moved {moved}"
    except Unavailable as fault:
        moved, detail = 0, f"{NOT_REACHED}{fault}"
    except Exception as fault:  # whatever it is, it is this errand's alone
        moved, detail = 0, f"{NOT_REACHED}{type(fault).__name__}"
    now = outside.clock.now()
    outside.database.retrying(lambda unit: unit.beat(BEAT + name, now, detail))
    return moved


def not_reached(unit: Unit) -> dict[str, str]:
    """Errand → why it did not get through the last time."""
    return {
        name.removeprefix(BEAT): detail.removeprefix(NOT_REACHED)
        for name, (_, detail) in unit.heartbeats().items()
        if name.startswith(BEAT) and detail.startswith(NOT_REACHED)
    }


def forget_seen(outside: Outside) -> int:
    """What nobody repeats any more need not be known any longer, nor what was settled a season ago."""
    now = outside.clock.now()

    def work(unit: Unit) -> int:
        unit.forget_seen(now - KNOWN_FOR)
        return unit.forget_settled(now - SETTLED_FOR) + unit.forget_alerts(now - SETTLED_FOR)

    return _once_in(outside, FORGET_EVERY, "seen_forgotten", work) or 0


def forget_words(outside: Outside) -> int:
    """What was written, ours and theirs, once ``keep_messages`` has passed: in the records and as files."""
    before = outside.clock.now() - outside.rules().company.keep_messages
    gone = _once_in(outside, FORGET_WORDS_EVERY, "words_forgotten", lambda unit: unit.forget_words(before))
    if gone is None or outside.papers is None:
        return gone or 0
    return gone + outside.papers.forget_before(before)


def forget_feed(outside: Outside) -> int:
    """What other systems have had more than a year to read."""
    before = outside.clock.now() - KEPT_FOR
    return _once_in(outside, FORGET_EVERY, "feed_forgotten", lambda unit: unit.forget_feed(before)) or 0


def _once_in(outside: Outside, span: timedelta, name: str, work: Callable[[Unit], int]) -> int | None:
    """None when it is not yet time again."""
    now = outside.clock.now()
    with outside.database.view() as unit:
        last = unit.setting(name)
    if last is not None and float(last) > (now - span).timestamp():
        return None

    def noted(unit: Unit) -> int:
        unit.set_setting(name, str(now.timestamp()))
        return work(unit)

    gone: int = outside.database.retrying(noted)
    return gone


ERRANDS: dict[str, Callable[[Outside], int]] = {
    "alerts": tell_urgent,
    "look_up": look_up,
    "pull_suppressions": pull_suppressions,
    "push_holds": push_holds,
    "forget": forget_seen,
    "forget_words": forget_words,
    "forget_feed": forget_feed,
}

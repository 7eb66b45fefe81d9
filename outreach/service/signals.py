"""What providers say of messages that they have: statuses, in any order, twice, and before our own record.

A callback proves that the provider took the message, so it settles what was ``sending`` or ``unknown``.
A message that did not arrive is news of the account: the run may write another way, and a human sees it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta

from outreach.domain.facts import Channel
from outreach.domain.hours import Duration
from outreach.domain.signal import Delivery, Meaning, further
from outreach.domain.touch import Status, Touch, advance
from outreach.service.endpoints import follow
from outreach.service.intake import absorb_own, own_event
from outreach.service.ledger import Ledger
from outreach.service.ports import Outside, Unit
from outreach.service.ports_traffic import Attempt
from outreach.service.runs import progress, settle_step

LATE = timedelta(days=8)
"""Providers repeat themselves for up to a day, carriers answer within three; who speaks of an older message
plays back what somebody has recorded."""
TRY_AGAIN = Duration(business_seconds=4 * 3600)
UNREACHABLE = "unreachable_again"


@dataclass(frozen=True, slots=True)
class Said:
    """One word of a provider about one message, found by our token, else by the provider's own id."""

    delivery: Delivery
    token: str = ""
    ref: str = ""
    code: str = ""
    meaning: Meaning | None = None
    """Of an undelivered one."""


def hear(outside: Outside, said: Said) -> str:
    """``known`` · ``repeated`` (nothing new) · ``unknown`` (about nothing of ours) · ``late``."""

    def work(unit: Unit) -> str:
        attempt = _find(unit, said)
        if attempt is None:
            return "unknown"
        ledger = Ledger(unit, outside, outside.clock.now())
        if ledger.now - attempt.at > LATE:
            return "late"
        ledger.lock([attempt.account])
        outcome = _take(ledger, unit.attempt(attempt.token) or attempt, said)
        ledger.flush()
        return outcome

    outcome: str = outside.database.retrying(work)
    return outcome


def _find(unit: Unit, said: Said) -> Attempt | None:
    found = unit.attempt(said.token) if said.token else None
    return found or (unit.attempt_by_ref(said.ref) if said.ref else None)


def _take(ledger: Ledger, attempt: Attempt, said: Said) -> str:
    settled = _prove(ledger, attempt, said.delivery)
    delivery = further(attempt.delivery, said.delivery)
    kept = attempt._replace(
        delivery=delivery,
        ref=attempt.ref or said.ref or None,
        code=attempt.code or (said.code if delivery is said.delivery else "") or None,
        heard_at=ledger.now,
    )
    if (kept.delivery, kept.ref, kept.code) == (attempt.delivery, attempt.ref, attempt.code):
        return "known" if settled else "repeated"
    ledger.unit.save_attempt(kept)
    if delivery is Delivery.UNDELIVERED and attempt.delivery is not Delivery.UNDELIVERED:
        _came_back(ledger, kept, said)
    return "known"


def _prove(ledger: Ledger, attempt: Attempt, delivery: Delivery) -> bool:
    """The provider has it: whatever we thought, it left. False when that was known."""
    touch = _touch_of(ledger, attempt)
    if touch is None:
        return False
    if touch.token is None and touch.status in (Status.PLANNED, Status.DUE):
        touch = _never_mind(ledger, touch, attempt, delivery)
    if touch.token != attempt.token:
        return False
    if touch.status not in (Status.SENDING, Status.UNKNOWN):
        return False
    ledger.put_touch(
        advance(
            touch, Status.SENT, ledger.now, sent_at=touch.intent_at or ledger.now, provider_ref=attempt.ref
        )
    )
    settle_step(ledger, touch)
    progress(ledger, touch.run, touch.account)
    return True


def _never_mind(ledger: Ledger, touch: Touch, attempt: Attempt, delivery: Delivery) -> Touch:
    """It waits to be sent again, and now is known to have left: it must not leave a second time."""
    newest = ledger.unit.attempts_of([touch.id])[-1:]
    if delivery is Delivery.UNDELIVERED or [one.token for one in newest] != [attempt.token]:
        return touch
    due = touch if touch.status is Status.DUE else advance(touch, Status.DUE, ledger.now)
    return advance(due, Status.SENDING, ledger.now, token=attempt.token, intent_at=attempt.at)


def _touch_of(ledger: Ledger, attempt: Attempt) -> Touch | None:
    known = ledger.touches.get(attempt.account, {})
    touch = known.get(attempt.touch) or ledger.unit.touch(attempt.touch)
    if touch is not None and touch.id not in known and touch.account in ledger.touches:
        ledger.adopt(touch)
    return touch


# -- what did not arrive -----------------------------------------------------------------------------------


def _came_back(ledger: Ledger, attempt: Attempt, said: Said) -> None:
    touch = _touch_of(ledger, attempt)
    if touch is None:
        return
    meaning = said.meaning or Meaning.REJECTED
    follow(ledger, attempt, meaning)
    data = {
        "touch_id": touch.id, "person_id": touch.person, "channel": attempt.channel.value,
        "meaning": meaning.value, "code": said.code or None,
    }  # fmt: skip
    new = ledger.outside.ids.new()
    absorb_own(ledger, [own_event("message.undelivered", touch.account, data, ledger.now, new)])
    if meaning is Meaning.UNREACHABLE:
        _once_more(ledger, touch)


def _same_step(other: Touch, touch: Touch) -> bool:
    return other.id != touch.id and (other.step, other.round) == (touch.step, touch.round)


def _once_more(ledger: Ledger, touch: Touch) -> None:
    """A phone that was off: one later try, while the run goes on and the message is still in time."""
    run = ledger.runs[touch.account].get(touch.run)
    if run is None or not run.is_open or run.replied or touch.channel is not Channel.SMS:
        return
    if any(_same_step(other, touch) for other in ledger.unit.touches_of_run(run.id)):
        return
    team = ledger.accounts[touch.account].described.get("team")
    due = ledger.rules.company.calendar_of(team).add(ledger.now, TRY_AGAIN)
    if touch.not_after is not None and due > touch.not_after:
        return
    ledger.put_touch(
        replace(
            touch, id=ledger.outside.ids.new(), status=Status.PLANNED, due=due, because=UNREACHABLE,
            attempt=touch.attempt + 1, token=None, intent_at=None, sent_at=None, provider_ref=None,
            ended_at=None, created_at=ledger.now, sentence="Their phone was off; one more try.",
        )
    )  # fmt: skip

"""The send protocol: render, commit the intent, call the provider with nothing open, record.

Providers know no idempotency. So a touch is ``sending`` and committed before a byte leaves, and what
cannot be told afterwards becomes ``unknown`` and is never sent again by itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from outreach.domain.errors import Invalid, NotFound
from outreach.domain.message import Message, RenderFault
from outreach.domain.plan import Run
from outreach.domain.playbook import Review
from outreach.domain.policy import Action, rule
from outreach.domain.signal import SENTENCES, Delivery, further
from outreach.domain.touch import Status, Touch, advance
from outreach.service.endpoints import follow
from outreach.service.incident_words import outdated
from outreach.service.ledger import Ledger
from outreach.service.ports import Outside, Unit
from outreach.service.ports_traffic import Attempt
from outreach.service.ports_ways import Receipt
from outreach.service.posting import OUTBOX, addressed, as_attempt, compose, provider_for, too_close
from outreach.service.rulings import case_for
from outreach.service.runs import place, postpone, progress, readdressed, settle_step, withhold

RETRY_AFTER = timedelta(minutes=5)
MOST_ATTEMPTS = 5
"""A touch that providers refuse this often before taking it has failed."""
PUT_OFF = timedelta(hours=1)
BREAKS = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    TypeError,
    ValueError,
    NotFound,
    Invalid,
)
"""What a room may raise over one touch; the database's faults are not among them."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """A touch that may leave, with the message to hand over. Once claimed its intent is committed."""

    touch: Touch
    message: Message
    provider: str = ""


def deliver_due(outside: Outside, due: Sequence[tuple[str, str]]) -> int:
    """Work on (account, touch) pairs whose time has come. Gives how many left the house.

    One transaction decides over all of them. What may leave is judged again and handed over one by one:
    no judgement is older than the one call it is for, and a crash leaves no more than one in doubt.
    """
    left = 0
    for pair in _decide_over(outside, due):
        left += _hand_over(outside, pair)
    return left


def _decide_over(outside: Outside, due: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """Those that may leave. One that breaks a room is put off by itself and stops none of the others."""
    try:
        ready = outside.database.retrying(lambda unit: _prepare(unit, outside, due, claim=False))
        return [(each.touch.account, each.touch.id) for each in ready]
    except BREAKS as fault:
        if len(due) > 1:
            return [pair for each in due for pair in _decide_over(outside, [each])]
        _put_off(outside, due[0][1], type(fault).__name__)
        return []


def _put_off(outside: Outside, id_: str, fault: str) -> None:
    """Something in it breaks a room: it waits and says so, until its last hour has passed."""
    now = outside.clock.now()

    def work(unit: Unit) -> None:
        touch = unit.touch(id_)
        if touch is None or touch.status not in (Status.PLANNED, Status.DUE):
            return
        why: dict[str, Any] = {"because": "internal", "sentence": f"It could not be worked on ({fault})."}
        if touch.not_after is not None and now + PUT_OFF > touch.not_after:
            unit.change_touch(touch, advance(touch, Status.EXPIRED, now, **why))
        else:
            unit.change_touch(touch, replace(touch, due=now + PUT_OFF, **why))
        unit.audit(now, "outreach", "touch.put_off", f"touch/{id_}", fault)

    outside.database.retrying(work)


def _hand_over(outside: Outside, pair: tuple[str, str]) -> int:
    """The intent is committed, then the provider is called with nothing open, then its answer is kept."""
    try:
        prepared = outside.database.retrying(lambda unit: _prepare(unit, outside, [pair], claim=True))
    except BREAKS as fault:
        _put_off(outside, pair[1], type(fault).__name__)
        return 0
    for each in prepared:
        record(outside, each.touch, _send(outside, each))
    return len(prepared)


def _send(outside: Outside, prepared: Prepared) -> Receipt:
    """A sender must not raise; one that does has left us in the dark, and no other message behind."""
    touch = prepared.touch
    rehearsed = prepared.provider == OUTBOX and touch.channel in outside.providers
    try:
        sender = outside.outbox if rehearsed and outside.outbox else outside.senders[touch.channel]
        return sender.send(prepared.message, touch.token or "")
    except Exception as fault:
        return Receipt("unknown", reason=f"{type(fault).__name__} while it was handed over")


def _prepare(unit: Unit, outside: Outside, due: Sequence[tuple[str, str]], *, claim: bool) -> list[Prepared]:
    """Decide over them. Those that may leave are claimed, or else left as they are."""
    ledger = Ledger(unit, outside, outside.clock.now())
    ledger.lock(sorted({account for account, _ in due}))
    touches = [ledger.touches.get(account, {}).get(id_) for account, id_ in due]
    ready = [t for t in touches if t is not None and t.status in (Status.PLANNED, Status.DUE)]
    unit.lock_people(sorted({name for t in ready for name in (t.person, t.identity) if name}))
    ready = [readdressed(ledger, touch) for touch in ready]
    unit.lock_endpoints(sorted({t.endpoint for t in ready if t.endpoint}))
    prepared = []
    for touch in ready:
        if touch.due > ledger.now:
            continue
        ledger.put_touch(touch)
        found = _decide(ledger, touch, claim)
        if found is not None:
            prepared.append(found)
    ledger.flush()
    return prepared


def _decide(ledger: Ledger, touch: Touch, claim: bool) -> Prepared | None:
    run = ledger.runs[touch.account][touch.run]
    if not touch.channel.written:
        if run.is_open or touch.status is Status.PLANNED:
            place(ledger, run, touch)
        progress(ledger, run.id, touch.account)
        return None
    if touch.status is Status.PLANNED:
        touch = advance(touch, Status.DUE, ledger.now)
        ledger.put_touch(touch)
    prepared = _send_or_not(ledger, run, touch, claim)
    progress(ledger, run.id, touch.account)
    return prepared


def _send_or_not(ledger: Ledger, run: Run, touch: Touch, claim: bool) -> Prepared | None:
    ruling = rule(case_for(ledger, run, touch))
    ruling = (too_close(ledger, touch) if ruling.sends else None) or ruling
    if ruling.action is Action.WAIT:
        postpone(ledger, touch, ruling)
        return None
    if ruling.action is Action.DROP:
        withhold(ledger, touch, ruling)
        return None
    if outdated(ledger, run, touch):
        touch = replace(touch, draft=None)
    try:
        message = compose(ledger, run, touch)
    except RenderFault as fault:
        fail(ledger, touch, "render", str(fault))
        return None
    if _needs_review(ledger, run, touch):
        draft = {"subject": message.subject, "text": message.text, "html": message.html}
        card = ledger.card_for(touch)
        ledger.put_touch(advance(touch, Status.DRAFT, ledger.now, draft=draft, card=card.id))
        return None
    if not claim:
        return Prepared(touch, message)
    token = ledger.outside.ids.token()
    message = addressed(ledger, touch, message, token)
    sending = advance(touch, Status.SENDING, ledger.now, token=token, intent_at=ledger.now)
    ledger.claim(touch, sending)
    provider = provider_for(ledger, message.channel, message.to)
    ledger.unit.add_attempt(as_attempt(sending, message, provider, ledger.outside))
    return Prepared(sending, message, provider)


def _needs_review(ledger: Ledger, run: Run, touch: Touch) -> bool:
    step = ledger.playbook(run).steps[touch.step]
    released = bool(touch.draft and touch.draft.get("released_by"))
    return step.review is Review.OWNER and not released


def fail(ledger: Ledger, touch: Touch, code: str, sentence: str) -> None:
    """Definitely not sent, and will not be: the step has settled, ops see why."""
    ledger.put_touch(advance(touch, Status.FAILED, ledger.now, because=code, sentence=sentence))
    settle_step(ledger, touch)


def record(outside: Outside, touch: Touch, receipt: Receipt) -> None:
    """The second transaction: what the provider said of this attempt. A definite answer that comes late,
    when the attempt already counts as unknown, settles it."""

    def work(unit: Unit, walks_on: bool) -> None:
        ledger = Ledger(unit, outside, outside.clock.now())
        ledger.lock([touch.account])
        current = ledger.touches.get(touch.account, {}).get(touch.id) or unit.touch(touch.id)
        if current is None or current.token != touch.token:
            return
        attempt = _keep_answer(ledger, touch, receipt)
        if not _settles(current, receipt):
            return
        if current.id not in ledger.touches[touch.account]:
            ledger.adopt(current)
        ledger.put_touch(_recorded(ledger, current, receipt))
        if receipt.meaning is not None and attempt is not None:
            follow(ledger, attempt, receipt.meaning)
        if walks_on and ledger.touches[touch.account][touch.id].status is not Status.DUE:
            settle_step(ledger, current)
            progress(ledger, touch.run, touch.account)
        ledger.flush()

    try:
        outside.database.retrying(lambda unit: work(unit, True))
    except BREAKS:  # whatever is wrong with its run: what became of the message must be kept
        outside.database.retrying(lambda unit: work(unit, False))


def _keep_answer(ledger: Ledger, touch: Touch, receipt: Receipt) -> Attempt | None:
    """What the provider said of the attempt. A callback may have told more of it already."""
    attempt = ledger.unit.attempt(touch.token or "")
    if attempt is None or receipt.outcome == "unknown":
        return attempt
    delivery = further(attempt.delivery, Delivery.ACCEPTED) if receipt.outcome == "sent" else attempt.delivery
    kept = attempt._replace(
        ref=attempt.ref or receipt.ref, delivery=delivery, code=attempt.code or receipt.code or None
    )
    if kept != attempt:
        ledger.unit.save_attempt(kept)
    return kept


def _settles(touch: Touch, receipt: Receipt) -> bool:
    definite = receipt.outcome in ("sent", "failed")
    return touch.status is Status.SENDING or (touch.status is Status.UNKNOWN and definite)


def _recorded(ledger: Ledger, touch: Touch, receipt: Receipt) -> Touch:
    now = ledger.now
    if receipt.outcome == "refused" and (touch.attempt < MOST_ATTEMPTS or not receipt.counts):
        again = receipt.retry_at or now + RETRY_AFTER
        return advance(
            touch, Status.DUE, now, attempt=touch.attempt + receipt.counts, due=again, token=None,
            intent_at=None, because="refused", sentence=receipt.reason,
        )  # fmt: skip
    if receipt.outcome == "sent":
        return advance(touch, Status.SENT, now, sent_at=now, provider_ref=receipt.ref)
    if receipt.outcome == "unknown":
        return advance(touch, Status.UNKNOWN, now, because="unknown", sentence=receipt.reason)
    because = receipt.meaning.value if receipt.meaning else "refused"
    said = SENTENCES[receipt.meaning] if receipt.meaning else receipt.reason
    return advance(touch, Status.FAILED, now, because=because, sentence=said)


def mark_stuck(outside: Outside, older_than: timedelta, limit: int = 100) -> int:
    """What is ``sending`` for longer than three provider time-outs may have been taken: unknown."""
    now = outside.clock.now()
    with outside.database.view() as unit:
        stuck = unit.touches_stuck(now - older_than, limit)
    for touch in stuck:
        record(outside, touch, Receipt("unknown", reason="No answer was recorded for this attempt."))
    return len(stuck)

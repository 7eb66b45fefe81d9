"""How a conversation went: said, for a moment taken back, then written down."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from outreach.domain.card import Card
from outreach.domain.errors import NotFound, Refused
from outreach.domain.facts import PERSON_PREFIX, Channel
from outreach.domain.plan import Run
from outreach.domain.steps import next_attempt
from outreach.domain.talk import DIALLED_FOR, SECOND_THOUGHTS, Outcome, PromiseMade, Said, Wished
from outreach.domain.touch import Disposition, Settlement, Status, Touch, advance
from outreach.service.desk import hurt_by, lines_on, locked_ledger, open_and_mine
from outreach.service.endpoints import shut_telephone
from outreach.service.intake import absorb_own, own_event
from outreach.service.ledger import Ledger
from outreach.service.ports import Outside, Unit
from outreach.service.rulings import WISHES_FOR_A_CALL
from outreach.service.runs import footing, progress, settle_step
from outreach.service.sending import BREAKS, PUT_OFF

BROKE = "Something broke while it was written down. It is tried again every hour, and stands in the audit."


def say(outside: Outside, card_id: str, by: str, outcome: Outcome) -> Said:
    """Say how it went: the clock writes it down a moment later, unless it is taken back. What was said of this card
    before is written down at once. Raises Refused when the card is somebody else's, already closed, or no line of it
    is ticked; NotFound for a failure that is none of theirs."""

    def work(unit: Unit) -> Said:
        now = outside.clock.now()
        for before in unit.said_of(by, card_id):
            if before.fault is None:
                _write_down(unit, outside, before)
        card = open_and_mine(unit, card_id, by)
        if not unit.claim_card(card_id, by, now):
            raise Refused("Somebody else has just taken this card.")
        ledger = locked_ledger(unit, outside, card)
        lines = _ticked(ledger, card, outcome)
        named = replace(outcome, touches=[touch.id for touch in lines])
        person = next((touch.person for touch in lines if touch.person), None)
        said = Said(
            outside.ids.new(), card_id, person, by, _after_all(ledger), now + SECOND_THOUGHTS, named
        )  # fmt: skip
        unit.save_said(said)
        return said

    said: Said = outside.database.retrying(work)
    return said


def _after_all(ledger: Ledger) -> datetime:
    """Now; or right after the newest that is known, when its sender's clock is ahead of ours."""
    newest = [
        state.newest[0] + timedelta(microseconds=1) for state in ledger.accounts.values() if state.newest
    ]
    return max([ledger.now, *newest])


def take_back(outside: Outside, card_id: str, id_: str, by: str) -> Said:
    """Undo: nothing of it has happened. Raises Refused when it has been written down already, is a colleague's, or the
    card is closed meanwhile: then there is nothing to go back to, and it is written down."""

    def work(unit: Unit) -> Said:
        said = next((each for each in unit.said_of(by, card_id) if each.id == id_), None)
        card = unit.card(card_id)
        if said is None:
            raise Refused("It is written down already.")
        if card is None or card.state != "open":
            raise Refused("The card is closed meanwhile; what you said is written down in a moment.")
        if not unit.take_said(id_):
            raise Refused("It is written down already.")
        return said

    said: Said = outside.database.retrying(work)
    return said


def write_down(outside: Outside, batch: int) -> int:
    """What nobody has taken back in time is written down."""
    with outside.database.view() as unit:
        due = unit.said_due(outside.clock.now(), batch)
    for said in due:
        _write_down_alone(outside, said)
    return len(due)


def _write_down_alone(outside: Outside, said: Said) -> None:
    """What breaks is tried again later, and keeps nothing else from being written down."""
    try:
        outside.database.retrying(lambda unit: _write_down(unit, outside, said))
    except BREAKS as fault:
        why = type(fault).__name__
        outside.database.retrying(lambda unit: _put_off(unit, outside, said, why))


def _write_down(unit: Unit, outside: Outside, said: Said) -> None:
    """Whatever has become of the card meanwhile, merged, handed on, closed: they spoke, and what was said of the person
    holds. Only lines that still wait are settled. It happened when it was said, not now."""
    if not unit.take_said(said.id):
        return
    ledger = Ledger(unit, outside, outside.clock.now())
    found = [touch for id_ in said.outcome.touches or () if (touch := unit.touch(id_)) is not None]
    ledger.lock(sorted({touch.account for touch in found}))
    spoken_of = [ledger.touches[touch.account].get(touch.id, touch) for touch in found]
    _put_down(ledger, said.card, said.by, said.outcome, spoken_of, said.at)


def _put_off(unit: Unit, outside: Outside, said: Said, why: str) -> None:
    now = outside.clock.now()
    if unit.take_said(said.id):
        unit.save_said(replace(said, due=now + PUT_OFF, fault=BROKE))
        unit.audit(now, said.by, "outcome.put_off", f"card/{said.card}", why)


def settle(outside: Outside, card_id: str, by: str, outcome: Outcome) -> Card:
    """Write down how it went, at once. Settles the ticked lines, makes what was said into events, climbs the ladder
    when nobody was reached. Raises Refused when the card is somebody else's or already closed."""
    card: Card = outside.database.retrying(lambda unit: settle_in(unit, outside, card_id, by, outcome))
    return card


def settle_in(unit: Unit, outside: Outside, card_id: str, by: str, outcome: Outcome) -> Card:
    """``settle`` within a unit that does more. What it refuses it refuses before it has written anything."""
    card = open_and_mine(unit, card_id, by)
    ledger = locked_ledger(unit, outside, card)
    _put_down(ledger, card.id, by, outcome, _ticked(ledger, card, outcome))
    return unit.card(card.id) or card


def _put_down(
    ledger: Ledger, card: str, by: str, outcome: Outcome, spoken_of: list[Touch], at: datetime | None = None
) -> None:
    """``at``: when it was said, which may be before what has been told since."""
    waiting = [touch for touch in spoken_of if touch.status is Status.ON_DESK]
    dialled = _dialled(waiting, ledger.now)
    for touch in waiting:
        _settle_touch(ledger, touch, outcome, dialled)
    absorb_own(ledger, _said(ledger, card, by, outcome, spoken_of, at or ledger.now), as_timed=at is not None)
    if outcome.disposition is Disposition.DO_NOT_CALL:
        _ring_no_more(ledger, by, spoken_of)
    for touch in waiting:
        progress(ledger, touch.run, touch.account)
    ledger.flush()
    ledger.unit.audit(ledger.now, by, f"card.{outcome.disposition.value}", f"card/{card}", outcome.reason)


def _ring_no_more(ledger: Ledger, by: str, ticked: list[Touch]) -> None:
    """Their word shuts the number too, whoever turns up with it."""
    for person in sorted({touch.person for touch in ticked if touch.person}):
        known = ledger.person(person)
        if known is not None and known.phone:
            shut_telephone(ledger, person, known.phone, f"told {by} on the phone")


def _ticked(ledger: Ledger, card: Card, outcome: Outcome) -> list[Touch]:
    found = ticked(ledger, lines_on(ledger, card), outcome)
    if not found:
        raise Refused("Tick at least one line of the card.")
    named = [
        *outcome.put_right,
        *([outcome.promise.failure] if outcome.promise and outcome.promise.failure else []),
    ]
    for failure in named:
        if _account_of(ledger, failure) is None:
            raise NotFound("This failure is not on the card any more. Look at it again.")
    return found


def ticked(ledger: Ledger, lines: Sequence[Touch], outcome: Outcome) -> list[Touch]:
    """What of the lines of a card it settles."""
    if outcome.touches is not None:
        return [touch for touch in lines if touch.id in outcome.touches and not touch.channel.written]
    return [touch for touch in lines if touch.channel is Channel.CALL and not locked(ledger, touch)]


def locked(ledger: Ledger, touch: Touch) -> bool:
    """Selling lines are locked while something is still to be put right."""
    return touch.purpose.sells and any(state.open_failures for state in ledger.accounts.values())


def _dialled(waiting: Iterable[Touch], now: datetime) -> datetime:
    """When the call was made that this came of: a line that turned up after the dial was spoken of in that call, too."""
    dials = [touch.intent_at for touch in waiting if touch.channel is Channel.CALL and touch.intent_at]
    return max((at for at in dials if now - at < DIALLED_FOR), default=now)


def _settle_touch(ledger: Ledger, touch: Touch, outcome: Outcome, dialled: datetime) -> None:
    reached = outcome.disposition is Disposition.REACHED or touch.channel is Channel.TASK
    now = ledger.now
    run = ledger.runs[touch.account][touch.run]
    ledger.put_touch(
        advance(
            touch, Status.SETTLED, now, disposition=outcome.disposition.value, opened=True,
            settlement=Settlement.REACHED if reached else Settlement.UNREACHED,
            intent_at=touch.intent_at or dialled,
        )
    )  # fmt: skip
    if touch.channel is Channel.CALL:
        ledger.put_run(replace(run, attempts=run.attempts + 1, reached=run.reached or reached))
    step = ledger.playbook(run).steps[touch.step]
    again = None if reached else next_attempt(touch, outcome.disposition.value, step, footing(ledger, run))
    if again is not None and run.is_open:
        ledger.put_touch(again)
    else:
        settle_step(ledger, touch)


def _said(
    ledger: Ledger, card: str, by: str, outcome: Outcome, ticked: list[Touch], at: datetime
) -> list[dict[str, Any]]:
    """The conversation as events: they enter by the front door like any other news."""
    new = ledger.outside.ids.new
    events = []
    person = next((touch.person for touch in ticked if touch.person), None)
    calls = [touch for touch in ticked if touch.channel is Channel.CALL]
    for account in sorted({touch.account for touch in calls}):
        lines = [touch for touch in calls if touch.account == account]
        failures = [run.failure for touch in lines if (run := _run(ledger, touch)) is not None]
        data = {
            "touch_id": lines[0].id, "card_id": card, "person_id": person, "channel": "call",
            "disposition": outcome.disposition.value, "by": by, "note": outcome.note or None,
            "failure_keys": sorted({failure for failure in failures if failure}),
        }  # fmt: skip
        events.append(own_event("contact.settled", account, data, at, new()))
    if outcome.disposition is Disposition.REACHED:
        events += _callbacks_made(ledger, by, calls, at)
    if outcome.promise is not None:
        events.append(_promised(ledger, by, outcome.promise, person, ticked, at))
    for failure in outcome.put_right:
        theirs = _account_of(ledger, failure)
        if theirs is None:  # it never was, as we have learnt since
            continue
        data = {"failure": failure, "said_by": outcome.said_by, "by": by, "reason": outcome.reason or None,
                **hurt_by(ledger, theirs, failure)}  # fmt: skip
        events.append(own_event("failure.put_right", theirs, data, at, new()))
    if person:
        events += _stated(ledger, by, person, outcome, at)
    return events


def _callbacks_made(ledger: Ledger, by: str, calls: list[Touch], at: datetime) -> list[dict[str, Any]]:
    """The call they asked for was made, be it late: the clock of the wish stops."""
    events = []
    for touch in calls:
        run = _run(ledger, touch)
        trigger = ledger.trigger(run) if run is not None else None
        if trigger is not None and trigger.type in WISHES_FOR_A_CALL:
            data = {"callback_id": trigger.data["callback_id"], "person_id": touch.person, "by": by}
            new = ledger.outside.ids.new()
            events.append(own_event("callback.made", touch.account, data, at, new))
    return events


def _promised(
    ledger: Ledger, by: str, promise: PromiseMade, person: str | None, ticked: list[Touch], at: datetime
) -> dict[str, Any]:
    of = {touch.id: run.failure for touch in ticked if (run := _run(ledger, touch)) is not None}
    touch = next((each for each in ticked if of.get(each.id) == promise.failure), ticked[0])
    data = {
        "promise_id": promise.id or ledger.outside.ids.new(), "what": promise.what, "until": promise.until.isoformat(),
        "by": by, "person_id": person,
        "failure": promise.failure or of.get(touch.id),
    }  # fmt: skip
    return own_event("promise.made", touch.account, data, at, ledger.outside.ids.new())


def _stated(ledger: Ledger, by: str, person: str, outcome: Outcome, at: datetime) -> list[dict[str, Any]]:
    """Preferences, and the two dispositions that are a wish: do not call, prefers SMS."""
    said = [wish.told_to(by) for wish in outcome.wishes]
    if outcome.disposition is Disposition.PREFERS_SMS:
        said.append(Wished("channel", "sms").told_to(by))
    new, subject = ledger.outside.ids.new, PERSON_PREFIX + person
    events = [
        own_event("preference.stated", subject, {"person_id": person, **data}, at, new()) for data in said
    ]
    if outcome.disposition is Disposition.DO_NOT_CALL:
        data = {"person_id": person, "channel": "call", "how": f"told {by} on the phone"}
        events.append(own_event("endpoint.opted_out", subject, data, at, new()))
    return events


def _run(ledger: Ledger, touch: Touch) -> Run | None:
    return ledger.runs[touch.account].get(touch.run)


def _account_of(ledger: Ledger, failure: str) -> str | None:
    return next((state.id for state in ledger.accounts.values() if failure in state.failures), None)

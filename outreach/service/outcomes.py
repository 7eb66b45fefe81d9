"""How a conversation went: said, for a moment taken back, then written down."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from outreach.domain.card import Card
from outreach.domain.errors import NotFound, Refused
from outreach.domain.facts import PERSON_PREFIX, Channel
from outreach.domain.steps import next_attempt
from outreach.domain.talk import SECOND_THOUGHTS, Outcome, PromiseMade, Said, Wished
from outreach.domain.touch import Disposition, Settlement, Status, Touch, advance
from outreach.service.desk import hurt_by, lines_on, locked_ledger, open_and_mine
from outreach.service.endpoints import shut_telephone
from outreach.service.intake import absorb_own, own_event
from outreach.service.ledger import Ledger
from outreach.service.ports import Outside, Unit
from outreach.service.runs import footing, progress, settle_step
from outreach.service.sending import BREAKS, PUT_OFF


def say(outside: Outside, card_id: str, by: str, outcome: Outcome) -> Said:
    """Say how it went: the clock writes it down a moment later, unless it is taken back. What was said of this card
    before is written down at once. Raises Refused when the card is somebody else's, already closed, or no line of it
    is ticked."""

    def work(unit: Unit) -> Said:
        now = outside.clock.now()
        for before in unit.said_of(by, card_id):
            if before.fault is None:
                _write_down(unit, outside, before)
        card = open_and_mine(unit, card_id, by)
        if not unit.claim_card(card_id, by, now):
            raise Refused("Somebody else has just taken this card.")
        _ticked(locked_ledger(unit, outside, card), card, outcome)
        said = Said(outside.ids.new(), card_id, card.identity, by, now, now + SECOND_THOUGHTS, outcome)
        unit.save_said(said)
        return said

    said: Said = outside.database.retrying(work)
    return said


def take_back(outside: Outside, id_: str, by: str) -> Said:
    """Undo: nothing of it has happened. Raises Refused when it has been written down already, or is a colleague's."""

    def work(unit: Unit) -> Said:
        said = next((each for each in unit.said_of(by) if each.id == id_), None)
        if said is None or not unit.take_said(id_):
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
    """What is refused waits for whoever said it, with the reason: nothing that a human wrote is lost."""
    if not unit.take_said(said.id):
        return
    try:
        settle_in(unit, outside, said.card, said.by, said.outcome)
    except (Refused, NotFound) as fault:
        unit.save_said(replace(said, fault=str(fault)))


def _put_off(unit: Unit, outside: Outside, said: Said, why: str) -> None:
    now = outside.clock.now()
    if unit.take_said(said.id):
        unit.save_said(replace(said, due=now + PUT_OFF))
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
    lines = _ticked(ledger, card, outcome)
    for touch in lines:
        _settle_touch(ledger, touch, outcome)
    absorb_own(ledger, _said(ledger, card, by, outcome, lines))
    if outcome.disposition is Disposition.DO_NOT_CALL:
        _ring_no_more(ledger, by, lines)
    for touch in lines:
        progress(ledger, touch.run, touch.account)
    ledger.flush()
    unit.audit(ledger.now, by, f"card.{outcome.disposition.value}", f"card/{card.id}", outcome.reason)
    return unit.card(card.id) or card


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
    return found


def ticked(ledger: Ledger, lines: Sequence[Touch], outcome: Outcome) -> list[Touch]:
    """What of the lines of a card it settles."""
    if outcome.touches is not None:
        return [touch for touch in lines if touch.id in outcome.touches and not touch.channel.written]
    return [touch for touch in lines if touch.channel is Channel.CALL and not locked(ledger, touch)]


def locked(ledger: Ledger, touch: Touch) -> bool:
    """Selling lines are locked while something is still to be put right."""
    return touch.purpose.sells and any(state.open_failures for state in ledger.accounts.values())


def _settle_touch(ledger: Ledger, touch: Touch, outcome: Outcome) -> None:
    reached = outcome.disposition is Disposition.REACHED or touch.channel is Channel.TASK
    now = ledger.now
    run = ledger.runs[touch.account][touch.run]
    ledger.put_touch(
        advance(
            touch, Status.SETTLED, now, disposition=outcome.disposition.value, opened=True,
            settlement=Settlement.REACHED if reached else Settlement.UNREACHED,
            intent_at=touch.intent_at or now,
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


def _said(ledger: Ledger, card: Card, by: str, outcome: Outcome, ticked: list[Touch]) -> list[dict[str, Any]]:
    """The conversation as events: they enter by the front door like any other news."""
    now, new = ledger.now, ledger.outside.ids.new
    events = []
    person = next((touch.person for touch in ticked if touch.person), None)
    calls = [touch for touch in ticked if touch.channel is Channel.CALL]
    for account in sorted({touch.account for touch in calls}):
        lines = [touch for touch in calls if touch.account == account]
        failures = [ledger.runs[account][touch.run].failure for touch in lines]
        data = {
            "touch_id": lines[0].id, "card_id": card.id, "person_id": person, "channel": "call",
            "disposition": outcome.disposition.value, "by": by, "note": outcome.note or None,
            "failure_keys": sorted({failure for failure in failures if failure}),
        }  # fmt: skip
        events.append(own_event("contact.settled", account, data, now, new()))
    if outcome.disposition is Disposition.REACHED:
        events += _callbacks_made(ledger, by, calls)
    if outcome.promise is not None:
        events.append(_promised(ledger, by, outcome.promise, person, ticked))
    for failure in outcome.put_right:
        account = _account_of(ledger, failure)
        data = {"failure": failure, "said_by": outcome.said_by, "by": by, "reason": outcome.reason or None,
                **hurt_by(ledger, account, failure)}  # fmt: skip
        events.append(own_event("failure.put_right", account, data, now, new()))
    if person:
        events += _stated(ledger, by, person, outcome)
    return events


def _callbacks_made(ledger: Ledger, by: str, calls: list[Touch]) -> list[dict[str, Any]]:
    """The call they asked for was made: its own clock stops."""
    events = []
    for touch in calls:
        trigger = ledger.trigger(ledger.runs[touch.account][touch.run])
        if trigger is not None and trigger.type == "callback.asked":
            data = {"callback_id": trigger.data["callback_id"], "person_id": touch.person, "by": by}
            new = ledger.outside.ids.new()
            events.append(own_event("callback.made", touch.account, data, ledger.now, new))
    return events


def _promised(
    ledger: Ledger, by: str, promise: PromiseMade, person: str | None, ticked: list[Touch]
) -> dict[str, Any]:
    touch = next((t for t in ticked if ledger.runs[t.account][t.run].failure == promise.failure), ticked[0])
    data = {
        "promise_id": promise.id or ledger.outside.ids.new(), "what": promise.what, "until": promise.until.isoformat(),
        "by": by, "person_id": person,
        "failure": promise.failure or ledger.runs[touch.account][touch.run].failure,
    }  # fmt: skip
    return own_event("promise.made", touch.account, data, ledger.now, ledger.outside.ids.new())


def _stated(ledger: Ledger, by: str, person: str, outcome: Outcome) -> list[dict[str, Any]]:
    """Preferences, and the two dispositions that are a wish: do not call, prefers SMS."""
    said = [wish.told_to(by) for wish in outcome.wishes]
    if outcome.disposition is Disposition.PREFERS_SMS:
        said.append(Wished("channel", "sms").told_to(by))
    new, subject = ledger.outside.ids.new, PERSON_PREFIX + person
    events = [
        own_event("preference.stated", subject, {"person_id": person, **data}, ledger.now, new())
        for data in said
    ]
    if outcome.disposition is Disposition.DO_NOT_CALL:
        data = {"person_id": person, "channel": "call", "how": f"told {by} on the phone"}
        events.append(own_event("endpoint.opted_out", subject, data, ledger.now, new()))
    return events


def _account_of(ledger: Ledger, failure: str) -> str:
    for state in ledger.accounts.values():
        if failure in state.failures:
            return state.id
    raise NotFound(f"No failure {failure} on this card.")

"""What the provider says of a call: in any order, twice and late; each word is taken once and leads only forwards."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from outreach.domain.errors import NotFound, Refused
from outreach.domain.phone import (
    DISPOSITION_OF_TWILIO,
    LEG_OF_TWILIO,
    CallKind,
    CallState,
    LegState,
    PhoneCall,
    call_goes_on,
    leg_goes_on,
)
from outreach.domain.talk import Outcome
from outreach.domain.touch import Disposition
from outreach.service import outcomes
from outreach.service.calls import end, end_if_nobody_is_left, leg_and_call, locked_leg, move_leg
from outreach.service.ports import Outside, Unit
from outreach.service.staff import name_of


def leg_said(
    outside: Outside, token: str, status: str, sequence: int = -1, code: str = "", ref: str = ""
) -> bool:
    """A word about one of our phones. False when it is none of ours."""

    def work(unit: Unit) -> bool:
        leg = locked_leg(unit, token)
        if leg is None:
            return False
        call = unit.call(leg.call)
        state = LEG_OF_TWILIO.get(status)
        if call is None or state is None:
            return True
        if status == "completed":
            state = {LegState.ANSWERED: LegState.DECLINED, LegState.RINGING: LegState.NO_ANSWER}.get(
                leg.state, state
            )
        leg = replace(
            leg, ref=leg.ref or ref or None, code=code or leg.code, sequence=max(leg.sequence, sequence)
        )
        moves = leg_goes_on(leg.state, state)
        unit.save_leg(replace(leg, state=state) if moves else leg)
        if (
            status == "completed"
            and call.accepted_by == leg.user
            and call.is_open
            and call.kind is not CallKind.RING_BACK
        ):
            # We have hung up; if the customer's leg has a word of its own, it came or it comes.
            unit.save_call(replace(call, next_at=outside.clock.now() + timedelta(seconds=30)))
        end_if_nobody_is_left(unit, outside, leg.call)
        return True

    known: bool = outside.database.retrying(work)
    return known


def leg_answered(outside: Outside, token: str, answered_by: str) -> str:
    """Somebody, or something, picked up: ``ask`` for the key, ``hang_up`` on a machine, ``over``."""

    def work(unit: Unit) -> str:
        leg, call = leg_and_call(unit, token)
        if not call.is_open or (call.accepted_by and call.accepted_by != leg.user):
            return "over"
        human = answered_by in ("human", "unknown", "")
        move_leg(unit, leg, LegState.ANSWERED if human else LegState.DECLINED)
        if not human:
            end_if_nobody_is_left(unit, outside, call.id)
        return "ask" if human else "hang_up"

    answer: str = outside.database.retrying(work)
    return answer


def customer_said(outside: Outside, token: str, status: str, ref: str = "") -> bool:
    """A word about the customer's phone."""
    states = {
        "initiated": CallState.RINGING_THEM,
        "ringing": CallState.RINGING_THEM,
        "in-progress": CallState.TALKING,
    }

    def work(unit: Unit) -> bool:
        leg = unit.leg(token)
        call = unit.call(leg.call) if leg else None
        if call is None:
            return False
        state = states.get(status)
        if state is not None and call_goes_on(call.state, state):
            now = outside.clock.now()
            talking = now if state is CallState.TALKING else call.talking_at
            unit.save_call(replace(call, state=state, ref=call.ref or ref or None, talking_at=talking))
        return True

    known: bool = outside.database.retrying(work)
    return known


def done(outside: Outside, token: str, status: str, seconds: int = 0) -> bool:
    """The customer's leg is over. Busy and no answer are certain, so they are written down as the outcome; what
    was said in a conversation, only the caller knows."""

    def work(unit: Unit) -> bool:
        leg = unit.leg(token)
        call = unit.call(leg.call) if leg else None
        if call is not None and call.is_open:
            _settle(unit, outside, end(unit, outside, call, status, seconds))
        return call is not None

    known: bool = outside.database.retrying(work)
    return known


def _settle(unit: Unit, outside: Outside, call: PhoneCall) -> None:
    disposition = DISPOSITION_OF_TWILIO.get(call.outcome)
    user = unit.user(call.accepted_by) if call.accepted_by else None
    if disposition is None or call.card is None or user is None:
        return
    try:
        outcomes.settle_in(unit, outside, call.card, name_of(user), Outcome(Disposition(disposition)))
    except (Refused, NotFound):
        pass  # somebody has said it already

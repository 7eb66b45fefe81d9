"""Customers who asked to be rung now: the phone of the one they know rings first, then everybody's on duty.

If nobody can, they are told honestly by when we ring, and that hour has a clock.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from outreach.domain.phone import LEG_ENDS, CallKind, CallState, LegState, PhoneCall
from outreach.service.calls import (
    LOST,
    NOBODY,
    NOT_ACCEPTED,
    PROVIDER,
    Rings,
    end,
    hang_up,
    new_leg,
    ring_all,
    whom,
)
from outreach.service.desk import judge_dial
from outreach.service.intake import absorb_own, own_event
from outreach.service.ledger import Ledger
from outreach.service.ports import Outside, Unit
from outreach.service.ring_backs import missed
from outreach.service.staff import honest_hour, known_face, on_duty, team_of
from outreach.service.switches import may_contact, provider_stopped

KNOWN_FIRST = timedelta(seconds=25)
"""So long the known face has the phone to themselves."""
EVERYBODY = timedelta(seconds=40)
LATELY = timedelta(minutes=10)
"""A wish that is older when we come to look is no longer *now*: the card is there, and its clock."""
BATCH = 20


def move_calls(outside: Outside, batch: int = BATCH) -> int:
    """What the bell rings for: customers who want to be rung now, and calls whose time has come. Gives how many
    were moved."""
    now = outside.clock.now()
    with outside.database.view() as unit:
        wishes = unit.callbacks_to_ring(now - LATELY, now, batch) if outside.telephone else []
        waiting = unit.calls_to_move(now, batch)
    for account, touch, run in wishes:
        _begin(outside, account, touch, run)
    for id_ in waiting:
        _move(outside, id_)
    return len(wishes) + len(waiting)


# -- they asked to be rung -------------------------------------------------------------------------------------


def _begin(outside: Outside, account: str, touch_id: str, run: str) -> None:
    def work(unit: Unit) -> list[Rings]:
        ledger = Ledger(unit, outside, outside.clock.now())
        ledger.lock([account])
        if unit.call_by_cause(run) is not None:  # once the account is locked
            return []
        touch = ledger.touches.get(account, {}).get(touch_id)
        card = unit.card(touch.card) if touch and touch.card else None
        if touch is None or card is None or card.state != "open" or card.claimed_by is not None:
            return []  # somebody has it in hand
        call = PhoneCall(
            outside.ids.new(), CallKind.CALL_NOW, CallState.RINGING_US, ledger.now, cause=run, card=card.id,
            account=account, person=touch.person,
        )  # fmt: skip
        theirs = whom(ledger, [touch])
        stopped = provider_stopped(unit, PROVIDER)
        if theirs is None or stopped or not may_contact(unit, outside, theirs.number, PROVIDER):
            unit.add_call(replace(call, state=CallState.ENDED, outcome="by_hand", ended_at=ledger.now), [])
            return []
        judged = judge_dial(unit, outside, card, counts=False)
        if not judged.ruling.sends:
            unit.add_call(replace(call, state=CallState.ENDED, outcome="by_hand", ended_at=ledger.now), [])
            return []
        call = replace(call, number=theirs.number)
        face = known_face(unit, ledger, account)
        team = team_of(ledger, account)
        open_now = bool(on_duty(unit, ledger.rules.company, team, ledger.now))
        if face is None or not open_now:
            unit.add_call(replace(call, next_at=ledger.now), [])  # straight on to those on duty
            return []
        rings = Rings(new_leg(outside, call, face), face.phone or "")
        unit.add_call(replace(call, next_at=ledger.now + KNOWN_FIRST), [rings.leg])
        return [rings]

    ring_all(outside, outside.database.retrying(work))


def _move(outside: Outside, id_: str) -> None:
    def work(unit: Unit) -> tuple[list[Rings], list[str]]:
        call = unit.call(id_)
        now = outside.clock.now()
        if call is None or call.next_at is None or call.next_at > now:
            return [], []
        if call.state is not CallState.RINGING_US:
            end(unit, outside, call, call.outcome or LOST)
            return [], []
        if call.kind is CallKind.RING_BACK:  # we lost sight of it, and nobody had taken it
            refs = _give_up(unit, call)
            missed(unit, outside, end(unit, outside, call, NOBODY))
            return [], refs
        card = unit.card(call.card) if call.card else None
        if call.kind is CallKind.CALL_NOW and (card is None or card.state != "open" or card.claimed_by):
            refs = _give_up(unit, call)  # somebody has it in hand, or it is done
            end(unit, outside, call, NOT_ACCEPTED)
            return [], refs
        if call.kind is CallKind.CALL_NOW and call.stage == 0:
            rings = _everybody(unit, outside, call)
            if rings:
                return rings, []
        refs = _give_up(unit, call)
        if call.kind is CallKind.CALL_NOW:
            _promise(unit, outside, end(unit, outside, call, NOBODY))
        else:
            end(unit, outside, call, NOT_ACCEPTED)
        return [], refs

    rings, refs = outside.database.retrying(work)
    hang_up(outside, refs)
    ring_all(outside, rings)


def _everybody(unit: Unit, outside: Outside, call: PhoneCall) -> list[Rings]:
    """Everybody on duty whose phone has not rung for this yet, each by a call of its own."""
    ledger = Ledger(unit, outside, outside.clock.now())
    ledger.lock([call.account] if call.account else [])
    rung = {leg.user for leg in unit.legs_of(call.id)}
    team = team_of(ledger, call.account)
    free = [user for user in on_duty(unit, ledger.rules.company, team, ledger.now) if user.id not in rung]
    rings = [Rings(new_leg(outside, call, user), user.phone or "") for user in free]
    unit.add_legs([one.leg for one in rings])
    if rings:
        unit.save_call(replace(call, stage=1, next_at=ledger.now + EVERYBODY))
    return rings


def _give_up(unit: Unit, call: PhoneCall) -> list[str]:
    legs = [leg for leg in unit.legs_of(call.id) if leg.state not in LEG_ENDS]
    for leg in legs:
        unit.save_leg(replace(leg, state=LegState.GONE))
    return [leg.ref for leg in legs if leg.ref]


def _promise(unit: Unit, outside: Outside, call: PhoneCall) -> None:
    """Nobody was free: an honest hour, told to the customer, with a clock."""
    ledger = Ledger(unit, outside, outside.clock.now())
    ledger.lock([call.account] if call.account else [])
    run = ledger.runs.get(call.account or "", {}).get(call.cause or "")
    trigger = ledger.trigger(run) if run else None
    if trigger is None or call.account is None:
        return
    data = {
        "callback_id": trigger.data["callback_id"], "person_id": call.person,
        "until": honest_hour(ledger, call.account).isoformat(),
    }  # fmt: skip
    absorb_own(ledger, [own_event("callback.promised", call.account, data, ledger.now, outside.ids.new())])
    ledger.flush()

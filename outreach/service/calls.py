"""Calls through the house: our phones ring first, one of us presses 1, only then the customer is dialled.

What the provider says comes in any order, twice and late; each word is taken once and leads only forwards.
A phone of ours that may have been rung is never rung again by itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from outreach.domain.card import Card
from outreach.domain.errors import NotFound, Refused
from outreach.domain.phone import (
    LEG_ENDS,
    CallKind,
    CallState,
    Leg,
    LegState,
    PhoneCall,
    leg_goes_on,
)
from outreach.domain.policy import Action
from outreach.domain.signal import Meaning
from outreach.domain.touch import Touch
from outreach.service import desk
from outreach.service.ledger import Ledger
from outreach.service.ports import Outside, Unit
from outreach.service.ports_records import User
from outreach.service.ports_ways import Receipt
from outreach.service.rulings import WISHES_FOR_A_CALL
from outreach.service.staff import name_of
from outreach.service.switches import may_contact, provider_stopped, stop_provider

PROVIDER = "twilio"
CLICK_WAITS = timedelta(seconds=60)
"""So long our own phone may take to be accepted after a click."""
LONGEST = timedelta(hours=4)
"""Twilio ends a call by itself after so long; one that we have heard nothing of is over, too."""
NOBODY, NOT_NOW, NOT_RUNG, NOT_ACCEPTED, LOST = "nobody", "not_now", "not_rung", "not_accepted", "lost"
"""Outcomes that are no provider's word."""


@dataclass(frozen=True, slots=True)
class Rings:
    """A phone to ring, once its leg is committed."""

    leg: Leg
    number: str


@dataclass(frozen=True, slots=True)
class Accepted:
    """What came of pressing 1. ``outcome``: ``connect`` · ``taken`` (somebody was first) · ``refused`` (they may
    not be called now, ``sentence`` says why) · ``over``."""

    outcome: str
    number: str = ""
    sentence: str = ""
    person: str = ""
    about: str = ""
    later: bool = False
    """Refused for now only."""


# -- an account manager clicks -------------------------------------------------------------------------------


def ring(outside: Outside, card_id: str, by: User) -> PhoneCall:
    """Ring their own phone for this card. Raises Refused with the reason and the remedy, NotFound."""
    desk.claim(outside, card_id, name_of(by))

    def work(unit: Unit) -> tuple[PhoneCall, Rings]:
        card = desk.open_and_mine(unit, card_id, name_of(by))
        ours, theirs = _numbers(unit, outside, card, by)
        call = PhoneCall(
            outside.ids.new(), CallKind.CLICK, CallState.RINGING_US, outside.clock.now(), card=card_id,
            account=theirs.account, person=theirs.person, number=theirs.number,
            next_at=outside.clock.now() + CLICK_WAITS,
        )  # fmt: skip
        rings = Rings(new_leg(outside, call, by), ours)
        unit.add_call(call, [rings.leg])
        unit.audit(call.started_at, name_of(by), "call.rung", f"card/{card_id}")
        return call, rings

    call, rings = outside.database.retrying(work)
    ring_all(outside, [rings])
    with outside.database.view() as unit:
        found: PhoneCall = unit.call(call.id) or call
    if found.outcome == NOT_RUNG:
        raise Refused("Your phone could not be rung. Dial by hand, or look at Ops for the provider.")
    return found


@dataclass(frozen=True, slots=True)
class Theirs:
    account: str
    person: str | None
    number: str


def _numbers(unit: Unit, outside: Outside, card: Card, by: User) -> tuple[str, Theirs]:
    """Our phone and theirs; everything that speaks against ringing now is said before any phone rings."""
    if outside.telephone is None:
        raise Refused("No telephone is set up: dial by hand.")
    if not by.phone:
        raise Refused("Your own number is not on file: outreach user phone …, or dial by hand.")
    why = provider_stopped(unit, PROVIDER)
    if why:
        raise Refused(f"The telephone is stopped: {why} Dial by hand.")
    judged = desk.judge_dial(unit, outside, card, name_of(by), counts=False)
    if any(call.is_open for call in unit.calls_of_card(card.id)):  # once the accounts are locked
        raise Refused("A call of this card is already under way.")
    if not judged.ruling.sends:
        raise Refused(f"Not now. {judged.ruling.reason.sentence}")
    theirs = whom(judged.ledger, judged.calls)
    if theirs is None:
        raise Refused("No number of theirs is on file. Ask around, and write it down.")
    if not may_contact(unit, outside, theirs.number, PROVIDER):
        raise Refused("The telephone rehearses, and this number is not among the named ones: dial by hand.")
    return by.phone, theirs


def whom(ledger: Ledger, calls: Sequence[Touch]) -> Theirs | None:
    """Whom the calls of a card are to, with a number."""
    for touch in calls:
        person = ledger.person(touch.person)
        trigger = ledger.trigger(ledger.runs[touch.account][touch.run])
        given = (
            trigger.data.get("phone") if trigger is not None and trigger.type in WISHES_FOR_A_CALL else None
        )
        number = given or (person.phone if person else None)
        if number:
            return Theirs(touch.account, touch.person, number)
    return None


def new_leg(outside: Outside, call: PhoneCall, user: User) -> Leg:
    return Leg(outside.ids.token(), call.id, user.id, LegState.INTENDED, outside.clock.now())


def ring_all(outside: Outside, rings: Sequence[Rings]) -> None:
    """Ask the provider, with nothing open; then write down what it said of each."""
    for one in rings:
        assert outside.telephone is not None
        _keep(outside, one.leg.token, outside.telephone.ring(one.number, one.leg.token))


def _keep(outside: Outside, token: str, receipt: Receipt) -> None:
    def work(unit: Unit) -> None:
        leg = locked_leg(unit, token)
        if leg is None:
            return
        if receipt.meaning is Meaning.PROVIDER:
            stop_provider(unit, PROVIDER, receipt.reason, outside.clock.now())
        leg = replace(leg, ref=leg.ref or receipt.ref, code=receipt.code or leg.code)
        unit.save_leg(leg)
        if receipt.outcome != "sent":
            move_leg(unit, leg, LegState.UNKNOWN if receipt.outcome == "unknown" else LegState.FAILED)
        end_if_nobody_is_left(unit, outside, leg.call)

    outside.database.retrying(work)


# -- somebody presses 1 ----------------------------------------------------------------------------------------


def accept(outside: Outside, token: str) -> Accepted:
    """The first to press 1 has the call; the others are told, and hung up. Whether they may be called is judged
    now, and counts. The same leg again gets the same answer. Raises NotFound for a token that is none."""

    def work(unit: Unit) -> tuple[Accepted, list[str]]:
        leg, call = leg_and_call(unit, token)
        user = unit.user(leg.user)
        if not call.is_open or user is None:
            return Accepted("over"), []
        if call.accepted_by is not None and call.accepted_by != leg.user:
            move_leg(unit, leg, LegState.GONE)
            return Accepted("taken"), []
        if call.accepted_by == leg.user:
            return _connect(unit, outside, call, user, counts=False), []
        card = unit.card(call.card or "")
        if card is None or card.state != "open" or card.claimed_by not in (None, name_of(user)):
            move_leg(unit, leg, LegState.GONE)
            return Accepted("taken"), []
        if not unit.claim_card(card.id, name_of(user), outside.clock.now()):
            move_leg(unit, leg, LegState.GONE)
            return Accepted("taken"), []
        answer = _connect(unit, outside, call, user, counts=True)
        claimed = unit.card(card.id)
        if answer.outcome != "connect" and card.claimed_by is None and claimed is not None:
            unit.save_card(replace(claimed, claimed_by=None, claimed_at=None))
        return answer, _take(unit, outside, call, leg, answer)

    answer, refs = outside.database.retrying(work)
    hang_up(outside, refs)
    found: Accepted = answer
    return found


def _connect(unit: Unit, outside: Outside, call: PhoneCall, user: User, *, counts: bool) -> Accepted:
    card = unit.card(call.card or "")
    if card is None or card.state != "open":
        return Accepted("over")
    try:
        judged = desk.judge_dial(unit, outside, card, name_of(user), counts=counts)
    except Refused:  # its line was settled or stopped in the meantime
        return Accepted("over")
    if not judged.ruling.sends and counts:
        return Accepted(
            "refused", sentence=judged.ruling.reason.sentence, later=judged.ruling.action is Action.WAIT
        )
    ledger = judged.ledger
    person = ledger.person(call.person)
    lines = [t for touches in ledger.touches.values() for t in touches.values() if t.card == card.id]
    runs = [ledger.runs[t.account].get(t.run) for t in lines]
    title = next(
        (
            ledger.rules.playbooks[r.playbook].title
            for r in runs
            if r and r.playbook in ledger.rules.playbooks
        ),
        "",
    )
    return Accepted("connect", call.number or "", person=person.name if person else "", about=title)


def _take(unit: Unit, outside: Outside, call: PhoneCall, leg: Leg, answer: Accepted) -> list[str]:
    """Write down who has it; gives the refs of the phones that need not ring any more."""
    now = outside.clock.now()
    if answer.outcome != "connect":
        move_leg(unit, leg, LegState.DECLINED)
        if call.kind is CallKind.CALL_NOW and answer.later:  # the clock gives up, and tells them an hour
            unit.save_call(replace(call, stage=1, next_at=now))
        else:
            end(unit, outside, call, NOT_NOW)
        return _others(unit, call, leg)
    move_leg(unit, leg, LegState.ACCEPTED)
    unit.save_call(
        replace(call, state=CallState.ACCEPTED, accepted_by=leg.user, accepted_at=now, next_at=now + LONGEST)
    )
    return _others(unit, call, leg)


def _others(unit: Unit, call: PhoneCall, leg: Leg) -> list[str]:
    found = [one for one in unit.legs_of(call.id) if one.token != leg.token and one.state not in LEG_ENDS]
    for one in found:
        move_leg(unit, one, LegState.GONE)
    return [one.ref for one in found if one.ref]


def hang_up(outside: Outside, refs: Sequence[str]) -> None:
    for ref in refs:
        if outside.telephone is not None:
            outside.telephone.hang_up(ref)


def hang_up_call(outside: Outside, call_id: str, by: User) -> None:
    """An account manager ends their own call. Raises NotFound, Refused."""

    def work(unit: Unit) -> list[str]:
        call = unit.call(call_id)
        if call is None:
            raise NotFound("There is no such call.")
        legs = unit.legs_of(call_id)
        if by.id not in [leg.user for leg in legs]:
            raise Refused("This is somebody else's call.")
        mine = [leg for leg in legs if leg.user == by.id and leg.state not in LEG_ENDS]
        if not mine and call.is_open:
            raise Refused("This is somebody else's call.")
        if call.is_open and call.state is CallState.RINGING_US:
            for leg in mine:
                move_leg(unit, leg, LegState.DECLINED)
            end_if_nobody_is_left(unit, outside, call_id)
        return [leg.ref for leg in mine if leg.ref]

    hang_up(outside, outside.database.retrying(work))


# -- shared ------------------------------------------------------------------------------------------


def end(unit: Unit, outside: Outside, call: PhoneCall, outcome: str, seconds: int = 0) -> PhoneCall:
    over = replace(
        call,
        state=CallState.ENDED,
        outcome=outcome,
        seconds=seconds,
        ended_at=outside.clock.now(),
        next_at=None,
    )
    unit.save_call(over)
    return over


def end_if_nobody_is_left(unit: Unit, outside: Outside, call_id: str) -> None:
    """All of our phones have ended without anybody accepting: a click is over, a call-now moves on at once."""
    call = unit.call(call_id)
    if call is None or call.state is not CallState.RINGING_US or call.kind is CallKind.RING_BACK:
        return
    legs = unit.legs_of(call_id)
    if not legs or any(leg.state not in LEG_ENDS for leg in legs):
        return
    if call.kind is CallKind.CLICK:
        failed = all(leg.state is LegState.FAILED for leg in legs)
        end(unit, outside, call, NOT_RUNG if failed else NOT_ACCEPTED)
    else:
        unit.save_call(replace(call, next_at=outside.clock.now()))


def leg_and_call(unit: Unit, token: str) -> tuple[Leg, PhoneCall]:
    leg = locked_leg(unit, token)
    call = unit.call(leg.call) if leg else None
    if leg is None or call is None:
        raise NotFound("There is no such call.")
    return leg, call


def locked_leg(unit: Unit, token: str) -> Leg | None:
    """Read once its call is locked: what was read before may be old."""
    found = unit.leg(token)
    if found is None:
        return None
    unit.call(found.call)
    return unit.leg(token)


def move_leg(unit: Unit, leg: Leg, state: LegState) -> None:
    if leg_goes_on(leg.state, state):
        unit.save_leg(replace(leg, state=state))

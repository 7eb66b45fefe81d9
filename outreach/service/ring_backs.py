"""Customers who ring us: the one they know is asked first, then those on duty, one after the other, while they
hold the line. Nobody there is a call that was missed, and a promise with a clock.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from outreach.domain.facts import Channel
from outreach.domain.person import PersonState
from outreach.domain.phone import LEG_ENDS, CallKind, CallState, LegState, PhoneCall
from outreach.service.calls import NOBODY, end, locked_leg, new_leg
from outreach.service.intake import absorb_own, own_event
from outreach.service.ledger import Ledger
from outreach.service.ports import Outside, Unit
from outreach.service.ports_faults import Outpaced
from outreach.service.ports_records import User
from outreach.service.ports_traffic import Inbound
from outreach.service.replies import SOURCE, sole_account
from outreach.service.staff import honest_hour, known_face, name_of, on_duty, team_of

MOST_TRIED = 3
"""Phones that are tried one after the other while a customer holds the line."""


@dataclass(frozen=True, slots=True)
class RingBack:
    """What to do with a caller on the line: ``try`` the next phone of ours, ``connected`` (it is over and we have
    spoken), or ``nobody``: say by when we ring."""

    outcome: str
    token: str = ""
    number: str = ""
    until: datetime | None = None


def rang_us(outside: Outside, call_id: str, number: str) -> RingBack:
    """A call to our number. ``call_id``: the provider's; the same again goes on with the same call."""
    cause = f"call:{call_id}"

    def work(unit: Unit) -> RingBack:
        call = unit.call_by_cause(cause)
        if call is None:
            if not unit.first_seen([cause], outside.clock.now()):
                raise Outpaced("the same call is being taken")
            person, account = _caller(unit, number)
            now = outside.clock.now()
            card = unit.open_card(unit.identities([person.id])[person.id]) if person else None
            call = PhoneCall(
                outside.ids.new(), CallKind.RING_BACK, CallState.RINGING_US, now, cause=cause, number=number or None,
                account=account, person=person.id if person else None, card=card.id if card else None,
                next_at=now + timedelta(hours=4),
            )  # fmt: skip
            unit.add_call(call, [])
        elif call.outcome == NOBODY and call.ended_at is not None:  # asked again: the same hour
            ledger = Ledger(unit, outside, call.ended_at)
            ledger.lock([call.account] if call.account else [])
            return RingBack("nobody", until=honest_hour(ledger, call.account))
        elif not call.is_open or call.accepted_by is not None:
            return RingBack("connected")
        return _next_phone(unit, outside, call)

    found: RingBack = outside.database.retrying(work)
    return found


def next_phone(
    outside: Outside, call_id: str, bridged: bool, seconds: int = 0, token: str = "", gone: bool = False
) -> RingBack:
    """One phone of ours has ended: with a conversation, or without."""

    def work(unit: Unit) -> RingBack:
        known = unit.call_by_cause(f"call:{call_id}")
        call = unit.call(known.id) if known else None
        if call is None or not call.is_open:
            return RingBack("connected")
        if bridged and call.accepted_by is not None:
            _spoke(unit, outside, end(unit, outside, call, "completed", seconds))
            return RingBack("connected")
        legs = unit.legs_of(call.id)
        if not gone and any(leg.token == token and leg.state in LEG_ENDS for leg in legs):  # said already
            return RingBack("connected") if call.accepted_by else _next_phone(unit, outside, call)
        for leg in legs:
            if leg.state not in LEG_ENDS:
                unit.save_leg(replace(leg, state=LegState.NO_ANSWER))
        if call.accepted_by is not None:  # accepted, and the caller had gone
            call = replace(call, accepted_by=None, state=CallState.RINGING_US)
            unit.save_call(call)
        if gone:
            missed(unit, outside, end(unit, outside, call, NOBODY))
            return RingBack("connected")
        return _next_phone(unit, outside, call)

    found: RingBack = outside.database.retrying(work)
    return found


def accept_ring_back(outside: Outside, token: str) -> bool:
    """One of us presses 1 while the customer holds the line. False when it is over."""

    def work(unit: Unit) -> bool:
        leg = locked_leg(unit, token)
        call = unit.call(leg.call) if leg else None
        if (
            leg is None
            or leg.state in LEG_ENDS
            or call is None
            or not call.is_open
            or call.accepted_by not in (None, leg.user)
        ):
            return False
        now = outside.clock.now()
        unit.save_leg(replace(leg, state=LegState.ACCEPTED))
        unit.save_call(
            replace(
                call,
                state=CallState.TALKING,
                accepted_by=leg.user,
                accepted_at=now,
                talking_at=call.talking_at or now,
            )
        )
        user = unit.user(leg.user)
        if call.card and user is not None:
            unit.claim_card(call.card, name_of(user), now)
        return True

    accepted: bool = outside.database.retrying(work)
    return accepted


def hung_up_on_us(outside: Outside, call_id: str) -> None:
    """The caller has gone before anybody picked up."""

    def work(unit: Unit) -> None:
        known = unit.call_by_cause(f"call:{call_id}")
        call = unit.call(known.id) if known else None
        if call is not None and call.is_open and call.accepted_by is None:
            missed(unit, outside, end(unit, outside, call, NOBODY))

    outside.database.retrying(work)


def _caller(unit: Unit, number: str) -> tuple[PersonState | None, str | None]:
    """Who rings, and about which account; of several with that number the one we wrote to last."""
    people = unit.people_at("phone", number) if number else []
    written = [
        (attempt.at, person.id, person, attempt.account)
        for person in people
        for channel in (Channel.SMS, Channel.EMAIL)
        if (attempt := unit.last_attempt_to(person.id, channel)) is not None
    ]
    if written:
        _, _, person, account = max(written, key=lambda each: each[:2])
        return person, account
    if len(people) == 1:
        return people[0], sole_account(unit, people[0]) or next(iter(sorted(people[0].roles)), None)
    return None, None


def _next_phone(unit: Unit, outside: Outside, call: PhoneCall) -> RingBack:
    ledger = Ledger(unit, outside, outside.clock.now())
    ledger.lock([call.account] if call.account else [])
    ringing = [leg for leg in unit.legs_of(call.id) if leg.state is LegState.INTENDED]
    if ringing:  # the provider asks again: the same phone
        user = unit.user(ringing[0].user)
        if user is not None and user.phone:
            return RingBack("try", ringing[0].token, user.phone)
    user = _next_user(unit, ledger, call)
    if user is None:
        until = missed(unit, outside, end(unit, outside, call, NOBODY))
        return RingBack("nobody", until=until)
    leg = new_leg(outside, call, user)
    unit.add_legs([leg])
    return RingBack("try", leg.token, user.phone or "")


def _next_user(unit: Unit, ledger: Ledger, call: PhoneCall) -> User | None:
    tried = {leg.user for leg in unit.legs_of(call.id)}
    if len(tried) >= MOST_TRIED:
        return None
    here = on_duty(unit, ledger.rules.company, team_of(ledger, call.account), ledger.now)
    face = known_face(unit, ledger, call.account)
    ordered = [face, *here] if face is not None and here else here
    return next((user for user in ordered if user.id not in tried), None)


def _spoke(unit: Unit, outside: Outside, call: PhoneCall) -> None:
    """The customer rang and we spoke."""
    user = unit.user(call.accepted_by or "")
    if call.account is None or user is None:
        _for_somebody(unit, outside, call, f"{user.name if user else 'Somebody'} spoke with them.")
        return
    ledger = Ledger(unit, outside, outside.clock.now())
    ledger.lock([call.account])
    data = {"call_id": call.id, "by": name_of(user), "person_id": call.person}
    absorb_own(
        ledger, [own_event("call.inbound", call.account, data, ledger.now, f"{call.cause}:spoke", SOURCE)]
    )
    ledger.flush()


def missed(unit: Unit, outside: Outside, call: PhoneCall) -> datetime:
    """Nobody took it: news of the account, a card with the hour we gave, or a row for whoever finds out."""
    ledger = Ledger(unit, outside, outside.clock.now())
    ledger.lock([call.account] if call.account else [])
    until = honest_hour(ledger, call.account)
    if call.account is None or call.person is None:
        _for_somebody(
            unit, outside, call, f"They were told that we ring by {until.isoformat(timespec='minutes')}."
        )
        return until
    waited = int((ledger.now - call.started_at).total_seconds())
    missed = {"call_id": call.id, "waited_seconds": waited, "person_id": call.person}
    asked = {
        "callback_id": call.id,
        "person_id": call.person,
        "wanted_at": until.isoformat(),
        "about": "they rang us",
    }
    absorb_own(ledger, [
        own_event("call.missed", call.account, missed, ledger.now, f"{call.cause}:missed", SOURCE),
        own_event("callback.asked", call.account, asked, ledger.now, f"{call.cause}:asked", SOURCE),
    ])  # fmt: skip
    ledger.flush()
    return until


def _for_somebody(unit: Unit, outside: Outside, call: PhoneCall, what: str) -> None:
    number = call.number or ""
    unit.keep_inbound(
        Inbound(
            id=call.cause or call.id, at=outside.clock.now(), channel=Channel.CALL, kind="unknown", status="open",
            sender=number, hash=outside.endpoint_hash("phone", number), name="", recipient="", subject="", text=what,
            person=call.person, account=call.account,
        )
    )  # fmt: skip

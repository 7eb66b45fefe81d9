"""What may become of a card besides a call: put off, handed over; and what is owed goes on the board, some a day."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import replace
from datetime import datetime, time, timedelta

from outreach.domain.card import Card
from outreach.domain.errors import NotFound, Refused
from outreach.domain.facts import Channel, Purpose
from outreach.domain.hours import instant, local
from outreach.domain.policy import drop, rule
from outreach.domain.touch import Status, Touch
from outreach.service import desk
from outreach.service.intake import absorb_own, own_event
from outreach.service.ledger import Ledger
from outreach.service.ports import Outside, Unit
from outreach.service.rulings import case_for
from outreach.service.staff import name_of

NOTE = "note.asked"
LONGEST = timedelta(days=14)
"""Nobody is put off for longer; a wish of theirs to wait is a pause, and theirs to say."""


def snooze(outside: Outside, card_id: str, by: str, until: datetime, why: str) -> Card:
    """It comes back by itself then, or when something new comes up; its promise clock goes on. Raises Refused."""
    if not why.strip():
        raise Refused("Say in a few words why it can wait.")

    def change(unit: Unit, card: Card, now: datetime) -> Card:
        if not now < until <= now + LONGEST:
            raise Refused(f"It can wait until some time in the next {LONGEST.days} days.")
        return _noted(card, by, why, snoozed_until=until)

    return _change(outside, card_id, by, "card.snoozed", change)


def take_up(outside: Outside, card_id: str, by: str) -> Card:
    """What was put off or handed over is again as it was: on the desk of whoever looks after them."""

    def change(unit: Unit, card: Card, now: datetime) -> Card:
        return replace(card, snoozed_until=None, handed_to=None, note=None, noted_by=None)

    return _change(outside, card_id, by, "card.taken_up", change)


def hand_over(outside: Outside, card_id: str, by: str, to: str, note: str) -> Card:
    """It is on their desk from now on, with the note. Raises Refused for somebody who is not here."""
    if not note.strip():
        raise Refused("Say in a few words what they need to know.")

    def change(unit: Unit, card: Card, now: datetime) -> Card:
        if to not in {
            name_of(user) for user in unit.users() if user.active and user.role in ("am", "manager", "admin")
        }:
            raise Refused("Choose a colleague who can take it.")
        return _noted(card, by, note, handed_to=to, snoozed_until=None)

    return _change(outside, card_id, by, "card.handed_over", change)


def write_instead(outside: Outside, card_id: str, by: str) -> Card:
    """The day has no hour left for this call: a line from whoever should have rung lies ready to be read and released,
    and the call is put off until the next working day. Raises Refused where nobody can be written to."""

    def work(unit: Unit) -> Card:
        unit.open_card(desk.open_and_mine(unit, card_id, by).identity)  # locked, where rows can be
        card = desk.open_and_mine(unit, card_id, by)
        ledger = desk.locked_ledger(unit, outside, card)
        until = _next_working_day(ledger)
        call = _first_call(ledger, card, until)
        run = ledger.runs[call.account][call.run]
        data = {"note_id": outside.ids.new(), "failure": run.failure, "person_id": call.person, "by": by}
        given = {name: value for name, value in data.items() if value is not None}
        absorb_own(ledger, [own_event(NOTE, call.account, given, ledger.now, outside.ids.new())])
        _must_leave(ledger, call.account, data["note_id"])
        ledger.flush()
        put_off = _noted(
            unit.card(card_id) or card, by, "No hour was left for it; a note goes out.", snoozed_until=until
        )
        unit.save_card(put_off)
        unit.audit(ledger.now, by, NOTE, f"card/{card_id}")
        return put_off

    card: Card = outside.database.retrying(work)
    return card


def _must_leave(ledger: Ledger, account: str, note: str | None) -> None:
    """Raises Refused, and nothing has happened, when no note would come of it."""
    runs = [run for run in ledger.runs[account].values() if run.key == note]
    written = [touch for run in runs for touch in ledger.touches_of_run(run) if touch.channel.written]
    if not written:
        raise Refused("No playbook writes a note here now. Ring them, or hand it over.")
    for touch in written:
        run = ledger.runs[account][touch.run]
        ruling = rule(case_for(ledger, run, touch)) if touch.is_open else drop(touch.because, touch.sentence)
        if not ruling.sends:
            raise Refused(f"No note can be written to them now. {ruling.reason.sentence}")


def _first_call(ledger: Ledger, card: Card, until: datetime) -> Touch:
    """The worst of those that somebody can be written to about. What they asked for at an hour is not put off."""
    calls = [
        touch
        for touch in desk.lines_on(ledger, card)
        if touch.channel is Channel.CALL and not touch.purpose.sells
    ]
    asked = [touch for touch in calls if touch.purpose is Purpose.CALLBACK]
    if any(touch.deadline is None or touch.deadline < until for touch in asked):
        raise Refused("They asked to be called: a note is no answer to that. Ring them, or hand it over.")
    able = [touch for touch in calls if (person := ledger.person(touch.person)) and person.email]
    if not able:
        raise Refused(
            "No mail address is on file for them, so no note can be written. Ring them, or hand it over."
        )
    waiting = (each for touches in ledger.touches.values() for each in touches.values())
    if any(each.status is Status.DRAFT and each.person == able[0].person for each in waiting):
        raise Refused("A message to them lies ready already: read it, and release it.")
    return max(able, key=lambda touch: (ledger.runs[touch.account][touch.run].severity, touch.id))


def _next_working_day(ledger: Ledger) -> datetime:
    team = next((state.described.get("team") for state in ledger.accounts.values()), None)
    calendar = ledger.rules.company.calendar_of(team)
    tomorrow = local(ledger.now, calendar.zone).date() + timedelta(days=1)
    return calendar.next_open(instant(tomorrow, time(), calendar.zone))


def _noted(card: Card, by: str, note: str, **more: object) -> Card:
    """Whoever puts it off or hands it over has it no longer."""
    return replace(card, note=note.strip()[:500], noted_by=by, claimed_by=None, claimed_at=None, **more)  # type: ignore[arg-type]


def _change(
    outside: Outside, card_id: str, by: str, what: str, change: Callable[[Unit, Card, datetime], Card]
) -> Card:
    def work(unit: Unit) -> Card:
        now = outside.clock.now()
        known = unit.card(card_id)
        card = unit.open_card(known.identity) if known else None  # locked, where rows can be
        if known is None:
            raise NotFound("There is no such card.")
        if card is None or card.id != card_id:
            raise Refused("This card is already closed.")
        if card.claimed_by not in (None, by):
            raise Refused(f"{card.claimed_by} has this card.")
        desk.must_be_settled(unit, card_id)
        new = change(unit, card, now)
        unit.save_card(new)
        unit.audit(now, by, what, f"card/{card_id}")
        return new

    found: Card = outside.database.retrying(work)
    return found


def release_owed(outside: Outside, owed: Collection[tuple[str, str]], by: str) -> int:
    """(account, failure) of what we learnt of too late goes on the board, each by itself; gives how many did."""
    return sum(_release(outside, account, failure, by) for account, failure in owed)


def _release(outside: Outside, account: str, failure: str, by: str) -> bool:
    """False for what somebody has closed or released meanwhile."""
    with outside.database.view() as unit:
        state = unit.account(account)
    found = state.failures.get(failure) if state else None
    if found is None or not found.owed or not found.is_open:
        return False
    data = {"failure": failure, "by": by, "person_id": found.person}
    desk.tell(outside, "failure.released", account, data, by)
    return True

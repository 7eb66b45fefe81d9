"""A call through the house, from the card: ring, look how it stands, hang up."""

from __future__ import annotations

from dataclasses import dataclass

from flask import Blueprint, flash, redirect, render_template, url_for
from werkzeug.wrappers import Response

from outreach.domain.errors import OutreachError
from outreach.domain.phone import LEG_ENDS, CallKind, CallState, PhoneCall
from outreach.service import calls
from outreach.service.ports import Unit
from outreach.service.ports_records import User
from outreach.web import auth
from outreach.web.problems import tell
from outreach.web.reception import outside, reception

calling = Blueprint("calling", __name__, url_prefix="/desk")


@dataclass(frozen=True, slots=True)
class CallShown:
    """How the newest call of a card stands, in words."""

    id: str
    open: bool
    mine: bool
    """My phone rings for it, or I have it."""
    theirs: bool
    """The customer began it."""
    words: str
    kind: str
    """``wait`` while something rings, ``talk``, ``done``, or ``problem``."""
    card: str | None
    account: str | None


def my_user(unit: Unit) -> User | None:
    return unit.user(auth.me().id)


def shown(unit: Unit, card_id: str) -> CallShown | None:
    """The newest call of the card; None where there was none."""
    found = unit.calls_of_card(card_id)
    return _shown(unit, found[0]) if found and found[0].outcome != "by_hand" else None


def on_the_line(unit: Unit) -> list[CallShown]:
    """Calls that go on now: my own, and those that a customer began, whoever takes them."""
    calls = [_shown(unit, call) for call in unit.open_calls()]
    return [call for call in calls if call.mine or call.theirs]


def _shown(unit: Unit, call: PhoneCall) -> CallShown:
    by = unit.user(call.accepted_by) if call.accepted_by else None
    ringing = {leg.user for leg in unit.legs_of(call.id) if leg.state not in LEG_ENDS}
    mine = auth.me().id in ({by.id} if by else ringing)
    words, kind = _words(call, _name(unit, call), mine, by.name if by else "")
    return CallShown(
        call.id, call.is_open, mine, call.kind is not CallKind.CLICK, words, kind, call.card, call.account
    )


def _name(unit: Unit, call: PhoneCall) -> str:
    person = unit.people([call.person]).get(call.person) if call.person else None
    return str(person.described.get("name") or "The customer") if person else "A number that we do not know"


def _words(call: PhoneCall, name: str, mine: bool, by: str) -> tuple[str, str]:
    if call.kind is CallKind.RING_BACK and call.is_open:
        return _rings_us(name, mine, by)
    match call.state:
        case CallState.RINGING_US:
            wish = f" {name} wants to be called now." if call.kind is CallKind.CALL_NOW else ""
            return ("Your phone rings. Pick up and press 1." if mine else "Our phones ring.") + wish, "wait"
        case CallState.ACCEPTED:
            return ("Connecting you …" if mine else f"{by} takes the call."), "wait"
        case CallState.RINGING_THEM:
            return f"{name}: it rings …", "wait"
        case CallState.TALKING:
            return (f"You are talking to {name}." if mine else f"{by} is talking to {name}."), "talk"
    return _ENDS.get(call.outcome, ("The call is over.", "done"))


def _rings_us(name: str, mine: bool, by: str) -> tuple[str, str]:
    if by:
        return (f"{name} is on the line." if mine else f"{by} is talking to {name}."), "talk"
    return f"{name} rings us." + (" Pick up and press 1." if mine else ""), "wait"


_ENDS = {
    "completed": ("The call is over. How did it go?", "done"),
    "busy": ("Busy. It is written down, and the next try comes by itself.", "done"),
    "no-answer": ("Nobody answered. It is written down, and the next try comes by itself.", "done"),
    "failed": ("The call could not be put through: is the number right?", "problem"),
    "canceled": ("You hung up before anybody answered.", "done"),
    calls.NOT_ACCEPTED: ("Your phone was not picked up, or nobody pressed 1. Nobody was dialled.", "problem"),
    calls.NOT_RUNG: ("Your phone could not be rung. Dial by hand.", "problem"),
    calls.NOT_NOW: ("They may not be called at this moment. Nobody was dialled.", "problem"),
    calls.NOBODY: ("None of us could take it. They were told by when we ring.", "problem"),
    calls.LOST: ("Nothing more was heard of this call. How did it go?", "problem"),
}  # fmt: skip


@calling.post("/cards/<card_id>/ring")
@auth.may("desk")
def ring(card_id: str) -> Response:
    """Ring my phone; once I have pressed 1, theirs."""
    with reception().house.database.view() as unit:
        user = my_user(unit)
    try:
        if user is not None:
            calls.ring(outside(), card_id, user)
    except OutreachError as fault:
        tell(fault)
    return redirect(url_for("cards.card", card_id=card_id))


@calling.post("/calls/<call_id>/hang-up")
@auth.may("desk")
def hang_up(call_id: str) -> Response:
    with reception().house.database.view() as unit:
        user, call = my_user(unit), unit.call(call_id)
    try:
        if user is not None:
            calls.hang_up_call(outside(), call_id, user)
            flash("Hung up.", "done")
    except OutreachError as fault:
        tell(fault)
    return redirect(
        url_for("cards.card", card_id=call.card) if call and call.card else url_for("desk.board_page")
    )


@calling.get("/cards/<card_id>/call")
@auth.may("desk")
def state(card_id: str) -> str:
    """How the call stands: a piece of the card, asked for while something rings."""
    with reception().house.database.view() as unit:
        found = shown(unit, card_id)
    return render_template("_call.html", call=found, card_id=card_id)

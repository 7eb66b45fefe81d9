"""One card: take it, ring, put it off, hand it over; and the drafts that wait on it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from flask import Blueprint, flash, g, redirect, render_template, request, url_for
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response

from outreach.domain.errors import Fault, Invalid, OutreachError
from outreach.domain.message import sms_parts
from outreach.domain.wallclock import parse_instant
from outreach.service import cards as service
from outreach.service import desk, outcomes
from outreach.web import auth, calling, conversation, forms, said, wishing, words
from outreach.web.problems import tell
from outreach.web.reception import outside, reception

cards = Blueprint("cards", __name__, url_prefix="/desk")


@cards.get("/cards/<card_id>")
@auth.may("desk")
def card(card_id: str) -> str:
    return _page(card_id)


def _page(card_id: str, form: Mapping[str, Any] | None = None) -> str:
    before = parse_instant(request.args.get("before"))
    with reception().house.database.view() as unit:
        waiting = said.waiting(unit, card_id)
        shown = conversation.conversation(
            unit, outside(), card_id, g.now, before, auth.my_sight(unit), [each.said for each in waiting]
        )
        call, user = calling.shown(unit, card_id), calling.my_user(unit)
    template = "_timeline.html" if request.headers.get("X-Fragment") else "card.html"
    return render_template(
        template, talk=shown, waiting=waiting, form=form or MultiDict(), kinds=wishing.KINDS, steps=shown.steps,
        more=shown.more, call=call, through_the_house=outside().telephone is not None and bool(user and user.phone),
        here=url_for("cards.card", card_id=card_id), dispositions=said.DISPOSITIONS, pointless=desk.POINTLESS, colleagues=words.colleagues(), new_id=outside().ids.new,
    )  # fmt: skip


def _back(card_id: str, anchor: str | None = None) -> Response:
    return redirect(url_for("cards.card", card_id=card_id, _anchor=anchor))


def _do(card_id: str, work: Callable[[], str], anchor: str | None = None) -> Response:
    """Do it, say so, and show the card; or say why not."""
    try:
        done = work()
    except OutreachError as fault:
        tell(fault)
        return _back(card_id)
    if done:
        flash(done, "done")
    return _back(card_id, anchor)


@cards.post("/cards/<card_id>/claim")
@auth.may("desk")
def claim(card_id: str) -> Response:
    def work() -> str:
        desk.claim(outside(), card_id, auth.me().by)
        return "You have this card. Nobody else will call meanwhile."

    return _do(card_id, work)


@cards.post("/cards/<card_id>/give-back")
@auth.may("desk")
def give_back(card_id: str) -> Response:
    def work() -> str:
        desk.let_go(outside(), card_id, auth.me().by)
        return "You gave the card back; colleagues can take it."

    return _do(card_id, work)


@cards.post("/cards/<card_id>/snooze")
@auth.may("desk")
def snooze(card_id: str) -> Response:
    def work() -> str:
        check = forms.Checker(request.form)
        until = check.local_time("until", needed=True, why="Say until when it can wait.")
        why = check.text("why", "Say in a few words why it can wait.")
        check.done()
        assert until is not None
        service.snooze(outside(), card_id, auth.me().by, until, why)
        return "Put off. It comes back by itself, and at once when something new comes up."

    return _do(card_id, work)


@cards.post("/cards/<card_id>/write-instead")
@auth.may("desk")
def write_instead(card_id: str) -> Response:
    try:
        card = service.write_instead(outside(), card_id, auth.me().by)
    except OutreachError as fault:
        tell(fault)
        return _back(card_id)
    flash(
        f"A note lies ready in a moment, for you to read and release. The call is put off until {words.when(card.snoozed_until)}.",
        "done",
    )
    return redirect(url_for("desk.board_page"))


@cards.post("/cards/<card_id>/hand-over")
@auth.may("desk")
def hand_over(card_id: str) -> Response:
    def work() -> str:
        check = forms.Checker(request.form)
        to = check.one_of("to", words.colleagues(), "Choose a colleague.")
        note = check.text("note", "Say in a few words what they need to know.")
        check.done()
        service.hand_over(outside(), card_id, auth.me().by, to, note)
        return f"It is on {words.someone(to)}’s desk now, with your note."

    return _do(card_id, work)


@cards.post("/cards/<card_id>/take-up")
@auth.may("desk")
def take_up(card_id: str) -> Response:
    def work() -> str:
        service.take_up(outside(), card_id, auth.me().by)
        return "It is on the desk again, as before."

    return _do(card_id, work)


@cards.post("/cards/<card_id>/dial")
@auth.may("desk")
def dial(card_id: str) -> Response:
    """Takes the card for the caller, and asks whether the call may be made at this moment."""
    try:
        desk.claim(outside(), card_id, auth.me().by)
        ruling = desk.dial(outside(), card_id, auth.me().by, request.form.get("in_spite", ""))
    except OutreachError as fault:
        tell(fault)
        return _back(card_id)
    if not ruling.sends:
        flash(f"Not now. {ruling.reason.sentence}", "problem")
    return _back(card_id, "call" if ruling.sends else None)


@cards.post("/cards/<card_id>/pointless")
@auth.may("desk")
def pointless(card_id: str) -> Response:
    """One word that reaches whoever writes the playbook."""

    def work() -> str:
        form = request.form
        desk.pointless(outside(), card_id, form.get("touch", ""), form.get("why", ""), auth.me().by)
        return "Thank you. It stands with the playbook, for whoever writes it. Say also how the call went."

    return _do(card_id, work)


@cards.post("/cards/<card_id>/outcome")
@auth.may("desk")
def outcome(card_id: str) -> Response | tuple[str, int]:
    try:
        found = said.outcome_in(request.form)
        outcomes.say(outside(), card_id, auth.me().by, found)
    except OutreachError as fault:
        code = tell(fault)
        return _page(card_id, request.form), code
    if found.put_right:
        return _back(card_id)  # the winning-back question comes now
    return redirect(url_for("desk.board_page"))


@cards.post("/cards/<card_id>/take-back")
@auth.may("desk")
def take_back(card_id: str) -> Response | str:
    """Undo: the card as it was, with everything that had been filled in."""
    try:
        taken = outcomes.take_back(outside(), card_id, request.form.get("said", ""), auth.me().by)
    except OutreachError as fault:
        tell(fault)
        return _back(card_id)
    flash("Taken back. Nothing of it is written down; here it is as you had said it.", "done")
    return _page(card_id, said.form_of(taken.outcome))


# -- drafts --------------------------------------------------------------------------------------------


@cards.post("/drafts/<touch_id>/release")
@auth.may("desk")
def release(touch_id: str) -> Response | tuple[str, int]:
    card_id, text = request.form.get("card", ""), request.form.get("text", "")

    def work() -> str:
        if not text.strip():
            raise Invalid([Fault("text", 0, 0, "An empty message is not sent")])
        subject = " ".join(request.form.get("subject", "").split())
        desk.release(outside(), touch_id, auth.me().by, subject, text.replace("\r\n", "\n"))
        return "Released. It leaves with the next round of the clock, if nothing speaks against it by then."

    try:
        flash(work(), "done")
    except OutreachError as fault:
        code = tell(fault)
        return _page(card_id, request.form), code
    return _back(card_id)


@cards.post("/drafts/<touch_id>/discard")
@auth.may("desk")
def discard(touch_id: str) -> Response:
    def work() -> str:
        desk.discard(outside(), touch_id, auth.me().by, request.form.get("reason", "").strip())
        return "Discarded. It will not be sent."

    return _do(request.form.get("card", ""), work)


@cards.post("/drafts/parts")
@auth.may("desk")
def parts() -> dict[str, Any]:
    """How many parts an SMS has, while it is being written."""
    encoding, count = sms_parts(request.form.get("text", "")[:5000])
    return {"encoding": encoding, "parts": count}

"""One card: take it, ring, say how it went; and the drafts that wait on it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from flask import Blueprint, flash, g, redirect, render_template, request, url_for
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response

from outreach.domain.errors import Fault, Invalid, OutreachError
from outreach.domain.message import sms_parts
from outreach.domain.touch import Disposition
from outreach.domain.wallclock import parse_instant
from outreach.service import cards as service
from outreach.service import desk
from outreach.web import auth, calling, conversation, forms, wishing, words
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
        shown = conversation.conversation(unit, outside(), card_id, g.now, before, auth.my_sight(unit))
        call, user = calling.shown(unit, card_id), calling.my_user(unit)
    template = "_timeline.html" if request.headers.get("X-Fragment") else "card.html"
    return render_template(
        template, talk=shown, form=form or MultiDict(), kinds=wishing.KINDS, steps=shown.steps,
        more=shown.more, call=call, through_the_house=outside().telephone is not None and bool(user and user.phone),
        here=url_for("cards.card", card_id=card_id), dispositions=Disposition, pointless=desk.POINTLESS, colleagues=words.colleagues(), new_id=outside().ids.new,
    )  # fmt: skip


def _back(card_id: str, anchor: str | None = None) -> Response:
    return redirect(url_for("cards.card", card_id=card_id, _anchor=anchor))


def _do(card_id: str, work: Callable[[], str], anchor: str | None = None) -> Response:
    """Do it, say so, and show the card; or say why not."""
    try:
        said = work()
    except OutreachError as fault:
        tell(fault)
        return _back(card_id)
    if said:
        flash(said, "done")
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
        said = _outcome(request.form)
        desk.settle(outside(), card_id, auth.me().by, said)
    except OutreachError as fault:
        code = tell(fault)
        return _page(card_id, request.form), code
    flash(_thanks(said), "done")
    if said.put_right:
        return _back(card_id)  # the winning-back question comes now
    return redirect(url_for("desk.board_page"))


def _outcome(form: MultiDict[str, str]) -> desk.Outcome:
    """Raises Invalid with every fault of the form."""
    check = forms.Checker(form)
    disposition = check.one_of("disposition", list(Disposition), "Tap what came of the call.")
    reached = disposition == Disposition.REACHED.value
    what = check.text("promise_what") if reached else ""
    until = check.local_time("promise_until", needed=bool(what), why="Say by when.") if reached else None
    if reached and until is not None and not what:
        check.wrong("promise_what", "Say what you promised.")
    if until is not None and until <= g.now:
        check.wrong("promise_until", "A promise lies in the future.")
    note = check.text("note")
    wish = wishing.wished(check)
    right = form.getlist("put_right") if reached else []
    said_by = form.get("said_by", "customer") if right else "am"
    reason = check.text("reason")
    if right and said_by == "am" and not reason:
        check.wrong("reason", "Say in a few words why it is put right.")
    check.done()
    return desk.Outcome(
        disposition=Disposition(disposition),
        touches=form.getlist("touch") if form.get("lines_shown") else None,
        note=note,
        promise=desk.PromiseMade(what, until, form.get("promise_failure") or None)
        if what and until
        else None,
        wishes=(wish,) if wish else (),
        put_right=right,
        said_by="customer" if said_by == "customer" else "am",
        reason=reason,
    )


def _thanks(said: desk.Outcome) -> str:
    if said.put_right:
        return "Put right. Well done."
    if said.promise:
        return "Written down. The promise is on your desk until it is kept."
    if said.disposition is Disposition.REACHED:
        return "Written down. If it is not put right, the card comes back by itself."
    if said.disposition is Disposition.DO_NOT_CALL:
        return "Written down. Nobody will call them again."
    return "Written down. The next try comes to the desk by itself."


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

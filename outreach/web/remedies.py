"""What is offered on the phone, and what a manager is asked about it."""

from __future__ import annotations

import re

from flask import Blueprint, request, url_for
from werkzeug.wrappers import Response

from outreach.service import remedies as service
from outreach.web import auth, forms, words
from outreach.web.problems import done_or_told
from outreach.web.reception import outside

TOO_OLD = "This form is too old: open the card again."
_ONCE = re.compile(r"[A-Za-z0-9_-]{1,100}")
remedies = Blueprint("remedies", __name__, url_prefix="/desk/remedies")


@remedies.post("")
@auth.may("desk")
def offer() -> Response:
    card = request.form.get("card", "")

    def work() -> str:
        check = forms.Checker(request.form)
        remedy = check.text("remedy", "Choose what you offer.")
        amount = check.number("amount", "Write the amount as a number.")
        until = check.local_time("until", needed=True, why="Say by when it is done.")
        check.done()
        assert until is not None
        account, failure = request.form.get("account", ""), request.form.get("failure", "")
        once = check.text("once", TOO_OLD)
        if not _ONCE.fullmatch(once):
            check.wrong("once", TOO_OLD)
        check.done()
        wanted = service.Offer(once, account, failure, remedy, amount, until, card or None)
        said = service.offer(outside(), wanted, auth.me().by, may_grant=auth.me().may("let_be"))
        if said == service.ASKED:
            return (
                "It is above your limit: your manager is asked. Tell the customer when you have the answer."
            )
        return "Promised. It is on your desk until it is done."

    return done_or_told(work, url_for("cards.card", card_id=card) if card else url_for("desk.board_page"))


@remedies.post("/<ask_id>")
@auth.may("let_be")
def decide(ask_id: str) -> Response:
    def work() -> str:
        yes = request.form.get("answer") == "yes"
        done = service.decide(outside(), ask_id, auth.me().by, yes=yes, why=request.form.get("why", ""))
        name = words.someone(done.by)
        return f"{name} hears it: yes. It is promised." if yes else f"{name} hears it: no."

    return done_or_told(work, url_for("desk.board_page", whose=request.form.get("whose") or None))

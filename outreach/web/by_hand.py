"""Starting a playbook by hand, from an account."""

from __future__ import annotations

from flask import Blueprint, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from outreach.domain.errors import NotFound, OutreachError
from outreach.service import by_hand as service
from outreach.web import auth, forms, relationship
from outreach.web.problems import tell
from outreach.web.reception import outside, reception

by_hand = Blueprint("by_hand", __name__, url_prefix="/desk")


@by_hand.get("/by-hand/<path:account>")
@auth.may("desk")
def page(account: str) -> str:
    with reception().house.database.view() as unit:
        state = unit.account(account)
        if state is None:
            raise NotFound(f"There is no account {account}.")
        offers = service.offers(unit, outside(), account)
    return render_template(
        "by_hand.html",
        account=account,
        name=relationship.name_of(state),
        offers=offers,
        form=request.form,
    )


@by_hand.post("/by-hand/<path:account>")
@auth.may("desk")
def start(account: str) -> Response | tuple[str, int]:
    check = forms.Checker(request.form)
    chosen = check.text("chosen", "Choose what is to be started, and for what.")
    why = check.text("why", "Say in a few words why.")
    try:
        check.done()
        playbook, _, trigger = chosen.partition(" ")
        touches = service.start(outside(), account, playbook, trigger, auth.me().by, why)
    except OutreachError as fault:
        code = tell(fault)
        return page(account), code
    flash(f"Started. {service.standing(touches)}", "done")
    return redirect(url_for("accounts.page", account=account))

"""One cause, many customers: seen together, told with one voice, corrected at once."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from flask import Blueprint, flash, g, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from outreach.domain.errors import OutreachError
from outreach.domain.incident import common_fields
from outreach.service import incident_telling
from outreach.service import incidents as service
from outreach.store.views_incidents import customers
from outreach.web import auth
from outreach.web.forms import Checker, page_asked_for, turned_over
from outreach.web.problems import code_of, tell
from outreach.web.reception import outside, reception

incidents = Blueprint("incidents", __name__, url_prefix="/ops/incidents")
PAGE = 50
STANDS = {
    "unreached": "nobody reached yet",
    "reached": "spoken to",
    "promised": "promised",
    "put_right": "put right",
    "let_be": "let be",
}


@incidents.get("")
@auth.may("watch")
def page() -> str:
    return _page({})


def _page(form: Any) -> str:
    with reception().house.database.view() as unit:
        stand, suggested = service.all_of(unit, outside(), g.now)
        closed = unit.incidents_closed(10)
    vocabulary = outside().rules().vocabulary
    kinds = {name: kind for name, kind in sorted(vocabulary.types.items()) if kind.failure}
    return render_template(
        "incidents.html", stand=stand, suggested=[(each, service.title_of(outside(), each)) for each in suggested], closed=closed, kinds=kinds,
        fields=sorted({field for kind in kinds.values() for field in common_fields(kind)}), form=form,
    )  # fmt: skip


@incidents.post("")
@auth.may("steer")
def open_one() -> Response | tuple[str, int]:
    """By its rule, as it was suggested or as somebody says."""
    asked = Checker(request.form)
    try:
        since = asked.local_time("since", needed=True, why="Say from when on.")
        until = asked.local_time("until", needed=True, why="Say until when.")
        asked.done()
        assert since is not None and until is not None
        title, type_, field, value = (
            request.form.get(name, "") for name in ("title", "type", "field", "value")
        )
        made = service.open_one(outside(), title, type_, field, value, since, until, auth.me().by)
    except OutreachError as fault:
        tell(fault)
        return _page(request.form), code_of(fault)
    flash("Opened. Now write what happened, and what we may say.", "done")
    return redirect(url_for("incidents.one", id_=made.id))


@incidents.post("/suggested")
@auth.may("steer")
def take_up() -> Response:
    """A suggestion becomes an incident: looked for again, since the page may be old."""
    wanted = tuple(request.form.get(name, "") for name in ("type", "field", "value", "since"))
    with reception().house.database.view() as unit:
        _, suggested = service.all_of(unit, outside(), g.now)
    found = next(
        (one for one in suggested if (one.type, one.field, one.value, one.since.isoformat()) == wanted), None
    )
    if found is None:
        flash("It has changed meanwhile. Look again.", "problem")
        return redirect(url_for("incidents.page"))
    made = service.take_up(outside(), found, auth.me().by)
    flash("Opened. Now write what happened, and what we may say.", "done")
    return redirect(url_for("incidents.one", id_=made.id))


@incidents.get("/<id_>")
@auth.may("watch")
def one(id_: str) -> str:
    return _one(id_, {})


def _one(id_: str, form: Any) -> str:
    number, stands_asked = page_asked_for(), request.args.get("stands", "")
    with reception().house.database.view() as unit:
        stands = service.standing(unit, outside(), id_)
        people = customers(unit, stands.failures)
        earlier = service.told_earlier(unit, stands)
        unworded = service.unworded(unit, outside(), stands)
        names = {each.failure.account: each.name for each in people}
    tally = {name: sum(each.stands == name for each in people) for name in STANDS}
    shown = [each for each in people if stands_asked in ("", each.stands)]
    start = (number - 1) * PAGE
    return render_template(
        "incident.html", it=stands, people=shown[start : start + PAGE], more=len(shown) > start + PAGE, page=number,
        tally=tally, words=STANDS, own_language=outside().rules().company.language, stands_asked=stands_asked, earlier=earlier, unworded=unworded, names=names, form=form,
        base=turned_over_one(id_, stands_asked), last=stands.incident.until - timedelta(microseconds=1),
    )  # fmt: skip


def turned_over_one(id_: str, stands: str) -> str:
    return turned_over("incidents.one", {"id_": id_, "stands": stands})


def _do(id_: str, work: Callable[[], str]) -> Response | tuple[str, int]:
    try:
        flash(work(), "done")
    except OutreachError as fault:
        tell(fault)
        return _one(id_, request.form), code_of(fault)
    return redirect(url_for("incidents.one", id_=id_))


@incidents.post("/<id_>/words")
@auth.may("watch")
def write(id_: str) -> Response | tuple[str, int]:
    """Managers and ops write; ops approve."""

    def work() -> str:
        what, words = request.form.get("what", ""), request.form.get("words", "")
        made = incident_telling.write(outside(), id_, what, words, auth.me().by)
        if request.form.get("approve") and auth.me().may("steer"):
            return _approved(incident_telling.approve(outside(), id_, made.number, auth.me().by))
        return "Written. Nobody is told before it is approved."

    return _do(id_, work)


@incidents.post("/<id_>/approve")
@auth.may("steer")
def approve(id_: str) -> Response | tuple[str, int]:
    def work() -> str:
        number = request.form.get("number", 0, type=int)
        return _approved(incident_telling.approve(outside(), id_, number, auth.me().by))

    return _do(id_, work)


def _approved(anew: int) -> str:
    said = "Approved. It stands on every card of this incident, and in mails that ask for it."
    return said + (f" {anew} {'draft was' if anew == 1 else 'drafts were'} written anew." if anew else "")


@incidents.post("/<id_>/close")
@auth.may("steer")
def close(id_: str) -> Response | tuple[str, int]:
    def work() -> str:
        service.close(outside(), id_, auth.me().by, request.form.get("reason", ""))
        return "Closed. Its words are offered no more; what is open with customers stays on the desk."

    return _do(id_, work)

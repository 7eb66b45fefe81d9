"""Who a playbook contacts from now on: its publish state, the second person's word, and runs moved to its version of today."""

from __future__ import annotations

from flask import Blueprint, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from outreach.domain.errors import OutreachError, Refused
from outreach.domain.plan import Publish
from outreach.service import moving
from outreach.service import publishing as service
from outreach.service.ports_publishing import Published
from outreach.web import auth
from outreach.web.playbooks import shown
from outreach.web.problems import done_or_told, tell
from outreach.web.reception import outside

publishing = Blueprint("publishing", __name__, url_prefix="/ops/playbooks")
MOST_SHOWN = 200
"""Runs of one version on the page that moves them."""


def percent_in_form() -> int:
    """For the state ``percent`` it has to be said: nobody's slip of the pen contacts everybody. Raises Refused."""
    if request.form.get("state") != "percent":
        return 100
    percent = request.form.get("percent", type=int)
    if percent is None or not 0 <= percent <= 100:
        raise Refused("Say for how many percent of the accounts, from 0 to 100.")
    return percent


def _reason() -> str:
    return request.form.get("reason", "")


@publishing.post("/<name>")
@auth.may("steer")
def publish(name: str) -> Response | tuple[str, int]:
    """A refusal is told on the page itself, with what was typed still in the form."""
    try:
        state = request.form.get("state", "")
        _must_be_sure(name, state)
        done = service.publish(outside(), name, state, auth.me().by, _reason(), percent_in_form())
    except OutreachError as fault:
        code = tell(fault)
        return shown(name, request.form), code
    flash(_now(done), "done")
    return redirect(url_for("playbooks.page", name=name))


@publishing.post("/<name>/back")
@auth.may("steer")
def take_back(name: str) -> Response:
    def work() -> str:
        back = service.step_back(outside(), name)
        _must_be_sure(name, back.state if back else "")
        return _now(service.take_back(outside(), name, auth.me().by, _reason()))

    return done_or_told(work, url_for("playbooks.page", name=name))


def _must_be_sure(name: str, state: str) -> None:
    """Whoever disables it has read what ends by it. Raises Refused with that."""
    ends = service.ending(outside(), name) if state == "disabled" else ""
    if ends and not request.form.get("sure"):
        raise Refused(
            f"Nothing is changed yet. If {name} is disabled, {ends[:1].lower()}{ends[1:]} Tick that they shall end, and say it again."
        )


def _now(done: Published) -> str:
    return f"{done.playbook} is now {Publish(done.state, done.percent).words}."


@publishing.post("/<name>/answer")
@auth.may("steer")
def answer(name: str) -> Response:
    """The second person's word about a playbook that would reach too many at once."""

    def work() -> str:
        said = request.form.get("said", "")
        if said == "yes":
            told = service.let_go(outside(), name, auth.me().by, _reason())
            return f"Let go. {told.accounts} {'account hears' if told.accounts == 1 else 'accounts hear'} from us within minutes."
        if said == "no":
            service.refuse(outside(), name, auth.me().by, _reason())
            return f"Refused. {name} is paused, and what waited comes to nothing. What broke stays open and on the board."
        raise Refused("Say yes or no.")

    return done_or_told(work, url_for("playbooks.page", name=name))


@publishing.get("/<name>/moves")
@auth.may("steer")
def moves(name: str) -> str:
    """What moving its runs to the version of today would do. Does nothing."""
    return render_template("moves.html", name=name, moves=moving.preview(outside(), name), most=MOST_SHOWN)


@publishing.post("/<name>/moves")
@auth.may("steer")
def move(name: str) -> Response:
    def work() -> str:
        wanted = request.form.getlist("version")
        if not wanted:
            raise Refused("Choose a version.")
        done = [
            each
            for version in wanted
            for each in moving.move(outside(), name, auth.me().by, _reason(), from_version=version)
        ]
        moved = sum(not each.why_not for each in done)
        stay = f", {len(done) - moved} stay as they are" if len(done) > moved else ""
        return f"{moved} {'run' if moved == 1 else 'runs'} moved{stay}."

    return done_or_told(work, url_for("playbooks.page", name=name, _anchor="runs"))

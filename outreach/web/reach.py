"""Where and when a colleague is reached away from the desk: said by themselves, and tried."""

from __future__ import annotations

from collections.abc import Callable
from datetime import time

from flask import Blueprint, flash, g, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from outreach.domain.errors import OutreachError
from outreach.service import reach
from outreach.web import auth, forms, words
from outreach.web.front import limiter
from outreach.web.problems import tell
from outreach.web.reception import outside, reception

reaching = Blueprint("reach", __name__, url_prefix="/desk/reach")
TESTED = {
    "sent": "A test is on its way: look whether it has arrived.",
    "unknown": "Nobody knows whether it arrived: look.",
}


@reaching.get("")
@auth.may("desk")
def page() -> str:
    with reception().house.database.view() as unit:
        known = reach.of(unit, auth.me().id)
        trouble = reach.trouble(unit, known, g.now)
    ways = [(reach.way_key(way), way.shown) for way in known.ways]
    return render_template(
        "reach.html", known=known, ways=ways, trouble=trouble, zone=words.my_zone(), reachable=outside().notifier is not None,
        services=", ".join(reception().house.settings.alert_services),
    )  # fmt: skip


def _do(work: Callable[[], str]) -> Response | tuple[str, int]:
    try:
        said = work()
    except OutreachError as fault:
        code = tell(fault)
        return page(), code
    flash(said, "done")
    return redirect(url_for("reach.page"))


@reaching.post("/way")
@auth.may("desk")
@limiter.limit("20 per minute")
def add() -> Response | tuple[str, int]:
    """The address stands in no page, log or fault again: a form that failed comes back without it."""

    def work() -> str:
        way = reach.add_way(outside(), auth.me().id, request.form.get("url", ""), auth.me().by, trusted=False)
        return f"From now on you are reached by {way.shown}. Send yourself a test."

    return _do(work)


@reaching.post("/way/gone")
@auth.may("desk")
def take() -> Response | tuple[str, int]:
    def work() -> str:
        reach.take_way(outside(), auth.me().id, request.form.get("way", ""), auth.me().by)
        return "Taken away. Nothing goes there any more."

    return _do(work)


@reaching.post("/when")
@auth.may("desk")
def when() -> Response | tuple[str, int]:
    def work() -> str:
        check = forms.Checker(request.form)
        begins, ends = _wall(check, "quiet_from"), _wall(check, "quiet_until")
        if bool(begins) != bool(ends):
            check.wrong("quiet_until", "Quiet hours have a beginning and an end: give both, or neither.")
        elif begins and begins == ends:
            check.wrong(
                "quiet_until", "They begin and end at the same minute: take the addresses away instead."
            )
        check.done()
        quiet = (begins, ends) if begins and ends else None
        reach.say_when(outside(), auth.me().id, quiet, auth.me().by, always=request.form.get("always") == "1")
        return "Kept."

    return _do(work)


def _wall(check: forms.Checker, name: str) -> str:
    """``HH:MM``, as a time field gives it; empty where nothing was typed."""
    value = check.text(name)
    try:
        return f"{time.fromisoformat(value):%H:%M}" if value else ""
    except ValueError:
        check.wrong(name, "Write the hour like 20:00.")
        return ""


@reaching.post("/test")
@auth.may("desk")
@limiter.limit("6 per minute")
def test() -> Response | tuple[str, int]:
    def work() -> str:
        receipt = reach.send_test(outside(), auth.me().id)
        if receipt.outcome not in TESTED or receipt.reason:
            flash(f"The test did not arrive everywhere: {receipt.reason}.", "problem")
        return TESTED.get(receipt.outcome, "Mend the address, or take it away.")

    return _do(work)

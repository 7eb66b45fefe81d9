"""Trying a draft out: all its files checked, its stories told, and the stored history played by it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from flask import (
    Blueprint,
    Response,
    flash,
    g,
    jsonify,
    redirect,
    render_template,
    request,
    send_file,
    url_for,
)
from werkzeug.wrappers import Response as AnyResponse

from outreach.domain.errors import Invalid, NotFound, OutreachError, Refused
from outreach.library.drafts import Draft
from outreach.library.saving import errors_of
from outreach.web import auth
from outreach.web.playbooks import drafts
from outreach.web.problems import tell
from outreach.web.reception import outside, reception
from outreach.web.tryouts import TITLES, Tryouts
from outreach.web.workshop import ask

trying = Blueprint("trying", __name__, url_prefix="/ops")
REPORT_CSP = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; sandbox; frame-ancestors 'self'"
"""A report is one file that needs nothing else."""
DAYS = ("30", "90", "365")


def tryouts() -> Tryouts:
    return Tryouts(reception().house.settings)


def _words(kind: str, playbook: str, days: str) -> Callable[[Path], Sequence[str]]:
    """The command of a try-out, in its folder: what would be typed in a terminal."""
    now = str(reception().house.settings.root)
    played = ("--days", days, "--json", "--progress", "json")

    def words(here: Path) -> Sequence[str]:
        rules, report = str(here / "rules"), str(here / "report.html")
        return {
            "stories": ("test", rules, "--playbook", playbook, "--coverage", "--json"),
            "backtest": ("backtest", rules, *played, "--html", report),
            "diff": ("diff", now, rules, *played, "--html", report),
        }[kind]

    return words


@trying.post("/playbooks/<name>/try")
@auth.may("steer")
def begin(name: str) -> AnyResponse:
    kind, days = request.form.get("kind", ""), request.form.get("days", DAYS[1])
    try:
        if kind not in TITLES or days not in DAYS:
            raise Refused("Choose what to try out.")
        kept, id_ = drafts(), outside().ids.new()
        draft = kept.of(name)
        if wrong := errors_of(kept, draft):
            raise Invalid(wrong)
        tryouts().begin(
            id_,
            kind,
            name,
            auth.me().by,
            g.now,
            _words(kind, name, days),
            lambda into: kept.lay_out(draft, into),
        )
    except OutreachError as fault:
        tell(fault)
        return redirect(url_for("playbook_drafts.edit", name=name))
    return redirect(url_for("trying.page", id_=id_))


@trying.get("/tryouts/<id_>")
@auth.may("watch")
def page(id_: str) -> str:
    one = tryouts().of(id_)
    answer = None if one.runs else tryouts().answer(id_)
    return render_template("tryout.html", one=one, tried=TITLES, answer=answer)


@trying.get("/tryouts/<id_>/progress")
@auth.may("watch")
def progress(id_: str) -> Response:
    one = tryouts().of(id_)
    return jsonify(runs=one.runs, percent=one.percent, done=one.done, of=one.of)


@trying.get("/tryouts/<id_>/report")
@auth.may("watch")
def report(id_: str) -> Response:
    file = tryouts().report(id_)
    if not file.exists():
        raise NotFound("There is no report of this.")
    response = send_file(file, mimetype="text/html")
    response.headers["Content-Security-Policy"] = REPORT_CSP
    return response


@trying.post("/tryouts/<id_>/stop")
@auth.may("steer")
def stop(id_: str) -> AnyResponse:
    tryouts().stop(id_)
    flash("Stopped.", "done")
    return redirect(url_for("trying.page", id_=id_))


@trying.post("/playbooks/<name>/check")
@auth.may("steer")
def check(name: str) -> str | AnyResponse:
    """Every fault of every file, stories and all, as ``outreach check`` tells them."""
    try:
        faults = check_draft(drafts().of(name))
    except OutreachError as fault:
        tell(fault)
        return redirect(url_for("playbook_drafts.edit", name=name))
    return render_template("draft_checked.html", name=name, faults=faults)


def not_as_told(draft: Draft) -> list[str]:
    """The titles of its own stories that are not as told."""
    with TemporaryDirectory(prefix="outreach-draft-") as folder:
        laid = str(drafts().lay_out(draft, Path(folder)))
        told = ask(["test", laid, "--playbook", draft.playbook, "--json"])
    return [story["title"] for story in told["stories"] if not story["good"]]


def check_draft(draft: Draft) -> list[dict[str, Any]]:
    """As ``outreach check --json`` tells it. Raises Refused where it cannot be asked."""
    with TemporaryDirectory(prefix="outreach-draft-") as folder:
        found: list[dict[str, Any]] = ask(["check", str(drafts().lay_out(draft, Path(folder))), "--json"])
    return found

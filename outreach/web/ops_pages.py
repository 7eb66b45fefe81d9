"""What ops look into: quarantine, holds, and who did what."""

from __future__ import annotations

import orjson
from flask import Blueprint, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from outreach.domain.errors import NotFound, OutreachError
from outreach.service import workbench
from outreach.store import views_ops as views
from outreach.web import auth
from outreach.web.forms import page_asked_for
from outreach.web.problems import tell
from outreach.web.reception import outside, reception

ops_pages = Blueprint("ops_pages", __name__, url_prefix="/ops")
PAGE = 50


@ops_pages.get("/quarantine")
@auth.may("watch")
def quarantine() -> str:
    page = page_asked_for()
    with reception().house.database.view() as unit:
        rows = views.quarantined(unit, PAGE + 1, (page - 1) * PAGE)
    return render_template("quarantine.html", rows=rows[:PAGE], more=len(rows) > PAGE, page=page)


@ops_pages.get("/quarantine/<id_>")
@auth.may("steer")
def quarantined(id_: str) -> str:
    return _quarantined(id_)


def _quarantined(id_: str, body: str | None = None) -> str:
    with reception().house.database.view() as unit:
        row = views.quarantined_one(unit, id_)
    if row is None:
        raise NotFound("This is no longer in quarantine.")
    return render_template("quarantined.html", row=row, body=_laid_out(row.body) if body is None else body)


def _laid_out(body: str) -> str:
    """Over several lines, where it is JSON at all, so that a human can mend it."""
    try:
        return orjson.dumps(orjson.loads(body), option=orjson.OPT_INDENT_2).decode()
    except orjson.JSONDecodeError:
        return body


@ops_pages.post("/quarantine/<id_>/replay")
@auth.may("steer")
def replay(id_: str) -> Response | tuple[str, int]:
    """Take the mended event in. While it is still wrong, what was typed stays."""
    body = request.form.get("body", "")
    try:
        answer = workbench.replay_quarantined(outside(), id_, body, auth.me().by)
    except OutreachError as fault:
        code = tell(fault)
        return _quarantined(id_, body), code
    flash(f"Taken in: {answer.outcome}.", "done")
    return redirect(url_for("ops_pages.quarantine"))


@ops_pages.post("/quarantine/<id_>/discard")
@auth.may("steer")
def discard(id_: str) -> Response:
    workbench.discard_quarantined(outside(), id_, auth.me().by, request.form.get("reason", "").strip())
    flash("Discarded. It stays in the records.", "done")
    return redirect(url_for("ops_pages.quarantine"))


@ops_pages.get("/audit")
@auth.may("watch")
def audit() -> str:
    """Who did what, when and why; the chain is walked only when somebody asks."""
    page = page_asked_for()
    who, about = (request.args.get(name, "").strip() for name in ("who", "about"))
    with reception().house.database.view() as unit:
        rows = views.audit_rows(unit, PAGE + 1, (page - 1) * PAGE, who=who, about=about)
        count, checked = unit.audit_count(), "check" in request.args
        fault = unit.audit_fault() if checked else None
    return render_template(
        "audit.html", rows=rows[:PAGE], more=len(rows) > PAGE, page=page, who=who, about=about, count=count,
        checked=checked, fault=fault,
    )  # fmt: skip


@ops_pages.get("/holds")
@auth.may("watch")
def holds() -> str:
    page = page_asked_for()
    with reception().house.database.view() as unit:
        rows = views.open_holds(unit, PAGE + 1, (page - 1) * PAGE)
    return render_template("holds.html", rows=rows[:PAGE], more=len(rows) > PAGE, page=page)

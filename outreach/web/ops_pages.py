"""What ops look into: quarantine, holds, and who did what."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from dataclasses import replace
from hashlib import sha256
from io import StringIO
from typing import Any

import orjson
from flask import Blueprint, flash, redirect, render_template, request, url_for
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response

from outreach.domain.errors import NotFound, OutreachError, Refused
from outreach.domain.sight import ALL
from outreach.service import quarantine as service
from outreach.service.holds import end
from outreach.service.pushing import SELLING
from outreach.service.quarantine import Which
from outreach.service.why_run import ENDS
from outreach.store import views_ops as views
from outreach.store.views_accounts import accounts_like, accounts_named
from outreach.web import auth
from outreach.web.about import page_about
from outreach.web.forms import asked_again, page_asked_for, turned_over
from outreach.web.problems import tell
from outreach.web.reception import outside, reception
from outreach.web.words import day_from, next_midnight

ops_pages = Blueprint("ops_pages", __name__, url_prefix="/ops")
PAGE = 50
MOST_ACCOUNTS, MOST_REASONS = 20, 12
MOST_ROWS = 20_000
"""Of the audit in one file; what is older is asked for by its days."""


@ops_pages.get("/quarantine")
@auth.may("watch")
def quarantine() -> str:
    page = page_asked_for()
    with reception().house.database.view() as unit:
        reasons = views.quarantine_by_reason(unit)
        kept, which = _asked(request.args, reasons)
        rows = views.quarantined(unit, which, PAGE + 1, (page - 1) * PAGE)
    return render_template(
        "quarantine.html", rows=rows[:PAGE], more=len(rows) > PAGE, page=page, kept=kept, which=which, after=request.args.get("after", ""),
        reasons=[(_mark(reason), reason, type_, many) for reason, type_, many in reasons[:MOST_REASONS]],
        base=turned_over("ops_pages.quarantine", kept),
    )  # fmt: skip


def _asked(
    form: MultiDict[str, str], reasons: Iterable[tuple[str, str, int]]
) -> tuple[dict[str, str], Which]:
    """As the address says it, and as it is looked for. A reason may hold what a customer wrote, so the address holds a mark
    of it; one whose reason has gone meanwhile is looked for as such, and finds nothing."""
    kept = {name: form.get(name, "").strip() for name in ("type", "source", "reason")}
    words = {_mark(reason): reason for reason, _, _ in reasons}
    return kept, Which(kept["type"], kept["source"], words.get(kept["reason"], kept["reason"]))


def _mark(reason: str) -> str:
    return sha256(reason.encode()).hexdigest()[:12]


def _asked_by_form() -> tuple[dict[str, str], Which]:
    with reception().house.database.view() as unit:
        return _asked(request.form, views.quarantine_by_reason(unit))


@ops_pages.post("/quarantine/replay")
@auth.may("steer")
def replay_all() -> Response:
    """Take in again whatever is right by now, of those that were asked for."""
    kept, which = _asked_by_form()
    done = service.replay_all(outside(), which, auth.me().by, after=request.form.get("after", ""))
    flash(done.sentence, "done" if done.taken else "problem")
    return redirect(asked_again("ops_pages.quarantine", kept | {"after": done.after if done.more else ""}))


@ops_pages.post("/quarantine/discard")
@auth.may("steer")
def discard_some() -> Response:
    kept, ids = _asked_by_form()[0], request.form.getlist("id")
    try:
        if not ids:
            raise Refused("Tick those that are of no use.")
        gone = service.discard(outside(), ids, auth.me().by, request.form.get("reason", ""))
        flash(f"Discarded: {gone:,}. They stay in the records.", "done")
    except OutreachError as fault:
        tell(fault)
    return redirect(asked_again("ops_pages.quarantine", kept))


@ops_pages.get("/quarantine/<id_>")
@auth.may("steer")
def quarantined(id_: str) -> str:
    return _quarantined(id_)


def _quarantined(id_: str, body: str | None = None) -> str:
    with reception().house.database.view() as unit:
        row = unit.quarantined_one(id_)
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
        answer = service.replay(outside(), id_, body, auth.me().by)
    except OutreachError as fault:
        code = tell(fault)
        return _quarantined(id_, body), code
    flash(f"Taken in: {answer.outcome}.", "done")
    return redirect(url_for("ops_pages.quarantine"))


@ops_pages.post("/quarantine/<id_>/discard")
@auth.may("steer")
def discard(id_: str) -> Response | tuple[str, int]:
    try:
        service.discard(outside(), [id_], auth.me().by, request.form.get("reason", ""))
    except OutreachError as fault:
        code = tell(fault)
        return _quarantined(id_), code
    flash("Discarded. It stays in the records.", "done")
    return redirect(url_for("ops_pages.quarantine"))


@ops_pages.get("/audit")
@auth.may("watch")
def audit() -> str:
    """Who did what, when and why; the chain is walked only when somebody asks."""
    page, asked = page_asked_for(), _audit_asked(request.args)
    with reception().house.database.view() as unit:
        rows = views.audit_rows(unit, PAGE + 1, (page - 1) * PAGE, **_audit_where(asked))
        count, checked = unit.audit_count(), "check" in request.args
        fault = unit.audit_fault() if checked else None
        leads_to = {row.subject: page_about(unit, row.subject) for row in rows}
    return render_template(
        "audit.html", rows=rows[:PAGE], more=len(rows) > PAGE, page=page, asked=asked, count=count, leads_to=leads_to,
        checked=checked, fault=fault, base=turned_over("ops_pages.audit", asked),
        as_csv=asked_again("ops_pages.audit_csv", asked),
    )  # fmt: skip


@ops_pages.post("/audit")
@auth.may("watch")
def find_in_audit() -> Response:
    """Asked by form, since a name has no place in an address."""
    asked = _audit_asked(request.form)
    with reception().house.database.view() as unit:
        asked["who"] = [name for each in asked["who"] for name in views.called(unit, each)]
    check = {"check": "1"} if "check" in request.form else {}
    return redirect(asked_again("ops_pages.audit", asked | check))


@ops_pages.get("/audit.csv")
@auth.may("watch")
def audit_csv() -> Response:
    """The same rows for a spreadsheet, the newest first."""
    with reception().house.database.view() as unit:
        rows = views.audit_rows(unit, MOST_ROWS, **_audit_where(_audit_asked(request.args)))
    sheet = StringIO()
    writer = csv.writer(sheet)
    writer.writerow(("seq", "at", "who", "what", "subject", "why"))
    writer.writerows(
        (row.seq, row.at.isoformat(), *map(_harmless, (row.who, row.what, row.subject, row.why)))
        for row in rows
    )
    told = {"Content-Disposition": "attachment; filename=audit.csv"}
    return Response(sheet.getvalue(), content_type="text/csv; charset=utf-8", headers=told)


def _harmless(text: str) -> str:
    """No spreadsheet takes it for a formula."""
    formula = text.startswith(("\t", "\r")) or text.lstrip().startswith(("=", "+", "-", "@"))
    return f"'{text}" if formula else text


def _audit_asked(form: MultiDict[str, str]) -> dict[str, Any]:
    """``who``: user names."""
    asked: dict[str, Any] = {name: form.get(name, "").strip() for name in ("about", "since", "until")}
    return asked | {"who": [name.strip() for name in form.getlist("who") if name.strip()]}


def _audit_where(asked: Mapping[str, Any]) -> dict[str, Any]:
    """Days are the reader's own, both included. What is no day asks for nothing."""
    since, until = (day_from(asked[name]) for name in ("since", "until"))
    return {
        "who": asked["who"], "about": asked["about"], "since": since,
        "before": next_midnight(until) if until else None,
    }  # fmt: skip


@ops_pages.get("/holds")
@auth.may("watch")
def holds() -> str:
    page, asked = page_asked_for(), _holds_asked(request.args)
    with reception().house.database.view() as unit:
        rows = views.open_holds(unit, asked, PAGE + 1, (page - 1) * PAGE)
        count, playbooks = views.count_holds(unit, asked), views.held_because(unit)
        whose = accounts_named(unit, asked.accounts).values() if asked.accounts else ()
    kept = _kept(asked)
    return render_template(
        "holds.html", rows=rows[:PAGE], more=len(rows) > PAGE, page=page, asked=asked, kept=kept, count=count, whose=whose,
        playbooks=playbooks, purposes=SELLING, base=turned_over("ops_pages.holds", kept), why_peace=_why_peace,
    )  # fmt: skip


def _why_peace(hold: views.HoldRow) -> str:
    """Why it is about to end: what has become of what it is about, else of its run."""
    over = _OVER.get(hold.failure_state or "")
    if over:
        return over
    ended = ENDS.get(hold.run_ended, "its run has ended")
    return f"{ended}, though it is not put right yet" if hold.failure_state else ended


_OVER = {"put_right": "it is put right", "let_be": "it was let be", "void": "it was taken back"}


@ops_pages.post("/holds")
@auth.may("watch")
def find_holds() -> Response:
    """Asked by form, since a name has no place in an address."""
    asked, name = _holds_asked(request.form), request.form.get("name", "").strip()
    if name:
        with reception().house.database.view() as unit:
            found = accounts_like(unit, ALL, name, MOST_ACCOUNTS)
        if not found:
            flash("No account is called that.", "problem")
        asked = replace(asked, accounts=tuple(each.id for each in found))
    return redirect(asked_again("ops_pages.holds", _kept(asked)))


def _holds_asked(form: MultiDict[str, str]) -> views.HoldsAsked:
    purpose, playbook = form.get("purpose", "").strip(), form.get("playbook", "").strip()
    accounts = tuple(form.getlist("account")[:MOST_ACCOUNTS])
    return views.HoldsAsked(purpose, playbook, accounts, form.get("sort") == "newest")


def _kept(asked: views.HoldsAsked) -> dict[str, Any]:
    return {
        "purpose": asked.purpose, "playbook": asked.playbook, "account": asked.accounts,
        "sort": "newest" if asked.newest else "",
    }  # fmt: skip


@ops_pages.post("/holds/<id_>/end")
@auth.may("steer")
def end_hold(id_: str) -> Response:
    try:
        hold = end(outside(), id_, auth.me().by, request.form.get("reason", ""))
        flash(
            f"Ended. {_name(hold.account)} gets generic mail again, unless another hold is on them.", "done"
        )
    except OutreachError as fault:
        tell(fault)
    return redirect(asked_again("ops_pages.holds", _kept(_holds_asked(request.form))))


def _name(account: str) -> str:
    with reception().house.database.view() as unit:
        known = unit.account(account)
    return str(known.described.get("name") or account) if known else account

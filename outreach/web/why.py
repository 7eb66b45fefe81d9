"""What ops ask of one account: why something did or did not happen, and what would happen next."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import groupby
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import orjson
from flask import Blueprint, Response, redirect, render_template, request, url_for
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response as AnyResponse

from outreach.domain.errors import Invalid, NotFound, Refused
from outreach.service import why as service
from outreach.service.why_told import Answer
from outreach.store import views_accounts
from outreach.web import auth, problems, workshop
from outreach.web.forms import Checker
from outreach.web.playbooks import drafts
from outreach.web.problems import tell
from outreach.web.reception import outside, reception

why = Blueprint("why", __name__, url_prefix="/ops")
LIMIT, MOST = 50, 500
"""Pairs of event and playbook on a page."""
WHAT_IFS, DAYS = 20, 366
TAKES = 120.0
"""Seconds after which a simulation is given up."""
EXAMPLES = (
    "delivery.overdue order=17 days_late=3",
    "order.placed order=18 amount=400 at=+2d",
    "complaint.opened complaint=c9 at=+1d",
)
ASKED_WRONGLY = (NotFound, Invalid, Refused)
"""Said on the page itself; all else is no fault of whoever asks."""
_ASKED = ("account", "playbook", "at", "event")


# -- why and why not -----------------------------------------------------------------------------------


@why.get("/why")
@auth.may("watch")
def page() -> str | tuple[str, int]:
    """For one account: what its events started and how that stands, and why others started nothing."""
    if not request.args.get("account", "").strip():
        return _page(None)
    try:
        return _page(_answer(request.args))
    except ASKED_WRONGLY as fault:
        code = tell(fault)
        return _page(None), code


@why.post("/why")
@auth.may("watch")
def find() -> AnyResponse | str | tuple[str, int]:
    """An account by its id or a part of its name; by POST, since names stay out of addresses."""
    try:
        ids, found = _named(request.form)
    except NotFound as fault:
        code = tell(fault)
        return _page(None, asked=request.form), code
    if len(ids) > 1:
        return _page(None, asked=request.form, found=found)
    playbook, at = (request.form.get(name, "") or None for name in ("playbook", "at"))
    return redirect(url_for("why.page", account=ids[0], playbook=playbook, at=at))


def _named(form: MultiDict[str, str]) -> tuple[list[str], list[views_accounts.AccountRow]]:
    """The ids that may be meant, and what is known of them: the account of that id, else those whose names have these words.
    Raises NotFound where there are none."""
    named = form.get("account", "").strip()[:200]
    with reception().house.database.view() as unit:
        if unit.account(named) is not None:
            return [named], []
        found = views_accounts.accounts_like(unit, auth.my_sight(unit), named) if named else []
        if not found:
            raise service.unknown_account(unit, named) if named else NotFound("Name an account.")
    return [row.id for row in found], found


@why.get("/why.json")
@auth.may("watch")
def as_json() -> Response:
    """The same answer for programs."""
    try:
        body = orjson.dumps(_answer(request.args).as_json(), default=str)
    except ASKED_WRONGLY as fault:
        return problems.as_json(problems.code_of(fault), str(fault))
    return Response(body, content_type="application/json")


def _answer(asked: MultiDict[str, str]) -> Answer:
    """Raises NotFound, and Invalid for a moment that is none."""
    account, playbook, event = (asked.get(name, "").strip() for name in ("account", "playbook", "event"))
    limit = min(max(asked.get("limit", LIMIT, type=int), 1), MOST)
    return service.why(
        outside(), account, playbook=playbook or None, at=_moment(asked), event=event or None, limit=limit
    )


def _moment(asked: MultiDict[str, str]) -> datetime | None:
    checker = Checker(asked)
    at = checker.local_time("at", needed=False, why="Choose a day and an hour.")
    checker.done()
    return at


def _page(
    answer: Answer | None,
    *,
    asked: Mapping[str, str] | None = None,
    found: Sequence[views_accounts.AccountRow] = (),
) -> str:
    asked = request.args if asked is None else asked
    rules = outside().rules()
    return render_template(
        "why.html", answer=answer, found=found, playbooks=sorted(rules.playbooks), zone=rules.company.zone,
        events=[list(rows) for _, rows in groupby(answer.rows if answer else (), key=lambda row: row.event.ref)],
        asked={name: asked.get(name, "") for name in _ASKED},
        more={"limit": min(len(answer.rows) + answer.more, MOST)} if answer and answer.more else {},
    )  # fmt: skip


# -- what if -------------------------------------------------------------------------------------------


@why.get("/simulate")
@auth.may("watch")
def simulate() -> str:
    return _simulated(request.args, None)


@why.post("/simulate")
@auth.may("watch")
def try_out() -> str | tuple[str, int]:
    """Runs beside reception, and can send nothing."""
    try:
        return _simulated(request.form, _tried(request.form))
    except ASKED_WRONGLY as fault:
        code = tell(fault)
        return _simulated(request.form, None), code


def _tried(form: MultiDict[str, str]) -> Any:
    words, kept, name = _words(form), drafts(), form.get("draft", "")
    if not name:
        return workshop.ask(words, timeout=TAKES)
    if name not in kept.names():
        raise NotFound(f"There is no draft of {name}.")
    with TemporaryDirectory(prefix="outreach-draft-") as folder:
        rules = kept.lay_out(kept.of(name), Path(folder))
        return workshop.ask([*words[:-2], f"--folder={rules}", *words[-2:]], timeout=TAKES)


def _words(form: MultiDict[str, str]) -> list[str]:
    """The command that answers it, the account last. Raises NotFound where none is named, and Invalid."""
    checker = Checker(form)
    at = checker.local_time("at", needed=False, why="Choose a day and an hour.")
    days = checker.number("days", "So many days, as a number.") or 30
    what_ifs = [line.strip() for line in checker.text("what_if").splitlines() if line.strip()]
    if not 1 <= days <= DAYS:
        checker.wrong("days", f"From 1 to {DAYS} days.")
    if len(what_ifs) > WHAT_IFS:
        checker.wrong("what_if", f"At most {WHAT_IFS} events.")
    checker.done()
    ids, found = _named(form)
    if len(ids) > 1:
        names = ", ".join(f"{row.name} ({row.id})" for row in found[:5])
        raise NotFound(f"Several may be meant: {names}. Write the id of one.")
    words = ["simulate", "--json", f"--days={int(days)}", *(f"--what-if={line}" for line in what_ifs)]
    return [*words, *([f"--at={at.isoformat()}"] if at else []), "--", ids[0]]


def _simulated(form: MultiDict[str, str], result: Any) -> str:
    names = ("account", "at", "what_if", "days", "draft")
    return render_template(
        "simulate.html", result=result, form={name: form.get(name, "") for name in names}, examples=EXAMPLES,
        drafts=drafts().names(), zone=outside().rules().company.zone,
    )  # fmt: skip

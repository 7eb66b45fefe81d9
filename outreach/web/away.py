"""Who is away, and who stands in: one's own absences, and for managers everybody's."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, time, timedelta

from flask import Blueprint, flash, g, redirect, render_template, request, url_for
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response

from outreach.domain.errors import NotFound, OutreachError
from outreach.domain.hours import instant
from outreach.service import cover
from outreach.web import auth, forms, words
from outreach.web.problems import tell
from outreach.web.reception import outside, reception

away = Blueprint("away", __name__, url_prefix="/desk/away")


@away.get("")
@auth.may("desk")
def page() -> str:
    return _page()


def _page(form: MultiDict[str, str] | None = None) -> str:
    with reception().house.database.view() as unit:
        absences = unit.absences(g.now)
        standing_in = cover.covers_now(unit, g.now)
    return render_template(
        "away.html", absences=absences, standing_in=standing_in, colleagues=words.colleagues(), form=form or MultiDict(),
        whom=_whom(),
    )  # fmt: skip


def _whom() -> dict[str, str]:
    """For whom this one may say it: themself; a manager for everybody."""
    everybody = words.colleagues()
    if auth.me().may("let_be"):
        return everybody
    return {name: shown for name, shown in everybody.items() if name == auth.me().by}


def _do(work: Callable[[], str]) -> Response | tuple[str, int]:
    try:
        said = work()
    except OutreachError as fault:
        code = tell(fault)
        return _page(request.form), code
    flash(said, "done")
    return redirect(url_for("away.page"))


@away.post("")
@auth.may("desk")
def go() -> Response | tuple[str, int]:
    def work() -> str:
        check = forms.Checker(request.form)
        user = check.one_of("user", _whom(), "Choose who is away.")
        stand_in = check.one_of("cover", words.colleagues(), "Choose who stands in.")
        first = check.day("first", "Write the first day like 2026-12-24.") or g.now.date()
        last = check.day("last", "Write the last day like 2026-12-31.")
        if last is None and request.form.get("for_good") != "1":
            check.wrong("last", "Say the last day, or that they leave for good.")
        note = check.text("note")
        check.done()
        cover.go_away(
            outside(), user, stand_in, _morning(first), _morning(last + timedelta(days=1)) if last else None, note, auth.me().by
        )  # fmt: skip
        return f"From {first:%-d %B} on {words.someone(stand_in)} stands in for {words.someone(user)}."

    return _do(work)


def _morning(day: date) -> datetime:
    """Midnight, on the reader's own clock."""
    return instant(day, time(), words.my_zone())


@away.post("/<id_>/back")
@auth.may("desk")
def back(id_: str) -> Response | tuple[str, int]:
    def work() -> str:
        with reception().house.database.view() as unit:
            known = unit.absence(id_)
        if known is None or (known.user not in _whom() and known.cover != auth.me().by):
            raise NotFound("There is no such absence of yours.")
        ended = cover.come_back(outside(), id_, auth.me().by, request.form.get("back", ""))
        return f"{words.someone(ended.user).capitalize()} {'are' if ended.user == auth.me().by else 'is'} back; what waits is on their own desk again."

    return _do(work)

"""The customer's own page: no login, no cookies, no script. Looking at it changes nothing, since mail scanners
follow links; whatever they tell us is a POST, and sends them back to the page."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import orjson
from flask import Blueprint, Response, redirect, render_template, request, url_for
from itsdangerous import BadData, URLSafeTimedSerializer

from outreach.domain.errors import Invalid, NotFound, OutreachError, Refused
from outreach.domain.preference import unwanted_ways
from outreach.domain.wallclock import parse_instant
from outreach.service import care_code, care_page, care_said, privacy
from outreach.web.files import as_page
from outreach.web.front import limiter
from outreach.web.languages import LANGUAGES, NAMES, Speech, speech
from outreach.web.reception import outside, reception

care = Blueprint("care", __name__, url_prefix="/care")
PROOF_LASTS = 15 * 60
"""Seconds for which a proved code opens what we know."""
WAYS = ("call", "email", "sms")
AGREED = "Yes, write to me about offers and orders. I can take this back here at any time."
DONE = {
    "call": "We ring you.", "right": "Thank you. We are glad that it is put right.",
    "not_right": "We are sorry. It is open again, and a person reads what you wrote.",
    "understood": "Thank you. Then we know what it is about.", "wrote": "Thank you. A person reads it and answers you.",
    "preferred": "Noted. Everybody here who talks to you sees it.", "paused": "You have your peace. We note it at once.",
    "pause_ended": "Welcome back.", "stopped": "Done. We have stopped it.", "started": "Done. You hear from us again.",
    "code": "The code is on its way.",
}  # fmt: skip
TROUBLES = {
    "delivery.delayed": "Your delivery is late", "delivery.overdue": "Your delivery has not come on the day we gave",
    "delivery.promise_moved": "We moved the date of your delivery", "delivery.missed": "Nobody came on the day we had agreed",
    "delivery.lost": "Your delivery was lost", "delivery.damaged": "Something arrived damaged",
    "delivery.short": "Part of your delivery was missing", "delivery.wrong_item": "The wrong thing was delivered",
    "installation.problem": "Something is wrong with the installation", "installation.missed": "The fitters did not come on the day we had agreed",
    "installation.overdue": "The installation is not finished by the date we gave",
    "complaint.opened": "You complained", "complaint.unanswered": "Your complaint was not answered",
    "call.missed": "You rang, and nobody answered", "callback.missed": "We did not ring when we had said so",
}  # fmt: skip
"""In the customer's eyes. What is not here is called as the vocabulary calls it."""


def _proofs() -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(reception().house.settings.secret_key, salt="care")


def _say_of(page: care_page.CarePage) -> Speech:
    return speech(page.language, page.zone)


def _home(token: str, done: str = "", to: str = "") -> Response:
    address = url_for("care.home", token=token, done=done or None)
    return redirect(f"{address}#{to}" if to else address, code=303)  # type: ignore[return-value]


def _trouble(failure_cause: str) -> str:
    kind = outside().rules().vocabulary.get(failure_cause)
    return TROUBLES.get(failure_cause) or (kind.title if kind else "Something went wrong")


def _shown(
    token: str, page: care_page.CarePage, *, wrong: str = "", code: int = 200, **more: Any
) -> tuple[str, int]:
    said = _say_of(page)
    done = DONE.get(request.args.get("done", ""), "") if request.method == "GET" else ""
    html = render_template(
        "care.html", page=page, token=token, speech=said, _=said.say, company=outside().rules().company, done=done,
        wrong=wrong, wishes=care_page.kinds(page), trouble=_trouble, languages=[(each, NAMES[each]) for each in LANGUAGES],
        agreed=AGREED, never=unwanted_ways(page.person), to_wait_for=care_page.to_wait_for(page), **more,
    )  # fmt: skip
    return html, code


def _gone() -> tuple[str, int]:
    company = outside().rules().company
    asked = (each.partition("-")[0].lower() for each in request.accept_languages.values())
    said = speech(next((each for each in asked if each in LANGUAGES), company.language), company.zone)
    return render_template("care_gone.html", _=said.say, speech=said, company=company), 404


@care.errorhandler(NotFound)
def gone(_: NotFound) -> tuple[str, int]:
    return _gone()


@care.after_request
def keep_to_yourself(response: Response) -> Response:
    """The address is the key: it goes into no cache, no index, and to nobody as a referrer."""
    response.headers["Cache-Control"] = "no-store"
    response.headers["Referrer-Policy"] = "no-referrer"
    response.headers["X-Robots-Tag"] = "noindex"
    return response


@care.get("/<token>")
@limiter.limit("60 per minute")
def home(token: str) -> tuple[str, int]:
    return _shown(token, care_page.look(outside(), token))


def _do(token: str, done: str, to: str, work: Callable[[], None]) -> Any:
    """Do it and go back to the page; what cannot be done is said there, with everything still in place."""
    try:
        work()
    except (Refused, Invalid) as fault:
        page = care_page.look(outside(), token)
        return _shown(token, page, wrong=_say_of(page).say(str(fault)), code=409)
    return _home(token, done, to)


@care.post("/<token>/call")
@limiter.limit("10 per minute; 40 per hour")
def call(token: str) -> Any:
    text = request.form.get("at", "")
    return _do(token, "call", "call", lambda: care_said.ask_for_call(outside(), token, _slot(text)))


def _slot(text: str) -> datetime | None:
    """None is now. Raises Refused for what is no time."""
    at = parse_instant(text)
    if text and at is None:
        raise Refused("Nobody is here to ring you then: choose one of the times.")
    return at


@care.post("/<token>/right")
@limiter.limit("20 per minute")
def right(token: str) -> Any:
    trouble = request.form.get("trouble", "")
    return _do(token, "right", "troubles", lambda: care_said.put_right(outside(), token, trouble))


@care.post("/<token>/not-right")
@limiter.limit("20 per minute")
def not_right(token: str) -> Any:
    trouble, words = request.form.get("trouble", ""), request.form.get("words", "")
    return _do(token, "not_right", "troubles", lambda: care_said.not_right(outside(), token, trouble, words))


@care.post("/<token>/understood")
@limiter.limit("20 per minute")
def understood(token: str) -> Any:
    trouble = request.form.get("trouble", "")
    return _do(token, "understood", "troubles", lambda: care_said.understood(outside(), token, trouble))


@care.post("/<token>/write")
@limiter.limit("10 per minute; 60 per hour")
def write(token: str) -> Any:
    trouble, words = request.form.get("trouble", ""), request.form.get("words", "")
    return _do(token, "wrote", "write", lambda: care_said.tell_us(outside(), token, words, trouble))


@care.post("/<token>/wishes")
@limiter.limit("20 per minute")
def wishes(token: str) -> Any:
    form = request.form
    told = {kind: form.get(kind, "") for kind in care_said.TOLD if kind in form}
    told.pop("not_channel", None)
    before, after = unwanted_ways(care_page.look(outside(), token).person), _not_these(token)
    if after != before:  # words that no box can show stay as they were said
        told["not_channel"] = ", ".join(sorted(after))
    if not told.get("note"):
        told.pop("note", None)
    return _do(token, "preferred", "wishes", lambda: care_said.prefer(outside(), token, told))


def _not_these(token: str) -> frozenset[str]:
    """The ways they do not want: what was ticked, and with no proof also what had been shut before."""
    ticked = frozenset(request.form.getlist("not_channel")) & frozenset(WAYS)
    if _proved(token) is not None:
        return ticked
    return ticked | unwanted_ways(care_page.look(outside(), token).person)


@care.post("/<token>/pause")
@limiter.limit("20 per minute")
def pause(token: str) -> Any:
    ends = request.form.get("ends") == "1"
    if ends and _proved(token) is None:
        return _unproved(token)
    done = "pause_ended" if ends else "paused"
    return _do(token, done, "stop", lambda: care_said.pause(outside(), token, ends=ends))


@care.post("/<token>/stop")
@limiter.limit("20 per minute")
def stop(token: str) -> Any:
    scope = request.form.get("scope", "")
    return _do(token, "stopped", "stop", lambda: care_said.stop(outside(), token, scope))


@care.post("/<token>/start")
@limiter.limit("20 per minute")
def start(token: str) -> Any:
    """Whoever holds a forwarded mail may shut what is open; only who they are opens it again."""
    if _proved(token) is None:
        return _unproved(token)
    scope, page = request.form.get("scope", ""), care_page.look(outside(), token)
    wording = _say_of(page).say(AGREED) if scope == "selling" else ""
    return _do(token, "started", "stop", lambda: care_said.start_again(outside(), token, scope, wording))


# -- what we know of them -------------------------------------------------------------------------------------


@care.post("/<token>/code")
@limiter.limit("3 per minute; 10 per hour")
def code(token: str) -> Any:
    page = care_page.look(outside(), token)
    said = _say_of(page)

    def words(company: str, digits: str) -> tuple[str, str]:
        return (
            said.say("Your code for your page with {company}", company=company),
            said.say(
                "Your code is {code}. It is good for 15 minutes. If you did not ask for it, do nothing.",
                code=digits,
            ),
        )

    return _do(
        token,
        "code",
        "known",
        lambda: care_code.send_code(outside(), token, request.form.get("way", ""), words),
    )


@care.post("/<token>/known")
@limiter.limit("10 per minute; 30 per hour")
def known(token: str) -> Any:
    """The right code opens everything that we know, for a quarter of an hour."""
    page = care_page.look(outside(), token)
    if not care_code.proves(outside(), token, request.form.get("code", "")):
        return _shown(
            token,
            page,
            wrong=_say_of(page).say("That is not the code, or it is too old. Ask for a new one."),
            code=403,
        )
    proof = _proofs().dumps(page.person.id)
    return _shown(token, page, proof=proof, file=privacy.file_of(outside(), page.person.id))


def _proved(token: str) -> str | None:
    """The person, where the form proves that they have just typed their code."""
    person = care_page.whose(outside(), token)
    try:
        return (
            person if _proofs().loads(request.form.get("proof", ""), max_age=PROOF_LASTS) == person else None
        )
    except BadData:
        return None


def _unproved(token: str) -> tuple[str, int]:
    page = care_page.look(outside(), token)
    return _shown(
        token,
        page,
        wrong=_say_of(page).say("That is not the code, or it is too old. Ask for a new one."),
        code=403,
    )


@care.post("/<token>/export")
@limiter.limit("10 per minute")
def export(token: str) -> Any:
    person = _proved(token)
    if person is None:
        return _unproved(token)
    found = privacy.file_of(outside(), person)
    as_json = request.form.get("as") == "json"
    body = (
        orjson.dumps(found.as_tree(), default=str, option=orjson.OPT_INDENT_2)
        if as_json
        else as_page(found, outside().rules().company.name).encode()
    )
    response = Response(body, content_type="application/json" if as_json else "text/html; charset=utf-8")
    response.headers["Content-Disposition"] = f"attachment; filename=my-file.{'json' if as_json else 'html'}"
    return response


@care.post("/<token>/erase")
@limiter.limit("5 per minute")
def erase(token: str) -> Any:
    """Once more than a click: the word has to be typed, too."""
    page, person = care_page.look(outside(), token), _proved(token)
    if person is None:
        return _unproved(token)
    said = _say_of(page)
    if request.form.get("sure", "").strip().lower() != said.say("delete").lower():
        wrong = said.say("Type the word to be sure: {word}", word=said.say("delete"))
        return _shown(
            token,
            page,
            wrong=wrong,
            code=409,
            proof=request.form["proof"],
            file=privacy.file_of(outside(), person),
        )
    try:
        privacy.erase(outside(), person, "customer", "asked for on their own page; code confirmed")
    except OutreachError:
        return _unproved(token)
    company = outside().rules().company
    return render_template("care_gone.html", _=said.say, speech=said, company=company, erased=True)

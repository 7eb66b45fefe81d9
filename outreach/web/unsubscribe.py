"""The link at the foot of a mail. Looking at it changes nothing, since mail scanners follow links; a POST
unsubscribes, with one click from the mail program (RFC 8058) or with the button on the page. No login, no
cookies, no redirect, and nothing personal in the address."""

from __future__ import annotations

from flask import Blueprint, render_template

from outreach.domain.errors import NotFound
from outreach.service import care
from outreach.web.languages import speech
from outreach.web.reception import outside

unsubscribe = Blueprint("unsubscribe", __name__, url_prefix="/u")


@unsubscribe.get("/<token>")
def ask(token: str) -> tuple[str, int]:
    try:
        return _page(care.unsubscribing(outside(), token)), 200
    except NotFound:
        return _page(None), 404


@unsubscribe.post("/<token>")
def stop(token: str) -> tuple[str, int]:
    try:
        return _page(care.unsubscribe(outside(), token)), 200
    except NotFound:
        return _page(None), 404


def _page(asked: care.Unsubscribing | None) -> str:
    company = outside().rules().company
    said = speech(asked.language if asked else company.language, company.zone)
    return render_template("unsubscribe.html", asked=asked, _=said.say, speech=said, name=company.name)

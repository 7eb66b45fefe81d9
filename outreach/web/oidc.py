"""The door by the company's own OpenID provider: there, and back again."""

from __future__ import annotations

from datetime import datetime, timedelta
from secrets import compare_digest
from typing import Any

import structlog
from flask import Blueprint, abort, flash, g, redirect, request, session, url_for
from flask_login import current_user
from werkzeug.wrappers import Response

from outreach.service import sign_ins
from outreach.settings import Settings
from outreach.web import auth, identity
from outreach.web.front import inside, limiter
from outreach.web.reception import outside, reception

oidc = Blueprint("oidc", __name__, url_prefix="/login/oidc")
BACK = "/login/oidc/back"
PENDING = "sign_in"
"""In the session: what was asked of the provider. The newest counts, once."""
LASTS = timedelta(minutes=10)
LONGEST_NEXT = 1000
"""Characters: what is remembered has to fit into a cookie."""

NOT_REACHED = "{name} does not answer just now. Wait a minute, then try again."
DID_NOT_WORK = (
    "Signing in with {name} did not work. Try once more; if it stays so, tell whoever looks after Outreach."
)
NOBODY = (
    "{name} knows you, but nobody here goes with that. Ask whoever looks after Outreach in your company to add you, or to"
    " look why."
)

log = structlog.get_logger(__name__)


@oidc.get("")
@limiter.limit("30 per minute; 300 per hour")
def begin() -> Response:
    """Off to the provider. A link and no form: the browser would not let a form's answer lead to another site."""
    settings = _settings()
    if current_user.is_authenticated:
        return redirect(url_for("front.home"))
    try:
        asked = identity.ask(settings, settings.public_url + BACK)
    except identity.NotVouched as fault:
        return _sorry(settings, fault)
    next_ = inside(request.args.get("next"))
    session[PENDING] = {
        "state": asked.state, "nonce": asked.nonce, "verifier": asked.verifier, "at": g.now.timestamp(),
        "next": next_ if len(next_) <= LONGEST_NEXT else "",
    }  # fmt: skip
    return redirect(asked.url)


@oidc.get("/back")
@limiter.limit("30 per minute; 300 per hour")
def back() -> Response:
    """They come back with a code that is good once; whoever it is then comes in as with a password."""
    settings, asked = _settings(), session.pop(PENDING, None)
    if asked is None and current_user.is_authenticated:  # the browser's own way back, after all went well
        return redirect(url_for("front.home"))
    try:
        said = _vouched(settings, asked)
    except identity.NotVouched as fault:
        return _sorry(settings, fault)
    user = sign_ins.recognise(outside(), said)
    if user is None:
        return _to_the_door(NOBODY, settings)
    auth.sign_in(user, g.now)
    return redirect(asked["next"] or url_for("front.home"))


def _settings() -> Settings:
    """Where no provider is set, there is nothing here."""
    settings = reception().house.settings
    if not settings.oidc_issuer:
        abort(404)
    return settings


def _vouched(settings: Settings, asked: Any) -> sign_ins.Said:
    """Raises NotVouched."""
    if not _is_ours(asked, g.now):
        raise identity.NotVouched("not asked for, or too late")
    if "error" in request.args:
        raise identity.NotVouched(identity.word(request.args["error"]))
    return identity.who_came(settings, settings.public_url + BACK, request.args.get("code", ""), asked, g.now)


def _is_ours(asked: Any, now: datetime) -> bool:
    """Whether this browser was sent there a moment ago, and this is the answer to that."""
    if asked is None or not 0 <= now.timestamp() - asked["at"] <= LASTS.total_seconds():
        return False
    return compare_digest(asked["state"].encode(), request.args.get("state", "").encode())


def _sorry(settings: Settings, fault: identity.NotVouched) -> Response:
    log.warning("sign-in by the provider failed", why=fault.why, reached=fault.reached)
    return _to_the_door(DID_NOT_WORK if fault.reached else NOT_REACHED, settings)


def _to_the_door(words: str, settings: Settings) -> Response:
    flash(words.format(name=settings.oidc_name), "problem")
    return redirect(url_for("front.login"))

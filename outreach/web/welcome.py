"""The way in for a new colleague: an address that is good once and for three days, and a password that only they know."""

from __future__ import annotations

from flask import Blueprint, flash, g, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from outreach.domain.errors import NotFound
from outreach.service import keys
from outreach.service.ports import Unit
from outreach.service.ports_records import User
from outreach.web import auth
from outreach.web.front import limiter
from outreach.web.reception import outside, reception

welcome = Blueprint("welcome", __name__, url_prefix="/welcome")
TOO_LATE = "This invitation was used, or is too old. Ask for a new one."
SHORTEST, LONGEST = 12, 1000
"""Characters of a password (NIST SP 800-63B: length counts, and no rules about what kind they are)."""


@welcome.get("/<token>")
@limiter.limit("30 per minute")
def door(token: str) -> str:
    with reception().house.database.view() as unit:
        return _page(_invited(unit, token))


@welcome.post("/<token>")
@limiter.limit("10 per minute; 60 per hour")
def choose(token: str) -> Response | tuple[str, int]:
    """The address is used up, every older session ends, and they are in."""
    password, again = request.form.get("password", ""), request.form.get("again", "")
    wrong = _wrong(password, again)
    with reception().house.database.view() as unit:
        user = _invited(unit, token)
    if wrong:
        return _page(user, wrong), 422
    hashed = auth.hash_password(password, cheap=reception().cheap_hashes)

    new = keys.choose_password(outside(), token, hashed)
    if new is None:
        raise NotFound(TOO_LATE)
    auth.sign_in(new, g.now)
    settings = reception().house.settings
    how = "this password" if settings.passwords else settings.oidc_name
    flash(f"Welcome. From now on you sign in with {how}.", "done")
    return redirect(url_for("front.home"))


def _wrong(password: str, again: str) -> str:
    if len(password) < SHORTEST:
        return f"A password has at least {SHORTEST} characters: three or four words are good."
    if len(password) > LONGEST:
        return f"At most {LONGEST} characters."
    return "" if password == again else "The two are not the same: type it once more."


def _invited(unit: Unit, token: str) -> User:
    """Raises NotFound for an address that is none, was used, or is too old."""
    user = keys.holder(unit, token, keys.WELCOME, g.now)
    if user is None:
        raise NotFound(TOO_LATE)
    return user


def _page(user: User, wrong: str = "") -> str:
    return render_template("welcome.html", user=user, wrong=wrong, shortest=SHORTEST)

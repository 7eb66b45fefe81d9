"""The way in for a new colleague: an address that is good once and for three days, and a password that only they know."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from flask import Blueprint, flash, g, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from outreach.domain.errors import NotFound
from outreach.service.ports import ApiToken, Unit, User
from outreach.web import auth
from outreach.web.front import limiter
from outreach.web.reception import outside, reception

welcome = Blueprint("welcome", __name__, url_prefix="/welcome")
SCOPE = "welcome"
LASTS = timedelta(days=3)
SHORTEST, LONGEST = 12, 1000
"""Characters of a password (NIST SP 800-63B: length counts, and no rules about what kind they are)."""


def invite(unit: Unit, user: User, token: str, now: datetime) -> None:
    """The token's address lets them choose a password; one that was given out before leads nowhere."""
    shut(unit, user.id, "welcome")
    unit.save_token(ApiToken(auth.hash_token(token), _named(user.id), (SCOPE,), now, now + LASTS))


def _named(user: str) -> str:
    return f"welcome/{user}"


def shut(unit: Unit, user: str, *kinds: str) -> None:
    """Addresses that were given out to them lead nowhere any more: invitations, and their calendar's."""
    names = {f"{kind}/{user}" for kind in kinds or ("welcome", "diary")}
    for token in unit.tokens():
        if token.name in names and not token.revoked:
            unit.save_token(replace(token, revoked=True))


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

    def work(unit: Unit) -> User:
        new = replace(_invited(unit, token), password_hash=hashed)
        unit.save_user(new)
        shut(unit, new.id)
        unit.audit(g.now, new.manager or new.id, "user.welcomed", f"user/{new.id}")
        return new

    auth.sign_in(outside().database.retrying(work), g.now)
    flash("Welcome. From now on you sign in with this password.", "done")
    return redirect(url_for("front.home"))


def _wrong(password: str, again: str) -> str:
    if len(password) < SHORTEST:
        return f"A password has at least {SHORTEST} characters: three or four words are good."
    if len(password) > LONGEST:
        return f"At most {LONGEST} characters."
    return "" if password == again else "The two are not the same: type it once more."


def _invited(unit: Unit, token: str) -> User:
    """Raises NotFound for an address that is none, was used, or is too old."""
    known = unit.token(auth.hash_token(token)) if len(token) <= 200 else None
    good = known is not None and SCOPE in known.scopes and not known.revoked
    if known is None or not good or known.expires is None or known.expires <= g.now:
        raise NotFound("This invitation was used, or is too old. Ask for a new one.")
    user = unit.user(known.name.removeprefix(_named("")))
    if user is None or not user.active:
        raise NotFound("This invitation was used, or is too old. Ask for a new one.")
    return user


def _page(user: User, wrong: str = "") -> str:
    return render_template("welcome.html", user=user, wrong=wrong, shortest=SHORTEST)

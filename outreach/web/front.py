"""The front door for people: sign in, sign out, light or dark, and where to go first."""

from __future__ import annotations

from hashlib import sha256
from urllib.parse import urlsplit

from flask import Blueprint, flash, g, redirect, render_template, request, url_for
from flask_limiter import Limiter
from flask_limiter.util import get_remote_address
from flask_login import current_user
from werkzeug.wrappers import Response

from outreach.web import auth
from outreach.web.reception import reception

front = Blueprint("front", __name__)
limiter = Limiter(key_func=get_remote_address, headers_enabled=False)
YEAR = 365 * 24 * 3600


def _whose_login() -> str:
    """One address is not tried from many places at once either. Never kept in the clear."""
    return sha256(request.form.get("email", "").strip().lower().encode()).hexdigest()


@front.get("/")
def home() -> Response:
    first = {"desk": "desk.board_page", "watch": "ops.overview", "lookup": "people.lookup"}
    return redirect(url_for(next(page for what, page in first.items() if auth.me().may(what))))


@front.get("/login")
def login() -> Response | str:
    if current_user.is_authenticated:
        return redirect(url_for("front.home"))
    return _door(request.args.get("next"))


@front.post("/login")
@limiter.limit("10 per minute; 60 per hour")
@limiter.limit("8 per minute; 40 per hour", key_func=_whose_login)
def sign_in() -> Response | tuple[str, int]:
    email, password = request.form.get("email", ""), request.form.get("password", "")
    desk = reception()
    if not desk.house.settings.passwords:
        flash(f"Nobody signs in with a password here: use {desk.house.settings.oidc_name}.", "problem")
        return _door(request.form.get("next")), 403
    user = auth.find_user(desk.outside, email, password[:1000], cheap=desk.cheap_hashes)
    if user is None:
        flash("This address and password do not go together.", "problem")
        return _door(request.form.get("next"), email), 422
    auth.sign_in(user, g.now)
    return redirect(inside(request.form.get("next")) or url_for("front.home"))


def _door(next_: str | None, email: str = "") -> str:
    settings = reception().house.settings
    provider = settings.oidc_name if settings.oidc_issuer else ""
    return render_template(
        "login.html", next=inside(next_), email=email, provider=provider, passwords=settings.passwords
    )


@front.post("/logout")
def sign_out() -> Response:
    auth.sign_out()
    flash("You are signed out.", "done")
    return redirect(url_for("front.login"))


@front.post("/theme")
def theme() -> Response:
    """Light, dark, or as the device says."""
    chosen = request.form.get("theme", "")
    response = redirect(inside(request.form.get("next")) or url_for("front.home"))
    if chosen in ("light", "dark"):
        response.set_cookie("theme", chosen, max_age=YEAR, samesite="Lax", path="/")
    else:
        response.delete_cookie("theme", path="/")
    return response


def inside(address: str | None) -> str:
    """Only an address of our own: nobody is sent elsewhere from here."""
    if not address or not address.startswith("/") or address.startswith(("//", "/\\")):
        return ""
    parts = urlsplit(address)
    return "" if parts.scheme or parts.netloc or any(sign < " " for sign in address) else address

"""Who may come in: people with a password and a session, other systems with a token.

What each role may do is one table, ``MAY``. Passwords are hashed with Argon2id, tokens (which are
long and random) with SHA-256; neither is kept in the clear, and a token is shown once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from functools import lru_cache, wraps
from hashlib import sha256
from typing import Any

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from flask import Flask, abort, g, redirect, request, session, url_for
from flask_login import LoginManager, UserMixin, current_user, login_user, logout_user
from werkzeug.wrappers import Response

from outreach.domain.sight import Sight
from outreach.service.keys import hash_token as hash_token
from outreach.service.ports import Outside, Unit
from outreach.service.ports_records import ApiToken, User
from outreach.service.staff import STEERING
from outreach.web.sight import must_see, sight

ROLES = ("am", "manager", "ops", "admin", "service")
MAY: Mapping[str, frozenset[str]] = {
    "desk": frozenset({"am", "manager", "admin"}),
    "lookup": frozenset({"am", "manager", "admin", "service"}),
    "let_be": frozenset({"manager", "admin"}),
    "outbox": frozenset({"am", "manager", "ops", "admin"}),
    "watch": frozenset({"manager", "ops", "admin"}),
    "steer": STEERING,
    "every_account": frozenset({"manager", "ops", "admin"}),
}
"""What may be done → the roles that may. ``lookup`` is to know what a customer told a colleague, and to add to it;
``watch`` to see how the house runs, ``steer`` to change it; ``every_account`` is to see the accounts of all teams."""

SCOPES = (
    "events:write", "accounts:write", "people:write", "people:read", "may-send:read", "holds:read", "feed:read",
)  # fmt: skip
"""What a token may be good for."""

LONGEST_SESSION = timedelta(days=7)
_TOKEN_PREFIX = "out_"


# -- passwords ---------------------------------------------------------------------------------------


@lru_cache(maxsize=2)
def _hasher(cheap: bool) -> PasswordHasher:
    return PasswordHasher(time_cost=1, memory_cost=8, parallelism=1) if cheap else PasswordHasher()


@lru_cache(maxsize=2)
def _nobodys_hash(cheap: bool) -> str:
    return _hasher(cheap).hash("nobody has this password")


def hash_password(password: str, *, cheap: bool = False) -> str:
    """Argon2id with its parameters in the text. ``cheap`` is for tests only."""
    return _hasher(cheap).hash(password)


def verify(hashed: str, password: str) -> bool:
    """Whether this is the password. False for a hash nobody can read."""
    try:
        return _hasher(False).verify(hashed, password)
    except (VerificationError, InvalidHashError):
        return False


def verify_nobody(password: str, *, cheap: bool = False) -> None:
    """Takes as long as a real check, so that nobody can tell who exists."""
    verify(_nobodys_hash(cheap), password)


# -- tokens ------------------------------------------------------------------------------------------


def new_token(outside: Outside) -> str:
    """A token to be shown once."""
    return _TOKEN_PREFIX + outside.ids.token()


def token_of_request(outside: Outside, now: datetime) -> ApiToken | None:
    """The valid token that the request carries; read anew each time, so that revoking works at once."""
    kind, _, value = request.headers.get("Authorization", "").partition(" ")
    if kind.lower() != "bearer" or not value.strip():
        return None
    with outside.database.view() as unit:
        token = unit.token(hash_token(value.strip()))
    if token is None or token.revoked or (token.expires is not None and token.expires <= now):
        return None
    return token


# -- sessions ----------------------------------------------------------------------------------------


class SignedIn(UserMixin):
    """The colleague of this request."""

    def __init__(self, user: User) -> None:
        self.user = user
        self.id = user.id
        self.name = user.name or user.email
        self.role = user.role
        self.zone = user.zone
        self.by = user.manager or user.id
        """Their name in accounts and records: what ``account.owner`` says."""

    def may(self, what: str) -> bool:
        return self.role in MAY[what]


def stamp_of(user: User) -> str:
    """Changes with password, role, activity and binding: a session that carries an older one is over."""
    text = f"{user.password_hash}|{user.role}|{user.active}"
    if user.subject:
        text += f"|{user.issuer}|{user.subject}"
    return sha256(text.encode()).hexdigest()[:24]


def sign_in(user: User, now: datetime) -> None:
    """A fresh session; nothing of an earlier one is kept."""
    session.clear()
    session.permanent = True
    session["stamp"], session["since"] = stamp_of(user), now.timestamp()
    login_user(SignedIn(user))


def sign_out() -> None:
    logout_user()
    session.clear()


def find_user(outside: Outside, email: str, password: str, *, cheap: bool = False) -> User | None:
    """The active colleague with this address and password; takes as long when there is none."""
    with outside.database.view() as unit:
        user = unit.user_by_email(email.strip().lower())
    if user is None or not user.password_hash:
        verify_nobody(password, cheap=cheap)
        return None
    return user if verify(user.password_hash, password) and user.active else None


OPEN_ENDPOINTS = frozenset(
    {
        "front.login",
        "front.sign_in",
        "front.theme",
        "oidc.begin",
        "oidc.back",
        "diary.feed",
        "welcome.door",
        "welcome.choose",
        "static",
        "bootstrap.static",
    }
)
OPEN_BLUEPRINTS = frozenset({"health", "api", "docs", "hooks", "hooks_voice", "unsubscribe", "care"})
"""Reached without a session: the API asks for a token instead."""
OPEN_PATHS = ("/v1/", "/hooks/", "/care/", "/u/", "/diary/", "/welcome/")
"""Also for what is not there below them."""


def install(app: Flask, outside: Outside) -> None:
    """Sessions for the app; every page that is not listed as open asks for one."""
    manager = LoginManager(app)
    manager.session_protection = "basic"

    @manager.user_loader
    def load(id_: str) -> SignedIn | None:
        since = session.get("since")
        if not isinstance(since, float) or g.now.timestamp() - since > LONGEST_SESSION.total_seconds():
            return None
        with outside.database.view() as unit:
            user = unit.user(id_)
        if user is None or not user.active or session.get("stamp") != stamp_of(user):
            return None
        return SignedIn(user)

    @app.before_request
    def ask_who() -> Response | None:
        if request.endpoint in OPEN_ENDPOINTS or request.blueprint in OPEN_BLUEPRINTS:
            return None
        if current_user.is_authenticated or request.path.startswith(OPEN_PATHS):
            return None
        here = request.path if request.method == "GET" else None
        return redirect(url_for("front.login", next=here if here != "/" else None))


def me() -> SignedIn:
    """The colleague of this request; only behind the login."""
    found: SignedIn = current_user._get_current_object()
    return found


def my_sight(unit: Unit) -> Sight:
    """What the colleague of this request may see whole."""
    return sight(unit, me().by, everything=me().may("every_account"))


def may(what: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Only for roles that may do this; others get 403 in plain words. What the address or the form of a ``desk`` page
    names is theirs to see; else it is not there."""

    def guard(view: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(view)
        def guarded(*args: Any, **kwargs: Any) -> Any:
            if not me().may(what):
                abort(403)
            if what == "desk":
                named = [*(request.view_args or {}).items(), *request.form.items(multi=True)]
                must_see(me().by, named, everything=me().may("every_account"))
            return view(*args, **kwargs)

        guarded.asks_for = what  # type: ignore[attr-defined]
        return guarded

    return guard

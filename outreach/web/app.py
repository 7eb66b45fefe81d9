"""The app factory: reception put together. Importing this module touches nothing."""

from __future__ import annotations

from datetime import timedelta

from flask import Flask, Response, g, request
from flask_bootstrap import Bootstrap5
from flask_openapi3 import Info, OpenAPI
from flask_wtf.csrf import CSRFProtect
from werkzeug.middleware.proxy_fix import ProxyFix

from outreach.assemble import House, assemble
from outreach.logs import set_up_logs
from outreach.settings import Settings, load_settings
from outreach.store.told import log_changes
from outreach.web import (
    accounts,
    auth,
    away,
    by_hand,
    calling,
    cards,
    care,
    desk,
    diary,
    docs,
    front,
    hooks,
    hooks_voice,
    incidents,
    law,
    mailroom,
    oidc,
    ops,
    ops_pages,
    outbox,
    people,
    playbook_drafts,
    playbooks,
    problems,
    publishing,
    reach,
    remedies,
    sayings,
    traced,
    trying,
    unsubscribe,
    welcome,
    why,
)
from outreach.web.api import api
from outreach.web.figures import Metrics
from outreach.web.health import health
from outreach.web.reception import EXTENSION, Reception, outside
from outreach.web.writer import Writer

FORM_LIMIT = 500_000
FORM_PARTS = 1000
IDLE_SESSION = timedelta(hours=12)

CSP = (
    "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; form-action 'self'; "
    "frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": CSP,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}

INFO = Info(
    title="Outreach",
    version="1",
    description="Tell Outreach what happened to a customer; ask it whether something may be sent.",
)
BEARER = {"bearer": {"type": "http", "scheme": "bearer"}}


def from_environment() -> Flask:
    """For a server that starts workers of its own: settings reach it by the environment."""
    settings = load_settings()
    set_up_logs(settings.log_format, settings.log_level)
    return create_app(assemble(settings, migrate=False, told=log_changes))


def create_app(house: House, *, cheap_hashes: bool = False) -> Flask:
    """Reception for this house. ``app.extensions["outreach"].writer.close()`` stores what is queued.

    ``cheap_hashes`` is for tests: log-ins of nobody take no time.
    """
    app = OpenAPI(
        __name__,
        info=INFO,
        security_schemes=BEARER,  # type: ignore[arg-type]
        doc_ui=False,
        template_folder="pages",
        static_folder="static",
        static_url_path="/static",
    )
    _configure(app, house.settings)
    held = Reception(house, house.outside, Writer(house.outside), cheap_hashes=cheap_hashes)
    held.metrics = Metrics(held)
    app.extensions[EXTENSION] = held
    traced.install(app)
    app.before_request(_read_the_clock)
    auth.install(app, house.outside)
    problems.install(app)
    sayings.install(app)
    Bootstrap5(app)
    _open_the_doors(app)
    app.after_request(_protect)
    return app


def _open_the_doors(app: OpenAPI) -> None:
    """Each form comes from a page of ours, but for what has a token or a signature of its own."""
    csrf = CSRFProtect(app)
    for signed in (
        api,
        hooks.hooks,
        hooks_voice.voice_hooks,
        unsubscribe.unsubscribe,
        care.care,
    ):
        csrf.exempt(signed)
    front.limiter.init_app(app)
    for blueprint in (front.front, desk.desk, cards.cards, calling.calling, accounts.accounts, by_hand.by_hand, people.people, mailroom.room, away.away, diary.diary, welcome.welcome, oidc.oidc, reach.reaching, remedies.remedies, outbox.outbox,
                      ops.ops, ops_pages.ops_pages, incidents.incidents, playbooks.playbooks, publishing.publishing, playbook_drafts.playbook_drafts, trying.trying, docs.docs, health, hooks.hooks, hooks_voice.voice_hooks,
                      unsubscribe.unsubscribe, care.care, law.law, why.why):  # fmt: skip
        app.register_blueprint(blueprint)
    app.register_api(api)


def _configure(app: Flask, settings: Settings) -> None:
    secure = settings.cookie_secure
    app.config.update(
        SECRET_KEY=settings.secret_key,
        SESSION_COOKIE_NAME="__Host-outreach" if secure else "outreach",
        SESSION_COOKIE_SECURE=secure,
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        PERMANENT_SESSION_LIFETIME=IDLE_SESSION,
        MAX_CONTENT_LENGTH=settings.max_body,
        MAX_FORM_MEMORY_SIZE=FORM_LIMIT,
        MAX_FORM_PARTS=FORM_PARTS,
        WTF_CSRF_TIME_LIMIT=None,  # as long as the session: a desk stays open all day
        WTF_CSRF_SSL_STRICT=secure,
        BOOTSTRAP_SERVE_LOCAL=True,
        RATELIMIT_STORAGE_URI="memory://",
        RATELIMIT_ENABLED=settings.rate_limits,
        SEND_FILE_MAX_AGE_DEFAULT=3600,
    )
    app.jinja_options = {"trim_blocks": True, "lstrip_blocks": True, "autoescape": True}
    if settings.proxies:
        count = settings.proxies
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=count, x_proto=count)  # type: ignore[method-assign]


def _read_the_clock() -> None:
    """Once per request, whoever asks for the time."""
    g.now = outside().clock.now()


def _protect(response: Response) -> Response:
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    if request.endpoint not in ("static", "bootstrap.static", "docs.static"):
        response.headers.setdefault("Cache-Control", "no-store")
    if request.is_secure:
        response.headers.setdefault("Strict-Transport-Security", "max-age=31536000; includeSubDomains")
    return response

"""What went wrong, said once for all views: a page for people, ``application/problem+json`` for systems."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson
import structlog
from flask import Flask, Response, flash, redirect, render_template, request
from flask_wtf.csrf import CSRFError
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response as BaseResponse

from outreach.domain.errors import Gone, Invalid, NotFound, OutreachError, Refused
from outreach.service.ports_faults import InDoubt, Outpaced, Unavailable, Unfit
from outreach.web.writer import Busy

RETRY_AFTER = "2"
"""Seconds."""

WORDS = {
    400: ("This did not work", "The page you came from is out of date. Go back, reload it and try again."),
    401: ("Please sign in", "Sign in and try again."),
    403: ("Not yours to do", "Your role does not include this. A manager or an administrator can help."),
    404: ("Not here", "There is nothing at this address. It may have been closed or merged."),
    405: ("Not like this", "This address does not take that kind of request."),
    409: ("Somebody was faster", "This has changed in the meantime."),
    410: ("Not kept any more", "This was here, and is not kept any more."),
    413: ("Too much at once", "What you sent is larger than we take."),
    422: ("Something is missing", "Please look through what you entered."),
    429: ("Too many tries", "Wait a minute, then try again."),
    500: ("Our mistake", "Something broke on our side. It has been written down; please try again."),
    503: (
        "One moment",
        "We could not store this just now. Nothing is lost: please try again in a few seconds.",
    ),
}
_CODES: tuple[tuple[type[Exception], int], ...] = (
    (Refused, 409), (NotFound, 404), (Gone, 410), (Invalid, 422), (Unfit, 422), (Outpaced, 409),
    (Busy, 503), (Unavailable, 503), (InDoubt, 503),
)  # fmt: skip

log = structlog.get_logger(__name__)


def code_of(fault: Exception) -> int:
    return next((code for kind, code in _CODES if isinstance(fault, kind)), 500)


def install(app: Flask) -> None:
    @app.errorhandler(OutreachError)
    def ours(fault: OutreachError) -> Response:
        code = code_of(fault)
        if code in (500, 503):
            log.error("request failed", path=request.endpoint, exc_info=fault)
        told = code in (404, 409, 410, 422) and not isinstance(fault, Unfit)
        return _problem(code, str(fault) if told else "")

    @app.errorhandler(HTTPException)
    def http(fault: HTTPException) -> Response:
        code = fault.code or 500
        told = (code == 400 and _for_systems()) or (code == 403 and request.path.startswith("/hooks/"))
        response = _problem(code, (fault.description or "") if told else "")
        if code == 405:
            response.headers["Allow"] = ", ".join(getattr(fault, "valid_methods", None) or ())
        if code == 429:
            response.headers["Retry-After"] = "60"
        return response

    @app.errorhandler(CSRFError)
    def forged(fault: CSRFError) -> Response:
        return _problem(400, "")

    @app.errorhandler(Exception)
    def anything(fault: Exception) -> Response:
        log.error("request failed", path=request.endpoint, exc_info=fault)
        return _problem(500, "")


def _for_systems() -> bool:
    return request.path.startswith(("/v1/", "/hooks/")) or request.path in ("/healthz", "/readyz", "/metrics")


def _problem(code: int, detail: str) -> Response:
    response = as_json(code, detail) if _for_systems() else _as_page(code, detail)
    if code == 503:
        response.headers["Retry-After"] = RETRY_AFTER
    return response


def as_json(code: int, detail: str = "", **more: Any) -> Response:
    """RFC 9457."""
    title, words = WORDS.get(code, WORDS[500])
    body = {"type": "about:blank", "title": title, "status": code, "detail": detail or words, **more}
    response = Response(orjson.dumps(body), code, content_type="application/problem+json")
    if code == 401:
        response.headers["WWW-Authenticate"] = 'Bearer realm="outreach"'
    if code == 503:
        response.headers["Retry-After"] = RETRY_AFTER
    return response


def _as_page(code: int, detail: str) -> Response:
    title, words = WORDS.get(code, WORDS[500])
    page = render_template("problem.html", code=code, title=title, words=detail or words)
    return Response(page, code, content_type="text/html; charset=utf-8")


def tell(fault: OutreachError) -> int:
    """Say it at the top of the next page; gives the status code for a page shown at once."""
    flash(str(fault), "problem")
    return code_of(fault)


def done_or_told(work: Callable[[], str], to: str, else_to: str = "") -> BaseResponse:
    """Do it, and say so on the page ``to``; or say why not, on ``else_to`` where that is another one."""
    try:
        flash(work(), "done")
    except OutreachError as fault:
        tell(fault)
        return redirect(else_to or to)
    return redirect(to)

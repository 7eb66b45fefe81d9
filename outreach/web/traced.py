"""Every request gets an id, which its log lines carry and its answer names, and its time is taken."""

from __future__ import annotations

import secrets
import time

from flask import Flask, Response, g, request
from structlog.contextvars import bind_contextvars, clear_contextvars

from outreach.web.reception import reception

REQUEST_ID = "X-Request-ID"


def install(app: Flask) -> None:
    app.before_request(_begin)
    app.after_request(_end)


def _begin() -> None:
    g.request_id, g.began = secrets.token_hex(6), time.perf_counter()
    clear_contextvars()  # the thread has served others before
    bind_contextvars(request=g.request_id)


def _end(response: Response) -> Response:
    response.headers[REQUEST_ID] = g.request_id
    area = request.blueprint or "other"
    code = f"{response.status_code // 100}xx"
    reception().metrics.requests.labels(area, code).observe(time.perf_counter() - g.began)
    return response

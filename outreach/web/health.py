"""For machines that watch: alive, ready, and numbers. No personal data."""

from __future__ import annotations

import orjson
from flask import Blueprint, Response, g
from prometheus_client import generate_latest

from outreach.domain.errors import OutreachError
from outreach.service.sweep import CLOCK
from outreach.web.reception import reception

CLOCK_LATE = 120.0
"""Seconds without a heartbeat after which the clock counts as stopped."""

health = Blueprint("health", __name__)


@health.get("/healthz")
def healthz() -> Response:
    """The process answers."""
    return _json({"status": "ok"})


@health.get("/readyz")
def readyz() -> Response:
    """The database answers. A stopped clock is told, but events can still be taken."""
    try:
        with reception().house.database.view() as unit:
            beat = unit.heartbeats().get(CLOCK)
    except OutreachError:
        return _json({"status": "unavailable", "database": "down"}, 503)
    age = (g.now - beat[0]).total_seconds() if beat else None
    clock = "never" if age is None else "late" if age > CLOCK_LATE else "ok"
    return _json({"status": "ok", "database": "ok", "clock": clock, "clock_age_seconds": age})


@health.get("/metrics")
def metrics() -> Response:
    body = generate_latest(reception().metrics.registry)
    return Response(body, content_type="text/plain; version=0.0.4; charset=utf-8")


def _json(body: dict[str, object], code: int = 200) -> Response:
    return Response(orjson.dumps(body), code, content_type="application/json")

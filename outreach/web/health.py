"""For machines that watch: alive, ready, and numbers. No personal data."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

import orjson
from flask import Blueprint, Response, g
from prometheus_client import CollectorRegistry, Counter, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from outreach.domain.blast import Answer, Blast
from outreach.domain.errors import OutreachError
from outreach.service import switches
from outreach.service.ports import Outside, Unit
from outreach.service.sweep import CLOCK
from outreach.store import views_ops as views
from outreach.web.reception import Reception, reception

CLOCK_LATE = 120.0
"""Seconds without a heartbeat after which the clock counts as stopped."""

health = Blueprint("health", __name__)


class Metrics:
    """The numbers of one app: counted as they happen, or read when somebody asks."""

    def __init__(self, house: Reception) -> None:
        self.registry = CollectorRegistry()
        self.events = Counter(
            "outreach_events", "Events by what became of them", ["outcome"], registry=self.registry
        )
        self.hooks = Counter(
            "outreach_hooks",
            "What providers told us, by what it was",
            ["provider", "outcome"],
            registry=self.registry,
        )
        self.registry.register(_Standing(house))


class _Standing(Collector):
    """Read from the database at each scrape."""

    def __init__(self, desk: Reception) -> None:
        self._desk = desk

    def describe(self) -> list[GaugeMetricFamily]:
        return []

    def collect(self) -> Iterator[GaugeMetricFamily]:
        now = self._desk.outside.clock.now()
        with self._desk.house.database.view() as unit:
            counts, beats = views.counts(unit, now), unit.heartbeats()
            stopped = unit.setting("stop_all") is not None
            states, missed, blasts = unit.publish_states(), unit.count_missed(), unit.blasts_standing()
            ways, messages = list(_ways(unit, self._desk.outside, now)), unit.count_inbound()
        touches = GaugeMetricFamily("outreach_touches", "Touches by status", labels=["status"])
        for status, count in sorted(counts.touches.items()):
            touches.add_metric([status], count)
        yield touches
        beat = beats.get(CLOCK)
        age = (now - beat[0]).total_seconds() if beat else float("inf")
        for name, says, value in (
            ("outreach_failures_open", "Failures not put right or let be", counts.open_failures),
            ("outreach_failures_unreached", "Open failures with nobody spoken to", counts.unreached),
            ("outreach_failures_unmatched", "Open failures that no playbook matched", counts.unmatched),
            ("outreach_failures_owed", "Failures learnt of too late", counts.owed),
            ("outreach_calls_overdue", "Calls past their hour", counts.overdue_calls),
            ("outreach_touches_due", "Touches whose time has come", counts.due),
            ("outreach_runs_open", "Runs under way", counts.open_runs),
            ("outreach_holds_open", "Holds in force", counts.holds),
            ("outreach_events_parked", "Events that wait for their time or account", counts.parked),
            ("outreach_events_quarantined", "Events in quarantine", counts.quarantined),
            ("outreach_messages_waiting", "Messages that nobody has placed or read", messages),
            ("outreach_clock_age_seconds", "Since the clock's last heartbeat", age),
            ("outreach_stopped", "1 while all sending is stopped", int(stopped)),
            ("outreach_queue_depth", "Requests that wait to be stored", self._desk.writer.depth),
        ):
            yield GaugeMetricFamily(name, says, value=value)
        yield from _published(states, missed, blasts)
        for name, says, of in _WAYS:
            gauge = GaugeMetricFamily(name, says, labels=["provider"])
            for way in ways:
                gauge.add_metric([way.provider], int(of(way)))
            yield gauge


def _published(
    states: Mapping[str, tuple[str, int]], missed: Mapping[str, int], blasts: Iterable[Blast]
) -> Iterator[GaugeMetricFamily]:
    """Of playbooks that anything was said of; all others are live."""
    said = GaugeMetricFamily(
        "outreach_playbook_state", "1 for the publish state", labels=["playbook", "state"]
    )
    for playbook, (state, _) in sorted(states.items()):
        said.add_metric([playbook, state], 1)
    asks = GaugeMetricFamily(
        "outreach_playbook_asks", "1 while it waits for a second person", labels=["playbook"]
    )
    for blast in blasts:
        asks.add_metric([blast.playbook], int(blast.state is Answer.ASKING))
    waits = GaugeMetricFamily(
        "outreach_playbook_missed", "Triggers that came while it was paused", labels=["playbook"]
    )
    for playbook, count in sorted(missed.items()):
        waits.add_metric([playbook], count)
    yield from (said, asks, waits)


@dataclass(frozen=True, slots=True)
class _Way:
    provider: str
    live: bool
    stopped: bool
    rests: bool


def _ways(unit: Unit, outside: Outside, now: datetime) -> Iterator[_Way]:
    resting = {way.partition("/")[0] for way in switches.resting(unit, now)}
    for provider in switches.configured(outside):
        stopped = any(True for _ in switches.stopped_ways(unit, provider))
        yield _Way(provider, switches.is_live(unit, provider), stopped, provider in resting)


_WAYS: tuple[tuple[str, str, Callable[[_Way], bool]], ...] = (
    ("outreach_provider_live", "1 once it has left rehearsal", lambda way: way.live),
    ("outreach_provider_stopped", "1 while it, or one channel of it, is stopped", lambda way: way.stopped),
    ("outreach_provider_resting", "1 while it is unwell or has asked to slow down", lambda way: way.rests),
)


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

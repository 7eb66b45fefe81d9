"""The figures for machines that watch. No personal data: labels are our own words, never a customer's or colleague's.

Web and clock are processes of their own, so what a figure says is read from the database that they share. Gauges are
read at each look. Counters of touches and decisions go up by what has come to an end since the last look, found by
index; like every Prometheus counter they begin at nothing when the process does. Nothing is written in order to count.
"""

from __future__ import annotations

import re
from collections import Counter as Sum
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from threading import Lock
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, SummaryMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from outreach.domain.blast import Answer
from outreach.domain.errors import OutreachError
from outreach.service import errands, switches
from outreach.service.ports import Outside
from outreach.service.sweep import CLOCK
from outreach.store import views_figures as views
from outreach.store.unit import StoreUnit
from outreach.web.reception import Reception

SETTLED = timedelta(seconds=30)
"""A row is counted when it is so old: by then whoever wrote it has committed."""
RUNGS = {1: "owner", 2: "manager", 4: "named_person"}
BUCKETS = (0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_CODE = re.compile(r"[a-z][a-z0-9_.-]{0,60}")
_TOUCH = ("channel", "playbook", "status", "reason")


class Metrics:
    """The figures of one app: counted as they happen, or read when somebody asks."""

    def __init__(self, desk: Reception) -> None:
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
        self.requests = Histogram(
            "outreach_request_seconds",
            "How long answers took, by part of the house and kind of answer",
            ["area", "code"],
            buckets=BUCKETS,
            registry=self.registry,
        )
        self.registry.register(_Shared(desk))


class _Shared(Collector):
    """What all processes of the house have done, read from the database at each look."""

    def __init__(self, desk: Reception) -> None:
        self._desk = desk
        self._history = _History(desk.outside.clock.now())

    def describe(self) -> list[Metric]:
        return []

    def collect(self) -> Iterator[Metric]:
        up = True
        try:
            yield from self._read()
        except OutreachError:
            up = False
        yield _gauge("outreach_database_up", "1 while the database answers", int(up))
        yield _gauge("outreach_queue_depth", "Requests that wait to be stored", self._desk.writer.depth)

    def _read(self) -> list[Metric]:
        outside = self._desk.outside
        now = outside.clock.now()
        with self._desk.house.database.view() as unit:
            found = [*_standing(views.standing(unit, now), now), *_house(unit, outside, now)]
            return found + self._history.read_on(unit, now)


# -- how it stands -------------------------------------------------------------------------------------


def _standing(one: views.Standing, now: datetime) -> Iterator[Metric]:
    yield from _under_way(one)
    yield from _put_aside(one)
    late = {
        (what,): max((now - since).total_seconds(), 0) if since else 0 for what, since in one.oldest.items()
    }
    yield _gauges(
        "outreach_oldest_seconds", "How long the oldest of them has been due, or in doubt", ("what",), late
    )
    for name, says, value in (
        ("outreach_failures_unreached", "Open failures with nobody spoken to", one.unreached),
        ("outreach_failures_unmatched", "Open failures that no playbook matched", one.unmatched),
        ("outreach_failures_owed", "Failures learnt of too late", one.owed),
        ("outreach_calls_overdue", "Calls past their hour", one.calls_overdue),
        ("outreach_touches_due", "Touches whose time has come", one.due),
    ):
        yield _gauge(name, says, value)


def _under_way(one: views.Standing) -> Iterator[Metric]:
    climbed = {(RUNGS.get(rung, "other"),): number for rung, number in one.climbed.items()}
    up = "Failures with nobody spoken to past the hour, by whom they have climbed to"
    for name, says, labels, values in (
        ("outreach_touches_open", "Touches that have not come to an end", _TOUCH, _by_reason(one.touches)),
        ("outreach_runs_open", "Runs under way", ("playbook",), _keyed(one.runs)),
        ("outreach_failures_open", "Failures not put right or let be", ("kind", "state"), one.failures),
        ("outreach_failures_climbed", up, ("to",), climbed),
        ("outreach_holds_open", "Holds in force", ("purpose",), _keyed(one.holds)),
    ):
        yield _gauges(name, says, labels, values)


def _put_aside(one: views.Standing) -> Iterator[Metric]:
    wrong = "Events in quarantine, by the part that was wrong"
    for name, says, values in (
        ("outreach_events_parked", "Events that wait for their time or account", one.parked),
        ("outreach_events_quarantined", wrong, one.quarantined),
    ):
        yield _gauges(name, says, ("reason",), _keyed(values))


def _house(unit: StoreUnit, outside: Outside, now: datetime) -> Iterator[Metric]:
    beat = unit.heartbeats().get(CLOCK)
    failing = errands.not_reached(unit)
    for name, says, value in (
        ("outreach_messages_waiting", "Messages that nobody has placed or read", float(unit.count_inbound())),
        (
            "outreach_clock_age_seconds",
            "Since the clock's last heartbeat",
            (now - beat[0]).total_seconds() if beat else float("inf"),
        ),
        ("outreach_stopped", "1 while all sending is stopped", float(unit.setting("stop_all") is not None)),
        ("outreach_rule_faults", "Faults in playbooks, texts and the files beside them", _faults(outside)),
    ):
        yield _gauge(name, says, value)
    yield _gauges(
        "outreach_errand_failing",
        "1 while what the clock does outside does not get through",
        ("errand",),
        {(name,): int(name in failing) for name in errands.ERRANDS},
    )
    yield from _published(unit)
    ways = [*_ways(unit, outside, now)]
    for name, says, of in _WAYS:
        yield _gauges(name, says, ("provider",), {(way.provider,): int(of(way)) for way in ways})


def _published(unit: StoreUnit) -> Iterator[Metric]:
    """Of playbooks that anything was said of; all others are live."""
    states = {(playbook, state): 1 for playbook, (state, _) in unit.publish_states().items()}
    asks = {(blast.playbook,): int(blast.state is Answer.ASKING) for blast in unit.blasts_standing()}
    missed = _keyed(unit.count_missed())
    for name, says, labels, values in (
        ("outreach_playbook_state", "1 for the publish state", ("playbook", "state"), states),
        ("outreach_playbook_asks", "1 while it waits for a second person", ("playbook",), asks),
        ("outreach_playbook_missed", "Triggers that came while it was paused", ("playbook",), missed),
    ):
        yield _gauges(name, says, labels, values)


def _faults(outside: Outside) -> float:
    return float(sum(not fault.warning for fault in outside.rules().faults))


@dataclass(frozen=True, slots=True)
class _Way:
    provider: str
    live: bool
    stopped: bool
    rests: bool


def _ways(unit: StoreUnit, outside: Outside, now: datetime) -> Iterator[_Way]:
    resting = {way.partition("/")[0] for way in switches.resting(unit, now)}
    for provider in switches.configured(outside):
        stopped = any(True for _ in switches.stopped_ways(unit, provider))
        yield _Way(provider, switches.is_live(unit, provider), stopped, provider in resting)


_WAYS: tuple[tuple[str, str, Callable[[_Way], bool]], ...] = (
    ("outreach_provider_live", "1 once it has left rehearsal", lambda way: way.live),
    ("outreach_provider_stopped", "1 while it, or one channel of it, is stopped", lambda way: way.stopped),
    ("outreach_provider_resting", "1 while it is unwell or has asked to slow down", lambda way: way.rests),
)


# -- what has come to an end ---------------------------------------------------------------------------


class _History:
    """How far was counted, and what the count is. Several may look at once."""

    def __init__(self, since: datetime) -> None:
        self._lock = Lock()
        self._since, self._touches_until = since, since - timedelta(microseconds=1)
        self._decisions_until: int | None = None
        self._touches: Sum[tuple[str, ...]] = Sum()
        self._decisions: Sum[tuple[str, str]] = Sum()
        self._late: dict[str, float] = defaultdict(float)
        self._sent: Sum[str] = Sum()

    def read_on(self, unit: StoreUnit, now: datetime) -> list[Metric]:
        with self._lock:
            self._count_touches(unit, now - SETTLED)
            self._count_decisions(unit, now - SETTLED)
            return [*self._told()]

    def _count_touches(self, unit: StoreUnit, until: datetime) -> None:
        if until <= self._touches_until:
            return
        ended = views.ended_touches(unit, self._touches_until, until)
        self._touches_until = until
        self._touches.update(_by_reason({row.touched: row.number for row in ended}))
        for row in ended:
            if row.touched.status == "sent":
                self._sent[row.touched.channel] += row.number
                self._late[row.touched.channel] += row.late_seconds

    def _count_decisions(self, unit: StoreUnit, until: datetime) -> None:
        if self._decisions_until is None:
            self._decisions_until = views.decisions_until(unit, self._since)
        found, self._decisions_until = views.decisions_between(unit, self._decisions_until, until)
        self._decisions.update(found)

    def _told(self) -> Iterator[Metric]:
        touches = CounterMetricFamily("outreach_touches", "Touches that have come to an end", labels=_TOUCH)
        for labels, number in sorted(self._touches.items()):
            touches.add_metric(labels, number)
        yield touches
        decisions = CounterMetricFamily(
            "outreach_decisions",
            "Triggers of playbooks, by what came of them",
            labels=("playbook", "outcome"),
        )
        for both, number in sorted(self._decisions.items()):
            decisions.add_metric(both, number)
        yield decisions
        delay = SummaryMetricFamily(
            "outreach_delay_seconds", "How long after their time messages left", labels=("channel",)
        )
        for channel, number in sorted(self._sent.items()):
            delay.add_metric((channel,), count_value=number, sum_value=self._late[channel])
        yield delay


# -- families ------------------------------------------------------------------------------------------


def _by_reason(touches: Mapping[views.Touched, int]) -> Sum[tuple[str, ...]]:
    """A reason that is none of our codes counts as ``other``: how many series there are must not grow by itself."""
    found: Sum[tuple[str, ...]] = Sum()
    for one, number in touches.items():
        reason = one.reason if _CODE.fullmatch(one.reason) else "other" if one.reason else "none"
        found[one.channel, one.playbook, one.status, reason] += number
    return found


def _keyed(numbers: Mapping[str, float]) -> dict[tuple[str, ...], float]:
    return {(key,): number for key, number in numbers.items()}


def _gauge(name: str, says: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, says, value=value)


def _gauges(name: str, says: str, labels: Iterable[str], values: Mapping[Any, float]) -> GaugeMetricFamily:
    family = GaugeMetricFamily(name, says, labels=[*labels])
    for key, value in sorted(values.items()):
        family.add_metric(key, value)
    return family

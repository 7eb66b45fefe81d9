"""Small values for the tests of the rooms. Everything has a sensible default; a test names what matters."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, time, timedelta
from itertools import count
from typing import Any

from outreach.domain.facts import CLOCK_SOURCE, Channel, Event, Person, Purpose, Severity
from outreach.domain.hours import Calendar, Duration
from outreach.domain.plan import Run
from outreach.domain.playbook import Playbook, Step
from outreach.domain.touch import Status, Touch

MONDAY = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
"""An ordinary Monday; in Berlin it is 10:00."""
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
OFFICE = Calendar("UTC", {day: ((time(9), time(17)),) for day in range(5)})


def counter(prefix: str) -> Callable[[], str]:
    """New ids, in order."""
    numbers = count(1)
    return lambda: f"{prefix}{next(numbers)}"


_event_ids = counter("e")


def event(type_: str, t: datetime = MONDAY, **data: Any) -> Event:
    """Of account ``a1``, from the shop; it arrived when it happened."""
    return Event("shop", _event_ids(), type_, "a1", t, t, data)


def from_clock(id_: str, type_: str, t: datetime, data: Any, arrived: datetime | None = None) -> Event:
    return Event(CLOCK_SOURCE, id_, type_, "a1", t, arrived or t, data)


def touch(**changes: Any) -> Touch:
    values: dict[str, Any] = {
        "id": "t1", "run": "r1", "account": "a1", "channel": Channel.EMAIL,
        "purpose": Purpose.SERVICE_RECOVERY, "step": 0, "status": Status.DUE, "due": MONDAY,
        "because": "late", "person": "anna", "endpoint": "mail-of-anna",
    }  # fmt: skip
    return Touch(**{**values, **changes})


def person(**changes: Any) -> Person:
    values: dict[str, Any] = {"id": "anna", "phone": "+4930123456", "email": "anna@kunde.example"}
    return Person(**{**values, **changes})


def run(**changes: Any) -> Run:
    values: dict[str, Any] = {
        "id": "r1", "playbook": "late", "version": "v1", "account": "a1", "key": "o1", "trigger": "shop|e1",
        "trigger_type": "delivery.delayed", "trigger_time": MONDAY, "started_at": MONDAY,
        "purpose": Purpose.SERVICE_RECOVERY, "severity": Severity.HIGH, "step_due": MONDAY,
    }  # fmt: skip
    return Run(**{**values, **changes})


def step(index: int, channel: Channel | None = Channel.CALL, **more: Any) -> Step:
    """A call to the hurt person; ``channel`` None is a wait."""
    more.setdefault("whom", ("hurt_person",))
    if isinstance(more.get("after"), str):
        more["after"] = Duration.parse(more["after"])
    if isinstance(more.get("within"), str):
        more["within"] = Duration.parse(more["within"])
    if isinstance(more.get("wait"), str):
        more["wait"] = Duration.parse(more["wait"])
    return Step(index, channel, **more)


def playbook(name: str = "late", *steps: Step, **more: Any) -> Playbook:
    values: dict[str, Any] = {
        "title": name, "why": "because", "purpose": Purpose.SERVICE_RECOVERY, "severity": Severity.HIGH,
        "when": ("delivery.delayed",), "steps": steps or (step(0),), "version": "v1",
    }  # fmt: skip
    return Playbook(name=name, **{**values, **more})

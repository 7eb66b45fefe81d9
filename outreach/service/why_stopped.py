"""Why a trigger that matched started nothing, with what stood in its way."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from outreach.domain.facts import Event
from outreach.domain.plan import LIVE, Publish, Run, Stopped, busy, place_of
from outreach.domain.playbook import Playbook
from outreach.service.ledger import Ledger
from outreach.service.ports_publishing import Published
from outreach.service.why_run import Look, run_story
from outreach.service.why_told import Mark, Point

_DAY = timedelta(days=1)
_MOST = 1000


def stopped_by(
    look: Look, outcome: str, event: Event, playbook: Playbook, key: str, decided_at: datetime
) -> Iterator[Point]:
    """``key``: what its run would have been about."""
    runs = [
        run for run in look.ledger.runs[event.subject].values()
        if run.playbook == playbook.name and run.started_at <= decided_at
    ]  # fmt: skip
    match outcome:
        case Stopped.ONCE_PER:
            yield from _once(look, [run for run in runs if run.key == key and not run.taken_back], key)
        case Stopped.IF_RUNNING:
            yield from _running(look, [run for run in runs if busy(run, event.arrived, playbook)])
        case Stopped.COOLDOWN:
            yield _cooling(look, [run for run in runs if run.trigger_time <= event.time], playbook)
        case Stopped.TOO_LATE:
            yield _too_late(event, playbook)
        case Stopped.HOLDOUT:
            words = f"it leaves {playbook.holdout:g} % of accounts alone, to measure what it is worth; this is one of them"
            yield Point(words, Mark.AGAINST, "stopped.holdout")
        case Stopped.NOT_LIVE | Stopped.PAUSED:
            yield _not_live(look, outcome, playbook.name, event.subject)
        case Stopped.CLOSED:
            words = "it was paused when this came, and what broke was closed before it went on"
            yield Point(words, Mark.AGAINST, "stopped.closed")


def _once(look: Look, runs: list[Run], key: str) -> Iterator[Point]:
    """A run that contacts somebody stands in the way of all; one in shadow only of what came in shadow, too."""
    for run in sorted(runs, key=lambda run: run.shadow)[:1]:
        words = f"one run for {key}, for ever, and that began {look.told(run.started_at)}"
        if run.shadow:
            words = f"one run in shadow for {key}, and that began {look.told(run.started_at)}; once the playbook is live, the next trigger for it starts one that counts"
        yield Point(words, Mark.AGAINST, "stopped.once_per", run.started_at, parts=(run_story(look, run),))


def _running(look: Look, runs: list[Run]) -> Iterator[Point]:
    for run in runs[:1]:
        about = run.failure or run.key
        words = f"if_running: its run about {about}, begun {look.told(run.started_at)}, was open then"
        yield Point(words, Mark.AGAINST, "stopped.if_running", run.started_at, parts=(run_story(look, run),))


def _cooling(look: Look, runs: list[Run], playbook: Playbook) -> Point:
    last = max((run.trigger_time for run in runs), default=None)
    if last is None or playbook.cooldown is None:
        return Point("its cooldown was not over", Mark.AGAINST, "stopped.cooldown")
    ends = last + playbook.cooldown.plain
    words = f"cooldown of {playbook.cooldown}: the last run was for {look.told(last)}, so none until {look.told(ends)}"
    return Point(words, Mark.AGAINST, "stopped.cooldown", last, ends)


def _too_late(event: Event, playbook: Playbook) -> Point:
    age = (event.arrived - event.time) / _DAY
    words = f"horizon of {playbook.horizon}: it was {age:.1f} days old when we learnt of it"
    return Point(words, Mark.AGAINST, "stopped.too_late", event.arrived)


# -- published -----------------------------------------------------------------------------------------


def _not_live(look: Look, outcome: str, playbook: str, account: str) -> Point:
    said = _last_said(look, playbook)
    state = look.ledger.publish_states.get(playbook, LIVE)
    if said is not None and Publish(said.state).is_silent:
        words = f"{said.state} by {said.by} {look.told(said.at)}: {said.reason}"
        later = "; it is judged once the playbook goes on" if outcome == Stopped.PAUSED else ""
        return Point(words + later, Mark.AGAINST, f"stopped.{outcome}", said.at)
    if state.percent < 100:
        words = f"{state.words}; this one stands at {place_of(playbook, account):.1f}"
        return Point(words, Mark.AGAINST, "stopped.not_live")
    return Point(f"it was not live then; it is {state.words} now", Mark.AGAINST, f"stopped.{outcome}")


def _last_said(look: Look, playbook: str) -> Published | None:
    """What ops last said about it until that moment."""
    rows = look.ledger.unit.published(playbook, _MOST)
    return next((row for row in rows if row.at <= look.at), None)


def published(ledger: Ledger, playbook: str) -> str | None:
    """How it is published now, where that is not simply live."""
    state = ledger.publish_states.get(playbook, LIVE)
    return None if state.state == "live" else f"it is {state.words} now"

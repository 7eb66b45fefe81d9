"""What happens to one account while time goes on, as points: told when it changes, and only then."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from datetime import datetime

from outreach.domain.failure import Failure
from outreach.domain.hold import Hold
from outreach.domain.plan import Decision, Run
from outreach.domain.touch import Touch
from outreach.lab.scratch import Scratch
from outreach.service.ledger import Ledger
from outreach.service.ports import Unit
from outreach.service.why import head_of
from outreach.service.why_run import ENDS, Look, run_story, touch_point
from outreach.service.why_told import Mark, Point, mark_of, of_trace

MOST = 5_000
_ORDER = ("event", "decision", "failure", "run", "hold", "touch")


class Watch:
    """Looks on. ``points`` grows with each look; what was so at the beginning is no news."""

    def __init__(self, house: Scratch, account: str) -> None:
        self.house, self.account = house, account
        self.points: list[tuple[datetime, int, Point]] = []
        self._seen: dict[tuple[str, str], Hashable] = {}
        with house.database.view() as unit:
            self._events = {event.ref for event in unit.events_of(account)}
        self.look()
        self.points.clear()

    def look(self) -> None:
        """At what stands now."""
        with self.house.database.view() as unit:
            look = self.here(unit)
            for kind, point in self._news(look, unit):
                self.points.append((self.house.now, _ORDER.index(kind), point))

    def here(self, unit: Unit) -> Look:
        ledger = Ledger(unit, self.house.outside, self.house.now)
        ledger.lock([self.account])
        return Look(self.house.outside, ledger, self.house.now, True)

    def timeline(self) -> tuple[Point, ...]:
        """In order of time; at one instant events first, and contacts last."""
        with self.house.database.view() as unit:
            fresh = [event for event in unit.events_of(self.account) if event.ref not in self._events]
            kinds = self.house.outside.rules().vocabulary
            for event in fresh:
                kind = kinds.get(event.type)
                words = f"{kind.title if kind else event.type} ({event.type}{f' {event.key}' if event.key else ''})"
                point = Point(words, Mark.NOTE, "event", event.arrived, values=(("ref", event.ref),))
                self.points.append((event.arrived, 0, point))
        return tuple(point for _, _, point in sorted(self.points, key=lambda each: each[:2]))

    def under_way(self) -> tuple[Point, ...]:
        """How each open run stands."""
        with self.house.database.view() as unit:
            look = self.here(unit)
            return tuple(_named(run, run_story(look, run)) for run in look.ledger.open_runs(self.account))

    # -- what is new ---------------------------------------------------------------------------------

    def _news(self, look: Look, unit: Unit) -> Iterator[tuple[str, Point]]:
        for number, decision in enumerate(reversed(unit.decisions_of(self.account, MOST))):
            if self._is_new("decision", str(number), True):
                yield "decision", decided(look, decision)
        for failure in look.ledger.accounts[self.account].failures.values():
            if self._is_new("failure", failure.id, (failure.state, failure.severity, failure.climbed)):
                yield "failure", _failure(look, failure)
        for run in look.ledger.runs[self.account].values():
            yield from self._of_run(look, unit, run)
        for hold in look.ledger.holds[self.account].values():
            if self._is_new("hold", hold.id, (hold.until, hold.ended_at)):
                yield "hold", _hold(look, hold)

    def _of_run(self, look: Look, unit: Unit, run: Run) -> Iterator[tuple[str, Point]]:
        if self._is_new("run", run.id, run.state) and not run.is_open and not run.holdout:
            why = ENDS.get(run.end_reason, f"{run.end_reason} stopped it")
            words = f"{run.playbook} about {run.failure or run.key} ends: {why}"
            yield "run", Point(words, Mark.AGAINST, f"ended.{run.end_reason}", look.at)
        for touch in unit.touches_of_run(run.id):
            if self._is_new("touch", touch.id, _stands(touch)):
                point = touch_point(look, touch)
                words = f"{run.playbook}: {point.words}"
                yield "touch", Point(words, point.mark, point.code, look.at, point.until, parts=point.parts)

    def _is_new(self, kind: str, id_: str, stands: Hashable) -> bool:
        before = self._seen.get((kind, id_))
        self._seen[kind, id_] = stands
        return before != stands


def _stands(touch: Touch) -> Hashable:
    """When it is due again is no news while it waits for the same."""
    return touch.status, touch.because, touch.settlement, touch.round


def _named(run: Run, story: Point) -> Point:
    return Point(f"{run.playbook}: {story.words}", story.mark, "run", story.at, parts=story.parts)


def decided(look: Look, decision: Decision) -> Point:
    zone = look.ledger.rules.company.zone
    parts = (of_trace(decision.trace, zone),) if decision.trace else ()
    words = f"{decision.playbook}: {head_of(decision.outcome)}"
    return Point(words, mark_of(decision.outcome), decision.outcome, look.at, parts=parts)


_CLIMBED = {
    1: ", its owner is told once more", 2: ", it climbs to the manager", 4: ", it climbs to the named person",
}  # fmt: skip


def _failure(look: Look, failure: Failure) -> Point:
    climbed = _CLIMBED.get(failure.climbed, "") if failure.is_open else ""
    words = f"{failure.id} is {failure.state.value.replace('_', ' ')}, {failure.severity.word}{climbed}"
    return Point(words, Mark.NOTE, f"failure.{failure.state.value}", look.at)


def _hold(look: Look, hold: Hold) -> Point:
    what = ", ".join(hold.purposes)
    if hold.ended_at is not None:
        words = (
            f"{hold.because} holds back {what} no longer ({(hold.end_reason or 'over').replace('_', ' ')})"
        )
        return Point(words, Mark.NOTE, "hold.off", look.at)
    words = (
        f"{hold.because} holds back {what} for the {hold.scope}, until {look.told(hold.ends)} at the latest"
    )
    return Point(words, Mark.NOTE, "hold.on", look.at, hold.ends)

"""Which branches of the playbooks the stories have been in, by what they left in their houses: decisions with their
traces, runs, touches."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from outreach.domain.evaluate import BY_HAND, Ruleset
from outreach.domain.facts import Verdict
from outreach.domain.plan import Run
from outreach.domain.playbook import Playbook, Step
from outreach.domain.touch import Status, Touch
from outreach.lab.story_stage import Stage
from outreach.service import why as asking

_NEWEST = 10_000
_SKIPPED = frozenset({"step_if", "no_text_once_resolved", "cannot_tell"})
"""Reasons for which a step is passed over when the cursor comes to it."""

Places = Iterator[tuple[str, str]]
"""(place in the playbook, what has never happened there)"""


@dataclass(frozen=True, slots=True)
class Covered:
    """One playbook: how many of its branches a story has been in, and the others."""

    playbook: str
    branches: int
    holes: tuple[str, ...]

    @property
    def percent(self) -> int:
        return 100 * (self.branches - len(self.holes)) // self.branches

    def below(self, percent: int) -> str:
        """That it is covered less than that, in words; empty when it is not."""
        if self.percent >= percent:
            return ""
        return f"{self.playbook}: the stories cover {self.percent} % of it, not {percent} %"

    def __str__(self) -> str:
        line = f"{self.playbook}  {self.branches - len(self.holes)} of {self.branches}, {self.percent} %"
        return "\n".join([line, *(f"    {hole}" for hole in self.holes)])


@dataclass(slots=True)
class Coverage:
    """Looks on while stories are told."""

    rules: Ruleset
    seen: set[tuple[str, str]] = field(default_factory=set)
    """(playbook, place)"""

    def look(self, stage: Stage) -> None:
        runs, touches = stage.runs(), stage.touches()
        of_run: dict[str, list[Touch]] = {run.id: [] for run in runs}
        for touch in touches:
            of_run[touch.run].append(touch)
        for run in runs:
            places = _walked(run, of_run[run.id], self.rules.playbooks[run.playbook])
            self.seen |= {(run.playbook, place) for place in places}
        self.seen.update(self._superseded(runs))
        self.seen.update(_judged(stage))

    def _superseded(self, runs: list[Run]) -> Places:
        for gone in (run for run in runs if run.end_reason == "superseded"):
            for run in runs:
                displaces = gone.playbook in self.rules.playbooks[run.playbook].supersedes
                if displaces and run.failure == gone.failure:
                    yield run.playbook, f"supersedes/{gone.playbook}"

    def covered(self) -> list[Covered]:
        return [self._covered(playbook) for _, playbook in sorted(self.rules.playbooks.items())]

    def _covered(self, playbook: Playbook) -> Covered:
        all_ = list(branches(playbook))
        holes = tuple(words for place, words in all_ if (playbook.name, place) not in self.seen)
        return Covered(playbook.name, len(all_), holes)


# -- what there is to be seen ------------------------------------------------------------------------


def branches(playbook: Playbook) -> Places:
    """Every branch of the playbook, with what is said when no story has been in it."""
    for type_ in playbook.when:
        yield f"when/{type_}", f"when {type_}: has never started it"
    if playbook.condition:
        yield from (("if/true", "if: never true"), ("if/false", "if: never false"))
    for step in playbook.steps:
        yield from _branches_of(step)
    if playbook.if_resolved:
        yield "if_resolved", "if_resolved never taken"
    elif playbook.still_open:
        yield "still_open", "still_open never turned false"
    if playbook.stop_events or playbook.stop_conditions:
        yield "stop_when", "stop_when never fired"
    for name in playbook.supersedes:
        yield f"supersedes/{name}", f"supersedes {name}: never did"


def _branches_of(step: Step) -> Places:
    place = f"steps/{step.index}"
    named = f"{place} ({step.channel or 'wait'})"
    yield place, f"{named} never reached by any story"
    if step.condition:
        yield from ((f"{place}/if/{is_}", f"{named} if: never {is_}") for is_ in ("true", "false"))
    for disposition in step.ladder:
        yield f"{place}/ladder/{disposition}", f"{named} ladder {disposition} never taken"


# -- what was seen -----------------------------------------------------------------------------------


def _judged(stage: Stage) -> Places:
    """What the house says to why, of every event and every playbook that listens to it."""
    for account in stage.accounts:
        for why in asking.judged(stage.house.outside, account, _NEWEST):
            if why.outcome == "started":
                yield why.playbook, f"when/{why.event.type}"
            if why.trace.path != BY_HAND and why.trace.verdict is not Verdict.CANNOT_TELL:
                yield why.playbook, f"if/{'true' if why.trace.verdict is Verdict.TRUE else 'false'}"


def _walked(run: Run, touches: list[Touch], playbook: Playbook) -> Iterator[str]:
    for touch in touches:
        yield from _at_its_step(touch)
    yield from _rungs(touches)
    yield from (f"steps/{step.index}" for step in playbook.steps if _has_waited(run, touches, step))
    if run.resolved or any(touch.resolved for touch in touches):
        yield "if_resolved"
    if run.end_reason == "no_longer_true":
        yield "still_open"
    if _was_stopped(run, touches, playbook):
        yield "stop_when"


def _at_its_step(touch: Touch) -> Iterator[str]:
    place, withheld = f"steps/{touch.step}", touch.status is Status.WITHHELD
    if withheld and touch.because == "step_if":
        yield f"{place}/if/false"
    if not (withheld and touch.because in _SKIPPED and touch.ended_at == touch.created_at):
        yield from (place, f"{place}/if/true")


def _rungs(touches: Iterable[Touch]) -> Iterator[str]:
    tried = {(touch.step, touch.round, touch.attempt): touch for touch in touches}
    for (step, round_, attempt), touch in tried.items():
        if touch.disposition and (step, round_, attempt + 1) in tried:
            yield f"steps/{step}/ladder/{touch.disposition}"


def _has_waited(run: Run, touches: list[Touch], step: Step) -> bool:
    """It waits now; or it is over, and what comes after it has come."""
    if step.channel is not None:
        return False
    waits = run.step == step.index and run.step_started is not None
    return waits or run.end_reason == "completed" or any(touch.step > step.index for touch in touches)


def _was_stopped(run: Run, touches: list[Touch], playbook: Playbook) -> bool:
    """It ended so, something written was cancelled so, or the cursor has leapt over steps."""
    reasons = {*playbook.stop_events, "stop_when"} - {"message.received"}
    if "message.received" in playbook.stop_events:
        reasons.add("reply")
    if run.end_reason in reasons or any(touch.because in reasons for touch in touches):
        return True
    laid = {touch.step for touch in touches if touch.round == run.round}
    leapt = any(step.channel is not None and step.index not in laid for step in playbook.steps)
    return run.step >= len(playbook.steps) and leapt and (not run.replied or "reply" in reasons)

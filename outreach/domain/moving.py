"""From one version of a playbook to another: where a run stands there, what comes of it, and why it cannot be moved.

What has begun is never made undone or made twice. So a run is moved only where each step that it has begun stands at the
same place in the new version and is of the same kind, and where nothing that was said already would be said again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from outreach.domain.facts import Channel
from outreach.domain.plan import Run
from outreach.domain.playbook import Playbook, Step
from outreach.domain.touch import Touch

WORDS = {
    Channel.CALL: "call",
    Channel.EMAIL: "e-mail",
    Channel.SMS: "SMS",
    Channel.TASK: "task",
    None: "wait",
}


@dataclass(frozen=True, slots=True)
class Moved:
    """The run in the new version. Times that are set already stay as they are."""

    run: Run
    goes: tuple[int, ...]
    """Steps of the old version that were still to come, and come no more or otherwise."""
    comes: tuple[int, ...]
    """Steps of the new version that come instead, or as well."""


@dataclass(frozen=True, slots=True)
class Stays:
    """It cannot be moved, and why, as a sentence."""

    why: str


def move(run: Run, old: Playbook, new: Playbook, touches: Sequence[Touch]) -> Moved | Stays:
    """``touches``: all of the run, of every round."""
    first = first_to_come(run, old, touches)
    open_now = {touch.step for touch in touches if touch.is_open}
    why = _why_not(old, new, sorted({*range(first), *open_now})) or _said_again(old, new, first)
    if new.purpose is not run.purpose:
        why = f"It is for another purpose now: {new.purpose.value}, and not {run.purpose.value}."
    if why:
        return Stays(why)
    if run.step >= len(old.steps):  # walked through, or stopped: nothing more comes of it
        at_end = replace(run, version=new.version, step=len(new.steps))
        return Moved(at_end, (), ())
    differing = {i for i in range(first, max(len(old.steps), len(new.steps))) if not _is_same(old, new, i)}
    goes = tuple(sorted(i for i in differing if i < len(old.steps)))
    comes = tuple(sorted(i for i in differing if i < len(new.steps)))
    return Moved(replace(run, version=new.version), goes, comes)


def first_to_come(run: Run, playbook: Playbook, touches: Iterable[Touch]) -> int:
    """The first step that has not begun."""
    if run.step >= len(playbook.steps):
        return len(playbook.steps)
    laid = any(touch.step == run.step and touch.round == run.round for touch in touches)
    begun = run.step_due is None or run.step_started is not None or laid
    return run.step + begun


def worded(step: Step) -> str:
    """``step 2: e-mail late-delivery/sorry.md``"""
    what = says(step) or step.wait_for or ""
    return f"step {step.index + 1}: {WORDS[step.channel]}{' ' if what else ''}{what}"


def says(step: Step) -> str:
    """What it is that is said: the brief, the template, the task; empty for a wait."""
    return step.brief or step.template or step.task or ""


def _why_not(old: Playbook, new: Playbook, begun: Iterable[int]) -> str:
    for i in begun:
        was = WORDS[old.steps[i].channel]
        if i >= len(new.steps):
            return f"Its step {i + 1} ({was}) has begun, and is not there any more."
        if new.steps[i].channel is not old.steps[i].channel:
            would = WORDS[new.steps[i].channel]
            return f"Its step {i + 1} has begun, and is of another kind now: {was} → {would}."
    return ""


def _said_again(old: Playbook, new: Playbook, first: int) -> str:
    """A text that was said and would come once more than it would have."""
    said = {_text(step) for step in old.steps[:first] if says(step)}
    before = Counter(_text(step) for step in old.steps[first:])
    after = Counter(_text(step) for step in new.steps[first:])
    for step in new.steps[first:]:
        if _text(step) in said and after[_text(step)] > before[_text(step)]:
            return f"Its {worded(step)} would say again what was said already."
    return ""


def _text(step: Step) -> tuple[Channel | None, str]:
    return step.channel, says(step)


def _is_same(old: Playbook, new: Playbook, i: int) -> bool:
    """Also in its words."""
    if i >= len(old.steps) or i >= len(new.steps):
        return False
    name = says(new.steps[i])
    return old.steps[i] == new.steps[i] and old.templates.get(name) == new.templates.get(name)

"""From one version of a playbook to another: where a run stands there, what comes of it, and why it cannot be moved.

What has begun is never made undone or made twice. So a run is moved only where each step that it has begun stands at the
same place in the new version and is of the same kind, and where nothing that was said already would be said again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import NamedTuple

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


class Ran(NamedTuple):
    """The run went by this version from then on; None: it cannot be read any more."""

    since: datetime
    playbook: Playbook | None


def move(
    run: Run, old: Playbook, new: Playbook, touches: Sequence[Touch], ran: Sequence[Ran] = ()
) -> Moved | Stays:
    """``touches``: all of the run, of every round. ``ran``: by which versions it went, in order; only by the ``old`` one
    where none are given."""
    first = first_to_come(run, old, touches)
    open_now = {touch.step for touch in touches if touch.is_open}
    why = _why_not(old, new, sorted({*range(first), *open_now}))
    why = why or _said_again(old, new, first, touches, ran or [Ran(run.started_at, old)])
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


_LOST = "What it has said was by a version that cannot be read any more."


def _said_again(
    old: Playbook, new: Playbook, first: int, touches: Iterable[Touch], ran: Sequence[Ran]
) -> str:
    """A text that was said and would come once more than it would have."""
    said = set[Text]()
    for touch in touches:
        for playbook in _by_which(touch, ran):
            if playbook is None:
                return _LOST
            if touch.step < len(playbook.steps):
                said |= _texts(playbook, playbook.steps[touch.step])
    before = Counter(text for step in old.steps[first:] for text in _texts(old, step))
    after = Counter(text for step in new.steps[first:] for text in _texts(new, step))
    for step in new.steps[first:]:
        if any(text in said and after[text] > before[text] for text in _texts(new, step)):
            return f"Its {worded(step)} would say again what was said already."
    return ""


def _by_which(touch: Touch, ran: Sequence[Ran]) -> Iterator[Playbook | None]:
    """The versions that what was said, or may be, can have been written by: a draft is read, and leaves, later."""
    if not (touch.has_left or touch.is_open):
        return
    left = touch.intent_at or touch.ended_at
    for i, (since, playbook) in enumerate(ran):
        until = ran[i + 1].since if i + 1 < len(ran) else None
        began_after = until is not None and touch.created_at is not None and touch.created_at > until
        if not began_after and (i == 0 or left is None or since <= left):
            yield playbook


Text = tuple[Channel | None, str]


def _texts(playbook: Playbook, step: Step) -> set[Text]:
    """By its name, and by its words: a copy under another name says the same."""
    name = says(step)
    words = playbook.templates.get(name, "")
    return {(step.channel, text) for text in (name, " ".join(words.split())) if text}


def _is_same(old: Playbook, new: Playbook, i: int) -> bool:
    """Also in its words."""
    if i >= len(old.steps) or i >= len(new.steps):
        return False
    name = says(new.steps[i])
    return old.steps[i] == new.steps[i] and old.templates.get(name) == new.templates.get(name)

"""How a run walks its steps: one cursor, one touch at a time, each wait a row."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from outreach.domain.facts import Channel, Purpose
from outreach.domain.hours import Calendar, Duration
from outreach.domain.plan import Run, RunState
from outreach.domain.playbook import By, Playbook, Step
from outreach.domain.touch import UNSENT, Disposition, Settlement, Status, Touch, advance

WRITTEN_WITHIN = Duration(business_days=3)
"""Mails and SMS without ``within`` go no later than this after they became due."""


@dataclass(frozen=True, slots=True)
class Recipient:
    """Whom a step goes to. ``person`` None: we know no one there, so a human must find out."""

    person: str | None
    identity: str
    caller: str | None


@dataclass(frozen=True, slots=True)
class Footing:
    """What a walk asks of the world, as of now. All of it pure functions of what was read before."""

    now: datetime
    calendar: Calendar
    new_id: Callable[[], str]
    recipient: Callable[[tuple[str, ...]], Recipient]
    allows: Callable[[Step], bool | None]
    """The step's own ``if``."""
    still_open: Callable[[], bool | None]
    wanted_at: datetime | None
    """When the customer asked to be called; None means as soon as we can."""
    seen_since: Callable[[str, datetime], bool]
    """Whether an event of that type happened for the account since that instant."""
    busy: Callable[[], bool]
    """Whether a touch of the run that was laid before is still open."""
    manager: str | None = None
    """Who leads the account's team."""


@dataclass(slots=True)
class Walked:
    run: Run
    laid: list[Touch]


def walk(run: Run, playbook: Playbook, on: Footing) -> Walked:
    """Move the cursor as far as it goes now, and lay the touches it passes."""
    laid: list[Touch] = []
    while run.is_open and run.step_due is not None and run.step < len(playbook.steps):
        if run.step_due > on.now:
            return Walked(replace(run, wake_at=run.step_due), laid)
        run = _mark_resolved(run, playbook, on)
        if not run.is_open:
            break
        step = playbook.steps[run.step]
        if step.channel is None:
            run = _wait(run, playbook, step, on)
            if run.wake_at is not None:
                return Walked(run, laid)
            continue
        run = _lay(run, playbook, step, on, laid)
    if run.is_open and run.step >= len(playbook.steps):
        run = _walked_through(run, on, laid)
    return Walked(run if run.wake_at is None else replace(run, wake_at=None), laid)


def _walked_through(run: Run, on: Footing, laid: list[Touch]) -> Run:
    """All steps are done. With an open failure the run stays until that is closed; else it ends with
    its last open touch."""
    bound = run.failure is not None and run.purpose in (Purpose.SERVICE_RECOVERY, Purpose.CALLBACK)
    if bound or any(touch.is_open for touch in laid) or on.busy():
        return replace(run, step_due=None)
    return end(run, "completed", on.now)


def end(run: Run, reason: str, now: datetime) -> Run:
    return replace(run, state=RunState.ENDED, end_reason=reason, ended_at=now, wake_at=None, step_due=None)


def _mark_resolved(run: Run, playbook: Playbook, on: Footing) -> Run:
    if playbook.still_open is None:
        return run
    resolved = on.still_open() is False
    if resolved and playbook.if_resolved is None:
        return end(run, "no_longer_true", on.now)
    return run if resolved == run.resolved else replace(run, resolved=resolved)


def _wait(run: Run, playbook: Playbook, step: Step, on: Footing) -> Run:
    assert step.wait is not None and run.step_due is not None
    started = run.step_started or run.step_due
    over = on.calendar.add(started, step.wait)
    if over > on.now and not (step.wait_for and on.seen_since(step.wait_for, started)):
        return replace(run, step_started=started, wake_at=over)
    # What follows counts from the wait's end: counted from its start, it would have passed already.
    following = _next(run, playbook, step, min(over, on.now), on, default=on.now)
    return replace(following, step_started=None, wake_at=None)


def _lay(run: Run, playbook: Playbook, step: Step, on: Footing, laid: list[Touch]) -> Run:
    assert run.step_due is not None
    skipped = _why_skipped(run, playbook, step, on)
    touch = _touch(run, playbook, step, run.step_due, on)
    if skipped:
        laid.append(advance(touch, Status.WITHHELD, on.now, because=skipped))
        return _next(run, playbook, step, touch.due, on, default=on.now)
    laid.append(touch)
    return _next(run, playbook, step, touch.due, on, default=None)


def _why_skipped(run: Run, playbook: Playbook, step: Step, on: Footing) -> str | None:
    if run.resolved and step.channel is not Channel.TASK and resolved_text(playbook, step) is None:
        return "no_text_once_resolved"
    allowed = on.allows(step)
    if allowed is None:
        return "cannot_tell"
    return None if allowed else "step_if"


def resolved_text(playbook: Playbook, step: Step) -> str | None:
    """What the step says once ``still_open`` is false; None when it is to be skipped then."""
    branch = playbook.if_resolved
    if branch is None:
        return None
    return branch.brief if step.channel is Channel.CALL else branch.template


def _next(
    run: Run, playbook: Playbook, step: Step, due: datetime, on: Footing, default: datetime | None
) -> Run:
    """The cursor moves on when the next step has ``after`` (it counts from when this one became
    due); else it stays until this one settles, which ``default`` says has just happened."""
    following = playbook.steps[step.index + 1] if step.index + 1 < len(playbook.steps) else None
    if following is not None and following.after is not None:
        return replace(run, step=following.index, step_due=on.calendar.add(due, following.after))
    if default is None:
        return replace(run, step_due=None)
    return replace(run, step=step.index + 1, step_due=default)


def _touch(run: Run, playbook: Playbook, step: Step, due: datetime, on: Footing) -> Touch:
    assert step.channel is not None
    whom = on.recipient(step.whom)
    if step.channel is Channel.CALL and run.purpose is Purpose.CALLBACK:
        due = max(due, on.wanted_at or due)
    on_desk = step.channel in (Channel.CALL, Channel.TASK)
    return Touch(
        id=on.new_id(),
        run=run.id,
        account=run.account,
        channel=step.channel,
        purpose=run.purpose,
        step=step.index,
        status=Status.PLANNED,
        due=due,
        because=playbook.name,
        person=whom.person,
        identity=whom.identity,
        caller=(on.manager if step.by is By.MANAGER else None) or whom.caller,
        round=run.round,
        deadline=on.calendar.add(due, step.within) if on_desk and step.within else None,
        not_after=None if on_desk else on.calendar.add(due, step.within or WRITTEN_WITHIN),
        created_at=on.now,
        text=step.task,
        resolved=run.resolved,
    )


# -- what comes back to the run ----------------------------------------------------------------------


def settled(run: Run, touch: Touch, now: datetime) -> Run:
    """A touch of the run has ended. The cursor moves on if it was waiting for it."""
    if run.step == touch.step and run.step_due is None and run.is_open and run.round == touch.round:
        return replace(run, step=run.step + 1, step_due=now)
    return run


def next_attempt(touch: Touch, disposition: str, step: Step, on: Footing) -> Touch | None:
    """The ladder's next rung after a dial that reached nobody, or None when it is at its end."""
    rung = step.ladder.get(disposition)
    if rung is None or touch.attempt >= rung.at_most:
        return None
    heard = touch.voicemails + (disposition == Disposition.VOICEMAIL)
    return replace(
        touch,
        id=on.new_id(),
        status=Status.PLANNED,
        due=on.calendar.add(on.now, rung.again_in),
        attempt=touch.attempt + 1,
        voicemails=heard,
        settlement=None,
        disposition=None,
        card=None,
        opened=False,
        intent_at=None,
        ended_at=None,
        created_at=on.now,
    )


def may_leave_message(touch: Touch, step: Step) -> bool:
    """Whether a machine that answers may be spoken to: at most once in a ladder, where its rung for no answer
    says ``voicemail: once``."""
    rung = step.ladder.get(Disposition.NO_ANSWER)
    return rung is not None and rung.voicemail == "once" and touch.voicemails == 0


def look_again(run: Run, playbook: Playbook, on: Footing) -> Touch | None:
    """They were reached and it is still not put right: the card comes back, on the last call step."""
    calls = [step for step in playbook.steps if step.channel is Channel.CALL]
    if not calls or not run.is_open:
        return None
    return replace(_touch(run, playbook, calls[-1], on.now, on), because="look_again")


def resume(run: Run, playbook: Playbook, left: Sequence[Touch], on: Footing) -> Run:
    """Justified again: the run goes on from what has left, as if it had never been taken back."""
    run = replace(
        run,
        state=RunState.OPEN,
        end_reason="",
        ended_at=None,
        step_started=None,
        wake_at=None,
        again_at=on.now,
    )
    if not left:
        return replace(run, step=0, step_due=on.now)
    last = max(left, key=lambda touch: touch.step)
    default = None if last.is_open else on.now
    return _next(replace(run, step=last.step), playbook, playbook.steps[last.step], last.due, on, default)


def again_from_start(run: Run, round_: int, now: datetime) -> Run:
    """ "It is not put right": the next round of the same run, from step one."""
    return replace(
        run,
        state=RunState.OPEN,
        end_reason="",
        ended_at=None,
        step=0,
        step_due=now,
        step_started=None,
        wake_at=None,
        round=round_,
        again_at=now,
        reached=False,
        replied=False,
        resolved=False,
    )


def take_back(touches: Iterable[Touch], reason: str, now: datetime) -> list[tuple[Touch, Touch]]:
    """What ending a run does to its touches: unsent ones are cancelled, calls withdrawn; what may
    have left stays. Gives (old, new) pairs."""
    changes = []
    for touch in touches:
        if touch.status in UNSENT:
            changes.append((touch, advance(touch, Status.CANCELLED, now, because=reason)))
        elif touch.status is Status.ON_DESK:
            new = advance(touch, Status.SETTLED, now, because=reason, settlement=Settlement.WITHDRAWN)
            changes.append((touch, new))
    return changes


def take_back_written(touches: Iterable[Touch], reason: str, now: datetime) -> list[tuple[Touch, Touch]]:
    """A reply stops what is written; an open call card stays, headed by the customer's words."""
    return take_back((touch for touch in touches if touch.channel.written), reason, now)

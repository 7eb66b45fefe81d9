"""What happened to an account, told to its runs: failures that closed, replies, stops, waits that are over."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from outreach.domain.facts import Event
from outreach.domain.failure import Failure, FailureState
from outreach.domain.plan import Run
from outreach.domain.playbook import Playbook
from outreach.domain.policy import drop
from outreach.domain.steps import look_again
from outreach.domain.touch import Status, Touch
from outreach.service.ledger import Ledger
from outreach.service.rulings import run_scope, step_allows, still_open
from outreach.service.runs import (
    bound_to,
    change_words,
    end_run,
    footing,
    lay,
    next_round,
    progress,
    start_cool_off,
    stop_written,
    withhold,
)


def react(ledger: Ledger, account: str, fresh: Iterable[Event]) -> None:
    """Every run of the account looks at what has just happened."""
    news = list(fresh)
    for run in list(ledger.runs[account].values()):
        if run.holdout:
            continue
        failure = ledger.accounts[account].failures.get(run.failure or "")
        if run.taken_back:
            if failure is not None and not failure.is_open:
                start_cool_off(ledger, run)
            continue
        if failure is not None and bound_to(run) and not _follow_failure(ledger, run, failure):
            continue
        run = ledger.runs[account][run.id]
        if run.is_open:
            _listen(ledger, run, news)


def _follow_failure(ledger: Ledger, run: Run, failure: Failure) -> bool:
    """Runs live as long as their failure. True when the run goes on as it was."""
    if not failure.is_open and run.is_open:
        reason = "void" if failure.state is FailureState.VOID else failure.state.value
        end_run(ledger, run, reason)
        return False
    if not failure.is_open:
        start_cool_off(ledger, run)
        return False
    if failure.round != run.round and run.is_open:
        next_round(ledger, run, failure)
        return False
    return True


def end_is_gone(ledger: Ledger, run: Run, events: Iterable[Event] | None) -> bool:
    """Whether what ended the run is no longer so: its failure is open again; or, when the account was
    told anew and ``events`` is all that ever happened, what else had ended it was taken back."""
    if run.is_open or run.holdout or run.taken_back:
        return False
    if run.end_reason in ("put_right", "let_be"):
        failure = ledger.accounts[run.account].failures.get(run.failure or "")
        return failure is not None and failure.is_open
    if events is None:
        return False
    playbook = ledger.playbook(run)
    if run.end_reason == "no_longer_true":
        return still_open(playbook, run_scope(ledger, run, playbook)) is not False
    stops = run.end_reason in playbook.stop_events
    return stops and not any(event.type == run.end_reason for event in _since_trigger(run, events))


def _since_trigger(run: Run, events: Iterable[Event]) -> list[Event]:
    return [event for event in events if event.time >= run.trigger_time and event.ref != run.trigger]


def _listen(ledger: Ledger, run: Run, news: list[Event]) -> None:
    playbook = ledger.playbook(run)
    for event in _of_this_round(ledger, run, _since_trigger(run, news)):
        if event.type == "message.received" and _answers(event, run):
            ledger.put_run(replace(ledger.runs[run.account][run.id], replied=True))
            stop_written(ledger, ledger.runs[run.account][run.id], "reply")
        elif event.type in playbook.stop_events and event.type != "message.received":
            stop_written(ledger, ledger.runs[run.account][run.id], event.type)
        elif event.type == "failure.unresolved" and event.data.get("failure") == run.failure:
            _look_again(ledger, run, event)
    run = ledger.runs[run.account][run.id]
    types = {event.type for event in news if event.ref != run.trigger or event.revision}
    if not run.is_open or not types:
        return
    if concerned(playbook, types):
        _judge_anew(ledger, run, playbook)
    _drop_dead_drafts(ledger, ledger.runs[run.account][run.id], playbook)
    if _may_move(ledger.runs[run.account][run.id], playbook, types, ledger.now):
        progress(ledger, run.id, run.account)


def _of_this_round(ledger: Ledger, run: Run, events: list[Event]) -> list[Event]:
    """What was said in a round before, before the customer's "it is not", was heard then."""
    failure = ledger.accounts[run.account].failures.get(run.failure or "")
    if failure is None or failure.round == 1:
        return events
    return [event for event in events if event.arrived >= failure.known_at]


def concerned(playbook: Playbook, types: set[str]) -> bool:
    """Whether news of these types can change what is judged as of now. A condition that reads no
    events reads facts, and any event may change those."""
    asked = [*playbook.stop_conditions, *([playbook.still_open] if playbook.still_open else [])]
    return any(not condition.reads or not types.isdisjoint(condition.reads) for condition in asked)


def _may_move(run: Run, playbook: Playbook, types: set[str], now: datetime) -> bool:
    """Whether the cursor could go on now: its step is due, or what a wait is for has come."""
    if not run.is_open or run.step_due is None or run.step_due > now:
        return False
    if run.wake_at is None or run.wake_at <= now or run.step >= len(playbook.steps):
        return True
    return playbook.steps[run.step].wait_for in types


def _answers(event: Event, run: Run) -> bool:
    """A reply of the hurt person, or one to a message of this very run."""
    person = event.data.get("person_id")
    return run.person is None or person is None or person == run.person


def _look_again(ledger: Ledger, run: Run, event: Event) -> None:
    """Once for each reminder: an account that is told anew hears the old ones again."""
    run = ledger.runs[run.account][run.id]
    if event.arrived < ledger.now or any(_answers_to(t, event) for t in ledger.touches_of_run(run)):
        return
    touch = look_again(run, ledger.playbook(run), footing(ledger, run))
    if touch is not None:
        lay(ledger, run, touch)


def _answers_to(touch: Touch, event: Event) -> bool:
    laid_for_it = touch.created_at is not None and touch.created_at >= event.arrived
    return touch.status is Status.ON_DESK or (touch.because == "look_again" and laid_for_it)


def _judge_anew(ledger: Ledger, run: Run, playbook: Playbook) -> None:
    """Stop conditions and ``still_open``, as of now."""
    scope = run_scope(ledger, run, playbook)
    if any(condition.test(scope) is True for condition in playbook.stop_conditions):
        stop_written(ledger, run, "stop_when")
        return
    resolved = still_open(playbook, scope) is False
    if resolved and playbook.if_resolved is None:
        end_run(ledger, run, "no_longer_true")
    elif resolved != run.resolved:
        changed = replace(run, resolved=resolved)
        ledger.put_run(changed)
        change_words(ledger, changed)


def _drop_dead_drafts(ledger: Ledger, run: Run, playbook: Playbook) -> None:
    """A draft "we could not reach you" dies when they were reached."""
    for touch in ledger.touches_of_run(run):
        if touch.status is not Status.DRAFT:
            continue
        scope = run_scope(ledger, run, playbook)
        if step_allows(playbook.steps[touch.step], scope) is False:
            withhold(ledger, touch, drop("step_if", "The step's own condition is no longer true."))

"""Walking runs: laying their touches, putting calls on the desk, ending them with all they hold."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from outreach.domain.alert import manager_of
from outreach.domain.facts import Channel, Purpose
from outreach.domain.failure import Failure
from outreach.domain.history import Need
from outreach.domain.hold import Hold, closing, common, reopening
from outreach.domain.plan import TAKEN_BACK, Run
from outreach.domain.playbook import Playbook, Step
from outreach.domain.policy import PLACING, Action, Ruling, drop, rule
from outreach.domain.recipient import resolve
from outreach.domain.steps import (
    Footing,
    Recipient,
    again_from_start,
    end,
    resolved_text,
    settled,
    take_back,
    take_back_written,
    walk,
)
from outreach.domain.steps import resume as resumed
from outreach.domain.touch import UNSENT, Status, Touch, advance
from outreach.domain.wallclock import parse_instant
from outreach.service import promised_hours
from outreach.service.blast import within_radius
from outreach.service.ledger import Ledger
from outreach.service.rulings import placing_case, run_scope, step_allows, still_open


def start(ledger: Ledger, run: Run) -> None:
    """A run begins: its hold is put on, its first touches are laid."""
    run = _in_round(run, ledger.accounts[run.account].failures.get(run.failure or ""))
    run = within_radius(ledger, run)
    ledger.put_run(run)
    if run.holdout:
        return
    ledger.keep_version(ledger.playbook(run))
    _put_hold_on(ledger, run)
    progress(ledger, run.id, run.account)


def _in_round(run: Run, failure: Failure | None) -> Run:
    if failure is None or failure.round == 1 or not bound_to(run):
        return run
    return replace(run, round=failure.round, severity=failure.severity)


def resume(ledger: Ledger, run: Run) -> None:
    """Justified again: the same run goes on, its hold is back on, and what left is never repeated, but
    for a new round."""
    failure = ledger.accounts[run.account].failures.get(run.failure or "")
    if failure is not None and failure.round != run.round and bound_to(run):
        next_round(ledger, run, failure)
        return
    for touch in ledger.unit.touches_of_run(run.id):
        if touch.id not in ledger.touches[run.account]:
            ledger.adopt(touch)
    before = [t for t in ledger.touches_of_run(run) if t.round == run.round]
    left = [t for t in before if t.has_left]
    ledger.put_run(resumed(run, ledger.playbook(run), left, footing(ledger, run)))
    _put_hold_on(ledger, run)
    progress(ledger, run.id, run.account)
    promised_hours.keep(ledger, run, before)


def progress(ledger: Ledger, run_id: str, account: str) -> None:
    """Walk the run as far as it goes now; what is laid and refused settles at once, so walk again."""
    while True:
        run = ledger.runs[account][run_id]
        walked = walk(run, ledger.playbook(run), footing(ledger, run))
        if walked.run is not run and walked.run != run:
            ledger.put_run(walked.run)
        if not walked.run.is_open and run.is_open:
            _let_go(ledger, walked.run, walked.run.end_reason)
        elif walked.run.resolved != run.resolved:
            change_words(ledger, walked.run)
        for touch in walked.laid:
            lay(ledger, walked.run, touch)
        moved = ledger.runs[account][run_id]
        if not walked.laid or not moved.is_open or moved.step_due is None or moved.step_due > ledger.now:
            return


def lay(ledger: Ledger, run: Run, touch: Touch) -> None:
    touch = readdressed(ledger, touch)
    ledger.put_touch(touch)
    asked_for = touch.purpose is Purpose.CALLBACK
    if (
        touch.status is Status.PLANNED
        and not touch.channel.written
        and (touch.due <= ledger.now or asked_for)
    ):
        place(ledger, run, touch)


def readdressed(ledger: Ledger, touch: Touch) -> Touch:
    """As the person can be reached now: caps and suppressions go by where it really goes."""
    person = ledger.person(touch.person)
    endpoint = person.endpoint(touch.channel) if person else None
    hash_ = ledger.outside.endpoint_hash(endpoint.kind, endpoint.value) if endpoint else None
    return touch if hash_ == touch.endpoint else replace(touch, endpoint=hash_)


def place(ledger: Ledger, run: Run, touch: Touch) -> Ruling:
    """A call or task whose time has come goes to the desk, unless the policy says otherwise. Hours do
    not matter here: they rule the dial."""
    ruling = rule(placing_case(ledger, run, touch), PLACING)
    if ruling.action is Action.SEND:
        touch = _as_known_now(ledger, touch)
        due = touch if touch.status is Status.DUE else advance(touch, Status.DUE, ledger.now)
        card = ledger.card_for(touch)
        if card.is_snoozed(ledger.now) and touch.attempt == 1:
            ledger.wake(card)
        ledger.put_touch(advance(due, Status.ON_DESK, ledger.now, card=card.id))
    elif ruling.action is Action.WAIT:
        ledger.put_touch(_planned(touch, ruling, ledger.now))
    else:
        withhold(ledger, touch, ruling)
    return ruling


def _as_known_now(ledger: Ledger, touch: Touch) -> Touch:
    """Since it was laid, the person may have been confirmed to be somebody we know already."""
    person = ledger.person(touch.person)
    return touch if person is None else replace(touch, identity=person.identity)


def _planned(touch: Touch, ruling: Ruling, now: datetime) -> Touch:
    """Waits until T, saying why."""
    assert ruling.until is not None
    why = ruling.reason
    if touch.status is Status.PLANNED:
        return replace(touch, due=ruling.until, because=why.code, sentence=why.sentence)
    return advance(touch, Status.PLANNED, now, due=ruling.until, because=why.code, sentence=why.sentence)


def withhold(ledger: Ledger, touch: Touch, ruling: Ruling) -> None:
    """Kept as a record with its reason; the run goes on as if the step had settled."""
    to = Status.EXPIRED if ruling.reason.code == "expired" else Status.WITHHELD
    why = {"because": ruling.reason.code, "sentence": ruling.reason.sentence}
    ledger.put_touch(advance(touch, to, ledger.now, **why))
    settle_step(ledger, touch)


def postpone(ledger: Ledger, touch: Touch, ruling: Ruling) -> None:
    ledger.put_touch(_planned(touch, ruling, ledger.now))


def settle_step(ledger: Ledger, touch: Touch) -> None:
    """A touch has ended: the cursor moves on if it waited for it."""
    run = ledger.runs[touch.account].get(touch.run)
    if run is None:
        return
    moved = settled(run, touch, ledger.now)
    if moved is not run:
        ledger.put_run(moved)


def footing(ledger: Ledger, run: Run) -> Footing:
    playbook = ledger.playbook(run)
    state = ledger.accounts[run.account]

    def recipient(step_whom: tuple[str, ...]) -> Recipient:
        channel = playbook.steps[run.step].channel if run.step < len(playbook.steps) else None
        return resolve(
            step_whom,
            channel or Channel.CALL,
            run.account,
            ledger.person(run.person),
            ledger.people_of(run.account),
            state.described.get("owner") or state.spoken_by,
        )

    def allows(step: Step) -> bool | None:
        return True if step.condition is None else step_allows(step, run_scope(ledger, run, playbook))

    def seen_since(type_: str, since: datetime) -> bool:
        history = ledger.history(run.account, [Need(type_, None)])
        return history.count(type_, since, ledger.as_of(run.account)) > 0

    return Footing(
        now=ledger.now,
        calendar=ledger.rules.company.calendar_of(state.described.get("team")),
        new_id=ledger.outside.ids.new,
        recipient=recipient,
        allows=allows,
        still_open=lambda: still_open(playbook, run_scope(ledger, run, playbook)),
        wanted_at=_wanted_at(ledger, run),
        seen_since=seen_since,
        busy=lambda: any(touch.is_open for touch in ledger.touches_of_run(run)),
        manager=manager_of(ledger.rules.company, state.described.get("owner"), state.described.get("team")),
    )


def _wanted_at(ledger: Ledger, run: Run) -> datetime | None:
    trigger = ledger.trigger(run) if run.purpose is Purpose.CALLBACK else None
    return parse_instant(trigger.data.get("wanted_at")) if trigger else None


# -- holds ---------------------------------------------------------------------------------------


def _hold(ledger: Ledger, run: Run, playbook: Playbook) -> Hold:
    rule_ = playbook.hold
    assert rule_ is not None
    state = ledger.accounts[run.account]
    calendar = ledger.rules.company.calendar_of(state.described.get("team"))
    hurt = run.person or (ledger.people_of(run.account)[0].id if ledger.people_of(run.account) else None)
    return Hold(
        id=ledger.outside.ids.new(),
        run=run.id,
        account=run.account,
        scope=rule_.scope.value,
        purposes=rule_.purposes,
        because=run.playbook,
        since=ledger.now,
        at_most_until=calendar.add(ledger.now, rule_.at_most),
        person=hurt,
        group=common(rule_.scope.value, run.account, state.described),
    )


def _put_hold_on(ledger: Ledger, run: Run) -> None:
    """Its longest time counts from the run's start, even when it was off in between."""
    playbook, hold = ledger.playbook(run), hold_of(ledger, run)
    if hold is not None:
        ledger.put_hold(replace(hold, until=None, ended_at=None, end_reason=""))
    elif playbook.hold and not run.shadow:
        ledger.put_hold(_hold(ledger, run, playbook))


def hold_of(ledger: Ledger, run: Run) -> Hold | None:
    return next((hold for hold in ledger.holds[run.account].values() if hold.run == run.id), None)


def start_cool_off(ledger: Ledger, run: Run) -> None:
    hold, rule_ = hold_of(ledger, run), ledger.playbook(run).hold
    if hold is None or rule_ is None or hold.until is not None or hold.ended_at is not None:
        return
    team = ledger.accounts[run.account].described.get("team")
    until = ledger.rules.company.calendar_of(team).add(ledger.now, rule_.after_close)
    ledger.put_hold(closing(hold, until))


def _release_hold(ledger: Ledger, run: Run, reason: str) -> None:
    hold = hold_of(ledger, run)
    if hold is not None and hold.ended_at is None:
        ledger.put_hold(replace(hold, ended_at=ledger.now, end_reason=reason))


# -- ending --------------------------------------------------------------------------------------


def end_run(ledger: Ledger, run: Run, reason: str) -> None:
    """End an open run: unsent touches are cancelled, calls withdrawn, the hold cools off. A run that has
    ended already and is withdrawn now only frees its key."""
    if not run.is_open:
        if reason in TAKEN_BACK:
            ledger.put_run(replace(run, end_reason=reason))
        return
    ledger.put_run(end(run, reason, ledger.now))
    _let_go(ledger, run, reason)


def _let_go(ledger: Ledger, run: Run, reason: str) -> None:
    open_touches = [touch for touch in ledger.touches_of_run(run) if touch.is_open]
    if reason in TAKEN_BACK:
        # A call that a human has opened has left: its line stays and says what changed.
        kept = [t for t in open_touches if t.status is Status.ON_DESK and t.opened]
        for touch in kept:
            ledger.put_touch(replace(touch, text="The reason for this call was taken back."))
        open_touches = [touch for touch in open_touches if touch not in kept]
    for _, new in take_back(open_touches, reason, ledger.now):
        ledger.put_touch(new)
    failure = ledger.accounts[run.account].failures.get(run.failure or "")
    if reason in TAKEN_BACK and (failure is None or not failure.is_open):
        _release_hold(ledger, run, reason)
    elif failure is None or not failure.is_open or reason in ("superseded", "restarted", "disabled"):
        start_cool_off(ledger, run)


def stop_written(ledger: Ledger, run: Run, reason: str) -> None:
    """``stop_when``: nothing more is written in this run; an open call stays on the desk."""
    for _, new in take_back_written(ledger.touches_of_run(run), reason, ledger.now):
        ledger.put_touch(new)
    last = len(ledger.playbook(run).steps)
    stopped = replace(run, step=last, step_due=None, wake_at=None, replied=run.replied or reason == "reply")
    if run.failure is None and not any(t.is_open for t in ledger.touches_of_run(run)):
        ledger.put_run(stopped)
        end_run(ledger, stopped, reason)
    else:
        ledger.put_run(stopped)


# -- another round, other words ------------------------------------------------------------------


def bound_to(run: Run) -> bool:
    return run.purpose in (Purpose.SERVICE_RECOVERY, Purpose.CALLBACK)


def next_round(ledger: Ledger, run: Run, failure: Failure) -> None:
    for _, new in take_back(ledger.touches_of_run(run), "reopened", ledger.now):
        ledger.put_touch(new)
    again = again_from_start(run, failure.round, ledger.now)
    ledger.put_run(replace(again, severity=failure.severity))
    hold, rule_ = hold_of(ledger, run), ledger.playbook(run).hold
    if hold is not None and rule_ is not None:
        calendar = ledger.rules.company.calendar_of(ledger.accounts[run.account].described.get("team"))
        ledger.put_hold(reopening(hold, ledger.now, calendar.add(ledger.now, rule_.at_most)))
    progress(ledger, run.id, run.account)


def change_words(ledger: Ledger, run: Run) -> None:
    """``still_open`` has turned: what has not left takes the branch's text, or is skipped without one."""
    playbook = ledger.playbook(run)
    for touch in ledger.touches_of_run(run):
        if touch.status not in UNSENT and touch.status is not Status.ON_DESK:
            continue
        step = playbook.steps[touch.step]
        if run.resolved and touch.channel is not Channel.TASK and resolved_text(playbook, step) is None:
            _skip(ledger, touch)
        else:
            ledger.put_touch(_reworded(touch, run.resolved, ledger.now))


def _skip(ledger: Ledger, touch: Touch) -> None:
    if touch.status is Status.ON_DESK:
        for _, new in take_back([touch], "no_longer_true", ledger.now):
            ledger.put_touch(new)
        settle_step(ledger, touch)
    else:
        withhold(ledger, touch, drop("no_longer_true", "What it was about is no longer so."))


def _reworded(touch: Touch, resolved: bool, now: datetime) -> Touch:
    """A draft is written anew, and read anew."""
    if touch.status is Status.DRAFT:
        return advance(touch, Status.DUE, now, draft=None, resolved=resolved, due=now)
    return replace(touch, draft=None, resolved=resolved)

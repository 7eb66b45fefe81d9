"""Laying touches: which runs the triggers of an account justify, and how a run walks its steps."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from hashlib import sha256

from outreach.domain.evaluate import Match
from outreach.domain.facts import Purpose, Severity, Trace
from outreach.domain.playbook import IfRunning, Playbook

ASKS_FOR_A_CALL = frozenset({"callback.asked", "callback.missed", "callback.promised"})
"""Triggers by which the customer has our word that we ring."""
Slot = tuple[str, str, bool]
"""Playbook, key, and whether in shadow."""


class RunState(StrEnum):
    OPEN = "open"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class Run:
    """One playbook under way for one account and key, pinned to the playbook's version."""

    id: str
    playbook: str
    version: str
    account: str
    key: str
    trigger: str
    """``source|id`` of the event that started it."""
    trigger_type: str
    trigger_time: datetime
    started_at: datetime
    """When the trigger arrived; due times count from here."""
    purpose: Purpose
    severity: Severity
    priority: int = 0
    failure: str | None = None
    person: str | None = None
    """The hurt person, where the trigger named one."""
    state: RunState = RunState.OPEN
    end_reason: str = ""
    ended_at: datetime | None = None
    again_at: datetime | None = None
    """When it last began again: what had ended it is no longer so, or its failure is open again."""
    step: int = 0
    """The cursor."""
    step_due: datetime | None = None
    """When the step at the cursor becomes due; None while it waits for the touch of that step."""
    step_started: datetime | None = None
    """For a wait step: since when it waits."""
    wake_at: datetime | None = None
    """The run's own row to wait by; None when only a touch or nothing moves it."""
    round: int = 1
    reached: bool = False
    attempts: int = 0
    replied: bool = False
    resolved: bool = False
    """``still_open`` has turned false: the remaining steps take the branch's texts."""
    shadow: bool = False
    holdout: bool = False
    blast: int | None = None
    """It was beyond the blast radius when it started: with which question it waits for a second person."""
    success_by: datetime | None = None
    success_at: datetime | None = None

    @property
    def is_open(self) -> bool:
        return self.state is RunState.OPEN

    @property
    def taken_back(self) -> bool:
        """It was never justified, as we know now: its key is free, and it counts for nothing."""
        return self.end_reason in TAKEN_BACK

    @property
    def began_at(self) -> datetime:
        """For the last time."""
        return self.again_at or self.started_at

    @property
    def is_promised(self) -> bool:
        """They have our word that we ring."""
        return self.trigger_type in ASKS_FOR_A_CALL and not self.shadow

    @property
    def slot(self) -> Slot:
        """What is its alone: of one key there may be one run that contacts somebody, and one in shadow."""
        return self.playbook, self.key, self.shadow


TAKEN_BACK = frozenset({"withdrawn", "void"})
"""Ends that say so: the trigger no longer justifies it, or the failure never was."""


class Stopped(StrEnum):
    """Why a matching trigger started no run."""

    ONCE_PER = "once_per"
    IF_RUNNING = "if_running"
    COOLDOWN = "cooldown"
    TOO_LATE = "too_late"
    HOLDOUT = "holdout"
    SUPERSEDED = "superseded"
    NOT_LIVE = "not_live"
    PAUSED = "paused"
    """It is judged again once the playbook goes on."""
    CLOSED = "closed"
    """While the playbook was paused, what it is about was closed."""
    CANNOT_TELL = "cannot_tell"


@dataclass(frozen=True, slots=True)
class Decision:
    """What came of one trigger and one playbook. Kept for every match and every cannot-tell;
    plain "no" is explained on demand by judging again."""

    event: str
    """``source|id``"""
    account: str
    playbook: str
    version: str
    at: datetime
    outcome: str
    """``started`` or a ``Stopped`` value."""
    run: str | None = None
    trace: Trace | None = None


def decided(match: Match, outcome: str, now: datetime, run: Run | None = None) -> Decision:
    trigger, playbook = match.trigger, match.playbook
    made = run.id if run else None
    return Decision(
        trigger.ref, trigger.subject, playbook.name, playbook.version, now, str(outcome), made, match.trace
    )


# -- which runs are justified ---------------------------------------------------------------------


STATES = ("shadow", "percent", "live", "paused", "disabled")
SILENT = ("paused", "disabled")
"""Of these: nothing starts and nothing leaves."""


@dataclass(frozen=True, slots=True)
class Publish:
    """A playbook's publish state, a database row with actor and reason."""

    state: str = "live"
    """One of ``STATES``."""
    percent: int = 100
    before: Publish | None = None
    """Of a pause: what it was before, where that is known."""

    @property
    def is_silent(self) -> bool:
        return self.state in SILENT

    @property
    def words(self) -> str:
        """As it stands in a sentence: it is …"""
        if self.state == "percent":
            return f"live for {self.percent} % of accounts"
        return "in shadow" if self.state == "shadow" else self.state


LIVE = Publish()


@dataclass(slots=True)
class Settled:
    """What the triggers of one account come to."""

    decisions: list[Decision]
    started: list[Run]
    resumed: list[Run]
    """Were taken back or displaced and are justified again, or have another trigger now."""
    ended: list[tuple[Run, str]]
    """Runs that end, each with its reason: withdrawn, restarted, superseded. One that had ended already
    and is withdrawn now frees its key."""


def settle_matches(
    matches: Sequence[Match],
    before: Iterable[Run],
    judged_again: Mapping[Slot, Run],
    publish: Mapping[str, Publish],
    playbook_of: Callable[[Run], Playbook],
    new_id: Callable[[], str],
    now: datetime,
    came_in: Callable[[Match], Publish] | None = None,
) -> Settled:
    """Which runs those matches justify, told in event order.

    ``before``: the account's runs whose triggers are not judged now. ``judged_again``: runs by their slot
    whose triggers are among the ones judged now; those not justified any more are withdrawn. Keys of runs
    that were taken back are free, and one that only a run in shadow has taken is free for one that contacts
    somebody. The order of the tests is the language's: once_per, if_running, cooldown.

    ``came_in``: of matches that may have been judged before, how their playbook was published when they came;
    without it, all are news, and are judged as it is published now.
    """
    freed = {run.slot: run for run in before if run.taken_back}
    standing = [run for run in before if not run.taken_back]
    told = _Telling(standing, {**freed, **judged_again}, publish, new_id, now, came_in)
    for match in matches:
        told.tell(match)
    _withdraw(judged_again.values(), told)
    _supersede(told.accepted, playbook_of, told.result)
    if judged_again:
        _restore(told.accepted, playbook_of, told.result)
    return told.result


def _withdraw(judged_again: Iterable[Run], told: _Telling) -> None:
    kept = {run.id for run in told.accepted}
    for run in judged_again:
        if run.id not in kept and not run.taken_back:
            told.result.ended.append((run, "withdrawn"))


class _Telling:
    """The state of one telling of the matches: the runs accepted so far."""

    def __init__(
        self,
        before: list[Run],
        judged_again: Mapping[Slot, Run],
        publish: Mapping[str, Publish],
        new_id: Callable[[], str],
        now: datetime,
        came_in: Callable[[Match], Publish] | None,
    ) -> None:
        self.accepted = before
        self.taken = {run.slot for run in before}
        self.judged_again = judged_again
        self.publish, self.new_id, self.now = publish, new_id, now
        self.came_in = came_in or self._published
        self.result = Settled([], [], [], [])

    def tell(self, match: Match) -> None:
        stopped = self._stopped(match)
        run = None if stopped and stopped is not Stopped.HOLDOUT else self._accept(match, stopped)
        self.result.decisions.append(decided(match, stopped or "started", self.now, run))

    def _stopped(self, match: Match) -> Stopped | None:
        if not (self._stands(match) or self._is_live(match)):
            missed = self._published(match).state == "paused" and self._was_wanted(match)
            return Stopped.PAUSED if missed else Stopped.NOT_LIVE
        if match.verdict is None:
            return Stopped.CANNOT_TELL
        if self._is_too_late(match):
            return Stopped.TOO_LATE
        return Stopped.ONCE_PER if self._is_taken(match) else self._stopped_by_others(match)

    def _is_taken(self, match: Match) -> bool:
        """By a run that contacts somebody for all; by one in shadow only for what is in shadow as well."""
        by_live, by_shadow = _slots(match)
        if not self._in_shadow(match):
            return by_live in self.taken
        return by_shadow in self.taken or (by_live in self.taken and not self._stands(match))

    def _stands(self, match: Match) -> bool:
        """A run has started for it: neither a pause since then nor the time that passed withdraws it."""
        old = self._old(match)
        return old is not None and not old.taken_back

    def _old(self, match: Match) -> Run | None:
        """The run that is its own already."""
        return self.judged_again.get(_slots(match)[self._in_shadow(match)])

    def _published(self, match: Match) -> Publish:
        return self.publish.get(match.playbook.name, LIVE)

    def _was_wanted(self, match: Match) -> bool:
        then = self.came_in(match)
        return then.state == "paused" or _takes(then, match)

    def _is_live(self, match: Match) -> bool:
        """Now, and when it came: what nobody was to hear of then, nothing brings back."""
        now = self._published(match)
        if not self._was_wanted(match):
            return False
        if now.state == "paused" and match.trigger.type in ASKS_FOR_A_CALL:
            before = now.before or LIVE  # a pause keeps nobody waiting for a call that we have promised
            return before.state != "shadow" and _takes(before, match)
        return _takes(now, match)

    def _is_too_late(self, match: Match) -> bool:
        """Nothing starts for what was old on arrival, nor for what has become old by the time it is
        judged again."""
        trigger = match.trigger
        known = trigger.arrived if self._stands(match) else self.now
        return known - trigger.time > match.playbook.horizon.plain

    def _stopped_by_others(self, match: Match) -> Stopped | None:
        playbook, trigger = match.playbook, match.trigger
        others = [run for run in self.accepted if run.playbook == playbook.name and self._counts(run, match)]
        if playbook.if_running is IfRunning.IGNORE and any(
            busy(r, trigger.arrived, playbook) for r in others
        ):
            return Stopped.IF_RUNNING
        if playbook.cooldown and others:
            last = max(run.trigger_time for run in others)
            if trigger.time - last < playbook.cooldown.plain:
                return Stopped.COOLDOWN
        return Stopped.HOLDOUT if _held_out(playbook, trigger.subject) else None

    def _counts(self, run: Run, match: Match) -> bool:
        """What contacts nobody stops nothing that would."""
        return not run.holdout and (not run.shadow or self._in_shadow(match))

    def _in_shadow(self, match: Match) -> bool:
        """As the playbook is published now, but for what has been judged before: what the shadow has judged stays
        the shadow's, and a run that contacts somebody stays one."""
        by_live, by_shadow = _slots(match)
        live, shadow = self.judged_again.get(by_live), self.judged_again.get(by_shadow)
        if match.is_by_hand or (_began_with(live, match) and not _began_with(shadow, match)):
            return False
        if live and not shadow and by_shadow not in self.taken:
            return False
        return "shadow" in (self._published(match).state, self.came_in(match).state)

    def _accept(self, match: Match, stopped: Stopped | None) -> Run:
        playbook, old = match.playbook, self._old(match)
        if old is None:
            run = self._new_run(match, holdout=stopped is Stopped.HOLDOUT)
            self.result.started.append(run)
        elif (old.taken_back or _closed_with_another(old, match)) and not old.holdout:
            run = _pointed_at(back_open(old), match)
            self.result.resumed.append(run)
        else:
            run = _pointed_at(old, match)
            if run != old:
                self.result.resumed.append(run)
        if playbook.if_running is IfRunning.RESTART:
            self._restart(playbook, match, run)
        self.taken.add(run.slot)
        self.accepted.append(run)
        return run

    def _restart(self, playbook: Playbook, match: Match, anew: Run) -> None:
        """What is about one failure begins anew for that failure only, wherever its run stands; else for the account."""
        for run in self.accepted:
            if run.playbook != playbook.name or run.failure != match.failure or not _may_displace(anew, run):
                continue
            if run.is_open if match.failure else busy(run, match.trigger.arrived, playbook):
                self.result.ended.append((run, "restarted"))

    def _new_run(self, match: Match, *, holdout: bool) -> Run:
        playbook, trigger = match.playbook, match.trigger
        within = playbook.success.within if playbook.success else None
        return Run(
            id=self.new_id(),
            playbook=playbook.name,
            version=playbook.version,
            account=trigger.subject,
            key=match.key,
            trigger=trigger.ref,
            trigger_type=trigger.type,
            trigger_time=trigger.time,
            started_at=self.now,
            purpose=playbook.purpose,
            severity=playbook.severity,
            priority=playbook.priority,
            failure=match.failure,
            person=trigger.data.get("person_id"),
            step_due=self.now,
            shadow=self._in_shadow(match),
            holdout=holdout,
            state=RunState.ENDED if holdout else RunState.OPEN,
            end_reason="holdout" if holdout else "",
            ended_at=self.now if holdout else None,
            success_by=self.now + within.plain if within else None,
        )


def _slots(match: Match) -> tuple[Slot, Slot]:
    """Of its run that contacts somebody, and of the one in shadow."""
    return (match.playbook.name, match.key, False), (match.playbook.name, match.key, True)


def _closed_with_another(run: Run, match: Match) -> bool:
    """It ended with a failure that it is not about any more."""
    return run.failure != match.failure and run.end_reason in ("put_right", "let_be")


def _pointed_at(run: Run, match: Match) -> Run:
    """The run's trigger is now this one (an earlier event of the same key came late)."""
    trigger = match.trigger
    person = trigger.data.get("person_id") or run.person
    return replace(
        run,
        failure=match.failure,
        trigger=trigger.ref,
        trigger_type=trigger.type,
        trigger_time=trigger.time,
        person=person,
    )


def busy(run: Run, at: datetime, playbook: Playbook) -> bool:
    """Open when that trigger arrived. A run that only waits in its last step is not. What started at
    that very instant is, whatever has become of it: a batch is told as if its events came one by one."""
    if run.started_at >= at:
        return True
    if run.ended_at is not None and run.ended_at <= at:
        return False
    last = len(playbook.steps) - 1
    if run.step > last:
        return False
    waits_last = run.step == last and playbook.steps[last].channel is None
    return not (waits_last and run.step_started is not None and run.step_started <= at)


def _share(*parts: str) -> float:
    """A stable number in [0, 100) from those texts."""
    digest = sha256("\0".join(parts).encode()).digest()
    return int.from_bytes(digest[:6], "big") / float(1 << 48) * 100


def _began_with(run: Run | None, match: Match) -> bool:
    return run is not None and not run.taken_back and run.trigger == match.trigger.ref


def _takes(state: Publish, match: Match) -> bool:
    """So published, it listens to what comes of this account."""
    return not state.is_silent and (state.state != "percent" or _in_percent(match, state.percent))


def _in_percent(match: Match, percent: int) -> bool:
    return percent >= 100 or place_of(match.playbook.name, match.trigger.subject) < percent


def place_of(playbook: str, account: str) -> float:
    """Where the account stands among all, in [0, 100): a playbook published for so many percent takes those below."""
    return _share("publish", playbook, account)


def _held_out(playbook: Playbook, account: str) -> bool:
    return playbook.holdout > 0 and _share("holdout", playbook.name, account) < playbook.holdout


def back_open(run: Run) -> Run:
    """The run as if nothing had ended it."""
    return replace(run, state=RunState.OPEN, end_reason="", ended_at=None)


def _may_displace(one: Run, other: Run) -> bool:
    """What contacts nobody ends nothing that does: a run in shadow makes room only among its like."""
    return not one.holdout and (other.shadow or not one.shadow)


def _supersede(accepted: Iterable[Run], playbook_of: Callable[[Run], Playbook], result: Settled) -> None:
    """Open runs of a superseded playbook end, whichever came first: same failure, same wish, else same account."""
    gone = {run.id for run, _ in result.ended}
    open_runs = [run for run in accepted if run.is_open and run.id not in gone]
    if len({run.playbook for run in open_runs}) < 2:
        return
    for run in open_runs:
        supersedes = playbook_of(run).supersedes
        for other in open_runs:
            if other.playbook in supersedes and _one_matter(run, other) and _may_displace(run, other):
                result.ended.append((other, "superseded"))


def _one_matter(graver: Run, run: Run) -> bool:
    """The same failure, or none on either side. A wish to be called is the same by its key, whatever failure it came
    of or has become; and one wish never takes another's place."""
    if run.purpose is Purpose.CALLBACK:
        return run.key == graver.key or (run.failure is not None and run.failure == graver.failure)
    return run.failure == graver.failure


def _restore(accepted: Sequence[Run], playbook_of: Callable[[Run], Playbook], result: Settled) -> None:
    """What was superseded or restarted by a run that has been taken back since goes on."""
    for run in accepted:
        if run.end_reason in DISPLACED and displaced_by(run, accepted, playbook_of) is None:
            result.resumed.append(back_open(run))


DISPLACED = ("superseded", "restarted")
"""Ends of runs that had to make room for another."""


def displaced_by(run: Run, others: Iterable[Run], playbook_of: Callable[[Run], Playbook]) -> Run | None:
    """The run that this one had to make room for; None once that has been taken back."""
    displaces = _restarts if run.end_reason == "restarted" else _supersedes(playbook_of)
    return next((other for other in others if other.id != run.id and displaces(other, run)), None)


def _supersedes(playbook_of: Callable[[Run], Playbook]) -> Callable[[Run, Run], bool]:
    return lambda other, run: (
        run.playbook in playbook_of(other).supersedes
        and _one_matter(other, run)
        and _may_displace(other, run)
    )


def _restarts(other: Run, run: Run) -> bool:
    later = (other.trigger_time, other.trigger) > (run.trigger_time, run.trigger)
    same = other.playbook == run.playbook and other.failure == run.failure
    return same and later and _may_displace(other, run)

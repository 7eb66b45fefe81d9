"""Playing one part of a history: looked through first, and only what something may come of goes through the services."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from outreach.domain.account import AccountState
from outreach.domain.evaluate import Ruleset
from outreach.domain.touch import Settlement
from outreach.domain.vocabulary import Vocabulary
from outreach.lab.backtest_parts import Part
from outreach.lab.backtest_played import Played, Touched
from outreach.lab.backtest_screen import Arrivals, Screen, let_down, settle_in
from outreach.lab.player import Checked, Player
from outreach.lab.scratch import Scratch, scratch_house, with_nobody_asked
from outreach.lab.stored import arrivals_of, reading
from outreach.service.front import check
from outreach.store.codec import instant, micros
from outreach.store.unit import StoreUnit

Done = Callable[[int], None]
"""Told how many events more are done."""
Publish = Mapping[str, tuple[str, int]]
"""Playbook → state and percent."""


@dataclass(frozen=True, slots=True)
class Task:
    """What a worker is told. ``screened`` False: everything is played, whatever may come of it."""

    part: Part
    since: datetime
    until: datetime
    screened: bool = True


class _Lively(NamedTuple):
    """Those who belong together, and when something may first come of their history."""

    arrivals: Arrivals
    first: datetime

    @property
    def all(self) -> list[Checked]:
        return [each for coming in self.arrivals.values() for each in coming]

    @property
    def rest(self) -> list[Checked]:
        return [each for each in self.all if each.at >= self.first]


def play_part(rules: Ruleset, url: str, task: Task, done: Done) -> Played:
    """``url``: of the store that holds the history, which is only read."""
    with reading(url) as store, store.view() as unit:
        histories = [_arrivals(unit, group, task.until, rules.vocabulary) for group in task.part.groups]
        publish = unit.publish_states()
    outcome = Played(task.since, task.until)
    starts = [coming[0].at for history in histories for coming in history.values()]
    if starts:
        with scratch_house(with_nobody_asked(rules), min(starts), alone=True) as house:
            _set_out(house, publish)
            lively = list(_look_through(house, histories, task, outcome, done))
            _play_on(house, lively, outcome, done)
    done(task.part.events - outcome.events)
    return outcome


# -- reading -----------------------------------------------------------------------------------------


def _arrivals(
    unit: StoreUnit, subjects: tuple[str, ...], until: datetime, vocabulary: Vocabulary
) -> Arrivals:
    """Checked anew: the vocabulary may have moved on since it was stored. A subject of which nothing arrives by then is
    left out."""
    found = {subject: arrivals_of(unit, (subject,), until) for subject in subjects}
    return {
        subject: [Checked(at, check(raw, vocabulary, at, internal=True)) for at, raw in coming]
        for subject, coming in found.items()
        if coming
    }


def _at(arrival: Checked) -> datetime:
    return arrival.at


# -- playing -----------------------------------------------------------------------------------------


def _set_out(house: Scratch, publish: Publish) -> None:
    """What contacts nobody now would not have contacted anybody, and what is for some is for the same ones. What is in
    the shadow is played as if it were live: that is what one wants to know of it."""
    with house.database.unit() as unit:
        for name, (state, percent) in publish.items():
            if state != "shadow":
                unit.set_publish_state(name, state, percent, "backtest", "as it is now", house.now)


def _look_through(
    house: Scratch, histories: list[Arrivals], task: Task, outcome: Played, done: Done
) -> Iterator[_Lively]:
    """Counts the quiet ones, and gives the others."""
    with house.database.view() as unit:
        screen = Screen(unit, house.outside)
        for arrivals in filter(None, histories):
            first, states = _first(screen, arrivals, task)
            if first is not None:
                yield _Lively(arrivals, first)
                continue
            outcome.failures |= let_down(states, task.since)
            outcome.events += (quiet := sum(map(len, arrivals.values())))
            done(quiet)


def _first(screen: Screen, arrivals: Arrivals, task: Task) -> tuple[datetime | None, list[AccountState]]:
    if task.screened:
        return screen.first_match(arrivals, task.until)
    return min(coming[0].at for coming in arrivals.values()), []


def _play_on(house: Scratch, lively: list[_Lively], outcome: Played, done: Done) -> None:
    """From where something may come of it; what was before is settled in as it has been told."""
    with house.database.unit() as unit:
        screen = Screen(unit, house.outside)
        for arrivals, first in lively:
            settle_in(unit, house.outside, arrivals, screen.before(arrivals, first), first)
    rest = sorted((each for one in lively for each in one.rest), key=_at)
    done(before := sum(len(one.all) for one in lively) - len(rest))
    player = Player(house, _more(done))
    player.play(rest, outcome.until)
    outcome.events += before + player.events
    with house.database.view() as unit:
        _read(unit, outcome)


def _more(done: Callable[[int], None]) -> Callable[[datetime, int], None]:
    """From how many events a player has played to how many more."""
    before = 0

    def told(_: datetime, so_far: int) -> None:
        nonlocal before
        done(so_far - before)
        before = so_far

    return told


# -- what came of it -----------------------------------------------------------------------------------


_SOON = timedelta(days=1) // timedelta(microseconds=1)
_TOUCHES = (
    "select t.account, r.playbook, r.key, t.step, t.attempt, t.round, t.channel,"
    " coalesce(t.caller, a.owner, ''), t.due, t.status, t.because, t.settlement, t.ended_at"
    " from touch t join run r on r.id = t.run join account a on a.id = t.account"
    " where not r.shadow and t.due >= ? and t.due <= ?"
)


def _read(unit: StoreUnit, outcome: Played) -> None:
    first, last = micros(outcome.since), micros(outcome.until)
    for *names, due, status, because, settlement, ended in unit.bulk.rows(_TOUCHES, first, last):
        moot = settlement == Settlement.WITHDRAWN and ended - due <= _SOON
        outcome.touches.append(Touched._make((*names, instant(due), status, because, moot)))
    outcome.runs.update(dict(map(tuple, unit.bulk.rows(
        "select playbook, count(*) from run where started_at >= ? group by playbook", first))))  # fmt: skip
    outcome.holds.update(dict(map(tuple, unit.bulk.rows(
        "select because, count(*) from hold where since >= ? group by because", first))))  # fmt: skip
    outcome.decisions.update(dict(map(tuple, unit.bulk.rows(
        'select outcome, count(*) from decision where "at" >= ? group by outcome', first))))  # fmt: skip
    outcome.failures |= dict(map(tuple, unit.bulk.rows(
        "select account, count(*) from failure where state <> 'void' and opened_at >= ? group by account", first)))  # fmt: skip

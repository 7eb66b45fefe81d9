"""What would happen next to one account, and what if: on a scratch house in which nothing can be sent.

From now on it begins with the account as it stands: its rows, and those of everybody who has to be judged together with
it, are taken over. A moment in the past is played up to from the stored history. Then time goes on and nobody answers.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any

from outreach.domain.errors import Refused
from outreach.domain.evaluate import Ruleset
from outreach.lab.backtest_parts import those_with
from outreach.lab.player import Player
from outreach.lab.scratch import Scratch, SequentialIds, scratch_house, with_nobody_asked
from outreach.lab.simulate_watch import Watch
from outreach.lab.stored import arrivals_of
from outreach.lab.taking_over import published, take_over
from outreach.lab.what_if import WhatIf
from outreach.service.named import unknown_account
from outreach.service.why import why
from outreach.service.why_told import Point, told_at
from outreach.store.engine import Store

MOST = 2_000
"""Instants at which something happens; more only ask the same again."""
LATER = "~"
"""Ids made here sort behind those of the rows that were taken over."""
STANDS, PLAYED = "as_it_stands", "played_again"
_WAYS = {STANDS: "as it stands", PLAYED: "played again from its history"}


@dataclass(slots=True)
class Simulated:
    """What came of it. ``way``: ``as_it_stands`` or ``played_again``."""

    account: str
    name: str
    zone: str
    at: datetime
    until: datetime
    way: str
    under_way: tuple[Point, ...] = ()
    """Open runs at the beginning."""
    timeline: tuple[Point, ...] = ()
    left: tuple[Point, ...] = ()
    """Open runs at the end."""
    notes: list[str] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        lists = {"under_way": self.under_way, "timeline": self.timeline, "left": self.left}
        return {
            "account": self.account, "at": self.at.isoformat(), "until": self.until.isoformat(), "way": self.way,
            **{name: [point.as_json() for point in points] for name, points in lists.items()},
            "notes": self.notes,
        }  # fmt: skip

    def lines(self, *, everything: bool = False) -> Iterator[str]:
        """For a terminal. ``everything``: with what each point consists of."""
        until = told_at(self.until, self.zone)
        yield f"{self.account}, {told_at(self.at, self.zone)} to {until}, {_WAYS[self.way]}; nobody answers."
        yield from _listed("Under way:", self.under_way, everything)
        yield "What would happen:" if self.timeline else "Nothing would happen."
        for at, points in groupby(self.timeline, key=lambda point: point.at):
            when = told_at(at, self.zone) if at else ""
            for number, line in enumerate(each for point in points for each in _told(point, everything)):
                yield f"{when if number == 0 else '':17}  {line}"
        yield from _listed("Open at the end:", self.left, everything)
        yield from self.notes


def _listed(title: str, points: Sequence[Point], everything: bool) -> Iterator[str]:
    if points:
        yield title
        for point in points:
            yield from (f"    {line}" for line in _told(point, everything))


def _told(point: Point, everything: bool) -> Iterator[str]:
    """Of a condition only its verdict, unless everything is asked for."""
    if everything:
        yield from point.lines()
        return
    yield f"{point.mark.sign} {point.words}"
    for part in point.parts:
        if part.code != "condition":
            yield from (f"  {line}" for line in part.lines())


def simulate(
    store: Store,
    rules: Ruleset,
    now: datetime,
    account: str,
    *,
    at: datetime | None = None,
    what_ifs: Sequence[WhatIf] = (),
    days: int = 30,
) -> Simulated:
    """``store`` is only read. ``at``: None for now. Raises NotFound for an account that is none, Refused for a what-if
    that the front door would refuse."""
    moment = at or now
    with _standing_at(store, rules, now, account, moment) as (house, name):
        zone = rules.company.zone
        way = STANDS if moment >= now else PLAYED
        found = Simulated(account, name, zone, moment, moment + timedelta(days=days), way)
        watch = Watch(house, account)
        found.under_way = watch.under_way()
        refs = _let_happen(house, watch, found, sorted(what_ifs, key=lambda each: each.when(moment, zone)))
        found.timeline = _with_every_no(house, account, watch.timeline(), refs)
        found.left = watch.under_way()
    if way == PLAYED:
        found.notes.append(
            "Calls that were put on the desk before then stay there: what was said of them is known, not who said it."
        )
    return found


@contextmanager
def _standing_at(
    store: Store, rules: Ruleset, now: datetime, account: str, moment: datetime
) -> Iterator[tuple[Scratch, str]]:
    """A house that stands as the real one does, or did. The real one is not kept waiting while time goes on here."""
    with store.view() as unit:
        state = unit.account(account)
        if state is None:
            raise unknown_account(unit, account)
        name, subjects = str(state.described.get("name") or account), those_with(unit, account)
        arrivals = arrivals_of(unit, subjects, moment) if moment < now else []
        rules = with_nobody_asked(rules) if moment < now else rules
    start, ids = arrivals[0].at if arrivals else min(now, moment), SequentialIds(LATER)
    with scratch_house(rules, start, ids=ids, endpoint_hash=store.endpoint_hash) as house:
        with store.view() as unit, house.database.unit() as into:
            if moment < now:
                published(unit, into)
            else:
                take_over(unit, into, subjects)
        if moment < now:
            Player(house).play(arrivals, moment)
        elif moment > now:
            house.advance_to(moment)
        if not _knows(house, account):
            raise Refused(f"Nothing was known of {account} at that moment.")
        yield house, name


def _knows(house: Scratch, account: str) -> bool:
    with house.database.view() as unit:
        return unit.account(account) is not None


def _let_happen(house: Scratch, watch: Watch, found: Simulated, what_ifs: list[WhatIf]) -> list[str]:
    """Time goes on, with the what-ifs in it. Gives their refs."""
    refs: list[str] = []
    for _ in range(MOST):
        coming = what_ifs[len(refs)].when(found.at, found.zone) if len(refs) < len(what_ifs) else None
        due = house.next_due()
        at = min((each for each in (coming, due) if each is not None), default=None)
        if at is None or at > found.until:
            break
        house.clock.set(max(at, house.now))
        if coming is not None and coming <= house.now:
            refs.append(_tell(house, found, what_ifs[len(refs)], len(refs) + 1))
        house.settle()
        watch.look()
    else:
        found.notes.append(
            f"It stopped at {told_at(house.now, found.zone)}: from there on only the same is asked again."
        )
    return refs


def _tell(house: Scratch, found: Simulated, what_if: WhatIf, number: int) -> str:
    kind = house.outside.rules().vocabulary.types[what_if.type]
    raw = what_if.event(number, found.account, found.at, found.zone, kind)
    (answer,) = house.take_in(raw)
    if answer.outcome not in ("accepted", "duplicate"):
        raise Refused(f"what-if: {what_if.type} is {answer.outcome}: {'; '.join(answer.reasons)}")
    return f"{raw['source']}|{raw['id']}"


def _with_every_no(
    house: Scratch, account: str, timeline: tuple[Point, ...], refs: Sequence[str]
) -> tuple[Point, ...]:
    """After each what-if the playbooks that listen to it and say no, which is nowhere recorded."""
    told: list[Point] = []
    for point in timeline:
        told.append(point)
        ref = dict(point.values).get("ref")
        if ref in refs:
            rows = why(house.outside, account, event=ref).rows
            told += [
                replace(row.tree, words=row.sentence.rstrip("."), at=point.at)
                for row in rows
                if row.decided_at is None
            ]
    return tuple(told)

"""Colleagues are told away from the desk what is urgent, and in the morning what the day brings.

Of each thing once: it is written down before anything leaves, and what may have left is not told again. Whoever is
away is told nothing; whoever stands in is told instead. What has to wait is not kept: when its time has come it is
asked anew whether it is still so.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import datetime, time, timedelta
from typing import NamedTuple

from outreach.domain import alert
from outreach.domain.alert import Asked, Morning, Thing
from outreach.domain.company import Company
from outreach.domain.hours import instant, local, zone_of
from outreach.domain.reachable import Quiet, Reachable
from outreach.service.capacity import share
from outreach.service.cover import covers_now
from outreach.service.ports import Outside, Unit
from outreach.service.ports_reaching import Reach
from outreach.service.ports_records import User
from outreach.service.ports_ways import Letter, Receipt
from outreach.service.staff import STEERING, name_of

STATES = {"sent": "sent", "refused": "again", "failed": "failed"}
"""What the way out says → what becomes of the alert; all else may have left."""
MOST_ASKS = 500


class Colleague(NamedTuple):
    """Somebody who is here and has said where they are reached, and what is theirs to act on."""

    user: User
    reach: Reach
    when: Reachable
    things: list[Thing]
    names: frozenset[str]
    """Theirs, and of those they stand in for."""
    can: int | None
    """Calls they can make well in a day."""


class Meant(NamedTuple):
    """What somebody is to be told now, by key."""

    colleague: Colleague
    things: dict[str, Thing]
    morning: Morning | None
    keys: set[str]


class Ready(NamedTuple):
    """A message that is written down and about to leave."""

    user: str
    keys: set[str]
    letter: Letter


def tell_urgent(outside: Outside) -> int:
    """An errand: gives how many messages left."""
    if outside.notifier is None:
        return 0
    now = outside.clock.now()
    with outside.database.view() as unit:
        meant = [_meant(unit, outside, one, now) for one in _colleagues(unit, outside, now)]
    ready = [found for one in meant if one.keys and (found := _written_down(outside, one, now))]
    receipts = outside.notifier.tell([one.letter for one in ready]) if ready else []
    for one, receipt in zip(ready, receipts, strict=True):
        _settle(outside, one, receipt)
    return sum(receipt.outcome == "sent" for receipt in receipts)


# -- who, and what is theirs -----------------------------------------------------------------------------------


def _colleagues(unit: Unit, outside: Outside, now: datetime) -> Iterator[Colleague]:
    company = outside.rules().company
    away = {**_gone(unit, company), **covers_now(unit, now)}
    found = ((unit.user(reach.user), reach) for reach in unit.reaches())
    here = [(user, reach) for user, reach in found if user and user.active and name_of(user) not in away]
    theirs = {
        name_of(user): frozenset(
            {name_of(user), *(gone for gone, cover in away.items() if cover == name_of(user))}
        )
        for user, _ in here
    }
    things = list(_things(unit, outside, frozenset().union(*theirs.values()), now)) if here else []
    for user, reach in here:
        name = name_of(user)
        mine = [thing for thing in things if thing.whose in theirs[name]]
        yield Colleague(
            user, reach, reachable(company, user, reach), mine, theirs[name], share(company, name, away)
        )


def _gone(unit: Unit, company: Company) -> dict[str, str]:
    """Who is not with us any more, and nobody said who stands in → who leads their team."""
    names = [name_of(user) for user in unit.users() if not user.active]
    return {name: alert.manager_of(company, name, None) for name in names}


def _things(unit: Unit, outside: Outside, names: Collection[str], now: datetime) -> Iterator[Thing]:
    rules = outside.rules()
    replies = {name for name, kind in rules.vocabulary.types.items() if kind.contact == "reply"}
    yield from alert.on_desk(unit.open_lines(names), rules.company, replies, now)
    yield from alert.broken(unit.given_by(names, now), now)
    yield from alert.climbed(unit.unreached_of(names), rules.company)
    yield from alert.asked(_asks(unit), rules.company)
    steering = [name_of(user) for user in unit.users() if user.role in STEERING and user.active]
    yield from alert.too_far(unit.blasts_standing(), steering)


def _asks(unit: Unit) -> list[Asked]:
    asks = unit.asks_open(MOST_ASKS)
    said = {state.id: state.described for state in unit.accounts({ask.account for ask in asks})}
    of = [(ask, said.get(ask.account, {})) for ask in asks]
    return [Asked(ask.id, at.get("owner"), at.get("team"), ask.by, ask.at, ask.card) for ask, at in of]


def reachable(company: Company, user: User, reach: Reach) -> Reachable:
    """Their team's working hours, on their own clock."""
    team = company.team_of(name_of(user))
    calendar = team.calendar if team else company.calendar
    return Reachable(calendar, _zone(user) or calendar.zone, _quiet(reach), reach.always)


def _quiet(reach: Reach) -> Quiet | None:
    """None for hours that nobody can read: one colleague's slip must not silence the others."""
    if not (reach.quiet_from and reach.quiet_until):
        return None
    try:
        return Quiet(time.fromisoformat(reach.quiet_from), time.fromisoformat(reach.quiet_until))
    except ValueError:
        return None


def _zone(user: User) -> str | None:
    """Their own, if it is one: nobody else may miss an alert for a slip in it."""
    try:
        return zone_of(user.zone).key if user.zone else None
    except ValueError:
        return None


# -- what they are to be told now ------------------------------------------------------------------------------


def _meant(unit: Unit, outside: Outside, one: Colleague, now: datetime) -> Meant:
    things = {thing.key: thing for thing in alert.urgent(one.things, one.when, now)}
    day = alert.morning_key(one.when, now)
    keys = unit.untold(one.user.id, [*things, day] if day else list(things), now)
    morning = _morning(unit, outside.rules().company, one, now) if day in keys else None
    return Meant(one, things, morning, keys)


def _morning(unit: Unit, company: Company, one: Colleague, now: datetime) -> Morning:
    zone, names = one.when.zone, one.names
    tomorrow = instant(local(now, zone).date() + timedelta(days=1), time(), zone)
    mine = [
        line for line in unit.open_lines(names) if line.whose(company) in names and not line.is_snoozed(now)
    ]
    calls = [line for line in mine if line.call and (line.deadline is None or line.deadline < tomorrow)]
    closed = one.when.calendar.last_close(now)
    given = [promise.until < now for promise in unit.given_by(names, tomorrow) if promise.whose in names]
    return Morning(
        waiting=len({line.card for line in calls}),
        can=one.can,
        overnight=len({line.card for line in mine if line.due > closed}),
        due_today=given.count(False),
        broken=given.count(True),
        asked=sum(ask.whose(company) in names for ask in _asks(unit)),
        unreached=sum(failure.whose(company) in names for failure in unit.unreached_of(names)),
    )


def _written_down(outside: Outside, one: Meant, now: datetime) -> Ready | None:
    """Before it leaves: from here on it may have. None where another clock was first, or a day brings nothing."""
    user, base = one.colleague.user.id, outside.post.public_url

    def work(unit: Unit) -> Ready | None:
        keys = unit.claim_alerts(user, one.keys, now)
        things = [thing for key, thing in one.things.items() if key in keys]
        days = keys - one.things.keys()
        morning = one.morning if days and one.morning and not one.morning.is_empty else None
        if days and morning is None:
            unit.settle_alerts(user, days, "none", "")
        if not things and morning is None:
            return None
        title, text = alert.told(things, morning, one.colleague.when.zone, now, base)
        urls = tuple(way.url for way in one.colleague.reach.ways)
        return Ready(user, keys if morning else keys - days, Letter(urls, title, text))

    found: Ready | None = outside.database.retrying(work)
    return found


def _settle(outside: Outside, one: Ready, receipt: Receipt) -> None:
    state = STATES.get(receipt.outcome, "unknown")
    outside.database.retrying(lambda unit: unit.settle_alerts(one.user, one.keys, state, receipt.reason))

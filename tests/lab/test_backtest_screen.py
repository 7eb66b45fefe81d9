"""Looking a history through first changes nothing: what is only counted would have come to nothing."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest

from outreach.domain.evaluate import Ruleset
from outreach.lab import backtest_part
from outreach.lab.backtest import backtest
from outreach.lab.backtest_played import Touched
from outreach.lab.backtest_screen import unsure_types
from outreach.lab.player import Arrival, Player
from outreach.lab.scratch import cloud_event, scratch_house
from outreach.store.schema import upgrade
from tests.lab.houses import rules, touches_of
from tests.service.world import MONDAY

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def lives(seed: int, accounts: int = 9) -> list[Arrival]:
    """Made by dice: some are let down, some say so late, some are known before they are described."""
    dice = Random(seed)
    found: list[Arrival] = []
    for n in range(accounts):
        found += life(dice, f"a{n}", f"p{dice.randrange(accounts)}", MONDAY + dice.randrange(200) * HOUR)
    return sorted(found, key=lambda arrival: arrival.at)


def life(dice: Random, account: str, person: str, start: datetime) -> Iterator[Arrival]:
    def tell(type_: str, subject: str, data: dict[str, Any], time: datetime) -> Arrival:
        lag = dice.choice([timedelta(0)] * 6 + [timedelta(seconds=3), 5 * HOUR, 2 * DAY])
        return Arrival(time + lag, cloud_event(type_, subject, data, f"{account}/{dice.random()}", time))

    described = {
        "name": account,
        "owner": dice.choice(["jonas", "miriam"]),
        "team": "berlin",
        "country": "DE",
    }
    extra = dice.choice([{}, {"kind": "business", "value": 90_000}, {"value": 100.0}])
    yield Arrival(start, cloud_event("account.described", account, described | extra, f"{account}/it", start))
    roles = [{"account": account, "roles": dice.choice([["buyer"], ["decision_maker"]])}]
    who = {
        "name": "X",
        "country": "DE",
        "email": f"{person}@example.com",
        "phone": f"+4930123450{person[1:]}",
    }
    yield tell(
        "person.described", f"person:{person}", who | {"accounts": roles}, start + dice.randrange(90) * HOUR
    )
    for k in range(dice.randrange(6)):
        at, order = start + dice.randrange(40 * 24) * HOUR, f"{account}-{k}"
        promised = (at + dice.randrange(2, 9) * DAY).isoformat()
        yield tell("order.placed", account, {"order_id": order, "amount": 50.0, "promised_for": promised}, at)
        if dice.random() < 0.8:
            arrives = at + dice.randrange(20, 12 * 24) * HOUR
            yield tell("delivery.arrived", account, {"order_id": order, "days_late": 0}, arrives)
        if dice.random() < 0.2:
            yield tell("complaint.opened", account, {"complaint_id": order, "words": "no"}, at + 3 * DAY)
        if dice.random() < 0.2:
            right = {"failure": f"delivery/{order}", "said_by": "customer", "by": "jonas"}
            yield tell("failure.put_right", account, right, at + 20 * DAY)


def stored(by: Ruleset, url: str, history: list[Arrival]) -> list[Touched]:
    """Lived through, in a house with all its ticks; gives what was laid."""
    upgrade(url)
    with scratch_house(by, MONDAY, database_url=url) as house:
        Player(house).play(history, MONDAY + 70 * DAY)
        return touches_of(house)


@pytest.mark.parametrize("seed", range(8))
def test_what_is_looked_through_comes_to_what_is_played(
    seed: int, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"sqlite:///{tmp_path}/live.db"
    lived = stored(rules(), url, lives(seed))
    monkeypatch.setattr("outreach.lab.backtest.load", lambda _: rules())
    quick, slow = (
        backtest(root, url, MONDAY + 10 * DAY, MONDAY + 70 * DAY, workers=1, screened=screened)
        for screened in (True, False)
    )
    assert quick.touches == slow.touches
    assert [touch._replace(moot=False) for touch in quick.touches] == [
        touch for touch in lived if MONDAY + 10 * DAY <= touch.at <= MONDAY + 70 * DAY
    ]
    assert (quick.runs, quick.holds, quick.decisions) == (slow.runs, slow.holds, slow.decisions)
    assert (quick.failures, quick.events) == (slow.failures, slow.events)


def test_these_dice_make_all_that_can_happen(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else the test above would prove less than it says."""
    seen = {"quiet": 0, "lively": 0, "late": 0, "before": 0}
    settle_in, let_down = backtest_part.settle_in, backtest_part.let_down

    def settled(unit: Any, outside: Any, arrivals: Any, told: Any, first: datetime) -> None:
        seen["lively"] += 1
        seen["before"] += sum(len(telling.taken) for telling in told)
        settle_in(unit, outside, arrivals, told, first)

    def quiet(states: Any, since: datetime) -> dict[str, int]:
        seen["quiet"] += 1
        return let_down(states, since)

    monkeypatch.setattr(backtest_part, "settle_in", settled)
    monkeypatch.setattr(backtest_part, "let_down", quiet)
    monkeypatch.setattr("outreach.lab.backtest.load", lambda _: rules())
    for seed in range(4):
        url = f"sqlite:///{tmp_path}/{seed}.db"
        stored(rules(), url, lives(seed))
        backtest(root, url, MONDAY, MONDAY + 65 * DAY, workers=1)
        seen["late"] += sum(each.at.isoformat() > str(each.raw["time"]) for each in lives(seed))
    assert min(seen.values()) >= 3, seen


def test_only_a_question_after_people_is_left_open() -> None:
    """Else every order would be played, since one playbook asks who is known there."""
    assert set(unsure_types(rules())) == {"playbook.asked"}

"""The pages of colleagues in a large house: how long the server thinks about each, beside what a person bears.

One house with many accounts, events and open cards; the pages are asked for in turn, by an account manager and by a
manager, through the app itself. What is told is the wall time of which nineteen in twenty are not over.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any

from flask.testing import FlaskClient

from outreach.assemble import House, assemble, project_root
from outreach.domain.facts import Event
from outreach.lab.bench_rig import Goal, Line, Say, Spread
from outreach.lab.bench_world import START
from outreach.lab.scratch import VirtualClock, cloud_event
from outreach.service import intake
from outreach.service.ports_events import NewEvent
from outreach.service.ports_records import User
from outreach.service.sweep import tick
from outreach.settings import load_settings
from outreach.web import auth
from outreach.web.app import create_app

BEARABLE = 0.150
"""Seconds of server time; a page that takes longer feels slow."""
GOAL = Goal(1)
COLLEAGUES = 20
BATCH = 1000
PASSWORD = "a password of the bench"


@dataclass(frozen=True, slots=True)
class Sizes:
    accounts: int
    events: int
    cards: int
    rounds: int


FULL, QUICK = Sizes(100_000, 2_000_000, 5_000, 40), Sizes(60, 300, 25, 2)


def bench_pages(quick: bool, say: Say) -> list[Line]:
    sizes = QUICK if quick else FULL
    with TemporaryDirectory(prefix="outreach-bench-") as folder:
        house, clock = _house(Path(folder))
        _fill(house, clock, sizes, say)
        app = create_app(house, cheap_hashes=True)
        app.config["WTF_CSRF_ENABLED"] = False
        pages = list(_pages(house))
        clients = {role: _signed_in(app.test_client(), role) for role in ("am", "manager")}
        say(f"{len(pages)} pages, {sizes.rounds} rounds")
        took: dict[str, list[float]] = {name: [] for name, _, _ in pages}
        for _ in range(sizes.rounds + 1):  # the first fills what is kept, and does not count
            for name, role, ask in pages:
                took[name].append(_passed(lambda ask=ask, role=role: ask(clients[role])))  # type: ignore[misc]
        app.extensions["outreach"].writer.close()
        house.close()
    return [_line(name, values[1:]) for name, values in took.items()]


def _line(name: str, took: list[float]) -> Line:
    ratios = sorted(value / BEARABLE for value in took)
    p95 = ratios[min(int(len(ratios) * 0.95), len(ratios) - 1)]
    return Line(
        "pages", f"{name}, p95", "150 ms of server time", ratio=None, wall_ratio=Spread(p95, ratios[0], ratios[-1]),
        ours=p95 * BEARABLE * 1e6, theirs=BEARABLE * 1e6, unit="µs wall", goal=GOAL,
    )  # fmt: skip


def _passed(work: Callable[[], Any]) -> float:
    began = time.perf_counter()
    answer = work()
    passed = time.perf_counter() - began
    if answer.status_code != 200:
        raise RuntimeError(f"{answer.request.path}: {answer.status_code}")
    return passed


# -- the pages -----------------------------------------------------------------------------------------


def _pages(house: House) -> Iterator[tuple[str, str, Callable[[FlaskClient], Any]]]:
    """(name, whose, how to ask for it). Those about one customer are about another one each time."""
    with house.database.view() as unit:
        rows = unit.bulk.rows(
            "select t.card, t.account, t.person from touch t join account a on a.id = t.account"
            " where t.status = 'on_desk' and a.owner = 'am0' order by t.id"
        )
    dice = Random(5)

    def one(path: Callable[[Any], str]) -> Callable[[FlaskClient], Any]:
        return lambda client: client.get(path(dice.choice(rows)))

    yield "my desk", "am", lambda client: client.get("/desk")
    yield "the team's desk", "am", lambda client: client.get("/desk?whose=team")
    yield "everybody's desk", "manager", lambda client: client.get("/desk?whose=all")
    yield "its tenth page", "manager", lambda client: client.get("/desk?whose=all&page=10")
    yield "whether the desk has changed", "am", lambda client: client.get("/desk/pulse")
    yield "a card", "am", one(lambda row: f"/desk/cards/{row[0]}")
    yield "an account", "am", one(lambda row: f"/desk/accounts/{row[1]}")
    yield "a person", "am", one(lambda row: f"/desk/people/{row[2]}")
    yield (
        "a search",
        "am",
        lambda client: client.post("/desk/search", data={"q": f"Kitchens {dice.randrange(90)}"}),
    )
    for name, path in (
        ("unreached", "/desk/unreached"), ("without a playbook", "/desk/unmatched"), ("owed", "/desk/owed"),
        ("promises", "/desk/promises"), ("messages", "/desk/messages"), ("who is away", "/desk/away"),
        ("ops", "/ops"), ("ops: holds", "/ops/holds"), ("ops: audit", "/ops/audit"), ("ops: law", "/ops/law"),
    ):  # fmt: skip
        yield name, "manager", _asking(path)


def _asking(path: str) -> Callable[[FlaskClient], Any]:
    return lambda client: client.get(path)


def _signed_in(client: FlaskClient, role: str) -> FlaskClient:
    name = "am0" if role == "am" else "boss"
    answer = client.post("/login", data={"email": f"{name}@bench.example", "password": PASSWORD})
    if answer.status_code != 302:
        raise RuntimeError(f"nobody signed in: {answer.status_code}")
    return client


# -- the house ------------------------------------------------------------------------------------------


def _house(folder: Path) -> tuple[House, VirtualClock]:
    environ = {
        "OUTREACH_DATA_DIR": str(folder), "OUTREACH_ROOT": str(project_root()), "OUTREACH_RATE_LIMITS": "false",
        "OUTREACH_LOG_LEVEL": "error",
    }  # fmt: skip
    clock = VirtualClock(START + timedelta(hours=2))
    return assemble(load_settings(environ, folder), clock), clock


def _fill(house: House, clock: VirtualClock, sizes: Sizes, say: Say) -> None:
    hashed = auth.hash_password(PASSWORD, cheap=True)
    with house.database.unit() as unit:
        for id_, role in [("boss", "manager"), *((f"am{n}", "am") for n in range(COLLEAGUES))]:
            unit.save_user(User(id_, id_, f"{id_}@bench.example", hashed, role))
    say(f"{sizes.accounts:,} accounts")
    _tell(house, (_account(n) for n in range(sizes.accounts)))
    say(f"{sizes.events:,} events")
    for at in range(0, sizes.events, 10 * BATCH):
        dice = Random(at)
        rows = [
            _order(n, dice.randrange(sizes.accounts)) for n in range(at, min(at + 10 * BATCH, sizes.events))
        ]
        with house.database.unit() as unit:
            unit.add_events(rows)
    say(f"{sizes.cards:,} open cards")
    every = sizes.accounts // sizes.cards
    _tell(house, (event for n in range(sizes.cards) for event in _let_down(n * every, n)))
    while tick(house.outside).total:
        pass
    clock.set(clock.now() + timedelta(minutes=1))


def _tell(house: House, events: Iterator[dict[str, Any]]) -> None:
    batch: list[dict[str, Any]] = []
    for event in events:
        batch.append(event)
        if len(batch) == BATCH:
            intake.take_in(house.outside, batch, internal=True)
            batch = []
    intake.take_in(house.outside, batch, internal=True)


def _account(n: int) -> dict[str, Any]:
    data = {
        "name": f"Kitchens {n}", "owner": f"am{n // 7 % COLLEAGUES}", "tier": ("gold", "silver", "basic")[n % 3], "country": "DE",
        "zone": "Europe/Berlin", "value": float(1000 + n % 50_000), "kind": "business", "team": "berlin",
    }  # fmt: skip
    return cloud_event("account.described", f"a{n:06}", data, f"a{n}", START - timedelta(days=400))


def _order(n: int, account: int) -> NewEvent:
    at = START - timedelta(days=365) + timedelta(seconds=15 * (n % 2_000_000))
    data = {"order_id": f"o{n}", "amount": 12.5}
    told = Event("shop", f"{n:09}", "order.placed", f"a{account:06}", at, at, data, f"o{n}", 12.5)
    return NewEvent(told, f"{n:032x}", {})


def _let_down(account: int, n: int) -> Iterator[dict[str, Any]]:
    at, who = START + timedelta(hours=1, seconds=n % 3000), f"p{n:05}"
    yield cloud_event("person.described", f"person:{who}", {
        "name": f"Buyer {n}", "phone": f"+4930{1_000_000 + n}", "email": f"{who}@example.com", "country": "DE",
        "accounts": [{"account": f"a{account:06}", "roles": ["buyer"]}],
    }, f"d{n}", at)  # fmt: skip
    data = {"order_id": f"late-{n}", "days_late": 2 + n % 9, "person_id": who}
    yield cloud_event("delivery.delayed", f"a{account:06}", data, f"l{n}", at + timedelta(minutes=1))

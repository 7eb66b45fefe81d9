"""A house for the tests of reception: real playbooks, a real database, a clock that stands still."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any
from zlib import crc32

from flask import Flask
from flask.testing import FlaskClient
from werkzeug.serving import make_server

from outreach.assemble import House, keyed_hash, make_outside, with_ways
from outreach.library.loader import Library
from outreach.service.intake import take_in
from outreach.service.ports_records import ApiToken, User
from outreach.service.sweep import tick
from outreach.settings import Settings, load_settings
from outreach.store.engine import open_database
from outreach.store.told import Told
from outreach.ways import ways_out
from outreach.web import auth
from outreach.web.app import create_app
from tests.support.served import running

MONDAY = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
"""10:30 in Berlin, a working day."""
MOMENT = timedelta(minutes=1)
PASSWORD = "a long enough password"


@dataclass
class StandingClock:
    time: datetime = MONDAY

    def now(self) -> datetime:
        return self.time


@dataclass
class CountedIds:
    numbers: Any = field(default_factory=lambda: itertools.count(1))

    def new(self) -> str:
        return f"id{next(self.numbers):08}"

    def token(self) -> str:
        return f"token{next(self.numbers):020}"


@dataclass
class World:
    """One house with its app and clock."""

    house: House
    app: Flask
    clock: StandingClock
    numbers: Any = field(default_factory=lambda: itertools.count(1))

    # -- who is there

    def user(self, id_: str, role: str = "am", **more: Any) -> User:
        user = User(
            id_,
            id_.capitalize(),
            f"{id_}@house.example",
            auth.hash_password(PASSWORD, cheap=True),
            role,
            **more,
        )
        self.house.database.retrying(lambda unit: unit.save_user(user))
        return user

    def signed_in(self, id_: str = "jonas", role: str = "am") -> FlaskClient:
        """A client with a session; forms need no CSRF token unless the test asks for that."""
        self.user(id_, role)
        client = self.app.test_client()
        response = post(client, "/login", {"email": f"{id_}@house.example", "password": PASSWORD})
        assert response.status_code == 302, response.text
        return client

    def token(self, *scopes: str, **more: Any) -> str:
        text = f"out_{'-'.join(scopes)}"
        token = ApiToken(auth.hash_token(text), "test", scopes, self.clock.time, **more)
        self.house.database.retrying(lambda unit: unit.save_token(token))
        return text

    # -- what happens

    def tell(self, type_: str, subject: str, data: Mapping[str, Any], *, ago: timedelta = MOMENT) -> None:
        """A moment ago: what happens at the same instant has no order that people would expect."""
        raw = {
            "specversion": "1.0", "id": f"e{next(self.numbers)}", "source": "test", "type": type_,
            "subject": subject, "time": (self.clock.time - ago).isoformat(), "data": dict(data),
        }  # fmt: skip
        (answer,) = take_in(self.house.outside, [raw], internal=True)
        assert answer.outcome == "accepted", answer

    def account(self, id_: str, name: str, *, person: str | None = None, **more: Any) -> None:
        """An account with a buyer."""
        self.tell("account.described", id_, {
            "name": name, "owner": "jonas", "team": "berlin", "zone": "Europe/Berlin", "country": "DE",
            "kind": "business", **more,
        })  # fmt: skip
        if person:
            self.tell("person.described", f"person:{person}", {
                "name": f"{person.capitalize()} Weber", "greeting": person.capitalize(), "country": "DE",
                "phone": f"+4930123{crc32(person.encode()) % 10_000:04}", "email": f"{person}@example.com",
                "zone": "Europe/Berlin", "accounts": [{"account": id_, "roles": ["buyer"]}],
            })  # fmt: skip

    def late(
        self, account: str, person: str | None = None, order: str = "o-1", days: float = 3, **more: Any
    ) -> None:
        """A delivery that is late enough for a call."""
        data = {"order_id": order, "days_late": days, **({"person_id": person} if person else {})}
        self.tell("delivery.delayed", account, data, **more)

    def tick(self) -> None:
        tick(self.house.outside)

    def pass_time(self, **by: float) -> None:
        self.clock.time += timedelta(**by)

    def think_again(self) -> None:
        """What was said can be taken back no more: it is written down."""
        self.pass_time(seconds=10)
        self.tick()

    # -- what is there

    def cards(self) -> list[str]:
        """Ids of the open cards."""
        with self.house.database.view() as unit:
            return [row[0] for row in unit.bulk.rows("select id from card where state = 'open' order by id")]

    def close(self) -> None:
        self.app.extensions["outreach"].writer.close()
        self.house.close()


@cache
def _library(root: Path) -> Library:
    """Read once for all tests: reading is most of what a house costs."""
    return Library(root)


def _house(settings: Settings, clock: StandingClock, told: Told | None) -> House:
    """As ``assemble`` does it, on a library that is shared and tables without history."""
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    hashed = keyed_hash(settings.endpoint_key)
    database = open_database(
        settings.database_url, endpoint_hash=hashed, durable=False, create=True, told=told
    )
    library, ways = _library(settings.root), ways_out(settings, clock)
    outside = make_outside(database, library.current, clock, CountedIds(), ways.senders, hashed)
    return House(settings, database, library, with_ways(outside, settings, ways), ways)


def world(
    tmp: Path,
    root: Path,
    url: str | None = None,
    *,
    limits: bool = False,
    csrf: bool = False,
    settings: Mapping[str, str] | None = None,
    clock: Any = None,
    told: Told | None = None,
) -> World:
    environment = {
        "OUTREACH_DATA_DIR": str(tmp / "var"), "OUTREACH_ROOT": str(root),
        "OUTREACH_RATE_LIMITS": "true" if limits else "false", **(settings or {}),
    }  # fmt: skip
    if url:
        environment["OUTREACH_DATABASE_URL"] = url
    clock = clock or StandingClock()
    house = _house(load_settings(environment, cwd=tmp), clock, told)
    app = create_app(house, cheap_hashes=True)
    app.config["TESTING"] = False  # faults are pages, as in life
    app.config["WTF_CSRF_ENABLED"] = csrf
    return World(house, app, clock)


def post(client: FlaskClient, path: str, form: Mapping[str, Any] | None = None, **more: Any) -> Any:
    return client.post(path, data=dict(form or {}), **more)


@contextmanager
def serving(made: World) -> Iterator[str]:
    """Its address while it is served; it is closed afterwards."""
    server = make_server("127.0.0.1", 0, made.app, threaded=True)
    with running(server):
        yield f"http://127.0.0.1:{server.server_port}"
    made.close()

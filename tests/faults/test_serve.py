"""The real thing: ``outreach serve`` is killed with everything it has started, and comes up again."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from outreach.cli.people import SCOPES
from outreach.service.keys import hash_token
from outreach.service.ports_records import ApiToken
from outreach.store.engine import open_database
from outreach.store.schema import upgrade
from tests.faults.rules import ROOT

SECRET = "or_only-for-this-test"
PATIENCE = 60.0
Started = subprocess.Popen[bytes]


class Place:
    """A data folder, a port, and the server that runs there now."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.url = f"sqlite:///{folder / 'outreach.db'}"
        self.log = (folder / "log").open("wb")
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port: int = probe.getsockname()[1]
        self.family: set[int] = set()
        upgrade(self.url)
        store = open_database(self.url)
        store.retrying(
            lambda unit: unit.save_token(ApiToken(hash_token(SECRET), "erp", SCOPES, datetime.now(UTC)))
        )
        store.close()

    def start(self) -> Started:
        settings = {
            "DATA_DIR": self.folder,
            "PORT": self.port,
            "ROOT": ROOT,
            "TICK_SECONDS": "0.2",
            "THREADS": 4,
        }
        env = os.environ | {f"OUTREACH_{name}": str(value) for name, value in settings.items()}
        started = subprocess.Popen(
            [sys.executable, "-m", "outreach", "serve"], cwd=self.folder, env=env | {"PYTHONPATH": str(ROOT)},
            stdout=self.log, stderr=self.log, start_new_session=True,
        )  # fmt: skip
        wait_for(lambda: self.get("/healthz") == 200, "it does not answer", started)
        self.family |= {started.pid, *descendants(started.pid)}
        return started

    def get(self, path: str) -> int:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=5) as answer:
                return int(answer.status)
        except (OSError, urllib.error.URLError):
            return 0

    def post(self, *events: dict[str, Any]) -> list[dict[str, Any]]:
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}/v1/events", json.dumps(events).encode(),
            {"Content-Type": "application/cloudevents-batch+json", "Authorization": f"Bearer {SECRET}"},
        )  # fmt: skip
        with urllib.request.urlopen(request, timeout=30) as answer:
            return list(json.loads(answer.read())["answers"])

    def put(self, path: str, body: dict[str, Any]) -> None:
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}{path}", json.dumps(body).encode(),
            {"Content-Type": "application/json", "Authorization": f"Bearer {SECRET}"}, method="PUT",
        )  # fmt: skip
        with urllib.request.urlopen(request, timeout=30) as answer:
            assert answer.status in (200, 201, 202, 204)

    def stored(self) -> set[str]:
        return {row[0] for row in self._rows("select id from event where source = 'erp'")}

    def desk(self) -> list[tuple[str, str]]:
        """(person, open card's line) of everything on the desk."""
        return self._rows(
            "select c.identity, t.because from card c join touch t on t.card = c.id"
            " where c.state = 'open' and t.status = 'on_desk'"
        )

    def _rows(self, statement: str) -> list[Any]:
        store = open_database(self.url)
        try:
            with store.view() as unit:
                return [tuple(row) for row in unit.bulk.rows(statement)]
        finally:
            store.close()

    def alive(self) -> set[int]:
        return {pid for pid in self.family if is_alive(pid)}


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def descendants(pid: int) -> set[int]:
    found = set()
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in map(int, task.read_text().split()):
            found |= {child, *descendants(child)}
    return found


def wait_for(it: Callable[[], Any], otherwise: str, started: Started | None = None) -> None:
    deadline = time.monotonic() + PATIENCE
    while not it():
        assert started is None or started.poll() is None, (
            f"{otherwise}: it has ended with {started.returncode}"
        )
        assert time.monotonic() < deadline, otherwise
        time.sleep(0.05)


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    if not Path("/proc/self/task").is_dir():
        pytest.skip("processes are looked up in /proc")
    made = Place(tmp_path)
    yield made
    for pid in made.alive():
        os.kill(pid, signal.SIGKILL)
    made.log.close()


def late(order: str) -> dict[str, Any]:
    return {
        "specversion": "1.0", "id": f"late-{order}", "source": "erp", "type": "delivery.delayed", "subject": "a1",
        "time": (datetime.now(UTC) - timedelta(minutes=1)).isoformat(),
        "data": {"order_id": order, "days_late": 3, "person_id": "anna"},
    }  # fmt: skip


def test_killed_with_all_it_has_started_it_comes_up_with_everything_it_answered_for(place: Place) -> None:
    first = place.start()
    place.put("/v1/accounts/a1", {"name": "Grill & Co", "tier": "gold"})
    place.put(
        "/v1/people/anna",
        {"name": "Anna", "phone": "+4930123456", "accounts": [{"account": "a1", "roles": ["buyer"]}]},
    )
    events = [late(f"o{n}") for n in range(20)]
    assert {answer["outcome"] for answer in place.post(*events)} == {"accepted"}
    for pid in {first.pid, *descendants(first.pid)}:
        os.kill(pid, signal.SIGKILL)
    first.wait()

    second = place.start()
    assert place.stored() >= {event["id"] for event in events}
    wait_for(lambda: len(place.desk()) == 20, f"the calls are not on the desk: {len(place.desk())}")
    assert {identity for identity, _ in place.desk()} == {"anna"}
    assert {answer["outcome"] for answer in place.post(*events)} == {"duplicate"}

    assert place.post(late("last"))[0]["outcome"] == "accepted"
    second.send_signal(signal.SIGTERM)
    assert second.wait(30) == 0
    wait_for(lambda: not place.alive(), f"left behind: {place.alive()}")
    assert "late-last" in place.stored()


def test_a_supervisor_killed_alone_leaves_no_one_behind_who_answers_in_its_place(place: Place) -> None:
    first = place.start()
    first.kill()
    first.wait()
    wait_for(lambda: not place.alive(), f"left behind: {place.alive()}")

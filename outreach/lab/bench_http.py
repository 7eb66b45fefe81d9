"""Events over HTTP, beside a Flask view that does nothing on the same server; and how soon a card is seen.

Two servers side by side, started as ``outreach web`` starts them: our app, and an app of one empty view.
CPU is that of the server's processes, read from /proc; where there is no /proc only wall time is told.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from http.client import HTTPConnection
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Thread
from typing import Any

import orjson
from flask import Flask, Response, request

from outreach.assemble import SystemClock, assemble
from outreach.clockwork import web_command
from outreach.lab.bench_intake import fill
from outreach.lab.bench_rig import Case, Clock, Goal, Line, Say, Spread, Work, alternate, compare
from outreach.lab.bench_world import bench_root, stream
from outreach.lab.scratch import cloud_event
from outreach.service.ports_records import ApiToken
from outreach.settings import load_settings
from outreach.store import views_desk
from outreach.store.engine import Store
from outreach.web.auth import hash_token

SINGLE = Goal(3)
BATCH, CONNECTIONS = 100, 8
_TOKEN = "out_bench"
_PATIENCE = 60.0
_OURS = "outreach.web.app:from_environment"
_HEADERS = {"Content-Type": "application/cloudevents+json", "Authorization": f"Bearer {_TOKEN}"}
_BATCHED = {**_HEADERS, "Content-Type": "application/cloudevents-batch+json"}


def empty_app() -> Flask:
    """An app that reads what it is sent and does nothing with it."""
    app = Flask(__name__)

    @app.route("/v1/events", methods=["POST"])
    def events() -> Response:
        request.get_data(cache=False)
        return Response(b"{}", content_type="application/json")

    return app


def bench_http(quick: bool, say: Say) -> list[Line]:
    singles, batches, cards, rounds = (48, 3, 5, 2) if quick else (2_000, 40, 200, 5)
    accounts = 200 if quick else 5_000
    with both_servers(accounts) as (ours, empty, store):
        say(f"{cards} let-downs until each card is seen")
        seen = _cards(ours, empty, store, cards)
        say(f"{batches} batches of {BATCH} events, {rounds} rounds")
        batched = _measured(ours, empty, batches, BATCH, 1, rounds, accounts)
        say(f"{singles} single events over {CONNECTIONS} connections, {rounds} rounds")
        single = _measured(ours, empty, singles, 1, CONNECTIONS, rounds, accounts)
    view = "an empty Flask view on the same server"
    return [
        compare("http", f"batches of {BATCH}", view, *batched, goal=None),
        compare("http", f"single events, {CONNECTIONS} connections", view, *single, goal=SINGLE),
        *seen,
    ]


# -- the servers -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Server:
    port: int
    process: subprocess.Popen[bytes]

    def cpu(self) -> float:
        """Seconds that its processes have used."""
        return sum(_cpu_of(pid) for pid in (self.process.pid, *_children(self.process.pid)))

    def connection(self) -> HTTPConnection:
        made = HTTPConnection("127.0.0.1", self.port, timeout=_PATIENCE)
        made.connect()
        assert made.sock is not None
        made.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return made


def cpu_clock(servers: Sequence[Server]) -> Clock:
    """What they have used together: one works while the others rest. Wall time where nothing tells."""
    if not Path("/proc/self/task").is_dir():
        return time.perf_counter
    return lambda: sum(server.cpu() for server in servers)


def _cpu_of(pid: int) -> float:
    """To the nanosecond, over its threads."""
    spent = 0
    for task in Path(f"/proc/{pid}/task").glob("*/schedstat"):
        try:
            spent += int(task.read_text(encoding="ascii").split()[0])
        except OSError:  # the thread has just ended
            continue
    return spent / 1e9


def _children(pid: int) -> list[int]:
    try:
        tasks = Path(f"/proc/{pid}/task").iterdir()
        return [int(one) for task in tasks for one in (task / "children").read_text(encoding="ascii").split()]
    except OSError:
        return []


@contextmanager
def both_servers(accounts: int) -> Iterator[tuple[Server, Server, Store]]:
    """Our app on a house of its own with accounts in it, and the empty one; both stopped afterwards."""
    with TemporaryDirectory(prefix="outreach-bench-") as folder, bench_root() as root:
        environ = {
            **{name: value for name, value in os.environ.items() if not name.startswith("OUTREACH_")},
            "OUTREACH_DATA_DIR": folder, "OUTREACH_ROOT": str(root), "OUTREACH_RATE_LIMITS": "false",
            "OUTREACH_LOG_LEVEL": "error",
        }  # fmt: skip
        house = assemble(load_settings(environ, Path(folder)))
        fill(house.database, house.outside.rules(), accounts)
        token = ApiToken(hash_token(_TOKEN), "bench", ("events:write",), house.outside.clock.now())
        house.database.retrying(lambda unit: unit.save_token(token))
        with _started(_OURS, environ) as ours, _started(f"{__name__}:empty_app", environ) as empty:
            yield ours, empty, house.database
        house.close()


@contextmanager
def _started(app: str, environ: Mapping[str, str]) -> Iterator[Server]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [app if part == _OURS else part for part in web_command("127.0.0.1", port, 16)]
    process = subprocess.Popen(
        command, env={**environ, "PYTHONPATH": os.pathsep.join(sys.path)}, cwd=environ["OUTREACH_DATA_DIR"],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    try:
        _wait_for(port, process)
        yield Server(port, process)
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + _PATIENCE
    while time.monotonic() < until and process.poll() is None:
        with socket.socket() as asking:
            if asking.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise RuntimeError("the server did not start")


# -- events ------------------------------------------------------------------------------------------


def _measured(
    ours: Server, empty: Server, requests: int, each: int, connections: int, rounds: int, accounts: int
) -> tuple[Any, Any]:
    """Times of ours and of the empty view, per event."""
    made = _bodies(requests, each, rounds + 1, accounts)
    headers = _BATCHED if each > 1 else _HEADERS

    def case(server: Server) -> Case:
        return lambda: _posting(server, next(made), headers, connections)

    for server in (ours, empty):  # the first requests of a server's life are its slowest
        case(server)()()
    cases: dict[str, Case] = {"ours": case(ours), "empty": case(empty)}
    times = alternate(cases, rounds, requests * each, cpu_clock([ours, empty]))
    return times["ours"], times["empty"]


def _bodies(requests: int, each: int, rounds: int, accounts: int) -> Iterator[list[bytes]]:
    """New events for every case of every round: none is a repetition."""
    for turn in range(2 * rounds):
        events = stream(requests * each, accounts, seed=each * 1000 + turn)
        now = SystemClock().now()
        for n, event in enumerate(events):  # a second apart they would lie in the future
            event["time"] = (now + timedelta(milliseconds=n)).isoformat()
        cut = [events[at : at + each] for at in range(0, len(events), each)]
        yield [orjson.dumps(part if each > 1 else part[0]) for part in cut]


def _posting(server: Server, bodies: Sequence[bytes], headers: dict[str, str], connections: int) -> Work:
    shares = [bodies[n::connections] for n in range(connections)]
    open_ = [server.connection() for _ in shares]
    faults: list[str] = []

    def post(connection: HTTPConnection, share: Sequence[bytes]) -> None:
        try:
            for body in share:
                send(connection, body, headers)
        except Exception as fault:
            faults.append(f"{type(fault).__name__}: {fault}")
        finally:
            connection.close()

    def work() -> None:
        threads = [Thread(target=post, args=pair) for pair in zip(open_, shares, strict=True)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if faults:
            raise RuntimeError(faults[0])

    return work


def send(connection: HTTPConnection, body: bytes, headers: dict[str, str]) -> bytes:
    """Raises RuntimeError for any answer but 200."""
    connection.request("POST", "/v1/events", body, headers)
    answer = connection.getresponse()
    said = answer.read()
    if answer.status != 200:
        raise RuntimeError(f"{answer.status}: {said[:200]!r}")
    return said


# -- until the card is seen --------------------------------------------------------------------------


def _cards(ours: Server, empty: Server, store: Store, count: int) -> list[Line]:
    """From the post of a let-down until the desk's own query shows its card, in turn with what no design
    can go below: one sync to the disk and one round trip."""
    told, asked = ours.connection(), empty.connection()
    for connection in (told, asked):  # the first request of a server's life is its slowest
        send(connection, b"[]", _BATCHED)
    took: list[float] = []
    least: list[float] = []
    with TemporaryDirectory(prefix="outreach-bench-") as folder, (Path(folder) / "sync").open("ab") as file:
        for n in range(count):
            least.append(_passed(lambda: _sync_and_ask(file, asked)))
            took.append(_passed(lambda n=n: _post_and_see(told, store, n)))  # type: ignore[misc]
    told.close()
    asked.close()
    return [_latency("p50", 0.5, took, least), _latency("p95", 0.95, took, least)]


def _passed(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def _sync_and_ask(file: Any, connection: HTTPConnection) -> None:
    file.write(b"x" * 4096)
    file.flush()
    getattr(os, "fdatasync", os.fsync)(file.fileno())
    send(connection, b"{}", _HEADERS)


def _post_and_see(connection: HTTPConnection, store: Store, n: int) -> None:
    data = {"order_id": f"card-{n}", "days_late": 99}
    event = cloud_event("delivery.delayed", f"a{n % 200}", data, f"card-{n}", SystemClock().now())
    send(connection, orjson.dumps(event), _HEADERS)
    with store.view() as unit:
        lines = views_desk.desk_lines(unit)
    if not any(line.failure == f"delivery/card-{n}" for line in lines):
        raise RuntimeError("the card is not on the desk")


def _latency(name: str, share: float, took: Sequence[float], least: Sequence[float]) -> Line:
    ours, theirs = _at(took, share), _at(least, share)
    ratio = Spread(ours / theirs, ours / theirs, ours / theirs)
    return Line(
        "latency", f"posted until the card is seen, {name}", "one fdatasync and one round trip",
        ratio=None, wall_ratio=ratio, ours=ours * 1e6, theirs=theirs * 1e6, unit="µs wall",
        note="the desk's query grows with the cards that lie there",
    )  # fmt: skip


def _at(values: Sequence[float], share: float) -> float:
    return sorted(values)[min(int(len(values) * share), len(values) - 1)]

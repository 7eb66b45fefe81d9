"""The bell and the supervisor. APScheduler rings at fixed intervals and holds no business jobs.

Everything that waits is a row; a ring only asks what is due. Several clocks are harmless.
"""

from __future__ import annotations

import ctypes
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from secrets import token_hex
from types import FrameType

import structlog
from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler
from structlog.contextvars import bound_contextvars

from outreach.domain.errors import OutreachError
from outreach.service.errands import run_errands
from outreach.service.ports import Outside
from outreach.service.privacy import replay_erasures
from outreach.service.sweep import Swept, tick

log = structlog.get_logger(__name__)

ROUNDS_PER_RING = 50
"""A ring goes on while batches are full, but gives the heartbeat and a stop a chance in between."""
STABLE_AFTER = 30.0
MOST_BACKOFF = 30.0
GRACE = 20.0
"""Seconds a child gets to finish what it is doing."""


def ring(outside: Outside) -> Swept:
    """Do what is due, batch by batch."""
    for _ in range(ROUNDS_PER_RING):
        swept = tick(outside)
        if swept.total:
            log.info(
                "swept", **{name: getattr(swept, name) for name in ("events", "woken", "touches", "stuck")}
            )
        if not swept.more:
            break
    return swept


ERRANDS_EVERY = 60.0
"""Seconds between two rounds of what is done at providers beside sending."""


def run_clock(outside: Outside, every_seconds: float, stop: threading.Event) -> None:
    """Ring until told to stop. A failed ring is logged and the next one tries again. Errands have a thread of
    their own: a provider that is slow to answer a question must not keep anything from leaving."""

    def safely(work: Callable[[Outside], object], name: str) -> None:
        with bound_contextvars(**{name: token_hex(4)}):  # what one ring has done is found by its id
            try:
                work(outside)
            except OutreachError as fault:
                log.error(f"{name}_failed", fault=type(fault).__name__)
            except Exception:
                log.exception(f"{name}_broke")

    def errands(house: Outside) -> None:
        moved = run_errands(house)
        if moved:
            log.info("errands", **moved)

    safely(replay_erasures, "erasures")  # the database may be an older one than the log of who was erased
    scheduler = BackgroundScheduler(
        timezone="UTC",
        executors={"default": ThreadPoolExecutor(1), "errands": ThreadPoolExecutor(1)},
        job_defaults={"misfire_grace_time": None, "coalesce": True, "max_instances": 1},
    )
    scheduler.add_job(safely, "interval", (ring, "ring"), seconds=every_seconds)
    scheduler.add_job(safely, "interval", (errands, "errands"), seconds=ERRANDS_EVERY, executor="errands")
    scheduler.start()
    log.info("clock_started", every=every_seconds)
    safely(ring, "ring")
    try:
        stop.wait()
    finally:
        scheduler.shutdown(wait=True)
        log.info("clock_stopped")


def stop_on_signals(stop: threading.Event) -> None:
    def asked(_number: int, _frame: FrameType | None) -> None:
        stop.set()

    signal.signal(signal.SIGTERM, asked)
    signal.signal(signal.SIGINT, asked)


_LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None
_PARENT_DEATH_SIGNAL = 1


def _follow_the_parent() -> None:
    """A supervisor that is killed cannot tell its children any more, so the kernel does."""
    if _LIBC is not None:
        _LIBC.prctl(_PARENT_DEATH_SIGNAL, signal.SIGTERM)


_FOLLOW = _follow_the_parent if _LIBC is not None else None


@dataclass
class Child:
    """One supervised process."""

    name: str
    command: Sequence[str]
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    backoff: float = 1.0
    again_at: float = 0.0
    restarts: int = field(default=0)

    def start(self) -> None:
        self.process = subprocess.Popen(self.command, start_new_session=True, preexec_fn=_FOLLOW)
        self.started = time.monotonic()
        log.info("started", child=self.name, pid=self.process.pid)

    def tend(self) -> None:
        """Start it again when it has ended, later each time it ends soon."""
        now = time.monotonic()
        if self.process is not None and self.process.poll() is None:
            if now - self.started > STABLE_AFTER:
                self.backoff = 1.0
            return
        if self.process is not None:
            log.error("ended", child=self.name, code=self.process.returncode, again_in=self.backoff)
            self.process, self.again_at = None, now + self.backoff
            self.backoff, self.restarts = min(self.backoff * 2, MOST_BACKOFF), self.restarts + 1
        if now >= self.again_at:
            self.start()

    def stop(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)

    def finish(self, deadline: float) -> None:
        if self.process is None:
            return
        try:
            self.process.wait(max(deadline - time.monotonic(), 0.1))
        except subprocess.TimeoutExpired:
            log.error("killed", child=self.name)
            self.process.kill()
            self.process.wait()


def supervise(
    children: Sequence[Child], stop: threading.Event, on_round: Callable[[], None] | None = None
) -> None:
    """Keep the children running until told to stop; then end them gracefully, all at once."""
    try:
        while not stop.is_set():
            for child in children:
                child.tend()
            if on_round is not None:
                on_round()
            stop.wait(0.5)
    finally:
        for child in children:
            child.stop()
        deadline = time.monotonic() + GRACE
        for child in children:
            child.finish(deadline)


def is_taken(host: str, port: int) -> bool:
    """Whether somebody answers there already. Two servers on one port would share the requests."""
    with socket.socket() as probe:
        probe.settimeout(1.0)
        return probe.connect_ex(("127.0.0.1" if host == "0.0.0.0" else host, port)) == 0


def web_command(host: str, port: int, threads: int) -> list[str]:
    """One granian worker; its threads bounded, and its backpressure with them. It says only what is wrong: where it listens
    and that it began is told by us, and how many threads are many for the processors, whoever set them knows."""
    return [
        sys.executable, "-m", "granian", "--interface", "wsgi", "--host", host, "--port", str(port),
        "--workers", "1", "--blocking-threads", str(min(threads, 64)),
        "--backpressure", str(min(threads, 64) * 4), "--no-ws", "--workers-kill-timeout", "15",
        "--log-level", "error",
        "--factory", "outreach.web.app:from_environment",
    ]  # fmt: skip


def clock_command() -> list[str]:
    return [sys.executable, "-m", "outreach", "clock"]

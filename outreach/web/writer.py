"""Group commit: one thread per process writes what all requests bring, as few transactions as possible.

Requests parse and check in their own threads and put checked items on a bounded queue. The writer
takes whatever is queued as one batch and answers each when it is durable. A full queue is refused at
once, so that the sender comes back later instead of waiting without end.
"""

from __future__ import annotations

import atexit
from collections.abc import Sequence
from queue import Empty, Full, Queue
from threading import Event, Lock, Thread

import structlog
from structlog.contextvars import bound_contextvars, get_contextvars

from outreach.domain.errors import OutreachError
from outreach.service.front import Incoming, Rejected
from outreach.service.intake import Answer, take_checked
from outreach.service.ports import Outside
from outreach.service.ports_faults import InDoubt, Outpaced, Unavailable

Item = Incoming | Rejected

MOST_ITEMS = 500
"""Of one transaction, unless a single request brings more."""
LONGEST = 30.0
"""Seconds after which a request stops waiting for its answer."""

log = structlog.get_logger(__name__)


class Busy(OutreachError):
    """Nothing of this was taken; come back in a moment."""


class _Job:
    """One request's items and what became of them."""

    __slots__ = ("answers", "done", "fault", "given_up", "items", "request")

    def __init__(self, items: Sequence[Item]) -> None:
        self.items = items
        self.done = Event()
        self.answers: list[Answer] = []
        self.fault: Exception | None = None
        self.given_up = False
        self.request: str | None = get_contextvars().get("request")
        """Its id, for the lines that the writer's thread logs."""


class Writer:
    """``take`` blocks until the items are durable. The thread starts with the first request, so that
    it lives in the process that serves, whatever forks before."""

    def __init__(self, outside: Outside, *, queued: int = 1000, most: int = MOST_ITEMS) -> None:
        self._outside, self._most = outside, most
        self._queue: Queue[_Job | None] = Queue(maxsize=queued)
        self._lock = Lock()
        self._thread: Thread | None = None
        self._closed = False

    @property
    def depth(self) -> int:
        """Requests that wait right now."""
        return self._queue.qsize()

    def take(self, items: Sequence[Item]) -> list[Answer]:
        """An answer per item, once they are durable. Raises Busy when nothing was taken, and what the
        database raised otherwise."""
        job = _Job(items)
        self._start()
        try:
            self._queue.put_nowait(job)
        except Full:
            raise Busy("Too much is waiting to be stored.") from None
        if not job.done.wait(LONGEST):
            job.given_up = True
            raise Busy("It took too long to be stored; send it again, it will not be taken twice.")
        if job.fault is not None:
            raise job.fault
        return job.answers

    def close(self) -> None:
        """Store what is queued, then stop. Later requests are refused."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
            thread = self._thread
        if thread is not None:
            self._queue.put(None)
            thread.join(LONGEST)

    def _start(self) -> None:
        with self._lock:
            if self._closed:
                raise Busy("The house is closing.")
            if self._thread is None:
                self._thread = Thread(target=self._run, name="outreach-writer", daemon=True)
                self._thread.start()
                atexit.register(self.close)

    def _run(self) -> None:
        open_ = True
        while open_:
            jobs, open_ = self._next()
            if jobs:
                self._store(jobs)

    def _next(self) -> tuple[list[_Job], bool]:
        """What is queued now, up to so many items; whether to go on after it."""
        first = self._queue.get()
        jobs: list[_Job] = []
        count = 0
        job: _Job | None = first
        while job is not None:
            if not job.given_up:
                jobs.append(job)
                count += len(job.items)
            if count >= self._most:
                return jobs, True
            try:
                job = self._queue.get_nowait()
            except Empty:
                return jobs, True
        return jobs, False

    def _store(self, jobs: list[_Job]) -> None:
        items = [item for job in jobs for item in job.items]
        try:
            with bound_contextvars(requests=[job.request for job in jobs if job.request]):
                answers = iter(take_checked(self._outside, items))
            for job in jobs:
                job.answers = [next(answers) for _ in job.items]
        except (Unavailable, InDoubt, Outpaced) as fault:
            _fail(jobs, fault)
        except Exception as fault:
            self._alone(jobs, fault)
        for job in jobs:
            job.done.set()

    def _alone(self, jobs: list[_Job], fault: Exception) -> None:
        """A request that fails cannot fail its neighbours."""
        if len(jobs) == 1:
            log.error("intake failed", exc_info=fault)
            _fail(jobs, fault)
            return
        for job in jobs:
            self._store([job])


def _fail(jobs: list[_Job], fault: Exception) -> None:
    for job in jobs:
        job.fault = fault

"""How fast, and whether at all, a provider may be asked: a rate, a pause it has asked for, and a breaker.

The breaker counts the provider's own failures (no answer, 5xx, no connection), never a refusal of one message:
that is the provider at work. One pace belongs to one provider and sender, and is shared by all threads.
"""

from __future__ import annotations

import math
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from outreach.domain.message import Message
from outreach.domain.signal import Meaning
from outreach.service.ports_ways import Receipt, Sender

IN_A_ROW = 5
"""So many failures one after the other open the breaker."""
LOOKED_AT = 20
"""Of so many calls half may fail; the breaker is open by the twentieth at the latest."""
FIRST_REST, LONGEST_REST = timedelta(seconds=30), timedelta(minutes=5)
SHORTEST_PAUSE, LONGEST_PAUSE = timedelta(seconds=1), timedelta(minutes=15)
"""What a provider may ask for by Retry-After or X-RateLimit-Reset; outside of it somebody's clock is wrong."""
UNTOLD_PAUSE = timedelta(seconds=5)
"""Where it says *slow down* and not how long."""
UNWELL = ("", "connect", "421")
"""Codes of a refusal that is the provider's own: no line, or a mail server that is closing (RFC 5321, 4.2.3)."""


@dataclass(frozen=True, slots=True)
class PaceState:
    """How a provider stands, for pages and logs. ``breaker``: ``closed · open · probing``."""

    breaker: str
    failures: int
    """Of the calls that are looked at."""
    until: datetime | None
    """When it may be asked again; None when it may be now, as far as pause and breaker go."""


class Pace:
    """``rate``: calls a second; ``burst``: calls at once. ``now`` gives aware UTC."""

    def __init__(self, rate: float, now: Callable[[], datetime], burst: int = 1) -> None:
        self._rate, self._now, self._burst = rate, now, max(burst, 1)
        self._lock = threading.Lock()
        self._tokens, self._filled = float(self._burst), now()
        self._pause_until: datetime | None = None
        self._results: deque[bool] = deque(maxlen=LOOKED_AT)
        self._rest = FIRST_REST
        self._open_until: datetime | None = None
        self._probe: int | None = None
        """The thread that tries whether it is well again. Words of other threads are of calls that began before
        the breaker opened; they say nothing new."""

    def admit(self) -> datetime | None:
        """None: ask now, and tell what came of it in the same thread. Else when to come again."""
        with self._lock:
            now = self._now()
            waits = [at for at in (self._pause_until, self._open_until) if at is not None and at > now]
            if waits:
                return max(waits)
            if self._open_until is not None and self._probe is not None:
                return now + FIRST_REST
            self._fill(now)
            if self._tokens < 1.0 - 1e-9:  # a clock ticks in microseconds: what is missing may be rounding
                wait = math.ceil((1.0 - self._tokens) / self._rate * 1e6 - 1e-3)
                return now + timedelta(microseconds=max(wait, 1))
            self._tokens -= 1.0
            self._probe = threading.get_ident() if self._open_until is not None else None
            return None

    def _fill(self, now: datetime) -> None:
        """A clock that was set back gives nothing, and does not stop what comes after."""
        elapsed = max((now - self._filled).total_seconds(), 0.0)
        self._tokens = min(self._tokens + elapsed * self._rate, float(self._burst))
        self._filled = now

    def worked(self) -> None:
        """The provider has answered, whatever it said of the message."""
        with self._lock:
            if self._open_until is None:
                self._results.append(True)
            elif self._ends_probe():
                self._results.clear()
                self._open_until, self._rest = None, FIRST_REST

    def failed(self) -> None:
        """No answer, or one that says that the provider itself is unwell."""
        with self._lock:
            if self._open_until is not None and not self._ends_probe():
                return
            self._results.append(False)
            if self._open_until is not None or self._is_unwell():
                self._open_until = self._now() + self._rest
                self._rest = min(self._rest * 2, LONGEST_REST)

    def unused(self) -> None:
        """What was admitted did not ask the provider after all: another may go in its place."""
        with self._lock:
            self._ends_probe()
            self._tokens = min(self._tokens + 1.0, float(self._burst))

    def _ends_probe(self) -> bool:
        mine = self._probe == threading.get_ident()
        if mine:
            self._probe = None
        return mine

    def _is_unwell(self) -> bool:
        lately = list(self._results)
        in_a_row = len(lately) >= IN_A_ROW and not any(lately[-IN_A_ROW:])
        return in_a_row or (len(lately) == LOOKED_AT and lately.count(False) * 2 >= LOOKED_AT)

    def pause(self, until: datetime | None) -> datetime:
        """The provider asks us to wait. Gives the instant that is really waited for: of several askings the
        last one to end, so that one without a time does not cut a longer one short."""
        with self._lock:
            now = self._now()
            asked = min(max(until or now + UNTOLD_PAUSE, now + SHORTEST_PAUSE), now + LONGEST_PAUSE)
            self._pause_until = max(asked, self._pause_until or asked)
            self._ends_probe()
            return self._pause_until

    def state(self) -> PaceState:
        with self._lock:
            now = self._now()
            waits = [at for at in (self._pause_until, self._open_until) if at is not None and at > now]
            breaker = "closed"
            if self._open_until is not None:
                breaker = "open" if self._open_until > now else "probing"
            return PaceState(breaker, list(self._results).count(False), max(waits, default=None))


class Paced:
    """A ``Sender`` that keeps to a pace. What may not go now was never asked, and counts as no try."""

    def __init__(self, sender: Sender, pace: Pace) -> None:
        self.sender, self.pace = sender, pace

    def send(self, message: Message, token: str) -> Receipt:
        later = self.pace.admit()
        if later is not None:
            return Receipt("refused", reason=_why(self.pace.state()), retry_at=later, counts=False)
        try:
            receipt = self.sender.send(message, token)
        except BaseException:  # a call that dies must not hold the only probe for ever
            self.pace.failed()
            raise
        return told(self.pace, receipt)


def _why(state: PaceState) -> str:
    if state.breaker != "closed":
        return f"The provider rests ({state.breaker})."
    if state.until is not None:
        return "The provider has asked us to wait."
    return "It waits for its turn: no more at once than the provider's rate."


def told(pace: Pace, receipt: Receipt) -> Receipt:
    """Tell the pace what came of a call; a refusal that asks to slow down then says how long. A definite answer
    about one message (a mailbox that is full, a number that is none) is the provider at work."""
    if receipt.meaning is Meaning.SLOW_DOWN:
        until = pace.pause(receipt.retry_at)
        return Receipt(
            "refused", receipt.ref, receipt.reason, until, receipt.meaning, receipt.code, counts=False
        )
    unexplained = receipt.outcome == "refused" and receipt.meaning is None
    if unexplained and not receipt.counts:
        pace.unused()
    elif receipt.outcome == "unknown" or (unexplained and receipt.code in UNWELL):
        pace.failed()
    else:
        pace.worked()
    return receipt

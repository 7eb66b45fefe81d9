"""How fast, and whether at all, a provider may be asked: a rate, a pause it has asked for, and a breaker.

The breaker counts the provider's own failures (no answer, 5xx, no connection), never a refusal of one message:
that is the provider at work. One pace belongs to one provider and sender, and is shared by all threads.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from outreach.domain.message import Message
from outreach.domain.signal import Meaning
from outreach.service.ports import Receipt, Sender

IN_A_ROW = 5
"""So many failures one after the other open the breaker."""
LOOKED_AT = 20
"""Of so many calls half may fail; the breaker is open by the twentieth at the latest."""
FIRST_REST, LONGEST_REST = timedelta(seconds=30), timedelta(minutes=5)
SHORTEST_PAUSE, LONGEST_PAUSE = timedelta(seconds=1), timedelta(minutes=15)
"""What a provider may ask for by Retry-After or X-RateLimit-Reset; outside of it somebody's clock is wrong."""
UNTOLD_PAUSE = timedelta(seconds=5)
"""Where it says *slow down* and not how long."""


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
        self._probing = False

    def admit(self) -> datetime | None:
        """None: ask now; what came of it must be told. Else the instant before which nobody shall ask."""
        with self._lock:
            now = self._now()
            waits = [at for at in (self._pause_until, self._open_until) if at is not None and at > now]
            if waits:
                return max(waits)
            if self._open_until is not None and self._probing:
                return now + FIRST_REST
            self._fill(now)
            if self._tokens < 1.0:
                return now + timedelta(seconds=(1.0 - self._tokens) / self._rate)
            self._tokens -= 1.0
            self._probing = self._open_until is not None
            return None

    def _fill(self, now: datetime) -> None:
        elapsed = max((now - self._filled).total_seconds(), 0.0)
        self._tokens, self._filled = (
            min(self._tokens + elapsed * self._rate, float(self._burst)),
            max(now, self._filled),
        )

    def worked(self) -> None:
        """The provider has answered, whatever it said of the message."""
        with self._lock:
            self._results.append(True)
            if self._open_until is not None:
                self._results.clear()
            self._open_until, self._rest, self._probing = None, FIRST_REST, False

    def failed(self) -> None:
        """No answer, or one that says that the provider itself is unwell."""
        with self._lock:
            self._results.append(False)
            if self._open_until is not None or self._is_unwell():
                self._open_until = self._now() + self._rest
                self._rest = min(self._rest * 2, LONGEST_REST)
            self._probing = False

    def _is_unwell(self) -> bool:
        lately = list(self._results)
        in_a_row = len(lately) >= IN_A_ROW and not any(lately[-IN_A_ROW:])
        return in_a_row or (len(lately) == LOOKED_AT and lately.count(False) * 2 >= LOOKED_AT)

    def pause(self, until: datetime | None) -> datetime:
        """The provider asks us to wait. Gives the instant that is really waited for."""
        with self._lock:
            now = self._now()
            asked = until or now + UNTOLD_PAUSE
            self._pause_until = min(max(asked, now + SHORTEST_PAUSE), now + LONGEST_PAUSE)
            self._probing = False
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
            reason = f"The provider rests ({self.pace.state().breaker})."
            return Receipt("refused", reason=reason, retry_at=later, counts=False)
        return told(self.pace, self.sender.send(message, token))


def told(pace: Pace, receipt: Receipt) -> Receipt:
    """Tell the pace what came of a call; a refusal that asks to slow down then says how long."""
    if receipt.meaning is Meaning.SLOW_DOWN:
        until = pace.pause(receipt.retry_at)
        return Receipt(
            "refused", receipt.ref, receipt.reason, until, receipt.meaning, receipt.code, counts=False
        )
    if receipt.outcome == "unknown" or (
        receipt.outcome == "refused" and receipt.meaning is None and receipt.counts
    ):
        pace.failed()
    else:
        pace.worked()
    return receipt

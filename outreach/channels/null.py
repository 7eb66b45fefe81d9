"""Senders that reach nobody: for tests, rehearsals and simulations."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from outreach.domain.message import Message
from outreach.service.ports_ways import Letter, Receipt

OUTCOMES = ("sent", "refused", "failed", "unknown", "lost", "crash", "crash_after")


class NullSender:
    """Takes everything and forgets it."""

    def send(self, message: Message, token: str) -> Receipt:
        return Receipt("sent", ref=f"null-{token}")


@dataclass
class RecordingSender:
    """Takes everything and remembers it, in the order of arrival."""

    taken: list[tuple[str, Message]] = field(default_factory=list)
    """(token, message)"""
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def send(self, message: Message, token: str) -> Receipt:
        with self._lock:
            self.taken.append((token, message))
            return Receipt("sent", ref=f"taken-{len(self.taken)}")

    @property
    def messages(self) -> list[Message]:
        return [message for _, message in self.taken]

    @property
    def doubled(self) -> set[str]:
        """Tokens that were taken more than once: must stay empty whatever happens."""
        tokens = [token for token, _ in self.taken]
        return {token for token in tokens if tokens.count(token) > 1}


@dataclass
class RecordingNotifier:
    """Reaches nobody and remembers whom it should have. ``script``: receipts for the letters to come, in their order;
    after its end all arrive."""

    script: list[Receipt] = field(default_factory=list)
    told: list[Letter] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def shown(self, url: str, *, trusted: bool) -> str:
        return f"Null …{url[-4:]}"

    def tell(self, letters: Sequence[Letter]) -> list[Receipt]:
        with self._lock:
            self.told += letters
            return [self.script.pop(0) if self.script else Receipt("sent") for _ in letters]


class FaultySender(RecordingSender):
    """Does what its script says, one word per message, and takes all that comes after its end.

    - ``sent`` taken, and says so
    - ``refused`` not taken, may be tried again at ``retry_at``; ``failed`` not taken, for good
    - ``unknown`` taken, but the answer was lost; ``lost`` not taken, and the answer was lost, too
    - ``crash`` the process dies (``SystemExit``) before the provider took it; ``crash_after`` right after
    """

    def __init__(self, script: Iterable[str | Receipt] = (), retry_at: datetime | None = None) -> None:
        super().__init__()
        self.script, self.retry_at, self.calls = list(script), retry_at, 0
        wrong = [word for word in self.script if isinstance(word, str) and word not in OUTCOMES]
        if wrong:
            raise ValueError(f"no such outcome: {', '.join(wrong)}; there are {', '.join(OUTCOMES)}")

    def will(self, words: Sequence[str]) -> None:
        """What it does with the next messages."""
        self.script = [*self.script[: self.calls], *["sent"] * (self.calls - len(self.script)), *words]

    def send(self, message: Message, token: str) -> Receipt:
        with self._lock:
            word = self.script[self.calls] if self.calls < len(self.script) else "sent"
            self.calls += 1
        if isinstance(word, Receipt):
            if word.outcome == "sent":
                super().send(message, token)
            return word
        if word in ("sent", "unknown", "crash_after"):
            taken = super().send(message, token)
        if word in ("crash", "crash_after"):
            raise SystemExit(f"the process died while sending ({word})")
        if word == "sent":
            return taken
        return Receipt(
            "unknown" if word == "lost" else word,
            reason=f"scripted: {word}",
            retry_at=self.retry_at if word == "refused" else None,
        )

"""What came of a backtest, as the parts of it are added up."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple


class Touched(NamedTuple):
    """One contact that would have been made, or was held back. No name and no number of anybody."""

    account: str
    playbook: str
    key: str
    """What its run is about, by the playbook's ``once_per``."""
    step: int
    attempt: int
    round: int
    channel: str
    whose: str
    """The user name of whoever would have made it; empty when nobody looks after them."""
    at: datetime
    """When it was due."""
    status: str
    because: str
    moot: bool = False
    """A call whose reason was gone within a day of when it was due, and nobody had made it."""

    @property
    def made(self) -> bool:
        """Neither held back nor taken back."""
        return self.status not in ("withheld", "expired", "cancelled")


@dataclass
class Played:
    """What came of all of it, since a day."""

    since: datetime
    until: datetime
    touches: list[Touched] = field(default_factory=list)
    runs: Counter[str] = field(default_factory=Counter)
    """Playbook → how often it started."""
    holds: Counter[str] = field(default_factory=Counter)
    """Playbook → holds on generic mail."""
    decisions: Counter[str] = field(default_factory=Counter)
    """What became of matches."""
    failures: dict[str, int] = field(default_factory=dict)
    """Account → failures in that time."""
    marked: frozenset[tuple[str, str]] = frozenset()
    """Account and key of the calls that were really made and said to be pointless."""
    events: int = 0
    seconds: float = 0.0

    def add(self, other: Played) -> None:
        self.touches += other.touches
        self.runs += other.runs
        self.holds += other.holds
        self.decisions += other.decisions
        self.failures |= other.failures
        self.events += other.events

"""How far playbooks may go, who said so, and what waits for it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple, Protocol

from outreach.domain.blast import Blast


@dataclass(frozen=True, slots=True)
class Save:
    """What somebody saved into the folder of playbooks from a page: path below it → text. A text is None where there was
    no such file, or is none any more."""

    id: str
    playbook: str
    by: str
    reason: str
    at: datetime
    before: Mapping[str, str | None]
    after: Mapping[str, str | None]
    commit: str = ""
    """In git; empty where the folder is in no repository."""
    authors: Sequence[str] = ()
    """Whoever has written to the draft, and saved it."""
    settled_at: datetime | None = None
    """When it was written down that it is in the folder; None while that is being done, or where it broke off."""


@dataclass(frozen=True, slots=True)
class Published:
    """One change of a playbook's publish state. Without a ``by``: the file itself had changed, and its first run
    started from the new ``version``."""

    playbook: str
    state: str
    percent: int
    by: str
    reason: str
    at: datetime
    version: str
    """The file's, at that time."""
    before: str
    before_percent: int

    @property
    def changes(self) -> bool:
        return (self.state, self.percent) != (self.before, self.before_percent)


class Missed(NamedTuple):
    """A trigger that came while its playbook was paused. ``event``: ``source|id``; ``due``: not before."""

    playbook: str
    account: str
    event: str
    due: datetime


@dataclass(frozen=True, slots=True)
class Ending:
    """What ends when a playbook is disabled."""

    runs: int
    calls: int
    """And tasks, that lie on the desk."""
    messages: int
    """And calls, that are planned or wait to be read."""
    holds: int
    stay: int
    """Runs that stay, since the customer has our word that we ring."""


class Publishing(Protocol):
    """One open transaction, as far as it is about this."""

    def keep_version(self, version: str, name: str, source: str, at: datetime) -> None: ...
    def version(self, version: str) -> str | None: ...
    def publish_states(self) -> dict[str, tuple[str, int]]:
        """playbook → (shadow · percent · live · paused · disabled, percent). Absent means live."""

    def set_publish_state(
        self, playbook: str, state: str, percent: int, by: str, reason: str, at: datetime
    ) -> None: ...
    def last_disabled(self) -> Mapping[str, datetime]:
        """Playbook → when it was last disabled, of those that ever were."""

    def ends_with(self, playbook: str) -> Ending: ...
    def runs_over(self, limit: int) -> list[tuple[str, str]]:
        """(account, run) of open runs that began before their playbook was disabled, or while it is: without those that
        were promised to the customer, and without those whose call somebody has taken up."""

    def add_save(self, save: Save) -> None: ...
    def saves_of(self, playbook: str, limit: int) -> Sequence[Save]:
        """Newest first."""

    def saves_unsettled(self) -> Sequence[Save]:
        """The oldest first."""

    def settle_save(self, save: Save) -> None: ...
    def drop_save(self, id_: str) -> None: ...
    def saves_since(self, at: datetime) -> Sequence[Save]:
        """Of all playbooks."""

    def add_published(self, row: Published) -> None: ...
    def published(self, playbook: str, limit: int) -> list[Published]:
        """Newest first."""

    def versions_of(self, playbook: str, limit: int) -> list[tuple[str, datetime]]:
        """(version, when its first run started), newest first."""

    def reached(self, playbook: str, since: datetime, limit: int) -> int:
        """How many accounts its runs that contact anybody were started for after that; counts up to ``limit``."""

    def blasts_standing(self) -> list[Blast]:
        """Those that are asked about, and those that were let go and hold: of each playbook one."""

    def blasts_refused(self, since: datetime) -> list[Blast]: ...
    def blast(self, playbook: str, nth: int) -> Blast | None: ...
    def blasts_of(self, playbook: str) -> int:
        """How many there have been."""

    def add_blasts(self, rows: Sequence[Blast]) -> None:
        """One that is there already stays as it is."""

    def change_blast(self, old: Blast, new: Blast) -> bool:
        """Compare and set on its state. False when somebody else was first."""

    def runs_of_blast(self, playbook: str, nth: int, limit: int) -> list[tuple[str, str]]:
        """(account, run) of the open runs that wait with it, or waited."""

    def accounts_of_blast(self, playbook: str, nth: int) -> int: ...
    def keep_missed(self, rows: Sequence[Missed]) -> None:
        """What is kept already stays."""

    def missed(self, playbooks: Collection[str], now: datetime, limit: int) -> list[Missed]: ...
    def drop_missed(self, rows: Sequence[Missed]) -> None: ...
    def put_off_missed(self, row: Missed, until: datetime) -> None: ...
    def forget_missed(self, playbook: str) -> int: ...
    def count_missed(self) -> dict[str, int]:
        """Playbook → triggers."""

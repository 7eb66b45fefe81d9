"""Runs with their touches, and what was decided about them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Protocol

from outreach.domain.plan import Decision, Run
from outreach.domain.touch import Touch


class Runs(Protocol):
    """One open transaction, as far as it is about this."""

    def runs_of(self, accounts: Collection[str]) -> list[Run]: ...
    def run(self, id_: str) -> Run | None: ...
    def save_runs(self, runs: Sequence[Run]) -> None: ...
    def runs_to_wake(self, now: datetime, limit: int) -> list[tuple[str, str]]:
        """(account, run) of open runs whose ``wake_at`` has come; claimed where the database can."""

    def touches_of(self, accounts: Collection[str]) -> list[Touch]:
        """All touches of the open runs of those accounts, and every open touch."""

    def touches_of_run(self, run: str) -> list[Touch]: ...
    def touches_of_card(self, card: str) -> list[Touch]: ...
    def touch(self, id_: str) -> Touch | None: ...
    def touch_by_token(self, token: str) -> Touch | None: ...
    def add_touches(self, touches: Sequence[Touch]) -> None: ...
    def change_touch(self, old: Touch, new: Touch) -> bool:
        """Compare and set on (id, old status, old attempt). False when somebody else was first."""

    def touches_due(self, now: datetime, limit: int) -> list[tuple[str, str]]:
        """(account, touch) with status planned or due and ``due`` reached, oldest first."""

    def touches_stuck(self, before: datetime, limit: int) -> list[Touch]:
        """Status ``sending`` with an intent older than ``before``."""

    def touches_unknown(self, limit: int) -> list[Touch]:
        """Of which nobody knows whether they left, the newest first: they are the likeliest to be found."""

    def contacts_since(self, identity: str, endpoint: str | None, since: datetime) -> list[Touch]:
        """Touches of this human or endpoint that count for caps: sending, sent, unknown, dialled."""

    def add_decisions(self, rows: Sequence[Decision]) -> None: ...
    def decisions_of(self, account: str, limit: int = 200) -> list[Decision]: ...
    def decision_of_run(self, account: str, run: str) -> Decision | None:
        """The newest that started the run, or pointed it at another trigger: it holds why."""

    def versions_of_runs(self, accounts: Collection[str]) -> dict[str, list[tuple[datetime, str]]]:
        """Run → since when it went by which version, in order; the first is the one that it started with."""

    def runs_under_way(
        self, playbook: str | None, account: str | None, not_version: str | None, limit: int
    ) -> list[Run]:
        """Open runs, the oldest first; those of another version alone, where one is named."""

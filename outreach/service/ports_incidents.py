"""Failures with one cause, and what was said about them."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Protocol

from outreach.domain.facts import Event
from outreach.domain.failure import Failure
from outreach.domain.incident import Incident, SaidAbout, Wording
from outreach.domain.touch import Touch


class Incidents(Protocol):
    """One open transaction, as far as it is about this."""

    def incident(self, id_: str) -> Incident | None: ...
    def incidents_open(self) -> list[Incident]:
        """The one opened last first."""

    def incidents_corrected(self) -> list[Incident]:
        """Open or closed, those of which more than a first wording was approved."""

    def incidents_closed(self, limit: int) -> list[Incident]:
        """The one closed last first."""

    def save_incident(self, incident: Incident) -> None: ...
    def wordings(self, incidents: Collection[str]) -> list[Wording]:
        """Of each in the order of their numbers."""

    def add_wording(self, wording: Wording) -> None: ...
    def approve_wording(self, incident: str, number: int, by: str, at: datetime) -> bool:
        """False when somebody has approved it already."""

    def hurt_lately(
        self, types: Collection[str], since: datetime, until: datetime
    ) -> list[tuple[Failure, Event]]:
        """Open failures that we learnt of then, each with every event of these types of its account at that time: not all
        of these are about it. Without what is personal; in order of time."""

    def hurt_by(self, type_: str, since: datetime, until: datetime) -> list[tuple[Failure, Event]]:
        """The same of failures that were open at some moment then, whatever has become of them."""

    def said_about(self, accounts: Collection[str]) -> list[SaidAbout]:
        """What left, or may have, and calls that reached somebody, about failures of these accounts."""

    def drafts_of(self, accounts: Collection[str]) -> list[Touch]: ...

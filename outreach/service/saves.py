"""What was saved into the folder of playbooks from a page: who, when, why, and what it was before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from outreach.domain.errors import NotFound
from outreach.service.ports import Outside, Unit
from outreach.service.ports_publishing import Save

SAVED = "playbook.saved"
"""What the audit calls it; of ``playbook/<name>``."""

Texts = Mapping[str, str | None]
"""Path below the folder → text; None for a file that is not there."""


class Book:
    """What is written down of one save: before anything is in the folder that somebody means to, and afterwards what became
    of it. So nothing is in the folder that nobody is known to have saved, whatever breaks in between."""

    def __init__(
        self, outside: Outside, playbook: str, by: str, reason: str, authors: Sequence[str] = ()
    ) -> None:
        """``authors``: whoever else has written to the draft."""
        self._outside = outside
        everybody = tuple(dict.fromkeys((*authors, by)))
        self._save = Save(
            outside.ids.new(), playbook, by, reason, outside.clock.now(), {}, {}, authors=everybody
        )

    @classmethod
    def reopened(cls, outside: Outside, save: Save) -> Book:
        """Of a save that broke off."""
        book = cls(outside, save.playbook, save.by, save.reason, save.authors)
        book._save = save
        return book

    def begin(self, before: Texts, after: Texts) -> None:
        self._save = replace(self._save, before=before, after=after)
        self._outside.database.retrying(lambda unit: unit.add_save(self._save))

    def done(self, commit: str) -> None:
        """It is in the folder. ``commit``: empty where that is in no repository."""
        save = replace(self._save, commit=commit, settled_at=self._outside.clock.now())

        def work(unit: Unit) -> None:
            unit.settle_save(save)
            unit.audit(save.at, save.by, SAVED, f"playbook/{save.playbook}", save.reason)

        self._outside.database.retrying(work)

    def undone(self) -> None:
        """Nothing of it is in the folder."""
        self._outside.database.retrying(lambda unit: unit.drop_save(self._save.id))


def broken_off(outside: Outside) -> Sequence[Save]:
    """Saves of which nobody has written down what became of them, the oldest first: those that are under way, and those that a
    crash or a lost database has interrupted."""
    with outside.database.view() as unit:
        return unit.saves_unsettled()


def of(outside: Outside, playbook: str, limit: int = 50) -> Sequence[Save]:
    """Newest first."""
    with outside.database.view() as unit:
        return unit.saves_of(playbook, limit)


def one(outside: Outside, playbook: str, id_: str) -> Save:
    """Raises NotFound."""
    found = next((save for save in of(outside, playbook, 1000) if save.id == id_), None)
    if found is None:
        raise NotFound("There is no such change to take back.")
    return found

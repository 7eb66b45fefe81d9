"""What was saved into the folder of playbooks from a page: who, when, why, and what it was before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from outreach.domain.errors import NotFound
from outreach.service.ports import Outside, Unit
from outreach.service.ports_publishing import Save

SAVED = "playbook.saved"
"""What the audit calls it; of ``playbook/<name>``."""

Texts = Mapping[str, str | None]
"""Path below the folder → text; None for a file that is not there."""


def note(
    outside: Outside,
    playbook: str,
    before: Texts,
    after: Texts,
    by: str,
    reason: str,
    commit: str = "",
    authors: Sequence[str] = (),
) -> Save:
    """The files are in the folder already: it is the folder that counts, and this is its memory. ``authors``: whoever
    else has written to the draft."""
    everybody = tuple(dict.fromkeys((*authors, by)))
    save = Save(
        outside.ids.new(), playbook, by, reason, outside.clock.now(), before, after, commit, everybody
    )

    def work(unit: Unit) -> Save:
        unit.add_save(save)
        unit.audit(save.at, by, SAVED, f"playbook/{playbook}", reason)
        return save

    done: Save = outside.database.retrying(work)
    return done


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

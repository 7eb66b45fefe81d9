"""What may be said of the incident that a failure belongs to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from outreach.domain.evaluate import failure_of
from outreach.domain.incident import Incident, Wording, belongs, current, said_in
from outreach.domain.incident import outdated as says_what_was_corrected
from outreach.domain.plan import Run
from outreach.domain.touch import Touch
from outreach.service.ledger import Ledger

LOOKED_AT = 50
"""The newest events of an account, of the incident's type, among which the failure's own is looked for."""


@dataclass(frozen=True, slots=True)
class Spoken:
    """An incident that customers may be told about."""

    incident: Incident
    now: Wording
    wordings: tuple[Wording, ...]


def spoken_of(ledger: Ledger, account: str, failure: str | None) -> Spoken | None:
    """The incident that the failure belongs to, as far as its words are approved; of several the one opened last."""
    if failure is None:
        return None
    found = (one for one in _with_words(ledger) if _is_part(ledger, one.incident, account, failure))
    return next(found, None)


def _with_words(ledger: Ledger) -> Sequence[Spoken]:
    found = []
    for incident, wordings in ledger.incidents:
        now = current(wordings)
        if now is not None:
            found.append(Spoken(incident, now, wordings))
    return found


def _is_part(ledger: Ledger, incident: Incident, account: str, failure: str) -> bool:
    vocabulary, zone = ledger.rules.vocabulary, ledger.rules.company.zone
    kind = vocabulary.get(incident.type)
    if kind is None or kind.failure is None or not failure.startswith(f"{kind.failure.kind}/"):
        return False
    events = ledger.unit.last_of(account, incident.type, LOOKED_AT)
    return any(
        belongs(incident, kind, event, zone) and failure_of(event, vocabulary) == failure for event in events
    )


def outdated(ledger: Ledger, run: Run, touch: Touch) -> bool:
    """Somebody has released words that were corrected since, of whichever incident, closed or not: they are to be read
    anew."""
    text = str((touch.draft or {}).get("text") or "")
    if not text or run.failure is None:
        return False
    known = {incident.id: (incident, wordings) for incident, wordings in ledger.incidents}
    known |= {incident.id: (incident, wordings) for incident, wordings in ledger.corrected}
    spoken = [
        wordings
        for incident, wordings in known.values()
        if said_in(text, wordings) and _is_part(ledger, incident, run.account, run.failure)
    ]
    return says_what_was_corrected(text, [each for wordings in spoken for each in wordings])

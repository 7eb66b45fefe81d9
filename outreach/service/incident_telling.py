"""One voice: what may be said of an incident is written, approved, and corrected everywhere at once."""

from __future__ import annotations

from dataclasses import replace

from outreach.domain.errors import OutreachError, Refused
from outreach.domain.incident import Wording, proposed
from outreach.domain.message import RenderFault
from outreach.domain.selling import selling
from outreach.domain.touch import Status, Touch
from outreach.service.incidents import Standing, standing, still_open
from outreach.service.ledger import Ledger
from outreach.service.ports import Outside, Unit
from outreach.service.posting import compose

LONGEST_WORDS = 1500
"""Characters."""


def write(outside: Outside, id_: str, what: str, words: str, by: str) -> Wording:
    """What happened, and what may be said of it; nobody is told before it is approved. Raises Refused for words that
    sell, or that are none."""
    what, words = what.strip(), words.strip()
    if not words or max(len(what), len(words)) > LONGEST_WORDS:
        raise Refused(f"Write what may be said, {LONGEST_WORDS} characters at most.")
    _must_be_clear(Wording(id_, 0, what, words, by, outside.clock.now()), outside.rules().company.language)
    sells = [found.words for found in selling(words)]
    if sells:
        raise Refused(f"This goes into apologies, and it would sell: {', '.join(sells[:5])}. Take it out.")
    now = outside.clock.now()

    def work(unit: Unit) -> Wording:
        still_open(unit, id_)
        number = max((each.number for each in unit.wordings([id_])), default=0) + 1
        wording = Wording(id_, number, what, words, by, now)
        unit.add_wording(wording)
        unit.audit(now, by, "wording.written", f"incident/{id_}", f"number {number}")
        return wording

    wording: Wording = outside.database.retrying(work)
    return wording


def _must_be_clear(wording: Wording, company: str) -> None:
    codes = [code or company.lower() for code, _ in wording.parts]
    twice = sorted({code for code in codes if codes.count(code) > 1})
    if twice:
        raise Refused(f"Written twice: {', '.join(twice)}. What stands above every [language] is {company}.")
    if wording.misplaced:
        raise Refused(f"{wording.misplaced} has to stand in a line of its own.")
    empty = [code for code, words in wording.parts if not words]
    if empty:
        raise Refused(f"Nothing is written below [{empty[0]}].")


def approve(outside: Outside, id_: str, number: int, by: str) -> int:
    """From now on cards say it, and mails that ask for it. Drafts are written anew with it; gives how many. What was
    released with earlier words comes back to be read before it leaves (see ``sending``). Raises Refused when there is
    a newer one, or somebody was faster."""
    now = outside.clock.now()

    def work(unit: Unit) -> int:
        still_open(unit, id_)
        newest = proposed(unit.wordings([id_]))
        if newest is None or newest.number != number:
            raise Refused("There is a newer wording, or it is approved already. Read it again.")
        if not unit.approve_wording(id_, number, by, now):
            raise Refused("Somebody has just approved it.")
        unit.audit(now, by, "wording.approved", f"incident/{id_}", f"number {number}")
        return _write_anew(unit, outside, standing(unit, outside, id_))

    count: int = outside.database.retrying(work)
    return count


def _write_anew(unit: Unit, outside: Outside, stands: Standing) -> int:
    hurt = {(failure.account, failure.id) for failure in stands.failures}
    drafts = unit.drafts_of({account for account, _ in hurt})
    ledger = Ledger(unit, outside, outside.clock.now())
    ledger.lock(sorted({draft.account for draft in drafts}))
    changed = 0
    for draft in drafts:
        touch = ledger.touches[draft.account].get(draft.id)
        run = ledger.runs[draft.account].get(draft.run)
        if touch and run and touch.status is Status.DRAFT and (run.account, run.failure) in hurt:
            fresh = _drafted(ledger, touch)
            if fresh is not None:
                ledger.put_touch(replace(touch, draft=fresh))
                changed += 1
    ledger.flush()
    return changed


def _drafted(ledger: Ledger, touch: Touch) -> dict[str, str] | None:
    """The draft as it reads now; None where it reads as it did, or cannot be written."""
    run = ledger.runs[touch.account][touch.run]
    try:
        message = compose(ledger, run, touch)
    except (RenderFault, OutreachError):
        return None
    before = touch.draft or {}
    if (message.subject, message.text) == (before.get("subject") or "", before.get("text")):
        return None
    return {"subject": message.subject, "text": message.text, "html": message.html}

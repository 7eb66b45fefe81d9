"""What follows by and by from what ops said of a playbook: what it missed is judged, what was refused or disabled ends.

Both may be thousands, so it is the clock's work, in small transactions. What a crash leaves undone is still a row.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from outreach.domain.blast import Answer
from outreach.domain.plan import LIVE, SILENT, Run
from outreach.domain.touch import Status
from outreach.service.following import tell_missed
from outreach.service.ledger import Ledger
from outreach.service.ports import Outside, Unit
from outreach.service.ports_publishing import Missed
from outreach.service.runs import end_run

REMEMBERED = timedelta(days=30)
"""So long after a no it is looked for runs that were started while it was being said."""


def missed_by_now(unit: Unit, now: datetime, limit: int) -> list[Missed]:
    """Of playbooks that go on: live, for a share of the accounts, or in shadow."""
    states = unit.publish_states()
    going_on = [name for name, (state, _) in states.items() if state not in SILENT]
    return unit.missed(going_on, now, limit) if going_on else []


def judge_missed(unit: Unit, outside: Outside, rows: Sequence[Missed]) -> None:
    """Each is judged as of its own time by the playbook as it is now, and is done with. One that was paused again
    meanwhile goes on waiting."""
    ledger = Ledger(unit, outside, outside.clock.now())
    ledger.lock(sorted({row.account for row in rows}))
    going_on = [row for row in rows if not ledger.publish_states.get(row.playbook, LIVE).is_silent]
    unit.drop_missed(going_on)
    for account in sorted({row.account for row in going_on} & ledger.accounts.keys()):
        triggers: dict[str, set[str]] = {}
        for row in going_on:
            if row.account == account:
                triggers.setdefault(row.playbook, set()).add(row.event)
        tell_missed(ledger, account, triggers)
    ledger.flush()


def over_by_now(unit: Unit, now: datetime, limit: int) -> list[tuple[str, str]]:
    """(account, run) of what ends: it waited for a second person, who said no, or its playbook was disabled."""
    refused = _refused(unit, now, limit)
    over = unit.runs_over(limit - len(refused)) if len(refused) < limit else []
    return [*refused, *(row for row in over if row not in refused)]


def _refused(unit: Unit, now: datetime, limit: int) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for blast in unit.blasts_refused(now - REMEMBERED):
        found += unit.runs_of_blast(blast.playbook, blast.nth, limit - len(found))
        if len(found) >= limit:
            break
    return found


def end_over(unit: Unit, outside: Outside, rows: Sequence[tuple[str, str]]) -> None:
    ledger = Ledger(unit, outside, outside.clock.now())
    ledger.lock(sorted({account for account, _ in rows}))
    for account, id_ in rows:
        run = ledger.runs.get(account, {}).get(id_)
        reason = _why_over(ledger, run) if run is not None and run.is_open else ""
        if run is not None and reason:
            end_run(ledger, run, reason)
    ledger.flush()


def _why_over(ledger: Ledger, run: Run) -> str:
    """Empty where it goes on: it is owed to the customer, or somebody has just taken it up."""
    if ledger.answer(run) is Answer.REFUSED:
        return "blast_radius"
    if run.is_promised or not ledger.is_over(run) or _is_taken_up(ledger, run):
        return ""
    return "disabled"


def _is_taken_up(ledger: Ledger, run: Run) -> bool:
    """It is not taken from under the hands of whoever is speaking about it; they end it, or give it back."""
    on_desk = [touch for touch in ledger.touches_of_run(run) if touch.status is Status.ON_DESK]
    cards = [ledger.unit.card(touch.card) for touch in on_desk if touch.card]
    return any(card is not None and card.claimed_by is not None for card in cards)

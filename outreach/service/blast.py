"""The blast radius at work: a run that would reach too many accounts at once waits until a second person has said yes.

It is counted by what is committed, and two workers do not see what the other is about to commit: they may go too far by
as many runs as they start in that very moment. What waits is asked again every few minutes, so a yes or a no needs no
other word than its row.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from outreach.domain import blast
from outreach.domain.blast import Answer, Blast, Radius
from outreach.domain.plan import Run
from outreach.service.ledger import Ledger


def within_radius(ledger: Ledger, run: Run) -> Run:
    """The run that is about to start: as it is, or waiting for the second person."""
    radius = ledger.rules.company.blast_radius
    if radius is None or run.shadow or run.holdout:
        return run
    since = ledger.now - radius.within
    stands = ledger.blasts.get(run.playbook)
    reached = ledger.reached(run.playbook, since, max(radius.accounts, stands.may if stands else 0) + 1)
    if not _is_counted(ledger, run, since):
        ledger.reach_one_more(run.playbook)
        reached += 1
    stands = _as_it_stands(ledger, radius, reached, stands)
    if blast.goes_too_far(radius, reached, stands):
        stands = _ask(ledger, run.playbook, reached)
    return run if stands is None or stands.state is not Answer.ASKING else replace(run, blast=stands.nth)


def _is_counted(ledger: Ledger, run: Run, since: datetime) -> bool:
    """Whether it has reached this account within the while already."""
    return any(
        other.playbook == run.playbook
        and other.id != run.id
        and other.started_at > since
        and not (other.shadow or other.holdout)
        for other in ledger.runs[run.account].values()
    )


def _as_it_stands(ledger: Ledger, radius: Radius, reached: int, last: Blast | None) -> Blast | None:
    now = blast.standing(radius, reached, last)
    if now is not last and last is not None and now is not None:
        ledger.unit.change_blast(last, now)
        del ledger.blasts[last.playbook]
    return now


def _ask(ledger: Ledger, playbook: str, reached: int) -> Blast:
    last = ledger.unit.blasts_of(playbook)
    known = ledger.unit.blast(playbook, last)
    if known is not None and known.state is Answer.ASKING:  # another worker has asked since we looked
        ledger.blasts[playbook] = known
        return known
    asks = Blast(playbook, last + 1, Answer.ASKING, ledger.now, reached)
    stands = ledger.blasts.get(playbook)
    if stands is not None:  # the yes to the last one is used up
        ledger.unit.change_blast(stands, replace(stands, state=Answer.OVER))
    ledger.put_blast(asks)
    ledger.unit.audit(ledger.now, "outreach", "playbook.asks", f"playbook/{playbook}", f"{reached} accounts")
    return asks

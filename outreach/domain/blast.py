"""The blast radius: so many accounts one playbook may reach within a while before a second person is asked."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

AS_MANY_AGAIN = 2
"""A yes to so many accounts holds for this many times as many."""


@dataclass(frozen=True, slots=True)
class Radius:
    """At most so many accounts within so long, of one playbook."""

    accounts: int = 200
    within: timedelta = timedelta(hours=1)


USUAL = Radius()


class Answer(StrEnum):
    ASKING = "asking"
    LET_GO = "let_go"
    REFUSED = "refused"
    OVER = "over"
    """It was let go, and the number has fallen below the radius since: from here on it is asked anew."""


@dataclass(frozen=True, slots=True)
class Blast:
    """One time that a playbook reached for more accounts than it may, and what a second person said of it."""

    playbook: str
    nth: int
    """Of this playbook; runs that wait name it."""
    state: Answer
    since: datetime
    accounts: int
    """How many it would have reached, with the first one that was too many."""
    may: int = 0
    """Once let go: up to so many accounts."""
    by: str = ""
    reason: str = ""
    at: datetime | None = None
    """When it was answered."""


def standing(radius: Radius, reached: int, last: Blast | None) -> Blast | None:
    """What still stands of the last time, now that ``reached`` accounts are reached within the while. The same
    value when nothing has changed."""
    if last is not None and last.state is Answer.LET_GO and reached <= radius.accounts:
        return replace(last, state=Answer.OVER)
    return last


def goes_too_far(radius: Radius, reached: int, stands: Blast | None) -> bool:
    """Whether somebody has to be asked anew. ``reached``: with the account that is about to be reached."""
    if stands is not None and stands.state is Answer.ASKING:
        return False  # it is being asked
    let_go = stands is not None and stands.state is Answer.LET_GO
    return reached > (max(stands.may, radius.accounts) if stands is not None and let_go else radius.accounts)


def let_go(blast: Blast, accounts: int, by: str, reason: str, at: datetime) -> Blast:
    """A yes to all ``accounts`` it has reached for by now; it holds for as many again, and until the number has fallen
    below the radius."""
    may = AS_MANY_AGAIN * max(accounts, blast.accounts)
    return replace(blast, state=Answer.LET_GO, may=may, by=by, reason=reason, at=at)


def refused(blast: Blast, by: str, reason: str, at: datetime) -> Blast:
    return replace(blast, state=Answer.REFUSED, by=by, reason=reason, at=at)

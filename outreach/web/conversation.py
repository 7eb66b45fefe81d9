"""Everything one card says: why, the brief, what may be offered, who they are, what came before."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from outreach.domain.account import AccountState, Promise, PromiseState
from outreach.domain.card import Card
from outreach.domain.errors import NotFound
from outreach.domain.facts import Channel, Person
from outreach.domain.failure import Failure
from outreach.domain.sight import ALL, Sight
from outreach.domain.talk import DIALLED_FOR, Outcome, Said
from outreach.domain.touch import Status, Touch
from outreach.service import outcomes
from outreach.service.briefs import WORDS_LAST
from outreach.service.ledger import Ledger
from outreach.service.ports import Outside
from outreach.store import views_accounts
from outreach.store.unit import StoreUnit
from outreach.web import board, finding
from outreach.web.agenda import DraftShown, LineShown, draft_of, lines_of
from outreach.web.relationship import (
    PAGE,
    PersonShown,
    just_put_right,
    last_spoken,
    name_of,
    people_of,
    told_of,
    winback_of,
)


@dataclass(frozen=True, slots=True)
class Conversation:
    card: Card
    person: Person | None
    zone: str
    lines: tuple[LineShown, ...]
    drafts: tuple[DraftShown, ...]
    settled: tuple[Touch, ...]
    accounts: tuple[AccountState, ...]
    seen: frozenset[str]
    """Those of its accounts whose own page this colleague may open."""
    told_of: Sequence[str]
    """Those whose relationship stands on the card."""
    people: tuple[PersonShown, ...]
    failures: tuple[Failure, ...]
    """Open ones of all its accounts, the worst first."""
    closed: tuple[Failure, ...]
    """Put right lately."""
    promises: tuple[Promise, ...]
    dial: board.Dial
    dialled_at: datetime | None
    said: tuple[str, datetime] | None
    """What they last wrote to us, and when."""
    winback: str | None
    elsewhere: tuple[finding.Akin, ...]
    """Records that may be the same human and have something open: nobody has asked yet."""
    steps: Sequence[views_accounts.Step]
    more: datetime | None
    """Where the next page of the relationship begins."""

    @property
    def calls(self) -> list[LineShown]:
        return [line for line in self.lines if line.touch.channel is Channel.CALL]

    @property
    def deadline(self) -> datetime | None:
        return min((line.touch.deadline for line in self.calls if line.touch.deadline), default=None)

    @property
    def name(self) -> str:
        if self.person and self.person.name:
            return self.person.name
        return name_of(self.accounts[0]) if self.accounts else "Somebody"


@dataclass(frozen=True, slots=True)
class _Read:
    """The card as it was read, once for all its parts."""

    card: Card
    ledger: Ledger
    touches: Sequence[Touch]
    person: Person | None
    waiting: Sequence[Outcome]
    """What was said of it and waits to be written down."""

    @property
    def accounts(self) -> tuple[AccountState, ...]:
        return tuple(self.ledger.accounts[id_] for id_ in sorted(self.ledger.accounts))

    @property
    def zone(self) -> str:
        theirs = (self.person.zone if self.person else None) or (
            self.accounts[0].described.get("zone") if self.accounts else None
        )
        return theirs or self.ledger.rules.company.zone

    @property
    def right(self) -> set[str]:
        """Failures that have just been said to be put right."""
        return {failure for outcome in self.waiting for failure in outcome.put_right}

    @property
    def failures(self) -> list[Failure]:
        right = self.right
        found = (failure for state in self.accounts for failure in state.failures.values())
        return [failure for failure in found if failure.id not in right]

    def those(self, status: Status) -> tuple[Touch, ...]:
        return tuple(touch for touch in self.touches if touch.status is status)

    def on_desk(self) -> list[Touch]:
        """But for what was said already."""
        touches = self.those(Status.ON_DESK)
        done = {t.id for outcome in self.waiting for t in outcomes.ticked(self.ledger, touches, outcome)}
        return [touch for touch in touches if touch.id not in done]


def conversation(
    unit: StoreUnit,
    outside: Outside,
    card_id: str,
    now: datetime,
    before: datetime | None = None,
    sight: Sight = ALL,
    said: Sequence[Said] = (),
) -> Conversation:
    """All there is to speak of, at whichever account; the accounts themselves only as far as ``sight`` goes. What was
    ``said`` of it and waits to be written down counts already. Raises NotFound."""
    read = _read(unit, outside, card_id, now, said)
    person, accounts, on_desk = read.person, read.accounts, read.on_desk()
    seen = _seen(accounts, sight)
    told = told_of(accounts, seen)
    steps = views_accounts.timeline(unit, told, before, PAGE + 1)
    return Conversation(
        card=read.card,
        person=person,
        zone=read.zone,
        lines=lines_of(read.ledger, on_desk),
        drafts=tuple(draft_of(read.ledger, touch) for touch in read.those(Status.DRAFT)),
        settled=read.those(Status.SETTLED),
        accounts=accounts,
        seen=seen,
        told_of=told,
        people=people_of(read.ledger, seen, person, last_spoken(unit, outside, seen)),
        failures=_worst_first(read.failures),
        closed=tuple(failure for failure in read.failures if just_put_right(failure, now)),
        promises=_promises(accounts),
        dial=board.dial_of(read.ledger, on_desk, read.zone),
        dialled_at=_dialled(on_desk, now),
        said=_said(unit, accounts, person, now),
        winback=winback_of(unit, outside, accounts, person.id if person else None, now, read.right),
        elsewhere=_elsewhere(unit, person),
        steps=steps[:PAGE],
        more=steps[PAGE - 1].at if len(steps) > PAGE else None,
    )


def _read(unit: StoreUnit, outside: Outside, card_id: str, now: datetime, said: Sequence[Said]) -> _Read:
    card = unit.card(card_id)
    if card is None:
        raise NotFound("There is no such card. It may have been merged with another.")
    stored = unit.touches_of_card(card_id)
    ledger = Ledger(unit, outside, now)
    ledger.lock(sorted({touch.account for touch in stored}))
    touches = [ledger.touches.get(touch.account, {}).get(touch.id, touch) for touch in stored]
    named = next((touch.person for touch in touches if touch.person), None)
    person = ledger.person(named) if named else None
    return _Read(card, ledger, touches, person, [each.outcome for each in said if each.fault is None])


def _seen(accounts: Iterable[AccountState], sight: Sight) -> frozenset[str]:
    return frozenset(
        state.id
        for state in accounts
        if sight.sees(state.described.get("owner"), state.described.get("team"))
    )


def _worst_first(failures: Iterable[Failure]) -> tuple[Failure, ...]:
    open_ones = (failure for failure in failures if failure.is_open)
    return tuple(sorted(open_ones, key=lambda failure: (-failure.severity, failure.opened_at)))


def _said(
    unit: StoreUnit, accounts: Iterable[AccountState], person: Person | None, now: datetime
) -> tuple[str, datetime] | None:
    found = [event for state in accounts for event in unit.last_of(state.id, "message.received", 5)]
    theirs = [
        event for event in found
        if event.time > now - WORDS_LAST and event.data.get("text")
        and (person is None or event.data.get("person_id") == person.id)
    ]  # fmt: skip
    newest = max(theirs, key=lambda event: event.time, default=None)
    return (str(newest.data["text"]), newest.time) if newest else None


def _elsewhere(unit: StoreUnit, person: Person | None) -> tuple[finding.Akin, ...]:
    akin = finding.akin_of(unit, person.id) if person else ()
    return tuple(each for each in akin if each.state == "suggested" and each.open)


def _promises(accounts: Iterable[AccountState]) -> tuple[Promise, ...]:
    waiting = (PromiseState.OPEN, PromiseState.BROKEN)
    found = [p for state in accounts for p in state.promises.values() if p.state in waiting]
    return tuple(sorted(found, key=lambda promise: promise.until))


def _dialled(touches: Iterable[Touch], now: datetime) -> datetime | None:
    dialled = [
        t.intent_at for t in touches
        if t.channel is Channel.CALL and t.intent_at is not None and now - t.intent_at < DIALLED_FOR
    ]  # fmt: skip
    return max(dialled, default=None)

"""The account managers of the demo: in their hours they go through the desk as people do, and leave some
of it for tomorrow. Everything they do goes through the desk's own services."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import datetime, timedelta
from functools import partial
from random import Random

from outreach.domain.account import PromiseState
from outreach.domain.errors import NotFound, Refused
from outreach.domain.facts import Channel
from outreach.domain.sight import ALL
from outreach.domain.talk import Outcome, PromiseMade
from outreach.domain.touch import Disposition
from outreach.lab.player import Player
from outreach.lab.scratch import Scratch
from outreach.service import desk, outcomes
from outreach.store import views_desk
from outreach.store.views_desk import DeskLine, Draft

BETWEEN_ROUNDS = timedelta(hours=4)
UNREAD = timedelta(hours=3)
"""A draft rests so long before somebody reads it."""
LATELY = timedelta(hours=40)
THIS_MONTH = timedelta(days=25)
_PROMISES = (
    "a new delivery",
    "the missing parts by express",
    "a fitter with the right doors",
    "the freight back",
)
_NOTES = ("Was glad that we rang.", "Short of time, wants it settled by mail.", "Had given up on us.", "")
_NOT_RIGHT = ("It is still crooked.", "Again nobody came.", "The part does not fit.")


class Colleagues:
    """``until``: when the history ends. ``hands_off``: accounts whose last weeks are told
    elsewhere."""

    def __init__(
        self, house: Scratch, player: Player, rng: Random, until: datetime, hands_off: Collection[str] = ()
    ) -> None:
        self.house, self.player, self.rng, self.until, self.hands_off = house, player, rng, until, hands_off
        self.company = house.outside.rules().company

    def come_to_work(self) -> None:
        for team in self.company.teams.values():
            self.player.plan(team.calendar.next_open(self.house.now), partial(self._round, team.name))

    def _round(self, team: str) -> datetime | None:
        with self.house.database.view() as unit:
            lines = [
                line
                for line in views_desk.desk_lines(unit)
                if line.team == team and line.due < self.house.now
            ]
            drafts = [draft for draft in views_desk.drafts(unit, ALL) if draft.team == team]
        for card in sorted({line.card for line in lines}):
            self._ring(card)
        for draft in drafts:
            self._draft(draft)
        again = self.company.teams[team].calendar.next_open(self.house.now + BETWEEN_ROUNDS)
        return again if again < self.until else None

    def _leaves(self, account: str) -> bool:
        """What came lately mostly waits, so that there is something on the desk."""
        if account in self.hands_off and self.house.now > self.until - THIS_MONTH:
            return True
        return self.house.now > self.until - LATELY and self.rng.random() < 0.7

    # -- drafts

    def _draft(self, draft: Draft) -> None:
        touch, by = draft.touch, draft.owner or "jonas"
        if touch.due > self.house.now - UNREAD or self._leaves(touch.account):
            return
        said = touch.draft or {}
        try:
            if self.rng.random() < 0.85:
                desk.release(self.house.outside, touch.id, by, said.get("subject") or "", said["text"])
            else:
                desk.discard(self.house.outside, touch.id, by, "Spoke with them on the phone.")
        except (Refused, NotFound):
            pass  # it ended while others were read

    # -- calls

    def _ring(self, card: str) -> None:
        calls = self._calls(card)
        if not calls or any(self._leaves(line.account) for line in calls):
            return
        by = calls[0].owner or self.company.teams[calls[0].team or "berlin"].members[0]
        outside = self.house.outside
        try:
            desk.claim(outside, card, by)
            ruling = desk.dial(outside, card, by)
            if not ruling.sends:
                desk.let_go(outside, card, by)
                self._ring_at(ruling.until, card)
                return
            outcome = self._spoken(by, calls) if self.rng.random() < 0.65 else self._rang_in_vain()
            outcomes.settle(outside, card, by, outcome)
        except (Refused, NotFound):
            return
        if outcome.promise:
            self._see_to(calls, by)

    def _calls(self, card: str) -> list[DeskLine]:
        with self.house.database.view() as unit:
            lines = [line for line in views_desk.desk_lines(unit) if line.card == card]
        return [line for line in lines if line.channel is Channel.CALL and not line.locked]

    def _ring_at(self, at: datetime | None, card: str) -> None:
        """Whoever wants to be called at five is called at five, outside the rounds."""
        if at is not None and self.house.now < at < self.until:
            self.player.plan(at, partial(self._ring, card))

    def _rang_in_vain(self) -> Outcome:
        return Outcome(self.rng.choice((Disposition.NO_ANSWER, Disposition.NO_ANSWER, Disposition.VOICEMAIL)))

    def _spoken(self, by: str, calls: list[DeskLine]) -> Outcome:
        failures = sorted({line.failure for line in calls if line.failure})
        note = self.rng.choice(_NOTES)
        again = any(line.attempt > 1 for line in calls) or self.rng.random() < 0.5
        if not failures:
            return Outcome(Disposition.REACHED, note=note)
        if again or not self._may_promise(calls):
            self._may_reopen(calls[0].account, failures[0], by)
            said_by = "customer" if self.rng.random() < 0.7 else "am"
            return Outcome(
                Disposition.REACHED,
                note=note,
                put_right=failures,
                said_by=said_by,
                reason="Agreed on the phone.",
            )
        until = self.house.now + timedelta(days=self.rng.randint(1, 4))
        promise = PromiseMade(self.rng.choice(_PROMISES), until, failures[0])
        return Outcome(Disposition.REACHED, note=note, promise=promise)

    def _may_promise(self, calls: list[DeskLine]) -> bool:
        """Nobody makes a second promise on top of a broken one."""
        return not any(line.playbook == "broken-promise" for line in calls)

    def _may_reopen(self, account: str, failure: str, by: str) -> None:
        at = self.house.now + timedelta(days=self.rng.randint(2, 9))
        if self.rng.random() > 0.06 or at > self.until - LATELY:
            return

        def not_right() -> None:
            desk.not_right(self.house.outside, account, failure, by, self.rng.choice(_NOT_RIGHT))

        self.player.plan(at, not_right)

    def _see_to(self, calls: list[DeskLine], by: str) -> None:
        """Most promises are kept in time, some late, some not at all."""
        for account, promise, until in self._open_promises({line.account for line in calls}):
            luck = self.rng.random()
            if luck < 0.92:
                at = until - timedelta(hours=2) if luck < 0.85 else until + timedelta(hours=20)
                self.player.plan(at, partial(self._keep, account, promise, by))

    def _open_promises(self, accounts: Collection[str]) -> Iterator[tuple[str, str, datetime]]:
        with self.house.database.view() as unit:
            states = [unit.account(account) for account in sorted(accounts)]
        for state in states:
            for promise in state.promises.values() if state else ():
                if promise.state is PromiseState.OPEN and promise.made_at == self.house.now:
                    yield promise.account, promise.id, promise.until

    def _keep(self, account: str, promise: str, by: str) -> None:
        desk.tell(self.house.outside, "promise.kept", account, {"promise_id": promise}, by)

"""Why, and why not: of any account, playbook and moment. Asks the rooms that decide, and tells what is recorded."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from outreach.domain.account import AccountState
from outreach.domain.conditions import Scope
from outreach.domain.errors import NotFound
from outreach.domain.evaluate import explain, failure_of, key_of, scope_of
from outreach.domain.facts import Event, Trace, Verdict
from outreach.domain.fold import fold, in_order
from outreach.domain.history import History
from outreach.domain.plan import Decision, Run, Stopped
from outreach.domain.playbook import Playbook
from outreach.domain.recipient import hurt_one
from outreach.service.by_hand import NOT_STARTED
from outreach.service.ledger import Ledger
from outreach.service.named import unknown, unknown_account
from outreach.service.ports import Outside
from outreach.service.telling import whole_history
from outreach.service.why_run import Look, run_story
from outreach.service.why_stopped import published, stopped_by
from outreach.service.why_told import Answer, Mark, NotListening, Point, Why

DECISIONS = 5_000
"""So many of an account are looked at, the newest."""
_VERDICTS = {Verdict.TRUE: "not_decided", Verdict.FALSE: "no", Verdict.CANNOT_TELL: Stopped.CANNOT_TELL.value}
_HEADS = {
    **NOT_STARTED,
    "started": "a run started",
    "moved": "a run started, and was moved to a newer version since",
    "no": "its condition does not hold",
    "cannot_tell": "it cannot tell",
    "not_decided": "its condition holds, and nothing is recorded: it may be newer than the event",
}
AS_OF_THEN = (
    "Events are told in the content that they have today.",
    "Who is known there, the playbooks' files and the law are today's.",
)
"""What is not recorded of a moment that is over."""


def why(
    outside: Outside,
    account: str,
    *,
    playbook: str | None = None,
    at: datetime | None = None,
    event: str | None = None,
    limit: int = 50,
) -> Answer:
    """For the account's newest events and every playbook that listens to them: what came of it, or why nothing did, and
    how the run stands. ``at``: as it was known then. ``event``: its id, or ``source|id``. Raises NotFound, with what may
    have been meant."""
    with outside.database.view() as unit:
        now = outside.clock.now()
        ledger = Ledger(unit, outside, now)
        ledger.lock([account])
        if account not in ledger.accounts:
            raise unknown_account(unit, account)
        moment = now if at is None or at >= now else at
        asking = _Asking(ledger, account, Look(outside, ledger, moment, moment == now), playbook, event)
        rows = list(asking.rows(limit))
        return Answer(
            account, str(ledger.accounts[account].described.get("name") or account), moment, moment == now,
            tuple(rows), tuple(asking.not_listening()), tuple(asking.notes()), max(0, asking.pairs - limit),
        )  # fmt: skip


def judged(outside: Outside, account: str, limit: int) -> list[Why]:
    """The same without the stories of the runs. Raises NotFound."""
    with outside.database.view() as unit:
        now = outside.clock.now()
        ledger = Ledger(unit, outside, now)
        if unit.account(account) is None:
            raise unknown_account(unit, account)
        asking = _Asking(ledger, account, Look(outside, ledger, now, True), None, None)
        return [row for row, _ in asking.judged(limit)]


def head_of(outcome: str) -> str:
    """What came of an event and a playbook, inside a sentence."""
    head = _HEADS.get(outcome, outcome.replace("_", " ")).rstrip(".")
    return head[:1].lower() + head[1:]


@dataclass(frozen=True, slots=True)
class _Pair:
    """An event, and a playbook that listens to it or has decided on it."""

    event: Event
    playbook: str
    decision: Decision | None


class _Asking:
    """One question about one account."""

    def __init__(
        self, ledger: Ledger, account: str, look: Look, playbook: str | None, event: str | None
    ) -> None:
        self.ledger, self.account, self.look = ledger, account, look
        self.decided = self._decided()
        known = in_order(e for e in ledger.unit.events_of(account) if e.arrived <= look.at)
        self.events = [e for e in known if not e.retracted]
        self.playbook = self._known_playbook(playbook)
        self.asked, self.of_one_event = self._asked(known, event), event is not None
        self.pairs = 0

    def _decided(self) -> dict[tuple[str, str], Decision]:
        rows = self.ledger.unit.decisions_of(self.account, DECISIONS)
        return {(row.event, row.playbook): row for row in reversed(rows) if row.at <= self.look.at}

    def _known_playbook(self, name: str | None) -> str | None:
        known = {*self.ledger.rules.playbooks, *(playbook for _, playbook in self.decided)}
        if name is not None and name not in known:
            raise unknown("playbook", name, known)
        return name

    def _asked(self, known: list[Event], event: str | None) -> list[Event]:
        """Newest first; of what was taken back only what something was decided about."""
        if event is None:
            decided = {ref for ref, _ in self.decided}
            return [e for e in reversed(known) if not e.retracted or e.ref in decided]
        found = [e for e in known if event in (e.ref, e.id)]
        if not found:
            raise NotFound(f"{self.account} has had no event {event}.")
        return found[::-1]

    # -- event by event ------------------------------------------------------------------------------

    def rows(self, limit: int) -> Iterator[Why]:
        for row, scope in self.judged(limit):
            yield replace(row, story=tuple(self._story(row, scope)))

    def judged(self, limit: int) -> Iterator[tuple[Why, Scope | None]]:
        pairs = list(self._pairs())
        self.pairs = len(pairs)
        pairs = pairs[:limit]
        scopes = self._scopes({pair.event.ref for pair in pairs})
        for pair in pairs:
            scope = scopes.get(pair.event.ref)
            yield self._row(pair, scope), scope

    def _pairs(self) -> Iterator[_Pair]:
        for event in self.asked:
            listening = (
                [] if event.retracted else [p.name for p in self.ledger.rules.by_type.get(event.type, ())]
            )
            recorded = [playbook for ref, playbook in self.decided if ref == event.ref]
            for name in sorted({*listening, *recorded}, reverse=True):
                if self.playbook in (None, name):
                    yield _Pair(event, name, self.decided.get((event.ref, name)))

    def _scopes(self, wanted: set[str]) -> dict[str, Scope]:
        """What the conditions saw: the account told up to each event."""
        ledger, history = self.ledger, whole_history(self.events)
        state, found = AccountState(self.account), {}
        for event in self.events:
            fold(state, event, ledger.rules.folding)
            if event.ref in wanted:
                found[event.ref] = self._scope(event, state, history)
        return found

    def _scope(self, event: Event, state: AccountState, history: History) -> Scope:
        ledger, people = self.ledger, self.ledger.people_of(self.account)
        failure = state.failures.get(failure_of(event, ledger.rules.vocabulary) or "")
        person = hurt_one(ledger.person(event.data.get("person_id")), self.account, people)
        return scope_of(event, state, history, person=person, failure=failure, people=people)

    def _row(self, pair: _Pair, scope: Scope | None) -> Why:
        decision, playbook = pair.decision, self.ledger.rules.playbooks.get(pair.playbook)
        trace = (decision.trace if decision else None) or self._explained(playbook, scope)
        outcome = decision.outcome if decision else _VERDICTS[trace.verdict]
        at = decision.at if decision else None
        zone = self.ledger.rules.company.zone
        return Why(pair.event, pair.playbook, outcome, trace, at, head_of(outcome), zone=zone)

    def _explained(self, playbook: Playbook | None, scope: Scope | None) -> Trace:
        if playbook is None or scope is None:
            return Trace("if", "what it saw is not kept", Verdict.CANNOT_TELL)
        return explain(playbook, scope)

    def _story(self, row: Why, scope: Scope | None) -> Iterator[Point]:
        """How the run stands, or what stopped one."""
        ledger, playbook = self.ledger, self.ledger.rules.playbooks.get(row.playbook)
        if row.event.retracted:
            yield Point("the event was taken back since", Mark.AGAINST, "retracted")
        run = self._run_of(row)
        if run is not None:
            yield run_story(self.look, run)
        elif row.outcome in set(Stopped) and playbook is not None and scope is not None:
            key = key_of(row.event, playbook, scope)
            yield from stopped_by(
                self.look, row.outcome, row.event, playbook, key, row.decided_at or self.look.at
            )
        state = published(ledger, row.playbook)
        if state is not None and row.outcome != Stopped.NOT_LIVE and self.look.is_now:
            yield Point(state, Mark.NOTE, "published")

    def _run_of(self, row: Why) -> Run | None:
        decision = self.decided.get((row.event.ref, row.playbook))
        return self.ledger.runs[self.account].get(decision.run or "") if decision else None

    # -- beyond the events ---------------------------------------------------------------------------

    def not_listening(self) -> Iterator[NotListening]:
        """Playbooks that heard of nothing. Of one event only the playbook that is asked about."""
        heard = {event.type for event in self.asked}
        since = min((event.time for event in self.events), default=None)
        for name, playbook in sorted(self.ledger.rules.playbooks.items()):
            wanted = name == self.playbook if self.playbook or self.of_one_event else True
            recorded = any(decided == name for _, decided in self.decided)
            if wanted and heard.isdisjoint(playbook.when) and not recorded:
                yield NotListening(name, playbook.when, self._heard_nothing(name, playbook, since))

    def _heard_nothing(self, name: str, playbook: Playbook, since: datetime | None) -> str:
        ever = f" since {self.look.told(since)}, when we first heard of it" if since else ""
        return f"{name} listens to {', '.join(playbook.when)}; {self.account} has had none of these{ever}."

    def notes(self) -> Iterator[str]:
        for parked in self.ledger.unit.parked_for([self.account]):
            until = f" until {self.look.told(parked.until)}" if parked.until else ""
            yield f"{parked.event.type} waits{until}: {_PARKED.get(parked.reason, parked.reason)}."
        if self.look.is_now and self.ledger.kill_switch:
            yield "All sending is stopped by the kill switch."
        if not self.look.is_now:
            yield from AS_OF_THEN


_PARKED = {"future": "it is dated ahead", "unknown_account": "the account was not known"}

"""A colleague starts a playbook by hand: its ``if`` is overruled for one event, and everything else is asked as always."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from outreach.domain.errors import NotFound, Refused
from outreach.domain.evaluate import BY_HAND, failure_of
from outreach.domain.facts import Event
from outreach.domain.plan import LIVE, Run, Stopped
from outreach.domain.playbook import Playbook
from outreach.domain.touch import Status, Touch
from outreach.service.intake import absorb_own, own_event
from outreach.service.ledger import Ledger
from outreach.service.ports import Outside, Unit

NEWEST = 3
"""Of each kind of event so many are offered."""
CONTACTS = ("live", "percent")
"""Publish states in which a playbook contacts anybody."""
NOT_STARTED: Mapping[str, str] = {
    Stopped.ONCE_PER: "It has run for this already.",
    Stopped.IF_RUNNING: "It is under way for them already.",
    Stopped.COOLDOWN: "It ran for them lately, and its cooldown is not over.",
    Stopped.TOO_LATE: "That is too long ago for it.",
    Stopped.HOLDOUT: "They are among those it leaves alone, to measure what it is worth.",
    Stopped.PAUSED: "It is paused.",
    Stopped.CLOSED: "What broke was closed before it could begin.",
    Stopped.NOT_LIVE: "It is not live for this customer.",
}


@dataclass(frozen=True, slots=True)
class Offer:
    """A playbook that can be started by hand, and what it would be about."""

    playbook: Playbook
    trigger: Event


def offers(unit: Unit, outside: Outside, account: str) -> list[Offer]:
    """The newest events first, of each playbook at most a few; without what it runs for already, what is closed, and
    what is too long ago."""
    rules = outside.rules()
    state = unit.account(account)
    if state is None or rules.vocabulary.get(BY_HAND) is None:
        return []
    started = {
        (run.playbook, run.trigger) for run in unit.runs_of([account]) if not (run.taken_back or run.shadow)
    }
    states = unit.publish_states()
    found = []
    for playbook in rules.playbooks.values():
        if states.get(playbook.name, (LIVE.state,))[0] not in CONTACTS:
            continue
        for event in _newest(unit, account, playbook, outside.clock.now()):
            failure = state.failures.get(failure_of(event, rules.vocabulary) or "")
            closed = failure is not None and not failure.is_open
            if (playbook.name, event.ref) not in started and not closed:
                found.append(Offer(playbook, event))
    return sorted(found, key=lambda offer: (offer.trigger.order, offer.playbook.name), reverse=True)


def _newest(unit: Unit, account: str, playbook: Playbook, now: datetime) -> Iterator[Event]:
    for type_ in playbook.when:
        for event in unit.last_of(account, type_, NEWEST):
            if now - event.time <= playbook.horizon.plain:
                yield event


def start(outside: Outside, account: str, playbook: str, trigger: str, by: str, why: str) -> list[Touch]:
    """Start it. Gives the run's first touches, as they stand now. Raises NotFound, and Refused with the reason when
    nothing starts: then nothing has happened."""
    if not why.strip():
        raise Refused("Say in a few words why.")

    def work(unit: Unit) -> list[Touch]:
        ledger = Ledger(unit, outside, outside.clock.now())
        ledger.lock([account])
        event = _offered(unit, outside, account, playbook, trigger)
        data = {"playbook": playbook, "trigger": trigger, "by": by, "why": why.strip()}
        data |= {"person_id": event.data["person_id"]} if event.data.get("person_id") else {}
        absorb_own(ledger, [own_event(BY_HAND, account, data, ledger.now, outside.ids.new())])
        run = _started(ledger, account, playbook, trigger)
        touches = ledger.touches_of_run(run)
        ledger.flush()
        unit.audit(ledger.now, by, BY_HAND, account, playbook)
        return touches

    touches: list[Touch] = outside.database.retrying(work)
    return touches


def _offered(unit: Unit, outside: Outside, account: str, playbook: str, trigger: str) -> Event:
    for offer in offers(unit, outside, account):
        if (offer.playbook.name, offer.trigger.ref) == (playbook, trigger):
            return offer.trigger
    raise NotFound("It cannot be started for this any more. Look at the account again.")


def _started(ledger: Ledger, account: str, playbook: str, trigger: str) -> Run:
    """Raises Refused: with the unit's end everything is as if nobody had asked."""
    decisions = [each for each in ledger.decisions if (each.event, each.playbook) == (trigger, playbook)]
    outcome = decisions[-1].outcome if decisions else Stopped.NOT_LIVE
    if outcome != "started":
        raise Refused(f"Not started. {NOT_STARTED.get(outcome, outcome)}")
    run = next(run for run in ledger.runs[account].values() if run.id == decisions[-1].run)
    if not run.is_open and run.end_reason == Stopped.SUPERSEDED:
        raise Refused("Not started. A playbook that goes before it is under way.")
    return run


def why_of(unit: Unit, run: Run) -> str:
    """What was said when it was started; empty when nobody did, or once it is erased."""
    asked = unit.last_of(run.account, BY_HAND, 50)
    named = (event.data for event in asked if event.data.get("trigger") == run.trigger)
    return next((str(data.get("why") or "") for data in named if data.get("playbook") == run.playbook), "")


def standing(touches: list[Touch]) -> str:
    """What came of starting it, as one sentence."""
    if any(touch.status is Status.ON_DESK for touch in touches):
        return "The card is on the desk."
    refused = next((touch for touch in touches if touch.status in (Status.WITHHELD, Status.EXPIRED)), None)
    if refused is not None:
        return f"But its first contact may not be made: {refused.sentence}"
    asks = next((touch for touch in touches if touch.because == "blast_radius" and touch.is_open), None)
    return f"Its first contact waits. {asks.sentence}" if asks else "Its first contact waits for its time."

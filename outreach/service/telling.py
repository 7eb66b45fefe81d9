"""Telling one account its events: fold them in order, let time make its own in between, and judge.

What time makes happens at its instant, whenever the bell rings: between two events that came late or in
one batch it is told where it belongs. So a plan never depends on how often somebody looked.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import groupby

from outreach.domain.account import AccountState, Due
from outreach.domain.conditions import Scope
from outreach.domain.evaluate import BY_HAND, Match, failure_of, judge, match_by_hand, scope_of
from outreach.domain.facts import CLOCK_SOURCE, Event, Person
from outreach.domain.fold import fold, in_order
from outreach.domain.history import Happening, History
from outreach.domain.recipient import hurt_one
from outreach.service.front import Incoming, check, from_clock, whole
from outreach.service.ledger import Ledger
from outreach.service.ports_events import NewEvent, WindowNeed

Rows = dict[str, list[Happening]]


def whole_history(events: Iterable[Event]) -> History:
    """The windows of a whole account, from its events in order."""
    rows: Rows = {}
    _remember(rows, events)
    return History(rows)


def _remember(rows: Rows, events: Iterable[Event]) -> None:
    for event in events:
        rows.setdefault(event.type, []).append(Happening(event.time, event.key, event.amount, event.data))


class Telling:
    """One telling. ``rows`` are the windows that the news ask for, as stored; None when everything is
    told from the first event on: then they grow with what is told."""

    def __init__(
        self, ledger: Ledger, state: AccountState, rows: Rows | None, judged_from: datetime | None = None
    ) -> None:
        self.ledger, self.state, self.judged_from = ledger, state, judged_from
        self.told: list[Event] = []
        self.made: list[NewEvent] = []
        self.matches: list[Match] = []
        self.by_hand: set[tuple[str, str]] = set()
        """(playbook, trigger) of those among the matches that a colleague asked for."""
        self._anew = rows is None
        self._rows: Rows = {} if rows is None else rows
        self._history = History(self._rows)
        self._retracted: list[Event] = []
        self._revived: list[Event] = []

    def tell(self, events: Iterable[Event]) -> Telling:
        for instant, same in groupby(in_order(events), key=lambda event: event.time):
            self.wait_until(instant)
            self._tell_instant(instant, list(same))
        return self

    def wait_until(self, instant: datetime) -> None:
        """What time makes before that instant."""
        while (due := self._first_due(before=instant)) is not None:
            self._tell_instant(due.at, [])

    def _tell_instant(self, instant: datetime, events: Sequence[Event]) -> None:
        """All events of one instant are folded before any of them is judged, so that their order does
        not matter: first what was sent, then what time makes of it at once."""
        told = [event for event in events if event.source != CLOCK_SOURCE and self._fold(event)]
        stored = {event.id: event for event in events if event.source == CLOCK_SOURCE}
        made = []
        while ids := self._due_ids(instant) | stored.keys():
            event = stored.pop(min(ids), None)
            if event is None:
                made.append(self._make(min(ids)))
            elif self._fold(event):
                told.append(event)
        if self._anew:
            _remember(self._rows, told)
        _remember(self._rows, made)
        self.told += told + made
        for event in told:
            self._judge(event, self._history)
        for event in made:
            self._judge(event, self._history if self._anew else self._history_for(event))

    def _first_due(self, before: datetime) -> Due | None:
        dues = [due for due in self._known_dues() if due.at < before]
        return min(dues, key=lambda due: due.at, default=None)

    def _due_ids(self, instant: datetime) -> set[str]:
        return {due.event_id for due in self._known_dues() if due.at <= instant}

    def _known_dues(self) -> list[Due]:
        """A type that was taken out of the vocabulary makes no events; the clock puts its rows aside."""
        known = self.ledger.rules.vocabulary.types
        return [due for due in self.state.dues.values() if due.type in known]

    def _fold(self, event: Event) -> bool:
        told = fold(self.state, event, self.ledger.rules.folding)
        if told and event.retracted:
            self._revived.append(event)
        elif not told and not event.retracted:
            self._retracted.append(event)
        return told

    def _make(self, event_id: str) -> Event:
        rules = self.ledger.rules
        due = next(due for due in self.state.dues.values() if due.event_id == event_id)
        item = check(from_clock(due, self.state.version), rules.vocabulary, self.ledger.now, internal=True)
        if not isinstance(item, Incoming):
            raise ValueError(f"vocabulary.yaml refuses our own {due.type}: {'; '.join(item.reasons)}")
        self.made.append(NewEvent(item.event, item.hash, item.private))
        if self.judged_from is not None:  # news before the news: what came after it is decided again, too
            self.judged_from = min(self.judged_from, due.at)
        event = whole(item.event, item.private)
        fold(self.state, event, rules.folding)
        return event

    def _judge(self, event: Event, history: History) -> None:
        rules = self.ledger.rules
        if self.judged_from and event.time < self.judged_from:
            return
        if event.type == BY_HAND:
            self._judge_by_hand(event, history)
        if event.type in rules.by_type:
            scope = self._scope_of(event, history, about_people=event.type in rules.about_people)
            self.matches += judge(event, scope, rules)

    def _judge_by_hand(self, asked: Event, history: History) -> None:
        """What it is about was told before: whoever asks by hand has the account told anew."""
        trigger = next((event for event in self.told if event.ref == asked.data.get("trigger")), None)
        if trigger is None:
            return
        scope = self._scope_of(trigger, history, about_people=True)
        match = match_by_hand(asked, trigger, scope, self.ledger.rules)
        if match is not None:
            self.matches.append(match)
            self.by_hand.add((match.playbook.name, trigger.ref))

    def _scope_of(self, event: Event, history: History, *, about_people: bool) -> Scope:
        person, people = self._who(event, about_people=about_people)
        return scope_of(
            event,
            self.state,
            history,
            person=person,
            people=people,
            failure=self.state.failures.get(failure_of(event, self.ledger.rules.vocabulary) or ""),
        )

    def _who(self, event: Event, *, about_people: bool) -> tuple[Person | None, list[Person] | None]:
        """Who was hurt, and who is known there, where somebody asks for that."""
        person = self.ledger.person(event.data.get("person_id"))
        people = self.ledger.people_of(self.state.id) if about_people else None
        return person if people is None else hurt_one(person, self.state.id, people), people

    def _history_for(self, made: Event) -> History:
        """The windows that nobody could have asked for before it was made."""
        needs = self.ledger.rules.needs.get(made.type, ())
        since = {need.type: None if need.within is None else made.time - need.within for need in needs}
        asked = [WindowNeed(self.state.id, need.type, since[need.type], need.data) for need in needs]
        rows = self.ledger.unit.windows(asked).get(self.state.id, {}) if asked else {}
        _remember(rows, self._told_and_made())
        return History(rows)

    def _told_and_made(self) -> list[Event]:
        made = {new.event.ref for new in self.made}
        return [event for event in self.told if event.ref in made]

    def keep(self) -> None:
        """Store what time made, and what it has not made after all."""
        if self.made:
            self.ledger.add_events(self.made)
            self.ledger.remember(self._told_and_made())
        if self._retracted:
            self.ledger.retract(self._retracted)
        if self._revived:
            self.ledger.retract(self._revived, retracted=False)

"""Taking events in: the only way news enters the house, whoever brings it.

    check → known already? → store → fold → judge → lay → answer

One call is one transaction over a whole batch. Accounts are locked first, in key order; an account's
events are told in order of (time, source, id). The newest event takes the fast path; a late or
revised one tells the account anew from its first event and compares.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from hashlib import sha256
from itertools import groupby
from typing import Any

from outreach.domain.account import AccountState, Happening, History, Need, fold, in_order
from outreach.domain.evaluate import Match, failure_of, judge, scope_of
from outreach.domain.facts import CLOCK_SOURCE, OUTREACH_SOURCE, PERSON_PREFIX, Event, Person
from outreach.domain.failure import FailureState
from outreach.domain.outcome import credited
from outreach.domain.person import PersonState
from outreach.domain.plan import Publish, Run, settle_matches
from outreach.service.front import Incoming, Rejected, check, is_about_person, whole
from outreach.service.ledger import Ledger
from outreach.service.persons import tell_person
from outreach.service.ports import NewEvent, Outside, Parked, Quarantined, StoredRef, Unit, WindowNeed
from outreach.service.rulings import needs_now
from outreach.service.runs import concerned, end_run, react, resume, start

FUTURE_TOLERANCE = timedelta(minutes=5)
"""Clocks differ; an event this far ahead is taken as now. Further ahead it is parked until its time."""
_CREATES = frozenset({"account.described"})


@dataclass(frozen=True, slots=True)
class Answer:
    """``accepted · duplicate · revised · parked · quarantined``, with the reasons for the last two."""

    outcome: str
    reasons: tuple[str, ...] = ()


def take_in(outside: Outside, raws: Sequence[Mapping[str, Any]], *, internal: bool = False) -> list[Answer]:
    """Check and take in a batch in one transaction; an answer per item, in order.

    An item that makes the batch fail is retried alone and cannot fail its neighbours. Raises only
    what the database raises when nothing could be stored (the edge answers 503).
    """
    now = outside.clock.now()
    vocabulary = outside.rules().vocabulary
    return take_checked(outside, [check(raw, vocabulary, now, internal=internal) for raw in raws])


def take_checked(outside: Outside, items: Sequence[Incoming | Rejected]) -> list[Answer]:
    """Take in a batch that was checked before, by the threads that read it."""
    now = outside.clock.now()
    try:
        answers: list[Answer] = outside.database.retrying(lambda unit: absorb(unit, outside, items, now))
        return answers
    except (ArithmeticError, LookupError, TypeError, ValueError, AttributeError) as fault:
        if len(items) == 1:
            return [_keep_poison(outside, items[0], fault, now)]
        return [answer for item in items for answer in take_checked(outside, [item])]


def _keep_poison(outside: Outside, item: Incoming | Rejected, fault: Exception, now: datetime) -> Answer:
    """It was well-formed and still broke a room: kept in quarantine with what broke, for ops."""
    reasons = (f"internal: {type(fault).__name__}: {fault}",)
    if isinstance(item, Incoming):
        item = rejected_again(item, reasons)
    outside.database.retrying(lambda unit: unit.quarantine([_quarantined(item, now)]))
    return Answer("quarantined", reasons)


def rejected_again(item: Incoming, reasons: tuple[str, ...]) -> Rejected:
    import orjson

    event = whole(item.event, item.private)
    raw = {
        "specversion": "1.0", "id": event.id, "source": event.source, "type": event.type,
        "subject": event.subject, "time": event.time.isoformat(), "data": dict(event.data),
    }  # fmt: skip
    return Rejected(event.source, event.id, event.type, reasons, orjson.dumps(raw).decode())


def _quarantined(item: Rejected, now: datetime) -> Quarantined:
    """Its id says what it is: the same wrong event sent again is the same row, with what ops made of it."""
    reasons = "\n".join(item.reasons)
    parts = [item.source, item.id, item.type, item.body]
    same = sha256("\0".join(parts).encode(errors="replace"))
    return Quarantined(same.hexdigest()[:26], now, item.source, item.id, item.type, reasons, item.body)


def absorb(
    unit: Unit, outside: Outside, items: Sequence[Incoming | Rejected], now: datetime
) -> list[Answer]:
    """Take a batch in within an open transaction. Used by whoever makes events of what they do."""
    ledger = Ledger(unit, outside, now)
    answers = absorb_into(ledger, items)
    ledger.flush()
    return answers


def absorb_into(ledger: Ledger, items: Sequence[Incoming | Rejected]) -> list[Answer]:
    """As ``absorb``, into a ledger that somebody else flushes."""
    rejected = [item for item in items if isinstance(item, Rejected)]
    if rejected:
        rows = [_quarantined(item, ledger.now) for item in rejected]
        ledger.unit.quarantine(list({row.id: row for row in rows}.values()))
    sorted_out = _sort_out(ledger, [item for item in items if isinstance(item, Incoming)])
    answers = iter(sorted_out)
    return [
        Answer("quarantined", item.reasons) if isinstance(item, Rejected) else next(answers)
        for item in items
    ]


# -- known already? --------------------------------------------------------------------------------


@dataclass(slots=True)
class _News:
    """What a batch brings to one subject."""

    fresh: list[Event]
    floor: datetime | None = None
    """Where the account must be told anew from, because of a revision; None when only news came."""


def _sort_out(ledger: Ledger, items: Sequence[Incoming]) -> list[Answer]:
    unit = ledger.unit
    subjects = {item.event.subject for item in items}
    accounts = sorted(subject for subject in subjects if not subject.startswith(PERSON_PREFIX))
    ledger.lock(accounts)
    _create_described(ledger, items)
    people = unit.lock_people([s[len(PERSON_PREFIX) :] for s in subjects if s.startswith(PERSON_PREFIX)])
    refs = {(item.event.source, item.event.id) for item in items}
    stored = unit.stored(refs)
    waiting = unit.parked(refs) if len(stored) < len(refs) else {}
    news: dict[str, _News] = {}
    to_add: dict[tuple[str, str], NewEvent] = {}
    answers = [_sort_one(ledger, item, stored, waiting, to_add, news) for item in items]
    unit.add_events(list(to_add.values()))
    ledger.remember(event for found in news.values() for event in found.fresh)
    _tell_people(ledger, news, people)
    _tell_accounts(ledger, {s: n for s, n in news.items() if s in ledger.accounts})
    _welcome_parked(ledger, items)
    return answers


def _create_described(ledger: Ledger, items: Iterable[Incoming]) -> None:
    for item in items:
        event = item.event
        if event.type in _CREATES and event.subject not in ledger.accounts and not is_about_person(event):
            ledger.new_account(AccountState(event.subject))


def _sort_one(
    ledger: Ledger,
    item: Incoming,
    stored: dict[tuple[str, str], StoredRef],
    waiting: dict[tuple[str, str], Parked],
    to_add: dict[tuple[str, str], NewEvent],
    news: dict[str, _News],
) -> Answer:
    ref = (item.event.source, item.event.id)
    if ref in to_add:  # a second content in one batch: the first must be stored to be known
        ledger.unit.add_events(list(to_add.values()))
        stored.update(ledger.unit.stored(to_add))
        to_add.clear()
    known = stored.get(ref)
    if known is not None:
        return _known(ledger, item, known, stored, news)
    if ref in waiting:
        if waiting[ref].hash == item.hash or _is_older(item.event, waiting[ref].event):
            return Answer("duplicate")
        ledger.unit.unpark([waiting.pop(ref).id])
    if (reason := _must_park(ledger, item)) is not None:
        waiting[ref] = _parked(ledger, item, reason)
        ledger.unit.park([waiting[ref]])
        return Answer("parked", (reason,))
    to_add[ref] = NewEvent(item.event, item.hash, item.private)
    news.setdefault(item.event.subject, _News([])).fresh.append(whole(item.event, item.private))
    return Answer("accepted")


def _known(
    ledger: Ledger,
    item: Incoming,
    known: StoredRef,
    stored: dict[tuple[str, str], StoredRef],
    news: dict[str, _News],
) -> Answer:
    event = item.event
    rank, current_rank = _rank(event.sequence, event.time), _rank(known.sequence, known.time)
    seen = item.hash == known.hash or item.hash in known.earlier
    if seen and (event.sequence is None or rank <= current_rank):
        return Answer("duplicate")
    current = rank >= current_rank
    row = NewEvent(event._replace(revision=known.revision + 1), item.hash, item.private)
    ledger.unit.revise_event(known.seq, row, known, current=current)
    earlier = known.earlier | ({known.hash} if current else {item.hash})
    if current:
        stored[event.source, event.id] = known._replace(
            hash=item.hash, time=event.time, sequence=event.sequence, subject=event.subject,
            revision=known.revision + 1, earlier=earlier,
        )  # fmt: skip
        for subject in {known.subject, event.subject}:
            ledger.lock([subject] if not subject.startswith(PERSON_PREFIX) else [])
            found = news.setdefault(subject, _News([]))
            floor = min(known.time, event.time)
            found.floor = floor if found.floor is None else min(found.floor, floor)
        news[event.subject].fresh.append(whole(row.event, item.private))
    else:
        stored[event.source, event.id] = known._replace(earlier=earlier)
    return Answer("revised")


def _rank(sequence: str | None, time: datetime) -> tuple[int, int, str, datetime]:
    """The current content is the greatest by (sequence if present, time, arrival). Whole numbers
    compare as numbers."""
    if sequence is None:
        return (0, 0, "", time)
    number = int(sequence) if sequence.isdecimal() and len(sequence) < 19 else -1
    return (1, number, sequence if number < 0 else "", time)


def _is_older(event: Event, than: Event) -> bool:
    return _rank(event.sequence, event.time) < _rank(than.sequence, than.time)


def _must_park(ledger: Ledger, item: Incoming) -> str | None:
    event = item.event
    if event.time > ledger.now + FUTURE_TOLERANCE:
        return "future"
    if not is_about_person(event) and event.subject not in ledger.accounts:
        return "unknown_account"
    return None


def _parked(ledger: Ledger, item: Incoming, reason: str) -> Parked:
    until = item.event.time if reason == "future" else None
    return Parked(ledger.outside.ids.new(), item.event, item.hash, item.private, reason, until)


def _welcome_parked(ledger: Ledger, items: Iterable[Incoming]) -> None:
    """An account has appeared: what waited for it comes in now."""
    created = {item.event.subject for item in items if item.event.type in _CREATES}
    if not created:
        return
    rows = [row for row in ledger.unit.parked_for(created) if row.reason == "unknown_account"]
    if rows:
        ledger.unit.unpark([row.id for row in rows])
        arrived = [Incoming(row.event, row.hash, row.private) for row in rows]
        _sort_out(ledger, arrived)


def take_parked(outside: Outside, limit: int = 500) -> int:
    """Future events whose time has come enter by the same door: they arrive now. Gives how many."""
    now = outside.clock.now()
    with outside.database.view() as view:  # a look costs nobody a lock
        if not view.parked_until(now, 1):
            return 0

    def work(unit: Unit) -> int:
        rows = unit.parked_until(now, limit)
        unit.unpark([row.id for row in rows])
        items = [Incoming(row.event._replace(arrived=now), row.hash, row.private) for row in rows]
        absorb(unit, outside, items, now)
        return len(rows)

    count: int = outside.database.retrying(work)
    return count


# -- people ----------------------------------------------------------------------------------------

FORBIDS = frozenset({"endpoint.opted_out", "person.refused", "consent.withdrawn", "person.erased"})


def _tell_people(ledger: Ledger, news: Mapping[str, _News], people: dict[str, PersonState]) -> None:
    changed = []
    for subject, found in news.items():
        if subject.startswith(PERSON_PREFIX):
            id_ = subject[len(PERSON_PREFIX) :]
            state = people.get(id_) or PersonState(id_)
            changed.append(tell_person(ledger, state, found.fresh, anew=found.floor is not None))
    if changed:
        ledger.unit.save_people(changed)


# -- accounts --------------------------------------------------------------------------------------


def _tell_accounts(ledger: Ledger, news: dict[str, _News]) -> None:
    fast: dict[str, list[Event]] = {}
    slow: dict[str, list[Event]] = {}
    for account, found in news.items():
        state = ledger.accounts[account]
        fresh = sorted(found.fresh, key=lambda event: event.order)
        late = bool(fresh) and state.newest is not None and fresh[0].time <= state.newest[0]
        (slow if found.floor is not None or late else fast)[account] = fresh
    windows = ledger.unit.windows(_window_needs(ledger, fast))
    ledger.forget_histories(news)
    matched = {
        account: _tell(ledger, ledger.accounts[account], fresh, History(windows.get(account, {})))
        for account, fresh in fast.items()
    }
    ledger.prepare(_needs_to_follow(ledger, matched, fast))
    for account, fresh in fast.items():
        _follow(ledger, account, matched[account], {}, fresh)
    for account, fresh in slow.items():
        _tell_anew(ledger, account, fresh, news[account].floor)


def _needs_to_follow(
    ledger: Ledger, matched: Mapping[str, Sequence[Match]], fast: Mapping[str, Sequence[Event]]
) -> dict[str, list[Need]]:
    """What the past must tell of the accounts where runs start or look at the news, by account."""
    needs: dict[str, list[Need]] = {}
    looking = []
    for account, fresh in fast.items():
        playbooks = [match.playbook for match in matched[account]]
        for run in ledger.open_runs(account):
            playbook = ledger.playbook(run)
            if concerned(playbook, {event.type for event in fresh}):
                playbooks.append(playbook)
                looking.append(run)
        if playbooks:
            needs[account] = [need for playbook in playbooks for need in needs_now(playbook)]
    ledger.read_triggers(looking)
    return needs


def _window_needs(ledger: Ledger, fast: Mapping[str, list[Event]]) -> list[WindowNeed]:
    needs: dict[tuple[str, str], WindowNeed] = {}
    for account, fresh in fast.items():
        for event in fresh:
            for need in ledger.rules.needs.get(event.type, ()):
                since = None if need.within is None else event.time - need.within
                old = needs.get((account, need.type))
                if old is not None:
                    since = None if old.since is None or since is None else min(old.since, since)
                needs[account, need.type] = WindowNeed(account, need.type, since, need.data)
    return list(needs.values())


def _tell(
    ledger: Ledger,
    state: AccountState,
    events: Sequence[Event],
    history: History,
    past: _Past | None = None,
    judged_from: datetime | None = None,
) -> list[Match]:
    """Fold the events in order and judge each as of its event time. Events of one instant are folded
    together before any of them is judged, so that their order does not matter. ``past`` grows with
    what is told, where the history is not read from the store."""
    matches: list[Match] = []
    retracted, revived = [], []
    for _, same_time in groupby(in_order(events), key=lambda event: event.time):
        told = []
        for event in same_time:
            if fold(state, event, ledger.rules.folding):
                told.append(event)
                if event.retracted:
                    revived.append((event.source, event.id))
            elif not event.retracted:
                retracted.append((event.source, event.id))
        if past is not None:
            past.add(told)
        for event in told:
            if event.type in ledger.rules.by_type and (judged_from is None or event.time >= judged_from):
                matches += _judge(ledger, state, event, history)
    if retracted:
        ledger.unit.retract(retracted)
    if revived:
        ledger.unit.retract(revived, retracted=False)
    return matches


def _judge(ledger: Ledger, state: AccountState, event: Event, history: History) -> list[Match]:
    scope = scope_of(
        event,
        state,
        history,
        person=_hurt(ledger, event),
        failure=state.failures.get(failure_of(event, ledger.rules.vocabulary) or ""),
    )
    return judge(event, scope, ledger.rules)


def _hurt(ledger: Ledger, event: Event) -> Person | None:
    return ledger.person(event.data.get("person_id"))


def _tell_anew(ledger: Ledger, account: str, fresh: list[Event], floor: datetime | None) -> None:
    """A late or revised event: the whole account from its first event, then compare with what is
    stored. What is no longer justified is withdrawn; what has left stays."""
    old = ledger.accounts[account]
    events = ledger.unit.events_of(account)
    ledger.remember(events)
    first = min([event.time for event in fresh] + ([floor] if floor is not None else []))
    state = AccountState(account, version=old.version)
    past = _Past()
    matches = _tell(ledger, state, events, past.history, past, judged_from=first)
    _keep_what_was_spoken(old, state)
    ledger.accounts[account] = state
    refs = {event.ref for event in events if event.time >= first} | {event.ref for event in fresh}
    gone = {run.trigger for run in ledger.runs[account].values()} - {event.ref for event in events}
    again = {
        (run.playbook, run.key): run
        for run in ledger.runs[account].values()
        if run.trigger in refs or run.trigger in gone or run.trigger_time >= first
    }
    _follow(ledger, account, matches, again, past.events, anew=True)


def _keep_what_was_spoken(old: AccountState, new: AccountState) -> None:
    """A failure whose opening events were taken back is void, unless somebody has spoken with the
    customer about it: then it stays on the board until a human closes it."""
    for id_, failure in old.failures.items():
        if id_ in new.failures:
            continue
        if failure.state is FailureState.VOID:
            new.failures[id_] = failure
        elif failure.spoken:
            new.failures[id_] = replace(failure, cause="")
        else:
            new.failures[id_] = replace(failure, state=FailureState.VOID, reason="taken back")


def whole_history(events: Iterable[Event]) -> History:
    """The windows of a whole account, from its events in order."""
    past = _Past()
    past.add(events)
    return past.history


class _Past:
    """What has been told of an account so far, in order; its history sees all of it at any moment."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self._rows: dict[str, list[Happening]] = {}
        self.history = History(self._rows)

    def add(self, events: Iterable[Event]) -> None:
        for event in events:
            row = Happening(event.time, event.key, event.amount, event.data)
            self._rows.setdefault(event.type, []).append(row)
            self.events.append(event)


def _follow(
    ledger: Ledger,
    account: str,
    matches: Sequence[Match],
    again: Mapping[tuple[str, str], Run],
    news: Sequence[Event],
    *,
    anew: bool = False,
) -> None:
    """From matches to runs: start, resume, withdraw; then every run looks at the news, or ``anew`` at
    everything."""
    before = [run for run in ledger.runs[account].values() if (run.playbook, run.key) not in again]
    if matches or again:
        _settle(ledger, account, matches, before, again)
    if ledger.runs[account]:
        react(ledger, account, news, anew=anew)
        _credit(ledger, account, news)


def _settle(
    ledger: Ledger,
    account: str,
    matches: Sequence[Match],
    before: list[Run],
    again: Mapping[tuple[str, str], Run],
) -> None:
    publish = {name: Publish(*row) for name, row in ledger.publish_states.items()}
    told = settle_matches(
        matches, before, again, publish, ledger.playbook, ledger.outside.ids.new, ledger.now
    )
    ledger.decisions += told.decisions
    for run in told.resumed:
        was_open = ledger.runs[account][run.id].is_open
        ledger.put_run(run)
        if run.is_open and not was_open:
            resume(ledger, run)
    for run in told.started:
        start(ledger, run)
    for run, reason in told.ended:
        end_run(ledger, ledger.runs[account][run.id], reason)


def _credit(ledger: Ledger, account: str, news: Sequence[Event]) -> None:
    """Success events in time are credited to their runs."""
    for event in news:
        names = [
            playbook.name
            for playbook in ledger.rules.playbooks.values()
            if playbook.success and playbook.success.event == event.type
        ]
        if names:
            for run in credited(ledger.runs[account].values(), names, event.time):
                ledger.put_run(run)


# -- events that we make ourselves -----------------------------------------------------------------


def own_event(
    type_: str, subject: str, data: Mapping[str, Any], at: datetime, id_: str, source: str = OUTREACH_SOURCE
) -> dict[str, Any]:
    """The CloudEvent of something done on our own pages, or by time."""
    return {
        "specversion": "1.0", "id": id_, "source": source, "type": type_, "subject": subject,
        "time": at.isoformat(), "data": {k: v for k, v in data.items() if v is not None},
    }  # fmt: skip


def absorb_own(ledger: Ledger, raws: Iterable[Mapping[str, Any]]) -> list[Answer]:
    """Events of our own making, into a ledger that the caller flushes. Raises ValueError for one that
    the vocabulary refuses: that is a fault in our code or in vocabulary.yaml, not in the input."""
    vocabulary = ledger.rules.vocabulary
    items = [check(raw, vocabulary, ledger.now, internal=True) for raw in raws]
    for item in items:
        if isinstance(item, Rejected):
            raise ValueError(f"vocabulary.yaml refuses our own {item.type}: {'; '.join(item.reasons)}")
    return absorb_into(ledger, items)


def from_clock(account: str, type_: str, event_id: str, at: datetime, data: Mapping[str, Any]) -> dict[str, Any]:
    return own_event(type_, account, data, at, event_id, CLOCK_SOURCE)

"""Taking events in: the only way news enters the house, whoever brings it.

    check → known already? → store → fold → judge → lay → answer

One call is one transaction over a whole batch. Accounts are locked first, in key order; an account's
events are told in order of (time, source, id). The newest event takes the fast path; a late or
revised one tells the account anew from its first event and compares.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

from outreach.domain.account import AccountState
from outreach.domain.facts import CLOCK_SOURCE, PERSON_PREFIX, Event
from outreach.domain.person import PersonState
from outreach.service.following import News, tell_accounts
from outreach.service.front import Incoming, Rejected, check, is_about_person, whole
from outreach.service.front import own_event as own_event
from outreach.service.ledger import Ledger
from outreach.service.persons import suggest_links, tell_person
from outreach.service.ports import Outside, Unit
from outreach.service.ports_events import NewEvent, Parked, Quarantined, StoredRef

FUTURE_TOLERANCE = timedelta(minutes=5)
"""Clocks differ; an event this far ahead is taken as now. Further ahead it is parked until its time."""
CREATES = frozenset({"account.described"})
"""What an account begins with."""
POISON = (ArithmeticError, LookupError, TypeError, ValueError, AttributeError)
"""What a well-formed event may still break in a room."""


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
    except POISON as fault:
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
    } | ({"sequence": event.sequence} if event.sequence else {})  # fmt: skip
    return Rejected(event.source, event.id, event.type, reasons, orjson.dumps(raw).decode())


def _quarantined(item: Rejected, now: datetime) -> Quarantined:
    """Its id says what it is: the same wrong event sent again is the same row, with what ops made of it."""
    reasons = "\n".join(item.reasons)
    parts = [item.source, item.id, item.type, item.body]
    same = sha256("\0".join(parts).encode(errors="replace"))
    return Quarantined(same.hexdigest()[:26], now, item.source, item.id, item.type, reasons, item.body)


def absorb(unit: Unit, outside: Outside, items: Sequence[Incoming | Rejected], now: datetime) -> list[Answer]:
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
        Answer("quarantined", item.reasons) if isinstance(item, Rejected) else next(answers) for item in items
    ]


# -- known already? --------------------------------------------------------------------------------


def _sort_out(ledger: Ledger, arrived: Sequence[Incoming]) -> list[Answer]:
    unit, items = ledger.unit, _without_the_erased(ledger.unit, arrived)
    subjects = {item.event.subject for item in items}
    accounts = sorted(subject for subject in subjects if not subject.startswith(PERSON_PREFIX))
    ledger.lock(accounts)
    _create_described(ledger, items)
    people = unit.lock_people([s[len(PERSON_PREFIX) :] for s in subjects if s.startswith(PERSON_PREFIX)])
    refs = {(item.event.source, item.event.id) for item in items}
    stored = unit.stored(refs)
    waiting = unit.parked(refs) if len(stored) < len(refs) else {}
    news: dict[str, News] = {}
    to_add: dict[tuple[str, str], NewEvent] = {}
    answers = [_sort_one(ledger, item, stored, waiting, to_add, news) for item in items]
    ledger.add_events(list(to_add.values()))
    ledger.remember(event for found in news.values() for event in found.fresh)
    _tell_people(ledger, news, people)
    tell_accounts(ledger, {s: n for s, n in news.items() if s in ledger.accounts})
    _welcome_parked(ledger, items)
    return answers


def _without_the_erased(unit: Unit, items: Sequence[Incoming]) -> Sequence[Incoming]:
    """Whatever comes of somebody erased is told without what is personal: nothing of it is kept again."""
    named = {whose for item in items if item.private and (whose := item.event.whose)}
    gone = unit.erased_people(named) if named else set()
    return (
        [item._replace(private={}) if item.event.whose in gone else item for item in items] if gone else items
    )


def _create_described(ledger: Ledger, items: Iterable[Incoming]) -> None:
    for item in items:
        event = item.event
        if event.type in CREATES and event.subject not in ledger.accounts and not is_about_person(event):
            ledger.new_account(AccountState(event.subject))


def _sort_one(
    ledger: Ledger,
    item: Incoming,
    stored: dict[tuple[str, str], StoredRef],
    waiting: dict[tuple[str, str], Parked],
    to_add: dict[tuple[str, str], NewEvent],
    news: dict[str, News],
) -> Answer:
    ref = (item.event.source, item.event.id)
    if ref in to_add:  # a second content in one batch: the first must be stored to be known
        ledger.add_events(list(to_add.values()))
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
    news.setdefault(item.event.subject, News([])).fresh.append(whole(item.event, item.private))
    return Answer("accepted")


def _known(
    ledger: Ledger,
    item: Incoming,
    known: StoredRef,
    stored: dict[tuple[str, str], StoredRef],
    news: dict[str, News],
) -> Answer:
    event = item.event
    moved = {known.subject, event.subject}
    ledger.lock(sorted(subject for subject in moved if not subject.startswith(PERSON_PREFIX)))
    rank, current_rank = _rank(event.sequence, event.time), _rank(known.sequence, known.time)
    seen = item.hash == known.hash or item.hash in known.earlier
    if seen and (event.sequence is None or rank <= current_rank):
        return Answer("duplicate")
    if event.time > ledger.now + FUTURE_TOLERANCE:
        return _refused(ledger, item, "time: what has happened cannot be revised into the future")
    current = rank >= current_rank
    row = NewEvent(event._replace(revision=known.revision + 1), item.hash, item.private)
    ledger.unit.revise_event(known.seq, row, known, current=current)
    earlier = known.earlier | ({known.hash} if current else {item.hash})
    if current:
        ledger.unit.pass_on_again(
            [(event.source, event.id)], ledger.now
        )  # also as what is in no feed any more
        ledger.pass_on([event])
        stored[event.source, event.id] = known._replace(
            hash=item.hash, time=event.time, sequence=event.sequence, subject=event.subject,
            revision=known.revision + 1, earlier=earlier,
        )  # fmt: skip
        if _must_park(ledger, item):  # told to its new account when that appears
            ledger.unit.park([_parked(ledger, item, "unknown_account")])
        for subject in moved:
            found = news.setdefault(subject, News([]))
            floor = min(known.time, event.time)
            found.floor = floor if found.floor is None else min(found.floor, floor)
        news[event.subject].fresh.append(whole(row.event, item.private))
    else:
        stored[event.source, event.id] = known._replace(earlier=earlier)
    return Answer("revised")


def _refused(ledger: Ledger, item: Incoming, reason: str) -> Answer:
    ledger.unit.quarantine([_quarantined(rejected_again(item, (reason,)), ledger.now)])
    return Answer("quarantined", (reason,))


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
    created = {item.event.subject for item in items if item.event.type in CREATES}
    if not created:
        return
    rows = [row for row in ledger.unit.parked_for(created) if row.reason == "unknown_account"]
    if rows:
        ledger.unit.unpark([row.id for row in rows])
        arrived = [Incoming(row.event._replace(arrived=ledger.now), row.hash, row.private) for row in rows]
        answers = _sort_out(ledger, arrived)
        for item, answer in zip(arrived, answers, strict=True):
            if answer.outcome == "duplicate":  # revised to this account before there was one
                tell_accounts(ledger, {item.event.subject: News([item.event], floor=item.event.time)})


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


def _tell_people(ledger: Ledger, news: Mapping[str, News], people: dict[str, PersonState]) -> None:
    changed, described = [], []
    for subject, found in news.items():
        if subject.startswith(PERSON_PREFIX):
            id_ = subject[len(PERSON_PREFIX) :]
            state = people.get(id_) or PersonState(id_)
            changed.append(tell_person(ledger, state, found.fresh, anew=found.floor is not None))
            if any(event.type == "person.described" for event in found.fresh):
                described.append(changed[-1])
    if changed:
        ledger.unit.save_people(changed)
    suggest_links(ledger, described)


# -- events that we make ourselves -----------------------------------------------------------------


def absorb_own(ledger: Ledger, raws: Iterable[Mapping[str, Any]], *, as_timed: bool = False) -> list[Answer]:
    """Events of our own making, into a ledger that the caller flushes. ``as_timed``: they happened when they say, though
    something newer is known by now; else they come after what they answer. Raises ValueError for one that
    the vocabulary refuses: that is a fault in our code or in vocabulary.yaml, not in the input."""
    vocabulary = ledger.rules.vocabulary
    told = [raw if as_timed else _after_the_newest(ledger, raw) for raw in raws]
    items = [check(raw, vocabulary, ledger.now, internal=True) for raw in told]
    for item in items:
        if isinstance(item, Rejected):
            raise ValueError(f"vocabulary.yaml refuses our own {item.type}: {'; '.join(item.reasons)}")
    return absorb_into(ledger, items)


def _after_the_newest(ledger: Ledger, raw: Mapping[str, Any]) -> Mapping[str, Any]:
    """What is said on our pages comes after what it answers, even if that sender's clock is ahead."""
    newest = _newest(ledger, raw["subject"])
    if raw["source"] == CLOCK_SOURCE or newest is None:
        return raw
    said = datetime.fromisoformat(raw["time"])
    return raw if said > newest else {**raw, "time": (newest + timedelta(microseconds=1)).isoformat()}


def _newest(ledger: Ledger, subject: str) -> datetime | None:
    if subject.startswith(PERSON_PREFIX):
        id_ = subject.removeprefix(PERSON_PREFIX)
        newest = state.newest if (state := ledger.unit.people([id_]).get(id_)) else None
    else:
        newest = known.newest if (known := ledger.accounts.get(subject)) else None
    return newest[0] if newest else None

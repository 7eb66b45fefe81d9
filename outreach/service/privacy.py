"""What we know of a person, shown to them; and forgetting it, so that nothing brings it back.

An erasure stops what is on its way, closes what was open, removes what is personal and leaves keyed hashes,
all in one transaction. Events and audit keep opaque ids, so that fold and chain still hold. A log apart from
the database says who was erased: a backup that is restored is brought up to it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from typing import Any, NamedTuple

from outreach.domain.errors import NotFound, must_say
from outreach.domain.facts import PERSON_PREFIX, Event, Person
from outreach.domain.person import PersonState, as_person
from outreach.domain.preference import understood
from outreach.domain.steps import take_back
from outreach.service.intake import absorb_own, own_event
from outreach.service.ledger import Ledger
from outreach.service.persons import as_endpoints
from outreach.service.ports import Erasure, Outside, Unit
from outreach.service.ports_traffic import Attempt
from outreach.service.runs import end_run, progress, settle_step
from outreach.service.workbench import rebuild_account

Row = dict[str, Any]
ERASED = "They asked to be deleted."
_EVER = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Section:
    """Rows of one kind; every row has the same names, in the order to be read."""

    title: str
    rows: Sequence[Row]


@dataclass(frozen=True, slots=True)
class PersonFile:
    """Everything about one person, as they may read it."""

    person: str
    name: str
    sections: tuple[Section, ...]

    def as_tree(self) -> dict[str, Any]:
        return {"person": self.person} | {each.title: list(each.rows) for each in self.sections}


# -- what we know ------------------------------------------------------------------------------------------


def find(unit: Unit, id_or_endpoint: str, kind: str = "", value: str = "") -> list[PersonState]:
    """By our id, or by an endpoint in its normal form."""
    state = unit.people([id_or_endpoint]).get(id_or_endpoint)
    return [state] if state else unit.people_at(kind, value) if kind else []


def file_of(outside: Outside, person: str) -> PersonFile:
    """Raises NotFound for somebody unknown."""
    with outside.database.view() as unit:
        state = unit.people([person]).get(person)
        if state is None:
            raise NotFound(f"There is no person {person}.")
        shown = as_person(state)
        sections = (
            Section("who you are", _described(state)),
            Section("where you belong", _accounts(unit, state)),
            Section("what you allowed", _permissions(shown)),
            Section(
                "what you do not want", [{"what": k, "how we know": v} for k, v in state.opted_out.items()]
            ),
            Section("how you like it", _preferences(shown)),
            Section("registries", _registries(shown)),
            Section("what happened", _events(unit, state)),
            Section("what we wrote", [_message(one) for one in unit.attempts_to(person)]),
            Section("what you wrote", _inbound(unit, person)),
            Section("what colleagues did", _audit(unit, person)),
        )
    return PersonFile(person, shown.name, sections)


def _described(state: PersonState) -> list[Row]:
    return [{"what": name, "we have": value} for name, value in sorted(state.described.items())]


def _accounts(unit: Unit, state: PersonState) -> list[Row]:
    names = {each.id: each.described.get("name") or each.id for each in unit.accounts(sorted(state.roles))}
    return [
        {"account": names.get(id_, id_), "roles": ", ".join(roles)}
        for id_, roles in sorted(state.roles.items())
    ]


def _permissions(person: Person) -> list[Row]:
    return [
        {"for": one.purpose, "by": one.channel or "any way", "kind": one.basis, "given": one.given_at, "how": one.how,
         "words": one.wording, "page": one.page, "taken by": one.by, "ends": one.expires_at}
        for one in person.permissions
    ]  # fmt: skip


def _preferences(person: Person) -> list[Row]:
    return [
        {"about": said.kind, "you said": said.value, "on": said.said_at, "to": said.told_to,
         "decides by itself": understood(said)}
        for said in person.preferences
    ]  # fmt: skip


def _registries(person: Person) -> list[Row]:
    return [{"list": name, "listed": one.listed, "checked": one.at} for name, one in person.screened.items()]


def _events(unit: Unit, state: PersonState) -> list[Row]:
    told = list(unit.events_of(PERSON_PREFIX + state.id))
    accounts = sorted({*state.roles, *unit.told_of(state.id)})
    told += [event for id_ in accounts for event in unit.events_of(id_) if _names(event, state.id)]
    return [
        {"on": event.time, "what": event.type, "from": event.source, "details": dict(event.data)}
        for event in sorted(told, key=lambda event: event.order)
    ]


def _names(event: Event, person: str) -> bool:
    return person in (event.data.get("person_id"), event.data.get("person_a"), event.data.get("person_b"))


def _message(attempt: Attempt) -> Row:
    return {
        "on": attempt.at, "by": attempt.channel.value, "to": attempt.recipient, "subject": attempt.subject,
        "text": attempt.text, "became": attempt.delivery.value if attempt.delivery else None,
    }  # fmt: skip


def _inbound(unit: Unit, person: str) -> list[Row]:
    return [
        {"on": row.at, "by": row.channel.value, "from": row.sender, "subject": row.subject, "text": row.text}
        for row in unit.inbound_of(person)
    ]


def _audit(unit: Unit, person: str) -> list[Row]:
    rows = unit.audit_since(PERSON_PREFIX + person, _EVER)
    return [{"on": row.at, "who": row.who, "what": row.what, "why": row.why} for row in rows]


# -- forgetting --------------------------------------------------------------------------------------------------


def erase(outside: Outside, person: str, by: str, reason: str) -> None:
    """Raises NotFound for somebody unknown, Refused without a reason."""
    must_say(reason, "Say why they are erased: who asked for it, and how.")
    _finish(outside, outside.database.retrying(lambda unit: _erase(unit, outside, person, by, reason)))


def _finish(outside: Outside, gone: Iterable[_Gone]) -> None:
    """What is outside the database: the log, and their messages that lie as files."""
    for each in gone:
        if outside.erasures is not None:
            outside.erasures.note(each.erasure)
        if outside.papers is not None:
            outside.papers.forget(each.tokens)
            outside.papers.forget_to(each.addresses)


class _Gone(NamedTuple):
    erasure: Erasure
    tokens: list[str]
    addresses: list[str]


def _erase(unit: Unit, outside: Outside, person: str, by: str, reason: str) -> list[_Gone]:
    """Every record that is confirmed to be the same human: they ask for themselves, not for a record."""
    if person not in unit.people([person]):
        raise NotFound(f"There is no person {person}.")
    states = unit.people(unit.same_human(person))
    return [_erase_one(unit, outside, states[id_], by, reason) for id_ in sorted(states)]


def _erase_one(unit: Unit, outside: Outside, state: PersonState, by: str, reason: str) -> _Gone:
    person, ledger = state.id, Ledger(unit, outside, outside.clock.now())
    ledger.lock(sorted({*state.roles, *unit.told_of(person), *unit.written_about(person)}))
    endpoints = _ever_had(unit, state)
    hashes = sorted(outside.endpoint_hash(kind, value) for kind, value in endpoints)
    tokens = [attempt.token for attempt in unit.attempts_to(person)]
    unit.lock_people([person])
    unit.lock_endpoints(hashes)
    for hash_ in hashes:
        unit.suppress(hash_, "all", "erased", ledger.now)
    _stop(ledger, person)
    new = outside.ids.new
    gone = own_event("person.erased", PERSON_PREFIX + person, {"by": by}, ledger.now, new())
    closed = [
        own_event("failure.let_be", account, {"failure": id_, "by": by, "reason": ERASED}, ledger.now, new())
        for account, id_ in _left_open(ledger, person)
    ]
    absorb_own(ledger, [*closed, gone])
    ledger.flush()
    unit.forget(person)  # also what the events above have brought
    unit.forget_drafts(list(ledger.accounts), person)
    unit.forget_traces(person, [value for _, value in endpoints], hashes)
    for account in _named_after(ledger, person):
        unit.forget_name(account)
    for account in list(ledger.accounts):  # what was promised to them stands in what is folded, too
        rebuild_account(unit, outside, account, write=True)
    unit.audit(ledger.now, by, "person.erased", PERSON_PREFIX + person, reason)
    return _Gone(Erasure(person, tuple(hashes), ledger.now), tokens, [value for _, value in endpoints])


def _ever_had(unit: Unit, state: PersonState) -> list[tuple[str, str]]:
    """(kind, value) of all numbers and addresses of theirs: the old ones reach them, too."""
    told = [as_endpoints(state)] + [
        {kind: str(value) for kind in ("phone", "email") if (value := event.data.get(kind))}
        for event in unit.events_of(PERSON_PREFIX + state.id)
        if event.type == "person.described"
    ]
    return sorted({pair for each in told for pair in each.items()})


def _stop(ledger: Ledger, person: str) -> None:
    """Whatever was on its way to them: their runs end; of others' runs only what was meant for them."""
    for account in list(ledger.accounts):
        for run in list(ledger.runs[account].values()):
            if run.person == person:
                end_run(ledger, run, "erased")
        meant = [t for t in ledger.touches[account].values() if t.person == person and t.is_open]
        for _, new in take_back(meant, "erased", ledger.now):
            ledger.put_touch(new)
            settle_step(ledger, new)
            progress(ledger, new.run, account)


def _named_after(ledger: Ledger, person: str) -> list[str]:
    return [
        account
        for account, state in ledger.accounts.items()
        if state.described.get("kind") == "private" and _is_alone(ledger, account, person)
    ]


def _is_alone(ledger: Ledger, account: str, person: str) -> bool:
    return not any(one.id != person and not one.erased for one in ledger.people_of(account))


def _left_open(ledger: Ledger, person: str) -> Iterable[tuple[str, str]]:
    """Failures of which nobody is left to speak with: theirs, and all where they were the only one."""
    for account, state in ledger.accounts.items():
        alone = _is_alone(ledger, account, person)
        for failure in state.open_failures:
            if failure.person == person or (failure.person is None and alone):
                yield account, failure.id


def replay_erasures(outside: Outside) -> int:
    """After a backup was restored: whoever the log knows as erased is so again. Gives how many were not."""
    again = 0
    for erasure in outside.erasures.all() if outside.erasures else ():
        gone = outside.database.retrying(partial(_again, outside=outside, erasure=erasure))
        _finish(replace(outside, erasures=None), gone)  # the log has it
        again += bool(gone)
    return again


def _again(unit: Unit, outside: Outside, erasure: Erasure) -> list[_Gone]:
    now = outside.clock.now()
    known = unit.suppressed(erasure.hashes)
    for hash_ in erasure.hashes:
        if known.get(hash_, {}).get("all") != "erased":
            unit.suppress(hash_, "all", "erased", now)
    state = unit.people([erasure.person]).get(erasure.person)
    if state is not None and state.erased:
        return []
    if state is None:  # the backup is older than they are: what comes of them again finds them erased
        state = PersonState(erasure.person)
    why = "a backup was restored; they had been erased before"
    return [_erase_one(unit, outside, state, "outreach", why)]

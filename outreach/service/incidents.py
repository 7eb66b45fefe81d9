"""One cause, many customers: seen together, told with one voice, corrected at once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from outreach.domain.errors import NotFound, Refused, must_say
from outreach.domain.evaluate import failure_of
from outreach.domain.facts import Severity
from outreach.domain.failure import Failure, FailureState
from outreach.domain.incident import (
    Hurt,
    Incident,
    Ref,
    SaidAbout,
    Suggested,
    Wording,
    belongs,
    common_fields,
    common_value,
    current,
    proposed,
    suggest,
    told,
    weight,
)
from outreach.domain.person import as_person
from outreach.domain.recipient import hurt_one
from outreach.service.ports import Outside, Unit

LOOKED_BACK, MOST_SUGGESTED = timedelta(days=7), 10
"""Failures that we have known longer suggest nothing any more."""
LONGEST = timedelta(days=90)
LONGEST_TITLE = 120
"""Characters."""


@dataclass(frozen=True, slots=True)
class Standing:
    """An incident with everybody whom it hurt, as of now."""

    incident: Incident
    failures: tuple[Failure, ...]
    """Those who wait first, the worst hurt of them on top."""
    wordings: tuple[Wording, ...]

    @property
    def accounts(self) -> int:
        return len({failure.account for failure in self.failures})

    @property
    def reached(self) -> int:
        return self.accounts - len(_unreached(self.failures))

    @property
    def right(self) -> int:
        open_ = {failure.account for failure in self.failures if failure.is_open}
        return self.accounts - len(open_)

    @property
    def severity(self) -> Severity:
        return max((failure.severity for failure in self.failures), default=Severity.LOW)

    @property
    def weight(self) -> int:
        return weight(self.accounts, self.severity, self.accounts - self.reached)

    @property
    def now(self) -> Wording | None:
        return current(self.wordings)

    @property
    def proposed(self) -> Wording | None:
        return proposed(self.wordings)


def _unreached(failures: Iterable[Failure]) -> set[str]:
    return {failure.account for failure in failures if _is_unreached(failure)}


def _is_unreached(failure: Failure) -> bool:
    return failure.state is FailureState.OPEN and not failure.spoken


# -- looking -----------------------------------------------------------------------------------------------


def all_of(unit: Unit, outside: Outside, now: datetime) -> tuple[list[Standing], list[Suggested]]:
    """Open incidents and what looks like more of them, the heaviest first."""
    incidents = unit.incidents_open()
    wordings = unit.wordings([each.id for each in incidents])
    stand = [_standing(unit, outside, each, wordings) for each in incidents]
    known = [[(failure.account, failure.id) for failure in each.failures] for each in stand]
    stand.sort(key=lambda each: (-each.weight, -each.accounts, each.incident.id))
    return stand, suggest(_hurts(unit, outside, now), known)[:MOST_SUGGESTED]


def standing(unit: Unit, outside: Outside, id_: str) -> Standing:
    """Raises NotFound."""
    incident = unit.incident(id_)
    if incident is None:
        raise NotFound("There is no such incident.")
    return _standing(unit, outside, incident, unit.wordings([id_]))


def _standing(unit: Unit, outside: Outside, incident: Incident, wordings: Iterable[Wording]) -> Standing:
    rules = outside.rules()
    kind, found = rules.vocabulary.get(incident.type), dict[Ref, Failure]()
    for failure, event in unit.hurt_by(incident.type, incident.since, incident.until) if kind else ():
        is_about = failure_of(event, rules.vocabulary) == failure.id
        if kind and is_about and belongs(incident, kind, event, rules.company.zone):
            found[failure.account, failure.id] = failure
    ordered = sorted(found.values(), key=lambda each: (*_order(each), each.account, each.id))
    return Standing(
        incident, tuple(ordered), tuple(each for each in wordings if each.incident == incident.id)
    )


def _order(failure: Failure) -> tuple[bool, bool, int, datetime]:
    return not _is_unreached(failure), not failure.is_open, -int(failure.severity), failure.known_at


def _hurts(unit: Unit, outside: Outside, now: datetime) -> list[Hurt]:
    rules = outside.rules()
    kinds = {name: kind for name, kind in rules.vocabulary.types.items() if kind.failure}
    fields = {name: common_fields(kind) for name, kind in kinds.items()}
    lately = unit.hurt_lately(sorted(kinds), now - LOOKED_BACK, now + timedelta(days=1))
    found = []
    for failure, event in lately:
        if failure_of(event, rules.vocabulary) != failure.id:
            continue
        values = {
            field: common_value(kinds[event.type], field, event, rules.company.zone)
            for field in fields[event.type]
        }
        common = {field: value for field, value in values.items() if value is not None}
        is_unreached = _is_unreached(failure)
        found.append(
            Hurt(
                failure.account, failure.id, failure.severity, is_unreached, event.type, event.time, common
            )
        )  # fmt: skip
    return found


@dataclass(frozen=True, slots=True)
class Told:
    """Somebody who was told words that have been corrected since, and nothing newer."""

    failure: Failure
    number: int
    said: SaidAbout


def told_earlier(unit: Unit, stands: Standing) -> list[Told]:
    """Whom somebody has to correct it with."""
    now = stands.now
    if now is None or now.number == 1:
        return []
    heard = heard_by(unit, {failure.account for failure in stands.failures}, stands.wordings)
    found = []
    for failure in stands.failures:
        number, said = heard.get((failure.account, failure.id), (0, None))
        if said is not None and number < now.number:
            found.append(Told(failure, number, said))
    return found


def heard_by(
    unit: Unit, accounts: Collection[str], wordings: Collection[Wording]
) -> Mapping[Ref, tuple[int, SaidAbout]]:
    """(account, failure) → the newest wording that they were told, and how."""
    return told(unit.said_about(sorted(accounts)), wordings)


def unworded(unit: Unit, outside: Outside, stands: Standing) -> Counter[str]:
    """Language → how many read it of those who wait to hear from somebody, where none of the words are in theirs."""
    now, company = stands.now, outside.rules().company.language
    if now is None:
        return Counter()
    read = _languages(unit, [failure for failure in stands.failures if _is_unreached(failure)])
    return Counter(language for language in read if now.in_language(language, company) is None)


def _languages(unit: Unit, failures: Collection[Failure]) -> list[str]:
    """Of those whom it happened to, as far as that is known; of each account once."""
    named = unit.people({failure.person for failure in failures if failure.person})
    known = unit.people_of_accounts({failure.account for failure in failures})
    hurt = {
        failure.account: hurt_one(
            as_person(named[failure.person]) if failure.person in named else None,
            failure.account,
            [as_person(state) for state in known.get(failure.account, ())],
        )
        for failure in failures
    }
    return [person.language for person in hurt.values() if person]


# -- opening and closing -----------------------------------------------------------------------------------


def open_one(
    outside: Outside,
    title: str,
    type_: str,
    field: str,
    value: str,
    since: datetime,
    until: datetime,
    by: str,
) -> Incident:
    """Raises Refused for a rule that can mean nobody."""
    _must_mean_something(outside, title, type_, field, value, since, until)
    now = outside.clock.now()
    made = Incident(
        outside.ids.new(), title.strip(), type_, field, value.strip() if field else "", since, until, by, now
    )

    def work(unit: Unit) -> None:
        unit.save_incident(made)
        unit.audit(now, by, "incident.opened", f"incident/{made.id}", made.title)

    outside.database.retrying(work)
    return made


def title_of(outside: Outside, suggested: Suggested) -> str:
    """What a suggestion is called until somebody says it better."""
    kind = outside.rules().vocabulary.get(suggested.type)
    what = kind.title if kind else suggested.type
    return f"{what}: {suggested.field.replace('_', ' ')} {suggested.value}"[:LONGEST_TITLE]


def take_up(outside: Outside, one: Suggested, by: str) -> Incident:
    """A suggestion becomes an incident."""
    title = title_of(outside, one)
    return open_one(outside, title, one.type, one.field, one.value, one.since, one.until, by)


def _must_mean_something(
    outside: Outside, title: str, type_: str, field: str, value: str, since: datetime, until: datetime
) -> None:
    kind = outside.rules().vocabulary.get(type_)
    if not title.strip() or len(title) > LONGEST_TITLE:
        raise Refused(f"Say in a few words what happened, {LONGEST_TITLE} characters at most.")
    if kind is None or kind.failure is None:
        raise Refused("Choose what went wrong: a type of event that is a failure.")
    if field and field not in common_fields(kind):
        raise Refused(
            f"{type_} has no field {field} that many can have in common; it has {', '.join(common_fields(kind)) or 'none'}."
        )
    if field and not value.strip():
        raise Refused(f"Say which {field.replace('_', ' ')}.")
    if not since < until or until - since > LONGEST:
        raise Refused(f"It ends after it begins, and within {LONGEST.days} days.")


def close(outside: Outside, id_: str, by: str, reason: str) -> None:
    """Its words are offered no more. Failures stay as they are. Raises Refused without a reason, or when it is closed."""
    must_say(reason)
    now = outside.clock.now()

    def work(unit: Unit) -> None:
        incident = still_open(unit, id_)
        unit.save_incident(replace(incident, closed_by=by, closed_at=now))
        unit.audit(now, by, "incident.closed", f"incident/{id_}", reason.strip())

    outside.database.retrying(work)


def still_open(unit: Unit, id_: str) -> Incident:
    """Raises NotFound; Refused once it is closed."""
    incident = unit.incident(id_)
    if incident is None:
        raise NotFound("There is no such incident.")
    if not incident.is_open:
        raise Refused("This incident is closed.")
    return incident

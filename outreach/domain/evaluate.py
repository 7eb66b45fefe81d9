"""Judging triggers: which playbooks match one event, as of its event time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, NamedTuple

from outreach.domain.account import AccountState
from outreach.domain.account_facts import account_facts, failure_facts, rhythm_facts
from outreach.domain.company import Company
from outreach.domain.conditions import Condition, Scope, Value, fuse
from outreach.domain.dues import FoldRules
from outreach.domain.errors import Fault
from outreach.domain.facts import Event, Person, Trace, Verdict
from outreach.domain.failure import Failure, failure_id
from outreach.domain.history import History, Need
from outreach.domain.lawbook import Packs
from outreach.domain.lawpack import LawPack
from outreach.domain.playbook import Playbook
from outreach.domain.vocabulary import EventType, Vocabulary

Fused = Callable[[Scope], Sequence[bool | None]]


@dataclass(frozen=True)
class Ruleset:
    """Everything ops wrote, read whole and handed to the rooms as one argument."""

    vocabulary: Vocabulary
    playbooks: Mapping[str, Playbook]
    company: Company
    packs: Packs = field(default_factory=lambda: Packs(()))
    faults: tuple[Fault, ...] = ()
    digest: str = ""
    by_type: Mapping[str, tuple[Playbook, ...]] = field(default_factory=dict)
    fused: Mapping[str, Fused] = field(default_factory=dict)
    needs: Mapping[str, tuple[Need, ...]] = field(default_factory=dict)
    """Trigger type → what its playbooks' conditions read of the past."""
    about_people: frozenset[str] = frozenset()
    """Trigger types whose playbooks' conditions ask who is known there."""
    fold_rules: FoldRules | None = None
    succeeding: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Event type → the playbooks whose success it is."""
    fed: frozenset[str] = frozenset()
    """Event types that other systems read in the feed."""

    @property
    def folding(self) -> FoldRules:
        assert self.fold_rules is not None
        return self.fold_rules


def make_ruleset(
    vocabulary: Vocabulary,
    playbooks: Iterable[Playbook],
    company: Company,
    packs: Iterable[LawPack] = (),
    faults: Iterable[Fault] = (),
    digest: str = "",
) -> Ruleset:
    """Index the playbooks by trigger and compile one fused function for each."""
    named = {playbook.name: playbook for playbook in playbooks}
    by_type: dict[str, list[Playbook]] = {}
    for name in sorted(named):
        for type_ in named[name].when:
            by_type.setdefault(type_, []).append(named[name])
    return Ruleset(
        vocabulary=vocabulary,
        playbooks=named,
        company=company,
        packs=Packs(packs, company.quiet_days),
        faults=tuple(faults),
        digest=digest,
        by_type={type_: tuple(found) for type_, found in by_type.items()},
        fused={type_: fuse([p.condition for p in found]) for type_, found in by_type.items()},
        needs={type_: _needs_of(found) for type_, found in by_type.items()},
        about_people=frozenset(type_ for type_, found in by_type.items() if _ask_for_people(found)),
        fold_rules=fold_rules(vocabulary, company),
        succeeding=_succeeding(named.values()),
        fed=frozenset(name for name, kind in vocabulary.types.items() if kind.feed),
    )


def _ask_for_people(playbooks: Iterable[Playbook]) -> bool:
    return any(asks_for_people((playbook.condition, playbook.once_per)) for playbook in playbooks)


_ABOUT_PEOPLE = ("account.people", "account.decision_makers")


def asks_for_people(parts: Iterable[Condition | Value | None]) -> bool:
    """Whether one of them reads what is known of the hurt person, or who is known there."""
    facts = (fact for part in parts if part is not None for fact in part.reading.facts)
    return any(is_about_people(fact) for fact in facts)


def is_about_people(fact: str) -> bool:
    return fact.startswith("person.") or fact in _ABOUT_PEOPLE


def _succeeding(playbooks: Iterable[Playbook]) -> dict[str, tuple[str, ...]]:
    found: dict[str, list[str]] = {}
    for playbook in playbooks:
        if playbook.success:
            found.setdefault(playbook.success.event, []).append(playbook.name)
    return {type_: tuple(names) for type_, names in found.items()}


def fold_rules(vocabulary: Vocabulary, company: Company) -> FoldRules:
    starts: dict[str, list[EventType]] = {}
    ends: dict[str, list[EventType]] = {}
    for kind in vocabulary.types.values():
        if kind.time_rule:
            for type_ in kind.time_rule.starts:
                starts.setdefault(type_, []).append(kind)
            for type_ in kind.time_rule.until:
                ends.setdefault(type_, []).append(kind)
    return FoldRules(
        vocabulary=vocabulary,
        calendar_of=company.calendar_of,
        unreached_after=company.unreached_after,
        look_again=company.look_again,
        horizon=timedelta(days=14),
        starts={type_: tuple(found) for type_, found in starts.items()},
        ends={type_: tuple(found) for type_, found in ends.items()},
    )


def _needs_of(playbooks: Iterable[Playbook]) -> tuple[Need, ...]:
    return merged_needs(
        need
        for playbook in playbooks
        for part in (playbook.condition, playbook.once_per, playbook.still_open, *playbook.stop_conditions)
        if part is not None
        for need in part.needs
    )


def merged_needs(needs: Iterable[Need]) -> tuple[Need, ...]:
    """One need per type, with the longest window asked for."""
    found: dict[str, Need] = {}
    for need in needs:
        old = found.get(need.type)
        if old is None:
            found[need.type] = need
            continue
        within = None if old.within is None or need.within is None else max(old.within, need.within)
        found[need.type] = Need(need.type, within, old.data or need.data)
    return tuple(found.values())


class Match(NamedTuple):
    """One playbook that says yes (True) or cannot tell (None) to a trigger, and the run's key."""

    trigger: Event
    playbook: Playbook
    verdict: bool | None
    key: str
    failure: str | None
    trace: Trace | None

    @property
    def is_by_hand(self) -> bool:
        return self.trace is not None and self.trace.path == BY_HAND


def scope_of(
    event: Event,
    state: AccountState,
    history: History,
    *,
    at: Any = None,
    person: Person | None = None,
    failure: Failure | None = None,
    run: Mapping[str, Any] | None = None,
    people: Sequence[Person] | None = None,
) -> Scope:
    """What a condition sees. ``at`` is the trigger's event time unless the step is judged as of now."""
    instant = at or event.time
    return Scope(
        event={"type": event.type, **event.data},
        account=account_facts(state, instant, people),
        rhythm=rhythm_facts(state, instant),
        person=person_facts(person, state.id),
        failure=failure_facts(failure, instant),
        run=run or {},
        history=history,
        at=instant,
    )


def person_facts(person: Person | None, account: str) -> dict[str, Any]:
    if person is None:
        return {}
    roles = person.roles.get(account, ())
    return {
        "id": person.id,
        "role": roles[0] if roles else None,
        "language": person.language,
        "country": person.country,
        "region": person.region,
        "has_phone": person.phone is not None,
        "has_email": person.email is not None,
    }


def failure_of(event: Event, vocabulary: Vocabulary) -> str | None:
    """The failure this event opens or is about."""
    kind = vocabulary.get(event.type)
    if kind and kind.failure:
        return failure_id(kind.failure.kind, str(event.data.get(kind.failure.key) or event.id))
    named = event.data.get("failure")
    return named if isinstance(named, str) else None


def judge(event: Event, scope: Scope, rules: Ruleset) -> list[Match]:
    """Every playbook that this event starts or about which it cannot tell. No entry means no."""
    playbooks = rules.by_type.get(event.type)
    if not playbooks:
        return []
    answers = rules.fused[event.type](scope)
    return [
        _match(event, playbook, answer, scope, rules)
        for playbook, answer in zip(playbooks, answers, strict=True)
        if answer is not False
    ]


def _match(event: Event, playbook: Playbook, answer: bool | None, scope: Scope, rules: Ruleset) -> Match:
    trace = playbook.condition.explain(scope, "if") if playbook.condition else None
    failure = None if event.type in CLOSING else failure_of(event, rules.vocabulary)
    return Match(event, playbook, answer, key_of(event, playbook, scope), failure, trace)


def key_of(event: Event, playbook: Playbook, scope: Scope) -> str:
    """What a run for this trigger would be about, by the playbook's ``once_per``."""
    key = playbook.once_per.value(scope) if playbook.once_per else None
    return str(key) if key is not None else event.id


BY_HAND = "playbook.asked"
"""A colleague overrules a playbook's ``if`` for one event of its own triggers."""


def match_by_hand(asked: Event, trigger: Event, scope: Scope, rules: Ruleset) -> Match | None:
    """``scope``: of the trigger, as of the asking. None when the playbook is gone or does not listen to it."""
    playbook = rules.playbooks.get(str(asked.data.get("playbook")))
    if playbook is None or trigger.type not in playbook.when:
        return None
    trace = Trace(BY_HAND, f"{asked.data.get('by')} started it by hand", Verdict.TRUE)
    return _match(trigger, playbook, True, scope, rules)._replace(trace=trace)


CLOSING = frozenset({"failure.put_right", "failure.let_be"})
"""What these start (a thank-you) does not live as long as the failure: that has just been closed."""


ALWAYS = "always"
"""What a playbook without an ``if`` says."""


def explain(playbook: Playbook, scope: Scope) -> Trace:
    """Why, or why not: the whole condition with the values it had then."""
    if playbook.condition is None:
        return Trace("if", ALWAYS, Verdict.TRUE)
    return playbook.condition.explain(scope, "if")

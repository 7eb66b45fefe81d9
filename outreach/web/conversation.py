"""Everything one card says: why, the brief, what may be offered, who they are, what came before."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from markupsafe import Markup

from outreach.domain.account import AccountState, Promise, PromiseState, was_two_way
from outreach.domain.card import Card, Line, agenda
from outreach.domain.errors import NotFound, OutreachError
from outreach.domain.evaluate import BY_HAND
from outreach.domain.facts import Channel, Endpoint, Person, Severity, Trace
from outreach.domain.failure import Failure, FailureState
from outreach.domain.incident import SaidAbout
from outreach.domain.message import RenderFault, render_brief, sms_parts
from outreach.domain.plan import Run
from outreach.domain.playbook import Playbook, Remedy
from outreach.domain.sight import ALL, Sight
from outreach.domain.talk import Outcome, Said
from outreach.domain.touch import Status, Touch
from outreach.service import by_hand, desk, outcomes, posting
from outreach.service.briefs import WORDS_LAST, context_of, is_late, preferences_of, template_of
from outreach.service.incident_words import Spoken, spoken_of
from outreach.service.incidents import heard_by
from outreach.service.ledger import Ledger
from outreach.service.ports import Outside
from outreach.service.ports_desk import Ask
from outreach.service.rulings import remark_on
from outreach.service.why_told import sentences
from outreach.store import views
from outreach.store.unit import StoreUnit
from outreach.web import board, finding, sayings

DIALLED_FOR = timedelta(hours=2)
"""So long after the dial the number stays on the card."""
ASK_WITHIN = timedelta(days=14)
"""So long after it was put right the winning-back question is shown."""
PAGE = 25


@dataclass(frozen=True, slots=True)
class LineShown:
    """One line of the agenda."""

    touch: Touch
    account: AccountState
    severity: Severity
    locked: bool
    title: str
    why: str
    brief: Markup | None
    fault: str
    late: bool
    because: tuple[str, ...]
    may_offer: tuple[Remedy, ...]
    failure: Failure | None
    asks: tuple[Ask, ...]
    """Remedies for it above the limit: asked for, granted, refused."""
    spoken_of: Spoken | None
    """The incident it is part of, and what we may say of that."""
    remark: str
    """That its playbook is paused, and why; empty where it is live."""
    told_before: SaidAbout | None
    """They were told words of it that have been corrected since."""


@dataclass(frozen=True, slots=True)
class DraftShown:
    """A mail or SMS that waits to be released, exactly as it will arrive."""

    touch: Touch
    account: AccountState
    title: str
    to: str
    subject: str
    text: str
    encoding: str
    parts: int
    foot: tuple[str, ...]
    """What stands below it when it arrives."""
    rehearses: bool
    """It goes to the outbox, though a provider is set up."""


@dataclass(frozen=True, slots=True)
class PersonShown:
    person: Person
    places: tuple[tuple[tuple[str, ...], str], ...]
    """Their roles, and the name of the account where they have them."""
    preferences: tuple[str, ...]
    spoken: datetime | None
    """When somebody of us last really spoke with them."""


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
    steps: Sequence[views.Step]
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


LOOKED_AT = 100
"""Contacts of an account, of each kind, among which we look for the last one with each of its people."""


def last_spoken(unit: StoreUnit, outside: Outside, accounts: Iterable[str]) -> dict[str, datetime]:
    """Person → when one of us last really spoke with them, or they wrote."""
    proofs = {name: kind.contact for name, kind in outside.rules().vocabulary.types.items() if kind.contact}
    found: dict[str, datetime] = {}
    for account in accounts:
        for event in (each for name in proofs for each in unit.last_of(account, name, LOOKED_AT)):
            person = event.data.get("person_id")
            if person and (proofs[event.type] == "reply" or was_two_way(event)):
                found[person] = max(event.time, found.get(person, event.time))
    return found


def name_of(state: AccountState) -> str:
    return state.described.get("name") or state.id


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
    card = unit.card(card_id)
    if card is None:
        raise NotFound("There is no such card. It may have been merged with another.")
    touches = unit.touches_of_card(card_id)
    ledger = Ledger(unit, outside, now)
    ledger.lock(sorted({touch.account for touch in touches}))
    ledger_touches = [ledger.touches.get(t.account, {}).get(t.id, t) for t in touches]
    waiting = [each.outcome for each in said if each.fault is None]
    on_desk = _not_said_yet(ledger, [t for t in ledger_touches if t.status is Status.ON_DESK], waiting)
    lines = _lines(ledger, on_desk)
    person = _person(ledger, card, ledger_touches)
    accounts = tuple(ledger.accounts[id_] for id_ in sorted(ledger.accounts))
    zone = (person.zone if person else None) or (accounts[0].described.get("zone") if accounts else None)
    zone = zone or ledger.rules.company.zone
    right = {failure for outcome in waiting for failure in outcome.put_right}
    found = [failure for state in accounts for failure in state.failures.values() if failure.id not in right]
    seen = frozenset(
        state.id
        for state in accounts
        if sight.sees(state.described.get("owner"), state.described.get("team"))
    )
    told_of = _told_of(accounts, seen)
    steps = views.timeline(unit, told_of, before, PAGE + 1)
    return Conversation(
        card=card,
        person=person,
        zone=zone,
        lines=lines,
        drafts=tuple(_draft(ledger, t) for t in ledger_touches if t.status is Status.DRAFT),
        settled=tuple(t for t in ledger_touches if t.status is Status.SETTLED),
        accounts=accounts,
        seen=seen,
        told_of=told_of,
        people=_people(ledger, seen, person, last_spoken(unit, outside, seen)),
        failures=tuple(sorted((f for f in found if f.is_open), key=lambda f: (-f.severity, f.opened_at))),
        closed=tuple(f for f in found if _just_put_right(f, now)),
        promises=_promises(accounts),
        dial=board.dial_of(ledger, on_desk, zone),
        dialled_at=_dialled(on_desk, now),
        said=_said(unit, accounts, person, now),
        winback=winback_of(unit, outside, accounts, person.id if person else None, now, right),
        elsewhere=_elsewhere(unit, person),
        steps=steps[:PAGE],
        more=steps[PAGE - 1].at if len(steps) > PAGE else None,
    )


def _not_said_yet(ledger: Ledger, touches: list[Touch], said: Iterable[Outcome]) -> list[Touch]:
    done = {touch.id for outcome in said for touch in outcomes.ticked(ledger, touches, outcome)}
    return [touch for touch in touches if touch.id not in done]


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


def _lines(ledger: Ledger, touches: Sequence[Touch]) -> tuple[LineShown, ...]:
    ordered = agenda(
        Line(t.id, t.account, _run(ledger, t).severity, t.due, t.deadline, t.purpose.sells) for t in touches
    )
    by_id = {touch.id: touch for touch in touches}
    asks: dict[str, list[Ask]] = {}
    for ask in ledger.unit.asks_of(sorted({touch.account for touch in touches})):
        asks.setdefault(ask.account, []).append(ask)
    return tuple(_line(ledger, by_id[line.touch], asks.get(line.account, ())) for line in ordered)


def _run(ledger: Ledger, touch: Touch) -> Run:
    return ledger.runs[touch.account][touch.run]


def _line(ledger: Ledger, touch: Touch, asks: Iterable[Ask]) -> LineShown:
    run, state = _run(ledger, touch), ledger.accounts[touch.account]
    try:
        playbook: Playbook | None = ledger.playbook(run)
    except OutreachError:
        playbook = None
    brief, fault = _brief(ledger, run, touch, playbook)
    spoken = spoken_of(ledger, run.account, run.failure)
    return LineShown(
        touch=touch,
        account=state,
        severity=run.severity,
        locked=outcomes.locked(ledger, touch),
        title=playbook.title if playbook else run.playbook,
        why=playbook.why if playbook else "",
        brief=brief,
        fault=fault,
        late=is_late(touch, ledger.now),
        because=_because(ledger, run),
        may_offer=playbook.may_offer if playbook else (),
        failure=state.failures.get(run.failure or ""),
        asks=tuple(ask for ask in asks if ask.failure == run.failure),
        spoken_of=spoken,
        remark=remark_on(ledger, run),
        told_before=_told_before(ledger, run, spoken),
    )


def _told_before(ledger: Ledger, run: Run, spoken: Spoken | None) -> SaidAbout | None:
    if spoken is None or spoken.now.number == 1:
        return None
    heard = heard_by(ledger.unit, [run.account], spoken.wordings)
    number, said = heard.get((run.account, run.failure or ""), (0, None))
    return said if number < spoken.now.number else None


def _because(ledger: Ledger, run: Run) -> tuple[str, ...]:
    """Why it is on the card, and what a colleague said who wanted it."""
    why = by_hand.why_of(ledger.unit, run) if (trace := _trace(ledger, run)) and trace.path == BY_HAND else ""
    return (*sentences(trace, ledger.rules.company.zone), *([f"“{why}”"] if why else []))


def _brief(ledger: Ledger, run: Run, touch: Touch, playbook: Playbook | None) -> tuple[Markup | None, str]:
    """The brief as HTML that ``render_brief`` made safe, or what is wrong with it: a fault in a template
    must not keep anybody from calling."""
    if playbook is None:
        return None, "The playbook of this line cannot be read any more."
    if touch.channel is Channel.TASK:
        return None, ""
    person = ledger.person(touch.person)
    try:
        name, text = template_of(playbook, touch, person)
        zone = (person.zone if person else None) or ledger.rules.company.zone
        html = render_brief(text, context_of(ledger, run, touch), name, playbook.templates, zone=zone)
    except (RenderFault, OutreachError) as fault:
        return None, f"The brief could not be written: {fault}"
    return Markup(html), ""


def _trace(ledger: Ledger, run: Run) -> Trace | None:
    decision = ledger.unit.decision_of_run(run.account, run.id)
    return decision.trace if decision else None


def _draft(ledger: Ledger, touch: Touch) -> DraftShown:
    run, draft = _run(ledger, touch), touch.draft or {}
    person = ledger.person(touch.person)
    endpoint = person.endpoint(touch.channel) if person else None
    text = str(draft.get("text") or "")
    encoding, parts = sms_parts(text)
    known = ledger.rules.playbooks.get(run.playbook)
    return DraftShown(
        touch, ledger.accounts[touch.account], known.title if known else run.playbook,
        endpoint.value if endpoint else "", str(draft.get("subject") or ""), text, encoding, parts,
        posting.foot_of(ledger, touch, person.language if person else "en"), _rehearses(ledger, touch, endpoint),
    )  # fmt: skip


def _rehearses(ledger: Ledger, touch: Touch, endpoint: Endpoint | None) -> bool:
    if endpoint is None or touch.channel not in ledger.outside.providers:
        return False
    return posting.provider_for(ledger, touch.channel, endpoint.value) == posting.OUTBOX


def _person(ledger: Ledger, card: Card, touches: Iterable[Touch]) -> Person | None:
    named = next((touch.person for touch in touches if touch.person), None)
    return ledger.person(named) if named else None


def _told_of(accounts: Sequence[AccountState], seen: frozenset[str]) -> list[str]:
    """Whose relationship stands on the card. What somebody bought privately stays off a card about a business."""
    private = {state.id for state in accounts if state.described.get("kind") == "private"}
    about_business = any(state.id not in private for state in accounts)
    return sorted(seen - private if about_business else seen)


def _people(
    ledger: Ledger, seen: frozenset[str], this: Person | None, spoken: Mapping[str, datetime]
) -> tuple[PersonShown, ...]:
    """Everybody once, however many of the accounts they belong to."""
    known = {person.id: person for account in sorted(seen) for person in ledger.people_of(account)}
    if this is not None:
        known.setdefault(this.id, this)
    return tuple(
        PersonShown(
            person,
            tuple(_places(ledger, person)),
            tuple(preferences_of(person, ledger.now)),
            spoken.get(person.id),
        )
        for person in known.values()
        if not person.erased
    )


def _places(ledger: Ledger, person: Person) -> Iterator[tuple[tuple[str, ...], str]]:
    for account, state in sorted(ledger.accounts.items()):
        if account in person.roles:
            yield person.roles[account], name_of(state)


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


def _just_put_right(failure: Failure, now: datetime) -> bool:
    lately = failure.closed_at is not None and now - failure.closed_at < ASK_WITHIN
    return failure.state is FailureState.PUT_RIGHT and lately


def winback_of(
    unit: StoreUnit,
    outside: Outside,
    accounts: Sequence[AccountState],
    person: str | None,
    now: datetime,
    right: Collection[str] = (),
) -> str | None:
    """The ruling beside "how can we win your business again?"; None while it is no time to ask. ``right``: failures
    that have just been said to be put right."""
    found = [failure for state in accounts for failure in state.failures.values()]
    still = [failure for failure in found if failure.is_open and failure.id not in right]
    if still or not (right or any(_just_put_right(failure, now) for failure in found)):
        return None
    return desk.winback_ruling(outside, unit, accounts[0].id, person)


def words_of(step: views.Step) -> str:
    """Everything that a step of the relationship says, shown or not, to be searched."""
    if step.event is not None:
        return f"{sayings.of_event(step.event)} {' '.join(map(str, step.event.data.values()))}"
    assert step.touch is not None
    attempt = step.attempt
    written = [attempt.subject, attempt.text] if attempt else []
    said = [sayings.of_touch(step.touch, attempt), step.touch.text, step.touch.sentence, *written]
    return " ".join(each for each in said if each)

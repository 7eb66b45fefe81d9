"""Asking the policy about a touch as of now: everything its rules look at, gathered."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta

from outreach.domain.conditions import Condition, Scope
from outreach.domain.evaluate import asks_for_people, scope_of
from outreach.domain.facts import Channel, Event, Permission, Person, Purpose
from outreach.domain.history import Need
from outreach.domain.hold import Hold, kin, strongest
from outreach.domain.law import (
    ConsentRule,
    attempts_per_day,
    closes,
    consent_needed,
    is_allowed,
    relationship_until,
    screenings,
)
from outreach.domain.lawline import ConsentNeed
from outreach.domain.permission import express, implied_since
from outreach.domain.place import Place, kind_of, place_of
from outreach.domain.plan import ASKS_FOR_A_CALL, LIVE, Run
from outreach.domain.playbook import Playbook, Step
from outreach.domain.policy import WEEK, Case, LawSays
from outreach.domain.preference import Awaited, NotBefore, awaited, confides_in_nobody, not_before
from outreach.domain.recipient import hurt_one
from outreach.domain.signal import OPTED_OUT
from outreach.domain.steps import resolved_text
from outreach.domain.touch import Touch
from outreach.service.ledger import Ledger
from outreach.service.switches import provider_stopped


def placing_case(ledger: Ledger, run: Run, touch: Touch) -> Case:
    """The case as far as the desk asks: may this call be shown at all?"""
    playbook, person = ledger.playbook(run), ledger.person(touch.person)
    scope = run_scope(ledger, run, playbook)
    return Case(
        touch=touch,
        now=ledger.now,
        person=person,
        law=law_says(ledger, touch, person) if touch.purpose.sells else LawSays(True, None),
        publish_state=publish_state(ledger, run),
        promised=run.is_promised,
        blast=ledger.answer(run),
        they_wait=run.trigger_type == "callback.missed",
        run_open=run.is_open,
        run_why=run.end_reason,
        suppressed=_suppressed(ledger, touch, run),
        confided=_confided(ledger, run, touch),
        hold=hold_against(ledger, run, person) if touch.purpose.sells else None,
        still_open=still_open(playbook, scope),
        has_branch=touch.channel is Channel.TASK
        or resolved_text(playbook, playbook.steps[touch.step]) is not None,
        step_if=_step_if(playbook, touch, scope),
    )


_ASKED_FOR = timedelta(hours=1)
_LOOK_AGAIN = timedelta(hours=1)
"""After which it is asked again whether what they wait for has come."""
WISHES_FOR_A_CALL = frozenset({"callback.asked", "callback.missed"})
"""What the call of a wish stands for, by its own id; the number they gave is with it."""


def publish_state(ledger: Ledger, run: Run) -> str:
    """As far as this run goes: what its playbook was disabled for once is over, though it may be live again."""
    if run.shadow:
        return "shadow"
    return "disabled" if ledger.is_over(run) else ledger.publish_states.get(run.playbook, LIVE).state


def remark_on(ledger: Ledger, run: Run) -> str:
    """What whoever is about to ring has to know of its playbook; empty where it is live. What lies on the desk stays there,
    since the customer was let down whatever ops think of the texts."""
    state = publish_state(ledger, run)
    if state in ("live", "percent"):
        return ""
    last = next(iter(ledger.said_of(run.playbook)), None)
    since = f" {last.by} said why: “{last.reason}”" if last is not None and last.state == state else ""
    if run.is_promised:
        return f"Its playbook is {STANDS[state]}.{since} They have our word all the same: ring them."
    return f"Its playbook is {STANDS[state]}, so what stands here may be wrong.{since} Look before you ring."


STANDS = {"paused": "paused", "disabled": "disabled", "shadow": "in shadow again"}


def case_for(ledger: Ledger, run: Run, touch: Touch, by: str = "") -> Case:
    """The policy's whole case for one touch, as of the ledger's now: for sending, and for the dial. ``by``: the
    colleague who is about to dial."""
    person = ledger.person(touch.person)
    stated = wished(ledger, person, [touch.account]) if person else None
    wrote = touch.purpose is Purpose.CALLBACK and run.trigger_type not in ASKS_FOR_A_CALL
    return replace(
        placing_case(ledger, run, touch),
        law=law_says(ledger, touch, person),
        they_wrote=wrote,
        kill_switch=ledger.kill_switch,
        provider_stopped=_provider_stopped(ledger, touch),
        embargo=embargo_against(ledger, touch.account, by),
        contacts=contacts(ledger, touch),
        caps=ledger.rules.company.caps,
        outranked_until=_outranked(ledger, run, touch),
        preferred_until=stated.until if stated else None,
        preferred_sentence=stated.sentence if stated else "",
    )


def wished(ledger: Ledger, person: Person, accounts: Iterable[str]) -> NotBefore | None:
    """The longest wait of those that they have asked for: a pause, something to come first, their hours."""
    accounts = list(accounts)
    zones = [zone for id_ in accounts[:1] or [""] for zone in place_at(ledger, id_, person).zones]
    wishes = [not_before(person, ledger.now, ledger.rules.company, zones)]
    wish = still_awaited(ledger, person, accounts)
    if wish is not None:
        wishes.append(NotBefore(ledger.now + _LOOK_AGAIN, wish.sentence))
    return max((each for each in wishes if each), key=lambda each: each.until, default=None)


def still_awaited(ledger: Ledger, person: Person, accounts: Iterable[str]) -> Awaited | None:
    """What they want to see come first, and has not."""
    wish = awaited(person)
    if wish is None:
        return None
    told = (each for id_ in accounts for each in ledger.unit.last_of(id_, wish.type, 200))
    return None if wish.is_fulfilled_by(told) else wish


def _confided(ledger: Ledger, run: Run, touch: Touch) -> str:
    """Why nobody but the one who was hurt may hear of it; empty for that one."""
    hurt = ledger.person(run.person) if run.person != touch.person else None
    if hurt is None or hurt.identity == touch.identity or not confides_in_nobody(hurt):
        return ""
    return "It was told to us in confidence: nobody but the one who was hurt may hear of it."


def _step_if(playbook: Playbook, touch: Touch, scope: Scope) -> bool | None:
    return True if touch.because == "look_again" else step_allows(playbook.steps[touch.step], scope)


def run_scope(ledger: Ledger, run: Run, playbook: Playbook, step: Step | None = None) -> Scope:
    """What the run's own conditions see: as of now, against the trigger's current revision."""
    needs = needs_now(playbook)
    trigger = ledger.trigger(run)
    state = ledger.accounts[run.account]
    history = ledger.history(run.account, needs)
    facts = {
        "reached": run.reached,
        "attempts": run.attempts,
        "age_days": (ledger.now - run.started_at) / timedelta(days=1),
        "round": run.round,
        "replied": run.replied,
    }
    person = ledger.person(run.person)
    people = ledger.people_of(run.account) if asks_for_people(_asked_now(playbook)) else None
    return scope_of(
        trigger or _lost_trigger(run),
        state,
        history,
        at=ledger.as_of(run.account),
        person=person if people is None else hurt_one(person, run.account, people),
        people=people,
        failure=state.failures.get(run.failure or ""),
        run=facts,
    )


def needs_now(playbook: Playbook) -> list[Need]:
    """What the conditions judged as of now read of the past."""
    return [need for part in _asked_now(playbook) for need in part.needs]


def _asked_now(playbook: Playbook) -> list[Condition]:
    steps = [step.condition for step in playbook.steps if step.condition]
    return [*steps, *playbook.stop_conditions, *([playbook.still_open] if playbook.still_open else [])]


def _lost_trigger(run: Run) -> Event:
    """The trigger was erased or retracted: nothing of it is known any more."""
    source, _, id_ = run.trigger.partition("|")
    return Event(source, id_, run.trigger_type, run.account, run.trigger_time, run.started_at, {})


def still_open(playbook: Playbook, scope: Scope) -> bool | None:
    return True if playbook.still_open is None else playbook.still_open.test(scope)


def step_allows(step: Step, scope: Scope) -> bool | None:
    return True if step.condition is None else step.condition.test(scope)


def _place(ledger: Ledger, touch: Touch, person: Person | None) -> tuple[Place, str]:
    """Where they may be, and whether the account is private or business."""
    state = ledger.accounts.get(touch.account)
    kind = (state.described.get("kind") if state else None) or ""
    return place_at(ledger, touch.account, person), kind_of(person, kind)


def place_at(ledger: Ledger, account: str, person: Person | None) -> Place:
    """Where they may be, as far as they, their number and that account say."""
    state = ledger.accounts.get(account)
    said = state.described if state else {}
    zone = ledger.rules.company.zone
    return place_of(person or Person(""), said.get("country"), said.get("region"), said.get("zone"), zone)


def lawful_until(ledger: Ledger, touch: Touch) -> datetime | None:
    """When the allowed hours around now end at the person's place; None where nothing limits them."""
    place, kind = _place(ledger, touch, ledger.person(touch.person))
    return closes(ledger.rules.packs, place, touch.channel, touch.purpose, kind, ledger.now)


def law_says(ledger: Ledger, touch: Touch, person: Person | None) -> LawSays:
    """The law packs' answers for this touch at the person's place."""
    if touch.channel is Channel.TASK:
        return LawSays(True, None)
    packs = ledger.rules.packs
    place, kind = _place(ledger, touch, person)
    today = ledger.now.date()
    asked_for = _asked_for(ledger, touch)
    answer = is_allowed(packs, place, touch.channel, touch.purpose, asked_for, kind, ledger.now)
    consent = consent_needed(packs, place, touch.channel, touch.purpose, kind, today)
    relationship = _has_relationship(ledger, touch, person, place)
    allowed_by = _allowed_by(ledger, touch, person)
    attempts = attempts_per_day(packs, place, touch.purpose, today)
    return LawSays(
        allowed=answer.allowed,
        until=answer.until,
        sentence=answer.sentence,
        consent_ok=_is_enough(consent, allowed_by, relationship),
        consent_sentence=consent.sentence,
        attempts_per_day=attempts if touch.channel is Channel.CALL else None,
        unscreened="" if allowed_by else _unscreened(ledger, touch, person, place, kind, relationship),
    )


def _asked_for(ledger: Ledger, touch: Touch) -> bool:
    """They wanted this call at this time, whatever the hour; once its promise clock has run out, the
    usual hours count again. Who wrote to us has asked for an answer, not for a call at night."""
    if touch.purpose is not Purpose.CALLBACK or touch.channel is not Channel.CALL:
        return False
    run = ledger.runs.get(touch.account, {}).get(touch.run)
    if run is not None and run.trigger_type not in ASKS_FOR_A_CALL:
        return False
    return touch.due <= ledger.now <= (touch.deadline or touch.due + _ASKED_FOR)


def _is_enough(rule: ConsentRule, allowed_by: Permission | None, relationship: bool) -> bool:
    if rule.need is ConsentNeed.FORBIDDEN:
        return False
    return (
        rule.need is ConsentNeed.NONE
        or allowed_by is not None
        or (rule.need is ConsentNeed.RELATIONSHIP and relationship)
    )


def _allowed_by(ledger: Ledger, touch: Touch, person: Person | None) -> Permission | None:
    """Their express consent on file for this purpose, channel and address."""
    return express(*_asked(ledger, touch, person)) if person else None


def _asked(
    ledger: Ledger, touch: Touch, person: Person
) -> tuple[tuple[Permission, ...], Purpose, Channel, str, datetime]:
    endpoint = person.endpoint(touch.channel)
    value = endpoint.value if endpoint else ""
    return person.permissions, touch.purpose, touch.channel, value, ledger.now


def _has_relationship(ledger: Ledger, touch: Touch, person: Person | None, place: Place) -> bool:
    """By their last purchase, or a purchase or an inquiry that they told us of with their consent."""
    since = implied_since(*_asked(ledger, touch, person)) if person else {}
    state = ledger.accounts.get(touch.account)
    bought = [at for at in (state.last_order_at if state else None, since.get("purchase")) if at]
    until = relationship_until(
        ledger.rules.packs, place, max(bought, default=None), since.get("inquiry"), ledger.now.date()
    )
    return until is not None and ledger.now <= until


def _unscreened(
    ledger: Ledger, touch: Touch, person: Person | None, place: Place, kind: str, relationship: bool
) -> str:
    """Why a registry stands against it, in a sentence; empty where none does."""
    needed = screenings(ledger.rules.packs, place, touch.channel, touch.purpose, kind, ledger.now.date())
    for each in needed:
        registry = each.registry
        if registry.relationship and relationship:
            continue
        known = person.screened.get(registry.list) if person else None
        if known is None:
            return f"The number was never checked against {registry.list} ({each.sentence})."
        ends = known.at + timedelta(days=registry.days)
        if ledger.now >= min(ends, known.expires_at or ends):
            return f"The check against {registry.list} of {known.at:%d %B %Y} is too old ({each.sentence})."
        if known.listed:
            return f"The number is listed in {registry.list} ({each.sentence})."
    return ""


def embargo_against(ledger: Ledger, account: str, by: str = "") -> str:
    state = ledger.accounts.get(account)
    embargo = state.embargo if state else None
    mine = embargo is not None and bool(by) and embargo.only == by
    return "" if embargo is None or mine else embargo.sentence


def contacts(ledger: Ledger, touch: Touch) -> list[Touch]:
    """Touches of this human or endpoint in the last week that count for caps; not those of its own dial."""
    if not touch.identity or touch.channel is Channel.TASK:
        return []
    found = ledger.unit.contacts_since(touch.identity, touch.endpoint, ledger.now - WEEK)
    return [other for other in found if other.id != touch.id and other.contact != touch.contact]


def hold_against(ledger: Ledger, run: Run, person: Person | None) -> Hold | None:
    """The strongest hold on this run's purpose that another run has put on the person or the account."""
    found = holds_on(ledger, person, [run.account])
    return strongest((hold for hold in found if hold.run != run.id), run.purpose, ledger.now)


def holds_on(ledger: Ledger, person: Person | None, accounts: Iterable[str] = ()) -> list[Hold]:
    """Every hold on these accounts, and on everybody linked to the person at all accounts of theirs; as
    stored, and as this transaction has changed them."""
    people = ledger.unit.linked([person.id]) if person else []
    roles = [state.roles for state in ledger.unit.people(people).values()]
    all_ = sorted({*accounts, *(account for each in roles for account in each)})
    akin = sorted({each for state in ledger.unit.accounts(all_) for each in kin(state.id, state.described)})
    found = {hold.id: hold for hold in ledger.unit.holds_on(people, all_, akin)}
    found.update({hold.id: hold for holds in ledger.holds.values() for hold in holds.values()})
    return [hold for hold in found.values() if hold.reaches(people, all_, akin)]


def _provider_stopped(ledger: Ledger, touch: Touch) -> str | None:
    provider = ledger.outside.providers.get(touch.channel)
    if provider is None or not touch.channel.written:
        return None
    ways = (provider, f"{provider}/{touch.channel.value}")
    return next((why for way in ways if (why := provider_stopped(ledger.unit, way))), None)


def _suppressed(ledger: Ledger, touch: Touch, run: Run) -> str | None:
    """A call they ask for is another word than the one that shut the telephone."""
    if not touch.endpoint:
        return None
    why = ledger.suppressed(touch.endpoint, touch.channel, selling=touch.purpose.sells)
    asked_for = touch.channel is Channel.CALL and run.trigger_type in ASKS_FOR_A_CALL
    return None if asked_for and why == OPTED_OUT else why


def _outranked(ledger: Ledger, run: Run, touch: Touch) -> datetime | None:
    return ledger.now + timedelta(hours=4) if speaks_first(ledger, run, touch) else None


def speaks_first(ledger: Ledger, run: Run, touch: Touch) -> Run | None:
    """Of mails and SMS to one person only the first run's goes; severity, then priority, then age. The run whose
    goes before this one. A run in shadow says nothing, so nobody waits for it."""
    if not touch.channel.written:
        return None
    mine = (-run.severity, -run.priority, run.started_at, run.id)
    for other in ledger.touches[touch.account].values():
        rival = ledger.runs[touch.account].get(other.run)
        if (
            rival is None
            or rival.id == run.id
            or rival.shadow
            or other.identity != touch.identity
            or not other.channel.written
            or other.status not in ("planned", "due", "draft")
            or other.due > ledger.now
        ):
            continue
        if (-rival.severity, -rival.priority, rival.started_at, rival.id) < mine:
            return rival
    return None

"""What templates may say: the context of a brief or a message, and which text a touch uses."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from outreach.domain.account import AccountState, Promise
from outreach.domain.account_facts import account_facts, failure_facts
from outreach.domain.errors import NotFound
from outreach.domain.facts import Channel, Event, Person
from outreach.domain.failure import REPEAT_WINDOW, FailureState
from outreach.domain.incident import Wording
from outreach.domain.message import pick_variant
from outreach.domain.message_tree import variant_of
from outreach.domain.plan import Run
from outreach.domain.playbook import Playbook
from outreach.domain.steps import may_leave_message
from outreach.domain.touch import Touch
from outreach.service.incident_words import spoken_of
from outreach.service.ledger import Ledger
from outreach.service.ports import Unit


def template_of(playbook: Playbook, touch: Touch, person: Person | None) -> tuple[str, str]:
    """(name, text) of the brief or template the touch uses, in the person's language where there is one."""
    step = playbook.steps[touch.step]
    branch = playbook.if_resolved if touch.resolved else None
    if touch.channel is Channel.CALL:
        name = (branch.brief if branch else None) or step.brief
    else:
        name = (branch.template if branch else None) or step.template
    if name is None:
        raise NotFound(f"{playbook.name}: step {touch.step + 1} has no text")
    language = person.language if person and touch.channel.written else "en"
    return pick_variant(playbook.templates, name, language)


def context_of(ledger: Ledger, run: Run, touch: Touch) -> dict[str, Any]:
    """Everything a template may name, as plain values (see ``message.CONTEXT_NAMES``)."""
    state, now = ledger.accounts[run.account], ledger.now
    company, person = ledger.rules.company, ledger.person(touch.person)
    trigger, am = ledger.trigger(run), ledger.outside.am(ledger.unit, touch.caller)
    event: dict[str, Any] = dict.fromkeys(_fields_of(ledger, run), None)
    event.update(_what_happened(trigger) if trigger else {})
    return {
        "account": {"name": None, "kind": None, "tier": None, "value": None,
                    **account_facts(state, now, ledger.people_of(run.account))},
        "person": _person(person),
        "am": {"name": am.name or company.sender_name, "email": am.email or company.sender_email,
               "phone": company.phone},
        "company": {"name": company.name, "phone": company.phone,
                    "postal_address": company.postal_address, "currency": company.currency,
                    "language": company.language, "zone": company.zone},
        "event": event,
        "failure": {"kind": None, "key": None, "severity": None, "nth_90d": 1, "round": 1,
                    "opened_on": None, "first_order": False, "state": None,
                    **failure_facts(state.failures.get(run.failure or ""), now)},
        "promises": [_promise(promise) for promise in state.promises.values()],
        "preferences": preferences_of(person, now),
        "run": {"attempts": run.attempts, "round": run.round},
        "others": _others(state, run.failure, now),
        "incident": _incident(ledger, run, touch),
        "late_apology": is_late(touch, now),
        "may_leave_message": may_leave_message(touch, ledger.playbook(run).steps[touch.step]),
        "said": last_words(ledger.unit, run.account, touch.person, now),
    }  # fmt: skip


def _incident(ledger: Ledger, run: Run, touch: Touch) -> dict[str, Any]:
    found = spoken_of(ledger, run.account, run.failure)
    if found is None:
        return {"title": None, "what": None, "words": None}
    words = _words_of(ledger, run, touch, found.now)
    return {"title": found.incident.title, "what": found.now.what, "words": words}


def _words_of(ledger: Ledger, run: Run, touch: Touch, wording: Wording) -> str | None:
    """Written, only in the language of the text that they stand in: none rather than others. Whoever rings can put what
    there is into their own words."""
    company, person = ledger.rules.company.language, ledger.person(touch.person)
    if not touch.channel.written:
        theirs = wording.in_language(person.language if person else company, company)
        return theirs or wording.in_language(company, company) or wording.words
    name, _ = template_of(ledger.playbook(run), touch, person)
    return wording.in_language(variant_of(name) or company, company)


def _what_happened(trigger: Event) -> dict[str, Any]:
    return {"id": trigger.id, "type": trigger.type, "time": trigger.time, **trigger.data}


def _others(state: AccountState, failure: str | None, now: datetime) -> list[str]:
    """What else went wrong for them in the last 90 days, the newest first, and where it stands."""
    found = [
        other for other in state.failures.values()
        if other.founded and other.id != failure and other.opened_at > now - REPEAT_WINDOW
    ]  # fmt: skip
    found.sort(key=lambda other: other.opened_at, reverse=True)
    return [
        f"{other.kind} {other.key}, since {other.opened_at:%-d %B}: {_STANDS[other.state]}" for other in found
    ]


_STANDS = {
    FailureState.OPEN: "open, and nobody has spoken with them about it",
    FailureState.REACHED: "spoken of, and not put right yet",
    FailureState.PUT_RIGHT: "put right",
    FailureState.LET_BE: "let be",
}

WORDS_LAST = timedelta(days=30)
"""So long what a customer wrote heads what we say to them."""


def last_words(unit: Unit, account: str, person: str | None, now: datetime) -> str | None:
    """What they last wrote to us, if that was lately."""
    for event in unit.last_of(account, "message.received", 5):
        if event.time > now - WORDS_LAST and person in (None, event.data.get("person_id")):
            return event.data.get("text")
    return None


def _fields_of(ledger: Ledger, run: Run) -> set[str]:
    """Of every event type that can start the playbook: one text serves them all."""
    kinds = [ledger.rules.vocabulary.get(type_) for type_ in (run.trigger_type, *ledger.playbook(run).when)]
    return {name for kind in kinds if kind for name in kind.fields}


def _person(person: Person | None) -> dict[str, Any]:
    name = person.name if person else ""
    return {
        "name": name,
        "first_name": name.split(" ")[0] if name else "",
        "greeting": (person.greeting if person else "") or (name.split(" ")[0] if name else ""),
        "language": person.language if person else "en",
        "zone": person.zone if person else None,
    }


def _promise(promise: Promise) -> dict[str, Any]:
    return {"what": promise.what, "until": promise.until, "state": promise.state.value}


def preferences_of(person: Person | None, now: datetime) -> list[str]:
    """How they like to be treated, as sentences with who heard it and when, and whether to ask again."""
    words = {
        "channel": "Prefers {}", "hours": "Reach them {}", "days": "On these days: {}",
        "name": "Call them {}", "language": "Speaks {}", "note": "{}", "not_channel": "Please not by: {}",
        "pause": "Wants to be left in peace until {}", "confide": "Who may know what: {}",
        "wait_for": "Please not before this has happened: {}",
    }  # fmt: skip
    found = []
    for preference in person.preferences if person else ():
        value = preference.value.partition("T")[0] if preference.kind == "pause" else preference.value
        sentence = words.get(preference.kind, "{}").format(value)
        told = f" (told {preference.told_to}" if preference.told_to else " (said"
        again = preference.ask_again
        ask = " — ask whether it is still so" if again is not None and again <= now else ""
        found.append(f"{sentence}{told} on {preference.said_at:%-d %B %Y}){ask}")
    return found


def is_late(touch: Touch, now: datetime) -> bool:
    """A call past its hour turns into a late apology."""
    return touch.deadline is not None and now > touch.deadline

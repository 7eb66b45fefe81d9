"""What is offered for something that went wrong: within the playbook's limit at once, above it after one tap of
whoever has to be asked. Choosing one is a promise, and an event: ``remedy.granted``."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from outreach.domain.errors import NotFound, Refused
from outreach.domain.facts import OUTREACH_SOURCE
from outreach.domain.failure import Failure
from outreach.domain.playbook import Remedy
from outreach.service.intake import absorb_own, own_event
from outreach.service.ledger import Ledger
from outreach.service.ports import Outside, Unit
from outreach.service.ports_desk import Ask

GRANTED, ASKED = "granted", "asked"


@dataclass(frozen=True, slots=True)
class Offer:
    """``id`` is the form's own: sent twice, it is offered once. ``amount`` in the company's currency, where the remedy
    has a limit. ``until``: by when it is done."""

    id: str
    account: str
    failure: str
    remedy: str
    amount: float | None
    until: datetime
    card: str | None = None


def offer(outside: Outside, wanted: Offer, by: str, *, may_grant: bool) -> str:
    """``granted``, or ``asked`` where it is above the limit and ``by`` may not grant that. Raises NotFound, or Refused
    for what may not be offered."""

    def work(unit: Unit) -> str:
        ledger = Ledger(unit, outside, outside.clock.now())
        ledger.lock([wanted.account])
        if (known := _known(unit, wanted.id)) is not None:
            return known
        failure = _failure(ledger, wanted.account, wanted.failure)
        remedy = _remedy(ledger, wanted)
        asked = wanted if remedy.limit is not None else replace(wanted, amount=None)
        if wanted.until <= ledger.now:
            raise Refused("A promise lies in the future: say by when it is done.")
        above = _is_above(remedy, asked)
        if above and not may_grant:
            unit.save_ask(_ask(ledger, asked, failure, by))
            unit.audit(ledger.now, by, "remedy.asked", wanted.account, remedy.name)
            return ASKED
        _grant(ledger, asked, failure, by, by if above else "")
        return GRANTED

    found: str = outside.database.retrying(work)
    return found


def decide(outside: Outside, ask_id: str, by: str, *, yes: bool, why: str = "") -> Ask:
    """The answer to somebody who had to ask. Raises NotFound, or Refused when it is answered, or when nothing is to be
    put right any more."""

    def work(unit: Unit) -> Ask:
        ask = unit.ask(ask_id)
        if ask is None:
            raise NotFound("Nobody asked that.")
        ledger = Ledger(unit, outside, outside.clock.now())
        ledger.lock([ask.account])
        ask = unit.ask(ask_id)  # as it is now that the account is locked
        if ask is None or ask.state != "open":
            raise Refused("It is answered already.")
        answered = ask._replace(state="granted" if yes else "refused", decided_by=by, decided_at=ledger.now, why=why.strip()[:300])  # fmt: skip
        if yes:
            until = max(ask.until, ledger.now)
            wanted = Offer(ask.id, ask.account, ask.failure, ask.remedy, ask.amount, until, ask.card)
            _grant(ledger, wanted, _failure(ledger, ask.account, ask.failure), ask.by, by)
        unit.save_ask(answered)
        unit.audit(ledger.now, by, f"remedy.{answered.state}", ask.account, ask.remedy)
        return answered

    found: Ask = outside.database.retrying(work)
    return found


def _known(unit: Unit, id_: str) -> str | None:
    """What came of it, where the same form has come in before."""
    if unit.event(f"{OUTREACH_SOURCE}|{id_}") is not None:
        return GRANTED
    return ASKED if unit.ask(id_) is not None else None


def _failure(ledger: Ledger, account: str, failure: str) -> Failure:
    state = ledger.accounts.get(account)
    found = state.failures.get(failure) if state else None
    if found is None:
        raise NotFound("There is no such failure.")
    if not found.is_open:
        raise Refused("It is put right already; there is nothing to make up for.")
    return found


def _remedy(ledger: Ledger, wanted: Offer) -> Remedy:
    """What a playbook about this failure allows; of several the most generous. One in shadow allows nothing."""
    runs = [
        run
        for run in ledger.runs[wanted.account].values()
        if run.failure == wanted.failure and not (run.shadow or run.holdout)
    ]
    allowed = [each for run in runs for each in ledger.playbook(run).may_offer if each.name == wanted.remedy]
    if not allowed:
        raise Refused("That may not be offered for this.")
    return max(allowed, key=lambda each: float("inf") if each.limit is None else each.limit)


def _is_above(remedy: Remedy, wanted: Offer) -> bool:
    if remedy.limit is None:
        return False
    if wanted.amount is None or wanted.amount <= 0:
        raise Refused("Say how much.")
    if wanted.amount > remedy.limit and remedy.above is None:
        raise Refused(f"At most {remedy.limit:g} may be offered.")
    return wanted.amount > remedy.limit


def _ask(ledger: Ledger, wanted: Offer, failure: Failure, by: str) -> Ask:
    return Ask(
        wanted.id, wanted.account, wanted.failure, wanted.remedy, wanted.amount or 0.0, wanted.until, by,
        ledger.now, "open", failure.person, wanted.card,
    )  # fmt: skip


def _grant(ledger: Ledger, wanted: Offer, failure: Failure, by: str, granted_by: str) -> None:
    currency = ledger.rules.company.currency
    granted: dict[str, Any] = {
        "remedy_id": wanted.id, "failure": failure.id, "remedy": wanted.remedy, "amount": wanted.amount, "currency": currency,
        "key": failure.key, "person_id": failure.person, "by": by, "granted_by": granted_by or None,
    }  # fmt: skip
    promised = {
        "promise_id": f"{wanted.id}-promise", "what": _words(wanted, failure, currency), "until": wanted.until.isoformat(), "by": by,
        "person_id": failure.person, "failure": failure.id,
    }  # fmt: skip
    absorb_own(
        ledger,
        [
            own_event("remedy.granted", wanted.account, granted, ledger.now, wanted.id),
            own_event("promise.made", wanted.account, promised, ledger.now, f"{wanted.id}-promise"),
        ],
    )
    ledger.flush()
    ledger.unit.audit(ledger.now, granted_by or by, "remedy.granted", wanted.account, wanted.remedy)


def _words(wanted: Offer, failure: Failure, currency: str) -> str:
    """``credit of 150 EUR for delivery o-1``."""
    amount = f" of {wanted.amount:g} {currency}" if wanted.amount else ""
    return f"{wanted.remedy.replace('_', ' ')}{amount} for {failure.kind} {failure.key}".strip()

"""What account managers do: claim, dial, release a draft, promise, put right."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from outreach.domain.card import Card
from outreach.domain.errors import NotFound, Refused, must_say
from outreach.domain.facts import PERSON_PREFIX, Channel, Purpose
from outreach.domain.policy import DIALLING, WISHES, Case, Rule, Ruling, drop, rule
from outreach.domain.selling import selling
from outreach.domain.touch import Status, Touch, advance
from outreach.service.intake import absorb_own, own_event
from outreach.service.ledger import Ledger
from outreach.service.persons import merge_cards
from outreach.service.ports import Outside, Unit
from outreach.service.rulings import case_for, law_says
from outreach.service.runs import progress, readdressed, settle_step, withhold


def claim(outside: Outside, card_id: str, by: str) -> Card:
    """Take a card. Raises Refused when somebody else has it."""

    def work(unit: Unit) -> Card:
        now = outside.clock.now()
        card = open_card_of(unit, card_id)
        ledger = locked_ledger(unit, outside, card)
        if not unit.claim_card(card_id, by, now):
            held = unit.card(card_id)
            raise Refused(f"{held.claimed_by if held else 'Somebody'} has this card.")
        for touch in lines_on(ledger, card):
            ledger.put_touch(replace(touch, opened=True))
        ledger.flush()
        taken = replace(card, claimed_by=by, claimed_at=now, snoozed_until=None)
        if card.snoozed_until is not None:  # whoever takes it up has it now
            unit.save_card(taken)
        return taken

    return outside.database.retrying(work)


def let_go(outside: Outside, card_id: str, by: str) -> None:
    """Give a claimed card back. Raises Refused when it is somebody else's."""

    def work(unit: Unit) -> None:
        card = unit.open_card(open_card_of(unit, card_id).identity)
        if card is None or card.id != card_id:
            raise Refused("This card is already closed.")
        if card.claimed_by not in (None, by):
            raise Refused(f"{card.claimed_by} has this card.")
        unit.save_card(replace(card, claimed_by=None, claimed_at=None))
        ledger = Ledger(unit, outside, outside.clock.now())
        merge_cards(ledger, unit.same_human(card.identity), unit.identities([card.identity])[card.identity])
        ledger.flush()

    outside.database.retrying(work)


def dial(outside: Outside, card_id: str, by: str, in_spite: str = "") -> Ruling:
    """May we call now? Judged at the dial, for the strictest line; a yes counts as an attempt. ``in_spite``: why the
    customer's own wishes (never the law) shall not count this time; it stands in the audit."""

    def work(unit: Unit) -> Ruling:
        card = open_and_mine(unit, card_id, by)
        rules = tuple(each for each in DIALLING if not (in_spite.strip() and each in WISHES))
        judged = judge_dial(unit, outside, card, by, rules=rules)
        if in_spite.strip() and judged.ruling.sends:
            now = outside.clock.now()
            unit.audit(now, by, "dial.in_spite_of_wishes", f"card/{card.id}", in_spite.strip()[:500])
        return judged.ruling

    return outside.database.retrying(work)


@dataclass(frozen=True, slots=True)
class Judged:
    """What the dial says of a card, and what it is about: the calls that may be made now."""

    ruling: Ruling
    ledger: Ledger
    calls: tuple[Touch, ...]


def judge_dial(
    unit: Unit,
    outside: Outside,
    card: Card,
    by: str = "",
    *,
    counts: bool = True,
    rules: Sequence[Rule] = DIALLING,
) -> Judged:
    """Within a unit: may we call now? ``counts``: a yes is an attempt; without it, it is only a look ahead.
    Raises Refused when there is no call on the card."""
    ledger = locked_ledger(unit, outside, card)
    unit.lock_people([card.identity])
    calls = [readdressed(ledger, t) for t in lines_on(ledger, card) if t.channel is Channel.CALL]
    if not calls:
        raise Refused("There is no call on this card.")
    unit.lock_endpoints(sorted({t.endpoint for t in calls if t.endpoint}))
    rulings = [rule(_dial_case(ledger, touch, by), rules) for touch in calls]
    allowed = [touch for touch, ruling in zip(calls, rulings, strict=True) if ruling.sends]
    if not allowed:
        return Judged(rulings[0], ledger, ())
    if counts:
        for touch in allowed:
            ledger.put_touch(replace(touch, intent_at=ledger.now, opened=True))
        ledger.flush()
    return Judged(next(ruling for ruling in rulings if ruling.sends), ledger, tuple(allowed))


def _dial_case(ledger: Ledger, touch: Touch, by: str) -> Case:
    return case_for(ledger, ledger.runs[touch.account][touch.run], touch, by)


POINTLESS: Mapping[str, str] = {
    "solved": "it was solved already", "no_fault": "nothing had gone wrong", "wrong_person": "it was the wrong person",
    "twice": "somebody had rung already", "small": "it was too small to ring about",
}  # fmt: skip
"""Why a call was pointless, in a word → in words. It is about the playbook, not about the customer."""
POINTLESS_CALL = "call.pointless"


def pointless(outside: Outside, card_id: str, touch_id: str, why: str, by: str) -> None:
    """One word for whoever writes the playbook. Raises Refused for no such word, NotFound for no such line."""
    if why not in POINTLESS:
        raise Refused("Choose the word that fits.")

    def work(unit: Unit) -> None:
        touch = unit.touch(touch_id)
        run = unit.run(touch.run) if touch is not None and touch.card == card_id else None
        if run is None:
            raise NotFound("There is no such line on this card.")
        unit.audit(
            outside.clock.now(), by, POINTLESS_CALL, f"playbook/{run.playbook}", f"{why} touch/{touch_id}"
        )

    outside.database.retrying(work)


def pointless_calls(unit: Unit, playbook: str, since: datetime) -> Counter[str]:
    """Word → calls of the playbook that were said to be pointless for it; of each call the newest word counts."""
    rows = unit.audit_since(f"playbook/{playbook}", since, POINTLESS_CALL)
    said = {row.why.partition(" ")[2]: row.why.partition(" ")[0] for row in reversed(rows)}
    return Counter(said.values())


# -- drafts ------------------------------------------------------------------------------------------


def release(outside: Outside, touch_id: str, by: str, subject: str, text: str) -> Touch:
    """Send this draft as it reads now. It is judged again before it leaves. Raises Refused where an apology
    would sell."""

    def change(ledger: Ledger, touch: Touch) -> Touch:
        _keep_to_the_matter(touch, subject, text)
        original = touch.draft or {}
        unchanged = text.strip() == (original.get("text") or "").strip()
        draft = {
            "subject": subject, "text": text, "released_by": by,
            "html": original.get("html") if unchanged else "",
        }  # fmt: skip
        new = advance(touch, Status.DUE, ledger.now, draft=draft, due=ledger.now, because="released")
        ledger.put_touch(new)
        return new

    return _on_touch(outside, touch_id, by, "draft.released", "", change, Status.DRAFT)


def _keep_to_the_matter(touch: Touch, subject: str, text: str) -> None:
    """The lint of the templates, on what somebody has made of them."""
    if touch.purpose.sells:
        return
    where = [f"“{found.words}” in the subject" for found in selling(subject)]
    where += [f"“{found.words}” in line {found.line_in(text)}" for found in selling(text)]
    if where:
        raise Refused(
            f"This is about what went wrong, and it would sell: {', '.join(where[:5])}. Take it out; with an offer"
            " it is advertising by law, and needs consent."
        )


def discard(outside: Outside, touch_id: str, by: str, reason: str) -> Touch:
    """This draft shall not be sent."""

    def change(ledger: Ledger, touch: Touch) -> Touch:
        withhold(ledger, touch, drop("discarded", reason or "Discarded by the account manager."))
        progress(ledger, touch.run, touch.account)
        return ledger.touches[touch.account][touch.id]

    return _on_touch(outside, touch_id, by, "draft.discarded", reason, change, Status.DRAFT)


def settle_unknown(outside: Outside, touch_id: str, by: str, was: str, reason: str) -> Touch:
    """A human has found out what became of an ``unknown`` touch: ``sent``, ``failed``, or ``again``
    (a new attempt, with their name and reason)."""

    def change(ledger: Ledger, touch: Touch) -> Touch:
        if was == "again":
            new = advance(
                touch, Status.DUE, ledger.now, attempt=touch.attempt + 1, due=ledger.now, token=None,
                intent_at=None, because="resent",
            )  # fmt: skip
        else:
            new = advance(touch, Status(was), ledger.now, because="settled_by_hand")
        ledger.put_touch(new)
        settle_step(ledger, new)
        return new

    return _on_touch(outside, touch_id, by, f"unknown.{was}", reason, change, Status.UNKNOWN)


def _on_touch(
    outside: Outside,
    touch_id: str,
    by: str,
    what: str,
    reason: str,
    change: Callable[[Ledger, Touch], Touch],
    status: Status,
) -> Touch:
    def work(unit: Unit) -> Touch:
        found = unit.touch(touch_id)
        if found is None:
            raise NotFound("There is no such message.")
        ledger = Ledger(unit, outside, outside.clock.now())
        ledger.lock([found.account])
        touch = ledger.touches[found.account].get(touch_id, found)
        if touch.status is not status:
            was = "a draft" if status is Status.DRAFT else status.value
            raise Refused(f"It is not {was} any more: it is {touch.status.value}.")
        new = change(ledger, touch)
        ledger.flush()
        unit.audit(ledger.now, by, what, f"touch/{touch_id}", reason)
        return new

    return outside.database.retrying(work)


def looked_up(outside: Outside, people: Collection[str], by: str) -> None:
    """Who looked whom up stands in the audit."""

    def work(unit: Unit) -> None:
        now = outside.clock.now()
        for person in people:
            unit.audit(now, by, "person.looked_up", PERSON_PREFIX + person)

    if people:
        outside.database.retrying(work)


# -- failures and promises ---------------------------------------------------------------------------


def tell(outside: Outside, type_: str, subject: str, data: Mapping[str, Any], by: str, why: str = "") -> None:
    """Something a colleague knows becomes an event: a conversation without a card, "she complained",
    put right, not put right, let be, a promise kept. Raises NotFound for an unknown account."""

    def work(unit: Unit) -> None:
        ledger = Ledger(unit, outside, outside.clock.now())
        if not subject.startswith(PERSON_PREFIX):
            ledger.lock([subject])
            if subject not in ledger.accounts:
                raise NotFound(f"There is no account {subject}.")
        more = hurt_by(ledger, subject, data["failure"]) if type_ == "failure.put_right" else {}
        absorb_own(ledger, [own_event(type_, subject, {**data, **more}, ledger.now, outside.ids.new())])
        ledger.flush()
        unit.audit(ledger.now, by, type_, subject, why)

    outside.database.retrying(work)


def kept(outside: Outside, account: str, promise: str, by: str, *, tell_them: bool = False) -> None:
    """A promise was kept. ``tell_them``: the customer is to hear of it. Raises NotFound for an unknown account."""
    data: dict[str, Any] = {"promise_id": promise}
    if tell_them:
        with outside.database.view() as unit:
            state = unit.account(account)
        known = state.promises.get(promise) if state else None
        if known is not None:
            data |= {"what": known.what, "person_id": known.person, "by": by, "tell": True}
    tell(outside, "promise.kept", account, data, by)


def put_right(outside: Outside, account: str, failure: str, by: str, said_by: str, reason: str) -> None:
    """The customer's word, or the account manager's with a reason."""
    if said_by != "customer" and not reason.strip():
        raise Refused("Say in a few words why it is put right.")
    data = {"failure": failure, "said_by": said_by, "by": by, "reason": reason or None}
    tell(outside, "failure.put_right", account, data, by, reason)


def hurt_by(ledger: Ledger, account: str, failure: str) -> dict[str, str]:
    """Whom it had happened to, where that is known and the vocabulary has a place for it: what a closed failure
    starts is about them."""
    known = ledger.accounts[account].failures.get(failure)
    has_place = "person_id" in ledger.rules.vocabulary.types["failure.put_right"].fields
    return {"person_id": known.person} if has_place and known and known.person else {}


def let_be(outside: Outside, account: str, failure: str, by: str, reason: str) -> None:
    """A manager's word that nothing more will be done. Needs a reason."""
    must_say(reason, "Say why it is let be.")
    tell(outside, "failure.let_be", account, {"failure": failure, "by": by, "reason": reason}, by, reason)


def not_right(outside: Outside, account: str, failure: str, by: str, reason: str) -> None:
    """ "It is not": the failure reopens, one more severe, and its run begins again."""
    data = {"failure": failure, "by": by, "reason": reason or None}
    tell(outside, "failure.reopened", account, data, by, reason)


# -- the winning-back question -----------------------------------------------------------------------


def winback_ruling(outside: Outside, unit: Unit, account: str, person_id: str | None) -> str:
    """May we ask "how can we win your business again?": ``may_ask``, ``only_if_raised``, ``may_not``."""
    ledger = Ledger(unit, outside, outside.clock.now())
    ledger.lock([account])
    person = ledger.person(person_id)
    if person is not None and (
        person.erased or {"all", "call", "winback", "marketing"} & set(person.opted_out)
    ):
        return "may_not"
    probe = Touch(
        id="probe", run="", account=account, channel=Channel.CALL, purpose=Purpose.WINBACK, step=0,
        status=Status.DUE, due=ledger.now, because="", person=person_id,
    )  # fmt: skip
    return "may_ask" if law_says(ledger, probe, person).consent_ok else "only_if_raised"


# -- shared ------------------------------------------------------------------------------------------


def open_card_of(unit: Unit, card_id: str) -> Card:
    card = unit.card(card_id)
    if card is None:
        raise NotFound("There is no such card.")
    if card.state != "open":
        raise Refused("This card is already closed.")
    must_be_settled(unit, card_id)
    return card


def must_be_settled(unit: Unit, card_id: str) -> None:
    """Raises Refused while somebody has just said how it went: nobody rings for what is being written down."""
    if unit.said_waits(card_id):
        raise Refused("How it went has just been said, and is written down in a moment.")


def open_and_mine(unit: Unit, card_id: str, by: str) -> Card:
    """The open card, unless somebody else has it. Raises NotFound, Refused."""
    card = open_card_of(unit, card_id)
    if card.claimed_by not in (None, by):
        raise Refused(f"{card.claimed_by} has this card.")
    return card


def locked_ledger(unit: Unit, outside: Outside, card: Card) -> Ledger:
    """The ledger of every account with a line on the card."""
    ledger = Ledger(unit, outside, outside.clock.now())
    ledger.lock(sorted({touch.account for touch in unit.touches_of_card(card.id)}))
    return ledger


def lines_on(ledger: Ledger, card: Card) -> list[Touch]:
    """What waits on it."""
    return [
        touch
        for touches in ledger.touches.values()
        for touch in touches.values()
        if touch.card == card.id and touch.status is Status.ON_DESK
    ]

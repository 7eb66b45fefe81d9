"""The mailroom: who is it that wrote, what was meant by a refusal, and what account managers copy to us."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from difflib import SequenceMatcher
from typing import NamedTuple

from outreach.domain.errors import NotFound, Refused, must_say
from outreach.domain.facts import PERSON_PREFIX, Channel
from outreach.domain.person import REFUSED, PersonState
from outreach.service.intake import absorb_own, own_event
from outreach.service.ledger import Ledger
from outreach.service.ports import Outside, Unit
from outreach.service.ports_traffic import Inbound
from outreach.service.replies import SOURCE, Received, sole_account, tell

MEANT = ("nothing", "written", "calls", "all")
ANSWERS_TO = timedelta(days=30)
"""A mail of ours so long after one of theirs is a conversation: both have written."""
_EVERYBODYS = frozenset(
    [
        "gmail.com",
        "googlemail.com",
        "outlook.com",
        "hotmail.com",
        "live.com",
        "yahoo.com",
        "icloud.com",
        "me.com",
        "aol.com",
        "gmx.de",
        "gmx.net",
        "web.de",
        "t-online.de",
        "freenet.de",
        "orange.fr",
        "free.fr",
        "laposte.net",
        "proton.me",
        "protonmail.com",
        "mail.com",
    ]
)
"""Mail domains that say nothing about who somebody is."""
MOST_SUGGESTED = 5
MOST_WAITING = 10_000
"""More unread messages than anybody lets lie."""


@dataclass(frozen=True, slots=True)
class Suggested:
    """Somebody it may be, and why we think so."""

    person: str
    name: str
    account: str
    account_name: str
    why: str


def suggest(unit: Unit, row: Inbound) -> list[Suggested]:
    """People it may be from, the likeliest first. A suggestion is never acted on by itself."""
    scored: dict[str, tuple[float, str]] = {}
    for score, person, why in _candidates(unit, row):
        if score > scored.get(person, (0.0, ""))[0]:
            scored[person] = (score, why)
    best = sorted(scored, key=lambda id_: (-scored[id_][0], id_))[:MOST_SUGGESTED]
    people = unit.people(best)
    return [
        shown for id_ in best if id_ in people for shown in _shown(unit, people[id_], scored[id_][1])
    ][:MOST_SUGGESTED]  # fmt: skip


def _candidates(unit: Unit, row: Inbound) -> Iterable[tuple[float, str, str]]:
    answered = unit.touch(row.touch) if row.touch else None
    if answered is not None:
        if answered.person:
            yield 1.0, answered.person, "it answers a message to them"
        for state in unit.people_of(answered.account):
            yield 0.8, state.id, "it answers a message to a colleague of theirs"
    if row.person:
        yield 0.95, row.person, "the number or address is theirs"
    kind = "email" if row.channel is Channel.EMAIL else "phone"
    for state in unit.people_at(kind, row.sender):
        yield 0.95, state.id, "the number or address is theirs"
    domain = row.sender.rpartition("@")[2]
    if row.channel is Channel.EMAIL and domain and domain not in _EVERYBODYS:
        for id_, _ in unit.people_like(mail_domain=domain):
            yield 0.6, id_, f"somebody else at {domain}"
    if row.channel is not Channel.EMAIL and len(row.sender) > 8:
        for id_, _ in unit.people_like(phone_start=row.sender[:-2]):
            yield 0.55, id_, "a number beside theirs"
    if row.name:
        for id_, name in unit.people_like(name=row.name):
            alike = SequenceMatcher(None, name.lower(), row.name.lower()).ratio()
            if alike > 0.8:
                yield 0.5 + 0.3 * alike, id_, "the same name"


def _shown(unit: Unit, state: PersonState, why: str) -> Iterable[Suggested]:
    for id_ in sorted(state.roles):
        account = unit.account(id_)
        if account is not None:
            name = account.described.get("name") or id_
            yield Suggested(state.id, state.described.get("name") or state.id, id_, name, why)


def identify(outside: Outside, id_: str, person: str, account: str | None, by: str) -> None:
    """A colleague says who it is: their words enter as if they had been recognised at once. Raises NotFound,
    Refused."""

    def work(unit: Unit) -> None:
        row = _open(unit, id_)
        state = unit.people([person]).get(person)
        if state is None or state.erased:
            raise NotFound("There is no such person.")
        where = account or sole_account(unit, state)
        if where is None or where not in state.roles:
            raise Refused("Say which of their accounts it is about.")
        ledger = Ledger(unit, outside, outside.clock.now())
        ledger.lock([where])
        if row.channel is Channel.CALL:
            _rang(ledger, row, person, where)
        else:
            tell(ledger, _received(row), person, where, row.touch)
        if row.kind == "refusal":
            data = {"person_id": person, "scope": "all", "words": row.text[:5000]}
            absorb_own(
                ledger,
                [
                    own_event(
                        "person.refused",
                        PERSON_PREFIX + person,
                        data,
                        ledger.now,
                        f"{row.id}:refused",
                        SOURCE,
                    )
                ],
            )
            unit.save_inbound(row._replace(person=person, account=where))
        else:
            unit.save_inbound(_settled(row, by, "identified", ledger)._replace(person=person, account=where))
        ledger.flush()
        unit.audit(ledger.now, by, "inbound.identified", f"inbound/{id_}", person)

    outside.database.retrying(work)


def _rang(ledger: Ledger, row: Inbound, person: str, account: str) -> None:
    """They had rung and nobody knew who it was: they are rung back."""
    data = {"callback_id": row.id, "person_id": person}
    absorb_own(ledger, [own_event("callback.asked", account, data, ledger.now, row.id, SOURCE)])


def settle_refusal(outside: Outside, id_: str, meant: str, by: str, reason: str = "") -> None:
    """A colleague has read it: nothing, written, calls or all. Raises NotFound, Refused."""
    if meant not in MEANT:
        raise Refused(f"Choose what was meant: {', '.join(MEANT)}.")

    def work(unit: Unit) -> None:
        row = _open(unit, id_)
        if row.kind != "refusal":
            raise Refused("This is no refusal.")
        ledger = Ledger(unit, outside, outside.clock.now())
        unread = _unread_beside(unit, row)
        why = unit.suppressed([row.hash]).get(row.hash, {}).get(row.channel.value)
        if meant == "nothing" and why == REFUSED and not any(one.hash == row.hash for one in unread):
            unit.lift(row.hash, row.channel.value)  # a STOP or a report stands by itself
        if row.person is not None:
            others = any(one.person == row.person for one in unread)
            data = {"person_id": row.person, "meant": meant, "by": by, "unread": others or None}
            new = outside.ids.new()
            absorb_own(
                ledger, [own_event("refusal.settled", PERSON_PREFIX + row.person, data, ledger.now, new)]
            )
        unit.save_inbound(_settled(row, by, meant, ledger))
        ledger.flush()
        unit.audit(ledger.now, by, f"refusal.{meant}", f"inbound/{id_}", reason)

    outside.database.retrying(work)


def _unread_beside(unit: Unit, row: Inbound) -> list[Inbound]:
    """Other refusals that nobody has read yet."""
    return [one for one in unit.inbound_open(MOST_WAITING) if one.kind == "refusal" and one.id != row.id]


def discard(outside: Outside, id_: str, by: str, reason: str) -> None:
    """It is nobody's: spam, a wrong number. Needs a reason."""
    must_say(reason, "Say why nobody has to look at it.")

    def work(unit: Unit) -> None:
        row = _open(unit, id_)
        if row.kind == "refusal" and row.person is not None:
            raise Refused("Set what was meant: this is a refusal of somebody we know.")
        ledger = Ledger(unit, outside, outside.clock.now())
        unit.save_inbound(_settled(row, by, reason.strip(), ledger))
        unit.audit(ledger.now, by, "inbound.discarded", f"inbound/{id_}", reason)

    outside.database.retrying(work)


def _open(unit: Unit, id_: str) -> Inbound:
    row = unit.inbound(id_)
    if row is None:
        raise NotFound("There is no such message.")
    if row.status != "open":
        raise Refused(f"{row.by or 'Somebody'} has looked at this already.")
    return row


def _settled(row: Inbound, by: str, why: str, ledger: Ledger) -> Inbound:
    return row._replace(status="settled", by=by, why=why, settled_at=ledger.now)


def _received(row: Inbound) -> Received:
    return Received(
        row.id, row.channel, row.sender, row.name, row.recipient, row.subject, row.text, row.touch
    )


# -- account managers' own mails ----------------------------------------------------------------------------


class Copied(NamedTuple):
    """A mail that an account manager has copied or forwarded to their own address here."""

    id: str
    sender: str
    recipients: Sequence[str]
    """To and Cc, in small letters."""
    subject: str
    text: str
    forwarded_from: str = ""
    """Whose mail it was, if it is a forwarded one."""
    forwarded_text: str = ""


def copied(outside: Outside, user: str, mail: Copied) -> str:
    """``logged · received · unknown_user · nobody · duplicate``. Only mails from the user's own address count;
    everything else at that address is refused, since anybody may write to it."""

    def work(unit: Unit) -> str:
        known = next((one for one in unit.users() if one.id.lower() == user.lower()), None)
        if known is None or not known.active or known.email != mail.sender:
            return "unknown_user"
        ledger = Ledger(unit, outside, outside.clock.now())
        if not unit.first_seen([mail.id], ledger.now):
            return "duplicate"
        by = known.manager or known.id
        outcome = _forwarded(ledger, mail) if mail.forwarded_from else _logged(ledger, mail, by)
        ledger.flush()
        return outcome

    outcome: str = outside.database.retrying(work)
    return outcome


def _forwarded(ledger: Ledger, mail: Copied) -> str:
    for person in ledger.unit.people_at("email", mail.forwarded_from):
        account = _account_of(ledger, person)
        if account is not None:
            ledger.lock([account])
            received = Received(
                mail.id,
                Channel.EMAIL,
                mail.forwarded_from,
                "",
                mail.sender,
                mail.subject,
                mail.forwarded_text,
            )
            tell(ledger, received, person.id, account, None)
            return "received"
    return "nobody"


def _logged(ledger: Ledger, mail: Copied, by: str) -> str:
    """Their mail to the customer. Where the customer has written lately, two people are talking; a mail
    alone reaches nobody."""
    found = "nobody"
    for address in dict.fromkeys(mail.recipients):
        for person in ledger.unit.people_at("email", address)[:1]:
            account = _account_of(ledger, person)
            if account is None:
                continue
            ledger.lock([account])
            data = {
                "person_id": person.id, "channel": "email", "by": by, "note": mail.subject[:300] or None,
                "reached": _has_written(ledger, account, person.id),
            }  # fmt: skip
            id_ = f"{mail.id}:{person.id}"
            absorb_own(ledger, [own_event("contact.logged", account, data, ledger.now, id_, SOURCE)])
            found = "logged"
    return found


def _account_of(ledger: Ledger, person: PersonState) -> str | None:
    newest = ledger.unit.last_attempt_to(person.id, Channel.EMAIL)
    return newest.account if newest else sole_account(ledger.unit, person)


def _has_written(ledger: Ledger, account: str, person: str) -> bool:
    since = ledger.now - ANSWERS_TO
    return any(
        event.type == "message.received" and event.time >= since and event.data.get("person_id") == person
        for event in ledger.unit.events_of(account)
    )

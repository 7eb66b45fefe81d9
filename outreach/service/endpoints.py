"""What becomes of a number or an address: shut, open again, or broken; by whoever says so.

An endpoint may belong to several people and to nobody we know. Its keyed hash is shut first, so that the
word holds for whoever turns up with it later; then everybody who has it is told.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from outreach.domain.facts import PERSON_PREFIX, Channel
from outreach.domain.signal import OPTED_OUT, SELLING, SENTENCES, Meaning
from outreach.service.intake import absorb_own, own_event
from outreach.service.ledger import Ledger
from outreach.service.ports_traffic import Attempt
from outreach.service.switches import stop_provider


def shut(ledger: Ledger, channel: Channel, value: str, how: str, why: str = OPTED_OUT) -> bool:
    """Nothing more on this channel to this endpoint, from no sender of ours. False when it was shut already."""
    hash_ = locked(ledger, channel, value)
    known = ledger.unit.suppressed([hash_]).get(hash_, {})
    if known.get(channel.value) == why or "all" in known:
        return False
    ledger.unit.suppress(hash_, channel.value, why, ledger.now)
    _tell_everybody(ledger, channel, value, "endpoint.opted_out", {"channel": channel.value, "how": how})
    return True


def shut_telephone(ledger: Ledger, person: str, number: str, how: str) -> bool:
    """No calls to this number, whoever turns up with it; unless others have it too, who have not asked for that. Who
    has the same address or none is no other: it may be them under another id."""
    hash_ = locked(ledger, Channel.CALL, number)
    known = {state.id: state.described.get("email") for state in ledger.unit.people_at("phone", number)}
    if any(email not in (None, "", known.get(person)) for email in known.values()):
        return False
    ledger.unit.suppress(hash_, Channel.CALL.value, OPTED_OUT, ledger.now)
    return True


def open_again(ledger: Ledger, channel: Channel, value: str, how: str) -> bool:
    """They want to hear from us on this channel again. False when nothing was shut."""
    hash_ = locked(ledger, channel, value)
    people = ledger.unit.people_at(_kind(channel), value)
    if channel.value not in ledger.unit.suppressed([hash_]).get(hash_, {}) and not any(
        channel.value in person.opted_out for person in people
    ):
        return False
    ledger.unit.lift(hash_, channel.value)
    _tell_everybody(ledger, channel, value, "endpoint.opted_in", {"channel": channel.value, "how": how})
    return True


def broken(ledger: Ledger, channel: Channel, value: str, meaning: str) -> bool:
    """It does not work: nothing more is written there, and whoever rings it is warned. False when that is
    known."""
    hash_ = locked(ledger, channel, value)
    if channel.value in ledger.unit.suppressed([hash_]).get(hash_, {}):
        return False
    ledger.unit.suppress(hash_, channel.value, meaning, ledger.now)
    data = {"channel": channel.value, "meaning": meaning}
    _tell_everybody(ledger, channel, value, "endpoint.invalid", data)
    if channel is Channel.SMS and meaning == Meaning.INVALID:
        _tell_everybody(ledger, channel, value, "endpoint.invalid", {**data, "channel": Channel.CALL.value})
    return True


def stop_selling(ledger: Ledger, channel: Channel, value: str, how: str) -> bool:
    """They left a list of the company's own marketing: nothing that sells any more, all else as before."""
    hash_ = locked(ledger, channel, value)
    ledger.unit.suppress(hash_, SELLING, OPTED_OUT, ledger.now)
    return stop_selling_to(ledger, [state.id for state in ledger.unit.people_at(_kind(channel), value)], how)


def stop_selling_to(ledger: Ledger, people: Sequence[str], how: str) -> bool:
    done = False
    for state in ledger.unit.people(people).values():
        for purpose in ("marketing", "reorder", "winback"):
            if purpose not in state.opted_out:
                _tell(ledger, state.id, "endpoint.opted_out", {"purpose": purpose, "how": how})
                done = True
    return done


def follow(ledger: Ledger, attempt: Attempt, meaning: Meaning) -> None:
    """What a provider's refusal of this attempt means beyond it."""
    channel, value = attempt.channel, attempt.recipient
    if meaning is Meaning.PROVIDER:
        stop_provider(ledger.unit, attempt.provider, SENTENCES[meaning], ledger.now)
    elif meaning is Meaning.SENDER:
        stop_provider(ledger.unit, f"{attempt.provider}/{channel.value}", SENTENCES[meaning], ledger.now)
    elif meaning is Meaning.FILTERED:
        what = f"touch/{attempt.touch}"
        ledger.unit.audit(ledger.now, "outreach", "message.filtered", what, SENTENCES[meaning])
    elif value is None:
        return
    elif meaning is Meaning.OPTED_OUT:
        shut(ledger, channel, value, "told their carrier to stop")
    elif meaning is Meaning.INVALID:
        broken(ledger, channel, value, "bounced" if channel is Channel.EMAIL else meaning.value)
    elif meaning is Meaning.NOT_MOBILE:
        broken(ledger, channel, value, meaning.value)


def _kind(channel: Channel) -> str:
    return "email" if channel is Channel.EMAIL else "phone"


def locked(ledger: Ledger, channel: Channel, value: str) -> str:
    """Its hash, once nobody else judges a touch to it: people first, then endpoints, as everywhere."""
    hash_ = ledger.outside.endpoint_hash(_kind(channel), value)
    ledger.unit.lock_people([state.id for state in ledger.unit.people_at(_kind(channel), value)])
    ledger.unit.lock_endpoints([hash_])
    return hash_


def _tell_everybody(
    ledger: Ledger, channel: Channel, value: str, type_: str, data: Mapping[str, Any]
) -> None:
    for state in ledger.unit.people_at(_kind(channel), value):
        _tell(ledger, state.id, type_, data)


def _tell(ledger: Ledger, person: str, type_: str, data: Mapping[str, Any]) -> None:
    whole = {"person_id": person, **data}
    new = ledger.outside.ids.new()
    absorb_own(ledger, [own_event(type_, PERSON_PREFIX + person, whole, ledger.now, new)])

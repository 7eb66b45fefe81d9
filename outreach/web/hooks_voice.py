"""The steps of a telephone call, as Twilio asks for them: who is there, what was pressed, how it ended."""

from __future__ import annotations

from flask import Blueprint, Response

from outreach.channels import incoming, voice
from outreach.domain.errors import NotFound
from outreach.domain.hours import local
from outreach.service import calls, calls_said, ring_backs
from outreach.web.hooks import said, signed_by_twilio, token, twiml
from outreach.web.reception import outside, reception

voice_hooks = Blueprint("hooks_voice", __name__, url_prefix="/hooks/twilio/voice")
GONE = ("completed", "busy", "no-answer", "failed", "canceled")


def _language() -> str:
    return outside().rules().company.language


def _number(name: str) -> int:
    return incoming.number_of(said().get(name, "")) or 0


def _count(outcome: str) -> None:
    reception().metrics.hooks.labels("twilio", f"call_{outcome}").inc()


# -- we ring -------------------------------------------------------------------------------------------------


@voice_hooks.post("/ours")
@signed_by_twilio
def ours() -> Response:
    """Our own phone was picked up."""
    try:
        answer = calls_said.leg_answered(outside(), token(), said().get("AnsweredBy", "human"))
    except NotFound:
        answer = "over"
    _count(answer)
    if answer == "ask":
        return twiml(voice.ask_to_accept(token(), _language()))
    return twiml(voice.hang_up() if answer == "hang_up" else voice.over(_language()))


@voice_hooks.post("/accept")
@signed_by_twilio
def accept() -> Response:
    """A key was pressed. Only 1 is a yes."""
    if said().get("Digits") != "1":
        return twiml(voice.hang_up())
    try:
        answer = calls.accept(outside(), token())
    except NotFound:
        return twiml(voice.over(_language()))
    _count(answer.outcome)
    if answer.outcome == "connect":
        settings = reception().house.settings
        caller_id = settings.twilio_caller_id or settings.twilio_from
        return twiml(
            voice.connect(token(), answer.number, caller_id, answer.person, answer.about, _language())
        )
    if answer.outcome == "taken":
        return twiml(voice.taken(_language()))
    return twiml(voice.tell_us(answer.sentence, _language()) if answer.sentence else voice.over(_language()))


@voice_hooks.post("/leg")
@signed_by_twilio
def leg() -> Response:
    """How one of our phones stands."""
    form = said()
    sequence = _number("SequenceNumber") if form.get("SequenceNumber") else -1
    known = calls_said.leg_said(
        outside(),
        token(),
        form.get("CallStatus", ""),
        sequence,
        form.get("ErrorCode", ""),
        form.get("CallSid", ""),
    )
    _count("known" if known else "unknown")
    return Response(status=204)


@voice_hooks.post("/customer")
@signed_by_twilio
def customer() -> Response:
    """How the customer's phone stands."""
    known = calls_said.customer_said(
        outside(), token(), said().get("CallStatus", ""), said().get("CallSid", "")
    )
    _count("known" if known else "unknown")
    return Response(status=204)


@voice_hooks.post("/done")
@signed_by_twilio
def done() -> Response:
    """The customer's leg is over."""
    known = calls_said.done(outside(), token(), said().get("DialCallStatus", ""), _number("DialCallDuration"))
    _count("done" if known else "unknown")
    return twiml(voice.hang_up())


@voice_hooks.post("/sorry")
@signed_by_twilio
def sorry() -> Response:
    """We could not answer Twilio a moment ago."""
    _count("sorry")
    return twiml(voice.sorry(_language()))


# -- a customer rings us ----------------------------------------------------------------------------------------


@voice_hooks.post("/inbound")
@signed_by_twilio
def inbound() -> Response:
    """Somebody rings our number; also how it stands, where the number's status callback leads here, too."""
    form = said()
    if form.get("CallStatus") in GONE:
        ring_backs.hung_up_on_us(outside(), form.get("CallSid", ""))
        return twiml(voice.nothing())
    number = form.get("From", "")
    found = ring_backs.rang_us(outside(), form.get("CallSid", ""), number if number.startswith("+") else "")
    return _on_with(found, number, first=True)


@voice_hooks.post("/screen")
@signed_by_twilio
def screen() -> Response:
    """One of our phones was picked up while the customer waits."""
    return twiml(voice.screen(token(), _language()))


@voice_hooks.post("/screened")
@signed_by_twilio
def screened() -> Response:
    accepted = said().get("Digits") == "1" and ring_backs.accept_ring_back(outside(), token())
    _count("accepted" if accepted else "declined")
    return twiml(voice.nothing() if accepted else voice.hang_up())


@voice_hooks.post("/next")
@signed_by_twilio
def after_one() -> Response:
    """One of our phones has ended: with a conversation, or the next one rings."""
    form = said()
    bridged = form.get("DialBridged", "true") == "true" and form.get("DialCallStatus") == "completed"
    found = ring_backs.next_phone(
        outside(),
        form.get("CallSid", ""),
        bridged,
        _number("DialCallDuration"),
        token(),
        form.get("CallStatus") in GONE,
    )
    return _on_with(found, form.get("From", ""), first=False)


def _on_with(found: ring_backs.RingBack, caller: str, *, first: bool) -> Response:
    _count(f"ring_back_{found.outcome}")
    company = outside().rules().company
    if found.outcome == "try":
        shown = caller if caller.startswith("+") else ""
        return twiml(voice.hold_the_line(found.number, found.token, shown, first, company.language))
    if found.outcome == "nobody" and found.until is not None:
        return twiml(
            voice.nobody_there(company.missed_call, local(found.until, company.zone), company.language)
        )
    return twiml(voice.hang_up())

"""What we tell Twilio to do with a call, as TwiML. Nothing is recorded, and to a customer whom we ring no
machine says a word."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from urllib.parse import quote

DIAL_FOR = 25
"""Seconds that a phone rings."""
KEY_WITHIN = 8
"""Seconds to press 1 in."""
EVENTS = "initiated ringing answered completed"


def at(step: str, token: str) -> str:
    return f"/hooks/twilio/voice/{step}?t={quote(token, safe='')}"


def _response() -> Any:
    from twilio.twiml.voice_response import VoiceResponse

    return VoiceResponse()


def ask_to_accept(token: str, language: str) -> str:
    """To our own phone: press 1. Who it is about is not said before that: a mailbox may be listening."""
    made = _response()
    key = made.gather(num_digits=1, timeout=KEY_WITHIN, action=at("accept", token), method="POST")
    for _ in range(2):
        key.say(_WORDS["press"].get(language, _WORDS["press"]["en"]), language=_voice(language))
        key.pause(length=1)
    made.hangup()
    return str(made)


def connect(token: str, number: str, caller_id: str, person: str, about: str, language: str) -> str:
    """To our own phone, who has pressed 1: whom they will hear, then the customer is dialled."""
    made = _response()
    whisper = ". ".join(part for part in (person, about) if part)
    if whisper:
        made.say(whisper, language=_voice(language))
    dial = made.dial(
        caller_id=caller_id, timeout=DIAL_FOR, answer_on_bridge=True, action=at("done", token), method="POST"
    )
    dial.number(
        number,
        status_callback=at("customer", token),
        status_callback_event=EVENTS,
        status_callback_method="POST",
    )
    return str(made)


def tell_us(words: str, language: str) -> str:
    """To our own phone: a sentence, then the end."""
    made = _response()
    made.say(words, language=_voice(language))
    made.hangup()
    return str(made)


def taken(language: str) -> str:
    return tell_us(_WORDS["taken"].get(language, _WORDS["taken"]["en"]), language)


def over(language: str) -> str:
    return tell_us(_WORDS["over"].get(language, _WORDS["over"]["en"]), language)


def hang_up() -> str:
    made = _response()
    made.hangup()
    return str(made)


def nothing() -> str:
    return str(_response())


def hold_the_line(number: str, token: str, caller: str, first: bool, language: str) -> str:
    """To a customer who rings us: the next phone of ours rings, and is asked to accept before they meet."""
    made = _response()
    if first:
        made.say(_WORDS["moment"].get(language, _WORDS["moment"]["en"]), language=_voice(language))
    more = {"caller_id": caller} if caller else {}
    dial = made.dial(timeout=DIAL_FOR, action=at("next", token), method="POST", **more)
    dial.number(number, url=at("screen", token), method="POST")
    return str(made)


def screen(token: str, language: str) -> str:
    """To our own phone, while the customer waits: press 1."""
    made = _response()
    key = made.gather(num_digits=1, timeout=KEY_WITHIN, action=at("screened", token), method="POST")
    key.say(_WORDS["rings_us"].get(language, _WORDS["rings_us"]["en"]), language=_voice(language))
    made.hangup()
    return str(made)


def nobody_there(words: str, until: datetime, language: str) -> str:
    """To a customer who rang when nobody could come: a human's words, with the hour by which we ring. ``until``
    in the zone in which it is said."""
    made = _response()
    said = words or _WORDS["missed"].get(language, _WORDS["missed"]["en"])
    made.say(said.replace("{time}", _spoken(until, language)), language=_voice(language))
    made.hangup()
    return str(made)


def sorry(language: str) -> str:
    """When the house itself does not answer."""
    return tell_us(_WORDS["sorry"].get(language, _WORDS["sorry"]["en"]), language)


_WORDS = {
    "press": {"en": "Outreach. A call for you. Press 1.", "de": "Outreach. Ein Anruf für Sie. Drücken Sie die 1."},
    "taken": {"en": "A colleague was faster. Thank you.", "de": "Jemand war schneller. Danke."},
    "over": {"en": "This call is over.", "de": "Dieser Anruf ist schon vorbei."},
    "rings_us": {"en": "A customer is on the line. Press 1.", "de": "Ein Kunde ist in der Leitung. Drücken Sie die 1."},
    "moment": {"en": "One moment please, I'm connecting you.", "de": "Einen Moment bitte, ich verbinde Sie."},
    "missed": {
        "en": "I am sorry that none of us can take your call right now. We will ring you back by {time}. You need not do anything.",
        "de": "Es tut mir leid, dass gerade niemand von uns ans Telefon gehen kann. Wir rufen Sie bis {time} zurück. Sie müssen nichts weiter tun.",
    },
    "sorry": {"en": "I am sorry, something went wrong on our side. Please try again.", "de": "Es tut mir leid, bei uns ist etwas schiefgegangen. Bitte versuchen Sie es noch einmal."},
}  # fmt: skip
_VOICES = {"en": "en-GB", "de": "de-DE", "fr": "fr-FR", "es": "es-ES"}
_DAYS = {
    "en": ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"),
    "de": ("Montag", "Dienstag", "Mittwoch", "Donnerstag", "Freitag", "Samstag", "Sonntag"),
}


def _voice(language: str) -> str:
    return _VOICES.get(language.partition("-")[0], "en-GB")


def _spoken(at_: datetime, language: str) -> str:
    names = _DAYS.get(language.partition("-")[0], _DAYS["en"])
    clock = f"{at_:%H:%M}"
    return (
        f"{names[at_.weekday()]}, {clock} Uhr" if names is _DAYS["de"] else f"{names[at_.weekday()]}, {clock}"
    )

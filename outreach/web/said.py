"""How a conversation went, as the form of a card says it, and what of it can still be taken back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from flask import g
from werkzeug.datastructures import MultiDict

from outreach.domain.hours import local
from outreach.domain.talk import Outcome, PromiseMade, Said
from outreach.domain.touch import Disposition
from outreach.service.ports import Unit
from outreach.web import auth, forms, wishing, words

DISPOSITIONS: Mapping[str, str] = {
    "reached": "We spoke", "no_answer": "No answer", "voicemail": "Left a message", "busy": "Busy",
    "wrong_number": "Wrong number", "prefers_sms": "Prefers a text", "do_not_call": "Do not call again",
}  # fmt: skip
"""What may come of a call, as it is tapped."""


def outcome_in(form: MultiDict[str, str]) -> Outcome:
    """Raises Invalid with every fault of the form."""
    check = forms.Checker(form)
    disposition = check.one_of("disposition", list(Disposition), "Tap what came of the call.")
    reached = disposition == Disposition.REACHED.value
    what = check.text("promise_what") if reached else ""
    until = check.local_time("promise_until", needed=bool(what), why="Say by when.") if reached else None
    if reached and until is not None and not what:
        check.wrong("promise_what", "Say what you promised.")
    if until is not None and until <= g.now:
        check.wrong("promise_until", "A promise lies in the future.")
    note = check.text("note")
    wish = wishing.wished(check)
    right = form.getlist("put_right") if reached else []
    said_by = form.get("said_by", "customer") if right else "am"
    reason = check.text("reason")
    if right and said_by == "am" and not reason:
        check.wrong("reason", "Say in a few words why it is put right.")
    check.done()
    return Outcome(
        disposition=Disposition(disposition),
        touches=form.getlist("touch") if form.get("lines_shown") else None,
        note=note,
        promise=PromiseMade(what, until, form.get("promise_failure") or None) if what and until else None,
        wishes=(wish,) if wish else (),
        put_right=right,
        said_by="customer" if said_by == "customer" else "am",
        reason=reason,
    )


def form_of(found: Outcome) -> MultiDict[str, str]:
    """The form that says it: the way back of ``outcome_in``."""
    form: MultiDict[str, str] = MultiDict(
        {
            "disposition": found.disposition.value,
            "note": found.note,
            "said_by": found.said_by,
            "reason": found.reason,
        }
    )
    if found.touches is not None:
        form["lines_shown"] = "1"
        form.setlist("touch", list(found.touches))
    form.setlist("put_right", list(found.put_right))
    if found.promise is not None:
        form["promise_what"] = found.promise.what
        form["promise_until"] = f"{local(found.promise.until, words.my_zone()):%Y-%m-%dT%H:%M}"
        form["promise_failure"] = found.promise.failure or ""
    for wish in found.wishes:
        form["kind"], form["value"] = wish.kind, wish.value
        form["ask_again"] = wish.ask_again.isoformat() if wish.ask_again else ""
    return form


# -- what can still be taken back ------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Waiting:
    """What the reader has just said and can still take back, or what could not be written down."""

    said: Said
    name: str
    thanks: str

    def seconds(self, now: datetime) -> int:
        return max(int((self.said.due - now).total_seconds()), 0)


def waiting(unit: Unit, card: str | None = None) -> list[Waiting]:
    """Of the reader; the oldest first."""
    found = unit.said_of(auth.me().by, card)
    return [Waiting(each, _name(unit, each.card), _thanks(each.outcome)) for each in found]


def _name(unit: Unit, card: str) -> str:
    """Whom they spoke with."""
    known = unit.card(card)
    person = unit.people([known.identity]).get(known.identity) if known else None
    if person is not None and person.described.get("name"):
        return str(person.described["name"])
    account = next((touch.account for touch in unit.touches_of_card(card)), None)
    state = unit.account(account) if account else None
    return str(state.described.get("name") or state.id) if state else "Somebody"


def _thanks(found: Outcome) -> str:
    if found.put_right:
        return "Put right. Well done."
    if found.promise:
        return "The promise is on your desk until it is kept."
    if found.disposition is Disposition.REACHED:
        return "If it is not put right, the card comes back by itself."
    if found.disposition is Disposition.DO_NOT_CALL:
        return "Nobody will call them again."
    return "The next try comes to the desk by itself."

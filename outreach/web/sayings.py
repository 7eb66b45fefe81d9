"""What happened and what we did, each in one sentence; and every way of saying, given to the templates."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from flask import Flask, g

from outreach.domain.facts import Event, Severity, named
from outreach.domain.signal import Delivery
from outreach.domain.touch import Status, Touch
from outreach.domain.wallclock import parse_instant
from outreach.service.ports_traffic import Attempt
from outreach.service.posting import OUTBOX
from outreach.web import words
from outreach.web.board import CardRow
from outreach.web.files import plain
from outreach.web.highlight import coloured
from outreach.web.paths import remedy
from outreach.web.reception import outside


def install(app: Flask) -> None:
    said = (
        words.when, words.until, words.day, words.ago, words.left, words.iso, words.money, words.human, words.someone, words.colleague, words.did,
        words.looked_after, words.failure_name, words.failure_key, words.standing, words.happened,
        words.lower_first, words.upper_first, remedy, words.playbook_title, words.tongue, of_touch, why_here,
    )  # fmt: skip
    filters: dict[str, Callable[..., Any]] = {each.__name__: each for each in said}
    filters["sentence"] = of_event
    filters["plain"] = plain
    filters["coloured"] = lambda text, file, faults=(): coloured(file, text, faults)
    app.jinja_env.filters.update(filters)
    app.jinja_env.globals["Severity"] = Severity
    app.context_processor(words.around_every_page)


def why_here(row: CardRow) -> str:
    """What the card's place in the list comes from, as one sentence."""
    said = [*_let_down(row), *_promised(row)]
    if row.value:
        said.insert(1, f"{words.money(row.value)} a year")
    if row.dial.word == "now" and row.dial.closes:
        said.append(f"reachable now until {words.until(row.dial.closes, g.now, row.dial.zone)} their time")
    said.append(f"{'known' if row.known_at <= g.now else 'due'} {words.ago(row.known_at)}")
    return words.upper_first(", ".join(said)) + "."


_TIMES = {2: "twice", 3: "three times", 4: "four times"}


def _let_down(row: CardRow) -> list[str]:
    nth = row.first.nth or 0
    if nth > 1:
        return [f"let down {_TIMES.get(nth, f'{nth} times')} in 90 days"]
    return ["let down on their first order"] if row.first.first_order else []


def _promised(row: CardRow) -> list[str]:
    if row.deadline is None:
        return []
    if row.deadline < g.now:
        return [f"promised for {words.when(row.deadline)} and {words.left(row.deadline)} late"]
    return [f"promised by {words.when(row.deadline)}"]


def of_event(event: Event) -> str:
    """One sentence: our own words for what we did, the vocabulary's title for everything else."""
    say = _SAID.get(event.type)
    if say is not None:
        return say(event.data)
    return words.happened(event.type) + _details(event.data)


_QUIET = frozenset({"currency", "due_on", "median_days"})
_SPOKEN = ("words", "text", "reason", "about", "note")


def _details(data: Mapping[str, Any]) -> str:
    """The fields a human would name, at most four; what somebody said in quotes."""
    order = [f"order {data['order_id']}"] if data.get("order_id") else []
    shown = [
        f"{name.replace('_', ' ')} {_value(value)}" if name != "amount" else words.money(value)
        for name, value in data.items()
        if name not in _QUIET and name not in _SPOKEN and not name.endswith("_id") and _is_short(value)
    ]
    said = [f"“{data[name]}”" for name in _SPOKEN if isinstance(data.get(name), str)]
    parts = [*order, *shown[:4], *said[:1]]
    return f" – {', '.join(parts)}" if parts else ""


def _is_short(value: Any) -> bool:
    return isinstance(value, str | int | float) and not isinstance(value, bool)


def _value(value: Any) -> str:
    if isinstance(value, str) and len(value) > 9 and value[4:5] == "-" and (at := parse_instant(value)):
        return words.day(at)
    if isinstance(value, float) and value == int(value):
        return str(int(value))
    return str(value)


def _settled(data: Mapping[str, Any]) -> str:
    how = words.human(data.get("disposition"))
    spoken = "spoke with them" if data.get("disposition") == "reached" else f"called: {how}"
    return f"{_by(data)} {spoken}" + _note(data)


def _logged(data: Mapping[str, Any]) -> str:
    ways = {"call": "a call", "visit": "a visit", "email": "a mail"}
    spoken = "" if data.get("reached") else ", not reached"
    return f"{_by(data)} noted {ways.get(data.get('channel', ''), 'a contact')}{spoken}" + _note(data)


def _by(data: Mapping[str, Any]) -> str:
    by = words.someone(data.get("by")) if data.get("by") else "Somebody"
    return by[:1].upper() + by[1:]


def _note(data: Mapping[str, Any]) -> str:
    return f": “{data['note']}”" if data.get("note") else ""


def _right(data: Mapping[str, Any]) -> str:
    who = "They say" if data.get("said_by") == "customer" else f"{_by(data)} says"
    return f"{who} it is put right: {words.failure_name(data.get('failure'))}" + _reason(data)


def _reason(data: Mapping[str, Any]) -> str:
    return f" ({data['reason']})" if data.get("reason") else ""


_SAID: Mapping[str, Callable[[Mapping[str, Any]], str]] = {
    "contact.settled": _settled,
    "contact.logged": _logged,
    "promise.made": lambda d: (
        f"{_by(d)} promised: {d.get('what') or 'something'}, by {words.when(d.get('until'))}"
    ),
    "remedy.granted": lambda d: (
        f"{_by(d)} offered: {words.human(d.get('remedy'))}"
        + (f" of {words.money(d['amount'])}" if d.get("amount") else "")
        + (f", with the yes of {words.someone(d['granted_by'])}" if d.get("granted_by") else "")
    ),
    "promise.kept": lambda d: "A promise was kept",
    "promise.overdue": lambda d: f"A promise was broken: {d.get('what') or ''}",
    "failure.put_right": _right,
    "failure.let_be": lambda d: f"{_by(d)} let it be: {words.failure_name(d.get('failure'))}" + _reason(d),
    "failure.reopened": lambda d: f"It is not put right: {words.failure_name(d.get('failure'))}" + _reason(d),
    "failure.unreached": lambda d: (
        f"Still nobody has spoken with them about {words.failure_name(d.get('failure'))}"
    ),
    "failure.unresolved": lambda d: f"Time to look again: {words.failure_name(d.get('failure'))}",
    "failure.released": lambda d: f"{_by(d)} put it on the board: {words.failure_name(d.get('failure'))}",
    "note.asked": lambda d: f"{_by(d)} had no hour left for a call, and wanted to write meanwhile",
    "playbook.asked": lambda d: (
        f"{_by(d)} started “{words.playbook_title(d.get('playbook'))}” by hand"
        + (f": {d['why']}" if d.get("why") else "")
    ),
    "preference.stated": lambda d: (
        f"They told {words.someone(d.get('by')) if d.get('by') else 'us'}: {d.get('value')}"
    ),
    "message.received": lambda d: "They wrote" + (f": “{d['text']}”" if d.get("text") else ""),
    "account.described": lambda d: "What we know of the account was updated",
    "person.described": lambda d: "What we know of the person was updated",
}


_ARRIVED = {
    Delivery.DEFERRED: ", not taken yet", Delivery.DELIVERED: " and arrived", Delivery.READ: " and read",
    Delivery.UNDELIVERED: ", but it came back",
}  # fmt: skip


def of_touch(touch: Touch, attempt: Attempt | None = None) -> str:
    """``E-mail sent and arrived``, ``Call on the desk``, ``SMS withheld: They opted out``."""
    what = named(touch.channel)
    if touch.status is Status.SETTLED:
        how = words.human(touch.disposition) if touch.disposition else words.human(touch.settlement)
        how = "spoken" if touch.disposition == "reached" else how
        return f"{what}: {how}"
    if touch.status is Status.PLANNED:
        return f"{what} planned for {words.when(touch.due)}" + (
            f": {touch.sentence}" if touch.sentence else ""
        )
    said = f"{what} {words.human(touch.status)}"
    if touch.status in (Status.WITHHELD, Status.EXPIRED, Status.FAILED, Status.UNKNOWN) and touch.sentence:
        said += f": {touch.sentence}"
    if touch.status is Status.SENT and attempt is not None:
        said += _ARRIVED.get(attempt.delivery, "") if attempt.delivery else ""
        said += " (rehearsed: it stayed in the outbox)" if _was_rehearsed(attempt) else ""
    return said


def _was_rehearsed(attempt: Attempt) -> bool:
    return attempt.provider == OUTBOX and attempt.channel in outside().providers

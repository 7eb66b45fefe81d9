"""How things are said on the pages: times, money, states, and what happened in one sentence."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, datetime, timedelta
from typing import Any

import humanize
from flask import Flask, g, request
from flask_login import current_user
from markupsafe import Markup

from outreach.domain.account import parse_instant
from outreach.domain.errors import OutreachError
from outreach.domain.facts import Channel, Event, Severity
from outreach.domain.hours import local
from outreach.domain.touch import Status, Touch
from outreach.web import auth
from outreach.web.reception import outside

_SIGNS = {"EUR": "€", "USD": "$", "GBP": "£"}
_DAY = timedelta(days=1)


def install(app: Flask) -> None:
    filters: dict[str, Callable[..., Any]] = {
        "when": when, "day": day, "ago": ago, "money": money, "human": human, "sentence": of_event,
        "of_touch": of_touch, "iso": iso, "field_time": field_time, "failure_name": failure_name,
        "someone": someone, "left": left, "happened": happened, "failure_key": failure_key,
        "lower_first": lower_first,
        "upper_first": upper_first,
        "standing": standing,
        "looked_after": looked_after,
    }  # fmt: skip
    app.jinja_env.filters.update(filters)
    app.jinja_env.globals["Severity"] = Severity
    app.context_processor(_around_every_page)


def _around_every_page() -> dict[str, Any]:
    """What the layout shows on every page."""
    theme = request.cookies.get("theme", "")
    here: dict[str, Any] = {
        "theme": theme if theme in ("light", "dark") else "",
        "now": g.get("now"),
        "me": None,
    }
    if current_user.is_authenticated:
        here["me"] = auth.me()
        here["stopped"] = _stopped()
        here["company"] = outside().rules().company
    return here


def _stopped() -> str | None:
    """Why all sending is stopped, if it is. The layout must not fail when the database does."""
    try:
        with outside().database.view() as unit:
            return unit.setting("stop_all")
    except OutreachError:
        return None


# -- time ----------------------------------------------------------------------------------------------


def my_zone() -> str:
    """The reader's: their own, their team's, else the company's."""
    company = outside().rules().company
    if not current_user.is_authenticated:
        return company.zone
    me = auth.me()
    team = company.team_of(me.by)
    return me.zone or (team.calendar.zone if team else company.zone)


def when(at: datetime | str | None, zone: str | None = None) -> str:
    """``today 13:00``, ``tomorrow 09:00``, ``Fri 13:00``, ``3 Mar 13:00``."""
    found = parse_instant(at)
    if found is None:
        return "" if at is None else str(at)
    wall = local(found, zone or my_zone())
    return f"{day(found, zone)} {wall:%H:%M}"


def day(at: datetime | str | None, zone: str | None = None) -> str:
    found = parse_instant(at)
    if found is None:
        return "" if at is None else str(at)
    here = zone or my_zone()
    wall, today = local(found, here).date(), local(g.now, here).date()
    return _day(wall, today)


def _day(wall: date, today: date) -> str:
    apart = (wall - today).days
    if apart in (-1, 0, 1):
        return ("yesterday", "today", "tomorrow")[apart + 1]
    if -6 <= apart <= 6:
        return f"{wall:%a}"
    return f"{wall.day} {wall:%b}" if wall.year == today.year else f"{wall.day} {wall:%b %Y}"


def ago(at: datetime | None) -> str:
    """``3 hours ago`` or ``in 3 hours``."""
    if at is None:
        return ""
    apart = g.now - at
    if abs(apart) < timedelta(seconds=45):
        return "just now" if apart >= timedelta(0) else "in a moment"
    words = humanize.naturaldelta(abs(apart))
    return f"{words} ago" if apart > timedelta(0) else f"in {words}"


def left(at: datetime) -> str:
    """How far away, without a direction: ``2 hours``."""
    return humanize.naturaldelta(abs(g.now - at))


def iso(at: datetime | None) -> str:
    return "" if at is None else at.isoformat()


def field_time(at: datetime | None) -> str:
    """As a ``datetime-local`` field wants it, on the reader's clock."""
    return "" if at is None else f"{local(at, my_zone()):%Y-%m-%dT%H:%M}"


# -- words ---------------------------------------------------------------------------------------------


def money(value: float | None) -> str:
    if value is None:
        return ""
    currency = outside().rules().company.currency
    return f"{_SIGNS.get(currency, currency + ' ')}{value:,.0f}"


_HUMAN = {
    "am": "account manager", "ops": "operations", "no_answer": "no answer", "wrong_number": "wrong number",
    "do_not_call": "asked not to be called", "prefers_sms": "prefers a text", "put_right": "put right",
    "let_be": "let be", "on_desk": "on the desk", "sms": "SMS", "email": "e-mail", "cannot_tell": "cannot tell",
    "open": "nobody reached yet", "reached": "spoken to, not put right yet", "void": "taken back",
    "unknown_account": "account not known yet", "future": "dated ahead",
}  # fmt: skip


def human(code: Any) -> str:
    text = str(getattr(code, "value", code) if not isinstance(code, Severity) else code.word)
    return _HUMAN.get(text, text.replace("_", " "))


_STANDING = {"open": "nobody reached yet", "reached": "spoken to, not put right yet", "void": "taken back"}


def standing(state: str) -> str:
    """How a failure stands."""
    return _STANDING.get(str(state), human(state))


def failure_name(id_: str | None) -> str:
    """``delivery o-1001`` for ``delivery/o-1001``."""
    kind, _, key = (id_ or "").partition("/")
    return f"{human(kind)} {key}".strip()


def failure_key(id_: str | None) -> str:
    return (id_ or "").partition("/")[2]


def lower_first(text: Markup) -> Markup:
    """Inside a sentence."""
    return text[:1].lower() + text[1:]


def upper_first(text: str) -> str:
    return text[:1].upper() + text[1:]


def looked_after(owner: str | None) -> str:
    """Who the account manager is, as a sentence."""
    if not owner:
        return "no account manager"
    name = someone(owner)
    return "you look after them" if name == "you" else f"{name} looks after them"


def happened(type_: str) -> str:
    """An event type in the vocabulary's words."""
    kind = outside().rules().vocabulary.get(type_)
    return kind.title if kind else type_


def someone(name: str | None) -> str:
    """A colleague's name for their user name."""
    if not name:
        return "nobody"
    return "you" if current_user.is_authenticated and auth.me().by == name else colleagues().get(name, name)


def colleagues() -> dict[str, str]:
    """User name → name, read once per request."""
    if "colleagues" not in g:
        with outside().database.view() as unit:
            g.colleagues = {user.manager or user.id: user.name for user in unit.users() if user.name}
    found: dict[str, str] = g.colleagues
    return found


# -- what happened ---------------------------------------------------------------------------------------


def of_event(event: Event) -> str:
    """One sentence: our own words for what we did, the vocabulary's title for everything else."""
    say = _SAID.get(event.type)
    if say is not None:
        return say(event.data)
    return happened(event.type) + _details(event.data)


_QUIET = frozenset({"currency", "due_on", "median_days"})
_SPOKEN = ("words", "text", "reason", "about", "note")


def _details(data: Mapping[str, Any]) -> str:
    """The fields a human would name, at most four; what somebody said in quotes."""
    order = [f"order {data['order_id']}"] if data.get("order_id") else []
    shown = [
        f"{name.replace('_', ' ')} {_value(value)}" if name != "amount" else money(value)
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
        return day(at)
    if isinstance(value, float) and value == int(value):
        return str(int(value))
    return str(value)


def _settled(data: Mapping[str, Any]) -> str:
    how = human(data.get("disposition"))
    spoken = "spoke with them" if data.get("disposition") == "reached" else f"called: {how}"
    return f"{_by(data)} {spoken}" + _note(data)


def _logged(data: Mapping[str, Any]) -> str:
    ways = {"call": "a call", "visit": "a visit", "email": "a mail"}
    spoken = "" if data.get("reached") else ", not reached"
    return f"{_by(data)} noted {ways.get(data.get('channel', ''), 'a contact')}{spoken}" + _note(data)


def _by(data: Mapping[str, Any]) -> str:
    by = someone(data.get("by")) if data.get("by") else "Somebody"
    return by[:1].upper() + by[1:]


def _note(data: Mapping[str, Any]) -> str:
    return f": “{data['note']}”" if data.get("note") else ""


def _right(data: Mapping[str, Any]) -> str:
    who = "They say" if data.get("said_by") == "customer" else f"{_by(data)} says"
    return f"{who} it is put right: {failure_name(data.get('failure'))}" + _reason(data)


def _reason(data: Mapping[str, Any]) -> str:
    return f" ({data['reason']})" if data.get("reason") else ""


_SAID: Mapping[str, Callable[[Mapping[str, Any]], str]] = {
    "contact.settled": _settled,
    "contact.logged": _logged,
    "promise.made": lambda d: f"{_by(d)} promised: {d.get('what')}, by {when(d.get('until'))}",
    "promise.kept": lambda d: "A promise was kept",
    "promise.overdue": lambda d: f"A promise was broken: {d.get('what') or ''}",
    "failure.put_right": _right,
    "failure.let_be": lambda d: f"{_by(d)} let it be: {failure_name(d.get('failure'))}" + _reason(d),
    "failure.reopened": lambda d: f"It is not put right: {failure_name(d.get('failure'))}" + _reason(d),
    "failure.unreached": lambda d: (
        f"Still nobody has spoken with them about {failure_name(d.get('failure'))}"
    ),
    "failure.unresolved": lambda d: f"Time to look again: {failure_name(d.get('failure'))}",
    "failure.released": lambda d: f"{_by(d)} put it on the board: {failure_name(d.get('failure'))}",
    "preference.stated": lambda d: (
        f"They told {someone(d.get('by')) if d.get('by') else 'us'}: {d.get('value')}"
    ),
    "reply.received": lambda d: "They wrote" + (f": “{d['text']}”" if d.get("text") else ""),
    "account.described": lambda d: "What we know of the account was updated",
    "person.described": lambda d: "What we know of the person was updated",
}

_CHANNELS = {Channel.CALL: "Call", Channel.EMAIL: "E-mail", Channel.SMS: "SMS", Channel.TASK: "Task"}


def of_touch(touch: Touch) -> str:
    """``E-mail sent``, ``Call on the desk``, ``SMS withheld: They opted out``."""
    what = _CHANNELS[touch.channel]
    if touch.status is Status.SETTLED:
        how = human(touch.disposition) if touch.disposition else human(touch.settlement)
        how = "spoken" if touch.disposition == "reached" else how
        return f"{what}: {how}"
    if touch.status is Status.PLANNED:
        return f"{what} planned for {when(touch.due)}" + (f": {touch.sentence}" if touch.sentence else "")
    said = f"{what} {human(touch.status)}"
    if touch.status in (Status.WITHHELD, Status.EXPIRED, Status.FAILED, Status.UNKNOWN) and touch.sentence:
        said += f": {touch.sentence}"
    return said

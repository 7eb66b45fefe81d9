"""How things are said on the pages: times, money, states, and what happened in one sentence."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import Any

import humanize
from babel import Locale, UnknownLocaleError
from flask import g, request
from flask_login import current_user
from markupsafe import Markup

from outreach.domain.errors import OutreachError
from outreach.domain.facts import Severity
from outreach.domain.hours import instant, local
from outreach.domain.wallclock import parse_instant
from outreach.service.cards import NOTE
from outreach.web import auth
from outreach.web.reception import outside

_SIGNS = {"EUR": "€", "USD": "$", "GBP": "£"}
_DAY = timedelta(days=1)
YEARS = range(1970, 2200)
"""Others are slips of the pen, and some of them no instant can hold."""


def around_every_page() -> dict[str, Any]:
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
        here["may_tell"], here["may_note"] = may_tell(), may_note()
    return here


def may_tell() -> bool:
    """The company's vocabulary knows that a kept promise can be told."""
    kind = outside().rules().vocabulary.get("promise.kept")
    return kind is not None and "tell" in kind.fields


def may_note() -> bool:
    """A playbook of the company writes a note where a call does not fit into the day."""
    return bool(outside().rules().by_type.get(NOTE))


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


def until(end: datetime, start: datetime, zone: str | None = None) -> str:
    """``13:00`` on the same day as ``start``, else with its day."""
    here = zone or my_zone()
    wall = local(end, here)
    return f"{wall:%H:%M}" if wall.date() == local(start, here).date() else when(end, zone)


def day_from(text: str) -> datetime | None:
    """When that day begins for the reader; None for what is no day."""
    try:
        found = date.fromisoformat(text)
    except ValueError:
        return None
    return instant(found, time(), my_zone()) if found.year in YEARS else None


def next_midnight(now: datetime) -> datetime:
    """When the reader's day is over."""
    return instant(local(now, my_zone()).date() + timedelta(days=1), time(), my_zone())


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
    "step_if": "the step’s own condition did not hold", "unknown_account": "account not known yet", "future": "dated ahead",
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


def playbook_title(name: str | None) -> str:
    playbook = outside().rules().playbooks.get(name or "")
    return playbook.title if playbook else human(name or "")


def tongue(code: str | None) -> str:
    """``German`` for ``de``; the code itself where nobody knows it."""
    try:
        return Locale.parse(code or "", sep="-").english_name or code or ""
    except (ValueError, UnknownLocaleError):
        return code or ""


def someone(name: str | None) -> str:
    """A colleague's name for their user name."""
    if not name:
        return "nobody"
    return "you" if current_user.is_authenticated and auth.me().by == name else colleagues().get(name, name)


def colleague(name: str) -> str:
    """The same, the reader by their own name."""
    return colleagues().get(name, name)


def did(what: str) -> str:
    """``playbook live`` for the ``playbook.live`` of a record."""
    return _DID.get(what, human(what.replace(".", " ")))


_DID = {
    "playbook.asks": "playbook asks a second person", "playbook.let_go": "playbook let go by a second person",
    "playbook.refused": "playbook refused by a second person", "hold.at_most": "hold ended at its longest",
    "dial.in_spite_of_wishes": "rang in spite of their wishes", "sign_in.refused": "sign-in refused",
    "run.version_unreadable": "run ended: its version cannot be read", "person.looked_up": "looked a person up",
    "quarantine.replayed": "taken in from quarantine", "quarantine.discarded": "discarded from quarantine",
}  # fmt: skip


def colleagues() -> dict[str, str]:
    """User name → name, read once per request."""
    if "colleagues" not in g:
        with outside().database.view() as unit:
            g.colleagues = {user.manager or user.id: user.name for user in unit.users() if user.name}
    found: dict[str, str] = g.colleagues
    return found

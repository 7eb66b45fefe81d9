"""What was promised to customers, in one's own calendar: a feed with an address that says nothing, and can be shut.

A calendar is often kept by somebody else, so no entry names a customer: it says what it is about, and leads to the
card.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from itertools import groupby

from flask import Blueprint, Response, flash, g, redirect, render_template, url_for
from icalendar import Calendar, Event

from outreach.domain.errors import NotFound
from outreach.domain.facts import Channel
from outreach.domain.sight import ALL
from outreach.service import keys
from outreach.service.cover import covered_by
from outreach.service.ports import Unit
from outreach.service.ports_records import User
from outreach.service.staff import name_of
from outreach.store import views_board, views_desk
from outreach.store.unit import StoreUnit
from outreach.web import auth
from outreach.web.front import limiter
from outreach.web.reception import outside, reception
from outreach.web.words import happened

diary = Blueprint("diary", __name__)
LASTS = timedelta(minutes=30)
"""So long an entry is, and ends when it was promised for."""
MOST = 500
EARLIEST = datetime(1971, 1, 1, tzinfo=UTC)
"""What was promised for before that is a slip of somebody's pen, and no calendar takes it."""


# -- the address ---------------------------------------------------------------------------------------------


@diary.post("/desk/diary")
@auth.may("desk")
def make() -> str:
    """A new address, shown once; the one before leads nowhere from now on."""
    token = keys.new_diary(outside(), auth.me().id, auth.me().by)
    address = f"{reception().house.settings.public_url}{url_for('diary.feed', token=token)}"
    return render_template("diary.html", address=address)


@diary.post("/desk/diary/shut")
@auth.may("desk")
def shut() -> Response:
    count = keys.shut_diary(outside(), auth.me().id, auth.me().by)
    flash("Shut. Your calendar gets nothing more." if count else "There was none.", "done")
    return redirect(url_for("away.page"))  # type: ignore[return-value]


# -- the feed -----------------------------------------------------------------------------------------------


@diary.get("/diary/<token>.ics")
@limiter.limit("30 per minute")
def feed(token: str) -> Response:
    """For a calendar program. Raises NotFound for an address that is none, or was shut."""
    with reception().house.database.view() as unit:
        user = _whose(unit, token)
        calendar = _calendar()
        for entry in [*_calls(unit, user, g.now), *_promises(unit, user)]:
            calendar.add_component(entry)
    answer = Response(calendar.to_ical(), content_type="text/calendar; charset=utf-8")
    answer.headers["Referrer-Policy"] = "no-referrer"
    answer.headers["X-Robots-Tag"] = "noindex"
    return answer


def _whose(unit: Unit, token: str) -> User:
    user = keys.holder(unit, token, keys.DIARY, g.now)
    if user is None or user.role not in auth.MAY["desk"]:
        raise NotFound("There is no such calendar.")
    return user


def _calendar() -> Calendar:
    calendar = Calendar()
    calendar.add("prodid", "-//Outreach//Promised to customers//EN")
    calendar.add("version", "2.0")
    calendar.add("x-wr-calname", "Promised to customers")
    calendar.add("refresh-interval", timedelta(minutes=15), parameters={"VALUE": "DURATION"})
    return calendar


def _calls(unit: StoreUnit, user: User, now: datetime) -> Iterator[Event]:
    """One entry for each card of theirs with a call that was promised for an hour."""
    mine = {name_of(user), *covered_by(unit, name_of(user), now)}
    for card, found in groupby(views_desk.desk_lines(unit), key=lambda line: line.card):
        lines = [line for line in found if line.channel is Channel.CALL and not line.locked]
        promised = [line for line in lines if line.deadline is not None]
        if not promised or not _is_theirs(lines[0], mine):
            continue
        first = min(promised, key=lambda line: (line.deadline, line.touch))
        assert first.deadline is not None
        ends = max(first.deadline, (first.snoozed_until or first.deadline) + LASTS)
        yield _entry(
            f"card-{card}", f"Call: {happened(first.trigger_type)}", ends, url_for("cards.card", card_id=card)
        )


def _is_theirs(line: views_desk.DeskLine, mine: Iterable[str]) -> bool:
    """Who has a card, or was handed it, is to make the call."""
    taken = line.claimed_by or line.handed_to
    return taken in mine if taken else bool({line.owner, line.caller} & set(mine))


def _promises(unit: StoreUnit, user: User) -> Iterator[Event]:
    """Ids of accounts and promises can be names, too: an entry has their hash, and leads to the ledger."""
    for row in views_board.promises(unit, ALL, "waiting", [name_of(user)], MOST):
        promise = row.promise
        if promise.until > EARLIEST:
            same = sha256(f"{promise.account}\0{promise.id}".encode()).hexdigest()[:26]
            yield _entry(f"promise-{same}", "A promise comes due", promise.until, url_for("desk.promises"))


def _entry(id_: str, about: str, ends: datetime, path: str) -> Event:
    entry, address = Event(), f"{reception().house.settings.public_url}{path}"
    entry.add("uid", f"{id_}@outreach")
    entry.add("dtstamp", g.now)
    entry.add("dtstart", ends - LASTS)
    entry.add("dtend", ends)
    entry.add("summary", about)
    entry.add("description", address)
    entry.add("url", address)
    return entry

"""Messages that a colleague has to look at: who is it, and what was meant. Nothing here expires."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace

from flask import Blueprint, render_template, request, url_for
from werkzeug.wrappers import Response

from outreach.domain.endpoint import as_endpoint
from outreach.domain.errors import OutreachError, Refused
from outreach.domain.facts import Channel
from outreach.domain.person import PersonState
from outreach.service import desk, mailroom
from outreach.service.ports_traffic import Inbound
from outreach.store import views_board
from outreach.store.unit import StoreUnit
from outreach.web import auth
from outreach.web.forms import page_asked_for
from outreach.web.problems import done_or_told
from outreach.web.reception import outside, reception
from outreach.web.sight import sees_account, sees_person

room = Blueprint("mailroom", __name__, url_prefix="/desk/messages")
PAGE = 25


@dataclass(frozen=True, slots=True)
class RowShown:
    """One message, with who it may be from."""

    row: Inbound
    suggested: tuple[mailroom.Suggested, ...]
    name: str
    """Of the person, where it is known whose it is."""


@room.get("")
@auth.may("desk")
def messages() -> str:
    return _page()


def _page(open_: str = "", found: list[mailroom.Suggested] | None = None, sought: str = "") -> str:
    page = page_asked_for()
    with reception().house.database.view() as unit:
        sight = auth.my_sight(unit)
        rows = views_board.messages(unit, sight, PAGE + 1, (page - 1) * PAGE)
        shown = [_shown(unit, row) for row in rows[:PAGE]]
        total = views_board.count_messages(unit, sight)
    return render_template(
        "mailroom.html",
        rows=shown,
        total=total,
        page=page,
        more=len(rows) > PAGE,
        open=open_,
        found=found,
        sought=sought,
    )


def _shown(unit: StoreUnit, row: Inbound) -> RowShown:
    person = unit.people([row.person]).get(row.person) if row.person else None
    suggested = (
        () if row.kind == "refusal" and person else tuple(_in_sight(unit, mailroom.suggest(unit, row), row))
    )
    return RowShown(row, suggested, str(person.described.get("name") or person.id) if person else "")


ELSEWHERE = "an account of another team"


def _in_sight(
    unit: StoreUnit, rows: Iterable[mailroom.Suggested], message: Inbound | None = None
) -> Iterator[mailroom.Suggested]:
    """Whom they look after; of others only whose number or address it is, and not at which account."""
    sight = auth.my_sight(unit)
    theirs = _senders(unit, message) if message else None
    for row in rows:
        if sees_account(unit, sight, row.account):
            yield row
        elif theirs is None or row.person in theirs:
            yield replace(row, account_name=ELSEWHERE)


def _senders(unit: StoreUnit, row: Inbound) -> set[str]:
    """Everybody who has the number or the address that it came from."""
    kind = "email" if row.channel is Channel.EMAIL else "phone"
    return {state.id for state in unit.people_at(kind, row.sender)}


def _do(work: Callable[[], str]) -> Response:
    return done_or_told(work, url_for("mailroom.messages"))


@room.post("/<path:id_>/find")
@auth.may("desk")
def find(id_: str) -> str | tuple[str, int]:
    """Somebody else than the suggested: by phone or mail, or by name. By POST: names stay out of addresses."""
    sought = request.form.get("sought", "").strip()[:200]
    with reception().house.database.view() as unit:
        states = _sought(unit, sought)
        found = list(_in_sight(unit, [row for state in states for row in _accounts(unit, state)]))
        sight = auth.my_sight(unit)
        others = [state.id for state in states if not sees_person(unit, sight, state.id)]
    desk.looked_up(outside(), others, auth.me().by)
    return _page(id_, found, sought)


def _sought(unit: StoreUnit, sought: str) -> list[PersonState]:
    """By a number or an address anybody, as at the counter; by a name only whom they look after."""
    try:
        kind, value = as_endpoint(sought, outside().rules().company.country)
        return unit.people_at(kind, value)[:20]
    except OutreachError:
        ids = [id_ for id_, _ in unit.people_like(name=sought, limit=20)] if len(sought) > 1 else []
        sight = auth.my_sight(unit)
        return [state for state in unit.people(ids).values() if sees_person(unit, sight, state.id)]


def _accounts(unit: StoreUnit, state: PersonState) -> list[mailroom.Suggested]:
    name = str(state.described.get("name") or state.id)
    known = [account for id_ in sorted(state.roles) if (account := unit.account(id_)) is not None]
    return [
        mailroom.Suggested(state.id, name, account.id, account.described.get("name") or account.id, "")
        for account in known
    ]


def _must_be_in_reach(id_: str, person: str) -> None:
    """Of a customer of another team only if it came from their own number or address. Raises Refused."""
    with reception().house.database.view() as unit:
        row = unit.inbound(id_)
        if row is None or sees_person(unit, auth.my_sight(unit), person) or person in _senders(unit, row):
            return
    raise Refused("Another team looks after them: ask a manager to say that it is they.")


@room.post("/<path:id_>/is")
@auth.may("desk")
def identify(id_: str) -> Response:
    def work() -> str:
        person, _, account = request.form.get("who", "").partition("|")
        if not person:
            raise Refused("Choose who it is.")
        _must_be_in_reach(id_, person)
        mailroom.identify(outside(), id_, person, account or None, auth.me().by)
        return "Told to their account. Whoever looks after them gets a card."

    return _do(work)


@room.post("/<path:id_>/meant")
@auth.may("desk")
def meant(id_: str) -> Response:
    def work() -> str:
        chosen = request.form.get("meant", "")
        mailroom.settle_refusal(outside(), id_, chosen, auth.me().by, request.form.get("reason", "").strip())
        return "Written down. Everybody who wants to contact them sees it."

    return _do(work)


@room.post("/<path:id_>/nobody")
@auth.may("desk")
def nobody(id_: str) -> Response:
    def work() -> str:
        mailroom.discard(outside(), id_, auth.me().by, request.form.get("reason", "").strip())
        return "Put aside, with your reason."

    return _do(work)

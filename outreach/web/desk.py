"""The account manager's desk: the day's list, drafts, and what nobody has looked after yet."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence

import orjson
from flask import Blueprint, Response, flash, g, redirect, render_template, request, url_for

from outreach.domain.sight import Sight
from outreach.service import capacity, cards
from outreach.service.cover import covered_by, covers_now
from outreach.service.ports_desk import Ask
from outreach.service.rulings import STANDS
from outreach.store import views_accounts, views_board, views_desk
from outreach.store.unit import StoreUnit
from outreach.web import auth, board, calling, said, words
from outreach.web.forms import page_asked_for
from outreach.web.reception import outside, reception
from outreach.web.sight import sees_call

desk = Blueprint("desk", __name__, url_prefix="/desk")
WHOSE = ("mine", "team", "all")
LONGEST_LIST = 50
MOST_FOUND = 30
MOST_RELEASED = 50


@desk.get("")
@auth.may("desk")
def board_page() -> str:
    whose = _whose()
    page = page_asked_for()
    with reception().house.database.view() as unit:
        names, team, sight = _names(unit, whose), _team() if whose == "team" else None, auth.my_sight(unit)
        rows = [row for row in board.ranked(unit, g.now, sight) if whose == "all" or row.is_of(names, team)]
        kinds = Counter(name for row in rows for name in {line.playbook for line in row.lines})
        about = request.args.get("about", "") if request.args.get("about") in kinds else ""
        today = _to_call_today(rows)
        load = _load(unit, today) if whose == "mine" else None
        rows = [row for row in rows if row.is_about(about)] if about else rows
        near, offset = board.window(rows, page)
        judged = board.judged(unit, outside(), board.cards(unit, near), g.now, offset)
        shown = {
            "waiting": said.waiting(unit), "dispositions": said.DISPOSITIONS, "rows": judged, "whose": whose, "about": about, "kinds": kinds, "page": page, "total": len(rows),
            "pages": max(-(-len(rows) // board.PAGE), 1), "stamp": views_desk.desk_stamp(unit),
            "drafts": [
                draft for draft in views_desk.drafts(unit, sight)
                if whose == "all" or names & {draft.owner, draft.touch.caller} or (team is not None and draft.team == team)
            ],
            "silent": _silent(unit), "load": load, "beyond": _beyond(today, load),
            "shortfall": _shortfall(unit, today) if whose != "mine" and auth.me().may("let_be") else [],
            "asks": _asks(unit) if auth.me().may("let_be") else [],
            "covering": covered_by(unit, auth.me().by, g.now),
            "unmatched": views_board.count_unmatched(unit, sight), "unreached": views_board.count_unreached(unit, sight),
            "owed": views_board.count_owed(unit, sight), "messages": views_board.count_messages(unit, sight),
            "calls": [call for call in calling.on_the_line(unit) if sees_call(unit, sight, call.id)],
        }  # fmt: skip
    template = "_board.html" if request.headers.get("X-Fragment") else "desk.html"
    return render_template(template, titles=_titles(), **shown)


def _to_call_today(rows: Iterable[board.Ranked]) -> list[board.Ranked]:
    """With a call whose hour, if it has one, is over before tomorrow; put off is not today."""
    tomorrow = words.next_midnight(g.now)
    return [row for row in rows if row.waits(g.now, tomorrow)]


def _load(unit: StoreUnit, today: Sequence[board.Ranked]) -> capacity.Load:
    away = covers_now(unit, g.now)
    can = capacity.share(outside().rules().company, auth.me().by, away)
    return capacity.Load(auth.me().by, len(today), can)


def _beyond(today: Sequence[board.Ranked], load: capacity.Load | None) -> set[str]:
    """Those that will not fit into it: the last of the list."""
    return {row.id for row in today[load.can :]} if load is not None and load.short else set()


def _shortfall(unit: StoreUnit, today: Iterable[board.Ranked]) -> list[capacity.Load]:
    """Whose calls do not fit into today, seen by those who can do something about it."""
    away = covers_now(unit, g.now)
    waiting = Counter(away.get(row.whose, row.whose) for row in today)
    return [load for load in capacity.loads(outside().rules().company, waiting, away) if load.short]


def _asks(unit: StoreUnit) -> list[tuple[Ask, str]]:
    """What colleagues ask of a manager, each with the account's name."""
    asks = unit.asks_open()
    names = views_accounts.accounts_named(unit, [ask.account for ask in asks])
    return [(ask, names[ask.account].name if ask.account in names else ask.account) for ask in asks]


def _whose() -> str:
    chosen = request.args.get("whose", "")
    if chosen in WHOSE:
        return chosen
    return "mine" if auth.me().role == "am" else "team" if _team() else "all"


def _whose_failures() -> str:
    """Of what nobody looks after, everybody sees all they may, unless they ask for less."""
    return request.args["whose"] if request.args.get("whose") in WHOSE else "all"


def _team() -> str | None:
    team = outside().rules().company.team_of(auth.me().by)
    return team.name if team else None


def _names(unit: StoreUnit, whose: str) -> set[str]:
    """Mine are also those of colleagues for whom I stand in."""
    me = auth.me().by
    team = outside().rules().company.team_of(me) if whose == "team" else None
    return {me, *covered_by(unit, me, g.now), *(team.members if team else ())}


def _silent(unit: StoreUnit) -> dict[str, str]:
    """Playbook → how it stands, of those that contact nobody now. What of theirs lies on the desk says so."""
    return {name: STANDS[state] for name, (state, _) in unit.publish_states().items() if state in STANDS}


def _titles() -> dict[str, str]:
    """Playbook → what it is about, in words."""
    return {name: playbook.title for name, playbook in outside().rules().playbooks.items()}


@desk.get("/pulse")
@auth.may("desk")
def pulse() -> Response:
    """Changes when the desk would look different; asked every few seconds, so it is cheap."""
    with reception().house.database.view() as unit:
        stamp = views_desk.desk_stamp(unit)
    return Response(orjson.dumps({"stamp": stamp}), content_type="application/json")


@desk.post("/search")
@auth.may("desk")
def search() -> str:
    """By the name of a person or an account, or an account's id. By POST: names stay out of addresses."""
    sought = request.form.get("q", "").strip()[:100]
    with reception().house.database.view() as unit:
        sight = auth.my_sight(unit)
        rows = _matching(unit, sight, sought) if sought else []
        judged = board.judged(unit, outside(), rows, g.now)
        accounts = views_accounts.accounts_like(unit, sight, sought) if sought else []
        silent = _silent(unit)
    return render_template(
        "search.html", rows=judged, accounts=accounts, sought=sought, titles=_titles(), silent=silent
    )


def _matching(unit: StoreUnit, sight: Sight, sought: str) -> Sequence[board.CardRow]:
    near = set(views_desk.cards_like(unit, sought))
    rows = [row for row in board.ranked(unit, g.now, sight) if row.id in near] if near else []
    found, small = board.cards(unit, rows), sought.lower()
    people = unit.people({line.person for row in found for line in row.lines if line.person})

    def is_named(row: board.CardRow) -> bool:
        known = (people.get(line.person or "") for line in row.lines)
        names = [state.described.get("name") or "" for state in known if state]
        names += [name for line in row.lines for name in (line.account_name, line.account)]
        return any(small in name.lower() for name in names)

    return [row for row in found if is_named(row)][:MOST_FOUND]


@desk.get("/promises")
@auth.may("desk")
def promises() -> str:
    """The ledger: what we said we would do, who said it, and whether it was done."""
    whose, kind = _whose(), request.args.get("list", "waiting")
    kind = kind if kind in ("waiting", "kept") else "waiting"
    page = page_asked_for()
    with reception().house.database.view() as unit:
        names = None if whose == "all" else _names(unit, whose)
        rows = views_board.promises(
            unit, auth.my_sight(unit), kind, names, LONGEST_LIST + 1, (page - 1) * LONGEST_LIST
        )
        people = unit.people({row.promise.person for row in rows if row.promise.person})
        tally = views_board.promise_tally(unit, g.now)
    return render_template(
        "promises.html", rows=rows[:LONGEST_LIST], more=len(rows) > LONGEST_LIST, page=page, whose=whose, kind=kind,
        names={id_: state.described.get("name") for id_, state in people.items()},
        tally={by: counts for by, counts in tally.items() if names is None or by in names},
    )  # fmt: skip


@desk.post("/owed/release")
@auth.may("desk")
def release_owed() -> Response:
    """The worst few of what is owed go on the board today."""
    count = min(max(request.form.get("count", 0, type=int), 0), MOST_RELEASED)
    with reception().house.database.view() as unit:
        owed = views_board.owed(unit, auth.my_sight(unit), count)
    worst = [(row.failure.account, row.failure.id) for row in owed]
    done = cards.release_owed(outside(), worst, auth.me().by)
    flash(
        f"{done} {'is' if done == 1 else 'are'} on the board now, with the words of a late apology.", "done"
    )
    return redirect(url_for("desk.owed"))  # type: ignore[return-value]


@desk.get("/unmatched")
@auth.may("desk")
def unmatched() -> str:
    return _failures("unmatched", views_board.unmatched, views_board.count_unmatched)


@desk.get("/unreached")
@auth.may("desk")
def unreached() -> str:
    return _failures("unreached", views_board.unreached, views_board.count_unreached)


@desk.get("/owed")
@auth.may("desk")
def owed() -> str:
    return _failures("owed", views_board.owed, views_board.count_owed)


def _failures(
    kind: str,
    read: Callable[[StoreUnit, Sight, int, int], list[views_board.Board]],
    count: Callable[[StoreUnit, Sight], int],
) -> str:
    page, whose = page_asked_for(), _whose_failures()
    with reception().house.database.view() as unit:
        sight = auth.my_sight(unit)
        if whose != "all":
            sight = sight.narrowed(_names(unit, whose), _team() if whose == "team" else None)
        rows = read(unit, sight, LONGEST_LIST + 1, (page - 1) * LONGEST_LIST)
        total = count(unit, sight)
    more = len(rows) > LONGEST_LIST
    return render_template(
        "failures.html", rows=rows[:LONGEST_LIST], more=more, page=page, count=total, kind=kind, whose=whose
    )

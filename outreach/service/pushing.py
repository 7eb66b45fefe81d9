"""While a customer is held, their address is on the lists of the company's other senders, so that these wait, too.

A journal says what is ours there. The intent is committed before the provider is asked, and asking twice does
no harm, so a crash is mended by the next round. Who was on a list before us, or has left by their own word
since, is *theirs*: we never take that back.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from outreach.domain.facts import Person, Purpose
from outreach.domain.hold import Hold
from outreach.domain.person import as_person
from outreach.service.care import hold_on
from outreach.service.ledger import Ledger
from outreach.service.ports import Outside, Unit
from outreach.service.ports_traffic import Pushed
from outreach.service.ports_ways import Lists
from outreach.service.switches import may_contact

PROVIDER = "sendgrid"
SELLING = tuple(purpose for purpose in Purpose if purpose.sells)
LOOK_ANYWAY = timedelta(minutes=10)
"""People join held accounts, and change their address, without any hold changing."""
_CURSOR = "pushed:"
OURS = frozenset({"adding", "in", "removing"})
"""What may be on the list by our doing."""
OWN_WORD = ("all", "email", "marketing")


@dataclass(frozen=True, slots=True)
class Held:
    """Somebody who is to be on the lists now."""

    hash: str
    person: str
    address: str


def push_holds(outside: Outside) -> int:
    """Bring every configured group in step with the holds. Gives how many addresses were moved. Raises
    Unavailable; what was begun is then finished by the next round."""
    if outside.lists is None:
        return 0
    return sum(_push(outside, outside.lists, group) for group in outside.lists.groups())


def _push(outside: Outside, lists: Lists, group: str) -> int:
    place, now = f"{PROVIDER}/{group}", outside.clock.now()
    with outside.database.view() as unit:
        cursor, due = _is_due(unit, place, now)
        if not due:
            return 0
        held = {one.hash: one for one in held_now(unit, outside)}
        journal = {row.hash: row for row in unit.pushed(place)}
    fresh = [one for hash_, one in held.items() if hash_ not in journal or journal[hash_].state == "out"]
    there = lists.members(group, [one.address for one in fresh]) if fresh else set()
    adding = _intend_to_add(outside, place, fresh, there, held, journal)
    if adding:
        lists.add(group, [row.address for row in adding if row.address])
        _write(outside, [row._replace(state="in", at=now) for row in adding])
    removing = _intend_to_remove(outside, place, held)
    for row in removing:
        with outside.database.view() as unit:
            changed_their_mind = _stays(unit, [row])
        if changed_their_mind:
            continue  # since we wrote down that we would; the next round keeps them
        lists.remove(group, row.address or "")
        _write(outside, [row._replace(state="out", at=now, person=None, address=None)])
    outside.database.retrying(lambda unit: unit.set_setting(_CURSOR + place, f"{cursor}|{now.isoformat()}"))
    return len(adding) + len(removing)


def _is_due(unit: Unit, place: str, now: datetime) -> tuple[int, bool]:
    """(the feed's cursor now, whether anything has to be looked at)."""
    kept = (unit.setting(_CURSOR + place) or "").split("|")
    cursor, last = (int(kept[0]), datetime.fromisoformat(kept[1])) if len(kept) == 2 else (0, None)
    moved = False
    while changes := unit.hold_changes(cursor, 1000):
        cursor, moved = changes[-1][0], True
    return cursor, moved or last is None or now - last >= LOOK_ANYWAY


def _intend_to_add(
    outside: Outside,
    place: str,
    fresh: Sequence[Held],
    there: Collection[str],
    held: dict[str, Held],
    journal: dict[str, Pushed],
) -> list[Pushed]:
    """Committed before the provider is asked. Also what was begun and not finished, and what was about to be
    taken off and is held again."""
    now = outside.clock.now()
    new = [
        Pushed(place, one.hash, "theirs" if one.address in there else "adding", now, one.person, one.address)
        for one in fresh
    ]
    new = [row._replace(person=None, address=None) if row.state == "theirs" else row for row in new]
    again = [
        row._replace(state="adding", at=now, person=held[row.hash].person, address=held[row.hash].address)
        for row in journal.values()
        if row.hash in held and row.state in ("adding", "removing")
    ]
    _write(outside, [*new, *again])
    return [row for row in (*new, *again) if row.state == "adding"]


def _intend_to_remove(outside: Outside, place: str, held: dict[str, Held]) -> list[Pushed]:
    """Who is held no more, unless they have said themselves that they want nothing."""

    def work(unit: Unit) -> list[Pushed]:
        now = outside.clock.now()
        rows = [
            row for row in unit.pushed(place) if row.state in OURS and row.hash not in held and row.address
        ]
        stays = _stays(unit, rows)
        going, staying = [], []
        for row in rows:
            if row.hash in stays:
                # Still ours: read as their word, it would be one against all selling, on every channel.
                staying.append(row._replace(state="in", at=now, person=None, address=None))
            else:
                going.append(row._replace(state="removing", at=now))
        unit.save_pushed([*going, *staying])
        return going

    found: list[Pushed] = outside.database.retrying(work)
    return found


def _stays(unit: Unit, rows: Sequence[Pushed]) -> set[str]:
    """Hashes of those who want nothing, whoever had put them there."""
    shut = unit.suppressed([row.hash for row in rows])
    people = unit.people([row.person for row in rows if row.person])
    found = set()
    for row in rows:
        state = people.get(row.person or "")
        by_word = {"all", "email"} & shut.get(row.hash, {}).keys()
        by_wish = state is None or state.erased or any(name in state.opted_out for name in OWN_WORD)
        if by_word or by_wish:
            found.add(row.hash)
    return found


def _write(outside: Outside, rows: Sequence[Pushed]) -> None:
    if rows:
        outside.database.retrying(lambda unit: unit.save_pushed(rows))


# -- who is held? ------------------------------------------------------------------------------------------


def held_now(unit: Unit, outside: Outside) -> list[Held]:
    """Everybody with an address whom a hold on selling reaches now, by the rule that ``may_send`` asks; in
    rehearsal only those who were named for it."""
    ledger = Ledger(unit, outside, outside.clock.now())
    holds = [hold for hold in unit.open_holds() if any(hold.covers(p, ledger.now) for p in SELLING)]
    found: dict[str, Held] = {}
    for page in _pages(_candidates(unit, holds), 500):
        for state in unit.people(page).values():
            person = as_person(state)
            if (
                person.email
                and not person.erased
                and may_contact(unit, outside, person.email, PROVIDER)
                and _is_held(ledger, person)
            ):
                hash_ = outside.endpoint_hash("email", person.email)
                found.setdefault(hash_, Held(hash_, person.id, person.email))
    return list(found.values())


def _is_held(ledger: Ledger, person: Person) -> bool:
    return any(hold_on(ledger, person, purpose) is not None for purpose in SELLING)


def _candidates(unit: Unit, holds: Iterable[Hold]) -> list[str]:
    """Everybody whom these holds may reach; a little too many does no harm."""
    holds = list(holds)
    wide = [hold for hold in holds if hold.scope != "person"]
    accounts = {hold.account for hold in wide} | set(
        unit.accounts_akin({hold.group for hold in wide if hold.group})
    )
    people = {hold.person for hold in holds if hold.person}
    for states in unit.people_of_accounts(sorted(accounts)).values():
        people.update(state.id for state in states)
    return unit.linked(sorted(people)) if people else []


def _pages(ids: Sequence[str], size: int) -> Iterable[Sequence[str]]:
    return (ids[start : start + size] for start in range(0, len(ids), size))

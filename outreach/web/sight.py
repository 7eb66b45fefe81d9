"""What the colleague of this request may see, checked at one place: whatever a route or a form names is theirs to
see, or it is not there."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from outreach.domain.errors import NotFound
from outreach.domain.sight import ALL, Sight, sight_of
from outreach.service.cover import covered_by
from outreach.service.ports import Unit
from outreach.web.reception import outside, reception


def sight(unit: Unit, by: str, *, everything: bool) -> Sight:
    """``by``: their name in accounts and records."""
    if everything:
        return ALL
    return sight_of(outside().rules().company, by, covered_by(unit, by, outside().clock.now()))


def sees_account(unit: Unit, sight: Sight, account: str) -> bool:
    """Not of one that is not there: nobody learns by asking which are."""
    known = unit.account(account)
    return known is not None and sight.sees(known.described.get("owner"), known.described.get("team"))


def sees_person(unit: Unit, sight: Sight, person: str) -> bool:
    """Somebody of one of their accounts, or of none that we know."""
    state = unit.people([person]).get(person)
    accounts = unit.accounts(sorted(state.roles)) if state else []
    return not accounts or any(
        sight.sees(each.described.get("owner"), each.described.get("team")) for each in accounts
    )


def sees_all_of(unit: Unit, sight: Sight, person: str) -> bool:
    """Every account of theirs that we know."""
    state = unit.people([person]).get(person)
    accounts = unit.accounts(sorted(state.roles)) if state else []
    return all(sight.sees(each.described.get("owner"), each.described.get("team")) for each in accounts)


def sees_card(unit: Unit, sight: Sight, card: str) -> bool:
    """A card is one conversation: whoever has a part in it sees it whole."""
    known = unit.card(card)
    if known is None:
        return False
    if sight.has(known.claimed_by, known.handed_to):
        return True
    lines = unit.touches_of_card(card)
    return any(sight.has(line.caller) or sees_account(unit, sight, line.account) for line in lines)


def _sees_touch(unit: Unit, sight: Sight, touch: str) -> bool:
    known = unit.touch(touch)
    if known is None or sees_account(unit, sight, known.account):
        return True
    return known.card is not None and sees_card(unit, sight, known.card)


def sees_call(unit: Unit, sight: Sight, call: str) -> bool:
    known = unit.call(call)
    if known is None or sight.has(known.accepted_by) or known.account is None:
        return True
    return sees_account(unit, sight, known.account) or (
        known.card is not None and sees_card(unit, sight, known.card)
    )


def _sees_message(unit: Unit, sight: Sight, message: str) -> bool:
    known = unit.inbound(message)
    if known is None or (known.account is None and known.person is None):
        return True
    if known.account is None:
        return sees_person(unit, sight, known.person or "")
    return sees_account(unit, sight, known.account)


SEES: Mapping[str, Callable[[Unit, Sight, str], bool]] = {
    "account": sees_account, "card_id": sees_card, "card": sees_card, "person": sees_person, "touch_id": _sees_touch,
    "call_id": sees_call, "id_": _sees_message,
}  # fmt: skip
"""What routes and forms of the desk call the things they are about → whether they are there for this colleague."""


def must_see(by: str, named: Iterable[tuple[str, str]], *, everything: bool) -> None:
    """Raises NotFound, as for what does not exist: nobody learns by asking what others look after."""
    asked = [(SEES[name], value) for name, value in named if name in SEES and value]
    if everything or not asked:
        return
    with reception().house.database.view() as unit:
        mine = sight(unit, by, everything=False)
        if not all(sees(unit, mine, value) for sees, value in asked):
            raise NotFound("We do not know this, or it belongs to another team.")

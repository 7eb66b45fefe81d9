"""What somebody calls by its name: whether it is known, and else which may have been meant."""

from __future__ import annotations

from collections.abc import Iterable

from outreach.domain.conditions_names import did_you_mean
from outreach.domain.errors import NotFound
from outreach.service.ports import Outside, Unit

NEAR = 2_000
"""Names among which one that is none is looked for: all accounts may be too many."""


def unknown(kind: str, name: str, known: Iterable[str]) -> NotFound:
    """To be raised: names what is not there and, where one is near, what may have been meant."""
    return NotFound(f"There is no {kind} {name}{meant(name, known) or '.'}")


def meant(name: str, known: Iterable[str]) -> str:
    """``; did you mean late-delivery?``, for a slip of the pen or a beginning; else nothing."""
    names = sorted(set(known))
    hint = did_you_mean(name, names)
    if "did you mean" in hint:
        return f"; {hint}"
    begun = [each for each in names if name and each.lower().startswith(name.lower())]
    return f"; did you mean {begun[0]}?" if begun else ""


def unknown_account(unit: Unit, account: str) -> NotFound:
    """Looks among ids that begin alike."""
    near = unit.account_ids(account[:1], NEAR) or unit.account_ids("", NEAR)
    return unknown("account", account, near)


def must_be_account(unit: Unit, account: str) -> None:
    """Raises NotFound."""
    if unit.account(account) is None:
        raise unknown_account(unit, account)


def unknown_person(unit: Unit, person: str) -> NotFound:
    """Looks among ids that begin alike."""
    alike = [each for each in unit.person_ids() if each[:1].lower() == person[:1].lower()]
    return unknown("person", person, alike[:NEAR])


def must_be_playbook(unit: Unit, outside: Outside, playbook: str) -> None:
    """Raises NotFound. One whose file is gone is known as well: its runs go on, and can be stopped."""
    if playbook in unit.publish_states() or unit.versions_of(playbook, 1):
        return  # also where the files cannot be read, or nobody could stop it then
    live = outside.rules().playbooks
    if playbook not in live:
        raise unknown("playbook", playbook, live)

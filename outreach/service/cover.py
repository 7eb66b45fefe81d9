"""Absences and who covers them: said ahead, ended early with a note, and followed wherever a colleague is asked for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from outreach.domain.cover import Absence, covers
from outreach.domain.errors import NotFound, Refused
from outreach.service.ports import Outside, Unit
from outreach.service.staff import name_of


def covers_now(unit: Unit, now: datetime) -> Mapping[str, str]:
    """Who is away → who is here for them."""
    return covers(unit.absences(now), now)


def covered_by(unit: Unit, name: str, now: datetime) -> list[str]:
    """Everybody for whom this one stands in now."""
    return sorted(away for away, cover in covers_now(unit, now).items() if cover == name)


def go_away(
    outside: Outside, user: str, cover: str, since: datetime, until: datetime | None, note: str, by: str
) -> Absence:
    """Raises Refused for dates that are none, a cover who is nobody, or an absence that overlaps another."""

    def work(unit: Unit) -> Absence:
        now = outside.clock.now()
        _must_be_sound(unit, user, cover, since, until, now)
        new = Absence(outside.ids.new(), user, cover, since, until, note.strip()[:500], by)
        unit.save_absence(new)
        unit.audit(now, by, "cover.set" if until else "cover.left", f"user/{user}", f"covered by {cover}")
        return new

    found: Absence = outside.database.retrying(work)
    return found


def _must_be_sound(
    unit: Unit, user: str, cover: str, since: datetime, until: datetime | None, now: datetime
) -> None:
    known = {name_of(one): one for one in unit.users()}
    if user not in known:
        raise Refused("Nobody here has that name.")
    if cover not in known or not known[cover].active or cover == user:
        raise Refused("Choose somebody else who is here to stand in.")
    if until is not None and (until <= since or until <= now):
        raise Refused("It ends before it begins, or it is over already.")
    for other in unit.absences(now):
        ends = other.until
        if other.user == user and (ends is None or since < ends) and (until is None or other.since < until):
            raise Refused("They are away then already: end that absence first, or choose other days.")
    if _would_ring(unit, user, cover, since, until, now):
        raise Refused("That one is away then, too, and you would cover each other: choose somebody else.")


def _would_ring(
    unit: Unit, user: str, cover: str, since: datetime, until: datetime | None, now: datetime
) -> bool:
    at = max(since, now)
    meant = [*unit.absences(now), Absence("", user, cover, since, until)]
    return user not in covers(meant, at)


def come_back(outside: Outside, absence: str, by: str, note: str) -> Absence:
    """Ends it now; one that has not begun is called off. Raises NotFound, or Refused for one that is over."""

    def work(unit: Unit) -> Absence:
        now = outside.clock.now()
        known = unit.absence(absence)
        if known is None:
            raise NotFound("There is no such absence.")
        if known.is_over(now):
            raise Refused("That absence is over already.")
        ended = replace(known, ended_at=now, back=note.strip()[:500])
        unit.save_absence(ended)
        unit.audit(now, by, "cover.ended", f"user/{known.user}", "came back")
        return ended

    found: Absence = outside.database.retrying(work)
    return found

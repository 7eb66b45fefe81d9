"""All law packs together: which lines hold at a place, and the public holidays they speak of.

Every line that may apply holds at once: all plausible countries, regions and zones, federal and
regional lines together. Where nothing reliable is written (no pack, no line, a line from memory or
past its review), the strict default holds beside it and the answer says why.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date, time
from functools import cache, lru_cache, reduce
from typing import NamedTuple

from outreach.domain.facts import Channel, Purpose
from outreach.domain.hours import IsHoliday, LocalHours, Week
from outreach.domain.lawline import Basis, HolidayRule, Line, PurposeClass, Rule
from outreach.domain.lawpack import ANYWHERE, LawPack
from outreach.domain.place import Place

ALWAYS = Week(dict.fromkeys(range(7), ((time(), time()),)))


class Applied(NamedTuple):
    """A line that holds, the pack it is from, and why a strict default had to step in (or nothing)."""

    line: Line
    pack: str
    because: str = ""

    @property
    def words(self) -> str:
        """As cited: where, what, source, and the caveat."""
        return _cite(self)


@lru_cache(maxsize=4096)
def _cite(applied: Applied) -> str:
    line, because = applied.line, applied.because
    origin = {Basis.HOUSE: "our own rule", Basis.MEMORY: "from memory"}.get(line.basis, "source")
    caveat = f"; strict default because {because}" if because else ""
    return f"{line.where}: {line.words}, {origin}: {line.source}{caveat}"


class Hours(NamedTuple):
    """Allowed wall times in all of the zones at once, but on holidays. ``line`` is the narrowest one, None
    when no line speaks of the channel (e-mail): then any time is allowed."""

    zones: tuple[str, ...]
    week: Week
    is_holiday: IsHoliday
    line: Line | None

    @property
    def places(self) -> tuple[LocalHours, ...]:
        return tuple(LocalHours(zone, self.week, self.is_holiday) for zone in self.zones)


class Packs:
    """All law packs together. One of them (``country: any``) is the strict default; without it, a built-in
    one holds. Make it once per ruleset: it remembers what it has worked out."""

    def __init__(self, packs: Iterable[LawPack], quiet_days: Iterable[date] = ()) -> None:
        self._all = tuple(packs)
        self.quiet_days = frozenset(quiet_days)
        """The company's own list, beside the public holidays."""
        self._default = next((pack for pack in self._all if ANYWHERE in pack.countries), STRICT)
        self.applied = lru_cache(maxsize=4096)(self._applied)
        self.narrowest = lru_cache(maxsize=4096)(self._narrowest)
        self._hours = lru_cache(maxsize=4096)(self._find_hours)

    @property
    def countries(self) -> frozenset[str]:
        """Those with a pack of their own."""
        return frozenset(code for pack in self._all for code in pack.countries) - {ANYWHERE}

    @property
    def all(self) -> tuple[LawPack, ...]:
        """As they were read, the strict default last."""
        return (*(pack for pack in self._all if pack is not self._default), self._default)

    def hours(self, place: Place, channel: Channel, purpose: Purpose, kind: str, today: date) -> Hours:
        """When the person may be contacted there: ``(zones, week, is_holiday, line)``."""
        return self._hours(place, channel, PurposeClass.of(purpose), kind, today)

    def _applied(
        self,
        rule: Rule,
        place: Place,
        channel: Channel | None,
        class_: PurposeClass | None,
        kind: str,
        today: date,
    ) -> tuple[Applied, ...]:
        """Every line that holds, over all plausible places."""

        def about(line: Line) -> bool:
            return line.rule is rule and line.concerns(channel, class_, kind)

        found: dict[Applied, None] = {}
        for country in place.countries or (ANYWHERE,):
            packs = [pack for pack in self._all if country in pack.countries]
            own = [
                Applied(line, pack.name, line.distrust(today) if today >= line.effective else "")
                for pack in packs
                for line in pack.lines
                if about(line) and _plausible(line, place)
            ]
            found.update(dict.fromkeys(own))
            because = _needs_default(own, packs, place, today)
            if because is not None:
                strict = [
                    Applied(line, self._default.name, because) for line in self._default.lines if about(line)
                ]
                found.update(dict.fromkeys(strict))
        return tuple(found)

    def _find_hours(
        self, place: Place, channel: Channel, class_: PurposeClass, kind: str, today: date
    ) -> Hours:
        lines = self.applied(Rule.HOURS, place, channel, class_, kind, today)
        if not lines:
            return Hours(place.zones, ALWAYS, _no_holiday, None)
        weeks = [applied.line.value for applied in lines if isinstance(applied.line.value, Week)]
        holidays = self.applied(Rule.HOLIDAYS, place, channel, class_, kind, today)
        narrowest = self._narrowest(place, channel, class_, kind, today)
        public, own = is_holiday(holidays, place), self.quiet_days
        off = (lambda day: day in own or public(day)) if own else public
        return Hours(place.zones, reduce(Week.intersect, weeks), off, narrowest.line)

    def _narrowest(
        self, place: Place, channel: Channel, class_: PurposeClass, kind: str, today: date
    ) -> Applied:
        """The line that leaves the fewest hours; there must be one."""
        lines = self.applied(Rule.HOURS, place, channel, class_, kind, today)
        return min(lines, key=lambda applied: minutes_of(applied.line.value))


@lru_cache(maxsize=8)
def packs_of(packs: tuple[LawPack, ...]) -> Packs:
    """The same ``Packs`` for the same ruleset, so that what it remembers is used."""
    return Packs(packs)


def _plausible(line: Line, place: Place) -> bool:
    return not line.regions or not place.regions or bool(line.regions.intersection(place.regions))


def _needs_default(own: list[Applied], packs: list[LawPack], place: Place, today: date) -> str | None:
    """Why the strict default must hold beside these lines; None when they can be relied on."""
    for applied in own:
        if today >= applied.line.effective and (distrust := applied.line.distrust(today)):
            return distrust
    covering = [
        applied
        for applied in own
        if not applied.line.distrust(today) and (not applied.line.regions or place.regions)
    ]
    if covering:
        return None
    if not packs:
        return f"no law pack is written for {' or '.join(place.countries) or 'an unknown place'}"
    return f"the pack for {packs[0].title} says nothing of it"


def minutes_of(value: object) -> int:
    """How many minutes a week allows; anything else last."""
    if not isinstance(value, Week):
        return 7 * 24 * 60 + 1
    periods = [period for day in range(7) for period in value.spans.get(day, ())]
    return sum(
        (closes.hour * 60 + closes.minute or 24 * 60) - (opens.hour * 60 + opens.minute)
        for opens, closes in periods
    )


# ---------------------------------------------------------------- holidays


def is_holiday(lines: Iterable[Applied], place: Place) -> IsHoliday:
    calendars = tuple(sorted({calendar for applied in lines for calendar in _calendars(applied.line, place)}))
    return lambda day: any(day in public_holidays(country, region, day.year) for country, region in calendars)


def _no_holiday(_: date) -> bool:
    return False


def _calendars(line: Line, place: Place) -> Iterator[tuple[str, str]]:
    """The holiday calendars a line blocks: of its own regions, of the place's, or of all there are."""
    if line.value is not HolidayRule.BLOCKED:
        return
    for country in place.countries:
        regions = line.regions.intersection(place.regions) if place.regions else line.regions
        known = set(subdivisions(country))
        chosen = (set(regions or place.regions) & known) or ({""} if place.regions else known)
        yield country, ""
        for region in chosen:
            yield country, region


@cache
def subdivisions(country: str) -> tuple[str, ...]:
    """The regions with holidays of their own; empty for a country the calendar does not know."""
    import holidays

    return tuple(holidays.list_supported_countries(include_aliases=False).get(country, ()))


@cache
def public_holidays(country: str, region: str, year: int) -> frozenset[date]:
    """Public holidays of the country (and region) in that year, moved days included; empty when unknown."""
    import holidays

    try:
        return frozenset(holidays.country_holidays(country, subdiv=region or None, years=year))
    except NotImplementedError:
        return frozenset()


# ---------------------------------------------------------------- the built-in strict default

_HOUSE = {
    "source": "built-in strict default of Outreach, used when no pack for any country is given",
    "effective": "2000-01-01",
    "review_by": "2999-12-31",
    "basis": "house",
}
STRICT = LawPack.from_tree(
    {
        "law": "built-in-strict",
        "title": "Anywhere",
        "country": ANYWHERE,
        "lines": [
            {"hours": {"mon-fri": "09:00-18:00"}, "by": ["call", "sms"], **_HOUSE},
            {"holidays": "blocked", "by": ["call", "sms"], **_HOUSE},
            {"attempts": 1, **_HOUSE},
            {"relationship": {"purchase": 0, "inquiry": 0}, **_HOUSE},
            {"consent": "express", "for": "solicitation", **_HOUSE},
            {"consent": "none", "for": ["service", "callback"], **_HOUSE},
        ],
    },
    "built in",
    lambda _: (0, 0),
)

"""What one line of a law pack can say, and how well it is founded.

A line only ever narrows what the others leave: all that apply hold together. A line from memory, or
past its ``review_by``, brings the strict default with it. ``house`` claims no law: our own manners.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, time
from enum import StrEnum

from outreach.domain.facts import Channel, Purpose
from outreach.domain.hours import Week
from outreach.domain.wallclock import Period

KINDS = ("private", "business")
DAY_NAMES = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


class PurposeClass(StrEnum):
    """How the law sees a purpose."""

    SOLICITATION = "solicitation"
    SERVICE = "service"
    CALLBACK = "callback"

    @classmethod
    def of(cls, purpose: Purpose) -> PurposeClass:
        if purpose.sells:
            return cls.SOLICITATION
        return cls.CALLBACK if purpose is Purpose.CALLBACK else cls.SERVICE


class Basis(StrEnum):
    """How well a line is founded."""

    OFFICIAL = "official"
    SECONDARY = "secondary"
    MEMORY = "memory"
    HOUSE = "house"


class Rule(StrEnum):
    """What a line is about."""

    HOURS = "hours"
    HOLIDAYS = "holidays"
    ATTEMPTS = "attempts"
    RELATIONSHIP = "relationship"
    CONSENT = "consent"
    REGISTRY = "registry"


class ConsentNeed(StrEnum):
    """What must be there before we may contact, from the mildest to the strictest."""

    NONE = "none"
    RELATIONSHIP = "relationship"
    """An established business relationship will do; express consent does, too."""
    EXPRESS = "express"
    FORBIDDEN = "forbidden"

    @property
    def strictness(self) -> int:
        return list(ConsentNeed).index(self)


class HolidayRule(StrEnum):
    ALLOWED = "allowed"
    BLOCKED = "blocked"


@dataclass(frozen=True, slots=True)
class Relationship:
    """Months for which a purchase or an inquiry makes a business relationship: 0 never, None unsaid."""

    purchase: int | None = None
    inquiry: int | None = None


@dataclass(frozen=True, slots=True)
class Registry:
    """A list of numbers that are not to be called (TPS, the national do-not-call registry). A check counts
    for ``days``; ``relationship``: an established one allows the call although the number is listed. Express
    consent always does."""

    list: str
    days: int
    relationship: bool = False


Value = Week | HolidayRule | int | Relationship | ConsentNeed | Registry


@dataclass(frozen=True, slots=True, eq=False)
class Line:
    """One rule of one jurisdiction. Empty ``classes``, ``channels``, ``kinds``, ``regions`` mean all."""

    rule: Rule
    value: Value
    source: str
    effective: date
    basis: Basis
    review_by: date
    where: str
    """The place as people call it: Connecticut."""
    classes: frozenset[PurposeClass] = frozenset()
    channels: frozenset[Channel] = frozenset()
    kinds: frozenset[str] = frozenset()
    regions: frozenset[str] = frozenset()

    def distrust(self, today: date) -> str:
        """Why the strict default holds beside this line today; empty when the line may be relied on."""
        if self.basis is Basis.MEMORY:
            return f"the line for {self.where} was written from memory"
        if today > self.review_by:
            return f"the line for {self.where} was to be reviewed by {self.review_by:%Y-%m-%d}"
        if today < self.effective:
            return f"the line for {self.where} is in force only from {self.effective:%Y-%m-%d}"
        return ""

    def concerns(self, channel: Channel | None, class_: PurposeClass | None, kind: str) -> bool:
        """Whether the line speaks of this; an unknown kind of customer may be either."""
        return (
            (not self.channels or channel is None or channel in self.channels)
            and (not self.classes or class_ is None or class_ in self.classes)
            and (not self.kinds or kind not in KINDS or kind in self.kinds)
        )

    @property
    def words(self) -> str:
        """The value as people read it: ``Mon–Sat 9–20``."""
        return spell(self.value)


def spell(value: Value) -> str:
    """A line's value in words: ``Mon–Sat 9–20``, ``no public holidays``, ``at most 3 attempts in 24 hours``."""
    if isinstance(value, Week):
        return _spell_week(value)
    if isinstance(value, HolidayRule):
        return "no public holidays" if value is HolidayRule.BLOCKED else "public holidays, too"
    if isinstance(value, ConsentNeed):
        return _CONSENT_WORDS[value]
    if isinstance(value, Relationship):
        return _spell_relationship(value)
    if isinstance(value, Registry):
        return f"checked against {value.list} within {value.days} days"
    return f"at most {value} {'attempt' if value == 1 else 'attempts'} in 24 hours"


_CONSENT_WORDS = {
    ConsentNeed.NONE: "no consent needed",
    ConsentNeed.RELATIONSHIP: "a business relationship or express consent",
    ConsentNeed.EXPRESS: "express consent",
    ConsentNeed.FORBIDDEN: "forbidden",
}


def _spell_relationship(value: Relationship) -> str:
    grounds = (("purchase", value.purchase), ("inquiry", value.inquiry))
    return ", ".join(
        f"{months} months after a {ground}" if months else f"no relationship by {ground}"
        for ground, months in grounds
        if months is not None
    ).replace("a inquiry", "an inquiry")


def _spell_week(week: Week) -> str:
    """Days with equal hours together: ``Mon–Fri 9–18, Sat 10–14``."""
    groups: list[tuple[int, int, tuple[Period, ...]]] = []
    for day in range(7):
        periods = tuple(week.spans.get(day, ()))
        if groups and groups[-1][2] == periods:
            groups[-1] = (groups[-1][0], day, periods)
        else:
            groups.append((day, day, periods))
    open_groups = [group for group in groups if group[2]]
    if len(open_groups) == 1 and open_groups[0][:2] == (0, 6):
        return _spell_periods(open_groups[0][2])
    return (
        ", ".join(f"{_spell_days(*group[:2])} {_spell_periods(group[2])}" for group in open_groups) or "never"
    )


def _spell_days(first: int, last: int) -> str:
    return DAY_NAMES[first] if first == last else f"{DAY_NAMES[first]}–{DAY_NAMES[last]}"


def _spell_periods(periods: tuple[Period, ...]) -> str:
    return " and ".join(
        f"{_clock(opens)}–{_clock(closes) if closes != time() else '24'}" for opens, closes in periods
    )


def _clock(wall: time) -> str:
    return f"{wall.hour}:{wall.minute:02d}" if wall.minute else str(wall.hour)

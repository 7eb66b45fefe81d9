"""Reads the plain values of a law pack's file, and gathers everything that is wrong with them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, time
from difflib import get_close_matches
from enum import StrEnum
from typing import Any, NamedTuple, TypeVar

from outreach.domain.errors import Fault
from outreach.domain.facts import Channel
from outreach.domain.hours import Week
from outreach.domain.lawline import (
    KINDS,
    Basis,
    ConsentNeed,
    HolidayRule,
    Line,
    PurposeClass,
    Registry,
    Relationship,
    Rule,
    Value,
)
from outreach.domain.wallclock import Period

ANYWHERE = "any"
"""The country of the strict default, which holds wherever nothing better is known."""
Path = tuple[str | int, ...]
Position = Callable[[Path], tuple[int, int]]
Word = TypeVar("Word", bound=StrEnum)


class Example(NamedTuple):
    """What a pack says of itself: at this wall time there, may somebody be contacted or not? ``fault`` is
    where to say that it is otherwise."""

    at: datetime
    region: str
    zone: str
    channel: Channel
    class_: PurposeClass
    kind: str
    may: bool
    fault: Callable[[str, str], Fault]


class Parts(NamedTuple):
    """What a pack is made of."""

    name: str
    title: str
    countries: tuple[str, ...]
    regions: Mapping[str, str]
    lines: tuple[Line, ...]
    examples: tuple[Example, ...]


DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
PACK_KEYS = ("law", "title", "country", "regions", "lines", "examples")
EXAMPLE_KEYS = ("at", "zone", "in", "by", "for", "to", "may")
SCOPE_KEYS = ("for", "by", "to", "in")
PROOF_KEYS = ("source", "effective", "basis", "review_by")
LINE_KEYS = (*(str(rule) for rule in Rule), *SCOPE_KEYS, *PROOF_KEYS)
_PERIOD = re.compile(r"([01]\d|2[0-3]):([0-5]\d) ?[-–] ?(?:([01]\d|2[0-3]):([0-5]\d)|(24):00)", re.ASCII)
_NAME = re.compile(r"[a-z][a-z0-9-]{0,39}", re.ASCII)
_COUNTRY = re.compile(r"[A-Z]{2}", re.ASCII)


class Reader:
    """Reads a tree of plain values and gathers what is wrong with it. A method that finds a fault notes
    it and returns None."""

    def __init__(self, file: str, position: Position) -> None:
        self.file, self.position = file, position
        self.faults: list[Fault] = []

    def fault(self, path: Path, what: str, remedy: str = "") -> None:
        line, column = self.position(path)
        self.faults.append(Fault(self.file, line, column, what, remedy))

    # the pack

    def pack(self, tree: Any) -> Parts | None:
        top = self.mapping(tree, (), PACK_KEYS, ("law", "title", "country", "lines"))
        if top is None:
            return None
        name = self.matching(top, "law", _NAME, "a name of small letters, digits and dashes, like us or de")
        title = self.text(top.get("title"), ("title",)) if "title" in top else None
        countries = self.countries(top)
        regions = self.regions(top.get("regions"))
        lines = [
            self.line(item, ("lines", index), regions, title or "")
            for index, item in enumerate(self.sequence(top.get("lines"), ("lines",)))
        ]
        examples = [
            self.example(item, ("examples", index), regions)
            for index, item in enumerate(self.sequence(top.get("examples"), ("examples",)))
        ]
        if not (name and title and countries):
            return None
        whole = tuple(line for line in lines if line is not None)
        return Parts(name, title, countries, regions, whole, tuple(each for each in examples if each))

    def matching(self, top: Mapping[str, Any], key: str, pattern: re.Pattern[str], wanted: str) -> str | None:
        text = self.text(top.get(key), (key,)) if key in top else None
        if text is not None and not pattern.fullmatch(text):
            self.fault((key,), f"{text!r} is not {wanted}", f"write {wanted}")
            return None
        return text

    def countries(self, top: Mapping[str, Any]) -> tuple[str, ...]:
        """One, several with a common law, or the strict default's ``any``."""
        given = top.get("country")
        listed: list[Any] = given if isinstance(given, list) else [given]
        if given == ANYWHERE:
            return (ANYWHERE,)
        wrong = [code for code in listed if not isinstance(code, str) or not _COUNTRY.fullmatch(code)]
        for code in wrong if "country" in top else ():
            self.fault(
                ("country",),
                f"{code!r} is not a country code like US, or any",
                "write a country code like US, or any",
            )
        return () if wrong else tuple(listed)

    def example(self, value: Any, path: Path, regions: Mapping[str, str]) -> Example | None:
        before = len(self.faults)
        item = self.mapping(value, path, EXAMPLE_KEYS, ("at", "by", "for", "may"))
        if item is None:
            return None
        wall = self.wall(item.get("at"), (*path, "at"))
        channel = self.word(item.get("by"), (*path, "by"), Channel)
        class_ = self.word(item.get("for"), (*path, "for"), PurposeClass)
        if not isinstance(item.get("may"), bool):
            self.fault((*path, "may"), f"{item.get('may')!r} is not true or false", "write true or false")
        region, kind = item.get("in", ""), item.get("to", "")
        if region and region not in regions:
            self.fault(
                (*path, "in"), f"{region!r} is not known here", _did_you_mean(str(region), list(regions))
            )
        if kind and kind not in KINDS:
            self.fault((*path, "to"), f"{kind!r} is not known here", _did_you_mean(str(kind), KINDS))
        if len(self.faults) > before or wall is None or channel is None or class_ is None:
            return None
        zone = self.text(item["zone"], (*path, "zone")) if "zone" in item else ""
        line, column = self.position(path)
        return Example(
            wall, region, zone or "", channel, class_, kind, item["may"],
            lambda what, remedy: Fault(self.file, line, column, what, remedy),
        )  # fmt: skip

    def wall(self, value: Any, path: Path) -> datetime | None:
        try:
            return datetime.fromisoformat(str(value)).replace(tzinfo=None)
        except ValueError:
            self.fault(path, f"{value!r} is no wall time", "write it like 2026-03-02 09:00")
            return None

    def regions(self, value: Any) -> dict[str, str]:
        if value is None:
            return {}
        if not isinstance(value, Mapping):
            self.fault(("regions",), "regions must map codes to names", "write {CT: Connecticut}")
            return {}
        names = {str(code): self.text(name, ("regions", str(code))) for code, name in value.items()}
        return {code: name for code, name in names.items() if name}

    # a line

    def line(self, value: Any, path: Path, regions: Mapping[str, str], title: str) -> Line | None:
        before = len(self.faults)
        item = self.mapping(value, path, LINE_KEYS, PROOF_KEYS)
        if item is None:
            return None
        rule, rule_value = self.rule(item, path)
        scope = self.scope(item, path, regions)
        source = self.text(item.get("source"), (*path, "source")) if "source" in item else None
        effective, review_by = self.day(item, path, "effective"), self.day(item, path, "review_by")
        basis = self.word(item.get("basis"), (*path, "basis"), Basis) if "basis" in item else None
        if effective and review_by and review_by < effective:
            self.fault(
                (*path, "review_by"), "it is to be reviewed before it takes effect", "write a later date"
            )
        if len(self.faults) > before:
            return None
        assert rule and rule_value is not None and source and effective and review_by and basis
        where = ", ".join(regions[code] for code in regions if code in scope["regions"]) or title
        return Line(rule, rule_value, source, effective, basis, review_by, where, **scope)

    def rule(self, item: Mapping[str, Any], path: Path) -> tuple[Rule | None, Value | None]:
        named = [rule for rule in Rule if rule in item]
        if len(named) != 1:
            listed = ", ".join(Rule)
            self.fault(
                path, f"a line has exactly one of {listed}; this has {len(named)}", "split or complete it"
            )
            return None, None
        (rule,) = named
        return rule, self.rule_value(rule, item[rule], (*path, str(rule)))

    def rule_value(self, rule: Rule, value: Any, path: Path) -> Value | None:
        if rule is Rule.HOURS:
            return self.week(value, path)
        if rule is Rule.HOLIDAYS:
            return self.word(value, path, HolidayRule)
        if rule is Rule.ATTEMPTS:
            return self.whole(value, path, 1, 100)
        if rule is Rule.CONSENT:
            return self.word(value, path, ConsentNeed)
        if rule is Rule.REGISTRY:
            return self.registry(value, path)
        return self.relationship(value, path)

    def scope(
        self, item: Mapping[str, Any], path: Path, regions: Mapping[str, str]
    ) -> dict[str, frozenset[Any]]:
        return {
            "classes": self.words(item, path, "for", tuple(PurposeClass), PurposeClass),
            "channels": self.words(item, path, "by", (Channel.CALL, Channel.SMS, Channel.EMAIL), Channel),
            "kinds": self.words(item, path, "to", KINDS, str),
            "regions": self.words(item, path, "in", tuple(regions), str),
        }

    def relationship(self, value: Any, path: Path) -> Relationship | None:
        item = self.mapping(value, path, ("purchase", "inquiry"), ())
        if item is None:
            return None
        if not item:
            self.fault(path, "a relationship line names purchase, inquiry or both, in months", "0 for never")
            return None
        return Relationship(
            *(
                self.whole(item[key], (*path, key), 0, 120) if key in item else None
                for key in ("purchase", "inquiry")
            )
        )

    def registry(self, value: Any, path: Path) -> Registry | None:
        item = self.mapping(value, path, ("list", "days", "relationship"), ("list", "days"))
        if item is None:
            return None
        listed = self.text(item.get("list"), (*path, "list"))
        days = self.whole(item.get("days"), (*path, "days"), 1, 366)
        lifts = item.get("relationship", False)
        if not isinstance(lifts, bool):
            self.fault((*path, "relationship"), f"{lifts!r} is not true or false", "write true or false")
        return Registry(listed, days, bool(lifts)) if listed and days else None

    # opening hours

    def week(self, value: Any, path: Path) -> Week | None:
        if not isinstance(value, Mapping) or not value:
            self.fault(path, "hours must map days to times", "write {mon-fri: 09:00-18:00, sat: 10:00-14:00}")
            return None
        spans: dict[int, tuple[Period, ...]] = {}
        for key, times in value.items():
            here = (*path, str(key))
            periods = self.periods(times, here)
            for day in self.days(str(key), here):
                if day in spans:
                    self.fault(here, f"{DAYS[day]} has hours already", "name each day once")
                spans[day] = periods
        try:
            return Week(spans)
        except ValueError as wrong:
            self.fault(path, str(wrong))
            return None

    def days(self, text: str, path: Path) -> range:
        first, _, last = text.lower().partition("-")
        if first not in DAYS or (last or first) not in DAYS:
            self.fault(path, f"{text!r} is not a day or a range of days", "write mon, or mon-fri")
            return range(0)
        days = range(DAYS.index(first), DAYS.index(last or first) + 1)
        if not days:
            self.fault(path, f"{text!r} runs backwards", "a week begins with mon")
        return days

    def periods(self, value: Any, path: Path) -> tuple[Period, ...]:
        if value == "none":
            return ()
        found = [self.period(item, path) for item in (value if isinstance(value, list) else [value])]
        return tuple(period for period in found if period is not None)

    def period(self, value: Any, path: Path) -> Period | None:
        match = _PERIOD.fullmatch(value) if isinstance(value, str) else None
        if match is None:
            self.fault(
                path, f"{value!r} is not a stretch of time", "write 09:00-18:00, a list of them, or none"
            )
            return None
        end = time() if match[5] else time(int(match[3]), int(match[4]))
        return time(int(match[1]), int(match[2])), end

    # single values

    def mapping(
        self, value: Any, path: Path, known: Sequence[str], needed: Sequence[str]
    ) -> Mapping[str, Any] | None:
        if not isinstance(value, Mapping):
            self.fault(path, "this must be keys with values", f"the keys are {', '.join(known)}")
            return None
        for key in value:
            if key not in known:
                self.fault((*path, key), f"{key!r} is not known here", _did_you_mean(str(key), known))
        for key in needed:
            if key not in value:
                self.fault(path, f"{key!r} is missing", "add it")
        return value

    def sequence(self, value: Any, path: Path) -> Sequence[Any]:
        if isinstance(value, list) and value:
            return value
        if value is not None:
            self.fault(path, "this must be a list with at least one item", "begin each item with a dash")
        return ()

    def text(self, value: Any, path: Path) -> str | None:
        if isinstance(value, str) and value.strip():
            return " ".join(value.split())
        self.fault(path, f"{value!r} is not a text", "write some words")
        return None

    def word(self, value: Any, path: Path, kind: type[Word]) -> Word | None:
        try:
            return kind(value)
        except ValueError:
            self.fault(
                path, f"{value!r} is not known here", _did_you_mean(str(value), [str(word) for word in kind])
            )
            return None

    def words(
        self, item: Mapping[str, Any], path: Path, key: str, known: Sequence[str], make: Callable[[str], Any]
    ) -> frozenset[Any]:
        if key not in item:
            return frozenset()
        values = item[key] if isinstance(item[key], list) else [item[key]]
        good = [value for value in values if value in known]
        for value in values:
            if value not in known:
                self.fault((*path, key), f"{value!r} is not known here", _did_you_mean(str(value), known))
        if not values:
            self.fault((*path, key), f"an empty {key!r} concerns nobody", "leave the key out to mean all")
        return frozenset(make(value) for value in good)

    def whole(self, value: Any, path: Path, least: int, most: int) -> int | None:
        if isinstance(value, int) and not isinstance(value, bool) and least <= value <= most:
            return value
        self.fault(path, f"{value!r} is not a whole number from {least} to {most}", "write such a number")
        return None

    def day(self, item: Mapping[str, Any], path: Path, key: str) -> date | None:
        if key not in item:
            return None
        value = item[key]
        if isinstance(value, date):
            return date(value.year, value.month, value.day)
        try:
            return date.fromisoformat(value)
        except (ValueError, TypeError):
            self.fault((*path, key), f"{value!r} is not a date", "write it like 2025-11-01")
            return None


def _did_you_mean(word: str, known: Sequence[str]) -> str:
    close = get_close_matches(word, known, n=1)
    return f"did you mean {close[0]!r}?" if close else f"known are {', '.join(known)}"

"""An incident: one cause that hurt many customers, and the one wording that they are told.

Who belongs to it is not kept but asked: every failure about which an event of its type speaks, at its time, with its
value in its field. So news of the same cause joins by itself, and what was taken back is gone.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import NamedTuple

from outreach.domain.facts import Event, Severity
from outreach.domain.hours import local
from outreach.domain.vocabulary import EventType, Field, FieldType
from outreach.domain.wallclock import parse_instant

WITHIN = timedelta(hours=48)
"""So near to each other in time they are taken for one cause."""
LEAST = 5
"""Accounts; fewer are told one by one."""

Ref = tuple[str, str]
"""(account, failure)"""


@dataclass(frozen=True, slots=True)
class Incident:
    """``field`` empty: every event of the type at that time. ``until`` is not part of it."""

    id: str
    title: str
    type: str
    field: str
    value: str
    since: datetime
    until: datetime
    opened_by: str
    opened_at: datetime
    closed_by: str | None = None
    closed_at: datetime | None = None

    @property
    def is_open(self) -> bool:
        return self.closed_at is None


@dataclass(frozen=True, slots=True)
class Wording:
    """What happened, for colleagues; and ``words``, which may be said to the customers once somebody has approved them.
    Numbered from 1; a correction is the next one. What stands below a line ``[de]`` is said in that language; what stands
    above all such lines, in the company's."""

    incident: str
    number: int
    what: str
    words: str
    by: str
    at: datetime
    approved_by: str | None = None
    approved_at: datetime | None = None

    @property
    def parts(self) -> tuple[tuple[str, str], ...]:
        """(language, its words), as they stand there; the language is empty for what no line names one for."""
        first, *rest = _LANGUAGE.split(self.words)
        found = [("", first), *zip(rest[::2], rest[1::2], strict=True)]
        return tuple(
            (code.replace("_", "-").lower(), text.strip()) for code, text in found if code or text.strip()
        )

    @property
    def misplaced(self) -> str:
        """A language with words behind it in its line: that is none, and would be said to everybody."""
        found = _WITH_WORDS.search(self.words)
        return found[0].strip() if found else ""

    def in_language(self, language: str, company: str) -> str | None:
        """For a text of that ``language``; None where nobody has written any. ``company``: the company's."""
        said = {code or company.lower(): words for code, words in self.parts}
        wanted = language.replace("_", "-").lower()
        return said.get(wanted) or said.get(wanted.partition("-")[0])

    def leaves_out(self, earlier: Wording, company: str) -> tuple[str, ...]:
        """Languages in which the ``earlier`` one says something and this one nothing."""
        codes = dict.fromkeys(code or company.lower() for code, _ in earlier.parts)
        return tuple(code for code in codes if self.in_language(code, company) is None)


_CODE = r"^[ \t]*\[[ \t]*([A-Za-z]{2,3}(?:[-_][A-Za-z0-9]{2,8})*)[ \t]*\]"
_LANGUAGE = re.compile(_CODE + r"[ \t]*\r?$", re.MULTILINE)
"""A line that says in which language the words below it are."""
_WITH_WORDS = re.compile(_CODE + r"(?=[ \t]*[^\s])", re.MULTILINE)


# -- what they have in common ------------------------------------------------------------------------------


def common_fields(kind: EventType) -> list[str]:
    """The fields of a type that many customers can have in common: no key, nobody's name, no amount."""
    return [field.name for field in kind.fields.values() if _is_common(kind, field)]


def _is_common(kind: EventType, field: Field) -> bool:
    keys = {kind.key, kind.failure.key if kind.failure else None, "person_id", "failure"}
    told = field.type in (FieldType.TEXT, FieldType.TIME, FieldType.DATE)
    return told and not field.personal and field.name not in keys and not field.name.endswith("_id")


def common_value(kind: EventType, field: str, event: Event, zone: str) -> str | None:
    """As it is compared: a text without the spaces around it, the day of an instant in the company's ``zone``."""
    given, known = event.data.get(field), kind.fields.get(field)
    if given is None or known is None:
        return None
    if known.type is FieldType.TIME:
        at = parse_instant(given)
        return None if at is None else local(at, zone).date().isoformat()
    return (given.isoformat() if isinstance(given, date) else str(given)).strip() or None


def belongs(incident: Incident, kind: EventType, event: Event, zone: str) -> bool:
    if event.retracted or event.type != incident.type or not incident.since <= event.time < incident.until:
        return False
    return not incident.field or common_value(kind, incident.field, event, zone) == incident.value


# -- suggestions -------------------------------------------------------------------------------------------


class Hurt(NamedTuple):
    """One failure, as one of its events tells it."""

    account: str
    failure: str
    severity: Severity
    unreached: bool
    type: str
    at: datetime
    common: Mapping[str, str]
    """Field → value, of those that others can have in common with it."""


@dataclass(frozen=True, slots=True)
class Suggested:
    """What looks like one cause."""

    type: str
    field: str
    value: str
    since: datetime
    until: datetime
    failures: frozenset[Ref]
    severity: Severity
    unreached: int

    @property
    def accounts(self) -> int:
        return len({account for account, _ in self.failures})

    @property
    def weight(self) -> int:
        return weight(self.accounts, self.severity, self.unreached)


def weight(accounts: int, severity: Severity, unreached: int) -> int:
    """What comes first: many customers, badly hurt, with nobody spoken to yet."""
    return accounts * int(severity) * unreached


def suggest(hurts: Iterable[Hurt], known: Iterable[Collection[Ref]] = ()) -> list[Suggested]:
    """At least five accounts with one type and one value of a field within 48 hours, the heaviest first. What lies whole
    within a heavier one, or within an incident that is ``known``, is no cause of its own."""
    alike: dict[tuple[str, str, str], dict[Ref, Hurt]] = defaultdict(dict)
    for hurt in sorted(hurts, key=lambda hurt: hurt.at):
        for field, value in hurt.common.items():
            alike[hurt.type, field, value].setdefault((hurt.account, hurt.failure), hurt)
    found = [one for shared, each in alike.items() for one in _of_one_kind(shared, list(each.values()))]
    kept: list[Suggested] = []
    taken = [frozenset(refs) for refs in known]
    for one in sorted(
        found, key=lambda one: (-one.weight, -one.accounts, one.type, one.field, one.value, one.since)
    ):
        if not any(one.failures <= other for other in taken):
            kept.append(one)
            taken.append(one.failures)
    return kept


def _of_one_kind(shared: tuple[str, str, str], hurts: Sequence[Hurt]) -> Iterator[Suggested]:
    """Each ends where the next begins, so that nobody belongs to two."""
    groups = list(near(hurts))
    for i, group in enumerate(groups):
        until, end = group[0].at + WITHIN, groups[i + 1][0].at if i + 1 < len(groups) else None
        unreached = {hurt.account for hurt in group if hurt.unreached}
        refs = frozenset((hurt.account, hurt.failure) for hurt in group)
        gravest = max(hurt.severity for hurt in group)
        yield Suggested(
            *shared, group[0].at, min(until, end) if end else until, refs, gravest, len(unreached)
        )


def near(hurts: Sequence[Hurt]) -> Iterator[Sequence[Hurt]]:
    """The stretches of at most 48 hours with enough accounts, the fullest cut out first. ``hurts`` in order of time."""
    best, start, inside = (0, 0, 0), 0, Counter[str]()
    for end, hurt in enumerate(hurts):
        inside[hurt.account] += 1
        while hurt.at - hurts[start].at >= WITHIN:
            gone = hurts[start].account
            inside[gone] -= 1
            if not inside[gone]:
                del inside[gone]
            start += 1
        best = max(best, (len(inside), -start, end + 1))
    accounts, start, end = best[0], -best[1], best[2]
    if accounts >= LEAST:
        yield from near(hurts[:start])
        yield hurts[start:end]
        yield from near(hurts[end:])


# -- what is told ------------------------------------------------------------------------------------------


def current(wordings: Iterable[Wording]) -> Wording | None:
    """The newest that was approved."""
    return max((each for each in wordings if each.approved_at), key=lambda each: each.number, default=None)


def proposed(wordings: Iterable[Wording]) -> Wording | None:
    """The newest, while nobody has approved it."""
    newest = max(wordings, key=lambda each: each.number, default=None)
    return newest if newest and newest.approved_at is None else None


def says(text: str, words: str) -> bool:
    """Whether a text holds these words, however its lines are broken and its signs are written."""
    sought = _letters(words)
    return bool(sought) and sought in _letters(text)


def _letters(text: str) -> str:
    return "".join(sign for sign in text.casefold() if sign.isalnum())


def said_in(text: str, wordings: Iterable[Wording]) -> list[Wording]:
    """The approved wordings that a text holds, in whichever language. What it holds only as a part of a longer one was
    not said by itself; of two that read the same the newest was."""
    return list(dict.fromkeys(each for each, _ in _held(text, wordings)))


def _held(text: str, wordings: Iterable[Wording]) -> list[tuple[Wording, str]]:
    """Each with the letters that the text holds of it."""
    approved = [each for each in wordings if each.approved_at]
    found = [(each, _letters(words)) for each in approved for _, words in each.parts if says(text, words)]
    return [one for one in found if not any(_is_within(one, other) for other in found)]


def _is_within(one: tuple[Wording, str], other: tuple[Wording, str]) -> bool:
    (mine, my_letters), (theirs, letters) = one, other
    if my_letters == letters:
        return mine.incident == theirs.incident and mine.number < theirs.number
    return my_letters in letters


def outdated(text: str, wordings: Collection[Wording]) -> bool:
    """It says words that have been corrected since. ``wordings``: of every incident that it may speak of."""
    of: dict[str, list[Wording]] = defaultdict(list)
    for each in wordings:
        of[each.incident].append(each)
    stand = [now for each in of.values() if (now := current(each))]
    read = {_letters(words) for each in stand for _, words in each.parts}
    return any(letters not in read for _, letters in _held(text, wordings))


class SaidAbout(NamedTuple):
    """A message that left or may have left (``text``), or a call in which they were reached (None)."""

    account: str
    failure: str
    channel: str
    at: datetime
    text: str | None


def told(said: Iterable[SaidAbout], wordings: Collection[Wording]) -> dict[Ref, tuple[int, SaidAbout]]:
    """Whom we told what: the newest wording that each was told, and how. On the phone it is the one of that hour."""
    approved = [each for each in wordings if each.approved_at]
    found: dict[Ref, tuple[int, SaidAbout]] = {}
    for one in sorted(said, key=lambda one: one.at):
        number = _number(one, approved)
        if number and number >= found.get((one.account, one.failure), (0,))[0]:
            found[one.account, one.failure] = (number, one)
    return found


def _number(said: SaidAbout, approved: Iterable[Wording]) -> int:
    if said.text is None:
        numbers = [each.number for each in approved if each.approved_at and each.approved_at <= said.at]
    else:
        numbers = [each.number for each in said_in(said.text, approved)]
    return max(numbers, default=0)

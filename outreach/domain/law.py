"""What the law allows at somebody's place: when to contact them, how often, and with what consent.

Judged in all plausible places at once, with the line that decides and a sentence for people. Pure;
times are aware, ``today`` decides which lines are past their review.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from outreach.domain.facts import Channel, Purpose
from outreach.domain.hours import LocalHours, Week, all_open, local, next_all_open
from outreach.domain.lawbook import ALWAYS, Applied, is_holiday, minutes_of
from outreach.domain.lawbook import Hours as Hours
from outreach.domain.lawbook import Packs as Packs
from outreach.domain.lawbook import packs_of as packs_of
from outreach.domain.lawline import ConsentNeed, Line, PurposeClass, Registry, Relationship, Rule
from outreach.domain.lawpack import LawPack as LawPack
from outreach.domain.place import Place as Place
from outreach.domain.place import place_of as place_of
from outreach.domain.place import zones_of as zones_of

HORIZON = timedelta(days=21)
"""How far ahead an allowed time is looked for: longer than any run of holidays and Sundays."""
_DONE_TO = {Channel.CALL: "called", Channel.SMS: "sent a text", Channel.EMAIL: "written to"}


@dataclass(frozen=True, slots=True)
class LawAnswer:
    """``until``: the first allowed instant when not allowed now, None when there is none in three weeks."""

    allowed: bool
    until: datetime | None
    line: Line | None
    pack: str
    sentence: str


@dataclass(frozen=True, slots=True)
class ConsentRule:
    """What must be there before we may contact, and the line that says so."""

    need: ConsentNeed
    line: Line | None
    pack: str
    sentence: str


# ---------------------------------------------------------------- hours


def is_allowed(
    packs: Packs, place: Place, channel: Channel, purpose: Purpose, asked_for: bool, kind: str, t: datetime
) -> LawAnswer:
    """Whether the law allows the contact at that instant, in all plausible places at once.

    ``asked_for``: the customer asked for this callback at this time (only for purpose ``callback``).
    ``kind`` is private or business; anything else counts as either. Tasks are no contact.
    """
    if channel is Channel.TASK:
        return LawAnswer(True, None, None, "", "a task is no contact; the law has no hours for it")
    if asked_for and purpose is Purpose.CALLBACK:
        return LawAnswer(True, None, None, "", "asked for by the customer at this time, so no hours apply")
    hours = packs.hours(place, channel, purpose, kind, _day(t))
    if hours.line is None:
        return LawAnswer(True, None, None, "", "the law has no hours for this channel")
    if all_open(t, hours.places):
        binding = packs.narrowest(place, channel, PurposeClass.of(purpose), kind, _day(t))
        return LawAnswer(
            True, None, binding.line, binding.pack, _allowed_words(channel, binding, hours.zones, t)
        )
    until = next_allowed(packs, place, channel, purpose, asked_for, kind, t)
    if until is not None and any(local(t, zone).date() in packs.quiet_days for zone in hours.zones):
        when = _times(hours.zones, until, t)
        return LawAnswer(
            False,
            until,
            None,
            "",
            f"may be {_DONE_TO[channel]} from {when} (today is one of our own quiet days)",
        )
    binding = _binding(packs, place, channel, purpose, kind, t)
    sentence = _blocked_words(channel, binding, hours.zones, t, until)
    return LawAnswer(False, until, binding.line, binding.pack, sentence)


def next_allowed(
    packs: Packs,
    place: Place,
    channel: Channel,
    purpose: Purpose,
    asked_for: bool,
    kind: str,
    t: datetime,
    not_before: datetime | None = None,
) -> datetime | None:
    """The first instant from ``t`` (and ``not_before``) on that the law allows, in UTC; None when there is
    none within three weeks."""
    start = max(t, not_before or t).astimezone(UTC)
    if channel is Channel.TASK or (asked_for and purpose is Purpose.CALLBACK):
        return start
    at, last = start, start + HORIZON
    while True:  # lines may expire on the way, so the hours are those of the day found
        hours = packs.hours(place, channel, purpose, kind, _day(at))
        found = next_all_open(at, hours.places, last - at) if hours.line else at
        if found is None or _day(found) == _day(at):
            return found
        at = found


def allowed_times(
    packs: Packs, place: Place, channel: Channel, purpose: Purpose, kind: str, t: datetime, count: int = 5
) -> list[tuple[datetime, datetime | None]]:
    """The next stretches from ``t`` on in which the law allows it: (from, until) in UTC, until None where
    nothing ends it."""
    found: list[tuple[datetime, datetime | None]] = []
    at = next_allowed(packs, place, channel, purpose, False, kind, t)
    while at is not None and len(found) < count:
        end = closes(packs, place, channel, purpose, kind, at)
        found.append((at, end))
        if end is None or end <= at:
            break
        at = next_allowed(packs, place, channel, purpose, False, kind, end)
    return found


def closes(
    packs: Packs, place: Place, channel: Channel, purpose: Purpose, kind: str, t: datetime
) -> datetime | None:
    """When the allowed stretch around the instant ends, for messages that a provider may deliver late;
    None when nothing limits it (or nothing is allowed now)."""
    hours = packs.hours(place, channel, purpose, kind, _day(t))
    ends = [place_hours.closes(t) for place_hours in hours.places] if hours.line else []
    known = [end for end in ends if end is not None]
    return min(known) if known else None


def _binding(
    packs: Packs, place: Place, channel: Channel, purpose: Purpose, kind: str, t: datetime
) -> Applied:
    """Of the lines that forbid the instant, the one that forbids it longest, and of those the narrowest."""
    class_, today = PurposeClass.of(purpose), _day(t)
    lines = (
        *packs.applied(Rule.HOURS, place, channel, class_, kind, today),
        *packs.applied(Rule.HOLIDAYS, place, channel, class_, kind, today),
    )
    openings = [(applied, _opening(applied, place, t)) for applied in lines]
    forbidding = [pair for pair in openings if pair[1] != t]
    if not forbidding:
        return packs.narrowest(place, channel, PurposeClass.of(purpose), kind, _day(t))
    return max(forbidding, key=lambda pair: (pair[1], -minutes_of(pair[0].line.value)))[0]


def _opening(applied: Applied, place: Place, t: datetime) -> datetime:
    """When this line alone would allow it."""
    value = applied.line.value
    week = value if isinstance(value, Week) else ALWAYS
    off = is_holiday((applied,), place)
    hours = [LocalHours(zone, week, off) for zone in place.zones]
    return next_all_open(t, hours, HORIZON) or t + HORIZON


def _day(t: datetime) -> date:
    return t.astimezone(UTC).date()


# ---------------------------------------------------------------- consent, relationship, attempts


def consent_needed(
    packs: Packs, place: Place, channel: Channel, purpose: Purpose, kind: str, today: date
) -> ConsentRule:
    """The strictest consent that any plausible place asks for."""
    lines = packs.applied(Rule.CONSENT, place, channel, PurposeClass.of(purpose), kind, today)
    needs = [
        (applied.line.value, applied) for applied in lines if isinstance(applied.line.value, ConsentNeed)
    ]
    if not needs or channel is Channel.TASK:
        return ConsentRule(ConsentNeed.NONE, None, "", "no law asks for consent to this")
    need, applied = max(needs, key=lambda pair: pair[0].strictness)
    return ConsentRule(need, applied.line, applied.pack, applied.words)


def relationship_until(
    packs: Packs,
    place: Place,
    last_purchase: datetime | None,
    last_inquiry: datetime | None,
    today: date,
) -> datetime | None:
    """Until when the last purchase or inquiry makes a business relationship, whichever lasts longer; None
    when neither does. May be in the past. A "don't call" ends it at once; that is the policy's to know."""
    lines = packs.applied(Rule.RELATIONSHIP, place, None, None, "", today)
    windows = [applied.line.value for applied in lines if isinstance(applied.line.value, Relationship)]
    ends = [
        _months_later(since, months)
        for since, months in (
            (last_purchase, _least(window.purchase for window in windows)),
            (last_inquiry, _least(window.inquiry for window in windows)),
        )
        if since is not None and months
    ]
    return max(ends, default=None)


def attempts_per_day(packs: Packs, place: Place, purpose: Purpose, today: date) -> int:
    """How many attempts to one number on one matter any rolling 24 hours may hold."""
    return attempts_rule(packs, place, purpose, today)[0]


def attempts_rule(packs: Packs, place: Place, purpose: Purpose, today: date) -> tuple[int, Line | None]:
    """The same with the line that says so. Without any line: one."""
    lines = packs.applied(Rule.ATTEMPTS, place, Channel.CALL, PurposeClass.of(purpose), "", today)
    counts = [(applied.line.value, applied.line) for applied in lines if isinstance(applied.line.value, int)]
    return min(counts, key=lambda pair: pair[0], default=(1, None))


@dataclass(frozen=True, slots=True)
class Screening:
    """A registry that the number must have been checked against, and the line that says so."""

    registry: Registry
    sentence: str


def screenings(
    packs: Packs, place: Place, channel: Channel, purpose: Purpose, kind: str, today: date
) -> tuple[Screening, ...]:
    """The registries of every plausible place, the shortest-lived check of each."""
    found: dict[str, Screening] = {}
    for applied in packs.applied(Rule.REGISTRY, place, channel, PurposeClass.of(purpose), kind, today):
        value = applied.line.value
        if isinstance(value, Registry) and today >= applied.line.effective:
            known = found.get(value.list)
            if known is None or value.days < known.registry.days:
                found[value.list] = Screening(value, applied.words)
    return tuple(found.values())


def _least(months: Iterable[int | None]) -> int:
    """The shortest window that is stated; none stated is none granted."""
    return min((count for count in months if count is not None), default=0)


def _months_later(t: datetime, months: int) -> datetime:
    at = t.astimezone(UTC)
    year, month = divmod(at.year * 12 + at.month - 1 + months, 12)
    for day in (at.day, 30, 29, 28):
        try:
            return at.replace(year=year, month=month + 1, day=min(day, at.day))
        except ValueError:
            continue
    return datetime.max.replace(tzinfo=UTC)


# ---------------------------------------------------------------- sentences


def _allowed_words(channel: Channel, binding: Applied, zones: tuple[str, ...], t: datetime) -> str:
    return f"may be {_DONE_TO[channel]} now, {_times(zones, t, t)} ({binding.words})"


def _blocked_words(
    channel: Channel, binding: Applied, zones: tuple[str, ...], t: datetime, until: datetime | None
) -> str:
    if not zones:
        return (
            f"may not be {_DONE_TO[channel]}: nobody knows where she is; ask her, or give her account a place"
        )
    if until is None:
        return (
            f"may not be {_DONE_TO[channel]} in the next three weeks: no hour is allowed everywhere she may be; "
            f"ask her where she is ({binding.words})"
        )
    return f"may be {_DONE_TO[channel]} from {_times(zones, until, t)} ({binding.words})"


def _times(zones: tuple[str, ...], at: datetime, now: datetime) -> str:
    """``09:00 her time``, with the day unless it is today; both ends where the zone is not certain."""
    walls = sorted({local(at, zone).replace(tzinfo=None) for zone in zones})
    first, last = walls[0], walls[-1]
    today = {local(now, zone).date() for zone in zones}
    day = "" if first.date() in today else f" on {first:%A} {first.day} {first:%B}"
    doubt = "" if first == last else f", or {last:%H:%M}, depending on where she is"
    return f"{first:%H:%M}{day} her time{doubt}"

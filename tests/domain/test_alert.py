"""What is urgent, when somebody may be reached, and what they are told."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest

from outreach.domain import alert
from outreach.domain.alert import Asked, Given, Kind, Morning, OnDesk, Thing, Unreached
from outreach.domain.company import Company, Team
from outreach.domain.facts import Severity
from outreach.domain.hours import Calendar, Duration
from outreach.domain.reachable import Quiet, Reachable

NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
"""13:00 in Berlin, a Monday."""
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
WORK = {day: ((time(9), time(17)),) for day in range(5)}
CALENDAR = Calendar("Europe/Berlin", WORK, frozenset({date(2026, 12, 25)}))
COMPANY = Company(
    "x", "Europe/Berlin", "DE", "en", CALENDAR, "helen", Duration(business_seconds=4 * 3600), Duration(business_days=2),
    teams={"berlin": Team("berlin", CALENDAR, ("jonas", "miriam"), "ruth")},
)  # fmt: skip
REPLIES = frozenset({"message.received"})
LINE = OnDesk(
    card="c1", run="r1", account="Anna Berg", claimed_by=None, claimed_at=None, snoozed_until=None, handed_to=None, handed_at=None,
    owner="jonas", team="berlin", caller="tarek", call=True, due=NOW - HOUR, deadline=None, trigger_type="delivery.delayed",
    severity=Severity.HIGH, failure="delivery/o-1", round=1,
)  # fmt: skip


def found(**changes: Any) -> list[tuple[Kind, str]]:
    lines = [replace(LINE, **changes)]
    return [(thing.kind, thing.whose) for thing in alert.on_desk(lines, COMPANY, REPLIES, NOW)]


SOON, LATE, SEVERE, WROTE, HANDED = Kind.SOON, Kind.LATE, Kind.SEVERE, Kind.WROTE, Kind.HANDED
CLAIMED = {"claimed_by": "miriam", "claimed_at": NOW - MINUTE}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, []),
        ({"deadline": NOW + 31 * MINUTE}, []),
        ({"deadline": NOW + 30 * MINUTE}, [(SOON, "jonas")]),
        ({"deadline": NOW}, [(SOON, "jonas")]),
        ({"deadline": NOW - MINUTE}, [(LATE, "jonas")]),
        ({"deadline": NOW + MINUTE, "call": False}, []),
        ({"deadline": NOW + MINUTE, **CLAIMED}, []),
        ({"deadline": NOW - MINUTE, **CLAIMED}, [(LATE, "miriam")]),
        ({"deadline": NOW - MINUTE, "snoozed_until": NOW + MINUTE}, []),
        ({"deadline": NOW - MINUTE, "snoozed_until": NOW}, [(LATE, "jonas")]),
        ({"deadline": NOW - MINUTE, "handed_to": "miriam"}, [(LATE, "miriam")]),
        ({"deadline": NOW - MINUTE, "owner": None}, [(LATE, "tarek")]),
        ({"deadline": NOW - MINUTE, "owner": None, "caller": None}, [(LATE, "ruth")]),
        ({"deadline": NOW - MINUTE, "owner": None, "caller": None, "team": None}, [(LATE, "helen")]),
        ({"handed_to": "miriam", "handed_at": NOW}, [(HANDED, "miriam")]),
        ({"handed_to": "miriam", "handed_at": NOW, **CLAIMED}, []),
        ({"severity": Severity.SEVERE}, [(SEVERE, "jonas")]),
        ({"severity": Severity.SEVERE, **CLAIMED}, []),
        ({"severity": Severity.SEVERE, **CLAIMED, "due": NOW}, [(SEVERE, "miriam")]),
        ({"trigger_type": "message.received"}, [(WROTE, "jonas")]),
        ({"trigger_type": "message.received", **CLAIMED}, []),
        ({"trigger_type": "message.received", **CLAIMED, "due": NOW}, [(WROTE, "miriam")]),
    ],
)  # fmt: skip
def test_what_is_urgent_on_the_desk(changes: dict[str, Any], expected: list[tuple[Kind, str]]) -> None:
    assert found(**changes) == expected


def key(**changes: Any) -> str:
    (thing,) = alert.on_desk([replace(LINE, severity=Severity.SEVERE, **changes)], COMPANY, REPLIES, NOW)
    return thing.key


def test_a_thing_is_the_same_until_it_happens_again() -> None:
    assert key() == key(run="r2", card="c2"), "the same failure in another run"
    assert key() != key(round=2) and key() != key(failure="delivery/o-2") and key(failure=None) == "severe/r1"
    assert "Anna" not in key(), "what is kept names nobody"
    one, other = (
        next(alert.on_desk([replace(LINE, handed_to="miriam", handed_at=at)], COMPANY, REPLIES, NOW)).key
        for at in (NOW, NOW - DAY)
    )
    assert one != other, "handed over once more"


def test_promises_yeses_and_what_has_climbed() -> None:
    given = [
        Given("a", "p", "jonas", "miriam", NOW - MINUTE),
        Given("a", "q", "", "miriam", NOW - MINUTE),
        Given("a", "r", "jonas", None, NOW),
    ]
    assert [(t.kind, t.whose) for t in alert.broken(given, NOW)] == [
        (Kind.BROKEN, "jonas"),
        (Kind.BROKEN, "miriam"),
    ]
    failures = [Unreached("a", "f", "jonas", None, rung, 1, NOW) for rung in (0, 1, 2, 4)]
    assert [t.whose for t in alert.climbed(failures, COMPANY)] == ["ruth", "helen"]
    assert failures[1].whose(COMPANY) == "jonas"
    asks = [
        Asked("1", "jonas", None, "x", NOW, "c9"),
        Asked("2", None, None, "miriam", NOW, None),
        Asked("3", None, None, "x", NOW, None),
    ]
    assert [(t.whose, t.path) for t in alert.asked(asks, COMPANY)] == [
        ("ruth", "/desk/cards/c9"),
        ("ruth", "/desk"),
        ("helen", "/desk"),
    ]


# -- when ------------------------------------------------------------------------------------------------------


def berlin(*at: int) -> datetime:
    """The first of two instants that the clock in Berlin shows so."""
    from zoneinfo import ZoneInfo

    return datetime(*at, tzinfo=ZoneInfo("Europe/Berlin")).astimezone(UTC)  # type: ignore[arg-type, misc]


NIGHT, NOON = Quiet(time(22), time(7, 30)), Quiet(time(12), time(13))


@pytest.mark.parametrize(
    ("quiet", "at", "holds"),
    [
        (NOON, berlin(2026, 3, 2, 11, 59), False), (NOON, berlin(2026, 3, 2, 12, 0), True), (NOON, berlin(2026, 3, 2, 13, 0), False),
        (NIGHT, berlin(2026, 3, 2, 21, 59), False), (NIGHT, berlin(2026, 3, 2, 22, 0), True), (NIGHT, berlin(2026, 3, 3, 0, 0), True),
        (NIGHT, berlin(2026, 3, 3, 7, 29), True), (NIGHT, berlin(2026, 3, 3, 7, 30), False),
        (Quiet(time(9), time(9)), NOW, True),
        # 29 March 2026: clocks jump from 02:00 to 03:00, and the night is an hour shorter.
        (Quiet(time(22), time(2, 30)), datetime(2026, 3, 29, 0, 59, tzinfo=UTC), True),
        (Quiet(time(22), time(2, 30)), datetime(2026, 3, 29, 1, 0, tzinfo=UTC), False),
        # 25 October 2026: 02:00 to 03:00 comes twice, and both times it is quiet.
        (Quiet(time(2), time(3)), datetime(2026, 10, 25, 0, 30, tzinfo=UTC), True),
        (Quiet(time(2), time(3)), datetime(2026, 10, 25, 1, 30, tzinfo=UTC), True),
        (Quiet(time(2), time(3)), datetime(2026, 10, 25, 2, 0, tzinfo=UTC), False),
    ],
)  # fmt: skip
def test_quiet_hours_are_read_off_the_wall(quiet: Quiet, at: datetime, holds: bool) -> None:
    assert quiet.holds(at, "Europe/Berlin") is holds


@pytest.mark.parametrize(
    ("at", "always", "promised", "may"),
    [
        (berlin(2026, 3, 2, 9, 0), False, False, True), (berlin(2026, 3, 2, 8, 59), False, True, False),
        (berlin(2026, 3, 2, 17, 0), False, False, False), (berlin(2026, 3, 1, 11, 0), False, True, False),
        (berlin(2026, 3, 1, 11, 0), True, True, True), (berlin(2026, 3, 1, 11, 0), True, False, False),
        (berlin(2026, 3, 1, 23, 0), True, True, False), (berlin(2026, 12, 25, 11, 0), False, True, False),
        (berlin(2026, 12, 25, 11, 0), True, True, True),
        # The first working hour after the clocks were changed.
        (berlin(2026, 3, 30, 9, 0), False, False, True), (datetime(2026, 3, 30, 6, 59, tzinfo=UTC), False, False, False),
        (datetime(2026, 10, 26, 8, 0, tzinfo=UTC), False, False, True), (datetime(2026, 10, 26, 7, 59, tzinfo=UTC), False, False, False),
    ],
)  # fmt: skip
def test_when_somebody_may_be_reached(at: datetime, always: bool, promised: bool, may: bool) -> None:
    assert Reachable(CALENDAR, "Europe/Berlin", NIGHT, always).may_hear(at, promised=promised) is may


def test_own_quiet_hours_are_in_their_own_zone() -> None:
    lisbon = Reachable(CALENDAR, "Europe/Lisbon", Quiet(time(8), time(9)))
    assert not lisbon.at_work(berlin(2026, 3, 2, 9, 59)) and lisbon.at_work(berlin(2026, 3, 2, 10, 0))


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        (berlin(2026, 3, 2, 8, 59), None), (berlin(2026, 3, 2, 9, 0), "morning/2026-03-02"),
        (berlin(2026, 3, 2, 16, 59), "morning/2026-03-02"), (berlin(2026, 3, 2, 17, 0), None),
        (berlin(2026, 3, 1, 9, 0), None), (berlin(2026, 12, 25, 9, 0), None), (berlin(2026, 3, 30, 9, 0), "morning/2026-03-30"),
    ],
)  # fmt: skip
def test_the_morning_is_a_working_days(at: datetime, expected: str | None) -> None:
    assert alert.morning_key(Reachable(CALENDAR, "Europe/Berlin"), at) == expected


def test_the_morning_is_the_calendars_day_and_not_the_persons() -> None:
    late = Calendar("Pacific/Auckland", {day: ((time(7), time(15)),) for day in range(7)})
    at = datetime(2026, 3, 2, 18, 30, tzinfo=UTC)  # Tuesday there, still Monday in Berlin
    assert alert.morning_key(Reachable(late, "Europe/Berlin"), at) == "morning/2026-03-03"


@pytest.mark.parametrize(
    ("at", "closed"),
    [
        (berlin(2026, 3, 3, 9, 0), berlin(2026, 3, 2, 17, 0)), (berlin(2026, 3, 2, 9, 0), berlin(2026, 2, 27, 17, 0)),
        (berlin(2026, 12, 28, 9, 0), berlin(2026, 12, 24, 17, 0)), (berlin(2026, 3, 30, 9, 0), berlin(2026, 3, 27, 17, 0)),
    ],
)  # fmt: skip
def test_when_the_last_working_day_was_over(at: datetime, closed: datetime) -> None:
    assert CALENDAR.last_close(at) == closed


def test_a_calendar_that_never_opens_says_so() -> None:
    with pytest.raises(ValueError, match="never opens"):
        Calendar("UTC", {}).last_close(NOW)


# -- what they are told ----------------------------------------------------------------------------------------


def things(*kinds: Kind, since: datetime = NOW) -> Iterable[Thing]:
    return [Thing(f"{kind}/1", kind, "jonas", since, "/desk/cards/c1", NOW + 90 * MINUTE) for kind in kinds]


def test_the_most_urgent_comes_first_and_what_is_old_is_no_news() -> None:
    when = Reachable(CALENDAR, "Europe/Berlin")
    mixed = [*things(Kind.HANDED, Kind.LATE), *things(Kind.SOON), *things(Kind.SOON)]
    assert [thing.kind for thing in alert.urgent(mixed, when, NOW)] == [Kind.SOON, Kind.LATE, Kind.HANDED]
    assert alert.urgent(things(Kind.LATE, since=NOW - 31 * DAY), when, NOW) == []
    assert alert.urgent(things(*Kind), when, NOW + 12 * HOUR) == []


def test_every_kind_has_its_sentence_with_the_hour_on_their_own_clock() -> None:
    told = [
        alert.told(list(things(kind)), None, "Europe/Berlin", NOW, "https://x.example")[1] for kind in Kind
    ]
    assert all(text.count("https://x.example/desk/cards/c1") == 1 for text in told)
    assert sum(text.count("14:30") for text in told) == 3 and "Mon 2 Mar, 19:30" not in "".join(told)
    title, _ = alert.told(list(things(*Kind)), None, "Europe/Berlin", NOW, "https://x.example")
    assert title == f"Outreach: {len(Kind)} things are urgent"
    _, elsewhere = alert.told(list(things(Kind.SOON)), None, "Asia/Tokyo", NOW - DAY, "")
    assert "due by Mon 2 Mar, 22:30, and" in elsewhere


def test_more_than_can_be_read_is_a_number() -> None:
    many = [Thing(str(n), Kind.LATE, "jonas", NOW, f"/desk/cards/{n}", NOW) for n in range(11)]
    title, text = alert.told(many, None, "UTC", NOW, "")
    assert (
        title == "Outreach: 11 things are urgent"
        and text.endswith("And 3 more:\n/desk")
        and text.count("/cards/") == 8
    )


@pytest.mark.parametrize(
    ("morning", "lines"),
    [
        (Morning(waiting=12, can=10), ["Cards that wait for a call today: 12. 10 fit into it."]),
        (Morning(waiting=2, can=10), ["Cards that wait for a call today: 2. 2 fit into it."]),
        (Morning(waiting=1), ["Cards that wait for a call today: 1."]),
        (Morning(0, 10, 1, 2, 3, 4, 5), [
            "Come in since the last working day ended: 1.", "Promises due today: 2.", "Promises past their hour: 3.",
            "Remedies that wait for your yes: 4.", "Customers we let down and have not spoken to: 5.",
        ]),
    ],
)  # fmt: skip
def test_the_day_in_numbers(morning: Morning, lines: list[str]) -> None:
    assert list(morning.sentences()) == lines and not morning.is_empty
    title, text = alert.told([], morning, "UTC", NOW, "https://x.example")
    assert title == "Outreach: your day" and text.splitlines() == [*lines, "https://x.example/desk"]


def test_a_day_that_brings_nothing() -> None:
    assert Morning(can=10).is_empty and Morning().is_empty

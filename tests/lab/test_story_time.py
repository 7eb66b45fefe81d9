"""When something happens in a story."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from outreach.lab.story_time import When, spell

BERLIN = "Europe/Berlin"
MONDAY_NINE = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "now", "expected"),
    [
        ("Mon 09:00", datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 3, 2, 8, 0, tzinfo=UTC)),
        ("Mon 09:00", MONDAY_NINE, MONDAY_NINE),
        ("Mon 08:59", MONDAY_NINE, datetime(2026, 3, 9, 7, 59, tzinfo=UTC)),
        ("Fri 12:00", MONDAY_NINE, datetime(2026, 3, 6, 11, 0, tzinfo=UTC)),
        ("Friday 12:00", MONDAY_NINE, datetime(2026, 3, 6, 11, 0, tzinfo=UTC)),
        ("Sun 03:00", datetime(2026, 3, 28, 12, 0, tzinfo=UTC), datetime(2026, 3, 29, 1, 0, tzinfo=UTC)),
        ("Mon 09:00", datetime(2025, 11, 3, 8, 0, tzinfo=UTC), MONDAY_NINE),
        ("+10d", MONDAY_NINE, datetime(2026, 3, 12, 8, 0, tzinfo=UTC)),
        ("+90m", MONDAY_NINE, datetime(2026, 3, 2, 9, 30, tzinfo=UTC)),
        ("2026-04-02T16:00", MONDAY_NINE, datetime(2026, 4, 2, 14, 0, tzinfo=UTC)),
        ("2026-04-02T16:00+00:00", MONDAY_NINE, datetime(2026, 4, 2, 16, 0, tzinfo=UTC)),
    ],
)
def test_a_time_is_read_as_seen_from_the_moment_before(text: str, now: datetime, expected: datetime) -> None:
    assert When.parse(text).instant(now, BERLIN) == expected


@pytest.mark.parametrize(
    "text", ["", "Mon", "25:00", "Mon 25:00", "Mon 9", "soon", "+", "+3 moons", "+4 business hours"]
)
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        When.parse(text)


def test_an_instant_is_spelt_as_the_zone_shows_it() -> None:
    assert spell(MONDAY_NINE, BERLIN) == "Mon 2 March 09:00"
    assert spell(None, BERLIN) == "no hour"

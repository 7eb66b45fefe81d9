"""The working day begins with what it brings; and where colleagues say that they are reached."""

from __future__ import annotations

from dataclasses import replace

import pytest

from outreach.domain.errors import NotFound, Refused
from outreach.service import desk, errands, reach
from outreach.service.errands import run_errands
from outreach.service.ports_reaching import Reach, Way
from tests.service.alerted import DAY, HOUR, MINUTE, card, heard, late, rows, say, staffed
from tests.service.world import MONDAY, event, give

# -- the morning -----------------------------------------------------------------------------------------------


def test_the_morning_comes_once_a_day_with_what_the_day_brings(database_url: str) -> None:
    with staffed(MONDAY - 3 * DAY + 7 * HOUR, url=database_url) as (home, bell):  # Friday, 16:00
        late(home)
        today = (MONDAY + 3 * HOUR).isoformat()
        home.take_in(
            event(
                home,
                "promise.made",
                "p",
                promise_id="p",
                what="a new one",
                until=today,
                by="jonas",
                person_id="anna",
            )
        )
        heard(home, bell)
        home.advance_to(MONDAY - 30 * HOUR)
        give(home, "a2", "cora")
        late(home, "o2", "a2", person_id="cora")
        home.advance_to(MONDAY - MINUTE)
        assert heard(home, bell, mornings=True) == []
        home.advance_to(MONDAY)
        found = dict(heard(home, bell, mornings=True))
        assert found["jonas"].splitlines()[:5] == [
            "Cards that wait for a call today: 2. 2 fit into it.",
            "Come in since the last working day ended: 1.",
            "Promises due today: 1.",
            "Customers we let down and have not spoken to: 2.",
            "https://outreach.example/desk",
        ]
        assert "miriam" not in found, "whose day brings nothing is not told so"
        home.advance(MINUTE)
        assert heard(home, bell, mornings=True) == []
        assert rows(home, "miriam") == {"morning": "none"}
        home.advance_to(MONDAY + DAY)
        assert "jonas" in dict(heard(home, bell, mornings=True))


def test_after_three_days_down_only_todays_morning_comes() -> None:
    with staffed() as (home, bell):
        late(home)
        heard(home, bell)
        home.advance(3 * DAY + 2 * HOUR)
        assert [user for user, _ in heard(home, bell, mornings=True)].count("jonas") == 1
        assert heard(home, bell, mornings=True) == []
        with home.database.view() as unit:
            days = unit.bulk.rows(
                "select thing from alert where \"user\" = 'jonas' and thing like 'morning%' order by thing"
            )
        assert [row[0] for row in days] == ["morning/2026-03-02", "morning/2026-03-05"]


def test_the_morning_waits_for_the_end_of_quiet_hours_and_skips_days_off() -> None:
    saturday = MONDAY - 2 * DAY
    with staffed(saturday) as (home, bell):
        late(home)
        say(home, "jonas", quiet_from="22:00", quiet_until="10:30")
        assert heard(home, bell, mornings=True) == []
        home.advance_to(MONDAY + HOUR)
        assert "jonas" not in dict(heard(home, bell, mornings=True))
        home.advance(31 * MINUTE)
        assert "jonas" in dict(heard(home, bell, mornings=True))


# -- where they are reached ------------------------------------------------------------------------------------


def test_ways_are_added_changed_and_taken_and_stand_in_the_audit_without_the_address() -> None:
    with staffed() as (home, _):
        out = home.outside
        reach.set_ways(out, "jonas", [], "ruth")
        way = reach.add_way(out, "jonas", " slack://secret/1234 ", "jonas", trusted=False)
        assert way == Way("slack://secret/1234", "Null …1234") and "secret" not in repr(
            Reach("jonas", (way,))
        )
        reach.add_way(out, "jonas", "slack://secret/1234", "jonas", trusted=False)
        with home.database.view() as unit:
            assert reach.of(unit, "jonas").ways == (way,)
        reach.say_when(out, "jonas", ("20:00", "07:30"), "jonas", always=True)
        reach.set_ways(out, "jonas", [f"slack://{number}" for number in range(reach.MOST)], "otto")
        with pytest.raises(Refused, match="At most 5"):
            reach.add_way(out, "jonas", "slack://one/more", "jonas", trusted=False)
        with pytest.raises(NotFound):
            reach.take_way(out, "jonas", "nothing", "jonas")
        with home.database.view() as unit:
            known = reach.of(unit, "jonas")
            said = [f"{row.what} {row.why}" for row in unit.audit_of("user/jonas")]
        assert (known.quiet_from, known.quiet_until, known.always, len(known.ways)) == (
            "20:00",
            "07:30",
            True,
            5,
        )
        assert len(said) == 5 and not any("slack" in each for each in said)
        for each in known.ways:
            reach.take_way(out, "jonas", reach.way_key(each), "jonas")
        with pytest.raises(Refused, match="Say first"):
            reach.send_test(out, "jonas")
        with pytest.raises(Refused, match="Nothing leaves"):
            reach.add_way(replace(out, notifier=None), "jonas", "slack://x", "jonas", trusted=False)


def test_it_is_an_errand_and_old_rows_are_forgotten() -> None:
    with staffed() as (home, _):
        home.take_in(event(home, "callback.asked", "c", callback_id="c", person_id="anna"))
        home.settle()
        assert run_errands(home.outside)["alerts"] == 1
        assert next(iter(errands.ERRANDS)) == "alerts", "nobody waits for a slow provider"
        assert rows(home)["soon"] == "sent"
        desk.claim(home.outside, card(home), "jonas")
        home.clock.set(home.now + 91 * DAY)
        run_errands(home.outside)
        assert "soon" not in rows(home)

"""What is told away from the desk waits for its hour, is told if it is still so, and of each thing once."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Barrier

import pytest

from outreach.channels.null import RecordingNotifier
from outreach.service import alerts, cards, desk, reach
from outreach.service.ports_ways import Letter, Receipt
from tests.service.alerted import DAY, HOUR, MINUTE, card, heard, late, rows, say, staffed, whom
from tests.service.world import MONDAY, event, give

# -- when ------------------------------------------------------------------------------------------------------


def test_outside_working_hours_it_waits_until_the_morning_and_is_told_if_it_is_still_so() -> None:
    with staffed(MONDAY + 7 * HOUR + 45 * MINUTE) as (home, bell):  # 16:45
        late(home)
        cards.hand_over(home.outside, card(home), "jonas", "miriam", "yours")
        home.advance(30 * MINUTE)
        home.take_in(event(home, "callback.asked", "c", callback_id="c", person_id="anna"))
        home.settle()
        cards.take_up(home.outside, card(home), "miriam")
        cards.hand_over(home.outside, card(home), "jonas", "jonas", "mine after all")
        assert heard(home, bell, mornings=True) == [], "it is 17:15"
        home.advance(15 * HOUR + 44 * MINUTE)
        assert heard(home, bell, mornings=True) == [], "08:59"
        home.advance(MINUTE)
        found = dict(heard(home, bell, mornings=True))
        assert "handed over" in found["jonas"] and "handed over" not in found.get("miriam", "")
        assert "nobody has taken it yet" not in found["jonas"], "it is late by now"
        assert "was due by Mon 2 Mar, 17:45" in found["jonas"]


def test_who_says_always_hears_of_promised_calls_at_any_hour_and_of_nothing_else() -> None:
    sunday = MONDAY - DAY
    with staffed(sunday) as (home, bell):
        say(home, "jonas", always=True)
        home.take_in(event(home, "callback.asked", "c", callback_id="c", person_id="anna"))
        home.take_in(event(home, "delivery.lost", "l", order_id="o1", person_id="anna"))
        home.settle()
        ((user, text),) = heard(home, bell)
        assert user == "jonas" and "A call to a customer" in text and "severity" not in text
        say(home, "miriam", always=True, quiet_from="08:00", quiet_until="20:00")
        cards.hand_over(home.outside, card(home), "jonas", "miriam", "yours")
        home.advance(HOUR)
        assert heard(home, bell) == [], "own quiet hours hold even so"
        home.advance(10 * HOUR)
        assert whom(home, bell, "was due by 09:30") == ["miriam"]


# -- once, whatever happens ------------------------------------------------------------------------------------


def test_two_clocks_tell_it_once(database_url: str) -> None:
    with staffed(url=database_url) as (home, bell):
        home.take_in(event(home, "callback.asked", "c", callback_id="c", person_id="anna"))
        home.settle()
        both = Barrier(2)

        def clock(_: int) -> int:
            both.wait()
            return alerts.tell_urgent(home.outside)

        with ThreadPoolExecutor(2) as pool:
            sent = sum(pool.map(clock, range(2)))
        assert (
            sent
            == len(bell.told)
            == len({letter.urls for letter in bell.told})
            == 1 + 3 - 3 + len(bell.told) - 1
        )
        assert sum("A call" in letter.text for letter in bell.told) == 1


class Dying(RecordingNotifier):
    def tell(self, letters: Sequence[Letter]) -> list[Receipt]:
        raise SystemExit("the process died")


def test_a_crash_between_the_row_and_the_sending_tells_nothing_twice(database_url: str) -> None:
    with staffed(url=database_url) as (home, bell):
        home.take_in(event(home, "callback.asked", "c", callback_id="c", person_id="anna"))
        home.settle()
        with pytest.raises(SystemExit):
            alerts.tell_urgent(replace(home.outside, notifier=Dying()))
        assert rows(home)["soon"] == "sending"
        assert heard(home, bell, mornings=True) == []
        home.advance(6 * MINUTE)
        with home.database.view() as unit:
            assert reach.troubles(unit, home.now)["jonas"] == reach.CUT_OFF


@pytest.mark.parametrize(("outcome", "state"), [("unknown", "unknown"), ("failed", "failed")])
def test_what_may_have_left_and_what_was_refused_for_good_is_not_tried_again(
    outcome: str, state: str
) -> None:
    with staffed() as (home, bell):
        home.take_in(event(home, "callback.asked", "c", callback_id="c", person_id="anna"))
        home.settle()
        bell.script = [Receipt(outcome, reason="Slack answered 404")] * 9
        heard(home, bell)
        assert rows(home)["soon"] == state
        bell.script.clear()
        home.advance(10 * MINUTE)
        assert heard(home, bell) == []
        with home.database.view() as unit:
            assert reach.troubles(unit, home.now)["jonas"] == "Slack answered 404"
        reach.send_test(home.outside, "jonas")
        with home.database.view() as unit:
            assert "jonas" not in reach.troubles(unit, home.now), "a test arrived"


def test_what_certainly_did_not_leave_is_tried_again_while_it_is_true(database_url: str) -> None:
    with staffed(url=database_url) as (home, bell):
        home.take_in(event(home, "callback.asked", "c", callback_id="c", person_id="anna"))
        home.settle()
        bell.script = [Receipt("refused", reason="Slack could not be reached")] * 99
        tried = []
        for minute in range(12):
            if any("A call" in text for _, text in heard(home, bell, mornings=True)):
                tried.append(minute)
            home.advance(MINUTE)
        assert tried == [0, 1, 3, 6, 10], "a minute longer each time"
        assert rows(home)["soon"] == "again"
        desk.claim(home.outside, card(home), "jonas")
        bell.script.clear()
        home.advance(10 * MINUTE)
        assert whom(home, bell, "A call") == [], "it is no longer so"


def test_after_days_of_silence_one_message_tells_it_all() -> None:
    with staffed() as (home, bell):
        for number in range(12):
            account = f"b{number}"
            give(home, account, f"p{number}")
            late(home, f"x{number}", account, person_id=f"p{number}")
        home.advance(3 * DAY)
        found = heard(home, bell, mornings=True)
        assert sorted(user for user, _ in found) == ["helen", "jonas"]
        text = dict(found)["jonas"]
        assert text.count("A call that we owe a customer") == 8 and "And 4 more:" in text
        assert heard(home, bell, mornings=True) == []

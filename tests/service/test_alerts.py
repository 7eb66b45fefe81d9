"""Colleagues are told away from the desk: of each thing once, when they may be reached, and nobody's name."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from threading import Barrier
from typing import Any

import pytest

from outreach.channels.null import RecordingNotifier
from outreach.domain.errors import NotFound, Refused
from outreach.domain.touch import Disposition
from outreach.lab.scratch import Scratch
from outreach.service import alerts, cards, cover, desk, errands, reach, remedies
from outreach.service.errands import run_errands
from outreach.service.ports import Letter, Reach, Receipt, User, Way
from tests.service.world import MONDAY, event, give, house, provided

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
NAMES = ("anna", "Anna", "Berg", "a1", "+4930", "x.example", "o1", "jonas", "miriam")


@contextmanager
def staffed(
    start: datetime = MONDAY, url: str | None = None, **more: Any
) -> Iterator[tuple[Scratch, RecordingNotifier]]:
    """A house with jonas and miriam, their manager ruth, and helen, whom every ladder ends with; all can be reached."""
    bell = RecordingNotifier()
    with house(start=start, database_url=url) as plain:
        home = provided(plain, notifier=bell, **more)
        for id_, role in (("jonas", "am"), ("miriam", "am"), ("ruth", "manager"), ("helen", "manager")):
            user = User(id_, id_.title(), f"{id_}@house.example", "", role)
            home.database.retrying(lambda unit, user=user: unit.save_user(user))
            say(home, id_)
        give(home)
        alerts.tell_urgent(home.outside)  # the day brings nothing yet
        yield home, bell


def say(home: Scratch, user: str, **more: Any) -> None:
    known = Reach(user, (Way(f"json://{user}", "JSON …"),), **more)
    home.database.retrying(lambda unit: unit.save_reach(known))


def late(home: Scratch, order: str = "o1", account: str = "a1", **data: Any) -> None:
    """A delivery that is late enough for a call within four business hours."""
    home.take_in(
        event(
            home, "delivery.delayed", f"late/{order}/{home.now}", account, order_id=order, days_late=3, **data
        )
    )
    home.settle()


def card(home: Scratch) -> str:
    with home.database.view() as unit:
        (found,) = unit.bulk.rows("select id from card where state = 'open'")
    return str(found[0])


def heard(home: Scratch, bell: RecordingNotifier, mornings: bool = False) -> list[tuple[str, str]]:
    """What leaves now: (whom, text). Mornings are left out, unless they are what it is about."""
    bell.told.clear()
    alerts.tell_urgent(home.outside)
    return [
        (letter.urls[0].removeprefix("json://"), letter.text)
        for letter in bell.told
        if mornings or letter.title != "Outreach: your day"
    ]


def whom(home: Scratch, bell: RecordingNotifier, word: str) -> list[str]:
    found = heard(home, bell, mornings=True)
    assert not [name for _, text in found for name in NAMES if name in text.replace("outreach.example", "")]
    return [user for user, text in found if word in text]


def rows(home: Scratch, user: str = "jonas") -> dict[str, str]:
    with home.database.view() as unit:
        found = unit.bulk.rows('select thing, state from alert where "user" = ? order by thing', user)
    return {thing.partition("/")[0]: state for thing, state in found}


# -- each kind, once -------------------------------------------------------------------------------------------


def test_a_promised_call_that_comes_near_and_one_that_is_late(database_url: str) -> None:
    with staffed(url=database_url) as (home, bell):
        late(home)
        assert whom(home, bell, "A call") == [], "it is four hours until then"
        home.advance(3 * HOUR + 29 * MINUTE)
        assert whom(home, bell, "A call") == []
        home.advance(MINUTE)
        ((user, text),) = heard(home, bell)
        assert user == "jonas" and f"https://outreach.example/desk/cards/{card(home)}" in text
        assert "due by 13:00, and nobody has taken it yet" in text
        assert heard(home, bell) == [], "once"
        home.advance(31 * MINUTE)
        assert whom(home, bell, "was due by 13:00") == ["jonas"]
        home.advance(2 * HOUR)
        assert whom(home, bell, "call") == []


def test_a_call_that_is_tried_again_is_still_the_same() -> None:
    with staffed() as (home, bell):
        late(home)
        home.advance(5 * HOUR)
        assert whom(home, bell, "was due") == ["jonas"]
        desk.claim(home.outside, card(home), "jonas")
        desk.settle(home.outside, card(home), "jonas", desk.Outcome(Disposition.NO_ANSWER))
        home.advance(DAY + HOUR)
        assert card(home) and whom(home, bell, "was due") == [], "they were told, and tried"


def test_whoever_has_the_card_is_not_told_that_it_comes_near() -> None:
    with staffed() as (home, bell):
        late(home)
        desk.claim(home.outside, card(home), "miriam")
        home.advance(3 * HOUR + 45 * MINUTE)
        assert whom(home, bell, "A call") == []
        home.advance(HOUR)
        assert whom(home, bell, "was due") == ["miriam"], "who has it owes it"


def test_a_customer_who_asks_for_a_call_is_told_at_once() -> None:
    with staffed() as (home, bell):
        home.take_in(event(home, "callback.asked", "c", callback_id="c", person_id="anna"))
        home.settle()
        assert whom(home, bell, "due by 09:30") == ["jonas"]


def test_a_promise_that_was_not_kept(database_url: str) -> None:
    with staffed(url=database_url) as (home, bell):
        until = (home.now + HOUR).isoformat()
        home.take_in(
            event(
                home,
                "promise.made",
                "p",
                promise_id="p",
                what="a new one",
                until=until,
                by="miriam",
                person_id="anna",
            )
        )
        assert whom(home, bell, "promised") == []
        home.advance(HOUR + MINUTE)
        assert whom(home, bell, "What you promised a customer was due by 10:00") == ["miriam"]
        assert whom(home, bell, "What you promised") == []


def test_a_card_that_is_handed_over_each_time(database_url: str) -> None:
    with staffed(url=database_url) as (home, bell):
        late(home)
        whom(home, bell, "")
        for to, by in (("miriam", "jonas"), ("jonas", "miriam"), ("miriam", "jonas")):
            home.advance(MINUTE)
            cards.hand_over(home.outside, card(home), by, to, "she speaks French, and knows Anna")
            assert whom(home, bell, "handed over to you") == [to]
            assert whom(home, bell, "handed over") == []


def test_the_gravest_and_what_customers_write() -> None:
    with staffed() as (home, bell):
        home.take_in(event(home, "delivery.lost", "l", order_id="o1", person_id="anna"))
        home.settle()
        assert whom(home, bell, "highest severity") == ["jonas"]
        home.take_in(
            event(
                home,
                "message.received",
                "m",
                person_id="anna",
                channel="email",
                asks="answer",
                text="And now?",
            )
        )
        home.settle()
        assert whom(home, bell, "written back") == ["jonas"]
        assert whom(home, bell, "highest") == []


def test_what_somebody_took_when_it_was_there_already_is_no_news() -> None:
    with staffed() as (home, bell):
        home.take_in(event(home, "delivery.lost", "l", order_id="o1", person_id="anna"))
        home.settle()
        desk.claim(home.outside, card(home), "jonas")
        assert whom(home, bell, "highest severity") == []
        home.advance(MINUTE)
        home.take_in(
            event(
                home,
                "message.received",
                "m",
                person_id="anna",
                channel="email",
                asks="answer",
                text="And now?",
            )
        )
        home.settle()
        assert whom(home, bell, "written back") == ["jonas"], "that came later"


def test_who_leads_the_team_is_asked_for_a_yes() -> None:
    with staffed() as (home, bell):
        late(home)
        wanted = remedies.Offer("r1", "a1", "delivery/o1", "credit", 900.0, home.now + DAY, card(home))
        assert remedies.offer(home.outside, wanted, "jonas", may_grant=False) == remedies.ASKED
        assert whom(home, bell, "asks for your yes") == ["ruth"]
        assert whom(home, bell, "asks for your yes") == []


def test_a_failure_climbs_to_the_manager_and_to_the_named_person() -> None:
    with staffed() as (home, bell):
        late(home)
        desk.claim(home.outside, card(home), "jonas")
        told = []
        for _ in range(3 * 24):
            home.advance(HOUR)
            told += [(user, home.now - MONDAY) for user in whom(home, bell, "climbed to you")]
        assert told == [("ruth", DAY), ("helen", 2 * DAY)], "2N and 4N, where N is four business hours"


def test_what_was_put_off_is_not_urgent_until_it_is_back() -> None:
    with staffed() as (home, bell):
        late(home)
        cards.snooze(home.outside, card(home), "jonas", home.now + 5 * HOUR, "in a meeting until two")
        home.advance(3 * HOUR + 45 * MINUTE)
        assert whom(home, bell, "A call") == []
        home.advance(2 * HOUR)
        assert whom(home, bell, "was due") == ["jonas"]


# -- who -------------------------------------------------------------------------------------------------------


def test_whoever_stands_in_is_told_instead() -> None:
    with staffed() as (home, bell):
        late(home)
        cover.go_away(home.outside, "jonas", "miriam", home.now, home.now + DAY, "", "ruth")
        home.advance(3 * HOUR + 45 * MINUTE)
        assert whom(home, bell, "A call") == ["miriam"]
        home.advance(HOUR)
        assert whom(home, bell, "was due") == ["miriam"]


def test_what_is_nobodys_is_for_who_leads_the_team() -> None:
    with staffed() as (home, bell):
        give(home, "a2", "cora", owner=None)
        late(home, "o2", "a2", person_id="cora")
        home.advance(3 * HOUR + 45 * MINUTE)
        assert whom(home, bell, "A call") == ["ruth"]


def test_a_slip_in_ones_zone_keeps_nobody_from_hearing() -> None:
    with staffed() as (home, bell):
        home.database.retrying(
            lambda unit: unit.save_user(replace(unit.user("jonas"), zone="Europe/Berlinn"))
        )
        home.take_in(event(home, "callback.asked", "c", callback_id="c", person_id="anna"))
        home.settle()
        assert whom(home, bell, "due by 09:30") == ["jonas"]


def test_nothing_is_set_up_and_nothing_happens() -> None:
    with staffed() as (home, bell):
        late(home)
        for user in ("jonas", "miriam", "ruth", "helen"):
            home.database.retrying(lambda unit, user=user: unit.save_reach(Reach(user)))
        home.advance(5 * HOUR)
        assert heard(home, bell, mornings=True) == [] and "late" not in rows(home)
        say(home, "jonas")
        home.database.retrying(lambda unit: unit.save_user(replace(unit.user("jonas"), active=False)))
        assert heard(home, bell) == [], "nor to somebody who has left"
        assert alerts.tell_urgent(replace(home.outside, notifier=None)) == 0


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

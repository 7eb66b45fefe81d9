"""Colleagues are told away from the desk: of each thing once, when they may be reached, and nobody's name."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from outreach.domain.blast import Answer, Blast
from outreach.domain.talk import Outcome
from outreach.domain.touch import Disposition
from outreach.service import alerts, cards, cover, desk, outcomes, remedies
from outreach.service.ports_reaching import Reach
from outreach.service.ports_records import User
from tests.service.alerted import DAY, HOUR, MINUTE, card, heard, late, rows, say, staffed, whom
from tests.service.world import MONDAY, event, give

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
        outcomes.settle(home.outside, card(home), "jonas", Outcome(Disposition.NO_ANSWER))
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


def test_who_is_gone_without_a_word_leaves_it_to_the_manager() -> None:
    """Nobody said who stands in: a promised call must not be nobody's."""
    with staffed() as (home, bell):
        gone = User("jonas", "Jonas", "jonas@house.example", "", "am", active=False)
        home.database.retrying(lambda unit: unit.save_user(gone))
        late(home)
        home.advance(5 * HOUR)
        assert whom(home, bell, "was due") == ["ruth"]


def test_hours_that_nobody_can_read_silence_nobody() -> None:
    with staffed() as (home, bell):
        say(home, "miriam", quiet_from="late", quiet_until="early")
        late(home)
        home.advance(5 * HOUR)
        assert whom(home, bell, "was due") == ["jonas"]


def test_what_was_just_said_is_not_told_as_late() -> None:
    with staffed() as (home, bell):
        late(home)
        home.clock.set(home.now + 4 * HOUR - timedelta(seconds=4))
        outcomes.say(home.outside, card(home), "jonas", Outcome(Disposition.REACHED))
        home.clock.set(home.now + timedelta(seconds=6))
        assert whom(home, bell, "was due") == []


def test_everybody_who_steers_hears_once_that_a_playbook_waits_for_a_second_person(database_url: str) -> None:
    with staffed(url=database_url) as (home, bell):
        for id_, role in (("olga", "ops"), ("otto", "admin")):
            user = User(id_, id_.title(), f"{id_}@house.example", "", role)
            home.database.retrying(lambda unit, user=user: unit.save_user(user))
            say(home, id_)
        whom(home, bell, "")
        asks = Blast("late-delivery", 1, Answer.ASKING, home.now, 201)
        home.database.retrying(lambda unit: unit.add_blasts([asks]))
        assert whom(home, bell, "waits for a second person") == ["olga", "otto"]
        assert whom(home, bell, "waits for a second person") == []

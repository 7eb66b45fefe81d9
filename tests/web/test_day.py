"""The day of an account manager beside the calls: cards put off and handed over, cover, promises, what is owed."""

from __future__ import annotations

import re
from typing import Any

import pytest
from flask.testing import FlaskClient

from outreach.domain.sight import ALL
from outreach.service import desk, publishing
from outreach.store import views_desk
from tests.web.world import World, post


@pytest.fixture
def day(either: World) -> World:
    either.account("a1", "Berlin Kitchens", person="anna")
    either.late("a1", "anna")
    either.tick()
    return either


@pytest.fixture
def jonas(day: World) -> FlaskClient:
    return day.signed_in("jonas")


def card(day: World) -> Any:
    with day.house.database.view() as unit:
        (id_,) = day.cards()
        return unit.card(id_)


def seen(client: FlaskClient, path: str = "/desk") -> str:
    answer = client.get(path)
    assert answer.status_code == 200, answer.status
    return answer.text


# -- put off -------------------------------------------------------------------------------------------------------


def put_off(
    day: World, client: FlaskClient, until: str = "2026-03-04T09:00", why: str = "She is at the fair"
) -> Any:
    return post(
        client, f"/desk/cards/{day.cards()[0]}/snooze", {"until": until, "why": why}, follow_redirects=True
    )


def test_a_card_is_put_off_and_comes_back_by_itself(day: World, jonas: FlaskClient) -> None:
    assert "May be called now" in seen(jonas)
    said = put_off(day, jonas).text
    assert "Put off until" in said and "She is at the fair" in said
    board = seen(jonas)
    assert "Put off until" in board and "She is at the fair" in board and "May be called now" not in board
    day.pass_time(days=2)
    jonas = day.signed_in("jonas")
    assert "She is at the fair" not in seen(jonas)


def test_it_is_taken_up_again_by_hand_or_by_calling(day: World, jonas: FlaskClient) -> None:
    put_off(day, jonas)
    post(jonas, f"/desk/cards/{day.cards()[0]}/take-up")
    assert card(day).snoozed_until is None and card(day).note is None
    put_off(day, jonas)
    post(jonas, f"/desk/cards/{day.cards()[0]}/dial")
    assert card(day).snoozed_until is None and card(day).claimed_by == "jonas"


def test_something_new_wakes_it(day: World, jonas: FlaskClient) -> None:
    put_off(day, jonas)
    day.tell("complaint.opened", "a1", {"complaint_id": "c1", "person_id": "anna", "words": "And now this"})
    day.tick()
    assert card(day).snoozed_until is None
    assert "May be called now" in seen(jonas)


@pytest.mark.parametrize(
    ("until", "why", "words"),
    [
        ("2026-03-04T09:00", " ", "why it can wait"),
        ("", "later", "until when"),
        ("2026-03-01T09:00", "yesterday", "in the next 14 days"),
        ("2026-05-01T09:00", "in May", "in the next 14 days"),
    ],
)
def test_it_is_not_put_off_without_a_day_and_a_reason(
    day: World, jonas: FlaskClient, until: str, why: str, words: str
) -> None:
    assert words in put_off(day, jonas, until, why).text
    assert card(day).snoozed_until is None


# -- handed over ---------------------------------------------------------------------------------------------------


def test_a_card_is_handed_over_with_a_note(day: World, jonas: FlaskClient) -> None:
    miriam = day.signed_in("miriam")
    id_ = day.cards()[0]
    assert "Berlin Kitchens" not in seen(miriam)
    post(jonas, f"/desk/cards/{id_}/hand-over", {"to": "miriam", "note": "She speaks Swedish"})
    assert "Berlin Kitchens" in seen(miriam) and "She speaks Swedish" in seen(miriam)
    assert "Berlin Kitchens" not in seen(jonas)
    assert "Berlin Kitchens" in seen(jonas, "/desk?whose=all")
    post(miriam, f"/desk/cards/{id_}/take-up")
    assert "Berlin Kitchens" in seen(jonas)


@pytest.mark.parametrize(("to", "note"), [("nobody", "x"), ("otto", "x"), ("miriam", " ")])
def test_it_is_handed_to_a_colleague_who_can_take_it(
    day: World, jonas: FlaskClient, to: str, note: str
) -> None:
    day.user("miriam")
    day.user("otto", "ops")
    post(jonas, f"/desk/cards/{day.cards()[0]}/hand-over", {"to": to, "note": note})
    assert card(day).handed_to is None


def test_a_card_that_somebody_has_is_theirs_to_put_off_or_hand_over(day: World, jonas: FlaskClient) -> None:
    miriam = day.signed_in("miriam")
    post(miriam, f"/desk/cards/{day.cards()[0]}/claim")
    assert "has this card" in put_off(day, jonas).text
    post(jonas, f"/desk/cards/{day.cards()[0]}/hand-over", {"to": "jonas", "note": "mine"})
    assert (card(day).snoozed_until, card(day).handed_to, card(day).claimed_by) == (None, None, "miriam")


def test_the_note_goes_with_the_person(day: World, jonas: FlaskClient) -> None:
    put_off(day, jonas, why="Her mother is ill")
    from outreach.service import privacy

    privacy.erase(day.house.outside, "anna", "ruth", "asked")
    with day.house.database.view() as unit:
        assert "mother" not in str(unit.bulk.rows("select * from card"))


# -- cover ---------------------------------------------------------------------------------------------------------


def go(client: FlaskClient, **form: str) -> Any:
    return post(client, "/desk/away", {"user": "jonas", **form}, follow_redirects=True)


def test_whoever_stands_in_has_it_on_their_own_desk(day: World, jonas: FlaskClient) -> None:
    miriam = day.signed_in("miriam")
    said = go(jonas, cover="miriam", first="2026-03-02", last="2026-03-06", note="Anna is angry").text
    assert "Miriam stands in for you" in said and "Anna is angry" in said
    board = seen(miriam)
    assert "Berlin Kitchens" in board and "You stand in for Jonas" in board
    with day.house.database.view() as unit:
        (absence,) = unit.absences(day.clock.time)
    back = post(miriam, f"/desk/away/{absence.id}/back", {"back": "All is quiet"}, follow_redirects=True).text
    assert "back; what waits is on their own desk again" in back
    assert "Berlin Kitchens" not in seen(miriam) and "Berlin Kitchens" in seen(jonas)


@pytest.mark.parametrize(
    ("form", "words"),
    [
        ({"cover": "jonas", "last": "2026-03-06"}, "Choose somebody else"),
        ({"cover": "nobody", "last": "2026-03-06"}, "Choose who stands in."),
        ({"cover": "miriam"}, "Say the last day"),
        ({"cover": "miriam", "first": "2026-03-09", "last": "2026-03-06"}, "ends before it begins"),
        ({"cover": "miriam", "first": "x", "last": "2026-03-06"}, "Write the first day"),
        ({"cover": "miriam", "user": "miriam", "last": "2026-03-06"}, "Choose who is away."),
    ],
)
def test_an_absence_needs_days_and_somebody_else(
    day: World, jonas: FlaskClient, form: dict[str, str], words: str
) -> None:
    day.user("miriam")
    assert words in go(jonas, **form).text
    with day.house.database.view() as unit:
        assert unit.absences(day.clock.time) == []


def test_two_who_are_away_do_not_cover_each_other(day: World, jonas: FlaskClient) -> None:
    miriam = day.signed_in("miriam")
    day.user("tarek")
    go(jonas, cover="miriam", last="2026-03-06")
    assert "cover each other" in go(miriam, user="miriam", cover="jonas", last="2026-03-04").text
    assert "away then already" in go(jonas, cover="tarek", first="2026-03-05", last="2026-03-09").text
    go(miriam, user="miriam", cover="tarek", last="2026-03-04")
    assert "Berlin Kitchens" in seen(day.signed_in("tarek"))


def test_a_manager_says_it_for_a_leaver(day: World, jonas: FlaskClient) -> None:
    ruth = day.signed_in("ruth", "manager")
    go(ruth, user="jonas", cover="ruth", for_good="1")
    day.pass_time(days=200)
    assert "You stand in for Jonas" in seen(day.signed_in("ruth", "manager"))
    assert "for good" in seen(day.signed_in("ruth", "manager"), "/desk/away")


# -- promises ------------------------------------------------------------------------------------------------------


def promise(day: World, by: str = "jonas", id_: str = "p1", until: str = "2026-03-03T12:00:00+00:00") -> None:
    data = {"promise_id": id_, "what": f"a new pallet {id_}", "until": until, "by": by, "person_id": "anna"}
    desk.tell(day.house.outside, "promise.made", "a1", data, by)


def test_the_ledger_says_what_is_to_be_kept_and_what_was(day: World, jonas: FlaskClient) -> None:
    assert "Nothing waits to be kept." in seen(jonas, "/desk/promises")
    promise(day)
    promise(day, "miriam", "p2", "2026-03-05T12:00:00+00:00")
    page = seen(jonas, "/desk/promises?whose=all")
    assert page.index("a new pallet p1") < page.index("a new pallet p2") and "Anna Weber" in page
    day.pass_time(days=1, hours=12)
    day.tick()
    jonas = day.signed_in("jonas")
    assert "not kept" in seen(jonas, "/desk/promises")
    said = post(
        jonas, "/desk/say/kept", {"account": "a1", "promise": "p1", "next": "promises"}, follow_redirects=True
    ).text
    assert "a new pallet p1" not in said
    kept = seen(jonas, "/desk/promises?list=kept")
    assert "a new pallet p1" in kept and "kept late" in kept
    assert '<th scope="row">You</th><td>1</td><td>0</td><td>1</td>' in kept


def test_promises_are_mine_by_my_word_or_by_my_account(day: World, jonas: FlaskClient) -> None:
    promise(day, "miriam")
    assert "a new pallet p1" in seen(jonas, "/desk/promises?whose=mine"), "made to a customer of his"
    assert "a new pallet p1" in seen(day.signed_in("miriam"), "/desk/promises?whose=mine"), "her word"
    assert "a new pallet p1" not in seen(day.signed_in("grace"), "/desk/promises?whose=mine")


# -- owed ----------------------------------------------------------------------------------------------------------


def test_some_of_what_is_owed_goes_on_the_board_each_day(either: World) -> None:
    from datetime import timedelta

    for number in range(4):
        either.account(f"o{number}", f"Old {number}", person=f"p{number}")
        either.late(f"o{number}", f"p{number}", days=number + 2, ago=timedelta(days=60))
    jonas = either.signed_in("jonas")
    assert "How many can you take today?" in seen(jonas, "/desk/owed") and not either.cards()
    said = post(jonas, "/desk/owed/release", {"count": "3"}, follow_redirects=True).text
    assert "3 are on the board now" in said
    either.tick()
    assert len(either.cards()) == 3
    assert (
        "0 are on the board now"
        in post(jonas, "/desk/owed/release", {"count": "many"}, follow_redirects=True).text
    )


# -- remedies ------------------------------------------------------------------------------------------------------


def offer(day: World, client: FlaskClient, remedy: str = "credit", **form: str) -> str:
    given = {
        "once": f"form{next(day.numbers)}", "card": day.cards()[0], "account": "a1", "failure": "delivery/o-1", "remedy": remedy, "until": "2026-03-05T12:00",
        **form,
    }  # fmt: skip
    return str(post(client, "/desk/remedies", given, follow_redirects=True).text)


def granted(day: World) -> list[Any]:
    with day.house.database.view() as unit:
        return [event for event in unit.events_of("a1") if event.type == "remedy.granted"]


def test_what_is_within_the_limit_is_promised_at_once(day: World, jonas: FlaskClient) -> None:
    said = offer(day, jonas, amount="150")
    assert "Promised. It is on your desk until it is done." in said
    assert "credit of 150 EUR for delivery o-1" in said, "it stands among the promises"
    (event,) = granted(day)
    assert (event.data["remedy"], event.data["amount"], event.data["key"]) == ("credit", 150.0, "o-1")
    assert event.data["by"] == "jonas" and event.data.get("granted_by") is None
    offer(day, jonas, "refund_freight")
    assert len(granted(day)) == 2


def test_above_it_a_manager_says_yes_with_one_tap(day: World, jonas: FlaskClient) -> None:
    assert "your manager is asked" in offer(day, jonas, amount="350,50")
    assert granted(day) == [] and "no answer yet" in seen(jonas, f"/desk/cards/{day.cards()[0]}")
    assert "Asked of you" not in seen(jonas)
    ruth = day.signed_in("ruth", "manager")
    board = seen(ruth, "/desk?whose=all")
    assert "Asked of you" in board and "Jonas wants to offer it for delivery o-1" in board
    with day.house.database.view() as unit:
        (ask,) = unit.asks_open()
    assert post(jonas, f"/desk/remedies/{ask.id}", {"answer": "yes"}).status_code == 403
    said = post(
        ruth, f"/desk/remedies/{ask.id}", {"answer": "yes", "why": "a good customer"}, follow_redirects=True
    ).text
    assert "Jonas hears it: yes." in said and "Asked of you" not in said
    (event,) = granted(day)
    assert (event.data["amount"], event.data["by"], event.data["granted_by"]) == (350.5, "jonas", "ruth")
    page = seen(jonas, f"/desk/cards/{day.cards()[0]}")
    assert "Ruth said yes" in page and "a good customer" in page
    again = post(ruth, f"/desk/remedies/{ask.id}", {"answer": "no"}, follow_redirects=True).text
    assert "answered already" in again and len(granted(day)) == 1


def test_a_no_is_a_no_and_managers_need_not_ask(day: World, jonas: FlaskClient) -> None:
    offer(day, jonas, amount="900")
    ruth = day.signed_in("ruth", "manager")
    with day.house.database.view() as unit:
        (ask,) = unit.asks_open()
    post(ruth, f"/desk/remedies/{ask.id}", {"answer": "no", "why": "too much"})
    assert granted(day) == [] and "Ruth said no" in seen(jonas, f"/desk/cards/{day.cards()[0]}")
    offer(day, ruth, amount="300")
    assert granted(day)[0].data["granted_by"] == "ruth"


@pytest.mark.parametrize(
    ("remedy", "form", "words"),
    [
        ("credit", {}, "Say how much."),
        ("credit", {"amount": "-5"}, "Say how much."),
        ("credit", {"amount": "a lot"}, "Write the amount as a number."),
        ("credit", {"amount": "nan"}, "Write the amount as a number."),
        ("credit", {"amount": "5", "until": ""}, "Say by when it is done."),
        ("credit", {"amount": "5", "until": "2026-03-01T12:00"}, "lies in the future"),
        ("a_yacht", {}, "may not be offered"),
        ("credit", {"amount": "5", "failure": "delivery/other"}, "no such failure"),
    ],
)
def test_only_what_the_playbook_allows_is_offered(
    day: World, jonas: FlaskClient, remedy: str, form: dict[str, str], words: str
) -> None:
    assert words in offer(day, jonas, remedy, **form)
    assert granted(day) == []


def test_nothing_is_offered_for_what_is_put_right(day: World, jonas: FlaskClient) -> None:
    card_id = day.cards()[0]
    offer(day, jonas, amount="900")
    desk.put_right(day.house.outside, "a1", "delivery/o-1", "jonas", "customer", "")
    given = {
        "once": "f",
        "account": "a1",
        "failure": "delivery/o-1",
        "remedy": "credit",
        "amount": "5",
        "until": "2026-03-05T12:00",
        "card": card_id,
    }
    assert "put right already" in post(jonas, "/desk/remedies", given, follow_redirects=True).text
    ruth = day.signed_in("ruth", "manager")
    with day.house.database.view() as unit:
        (ask,) = unit.asks_open()
    assert (
        "put right already"
        in post(ruth, f"/desk/remedies/{ask.id}", {"answer": "yes"}, follow_redirects=True).text
    )
    assert granted(day) == []


def test_a_form_that_comes_in_twice_is_offered_once(day: World, jonas: FlaskClient) -> None:
    for amount in ("150", "150", "900"):
        assert "Promised" in offer(day, jonas, amount=amount, once="the-same")
    assert [event.data["amount"] for event in granted(day)] == [150.0]
    for _ in range(2):
        assert "your manager is asked" in offer(day, jonas, amount="900", once="another")
    with day.house.database.view() as unit:
        assert len(unit.asks_open()) == 1
    assert "too old" in offer(day, jonas, amount="150", once="")
    page = seen(jonas, f"/desk/cards/{day.cards()[0]}")
    assert 'name="once" value="id' in page


# -- how much fits into the day --------------------------------------------------------------------------------------


def busy(day: World, count: int) -> None:
    for number in range(count):
        day.account(f"b{number}", f"Busy {number}", person=f"b{number}")
        day.late(f"b{number}", f"b{number}", order=f"o-{number}x")
    day.tick()


def test_what_does_not_fit_into_the_day_is_said_to_both(here: World) -> None:
    """Berlin makes 30 calls a day, three of them: ten each."""
    busy(here, 12)
    jonas = here.signed_in("jonas")
    page = seen(jonas)
    assert "12 calls for today; you can make about 10 well" in page and "2 will not fit" in page
    ruth = here.signed_in("ruth", "manager")
    assert "Jonas: 12 calls for today, about 10 can be made." in seen(ruth, "/desk?whose=team")
    assert "can be made" not in seen(ruth, "/desk?whose=mine")
    here.user("miriam")
    go(here.signed_in("ruth", "manager"), user="jonas", cover="miriam", last="2026-03-03")
    covering = seen(here.signed_in("miriam"))
    assert "12 calls for today; you can make about 15 well" in covering and "will not fit" not in covering


def test_what_does_not_fit_is_a_note_today_and_a_call_tomorrow(here: World) -> None:
    busy(here, 12)
    jonas = here.signed_in("jonas")
    page = seen(jonas)
    offered = re.findall(r"/desk/cards/(\w+)/write-instead", page)
    shown = re.findall(r'id="card-(\w+)"', page)
    assert offered == shown[-2:], "the last of the list"
    for each in offered:
        said = post(jonas, f"/desk/cards/{each}/write-instead", follow_redirects=True).text
        assert "A note lies ready in a moment" in said and "put off until tomorrow 09:00" in said
    here.tick()
    again = post(jonas, f"/desk/cards/{offered[0]}/write-instead", follow_redirects=True).text
    assert "lies ready already" in again
    page = seen(jonas)
    assert "10 calls for today" in page and "will not fit" not in page
    assert page.count("E-mail waits for you") == 2 and "I have not forgotten you" in page
    with here.house.database.view() as unit:
        failures = [f for n in range(12) for f in (unit.account(f"b{n}") or here).failures.values()]  # type: ignore[union-attr]
    assert {failure.state.value for failure in failures} == {"open"}, "a note reaches nobody"
    here.pass_time(days=1)
    here.tick()
    assert "12 calls for today" in seen(here.signed_in("jonas")), "they come back by themselves"


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (("endpoint.opted_out", {"person_id": "anna", "channel": "email"}), "No note can be written to them now."),
        (("preference.stated", {"person_id": "anna", "kind": "not_channel", "value": "email", "by": "jonas"}), "No note can be written"),
        (("preference.stated", {"person_id": "anna", "kind": "pause", "value": "2026-04-24", "by": "jonas"}), "No note can be written"),
        (None, "No playbook writes a note here now."),
    ],
)  # fmt: skip
def test_where_no_note_would_leave_the_call_is_not_put_off(
    here: World, said: tuple[str, dict[str, str]] | None, words: str
) -> None:
    here.account("a1", "Berlin Kitchens", person="anna")
    here.tell("delivery.lost", "a1", {"order_id": "o-1", "person_id": "anna"})
    here.tick()
    jonas, (id_,) = here.signed_in("jonas"), here.cards()
    if said:
        here.tell(said[0], "person:anna", said[1])
    else:
        publishing.publish(here.house.outside, "personal-note", "paused", "ops", "wait")
    assert words in post(jonas, f"/desk/cards/{id_}/write-instead", follow_redirects=True).text
    assert card(here).snoozed_until is None
    with here.house.database.view() as unit:
        assert unit.last_of("a1", "note.asked") == [], "nothing has happened"


def test_a_call_that_they_asked_for_is_not_put_off_by_a_note(here: World) -> None:
    here.account("a1", "Berlin Kitchens", person="anna")
    here.tell("callback.asked", "a1", {"callback_id": "c1", "person_id": "anna"})
    here.tick()
    (id_,) = here.cards()
    said = post(here.signed_in("jonas"), f"/desk/cards/{id_}/write-instead", follow_redirects=True).text
    assert "They asked to be called" in said and card(here).snoozed_until is None


def test_no_note_without_an_address_and_none_on_a_colleagues_card(here: World) -> None:
    here.account("a1", "Berlin Kitchens")
    anna = {
        "name": "Anna Weber",
        "phone": "+493012345678",
        "accounts": [{"account": "a1", "roles": ["buyer"]}],
    }
    here.tell("person.described", "person:anna", anna)
    here.late("a1", "anna")
    jonas, (id_,) = here.signed_in("jonas"), here.cards()
    assert "Write a note" not in seen(jonas, f"/desk/cards/{id_}")
    where = f"/desk/cards/{id_}/write-instead"
    assert "No mail address is on file" in post(jonas, where, follow_redirects=True).text
    here.tell("person.described", "person:anna", {**anna, "email": "anna@example.com"})
    assert "Write a note, ring tomorrow" in seen(jonas, f"/desk/cards/{id_}")
    post(here.signed_in("miriam"), f"/desk/cards/{id_}/claim")
    assert "miriam has this card" in post(jonas, where, follow_redirects=True).text.lower()


def test_what_is_put_off_is_not_for_today(day: World, jonas: FlaskClient) -> None:
    assert "1 call for today; you can make about 10 well in a whole day." in seen(jonas)
    put_off(day, jonas)
    assert "for today" not in seen(jonas)


def test_the_list_says_until_when_they_may_be_called(day: World, jonas: FlaskClient) -> None:
    assert "reachable now until 20:00 their time" in seen(jonas)
    desk.tell(
        day.house.outside, "preference.stated", "person:anna",
        {"person_id": "anna", "kind": "hours", "value": "before 12:00"}, "jonas",
    )  # fmt: skip
    assert "reachable now until 12:00 their time" in seen(jonas)


# -- a kept promise is told ------------------------------------------------------------------------------------------


def test_a_kept_promise_is_told_in_a_mail_that_is_read_first(day: World, jonas: FlaskClient) -> None:
    promise(day, id_="p9")
    page = jonas.get("/desk/accounts/a1").text
    assert "Kept, and tell them" in page
    form = {"account": "a1", "promise": "p9", "tell": "1", "next": "promises"}
    told = post(jonas, "/desk/say/kept", form, follow_redirects=True).text
    assert "A mail that says so lies ready" in told
    day.pass_time(minutes=1)
    day.tick()
    with day.house.database.view() as unit:
        (draft,) = [each for each in views_desk.drafts(unit, ALL) if each.playbook == "promise-kept"]
    assert draft.touch.draft is not None and "a new pallet p9" in draft.touch.draft["text"]


def test_a_kept_promise_is_told_only_where_somebody_wishes_so(day: World, jonas: FlaskClient) -> None:
    promise(day, id_="p9")
    post(jonas, "/desk/say/kept", {"account": "a1", "promise": "p9"})
    post(jonas, "/desk/say/kept", {"account": "a1", "promise": "nobody knows", "tell": "1"})
    day.pass_time(minutes=1)
    day.tick()
    with day.house.database.view() as unit:
        assert not [each for each in views_desk.drafts(unit, ALL) if each.playbook == "promise-kept"]


# -- a call that was pointless -----------------------------------------------------------------------------------------


def test_one_word_reaches_whoever_writes_the_playbook(day: World, jonas: FlaskClient) -> None:
    card_id = day.cards()[0]
    with day.house.database.view() as unit:
        (touch,) = [each for each in unit.touches_of_card(card_id) if each.channel == "call"]
    assert "This call was pointless" in seen(jonas, f"/desk/cards/{card_id}")
    path = f"/desk/cards/{card_id}/pointless"
    for why in ("twice", "solved"):  # the second word corrects the first
        said = post(jonas, path, {"touch": touch.id, "why": why}, follow_redirects=True).text
        assert "It stands with the playbook" in said
    ops = day.signed_in("olga", "ops")
    assert "pointless: it was solved already (1)" in seen(ops, "/ops/playbooks/late-delivery")
    assert card(day).state == "open", "it is about the playbook, not about the customer"
    day.pass_time(days=31)
    assert "solved already" not in seen(day.signed_in("olga", "ops"), "/ops/playbooks/late-delivery")


@pytest.mark.parametrize(
    ("touch", "why"), [("", "solved"), ("nothing", "solved"), (None, "because"), (None, "")]
)
def test_only_a_word_and_a_line_of_the_card_count(
    day: World, jonas: FlaskClient, touch: str | None, why: str
) -> None:
    card_id = day.cards()[0]
    with day.house.database.view() as unit:
        known = unit.touches_of_card(card_id)[0].id
    form = {"touch": known if touch is None else touch, "why": why}
    said = post(jonas, f"/desk/cards/{card_id}/pointless", form, follow_redirects=True).text
    assert "It stands with the playbook" not in said
    with day.house.database.view() as unit:
        assert not [row for row in unit.audit_of("playbook/late-delivery") if row.what == "call.pointless"]


# -- whom we know, and how well ----------------------------------------------------------------------------------------


def test_people_show_when_somebody_spoke_with_them(day: World, jonas: FlaskClient) -> None:
    buyer = {"name": "Otto Berg", "accounts": [{"account": "a1", "roles": ["payer"]}]}
    day.tell("person.described", "person:otto", buyer)
    page = "/desk/accounts/a1", f"/desk/cards/{day.cards()[0]}"
    for path in page:
        assert seen(jonas, path).count("nobody has spoken with them yet") == 2
    tried = {"account": "a1", "person": "otto", "channel": "call", "reached": "no"}
    post(jonas, "/desk/say/contact", tried)
    assert seen(jonas, page[0]).count("nobody has spoken with them yet") == 2, "a try is no conversation"
    post(jonas, "/desk/say/contact", {**tried, "reached": "yes"})
    day.pass_time(days=2)
    jonas = day.signed_in("jonas")
    text = seen(jonas, page[0])
    assert (
        re.search(r"spoken with (2 days|a day) ago", text)
        and text.count("nobody has spoken with them yet") == 1
    )


def test_a_remedy_that_is_no_money_has_no_amount(day: World, jonas: FlaskClient) -> None:
    form = {"card": day.cards()[0], "account": "a1", "failure": "delivery/o-1", "remedy": "redeliver_express",
            "amount": "1000000", "until": "2026-03-03T12:00", "once": "once-9"}  # fmt: skip
    post(jonas, "/desk/remedies", form)
    page = seen(jonas, "/desk/promises")
    assert "redeliver express" in page and "1000000" not in page and "1e+06" not in page


def test_a_page_that_no_list_has_is_the_last_one(day: World, jonas: FlaskClient) -> None:
    for path in ("/desk", "/desk/promises", "/desk/unreached", "/desk/messages"):
        assert jonas.get(f"{path}?page={10**30}").status_code == 200


# -- a playbook that was stopped meanwhile ----------------------------------------------------------------------------


def test_a_call_of_a_paused_playbook_stays_and_says_so(day: World, jonas: FlaskClient) -> None:
    """The customer was let down whatever ops think of the texts: nothing is hidden, and a human decides."""
    assert "its playbook is" not in seen(jonas)
    publishing.publish(day.house.outside, "late-delivery", "paused", "ruth", "the texts are wrong")
    day.tick()
    assert "its playbook is paused" in seen(jonas)
    page = seen(jonas, f"/desk/cards/{day.cards()[0]}")
    assert "Its playbook is paused, so what stands here may be wrong." in page
    assert "ruth said why: “the texts are wrong” Look before you ring." in page
    assert "its playbook is paused" in post(jonas, "/desk/search", {"q": "berlin"}).text
    with day.house.database.unit() as unit:
        assert desk.judge_dial(unit, day.house.outside, unit.card(day.cards()[0]), counts=False).ruling.sends
    publishing.publish(day.house.outside, "late-delivery", "percent", "ruth", "mended", 100)
    assert "laybook is" not in seen(jonas, f"/desk/cards/{day.cards()[0]}") + seen(jonas)


def test_back_in_shadow_it_says_so_too(day: World, jonas: FlaskClient) -> None:
    publishing.publish(day.house.outside, "late-delivery", "shadow", "ruth", "once more")
    assert "its playbook is in shadow again" in seen(jonas)
    assert "Its playbook is in shadow again" in seen(jonas, f"/desk/cards/{day.cards()[0]}")


def test_what_was_promised_is_rung_for_all_the_same(day: World, jonas: FlaskClient) -> None:
    for name in ("late-delivery", "callback-asked"):
        publishing.publish(day.house.outside, name, "paused", "ruth", "look")
    day.tell("callback.asked", "a1", {"callback_id": "c1", "person_id": "anna"})
    publishing.publish(day.house.outside, "callback-asked", "live", "ruth", "look")
    day.tick()
    publishing.publish(day.house.outside, "callback-asked", "disabled", "ruth", "not wanted")
    day.tick()
    assert "Its playbook is disabled." in (page := seen(jonas, f"/desk/cards/{day.cards()[0]}"))
    assert "They have our word all the same: ring them." in page

"""The account manager's day through the pages: see, take, ring, write down, promise, put right."""

from __future__ import annotations

import re
from typing import Any

import pytest
from flask.testing import FlaskClient

from outreach.domain.sight import ALL
from outreach.service import outcomes
from tests.web.scenes import busy_day, with_draft
from tests.web.world import World, post


def text_of(response: Any) -> str:
    """What a reader sees, without tags."""
    words = re.sub(r"<(script|style|svg).*?</\1>", " ", response.text, flags=re.S)
    words = re.sub(r"<[^>]+>", " ", words)
    return re.sub(r"\s+", " ", words.replace("&#39;", "'").replace("&#34;", '"').replace("&amp;", "&"))


def touches(here: World, card: str) -> list[Any]:
    with here.house.database.view() as unit:
        return unit.touches_of_card(card)


def account(here: World, id_: str = "a1") -> Any:
    with here.house.database.view() as unit:
        found = unit.account(id_)
    assert found is not None
    return found


@pytest.fixture
def day(either: World) -> World:
    either.account("a1", "Berlin Kitchens", person="anna", tier="gold", value=120_000)
    either.late("a1", "anna", "o-1")
    return either


@pytest.fixture
def jonas(day: World) -> FlaskClient:
    return day.signed_in()


# -- the list --------------------------------------------------------------------------------------------


def test_a_card_says_who_what_and_by_when(day: World, jonas: FlaskClient) -> None:
    seen = text_of(jonas.get("/desk"))
    for words in ("May be called now", "Anna Weber", "buyer at Berlin Kitchens", "A delivery will be late o-1",
                  "call by today 14:30", ("Let down on their first order, €120,000 a year, promised by today 14:30, reachable now until 20:00 their"
                  " time, known just now.")):  # fmt: skip
        assert words in seen


def test_who_may_not_be_called_yet_comes_later_with_the_time_there(here: World) -> None:
    busy_day(here)
    seen = text_of(here.signed_in().get("/desk"))
    now, later = seen.split("Later today")
    assert "Grace Miller" in later and "From today 08:00 their time" in later
    assert now.index("Anna Weber") < now.index("Mara Weber")


def test_mine_team_and_everybody(here: World) -> None:
    busy_day(here)
    client = here.signed_in()
    assert "Gartenbau Lindner" not in client.get("/desk").text
    assert "Gartenbau Lindner" in client.get("/desk?whose=team").text
    assert "Gartenbau Lindner" in client.get("/desk?whose=all").text
    assert "Your team" in client.get("/desk?whose=team").text


def test_an_empty_desk_says_so(here: World) -> None:
    client = here.signed_in()
    assert "Nobody waits for you." in client.get("/desk").text
    assert "Everybody has been spoken to." in client.get("/desk/unreached").text
    assert "Every failure is looked after." in client.get("/desk/unmatched").text


def test_an_event_shows_in_the_pulse_and_the_fragment(day: World, jonas: FlaskClient) -> None:
    before = jonas.get("/desk/pulse").json["stamp"]
    day.account("a2", "Café Morgenrot", person="mara")
    day.late("a2", "mara", "o-2")
    assert jonas.get("/desk/pulse").json["stamp"] != before
    fragment = jonas.get("/desk", headers={"X-Fragment": "1"}).text
    assert "Mara Weber" in fragment and "<html" not in fragment
    assert jonas.get("/desk/pulse").json["stamp"] in fragment


def test_names_are_found_and_stay_out_of_addresses(day: World, jonas: FlaskClient) -> None:
    found = post(jonas, "/desk/search", {"q": "weber"})
    assert found.status_code == 200 and "Anna Weber" in found.text
    assert "Berlin Kitchens" in post(jonas, "/desk/search", {"q": "kitchens"}).text
    assert "Nobody of that name" in post(jonas, "/desk/search", {"q": "100%_x"}).text
    assert jonas.get("/desk/search?q=weber").status_code == 405


def test_many_cards_come_in_pages(here: World) -> None:
    for n in range(35):
        here.account(f"a{n}", f"Account {n:02}", person=f"p{n}")
        here.late(f"a{n}", f"p{n}", f"o-{n}")
    client = here.signed_in()
    first, second = client.get("/desk"), client.get("/desk?page=2")
    cards = [re.findall(r'id="card-(\w+)"', page.text) for page in (first, second)]
    assert [len(found) for found in cards] == [30, 5] and not set(cards[0]) & set(cards[1])
    assert "Page 1 of 2, 35 cards" in first.text


def test_the_desk_asks_the_database_the_same_whatever_the_number_of_accounts(here: World) -> None:
    """No statement per row in the views themselves."""
    from sqlalchemy import event

    from outreach.store import views_accounts, views_board, views_desk, views_ops

    counts = []
    for n in range(2):
        for m in range(n * 10, n * 10 + 10):
            here.account(f"a{m}", f"Account {m}", person=f"p{m}")
            here.late(f"a{m}", f"p{m}", f"o-{m}")
        said: list[str] = []

        def listen(*args: Any, said: list[str] = said) -> None:
            said.append(args[2])

        event.listen(here.house.database.engine, "before_cursor_execute", listen)
        with here.house.database.view() as unit:
            assert len(views_desk.desk_lines(unit)) == (n + 1) * 10
            (
                views_desk.drafts(unit, ALL),
                views_board.unreached(unit, ALL),
                views_board.unmatched(unit, ALL),
                views_ops.open_holds(unit, views_ops.HoldsAsked()),
            )
            views_ops.counts(unit, here.clock.time), views_accounts.timeline(unit, ["a1", "a2"], None)
        event.remove(here.house.database.engine, "before_cursor_execute", listen)
        counts.append(len(said))
    assert counts[0] == counts[1]


# -- a card ----------------------------------------------------------------------------------------------


def test_a_card_shows_brief_reason_remedies_people_and_past(here: World) -> None:
    busy_day(here)
    client = here.signed_in()
    (card,) = re.findall(
        r'id="card-(\w+)"[^>]*>\s*<div class="case-head">\s*<h3><a [^>]*>Anna', client.get("/desk").text
    )
    seen = text_of(client.get(f"/desk/cards/{card}"))
    for words in ("What broke", "order o-1001", "You may offer", "credit up to €400 , above that ask your manager",
                  "Why this call", "Likes it short, no small talk", "A customer complained",
                  "Billed twice for the same worktop.", "An order was placed", "How did it go?"):  # fmt: skip
        assert words in seen
    assert "+4930" not in seen, "the number appears when the dial has been asked"


def test_taking_and_giving_back(day: World, jonas: FlaskClient) -> None:
    (card,) = day.cards()
    assert "You have this card" in post(jonas, f"/desk/cards/{card}/claim", follow_redirects=True).text
    miriam = day.signed_in("miriam")
    refused = post(miriam, f"/desk/cards/{card}/claim", follow_redirects=True)
    assert "has this card" in refused.text
    page = text_of(miriam.get(f"/desk/cards/{card}"))
    assert "Jonas has this card" in page and "Write it down" not in page
    post(jonas, f"/desk/cards/{card}/give-back")
    assert "Take this card" in miriam.get(f"/desk/cards/{card}").text


def test_ringing_asks_the_law_and_then_shows_the_number(day: World, jonas: FlaskClient) -> None:
    (card,) = day.cards()
    page = post(jonas, f"/desk/cards/{card}/dial", follow_redirects=True).text
    assert 'href="tel:+4930' in page and "You may ring" in page
    assert touches(day, card)[0].intent_at == day.clock.time


def test_at_night_nobody_is_rung(day: World, jonas: FlaskClient) -> None:
    (card,) = day.cards()
    day.pass_time(hours=12)
    page = post(jonas, f"/desk/cards/{card}/dial", follow_redirects=True).text
    assert "Not now." in page and "tel:" not in page


def outcome(here: World, client: FlaskClient, card: str, **form: Any) -> Any:
    """Said, and not taken back."""
    answer = post(client, f"/desk/cards/{card}/outcome", form)
    here.think_again()
    return answer


def test_no_answer_in_two_taps_brings_the_next_try(day: World, jonas: FlaskClient) -> None:
    (card,) = day.cards()
    assert outcome(day, jonas, card, disposition="no_answer").status_code == 302
    assert touches(day, card)[0].disposition == "no_answer"
    assert account(day).failures["delivery/o-1"].state == "open"
    day.pass_time(days=1)
    day.tick()
    assert len(day.cards()) == 1


SPOKEN = {
    "disposition": "reached", "note": "In tears.", "promise_what": "a new pallet", "promise_until": "2026-03-06T12:00",
    "promise_failure": "delivery/o-1", "kind": "hours", "value": "after 16:00", "put_right": "delivery/o-1",
    "said_by": "am", "reason": "She has it.",
}  # fmt: skip


def test_for_ten_seconds_it_can_be_taken_back_with_everything_that_was_typed(
    day: World, jonas: FlaskClient
) -> None:
    (card,) = day.cards()
    post(jonas, f"/desk/cards/{card}/outcome", SPOKEN)
    board = jonas.get("/desk")
    assert "Anna Weber: we spoke. Put right. Well done." in text_of(board) and "10 s" in board.text
    assert f'id="card-{card}"' not in board.text, "done, for the eye"
    (said,) = re.findall(r'name="said" value="(\w+)"', board.text)
    undone = post(jonas, f"/desk/cards/{card}/take-back", {"said": said})
    assert "Nothing of it is written down" in undone.text
    for name, value in SPOKEN.items():
        ways = (
            rf'name="{name}"[^>]*value="{re.escape(value)}"',
            rf'value="{value}" selected',
            rf'name="{name}"[^>]*>{re.escape(value)}<',
        )
        assert any(re.search(way, undone.text) for way in ways), name
    day.think_again()
    assert account(day).failures["delivery/o-1"].state == "open" and not account(day).promises
    assert (
        "written down already"
        in post(jonas, f"/desk/cards/{card}/take-back", {"said": said}, follow_redirects=True).text
    )


def test_what_could_not_be_written_down_is_shown_to_whoever_said_it(
    day: World, jonas: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    (card,) = day.cards()
    post(jonas, f"/desk/cards/{card}/outcome", SPOKEN)

    def breaks(*_: Any) -> None:
        raise KeyError("a fault of ours")

    monkeypatch.setattr(outcomes, "_put_down", breaks)
    day.think_again()
    seen = text_of(jonas.get("/desk"))
    for words in (
        "is not written down yet",
        "tried again every hour",
        "In tears.",
        "a new pallet",
        "Look at it again",
    ):
        assert words in seen
    assert f'id="card-{card}"' in jonas.get("/desk").text, "on the list again"
    assert "In tears" not in day.signed_in("miriam").get("/desk?whose=all").text
    monkeypatch.undo()
    day.pass_time(hours=1)
    day.tick()
    assert account(day).failures["delivery/o-1"].state == "put_right"


def test_what_was_said_twice_is_refused_and_waits_once(day: World, jonas: FlaskClient) -> None:
    (card,) = day.cards()
    (touch,) = touches(day, card)
    form = {**SPOKEN, "lines_shown": "1", "touch": touch.id}
    post(jonas, f"/desk/cards/{card}/outcome", form)
    post(jonas, f"/desk/cards/{card}/outcome", form)
    day.think_again()
    assert account(day).failures["delivery/o-1"].state == "put_right" and len(account(day).promises) == 1


def test_a_machine_is_spoken_to_once(day: World, jonas: FlaskClient) -> None:
    (card,) = day.cards()
    assert "leave this one message, and no other" in text_of(jonas.get(f"/desk/cards/{card}"))
    outcome(day, jonas, card, disposition="voicemail")
    day.pass_time(days=1)
    day.tick()
    (again,) = day.cards()
    seen = text_of(jonas.get(f"/desk/cards/{again}"))
    assert "hang up without a word" in seen and "leave this one message" not in seen


def test_spoken_with_a_promise_and_a_preference(day: World, jonas: FlaskClient) -> None:
    (card,) = day.cards()
    said = outcome(
        day, jonas, card, disposition="reached", note="Very kind.", promise_what="a new pallet",
        promise_until="2026-03-06T12:00", promise_failure="delivery/o-1", kind="hours",
        value="after 16:00",
    )  # fmt: skip
    assert said.status_code == 302
    (promise,) = account(day).promises.values()
    assert promise.what == "a new pallet" and promise.until.isoformat() == "2026-03-06T11:00:00+00:00", (
        "Berlin time"
    )
    assert account(day).failures["delivery/o-1"].state == "reached"
    page = text_of(jonas.get("/desk/people/anna"))
    assert "Reach them after 16:00" in page
    assert "Jonas spoke with them" in text_of(jonas.get("/desk/accounts/a1")).replace(
        "You spoke", "Jonas spoke"
    )


def test_put_right_by_their_word_leads_to_the_winning_back_question(day: World, jonas: FlaskClient) -> None:
    (card,) = day.cards()
    said = post(
        jonas, f"/desk/cards/{card}/outcome",
        {"disposition": "reached", "put_right": "delivery/o-1", "said_by": "customer"}, follow_redirects=True,
    )  # fmt: skip
    assert "How can we win your business again?" in text_of(said), "in the same call, not ten seconds later"
    day.think_again()
    said = jonas.get(f"/desk/cards/{card}")
    assert account(day).failures["delivery/o-1"].state == "put_right"
    seen = text_of(said)
    assert "How can we win your business again?" in seen
    assert any(words in seen for words in ("You may ask", "Only if they raise it", "You may not ask"))


@pytest.mark.parametrize(
    ("form", "words"),
    [
        ({}, "Tap what came of the call."),
        ({"disposition": "asleep"}, "Tap what came of the call."),
        ({"disposition": "reached", "promise_what": "a pallet"}, "Say by when."),
        ({"disposition": "reached", "promise_what": "x", "promise_until": "soon"}, "Say by when."),
        ({"disposition": "reached", "promise_until": "2026-03-06T12:00"}, "Say what you promised."),
        (
            {"disposition": "reached", "promise_what": "x", "promise_until": "2026-03-01T12:00"},
            "lies in the future",
        ),
        ({"disposition": "reached", "put_right": "delivery/o-1", "said_by": "am"}, "why it is put right"),
        ({"disposition": "no_answer", "note": "x" * 5001}, "At most 5000 characters"),
    ],
)
def test_a_faulty_form_keeps_what_was_typed(here: World, form: dict[str, str], words: str) -> None:
    here.account("a1", "Berlin Kitchens", person="anna")
    here.late("a1", "anna", "o-1")
    client, (card,) = here.signed_in(), here.cards()
    said = outcome(here, client, card, **{"note": "do not lose this", **form})
    assert said.status_code == 422 and words in said.text
    assert "do not lose this" in said.text or "note" in form
    assert here.cards() == [card]


def test_a_card_that_is_somebody_elses_is_refused(day: World, jonas: FlaskClient) -> None:
    (card,) = day.cards()
    post(day.signed_in("miriam"), f"/desk/cards/{card}/claim")
    assert outcome(day, jonas, card, disposition="no_answer").status_code == 409
    assert post(jonas, f"/desk/cards/{card}/dial", follow_redirects=True).text.count("has this card") >= 1


# -- drafts ----------------------------------------------------------------------------------------------


def test_a_draft_is_read_changed_and_released(here: World) -> None:
    card, touch = with_draft(here)
    client = here.signed_in()
    assert "To release" in client.get("/desk").text
    page = client.get(f"/desk/cards/{card}").text
    assert "anna@example.com" in page and f'id="draft-{touch}"' in page
    assert "This is exactly what will arrive." in page and "It is no advertising." in page
    form = {"card": card, "subject": "Your\r\norder", "text": "Dear Anna,\r\nI am sorry."}
    assert post(client, f"/desk/drafts/{touch}/release", form).status_code == 302
    here.tick()
    sent = text_of(client.get("/outbox"))
    assert "Your order" in sent and "anna@example.com" in sent


def test_an_empty_or_released_draft_is_refused(here: World) -> None:
    card, touch = with_draft(here)
    client = here.signed_in()
    empty = post(client, f"/desk/drafts/{touch}/release", {"card": card, "subject": "Keep me", "text": " "})
    assert empty.status_code == 422 and "Keep me" in empty.text
    post(client, f"/desk/drafts/{touch}/discard", {"card": card, "reason": "called instead"})
    again = post(client, f"/desk/drafts/{touch}/release", {"card": card, "text": "x"})
    assert again.status_code == 409


def test_parts_of_an_sms_are_counted(here: World) -> None:
    client = here.signed_in()
    assert post(client, "/desk/drafts/parts", {"text": "a" * 161}).json == {"encoding": "GSM-7", "parts": 2}


# -- accounts and people -------------------------------------------------------------------------------------


def test_unmatched_failures_are_on_top_and_can_be_spoken_about(here: World) -> None:
    here.account("a1", "Café Morgenrot", person="mara")
    here.tell("backorder.moved", "a1", {"order_id": "o-1"})
    client = here.signed_in()
    assert "failure that no playbook looks after" in text_of(client.get("/desk"))
    assert "Café Morgenrot" in client.get("/desk/unmatched").text
    post(
        client,
        "/desk/say/contact",
        {"account": "a1", "channel": "visit", "reached": "yes", "note": "Had a coffee."},
    )
    assert account(here).failures["delivery/o-1"].state == "reached"
    assert "Had a coffee." in client.get("/desk/accounts/a1").text


def test_put_right_not_right_and_let_be_from_the_account(here: World) -> None:
    here.account("a1", "Café Morgenrot", person="mara")
    here.tell("backorder.moved", "a1", {"order_id": "o-1"})
    client, form = here.signed_in(), {"account": "a1", "failure": "delivery/o-1"}
    assert post(client, "/desk/say/put-right", {**form, "said_by": "am"}).status_code == 409, "needs a reason"
    post(client, "/desk/say/put-right", {**form, "said_by": "customer"})
    assert account(here).failures["delivery/o-1"].state == "put_right"
    assert "How can we win your business again?" in client.get("/desk/accounts/a1").text
    post(client, "/desk/say/not-right", {**form, "reason": "still cross"})
    again = account(here).failures["delivery/o-1"]
    assert again.state == "open" and again.round == 2
    ruth = here.signed_in("ruth", "manager")
    post(ruth, "/desk/say/let-be", {**form, "reason": "asked to be left alone"})
    assert account(here).failures["delivery/o-1"].state == "let_be"


def test_what_we_learnt_too_late_is_owed_until_somebody_puts_it_on_the_board(here: World) -> None:
    from datetime import timedelta

    here.account("a1", "Café Morgenrot", person="mara")
    here.late("a1", "mara", "o-old", 5, ago=timedelta(days=40))
    client = here.signed_in()
    assert here.cards() == [] and "owed from before we looked" in text_of(client.get("/desk"))
    assert "Café Morgenrot" in client.get("/desk/owed").text
    assert "Café Morgenrot" not in client.get("/desk/unreached").text
    post(client, "/desk/say/release", {"account": "a1", "failure": "delivery/o-old"})
    assert "Café Morgenrot" in client.get("/desk/unreached").text
    assert "Nothing is owed." in client.get("/desk/owed").text


def test_something_to_do_is_ticked_off(here: World) -> None:
    """A task line alone: no questions about a call."""
    from dataclasses import replace

    from outreach.domain.facts import Channel

    here.account("a1", "Café Morgenrot", person="mara")
    here.late("a1", "mara")
    (card,) = here.cards()

    def make_it_a_task(unit: Any) -> None:
        (call,) = unit.touches_of_card(card)
        unit.change_touch(call, replace(call, channel=Channel.TASK, text="Find the pallet"))

    here.house.database.retrying(make_it_a_task)
    client = here.signed_in()
    assert "Find the pallet" in client.get("/desk").text
    page = client.get(f"/desk/cards/{card}").text
    assert "It is done" in page and "No answer" not in page
    (touch,) = touches(here, card)
    form = {"disposition": "reached", "lines_shown": "1", "touch": touch.id}
    outcome(here, client, card, **form)
    assert touches(here, card)[0].status == "settled"
    assert account(here).failures["delivery/o-1"].state == "open", "a task is no contact"


def test_she_complained_opens_a_failure(here: World) -> None:
    here.account("a1", "Café Morgenrot", person="mara")
    client = here.signed_in()
    assert post(client, "/desk/say/complaint", {"account": "a1", "about": " "}).status_code == 422
    post(client, "/desk/say/complaint", {"account": "a1", "person": "mara", "about": "The door sticks."})
    (failure,) = account(here).open_failures
    assert failure.kind == "complaint" and "The door sticks." in client.get("/desk/accounts/a1").text
    assert len(here.cards()) == 1


def test_what_is_said_of_an_unknown_account_is_refused(here: World) -> None:
    client = here.signed_in()
    said = post(client, "/desk/say/contact", {"account": "nobody", "channel": "call"}, follow_redirects=True)
    assert "We do not know this" in said.text
    assert client.get("/desk/accounts/nobody").status_code == 404


def test_a_promise_is_kept_from_the_account(day: World, jonas: FlaskClient) -> None:
    (card,) = day.cards()
    outcome(
        day, jonas, card, disposition="reached", promise_what="a pallet", promise_until="2026-03-06T12:00"
    )
    (promise,) = account(day).promises.values()
    post(jonas, "/desk/say/kept", {"account": "a1", "promise": promise.id})
    (kept,) = account(day).promises.values()
    assert kept.state == "kept"


def test_somebody_at_the_counter_is_found_by_phone_or_mail(day: World, jonas: FlaskClient) -> None:
    found = post(jonas, "/desk/lookup", {"endpoint": "Anna@Example.com"}, follow_redirects=True)
    seen = text_of(found)
    assert (
        "Anna Weber" in seen and "delivery o-1" in seen and "Jonas" in seen.replace("you look", "Jonas look")
    )
    assert "We do not know this" in post(jonas, "/desk/lookup", {"endpoint": "030 999999"}).text
    assert post(jonas, "/desk/lookup", {"endpoint": "hello"}).status_code == 422


def test_what_they_told_is_there_for_everybody(day: World, jonas: FlaskClient) -> None:
    form = {"person": "anna", "kind": "days", "value": "not monday"}
    assert post(jonas, "/desk/say/told", form).status_code == 302
    assert "On these days: not monday" in text_of(jonas.get("/desk/people/anna"))
    assert post(jonas, "/desk/say/told", {**form, "person": "nobody"}).status_code == 404
    assert post(jonas, "/desk/say/told", {**form, "value": ""}).status_code == 422


def test_the_relationship_comes_in_pages_without_loss(here: World) -> None:
    from datetime import timedelta

    here.account("a1", "Berlin Kitchens", person="anna")
    for n in range(60):
        here.tell("order.placed", "a1", {"order_id": f"o-{n}"}, ago=timedelta(days=n + 1))
    client, path, seen = here.signed_in(), "/desk/accounts/a1", []
    while path:
        page = client.get(path, headers={"X-Fragment": "1"}).text
        seen += re.findall(r"order (o-\d+)", page)
        link = re.search(r'data-more href="([^"#]+)', page)
        path = link[1].replace("&amp;", "&") if link else ""
    assert seen == [f"o-{n}" for n in range(60)]


# -- text of others ------------------------------------------------------------------------------------------

POLYGLOT = "\"'><img src=x onerror=alert(1)><script>alert(1)</script>{{ 7*7 }}</textarea>"


def test_text_of_others_stays_text(here: World) -> None:
    here.account("a1", POLYGLOT, person="anna", tier=POLYGLOT)
    here.tell("person.described", "person:anna", {"name": POLYGLOT, "greeting": POLYGLOT,
              "accounts": [{"account": "a1", "roles": [POLYGLOT]}]})  # fmt: skip
    here.tell(
        "complaint.opened",
        "a1",
        {"complaint_id": POLYGLOT.replace("|", ""), "words": POLYGLOT, "person_id": "anna"},
    )
    here.tell(
        "preference.stated",
        "person:anna",
        {"person_id": "anna", "kind": "note", "value": POLYGLOT, "by": POLYGLOT},
    )
    client = here.signed_in(role="admin")
    pages = [client.get(path).text for path in ("/desk?whose=all", f"/desk/cards/{here.cards()[0]}", "/desk/accounts/a1",
             "/desk/people/anna", "/desk/unreached", "/ops", "/ops/why?account=a1", "/ops/holds")]  # fmt: skip
    pages.append(post(client, "/desk/search", {"q": POLYGLOT}).text)
    pages.append(post(client, "/desk/lookup", {"endpoint": POLYGLOT}).text)
    for page in pages:
        assert "<img" not in page and "<script>alert" not in page and "49</textarea" not in page


# -- a word in the relationship ----------------------------------------------------------------------------------


def test_a_word_is_found_in_what_was_said_and_done(either: World) -> None:
    busy_day(either)
    client = either.signed_in()
    page = client.get("/desk/accounts/a1").text
    assert 'action="/desk/relationship"' in page
    found = text_of(post(client, "/desk/relationship", {"account": "a1", "q": "WORKTOP"}))
    assert "Billed twice for the same worktop" in found and "1 step of" in found
    assert "o-1001" in text_of(post(client, "/desk/relationship", {"account": "a1", "q": "o-1001"}))
    nothing = text_of(post(client, "/desk/relationship", {"account": "a1", "q": "zeppelin"}))
    assert "Nobody said or did that." in nothing
    assert "Find a word" in text_of(post(client, "/desk/relationship", {"account": "a1", "q": " "}))
    assert "Find a word" in text_of(post(client, "/desk/relationship"))


def test_a_card_is_searched_over_its_accounts(here: World) -> None:
    busy_day(here)
    client = here.signed_in()
    (card,) = [id_ for id_ in here.cards() if "o-1001" in client.get(f"/desk/cards/{id_}").text]
    form = {"account": ["a1", "a2"], "card": card, "q": "late"}
    found = post(client, "/desk/relationship", form).text
    assert f'href="/desk/cards/{card}"' in found and "Berlin Kitchens GmbH · Café Morgenrot" in found


def test_a_playbook_is_started_by_hand_and_the_card_says_who_wanted_it(here: World) -> None:
    here.account("a1", "Café Morgenrot", person="mara", tier="standard")
    jonas = here.signed_in()
    assert "There is nothing to start." in jonas.get("/desk/by-hand/a1").text
    here.late("a1", "mara", "o-1", days=1)
    assert here.cards() == []
    assert "Start a playbook" in jonas.get("/desk/accounts/a1").text
    page = jonas.get("/desk/by-hand/a1").text
    (chosen,) = re.findall(r'value="(late-delivery [^"]+)"', page)
    refused = post(jonas, "/desk/by-hand/a1", {"chosen": chosen})
    assert refused.status_code == 422 and "Say in a few words why." in refused.text
    assert f'value="{chosen}" required checked' in refused.text, "what was chosen stays"
    done = post(
        jonas, "/desk/by-hand/a1", {"chosen": chosen, "why": "She is moving house."}, follow_redirects=True
    )
    assert "Started. The card is on the desk." in done.text
    assert "You started" in text_of(done) and "by hand: She is moving house." in text_of(done)
    (card,) = here.cards()
    seen = text_of(jonas.get(f"/desk/cards/{card}"))
    assert "started it by hand" in seen and "“She is moving house.”" in seen
    assert chosen not in jonas.get("/desk/by-hand/a1").text, "only the graver ones could still be started"
    assert post(jonas, "/desk/by-hand/a1", {"chosen": chosen, "why": "again"}).status_code == 404


def test_the_list_is_narrowed_to_one_matter_and_the_day_is_counted_whole(here: World) -> None:
    busy_day(here)
    client = here.signed_in()
    whole = client.get("/desk").text
    assert "A delivery missed its promised date (" in whole
    narrowed = client.get("/desk?about=late-delivery").text
    assert "Mara Weber" in narrowed and "Anna Weber" in whole and "Anna Weber" not in narrowed
    day = re.compile(r"\d+ calls for today")
    assert day.findall(narrowed) == day.findall(whole) != []
    assert client.get("/desk?about=nothing-of-that-name").text.count('class="case ') == whole.count(
        'class="case '
    )
    assert "about=late-delivery" in client.get("/desk?about=late-delivery").text, (
        "looking after itself keeps to it"
    )


def test_lists_of_failures_are_narrowed_to_mine_and_the_teams(here: World) -> None:
    busy_day(here)
    client = here.signed_in()
    names = ("Berlin Kitchens", "Gartenbau Lindner")
    for whose, seen in (
        ("mine", (True, False)),
        ("team", (True, True)),
        ("all", (True, True)),
        ("x", (True, True)),
    ):
        page = client.get(f"/desk/unreached?whose={whose}").text
        assert tuple(name in page for name in names) == seen, whose
    assert "None of yours." in here.signed_in("tarek").get("/desk/unreached?whose=mine").text
    ruth = here.signed_in("ruth", "manager")
    assert "Berlin Kitchens" not in ruth.get("/desk/unreached?whose=mine").text
    assert "Berlin Kitchens" in ruth.get("/desk/unreached").text

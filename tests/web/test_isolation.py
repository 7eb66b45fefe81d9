"""Account managers see their own accounts and their team's, and of the others no more than whoever looks somebody up."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.routing import Rule

from outreach.channels.outbox import OutboxSender
from outreach.domain.errors import NotFound
from outreach.domain.facts import Channel
from outreach.domain.message import Message
from outreach.domain.sight import ALL, Sight, sight_of
from outreach.service import cards, cover
from outreach.service.replies import Received, receive
from outreach.store import views_desk
from outreach.web import auth, conversation, outbox
from outreach.web.sight import SEES
from tests.web.scenes import busy_day
from tests.web.test_doors import is_open, rules
from tests.web.world import World, post

PLANTED = ("Quokka Grills", "Quentin", "o-4711", "Quokka tears", "98765")
FREE = {"name", "ask_id", "absence", "filename", "call_id"}
"""What routes of the desk name beside what belongs to a team: a manager's, a colleague's own, or swept below."""


@pytest.fixture
def grill(here: World) -> dict[str, str]:
    """Of the team in New York: let down, with a card, a draft, a promise, orders and a message that waits."""
    busy_day(here)
    here.account("quokka", "Quokka Grills Inc.", owner="grace", team="new_york", value=98765, zone="America/New_York", country="US", region="NY")  # fmt: skip
    here.tell("person.described", "person:quentin", {
        "name": "Quentin Quist", "phone": "+12125550199", "email": "quentin@example.com", "zone": "America/New_York",
        "country": "US", "region": "NY", "accounts": [{"account": "quokka", "roles": ["buyer"]}],
    })  # fmt: skip
    here.tell("order.placed", "quokka", {"order_id": "o-4711", "amount": 98765, "person_id": "quentin"}, ago=timedelta(days=9))  # fmt: skip
    here.tell("delivery.lost", "quokka", {"order_id": "o-4711", "what": "Quokka tears", "person_id": "quentin"}, ago=timedelta(hours=9))  # fmt: skip
    until = (here.clock.time + timedelta(days=1)).isoformat()
    here.tell("promise.made", "quokka", {"promise_id": "p", "what": "Quokka tears dried", "until": until, "by": "grace", "person_id": "quentin"})  # fmt: skip
    here.pass_time(days=1, hours=5)
    here.tick()
    here.tell("person.described", "person:quill", {
        "name": "Quill Quist", "phone": "+12125550188", "accounts": [{"account": "quokka", "roles": ["user"]}],
    })  # fmt: skip
    words = "Please never write to me again, Quokka tears"
    receive(here.house.outside, Received("sms:q", Channel.SMS, "+12125550188", "", "us", "", words, None))
    with here.house.database.view() as unit:
        card = unit.bulk.rows("select card from touch where account = 'quokka' and card is not null")[0][0]
        touch = unit.bulk.rows("select id from touch where account = 'quokka' order by id")[0][0]
        assert [row.id for row in unit.inbound_open(9)] == ["sms:q"]
        assert any(draft.touch.account == "quokka" for draft in views_desk.drafts(unit, ALL))
    return {
        "account": "quokka",
        "card_id": card,
        "card": card,
        "person": "quentin",
        "touch_id": touch,
        "id_": "sms:q",
    }


def walk(client: FlaskClient, *starts: str) -> dict[str, str]:
    """Address → text of everything that can be reached by links."""
    seen: dict[str, str] = {}
    left = list(starts)
    while left:
        path = left.pop()
        if path in seen or len(seen) > 200:
            continue
        with client.get(path) as response:
            seen[path] = response.text if "html" in response.content_type else ""
        left += [
            found.replace("&amp;", "&") for found in re.findall(r'href="(/(?:desk|outbox)[^"#]*)', seen[path])
        ]
    return seen


# -- what they see ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("owner", "team", "sees"),
    [("jonas", None, True), ("miriam", "berlin", True), ("grace", "berlin", True), ("ruth", None, True),
     (None, "berlin", True), (None, None, True), ("grace", "new_york", False), ("grace", None, False),
     (None, "new_york", False), ("luis", None, True)],
)  # fmt: skip
def test_an_account_manager_sees_their_own_and_their_team_s(
    here: World, owner: str | None, team: str | None, sees: bool
) -> None:
    company = here.house.outside.rules().company
    sight = sight_of(company, "jonas", ["luis"])  # for whom jonas stands in
    assert sight.sees(owner, team) is sees
    assert ALL.sees(owner, team)


def test_a_company_without_teams_is_one_team(here: World) -> None:
    company = here.house.outside.rules().company
    assert sight_of(company, "nobody", []) == Sight(False, frozenset({"nobody"}), None)
    assert sight_of(replace(company, teams={}), "nobody", []) == ALL
    assert ALL.has("anybody") and not Sight().has(None, "anybody")


# -- nothing of the others' ----------------------------------------------------------------------------------------


def test_nothing_of_another_team_s_stands_on_any_page(here: World, grill: dict[str, str]) -> None:
    pages = walk(
        here.signed_in("jonas"),
        "/desk?whose=all",
        "/desk",
        "/desk?whose=team",
        "/outbox",
        "/desk/promises?whose=all",
    )
    assert len(pages) > 25 and any("Berlin Kitchens" in text for text in pages.values())
    for path, text in pages.items():
        assert not [words for words in PLANTED if words in text], path
    theirs = walk(here.signed_in("grace"), "/desk?whose=all", "/outbox", "/desk/promises?whose=all")
    assert all(
        any(words in text for text in theirs.values()) for words in ("Quokka Grills", "Quentin", "o-4711")
    )
    assert not any("Gartenbau Lindner" in text for text in theirs.values())


def test_a_search_finds_only_what_is_theirs(here: World, grill: dict[str, str]) -> None:
    for sought in ("Quokka", "Quentin", "quokka"):
        assert "Quokka Grills" not in post(here.signed_in("jonas"), "/desk/search", {"q": sought}).text
        assert "Quokka Grills" in post(here.signed_in("ruth", "manager"), "/desk/search", {"q": sought}).text


def foreign(rule: Rule, named: dict[str, str]) -> str:
    return re.sub(r"<(?:\w+:)?(\w+)>", lambda name: named[name[1]], rule.rule)


def test_whatever_a_route_names_of_another_team_s_is_not_there(here: World, grill: dict[str, str]) -> None:
    """Made from the URL map: a new route of the desk that names something SEES does not know fails here."""
    client, swept = here.signed_in("jonas"), 0
    before = everything(here)
    for unsafe in (False, True):
        for rule, path in rules(here, unsafe):
            if is_open(path) or getattr(here.app.view_functions[rule.endpoint], "asks_for", "") != "desk":
                continue
            assert rule.arguments - FREE <= SEES.keys(), (
                f"{rule.endpoint}: nobody says who sees {rule.arguments}"
            )
            if not rule.arguments or rule.arguments & FREE:
                continue
            method = "POST" if unsafe else "GET"
            response = client.open(
                foreign(rule, grill),
                method=method,
                data={"reason": "x", "who": "anna|a1"} if unsafe else None,
            )
            assert response.status_code == 404, (rule.rule, response.status_code)
            assert not [words for words in PLANTED if words in response.text], rule.rule
            swept += 1
    assert swept > 15
    assert everything(here) == before


def test_whatever_a_form_names_of_another_team_s_is_not_there(here: World, grill: dict[str, str]) -> None:
    client, swept = here.signed_in("jonas"), 0
    before = everything(here)
    for rule, path in rules(here, unsafe=True):
        if (
            is_open(path)
            or rule.arguments
            or getattr(here.app.view_functions[rule.endpoint], "asks_for", "") != "desk"
        ):
            continue
        for name in ("account", "card", "person"):
            form = {
                "account": "a1",
                "person": "anna",
                "failure": "delivery/o-4711",
                "channel": "call",
                "reason": "x",
            }
            if rule.endpoint in ("desk.search", "desk.release_owed", "cards.parts", "away.go"):
                continue
            response = post(client, path, {**form, name: grill[name]})
            assert response.status_code == 404, (path, name, response.status_code)
            swept += 1
    assert swept > 15
    assert everything(here) == before


def test_a_foreign_account_among_one_s_own_is_not_searched(here: World, grill: dict[str, str]) -> None:
    response = post(
        here.signed_in("jonas"), "/desk/relationship", {"account": ["a1", "quokka"], "q": "tears"}
    )
    assert response.status_code == 404


def everything(here: World) -> dict[str, Any]:
    with here.house.database.view() as unit:
        tables = unit.bulk.rows("select name from sqlite_master where type = 'table' order by name")
        return {name: list(unit.bulk.rows(f'select * from "{name}"')) for (name,) in tables}


def test_looking_up_shows_what_the_counter_sees_and_is_written_down(
    here: World, grill: dict[str, str]
) -> None:
    client = here.signed_in("jonas")
    page = post(client, "/desk/lookup", {"endpoint": "+12125550199"}, follow_redirects=True).text
    assert "Quentin Quist" in page and "Quokka tears dried" in page
    for hidden in ("o-4711", "98765", "/desk/accounts/", "Make an address", "When they may be rung"):
        assert hidden not in page, hidden
    with here.house.database.view() as unit:
        assert {row.who for row in unit.audit_of("person:quentin") if row.what == "person.looked_up"} == {
            "jonas"
        }


# -- ways in ------------------------------------------------------------------------------------------------------------


def test_who_is_handed_a_card_sees_the_conversation_and_not_the_account(
    here: World, grill: dict[str, str]
) -> None:
    client = here.signed_in("jonas")
    cards.hand_over(here.house.outside, grill["card"], "grace", "jonas", "He speaks German")
    page = client.get(f"/desk/cards/{grill['card']}")
    assert page.status_code == 200 and "Quentin Quist" in page.text and "of another team" in page.text
    assert "/desk/accounts/quokka" not in page.text and "98765" not in page.text
    assert client.get("/desk/accounts/quokka").status_code == 404


def test_who_stands_in_sees_what_the_other_sees(here: World, grill: dict[str, str]) -> None:
    client = here.signed_in("jonas")
    here.user("grace")
    now = here.clock.time
    cover.go_away(here.house.outside, "grace", "jonas", now, now + timedelta(days=2), "", "dana")
    assert client.get("/desk/accounts/quokka").status_code == 200
    here.pass_time(days=3)
    assert here.signed_in("jonas").get("/desk/accounts/quokka").status_code == 404


@pytest.mark.parametrize("role", ["manager", "admin"])
def test_who_leads_or_runs_the_house_sees_all(here: World, grill: dict[str, str], role: str) -> None:
    assert here.signed_in("ruth", role).get("/desk/accounts/quokka").status_code == 200


def test_private_orders_stand_on_no_card_about_a_business(here: World) -> None:
    here.account("shop", "Shop GmbH", person="anna")
    here.account("home", "Anna privately", kind="private")
    here.tell("person.described", "person:anna", {"accounts": [{"account": "shop", "roles": ["buyer"]}, {"account": "home", "roles": ["buyer"]}]})  # fmt: skip
    here.tell(
        "order.placed",
        "home",
        {"order_id": "private-1", "amount": 5, "person_id": "anna"},
        ago=timedelta(days=2),
    )
    here.late("home", "anna", "private-1")
    here.late("shop", "anna", "shop-1")
    here.tick()
    (card,) = here.cards()
    with here.house.database.view() as unit:
        shown = conversation.conversation(unit, here.house.outside, card, here.clock.time)
    assert {line.account.id for line in shown.lines} == {"shop", "home"}, "it is one call"
    told = [step.event for step in shown.steps if step.event]
    assert told and not [event for event in told if event.subject == "home"]


def test_nor_where_the_business_is_another_team_s(here: World, grill: dict[str, str]) -> None:
    here.account("home", "Quentin privately", kind="private")
    here.tell("person.described", "person:quentin", {"accounts": [{"account": "quokka", "roles": ["buyer"]}, {"account": "home", "roles": ["buyer"]}]})  # fmt: skip
    here.late("home", "quentin", "private-1")
    here.tick()
    page = here.signed_in("jonas").get(f"/desk/cards/{grill['card']}")
    assert page.status_code == 200 and "of another team" in page.text
    with here.house.database.view() as unit:
        sight = sight_of(here.house.outside.rules().company, "jonas", [])
        shown = conversation.conversation(
            unit, here.house.outside, grill["card"], here.clock.time, None, sight
        )
    assert shown.told_of == [] and shown.seen == {"home"}


def test_the_guard_speaks_as_of_something_that_is_not_there(here: World, grill: dict[str, str]) -> None:
    with here.app.test_request_context(), pytest.raises(NotFound):
        auth.must_see("jonas", [("account", "quokka")], everything=False)
    with here.app.test_request_context():
        auth.must_see("jonas", [("note", "quokka"), ("account", "a1")], everything=False)
        auth.must_see("grace", [("account", "quokka")], everything=False)


# -- the same human ---------------------------------------------------------------------------------------------------


def test_a_colleague_says_that_two_are_one_and_takes_it_back(here: World, grill: dict[str, str]) -> None:
    here.account("home", "Quentin privately", kind="private")
    here.tell("person.described", "person:q2", {
        "name": "Quentin Quist", "email": "quentin@example.com", "accounts": [{"account": "home", "roles": ["buyer"]}],
    })  # fmt: skip
    here.late("home", "q2", "home-1")
    here.tick()
    client = here.signed_in("jonas")
    page = client.get("/desk/people/q2").text
    assert "The same human?" in page and "at an account of another team" in page
    assert re.search(r"\d open there", page)
    assert "Quokka Grills" not in page
    (card,) = [id_ for id_ in here.cards() if "home-1" in client.get(f"/desk/cards/{id_}").text]
    assert "has something open elsewhere" in client.get(f"/desk/cards/{card}").text
    before = len(here.cards())
    form = {"person": "q2", "other": "quentin", "answer": "same"}
    assert "One human from now on" in post(client, "/desk/say/same", form, follow_redirects=True).text
    assert len(here.cards()) == before - 1
    page = post(client, "/desk/say/same", {**form, "answer": "apart"}, follow_redirects=True).text
    assert "Two humans" in page and "The same after all" in page and len(here.cards()) == before
    assert post(client, "/desk/say/same", {**form, "answer": "perhaps"}).status_code == 422
    assert post(client, "/desk/say/same", {**form, "other": "nobody"}).status_code == 404
    assert post(client, "/desk/say/same", {**form, "person": "quentin", "other": "q2"}).status_code == 404


# -- ways round, which are shut ------------------------------------------------------------------------------------


@pytest.mark.parametrize("other", ["quentin", "anna", "nobody"])
def test_two_who_share_nothing_are_not_made_one_to_see_the_other(
    here: World, grill: dict[str, str], other: str
) -> None:
    client = here.signed_in("jonas")
    form = {"person": "anna", "other": other, "answer": "same"}
    before = len(here.cards())
    if other != "anna":
        assert post(client, "/desk/say/same", form).status_code in (404, 409)
    assert client.get(f"/desk/cards/{grill['card']}").status_code == 404
    assert len(here.cards()) == before


def test_a_customer_of_two_teams_has_no_page_for_one_of_them(here: World, grill: dict[str, str]) -> None:
    both = [{"account": account, "roles": ["buyer"]} for account in ("a1", "quokka")]
    here.tell("person.described", "person:both", {"name": "Bo Thein", "accounts": both})
    refused = post(here.signed_in("jonas"), "/desk/say/page", {"person": "both"})
    assert refused.status_code == 409 and "ask a manager" in refused.text and "/care/" not in refused.text
    assert "/care/" in post(here.signed_in("ruth", "manager"), "/desk/say/page", {"person": "both"}).text


def test_no_name_of_another_team_s_mail_is_told(
    here: World, grill: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its name is the key with which its customer unsubscribes."""
    monkeypatch.setattr(outbox, "PAGE", 1)
    sender = OutboxSender(here.house.settings.outbox_dir)
    for n, token in enumerate(("foreign-1", "foreign-2", "foreign-3")):
        sender.send(Message(Channel.EMAIL, f"q{n}@example.com", "", "Grace", "g@example.com", "Quokka tears", subject="x"), token)  # fmt: skip
    page = here.signed_in("jonas").get("/outbox").text
    assert "foreign-" not in page and "Quokka" not in page
    assert "foreign-" in here.signed_in("ruth", "manager").get("/outbox").text


def test_a_message_of_somebody_known_is_their_team_s(here: World, grill: dict[str, str]) -> None:
    here.account("second", "Quokka Second Inc.", owner="grace", team="new_york")
    two = [{"account": account, "roles": ["buyer"]} for account in ("quokka", "second")]
    here.tell("person.described", "person:qq", {"name": "Quincy", "phone": "+12125550177", "accounts": two})
    for account in ("quokka", "second"):
        here.late(account, "qq", f"{account}-1")
    receive(here.house.outside, Received("sms:two", Channel.SMS, "+12125550177", "", "us", "", "Quokka tears again", None))  # fmt: skip
    client = here.signed_in("jonas")
    assert "Quokka" not in client.get("/desk/messages").text
    assert post(client, "/desk/messages/sms:two/meant", {"meant": "nothing"}).status_code == 404
    assert "Quokka tears again" in here.signed_in("grace").get("/desk/messages").text


def test_an_unknown_message_is_laid_to_nobody_of_another_team(here: World, grill: dict[str, str]) -> None:
    receive(here.house.outside, Received("sms:new", Channel.SMS, "+4930999888", "", "us", "", "Leave me alone", None))  # fmt: skip
    client = here.signed_in("jonas")
    assert "Quentin" not in post(client, "/desk/messages/sms:new/find", {"sought": "quist"}).text
    by_number = post(client, "/desk/messages/sms:new/find", {"sought": "+12125550199"}).text
    assert "Quentin Quist, an account of another team" in by_number and "Quokka" not in by_number
    with here.house.database.view() as unit:
        assert "person.looked_up" in [row.what for row in unit.audit_of("person:quentin")]
    said = post(client, "/desk/messages/sms:new/is", {"who": "quentin|quokka"}, follow_redirects=True).text
    assert "ask a manager" in said
    with here.house.database.view() as unit:
        assert not unit.people(["quentin"])["quentin"].opted_out
    assert "Anna Weber" in post(client, "/desk/messages/sms:new/find", {"sought": "weber"}).text


@pytest.mark.parametrize("what", ["contact", "complaint", "put-right", "kept", "not-right"])
def test_a_person_is_no_account(here: World, grill: dict[str, str], what: str) -> None:
    client, before = here.signed_in("jonas"), everything(here)
    form = {"failure": "delivery/o-4711", "promise": "p", "channel": "call", "about": "x", "reason": "x"}
    for id_ in ("person:quentin", "person:made-up"):
        assert post(client, f"/desk/say/{what}", {**form, "account": id_}).status_code in (302, 404)
    assert everything(here) == before


def test_nobody_learns_by_asking_what_is_there(here: World, grill: dict[str, str]) -> None:
    client = here.signed_in("jonas")
    for there, not_there in (("/desk/accounts/quokka", "/desk/accounts/nope"), (f"/desk/cards/{grill['card']}", "/desk/cards/nope")):  # fmt: skip
        one, other = client.get(there), client.get(not_there)
        said = [re.findall(r"<main.*</main>", each.text, re.S) for each in (one, other)]
        assert one.status_code == other.status_code == 404 and said[0] == said[1]


def test_a_note_that_is_none_is_a_look_up_too(here: World, grill: dict[str, str]) -> None:
    client = here.signed_in("jonas")
    assert (
        post(client, "/desk/say/told", {"person": "quentin", "kind": "note", "value": ""}).status_code == 422
    )
    with here.house.database.view() as unit:
        assert "person.looked_up" in [row.what for row in unit.audit_of("person:quentin")]


def test_a_look_up_shows_no_order_in_a_wish(here: World, grill: dict[str, str]) -> None:
    here.tell("preference.stated", "person:quentin", {"person_id": "quentin", "kind": "wait_for", "value": "delivery.arrived o-4711"})  # fmt: skip
    page = here.signed_in("jonas").get("/desk/people/quentin").text
    assert "o-4711" not in page and "Quentin Quist" in page


@pytest.mark.parametrize(
    ("path", "form"),
    [("snooze", {"until": "0001-01-01T00:00", "why": "x"}), ("outcome", {"disposition": "reached", "promise_what": "x", "promise_until": "9999-12-31T23:59"})],
)  # fmt: skip
def test_a_year_that_is_a_slip_of_the_pen_is_said_and_no_fault_of_ours(
    here: World, path: str, form: dict[str, str]
) -> None:
    busy_day(here)
    client = here.signed_in("jonas")
    assert post(client, f"/desk/cards/{here.cards()[0]}/{path}", form).status_code in (302, 422)
    away = {"user": "jonas", "cover": "miriam", "first": "0001-01-01", "last": "9999-12-31"}
    assert post(client, "/desk/away", away).status_code == 422
    long = {"account": "a1", "failure": "x" * 9000, "reason": "y" * 9000}
    assert post(client, "/desk/say/put-right", long).status_code == 422
    once = {"account": "a1", "card": here.cards()[0], "failure": "delivery/o-1001", "remedy": "replace", "once": "a|b", "until": "2026-03-03T10:00"}  # fmt: skip
    assert post(client, "/desk/remedies", once).status_code == 302

"""Account managers see their own accounts and their team's, and of the others no more than whoever looks somebody up."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.routing import Rule

from outreach.domain.errors import NotFound
from outreach.domain.facts import Channel
from outreach.domain.sight import ALL, Sight, sight_of
from outreach.service import cards, cover
from outreach.service.replies import Received, receive
from outreach.store import views
from outreach.web import auth, conversation
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
        assert any(draft.touch.account == "quokka" for draft in views.drafts(unit, ALL))
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


def test_the_guard_speaks_as_of_something_that_is_not_there(here: World, grill: dict[str, str]) -> None:
    with here.app.test_request_context(), pytest.raises(NotFound):
        auth.must_see("jonas", [("account", "quokka")], everything=False)
    with here.app.test_request_context():
        auth.must_see(
            "jonas", [("account", "nobody"), ("note", "quokka"), ("account", "a1")], everything=False
        )
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

"""Why, and what would happen next, as pages: what ops ask of one account."""

from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient

from outreach.library.drafts import Drafts, digest
from tests.web.scenes import busy_day
from tests.web.test_desk import text_of
from tests.web.world import World, post


@pytest.fixture
def otto(here: World) -> FlaskClient:
    return here.signed_in("otto", "ops")


@pytest.fixture
def let_down(here: World) -> World:
    """Two deliveries at an account with a name: one is too little late, one is late enough."""
    here.account("a1", "Berlin Kitchens", person="anna")
    here.late("a1", "anna", "o-1", 1)
    here.late("a1", "anna", "o-2", 3)
    return here


def test_why_and_why_not(let_down: World, otto: FlaskClient) -> None:
    seen = text_of(otto.get("/ops/why?account=a1"))
    assert "event.days_late was 1" in seen and "a run started" in seen
    assert "Call (step 1) to anna: on the desk; it may be dialled now" in seen
    assert "bad-review listens to review.bad; a1 has had none of these" in seen
    assert otto.get("/ops/why").status_code == 200


def test_it_is_answered_on_either_database(either: World) -> None:
    either.account("a1", "Berlin Kitchens", person="anna")
    either.late("a1", "anna", "o-2", 3)
    rows = either.signed_in("otto", "ops").get("/ops/why.json?account=a1&playbook=late-delivery").json["rows"]
    assert [row["outcome"] for row in rows] == ["started"] and "may be dialled now" in rows[0]["sentence"]


def test_what_is_not_there_is_named_with_what_may_have_been_meant(let_down: World, otto: FlaskClient) -> None:
    answer = otto.get("/ops/why?account=a1x")
    assert answer.status_code == 404 and "did you mean a1" in answer.text
    answer = otto.get("/ops/why?account=a1&playbook=late-delivry")
    assert answer.status_code == 404 and "did you mean late-delivery" in answer.text
    assert otto.get("/ops/why?account=a1&at=yesterday").status_code == 422


def test_an_account_is_found_by_its_name_which_stays_out_of_the_address(
    let_down: World, otto: FlaskClient
) -> None:
    found = post(otto, "/ops/why", {"account": "kitchens", "playbook": "late-delivery"})
    assert found.status_code == 302
    assert found.headers["Location"] == "/ops/why?account=a1&playbook=late-delivery"
    let_down.account("a2", "Hamburg Kitchens", person="bea")
    both = post(otto, "/ops/why", {"account": "kitchens"}).text
    assert "Which one?" in both and "Berlin Kitchens" in both and "account=a2" in both
    assert post(otto, "/ops/why", {"account": "nobody at all"}).status_code == 404


def test_the_same_as_json_for_the_same_people(let_down: World, otto: FlaskClient) -> None:
    answer = otto.get("/ops/why.json?account=a1&playbook=late-delivery&limit=1")
    assert answer.content_type == "application/json"
    (row,) = answer.json["rows"]
    assert row["outcome"] == "started" and row["tree"]["parts"][0]["code"] == "condition"
    assert answer.json["as_of"] == "now" and answer.json["more"] == 1
    assert otto.get("/ops/why.json?account=a2").status_code == 404
    jonas = let_down.signed_in()
    for path in ("/ops/why?account=a1", "/ops/why.json?account=a1", "/ops/simulate"):
        assert jonas.get(path).status_code == 403


def test_one_page_leads_to_the_other(let_down: World, otto: FlaskClient) -> None:
    assert "/ops/simulate?account=a1" in otto.get("/ops/why?account=a1").text
    assert 'value="a1"' in otto.get("/ops/simulate?account=a1").text
    mona = let_down.signed_in("mona", "admin")
    page = mona.get("/desk/accounts/a1").text
    assert "/ops/why?account=a1" in page and "/ops/simulate?account=a1" in page
    assert "/ops/why" not in let_down.signed_in().get("/desk/accounts/a1").text


def test_what_would_happen_next_is_asked_of_the_command(let_down: World, otto: FlaskClient) -> None:
    """For real: a process of its own, on this house's database."""
    asked = {
        "account": "a1",
        "at": "2026-03-02T12:00",
        "days": "3",
        "what_if": "delivery.delayed order=o-9 days_late=4",
    }
    seen = text_of(post(otto, "/ops/simulate", asked))
    assert "It was played again from the stored history up to then." in seen
    assert "Under way: 1" in seen and "(delivery.delayed o-9)" in seen
    assert "repeat-failure: a run started" in seen and "Open at the end" in seen


def test_what_is_wrong_with_it_is_said_and_what_was_typed_stays(
    let_down: World, otto: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = post(otto, "/ops/simulate", {"account": "a1", "what_if": "delivery.delaid order=1"})
    assert answer.status_code == 409 and "did you mean delivery.delayed?" in answer.text
    assert "delivery.delaid order=1</textarea>" in answer.text

    def never(*words: Any, **more: Any) -> None:
        raise AssertionError("nothing is to be tried")

    monkeypatch.setattr("outreach.web.workshop.ask", never)
    for wrong in ({"account": " "}, {"account": "a1", "days": "999"}, {"account": "a1", "at": "soon"},
                  {"account": "a1", "what_if": "x\n" * 21}):  # fmt: skip
        assert post(otto, "/ops/simulate", wrong).status_code in (404, 422)


def test_a_draft_is_tried_on_one_customer(let_down: World, otto: FlaskClient) -> None:
    settings = let_down.house.settings
    kept, file = Drafts(settings.root, settings.data_dir / "drafts"), "playbooks/late-delivery.yaml"
    text = kept.live(file)
    assert text
    changed = text.replace('days_late >= 2 or account.tier == "gold"', "days_late >= 7")
    kept.write("late-delivery", file, changed, digest(text), "otto", let_down.clock.now())
    assert "with the draft of late-delivery" in otto.get("/ops/simulate?account=a1&draft=late-delivery").text
    asked = {"account": "a1", "days": "1", "what_if": "delivery.delayed order=o-9 days_late=5"}
    assert "late-delivery: a run started" in text_of(post(otto, "/ops/simulate", asked))
    seen = text_of(post(otto, "/ops/simulate", {**asked, "draft": "late-delivery"}))
    assert "late-delivery: its condition does not hold" in seen and "event.days_late &gt;= 7" in seen
    assert "What comes is judged with the draft of late-delivery" in seen
    assert post(otto, "/ops/simulate", {**asked, "draft": "../late"}).status_code == 404


def test_what_comes_next_is_asked_by_name_too(here: World) -> None:
    busy_day(here)
    otto = here.signed_in("otto", "ops")
    several = post(otto, "/ops/simulate", {"account": "er", "days": "2"})
    assert (
        several.status_code == 404
        and "Several may be meant: " in several.text
        and "(a1)" in several.text
        and "(a6)" in several.text
    )
    assert "Name an account" in post(otto, "/ops/simulate", {"account": " ", "days": "2"}).text
    assert (
        "There is no account Nobody" in post(otto, "/ops/simulate", {"account": "Nobody", "days": "2"}).text
    )

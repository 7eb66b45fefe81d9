"""The feed at its door: CloudEvents, a cursor, and an answer to everything that is asked wrongly."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from outreach.service import desk
from outreach.service.errands import run_errands
from outreach.service.feed import KEPT_FOR
from outreach.service.remedies import Offer, offer
from outreach.web.cloudevents import STRUCTURED, read_one
from tests.web.test_api import Caller
from tests.web.world import World


@pytest.fixture
def day(either: World) -> World:
    """A delivery that is late, and a credit for it that the manager granted."""
    either.account("a1", "Berlin Kitchens", person="anna")
    either.late("a1", "anna")
    either.tick()
    until = either.clock.time + timedelta(days=1)
    offer(
        either.house.outside,
        Offer("r1", "a1", "delivery/o-1", "credit", 350.0, until),
        "ruth",
        may_grant=True,
    )
    return either


def ask(caller: Caller, query: str = "", code: int = 200) -> Any:
    answer = caller.send("GET", "/v1/feed" + query)
    assert answer.status_code == code, answer.text
    return answer.json


def test_a_remedy_is_a_cloudevent_with_all_that_the_books_need(day: World) -> None:
    page = ask(Caller(day, "feed:read"))
    assert page["cursor"] == 2
    granted, promised = page["events"]
    assert granted == {
        "specversion": "1.0", "id": "r1", "source": "outreach", "type": "remedy.granted", "subject": "a1",
        "time": granted["time"], "sequence": "000000000000000001", "datacontenttype": "application/json",
        "data": {
            "remedy_id": "r1", "failure": "delivery/o-1", "key": "o-1", "remedy": "credit", "amount": 350.0,
            "currency": "EUR", "by": "ruth", "granted_by": "ruth",
        },
    }  # fmt: skip
    assert promised["type"] == "promise.made" and "what" not in promised["data"]
    assert "anna" not in str(page) and "credit of" not in str(page)


def test_what_we_tell_is_what_we_would_take(day: World) -> None:
    import orjson

    for told in ask(Caller(day, "feed:read"))["events"]:
        assert read_one(STRUCTURED, orjson.dumps(told), {}) == told


def test_reading_on_from_the_cursor(day: World) -> None:
    caller = Caller(day, "feed:read")
    first = ask(caller, "?limit=1")
    assert (first["cursor"], [told["id"] for told in first["events"]]) == (1, ["r1"])
    second = ask(caller, f"?limit=1&after={first['cursor']}")
    assert (second["cursor"], [told["id"] for told in second["events"]]) == (2, ["r1-promise"])
    assert ask(caller, "?after=2") == {"cursor": 2, "events": []}
    day.pass_time(minutes=1)
    desk.put_right(day.house.outside, "a1", "delivery/o-1", "jonas", "customer", "")
    (told,) = ask(caller, "?after=2")["events"]
    assert told["type"] == "failure.put_right"
    assert told["data"] == {"failure": "delivery/o-1", "said_by": "customer", "by": "jonas"}
    assert ask(caller, "?after=0") == ask(caller)


def test_some_types_only(day: World) -> None:
    caller = Caller(day, "feed:read")
    page = ask(caller, "?type=remedy.granted")
    assert ([told["type"] for told in page["events"]], page["cursor"]) == (["remedy.granted"], 2)
    assert len(ask(caller, "?type=remedy.granted&type=promise.made")["events"]) == 2
    assert ask(caller, "?type=promise.kept") == {"cursor": 2, "events": []}


def test_what_was_taken_back_says_so_without_data(day: World) -> None:
    caller = Caller(day, "feed:read")
    day.pass_time(days=1, hours=1)
    day.tick()
    cursor = ask(caller)["cursor"]
    data = {"promise_id": "r1-promise", "by": "jonas"}
    day.tell("promise.kept", "a1", data, ago=timedelta(hours=2))
    (gone,) = ask(caller, f"?after={cursor}&type=promise.overdue")["events"]
    assert gone["retracted"] is True and "data" not in gone and gone["source"] == "outreach/clock"


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("?after=-1", "after"),
        ("?after=x", "after"),
        ("?after=1.5", "after"),
        ("?after=", "after"),
        ("?after=9223372036854775808", "after"),
        ("?limit=0", "limit"),
        ("?limit=1001", "limit"),
        ("?cursor=1", "cursor"),
        ("?type=remedy.grantd", "did you mean remedy.granted?"),
        ("?type=", "is not in the feed"),
        ("?type=order.placed", "order.placed is not in the feed"),
        ("?" + "&".join(["type=remedy.granted"] * 101), "type"),
    ],
)
def test_what_is_asked_wrongly_is_422_and_says_what(here: World, query: str, words: str) -> None:
    assert words in ask(Caller(here, "feed:read"), query, 422)["detail"]


def test_a_cursor_from_before_what_is_kept_is_410(day: World) -> None:
    caller = Caller(day, "feed:read")
    day.pass_time(days=KEPT_FOR.days + 1)
    run_errands(day.house.outside)
    problem = ask(caller, "?after=1", 410)
    assert "forgotten up to 2" in problem["detail"] and "Begin again without `after`" in problem["detail"]
    assert ask(caller) == ask(caller, "?after=2") == {"cursor": 2, "events": []}


def test_a_cursor_beyond_the_end_is_410(day: World) -> None:
    assert "ends at 2" in ask(Caller(day, "feed:read"), "?after=3", 410)["detail"]


def test_a_token_for_other_things_is_403(day: World) -> None:
    answer = Caller(day, "holds:read", "events:write", "people:read").send("GET", "/v1/feed")
    assert answer.status_code == 403 and "feed:read" in answer.json["detail"]


def test_its_description_says_what_may_be_asked(here: World) -> None:
    spec = here.app.test_client().get("/v1/openapi.json").json
    told = spec["paths"]["/v1/feed"]["get"]
    assert {each["name"]: each["in"] for each in told["parameters"]} == {
        "after": "query",
        "limit": "query",
        "type": "query",
    }
    assert {"200", "401", "403", "410"} <= told["responses"].keys()

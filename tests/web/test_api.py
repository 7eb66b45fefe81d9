"""The API: every answer of DESIGN's table, tokens and scopes, limits, and that what is answered is stored."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from openapi_spec_validator import validate

from outreach.service.ports_faults import Unavailable
from tests.web.world import World

STRUCTURED = "application/cloudevents+json"
BATCH = "application/cloudevents-batch+json"


def late(id_: str = "e-1", **more: Any) -> dict[str, Any]:
    data = more.pop("data", {"order_id": "o-1", "days_late": 3})
    return {
        "specversion": "1.0", "id": id_, "source": "shop", "type": "delivery.delayed", "subject": "a1",
        "time": "2026-03-02T09:00:00Z", "data": data, **more,
    }  # fmt: skip


class Caller:
    """Sends with a token."""

    def __init__(self, here: World, *scopes: str) -> None:
        self.client = here.app.test_client()
        self.headers = {"Authorization": f"Bearer {here.token(*scopes)}"}

    def send(self, method: str, path: str, body: Any = None, kind: str = STRUCTURED, **headers: str) -> Any:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        return self.client.open(
            path, method=method, data=data, content_type=kind, headers={**self.headers, **headers}
        )

    def event(self, body: Any, kind: str = STRUCTURED, **headers: str) -> Any:
        return self.send("POST", "/v1/events", body, kind, **headers)


@pytest.fixture
def caller(here: World) -> Caller:
    here.account("a1", "Berlin Kitchens", person="anna")
    return Caller(here, "events:write")


def stored(here: World) -> int:
    with here.house.database.view() as unit:
        return int(unit.bulk.rows("select count(*) from event where source = 'shop'")[0][0])


# -- one event -------------------------------------------------------------------------------------------


def test_an_event_is_accepted_once_and_then_a_duplicate(here: World, caller: Caller) -> None:
    first, second = caller.event(late()), caller.event(late())
    assert (first.status_code, first.json) == (200, {"outcome": "accepted", "reasons": []})
    assert (second.status_code, second.json["outcome"]) == (200, "duplicate")
    assert stored(here) == 1 and len(here.cards()) == 1


def test_other_content_under_the_same_id_is_a_revision(caller: Caller) -> None:
    caller.event(late())
    assert caller.event(late(time="2026-03-02T09:10:00Z")).json["outcome"] == "revised"


@pytest.mark.parametrize("change", [{"subject": "nobody"}, {"time": "2026-03-09T09:00:00Z"}])
def test_what_cannot_be_placed_yet_is_parked(caller: Caller, change: dict[str, Any]) -> None:
    answer = caller.event(late(**change))
    assert answer.status_code == 200 and answer.json["outcome"] == "parked" and answer.json["reasons"]


@pytest.mark.parametrize(
    "change",
    [
        {"type": "delivery.delaid"},
        {"data": {"order_id": 7}},
        {"data": {}},
        {"data": [1]},
        {"time": "yesterday"},
        {"subject": ""},
        {"type": "failure.put_right", "data": {"failure": "delivery/o-1"}},
    ],
)
def test_a_wrong_event_is_kept_in_quarantine(here: World, caller: Caller, change: dict[str, Any]) -> None:
    answer = caller.event(late(**change))
    assert answer.status_code == 422 and answer.json["outcome"] == "quarantined" and answer.json["reasons"]
    with here.house.database.view() as unit:
        assert unit.bulk.rows("select count(*) from quarantine")[0][0] == 1


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"{", STRUCTURED),
        (b"[1]", STRUCTURED),
        (b'"text"', STRUCTURED),
        (b"{}", STRUCTURED),
        (b"", STRUCTURED),
        (b'{"specversion": "1.0", "id": "x"}', STRUCTURED),
        (json.dumps(late(specversion="0.3")).encode(), STRUCTURED),
        (json.dumps(late("")).encode(), STRUCTURED),
        (b'{"order_id": "o-1"}', "application/json"),
        (b"{}", BATCH),
        (b"[", BATCH),
        (b"<event/>", "application/xml"),
        (b'{"id": NaN}', STRUCTURED),
        (b"\xff\xfe", STRUCTURED),
    ],
)
def test_what_is_no_cloudevent_is_refused(here: World, caller: Caller, body: bytes, kind: str) -> None:
    answer = caller.event(body, kind)
    assert answer.status_code == 400 and answer.content_type == "application/problem+json"
    assert stored(here) == 0


def test_binary_mode_reads_the_headers(here: World, caller: Caller) -> None:
    raw = late()
    headers = {f"ce-{name}": raw[name] for name in ("specversion", "id", "source", "type", "subject", "time")}
    answer = caller.event(raw["data"], "application/json", **headers)
    assert answer.json["outcome"] == "accepted"
    assert caller.event(raw).json["outcome"] == "duplicate", "the same event in another mode"


def test_binary_headers_are_percent_decoded(here: World, caller: Caller) -> None:
    headers = {f"ce-{name}": value for name, value in late("e%20%C3%BC").items() if isinstance(value, str)}
    caller.event(late()["data"], "application/json", **headers)
    with here.house.database.view() as unit:
        assert unit.event("shop|e ü") is not None


def test_plain_json_counts_as_structured(caller: Caller) -> None:
    assert caller.event(late(), "application/json").json["outcome"] == "accepted"


def test_data_in_base64_is_read(caller: Caller) -> None:
    raw = late()
    raw["data_base64"] = base64.b64encode(json.dumps(raw.pop("data")).encode()).decode()
    assert caller.event(raw).json["outcome"] == "accepted"


# -- a batch ---------------------------------------------------------------------------------------------


def test_a_batch_answers_each_item_and_bad_ones_do_not_stop_good_ones(here: World, caller: Caller) -> None:
    items = [
        late("e-1"),
        late("e-2", type="nonsense"),
        7,
        {"id": "x"},
        late("e-1"),
        late("e-3", subject="later"),
    ]
    answer = caller.event(items, BATCH)
    outcomes = [item["outcome"] for item in answer.json["answers"]]
    assert answer.status_code == 200
    assert outcomes == ["accepted", "quarantined", "quarantined", "quarantined", "duplicate", "parked"]
    assert answer.json["answers"][0]["id"] == "e-1" and stored(here) == 1


def test_an_empty_batch_is_fine(caller: Caller) -> None:
    assert caller.event([], BATCH).json == {"answers": []}


def test_a_batch_has_a_limit(here: World, caller: Caller) -> None:
    answer = caller.event([late(f"e-{n}") for n in range(1001)], BATCH)
    assert answer.status_code == 400 and stored(here) == 0


def test_too_large_bodies_are_refused(here: World, caller: Caller) -> None:
    words = "x" * (here.house.settings.max_body + 1)
    assert caller.event(late(data={"order_id": words})).status_code == 413
    many = b"[" + b" " * (here.house.settings.max_batch_body + 1) + b"]"
    assert caller.event(many, BATCH).status_code == 413
    assert stored(here) == 0


# -- not durable -----------------------------------------------------------------------------------------


def test_what_could_not_be_stored_is_503_with_retry_after(here: World, caller: Caller) -> None:
    def broken(work: Callable[..., Any]) -> Any:
        raise Unavailable("disk full")

    database = here.house.database
    database.retrying = broken  # type: ignore[method-assign]
    answer = caller.event(late())
    del database.retrying
    assert answer.status_code == 503 and int(answer.headers["Retry-After"]) >= 1
    assert caller.event(late()).json["outcome"] == "accepted", "the same again goes through"


def test_a_closed_house_refuses_events(here: World, caller: Caller) -> None:
    here.app.extensions["outreach"].writer.close()
    assert caller.event(late()).status_code == 503


# -- who may ---------------------------------------------------------------------------------------------

DOORS = [
    ("POST", "/v1/events", "events:write"),
    ("PUT", "/v1/accounts/a1", "accounts:write"),
    ("PUT", "/v1/people/p1", "people:write"),
    ("POST", "/v1/people/lookup", "people:read"),
    ("POST", "/v1/may-send", "may-send:read"),
    ("GET", "/v1/holds", "holds:read"),
    ("GET", "/v1/feed", "feed:read"),
]


@pytest.mark.parametrize(("method", "path", "scope"), DOORS)
def test_every_door_asks_for_a_token_with_its_scope(here: World, method: str, path: str, scope: str) -> None:
    client = here.app.test_client()
    for header in (
        {},
        {"Authorization": "Bearer nonsense"},
        {"Authorization": "Basic abc"},
        {"Authorization": "Bearer"},
    ):
        answer = client.open(path, method=method, headers=header)
        assert answer.status_code == 401 and answer.headers["WWW-Authenticate"].startswith("Bearer")
    others = [other for _, _, other in DOORS if other != scope]
    assert Caller(here, *others).send(method, path).status_code == 403
    assert Caller(here, scope).send(method, path, {}).status_code in (200, 400, 422)


def test_every_v1_route_is_in_this_table(here: World) -> None:
    rules = {
        rule.rule.replace("<path:id>", "X")
        for rule in here.app.url_map.iter_rules()
        if rule.endpoint.startswith("api.")
    }
    assert rules == {path.replace("a1", "X").replace("p1", "X") for _, path, _ in DOORS}


def test_a_revoked_or_expired_token_is_refused_at_once(here: World) -> None:
    caller = Caller(here, "holds:read")
    assert caller.send("GET", "/v1/holds").status_code == 200
    here.token("holds:read", revoked=True)
    assert caller.send("GET", "/v1/holds").status_code == 401
    here.token("holds:read", expires=here.clock.time + timedelta(minutes=1))
    assert caller.send("GET", "/v1/holds").status_code == 200
    here.pass_time(minutes=1)
    assert caller.send("GET", "/v1/holds").status_code == 401


def test_a_session_is_no_token(here: World) -> None:
    assert here.signed_in(role="admin").get("/v1/holds").status_code == 401


# -- accounts and people -----------------------------------------------------------------------------------


def test_an_account_is_described_and_the_same_again_is_a_duplicate(here: World) -> None:
    caller = Caller(here, "accounts:write")
    gold, silver = {"name": "Grills", "tier": "gold"}, {"name": "Grills", "tier": "silver"}
    said = [
        caller.send("PUT", "/v1/accounts/a/7", body).json["outcome"]
        for body in (gold, gold, silver, gold, silver)
    ]
    assert said == ["accepted", "duplicate", "accepted", "accepted", "accepted"]
    with here.house.database.view() as unit:
        account = unit.account("a/7")
    assert account is not None and account.described["tier"] == "silver"


def test_what_waited_for_an_account_comes_in_with_it(here: World) -> None:
    events = Caller(here, "events:write", "accounts:write")
    assert events.event(late(subject="new")).json["outcome"] == "parked"
    events.send("PUT", "/v1/accounts/new", {"name": "New", "owner": "jonas"})
    assert len(here.cards()) == 1


@pytest.mark.parametrize(
    "body",
    [
        {"nmae": "x"},
        {"kind": "cat"},
        {"value": -1},
        {"country": "Germany"},
        [],
        "x",
        b"{",
        {"name": "x" * 600},
    ],
)
def test_a_wrong_account_is_422_with_every_fault(here: World, body: Any) -> None:
    answer = Caller(here, "accounts:write").send("PUT", "/v1/accounts/a1", body)
    assert answer.status_code == 422 and answer.json["detail"]
    with here.house.database.view() as unit:
        assert unit.account("a1") is None


def test_a_person_is_described_with_normal_endpoints(here: World) -> None:
    caller = Caller(here, "people:write")
    body = {
        "name": "Anna", "phone": "030 123456", "email": " Anna@Example.com ",
        "accounts": [{"account": "a1", "roles": ["buyer"]}],
    }  # fmt: skip
    assert [caller.send("PUT", "/v1/people/p1", body).json["outcome"] for _ in range(2)] == [
        "accepted",
        "duplicate",
    ]
    with here.house.database.view() as unit:
        person = unit.people(["p1"])["p1"]
    assert person.described["phone"] == "+4930123456" and person.described["email"] == "anna@example.com"
    assert person.roles == {"a1": ("buyer",)}


@pytest.mark.parametrize(
    "body", [{"phone": "12"}, {"email": "anna"}, {"accounts": [{"roles": []}]}, {"accounts": 3}]
)
def test_a_wrong_person_is_422(here: World, body: Any) -> None:
    assert Caller(here, "people:write").send("PUT", "/v1/people/p1", body).status_code == 422


def test_a_person_is_looked_up_by_phone_or_mail(here: World) -> None:
    here.account("a1", "Berlin Kitchens", person="anna")
    here.late("a1", "anna")
    caller = Caller(here, "people:read")
    (found,) = caller.send("POST", "/v1/people/lookup", {"email": "ANNA@example.com"}).json["people"]
    assert found["id"] == "anna" and found["accounts"][0]["owner"] == "jonas"
    assert found["open_failures"][0]["failure"] == "delivery/o-1"
    assert caller.send("POST", "/v1/people/lookup", {"phone": "+4930999"}).json == {"people": []}
    for wrong in ({}, {"phone": "x"}, {"phone": "1", "email": "a@b.cd"}):
        assert caller.send("POST", "/v1/people/lookup", wrong).status_code == 422


# -- holds -----------------------------------------------------------------------------------------------


def test_mail_is_held_while_a_failure_is_open(either: World) -> None:
    either.account("a1", "Berlin Kitchens", person="anna")
    either.late("a1", "anna")
    caller = Caller(either, "may-send:read", "holds:read")
    asked = [
        {"purpose": "marketing", "email": "Anna@example.com"},
        {"purpose": "transactional", "person": "anna"},
        {"purpose": "marketing", "email": "stranger@example.com"},
    ]
    answers = caller.send("POST", "/v1/may-send", {"asked": asked}).json["answers"]
    assert [answer["answer"] for answer in answers] == ["hold", "allow", "allow"]
    assert answers[0]["until"] and answers[0]["sentence"]

    feed = caller.send("GET", "/v1/holds").json
    assert feed["holds"][0]["account"] == "a1" and "marketing" in feed["holds"][0]["purposes"]
    again = caller.send("GET", f"/v1/holds?cursor={feed['cursor']}").json
    assert again == {"cursor": feed["cursor"], "holds": []}


@pytest.mark.parametrize(
    "body",
    [
        {}, {"asked": []}, {"asked": [{"purpose": "marketing"}]}, {"asked": [{"purpose": "spam", "email": "a@b.cd"}]},
        {"asked": [{"purpose": "marketing", "email": "a@b.cd", "person": "p"}]},
        {"asked": [{"purpose": "marketing", "person": "p"}] * 1001},
    ],
)  # fmt: skip
def test_a_wrong_question_is_422(here: World, body: Any) -> None:
    assert Caller(here, "may-send:read").send("POST", "/v1/may-send", body).status_code == 422


@pytest.mark.parametrize("query", ["cursor=-1", "cursor=x", "limit=0", "limit=9999", "what=1"])
def test_a_wrong_cursor_is_422(here: World, query: str) -> None:
    assert Caller(here, "holds:read").send("GET", f"/v1/holds?{query}").status_code == 422


# -- its description ---------------------------------------------------------------------------------------


def test_the_description_is_valid_openapi_3_1(here: World) -> None:
    spec = here.app.test_client().get("/v1/openapi.json").json
    assert spec["openapi"].startswith("3.1")
    validate(spec)
    assert set(spec["paths"]) == {
        "/v1/events", "/v1/accounts/{id}", "/v1/people/{id}", "/v1/people/lookup", "/v1/may-send", "/v1/holds",
        "/v1/feed",
    }  # fmt: skip
    for path, methods in spec["paths"].items():
        for method, told in methods.items():
            assert told.get("security") == [{"bearer": []}], path
            assert method == "get" or "requestBody" in told, path


def test_the_page_of_the_description_comes_from_this_machine_alone(here: World) -> None:
    client = here.app.test_client()
    page = client.get("/v1/docs").text
    assert "http" not in page.replace("openapi.json", "")
    for path in ("css/swagger-ui.css", "js/swagger-ui-bundle.js"):
        with client.get(f"/v1/docs/swagger/{path}") as response:
            assert response.status_code == 200

"""Reception itself: every route asks who it is, no unsafe request without a token, headers on everything."""

from __future__ import annotations

import re
from typing import Any

import pytest
from werkzeug.routing import Rule

from outreach.web import auth
from outreach.web.app import HEADERS
from outreach.web.front import inside
from tests.web.scenes import busy_day
from tests.web.world import PASSWORD, World, post

OPEN = {
    "/login",
    "/login/oidc",
    "/login/oidc/back",
    "/theme",
    "/healthz",
    "/readyz",
    "/metrics",
    "/static/",
    "/bootstrap/static/",
    "/v1/",
    "/hooks/",
    "/u/",
    "/care/",
    "/diary/",
    "/welcome/",
}
VALUES = {"card_id": "c1", "touch_id": "t1", "account": "a1", "person": "anna", "name": "x.eml", "id_": "q1",
          "filename": "theme.css", "id": "a1", "token": "t1", "call_id": "c1", "ask_id": "a1"}  # fmt: skip
ROLE_OF_PAGE = {
    "/desk": {"am", "manager", "admin"}, "/ops": {"manager", "ops", "admin"},
    "/outbox": {"am", "manager", "ops", "admin"}, "/desk/lookup": {"am", "manager", "admin", "service"},
}  # fmt: skip


def rules(here: World, unsafe: bool) -> list[tuple[Rule, str]]:
    """Every (rule, address) that takes GET, or that takes an unsafe method."""
    found = []
    for rule in here.app.url_map.iter_rules():
        methods = (rule.methods or set()) - {"HEAD", "OPTIONS"}
        if bool(methods - {"GET"}) is unsafe:
            found.append((rule, re.sub(r"<(?:\w+:)?(\w+)>", lambda name: VALUES[name[1]], rule.rule)))
    assert len(found) > 10
    return found


def is_open(path: str) -> bool:
    return any(path == start or (start.endswith("/") and path.startswith(start)) for start in OPEN)


# -- who is it? --------------------------------------------------------------------------------------------


def test_every_page_sends_strangers_to_the_door(here: World) -> None:
    client = here.app.test_client()
    for _, path in rules(here, unsafe=False):
        with client.get(path) as response:
            if is_open(path):
                assert response.status_code in (200, 401, 404, 405), path
            else:
                assert response.status_code == 302 and "/login" in response.headers["Location"], path


def test_every_unsafe_route_sends_strangers_to_the_door(here: World) -> None:
    client = here.app.test_client()
    for rule, path in rules(here, unsafe=True):
        if is_open(path):
            continue
        response = client.open(path, method=next(iter((rule.methods or set()) - {"OPTIONS", "HEAD", "GET"})))
        assert response.status_code == 302 and "/login" in response.headers["Location"], path


def test_no_unsafe_request_without_a_csrf_token(guarded: World) -> None:
    guarded.app.config["WTF_CSRF_ENABLED"] = False
    client = guarded.signed_in(role="admin")
    guarded.app.config["WTF_CSRF_ENABLED"] = True
    before = everything(guarded)
    for rule, path in rules(guarded, unsafe=True):
        if path.startswith(("/v1/", "/hooks/", "/u/", "/care/")):  # a token or a signature of their own
            continue
        for method in (rule.methods or set()) - {"OPTIONS", "HEAD", "GET"}:
            assert client.open(path, method=method).status_code == 400, path
    assert everything(guarded) == before


def test_a_form_with_its_token_goes_through(guarded: World) -> None:
    guarded.user("jonas")
    client = guarded.app.test_client()
    page = client.get("/login").text
    token = re.search(r'name="csrf_token" value="([^"]+)"', page)
    assert token
    form = {"email": "jonas@house.example", "password": PASSWORD, "csrf_token": token[1]}
    assert post(client, "/login", form).status_code == 302
    assert client.get("/desk").status_code == 200


def test_looking_changes_nothing(here: World) -> None:
    busy_day(here)
    client = here.signed_in(role="admin")
    before = everything(here)
    seen, queue = set(), ["/", "/desk", "/desk?whose=all", "/ops", "/desk/pulse", "/metrics", "/readyz"]
    while queue:
        path = queue.pop()
        if path in seen or len(seen) > 150:
            continue
        seen.add(path)
        with client.get(path) as response:
            assert response.status_code < 400, f"{path}: {response.status_code}"
            text = response.text if "html" in response.content_type else ""
        queue += [
            link.replace("&amp;", "&")
            for link in re.findall(r'href="(/[^"#]*)', text)
            if "swagger" not in link
        ]
    assert any("/desk/cards/" in path for path in seen) and any("/desk/accounts/" in path for path in seen)
    assert everything(here) == before


def everything(here: World) -> dict[str, list[Any]]:
    """Every row of the database."""
    with here.house.database.view() as unit:
        tables = unit.bulk.rows("select name from sqlite_master where type = 'table' order by name")
        return {name: list(unit.bulk.rows(f'select * from "{name}"')) for (name,) in tables}


@pytest.mark.parametrize("role", auth.ROLES)
def test_roles_see_what_is_theirs(here: World, role: str) -> None:
    client = here.signed_in("ruth", role)
    for path, roles in ROLE_OF_PAGE.items():
        assert client.get(path).status_code == (200 if role in roles else 403), path
    steer = 302 if role in ("ops", "admin") else 403
    assert post(client, "/ops/stop", {"sure": "no", "reason": "x"}).status_code == steer
    let_be = post(
        client, "/desk/say/let-be", {"account": "nobody", "failure": "x/y", "reason": "x"}
    ).status_code
    assert (let_be == 403) == (role not in ("manager", "admin"))


@pytest.mark.parametrize("role", auth.ROLES)
def test_every_route_says_who_may_and_nobody_else_may(here: World, role: str) -> None:
    """A new route without a word about who may use it fails here."""
    busy_day(here)
    client, swept = here.signed_in("ruth", role), 0
    for unsafe in (False, True):
        for rule, path in rules(here, unsafe):
            view = here.app.view_functions[rule.endpoint]
            if is_open(path) or rule.endpoint in ("front.home", "front.sign_out"):
                continue
            asks = getattr(view, "asks_for", None)
            assert asks in auth.MAY, f"{rule.endpoint} says not who may use it"
            method = next(iter((rule.methods or set()) - {"HEAD", "OPTIONS"}))
            with client.open(path, method=method) as response:
                assert (response.status_code == 403) is (role not in auth.MAY[asks]), (
                    path,
                    response.status_code,
                )
            swept += 1
    assert swept > 60


def test_whoever_meets_customers_looks_them_up_and_sees_no_orders(here: World) -> None:
    busy_day(here)
    client = here.signed_in("wanda", "service")
    assert client.get("/").headers["Location"].endswith("/desk/lookup")
    with here.house.database.view() as unit:
        phone = unit.people(["anna"])["anna"].described["phone"]
    page = post(client, "/desk/lookup", {"endpoint": phone}, follow_redirects=True).text
    assert "Anna Weber" in page and "Likes it short" in page and "delivery" in page
    for hidden in ("o-1001", "120,000", "/desk/accounts/", "Make an address", "When they may be rung"):
        assert hidden not in page, hidden
    told = {"person": "anna", "kind": "days", "value": "not monday"}
    assert (
        "On these days: not monday (told wanda"
        in post(client, "/desk/say/told", told, follow_redirects=True).text
    )
    with here.house.database.view() as unit:
        rows = [row for row in unit.audit_of("person:anna") if row.what == "person.looked_up"]
    assert {row.who for row in rows} == {"wanda"} and len(rows) >= 2


# -- signing in --------------------------------------------------------------------------------------------


def test_a_wrong_password_and_an_unknown_address_look_the_same(here: World) -> None:
    here.user("jonas")
    client = here.app.test_client()
    pages = []
    for email in ("jonas@house.example", "nobody@house.example"):
        response = post(client, "/login", {"email": email, "password": "wrong"})
        assert response.status_code == 422
        pages.append(response.text.replace(email, "EMAIL"))
    strip = re.compile(r'value="[^"]{40,}"')
    assert strip.sub("", pages[0]) == strip.sub("", pages[1])


def test_a_disabled_colleague_does_not_come_in_and_is_out_at_once(here: World) -> None:
    client = here.signed_in()
    assert client.get("/desk").status_code == 200
    here.user("jonas", active=False)
    assert client.get("/desk").status_code == 302
    form = {"email": "jonas@house.example", "password": PASSWORD}
    assert post(here.app.test_client(), "/login", form).status_code == 422


@pytest.mark.parametrize("change", [{"role": "ops"}, {}])
def test_a_new_role_or_password_ends_old_sessions(here: World, change: dict[str, str]) -> None:
    client = here.signed_in()
    here.user("jonas", **change)  # a new hash of the same password is a new password, too
    assert client.get("/desk").status_code == 302


def test_sessions_end_after_a_week_whatever_happens(here: World) -> None:
    client = here.signed_in()
    for _ in range(6):
        here.pass_time(days=1)
        assert client.get("/desk").status_code == 200
    here.pass_time(days=1, minutes=1)
    assert client.get("/desk").status_code == 302


def test_signing_in_begins_a_fresh_session(here: World) -> None:
    client = here.app.test_client()
    with client.session_transaction() as session:
        session["planted"] = "by somebody else"
    here.user("jonas")
    post(client, "/login", {"email": "JONAS@house.example ", "password": PASSWORD})
    with client.session_transaction() as session:
        assert "planted" not in session and session["_user_id"] == "jonas"


def test_signing_out_ends_the_session(here: World) -> None:
    client = here.signed_in()
    post(client, "/logout")
    assert client.get("/desk").status_code == 302


def test_the_cookie_is_shut_to_scripts_and_other_sites(here: World) -> None:
    here.user("jonas")
    response = post(here.app.test_client(), "/login", {"email": "jonas@house.example", "password": PASSWORD})
    cookie = response.headers["Set-Cookie"]
    assert "HttpOnly" in cookie and "SameSite=Lax" in cookie
    here.app.config.update(SESSION_COOKIE_SECURE=True)
    response = post(here.app.test_client(), "/login", {"email": "jonas@house.example", "password": PASSWORD})
    assert "Secure" in response.headers["Set-Cookie"]


def test_guessing_is_slowed_down(guarded: World) -> None:
    guarded.app.config["WTF_CSRF_ENABLED"] = False
    guarded.user("jonas")
    client = guarded.app.test_client()
    form = {"email": "jonas@house.example", "password": "wrong"}
    codes = [post(client, "/login", form).status_code for _ in range(12)]
    assert codes[0] == 422 and codes[-1] == 429
    other = post(
        client, "/login", {**form, "email": "ruth@house.example"}, environ_base={"REMOTE_ADDR": "10.0.0.9"}
    )
    assert other.status_code == 422, "others come in meanwhile"


@pytest.mark.parametrize(
    ("asked", "given"),
    [("/desk", "/desk"), ("//evil.example", ""), ("https://evil.example", ""), ("/\\evil.example", ""), ("", ""),
     ("desk", ""), (None, ""), ("/a\nb", "")],
)  # fmt: skip
def test_nobody_is_sent_elsewhere_after_signing_in(asked: str | None, given: str) -> None:
    assert inside(asked) == given


def test_passwords_are_argon2_and_unreadable_hashes_are_no_match() -> None:
    hashed = auth.hash_password("secret words")
    assert hashed.startswith("$argon2id$") and auth.verify(hashed, "secret words")
    assert (
        not auth.verify(hashed, "other words") and not auth.verify("", "x") and not auth.verify("junk", "x")
    )


# -- headers and faults --------------------------------------------------------------------------------------


def test_headers_are_on_every_answer(here: World) -> None:
    client = here.signed_in(role="admin")
    for _, path in rules(here, unsafe=False):
        with client.get(path) as response:
            # The address of a customer's page is its key: not even we are told of it as a referrer.
            stricter = {"Referrer-Policy": "no-referrer"} if path.startswith("/care/") else {}
            for name, value in (HEADERS | stricter).items():
                assert response.headers.get(name) == value, f"{path}: {name}"
            assert "unsafe" not in response.headers["Content-Security-Policy"]
            static = "/static/" in path or "/swagger/" in path
            assert static or response.headers["Cache-Control"] == "no-store", path


def test_hsts_only_over_https(here: World) -> None:
    client = here.app.test_client()
    assert "Strict-Transport-Security" not in client.get("/login").headers
    secure = client.get("/login", base_url="https://outreach.example")
    assert "max-age=31536000" in secure.headers["Strict-Transport-Security"]


def test_pages_carry_no_inline_script_or_style(here: World) -> None:
    busy_day(here)
    client = here.signed_in(role="admin")
    for path in (
        "/login",
        "/desk?whose=all",
        f"/desk/cards/{here.cards()[0]}",
        "/ops",
        "/desk/accounts/a1",
        "/v1/docs",
    ):
        page = client.get(path).text
        assert not re.search(r"<style|\sstyle=|\son\w+=|<script(?![^>]*\ssrc=)", page), path


@pytest.mark.parametrize(("path", "code"), [("/nothing", 404), ("/desk/cards/nothing", 404), ("/login", 405)])
def test_faults_look_like_the_house(here: World, path: str, code: int) -> None:
    client = here.signed_in()
    response = client.delete(path) if code == 405 else client.get(path)
    assert response.status_code == code and "Traceback" not in response.text
    assert "theme.css" in response.text and "<h1>" in response.text


@pytest.mark.parametrize(
    "path", ["/desk/accounts/%00", "/desk/people/%00", "/desk/cards/%00", "/desk/messages/%00", "/ops/unknowns/%00",
             "/ops/quarantine/%00", "/ops/why?account=%00", "/u/%00", "/outbox/%00"]
)  # fmt: skip
def test_a_character_that_no_database_takes_is_no_fault_of_ours(either: World, path: str) -> None:
    response = either.signed_in("berta", "admin").get(path)
    assert response.status_code in (404, 405, 422) and "cannot hold" not in response.text


def test_a_fault_of_ours_is_a_page_without_a_trace(here: World) -> None:
    client = here.signed_in()
    here.app.view_functions["desk.pulse"] = lambda: 1 / 0
    response = client.get("/desk/pulse")
    assert (
        response.status_code == 500 and "ZeroDivision" not in response.text and "Our mistake" in response.text
    )


def test_systems_get_problems_as_json(here: World) -> None:
    response = here.app.test_client().get("/v1/nothing")
    assert response.status_code == 404 and response.json["status"] == 404
    assert here.app.test_client().post("/v1/holds").status_code == 405


def test_too_large_forms_are_refused(here: World) -> None:
    client = here.signed_in()
    response = post(client, "/desk/lookup", {"endpoint": "x" * (here.house.settings.max_body + 1)})
    assert response.status_code == 413


# -- machines that watch ---------------------------------------------------------------------------------------


def test_health_says_how_the_clock_is(here: World) -> None:
    client = here.app.test_client()
    assert client.get("/healthz").json == {"status": "ok"}
    assert client.get("/readyz").json["clock"] == "never"
    here.tick()
    assert client.get("/readyz").json["clock"] == "ok"
    here.pass_time(minutes=5)
    assert client.get("/readyz").json["clock"] == "late"

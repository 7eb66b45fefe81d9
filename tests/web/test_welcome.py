"""A new colleague comes in by an address that is good once, and chooses a password that only they know."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest

from outreach.service import keys
from outreach.web import auth
from tests.web.world import World, post

GOOD = {"password": "three good words", "again": "three good words"}


def invited(here: World, id_: str = "ada", **more: Any) -> str:
    user = here.user(id_, "admin", **more)
    token = here.house.outside.ids.token()
    here.house.database.retrying(lambda unit: keys.give(unit, user.id, keys.WELCOME, token, here.clock.time))
    return f"/welcome/{token}"


def test_they_choose_a_password_and_are_in(either: World) -> None:
    path, client = invited(either), either.app.test_client()
    page = client.get(path).text
    assert "Welcome, Ada" in page and 'autocomplete="new-password"' in page
    came = post(client, path, GOOD, follow_redirects=True)
    assert came.status_code == 200 and "Welcome. From now on" in came.text and "Ada" in came.text
    fresh = either.app.test_client()
    form = {"email": "ada@house.example", "password": GOOD["password"]}
    assert post(fresh, "/login", form).status_code == 302
    assert fresh.get("/ops").status_code == 200
    with either.house.database.view() as unit:
        assert [row.what for row in unit.audit_of("user/ada")] == ["user.welcomed"]


def test_the_address_is_good_once(here: World) -> None:
    path, client = invited(here), here.app.test_client()
    post(client, path, GOOD)
    for answer in (client.get(path), post(client, path, GOOD)):
        assert answer.status_code == 404 and "Ask for a new one" in answer.text


def test_it_ends_after_three_days_and_with_the_next_one(here: World) -> None:
    old, client = invited(here), here.app.test_client()
    new = invited(here)
    assert client.get(old).status_code == 404 and client.get(new).status_code == 200
    here.pass_time(days=3)
    assert client.get(new).status_code == 404 and post(client, new, GOOD).status_code == 404


@pytest.mark.parametrize(
    ("password", "again", "why"),
    [("too short", "too short", "at least 12"), ("three good words", "three good word", "not the same"),
     ("x" * 1001, "x" * 1001, "At most 1000"), ("", "", "at least 12")],
)  # fmt: skip
def test_what_is_no_password_is_said_and_nothing_is_used_up(
    here: World, password: str, again: str, why: str
) -> None:
    path, client = invited(here), here.app.test_client()
    wrong = post(client, path, {"password": password, "again": again})
    assert wrong.status_code == 422 and why in wrong.text
    assert f'value="{password}"' not in wrong.text
    assert post(client, path, GOOD).status_code == 302


def test_an_older_session_ends_and_the_old_password_with_it(here: World) -> None:
    before = here.signed_in("ada", "admin")
    with here.house.database.view() as unit:
        user = unit.user("ada")
    assert user is not None
    token = here.house.outside.ids.token()
    here.house.database.retrying(lambda unit: keys.give(unit, user.id, keys.WELCOME, token, here.clock.time))
    assert before.get("/ops").status_code == 200, "an invitation alone changes nothing"
    post(here.app.test_client(), f"/welcome/{token}", GOOD)
    assert before.get("/ops").status_code == 302


def test_nobody_comes_in_by_another_kind_of_token_or_as_somebody_who_left(here: World) -> None:
    client = here.app.test_client()
    for text in ("made-up", here.token("events:write")):
        assert client.get(f"/welcome/{text}").status_code == 404
    path = invited(here, "lea")
    here.user("lea", active=False)
    assert client.get(path).status_code == 404


def test_the_address_is_kept_as_a_hash_and_is_no_token_for_systems(here: World) -> None:
    token = invited(here).removeprefix("/welcome/")
    with here.house.database.view() as unit:
        assert token not in str(unit.bulk.rows("select * from api_token"))
        (kept,) = [one for one in unit.tokens() if one.name == "welcome/ada"]
    assert kept.expires == here.clock.time + timedelta(days=3) and kept.hash == auth.hash_token(token)
    asked = here.app.test_client().get("/v1/holds", headers={"Authorization": f"Bearer {token}"})
    assert asked.status_code == 403


def test_a_new_password_ends_the_calendar_s_address_too(here: World) -> None:
    here.user("ada", "admin")
    page = post(here.signed_in("ada", "admin"), "/desk/diary").text
    (feed,) = re.findall(r'href="http://[^/"]+(/diary/[^"]+)"', page)
    assert here.app.test_client().get(feed).status_code == 200
    post(here.app.test_client(), invited(here), GOOD)
    assert here.app.test_client().get(feed).status_code == 404

"""Coming in by the company's own OpenID provider: a real one, and whom it lets in here."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from flask.testing import FlaskClient
from werkzeug.serving import make_server

from outreach.service import keys, sign_ins
from outreach.service.ports_records import User
from outreach.web import identity
from outreach.web.front import inside
from tests.support import openid
from tests.support.axe import axe_violations
from tests.support.served import running
from tests.web.test_browser import PHONE, fits
from tests.web.world import PASSWORD, StandingClock, World, post, world

BASE = "https://outreach.example"
BACK = f"{BASE}/login/oidc/back"
Made = Callable[..., World]


@pytest.fixture(scope="module")
def provider() -> Iterator[openid.Real]:
    with openid.real() as found:
        yield found


@pytest.fixture
def house(tmp_path: Path, root: Path, provider: openid.Real) -> Iterator[Made]:
    """Houses that the provider knows, on today's clock: its tokens are of today."""
    made: list[World] = []

    def new(url: str | None = None, limits: bool = False, csrf: bool = False, **settings: str) -> World:
        given = {
            "OUTREACH_PUBLIC_URL": BASE,
            "OUTREACH_COOKIE_SECURE": "off",
            **provider.registered(BACK),
            **settings,
        }
        clock = StandingClock(datetime.now(UTC))
        made.append(world(tmp_path, root, url, limits=limits, csrf=csrf, settings=given, clock=clock))
        return made[-1]

    yield new
    for one in made:
        one.close()


def come_in(client: FlaskClient, provider: openid.Real, subject: str, next_: str = "") -> Any:
    """From the button to the answer of our door."""
    there = client.get("/login/oidc", query_string={"next": next_} if next_ else None)
    assert there.status_code == 302 and there.location.startswith(provider.issuer), there.location
    return client.get(ours(provider.sign_in(there.location, sub=subject)))


def ours(address: str) -> str:
    """What the browser asks of us when it is sent there."""
    assert address.startswith(f"{BACK}?"), address
    return address.removeprefix(BASE)


def said_to(client: FlaskClient, answer: Any) -> str:
    """The page where somebody lands who was not let in."""
    assert answer.status_code == 302 and answer.location == "/login", answer.location
    page = client.get("/login")
    assert 'role="alert"' in page.text and "Traceback" not in page.text
    assert client.get("/desk").status_code == 302
    return page.text


def audit_of(here: World, subject: str) -> list[tuple[str, str]]:
    with here.house.database.view() as unit:
        return [(row.what, row.why) for row in unit.audit_of(subject)]


def bound(here: World, id_: str = "jonas") -> str | None:
    with here.house.database.view() as unit:
        user = unit.user(id_)
    assert user is not None
    return user.subject


def change(here: World, user: User, **more: Any) -> None:
    here.house.database.retrying(lambda unit: unit.save_user(replace(user, **more)))


# -- who comes in -----------------------------------------------------------------------------------------


def test_the_first_time_binds_and_then_only_the_subject_counts(
    house: Made, provider: openid.Real, database_url: str
) -> None:
    here = house(database_url)
    jonas = here.user("jonas")
    provider.knows("s-1", "Jonas@House.EXAMPLE")
    client = here.app.test_client()
    came = come_in(client, provider, "s-1")
    assert came.status_code == 302 and came.location == "/" and client.get("/desk").status_code == 200
    assert bound(here) == "s-1" and audit_of(here, "user/jonas") == [("user.bound", "")]

    provider.knows("s-1", "jonas.married@elsewhere.example", verified=False)
    change(here, jonas, issuer=provider.issuer, subject="s-1", email="old@house.example")
    assert come_in(here.app.test_client(), provider, "s-1").location == "/"
    assert audit_of(here, "user/jonas") == [("user.bound", "")], "nothing is bound anew"


def test_who_has_the_address_after_them_inherits_nothing(house: Made, provider: openid.Real) -> None:
    here = house()
    here.user("jonas")
    provider.knows("s-2", "jonas@house.example")
    come_in(here.app.test_client(), provider, "s-2")
    provider.knows("s-3", "jonas@house.example")
    client = here.app.test_client()
    assert "nobody here goes with that" in said_to(client, come_in(client, provider, "s-3"))
    assert bound(here) == "s-2"
    assert audit_of(here, "user/jonas")[0] == ("sign_in.refused", "bound to another")


def test_a_loosened_colleague_is_signed_out_and_bound_anew(house: Made, provider: openid.Real) -> None:
    here = house()
    here.user("jonas")
    provider.knows("s-4", "jonas@house.example")
    before = here.app.test_client()
    come_in(before, provider, "s-4")
    assert before.get("/desk").status_code == 200
    assert sign_ins.loosen(here.house.outside, ["jonas", "nobody"], "terminal") == ["jonas"]
    assert sign_ins.loosen(here.house.outside, ["jonas"], "terminal") == []
    assert before.get("/desk").status_code == 302
    provider.knows("s-5", "jonas@house.example")
    come_in(here.app.test_client(), provider, "s-5")
    assert bound(here) == "s-5"
    assert [what for what, _ in audit_of(here, "user/jonas")] == ["user.bound", "user.unbound", "user.bound"]


@pytest.mark.parametrize(
    ("case", "why"),
    [("unknown", "unknown"), ("unverified", "unverified"), ("disabled", "disabled"), ("no mail", "unverified"),
     ("ambiguous", "ambiguous"), ("lookalike", "unknown"), ("bound and disabled", "disabled")],
)  # fmt: skip
def test_nobody_else_comes_in_and_the_page_says_whom_to_ask(
    house: Made, provider: openid.Real, case: str, why: str
) -> None:
    here = house()
    jonas, subject = here.user("jonas", active="disabled" not in case), case.replace(" ", "-")
    provider.knows(subject, "jonas@house.example", verified=case != "unverified")
    if case == "unknown":
        provider.knows(subject, "stranger@house.example")
    if case == "no mail":
        requests.put(f"{provider.issuer}/users/{subject}", json={}, timeout=10)
    if case == "ambiguous":
        change(here, jonas, id="jonas2", email="JONAS@house.example")
    if case == "lookalike":  # a Kelvin sign, which small letters fold into ours
        here.user("kai")
        provider.knows(subject, "\u212aai@house.example")
    if case == "bound and disabled":
        change(here, jonas, issuer=provider.issuer, subject=subject)
    with here.house.database.view() as unit:
        before = [(user.id, user.subject) for user in unit.users()]
    client = here.app.test_client()
    page = said_to(client, come_in(client, provider, subject))
    assert (
        "Company account knows you, but nobody here goes with that. Ask whoever looks after Outreach" in page
    )
    with here.house.database.view() as unit:
        assert [(user.id, user.subject) for user in unit.users()] == before, "nobody is added, nothing bound"
        (row,) = unit.bulk.rows("select who, what, subject, why from audit")
    assert row[:2] == ("outreach", "sign_in.refused") and row[3] == why
    assert row[2] == ("user/jonas" if "disabled" in case else "sign_in")


def test_roles_stay_ours(house: Made, provider: openid.Real) -> None:
    here = house()
    here.user("otto", "ops")
    claims = {
        "email": "otto@house.example",
        "email_verified": True,
        "role": "admin",
        "roles": ["admin"],
        "groups": ["admin"],
    }
    requests.put(f"{provider.issuer}/users/s-otto", json=claims, timeout=10)
    client = here.app.test_client()
    come_in(client, provider, "s-otto")
    assert client.get("/ops").status_code == 200 and client.get("/desk").status_code == 403


# -- the session --------------------------------------------------------------------------------------------


def test_the_session_is_fresh_and_lasts_as_with_a_password(house: Made, provider: openid.Real) -> None:
    here = house()
    here.user("jonas")
    provider.knows("s-6", "jonas@house.example")
    client = here.app.test_client()
    with client.session_transaction() as session:
        session["planted"] = "by somebody else"
    came = come_in(client, provider, "s-6")
    cookie = came.headers["Set-Cookie"]
    assert "HttpOnly" in cookie and "SameSite=Lax" in cookie and "Expires" in cookie
    with client.session_transaction() as session:
        assert session["_user_id"] == "jonas" and not {"planted", "sign_in"} & set(session)
    here.pass_time(days=7, minutes=1)
    assert client.get("/desk").status_code == 302


@pytest.mark.parametrize(
    ("asked", "given"),
    [
        ("/desk/promises", "/desk/promises"),
        ("https://evil.example", "/"),
        ("//evil.example", "/"),
        ("/" + "x" * 5000, "/"),
    ],
)
def test_they_land_where_they_wanted_but_nowhere_else(
    house: Made, provider: openid.Real, asked: str, given: str
) -> None:
    here = house()
    here.user("jonas")
    provider.knows("s-7", "jonas@house.example")
    client = here.app.test_client()
    door = client.get("/login", query_string={"next": asked}).text
    assert ("next=" in door) is (inside(asked) != "")
    assert come_in(client, provider, "s-7", asked).location == given


def test_signing_out_signs_out_here(house: Made, provider: openid.Real) -> None:
    here = house()
    here.user("jonas")
    provider.knows("s-8", "jonas@house.example")
    client = here.app.test_client()
    come_in(client, provider, "s-8")
    post(client, "/logout")
    assert client.get("/desk").status_code == 302


def test_it_works_with_csrf_and_limits_as_in_life_and_asking_is_slowed_down(
    house: Made, provider: openid.Real
) -> None:
    here = house(limits=True, csrf=True)
    here.user("jonas")
    provider.knows("s-9", "jonas@house.example")
    client = here.app.test_client()
    assert come_in(client, provider, "s-9").location == "/"
    stranger = here.app.test_client()
    codes = [stranger.get("/login/oidc/back").status_code for _ in range(40)]
    assert codes[0] == 302 and codes[-1] == 429


# -- what goes wrong on the way ------------------------------------------------------------------------------


def test_a_callback_is_good_once_and_for_the_browser_that_asked(house: Made, provider: openid.Real) -> None:
    here = house()
    here.user("jonas")
    provider.knows("s-10", "jonas@house.example")
    client, other = here.app.test_client(), here.app.test_client()
    back = ours(provider.sign_in(client.get("/login/oidc").location, sub="s-10"))
    assert "did not work" in said_to(other, other.get(back)), "a stranger's browser asked for nothing"
    other.get("/login/oidc")
    assert "did not work" in said_to(other, other.get(back)), "it asked for something else"
    assert bound(here) is None
    assert client.get(back).location == "/"
    assert client.get(back).location == "/", "the browser's way back does no harm"
    post(client, "/logout")
    assert "did not work" in said_to(client, client.get(back))


def test_a_code_is_good_once_even_where_the_cookie_was_kept(house: Made, provider: openid.Real) -> None:
    here = house()
    here.user("jonas")
    provider.knows("s-11", "jonas@house.example")
    client = here.app.test_client()
    there = client.get("/login/oidc")
    with client.session_transaction() as session:
        kept = dict(session)
    back = ours(provider.sign_in(there.location, sub="s-11"))
    assert client.get(back).location == "/"
    again = here.app.test_client()
    with again.session_transaction() as session:
        session.update(kept)
    assert "did not work" in said_to(again, again.get(back))


@pytest.mark.parametrize("harm", ["state", "no state", "no code", "code", "late", "early"])
def test_what_was_tampered_with_or_came_too_late_is_refused(
    house: Made, provider: openid.Real, harm: str
) -> None:
    here = house()
    here.user("jonas")
    provider.knows("s-12", "jonas@house.example")
    client = here.app.test_client()
    back = ours(provider.sign_in(client.get("/login/oidc").location, sub="s-12"))
    asked = {name: value for name, (value,) in parse_qs(urlsplit(back).query).items()}
    if harm == "late":
        here.pass_time(minutes=10, seconds=1)
    elif harm == "early":
        here.pass_time(minutes=-1)
    elif harm.startswith("no "):
        del asked[harm.removeprefix("no ")]
    else:
        asked[harm] = "é" + asked[harm][1:]
    answer = client.get("/login/oidc/back", query_string=asked)
    assert "did not work" in said_to(client, answer)
    assert bound(here) is None
    assert "did not work" in said_to(client, client.get(back)), "one try, and it is over"


def test_who_says_no_at_the_provider_is_told_so(house: Made, provider: openid.Real) -> None:
    here = house()
    client = here.app.test_client()
    back = provider.sign_in(client.get("/login/oidc").location, action="deny")
    assert "error=access_denied" in back
    assert "did not work" in said_to(client, client.get(ours(back)))


def test_a_wrong_secret_lets_nobody_in(house: Made, provider: openid.Real) -> None:
    here = house(OUTREACH_OIDC_CLIENT_SECRET="not what was agreed")
    here.user("jonas")
    provider.knows("s-13", "jonas@house.example")
    client = here.app.test_client()
    assert "did not work" in said_to(client, come_in(client, provider, "s-13"))
    assert bound(here) is None


def test_a_provider_that_is_down_is_said_so_and_passwords_go_on(house: Made, provider: openid.Real) -> None:
    here = house(OUTREACH_OIDC_ISSUER=f"http://127.0.0.1:{openid.free_port()}")
    here.user("jonas")
    client = here.app.test_client()
    page = said_to(client, client.get("/login/oidc"))
    assert "Company account does not answer just now" in page
    form = {"email": "jonas@house.example", "password": PASSWORD}
    assert post(client, "/login", form).status_code == 302 and client.get("/desk").status_code == 200


# -- the door ------------------------------------------------------------------------------------------------


def test_without_a_provider_there_is_no_button_and_nothing_behind_it(here: World) -> None:
    client = here.app.test_client()
    assert "Sign in with" not in client.get("/login").text
    assert client.get("/login/oidc").status_code == client.get("/login/oidc/back").status_code == 404


def test_the_button_says_what_people_call_it(house: Made) -> None:
    page = house(OUTREACH_OIDC_NAME="Müller & Söhne").app.test_client().get("/login").text
    assert "Sign in with Müller &amp; Söhne" in page and 'id="password"' in page


def test_passwords_can_be_shut_and_an_invitation_still_opens(house: Made) -> None:
    here = house(OUTREACH_PASSWORDS="off")
    ada, client = here.user("ada", "admin"), here.app.test_client()
    page = client.get("/login").text
    assert "Sign in with Company account" in page and 'id="password"' not in page
    refused = post(client, "/login", {"email": "ada@house.example", "password": PASSWORD})
    assert refused.status_code == 403 and "Nobody signs in with a password here" in refused.text
    assert client.get("/ops").status_code == 302

    token = here.house.outside.ids.token()
    here.house.database.retrying(lambda unit: keys.give(unit, ada.id, keys.WELCOME, token, here.clock.time))
    form = {"password": "three good words", "again": "three good words"}
    came = post(client, f"/welcome/{token}", form, follow_redirects=True)
    assert "From now on you sign in with Company account" in came.text
    assert client.get("/ops").status_code == 200


def test_whoever_is_in_is_not_sent_away_again(house: Made) -> None:
    client = house().signed_in()
    assert client.get("/login/oidc").location == client.get("/login/oidc/back").location == "/"


def test_an_old_password_session_goes_on_until_they_are_bound(house: Made, provider: openid.Real) -> None:
    here = house()
    client = here.signed_in()
    assert client.get("/desk").status_code == 200
    provider.knows("s-14", "jonas@house.example")
    come_in(here.app.test_client(), provider, "s-14")
    assert client.get("/desk").status_code == 302


def test_words_of_strangers_stay_out_of_the_log() -> None:
    assert identity.word("access_denied") == "access_denied"
    for text in ("anna@example.com", "", None, "A" * 50, "two\nlines"):
        assert identity.word(text) == "error"


# -- in a browser ----------------------------------------------------------------------------------------------


@pytest.fixture
def served_with(tmp_path: Path, root: Path, provider: openid.Real) -> Iterator[tuple[World, str]]:
    """A house on a port that the provider knows. It has another name than the provider, so that for the browser they are
    two sites, as in life."""
    base = f"http://localhost:{openid.free_port()}"
    given = {"OUTREACH_PUBLIC_URL": base, **provider.registered(f"{base}/login/oidc/back")}
    made = world(tmp_path, root, csrf=True, settings=given, clock=StandingClock(datetime.now(UTC)))
    server = make_server("127.0.0.1", int(base.rpartition(":")[2]), made.app, threaded=True)
    with running(server):
        yield made, base
    made.close()


def test_from_the_button_to_the_desk_on_a_phone(
    browser_page: Any, served_with: tuple[World, str], provider: openid.Real
) -> None:
    page, (here, base) = browser_page, served_with
    here.user("jonas")
    provider.knows("s-15", "jonas@house.example")
    page.route(
        "https://**", lambda route: route.fulfill(body="", content_type="text/css")
    )  # its page's own style
    page.set_default_timeout(30_000)  # three servers and a browser, on whatever machine this is
    page.set_viewport_size(PHONE)
    page.goto(f"{base}/desk/promises")
    assert page.url == f"{base}/login?next=/desk/promises"
    fits(page, "the door")
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        assert axe_violations(page) == []
    assert page.faults == []
    page.click("text=Sign in with Company account")
    page.wait_for_url(f"{provider.issuer}/**")
    page.fill("input[name=sub]", "s-15")
    page.faults.clear()  # the provider's page looks for its style on the Internet
    page.click("text=Authorize >> nth=-1")
    page.wait_for_url(f"{base}/desk/promises")
    page.goto(f"{base}/desk")
    assert "Jonas" in page.inner_text("header")
    assert bound(here) == "s-15"

"""A provider that lies: whatever is wrong with what it says, nobody comes in and nothing is bound."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
import requests
from joserfc.jwk import ECKey
from werkzeug.wrappers import Response

from outreach.logs import set_up_logs
from tests.support.openid import DESCRIPTION, Liar, liar
from tests.web.world import MONDAY, World, world

BASE = "https://outreach.example"
NOW = int(MONDAY.timestamp())


@pytest.fixture
def provider() -> Iterator[Liar]:
    with liar() as found:
        found.now = NOW
        yield found


@pytest.fixture
def here(tmp_path: Path, root: Path, provider: Liar) -> Iterator[World]:
    given = {"OUTREACH_PUBLIC_URL": BASE, "OUTREACH_COOKIE_SECURE": "off", "OUTREACH_PROVIDER_TIMEOUT": "0.5"}
    made = world(tmp_path, root, settings={**given, **provider.settings()})
    made.user("jonas")
    yield made
    made.close()


def come_in(here: World) -> tuple[str, str]:
    """Where they land, and what is said there."""
    client = here.app.test_client()
    there = client.get("/login/oidc")
    if there.location != "/login":
        sent = requests.get(there.location, allow_redirects=False, timeout=10)
        there = client.get(sent.headers["Location"].removeprefix(BASE))
    assert there.status_code == 302
    return there.location, client.get(there.location, follow_redirects=True).text


def refused(here: World, words: str = "did not work") -> None:
    where, page = come_in(here)
    assert where == "/login" and words in page and "Traceback" not in page
    with here.house.database.view() as unit:
        assert [(user.id, user.subject) for user in unit.users()] == [("jonas", None)]


def let_in(here: World) -> None:
    assert come_in(here)[0] == "/"
    with here.house.database.view() as unit:
        user = unit.user("jonas")
    assert user is not None and user.subject == "s-jonas"


def test_the_truth_is_believed(here: World) -> None:
    let_in(here)


@pytest.mark.parametrize(
    "claims",
    [
        {"nonce": "of another sign-in"}, {"nonce": None}, {"nonce": ""},
        {"aud": "another house"}, {"aud": None}, {"aud": []}, {"aud": ["another house"], "azp": "outreach"},
        {"aud": ["outreach", "another house"]}, {"aud": "outreach", "azp": "another house"},
        {"iss": "https://another.example"}, {"iss": None}, {"iss": ""},
        {"exp": NOW - 61}, {"exp": None}, {"exp": float("nan")}, {"exp": "tomorrow"},
        {"iat": NOW + 61}, {"iat": None}, {"nbf": NOW + 61},
        {"sub": None}, {"sub": ""}, {"sub": "x" * 256}, {"sub": 7}, {"sub": "a\0b"}, {"sub": "\ud800"}, {"sub": ["s-jonas"]},
        {"at_hash": "of another token"},
    ],
    ids=str,
)  # fmt: skip
def test_a_token_with_a_wrong_claim_is_refused(here: World, provider: Liar, claims: dict[str, Any]) -> None:
    provider.claims = claims
    refused(here)
    provider.claims = {}
    let_in(here)


@pytest.mark.parametrize(
    "claims",
    [{"email_verified": False}, {"email_verified": None}, {"email_verified": 1}, {"email_verified": "false"},
     {"email": "jonas@house.example\ud800"}, {"email": ["jonas@house.example"]}, {"email": "jonas"}, {"email": "\0"}],
    ids=str,
)  # fmt: skip
def test_an_address_that_nobody_made_sure_of_binds_nobody(
    here: World, provider: Liar, claims: dict[str, Any]
) -> None:
    provider.claims = claims
    refused(here, "nobody here goes with that")


@pytest.mark.parametrize(
    "claims", [{"exp": NOW - 59}, {"email_verified": "true"}, {"aud": ["outreach"]}], ids=str
)
def test_what_honest_providers_do_is_no_lie(here: World, provider: Liar, claims: dict[str, Any]) -> None:
    provider.claims = claims
    let_in(here)


def test_a_token_that_nobody_signed_is_refused(here: World, provider: Liar) -> None:
    provider.algorithm = "none"
    refused(here)


@pytest.mark.parametrize("with_", ["the secret", "the public key", "nothing"])
def test_a_token_signed_with_what_others_know_is_refused(here: World, provider: Liar, with_: str) -> None:
    provider.algorithm = "HS256"
    known = {"the secret": provider.secret.encode(), "the public key": provider.key.as_pem(private=False)}
    provider.signs_with = known.get(with_, b"")
    refused(here)


def test_a_token_signed_by_another_key_is_refused(here: World, provider: Liar) -> None:
    provider.signs_with = ECKey.generate_key("P-256", {"kid": "k1"})
    refused(here)


def test_a_new_key_of_the_provider_is_known_at_once(here: World, provider: Liar) -> None:
    let_in(here)
    provider.key = ECKey.generate_key("P-256", {"kid": "k1"})
    let_in(here)


@pytest.mark.parametrize(
    "described",
    [
        {"issuer": "https://another.example"}, {"issuer": None},
        {"token_endpoint": "http://id.example/token"}, {"jwks_uri": "http://id.example/jwks"},
        {"authorization_endpoint": "http://id.example/a"}, {"userinfo_endpoint": "http://id.example/u"},
        {"authorization_endpoint": "javascript:alert(1)"}, {"token_endpoint": None},
        {"id_token_signing_alg_values_supported": ["none", "HS256"]},
    ],
    ids=str,
)  # fmt: skip
def test_a_description_that_nobody_should_trust_leads_nowhere(
    here: World, provider: Liar, described: dict[str, Any]
) -> None:
    provider.described = described
    refused(here)
    assert "/token" not in provider.seen


@pytest.mark.parametrize("path", [DESCRIPTION, "/token", "/jwks"])
@pytest.mark.parametrize(
    "answer",
    [Response(status=500), Response("<html>", 200), Response("[]", 200), Response("", 200), Response("{}", 200),
     Response(status=404)],
    ids=["500", "html", "list", "empty", "object", "404"],
)  # fmt: skip
def test_an_unwell_provider_lets_nobody_in(here: World, provider: Liar, path: str, answer: Response) -> None:
    provider.answers = {path: answer}
    where, page = come_in(here)
    assert where == "/login" and ("did not work" in page or "does not answer just now" in page)
    with here.house.database.view() as unit:
        assert [user.subject for user in unit.users()] == [None]


@pytest.mark.parametrize("path", [DESCRIPTION, "/token", "/jwks"])
def test_a_provider_that_says_nothing_is_not_waited_for(here: World, provider: Liar, path: str) -> None:
    class Slow(Response):
        def __call__(self, *args: Any) -> Any:
            time.sleep(2)
            return super().__call__(*args)

    provider.answers = {path: Slow("{}")}
    began = time.monotonic()
    refused(here, "does not answer just now")
    assert time.monotonic() - began < 2


@pytest.mark.parametrize("path", [DESCRIPTION, "/token", "/jwks"])
def test_nobody_is_followed_elsewhere(here: World, provider: Liar, path: str) -> None:
    """Not even to where the truth is said: the secret goes to the address that the settings lead to."""
    provider.answers = {path: Response(status=307, headers={"Location": f"{provider.issuer}/moved{path}"})}
    refused(here, "does not answer just now")
    assert f"/moved{path}" not in provider.seen


def test_a_wrong_secret_is_refused(here: World, provider: Liar) -> None:
    provider.secret = "changed at the provider"
    refused(here)


def test_a_token_answer_without_an_id_token_is_refused(here: World, provider: Liar) -> None:
    provider.answers = {
        "/token": Response('{"access_token": "at", "token_type": "Bearer"}', content_type="application/json")
    }
    refused(here)


# -- what providers do differently ----------------------------------------------------------------------------


def test_the_secret_goes_in_the_form_where_the_provider_wants_it_there(here: World, provider: Liar) -> None:
    provider.described = {"token_endpoint_auth_methods_supported": ["client_secret_post"]}
    let_in(here)


def apart(provider: Liar, **userinfo: Any) -> None:
    """The address is not in the token."""
    provider.claims = {"email": None, "email_verified": None}
    provider.described = {"userinfo_endpoint": f"{provider.issuer}/userinfo"}
    provider.userinfo = {"sub": "s-jonas", "email": "jonas@house.example", "email_verified": True, **userinfo}


def test_the_address_may_be_kept_apart(here: World, provider: Liar) -> None:
    apart(provider)
    let_in(here)


def test_the_address_of_somebody_else_is_refused(here: World, provider: Liar) -> None:
    apart(provider, sub="s-another")
    refused(here)


def test_an_address_kept_apart_must_be_made_sure_of_too(here: World, provider: Liar) -> None:
    apart(provider, email_verified=False)
    refused(here, "nobody here goes with that")


# -- the log ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "claims", [{"nonce": "x"}, {"email": "stranger@house.example", "sub": "s-stranger"}], ids=str
)
def test_the_log_says_why_and_names_nobody(here: World, provider: Liar, claims: dict[str, Any]) -> None:
    said = StringIO()
    set_up_logs("text", "debug", said)
    provider.claims = claims
    come_in(here)
    logging.getLogger().handlers.clear()
    told = "\n".join(
        line for line in said.getvalue().splitlines() if "/authorize?" not in line
    )  # that is the browser
    for secret in ("house.example", "s-stranger", "s-jonas", provider.secret, "eyJ", provider.asked["state"],
                   provider.asked["nonce"], "code_verifier", "Traceback"):  # fmt: skip
        assert secret not in told, secret
    assert "sign-in by the provider failed" in told or "email" in claims
    assert ("InvalidClaimError" in told) is ("nonce" in claims)

"""The conversation with the company's OpenID provider: where people are sent, and who came back.

Authorization code flow with PKCE, state and nonce; the provider's own description says where it lives. It is read anew
for each sign-in, as its keys are: sign-ins are few, and nothing here can be out of date. No redirect is followed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Any, NamedTuple

from outreach.service.sign_ins import Said
from outreach.settings import Settings
from outreach.settings_kinds import is_guarded

DESCRIPTION = "/.well-known/openid-configuration"
LONGEST_WAIT = 5.0
"""Seconds for one answer of the provider; somebody stands at the door meanwhile."""
CLOCKS_APART = 60
"""Seconds by which its clock may differ from ours."""
ALGORITHMS = (
    "RS256",
    "RS384",
    "RS512",
    "PS256",
    "PS384",
    "PS512",
    "ES256",
    "ES384",
    "ES512",
    "EdDSA",
)
"""Only such as the provider alone can sign with: not ``none``, and none that the client secret would do for."""
SUBJECT = r"[\x20-\x7e]{1,255}"
"""What a subject is, by the standard."""


class NotVouched(Exception):
    """The provider does not say who it is. ``why`` is a word or two for the log, and names nobody."""

    def __init__(self, why: str, *, reached: bool = True) -> None:
        super().__init__(why)
        self.why, self.reached = why, reached


class Asked(NamedTuple):
    """Where somebody is sent, and what we must remember until they are back."""

    url: str
    state: str
    nonce: str
    verifier: str


def describe(settings: Settings) -> dict[str, Any]:
    """What the provider says of itself, as far as we need it. Raises NotVouched."""
    import requests

    with _in_our_words():
        answer = requests.get(
            settings.oidc_issuer + DESCRIPTION, timeout=_patience(settings), allow_redirects=False
        )
        if answer.status_code != 200:
            raise NotVouched(f"HTTP {answer.status_code}", reached=False)
        return _checked(answer.json(), settings.oidc_issuer)


def ask(settings: Settings, back: str) -> Asked:
    """``back`` is our address that the provider sends them to. Raises NotVouched."""
    with _in_our_words():
        asked = _client(settings, describe(settings)).create_authorization_url(back)
        return Asked(asked["url"], asked["state"], asked["nonce"], asked["code_verifier"])


def who_came(settings: Settings, back: str, code: str, asked: Mapping[str, str], now: datetime) -> Said:
    """Whom the provider vouches for with this code. ``asked`` has the nonce and verifier of ``ask``.

    Raises NotVouched for a code that is no good, and for a token that is not signed by the provider, not for us, not for
    this sign-in, or too old.
    """
    with _in_our_words():
        description = describe(settings)
        client = _client(settings, description)
        token = client.fetch_access_token(back, code=code, code_verifier=asked["verifier"])
        claims = client.parse_id_token(
            token,
            asked["nonce"],
            _wanted(description["issuer"], settings.oidc_client_id),
            _as_of(now, token),
            CLOCKS_APART,
        )
        if claims is None:
            raise NotVouched("no id token")
        return _said(claims, _mail(client, description, token, claims))


def _patience(settings: Settings) -> float:
    return min(LONGEST_WAIT, settings.provider_timeout)


def _client(settings: Settings, description: Mapping[str, Any]) -> Any:
    """Authlib's, made for one conversation."""
    from authlib.integrations.flask_client import FlaskIntegration, FlaskOAuth2App

    return FlaskOAuth2App(
        FlaskIntegration("oidc"),
        "oidc",
        client_id=settings.oidc_client_id,
        client_secret=settings.oidc_client_secret,
        client_kwargs={
            "scope": "openid email",
            "code_challenge_method": "S256",
            "token_endpoint_auth_method": _how_we_prove(description),
            "default_timeout": _patience(settings),
            "max_redirects": 0,
        },
        **{name: value for name, value in description.items() if name in _KEPT},
    )


_ENDPOINTS = ("authorization_endpoint", "token_endpoint", "jwks_uri")
_KEPT = ("issuer", *_ENDPOINTS, "userinfo_endpoint", "id_token_signing_alg_values_supported")


def _checked(described: Any, issuer: str) -> dict[str, Any]:
    """Raises NotVouched for a description of somebody else, or one that would have us speak where others can listen."""
    if not isinstance(described, dict) or str(described.get("issuer")).rstrip("/") != issuer:
        raise NotVouched("another issuer")
    for name in (*_ENDPOINTS, *({"userinfo_endpoint"} & described.keys())):
        if not is_guarded(str(described.get(name))):
            raise NotVouched(f"no safe {name}")
    offered = described.get("id_token_signing_alg_values_supported") or ["RS256"]
    ours = [name for name in ALGORITHMS if name in offered]
    if not ours:
        raise NotVouched("no safe signature")
    return {**described, "id_token_signing_alg_values_supported": ours}


def _how_we_prove(description: Mapping[str, Any]) -> str:
    offered = description.get("token_endpoint_auth_methods_supported") or ["client_secret_basic"]
    return "client_secret_basic" if "client_secret_basic" in offered else "client_secret_post"


def _wanted(issuer: str, client_id: str) -> dict[str, Any]:
    return {"iss": {"essential": True, "values": [issuer]}, "aud": {"essential": True, "values": [client_id]}}


def _as_of(now: datetime, token: Mapping[str, Any]) -> Any:
    """The claims of the id token that came with this access token, judged by the house's clock."""
    from authlib.oidc.core import CodeIDToken

    class Claims(CodeIDToken):  # type: ignore[misc]
        def validate(self, now: int | None = None, leeway: int = 0) -> None:
            self.params["access_token"] = token["access_token"]  # the library does it for its own class only
            super().validate(at, leeway)

    at = int(now.timestamp())
    return Claims


def _mail(
    client: Any, description: Mapping[str, Any], token: Any, claims: Mapping[str, Any]
) -> Mapping[str, Any]:
    """Where the address stands: in the token, or where the provider keeps it apart."""
    if "email" in claims or "userinfo_endpoint" not in description:
        return claims
    more: Mapping[str, Any] = client.userinfo(token=token)
    if more.get("sub") != claims["sub"]:
        raise NotVouched("userinfo of somebody else")
    return more


def _said(claims: Mapping[str, Any], mail: Mapping[str, Any]) -> Said:
    subject, email = claims["sub"], mail.get("email")
    if not re.fullmatch(SUBJECT, subject):
        raise NotVouched("no subject")
    verified = mail.get("email_verified") is True or mail.get("email_verified") == "true"
    return Said(claims["iss"], subject, email if isinstance(email, str) else "", verified)


def word(text: str | None) -> str:
    """An error's name as the protocol has it; what a stranger wrote instead stays out of the log."""
    return text if text and re.fullmatch("[a-z_]{1,40}", text) else "error"


@contextmanager
def _in_our_words() -> Iterator[None]:
    import requests
    from authlib.common.errors import AuthlibBaseError

    try:
        yield
    except NotVouched:
        raise
    except requests.RequestException as fault:
        raise NotVouched(type(fault).__name__, reached=False) from None
    except AuthlibBaseError as fault:
        raise NotVouched(word(fault.error)) from None
    except Exception as fault:  # whatever the libraries raise over what was not meant for them
        raise NotVouched(type(fault).__name__) from None

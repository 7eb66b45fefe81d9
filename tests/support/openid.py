"""OpenID providers on loopback: a real one (oidc-provider-mock, a process of its own), and one that lies as it is told."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

import requests
from joserfc import jws
from joserfc.jwk import ECKey
from werkzeug.serving import make_server
from werkzeug.wrappers import Request, Response

from tests.support.served import running

DESCRIPTION = "/.well-known/openid-configuration"
START = 30
"""Seconds."""


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as one:
        port: int = one.getsockname()[1]
    return port


# --- a real one -------------------------------------------------------------------------------------


@dataclass
class Real:
    """One running provider. It takes whoever says a known subject."""

    issuer: str

    def knows(self, subject: str, email: str, verified: bool = True) -> None:
        claims = {"email": email, "email_verified": verified}
        requests.put(f"{self.issuer}/users/{subject}", json=claims, timeout=10).raise_for_status()

    def registered(self, back: str) -> dict[str, str]:
        """The settings of a house that the provider sends people back to."""
        answer = requests.post(f"{self.issuer}/oauth2/clients", json={"redirect_uris": [back]}, timeout=10)
        answer.raise_for_status()
        return {
            "OUTREACH_OIDC_ISSUER": self.issuer, "OUTREACH_OIDC_CLIENT_ID": answer.json()["client_id"],
            "OUTREACH_OIDC_CLIENT_SECRET": answer.json()["client_secret"],
        }  # fmt: skip

    def sign_in(self, address: str, **form: str) -> str:
        """What somebody does on its page; gives the address that it sends the browser to."""
        answer = requests.post(address, data=form, allow_redirects=False, timeout=10)
        assert answer.status_code == 302, answer.text
        return answer.headers["Location"]


@contextmanager
def real() -> Iterator[Real]:
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "oidc_provider_mock", "--port", str(port), "--require-registration", "true",
         "--require-nonce", "true"],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        found = Real(f"http://127.0.0.1:{port}")
        _wait_for(found.issuer + DESCRIPTION, process)
        yield found
    finally:
        process.terminate()
        process.wait(10)


def _wait_for(address: str, process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + START
    while time.monotonic() < end:
        assert process.poll() is None, "the provider ended before it began"
        with suppress(requests.RequestException):
            if requests.get(address, timeout=1).ok:
                return
        time.sleep(0.05)
    raise AssertionError("the provider did not start")


# --- one that lies ----------------------------------------------------------------------------------


@dataclass
class Liar:
    """Keeps to the protocol, and checks that we do, but for what a test has told it."""

    claims: dict[str, Any] = field(default_factory=dict)
    """In the id token, over what is true; None leaves it out."""
    described: dict[str, Any] = field(default_factory=dict)
    answers: dict[str, Response] = field(default_factory=dict)
    """Path → what is said there instead."""
    userinfo: dict[str, Any] = field(default_factory=dict)
    algorithm: str = "ES256"
    key: ECKey = field(default_factory=lambda: ECKey.generate_key("P-256", {"kid": "k1"}))
    signs_with: Any = None
    """Another key than the one it shows."""
    secret: str = "the provider's and ours"
    now: float = 0.0
    issuer: str = ""
    asked: dict[str, str] = field(default_factory=dict)
    """What the browser brought."""
    codes: set[str] = field(default_factory=set)
    seen: list[str] = field(default_factory=list)

    def settings(self) -> dict[str, str]:
        return {
            "OUTREACH_OIDC_ISSUER": self.issuer, "OUTREACH_OIDC_CLIENT_ID": "outreach",
            "OUTREACH_OIDC_CLIENT_SECRET": self.secret,
        }  # fmt: skip

    def __call__(self, environ: Any, start_response: Any) -> Any:
        request = Request(environ)
        self.seen.append(request.path)
        return (self.answers.get(request.path) or self._answer(request))(environ, start_response)

    def _answer(self, request: Request) -> Response:
        match request.path.removeprefix("/moved"):
            case "/.well-known/openid-configuration":
                return _json(self._description())
            case "/authorize":
                return self._let_in(request)
            case "/token":
                return self._token(request)
            case "/jwks":
                return _json({"keys": [self.key.as_dict(private=False)]})
            case "/userinfo":
                assert request.headers["Authorization"] == "Bearer at"
                return _json(self.userinfo)
        return Response(status=404)

    def _description(self) -> dict[str, Any]:
        return {
            "issuer": self.issuer, "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token", "jwks_uri": f"{self.issuer}/jwks",
            "id_token_signing_alg_values_supported": ["none", "HS256", "ES256"], **self.described,
        }  # fmt: skip

    def _let_in(self, request: Request) -> Response:
        self.asked = request.args.to_dict()
        assert self.asked["response_type"] == "code" and self.asked["code_challenge_method"] == "S256"
        assert {"openid", "email"} <= set(self.asked["scope"].split())
        code = f"code{len(self.seen)}"
        self.codes.add(code)
        where = urlencode({"code": code, "state": self.asked["state"]})
        return Response(status=302, headers={"Location": f"{self.asked['redirect_uri']}?{where}"})

    def _token(self, request: Request) -> Response:
        form, who = request.form, request.authorization
        given = (who.username, who.password) if who else (form.get("client_id"), form.get("client_secret"))
        if given != ("outreach", self.secret):
            return _json({"error": "invalid_client"}, 401)
        proof = base64.urlsafe_b64encode(hashlib.sha256(form["code_verifier"].encode()).digest()).rstrip(b"=")
        good = (
            proof.decode() == self.asked["code_challenge"]
            and form["redirect_uri"] == self.asked["redirect_uri"]
        )
        if form["code"] not in self.codes or not good:
            return _json({"error": "invalid_grant"}, 400)
        self.codes.discard(form["code"])
        return _json({"access_token": "at", "token_type": "Bearer", "id_token": self._signed(self._said())})

    def _said(self) -> dict[str, Any]:
        now = int(self.now)
        true = {
            "iss": self.issuer, "aud": "outreach", "sub": "s-jonas", "iat": now, "exp": now + 300,
            "nonce": self.asked["nonce"], "email": "jonas@house.example", "email_verified": True,
        }  # fmt: skip
        return {name: value for name, value in (true | self.claims).items() if value is not None}

    def _signed(self, claims: dict[str, Any]) -> str:
        if self.algorithm.startswith("ES"):
            key = self.signs_with or self.key
            header = {"alg": self.algorithm, "kid": self.key.kid}
            return jws.serialize_compact(header, json.dumps(claims), key, [self.algorithm])
        head = _in_base64(json.dumps({"alg": self.algorithm, "kid": self.key.kid}).encode())
        said = f"{head}.{_in_base64(json.dumps(claims).encode())}"
        secret = self.signs_with or b""
        proof = hmac.new(secret, said.encode(), hashlib.sha256).digest() if self.algorithm == "HS256" else b""
        return f"{said}.{_in_base64(proof)}"


@contextmanager
def liar() -> Iterator[Liar]:
    found = Liar()
    server = make_server("127.0.0.1", 0, found, threaded=True)
    found.issuer = f"http://127.0.0.1:{server.server_port}"
    with running(server):
        yield found


def _json(what: Any, status: int = 200) -> Response:
    return Response(json.dumps(what), status, content_type="application/json")


def _in_base64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()

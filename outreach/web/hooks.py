"""What providers tell us: delivery, replies, unsubscribes. Signed, or refused before anything is read.

Whatever is signed and can be stored is answered 2xx, also when it is about nothing we know; when it
cannot be stored the provider is told to try again (503).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any

from flask import Blueprint, Response, abort, g, request

from outreach.channels.signatures import twilio_signed
from outreach.web.reception import reception

hooks = Blueprint("hooks", __name__, url_prefix="/hooks")


def public_url() -> str:
    """This request's address as the provider called it: our public one, with the raw path and query. A
    rebuilt or decoded address would not bear the signature."""
    raw = request.environ.get("RAW_URI") or request.environ.get("REQUEST_URI") or request.full_path
    path, _, _ = str(raw).partition("?")
    path = path[path.index("/", path.index("://") + 3) :] if "://" in path else path
    query = request.environ.get("QUERY_STRING", "")
    return reception().house.settings.public_url + path + (f"?{query}" if query else "")


def signed_by_twilio(view: Callable[..., Any]) -> Callable[..., Any]:
    """Only what Twilio has signed; ``g.said`` then holds the form's fields, the first value of each."""

    @wraps(view)
    def guarded(*args: Any, **kwargs: Any) -> Any:
        settings = reception().house.settings
        tokens = (settings.twilio_auth_token, settings.twilio_auth_token_next)
        fields = list(request.form.items(multi=True))
        if not twilio_signed(tokens, public_url(), fields, request.headers.get("X-Twilio-Signature", "")):
            reception().metrics.hooks.labels("twilio", "forged").inc()
            abort(403)
        g.said = request.form.to_dict(flat=True)
        return view(*args, **kwargs)

    guarded.signed_by = "twilio"  # type: ignore[attr-defined]
    return guarded


def said() -> Mapping[str, str]:
    """The signed form of this request."""
    found: Mapping[str, str] = g.said
    return found


def twiml(text: str = "<?xml version='1.0' encoding='UTF-8'?><Response/>") -> Response:
    return Response(text, content_type="text/xml; charset=utf-8")

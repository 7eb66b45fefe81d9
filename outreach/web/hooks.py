"""What providers tell us: delivery, replies, unsubscribes. Signed, or refused before anything is read.

Whatever is signed and can be stored is answered 2xx, also when it is about nothing we know; when it
cannot be stored the provider is told to try again (503).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import wraps
from typing import Any

import orjson
from flask import Blueprint, Response, abort, g, request
from markupsafe import escape

from outreach.channels import incoming, incoming_mail
from outreach.channels.signatures import is_recent, same_secret, sendgrid_signed, twilio_signed
from outreach.domain.errors import Invalid
from outreach.domain.facts import Channel
from outreach.service import mailroom, replies
from outreach.service.ports import Unit
from outreach.service.ports_faults import InDoubt, Outpaced, Unavailable
from outreach.service.posting import led_back
from outreach.service.providers import heard_of, keep_aside
from outreach.service.signals import hear
from outreach.settings import Settings
from outreach.web.reception import outside, reception

hooks = Blueprint("hooks", __name__, url_prefix="/hooks")
SENDGRID_BATCH = 2 * 1024 * 1024
"""Bytes; SendGrid posts at 768 kB."""
INBOUND_MAIL = 32 * 1024 * 1024
"""Bytes; attachments come along and are not kept."""


def _settings() -> Settings:
    return reception().house.settings


def _count(provider: str, outcome: str) -> None:
    reception().metrics.hooks.labels(provider, outcome).inc()


# -- is it really them? ------------------------------------------------------------------------------------


def public_url() -> str:
    """This request's address as the provider called it: our public one, with the raw path and query. A
    rebuilt or decoded address would not bear the signature."""
    raw = request.environ.get("RAW_URI") or request.environ.get("REQUEST_URI") or request.full_path
    path, _, _ = str(raw).partition("?")
    path = path[path.index("/", path.index("://") + 3) :] if "://" in path else path
    query = request.environ.get("QUERY_STRING", "")
    return _settings().public_url + path + (f"?{query}" if query else "")


def _not_signed(provider: str, is_set_up: bool, key: str) -> str:
    """For whoever sets the provider up and tries the address by hand."""
    if not is_set_up:
        return f"{provider} is not set up here: {key} is not set."
    return f"The signature is not {provider}'s: check OUTREACH_PUBLIC_URL and {key}."


def signed_by_twilio(view: Callable[..., Any]) -> Callable[..., Any]:
    """Only what Twilio has signed; ``g.said`` then holds the form's fields, the first value of each."""

    @wraps(view)
    def guarded(*args: Any, **kwargs: Any) -> Any:
        settings = _settings()
        tokens = (settings.twilio_auth_token, settings.twilio_auth_token_next)
        fields = list(request.form.items(multi=True))
        if not twilio_signed(tokens, public_url(), fields, request.headers.get("X-Twilio-Signature", "")):
            _count("twilio", "forged")
            abort(403, _not_signed("Twilio", any(tokens), "OUTREACH_TWILIO_AUTH_TOKEN"))
        g.said = incoming.fields(request.form)
        return view(*args, **kwargs)

    guarded.signed_by = "twilio"  # type: ignore[attr-defined]
    return guarded


def said() -> Mapping[str, str]:
    """The signed form of this request."""
    found: Mapping[str, str] = g.said
    return found


def token() -> str:
    """Ours, that came back in the address."""
    return incoming.without_nul(request.args.get("t", ""))


def twiml(text: str = "<?xml version='1.0' encoding='UTF-8'?><Response/>") -> Response:
    return Response(text, content_type="text/xml; charset=utf-8")


# -- Twilio: statuses and SMS ------------------------------------------------------------------------------


@hooks.post("/twilio/status")
@signed_by_twilio
def twilio_status() -> Response:
    """How far an SMS got."""
    word = incoming.said_by_twilio(said(), token())
    _count("twilio", "unsaid" if word is None else hear(outside(), word))
    return Response(status=204)


@hooks.post("/twilio/sms")
@signed_by_twilio
def twilio_sms() -> Response:
    """An SMS to us. Answered in the same breath where the carrier has not done it."""
    text = incoming.text_of(said())
    if text is None:
        _count("twilio", "unsaid")
        return twiml()
    words = text.text or ("(a picture)" if text.pictures else "")
    received = replies.Received(
        f"sms:{text.id}",
        Channel.SMS,
        text.sender,
        "",
        text.recipient,
        "",
        words,
        opt_out_type=text.opt_out_type,
    )
    taken = replies.receive(outside(), received, answers=not _settings().twilio_answers_stop)
    _count("twilio", f"sms_{taken.outcome}")
    if not taken.answer:
        return twiml()
    return twiml(
        f"<?xml version='1.0' encoding='UTF-8'?><Response><Message>{escape(taken.answer)}</Message></Response>"
    )


# -- SendGrid: events ----------------------------------------------------------------------------------------


@hooks.post("/sendgrid/events")
def sendgrid_events() -> Response:
    """A batch of what became of mails. One bad item never loses the others."""
    request.max_content_length = SENDGRID_BATCH
    settings, body = _settings(), request.get_data(cache=False)
    keys = (settings.sendgrid_verify_key, settings.sendgrid_verify_key_next)
    stamp = request.headers.get("X-Twilio-Email-Event-Webhook-Timestamp", "")
    signature = request.headers.get("X-Twilio-Email-Event-Webhook-Signature", "")
    if not sendgrid_signed([key for key in keys if key], body, signature, stamp):
        _count("sendgrid", "forged")
        abort(403, _not_signed("SendGrid", any(keys), "OUTREACH_SENDGRID_VERIFY_KEY"))
    if not is_recent(stamp, g.now):
        _count("sendgrid", "stale")
        abort(403, "It was signed too long ago, or our clock is wrong.")
    try:
        items = orjson.loads(body)
    except orjson.JSONDecodeError:
        _count("sendgrid", "unreadable")
        abort(400)
    for item in items if isinstance(items, list) else [items]:
        _count("sendgrid", _one_event(item))
    return Response(status=204)


def _one_event(item: Any) -> str:
    """What cannot be stored fails the request, so that it comes again; what breaks a room is put aside."""
    try:
        event = incoming.mail_event(item)
        return "unreadable" if event is None else heard_of(outside(), event.id, event.said, event.left)
    except (Unavailable, InDoubt, Outpaced):
        raise
    except (ArithmeticError, LookupError, TypeError, ValueError, AttributeError, Invalid) as fault:
        keep_aside(outside(), "sendgrid", incoming.as_bytes(item), type(fault).__name__)
        return "broken"


# -- SendGrid: mail that comes in -----------------------------------------------------------------------------


@hooks.post("/sendgrid/inbound")
def sendgrid_inbound() -> Response:
    """Not signed: SendGrid brings a password in the address that was given to it."""
    request.max_content_length = INBOUND_MAIL
    settings = _settings()
    secrets = (settings.sendgrid_inbound_secret, settings.sendgrid_inbound_secret_next)
    given = request.authorization.password if request.authorization else None
    if not same_secret(secrets, given or ""):
        _count("sendgrid", "forged")
        response = Response(status=401)
        response.headers["WWW-Authenticate"] = 'Basic realm="inbound"'
        return response
    request.max_form_memory_size = INBOUND_MAIL
    mail = incoming_mail.mail_of(incoming.fields(request.form))
    _count("sendgrid", "unsaid" if mail is None else f"mail_{_take_mail(mail)}")
    return Response(status=204)


def _take_mail(mail: incoming_mail.Mail) -> str:
    led = [found for address in mail.recipients if (found := led_back(outside(), address))]
    copies = [name for kind, name in led if kind == "copy"]
    if copies:
        whose, words = incoming_mail.forwarded(mail)
        copied = mailroom.Copied(
            mail.id, mail.sender, [one for one in mail.to if one not in mail.recipients], mail.subject, mail.text,
            whose, words,
        )  # fmt: skip
        outcome = mailroom.copied(outside(), copies[0], copied)
        if outcome != "unknown_user":
            return outcome
    if mail.automatic:
        return "automatic"
    touch = next((name for kind, name in led if kind == "reply"), None) or _by_thread(mail.references)
    received = replies.Received(
        mail.id, Channel.EMAIL, mail.sender, mail.name, next(iter(mail.recipients or mail.to), ""),
        mail.subject, mail.text, touch,
    )  # fmt: skip
    return replies.receive(outside(), received).outcome


def _by_thread(references: tuple[str, ...]) -> str | None:
    """The touch whose Message-ID they answer to: it begins with the attempt's token."""
    with reception().house.database.view() as unit:
        return next(_touches(unit, references), None)


def _touches(unit: Unit, references: tuple[str, ...]) -> Iterator[str]:
    for reference in reversed(references[-20:]):
        attempt = unit.attempt(reference.strip("<>").rpartition("@")[0])
        if attempt is not None:
            yield attempt.touch

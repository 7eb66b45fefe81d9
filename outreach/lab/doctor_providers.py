"""The doctor's look at providers: what is set, what is missing, whether we can be reached, and what to do."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from outreach.domain.place import number_place
from outreach.service import checkup, switches
from outreach.service.finding import Finding, Findings, look, many, well
from outreach.store.views_checkup import standing

if TYPE_CHECKING:
    from outreach.assemble import House

HOSTS_OF_THIS_MACHINE = ("localhost", "127.0.0.1", "::1", "0.0.0.0")
REACHED = "healthz"


def providers(house: House) -> Findings:
    """All of it; nothing is contacted but our own public address."""
    names = switches.configured(house.outside)
    if not names and not house.settings.twilio_account_sid:
        yield well("no provider is set up: every mail and SMS becomes a file in the outbox, visibly")
        return
    yield from _public_url(house)
    if house.settings.twilio_account_sid:  # with no number to send or ring from it is no way out yet
        yield from _twilio(house)
    if "sendgrid" in names:
        yield from _sendgrid(house)
    if "smtp" in names:
        yield from _smtp(house)
    if {"sendgrid", "smtp"} & set(names):
        yield from _answers(house)
    yield from _sender_domain(house, names)
    if names:
        yield from _switches(house)
    yield from _mailroom(house)


def _public_url(house: House) -> Findings:
    url = house.settings.public_url
    parts = urlsplit(url)
    if parts.scheme != "https" or (parts.hostname or "") in HOSTS_OF_THIS_MACHINE:
        yield look(
            f"providers cannot reach {url}: nothing comes back from them",
            "set OUTREACH_PUBLIC_URL to the https address that the outside sees",
        )
        return
    problem = reach(f"{url}/{REACHED}", house.settings.provider_timeout)
    if problem:
        yield look(
            f"{url} does not answer from here as it should: {problem}", "see to DNS, certificate and proxy"
        )
    else:
        yield well(f"{url} answers; that it does from outside only a provider can show")


def reach(url: str, timeout: float) -> str:
    """What is wrong with it; empty when our own house answers there."""
    import requests

    try:
        answer = requests.get(url, timeout=timeout, allow_redirects=False)
    except requests.RequestException as fault:
        return type(fault).__name__
    if answer.status_code != 200:
        return f"HTTP {answer.status_code}"
    return "" if '"status":"ok"' in answer.text.replace(" ", "") else "something else answers there"


def _twilio(house: House) -> Findings:
    settings = house.settings
    yield well(
        "Twilio: account and token are there, of the right shape; its signature is checked with the token"
    )
    if settings.twilio_from or settings.twilio_messaging_service_sid:
        sender = "a Messaging Service" if settings.twilio_messaging_service_sid else "one number"
        yield well(f"Twilio: SMS leave from {sender}")
    else:
        yield look("Twilio has no sender for SMS: they go to the outbox", "set OUTREACH_TWILIO_FROM")
    if settings.twilio_caller_id or settings.twilio_from:
        yield from _phones(house)
    else:
        yield look(
            "Twilio has no number to ring from: calls are dialled by hand", "set OUTREACH_TWILIO_CALLER_ID"
        )
    if not settings.twilio_a2p:
        abroad = _people_in_the_us(house)
        says = "no A2P campaign is named: no SMS to the United States"
        if abroad:
            yield look(
                f"{says} ({many(abroad, 'number')} of people there on file)",
                "register it at Twilio, then set OUTREACH_TWILIO_A2P",
            )
        else:
            yield well(f"Twilio: {says} (nobody on file lives there)")
    yield from _hooks("Twilio", settings.public_url, "/hooks/twilio/sms", "/hooks/twilio/voice/inbound")


def _phones(house: House) -> Findings:
    with house.database.view() as unit:
        bare = [
            user.id
            for user in unit.users()
            if user.active and user.role in ("am", "manager") and not user.phone
        ]
    if bare:
        yield look(
            f"{', '.join(bare[:5])}{' and others' if len(bare) > 5 else ''} cannot ring through the house: no number",
            f"outreach user phone {bare[0]} +49…",
        )
    else:
        yield well("every account manager has a number to be rung at")


def _people_in_the_us(house: House) -> int:
    """Of a number that may be there or in Canada we do not know; it counts."""
    with house.database.view() as unit:
        rows = unit.bulk.rows("select value from endpoint where kind = 'phone' and value like '+1%'")
    places = (number_place(value) for (value,) in rows)
    return sum(place is None or "US" in place.countries for place in places)


def _sendgrid(house: House) -> Findings:
    settings = house.settings
    if settings.sendgrid_api_key.startswith("SG."):
        yield well("SendGrid: the key is there, of the right shape")
    else:
        yield look("the SendGrid key does not begin with SG.", "copy it whole into OUTREACH_SENDGRID_API_KEY")
    if not settings.sendgrid_verify_key:
        yield look(
            "what SendGrid reports is refused: no verification key is set, so nobody learns of bounces",
            "switch on the signed event webhook there, then set OUTREACH_SENDGRID_VERIFY_KEY",
        )
    elif not _is_public_key(settings.sendgrid_verify_key):
        yield look(
            "OUTREACH_SENDGRID_VERIFY_KEY is no public key", "copy it from the signed event webhook's page"
        )
    else:
        yield from _hooks("SendGrid", settings.public_url, "/hooks/sendgrid/events")
    if settings.sendgrid_verify_key_next and not _is_public_key(settings.sendgrid_verify_key_next):
        yield look(
            "OUTREACH_SENDGRID_VERIFY_KEY_NEXT is no public key",
            "copy it from the signed event webhook's page",
        )
    if not settings.sendgrid_hold_groups:
        yield well(
            "holds are not pushed to SendGrid: no OUTREACH_SENDGRID_HOLD_GROUPS; other senders ask /v1/may-send"
        )


def _answers(house: House) -> Findings:
    settings = house.settings
    if settings.reply_domain and not settings.sendgrid_inbound_secret:
        yield look(
            "answers to mails would be refused: OUTREACH_REPLY_DOMAIN is set and the inbound password is not",
            "set OUTREACH_SENDGRID_INBOUND_SECRET, and the same in the inbound-parse address",
        )
    elif settings.reply_domain:
        yield well(f"answers to {settings.reply_domain} come in; its MX record must be mx.sendgrid.net")
    else:
        yield well("answers to mails go to the account managers' own mailboxes (no OUTREACH_REPLY_DOMAIN)")


def _is_public_key(text: str) -> bool:
    from sendgrid import EventWebhook

    try:
        return EventWebhook(text).public_key is not None
    except Exception:  # whatever the library's base64 and ASN.1 code raises
        return False


def _smtp(house: House) -> Findings:
    settings = house.settings
    if settings.smtp_security == "none" and settings.smtp_host not in HOSTS_OF_THIS_MACHINE:
        yield look(
            f"mails go to {settings.smtp_host} in the clear", "set OUTREACH_SMTP_SECURITY to starttls or tls"
        )
    else:
        yield well(
            f"SMTP: mails leave by {settings.smtp_host}:{settings.smtp_port} ({settings.smtp_security})"
        )


def _sender_domain(house: House, names: list[str]) -> Findings:
    if not {"sendgrid", "smtp"} & set(names):
        return
    sender = house.settings.mail_from or house.library.current().company.sender_email
    if not sender:
        yield look("mails have no sender address", "set OUTREACH_MAIL_FROM to a verified one")
        return
    domains = sorted({sender.rpartition("@")[2], *house.settings.mail_domains})
    yield well(f"mails leave from {', '.join(domains)}: SPF, DKIM and DMARC of these must name the provider")
    if not house.settings.mail_domains:
        yield well(f"account managers write from {sender} under their own name (no OUTREACH_MAIL_DOMAINS)")


def _switches(house: House) -> Findings:
    with house.database.view() as unit:
        yield from checkup.ways_out(unit, house.outside, standing(unit, house.outside.clock.now()))


def _hooks(name: str, url: str, *paths: str) -> Iterator[Finding]:
    yield well(f"{name}'s webhooks lead to " + " and ".join(f"{url}{path}" for path in paths))


def _mailroom(house: House) -> Findings:
    with house.database.view() as unit:
        yield from checkup.mailroom(unit, house.outside, standing(unit, house.outside.clock.now()))

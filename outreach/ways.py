"""Settings → the ways out: which provider carries what, at which pace, and what can be looked up there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Generic, TypeVar

from outreach.channels.alerting import AppriseNotifier
from outreach.channels.outbox import OutboxSender
from outreach.channels.pace import Pace, Paced
from outreach.channels.sendgrid import SendGridAccount, SendGridSender
from outreach.channels.sendgrid_lists import SendGridLists
from outreach.channels.smtp import SmtpSender
from outreach.channels.twilio import TwilioAccount, TwilioSender
from outreach.channels.twilio_phone import TwilioTelephone
from outreach.domain.facts import Channel
from outreach.service.ports import Clock
from outreach.service.ports_ways import Finder, Lists, Notifier, Post, Sender, Telephone
from outreach.settings import Settings


@dataclass(frozen=True)
class Ways:
    """What ``Outside`` is handed. A channel without a provider leads to the outbox."""

    outbox: OutboxSender
    senders: Mapping[Channel, Sender]
    providers: Mapping[Channel, str]
    post: Post
    finders: Mapping[Channel, Finder] = field(default_factory=dict)
    telephone: Telephone | None = None
    notifier: Notifier | None = None
    lists: Lists | None = None
    paces: Mapping[str, Pace] = field(default_factory=dict)
    """Provider/channel → its pace; each process has its own."""

    def rests(self) -> dict[str, datetime]:
        """Ways that rest now → until when."""
        states = {way: pace.state() for way, pace in self.paces.items()}
        return {way: state.until for way, state in states.items() if state.until is not None}


def ways_out(settings: Settings, clock: Clock) -> Ways:
    """Nothing is contacted here, and no client is loaded before it is needed."""
    twilio, sendgrid = _twilio(settings), _sendgrid(settings)
    sms, mail = _sms(settings, twilio, clock), _mail(settings, sendgrid, clock)
    carriers = {
        channel: carrier for channel, carrier in ((Channel.SMS, sms), (Channel.EMAIL, mail)) if carrier
    }
    paces = {
        channel: Pace(carrier.rate, clock.now, burst=max(int(carrier.rate), 1))
        for channel, carrier in carriers.items()
    }
    outbox = OutboxSender(settings.outbox_dir, clock.now)
    return Ways(
        outbox=outbox,
        senders={Channel.EMAIL: outbox, Channel.SMS: outbox}
        | {channel: Paced(carrier.sender, paces[channel]) for channel, carrier in carriers.items()},
        providers={channel: carrier.provider for channel, carrier in carriers.items()},
        post=post_of(settings),
        finders={Channel.SMS: sms.sender} if sms else {},
        telephone=_telephone(settings, twilio, clock),
        notifier=_notifier(settings),
        lists=SendGridLists(sendgrid, settings.sendgrid_hold_groups) if sendgrid else None,
        paces={
            f"{carrier.provider}/{channel.value}": paces[channel] for channel, carrier in carriers.items()
        },
    )


S = TypeVar("S", bound=Sender)


@dataclass(frozen=True)
class _Carrier(Generic[S]):
    """``rate``: messages a second."""

    provider: str
    sender: S
    rate: float


def _sms(settings: Settings, twilio: TwilioAccount | None, clock: Clock) -> _Carrier[TwilioSender] | None:
    if twilio is None or not (settings.twilio_from or settings.twilio_messaging_service_sid):
        return None
    sender = TwilioSender(
        twilio, clock.now, settings.twilio_from, settings.twilio_messaging_service_sid, settings.twilio_a2p
    )
    return _Carrier("twilio", sender, settings.twilio_rate)


def _mail(settings: Settings, sendgrid: SendGridAccount | None, clock: Clock) -> _Carrier[Sender] | None:
    if sendgrid is not None:
        return _Carrier("sendgrid", SendGridSender(sendgrid, clock.now), settings.sendgrid_rate)
    if not settings.smtp_host:
        return None
    sender = SmtpSender(
        settings.smtp_host, settings.smtp_port, clock.now, settings.smtp_security, settings.smtp_user,
        settings.smtp_password, settings.provider_timeout,
    )  # fmt: skip
    return _Carrier("smtp", sender, settings.smtp_rate)


def _sendgrid(settings: Settings) -> SendGridAccount | None:
    if not settings.sendgrid_api_key:
        return None
    return SendGridAccount(settings.sendgrid_api_key, settings.sendgrid_base_url, settings.provider_timeout)


def _twilio(settings: Settings) -> TwilioAccount | None:
    if not settings.twilio_account_sid:
        return None
    return TwilioAccount(
        settings.twilio_account_sid, settings.twilio_auth_token, settings.public_url, settings.twilio_base_url,
        settings.provider_timeout,
    )  # fmt: skip


def _telephone(settings: Settings, twilio: TwilioAccount | None, clock: Clock) -> Telephone | None:
    caller_id = settings.twilio_caller_id or settings.twilio_from
    return TwilioTelephone(twilio, clock.now, caller_id) if twilio is not None and caller_id else None


def _notifier(settings: Settings) -> Notifier | None:
    if settings.alert_services == ("none",):
        return None
    return AppriseNotifier(settings.alert_services, settings.provider_timeout)


def post_of(settings: Settings) -> Post:
    """How messages are addressed, so that answers come back to this house."""
    return Post(
        public_url=settings.public_url,
        from_address=settings.mail_from,
        domains=frozenset(settings.mail_domains),
        reply_domain=settings.reply_domain,
        sms_sender=settings.twilio_messaging_service_sid or settings.twilio_from,
    )

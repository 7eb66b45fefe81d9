"""Settings → the ways out: which provider carries what, at which pace, and what can be looked up there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

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
    outbox = OutboxSender(settings.outbox_dir, clock.now)
    senders: dict[Channel, Sender] = {Channel.EMAIL: outbox, Channel.SMS: outbox}
    providers: dict[Channel, str] = {}
    finders: dict[Channel, Finder] = {}
    paces: dict[str, Pace] = {}

    def carry(channel: Channel, provider: str, sender: Sender, rate: float) -> None:
        pace = Pace(rate, clock.now, burst=max(int(rate), 1))
        paces[f"{provider}/{channel.value}"], providers[channel] = pace, provider
        senders[channel] = Paced(sender, pace)

    twilio = _twilio(settings)
    if twilio is not None and (settings.twilio_from or settings.twilio_messaging_service_sid):
        sms = TwilioSender(
            twilio,
            clock.now,
            settings.twilio_from,
            settings.twilio_messaging_service_sid,
            settings.twilio_a2p,
        )
        carry(Channel.SMS, "twilio", sms, settings.twilio_rate)
        finders[Channel.SMS] = sms
    lists: Lists | None = None
    if settings.sendgrid_api_key:
        account = SendGridAccount(
            settings.sendgrid_api_key, settings.sendgrid_base_url, settings.provider_timeout
        )
        lists = SendGridLists(account, settings.sendgrid_hold_groups)
        carry(Channel.EMAIL, "sendgrid", SendGridSender(account, clock.now), settings.sendgrid_rate)
    elif settings.smtp_host:
        smtp = SmtpSender(
            settings.smtp_host, settings.smtp_port, clock.now, settings.smtp_security, settings.smtp_user,
            settings.smtp_password, settings.provider_timeout,
        )  # fmt: skip
        carry(Channel.EMAIL, "smtp", smtp, settings.smtp_rate)
    return Ways(
        outbox=outbox,
        senders=senders,
        providers=providers,
        post=post_of(settings),
        finders=finders,
        telephone=_telephone(settings, twilio, clock),
        notifier=_notifier(settings),
        lists=lists,
        paces=paces,
    )


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

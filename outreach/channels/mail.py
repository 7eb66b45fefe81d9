"""A message as a mail by RFC 5322: text, HTML beside it where there is one, from the human who speaks."""

from __future__ import annotations

from datetime import datetime
from email import policy
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime

from outreach.domain.message import Message

_POLICY = policy.SMTP.clone(cte_type="7bit")
NOBODY = "nobody@outbox.invalid"


def as_mail(message: Message, message_id: str, at: datetime) -> EmailMessage:
    """``message_id`` for a message that has none of its own; ``at`` dates it (aware)."""
    mail = EmailMessage(policy=_POLICY)
    sender = message.sender_address or NOBODY
    mail["From"] = Address(message.sender, addr_spec=sender)
    mail["To"] = Address(message.to_name, addr_spec=message.to)
    if message.reply_to:
        mail["Reply-To"] = Address(message.sender, addr_spec=message.reply_to)
    mail["Subject"] = message.subject
    mail["Date"] = format_datetime(at)
    for name, value in ({"Message-ID": message_id} | message.headers).items():
        mail[name] = value
    mail["Content-Language"] = message.language
    mail.set_content(message.text)
    if message.html:
        mail.add_alternative(message.html, subtype="html")
    return mail

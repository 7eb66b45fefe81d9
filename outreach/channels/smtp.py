"""Mail by a server of one's own. Until the server has the whole mail everything is definite; afterwards only
its answer is, and without one we are in the dark."""

from __future__ import annotations

import smtplib
import ssl
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from email.policy import SMTP

from outreach.channels.answers import answered, in_the_dark, not_asked
from outreach.channels.mail import as_mail
from outreach.domain.message import Message
from outreach.domain.signal import Meaning
from outreach.service.ports_ways import Receipt


@dataclass(frozen=True)
class SmtpSender:
    """A ``Sender`` for mail. ``security``: ``starttls · tls · none``. One connection a mail."""

    host: str
    port: int
    now: Callable[[], datetime]
    security: str = "starttls"
    user: str = ""
    password: str = field(default="", repr=False)
    timeout: float = 10.0

    def send(self, message: Message, token: str) -> Receipt:
        """Never raises for the server's faults. ``ref`` is the Message-ID."""
        mail = as_mail(message, f"<{token}@{message.sender_address.rpartition('@')[2]}>", self.now())
        try:
            server = self._connected()
        except smtplib.SMTPResponseException as fault:
            return _answered_at_the_door(fault)
        except (OSError, smtplib.SMTPException) as fault:
            return not_asked(fault)
        try:
            return _hand_over(server, message, mail.as_bytes(policy=SMTP), str(mail["Message-ID"]))
        finally:
            _leave(server)

    def _connected(self) -> smtplib.SMTP:
        context = ssl.create_default_context()
        if self.security == "tls":
            server: smtplib.SMTP = smtplib.SMTP_SSL(
                self.host, self.port, timeout=self.timeout, context=context
            )
        else:
            server = smtplib.SMTP(self.host, self.port, timeout=self.timeout)
        try:
            if self.security == "starttls":
                server.starttls(context=context)
            server.ehlo_or_helo_if_needed()
            if self.user:
                server.login(self.user, self.password)
        except BaseException:
            server.close()
            raise
        return server


def _hand_over(server: smtplib.SMTP, message: Message, mail: bytes, message_id: str) -> Receipt:
    try:
        code, _ = server.mail(
            message.sender_address, ["SIZE=" + str(len(mail))] if server.has_extn("size") else []
        )
        if code != 250:
            return _step(code, Meaning.SENDER)
        code, _ = server.rcpt(message.to)
        if code not in (250, 251):
            return _step(code, _of_recipient(code, _))
    except (OSError, smtplib.SMTPException) as fault:
        return not_asked(fault)
    try:
        code, _ = server.data(mail)
    except smtplib.SMTPDataError as fault:  # the server did not want to hear it
        return _step(fault.smtp_code, Meaning.REJECTED)
    except (OSError, smtplib.SMTPException) as fault:
        return in_the_dark(fault)
    return Receipt("sent", ref=message_id) if code == 250 else _step(code, Meaning.REJECTED)


def _of_recipient(code: int, text: bytes) -> Meaning:
    """5.1.x are the enhanced codes of an address that is none (RFC 3463, section 3.2)."""
    gone = code in (550, 551, 553) and (b"5.1." in text or b"5." not in text)
    return Meaning.INVALID if gone else Meaning.REJECTED


def _step(code: int, permanent: Meaning) -> Receipt:
    """4yz is for now, 5yz for good (RFC 5321, section 4.2.1)."""
    if 400 <= code < 500:
        return Receipt("refused", reason=f"The mail server asks to try later ({code}).", code=str(code))
    return answered(permanent, str(code))


def _answered_at_the_door(fault: smtplib.SMTPResponseException) -> Receipt:
    if isinstance(fault, smtplib.SMTPAuthenticationError) or fault.smtp_code in (530, 534, 535, 538):
        return answered(Meaning.PROVIDER, str(fault.smtp_code))
    return _step(fault.smtp_code, Meaning.PROVIDER)


def _leave(server: smtplib.SMTP) -> None:
    try:
        server.quit()
    except (OSError, smtplib.SMTPException):
        server.close()

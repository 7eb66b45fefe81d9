"""SMS by Twilio, and its own listing of what it has taken. With the official client, at a base address and
with a time-out of our choosing; its own scheduling is never used, since nothing could be judged at the end."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import cached_property
from typing import Any
from urllib.parse import quote, urlsplit, urlunsplit

from outreach.channels.answers import answered, in_the_dark, not_asked, retry_after
from outreach.domain.message import Message
from outreach.domain.signal import Meaning, meaning_of_twilio
from outreach.service.ports_faults import Unavailable
from outreach.service.ports_ways import Found, Receipt

LONGEST_VALIDITY = 14_400
"""Seconds: Twilio's default is ten hours, and news of a delivery is old by then."""
MARGIN, SHORTEST = 30, 60
"""Seconds: kept free before the allowed hours end; with less than so many left nothing is handed over."""
ASK_AGAIN = timedelta(hours=1)
UNITED_STATES = frozenset({"US", "PR", "VI", "GU", "AS", "MP", "UM"})
"""Where carriers want an A2P 10DLC campaign."""


@dataclass(frozen=True)
class TwilioAccount:
    """Credentials and address. The client is made at the first call: importing it takes a while."""

    account_sid: str
    auth_token: str = field(repr=False)
    public_url: str
    base_url: str = ""
    timeout: float = 10.0

    @cached_property
    def _http(self) -> Any:
        return _http_client(self.base_url, self.timeout)

    @cached_property
    def client(self) -> Any:
        from twilio.rest import Client

        return Client(self.account_sid, self.auth_token, http_client=self._http)

    @property
    def answer_headers(self) -> Mapping[str, str]:
        """Of the last answer that this thread has got: the client's exceptions do not carry them."""
        return getattr(self._http.heard, "headers", None) or {}

    def callback(self, path: str, token: str) -> str:
        return f"{self.public_url}/hooks/twilio/{path}?t={quote(token, safe='')}"


def _http_client(base_url: str, timeout: float) -> Any:
    """Twilio's own extension point. A connection for each call: one that has gone stale in a pool could not be
    told from one that broke after the message was taken. It logs nothing: numbers and texts would be in it."""
    import requests
    from twilio.http.http_client import TwilioHttpClient

    base = urlsplit(base_url) if base_url else None
    silent = logging.getLogger("outreach.twilio.client")
    silent.setLevel(logging.CRITICAL)

    class HttpClient(TwilioHttpClient):
        heard = threading.local()

        @property
        def session(self) -> requests.Session | None:
            return getattr(self.heard, "session", None)

        @session.setter
        def session(self, _: object) -> None:
            """The client's own; each call has one of ours."""

        def request(self, method: str, url: str, *args: Any, **more: Any) -> Any:
            if base is not None:
                asked = urlsplit(url)
                url = urlunsplit((base.scheme, base.netloc, asked.path, asked.query, ""))
            self.heard.headers = {}
            with requests.Session() as self.heard.session:
                answer = super().request(method, url, *args, **more)
            self.heard.headers = {str(k).lower(): str(v) for k, v in dict(answer.headers or {}).items()}
            return answer

    return HttpClient(pool_connections=False, timeout=timeout, logger=silent)


@dataclass(frozen=True)
class TwilioSender:
    """A ``Sender`` for SMS and a ``Finder``. ``from_number`` or ``messaging_service_sid``; ``a2p`` names the
    campaign without which none go to the United States."""

    account: TwilioAccount
    now: Callable[[], datetime]
    from_number: str = ""
    messaging_service_sid: str = ""
    a2p: str = ""

    def send(self, message: Message, token: str) -> Receipt:
        """Never raises for provider faults."""
        now = self.now()
        if not self.a2p and region_of(message.to) in UNITED_STATES:
            reason = "No A2P campaign is set, so carriers in the United States would block it."
            return Receipt("refused", reason=reason, retry_at=now + ASK_AGAIN, code="a2p", counts=False)
        seconds = self._validity(message, now)
        if seconds < SHORTEST:
            reason = "The allowed hours end before the carrier could deliver it."
            return Receipt(
                "refused", reason=reason, retry_at=message.valid_until, code="window", counts=False
            )
        sender = (
            {"messaging_service_sid": self.messaging_service_sid}
            if self.messaging_service_sid
            else {"from_": self.from_number}
        )
        return ask(
            self.account,
            self.now(),
            lambda: self.account.client.messages.create(
                to=message.to,
                body=message.text,
                status_callback=self.account.callback("status", token),
                validity_period=seconds,
                **sender,
            ),
        )

    def _validity(self, message: Message, now: datetime) -> int:
        if message.valid_until is None:
            return LONGEST_VALIDITY
        return min(int((message.valid_until - now).total_seconds()) - MARGIN, LONGEST_VALIDITY)

    def find(self, recipient: str, since: datetime, until: datetime) -> list[Found]:
        """Its messages to that number, newest first. The listing knows whole days only, so the hours are
        looked at here. Raises Unavailable."""
        listed = read(
            lambda: self.account.client.messages.list(
                to=recipient,
                date_sent_after=_start_of(since),
                date_sent_before=_start_of(until) + timedelta(days=1),
                limit=200,
            )
        )
        found = [_found(one) for one in listed]
        return [one for one in found if since <= one.at <= until]


def _start_of(at: datetime) -> datetime:
    return datetime.combine(date(at.year, at.month, at.day), datetime.min.time(), UTC)


def _found(one: Any) -> Found:
    at = one.date_sent or one.date_created
    if isinstance(at, str):
        at = parsedate_to_datetime(at)
    at = at or datetime.fromtimestamp(0, UTC)
    code = str(one.error_code) if one.error_code else None
    return Found(
        one.sid, at if at.tzinfo else at.replace(tzinfo=UTC), one.body or "", str(one.status or ""), code
    )


def region_of(number: str) -> str:
    """The country of a number, as far as it says so."""
    import phonenumbers

    try:
        return phonenumbers.region_code_for_number(phonenumbers.parse(number)) or ""
    except phonenumbers.NumberParseException:
        return ""


# -- what an answer proves -----------------------------------------------------------------------------------


def ask(account: TwilioAccount, now: datetime, call: Callable[[], Any]) -> Receipt:
    """Make the call; whatever comes back, or does not, becomes a receipt."""
    import requests
    from twilio.base.exceptions import TwilioException, TwilioRestException, TwilioServiceException

    try:
        made = call()
    except (TwilioRestException, TwilioServiceException) as fault:
        return _refused(fault, account.answer_headers, now)
    except requests.RequestException as fault:
        return _no_answer(fault)
    except TwilioException as fault:  # such as an answer that is no JSON
        return in_the_dark(fault)
    except (ValueError, KeyError, TypeError, AttributeError) as fault:
        return in_the_dark(fault)
    return Receipt("sent", ref=getattr(made, "sid", None) or None)


def _refused(fault: Any, headers: Mapping[str, str], now: datetime) -> Receipt:
    status = int(fault.status or 0)
    code = getattr(fault, "code", None)
    number = code if isinstance(code, int) and code != status else None
    if 200 <= status < 300:  # taken, and the answer could not be read
        return Receipt("sent", code=str(status))
    meaning = Meaning.IN_DOUBT if status >= 500 else meaning_of_twilio(number, status)
    return answered(meaning, str(number or status), retry_after(headers.get("retry-after"), now))


def _no_answer(fault: Exception) -> Receipt:
    """Whether a byte of the message can have left."""
    import requests
    from urllib3.exceptions import ConnectTimeoutError, MaxRetryError, NameResolutionError, NewConnectionError
    from urllib3.exceptions import SSLError as BrokenTls

    if isinstance(
        fault, (requests.ConnectTimeout, requests.exceptions.SSLError, requests.exceptions.InvalidURL)
    ):
        return not_asked(fault)
    if isinstance(fault, requests.ConnectionError) and fault.args:
        inner = fault.args[0]
        reason = inner.reason if isinstance(inner, MaxRetryError) else inner
        if isinstance(reason, (NewConnectionError, ConnectTimeoutError, NameResolutionError, BrokenTls)):
            return not_asked(fault)
    return in_the_dark(fault)


def read(call: Callable[[], Any]) -> Any:
    """For what changes nothing. Raises Unavailable."""
    import requests
    from twilio.base.exceptions import TwilioException

    try:
        return call()
    except (requests.RequestException, TwilioException, ValueError, KeyError) as fault:
        raise Unavailable(f"Twilio cannot be read ({type(fault).__name__}).") from None

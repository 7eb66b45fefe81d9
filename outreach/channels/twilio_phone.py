"""Rings our own people's phones by Twilio; whom they are connected with is said once they have pressed 1."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from outreach.channels.twilio import TwilioAccount, ask
from outreach.service.ports_ways import Receipt

RINGS_FOR = 20
"""Seconds."""


@dataclass(frozen=True)
class TwilioTelephone:
    """A ``Telephone``. ``caller_id``: our number, E.164. Nothing is recorded."""

    account: TwilioAccount
    now: Callable[[], datetime]
    caller_id: str

    def ring(self, number: str, token: str) -> Receipt:
        """Never raises for provider faults. A machine that picks up is told apart, and hung up on."""
        at = self.account.callback
        return ask(
            self.account,
            self.now(),
            lambda: self.account.client.calls.create(
                to=number,
                from_=self.caller_id,
                url=at("voice/ours", token),
                fallback_url=at("voice/sorry", token),
                status_callback=at("voice/leg", token),
                status_callback_event=["initiated", "ringing", "answered", "completed"],
                timeout=RINGS_FOR,
                machine_detection="Enable",
            ),
        )

    def hang_up(self, ref: str) -> None:
        """``completed`` ends a call that rings and one that talks. One that has ended already is no fault."""
        ask(self.account, self.now(), lambda: self.account.client.calls(ref).update(status="completed"))

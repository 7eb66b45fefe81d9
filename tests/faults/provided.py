"""A whole house between the providers' rig and a served app: what it sends goes there, what comes back
comes in by its own hooks, signed. Its clock runs with the real one and can be put forward."""

from __future__ import annotations

import shutil
import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from werkzeug.serving import make_server

from outreach.service.sweep import tick
from tests.support.rig import Rig
from tests.support.served import running
from tests.web.world import World, world

ROOT = Path(__file__).resolve().parents[2]
PUBLIC = "https://outreach.example"
HEAD = "title: {0}\nwhy: because\npurpose: service_recovery\nseverity: high\nhold: none\nonce_per: event.order_id\n"
PLAYBOOKS = {
    "by-mail": "when: delivery.lost\nsteps: [{email: hurt_person, template: x/mail.md, review: none}]\n",
    "by-text": "when: delivery.damaged\nsteps: [{sms: hurt_person, template: x/text.md, review: none}]\n",
    "by-phone": "when: delivery.missed\nsteps: [{call: hurt_person, within: 4 business hours, brief: x/call.md, "
    "ladder: {busy: {again_in: 1 business hour, at_most: 3, voicemail: never}, no_answer: {again_in: 1 business day, at_most: 3, voicemail: once}}}]\n",
}
ANYTIME = """law: anytime
title: Anywhere, in tests
country: any
lines:
  - hours: {mon-sun: 00:00-24:00}
    for: [service, callback, solicitation]
    by: [call, sms]
    source: "a test runs at any hour"
    effective: 2000-01-01
    basis: house
    review_by: 2099-01-01
"""


class RunningClock:
    """Now, and what it was put forward by."""

    def __init__(self) -> None:
        self.ahead = timedelta(0)

    def now(self) -> datetime:
        return datetime.now(UTC) + self.ahead


@dataclass
class Provided:
    """``world`` has the house and the app; ``rig`` is what it talks to."""

    world: World
    rig: Rig
    clock: RunningClock

    @property
    def outside(self) -> Any:
        return self.world.house.outside

    def tick(self) -> None:
        tick(self.outside)

    def until(
        self, done: Callable[[], bool], step: timedelta = timedelta(seconds=20), rounds: int = 400
    ) -> None:
        """Tick and let time pass until it is so; never further ahead than the providers' signatures are believed."""
        for _ in range(rounds):
            self.tick()
            if done():
                return
            if self.clock.ahead < timedelta(hours=20):
                self.clock.ahead += step
        raise AssertionError("it does not come to an end")


def root_of(folder: Path) -> Path:
    """The project's own vocabulary and company, one playbook for each way out, no night, and nobody asked about a crowd."""
    root = folder / "root"
    for name in ("vocabulary.yaml", "company.yaml", "defaults.yaml"):
        (root / "playbooks").mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / "playbooks" / name, root / "playbooks" / name)
    company = root / "playbooks" / "company.yaml"
    text = company.read_text()
    assert "accounts: 200" in text
    company.write_text(text.replace("accounts: 200", "accounts: 100000"))
    for name, rest in PLAYBOOKS.items():
        (root / "playbooks" / f"{name}.yaml").write_text(f"playbook: {name}\n{HEAD.format(name)}{rest}")
    (root / "playbooks" / "law").mkdir()
    (root / "playbooks" / "law" / "anytime.yaml").write_text(ANYTIME)
    (root / "templates" / "x").mkdir(parents=True)
    (root / "templates" / "x" / "mail.md").write_text(
        "Subject: Order {{ event.order_id }}\n\nI am sorry about {{ event.order_id }}.\n"
    )
    (root / "templates" / "x" / "text.md").write_text("I am sorry about {{ event.order_id }}. Ring me.\n")
    (root / "templates" / "x" / "call.md").write_text("Say sorry.\n")
    return root


@contextmanager
def provided(
    tmp: Path, rig_for: Callable[..., Rig], settings: Mapping[str, str] | None = None, auto: bool = True
) -> Iterator[Provided]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    rig = rig_for(f"http://127.0.0.1:{port}", f"{PUBLIC}/hooks/sendgrid/events", auto)
    clock = RunningClock()
    given = {
        "OUTREACH_PUBLIC_URL": PUBLIC, "OUTREACH_PROVIDER_TIMEOUT": "0.6", "OUTREACH_COOKIE_SECURE": "false",
        "OUTREACH_TWILIO_ACCOUNT_SID": rig.keys["twilio_account_sid"], "OUTREACH_TWILIO_AUTH_TOKEN": rig.keys["twilio_auth_token"],
        "OUTREACH_TWILIO_FROM": "+15005550006", "OUTREACH_TWILIO_BASE_URL": rig.twilio_url, "OUTREACH_TWILIO_A2P": "CMP1",
        "OUTREACH_TWILIO_RATE": "1000", "OUTREACH_SENDGRID_API_KEY": rig.keys["sendgrid_api_key"],
        "OUTREACH_SENDGRID_BASE_URL": rig.sendgrid_url, "OUTREACH_SENDGRID_RATE": "1000",
        "OUTREACH_SENDGRID_VERIFY_KEY": rig.keys["sendgrid_webhook_public_key"], "OUTREACH_REPLY_DOMAIN": "in.hearth.example",
    }  # fmt: skip
    made = world(tmp, root_of(tmp), settings=given | dict(settings or {}), clock=clock)
    for provider in ("twilio", "sendgrid"):
        made.house.database.retrying(lambda unit, p=provider: unit.set_setting(f"live:{p}", "the test"))
    server = make_server("127.0.0.1", port, made.app, threaded=True)
    try:
        with running(server):
            yield Provided(made, rig, clock)
    finally:
        made.close()

"""From an event to the provider's last word, against the rig; and a thousand touches under faults of every kind."""

from __future__ import annotations

import os
import random
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from outreach.domain.touch import Status, Touch
from outreach.service import desk
from outreach.service.errands import run_errands
from outreach.service.intake import take_in
from tests.faults.provided import Provided, provided
from tests.support.rig import Rig

MANY = 1000
FAULTS = {
    "twilio": ["twilio_429", "twilio_500", "twilio_503", "twilio_html_502", "twilio_rfc9457_429", "twilio_lost_reply",
               "twilio_timeout", "twilio_accept_500"],
    "sendgrid": ["sendgrid_429", "sendgrid_500", "sendgrid_503", "sendgrid_lost_reply", "sendgrid_timeout"],
}  # fmt: skip


def customers(here: Provided, count: int, type_: str | tuple[str, ...], first: int = 0) -> None:
    """So many accounts, each with one person who was let down; by these types in turn."""
    types = (type_,) if isinstance(type_, str) else type_
    now = (here.clock.now() - timedelta(minutes=1)).isoformat()

    def event(kind: str, id_: str, subject: str, **data: Any) -> dict[str, Any]:
        return {
            "specversion": "1.0",
            "id": id_,
            "source": "erp",
            "type": kind,
            "subject": subject,
            "time": now,
            "data": data,
        }

    events = []
    for n in range(first, first + count):
        events.append(
            event("account.described", f"a{n}", f"a{n}", name=f"Account {n}", owner="jonas", country="US")
        )
        events.append(event("person.described", f"p{n}", f"person:p{n}", name=f"Person {n}", phone=phone(n), email=mail(n),
                            accounts=[{"account": f"a{n}", "roles": ["buyer"]}]))  # fmt: skip
        events.append(event(types[n % len(types)], f"e{n}", f"a{n}", order_id=f"o{n}", person_id=f"p{n}"))
    for start in range(0, len(events), 300):
        answers = take_in(here.outside, events[start : start + 300], internal=True)
        assert {answer.outcome for answer in answers} == {"accepted"}


def phone(n: int) -> str:
    return f"+1415555{n:04}"


def mail(n: int) -> str:
    return f"p{n:04}@customers.example"


def touches(here: Provided) -> list[Touch]:
    with here.world.house.database.view() as unit:
        from outreach.store.runs import TOUCH

        return unit.bulk.all(TOUCH, "order by id")


def deliveries(here: Provided) -> Counter[str]:
    with here.world.house.database.view() as unit:
        rows = unit.bulk.rows("select delivery, count(*) from attempt group by delivery")
    return Counter({row[0]: row[1] for row in rows})


def settled(here: Provided) -> bool:
    moving = (Status.PLANNED, Status.DUE, Status.SENDING)
    return not any(touch.status in moving for touch in touches(here))


def accepted(rig: Rig) -> Counter[str]:
    """Recipient → how many messages the provider has accepted, by its own state."""
    state = rig.state()
    found = Counter(message["to"] for message in state["messages"])
    found.update(m["json"]["personalizations"][0]["to"][0]["email"] for m in state["emails"])
    return found


def test_a_mail_and_an_sms_from_event_to_the_last_word(tmp_path: Path, rig_for: Callable[..., Rig]) -> None:
    with provided(tmp_path, rig_for) as here:
        customers(here, 1, "delivery.lost")
        customers(here, 1, "delivery.damaged", first=1)
        here.until(lambda: settled(here) and deliveries(here)["delivered"] == 2)
        assert [touch.status for touch in touches(here)] == [Status.SENT, Status.SENT]
        assert accepted(here.rig) == {mail(0): 1, phone(1): 1}
        assert here.rig.violations() == []
        callbacks = here.rig.state()["delivered_callbacks"]
        assert callbacks and {one["status"] for one in callbacks} <= {200, 204}


def test_a_reply_finds_its_run_and_a_stop_is_obeyed(tmp_path: Path, rig_for: Callable[..., Rig]) -> None:
    with provided(tmp_path, rig_for) as here:
        customers(here, 1, "delivery.damaged")
        here.until(lambda: settled(here))
        url = "https://outreach.example/hooks/twilio/sms"
        said = {"From": phone(0), "To": "+15005550006", "MessageSid": "SM" + "1" * 32}
        assert (
            here.rig.ask("twilio/post", {"url": url, "params": {**said, "Body": "Where is it?"}})["status"]
            == 200
        )
        assert (
            here.rig.ask("twilio/post", {"url": url, "params": said, "bad_signature": True})["status"] == 403
        )
        stop = {**said, "MessageSid": "SM" + "2" * 32, "Body": "STOP"}
        assert here.rig.ask("twilio/post", {"url": url, "params": stop})["status"] == 200
        with here.world.house.database.view() as unit:
            types = [event.type for event in unit.events_of("a0")]
            assert "message.received" in types
            assert "sms" in unit.people(["p0"])["p0"].opted_out


@pytest.mark.parametrize("preset", [*FAULTS["twilio"], *FAULTS["sendgrid"]])
def test_each_fault_ends_in_at_most_one_message_and_a_named_state(
    preset: str, tmp_path: Path, rig_for: Callable[..., Rig]
) -> None:
    twilio = preset.startswith("twilio")
    with provided(tmp_path, rig_for) as here:
        here.rig.fault(preset, delay_s=2)
        customers(here, 1, "delivery.damaged" if twilio else "delivery.lost")
        here.until(lambda: settled(here))
        (touch,) = touches(here)
        taken = sum(accepted(here.rig).values())
        assert taken <= 1
        if touch.status is Status.SENT:
            assert taken == 1
        else:
            assert touch.status is Status.UNKNOWN and (taken == 0 or not preset.endswith("429"))


@pytest.mark.parametrize("seed", [1])
def test_a_thousand_touches_under_faults_leave_at_most_once_and_none_is_lost(
    seed: int, tmp_path: Path, rig_for: Callable[..., Rig]
) -> None:
    many = int(os.environ.get("OUTREACH_TEST_MANY", MANY))
    chance = random.Random(seed)
    with provided(tmp_path, rig_for, {"OUTREACH_PROVIDER_TIMEOUT": "0.3"}) as here:
        faults = []
        for n in range(many):
            provider = "twilio" if n % 2 else "sendgrid"
            if chance.random() < 0.2:
                to = phone(n) if n % 2 else mail(n)
                faults.append({"preset": chance.choice(FAULTS[provider]), "to": to, "times": 1, "delay_s": 1})
        here.rig.ask("faults", faults)
        customers(here, many, ("delivery.lost", "delivery.damaged"))
        here.until(lambda: settled(here), rounds=3000)
        found = touches(here)
        assert len(found) == many
        assert {touch.status for touch in found} <= {Status.SENT, Status.UNKNOWN}
        taken = accepted(here.rig)
        assert max(taken.values()) == 1, "a message was sent twice"
        # What was taken in doubt is settled by callbacks, and by the listing.
        here.clock.ahead += timedelta(minutes=2)
        run_errands(here.outside)
        here.until(lambda: not [t for t in touches(here) if t.status is Status.UNKNOWN and taken[to_of(t)]])
        doubtful = [touch for touch in touches(here) if touch.status is Status.UNKNOWN]
        assert all(taken[to_of(touch)] == 0 for touch in doubtful)
        # The rest a human settles: it did not leave, send it again.
        for touch in doubtful:
            desk.settle_unknown(here.outside, touch.id, "ops", "again", "it is in nobody's listing")
        here.until(lambda: settled(here), rounds=3000)
        assert {touch.status for touch in touches(here)} == {Status.SENT}
        taken = accepted(here.rig)
        assert (len(taken), set(taken.values())) == (many, {1})
        assert here.rig.violations() == []


def to_of(touch: Touch) -> str:
    n = int(touch.account.removeprefix("a"))
    return phone(n) if touch.channel.value == "sms" else mail(n)

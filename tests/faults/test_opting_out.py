"""Sixteen workers send while customers opt out, each in a way of their own: what is committed first, holds."""

from __future__ import annotations

import os
import threading
from pathlib import Path

from outreach.domain.facts import Channel
from outreach.lab.scratch import Scratch
from outreach.service import care, care_links, care_said, replies, sweep
from outreach.service.endpoints import shut
from outreach.service.ledger import Ledger
from outreach.service.ports import Unit
from outreach.service.replies import Received
from tests.service.world import event, give, give_person, house, provided, rules_with

WORKERS = 16
PEOPLE = 400 if os.environ.get("OUTREACH_TEST_PROFILE") == "nightly" else 96
SORRY = "purpose: service_recovery\nseverity: high\nwhen: delivery.lost\nonce_per: event.order_id\nhold: none\nsteps: [{%s: hurt_person, within: 4 hours, template: x/%s.md, review: none}]\n"


def phone(n: int) -> str:
    return f"+4930{1_000_000 + n}"


def mail(n: int) -> str:
    return f"p{n}@x.example"


def opt_out(home: Scratch, n: int) -> None:
    """By a STOP, in their own words, on their own page, by a spam report, or told a colleague: in turn."""
    outside, person = home.outside, f"p{n}"
    match n % 5:
        case 0:
            replies.receive(outside, Received(f"sms:{n}", Channel.SMS, phone(n), "", "us", "", "STOP"))
        case 1:
            words = "Please stop writing to me."
            replies.receive(outside, Received(f"sms:{n}", Channel.SMS, phone(n), "", "us", "", words))
        case 2:
            care_said.stop(outside, care_links.link_by_hand(outside, person, None, "jonas"), "all")
        case 3:

            def report(unit: Unit) -> None:
                ledger = Ledger(unit, outside, outside.clock.now())
                for channel, value in ((Channel.EMAIL, mail(n)), (Channel.SMS, phone(n))):
                    shut(ledger, channel, value, "reported us")
                ledger.flush()

            outside.database.retrying(report)
        case _:
            for channel in ("email", "sms"):
                care.opt_out(outside, person, channel, "told a colleague", "jonas")


def attempts_of(home: Scratch, n: int) -> set[str]:
    """Tokens of what was to go by a way that they shut: a STOP by SMS speaks of SMS alone."""
    ways = {Channel.SMS} if n % 5 == 0 else {Channel.SMS, Channel.EMAIL}
    with home.database.view() as unit:
        return {attempt.token for attempt in unit.attempts_to(f"p{n}") if attempt.channel in ways}


def test_no_send_begins_after_a_committed_opt_out(database_url: str, tmp_path: Path) -> None:
    rules = rules_with({"mail": SORRY % ("email", "mail"), "text": SORRY % ("sms", "text")})
    with house(rules, database_url=database_url) as plain:
        home = provided(plain)
        for n in range(PEOPLE):
            give(home, f"a{n}", None)
            give_person(home, f"p{n}", [f"a{n}"], phone=phone(n), email=mail(n))
        for n in range(PEOPLE):
            home.take_in(event(home, "delivery.lost", f"l{n}", f"a{n}", order_id=f"o{n}", person_id=f"p{n}"))
        known: dict[int, set[str]] = {}
        faults: list[BaseException] = []
        gate, nap = threading.Barrier(WORKERS + 4), threading.Event()

        def send() -> None:
            gate.wait()
            for _ in range(6):
                sweep.tick(home.outside, batch=8)

        def leave(first: int) -> None:
            gate.wait()
            for n in range(first, PEOPLE, 4):
                while len(home.sent.taken) < n and any(worker.is_alive() for worker in workers):
                    nap.wait(0.001)  # so that sending and leaving go side by side, whichever is faster here
                opt_out(home, n)
                known[n] = attempts_of(home, n)  # whatever had its intent committed before this is seen here

        def guarded(work: object, *args: int) -> None:
            try:
                work(*args)  # type: ignore[operator]
            except BaseException as fault:
                faults.append(fault)

        workers = [threading.Thread(target=guarded, args=(send,)) for _ in range(WORKERS)]
        threads = workers + [threading.Thread(target=guarded, args=(leave, k)) for k in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(120)
        assert not faults, faults[0]
        home.settle()
        late = {n: attempts_of(home, n) - known[n] for n in range(PEOPLE)}
        assert {n: tokens for n, tokens in late.items() if tokens} == {}
        sent = sum(len(tokens) for tokens in known.values())
        assert 0 < sent < 2 * PEOPLE, "some left before, and some did not: else this has shown nothing"
        assert not home.sent.doubled

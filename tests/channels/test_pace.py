"""A rate that is kept, a pause that is waited for, and a breaker that opens in time."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outreach.channels.null import FaultySender
from outreach.channels.pace import LONGEST_PAUSE, LOOKED_AT, SHORTEST_PAUSE, Pace, Paced
from outreach.domain.signal import Meaning
from outreach.service.ports_ways import Receipt
from tests.channels.messages import sms

START = datetime(2026, 3, 2, 9, tzinfo=UTC)
SECOND = timedelta(seconds=1)


class Clock:
    def __init__(self) -> None:
        self.time = START

    def now(self) -> datetime:
        return self.time


def paced(*script: str | Receipt, rate: float = 1000.0) -> tuple[Paced, FaultySender, Clock]:
    clock, sender = Clock(), FaultySender(script)
    return Paced(sender, Pace(rate, clock.now)), sender, clock


def send(way: Paced, clock: Clock, step: timedelta = SECOND) -> Receipt:
    clock.time += step
    return way.send(sms(), "t")


@given(
    st.floats(0.2, 20), st.integers(1, 5),
    st.lists(st.floats(0, 3, allow_nan=False), min_size=1, max_size=80),
)  # fmt: skip
def test_no_stretch_of_time_sees_more_than_its_rate(rate: float, burst: int, steps: list[float]) -> None:
    clock = Clock()
    pace = Pace(rate, clock.now, burst)
    admitted = []
    for step in steps:
        clock.time += timedelta(seconds=step)
        later = pace.admit()
        if later is None:
            admitted.append(clock.time)
            pace.worked()
        else:
            assert later > clock.time
    for i, first in enumerate(admitted):
        for count, last in enumerate(admitted[i:], start=1):
            assert count <= burst + rate * (last - first).total_seconds() + 1e-6


def test_the_instant_that_is_named_is_free() -> None:
    clock = Clock()
    pace = Pace(0.5, clock.now)
    assert pace.admit() is None
    later = pace.admit()
    assert later == START + 2 * SECOND
    clock.time = later
    assert pace.admit() is None


def test_five_failures_in_a_row_open_the_breaker() -> None:
    way, sender, clock = paced(*["unknown"] * 5)
    assert [send(way, clock).outcome for _ in range(6)] == ["unknown"] * 5 + ["refused"]
    assert sender.calls == 5 and way.pace.state().breaker == "open"


@given(st.lists(st.sampled_from(["unknown", "refused", "lost"]), min_size=LOOKED_AT, max_size=60), st.data())
def test_the_breaker_is_open_within_twenty_calls_whatever_the_failures(
    script: list[str], data: st.DataObject
) -> None:
    """Also where some calls work in between, so long as half of them fail."""
    for i in range(0, len(script), 2):
        if data.draw(st.booleans()):
            script[i] = "sent"
    way, sender, clock = paced(*script)
    for _ in script:
        send(way, clock)
        if way.pace.state().breaker != "closed":
            break
    assert sender.calls <= LOOKED_AT


def test_one_probe_after_a_rest_and_a_longer_one_each_time_it_fails() -> None:
    way, sender, clock = paced(*["unknown"] * 7)
    for _ in range(5):
        send(way, clock)
    assert send(way, clock, 20 * SECOND).outcome == "refused"
    assert send(way, clock, 15 * SECOND).outcome == "unknown" and sender.calls == 6
    assert send(way, clock, 31 * SECOND).outcome == "refused"
    assert send(way, clock, 30 * SECOND).outcome == "unknown" and sender.calls == 7
    assert send(way, clock, 119 * SECOND).outcome == "refused"
    assert send(way, clock, 2 * SECOND).outcome == "sent"
    assert way.pace.state().breaker == "closed"
    assert send(way, clock).outcome == "sent"


def test_of_many_threads_one_probes() -> None:
    clock = Clock()
    pace = Pace(1000, clock.now, burst=50)
    for _ in range(5):
        assert pace.admit() is None
        pace.failed()
    clock.time += 31 * SECOND
    admitted = []
    threads = [threading.Thread(target=lambda: admitted.append(pace.admit() is None)) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert admitted.count(True) == 1


def test_a_refusal_of_one_message_is_the_provider_at_work() -> None:
    refusals = [Receipt("failed", meaning=Meaning.INVALID)] * 30
    way, sender, clock = paced(*refusals)
    assert [send(way, clock).outcome for _ in refusals] == ["failed"] * 30
    assert sender.calls == 30


@pytest.mark.parametrize(
    ("asked", "waits"),
    [
        (timedelta(seconds=17), timedelta(seconds=17)),
        (timedelta(days=3), LONGEST_PAUSE),
        (-timedelta(days=3), SHORTEST_PAUSE),
        (None, 5 * SECOND),
    ],
)
def test_slow_down_is_obeyed_within_reason(asked: timedelta | None, waits: timedelta) -> None:
    until = None if asked is None else START + SECOND + asked
    way, sender, clock = paced(Receipt("refused", meaning=Meaning.SLOW_DOWN, retry_at=until, counts=False))
    receipt = send(way, clock)
    assert receipt.retry_at == clock.time + waits
    later = send(way, clock, waits / 2)
    assert (later.outcome, later.counts, sender.calls) == ("refused", False, 1)
    assert send(way, clock, waits / 2 + SECOND).outcome == "sent"


def test_what_was_never_asked_counts_as_no_try() -> None:
    way, sender, clock = paced(rate=0.1)
    assert send(way, clock).outcome == "sent"
    receipt = send(way, clock)
    assert (receipt.outcome, receipt.counts, sender.calls) == ("refused", False, 1)
    assert receipt.retry_at is not None and receipt.retry_at > clock.time


def test_a_send_that_dies_while_it_probes_does_not_hold_the_probe_for_ever() -> None:
    way, sender, clock = paced(*["unknown"] * 5, "crash")
    for _ in range(5):
        send(way, clock)
    with pytest.raises(SystemExit):
        send(way, clock, 31 * SECOND)
    assert send(way, clock, 61 * SECOND).outcome == "sent" and sender.calls == 7
    assert way.pace.state().breaker == "closed"


def test_a_word_from_before_it_opened_neither_closes_nor_prolongs_the_rest() -> None:
    clock = Clock()
    pace = Pace(1000, clock.now, burst=50)
    for _ in range(6):
        assert pace.admit() is None
    for _ in range(5):
        pace.failed()
    opened = pace.state()
    for late in (pace.worked, pace.failed):
        thread = threading.Thread(target=late)
        thread.start()
        thread.join()
        assert pace.state() == opened and opened.breaker == "open"


def test_a_short_pause_does_not_cut_a_longer_one_short() -> None:
    clock = Clock()
    pace = Pace(1000, clock.now)
    long = pace.pause(START + 60 * SECOND)
    assert pace.pause(None) == long == pace.admit()


def test_a_mailbox_that_is_full_says_nothing_about_the_server() -> None:
    full = Receipt("refused", reason="later", code="450")
    way, sender, clock = paced(*[full] * 12)
    assert [send(way, clock).code for _ in range(12)] == ["450"] * 12
    assert way.pace.state().breaker == "closed"
    closing = Receipt("refused", reason="later", code="421")
    way, sender, clock = paced(*[closing] * 12)
    for _ in range(12):
        send(way, clock)
    assert sender.calls == 5 and way.pace.state().breaker == "open"


def test_what_did_not_ask_the_provider_gives_its_turn_back() -> None:
    unasked = Receipt("refused", reason="not registered", code="a2p", counts=False)
    way, sender, clock = paced(unasked, rate=0.1)
    assert send(way, clock).code == "a2p"
    assert send(way, clock).outcome == "sent" and sender.calls == 2

"""Group commit: many requests, few transactions, an answer for each."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from outreach.service import intake
from outreach.service.front import check
from outreach.web import writer as room
from outreach.web.writer import Busy, Writer
from tests.web.world import World


def late(here: World, id_: str) -> Any:
    raw = {
        "specversion": "1.0", "id": id_, "source": "shop", "type": "delivery.delayed", "subject": "a1",
        "data": {"order_id": id_, "days_late": 3},
    }  # fmt: skip
    return check(raw, here.house.outside.rules().vocabulary, here.clock.time)


class Gate:
    """Lets the writer store one batch when told to, and counts them."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.sizes: list[int] = []
        self.open, self.reached = threading.Event(), threading.Event()
        monkeypatch.setattr(room, "take_checked", self._take)

    def _take(self, outside: Any, items: Any) -> Any:
        self.sizes.append(len(items))
        self.reached.set()
        assert self.open.wait(10)
        return intake.take_checked(outside, items)


def _in_threads(count: int, work: Any) -> list[threading.Thread]:
    threads = [threading.Thread(target=work, args=(n,)) for n in range(count)]
    for thread in threads:
        thread.start()
    return threads


def test_what_waits_is_stored_together(here: World, monkeypatch: pytest.MonkeyPatch) -> None:
    here.account("a1", "Berlin Kitchens", person="anna")
    gate, writer = Gate(monkeypatch), Writer(here.house.outside)
    answers: dict[int, str] = {}

    def send(n: int) -> None:
        answers[n] = writer.take([late(here, f"e-{n}")])[0].outcome

    first = _in_threads(1, send)
    assert gate.reached.wait(10)
    rest = [*first]
    for n in range(1, 20):
        rest += [threading.Thread(target=send, args=(n,))]
        rest[-1].start()
    while writer.depth < 19:
        threading.Event().wait(0.001)
    gate.open.set()
    for thread in rest:
        thread.join(10)
    assert set(answers.values()) == {"accepted"} and len(answers) == 20
    assert gate.sizes == [1, 19]
    writer.close()


def test_a_full_queue_refuses_at_once(here: World, monkeypatch: pytest.MonkeyPatch) -> None:
    here.account("a1", "Berlin Kitchens")
    gate, writer = Gate(monkeypatch), Writer(here.house.outside, queued=2)
    waiting = _in_threads(1, lambda n: writer.take([late(here, "first")]))
    assert gate.reached.wait(10)
    waiting += _in_threads(2, lambda n: writer.take([late(here, f"e-{n}")]))
    while writer.depth < 2:
        threading.Event().wait(0.001)
    with pytest.raises(Busy):
        writer.take([late(here, "too much")])
    gate.open.set()
    for thread in waiting:
        thread.join(10)
    writer.close()


def test_closing_stores_what_is_queued(here: World, monkeypatch: pytest.MonkeyPatch) -> None:
    here.account("a1", "Berlin Kitchens")
    gate, writer = Gate(monkeypatch), Writer(here.house.outside)
    done: list[str] = []
    threads = _in_threads(1, lambda n: done.append(writer.take([late(here, "e-0")])[0].outcome))
    assert gate.reached.wait(10)
    threads += _in_threads(1, lambda n: done.append(writer.take([late(here, "e-1")])[0].outcome))
    while writer.depth < 1:
        threading.Event().wait(0.001)
    gate.open.set()
    writer.close()
    for thread in threads:
        thread.join(10)
    assert done == ["accepted", "accepted"]
    with pytest.raises(Busy):
        writer.take([late(here, "e-2")])


def test_a_request_that_fails_cannot_fail_its_neighbours(
    here: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    here.account("a1", "Berlin Kitchens")

    def take(outside: Any, items: Any) -> Any:
        if any(item.event.id == "poison" for item in items):
            raise RuntimeError("broken on purpose")
        return intake.take_checked(outside, items)

    monkeypatch.setattr(room, "take_checked", take)
    writer = Writer(here.house.outside)
    jobs = [room._Job([late(here, id_)]) for id_ in ("good", "poison", "better")]
    writer._store(jobs)
    assert [job.answers[0].outcome if job.answers else None for job in jobs] == ["accepted", None, "accepted"]
    assert isinstance(jobs[1].fault, RuntimeError)
    writer.close()

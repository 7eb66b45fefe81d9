"""Two at once on PostgreSQL: the second is let in at a chosen read of the first, so that it happens every time."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from outreach.domain.errors import Refused
from outreach.domain.phone import LegState
from outreach.service import calls, calls_now, calls_said, desk, ring_backs
from outreach.store.unit import StoreUnit
from tests.web.test_voice import CUSTOMER, SETTINGS, late_card, outside_of, staffed, user_of
from tests.web.world import World, world

pytestmark = pytest.mark.postgres


@pytest.fixture
def here(tmp_path: Path, root: Path, postgres_url: str) -> Iterator[World]:
    made = world(tmp_path, root, postgres_url, settings=SETTINGS)
    yield made
    made.close()


@pytest.fixture
def let_in(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str, Callable[[], Any]], None]]:
    """``let_in("leg", work)``: once, right after the test's own thread has read a leg, somebody else does
    ``work``. If they have to wait for a lock that the first one holds, they go on after it."""
    waiting: list[threading.Thread] = []
    me = threading.current_thread()

    def at(name: str, work: Callable[[], Any]) -> None:
        real = getattr(StoreUnit, name)
        done: list[bool] = []

        def read(self: StoreUnit, *args: Any, **more: Any) -> Any:
            found = real(self, *args, **more)
            if threading.current_thread() is me and not done:
                done.append(True)
                other = threading.Thread(target=work)
                other.start()
                other.join(2)
                waiting.append(other)
            return found

        monkeypatch.setattr(StoreUnit, name, read)

    yield at
    for other in waiting:
        other.join(20)
        assert not other.is_alive()


def wish(here: World) -> None:
    here.tell("callback.asked", "hotel", {"callback_id": "cb1", "person_id": "anna"})


def quietly(work: Callable[[], Any]) -> None:
    with suppress(Refused):
        work()


def test_a_card_claimed_at_the_desk_is_not_connected_by_somebody_else(here: World, let_in: Any) -> None:
    phones = staffed(here)
    wish(here)
    calls_now.move_calls(outside_of(here))
    (card,) = here.cards()
    let_in("card", lambda: desk.claim(outside_of(here), card, "miriam"))
    answer = calls.accept(outside_of(here), phones.rung[0][1])
    with here.house.database.view() as unit:
        held = unit.card(card)
    assert held is not None and (held.claimed_by, answer.outcome) == ("miriam", "taken")


def test_a_double_click_rings_once(here: World, let_in: Any) -> None:
    phones, card, jonas = staffed(here), late_card(here), user_of(here, "jonas")
    ring = lambda: quietly(lambda: calls.ring(outside_of(here), card, jonas))  # noqa: E731
    let_in("calls_of_card", ring)
    ring()
    assert len(phones.rung) <= 1


def test_two_clocks_ring_once_for_one_wish(here: World, let_in: Any) -> None:
    phones = staffed(here)
    wish(here)
    let_in("call_by_cause", lambda: calls_now.move_calls(outside_of(here)))
    calls_now.move_calls(outside_of(here))
    assert len(phones.rung) == 1


def test_the_same_call_told_twice_at_once_is_one(here: World, let_in: Any) -> None:
    staffed(here)
    ring = lambda: ring_backs.rang_us(outside_of(here), "CA5", CUSTOMER)  # noqa: E731
    let_in("call_by_cause", ring)
    ring()
    with here.house.database.view() as unit:
        assert unit.bulk.rows("select count(*) from phone_call")[0][0] == 1


def test_what_the_provider_answers_does_not_undo_a_pressed_key(here: World, let_in: Any) -> None:
    phones, card = staffed(here), late_card(here)

    def presses() -> None:
        token = phones.rung[0][1]
        calls_said.leg_answered(outside_of(here), token, "human")
        calls.accept(outside_of(here), token)

    let_in("leg", presses)
    calls.ring(outside_of(here), card, user_of(here, "jonas"))
    assert leg_of(here, card) is LegState.ACCEPTED


def test_a_late_word_does_not_undo_a_pressed_key(here: World, let_in: Any) -> None:
    phones, card = staffed(here), late_card(here)
    calls.ring(outside_of(here), card, user_of(here, "jonas"))
    token = phones.rung[0][1]
    let_in("leg", lambda: calls.accept(outside_of(here), token))
    calls_said.leg_said(outside_of(here), token, "ringing", 1)
    assert leg_of(here, card) is LegState.ACCEPTED


def leg_of(here: World, card: str) -> LegState:
    with here.house.database.view() as unit:
        (leg,) = unit.legs_of(unit.calls_of_card(card)[0].id)
    return leg.state

"""Eight threads, two stores: accounts are locked first, then endpoints, and nothing is lost or doubled."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from itertools import count

import pytest

from outreach.domain.account import AccountState
from outreach.domain.failure import FailureState
from outreach.domain.touch import Status
from outreach.store.engine import Store
from outreach.store.unit import StoreUnit
from tests.store.samples import NOW, at, card, event, failure, hold, new, person, run, touch

THREADS = 8
ROUNDS = 12

Work = Callable[[Store, int], None]


@pytest.fixture
def stores(open_store: Callable[[], Store]) -> list[Store]:
    """Two, as two processes would have them."""
    return [open_store(), open_store()]


def all_at_once(stores: list[Store], work: Work) -> None:
    """``work(store, number of the thread)`` in every thread, begun together; their first fault is raised."""
    start = threading.Barrier(THREADS)
    faults: list[BaseException] = []

    def body(number: int) -> None:
        try:
            start.wait(30)
            work(stores[number % 2], number)
        except BaseException as fault:
            faults.append(fault)

    threads = [threading.Thread(target=body, args=(number,)) for number in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert not any(thread.is_alive() for thread in threads)
    if faults:
        raise faults[0]


def test_no_fold_is_lost(stores: list[Store]) -> None:
    """Every thread tells accounts an order, in whatever order of ids, while they come to exist."""
    ids = ["a1", "a2", "a3"]

    def work(store: Store, number: int) -> None:
        for turn in range(ROUNDS):
            wanted = ids[turn % 3 :] + ids[: turn % 3]

            def tell(unit: StoreUnit, wanted: list[str] = wanted, turn: int = turn) -> None:
                states = unit.lock_accounts(wanted)
                for id_ in wanted:
                    state = states.setdefault(id_, AccountState(id_))
                    state.orders += 1
                    found = state.failures.get("delivery/o1", failure("delivery/o1", id_, round=0))
                    state.failures["delivery/o1"] = replace(found, round=found.round + 1)
                unit.save_accounts(list(states.values()))
                unit.add_events([new(event(f"{number}-{turn}-{id_}", id_)) for id_ in wanted])

            store.retrying(tell)

    all_at_once(stores, work)
    with stores[0].view() as unit:
        for id_ in ids:
            state = unit.account(id_)
            assert state is not None
            told = THREADS * ROUNDS
            assert (state.orders, state.version, len(unit.events_of(id_))) == (told, told, told)
            assert state.failures["delivery/o1"].round == told


def test_of_two_who_make_the_same_account_both_are_told(stores: list[Store]) -> None:
    """New accounts one after the other, each made by all threads at the same moment."""
    round_ = threading.Barrier(THREADS)

    def work(store: Store, number: int) -> None:
        for turn in range(ROUNDS):
            round_.wait(30)

            def make(unit: StoreUnit, id_: str = f"a{turn}") -> None:
                state = unit.lock_accounts([id_]).get(id_) or AccountState(id_)
                state.ended = [*state.ended, str(number)]
                unit.save_accounts([state])

            store.retrying(make)

    all_at_once(stores, work)
    with stores[0].view() as unit:
        for turn in range(ROUNDS):
            state = unit.account(f"a{turn}")
            assert state is not None
            assert sorted(state.ended) == [str(number) for number in range(THREADS)]


def test_of_two_who_make_the_same_person_both_are_told(stores: list[Store]) -> None:
    def work(store: Store, number: int) -> None:
        def make(unit: StoreUnit) -> None:
            state = unit.lock_people(["anna"]).get("anna") or person("anna")
            state.roles = {**state.roles, f"a{number}": ("buyer",)}
            unit.save_people([state])

        store.retrying(make)

    all_at_once(stores, work)
    with stores[0].view() as unit:
        assert len(unit.people(["anna"])["anna"].roles) == THREADS


def test_one_event_brought_by_all_is_stored_once(stores: list[Store]) -> None:
    stored: list[str] = []

    def work(store: Store, number: int) -> None:
        for turn in range(ROUNDS):

            def bring(unit: StoreUnit, turn: int = turn) -> str:
                if unit.stored([("shop", f"e{turn}")]):
                    return "duplicate"
                unit.add_events([new(event(f"e{turn}"))])
                return "accepted"

            stored.append(store.retrying(bring))

    all_at_once(stores, work)
    assert Counter(stored) == {"accepted": ROUNDS, "duplicate": ROUNDS * (THREADS - 1)}


def test_a_touch_is_claimed_once(stores: list[Store]) -> None:
    """All clocks read the same due list; compare-and-set decides."""
    touches = [touch(f"t{n:02}", f"a{n % 5}") for n in range(40)]
    with stores[0].unit() as unit:
        unit.add_touches(touches)
    won: list[str] = []

    def work(store: Store, number: int) -> None:
        with store.view() as view:
            due = view.touches_due(NOW, 100)
        for _account, id_ in due:

            def claim(unit: StoreUnit, id_: str = id_) -> bool:
                old = unit.touch(id_)
                assert old is not None
                if old.status is not Status.DUE:
                    return False
                sending = replace(old, status=Status.SENDING, token=f"{number}/{id_}", intent_at=NOW)
                return unit.change_touch(old, sending)

            if store.retrying(claim):
                won.append(id_)

    all_at_once(stores, work)
    assert sorted(won) == [found.id for found in touches]


@pytest.mark.parametrize("common", ["endpoint", "human"])
def test_caps_hold(stores: list[Store], common: str) -> None:
    """Two a week for one endpoint, whoever's account it is: count, then send, under the endpoint's lock."""
    cap, endpoint = 2, "#shared"
    identities = [f"p{n}" if common == "endpoint" else "anna" for n in range(THREADS)]
    with stores[0].unit() as unit:
        unit.add_touches(
            [
                touch(f"t{n}-{turn}", f"a{n}", identity=identities[n], endpoint=endpoint)
                for n in range(THREADS)
                for turn in range(3)
            ]
        )
    sent: list[str] = []

    def work(store: Store, number: int) -> None:
        for turn in range(3):

            def send(unit: StoreUnit, id_: str = f"t{number}-{turn}") -> bool:
                unit.lock_accounts([f"a{number}"])
                unit.lock_endpoints([endpoint])
                if len(unit.contacts_since(identities[number], endpoint, at(-168))) >= cap:
                    return False
                old = unit.touch(id_)
                assert old is not None
                return unit.change_touch(old, replace(old, status=Status.SENDING, intent_at=NOW))

            if store.retrying(send):
                sent.append(f"t{number}-{turn}")

    all_at_once(stores, work)
    assert len(sent) == cap


def test_a_committed_opt_out_always_wins(stores: list[Store]) -> None:
    """Half of the threads send to an endpoint, half stop it: no intent is committed after a stop was."""
    ticket, lock = count(1), threading.Lock()
    stopped: dict[str, int] = {}
    asked: list[tuple[str, int, bool]] = []
    for turn in range(ROUNDS):
        with stores[0].unit() as unit:
            unit.add_touches([touch(f"t{turn}-{n}", endpoint=f"#{turn}") for n in range(THREADS)])

    def tick() -> int:
        with lock:
            return next(ticket)

    def send(unit: StoreUnit, hash_: str, id_: str) -> bool:
        unit.lock_endpoints([hash_])
        if unit.suppressed([hash_]):
            return False
        old = unit.touch(id_)
        assert old is not None
        return unit.change_touch(old, replace(old, status=Status.SENDING, intent_at=NOW))

    def work(store: Store, number: int) -> None:
        for turn in range(ROUNDS):
            hash_ = f"#{turn}"
            if number % 2:

                def stop(unit: StoreUnit, hash_: str = hash_) -> None:
                    unit.lock_endpoints([hash_])
                    unit.suppress(hash_, "all", "STOP", NOW)

                store.retrying(stop)
                with lock:
                    stopped[hash_] = min(stopped.get(hash_, 10**9), next(ticket))
            else:
                begun = tick()
                left = store.retrying(partial(send, hash_=hash_, id_=f"t{turn}-{number}"))
                asked.append((hash_, begun, left))

    all_at_once(stores, work)
    late = [(hash_, begun) for hash_, begun, left in asked if left and begun > stopped[hash_]]
    assert late == []
    # Threads may come in any order, so whether one was refused among them is chance; this one comes last.
    assert not stores[0].retrying(partial(send, hash_="#0", id_="t0-0"))


def test_the_stop_and_the_intent_cannot_both_read_the_old_state(stores: list[Store]) -> None:
    """The one interleaving that matters, forced: a send that has looked holds the endpoint, so that a
    stop is committed after its intent or before its look, never between."""
    looked, order = threading.Event(), []

    def send() -> None:
        with stores[0].unit() as unit:
            unit.lock_endpoints(["#1"])
            assert unit.suppressed(["#1"]) == {}
            looked.set()
            unit.beat("gives the stop time to overtake", NOW)
            stop_thread.join(0.3)
            order.append("intent")

    def stop() -> None:
        looked.wait(10)
        with stores[1].unit() as unit:
            unit.lock_endpoints(["#1"])
            unit.suppress("#1", "all", "STOP", NOW)
            order.append("stop")

    stop_thread = threading.Thread(target=stop)
    stop_thread.start()
    send()
    stop_thread.join(30)
    assert order == ["intent", "stop"]


def test_a_card_is_opened_once_and_claimed_by_one(stores: list[Store]) -> None:
    names = (f"c{n}" for n in count())
    claimed: list[bool] = []

    def work(store: Store, number: int) -> None:
        def open_card(unit: StoreUnit) -> str:
            found = unit.open_card("anna")
            if found is None:
                unit.save_card(found := card(next(names)))
            return found.id

        id_ = store.retrying(open_card)
        claimed.append(store.retrying(lambda unit: unit.claim_card(id_, f"am{number}", NOW)))

    all_at_once(stores, work)
    assert claimed.count(True) == 1


def test_one_run_per_key_whoever_starts_it(stores: list[Store]) -> None:
    started: list[str] = []

    def work(store: Store, number: int) -> None:
        def start(unit: StoreUnit) -> str:
            known = [found for found in unit.runs_of(["a1"]) if found.key == "o1"]
            if known:
                return "once_per"
            unit.save_runs([run(f"r{number}", key="o1")])
            return "started"

        started.append(store.retrying(start))

    all_at_once(stores, work)
    assert Counter(started) == {"started": 1, "once_per": THREADS - 1}


def test_the_audit_chain_and_the_feed_have_no_gap(stores: list[Store]) -> None:
    seen: list[int] = []
    over = threading.Event()

    def follow() -> Iterator[int]:
        cursor = 0
        while True:
            done = over.is_set()
            with stores[0].view() as view:
                changes = view.hold_changes(cursor, 1000)
            yield from (found for found, _ in changes)
            cursor = changes[-1][0] if changes else cursor
            if done:
                return

    follower = threading.Thread(target=lambda: seen.extend(follow()))
    follower.start()

    def work(store: Store, number: int) -> None:
        for turn in range(ROUNDS):

            def change(unit: StoreUnit, id_: str = f"h{number}-{turn}") -> None:
                unit.save_holds([hold(id_)])
                unit.audit(NOW, "ada", "hold", id_)

            store.retrying(change)

    all_at_once(stores, work)
    over.set()
    follower.join(30)
    assert seen == list(range(1, THREADS * ROUNDS + 1))
    with stores[0].view() as view:
        assert view.audit_fault() is None
        assert len(view.audit_of("h0-0")) == 1


def test_failures_closed_by_one_and_worsened_by_another_keep_both_words(stores: list[Store]) -> None:
    with stores[0].unit() as unit:
        unit.save_accounts([_with_failures(THREADS)])

    def work(store: Store, number: int) -> None:
        def close(unit: StoreUnit) -> None:
            state = unit.lock_accounts(["a1"])["a1"]
            old = state.failures[f"delivery/o{number}"]
            state.failures[old.id] = replace(old, state=FailureState.PUT_RIGHT, closed_at=NOW)
            unit.save_accounts([state])

        store.retrying(close)

    all_at_once(stores, work)
    with stores[0].view() as unit:
        state = unit.account("a1")
    assert state is not None
    assert state.open_failures == []


def _with_failures(number: int) -> AccountState:
    failures = [failure(f"delivery/o{n}") for n in range(number)]
    return AccountState("a1", failures={found.id: found for found in failures})

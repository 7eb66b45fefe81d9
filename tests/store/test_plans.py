"""No hot statement walks through a table: what SQLite's planner says of each."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from outreach.domain.facts import Channel
from outreach.domain.touch import Status
from outreach.service.ports_events import WindowNeed
from outreach.store.engine import Store, open_database
from outreach.store.unit import StoreUnit
from outreach.store.views_desk import desk_stamp
from outreach.store.views_figures import decisions_between, ended_touches, standing
from outreach.store.views_playbooks import activity, runs_under_way, shadow_of, versions_under_way
from tests.store.samples import NOW, account, card, event, failure, hold, new, person, run, touch

REF = ("shop", "e1")
NEED = WindowNeed("a1", "order.placed", NOW, False)

HOT: dict[str, Callable[[StoreUnit], object]] = {
    "lock_accounts": lambda unit: unit.lock_accounts(["a1", "a2"]),
    "stored": lambda unit: unit.stored([REF]),
    "windows": lambda unit: unit.windows([NEED, NEED._replace(subject="a2", data=True)]),
    "events_of": lambda unit: unit.events_of("a1"),
    "event": lambda unit: unit.event("shop|e1"),
    "retract": lambda unit: unit.retract([REF]),
    "forget": lambda unit: unit.forget("anna"),
    "parked": lambda unit: (unit.parked([REF]), unit.parked_for(["a1"]), unit.parked_until(NOW, 9)),
    "save_accounts": lambda unit: unit.save_accounts([account("a1", failure(), tier="x"), account("a3")]),
    "due_rows": lambda unit: unit.due_rows(NOW, 9),
    "people": lambda unit: (unit.people(["anna"]), unit.people_of("a1")),
    "people_at": lambda unit: unit.people_at("email", "x@example.org"),
    "erased_people": lambda unit: unit.erased_people(["anna", "ben"]),
    "save_people": lambda unit: unit.save_people([person("anna", email="x@example.org")]),
    "links": lambda unit: (
        unit.identities(["anna"]),
        unit.humans(["anna"]),
        unit.links_of("anna"),
        unit.linked(["anna"]),
    ),
    "runs_of": lambda unit: unit.runs_of(["a1"]),
    "playbooks": lambda unit: (
        activity(unit, NOW),
        shadow_of(unit, "p", NOW),
        runs_under_way(unit, "p", 9, 0),
        versions_under_way(unit, "p"),
    ),
    "runs_to_wake": lambda unit: unit.runs_to_wake(NOW, 9),
    "touches_of": lambda unit: (
        unit.touches_of(["a1"]),
        unit.touches_of_run("r1"),
        unit.touches_of_card("c1"),
    ),
    "touch_by_token": lambda unit: unit.touch_by_token("x"),
    "touches_due": lambda unit: unit.touches_due(NOW, 9),
    "calls": lambda unit: (
        unit.callbacks_to_ring(NOW, NOW, 9),
        unit.calls_to_move(NOW, 9),
        unit.calls_of_card("c1"),
        unit.legs_of("l1"),
        unit.call_by_cause("r1"),
    ),
    "said": lambda unit: (
        unit.said_of("jonas", "c1"),
        unit.said_due(NOW, 9),
        unit.said_cards(NOW),
        unit.said_waits("c1"),
    ),
    "open_calls": lambda unit: unit.open_calls(),
    "desk_stamp": desk_stamp,
    "attempts": lambda unit: (
        unit.attempt("t"),
        unit.attempt_by_ref("x"),
        unit.attempts_of(["t1"]),
        unit.attempts_of_run("r1"),
        unit.last_attempt_to("anna", Channel.SMS),
    ),
    "touches_stuck": lambda unit: unit.touches_stuck(NOW, 9),
    "change_touch": lambda unit: unit.change_touch(touch(), touch(status=Status.PLANNED)),
    "contacts_since": lambda unit: unit.contacts_since("anna", "#1", NOW),
    "holds": lambda unit: (unit.holds_of(["a1"]), unit.holds_on(["anna"], ["a1"], ["g"])),
    "hold_changes": lambda unit: unit.hold_changes(0, 9),
    "feed": lambda unit: (
        unit.feed(0, ["order.placed", "x"], 9),
        unit.feed_ends(),
        unit.pass_on_again([REF], NOW),
    ),
    "open_card": lambda unit: (unit.open_card("anna"), unit.claim_card("c1", "jonas", NOW)),
    "decisions_of": lambda unit: unit.decisions_of("a1"),
    "suppressed": lambda unit: unit.suppressed(["#1"]),
    "audit_of": lambda unit: unit.audit_of("a1"),
    "audit_since": lambda unit: unit.audit_since("a1", NOW, "publish"),
    "alerts": lambda unit: (
        unit.reach("jonas"),
        unit.untold("jonas", ["late/t1"], NOW),
        unit.claim_alerts("jonas", ["late/t1"], NOW),
        unit.settle_alerts("jonas", ["late/t1"], "sent", ""),
        unit.last_alert("jonas"),
    ),
    "alerts_about": lambda unit: (
        unit.open_lines(["jonas"]),
        unit.given_by(["jonas"], NOW),
        unit.unreached_of(["jonas"]),
    ),
    "standing": lambda unit: standing(unit, NOW),
    "ended": lambda unit: (ended_touches(unit, NOW, NOW), decisions_between(unit, 0, NOW)),
    "blast": lambda unit: (
        unit.reached("late", NOW, 9),
        unit.blasts_standing(),
        unit.blasts_refused(NOW),
        unit.blast("late", 1),
        unit.blasts_of("late"),
        unit.runs_of_blast("late", 1, 9),
        unit.accounts_of_blast("late", 1),
    ),
    "missed": lambda unit: (unit.missed(["late"], NOW, 9), unit.forget_missed("late")),
    "published": lambda unit: unit.published("late", 9),
    "user_by_email": lambda unit: (unit.user_by_email("x"), unit.token("#t")),
    "user_by_subject": lambda unit: (
        unit.user_by_subject("https://id.example", "s1"),
        unit.bind_user("u1", "https://id.example", "s1"),
    ),
}
OPEN_ONLY = (
    r"INDEX (ix_touch_desk|ix_touch_due|ix_touch_unknown|ux_card_open|ix_ask_open|ix_said_due|ix_due_at|ix_blast_stands)\b"
    r"|SCAN parked"
)
"""What holds only what is open: to walk through it is what it is for."""
# How each is meant to be found, where more than the absence of a walk matters.
BY_INDEX = {
    "windows": "COVERING INDEX ix_event_window",
    "touches_due": "INDEX ix_touch_due",
    "touches_stuck": "INDEX ix_touch_sending",
    "runs_to_wake": "INDEX ix_run_wake",
    "due_rows": "INDEX ix_due_at",
    "contacts_since": "INDEX ix_touch_endpoint",
    "open_card": "INDEX ux_card_open",
    "feed": "INDEX ux_feed_number",
    "standing": "INDEX ix_run_wake (wake_at<?)",
    "ended": "INDEX ix_touch_ended",
    "blast": "COVERING INDEX ix_run_reached",
}


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    path: Path = tmp_path_factory.mktemp("plans") / "x.db"
    store = open_database(f"sqlite:///{path}", create=True)
    with store.unit() as unit:
        unit.save_accounts([account("a1", failure()), account("a2")])
        unit.add_events([new(event())])
        unit.pass_on([event()], NOW)
        unit.save_people([person("anna", email="x@example.org", roles={"a1": ()})])
        unit.save_runs([run()])
        unit.add_touches([touch()])
        unit.save_holds([hold()])
        unit.save_card(card())
    return store


def plans(store: Store, work: Callable[[StoreUnit], object]) -> str:
    """What the planner says of every statement that the work runs; the driver is asked to tell them."""
    told: list[str] = []
    with store.unit() as unit:
        driver: Any = unit.core.connection.dbapi_connection
        driver.set_trace_callback(told.append)
        try:
            work(unit)
        finally:
            driver.set_trace_callback(None)
        planned = [statement for statement in told if statement.startswith(("select", "update", "delete"))]
        said = [row[3] for statement in planned for row in unit.bulk.rows(f"EXPLAIN QUERY PLAN {statement}")]
    return "\n".join(said)


@pytest.mark.parametrize("name", HOT)
def test_nothing_walks_through_a_table(store: Store, name: str) -> None:
    said = plans(store, HOT[name])
    assert said
    walks = [
        line for line in said.splitlines()
        if re.match(r"SCAN (?!n\b|json_each|CONSTANT|\()", line) and not re.search(OPEN_ONLY, line)
    ]  # fmt: skip
    assert not walks, said
    assert BY_INDEX.get(name, "") in said, said


def test_a_walk_would_be_seen(store: Store) -> None:
    assert "SCAN touch" in plans(
        store, lambda unit: unit.bulk.rows("select * from touch where because = 'x'")
    )

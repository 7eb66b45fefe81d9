"""Any order, repetition and revision of one set of events gives the plan that the reference model gives."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from functools import cache
from typing import Any

from hypothesis import given, note
from hypothesis import strategies as st

from outreach.domain.evaluate import Ruleset
from outreach.domain.touch import OPEN
from outreach.lab.scratch import Scratch, cloud_event
from outreach.service import workbench
from tests.service import world
from tests.service.reference import Plan, Version, current, plan

NOW = world.MONDAY
ACCOUNTS = ("a1", "a2")
HOUR, DAY = timedelta(hours=1), timedelta(days=1)

CALL = "steps: [{call: hurt_person, brief: x/call.md}]\n"
PLAYBOOKS = {
    # The everyday one: a condition on the event, one run per order, softer words once it came.
    "late": """
purpose: service_recovery
severity: high
when: [delivery.delayed, delivery.overdue]
if: event.days_late >= 2 or account.orders > 3
once_per: event.order_id
still_open: not seen("delivery.arrived", order_id=event.order_id)
if_resolved: {brief: x/softer.md}
""" + CALL,
    # Worse than late, and once per event.
    "lost": """
purpose: service_recovery
severity: severe
when: [delivery.lost, delivery.missed]
supersedes: [late]
""" + CALL,
    # A window over what was sent and what time made, a short horizon, no branch.
    "complaint": """
purpose: service_recovery
severity: medium
when: [complaint.opened, complaint.unanswered]
if: count("delivery.delayed", "10d") + count("delivery.overdue", "10d") >= 1 and account.open_failures >= 1
once_per: event.complaint_id
horizon: 4d
hold: {scope: person}
still_open: not seen("complaint.answered", complaint_id=event.complaint_id)
""" + CALL,
    "first-only": """
purpose: callback
severity: low
when: order.placed
if: total("order.placed", amount, "30d") >= 100
if_running: ignore
hold: none
""" + CALL,
    "newest-only": """
purpose: callback
severity: low
when: order.placed
once_per: event.order_id
if_running: restart
hold: none
stop_when: [order.cancelled]
steps: [{email: hurt_person, template: x/mail.md}]
""",
    "now-and-then": """
purpose: callback
severity: low
when: [order.placed, delivery.arrived]
cooldown: 3d
hold: none
""" + CALL,
    "thanks": """
purpose: service_recovery
severity: low
when: failure.put_right
once_per: event.failure
hold: none
""" + CALL,
}  # fmt: skip


@cache
def rules() -> Ruleset:
    return world.rules_with(PLAYBOOKS)


# -- what happens --------------------------------------------------------------------------------------

AGES = [
    timedelta(0), HOUR, 5 * HOUR, DAY, DAY + HOUR, 2 * DAY, 3 * DAY, 3 * DAY + HOUR, 4 * DAY, 4 * DAY + HOUR,
    6 * DAY, 10 * DAY, 10 * DAY + HOUR, 12 * DAY, 14 * DAY, 14 * DAY + HOUR, 20 * DAY, 31 * DAY,
]  # fmt: skip
TYPES = (
    "order.placed", "order.placed", "delivery.delayed", "delivery.delayed", "delivery.arrived", "delivery.lost",
    "delivery.missed", "delivery.promise_moved", "complaint.opened", "complaint.answered", "order.cancelled",
    "failure.put_right", "failure.reopened", "contact.logged",
)  # fmt: skip
ORDERS = st.sampled_from(["o1", "o2"])
TIMES = st.sampled_from(AGES).map(lambda age: NOW - age)


@st.composite
def data_of(draw: Any, type_: str) -> dict[str, Any]:
    order = draw(ORDERS)
    promised = (draw(TIMES) + draw(st.sampled_from([timedelta(0), -2 * DAY, 5 * DAY]))).isoformat()
    match type_:
        case "order.placed":
            amount = draw(st.sampled_from([40, 120]))
            return {"order_id": order, "amount": amount} | draw(
                st.sampled_from([{}, {"promised_for": promised}])
            )
        case "delivery.delayed":
            return {"order_id": order} | draw(st.sampled_from([{"days_late": 1}, {"days_late": 3}, {}]))
        case "delivery.promise_moved":
            return {"order_id": order, "promised_for": promised}
        case "complaint.opened" | "complaint.answered":
            return {"complaint_id": draw(st.sampled_from(["c1", "c2"]))}
        case "failure.put_right" | "failure.reopened":
            kinds = ["delivery/o1", "delivery/o1", "delivery/o2", "complaint/c1"]
            return {"failure": draw(st.sampled_from(kinds)), "by": "jonas"}
        case "contact.logged":
            return {"by": "jonas", "channel": "call", "reached": True}
        case _:
            return {"order_id": order}


@st.composite
def contents(draw: Any, id_: str) -> list[Version]:
    """One event with all the contents that its source ever sent under its id, the way sources do: by
    sequence, by time, or by nothing but the order in which they are sent."""
    source = draw(st.sampled_from(["erp", "zzz"]))
    how = draw(st.sampled_from(["once", "once", "sequence", "time", "order"]))
    count = 1 if how == "once" else draw(st.integers(2, 3))
    time, type_ = draw(TIMES), draw(st.sampled_from(TYPES))
    found: list[Version] = []
    for number in range(count):
        moved = time if how == "order" else draw(TIMES)
        changed = type_ if draw(st.booleans()) else draw(st.sampled_from(TYPES))
        again = found and how == "sequence" and draw(st.booleans())
        subject = draw(st.sampled_from(ACCOUNTS if draw(st.booleans()) else ACCOUNTS[:1]))
        version = Version(id_, changed, subject, moved, draw(data_of(changed)), source=source)
        if again:
            version = replace(found[0])
        found.append(replace(version, sequence=number + 1 if how == "sequence" else None))
    return found if how != "time" else list({version.time: version for version in found}.values())


Sent = tuple[int, Version]


@st.composite
def deliveries(draw: Any) -> tuple[list[list[Version]], list[list[Version]], list[bool]]:
    """(the contents of each event, batches as they are delivered, whether the bell rings after each)."""
    histories = [draw(contents(f"e{number}")) for number in range(draw(st.integers(1, 7)))]
    sent = [version for history in histories for version in history]
    order = draw(st.permutations(range(len(sent))))
    mixed = _in_order_where_it_counts([sent[i] for i in order], histories)
    for _ in range(draw(st.integers(0, 3))):  # repeated by somebody who did not hear our answer
        at = draw(st.integers(0, len(mixed)))
        if at:
            mixed.insert(draw(st.integers(at, len(mixed))), mixed[draw(st.integers(0, at - 1))])
    batches = list(_cut(mixed, draw(st.lists(st.integers(1, 4), min_size=1, max_size=20))))
    return histories, batches, draw(st.lists(st.booleans(), min_size=len(batches), max_size=len(batches)))


def _in_order_where_it_counts(mixed: list[Version], histories: list[list[Version]]) -> list[Version]:
    """Contents that carry neither a sequence nor another time keep their order."""
    for history in histories:
        if history[0].sequence is None and len({version.time for version in history}) == 1:
            places = [i for i, version in enumerate(mixed) if any(version is one for one in history)]
            for place, version in zip(places, history, strict=True):
                mixed[place] = version
    return mixed


def _cut(items: list[Version], sizes: list[int]) -> Iterator[list[Version]]:
    at, number = 0, 0
    while at < len(items):
        size = sizes[number % len(sizes)]
        yield items[at : at + size]
        at, number = at + size, number + 1


# -- telling it to the house -----------------------------------------------------------------------------


def _cloud(version: Version) -> dict[str, Any]:
    more = {} if version.sequence is None else {"sequence": str(version.sequence)}
    return cloud_event(
        version.type, version.subject, version.data, version.id, version.time, source=version.source, **more
    )  # fmt: skip


def deliver(house: Scratch, batches: Sequence[Sequence[Version]], rings: Sequence[bool]) -> None:
    for batch, bell in zip(batches, rings, strict=True):
        answers = house.take_in(*map(_cloud, batch))
        assert all(answer.outcome in ("accepted", "duplicate", "revised") for answer in answers), answers
        if bell:
            house.settle()
    house.settle()


def live_plan(house: Scratch, account: str) -> Plan:
    with house.database.view() as unit:
        state = unit.account(account)
        runs = {run.id: run for run in unit.runs_of([account])}
        touches = [touch for id_ in runs for touch in unit.touches_of_run(id_) if touch.status in OPEN]
    assert state is not None
    return Plan(
        failures={
            f.id: (f.state.value, f.severity.word, f.round)
            for f in state.failures.values()
            if f.founded  # what was taken back is void, or stays on the board because somebody spoke of it
        },
        runs={(run.playbook, run.key): run.trigger for run in runs.values() if run.is_open},
        touches=frozenset((runs[t.run].playbook, runs[t.run].key, t.step, t.channel.value) for t in touches),
    )


@given(deliveries())
def test_any_delivery_of_one_set_of_events_gives_the_plan_of_the_reference(
    told: tuple[list[list[Version]], list[list[Version]], list[bool]],
) -> None:
    histories, batches, rings = told
    with world.house(rules(), NOW - 60 * DAY) as house:
        for account in ACCOUNTS:
            world.give(house, account, person=f"p-{account}")
        house.clock.set(NOW)
        given_ = [
            Version(f"give/{a}", "account.described", a, NOW - 60 * DAY, {"owner": "jonas"}) for a in ACCOUNTS
        ]
        deliver(house, batches, rings)
        for account in ACCOUNTS:
            versions = [*given_, *(version for history in histories for version in history)]
            expected = plan(versions, account, rules(), NOW)
            note(f"{account}: {expected}")
            found = live_plan(house, account)
            assert found.failures == expected.failures
            assert found.runs == expected.runs
            assert found.touches == expected.touches
        differing = [id_ for id_, differs in workbench.rebuild(house.outside, write=False) if differs]
        assert differing == [], "rebuild says something else"


def test_the_reference_takes_the_greatest_content() -> None:
    older = Version("e", "order.placed", "a1", NOW, {}, sequence=2)
    assert current([replace(older, sequence=3), older]) == [replace(older, sequence=3)]

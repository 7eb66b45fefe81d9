"""The figures for machines that watch: what they count, how they are called, and whom they never name."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families

from outreach.domain.touch import Status, advance
from outreach.service import publishing, workbench
from outreach.service.intake import take_in
from outreach.service.ports_faults import Unavailable
from outreach.store.codec import micros
from outreach.web.figures import SETTLED
from tests.web.scenes import busy_day, with_draft
from tests.web.world import World, post

LABELS = {"channel", "playbook", "status", "reason", "outcome", "provider", "kind", "state", "purpose", "to", "what", "errand", "area", "code", "le"}  # fmt: skip


def look(here: World) -> dict[str, Metric]:
    answer = here.app.test_client().get("/metrics")
    assert answer.status_code == 200
    return {family.name: family for family in text_string_to_metric_families(answer.text)}


def value(families: Mapping[str, Metric], name: str, **labels: str) -> float:
    """The sum over the series of that name which have these labels."""
    return sum(
        sample.value
        for family in families.values()
        for sample in family.samples
        if sample.name == name and labels.items() <= sample.labels.items()
    )


def settle(here: World) -> dict[str, Metric]:
    """What has ended is counted when nobody can still be writing about it."""
    here.clock.time += SETTLED
    return look(here)


def test_what_is_open_is_counted_by_reason(either: World) -> None:
    busy_day(either)
    found = look(either)
    assert value(found, "outreach_failures_open") == 9
    assert value(found, "outreach_failures_open", kind="delivery", state="open") >= 4
    assert (
        value(found, "outreach_touches_open", channel="call", status="on_desk", playbook="late-delivery") >= 3
    )
    assert value(found, "outreach_runs_open", playbook="late-delivery") >= 3
    assert value(found, "outreach_holds_open", purpose="marketing") >= 1
    assert value(found, "outreach_failures_unreached") == 9
    assert value(found, "outreach_database_up") == 1 and value(found, "outreach_clock_age_seconds") == 0
    assert value(found, "outreach_rule_faults") == 0


def test_what_waits_says_which_rule_withholds_it(here: World) -> None:
    _, touch = with_draft(here)
    workbench.stop_all(here.house.outside, "ops", "wrong words went out")
    client = here.signed_in()
    post(client, f"/desk/drafts/{touch}/release", {"subject": "Sorry", "text": "We are sorry."})
    here.tick()
    found = look(here)
    assert value(found, "outreach_stopped") == 1
    assert value(found, "outreach_touches_open", channel="email", reason="kill_switch") == 1


def test_what_was_withheld_is_counted_once_and_says_by_what(either: World) -> None:
    _, touch = with_draft(either)
    client = either.signed_in()
    post(client, f"/desk/drafts/{touch}/release", {"subject": "Sorry", "text": "We are sorry."})
    publishing.publish(either.house.outside, "late-delivery", "shadow", "ops", "wrong words")
    either.tick()
    first = settle(either)
    assert value(first, "outreach_touches_total", channel="email", status="withheld", reason="shadow") == 1
    assert value(first, "outreach_decisions_total", playbook="late-delivery", outcome="started") == 1
    again = settle(either)
    assert value(again, "outreach_touches_total") == value(first, "outreach_touches_total")
    assert value(again, "outreach_decisions_total") == value(first, "outreach_decisions_total")


def test_messages_that_left_say_how_late(here: World) -> None:
    _, touch = with_draft(here)
    client = here.signed_in()
    post(client, f"/desk/drafts/{touch}/release", {"subject": "Sorry", "text": "We are sorry."})
    here.pass_time(seconds=20)
    here.tick()
    found = settle(here)
    assert (
        value(found, "outreach_touches_total", channel="email", status="sent", playbook="late-delivery") == 1
    )
    assert value(found, "outreach_delay_seconds_count", channel="email") == 1
    assert 0 <= value(found, "outreach_delay_seconds_sum", channel="email") <= 60


def test_a_row_that_is_written_late_is_not_lost(here: World) -> None:
    """Whoever decided a moment ago may commit after the look."""
    busy_day(here)
    look(here)
    (touch,) = _calls(here, 1)
    ended = advance(touch, Status.SETTLED, here.clock.time, because="let_be")
    here.clock.time += timedelta(seconds=10)
    look(here)
    here.house.database.retrying(lambda unit: unit.change_touch(touch, ended))
    assert value(settle(here), "outreach_touches_total", status="settled", reason="let_be") == 1


def _calls(here: World, limit: int) -> list[Any]:
    with here.house.database.view() as unit:
        return [touch for touch, *_ in _on_desk(unit)][:limit]


def _on_desk(unit: Any) -> list[Any]:
    ids = unit.bulk.rows("select id from touch where status = 'on_desk' order by id")
    return [(unit.touch(row[0]),) for row in ids]


def test_decisions_say_what_came_of_them(here: World) -> None:
    here.account("a1", "Berlin Kitchens", person="anna")
    publishing.publish(here.house.outside, "late-delivery", "shadow", "ops", "watching", 100)
    here.late("a1", "anna", "o-1")
    here.late("a1", "anna", "o-2", ago=timedelta(days=300))
    found = settle(here)
    assert value(found, "outreach_decisions_total", playbook="late-delivery", outcome="shadow") == 1
    assert value(found, "outreach_decisions_total", playbook="late-delivery", outcome="too_late") == 1


def test_quarantine_and_parking_say_why_and_quote_nothing(here: World) -> None:
    raws = [
        {"type": "anna@example.com", "subject": "a1", "data": {}},
        {"type": "order.placed", "subject": "a1", "data": {"order_id": 7}},
        {"type": "order.placed", "subject": "nobody-yet", "data": {"order_id": "o-1", "amount": 1}},
    ]
    at = here.clock.time.isoformat()
    told = [
        {"specversion": "1.0", "id": f"x{n}", "source": "shop", "time": at, **raw}
        for n, raw in enumerate(raws)
    ]
    take_in(here.house.outside, told)
    found = look(here)
    assert value(found, "outreach_events_quarantined", reason="type") == 1
    assert value(found, "outreach_events_quarantined", reason="data") == 1
    assert value(found, "outreach_events_parked", reason="unknown_account") == 1


def test_failures_that_climb_and_things_in_doubt_have_an_age(here: World) -> None:
    busy_day(here)
    (touch,) = _calls(here, 1)
    here.house.database.retrying(
        lambda unit: unit.bulk.run(
            "update touch set status = 'unknown', channel = 'sms', intent_at = ? where id = ?",
            micros(here.clock.time - timedelta(hours=2)), touch.id,
        )
    )  # fmt: skip
    here.pass_time(days=2)
    here.tick()
    found = look(here)
    assert value(found, "outreach_failures_climbed") > 0
    assert value(found, "outreach_oldest_seconds", what="unknown") >= 2 * 3600
    assert value(found, "outreach_touches_open", status="unknown") == 1


def test_a_reason_that_is_no_code_is_not_a_label_of_its_own(here: World) -> None:
    busy_day(here)
    (touch,) = _calls(here, 1)
    said = replace(touch, because="Anna Weber asked for it on +4930123")
    here.house.database.retrying(lambda unit: unit.change_touch(touch, said))
    found = look(here)
    assert value(found, "outreach_touches_open", reason="other") == 1


def test_names_follow_the_conventions(here: World) -> None:
    busy_day(here)
    here.app.test_client().get("/desk")
    for name, family in settle(here).items():
        assert re.fullmatch(r"outreach(_[a-z]+)+", name), name
        assert family.documentation and family.type != "unknown", name
        assert not name.endswith(("_total", "_count", "_sum", "_bucket")), name
        for sample in family.samples:
            assert family.type != "counter" or sample.name.endswith(("_total", "_created")), sample
            assert sample.labels.keys() <= LABELS, sample
        series = [(one.name, tuple(sorted(one.labels.items()))) for one in family.samples]
        assert len(series) == len(set(series)), name


def test_nobody_is_named(here: World) -> None:
    """The figures of a busy day hold no word of a customer, a colleague or an account."""
    busy_day(here)
    here.signed_in("miriam", "manager")
    here.pass_time(days=1, hours=2)
    here.tick()
    settle(here)
    text = here.app.test_client().get("/metrics").text
    with here.house.database.view() as unit:
        rows = unit.bulk.rows("select id, coalesce(name, id), coalesce(owner, id) from account")
        people = unit.bulk.rows("select person, value from endpoint")
    personal = {word for row in rows for word in row} | {word for row in people for word in row}
    assert len(personal) > 15
    values = {
        one for family in look(here).values() for sample in family.samples for one in sample.labels.values()
    }
    for word in (*personal, "jonas", "miriam", "Weber", "Billed", "o-1001", "c-7"):
        assert word not in values and (len(word) < 4 or word not in text), word
    assert all(re.fullmatch(r"[A-Za-z0-9_.+-]{1,60}", one) for one in values), values


def test_how_many_series_there_are_does_not_grow_with_customers(here: World) -> None:
    def series() -> int:
        return sum(len(family.samples) for name, family in settle(here).items() if "request" not in name)

    for number in range(3):
        here.account(f"b{number}", f"House {number}", person=f"p{number}")
        here.late(f"b{number}", f"p{number}", f"o-{number}")
    here.tick()
    before = series()
    for number in range(3, 20):
        here.account(f"b{number}", f"House {number}", person=f"p{number}")
        here.late(f"b{number}", f"p{number}", f"o-{number}")
    here.tick()
    assert series() == before


def test_a_database_that_is_gone_is_a_figure(here: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def gone() -> Callable[[], None]:
        raise Unavailable("the disk is full")

    monkeypatch.setattr(here.house.database, "view", gone)
    found = look(here)
    assert value(found, "outreach_database_up") == 0 and "outreach_failures_open" not in found


def test_requests_are_timed_by_part_of_the_house(here: World) -> None:
    client = here.signed_in()
    client.get("/desk")
    client.get("/nowhere")
    found = look(here)
    assert value(found, "outreach_request_seconds_count", area="desk", code="2xx") == 1
    assert value(found, "outreach_request_seconds_count", code="4xx") == 1

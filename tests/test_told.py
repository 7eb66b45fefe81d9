"""What is written into the log of what the house does: one line each, with ids and reasons, and nobody in it."""

from __future__ import annotations

import io
import json
import logging
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import structlog

from outreach import clockwork
from outreach.domain.touch import Status, advance
from outreach.logs import set_up_logs
from outreach.service import publishing, workbench
from outreach.service.ports_faults import Outpaced
from outreach.service.ports_ways import Receipt
from outreach.store.told import log_changes
from tests.web.scenes import busy_day, with_draft
from tests.web.world import World, post, world

PERSONAL = ("Anna", "anna@", "Weber", "Berlin Kitchens", "Billed", "+4930", "4930123", "Fifth Avenue", "Grace", "grace@", "sorry", "Jonas", "Morgenrot")  # fmt: skip


class Lines:
    """What has been logged so far, as JSON."""

    def __init__(self) -> None:
        self.stream = io.StringIO()

    def all(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.stream.getvalue().splitlines()]

    def of(self, event: str, **fields: Any) -> list[dict[str, Any]]:
        return [one for one in self.all() if one["event"] == event and fields.items() <= one.items()]


@pytest.fixture
def lines() -> Iterator[Lines]:
    logger = logging.getLogger()
    before = (logger.handlers[:], logger.level)
    made = Lines()
    set_up_logs("json", "info", made.stream)
    yield made
    logger.handlers[:], _ = before
    logger.setLevel(before[1])
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()


@pytest.fixture
def told(tmp_path: Path, root: Path, lines: Lines) -> Iterator[World]:
    """A house that logs, as the served one does."""
    made = world(tmp_path, root, told=log_changes)
    yield made
    made.close()


def test_a_touchs_way_can_be_read(told: World, lines: Lines) -> None:
    """From the event that started its run to the message that left, by their ids."""
    _, touch = with_draft(told)
    (run,) = lines.of("run.started", playbook="late-delivery", account="a1")
    assert run["trigger"].startswith("test|") and run["failure"]
    (call,) = lines.of("touch.on_desk", run=run["run"], channel="call")
    assert lines.of("touch.draft", touch=touch, run=run["run"], account="a1", channel="email")
    post(told.signed_in(), f"/desk/drafts/{touch}/release", {"subject": "Sorry", "text": "We are sorry."})
    told.tick()
    assert [one["event"] for one in lines.all() if one.get("touch") == touch] == [
        "touch.planned", "touch.draft", "touch.again", "touch.sending", "touch.sent",
    ]  # fmt: skip
    assert call["touch"] != touch


def test_a_ruling_says_its_reason_once_for_as_long_as_it_holds(told: World, lines: Lines) -> None:
    _, touch = with_draft(told)
    post(told.signed_in(), f"/desk/drafts/{touch}/release", {"subject": "Sorry", "text": "We are sorry."})
    workbench.stop_all(told.house.outside, "ops", "wrong words went out")
    for _ in range(3):
        told.tick()
        told.pass_time(minutes=6)
    (waits,) = lines.of("touch.waits", touch=touch)
    assert waits["reason"] == "kill_switch" and waits["until"]
    publishing.publish(told.house.outside, "late-delivery", "shadow", "ops", "wrong words")
    workbench.resume_all(told.house.outside, "ops", "mended")
    told.pass_time(minutes=6)
    told.tick()
    assert lines.of("touch.withheld", touch=touch, reason="shadow")


def test_what_is_in_doubt_and_what_failed_is_a_warning(told: World, lines: Lines) -> None:
    class Silent:
        def send(self, message: object, reference: str) -> Receipt:
            return Receipt("unknown", reason="anna@example.com did not answer")

    _, touch = with_draft(told)
    post(told.signed_in(), f"/desk/drafts/{touch}/release", {"subject": "Sorry", "text": "We are sorry."})
    told.house.outside.senders.update(dict.fromkeys(told.house.outside.senders, Silent()))  # type: ignore[attr-defined]
    told.tick()
    (unknown,) = lines.of("touch.unknown", touch=touch)
    assert (unknown["level"], unknown["reason"]) == ("warning", "unknown")


def test_a_run_that_ends_says_why(told: World, lines: Lines) -> None:
    told.account("a1", "Berlin Kitchens", person="anna")
    told.late("a1", "anna", "o-1")
    told.tell("failure.put_right", "a1", {"failure": "delivery/o-1", "by": "jonas", "said_by": "customer"})
    (ended,) = lines.of("run.ended", playbook="late-delivery")
    assert ended["reason"] == "put_right" and ended["run"] == lines.of("run.started")[0]["run"]


def test_a_run_that_does_not_start_says_why(told: World, lines: Lines) -> None:
    told.account("a1", "Berlin Kitchens", person="anna")
    told.late("a1", "anna", "o-1", ago=timedelta(days=300))
    (not_started,) = lines.of("run.not_started", account="a1", playbook="late-delivery")
    assert not_started["reason"] == "too_late" and not_started["trigger"]


def test_what_was_rolled_back_is_not_told(told: World, lines: Lines) -> None:
    with_draft(told)
    before = len(lines.all())

    def breaks(unit: Any) -> None:
        touch = unit.touch(unit.bulk.rows("select id from touch where status = 'draft'")[0][0])
        unit.change_touch(touch, advance(touch, Status.CANCELLED, told.clock.time, because="let_be"))
        raise ValueError("on second thoughts")

    with pytest.raises(ValueError, match="second"):
        told.house.database.retrying(breaks)
    assert len(lines.all()) == before


def test_what_was_done_in_two_tries_is_told_once(told: World, lines: Lines) -> None:
    with_draft(told)
    tries: list[int] = []

    def slow(unit: Any) -> None:
        touch = unit.touch(unit.bulk.rows("select id from touch where status = 'draft'")[0][0])
        unit.change_touch(touch, advance(touch, Status.CANCELLED, told.clock.time, because="let_be"))
        tries.append(1)
        if len(tries) == 1:
            raise Outpaced("somebody was faster")

    told.house.database.retrying(slow)
    assert len(tries) == 2 and len(lines.of("touch.cancelled", reason="let_be")) == 1


def test_a_listener_that_breaks_undoes_nothing(tmp_path: Path, root: Path, lines: Lines) -> None:
    """What is committed stays so for whoever did it, else it would be done again."""

    def deaf(changes: object) -> None:
        raise ValueError("no room for the log")

    here = world(tmp_path, root, told=deaf)
    busy_day(here)
    assert here.cards()
    assert lines.of("not told", level="error")
    here.close()


def test_lines_of_a_request_carry_its_id(told: World, lines: Lines) -> None:
    _, touch = with_draft(told)
    answer = post(
        told.signed_in(), f"/desk/drafts/{touch}/release", {"subject": "Sorry", "text": "We are sorry."}
    )
    again = lines.of("touch.again", touch=touch)
    assert [one["request"] for one in again] == [answer.headers["X-Request-ID"]]


def test_lines_of_events_carry_the_ids_of_the_requests_that_brought_them(told: World, lines: Lines) -> None:
    told.account("a1", "Berlin Kitchens", person="anna")
    event = {
        "specversion": "1.0", "id": "x1", "source": "shop", "type": "delivery.delayed", "subject": "a1",
        "time": told.clock.time.isoformat(), "data": {"order_id": "o-1", "days_late": 3, "person_id": "anna"},
    }  # fmt: skip
    answer = told.app.test_client().post(
        "/v1/events", json=event, content_type="application/cloudevents+json",
        headers={"Authorization": f"Bearer {told.token('events:write')}"},
    )  # fmt: skip
    assert answer.status_code == 200, answer.text
    assert lines.of("run.started")[-1]["requests"] == [answer.headers["X-Request-ID"]]


def test_lines_of_a_ring_carry_its_id(told: World, lines: Lines) -> None:
    told.account("a1", "Berlin Kitchens", person="anna")
    told.late("a1", "anna", "o-1")
    told.pass_time(days=1, hours=1)
    stop = threading.Event()
    stop.set()
    clockwork.run_clock(told.house.outside, 3600, stop)
    (draft,) = lines.of("touch.draft")
    assert draft["ring"] and lines.of("swept")[0]["ring"] == draft["ring"]


def test_no_line_holds_a_word_of_a_customer(told: World, lines: Lines) -> None:
    busy_day(told)
    told.pass_time(days=1, hours=2)
    told.tick()
    written = lines.stream.getvalue()
    assert len(lines.all()) > 30
    for word in PERSONAL:
        assert word not in written, word


def test_a_reason_that_somebody_typed_is_masked(told: World, lines: Lines) -> None:
    with_draft(told)
    with told.house.database.view() as unit:
        touch = unit.touch(unit.bulk.rows("select id from touch where status = 'draft'")[0][0])
    assert touch is not None
    gone = advance(
        replace(touch, because=""), Status.CANCELLED, told.clock.time, because="write anna@example.com"
    )
    log_changes([(touch, gone)])
    assert "anna@" not in lines.stream.getvalue()


def test_every_line_is_documented(root: Path) -> None:
    told = (root / "docs" / "operating.md").read_text(encoding="utf-8")
    touches = {*(status.value for status in Status if status is not Status.DUE), "waits", "again"}
    runs = {"started", "ended", "resumed", "not_started"}
    names = {f"touch.{word}" for word in touches} | {f"run.{word}" for word in runs}
    assert not [name for name in sorted(names) if f"`{name}`" not in told]

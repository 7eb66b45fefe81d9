"""What ops see and do: the clock, the switch, playbooks, quarantine, unknowns, why, and the outbox."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any

import pytest
from flask.testing import FlaskClient

from outreach.domain.touch import Status
from outreach.service.intake import take_in
from tests.web.scenes import busy_day
from tests.web.test_desk import text_of, with_draft
from tests.web.world import World, post


@pytest.fixture
def otto(here: World) -> FlaskClient:
    return here.signed_in("otto", "ops")


def test_the_house_shows_how_it_runs(either: World) -> None:
    busy_day(either)
    seen = text_of(either.signed_in("otto", "admin").get("/ops"))
    for words in (
        "just now the clock rang",
        "9 failures open",
        "1 without a playbook",
        "holds in force",
    ):
        assert words in seen


def test_a_stopped_clock_alarms(here: World, otto: FlaskClient) -> None:
    here.tick()
    here.pass_time(minutes=10)
    assert "the clock has stopped ringing" in text_of(otto.get("/ops"))


def test_the_switch_wants_a_word_and_a_reason_and_stops_the_dial(here: World, otto: FlaskClient) -> None:
    here.account("a1", "Berlin Kitchens", person="anna")
    here.late("a1", "anna")
    assert (
        "Nothing was stopped"
        in post(otto, "/ops/stop", {"reason": "x", "sure": "yes"}, follow_redirects=True).text
    )
    assert "Say why" in post(otto, "/ops/stop", {"reason": " ", "sure": "stop"}, follow_redirects=True).text
    page = post(otto, "/ops/stop", {"reason": "wrong prices", "sure": "Stop"}, follow_redirects=True)
    assert "All sending is stopped" in page.text and "wrong prices" in page.text
    jonas = here.signed_in()
    assert "All sending is stopped" in jonas.get("/desk").text
    dialled = post(jonas, f"/desk/cards/{here.cards()[0]}/dial", follow_redirects=True)
    assert "Not now." in dialled.text
    post(otto, "/ops/resume", {"reason": "prices mended"})
    assert "All sending is stopped" not in otto.get("/ops").text


def test_a_playbook_is_paused_with_a_name_and_a_reason(here: World, otto: FlaskClient) -> None:
    path = "/ops/playbooks/late-delivery"
    assert "Say why" in post(otto, path, {"state": "paused", "reason": ""}, follow_redirects=True).text
    seen = text_of(
        post(otto, path, {"state": "paused", "reason": "strike at the carrier"}, follow_redirects=True)
    )
    assert (
        "late-delivery is now paused" in seen
        and "strike at the carrier" in seen
        and "Otto" in seen.replace("you,", "Otto")
    )
    assert post(otto, "/ops/playbooks/nothing", {"state": "live", "reason": "x"}).status_code == 404
    assert otto.get("/ops/playbooks/nothing").status_code == 404


def test_faults_of_playbooks_are_shown_with_their_place(
    here: World, otto: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    from outreach.domain.errors import Fault

    faults = (
        Fault(
            "playbooks/late-delivery.yaml", 7, 12, "unknown name event.days_lte", "did you mean days_late?"
        ),
        Fault("playbooks/vocabulary.yaml", 3, 1, "no such type"),
        Fault("playbooks/new-one.yaml", 1, 1, "steps: required"),
    )
    monkeypatch.setattr(here.house.library, "faults", faults)
    seen = text_of(otto.get("/ops"))
    assert "playbooks/vocabulary.yaml:3:1" in seen and re.search(r"late-delivery ?, ?new-one", seen)
    seen = text_of(otto.get("/ops/playbooks/late-delivery"))
    assert "playbooks/late-delivery.yaml:7:12: unknown name event.days_lte; did you mean days_late?" in seen
    assert "No version of it can be used." in text_of(otto.get("/ops/playbooks?order=faults"))


def wrong(here: World) -> str:
    raw = {"specversion": "1.0", "id": "w-1", "source": "shop", "type": "delivery.delaid", "subject": "a1",
           "data": {"order_id": "o-1", "days_late": 3}}  # fmt: skip
    take_in(here.house.outside, [raw])
    with here.house.database.view() as unit:
        return str(unit.bulk.rows("select id from quarantine")[0][0])


def test_quarantine_is_mended_and_taken_in(here: World, otto: FlaskClient) -> None:
    here.account("a1", "Berlin Kitchens", person="anna")
    id_ = wrong(here)
    assert "did you mean delivery.delayed?" in text_of(otto.get("/ops/quarantine"))
    body = otto.get(f"/ops/quarantine/{id_}").text
    assert "delivery.delaid" in body
    still = post(otto, f"/ops/quarantine/{id_}/replay", {"body": '{"id": "keep me"}'})
    assert still.status_code == 409 and "keep me" in still.text and "Still wrong" in still.text
    mended = {"specversion": "1.0", "id": "w-1", "source": "shop", "type": "delivery.delayed", "subject": "a1",
              "data": {"order_id": "o-1", "days_late": 3}}  # fmt: skip
    post(otto, f"/ops/quarantine/{id_}/replay", {"body": json.dumps(mended)})
    assert len(here.cards()) == 1 and "Empty." in otto.get("/ops/quarantine").text


def test_quarantine_is_discarded(here: World, otto: FlaskClient) -> None:
    id_ = wrong(here)
    post(otto, f"/ops/quarantine/{id_}/discard", {"reason": "a test"})
    assert "Empty." in otto.get("/ops/quarantine").text
    assert otto.get("/ops/quarantine/none").status_code == 404


def unknown(here: World) -> str:
    """A mail that nobody knows about."""
    card, touch_id = with_draft(here)
    client = here.signed_in()
    post(
        client, f"/desk/drafts/{touch_id}/release", {"card": card, "subject": "Sorry", "text": "I am sorry."}
    )

    def break_off(unit: Any) -> None:
        old = unit.touch(touch_id)
        assert unit.change_touch(
            old, replace(old, status=Status.SENDING, token="t", intent_at=here.clock.time)
        )
        old = unit.touch(touch_id)
        assert unit.change_touch(old, replace(old, status=Status.UNKNOWN, sentence="time-out"))

    here.house.database.retrying(break_off)
    return touch_id


@pytest.mark.parametrize(
    ("was", "reason", "status"), [("sent", "", "sent"), ("failed", "", "failed"), ("again", "bounced", "due")]
)
def test_unknown_messages_are_settled_by_hand(here: World, was: str, reason: str, status: str) -> None:
    touch = unknown(here)
    otto = here.signed_in("otto", "ops")
    assert "time-out" in otto.get("/ops").text
    post(otto, f"/ops/unknowns/{touch}", {"was": was, "reason": reason})
    with here.house.database.view() as unit:
        assert unit.touch(touch).status == status  # type: ignore[union-attr]


def test_sending_again_wants_a_reason(here: World) -> None:
    touch = unknown(here)
    otto = here.signed_in("otto", "ops")
    assert "Say why" in post(otto, f"/ops/unknowns/{touch}", {"was": "again"}, follow_redirects=True).text
    assert "Choose what" in post(otto, f"/ops/unknowns/{touch}", {"was": "x"}, follow_redirects=True).text


def test_the_outbox_shows_what_would_have_left(here: World) -> None:
    card, touch = with_draft(here)
    client = here.signed_in()
    with here.house.database.view() as unit:
        draft = unit.touch(touch).draft  # type: ignore[union-attr]
    post(
        client,
        f"/desk/drafts/{touch}/release",
        {"card": card, "subject": draft["subject"], "text": draft["text"]},
    )
    here.tick()
    (name,) = [item.name for item in _folder(here)]
    page = client.get(f"/outbox/{name}")
    assert "sandbox" in page.text and "Berlin Kitchens" in page.text and f"/desk/cards/{card}" in page.text
    letter = client.get(f"/outbox/{name}/html")
    assert letter.status_code == 200 and letter.headers["Content-Security-Policy"].startswith("sandbox;")
    assert letter.headers["X-Frame-Options"] == "SAMEORIGIN"
    for bad in ("../secret.key", "x.eml", "secret.key", "%2e%2e%2fsecret.key"):
        assert client.get(f"/outbox/{bad}").status_code == 404


def _folder(here: World) -> Any:
    from outreach.channels.outbox import OutboxFolder

    return OutboxFolder(here.house.settings.outbox_dir).list()

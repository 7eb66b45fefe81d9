"""What ops see to: the checkup in words, holds, quarantine, incidents, and who did what."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from html import unescape
from typing import Any

import pytest
from flask.testing import FlaskClient

from outreach.domain.facts import Purpose
from outreach.domain.talk import Outcome
from outreach.domain.touch import Disposition
from outreach.service import desk, holds, outcomes, publishing, quarantine, workbench
from outreach.service.care import Asked, may_send
from outreach.service.intake import take_in
from outreach.web.ops_pages import _harmless
from tests.web.scenes import busy_day, snowed_in, with_draft
from tests.web.test_desk import text_of
from tests.web.world import World, post


@pytest.fixture
def otto(here: World) -> FlaskClient:
    return here.signed_in("otto", "ops")


def said(client: FlaskClient, path: str, form: dict[str, Any] | None = None) -> str:
    """The page that follows a form."""
    return text_of(post(client, path, form or {}, follow_redirects=True))


# -- health -------------------------------------------------------------------------------------------------------


def test_a_house_at_work_says_that_there_is_nothing_to_see_to(either: World) -> None:
    either.tick()
    seen = text_of(either.signed_in("otto", "ops").get("/ops"))
    assert "Nothing to see to." in seen and "the clock rang" in seen


def test_what_the_doctor_checks_is_told_with_what_to_do_the_gravest_first(
    here: World, otto: FlaskClient
) -> None:
    with_draft(here)
    wrong(here, "shop", 2)
    here.pass_time(minutes=40)
    workbench.stop_all(here.house.outside, "otto", "wrong prices")
    seen = text_of(otto.get("/ops"))
    for words in (
        "The clock stopped 40 minutes ago.", "outreach clock", "All sending is stopped (otto: wrong prices).",
        "2 events in quarantine.",
    ):  # fmt: skip
        assert words in seen, words
    assert seen.index("The clock stopped") < seen.index("2 events in quarantine.")


def test_what_has_been_due_for_long_names_the_clock(here: World, otto: FlaskClient) -> None:
    here.account("a1", "Berlin Kitchens", person="anna")
    here.late("a1", "anna", "o-1")
    here.tick()
    here.pass_time(days=2)
    seen = text_of(otto.get("/ops"))
    assert "has not been done" in seen and "Start it: outreach serve" in seen
    assert "call past the promised hour" in seen


def test_where_to_see_to_it_is_a_link_for_whoever_may_open_it(here: World, otto: FlaskClient) -> None:
    """Nobody is sent to a page that is shut to them; they hear who can."""
    here.account("a1", "Berlin Kitchens", person="anna")
    here.late("a1", "anna", "o-1")
    wrong(here, "shop", 2)
    here.pass_time(days=2)
    for client in (otto, here.signed_in("ruth", "manager")):
        page = client.get("/ops").text
        links = set(re.findall(r'href="(/(?:desk|ops)[a-z/]*)"', page))
        assert "/ops/quarantine" in links
        assert {path: client.get(path).status_code for path in links} == dict.fromkeys(links, 200)
    assert "can open it" not in page
    assert {"/desk", "/desk/unmatched", "/desk/owed", "/desk/unreached"} <= links
    assert "/desk (a manager or an account manager can open it) shows them first" in text_of(otto.get("/ops"))


# -- holds --------------------------------------------------------------------------------------------------------


def test_holds_say_whose_what_why_and_until_when(either: World) -> None:
    busy_day(either)
    otto = either.signed_in("otto", "ops")
    seen = text_of(otto.get("/ops/holds"))
    for words in (
        "Berlin Kitchens GmbH",
        "No marketing",
        "until it is put right",
        "delivery o-1001",
        "at the latest",
    ):
        assert words in seen, words
    only = post(otto, "/ops/holds", {"name": "kitchens", "purpose": "marketing", "sort": "newest"})
    address = only.headers["Location"]
    assert "account=a1" in address and "itchen" not in address, "a name has no place in an address"
    seen = text_of(otto.get(address))
    assert "Berlin Kitchens GmbH" in seen and "Café Morgenrot" not in seen
    assert "No account is called that." in said(otto, "/ops/holds", {"name": "nobody%"})
    assert "Nothing of the kind" in text_of(otto.get("/ops/holds?playbook=nothing"))


def test_a_hold_says_what_is_true_of_why_it_ends(here: World, otto: FlaskClient) -> None:
    here.account("a1", "Berlin Kitchens", person="anna")
    here.late("a1", "anna", "o-1")
    here.tell("delivery.lost", "a1", {"order_id": "o-1", "person_id": "anna"})
    seen = text_of(otto.get("/ops/holds"))
    assert "a playbook that goes before it has begun, though it is not put right yet" in seen
    assert "it is put right, and they" not in seen
    assert "until it is put right," in seen, "of the run that goes on"
    desk.put_right(here.house.outside, "a1", "delivery/o-1", "jonas", "customer", "")
    seen = text_of(otto.get("/ops/holds"))
    assert "it is put right, and they are left in peace" in seen and "not put right yet" not in seen


def test_a_hold_is_ended_with_a_reason_once(here: World, otto: FlaskClient) -> None:
    here.account("a1", "Berlin Kitchens", person="anna")
    here.late("a1", "anna")
    with here.house.database.view() as unit:
        (hold,) = unit.holds_of(["a1"])

    def answer() -> str:
        return may_send(here.house.outside, [Asked(Purpose.MARKETING, person="anna")])[0].answer

    path = f"/ops/holds/{hold.id}/end"
    assert "Say why it may end." in said(otto, path, {"reason": " "}) and answer() == "hold"
    assert "Ended. Berlin Kitchens gets generic mail again" in said(
        otto, path, {"reason": "they asked for it"}
    )
    assert answer() == "allow"
    assert "It has ended already" in said(otto, path, {"reason": "again"})
    assert "they asked for it" in text_of(otto.get(f"/ops/audit?about=hold/{hold.id}"))
    assert "Nothing is held back." in text_of(otto.get("/ops/holds"))
    assert post(here.signed_in("ruth", "manager"), path, {"reason": "x"}).status_code == 403


def test_many_holds_are_turned_over_with_what_was_asked_for(here: World, otto: FlaskClient) -> None:
    for number in range(60):
        here.account(f"a{number:02}", f"Haus {number:02}", person=f"p{number}")
        here.late(f"a{number:02}", f"p{number}", f"o{number}")
    first = otto.get("/ops/holds?purpose=marketing&sort=newest")
    (more,) = re.findall(r'rel="next" href="([^"]+)"', first.text)
    assert "purpose=marketing" in more and "sort=newest" in more and "60 holds" in first.text
    assert "Haus 59" in first.text and "Haus 00" in otto.get(unescape(more)).text


# -- quarantine ---------------------------------------------------------------------------------------------------


def wrong(here: World, source: str, count: int, type_: str = "delivery.delaid") -> None:
    raws = [
        {"specversion": "1.0", "id": f"{type_}-{i}", "source": source, "type": type_, "subject": "a1",
         "data": {"order_id": f"o-{i}", "days_late": 3}}
        for i in range(count)
    ]  # fmt: skip
    take_in(here.house.outside, raws)


def ids(here: World) -> list[str]:
    with here.house.database.view() as unit:
        return [row.id for row in unit.quarantined()]


def test_reasons_are_counted_and_lead_to_their_events(either: World) -> None:
    wrong(either, "shop", 3)
    wrong(either, "erp", 2, "order.plased")
    otto = either.signed_in("otto", "ops")
    page = otto.get("/ops/quarantine")
    seen = text_of(page)
    assert "delivery.delaid · 3 events" in seen and "order.plased · 2 events" in seen
    (link,) = re.findall(r'href="(/ops/quarantine\?[^"]*order\.plased[^"]*)"', page.text)
    listed = text_of(otto.get(unescape(link)))
    assert "order.plased erp · order.plased-1" in listed and "shop · delivery.delaid-1" not in listed
    assert "did you mean" not in link, "what a customer wrote may stand in a reason"
    assert "None of these." in text_of(otto.get("/ops/quarantine?source=nobody"))


def test_what_passes_by_now_is_taken_in_at_once(
    here: World, otto: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dataclasses import replace

    here.account("a1", "Berlin Kitchens", person="anna")
    wrong(here, "shop", 3)
    rules = here.house.outside.rules()
    kinds = dict(rules.vocabulary.types)
    kinds["delivery.delaid"] = replace(kinds["delivery.delayed"], name="delivery.delaid")
    mended = replace(rules, vocabulary=replace(rules.vocabulary, types=kinds))
    assert "Still wrong: 3." in said(otto, "/ops/quarantine/replay", {"type": "delivery.delaid"})
    monkeypatch.setattr(type(here.house.library), "current", lambda self: mended)
    house = replace(here.house.outside, rules=lambda: mended)
    monkeypatch.setattr(here.app.extensions["outreach"], "outside", house)
    assert "Taken in: 3." in said(otto, "/ops/quarantine/replay", {"type": "delivery.delaid"})
    assert ids(here) == [] and "Empty." in otto.get("/ops/quarantine").text


def test_more_than_one_page_waits_for_goes_on_where_it_stopped(
    here: World, otto: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong(here, "shop", 3)
    monkeypatch.setattr(quarantine.replay_all, "__kwdefaults__", {"after": "", "most": 2})
    first = post(otto, "/ops/quarantine/replay", {"type": "delivery.delaid"})
    page = otto.get(first.headers["Location"])
    assert (
        "Still wrong: 2. There are more; ask again." in text_of(page) and "Go on with the rest" in page.text
    )
    (after,) = re.findall(r'name="after" value="(\w+)"', page.text)
    assert "Still wrong: 1." in said(
        otto, "/ops/quarantine/replay", {"type": "delivery.delaid", "after": after}
    )


def test_several_are_discarded_with_a_reason(here: World, otto: FlaskClient) -> None:
    wrong(here, "shop", 3)
    two = ids(here)[:2]
    assert "Tick those" in said(otto, "/ops/quarantine/discard", {"reason": "a test"})
    assert "Say why" in said(otto, "/ops/quarantine/discard", {"id": two, "reason": " "})
    assert "Discarded: 2." in said(otto, "/ops/quarantine/discard", {"id": two, "reason": "a test"})
    assert len(ids(here)) == 1


# -- incidents ----------------------------------------------------------------------------------------------------

FRIDAY, MONDAY_ = "The pass is shut. We come on Friday.", "The pass is shut. We come on Monday."


def open_suggested(here: World, client: FlaskClient) -> str:
    """Take the suggestion up; gives the incident's address."""
    page = client.get("/ops/incidents")
    form = dict(
        re.findall(r'<input type="hidden" name="(type|field|value|since)" value="([^"]*)"', page.text)
    )
    answer = post(client, "/ops/incidents/suggested", {name: unescape(value) for name, value in form.items()})
    return str(answer.headers["Location"])


def test_one_cause_is_suggested_opened_worded_and_corrected(either: World) -> None:
    snowed_in(either)
    otto, jonas = either.signed_in("otto", "ops"), either.signed_in("jonas", "am")
    assert "Looks like one cause" in text_of(otto.get("/ops/incidents"))
    where = open_suggested(either, otto)
    seen = text_of(otto.get(where))
    assert "Reached 0 of 7" in seen and "carrier Nordfracht" in seen and "Nothing is approved yet" in seen
    assert "Looks like one cause" not in text_of(otto.get("/ops/incidents"))
    ruth = either.signed_in("ruth", "manager")
    told = said(ruth, f"{where}/words", {"what": "Snow in the Alps", "words": FRIDAY, "approve": "1"})
    assert "Nobody is told before it is approved." in told and "Waits to be approved." in told, (
        "she may not approve"
    )
    assert post(ruth, f"{where}/approve", {"number": 1}).status_code == 403
    card = jonas.get(f"/desk/cards/{either.cards()[0]}")
    assert FRIDAY not in card.text
    assert "It stands on every card" in said(otto, f"{where}/approve", {"number": "1"})
    seen = text_of(jonas.get(f"/desk/cards/{either.cards()[0]}"))
    assert FRIDAY in seen and "Snow in the Alps" in seen and "Approved by Otto" in seen
    either.pass_time(minutes=5)
    outcomes.settle(either.house.outside, either.cards()[0], "jonas", Outcome(Disposition.REACHED))
    assert "Reached 1 of 7" in text_of(otto.get("/ops/incidents"))
    either.pass_time(minutes=5)
    seen = said(otto, f"{where}/words", {"words": MONDAY_, "approve": "1"})
    assert "1 was told the earlier words" in seen and "on the phone" in seen and "Gasthof" in seen
    assert MONDAY_ in text_of(jonas.get(f"/desk/cards/{either.cards()[0]}"))
    assert "Spoken to (1)" in seen and "Nobody reached yet (6)" in seen
    only = text_of(otto.get(f"{where}?stands=reached"))
    assert only.count("delivery o-s") == 1


def test_a_wording_that_waits_is_shown_as_it_will_be_read(here: World, otto: FlaskClient) -> None:
    snowed_in(here, 5)
    where = open_suggested(here, otto)
    page = post(
        otto, f"{where}/words", {"words": f"{FRIDAY}\n[de]\nWir kommen am Freitag."}, follow_redirects=True
    )
    waits = page.text.partition("Waits to be approved.")[2].partition("Approve it")[0]
    assert f'<blockquote class="words">{FRIDAY}</blockquote>' in waits and "In German:" in waits
    assert '<blockquote class="words" lang="de">Wir kommen am Freitag.</blockquote>' in waits
    assert "[de]" not in waits


def test_a_customer_with_whom_it_has_to_be_corrected_is_told_so_on_the_card(
    here: World, otto: FlaskClient
) -> None:
    snowed_in(here, 5)
    where = open_suggested(here, otto)
    said(otto, f"{where}/words", {"words": FRIDAY, "approve": "1"})
    here.pass_time(minutes=5)
    outcomes.settle(here.house.outside, here.cards()[0], "jonas", Outcome(Disposition.REACHED))
    here.pass_time(minutes=5)
    said(otto, f"{where}/words", {"words": MONDAY_, "approve": "1"})
    here.pass_time(days=3)
    here.tick()
    here.tick()
    jonas = here.signed_in("jonas", "am")
    pages = [text_of(jonas.get(f"/desk/cards/{card}")) for card in here.cards()]
    told = [page for page in pages if "They were told earlier words" in page]
    assert len(told) == 1 and "Correct it with them." in told[0]


def test_an_incident_is_opened_by_hand_and_closed(here: World, otto: FlaskClient) -> None:
    snowed_in(here, 2)
    form = {
        "title": "Snow", "type": "delivery.delayed", "field": "carrier", "value": "Nordfracht",
        "since": "2026-03-01T00:00", "until": "2026-03-04T00:00",
    }  # fmt: skip
    kept = post(otto, "/ops/incidents", form | {"value": " "})
    assert kept.status_code == 409 and "Say which carrier" in kept.text and 'value="Snow"' in kept.text
    assert post(otto, "/ops/incidents", form | {"since": "soon"}).status_code == 422
    made = post(otto, "/ops/incidents", form)
    where = made.headers["Location"]
    assert "Reached 0 of 2" in text_of(otto.get(where))
    assert "would sell" in post(otto, f"{where}/words", {"words": "A voucher for you"}).text
    assert "Say why." in post(otto, f"{where}/close", {"reason": ""}).text
    assert "Closed." in said(otto, f"{where}/close", {"reason": "the pass is open"})
    assert "Closed lately" in text_of(otto.get("/ops/incidents"))
    assert "Correct it" not in otto.get(where).text
    assert otto.get("/ops/incidents/none").status_code == 404
    stale = {"type": "x", "field": "y", "value": "z", "since": "w"}
    assert "It has changed meanwhile" in said(otto, "/ops/incidents/suggested", stale)


def test_no_incident(here: World, otto: FlaskClient) -> None:
    assert "No incident." in text_of(otto.get("/ops/incidents"))


# -- audit --------------------------------------------------------------------------------------------------------


def test_the_audit_is_asked_by_days_and_taken_away(either: World) -> None:
    otto = either.signed_in("otto", "ops")
    house = either.house.outside
    workbench.stop_all(house, "otto", "=cmd|'/c calc'!A1")
    either.clock.time += timedelta(days=2)
    workbench.resume_all(house, "otto", "mended")
    day = either.clock.time.date()
    seen = text_of(otto.get(f"/ops/audit?since={day}&until={day}"))
    assert "mended" in seen and "calc" not in seen
    seen = text_of(otto.get(f"/ops/audit?until={day - timedelta(days=1)}"))
    assert "mended" not in seen and "calc" in seen
    assert otto.get("/ops/audit?since=soon&until=9999-12-31").status_code == 200
    sheet = otto.get("/ops/audit.csv?who=otto")
    assert sheet.mimetype == "text/csv" and "attachment" in sheet.headers["Content-Disposition"]
    assert "'=cmd" in sheet.text and "mended" in sheet.text
    assert either.signed_in().get("/ops/audit.csv").status_code == 403


def test_the_audit_is_asked_by_name_and_by_a_part_and_leads_on(here: World, otto: FlaskClient) -> None:
    here.account("a1", "Berlin Kitchens", person="anna")
    here.late("a1", "anna", "o-1")
    ruth = here.signed_in("ruth", "manager")
    with here.house.database.view() as unit:
        (known,) = [user for user in unit.users() if user.id == "ruth"]
    named = replace(known, name="Ruth Lindqvist")
    here.house.database.retrying(lambda unit: unit.save_user(named))
    publishing.publish(here.house.outside, "late-delivery", "paused", "ruth", "to look")
    workbench.stop_all(here.house.outside, "otto", "\t=cmd")
    with here.house.database.view() as unit:
        hold = unit.holds_of(["a1"])[0].id
    holds.end(here.house.outside, hold, "otto", "they asked")
    asked = post(otto, "/ops/audit", {"who": "lindq"})
    assert "who=ruth" in asked.headers["Location"] and "indq" not in asked.headers["Location"]
    page = otto.get(asked.headers["Location"])
    assert "playbook paused" in text_of(page) and "they asked" not in text_of(page)
    assert "they asked" in said(otto, "/ops/audit", {"who": "otto"})
    assert "to look" in said(otto, "/ops/audit", {"about": "Late-Delivery"})
    assert "Nobody did anything of the kind." in said(otto, "/ops/audit", {"about": "late%delivery"})
    for client, whose in ((otto, "/ops/why?account=a1"), (ruth, "/desk/accounts/a1")):
        links = re.findall(r'href="([^"]*)"', client.get("/ops/audit").text)
        assert {"/ops/playbooks/late-delivery", whose} <= set(links)
        assert client.get(whose).status_code == 200
    assert "The chain holds" in said(otto, "/ops/audit", {"check": "1"})
    assert "'\t=cmd" in otto.get("/ops/audit.csv").text


@pytest.mark.parametrize("text", ["=1", "+1", "-1", "@x", "\t=1", "\r=1", " =1", "\tx", "\rx"])
def test_no_cell_is_taken_for_a_formula(text: str) -> None:
    assert _harmless(text) == f"'{text}"
    assert _harmless(f"a{text}") == f"a{text}"

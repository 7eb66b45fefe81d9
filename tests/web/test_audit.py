"""Who did what, for people to look at; and that nothing personal stands where it does not belong."""

from __future__ import annotations

import json
import re
from html import unescape
from typing import Any
from urllib.parse import unquote

import pytest
from flask.testing import FlaskClient

from outreach.service import care_links, desk
from tests.web.test_api import Caller
from tests.web.world import World, post


def done(here: World, count: int = 1, who: str = "ruth", subject: str = "playbook/late-delivery") -> None:
    def work(unit: Any) -> None:
        for number in range(count):
            unit.audit(here.clock.time, who, "playbook.paused", subject, f"reason {number}")

    here.house.database.retrying(work)


def test_nothing_was_done_yet(here: World) -> None:
    otto = here.signed_in("otto", "ops")
    here.house.database.retrying(lambda unit: unit.bulk.run("delete from audit"))
    assert "Nobody has done anything yet." in otto.get("/ops/audit").text


def test_rows_are_found_by_person_and_by_subject_and_turned_over(either: World) -> None:
    otto = either.signed_in("otto", "ops")
    done(either, 60)
    done(either, 1, "miriam", "person:anna")
    first = otto.get("/ops/audit").text
    assert "reason 59" in first and "reason 3”" not in first and "More →" in first
    assert "reason 3”" in otto.get("/ops/audit?page=2").text
    theirs = otto.get("/ops/audit?who=miriam").text
    assert "reason 0”" in theirs and "reason 59" not in theirs
    about = otto.get("/ops/audit?about=playbook/late-delivery").text
    assert "person:anna" not in about and "about=playbook/late-delivery&amp;page=2" in about.replace(
        "%2F", "/"
    )
    assert "Nobody did anything of the kind." in otto.get("/ops/audit?who=nobody").text


def test_the_chain_is_checked_when_asked(either: World) -> None:
    otto = either.signed_in("otto", "ops")
    done(either, 3)
    assert "The chain holds" not in otto.get("/ops/audit").text
    assert "The chain holds: " in otto.get("/ops/audit?check=1").text
    either.house.database.retrying(lambda unit: unit.bulk.run("update audit set why = 'none' where seq = 2"))
    assert "It was tampered with: audit row 2 was changed." in otto.get("/ops/audit?check=1").text


def test_account_managers_have_no_business_there(here: World) -> None:
    assert here.signed_in().get("/ops/audit").status_code == 403


# -- what is planted is found nowhere -------------------------------------------------------------------------------

PLANTED = ("Quagga", "Zebulon", "quagga.example", "3055501987", "30 555 01987", "thylacine")
PERSON = {
    "name": "Zebulon Quagga", "greeting": "Zebulon", "phone": "+49 30 55501987", "email": "zebulon@quagga.example",
    "country": "DE", "zone": "Europe/Berlin", "accounts": [{"account": "q1", "roles": ["buyer"]}],
}  # fmt: skip


def _live(here: World) -> str:
    """Somebody is described, let down, spoken with, written to, asked about. Gives their page's address."""
    caller = Caller(
        here, "events:write", "accounts:write", "people:write", "people:read", "may-send:read", "holds:read"
    )
    about = {
        "name": "Quagga & Sons",
        "owner": "jonas",
        "kind": "business",
        "country": "DE",
        "zone": "Europe/Berlin",
    }
    assert caller.send("PUT", "/v1/accounts/q1", about).status_code == 200
    assert caller.send("PUT", "/v1/people/zeb", PERSON).status_code == 200
    complaint = {
        "specversion": "1.0", "id": "c1", "source": "shop", "type": "complaint.opened", "subject": "q1",
        "time": here.clock.time.isoformat(), "data": {"complaint_id": "c1", "person_id": "zeb", "words": "My thylacine is gone"},
    }  # fmt: skip
    assert caller.event(complaint).status_code == 200
    wrong = complaint | {"id": "c2", "type": "complaint.oppened"}
    assert caller.event(wrong).status_code == 422
    caller.event({"not": "an event", "phone": PERSON["phone"]})
    caller.event(b"{ thylacine")
    caller.send("PUT", "/v1/people/zeb", {**PERSON, "phone": "Zebulon Quagga"})
    for asked in ({"email": PERSON["email"]}, {"phone": PERSON["phone"]}, {"phone": "thylacine"}):
        caller.send("POST", "/v1/may-send", {"asked": [{"purpose": "marketing", **asked}]})
        caller.send("POST", "/v1/people/lookup", asked)
    here.tick()
    return care_links.link_by_hand(here.house.outside, "zeb", None, "jonas")


def _work(here: World, client: FlaskClient) -> list[str]:
    """Everything a colleague types of them; gives where it sent the browser."""
    (card,) = here.cards()
    sent = [
        post(client, "/desk/lookup", {"endpoint": PERSON["phone"]}),
        post(client, "/desk/lookup", {"endpoint": "thylacine"}),
        post(client, f"/desk/cards/{card}/claim"),
        post(client, f"/desk/cards/{card}/dial"),
        post(client, f"/desk/cards/{card}/outcome", {"disposition": "reached", "note": "thylacine", "promise_what": "a thylacine",
             "promise_until": "2026-03-06T12:00", "kind": "note", "value": "thylacine"}),
        post(client, "/desk/say/told", {"person": "zeb", "kind": "hours", "value": "with the thylacine"}),
        post(client, "/desk/say/told", {"person": "zeb", "kind": "wait_for", "value": "thylacine.arrived"}),
        post(client, "/login", {"email": PERSON["email"], "password": "thylacine"}),
    ]  # fmt: skip
    desk.tell(
        here.house.outside, "complaint.opened", "q1", {"complaint_id": "c9", "words": "thylacine"}, "jonas"
    )
    return [response.headers.get("Location", "") for response in sent]


def _links(page: str) -> set[str]:
    return {unescape(link) for link in re.findall(r'(?:href|action|src)="([^"]+)"', page)}


def _walk(client: FlaskClient, starts: list[str]) -> dict[str, str]:
    """Every page that can be reached by links: address → what it says."""
    seen: dict[str, str] = {}
    left = list(starts)
    while left and len(seen) < 200:
        address = left.pop().partition("#")[0]
        if (
            address in seen
            or not address.startswith("/")
            or address.startswith(("/static", "/bootstrap", "/logout"))
        ):
            continue
        answer = client.get(address)
        seen[address] = answer.text if answer.mimetype == "text/html" else ""
        left += sorted(_links(seen[address]))
    return seen


def test_what_is_planted_stands_in_no_log_no_address_no_metric_and_no_audit(
    either: World, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level("DEBUG")
    caplog.set_level(
        "INFO", "sqlalchemy.engine"
    )  # its values are the driver's own business, not a log of ours
    client = either.signed_in("otto", "admin")
    token = _live(either)
    addresses = _work(either, client)
    either.tick()
    pages = _walk(
        client, ["/desk?whose=all", "/ops", "/ops/audit", "/outbox", f"/care/{token}", "/desk/people/zeb"]
    )
    assert len(pages) > 20 and any("Zebulon" in text for text in pages.values()), "it was looked at"
    addresses += [*pages, *(link for text in pages.values() for link in _links(text))]
    own = {
        f"mailto:{PERSON['email']}",
        "tel:+493055501987",
    }  # for the colleague's own programs, not for a server
    with either.house.database.view() as unit:
        audit = str(unit.bulk.rows("select who, what, subject, why from audit"))
        events = str(unit.bulk.rows("select * from event")) + str(unit.bulk.rows("select * from decision"))
    metrics, told = client.get("/metrics").text, capfd.readouterr()
    ready = json.dumps(client.get("/readyz").json)
    for name, text in (
        ("log", caplog.text + told.out + told.err), ("metrics", metrics), ("audit", audit), ("events", events), ("ready", ready),
        ("addresses", "\n".join(unquote(each) for each in addresses if each not in own)),
    ):  # fmt: skip
        told_of = [line for line in text.splitlines() if any(words in line for words in PLANTED)]
        assert not told_of, name

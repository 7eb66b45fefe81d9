"""How we reach you: a page where a colleague says where and when, and tries it. An address is a secret."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from outreach.channels.null import RecordingNotifier
from outreach.service import alerts, reach
from outreach.service.ports import Outside
from outreach.service.ports_reaching import Reach, Way
from outreach.service.ports_ways import Receipt
from tests.support.axe import axe_violations
from tests.support.served import running
from tests.web.scenes import busy_day
from tests.web.test_browser import PHONE, fits, sign_in
from tests.web.world import World, post, world

URL = "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ"
SECRETS = ("T1JJ3T3L2", "A1BRTD4JD", "TIiajkdnlazk")
NAMES = ("Anna", "Weber", "Berlin Kitchens", "Mara", "Morgenrot", "o-1001", "@example.com", "+4930", "jonas")


def ring(here: World) -> RecordingNotifier:
    """The house's way to its people, replaced by one that remembers."""
    bell = RecordingNotifier()
    held = here.app.extensions["outreach"]
    held.outside = replace(here.house.outside, notifier=bell)
    return bell


def outside(here: World) -> Outside:
    found: Outside = here.app.extensions["outreach"].outside
    return found


def known(here: World, user: str = "jonas") -> Reach:
    with here.house.database.view() as unit:
        return reach.of(unit, user)


def test_they_say_where_and_try_it_and_the_address_is_never_seen_again(either: World) -> None:
    client = either.signed_in()
    page = client.get("/desk/reach").text
    assert "You are not reached anywhere yet" in page and "Send me a test" not in page
    page = post(client, "/desk/reach/way", {"url": f" {URL} "}, follow_redirects=True).text
    assert "From now on you are reached by Slack …i7FQ" in page and known(either).ways == (
        Way(URL, "Slack …i7FQ"),
    )
    assert "/desk/reach" in client.get("/desk/away").text
    bell = ring(either)
    page = post(client, "/desk/reach/test", follow_redirects=True).text
    assert "A test is on its way" in page and [letter.urls for letter in bell.told] == [(URL,)]
    with either.house.database.view() as unit:
        audit = " ".join(f"{row.what} {row.why}" for row in unit.audit_of("user/jonas"))
    for shown in (page, client.get("/desk/reach").text, audit):
        assert not [secret for secret in SECRETS if secret in shown]
    (way,) = re.findall(r'name="way" value="([^"]+)"', page)
    assert "Taken away" in post(client, "/desk/reach/way/gone", {"way": way}, follow_redirects=True).text
    assert known(either).ways == ()
    assert post(client, "/desk/reach/way/gone", {"way": way}).status_code == 404


@pytest.mark.parametrize(
    ("url", "said"),
    [("nonsense-S3CRET", "no address that Apprise knows"), ("json://10.0.0.1/S3CRET", "not among the services"),
     (f"{URL}?template=/S3CRET", "Leave out the options"), ("", "no address that Apprise knows")],
)  # fmt: skip
def test_a_wrong_address_is_told_with_the_remedy_and_is_not_shown(here: World, url: str, said: str) -> None:
    response = post(here.signed_in(), "/desk/reach/way", {"url": url})
    assert response.status_code == 422 or response.status_code == 409
    assert said in response.text and "S3CRET" not in response.text and known(here).ways == ()


def test_quiet_hours_and_always(here: World) -> None:
    client = here.signed_in()
    form = {"quiet_from": "20:00", "quiet_until": "07:30", "always": "1"}
    page = post(client, "/desk/reach/when", form, follow_redirects=True).text
    assert (
        'value="20:00"' in page and 'value="07:30"' in page and "checked" in page and "Europe/Berlin" in page
    )
    for wrong, said in (
        ({"quiet_from": "20:00"}, "give both"), ({"quiet_from": "late", "quiet_until": "07:30"}, "Write the hour"),
        ({"quiet_from": "20:00", "quiet_until": "20:00"}, "same minute"),
    ):  # fmt: skip
        response = post(client, "/desk/reach/when", wrong)
        assert response.status_code == 422 and said in response.text
    assert known(here) == Reach("jonas", (), "20:00", "07:30", True, here.clock.time)
    post(client, "/desk/reach/when", {})
    assert (known(here).quiet_from, known(here).always) == (None, False)


def test_it_is_each_ones_own(here: World) -> None:
    post(here.signed_in("miriam"), "/desk/reach/way", {"url": URL})
    client = here.signed_in()
    assert "i7FQ" not in client.get("/desk/reach").text
    assert (
        post(
            client, "/desk/reach/way/gone", {"way": reach.way_key(known(here, "miriam").ways[0])}
        ).status_code
        == 404
    )
    assert known(here, "miriam").ways


def test_what_did_not_arrive_is_told_on_the_page_and_on_ops(here: World) -> None:
    client = here.signed_in()
    bell = ring(here)
    post(client, "/desk/reach/way", {"url": URL})
    here.pass_time(minutes=1)
    busy_day(here)
    bell.script = [Receipt("failed", reason="Slack answered 404")] * 2
    alerts.tell_urgent(outside(here))
    page = client.get("/desk/reach").text
    assert "Your last alert, today 10:31, did not arrive, or not everywhere: Slack answered 404." in page
    ops = here.signed_in("olga", "ops").get("/ops").text
    assert "The last alert for jonas did not arrive, or not everywhere: Slack answered 404." in ops
    page = post(client, "/desk/reach/test", follow_redirects=True).text
    assert "The test did not arrive everywhere: Slack answered 404." in page and "Mend the address" in page
    here.pass_time(minutes=1)
    post(client, "/desk/reach/test")
    assert "did not arrive" not in client.get("/desk/reach").text


def test_a_busy_day_is_told_without_anybodys_name(here: World) -> None:
    client = here.signed_in()
    bell = ring(here)
    post(client, "/desk/reach/way", {"url": "slack://x"})
    busy_day(here)
    here.pass_time(hours=4)
    here.tick()
    assert alerts.tell_urgent(outside(here)) == 1
    (letter,) = bell.told
    assert "Cards that wait for a call today" in letter.text and "A call that we owe" in letter.text
    assert not [name for name in NAMES if name in letter.title + letter.text]
    for path in re.findall(r"https?://[^/]+(/\S*)", letter.text):
        assert client.get(path).status_code == 200, path


def test_where_nothing_leaves_the_page_says_so(here: World) -> None:
    client = here.signed_in()
    held = here.app.extensions["outreach"]
    held.outside = replace(here.house.outside, notifier=None)
    assert "Nothing leaves this house" in client.get("/desk/reach").text
    assert "so nobody can be reached" in post(client, "/desk/reach/way", {"url": URL}).text


def test_a_test_cannot_be_sent_over_and_over(guarded: World) -> None:
    guarded.app.config["WTF_CSRF_ENABLED"] = False
    client = guarded.signed_in()
    codes = [post(client, "/desk/reach/test").status_code for _ in range(8)]
    assert codes[0] == 422 or codes[0] == 409
    assert codes[-1] == 429


# -- as it is in life ------------------------------------------------------------------------------------------


@pytest.fixture
def heard() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """A service on loopback: its address for Apprise, and what it was told."""
    told: list[dict[str, Any]] = []

    class Service(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            told.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Service)
    with running(server):
        yield f"json://127.0.0.1:{server.server_port}/S3CRET", told


def test_from_the_page_to_the_message(
    tmp_path: Path, root: Path, heard: tuple[str, list[dict[str, Any]]]
) -> None:
    """The whole way, with Apprise itself."""
    url, told = heard
    here = world(tmp_path, root, settings={"OUTREACH_ALERT_SERVICES": "json"})
    try:
        client = here.signed_in()
        post(client, "/desk/reach/way", {"url": url})
        assert "A test is on its way" in post(client, "/desk/reach/test", follow_redirects=True).text
        busy_day(here)
        assert alerts.tell_urgent(here.house.outside) == 1 and alerts.tell_urgent(here.house.outside) == 0
    finally:
        here.close()
    assert [said["title"] for said in told] == ["Outreach: a test", "Outreach: your day"]


def test_on_a_phone_and_for_everybody(browser_page: Any, served: tuple[World, str]) -> None:
    page, here = browser_page, served[0]
    page.set_viewport_size(PHONE)
    base = sign_in(page, served)
    page.click("a.self-name")
    page.click("text=Say where and when")
    page.wait_for_selector("h1 >> text=How we reach you")
    fits(page, "before anything is set")
    page.fill("#url", URL)
    page.click("text=Add it")
    page.wait_for_selector("text=From now on you are reached by Slack")
    page.fill("#quiet_from", "20:00")
    page.fill("#quiet_until", "07:30")
    page.check("text=Of promised calls")
    page.click("text=Keep it")
    page.wait_for_selector("text=Kept.")
    assert known(here).quiet_until == "07:30" and known(here).always
    here.house.database.retrying(
        lambda unit: unit.claim_alerts("jonas", ["late/x"], here.clock.time + timedelta(minutes=1))
    )
    here.house.database.retrying(
        lambda unit: unit.settle_alerts("jonas", ["late/x"], "failed", "Slack answered 404")
    )
    for dark in (False, True):
        page.emulate_media(color_scheme="dark" if dark else "light", reduced_motion="reduce")
        page.goto(f"{base}/desk/reach")
        assert page.is_visible("text=Slack answered 404") and not [
            one for one in SECRETS if one in page.content()
        ]
        fits(page, "all of it")
        assert axe_violations(page) == []

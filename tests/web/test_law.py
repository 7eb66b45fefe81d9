"""The law as ops see it: sources, doubts, and what holds at a place now."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.axe import axe_violations
from tests.web.test_browser import PHONE, sign_in
from tests.web.world import World


def test_every_pack_is_shown_with_its_sources_and_doubts(here: World) -> None:
    page = here.signed_in("otto", "ops").get("/ops/law").text
    for words in (
        "United Kingdom",
        "Canada",
        "European Union",
        "Anywhere",
        "47 CFR 64.1200",
        "was written from memory",
        "examples hold",
    ):
        assert words in page, words


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ("country=US&region=FL&by=call&for=winback", ["allowed now", "us-dnc", "The next allowed times"]),
        ("country=US&region=FL&by=email&for=winback", ["allowed now", "and any time after"]),
        ("country=FR&by=call&for=winback", ["express consent", "Directive 2002/58/EC"]),
        ("country=CH&by=sms&for=winback", ["no law pack is written for CH"]),
        ("country=ZZ&by=call", ["nobody knows where"]),
        ("country=<b>&by=x&for=y&kind=z", ["not now"]),
    ],
)
def test_what_holds_at_a_place(here: World, asked: str, words: list[str]) -> None:
    here.clock.time = here.clock.time.replace(hour=15)
    page = here.signed_in("otto", "ops").get(f"/ops/law?{asked}")
    assert page.status_code == 200 and "<b>&" not in page.text
    for each in words:
        assert each in page.text, each


def test_what_waits_because_of_the_law_is_counted(here: World) -> None:
    here.account("hotel", "Hotel Weber", person="anna")
    here.late("hotel", "anna")
    otto = here.signed_in("otto", "ops")
    assert "Nothing waits." in otto.get("/ops/law").text
    statement = "update touch set status = 'planned', because = 'hours', sentence = 'Not before eight.' where account = 'hotel'"
    here.house.database.retrying(lambda unit: unit.bulk.run(statement))
    page = otto.get("/ops/law").text
    assert "Not before eight." in page and "Nothing waits." not in page


def test_what_was_not_sent_because_of_the_law_is_counted_for_a_month(here: World) -> None:
    here.account("hotel", "Hotel Weber", person="anna")
    here.late("hotel", "anna")
    otto, now = here.signed_in("otto", "ops"), int(here.clock.time.timestamp() * 1_000_000)
    statement = "update touch set status = 'withheld', because = 'no_consent', sentence = 'UWG says no.', ended_at = ? where account = 'hotel'"
    here.house.database.retrying(lambda unit: unit.bulk.run(statement, now))
    assert "UWG says no." in otto.get("/ops/law").text
    here.pass_time(days=31)
    page = here.signed_in("otto", "ops").get("/ops/law")
    assert page.status_code == 200 and "UWG says no." not in page.text


def test_an_account_manager_does_not_need_it(here: World) -> None:
    assert here.signed_in().get("/ops/law").status_code == 403


@pytest.mark.browser
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_the_page_shuts_nobody_out(browser_page: Any, served: tuple[World, str], dark: bool) -> None:
    page = browser_page
    page.emulate_media(color_scheme="dark" if dark else "light")
    base = sign_in(page, served, "otto", "ops")
    page.set_viewport_size(PHONE)
    page.goto(f"{base}/ops/law?country=GB&by=call&for=winback")
    page.click("summary >> nth=0")
    assert axe_violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")

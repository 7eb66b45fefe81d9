"""The pages of ops in a real browser: nobody is shut out, a phone is enough, and hands on the keyboard lead through."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.support.axe import axe_violations
from tests.web.scenes import snowed_in
from tests.web.test_browser import PHONE, fits, sign_in
from tests.web.test_ops_seen_to import FRIDAY, MONDAY_, open_suggested, said, wrong
from tests.web.world import World

PAGES = ("/ops", "/ops/holds", "/ops/quarantine", "/ops/incidents", "/ops/audit")


def prepared(here: World) -> str:
    """Something of everything; gives the incident's address."""
    snowed_in(here)
    wrong(here, "shop", 2)
    here.app.config["WTF_CSRF_ENABLED"] = False
    otto = here.signed_in("hedda", "admin")
    where = open_suggested(here, otto)
    said(otto, f"{where}/words", {"what": "Snow", "words": FRIDAY, "approve": "1"})
    said(otto, f"{where}/words", {"what": "Snow", "words": MONDAY_})
    here.app.config["WTF_CSRF_ENABLED"] = True
    return where


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_nobody_is_shut_out_of_the_workbench(
    browser_page: Any, served: tuple[World, str], dark: bool
) -> None:
    page, where = browser_page, prepared(served[0])
    page.emulate_media(color_scheme="dark" if dark else "light", reduced_motion="reduce")
    base = sign_in(page, served, "otto", "admin")
    for path in (*PAGES, where, f"/desk/cards/{served[0].cards()[-1]}"):
        page.goto(base + path)
        page.evaluate("document.querySelectorAll('details').forEach((part) => { part.open = true; })")
        assert axe_violations(page) == [], path


def test_a_phone_is_enough_for_the_workbench(browser_page: Any, served: tuple[World, str]) -> None:
    page, where = browser_page, prepared(served[0])
    page.set_viewport_size(PHONE)
    base = sign_in(page, served, "otto", "admin")
    for path in (*PAGES, where):
        page.goto(base + path)
        page.evaluate("document.querySelectorAll('details').forEach((part) => { part.open = true; })")
        fits(page, path)


def test_from_a_suggestion_to_one_voice_with_the_keyboard_alone(
    browser_page: Any, served: tuple[World, str]
) -> None:
    page, here = browser_page, served[0]
    snowed_in(here)
    base = sign_in(page, served, "otto", "admin")
    page.goto(f"{base}/ops/incidents")
    page.get_by_role("button", name="Open an incident").first.press("Enter")
    page.wait_for_url(re.compile(r"/ops/incidents/\w+"))
    assert "Reached 0 of 7" in page.inner_text("h2 >> nth=0")
    page.get_by_label("What happened, for colleagues").press_sequentially("Snow")
    page.keyboard.press("Tab")
    page.keyboard.type(FRIDAY)
    page.get_by_role("button", name="Write it and approve it").press("Enter")
    page.wait_for_selector("text=Approved. It stands on every card")
    page.get_by_role("link", name="On jonas’s desk").first.press("Enter")
    page.wait_for_url(re.compile("/desk/cards/"))
    assert FRIDAY in page.inner_text(".many-hurt")


def test_a_hold_is_ended_from_the_page(browser_page: Any, served: tuple[World, str]) -> None:
    page, base = browser_page, sign_in(browser_page, served, "otto", "admin")
    page.goto(f"{base}/ops/holds")
    page.fill("#name", "lindner")
    page.get_by_role("button", name="Show").click()
    page.wait_for_selector("text=Only those of Gartenbau Lindner")
    assert "indner" not in page.url
    page.click("summary >> text=End it now")
    page.get_by_label("Why may Gartenbau Lindner get it again?").fill("they asked for the newsletter")
    page.get_by_role("button", name="End this hold").click()
    page.wait_for_selector("text=Ended. Gartenbau Lindner gets generic mail again")

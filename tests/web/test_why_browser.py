"""Why and what next in a real browser, in the hand: everything unfolded fits, and nobody is shut out."""

from __future__ import annotations

import re
from typing import Any

from tests.support.axe import axe_violations
from tests.web.test_browser import PHONE, fits, sign_in
from tests.web.world import World

UNFOLD = "document.querySelectorAll('details').forEach((part) => { part.open = true; })"


def sound(page: Any, what: str) -> None:
    page.evaluate(UNFOLD)
    fits(page, what)
    assert axe_violations(page) == [], what


def test_from_why_to_what_next_on_a_phone(browser_page: Any, served: tuple[World, str]) -> None:
    page = browser_page
    page.set_viewport_size(PHONE)
    page.emulate_media(reduced_motion="reduce")
    page.set_default_timeout(60_000)  # what is tried out yields to everybody else
    base = sign_in(page, served, "otto", "ops")
    page.goto(f"{base}/ops/why")
    sound(page, "nothing asked yet")
    page.fill("#account", "berlin")
    page.select_option("#playbook", "complaint-opened")
    page.click("text=Explain")
    page.wait_for_url(re.compile(r"/ops/why\?account=a1&playbook=complaint-opened"))
    page.wait_for_selector("summary >> text=complaint-opened: a run started")
    page.click("summary >> text=complaint-opened: a run started")
    assert page.is_visible("text=its run about complaint/c-7 began")
    sound(page, "why")

    page.click("text=What would happen next?")
    page.wait_for_url(re.compile(r"/ops/simulate\?account=a1"))
    page.fill("#days", "5")
    page.fill("#what_if", "delivery.delayed order=o-99 days_late=5")
    page.click("text=Let time go on")
    page.wait_for_selector("text=(delivery.delayed o-99)")
    sound(page, "what would happen")
    page.click("main >> text=Why, and why not")
    page.wait_for_url(re.compile(r"/ops/why\?account=a1"))

"""The pages in a real browser: nobody is shut out, a phone is enough, and news appears by itself."""

from __future__ import annotations

import json
import re
import urllib.request
from typing import Any

import pytest

from tests.support.axe import axe_violations
from tests.web.world import PASSWORD, World

PHONE = {"width": 390, "height": 844}
SMALLEST_TARGET = 44


def sign_in(page: Any, served: tuple[World, str], who: str = "jonas", role: str = "am") -> str:
    here, base = served
    here.user(who, role)
    page.goto(f"{base}/login")
    page.fill("#email", f"{who}@house.example")
    page.fill("#password", PASSWORD)
    page.click("text=Sign in")
    page.wait_for_url(re.compile(r"/(desk|ops)"))
    return base


def open_card(page: Any, name: str = "Anna Weber") -> None:
    page.click(f"h3 >> text={name}")
    page.wait_for_url("**/desk/cards/*")


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_nobody_is_shut_out(browser_page: Any, served: tuple[World, str], dark: bool) -> None:
    page = browser_page
    page.emulate_media(color_scheme="dark" if dark else "light", reduced_motion="reduce")
    page.goto(f"{served[1]}/login")
    assert axe_violations(page) == []
    base = sign_in(page, served, "otto", "admin")
    card = served[0].cards()[0]
    for path in ("/desk?whose=all", f"/desk/cards/{card}", "/desk/accounts/a1", "/desk/people/anna", "/desk/unreached",
                 "/desk/unmatched", "/desk/lookup", "/outbox", "/ops", "/ops/quarantine", "/ops/holds",
                 "/ops/why?account=a1", "/ops/audit", "/ops/playbooks", "/ops/playbooks/late-delivery",
                 "/ops/playbooks/late-delivery/draft", "/ops/new-playbook", "/desk/promises?whose=all", "/desk/away", "/desk/owed", "/desk/by-hand/a1"):  # fmt: skip
        page.goto(base + path)
        page.evaluate("document.querySelectorAll('details').forEach((part) => { part.open = true; })")
        assert axe_violations(page) == [], path


def test_a_phone_is_enough(browser_page: Any, served: tuple[World, str]) -> None:
    page = browser_page
    page.set_viewport_size(PHONE)
    base = sign_in(page, served, "otto", "admin")
    card = served[0].cards()[0]
    for path in ("/desk?whose=all", f"/desk/cards/{card}", "/desk/accounts/a1", "/desk/lookup", "/ops", "/ops/audit", "/ops/playbooks",
                 "/ops/playbooks/late-delivery", "/ops/playbooks/late-delivery/draft", "/desk/promises?whose=all", "/desk/away", "/desk/people/anna", "/desk/by-hand/a1", "/desk/reach"):  # fmt: skip
        page.goto(base + path)
        fits(page, path)
    page.goto(f"{base}/desk/away")
    page.click("text=Make an address for it")
    page.wait_for_selector("text=Give this address to your calendar program")
    fits(page, "the calendar's address")


def test_the_menu_of_a_phone_shows_where_one_is(browser_page: Any, served: tuple[World, str]) -> None:
    page = browser_page
    page.set_viewport_size(PHONE)
    base = sign_in(page, served, "otto", "admin")
    page.goto(f"{base}/ops")
    here = page.locator(".menu [aria-current]").bounding_box()
    assert here["x"] >= 0 and here["x"] + here["width"] <= PHONE["width"]
    assert page.locator("a.self-name").bounding_box()["height"] >= 43.5, "a finger is that wide"


def fits(page: Any, what: str) -> None:
    """Nothing is wider than the screen, and nothing smaller than a finger."""
    wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert wide <= 0, f"{what} is {wide} px too wide"
    small = page.evaluate(
        """(least) => [...document.querySelectorAll("button, summary, nav a, .btn, .tap, .tick, .choice, select, input:not([type=hidden])")]
             .filter((part) => part.offsetParent && !part.closest("label"))
             .filter((part) => part.getBoundingClientRect().height < least - 0.5)
             .map((part) => part.outerHTML.slice(0, 80))""",
        SMALLEST_TARGET,
    )
    assert small == [], what


def test_a_call_from_card_to_outcome(browser_page: Any, served: tuple[World, str]) -> None:
    page, here = browser_page, served[0]
    sign_in(page, served)
    open_card(page)
    assert not page.is_visible("text=I promised something"), "only after we spoke"
    page.click("text=Call Anna")
    page.wait_for_selector(".talk-do a[href^='tel:+4930']")
    page.click("text=We spoke")
    page.check("input[name=put_right][value='delivery/o-1001']")
    page.check("input[name=put_right][value='complaint/c-7']")
    page.click("text=Write it down")
    page.wait_for_selector("text=How can we win your business again?")
    here.think_again()
    with here.house.database.view() as unit:
        account = unit.account("a1")
    assert account is not None and account.open_failures == []


def test_an_event_sent_from_outside_appears_by_itself(browser_page: Any, served: tuple[World, str]) -> None:
    page, here = browser_page, served[0]
    base = sign_in(page, served)
    here.account("a9", "Hotel Seeblick", person="lena")
    page.focus("h3 a >> nth=0")
    focused = page.evaluate("document.activeElement.getAttribute('href')")
    raw = {"specversion": "1.0", "id": "x-1", "source": "shop", "type": "delivery.delayed", "subject": "a9",
           "data": {"order_id": "o-9", "days_late": 4, "person_id": "lena"}}  # fmt: skip
    request = urllib.request.Request(
        f"{base}/v1/events", json.dumps(raw).encode(), method="POST",
        headers={"Content-Type": "application/cloudevents+json",
                 "Authorization": f"Bearer {here.token('events:write')}"},
    )  # fmt: skip
    with urllib.request.urlopen(request) as answer:
        assert json.load(answer)["outcome"] == "accepted"
    page.wait_for_selector("h3 >> text=Lena Weber", timeout=8000)
    assert page.evaluate("document.activeElement.getAttribute('href')") == focused, "where I was reading"
    assert page.inner_text("[data-news]") == "One new card."


def test_light_dark_and_back_to_the_device(browser_page: Any, served: tuple[World, str]) -> None:
    page = browser_page
    page.emulate_media(color_scheme="light")
    sign_in(page, served)
    paper = "getComputedStyle(document.body).backgroundColor"
    light = page.evaluate(paper)
    page.click("[data-theme-form] button")
    page.wait_for_selector("html[data-bs-theme=dark]")
    assert page.evaluate(paper) != light
    page.click("[data-theme-form] button")
    page.wait_for_selector("html[data-bs-theme=light]")
    assert page.evaluate(paper) == light
    page.click("[data-theme-form] button")
    page.wait_for_selector("html:not([data-bs-theme])")


def test_all_of_it_works_without_scripts(new_context: Any, served: tuple[World, str]) -> None:
    page = new_context(java_script_enabled=False).new_page()
    sign_in(page, served)
    open_card(page)
    page.click("text=Take this card")
    page.click("text=No answer")
    page.click("text=Write it down")
    page.wait_for_url("**/desk")
    assert page.is_visible("text=Anna Weber: no answer.")
    page.click("text=Take it back")
    assert page.is_visible("text=Nothing of it is written down") and page.is_checked("input[value=no_answer]")


def test_the_page_of_the_api_works_offline(browser_page: Any, served: tuple[World, str]) -> None:
    page, base = browser_page, served[1]
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"{base}/v1/docs")
    page.wait_for_selector("text=Something happened")
    assert all(url.startswith((base, "data:")) for url in asked)


def test_a_morning_without_a_mouse(browser_page: Any, served: tuple[World, str]) -> None:
    """j and k walk the list, Enter opens, c asks for the call, l goes to what came of it, u leads back."""
    page = browser_page
    sign_in(page, served)
    first, second = (page.locator(".case-head a").nth(n).get_attribute("href") for n in (0, 1))
    focused = "document.activeElement.getAttribute('href')"
    page.keyboard.press("j")
    assert page.evaluate(focused) == first
    page.keyboard.press("j")
    assert page.evaluate(focused) == second
    page.keyboard.press("k")
    assert page.evaluate(focused) == first
    page.keyboard.press("Enter")
    page.wait_for_url(f"**{first}")
    page.keyboard.press("l")
    assert page.evaluate("document.activeElement.name") == "disposition"
    page.keyboard.press("c")
    page.wait_for_selector("text=You may ring")
    page.keyboard.press("?")
    page.wait_for_selector("dialog[data-keys][open]")
    assert axe_violations(page) == []
    page.click("text=Use single keys")
    page.click("dialog >> text=Close")
    page.keyboard.press("u")
    assert first in page.url, "turned off"
    page.evaluate("localStorage.clear()")
    page.reload()
    page.keyboard.press("u")
    page.wait_for_url("**/desk")
    page.keyboard.press("/")
    page.keyboard.type("jj?")
    assert page.input_value("#q") == "jj?", "who types, types"

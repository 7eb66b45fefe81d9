"""Whole mornings in a real browser: from the let-down to *put right*, with the clock in the test's hand."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import Any

from flask import request

from outreach.domain.hours import local
from tests.web.test_browser import PHONE, open_card, sign_in
from tests.web.world import World


def wall(here: World, **later: float) -> str:
    """A time as the field of a form takes it: on the colleague's clock."""
    at = local(here.clock.time + timedelta(**later), "Europe/Berlin")
    return f"{at:%Y-%m-%dT%H:%M}"


def state_of(here: World, failure: str) -> Any:
    with here.house.database.view() as unit:
        account = unit.account("new")
    assert account is not None
    return account.failures[failure]


def test_from_the_let_down_to_put_right(browser_page: Any, served: tuple[World, str]) -> None:
    """An event, the card, a call, a promise; the promise is broken, it weighs more and climbs; then it is put right."""
    page, (here, _) = browser_page, served
    page.set_viewport_size(PHONE)
    base = sign_in(page, served)
    here.account("new", "Zum Goldenen Hirsch", person="nora")
    here.tell("delivery.lost", "new", {"order_id": "g-1", "what": "the charcoal grill", "person_id": "nora"})
    here.tick()
    page.wait_for_selector("h3 >> text=Nora Weber")  # by itself, within seconds
    open_card(page, "Nora Weber")
    page.click("nav.thumb >> text=Call")
    page.wait_for_selector("nav.thumb a[href^='tel:']")
    page.click("nav.thumb >> text=How did it go?")
    page.click("text=We spoke")
    page.fill("#note", "In tears: the grill was for her mother.")
    page.click("summary >> text=I promised something")
    page.fill("#promise_what", "A new grill by courier")
    page.fill("#promise_until", wall(here, hours=3))
    page.click("text=Write it down")
    page.wait_for_selector("text=until it is kept")
    here.think_again()
    assert state_of(here, "delivery/g-1").state == "reached"

    before = state_of(here, "delivery/g-1").severity
    here.pass_time(hours=4)
    here.tick()
    page.goto(f"{base}/desk/promises")
    page.wait_for_selector("text=A new grill by courier")
    assert "not kept" in page.inner_text("main")
    broken = next(f for f in _failures(here) if f.kind == "promise")
    assert broken.is_open and broken.severity >= before

    here.pass_time(days=1)
    here.tick()
    page.goto(f"{base}/desk/unreached")
    assert "Zum Goldenen Hirsch" in page.inner_text("main"), (
        "a promise that was broken is a let-down of its own"
    )
    page.goto(f"{base}/desk")
    open_card(page, "Nora Weber")
    assert "A new grill by courier" in page.inner_text("main")
    page.click("nav.thumb >> text=Call")
    page.wait_for_selector("nav.thumb a[href^='tel:']")
    page.click("text=We spoke")
    for box in page.locator("input[name=put_right]").all():
        box.check()
    page.click("text=Write it down")
    page.wait_for_selector("text=Put right. Well done.")
    page.wait_for_selector("text=How can we win your business again?")
    here.think_again()
    assert not [f.id for f in _failures(here) if f.is_open]


def _failures(here: World) -> list[Any]:
    with here.house.database.view() as unit:
        account = unit.account("new")
    assert account is not None
    return list(account.failures.values())


def test_two_who_take_the_same_card_at_once(new_context: Any, served: tuple[World, str]) -> None:
    """One has it; the other is told who, and both see the same."""
    here, base = served
    pages = {who: new_context().new_page() for who in ("jonas", "tarek")}
    for who, page in pages.items():
        sign_in(page, served, who)
        page.goto(f"{base}/desk?whose=team")
        open_card(page)
        page.wait_for_selector("text=Take this card")
    gate = threading.Barrier(2)

    def together() -> None:
        if request.endpoint == "cards.claim":
            gate.wait(10)

    here.app.before_request_funcs.setdefault("cards", []).append(together)
    for page in pages.values():
        page.evaluate("[...document.forms].find((form) => form.action.endsWith('/claim')).requestSubmit()")
    for page in pages.values():
        page.wait_for_selector("[role=alert], .note-done")
    told = {who: page.inner_text("main") for who, page in pages.items()}
    having = [who for who, text in told.items() if "You have this card" in text]
    assert len(having) == 1, told
    other = "tarek" if having == ["jonas"] else "jonas"
    assert (
        f"{having[0].capitalize()} has this card" in told[other]
        or f"{having[0]} has this card" in told[other]
    )

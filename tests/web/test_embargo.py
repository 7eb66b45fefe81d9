"""An embargo, as a manager puts it on and lifts it; and ringing in spite of a wish, as the card offers it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.axe import axe_violations
from tests.web.test_browser import sign_in
from tests.web.world import World, post


def test_a_manager_puts_an_account_under_an_embargo_and_lifts_it(here: World) -> None:
    here.user("helen", "manager")
    here.account("hotel", "Hotel Weber", person="anna")
    ruth = here.signed_in("ruth", "manager")
    form = {"account": "hotel", "kind": "litigation", "only": "helen", "note": "Their lawyer writes to us."}
    assert post(ruth, "/desk/say/embargo", {**form, "only": "nobody", "note": ""}).status_code == 422
    assert post(ruth, "/desk/say/embargo", form).status_code == 302
    page = ruth.get("/desk/accounts/hotel").text
    assert "Nobody but helen may contact them (litigation" in page and "Their lawyer writes to us." in page
    assert post(ruth, "/desk/say/embargo/lift", {"account": "hotel", "note": ""}).status_code == 422
    assert (
        post(ruth, "/desk/say/embargo/lift", {"account": "hotel", "note": "It is settled."}).status_code
        == 302
    )
    assert "Embargo." not in ruth.get("/desk/accounts/hotel").text


def test_an_account_manager_cannot(here: World) -> None:
    here.account("hotel", "Hotel Weber")
    form = {"account": "hotel", "kind": "other", "only": "jonas", "note": "x"}
    assert post(here.signed_in(), "/desk/say/embargo", form).status_code == 403


@pytest.mark.browser
def test_the_card_offers_to_ring_in_spite_of_a_wish(browser_page: Any, served: tuple[World, str]) -> None:
    here, _ = served
    said = {"person_id": "anna", "kind": "hours", "value": "after 23:00"}
    here.tell("preference.stated", "person:anna", said)
    page = browser_page
    page.emulate_media(reduced_motion="reduce")
    base = sign_in(page, served)
    with here.house.database.view() as unit:
        ((card,),) = unit.bulk.rows(
            "select distinct card from touch where person = 'anna' and status = 'on_desk'"
        )
    page.goto(f"{base}/desk/cards/{card}")
    page.click("text=Ring all the same")
    page.fill("#in-spite", "The lorry stands at her door")
    assert axe_violations(page) == []
    page.click("text=Ring in spite of their wish")
    page.wait_for_selector("text=You may ring")
    assert axe_violations(page) == []


@pytest.mark.browser
def test_the_embargo_s_form_shuts_nobody_out(browser_page: Any, served: tuple[World, str]) -> None:
    page = browser_page
    base = sign_in(page, served, "ruth", "manager")
    page.goto(f"{base}/desk/accounts/a1")
    page.click("text=Put them under an embargo >> nth=0")
    page.select_option("#embargo-kind", "litigation")
    page.fill("#embargo-note", "Their lawyer writes to us.")
    assert axe_violations(page) == []
    page.click("button:has-text('Put them under an embargo')")
    page.wait_for_selector("text=Nobody but")
    assert axe_violations(page) == []

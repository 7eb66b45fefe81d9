"""The pictures of the documentation are taken here: ``make pictures`` keeps them. What they show is asked each time."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.web.test_browser import open_card, sign_in
from tests.web.world import World

pytestmark = pytest.mark.browser
KEEP = os.environ.get("OUTREACH_TEST_PICTURES") == "keep"
WIDE, PHONE = (1180, 900), (390, 844)
CUSTOMERS = {
    "Hotel Seeblick": "lena", "Bistro Lavendel": "yusuf", "Wirtshaus zur Linde": "rosa", "Kantine Nord": "emil",
    "Bäckerei Holm": "karin", "Gasthof Adler": "pavel", "Feinkost Sommer": "ines", "Strandbar Ostwind": "theo",
}  # fmt: skip
FOLDER = Path("docs/pictures")
OF_OPS = ("draft",)
"""Pages that an account manager does not see."""


def desk(page: Any, here: World) -> None:
    page.wait_for_selector("text=May be called now")


def card(page: Any, here: World) -> None:
    open_card(page)
    page.wait_for_selector("text=How did it go?")
    page.wait_for_selector("text=You may offer")


def phone(page: Any, here: World) -> None:
    open_card(page)
    page.click("nav.thumb >> text=Call")
    page.wait_for_selector("nav.thumb a[href^='tel:']")


def taken_back(page: Any, here: World) -> None:
    open_card(page)
    page.click("text=We spoke")
    page.click("text=Write it down")
    page.wait_for_selector("text=Take it back")


def too_much(page: Any, here: World) -> None:
    for number, (place, person) in enumerate(CUSTOMERS.items()):
        here.account(f"b{number}", place, person=person, value=9_000 + 2_000 * number)
        here.late(f"b{number}", person, order=f"o-{7000 + number}")
    here.tick()
    page.goto(page.url)
    page.wait_for_selector("text=will not fit")
    page.locator("text=Write a note, ring tomorrow >> nth=0").scroll_into_view_if_needed()


def draft(page: Any, here: World) -> None:
    """A slip of the pen in a draft, marked beside its line."""
    page.goto(page.url.partition("/ops")[0] + "/ops/playbooks/late-delivery/draft")
    page.fill("#text", page.input_value("#text").replace("event.days_late >= 2", "event.days_lat >= 4", 1))
    page.wait_for_selector(".code-line.is-faulty")


SHOWN: dict[str, tuple[tuple[int, int], Callable[[Any, World], None]]] = {
    "desk": (WIDE, desk), "card": (WIDE, card), "card-on-a-phone": (PHONE, phone), "taken-back": (PHONE, taken_back),
    "too-much": (WIDE, too_much), "draft": (WIDE, draft),
}  # fmt: skip


@pytest.mark.parametrize("name", SHOWN)
def test_a_picture_shows_what_the_page_beside_it_says(
    name: str, browser_page: Any, served: tuple[World, str], root: Path, tmp_path: Path
) -> None:
    (width, height), act = SHOWN[name]
    page = browser_page
    page.emulate_media(color_scheme="light", reduced_motion="reduce")
    page.set_viewport_size({"width": width, "height": height})
    sign_in(page, served, *(("otto", "ops") if name in OF_OPS else ()))
    act(page, served[0])
    taken = (root / FOLDER if KEEP else tmp_path) / f"{name}.png"
    page.screenshot(path=taken)
    assert taken.stat().st_size > 10_000 and (root / FOLDER / f"{name}.png").exists(), "run: make pictures"


def test_every_picture_stands_in_the_documentation_and_has_words_for_who_cannot_see_it(root: Path) -> None:
    pages = [root / "README.md", *(root / "docs").rglob("*.md")]
    found = {
        (page.parent / where).resolve(): words
        for page in pages
        for words, where in re.findall(r"!\[([^\]]*)\]\(([^)]+\.png)\)", page.read_text(encoding="utf-8"))
    }
    kept = {path.resolve() for path in (root / FOLDER).glob("*.png")}
    assert set(found) == kept == {(root / FOLDER / f"{name}.png").resolve() for name in SHOWN}
    assert all(len(words) > 30 for words in found.values())

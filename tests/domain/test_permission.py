"""What a permission covers, and until when."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from outreach.domain.facts import Channel, Permission, Purpose
from outreach.domain.permission import express, given, implied_since
from tests.domain.makers import MONDAY

DAY = timedelta(days=1)
MAIL = "anna@kunde.example"


def permission(purpose: str = "marketing", **more: Any) -> Permission:
    return Permission(purpose, **({"given_at": MONDAY} | more))


@pytest.mark.parametrize(
    ("one", "purpose", "channel", "covers"),
    [
        (permission(), Purpose.MARKETING, Channel.EMAIL, True),
        (permission(), Purpose.WINBACK, Channel.CALL, True),  # consent to marketing covers what sells
        (permission("reorder"), Purpose.WINBACK, Channel.CALL, False),
        (permission(channel="email"), Purpose.REORDER, Channel.EMAIL, True),
        (permission(channel="email"), Purpose.REORDER, Channel.SMS, False),
        (permission(endpoint=MAIL), Purpose.REORDER, Channel.EMAIL, True),
        (permission(endpoint="old@kunde.example"), Purpose.REORDER, Channel.EMAIL, False),
        (
            permission(expires_at=MONDAY + DAY),
            Purpose.REORDER,
            Channel.EMAIL,
            False,
        ),  # asked at that very instant
        (permission(expires_at=MONDAY + 2 * DAY), Purpose.REORDER, Channel.EMAIL, True),
        (permission(given_at=MONDAY + 2 * DAY), Purpose.REORDER, Channel.EMAIL, False),
    ],
)
def test_what_a_permission_covers(one: Permission, purpose: Purpose, channel: Channel, covers: bool) -> None:
    assert one.covers(purpose, channel, MAIL, MONDAY + DAY) is covers
    assert (express([one], purpose, channel, MAIL, MONDAY + DAY) is one) is covers


def test_implied_consent_is_never_express_and_is_known_by_its_ground() -> None:
    older, newer = (
        permission(basis="implied", ground="purchase", given_at=MONDAY - DAY),
        permission(basis="implied", ground="purchase"),
    )
    bare = permission(basis="implied")
    asked = (Purpose.WINBACK, Channel.EMAIL, MAIL, MONDAY + DAY)
    assert express([older, newer, bare], *asked) is None
    assert implied_since([newer, older, bare], *asked) == {"purchase": MONDAY}


def test_the_newest_express_one_is_named() -> None:
    old, new = permission(given_at=MONDAY - DAY), permission(how="ticked in the shop")
    found = express([new, old], Purpose.REORDER, Channel.EMAIL, MAIL, MONDAY + DAY)
    assert found is new and new.words == "express consent of 2 March 2026 (ticked in the shop)"


def test_without_a_purpose_nothing_is_given() -> None:
    assert given({}, MONDAY, "", None) is None
    odd = given({"purpose": "reorder", "basis": "maybe", "ground": "whim"}, MONDAY, MAIL, None)
    assert odd is not None and (odd.basis, odd.ground, odd.endpoint) == ("express", "", MAIL)

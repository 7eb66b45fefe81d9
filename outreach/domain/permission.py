"""What somebody has allowed us, and how long it lasts.

Express consent lasts until it is taken back, or to the end that was said with it. Implied consent (from a
purchase or an inquiry) lasts as long as the law at their place lets such a relationship last; the law packs
say how long. A new number or address has no permission of its own yet.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from outreach.domain.facts import Channel, Permission, Purpose

GROUNDS = ("purchase", "inquiry")


def given(
    data: Mapping[str, Any], at: datetime, endpoint: str, expires_at: datetime | None
) -> Permission | None:
    """From the fields of ``consent.given``. ``endpoint``: the one on file for its channel. None where no
    purpose is said."""
    purpose = data.get("purpose")
    if not purpose:
        return None
    texts = {
        name: str(data.get(name) or "")
        for name in ("channel", "by", "how", "wording", "page", "jurisdiction")
    }
    basis = "implied" if data.get("basis") == "implied" else "express"
    ground = data.get("ground") if data.get("ground") in GROUNDS else ""
    return Permission(
        str(purpose), at, endpoint=str(data.get("endpoint") or endpoint), basis=basis, ground=str(ground or ""),
        expires_at=expires_at, **texts,
    )  # fmt: skip


def express(
    permissions: Iterable[Permission], purpose: Purpose, channel: Channel, endpoint: str, at: datetime
) -> Permission | None:
    """The newest express one that covers it."""
    found = [one for one in permissions if one.is_express and one.covers(purpose, channel, endpoint, at)]
    return max(found, key=lambda one: one.given_at, default=None)


def implied_since(
    permissions: Iterable[Permission], purpose: Purpose, channel: Channel, endpoint: str, at: datetime
) -> dict[str, datetime]:
    """Ground → when the newest implied one was given; the law says whether that is still good."""
    found: dict[str, datetime] = {}
    for one in permissions:
        if not one.is_express and one.ground and one.covers(purpose, channel, endpoint, at):
            found[one.ground] = max(one.given_at, found.get(one.ground, one.given_at))
    return found

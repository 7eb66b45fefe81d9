"""What somebody says of how they like to be treated, as a colleague types it in."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches

from flask import g

from outreach.domain.facts import Preference
from outreach.domain.preference import awaited_in, understood
from outreach.domain.talk import Wished
from outreach.web.forms import Checker
from outreach.web.reception import outside

KINDS: Mapping[str, str] = {
    "hours": "Hours, like: after 16:00", "days": "Days, like: not monday", "channel": "Call, mail or SMS",
    "not_channel": "A way not to use: call, email, sms", "pause": "A pause until a day, like: 2026-12-24",
    "wait_for": "Not before something has come, like: delivery.arrived P-1009",
    "confide": "Who may know what, like: only me", "name": "Name or greeting", "language": "Language", "note": "Something else",
}  # fmt: skip
DECIDE = ("hours", "days", "pause", "wait_for", "not_channel", "confide")
"""Kinds of which the engine has to understand the words; else only colleagues can keep to them."""


def wished(
    check: Checker, kind: str = "kind", value: str = "value", *, needed: bool = False
) -> Wished | None:
    """From a form, which names the fields so; what is wrong is noted in ``check``."""
    words = check.text(value, "Write down what they said." if needed else "")
    again = check.day("ask_again", "Write the day to ask again like 2027-03-01.")
    if not words:
        return None
    chosen = check.one_of(kind, KINDS, "Choose what it is about.")
    if chosen == "wait_for":
        _must_be_known(check, value, words)
    return Wished(chosen, words, again)


def _must_be_known(check: Checker, field: str, words: str) -> None:
    found, known = awaited_in(words, g.now), outside().rules().vocabulary.types
    if found is not None and found.type in known:
        return
    near = get_close_matches(words.split()[0], known, n=1)
    hint = f" Did you mean {near[0]}?" if near else " Write it like: delivery.arrived P-1009."
    check.wrong(field, f"There is no event “{words.split()[0]}” to wait for.{hint}")


def is_only_shown(wish: Wished) -> bool:
    """Nothing but a colleague can keep to it."""
    return wish.kind in DECIDE and not understood(Preference(wish.kind, wish.value, g.now))

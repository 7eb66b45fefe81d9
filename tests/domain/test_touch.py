"""The touch's machine: the whole table of changes against the design's arrows, and what never happens."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outreach.domain.errors import IllegalChange
from outreach.domain.touch import CHANGES, COUNTED, OPEN, UNSENT, Settlement, Status, advance
from tests.domain.makers import HOUR, MONDAY, touch

ARROWS = """
planned  → due withheld expired cancelled
due      → sending planned draft on_desk failed withheld expired cancelled
draft    → due withheld expired cancelled
sending  → sent failed unknown due
unknown  → sent failed due
on_desk  → settled
"""
"""The design's arrows, written down a second time. ``due → failed``: it could not be rendered."""
LEGAL = {
    (start, end)
    for line in ARROWS.strip().splitlines()
    for start in [line.split("→")[0].strip()]
    for end in line.split("→")[1].split()
}
TERMINAL = ("sent", "failed", "settled", "withheld", "expired", "cancelled")
DOC = Path(__file__).resolve().parents[2] / "docs" / "touch-table.md"

statuses = st.sampled_from(list(Status))


@pytest.mark.parametrize("start", list(Status))
@pytest.mark.parametrize("end", list(Status))
def test_a_touch_changes_only_along_the_arrows(start: Status, end: Status) -> None:
    before = touch(status=start)
    if (start, end) in LEGAL:
        assert advance(before, end, MONDAY).status is end
    else:
        with pytest.raises(IllegalChange, match=f"{start} → {end}"):
            advance(before, end, MONDAY)


@pytest.mark.parametrize("end", TERMINAL)
def test_what_has_ended_stays_as_it_is(end: str) -> None:
    assert CHANGES[Status(end)] == frozenset()
    assert not touch(status=Status(end)).is_open


def test_every_status_is_in_the_table_and_either_open_or_at_an_end() -> None:
    assert set(CHANGES) == set(Status)
    assert {status for status, after in CHANGES.items() if not after} == set(Status) - OPEN
    assert set(Status) - {Status(word) for word in TERMINAL} == OPEN


def test_caps_count_what_may_have_left_and_only_unsent_touches_are_cancelled() -> None:
    assert {Status.SENDING, Status.SENT, Status.UNKNOWN} == COUNTED
    assert {Status.PLANNED, Status.DUE, Status.DRAFT} == UNSENT
    assert {start for start, after in CHANGES.items() if Status.CANCELLED in after} == UNSENT


def test_a_maybe_sent_touch_is_never_cancelled_nor_planned_anew_by_the_machine() -> None:
    assert CHANGES[Status.UNKNOWN] == {Status.SENT, Status.FAILED, Status.DUE}
    assert Status.PLANNED not in CHANGES[Status.SENDING]


def test_an_open_card_ends_by_settling_only() -> None:
    assert CHANGES[Status.ON_DESK] == {Status.SETTLED}


@pytest.mark.parametrize(
    ("status", "more", "left"),
    [
        (Status.PLANNED, {}, False),
        (Status.DUE, {}, False),
        (Status.DRAFT, {}, False),
        (Status.DRAFT, {"opened": True}, False),  # reading a draft sends nothing
        (Status.SENDING, {}, True),
        (Status.SENT, {}, True),
        (Status.UNKNOWN, {}, True),
        (Status.FAILED, {}, False),
        (Status.ON_DESK, {}, False),
        (Status.ON_DESK, {"opened": True}, True),  # a human has it before their eyes
        (Status.SETTLED, {"settlement": Settlement.REACHED}, True),
        (Status.SETTLED, {"settlement": Settlement.UNREACHED}, True),
        (Status.SETTLED, {"settlement": Settlement.WITHDRAWN}, False),
        (Status.WITHHELD, {}, False),
        (Status.EXPIRED, {}, False),
        (Status.CANCELLED, {}, False),
    ],
)
def test_what_has_left_cannot_be_taken_back(status: Status, more: dict[str, object], left: bool) -> None:
    assert touch(status=status, **more).has_left is left


def test_the_instant_of_its_end_is_kept_when_it_ends_and_only_then() -> None:
    waiting = advance(touch(status=Status.DUE), Status.PLANNED, MONDAY)
    assert waiting.ended_at is None
    assert advance(waiting, Status.EXPIRED, MONDAY).ended_at == MONDAY
    assert advance(waiting, Status.EXPIRED, MONDAY, ended_at=MONDAY - HOUR).ended_at == MONDAY - HOUR


def test_the_touch_itself_is_never_changed() -> None:
    before = touch(status=Status.DUE)
    after = advance(before, Status.SENDING, MONDAY, token="k", intent_at=MONDAY)
    assert (before.status, before.token) == (Status.DUE, None)
    assert (after.status, after.token, after.intent_at) == (Status.SENDING, "k", MONDAY)


@given(st.lists(statuses, max_size=30))
def test_whatever_comes_back_and_however_often_a_touch_ends_once(reports: list[Status]) -> None:
    """Late and repeated callbacks are ordinary input: the machine takes what fits and refuses the rest."""
    now, ends = touch(status=Status.PLANNED), []
    for number, report in enumerate(reports):
        try:
            now = advance(now, report, MONDAY + number * HOUR)
        except IllegalChange:
            continue
        ends += [] if now.is_open else [now.status]
    assert len(ends) <= 1
    assert (now.ended_at is not None) == bool(ends)


@given(st.lists(statuses, max_size=30))
def test_what_was_sent_or_settled_never_becomes_anything_else(reports: list[Status]) -> None:
    now, said = touch(status=Status.PLANNED), []
    for report in reports:
        if report in CHANGES[now.status]:
            now = advance(now, report, MONDAY)
            said.append(now.status)
    for final in (Status.SENT, Status.SETTLED):
        assert final not in said[:-1]


def test_from_every_open_status_an_end_can_be_reached() -> None:
    ending = {status for status, after in CHANGES.items() if not after}
    for _ in Status:
        ending |= {status for status, after in CHANGES.items() if after & ending}
    assert ending == set(Status)


# --- the table for people -----------------------------------------------------------------------------

WORDS = {
    Status.PLANNED: "laid, not yet its time",
    Status.DUE: "its time has come",
    Status.DRAFT: "waits for the account manager to release it",
    Status.SENDING: "handed to the provider",
    Status.SENT: "the provider has it",
    Status.FAILED: "it surely did not leave",
    Status.UNKNOWN: "it may have left; never sent again by itself",
    Status.ON_DESK: "a call on somebody's desk",
    Status.SETTLED: "a call with its outcome: reached, unreached or withdrawn",
    Status.WITHHELD: "the policy dropped it, with the reason",
    Status.EXPIRED: "its time passed; mails and SMS only",
    Status.CANCELLED: "its run ended before it left",
}


def table() -> str:
    """CHANGES as Markdown."""
    lines = [
        "# What a touch may become",
        "",
        "Made from `CHANGES` in `outreach/domain/touch.py` by `tests/domain/test_touch.py`; written anew with",
        "`OUTREACH_TEST_UPDATE_GOLDEN=1`. Everything that is not in the table is refused.",
        "",
        "| status | means | may become |",
        "|---|---|---|",
    ]
    for status in Status:
        after = (
            ", ".join(f"`{each}`" for each in Status if each in CHANGES[status]) or "nothing: it has ended"
        )
        lines.append(f"| `{status}` | {WORDS[status]} | {after} |")
    return "\n".join(lines) + "\n"


def test_the_table_in_the_docs_is_the_table() -> None:
    if os.environ.get("OUTREACH_TEST_UPDATE_GOLDEN") == "1":
        DOC.write_text(table(), encoding="utf-8")
    assert DOC.read_text(encoding="utf-8") == table(), "OUTREACH_TEST_UPDATE_GOLDEN=1 writes it anew"

"""Playbooks that get in each other's way are told of; those that stand side by side on purpose are not."""

from __future__ import annotations

from pathlib import Path

import pytest

from outreach.library.sense import MADE_BY_THE_HOUSE
from tests.library.world import LATE, said, shipped

TWIN = LATE.replace("playbook: late", "playbook: twin")
SOURCES = Path(__file__).resolve().parents[2] / "outreach"


def both(twin: str, late: str = LATE) -> str:
    return said({"late": late, "twin": twin})


def test_two_calls_about_one_failure_are_told() -> None:
    assert "playbooks/twin.yaml:7:8: late starts on delivery.delayed under the same condition" in both(TWIN)


@pytest.mark.parametrize(
    "other",
    [
        TWIN + "supersedes: [late]\n",
        TWIN.replace(">= 2", ">= 3"),
        TWIN.replace("[delivery.delayed, delivery.overdue]", "delivery.lost"),
        TWIN.replace("  - call: hurt_person", "  - call: hurt_person\n    if: run.attempts > 0"),
        TWIN.replace("service_recovery", "callback"),
    ],
)
def test_what_differs_or_supersedes_is_left_alone(other: str) -> None:
    assert both(other) == ""


def test_two_that_end_each_other_are_told() -> None:
    told = both(TWIN + "supersedes: [late]\n", LATE + "supersedes: [twin]\n")
    assert "late and twin supersede each other" in told


def test_every_internal_type_that_we_ship_is_made_by_something() -> None:
    internal = {
        name for name, kind in shipped().vocabulary.types.items() if kind.internal and not kind.time_rule
    }
    assert internal == set(MADE_BY_THE_HOUSE), "name what Outreach makes in outreach/library/sense.py"
    code = "\n".join(
        file.read_text(encoding="utf-8") for file in SOURCES.rglob("*.py") if file.name != "sense.py"
    )
    assert [name for name in MADE_BY_THE_HOUSE if f'"{name}"' not in code] == []

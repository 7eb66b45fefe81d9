"""Killed at any point, and up again: nothing is lost, nothing leaves twice — no mail, no SMS,
no phone of ours is rung — and the plan is the same.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

import pytest

from tests.faults.rules import ROOT
from tests.support.postgres import Server

PARTS = 4


def sweep(**order: Any) -> dict[str, Any]:
    """In a program of its own, since a fork must have neither threads nor connections."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.faults.killing", json.dumps(order)],
        cwd=ROOT, capture_output=True, text=True, env=os.environ | {"PYTHONWARNINGS": "default"}, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    report: dict[str, Any] = json.loads(done.stdout)
    speed = report["points"] / max(report["seconds"] - report["reference_seconds"], 0.1)
    sys.stdout.write(f"{speed:.1f} points/s, {report}\n")
    return report


def must_hold(**order: Any) -> dict[str, Any]:
    report = sweep(**order)
    assert not report["failures"], f"{len(report['failures'])} broken:\n" + "\n".join(report["failures"][:20])
    return report


@pytest.mark.parametrize("part", range(PARTS))
def test_killed_at_any_of_300_points_the_next_process_finishes_the_work(part: int) -> None:
    report = must_hold(points=300, part=part, parts=PARTS, journal="delete" if part == 0 else None)
    assert report["points"] == 300 // PARTS
    assert report["unknown"], "no point lay between the intent and its record"


def test_a_house_that_sends_again_what_is_in_doubt_is_found_out() -> None:
    report = sweep(points=0, only="after the provider", careless=True)
    assert [what for what in report["failures"] if what.endswith("was taken 2 times")]


@pytest.mark.nightly
@pytest.mark.parametrize("part", range(2 * PARTS))
def test_killed_at_any_of_two_thousand_points_the_next_process_finishes_the_work(part: int) -> None:
    must_hold(points=2000, part=part, parts=2 * PARTS, journal="delete" if part == 0 else None, seed=2)


@pytest.mark.parametrize("part", range(2))
def test_a_client_of_postgresql_killed_at_any_of_60_points_leaves_nothing_half_done(
    postgres_server: Server, part: int
) -> None:
    must_hold(points=60, part=part, parts=2, server=postgres_server.url, seed=3)

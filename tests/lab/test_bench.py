"""Every bench works in its tiny size. What it measures is no test's business."""

from __future__ import annotations

import json
import os

import pytest
from click import UsageError
from click.testing import CliRunner

from outreach.cli.rules import bench
from outreach.lab.bench import BENCHES, run_bench
from outreach.lab.bench_intake import bench_intake
from outreach.lab.bench_rig import Goal, Line, Spread, Times, compare
from outreach.lab.bench_world import PLAYBOOKS, conditions
from tests.support.postgres import Server


@pytest.mark.parametrize("name", BENCHES)
def test_a_bench_runs_and_tells_its_ratios(name: str) -> None:
    lines = BENCHES[name](True, lambda _: None)
    assert lines
    measured = [line for line in lines if line.ratio or line.wall_ratio]
    assert measured
    assert all(line.note for line in lines if line not in measured), "what is not measured says why"
    assert all(line.ours > 0 and line.theirs > 0 for line in measured)


def test_programs_get_json_and_people_a_table(capsys: pytest.CaptureFixture[str]) -> None:
    run_bench(quick=True, only=["windows"], as_json=True)
    answer = json.loads(capsys.readouterr().out)
    assert answer["quick"] is True
    assert [line["bench"] for line in answer["lines"]] == ["windows"]
    assert set(answer["lines"][0]["ratio"]) == {"middle", "low", "high"}
    run_bench(quick=True, only=["windows"])
    assert "The figures mean nothing." in capsys.readouterr().out


def test_the_command_ends_well_whatever_it_measures() -> None:
    ended = CliRunner().invoke(bench, ["--quick", "--only", "windows", "--json"])
    assert ended.exit_code == 0, ended.output


def test_intake_is_measured_on_postgresql_too(postgres_server: Server) -> None:
    url = postgres_server.create(f"outreach_bench_{os.getpid()}")
    try:
        lite, heavy = bench_intake(True, lambda _: None, url)
    finally:
        postgres_server.drop(url)
    assert heavy.what.endswith("PostgreSQL")
    assert lite.ratio is not None
    assert heavy.wall_ratio is not None and heavy.met is not None


def test_a_database_that_somebody_may_need_is_not_emptied() -> None:
    with pytest.raises(RuntimeError, match="its name must hold 'bench', not 'outreach'"):
        bench_intake(True, lambda _: None, "postgresql://somebody@nowhere/outreach")


def test_an_unknown_bench_is_refused() -> None:
    with pytest.raises(UsageError, match="There is no bench sums"):
        run_bench(quick=True, only=["sums"])


@pytest.mark.parametrize(
    ("goal", "ratio", "met"),
    [(Goal(4), 3.9, True), (Goal(4), 4.1, False), (Goal(30, at_least=True), 31, True), (None, 1, None)],
)
def test_a_goal_is_marked_as_met_by_the_median(goal: Goal | None, ratio: float, met: bool | None) -> None:
    assert Line("x", "a", "b", Spread(ratio, 0, 100), goal=goal).met is met


def test_ratios_are_taken_round_by_round() -> None:
    slow_round = compare("x", "a", "b", Times([2, 20, 2], [1, 1, 1]), Times([1, 10, 1], [1, 1, 1]))
    assert slow_round.ratio == Spread(2, 2, 2)


def test_the_benches_company_is_the_same_every_time() -> None:
    assert conditions() == conditions()
    assert len(conditions()) == PLAYBOOKS

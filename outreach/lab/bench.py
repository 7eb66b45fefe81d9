"""The benches: what the costly paths cost, as ratios of two things measured in turn, in one run.

They measure and never judge: the exit code is always 0, and a goal stands beside what was measured. On
a busy machine only the ratios and the CPU times say something, and of those the medians.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from platform import python_version

import click
import orjson

from outreach.assemble import collect_less_often
from outreach.lab.bench_backtest import bench_backtest
from outreach.lab.bench_claims import bench_claims
from outreach.lab.bench_conditions import bench_conditions
from outreach.lab.bench_http import bench_http
from outreach.lab.bench_intake import bench_intake
from outreach.lab.bench_pages import bench_pages
from outreach.lab.bench_rig import Line, Say
from outreach.lab.bench_windows import bench_windows
from outreach.lab.terminal import say

POSTGRES = "OUTREACH_BENCH_POSTGRES"
"""The URL of a database that may be emptied; its name must hold ``bench``."""

Bench = Callable[[bool, Say], list[Line]]
BENCHES: Mapping[str, Bench] = {
    "conditions": bench_conditions,
    "intake": lambda quick, say: bench_intake(quick, say, os.environ.get(POSTGRES)),
    "windows": bench_windows,
    "claims": bench_claims,
    "backtest": bench_backtest,
    "http": bench_http,
    "pages": bench_pages,
}


def run_bench(*, quick: bool = False, only: Sequence[str] = (), as_json: bool = False) -> None:
    """Measure and print. ``quick``: tiny sizes, to see that it runs; its figures mean nothing."""
    chosen = _chosen(only)
    collect_less_often()
    lines = []
    for name in chosen:
        lines += BENCHES[name](quick, _say(name))
    if as_json:
        click.echo(orjson.dumps(_as_json(lines, quick), option=orjson.OPT_INDENT_2))
    else:
        _print(lines, quick)


def _chosen(only: Sequence[str]) -> list[str]:
    wrong = [name for name in only if name not in BENCHES]
    if wrong:
        raise click.UsageError(f"There is no bench {', '.join(wrong)}; there are {', '.join(BENCHES)}.")
    return [name for name in BENCHES if not only or name in only]


def _say(name: str) -> Say:
    """Progress goes beside the answer, so that the answer can be read by programs."""
    return lambda what: print(f"{name}: {what} …", file=sys.stderr, flush=True)


def _as_json(lines: Sequence[Line], quick: bool) -> dict[str, object]:
    return {
        "quick": quick,
        "python": python_version(),
        "processors": os.cpu_count(),
        "lines": [line.as_json() for line in lines],
    }


def _print(lines: Sequence[Line], quick: bool) -> None:
    """Narrow enough for any terminal; a line per thing said of a measurement."""
    say("Ratios: median (least–greatest) of rounds in turn.\n")
    for line in lines:
        say(f"{line.bench}: {line.what}", hang=4)
        say(f"against {line.against}", lead="    ", hang=2)
        for said in (_ratios(line), _goal(line), line.note):
            if said:
                say(said, lead="    ", hang=2)
        say()
    if quick:
        say("Quick sizes: this shows that the benches run. The figures mean nothing.")


def _ratios(line: Line) -> str:
    if line.ratio is None and line.wall_ratio is None:
        return "not measured"
    ratios = [("CPU", line.ratio), ("wall", line.wall_ratio)]
    told = [f"{name} {spread.text()}" for name, spread in ratios if spread is not None]
    return ", ".join([*told, f"{line.ours:,.1f} against {line.theirs:,.1f} {line.unit}"])


def _goal(line: Line) -> str:
    if line.goal is None:
        return ""
    return f"goal {line.goal.text}" + {True: ": met", False: ": not met", None: ""}[line.met]

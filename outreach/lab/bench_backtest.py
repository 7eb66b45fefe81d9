"""A backtest beside living through it: a made-up year of customers, by the playbooks of the starter set."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from tempfile import TemporaryDirectory

from outreach.assemble import project_root
from outreach.domain.evaluate import Ruleset
from outreach.lab.backtest_part import Task, play_part
from outreach.lab.backtest_parts import Part, parts_of
from outreach.lab.bench_rig import Case, Goal, Line, Say, Work, alternate, compare
from outreach.lab.company_maker import YEAR, make_year
from outreach.lab.player import Arrival, Player
from outreach.lab.scratch import scratch_house, with_nobody_asked
from outreach.lab.stored import reading
from outreach.library.loader import load

QUICKER = Goal(0.6)
END = datetime(2026, 11, 20, 9, tzinfo=UTC)
_BATCH = 1_000


def bench_backtest(quick: bool, say: Say) -> list[Line]:
    homes, rounds = (8, 2) if quick else (400, 3)
    rules, year = load(project_root()), make_year(END, homes=homes)
    history = sorted(year.arrivals, key=lambda arrival: arrival.at)
    with TemporaryDirectory(prefix="outreach-bench-") as folder:
        say(f"{len(history):,} events of {len(year.customers):,} customers are stored")
        url = f"sqlite:///{folder}/history.db"
        parts = _stored(rules, history, url)
        say(f"played {rounds} times in each way")
        cases: dict[str, Case] = {
            "backtest": lambda: _backtest(rules, url, parts),
            "lived": lambda: _lived(rules, history),
        }
        found = alternate(cases, rounds, len(history))
    each = found["backtest"].cpu
    return [
        compare(
            "backtest", "an event backtested by one process", "the same event lived through on a virtual clock",
            found["backtest"], found["lived"], goal=QUICKER,
            note=f"a million such events take {sorted(each)[len(each) // 2] / 60:.1f} minutes of CPU, over all processes",
        )
    ]  # fmt: skip


def _stored(rules: Ruleset, history: list[Arrival], url: str) -> list[Part]:
    """As an import leaves it, without anything that would have been done."""
    bare = replace(rules, playbooks={}, by_type={}, fused={}, needs={}, about_people=frozenset())
    with scratch_house(bare, END, database_url=url) as house:
        for n in range(0, len(history), _BATCH):
            house.take_in(*(arrival.raw for arrival in history[n : n + _BATCH]))
    with reading(url) as store, store.view() as unit:
        return parts_of(unit)


def _backtest(rules: Ruleset, url: str, parts: list[Part]) -> Work:
    def work() -> None:
        for part in parts:
            play_part(rules, url, Task(part, END - YEAR, END), lambda done: None)

    return work


def _lived(rules: Ruleset, history: list[Arrival]) -> Work:
    def work() -> None:
        with scratch_house(with_nobody_asked(rules), history[0].at) as house:
            Player(house).play(history, END)

    return work

"""Counting what came of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from outreach.domain.plan import Run


@dataclass(frozen=True, slots=True)
class Tally:
    """One playbook's runs: how many, how many people were reached, how many came back in time."""

    playbook: str
    runs: int
    reached: int
    succeeded: int
    held_out: int
    held_out_succeeded: int

    @property
    def success_share(self) -> float | None:
        treated = self.runs - self.held_out
        return self.succeeded / treated if treated else None


def tally(runs: Iterable[Run]) -> list[Tally]:
    by_playbook: dict[str, list[Run]] = {}
    for run in runs:
        by_playbook.setdefault(run.playbook, []).append(run)
    return [_tally(name, found) for name, found in sorted(by_playbook.items())]


def _tally(name: str, runs: list[Run]) -> Tally:
    out = [run for run in runs if run.holdout]
    treated = [run for run in runs if not run.holdout]
    return Tally(
        playbook=name,
        runs=len(runs),
        reached=sum(run.reached for run in treated),
        succeeded=sum(run.success_at is not None for run in treated),
        held_out=len(out),
        held_out_succeeded=sum(run.success_at is not None for run in out),
    )

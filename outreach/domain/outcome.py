"""What it led to: put right, ordered again on the own rhythm, lost; credited to run and failure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from outreach.domain.plan import Run


def credited(runs: Iterable[Run], succeeds: Iterable[str], at: datetime) -> list[Run]:
    """The runs whose success event happened in time: ``succeeds`` are playbook names it counts for.
    Success is measured beyond the run's end, and for hold-outs alike."""
    names = set(succeeds)
    return [
        replace(run, success_at=at)
        for run in runs
        if run.playbook in names
        and run.success_at is None
        and run.success_by is not None
        and run.started_at < at <= run.success_by
    ]

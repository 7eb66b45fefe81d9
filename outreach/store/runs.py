"""Runs and touches. A touch changes by compare-and-set only, so that no two can send it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime

from outreach.domain.plan import Run
from outreach.domain.touch import COUNTED, OPEN, Status, Touch
from outreach.store import tables
from outreach.store.base import Part
from outreach.store.codec import micros
from outreach.store.shapes import Shape

RUN = Shape(Run, tables.run)
TOUCH = Shape(Touch, tables.touch)


def _listed(statuses: Iterable[Status]) -> str:
    return ", ".join(sorted(f"'{status.value}'" for status in statuses))


_OF_OPEN = (
    f" and (status in ({_listed(OPEN)})"
    " or exists (select 1 from run r where r.id = touch.run and r.state = 'open')) order by id"
)
_COUNTS = f"""intent_at >= ? and (status in ({_listed(COUNTED)}) or channel = 'call')"""


class Runs(Part):
    _runs: dict[str, Run]

    # --- runs

    def runs_of(self, accounts: Collection[str]) -> list[Run]:
        return self._known(self.bulk.by_keys(RUN, "account", accounts, "order by id"))

    def run(self, id_: str) -> Run | None:
        return next(iter(self._known(self.bulk.all(RUN, "where id = ?", id_))), None)

    def save_runs(self, runs: Sequence[Run]) -> None:
        """New ones are inserted; of those read in this unit only what differs is written."""
        self.bulk.put(RUN, [run for run in runs if run.id not in self._runs])
        for run in runs:
            changes = RUN.changes(self._runs.get(run.id, run), run)
            if changes:
                self.bulk.change(tables.run, run.id, changes)
            self.changed.append((self._runs.get(run.id), run))
        self._known(runs)

    def runs_to_wake(self, now: datetime, limit: int) -> list[tuple[str, str]]:
        rows = self.bulk.rows(
            "select account, id from run where state = 'open' and wake_at <= ? order by wake_at limit ?",
            micros(now), limit,
        )  # fmt: skip
        return [(account, id_) for account, id_ in rows]

    def _known(self, runs: Sequence[Run]) -> list[Run]:
        self._runs.update((run.id, run) for run in runs)
        return list(runs)

    # --- touches

    def touches_of(self, accounts: Collection[str]) -> list[Touch]:
        return self.bulk.by_keys(TOUCH, "account", accounts, _OF_OPEN)

    def touches_of_run(self, run: str) -> list[Touch]:
        return self.bulk.all(TOUCH, "where run = ? order by id", run)

    def touches_of_card(self, card: str) -> list[Touch]:
        return self.bulk.all(TOUCH, "where card = ? order by id", card)

    def touch(self, id_: str) -> Touch | None:
        return self.bulk.one(TOUCH, "where id = ?", id_)

    def touch_by_token(self, token: str) -> Touch | None:
        return self.bulk.one(TOUCH, "where token = ?", token)

    def add_touches(self, touches: Sequence[Touch]) -> None:
        self.bulk.insert(tables.touch, TOUCH.names, [TOUCH.row(touch) for touch in touches])
        self.changed += [(None, touch) for touch in touches]

    def change_touch(self, old: Touch, new: Touch) -> bool:
        changes = TOUCH.changes(old, new) or {"status": old.status.value}
        where = "and status = ? and attempt = ?"
        done = self.bulk.change(tables.touch, old.id, changes, where, old.status.value, old.attempt) == 1
        if done:
            self.changed.append((old, new))
        return done

    def touches_due(self, now: datetime, limit: int) -> list[tuple[str, str]]:
        """Not claimed: several clocks may read the same rows, and ``change_touch`` decides who was first."""
        rows = self.bulk.rows(
            "select account, id from touch where status in ('planned', 'due') and due <= ? order by due limit ?",
            micros(now), limit,
        )  # fmt: skip
        return [(account, id_) for account, id_ in rows]

    def touches_stuck(self, before: datetime, limit: int) -> list[Touch]:
        more = "where status = 'sending' and intent_at < ? order by intent_at limit ?"
        return self.bulk.all(TOUCH, more, micros(before), limit)

    def touches_unknown(self, limit: int) -> list[Touch]:
        return self.bulk.all(TOUCH, "where status = 'unknown' order by intent_at desc, id limit ?", limit)

    def contacts_since(self, identity: str, endpoint: str | None, since: datetime) -> list[Touch]:
        """A call counts once it was dialled, that is, has an intent."""
        at = micros(since)
        return self.bulk.all(
            TOUCH,
            f"where id in (select id from touch where identity = ? and {_COUNTS}"
            f" union select id from touch where endpoint = ? and {_COUNTS}) order by id",
            identity, at, endpoint, at,
        )  # fmt: skip

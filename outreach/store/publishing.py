"""What ops say about playbooks, what waits for a second person, and what a paused playbook has missed."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from outreach.domain.blast import Blast
from outreach.domain.plan import ASKS_FOR_A_CALL, Run
from outreach.service.ports_publishing import Ending, Missed, Published
from outreach.store import tables
from outreach.store.base import Part
from outreach.store.codec import LATEST, instant, micros
from outreach.store.columns import is_in
from outreach.store.runs import RUN
from outreach.store.shapes import Shape

_PROMISED = f"{is_in('r.trigger_type', *sorted(ASKS_FOR_A_CALL))} and not r.shadow"
OVER = (
    'from (select playbook, max(last) last, max("at") "at" from ('
    ' select playbook, "at" last, "at" from playbook_published where state = \'disabled\''
    f" union all select playbook, {LATEST}, \"at\" from playbook_state where state = 'disabled'"
    ") each_time group by playbook) d"
    " join run r on r.playbook = d.playbook and r.started_at < d.last"
    f" where r.state = 'open' and (r.again_at is null or r.again_at < d.last) and not ({_PROMISED})"
    " and not exists (select 1 from touch t join card c on c.id = t.card"
    " where t.run = r.id and t.status = 'on_desk' and c.claimed_by is not null)"
)
"""Open runs whose playbook was disabled since they last began, and that nobody is at; ``d."at"`` is when that was."""
PUBLISHED = Shape(Published, tables.playbook_published)
BLAST = Shape(Blast, tables.blast)
MISSED = Shape(Missed, tables.missed)


class Publishing(Part):
    # --- history

    def add_published(self, row: Published) -> None:
        self.bulk.insert(tables.playbook_published, PUBLISHED.names, [PUBLISHED.row(row)])

    def published(self, playbook: str, limit: int) -> list[Published]:
        return self.bulk.all(PUBLISHED, "where playbook = ? order by seq desc limit ?", playbook, limit)

    def versions_of(self, playbook: str, limit: int) -> list[tuple[str, datetime]]:
        rows = self.bulk.rows(
            'select version, "at" from playbook_version where name = ? order by "at" desc, version limit ?',
            playbook, limit,
        )  # fmt: skip
        return [(version, instant(at)) for version, at in rows]

    # --- the blast radius

    def reached(self, playbook: str, since: datetime, limit: int) -> int:
        rows = self.bulk.rows(
            "select count(*) from (select distinct account from run where playbook = ? and started_at > ?"
            " and not shadow and not holdout limit ?) n",
            playbook, micros(since), limit,
        )  # fmt: skip
        return int(rows[0][0])

    def blasts_standing(self) -> list[Blast]:
        return self.bulk.all(BLAST, "where state in ('asking', 'let_go') order by playbook")

    def blasts_refused(self, since: datetime) -> list[Blast]:
        return self.bulk.all(BLAST, "where state = 'refused' and \"at\" >= ?", micros(since))

    def blast(self, playbook: str, nth: int) -> Blast | None:
        return self.bulk.one(BLAST, "where playbook = ? and nth = ?", playbook, nth)

    def blasts_of(self, playbook: str) -> int:
        rows = self.bulk.rows("select max(nth) from blast where playbook = ?", playbook)
        return rows[0][0] or 0

    def add_blasts(self, rows: Sequence[Blast]) -> None:
        """Two workers who find at once that it goes too far ask the same question."""
        made = [BLAST.row(row) for row in rows]
        self.bulk.insert(tables.blast, BLAST.names, made, " on conflict (playbook, nth) do nothing")

    def change_blast(self, old: Blast, new: Blast) -> bool:
        named = BLAST.changes(old, new)
        sets = ", ".join(f'"{name}" = ?' for name in named)
        changed = self.bulk.run(
            f"update blast set {sets} where playbook = ? and nth = ? and state = ?",
            *named.values(), old.playbook, old.nth, old.state.value,
        )  # fmt: skip
        return changed == 1

    def runs_of_blast(self, playbook: str, nth: int, limit: int) -> list[tuple[str, str]]:
        rows = self.bulk.rows(
            "select account, id from run where playbook = ? and blast = ? and state = 'open' limit ?",
            playbook, nth, limit,
        )  # fmt: skip
        return sorted((account, id_) for account, id_ in rows)

    def accounts_of_blast(self, playbook: str, nth: int) -> int:
        waits = "select count(distinct account) from run where playbook = ? and blast = ? and state = 'open'"
        ((count,),) = self.bulk.rows(waits, playbook, nth)
        return int(count)

    # --- what is over

    def last_disabled(self) -> dict[str, datetime]:
        rows = self.bulk.rows(
            "select playbook, max(\"at\") from playbook_published where state = 'disabled' group by playbook"
        )
        return {playbook: instant(at) for playbook, at in rows}

    def runs_over(self, limit: int) -> list[tuple[str, str]]:
        rows = self.bulk.rows(f"select r.account, r.id {OVER} limit ?", limit)
        return sorted((account, id_) for account, id_ in rows)

    def ends_with(self, playbook: str) -> Ending:
        ends = f"from run r where r.playbook = ? and r.state = 'open' and not ({_PROMISED})"
        touches = self.bulk.rows(
            f"select t.status, count(*) {ends.replace('run r', 'run r join touch t on t.run = r.id')}"
            f" and t.status in ('planned', 'due', 'draft', 'on_desk') group by t.status",
            playbook,
        )
        count = dict(map(tuple, touches))
        ((holds,),) = self.bulk.rows(
            f"select count(*) {ends.replace('run r', 'run r join hold h on h.run = r.id')}"
            ' and h.ended_at is null and h."until" is null',
            playbook,
        )
        ((runs, stay),) = self.bulk.rows(
            f"select sum(case when {_PROMISED} then 0 else 1 end), sum(case when {_PROMISED} then 1 else 0 end)"
            " from run r where r.playbook = ? and r.state = 'open'",
            playbook,
        )
        calls = count.pop("on_desk", 0)
        return Ending(int(runs or 0), int(calls), sum(map(int, count.values())), int(holds), int(stay or 0))

    # --- what was missed

    def keep_missed(self, rows: Sequence[Missed]) -> None:
        made = [MISSED.row(row) for row in rows]
        self.bulk.insert(
            tables.missed, MISSED.names, made, " on conflict (playbook, account, event) do nothing"
        )

    def missed(self, playbooks: Collection[str], now: datetime, limit: int) -> list[Missed]:
        return self.bulk.by_keys(
            MISSED, "playbook", playbooks, "and due <= ? order by playbook, account, event limit ?", micros(now), limit
        )  # fmt: skip

    def drop_missed(self, rows: Sequence[Missed]) -> None:
        self.bulk.delete(tables.missed, [(row.playbook, row.account, row.event) for row in rows])

    def put_off_missed(self, row: Missed, until: datetime) -> None:
        self.bulk.upsert(tables.missed, MISSED.names, [MISSED.row(row._replace(due=until))])

    def forget_missed(self, playbook: str) -> int:
        return self.bulk.run("delete from missed where playbook = ?", playbook)

    def count_missed(self) -> dict[str, int]:
        return {
            row[0]: row[1]
            for row in self.bulk.rows("select playbook, count(*) from missed group by playbook")
        }

    # --- what is under way

    def runs_under_way(
        self, playbook: str | None, account: str | None, not_version: str | None, limit: int
    ) -> list[Run]:
        asked = {"playbook = ?": playbook, "account = ?": account, "version <> ?": not_version}
        given = {words: value for words, value in asked.items() if value is not None}
        where = " and ".join(["state = 'open'", *given])
        return self.bulk.all(RUN, f"where {where} order by started_at, id limit ?", *given.values(), limit)

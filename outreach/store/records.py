"""Records: decisions, versions, publish states, settings, heartbeats, suppressions, users and tokens."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from outreach.domain.plan import Decision
from outreach.service.ports_publishing import Save
from outreach.service.ports_records import ApiToken, AuditRow, ImportProgress, User
from outreach.store import tables
from outreach.store.base import Part
from outreach.store.codec import instant, micros
from outreach.store.shapes import Shape

DECISION = Shape(Decision, tables.decision)
USER = Shape(User, tables.app_user)
TOKEN = Shape(ApiToken, tables.api_token)
SAVE = Shape(Save, tables.saved)
PROGRESS = Shape(ImportProgress, tables.import_progress)

_GRAVEST = "erased"


class Records(Part):
    # --- decisions and playbooks

    def add_decisions(self, rows: Sequence[Decision]) -> None:
        self.bulk.insert(tables.decision, DECISION.names, [DECISION.row(row) for row in rows])
        self.changed += [(None, row) for row in rows]

    def decisions_of(self, account: str, limit: int = 200) -> list[Decision]:
        """Newest first."""
        return self.bulk.all(DECISION, "where account = ? order by seq desc limit ?", account, limit)

    def decision_of_run(self, account: str, run: str) -> Decision | None:
        more = "where account = ? and run = ? order by seq desc limit 1"
        return self.bulk.one(DECISION, more, account, run)

    def versions_of_runs(self, accounts: Collection[str]) -> dict[str, list[tuple[datetime, str]]]:
        found: dict[str, list[tuple[datetime, str]]] = {}
        rows = self.bulk.rows(
            'select run, "at", version, outcome from decision where run is not null'
            f" and outcome in ('started', 'moved') and {self.bulk.one_of('account')} order by seq",
            self.bulk.keys(sorted(accounts)),
        )
        for run, at, version, outcome in rows:
            if outcome == "moved" or run not in found:
                found.setdefault(run, []).append((instant(at), version))
        return found

    def keep_version(self, version: str, name: str, source: str, at: datetime) -> None:
        """The first text kept under a version stays: it is the hash of it."""
        self.bulk.insert(
            tables.playbook_version,
            ("version", "name", "source", "at"),
            [(version, name, source, micros(at))],
            " on conflict (version) do nothing",
        )

    def version(self, version: str) -> str | None:
        return self._word("select source from playbook_version where version = ?", version)

    def audit_since(self, subject: str, since: datetime, what: str | None = None) -> list[AuditRow]:
        more, values = ("", ()) if what is None else (" and what = ?", (what,))
        rows = self.bulk.rows(
            'select seq, "at", who, what, subject, why from audit'
            f' where subject = ? and "at" >= ?{more} order by seq desc',
            subject, micros(since), *values,
        )  # fmt: skip
        return [AuditRow(row[0], instant(row[1]), *row[2:]) for row in rows]

    def publish_states(self) -> dict[str, tuple[str, int]]:
        rows = self.bulk.rows("select playbook, state, percent from playbook_state")
        return {playbook: (state, percent) for playbook, state, percent in rows}

    def set_publish_state(
        self, playbook: str, state: str, percent: int, by: str, reason: str, at: datetime
    ) -> None:
        names = ("playbook", "state", "percent", "by", "reason", "at")
        self.bulk.upsert(tables.playbook_state, names, [(playbook, state, percent, by, reason, micros(at))])

    def add_save(self, save: Save) -> None:
        self.bulk.insert(tables.saved, SAVE.names, [SAVE.row(save)])

    def saves_of(self, playbook: str, limit: int) -> list[Save]:
        return self.bulk.all(SAVE, 'where playbook = ? order by "at" desc, id desc limit ?', playbook, limit)

    def saves_unsettled(self) -> list[Save]:
        return self.bulk.all(SAVE, 'where settled_at is null order by "at", id')

    def settle_save(self, save: Save) -> None:
        assert save.settled_at is not None
        self.bulk.change(
            tables.saved, save.id, {"commit": save.commit, "settled_at": micros(save.settled_at)}
        )

    def drop_save(self, id_: str) -> None:
        self.bulk.delete(tables.saved, [(id_,)])

    def saves_since(self, at: datetime) -> list[Save]:
        return self.bulk.all(SAVE, 'where "at" >= ? order by "at", id', micros(at))

    # --- settings, heartbeats, suppressions

    def setting(self, name: str) -> str | None:
        return self._word("select value from setting where name = ?", name)

    def set_setting(self, name: str, value: str | None) -> None:
        if value is None:
            self.bulk.run("delete from setting where name = ?", name)
        else:
            self.bulk.upsert(tables.setting, ("name", "value"), [(name, value)])

    def beat(self, name: str, at: datetime, detail: str = "") -> None:
        self.bulk.upsert(tables.heartbeat, ("name", "at", "detail"), [(name, micros(at), detail)])

    def heartbeats(self) -> dict[str, tuple[datetime, str]]:
        rows = self.bulk.rows('select name, "at", detail from heartbeat')
        return {name: (instant(at), detail) for name, at, detail in rows}

    def suppressed(self, hashes: Collection[str]) -> dict[str, dict[str, str]]:
        if not hashes:
            return {}
        where = self.bulk.one_of("hash")
        rows = self.bulk.rows(
            f"select hash, channel, why from suppression where {where} order by channel",
            self.bulk.keys(hashes),
        )
        found: dict[str, dict[str, str]] = {}
        for hash_, channel, why in rows:
            found.setdefault(hash_, {})[channel] = why
        return found

    def suppress(self, hash_: str, channel: str, why: str, at: datetime) -> None:
        self.bulk.insert(
            tables.suppression,
            ("hash", "channel", "why", "at"),
            [(hash_, channel, why, micros(at))],
            f' on conflict (hash, channel) do update set why = excluded.why, "at" = excluded."at"'
            f" where suppression.why <> '{_GRAVEST}'",
        )

    def lift(self, hash_: str, channel: str) -> None:
        self.bulk.run(
            "delete from suppression where hash = ? and channel = ? and why <> ?", hash_, channel, _GRAVEST
        )

    # --- users, tokens, imports

    def user(self, id_: str) -> User | None:
        return self.bulk.one(USER, "where id = ?", id_)

    def user_by_email(self, email: str) -> User | None:
        return self.bulk.one(USER, "where email = ?", email)

    def user_by_subject(self, issuer: str, subject: str) -> User | None:
        return self.bulk.one(USER, "where issuer = ? and subject = ?", issuer, subject)

    def bind_user(self, id_: str, issuer: str, subject: str) -> bool:
        bound = {"issuer": issuer, "subject": subject}
        return self.bulk.change(tables.app_user, id_, bound, "and subject is null") == 1

    def users(self) -> list[User]:
        return self.bulk.all(USER, "order by name, id")

    def save_user(self, user: User) -> None:
        self.bulk.put(USER, [user])

    def token(self, hash_: str) -> ApiToken | None:
        return self.bulk.one(TOKEN, "where hash = ?", hash_)

    def tokens(self) -> list[ApiToken]:
        return self.bulk.all(TOKEN, "order by created, name")

    def save_token(self, token: ApiToken) -> None:
        self.bulk.put(TOKEN, [token])

    def import_progress(self, digest: str) -> ImportProgress | None:
        return self.bulk.one(PROGRESS, "where digest = ?", digest)

    def save_import_progress(self, progress: ImportProgress) -> None:
        self.bulk.put(PROGRESS, [progress])

    def _word(self, statement: str, *values: str) -> str | None:
        rows = self.bulk.rows(statement, *values)
        return rows[0][0] if rows else None

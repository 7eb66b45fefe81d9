"""All tables: rows without behaviour.

Times are microseconds since 1970 in UTC (``codec.Utc``). Indexes are the bill of a write, so each one
is here because a statement of the corridor needs it; partial where only open rows are looked for.
"""

from __future__ import annotations

from enum import Enum
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    SmallInteger,
    Table,
    Text,
    text,
)

from outreach.domain.account import PromiseState
from outreach.domain.facts import Channel, Purpose, Severity, Trace
from outreach.domain.failure import FailureState
from outreach.domain.plan import RunState
from outreach.domain.touch import Settlement, Status
from outreach.store.codec import Grade, Json, Utc, Word

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)

Growing = BigInteger().with_variant(Integer, "sqlite")
"""SQLite numbers rows by itself only in a column called INTEGER."""


def _must(name: str, kind: Any = Text, **more: Any) -> Column[Any]:
    return Column(name, kind, nullable=False, **more)


def _may(name: str, kind: Any = Text) -> Column[Any]:
    return Column(name, kind, nullable=True)


def _key(name: str, kind: Any = Text) -> Column[Any]:
    return Column(name, kind, primary_key=True, nullable=False)


def _one_of(column: str, kind: type[Enum]) -> CheckConstraint:
    return CheckConstraint(_is_in(column, *kind), name=column)


def _is_in(column: str, *values: Enum) -> str:
    words = ", ".join(f"'{value.value}'" for value in values)
    return f"{column} in ({words})"


# --- what happened ------------------------------------------------------------------------------------

event = Table(
    "event",
    metadata,
    Column("seq", Growing, primary_key=True, autoincrement=True),
    _must("source"),
    _must("id"),
    _must("type"),
    _must("subject"),
    _must("time", Utc),
    _must("arrived", Utc),
    _may("key"),
    _may("amount", Float(53)),
    _may("sequence"),
    _must("revision", Integer),
    _must("retracted", Boolean),
    _must("hash"),
    _must("data", Json),
    # Exactly these two; the second is what windows are read from, and never the row.
    Index("ux_event_source_id", "source", "id", unique=True),
    Index("ix_event_window", "subject", "type", "time", "key", "amount", "retracted"),
)

event_private = Table(
    "event_private",
    metadata,
    Column("event_seq", Growing, ForeignKey("event.seq"), primary_key=True, autoincrement=False),
    _must("person"),
    _must("data", Json),
    Index("ix_event_private_person", "person"),
)

revision = Table(
    "revision",
    metadata,
    Column("seq", Growing, primary_key=True, autoincrement=True),
    _must("event_seq", Growing),
    _must("hash"),
    _must("type"),
    _must("subject"),
    _must("time", Utc),
    _must("arrived", Utc),
    _may("sequence"),
    _must("data", Json),
    Index("ix_revision_event_seq", "event_seq"),
)

quarantine = Table(
    "quarantine",
    metadata,
    _key("id"),
    _must("at", Utc),
    _must("source"),
    _must("event_id"),
    _must("type"),
    _must("reasons"),
    _must("body"),
    _must("status"),
    Index(
        "ix_quarantine_open",
        "at",
        sqlite_where=text("status = 'open'"),
        postgresql_where=text("status = 'open'"),
    ),
)

parked = Table(
    "parked",
    metadata,
    _key("id"),
    _must("source"),
    _must("event_id"),
    _must("subject"),
    _must("event", Json),
    _must("hash"),
    _must("private", Json),
    _must("reason"),
    _may("until", Utc),
    Index("ux_parked_source_event_id", "source", "event_id", unique=True),
    Index("ix_parked_subject", "subject"),
    Index("ix_parked_until", "until"),
)

# --- what is known ------------------------------------------------------------------------------------

account = Table(
    "account",
    metadata,
    _key("id"),
    _may("name"),
    _may("tier"),
    _may("kind"),
    _may("owner"),
    _may("team"),
    _may("zone"),
    _may("country"),
    _may("region"),
    _may("language"),
    _may("parent"),
    _may("grp"),
    _may("value", Float(53)),
    _may("state", Json),  # NULL: a lock on an account that does not exist yet
    _may("newest_time", Utc),
    _may("newest_source"),
    _may("newest_id"),
    _must("version", Integer),
    _must("parts", SmallInteger),  # which of failure, promise, due have rows of this account: bits 1, 2, 4
)

failure = Table(
    "failure",
    metadata,
    _key("account"),
    _key("id"),
    _must("kind"),
    _must("key"),
    _must("severity", Grade(Severity)),
    _must("state", Word(FailureState)),
    _must("opened_at", Utc),
    _must("known_at", Utc),
    _must("cause"),
    _may("person"),
    _must("round", Integer),
    _must("nth", Integer),
    _must("first_order", Boolean),
    _must("owed", Boolean),
    _must("spoken", Boolean),
    _must("climbed", Integer),
    _may("reached_at", Utc),
    _may("look_again_at", Utc),
    _may("closed_at", Utc),
    _must("closed_by"),
    _must("reason"),
    _may("parent"),
    _one_of("state", FailureState),
    Index(
        "ix_failure_open",
        "state",
        "known_at",
        sqlite_where=text(_is_in("state", FailureState.OPEN, FailureState.REACHED)),
        postgresql_where=text(_is_in("state", FailureState.OPEN, FailureState.REACHED)),
    ),
    sqlite_with_rowid=False,
)

promise = Table(
    "promise",
    metadata,
    _key("account"),
    _key("id"),
    _must("what"),
    _must("until", Utc),
    _must("made_at", Utc),
    _must("by"),
    _may("person"),
    _may("failure"),
    _must("state", Word(PromiseState)),
    _may("settled_at", Utc),
    _one_of("state", PromiseState),
    sqlite_with_rowid=False,
)

due = Table(
    "due",
    metadata,
    _key("account"),
    _key("type"),
    _key("key"),
    _must("at", Utc),
    _must("base", Utc),
    _must("step", Integer),
    _must("data", Json),
    Index("ix_due_at", "at"),
    sqlite_with_rowid=False,
)

person = Table(
    "person",
    metadata,
    _key("id"),
    _may("state", Json),  # NULL: a lock on a person who does not exist yet
    _must("erased", Boolean),
)

endpoint = Table(
    "endpoint",
    metadata,
    _key("person"),
    _key("kind"),
    _must("value"),
    _must("hash"),
    Index("ix_endpoint_hash", "hash"),
    sqlite_with_rowid=False,
)

endpoint_lock = Table("endpoint_lock", metadata, _key("hash"), sqlite_with_rowid=False)
"""Rows to lock, also for endpoints that nobody has: PostgreSQL only."""

membership = Table(
    "membership",
    metadata,
    _key("person"),
    _key("account"),
    _must("roles", Json(tuple[str, ...])),
    Index("ix_membership_account", "account"),
    sqlite_with_rowid=False,
)

link = Table(
    "link",
    metadata,
    _key("a"),
    _key("b"),
    _must("state"),
    _must("by"),
    _must("at", Utc),
    Index("ix_link_b", "b"),
    sqlite_with_rowid=False,
)

# --- what is under way --------------------------------------------------------------------------------

_RUN_OPEN = text(_is_in("state", RunState.OPEN))

run = Table(
    "run",
    metadata,
    _key("id"),
    _must("playbook"),
    _must("version"),
    _must("account"),
    _must("key"),
    _must("trigger"),
    _must("trigger_type"),
    _must("trigger_time", Utc),
    _must("started_at", Utc),
    _must("purpose", Word(Purpose)),
    _must("severity", Grade(Severity)),
    _must("priority", Integer),
    _may("failure"),
    _may("person"),
    _must("state", Word(RunState)),
    _must("end_reason"),
    _may("ended_at", Utc),
    _must("step", Integer),
    _may("step_due", Utc),
    _may("step_started", Utc),
    _may("wake_at", Utc),
    _must("round", Integer),
    _must("reached", Boolean),
    _must("attempts", Integer),
    _must("replied", Boolean),
    _must("resolved", Boolean),
    _must("shadow", Boolean),
    _must("holdout", Boolean),
    _may("success_by", Utc),
    _may("success_at", Utc),
    _may("trace", Json(Trace)),
    _one_of("state", RunState),
    Index("ux_run_once", "playbook", "account", "key", unique=True),
    Index("ix_run_account", "account"),
    Index("ix_run_wake", "wake_at", sqlite_where=_RUN_OPEN, postgresql_where=_RUN_OPEN),
)

_WAITS = text(_is_in("status", Status.PLANNED, Status.DUE))
_SENDING = text(_is_in("status", Status.SENDING))

touch = Table(
    "touch",
    metadata,
    _key("id"),
    _must("run"),
    _must("account"),
    _must("channel", Word(Channel)),
    _must("purpose", Word(Purpose)),
    _must("step", Integer),
    _must("status", Word(Status)),
    _must("due", Utc),
    _must("because"),
    _may("person"),
    _must("identity"),
    _must("round", Integer),
    _must("attempt", Integer),
    _must("sentence"),
    _may("deadline", Utc),
    _may("not_after", Utc),
    _may("caller"),
    _may("endpoint"),
    _may("card"),
    _may("token"),
    _may("intent_at", Utc),
    _may("sent_at", Utc),
    _may("provider_ref"),
    _may("settlement", Word(Settlement)),
    _may("disposition"),
    _must("opened", Boolean),
    _must("voicemails", Integer),
    _may("draft", Json),
    _may("created_at", Utc),
    _may("ended_at", Utc),
    _may("text"),
    _must("resolved", Boolean),
    _one_of("status", Status),
    Index("ix_touch_due", "due", sqlite_where=_WAITS, postgresql_where=_WAITS),
    Index("ix_touch_account", "account"),
    Index("ix_touch_run", "run"),
    Index(
        "ix_touch_card",
        "card",
        sqlite_where=text("card is not null"),
        postgresql_where=text("card is not null"),
    ),
    Index(
        "ux_touch_token",
        "token",
        unique=True,
        sqlite_where=text("token is not null"),
        postgresql_where=text("token is not null"),
    ),
    Index("ix_touch_sending", "intent_at", sqlite_where=_SENDING, postgresql_where=_SENDING),
    # Caps count only what has an intent.
    Index(
        "ix_touch_endpoint",
        "endpoint",
        "intent_at",
        sqlite_where=text("intent_at is not null"),
        postgresql_where=text("intent_at is not null"),
    ),
    Index(
        "ix_touch_identity",
        "identity",
        "intent_at",
        sqlite_where=text("intent_at is not null"),
        postgresql_where=text("intent_at is not null"),
    ),
)

hold = Table(
    "hold",
    metadata,
    _key("id"),
    _must("run"),
    _must("account"),
    _must("scope"),
    _must("purposes", Json(tuple[Purpose, ...])),
    _must("because"),
    _must("since", Utc),
    _must("at_most_until", Utc),
    _may("person"),
    _may("group"),
    _may("until", Utc),
    _may("ended_at", Utc),
    _must("end_reason"),
    _must("change", BigInteger),  # cursor of the feed; 0 until the unit commits
    Index("ix_hold_account", "account"),
    Index("ix_hold_change", "change"),
    Index(
        "ix_hold_person",
        "person",
        sqlite_where=text("ended_at is null"),
        postgresql_where=text("ended_at is null"),
    ),
    Index(
        "ix_hold_group",
        "group",
        sqlite_where=text("ended_at is null"),
        postgresql_where=text("ended_at is null"),
    ),
    Index(
        "ix_hold_over",
        "at_most_until",
        sqlite_where=text("ended_at is null"),
        postgresql_where=text("ended_at is null"),
    ),
)

card = Table(
    "card",
    metadata,
    _key("id"),
    _must("identity"),
    _must("opened_at", Utc),
    _must("state"),
    _may("claimed_by"),
    _may("claimed_at", Utc),
    _may("caller"),
    _may("closed_at", Utc),
    _may("snoozed_until", Utc),
    CheckConstraint("state in ('open', 'closed')", name="state"),
    Index(
        "ux_card_open",
        "identity",
        unique=True,
        sqlite_where=text("state = 'open'"),
        postgresql_where=text("state = 'open'"),
    ),
)

# --- records ------------------------------------------------------------------------------------------

decision = Table(
    "decision",
    metadata,
    Column("seq", Growing, primary_key=True, autoincrement=True),
    _must("event"),
    _must("account"),
    _must("playbook"),
    _must("version"),
    _must("at", Utc),
    _must("outcome"),
    _may("run"),
    _may("trace", Json(Trace)),
    Index("ix_decision_account", "account"),
)

playbook_version = Table(
    "playbook_version",
    metadata,
    _key("version"),
    _must("name"),
    _must("source"),
    _must("at", Utc),
)

playbook_state = Table(
    "playbook_state",
    metadata,
    _key("playbook"),
    _must("state"),
    _must("percent", Integer),
    _must("by"),
    _must("reason"),
    _must("at", Utc),
    CheckConstraint("state in ('shadow', 'percent', 'live', 'paused', 'disabled')", name="state"),
)

setting = Table("setting", metadata, _key("name"), _must("value"))

heartbeat = Table("heartbeat", metadata, _key("name"), _must("at", Utc), _must("detail"))

suppression = Table(
    "suppression",
    metadata,
    _key("hash"),
    _key("channel"),
    _must("why"),
    _must("at", Utc),
)

audit = Table(
    "audit",
    metadata,
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    _must("at", Utc),
    _must("who"),
    _must("what"),
    _must("subject"),
    _must("why"),
    _must("prev"),
    _must("hash"),
    Index("ix_audit_subject", "subject"),
)

counter = Table(
    "counter",
    metadata,
    _key("name"),
    _must("value", BigInteger),
    _must("word"),
)
"""Numbers that must grow without a gap in order of commit: the feed of holds, the audit chain (with the
last hash). Locked as the last thing of a unit."""

# --- who may, and what was read -------------------------------------------------------------------------

app_user = Table(
    "app_user",
    metadata,
    _key("id"),
    _must("name"),
    _must("email"),
    _must("password_hash"),
    _must("role"),
    _may("manager"),
    _may("zone"),
    _must("active", Boolean),
    Index("ux_app_user_email", "email", unique=True),
)

api_token = Table(
    "api_token",
    metadata,
    _key("hash"),
    _must("name"),
    _must("scopes", Json(tuple[str, ...])),
    _must("created", Utc),
    _may("expires", Utc),
    _must("revoked", Boolean),
)

import_progress = Table(
    "import_progress",
    metadata,
    _key("digest"),
    _must("name"),
    _must("offset", BigInteger),
    _must("accepted", Integer),
    _must("bad", Integer),
    _may("finished_at", Utc),
)

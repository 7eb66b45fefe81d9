"""All tables: rows without behaviour.

Times are microseconds since 1970 in UTC (``codec.Utc``). Indexes are the bill of a write, so each one
is here because a statement of the corridor needs it; partial where only open rows are looked for.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Float, ForeignKey, Index, Integer, SmallInteger, Table

from outreach.domain.account import PromiseState
from outreach.domain.blast import Answer
from outreach.domain.facts import Channel, Purpose, Severity, Trace
from outreach.domain.failure import FailureState
from outreach.domain.phone import CallKind, CallState, LegState
from outreach.domain.plan import STATES, RunState
from outreach.domain.signal import Delivery
from outreach.domain.talk import Outcome
from outreach.domain.touch import Settlement, Status
from outreach.service.ports_reaching import Way
from outreach.store.codec import Grade, Json, Utc, Word
from outreach.store.columns import Growing, Number, is_in, key, may, metadata, must, numbered, one_of, some

# --- what happened ------------------------------------------------------------------------------------

event = Table(
    "event",
    metadata,
    numbered(),
    *must("source id type subject"),
    *must("time arrived", Utc),
    *may("key"),
    *may("amount", Number),
    *may("sequence"),
    *must("revision", Integer),
    *must("retracted", Boolean),
    *must("hash"),
    *must("data", Json),
    # Exactly these two; the second is what windows are read from, and never the row.
    Index("ux_event_source_id", "source", "id", unique=True),
    Index("ix_event_window", "subject", "type", "time", "key", "amount", "retracted"),
)

event_private = Table(
    "event_private",
    metadata,
    Column("event_seq", Growing, ForeignKey("event.seq"), primary_key=True, autoincrement=False),
    *must("person"),
    *must("data", Json),
    Index("ix_event_private_person", "person"),
)

revision = Table(
    "revision",
    metadata,
    numbered(),
    *must("event_seq", Growing),
    *must("hash type subject"),
    *must("time arrived", Utc),
    *may("sequence"),
    *must("data", Json),
    Index("ix_revision_event_seq", "event_seq"),
)

feed = Table(
    "feed",
    metadata,
    *key("source id type"),
    *must("at", Utc),
    *must("number", BigInteger),  # its place; given when the unit commits
    Index("ux_feed_number", "number", unique=True),
    sqlite_with_rowid=False,
)
"""Events that other systems act on, each at its newest place. ``type``: as which it was passed on."""

quarantine = Table(
    "quarantine", metadata, *key("id"), *must("at", Utc),
    *must("source event_id type reasons body status"),
    some("ix_quarantine_open", "at", "status = 'open'"),
)  # fmt: skip

parked = Table(
    "parked",
    metadata,
    *key("id"),
    *must("source event_id subject hash reason"),
    *must("event private", Json),
    *may("until", Utc),
    Index("ux_parked_source_event_id", "source", "event_id", unique=True),
    Index("ix_parked_subject", "subject"),
    Index("ix_parked_until", "until"),
)

# --- what is known ------------------------------------------------------------------------------------

account = Table(
    "account",
    metadata,
    *key("id"),
    *may("name tier kind owner team zone country region language parent grp"),
    *may("value", Number),
    *may("state", Json),  # NULL: a lock on an account that does not exist yet
    *may("newest_time", Utc),
    *may("newest_source newest_id"),
    *must("version", Integer),
    *must("parts", SmallInteger),  # which of failure, promise, due have rows of this account: bits 1, 2, 4
)

failure = Table(
    "failure",
    metadata,
    *key("account id"),
    *must("kind key cause closed_by reason"),
    *must("severity", Grade(Severity)),
    *must("state", Word(FailureState)),
    *must("opened_at known_at", Utc),
    *may("person parent"),
    *must("round nth climbed", Integer),
    *must("first_order owed spoken", Boolean),
    *may("reached_at look_again_at closed_at", Utc),
    one_of("state", FailureState),
    some("ix_failure_open", "state known_at", is_in("state", FailureState.OPEN, FailureState.REACHED)),
    sqlite_with_rowid=False,
)

promise = Table(
    "promise",
    metadata,
    *key("account id"),
    *must("what by"),
    *must("until made_at", Utc),
    *may("person failure"),
    *must("state", Word(PromiseState)),
    *may("settled_at", Utc),
    one_of("state", PromiseState),
    Index("ix_promise_state", "state", "until"),
    sqlite_with_rowid=False,
)

due = Table(
    "due",
    metadata,
    *key("account type key"),
    *must("at base", Utc),
    *must("step", Integer),
    *must("data", Json),
    Index("ix_due_at", "at"),
    sqlite_with_rowid=False,
)

person = Table(
    "person",
    metadata,
    *key("id"),
    *may("state", Json),  # NULL: a lock on a person who does not exist yet
    *must("erased", Boolean),
)

endpoint = Table(
    "endpoint", metadata, *key("person kind"), *must("value hash"), Index("ix_endpoint_hash", "hash"),
    sqlite_with_rowid=False,
)  # fmt: skip

endpoint_lock = Table("endpoint_lock", metadata, *key("hash"), sqlite_with_rowid=False)
"""Rows to lock, also for endpoints that nobody has: PostgreSQL only."""

membership = Table(
    "membership", metadata, *key("person account"), *must("roles", Json(tuple[str, ...])),
    Index("ix_membership_account", "account"), sqlite_with_rowid=False,
)  # fmt: skip

link = Table(
    "link", metadata, *key("a b"), *must("state by"), *must("at", Utc), Index("ix_link_b", "b"),
    sqlite_with_rowid=False,
)  # fmt: skip

# --- what is under way --------------------------------------------------------------------------------

run = Table(
    "run",
    metadata,
    *key("id"),
    *must("playbook version account key trigger trigger_type end_reason"),
    *must("trigger_time started_at", Utc),
    *must("purpose", Word(Purpose)),
    *must("severity", Grade(Severity)),
    *must("state", Word(RunState)),
    *must("priority step round attempts", Integer),
    *must("reached replied resolved shadow holdout", Boolean),
    *may("failure person"),
    *may("ended_at step_due step_started wake_at success_by success_at", Utc),
    *may("blast", Integer),
    *may("again_at", Utc),
    one_of("state", RunState),
    # What only a run in shadow has taken is free for one that contacts somebody.
    Index("ux_run_once", "playbook", "account", "key", "shadow", unique=True),
    Index("ix_run_account", "account"),
    Index("ix_run_started", "started_at"),
    some("ix_run_wake", "wake_at", is_in("state", RunState.OPEN)),
    some("ix_run_open", "playbook started_at", is_in("state", RunState.OPEN)),
    # How many accounts a playbook has reached lately is counted from the index alone, at each start.
    Index("ix_run_reached", "playbook", "started_at", "account", "shadow", "holdout"),
    some("ix_run_blast", "playbook blast", "blast is not null"),
)

touch = Table(
    "touch",
    metadata,
    *key("id"),
    *must("run account because identity sentence"),
    *must("channel", Word(Channel)),
    *must("purpose", Word(Purpose)),
    *must("status", Word(Status)),
    *must("due", Utc),
    *must("step round attempt voicemails", Integer),
    *must("opened resolved", Boolean),
    *may("person caller endpoint card token provider_ref disposition text"),
    *may("deadline not_after intent_at sent_at created_at ended_at", Utc),
    *may("settlement", Word(Settlement)),
    *may("draft", Json),
    one_of("status", Status),
    Index("ix_touch_account", "account"),
    Index("ix_touch_run", "run"),
    some("ix_touch_due", "due", is_in("status", Status.PLANNED, Status.DUE)),
    some("ix_touch_sending", "intent_at", is_in("status", Status.SENDING)),
    some("ix_touch_unknown", "intent_at", is_in("status", Status.UNKNOWN)),
    some("ix_touch_desk", "due", is_in("status", Status.ON_DESK, Status.DRAFT)),
    some("ix_touch_card", "card", "card is not null"),
    some("ux_touch_token", "token", "token is not null", unique=True),
    # Caps count only what has an intent.
    some("ix_touch_endpoint", "endpoint intent_at", "intent_at is not null"),
    some("ix_touch_identity", "identity intent_at", "intent_at is not null"),
    # What has ended lately is counted for those who watch.
    some("ix_touch_ended", "ended_at", "ended_at is not null"),
)

attempt = Table(
    "attempt",
    metadata,
    *key("token"),
    *must("touch run account provider"),
    *must("channel", Word(Channel)),
    *must("at", Utc),
    *may("person recipient sender subject text message_id ref code"),
    *may("delivery", Word(Delivery)),
    *may("heard_at", Utc),
    Index("ix_attempt_touch", "touch"),
    Index("ix_attempt_run", "run"),
    some("ix_attempt_person", "person", "person is not null"),
    some("ix_attempt_ref", "ref", "ref is not null"),
)
"""What was handed over, to whom, and how far it got: the evidence when nobody knows."""

phone_call = Table(
    "phone_call",
    metadata,
    *key("id"),
    *must("kind", Word(CallKind)),
    *must("state", Word(CallState)),
    *must("started_at", Utc),
    *must("stage seconds", Integer),
    *must("outcome"),
    *may("account person card number accepted_by ref cause"),
    *may("next_at accepted_at talking_at ended_at", Utc),
    one_of("kind", CallKind),
    one_of("state", CallState),
    some("ix_phone_call_next", "next_at", "next_at is not null"),
    some("ix_phone_call_card", "card", "card is not null"),
    some("ix_phone_call_person", "person", "person is not null"),
    some("ix_phone_call_cause", "cause", "cause is not null"),
)

call_leg = Table(
    "call_leg",
    metadata,
    *key("token"),
    *must("call user"),
    *must("state", Word(LegState)),
    *must("at", Utc),
    *must("sequence", Integer),
    *may("ref code"),
    one_of("state", LegState),
    Index("ix_call_leg_call", "call"),
)

inbound = Table(
    "inbound",
    metadata,
    *key("id"),
    *must("at", Utc),
    *must("channel", Word(Channel)),
    *must("kind status sender hash name recipient subject text"),
    *may("person account touch by why"),
    *may("settled_at", Utc),
    one_of("status", ("open", "settled")),
    some("ix_inbound_open", "at", "status = 'open'"),
    Index("ix_inbound_hash", "hash"),
    some("ix_inbound_person", "person", "person is not null"),
)
"""What people wrote or rang about that a colleague has to look at; ids are the provider's."""

seen = Table("seen", metadata, *key("id"), *must("at", Utc), Index("ix_seen_at", "at"))
"""Ids of what providers have told us, for as long as they may tell it again."""

pushed = Table(
    "pushed",
    metadata,
    *key("place hash"),
    *must("state"),
    *must("at", Utc),
    *may("person address"),
    one_of("state", ("adding", "in", "theirs", "removing", "out")),
)
"""Addresses that we have put on a provider's unsubscribe list while they are held."""

hold = Table(
    "hold",
    metadata,
    *key("id"),
    *must("run account scope because end_reason"),
    *must("purposes", Json(tuple[Purpose, ...])),
    *must("since at_most_until", Utc),
    *may("person group"),
    *may("until ended_at", Utc),
    *must("change", BigInteger),  # cursor of the feed; 0 until the unit commits
    Index("ix_hold_account", "account"),
    Index("ix_hold_change", "change"),
    some("ix_hold_person", "person", "ended_at is null"),
    some("ix_hold_group", "group", "ended_at is null"),
    some("ix_hold_over", "at_most_until", "ended_at is null"),
)

card = Table(
    "card",
    metadata,
    *key("id"),
    *must("identity state"),
    *must("opened_at", Utc),
    *may("claimed_by caller"),
    *may("claimed_at closed_at snoozed_until", Utc),
    *may("handed_to note noted_by"),
    one_of("state", ("open", "closed")),
    some("ux_card_open", "identity", "state = 'open'", unique=True),
    some("ix_card_noted", "identity", "note is not null"),
)

said = Table(
    "said", metadata, *key("id"), *must("card by"), *must("at due", Utc), *must("outcome", Json(Outcome)), *may("person fault"),
    Index("ix_said_by", "by"), Index("ix_said_card", "card"), Index("ix_said_person", "person"), Index("ix_said_due", "due"),
)  # fmt: skip
"""What colleagues said of conversations and can still take back, and what could not be written down."""

absence = Table(
    "absence", metadata, *key("id"), *must("user cover note by back"), *must("since", Utc), *may("until ended_at", Utc),
)  # fmt: skip

ask = Table(
    "ask",
    metadata,
    *key("id"),
    *must("account failure remedy by state"),
    *must("amount", Float),
    *must("until at", Utc),
    *may("person card decided_by why"),
    *may("decided_at", Utc),
    one_of("state", ("open", "granted", "refused")),
    Index("ix_ask_account", "account"),
    some("ix_ask_open", "at", "state = 'open'"),
)
"""Remedies above a limit: whoever has to be asked says yes or no."""

incident = Table(
    "incident",
    metadata,
    *key("id"),
    *must("title type field value opened_by"),
    *must("since until opened_at", Utc),
    *may("closed_by"),
    *may("closed_at", Utc),
)
"""One cause, many customers: who belongs to it is asked, not kept."""

wording = Table(
    "wording",
    metadata,
    *key("incident"),
    *key("number", Integer),
    *must("what words by"),
    *must("at", Utc),
    *may("approved_by"),
    *may("approved_at", Utc),
)
"""What the customers of an incident are told, with every earlier wording."""

care_link = Table(
    "care_link",
    metadata,
    *key("hash"),
    *must("person"),
    *must("made_at expires_at", Utc),
    *must("revoked", Boolean),
    *must("tries", Integer),
    *may("account code"),
    *may("code_until", Utc),
    Index("ix_care_link_person", "person"),
)
"""Ways to a customer's own page: the hash of what the address holds, and of the code sent to prove who it is."""

# --- records ------------------------------------------------------------------------------------------

decision = Table(
    "decision",
    metadata,
    numbered(),
    *must("event account playbook version outcome"),
    *must("at", Utc),
    *may("run"),
    *may("trace", Json(Trace)),
    Index("ix_decision_account", "account"),
)

playbook_version = Table(
    "playbook_version", metadata, *key("version"), *must("name source"), *must("at", Utc)
)

playbook_state = Table(
    "playbook_state", metadata, *key("playbook"), *must("state by reason"), *must("percent", Integer),
    *must("at", Utc), one_of("state", STATES),
)  # fmt: skip

saved = Table(
    "saved", metadata, *key("id"), *must("playbook by reason commit"), *must("at", Utc),
    *must("before after authors", Json), *may("settled_at", Utc), Index("ix_saved_playbook", "playbook", "at"),
    some("ix_saved_unsettled", "at", "settled_at is null"),
)  # fmt: skip
playbook_published = Table(
    "playbook_published",
    metadata,
    numbered(),
    *must("playbook state by reason version before"),
    *must("percent before_percent", Integer),
    *must("at", Utc),
    Index("ix_playbook_published_playbook", "playbook", "seq"),
    some("ix_playbook_published_disabled", "playbook at", "state = 'disabled'"),
)
"""What ops said about a playbook, each time, with what it was before."""

blast = Table(
    "blast",
    metadata,
    *key("playbook"),
    Column("nth", Integer, primary_key=True, nullable=False, autoincrement=False),
    *must("state", Word(Answer)),
    *must("since", Utc),
    *must("accounts may", Integer),
    *must("by reason"),
    *may("at", Utc),
    one_of("state", Answer),
    some("ix_blast_stands", "playbook", is_in("state", Answer.ASKING, Answer.LET_GO)),
    some("ix_blast_refused", "at", is_in("state", Answer.REFUSED)),
)
"""Each time that a playbook reached for more accounts than it may, and what a second person said."""

missed = Table("missed", metadata, *key("playbook account event"), *must("due", Utc), sqlite_with_rowid=False)
"""Triggers that came while their playbook was paused: judged once it goes on."""

setting = Table("setting", metadata, *key("name"), *must("value"))

heartbeat = Table("heartbeat", metadata, *key("name"), *must("at", Utc), *must("detail"))

suppression = Table("suppression", metadata, *key("hash channel"), *must("why"), *must("at", Utc))

audit = Table(
    "audit", metadata, Column("seq", BigInteger, primary_key=True, autoincrement=False), *must("at", Utc),
    *must("who what subject why prev hash"), Index("ix_audit_subject", "subject"),
)  # fmt: skip

counter = Table("counter", metadata, *key("name"), *must("value", BigInteger), *must("word"))
"""Numbers that must grow without a gap in order of commit: the feed, the feed of holds, the audit chain (with the
last hash). Locked as the last thing of a unit."""

# --- who may, and what was read -----------------------------------------------------------------------

app_user = Table(
    "app_user", metadata, *key("id"), *must("name email password_hash role"), *may("manager zone"),
    *must("active", Boolean), *may("phone issuer subject"), Index("ux_app_user_email", "email", unique=True),
    Index("ux_app_user_subject", "issuer", "subject", unique=True),
)  # fmt: skip

reach = Table(
    "reach", metadata, *key("user"), *must("ways", Json(tuple[Way, ...])), *may("quiet_from quiet_until"),
    *must("always", Boolean), *may("sound_at", Utc),
)  # fmt: skip
"""Where and when a colleague is reached away from the desk."""

alert = Table(
    "alert", metadata, *key("user thing"), *must("at", Utc), *must("state"), *must("tries", Integer), *must("why"),
    *may("again_at", Utc), one_of("state", ("sending", "sent", "again", "failed", "unknown", "none")),
    Index("ix_alert_user", "user", "at"),
)  # fmt: skip
"""What a colleague was told, or may have been: of each thing once."""

api_token = Table(
    "api_token", metadata, *key("hash"), *must("name"), *must("scopes", Json(tuple[str, ...])),
    *must("created", Utc), *may("expires", Utc), *must("revoked", Boolean),
)  # fmt: skip

import_progress = Table(
    "import_progress", metadata, *key("digest"), *must("name"), *must("offset", BigInteger),
    *must("accepted bad", Integer), *may("finished_at", Utc),
)  # fmt: skip

"""What a story may say: the tables of keys that the reader checks it by and the reference is made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from outreach.domain.account import PromiseState
from outreach.domain.facts import Purpose
from outreach.domain.failure import FailureState
from outreach.domain.touch import Disposition
from outreach.lab.story_time import PATTERN, When
from outreach.library.groups import Group, Key, Many
from outreach.library.kinds import (
    Choice,
    EventName,
    Flag,
    Number,
    Reading,
    Schema,
    SeverityKind,
    Text,
    text_of,
)
from outreach.library.tree import Node, Table, plain

NOTHING = "nothing"


@dataclass(frozen=True)
class Moment:
    """A time in a story."""

    words: str = "a time, such as Mon 09:00 or +10d"

    def read(self, node: Node, reading: Reading) -> When | None:
        scalar = text_of(node, reading, self.words)
        if scalar is None:
            return None
        try:
            return When.parse(scalar.text)
        except ValueError as error:
            what, _, remedy = str(error).partition("; ")
            reading.note(scalar, what, remedy)
            return None

    def schema(self) -> Schema:
        return {"type": "string", "pattern": PATTERN, "examples": ["Mon 09:00", "+10d", "2026-03-02T09:00"]}


@dataclass(frozen=True)
class Fields:
    """A mapping that the vocabulary checks when the story is told."""

    words: str = "a mapping of fields"

    def read(self, node: Node, reading: Reading) -> dict[str, Any] | None:
        if isinstance(node, Table):
            value: dict[str, Any] = plain(node)
            return value
        reading.note(node, f"this must be {self.words}")
        return None

    def schema(self) -> Schema:
        return {"type": "object"}


def _text(name: str, doc: str, required: bool = False) -> Key:
    return Key(name, Text(), doc, required=required)


_ROLES = Key("role", Many(Text()), "What they are there: buyer, user, decision_maker, payer.")
_PERSON = (
    _text("id", "The person.", True), _text("name", "First and last name; made of the id where it is missing."),
    _text("phone", "With country code."), _text("email", "An address."),
    Key("mobile", Flag(), "The phone is a mobile phone."), _text("language", "Such as de."),
    _text("zone", "IANA zone."), _text("country", "Two letters."), _text("region", "State or province."),
    _text("greeting", "How they like to be addressed."),
)  # fmt: skip
_MEMBERSHIP = Group(
    "a membership",
    (_text("account", "The account.", True), Key("roles", Many(Text()), "What they are there.")),
)
_ACCOUNT = (
    _text("id", "The account.", True), _text("name", "What it is called."),
    Key("kind", Choice(("business", "private")), "A business or a private customer."),
    _text("tier", "The company's own word for its standing."), _text("owner", "The account manager."),
    _text("team", "The team that steps in."), _text("zone", "Where they live."), _text("country", "Two letters."),
    _text("region", "State or province."), _text("language", "Such as de."), _text("parent", "Whose site it is."),
    _text("group", "Under whose roof it buys."), Key("value", Number(), "What they buy in a year."),
)  # fmt: skip
PERSON = Group("a person", (*_PERSON, Key("accounts", Many(_MEMBERSHIP, or_one=False), "Where they belong.")))
PERSON_THERE = Group("a person", (*_PERSON, _ROLES))
ACCOUNT = Group(
    "an account", (*_ACCOUNT, Key("people", Many(PERSON_THERE, or_one=False), "Who is known there."))
)
GIVEN = Group(
    "given",
    (
        Key("account", ACCOUNT, "The one account that it is about."),
        Key("accounts", Many(ACCOUNT, or_one=False), "The accounts, when there are several."),
        Key("people", Many(PERSON, or_one=False), "People who belong to several accounts."),
    ),
)

_PROMISE = Group(
    "a promise",
    (
        _text("what", "What we said we would do.", True), Key("by", Moment(), "By when.", required=True),
        _text("id", "Its id, where the story speaks of it later."), _text("failure", "What it is to mend."),
    ),
)  # fmt: skip
_PUT_RIGHT = Group(
    "put_right",
    (
        Key("said_by", Choice(("customer", "am")), "Whose word it is.", "am"), _text("reason", "Why the AM says so."),
        Key("failure", Many(Text()), "Which failures, as kind/key; all that the ticked lines are about."),
    ),
)  # fmt: skip

ACTS: dict[str, Group] = {
    "event": Group(
        "an event",
        (
            Key("type", EventName(), "From vocabulary.yaml.", required=True),
            _text("subject", "An account, or person:<id>; the story's only account."),
            Key("data", Fields(), "Its fields."), _text("id", "Its id; needed to send it again or revised."),
            _text("source", "Where it comes from.", False), Key("time", Moment(), "When it happened; now."),
            Key("sequence", Number(whole=True), "The CloudEvents sequence."),
            Key("answer", Choice(("accepted", "duplicate", "revised", "parked", "quarantined")), "What we say to it."),
        ),
    ),
    "put": Group(
        "put",
        (Key("account", Group("an account", _ACCOUNT), "What is known of it now."),
         Key("person", PERSON, "What is known of them now.")),
    ),
    "outcome": Group(
        "an outcome",
        (
            _text("call", "Whose card it is about.", True), Key("reached", Flag(), "Two people have spoken."),
            Key("disposition", Choice(Disposition), "What came of the dial, when not reached."),
            _text("because", "Only the lines of this playbook; all calls on the card."),
            Key("promise", _PROMISE, "What we promised."), Key("put_right", _PUT_RIGHT, "What is put right now."),
            Key("prefers", Fields(), "How they like to be treated: channel, not_channel, hours, days, pause, wait_for, confide, name, language, note."),
            _text("by", "Who called; the card's caller."), _text("note", "What was said."),
        ),
    ),
    "dial": Group(
        "a dial",
        (_text("call", "Whose card it is about.", True), _text("refused", "The reason's code."), _text("by", "Who.")),
    ),
    "done": Group(
        "a task done",
        (_text("task", "Whose card it is on.", True), _text("because", "The playbook."), _text("by", "Who did it.")),
    ),
    "reply": Group(
        "a reply",
        (
            _text("person", "Who wrote.", True), Key("channel", Choice(("email", "sms")), "How.", "email"),
            _text("text", "Their words."), _text("account", "About which account; the first of theirs."),
        ),
    ),
    "opt_out": Group(
        "an opt-out", (_text("person", "Who.", True), _text("channel", "call, email, sms or all.", True))
    ),
    "release": Group(
        "a release", (_text("draft", "To whom.", True), _text("because", "The playbook."), _text("by", "Who released it."))
    ),
    "discard": Group(
        "a discard",
        (_text("draft", "To whom.", True), _text("because", "The playbook."), _text("reason", "Why.", True),
         _text("by", "Who discarded it.")),
    ),
    "put_right": Group(
        "put_right",
        (_text("failure", "kind/key", True), _text("account", "Whose."), _text("reason", "Why the AM says so."),
         Key("said_by", Choice(("customer", "am")), "Whose word it is.", "customer"), _text("by", "Who wrote it down.")),
    ),
    "not_right": Group(
        "not_right",
        (_text("failure", "kind/key", True), _text("account", "Whose."), _text("reason", "What is wrong."),
         _text("by", "Who said so.")),
    ),
    "let_be": Group(
        "let_be",
        (_text("failure", "kind/key", True), _text("account", "Whose."), _text("reason", "Why.", True),
         _text("by", "Which manager.")),
    ),
    "publish": Group(
        "publish",
        (
            _text("playbook", "Which.", True), _text("reason", "Why."),
            Key("state", Choice(("shadow", "percent", "live", "paused", "disabled")), "What it is now.", required=True),
            Key("percent", Number(0, 100, whole=True), "Of the accounts."),
        ),
    ),
    "stop_all": Group("stop_all", (_text("reason", "Why.", True),)),
    "resume_all": Group("resume_all", (_text("reason", "Why.", True),)),
}  # fmt: skip

_BECAUSE = _text("because", "The playbook.")
_PURPOSES = Many(Choice(Purpose))
_HOLD = Key("hold", _PURPOSES, "Purposes that are held back for them.")

EXPECTATIONS: dict[str, Group] = {
    "call": Group(
        "a call",
        (
            _text("call", "Who is to be called: a line on their card on the desk.", True), _BECAUSE,
            Key("by", Moment(), "The promised hour, exactly."), Key("from", Moment(), "Since when it is on the desk."),
            _text("brief", "The brief's file."), _HOLD, _text("caller", "Who calls."),
            Key("late", Flag(), "Past its promised hour."), _text("says", "Words that the brief must have."),
        ),
    ),
    "no_call": Group("no call", (_text("no_call", "Who has no call on the desk.", True), _BECAUSE)),
    "draft": Group(
        "a draft",
        (_text("draft", "To whom it lies ready.", True), _BECAUSE, _text("template", "Its file."),
         Key("channel", Choice(("email", "sms")), "How it goes."), _text("says", "Words that it must have."), _HOLD),
    ),
    "email": Group(
        "an e-mail",
        (_text("email", "Who has got one since the moment before.", True), _BECAUSE, _text("says", "Its words."), _HOLD),
    ),
    "sms": Group(
        "an SMS",
        (_text("sms", "Who has got one since the moment before.", True), _BECAUSE, _text("says", "Its words."), _HOLD),
    ),
    "task": Group("a task", (_text("task", "On whose card, or who does it.", True), _BECAUSE)),
    "card": Group(
        "a card",
        (_text("card", "Whose.", True), Key("lines", Number(0, 100, whole=True), "Calls and tasks on it.", required=True)),
    ),
    "failure": Group(
        "a failure",
        (
            _text("failure", "kind/key", True), _text("account", "Whose; any account's."),
            Key("state", Choice(FailureState), "What it is."), Key("severity", SeverityKind(), "How bad."),
            Key("round", Number(1, 100, whole=True), "Which round."), Key("owed", Flag(), "Known too late."),
            Key("climbed", Number(0, 4, whole=True), "1 owner, 2 manager, 4 named person."),
        ),
    ),
    "promise": Group(
        "a promise", (_text("promise", "Its id.", True), Key("state", Choice(PromiseState), "What it is.", required=True))
    ),
    "run": Group(
        "a run",
        (_text("run", "The playbook.", True), Key("state", Choice(("open", "ended")), "The newest one is."),
         _text("reason", "Why it ended."), _text("account", "Whose; any account's.")),
    ),
    "no_run": Group("no run", (_text("no_run", "The playbook that has started none.", True),)),
    "may_send": Group(
        "may_send",
        (
            Key(
                "may_send",
                Group(
                    "may_send",
                    (
                        _text("person", "Whom."), _text("email", "Or at which address."), _text("phone", "Or number."),
                        _text("account", "One that they belong to."), _text("channel", "How."),
                        Key("purpose", Choice(Purpose), "For what.", required=True),
                        Key("answer", Choice(("allow", "hold", "deny")), "What we say.", required=True),
                    ),
                ),
                "What other senders are told.", required=True,
            ),
        ),
    ),
    "no_hold": Group("no hold", (Key("no_hold", _PURPOSES, "Purposes that are held back for nobody.", required=True),)),
    "hold": Group("a hold", (Key("hold", _PURPOSES, "Purposes that are held back for everybody given.", required=True),)),
    "question": Group(
        "a question",
        (
            Key("question", Choice(("winback",)), "The question that may be asked now.", required=True),
            _text("person", "Whom.", True),
            Key("ruling", Choice(("may_ask", "only_if_raised", "may_not")), "And how."),
        ),
    ),
    "unreached": Group(
        "the board of the unreached",
        (Key("unreached", Many(Text(), empty=True), "The failures on it, as kind/key.", required=True),),
    ),
}  # fmt: skip
"""Kind → its keys; the kind is also the key that names it. More than one may be a kind's key (a call may
name a hold), so the first kind in this order decides."""

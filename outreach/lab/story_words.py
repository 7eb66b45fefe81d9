"""What a story may give and expect: the tables of keys that the reader checks it by."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from outreach.domain.account import PromiseState
from outreach.domain.facts import Purpose
from outreach.domain.failure import FailureState
from outreach.domain.touch import Status
from outreach.lab.story_time import PATTERN, When
from outreach.library.groups import Group, Key, Many
from outreach.library.kinds import (
    Choice,
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


def text_key(name: str, doc: str, required: bool = False) -> Key:
    return Key(name, Text(), doc, required=required)


_ROLES = Key("role", Many(Text()), "What they are there: buyer, user, decision_maker, payer.")
_PERSON = (
    text_key("id", "The person.", True), text_key("name", "First and last name; made of the id where it is missing."),
    text_key("phone", "With country code."), text_key("email", "An address."),
    Key("mobile", Flag(), "The phone is a mobile phone."), text_key("language", "Such as de."),
    text_key("zone", "IANA zone."), text_key("country", "Two letters."), text_key("region", "State or province."),
    text_key("greeting", "How they like to be addressed."),
)  # fmt: skip
_MEMBERSHIP = Group(
    "a membership",
    (text_key("account", "The account.", True), Key("roles", Many(Text()), "What they are there.")),
)
ACCOUNT_KEYS = (
    text_key("id", "The account.", True), text_key("name", "What it is called."),
    Key("kind", Choice(("business", "private")), "A business or a private customer."),
    text_key("tier", "The company's own word for its standing."), text_key("owner", "The account manager."),
    text_key("team", "The team that steps in."), text_key("zone", "Where they live."), text_key("country", "Two letters."),
    text_key("region", "State or province."), text_key("language", "Such as de."), text_key("parent", "Whose site it is."),
    text_key("group", "Under whose roof it buys."), Key("value", Number(), "What they buy in a year."),
)  # fmt: skip
PERSON = Group("a person", (*_PERSON, Key("accounts", Many(_MEMBERSHIP, or_one=False), "Where they belong.")))
PERSON_THERE = Group("a person", (*_PERSON, _ROLES))
ACCOUNT = Group(
    "an account", (*ACCOUNT_KEYS, Key("people", Many(PERSON_THERE, or_one=False), "Who is known there."))
)
GIVEN = Group(
    "given",
    (
        Key("account", ACCOUNT, "The one account that it is about."),
        Key("accounts", Many(ACCOUNT, or_one=False), "The accounts, when there are several."),
        Key("people", Many(PERSON, or_one=False), "People who belong to several accounts."),
    ),
)

_BECAUSE = text_key("because", "The playbook.")
_WRITTEN = tuple(status.value for status in Status if status not in (Status.ON_DESK, Status.SETTLED))
_PURPOSES = Many(Choice(Purpose))
_HOLD = Key("hold", _PURPOSES, "Purposes that are held back for them.")

EXPECTATIONS: dict[str, Group] = {
    "call": Group(
        "a call",
        (
            text_key("call", "Who is to be called: a line on their card on the desk.", True), _BECAUSE,
            Key("by", Moment(), "The promised hour, exactly."), Key("from", Moment(), "Since when it is on the desk."),
            text_key("brief", "The brief's file."), _HOLD, text_key("caller", "Who calls."),
            text_key("on", "On whose desk: the caller's, or of whoever stands in for them."),
            Key("late", Flag(), "Past its promised hour."), text_key("says", "Words that the brief must have."),
        ),
    ),
    "no_call": Group("no call", (text_key("no_call", "Who has no call on the desk.", True), _BECAUSE)),
    "draft": Group(
        "a draft",
        (text_key("draft", "To whom it lies ready.", True), _BECAUSE, text_key("template", "Its file."),
         Key("channel", Choice(("email", "sms")), "How it goes."), text_key("says", "Words that it must have."), _HOLD),
    ),
    "email": Group(
        "an e-mail",
        (text_key("email", "Who has got one since the moment before.", True), _BECAUSE, text_key("says", "Its words."), _HOLD),
    ),
    "sms": Group(
        "an SMS",
        (text_key("sms", "Who has got one since the moment before.", True), _BECAUSE, text_key("says", "Its words."), _HOLD),
    ),
    "message": Group(
        "a message",
        (text_key("message", "To whom: the newest one that was to be written to them.", True), _BECAUSE,
         Key("channel", Choice(("email", "sms")), "How."),
         Key("state", Choice(_WRITTEN), "What became of it.", required=True)),
    ),
    "task": Group("a task", (text_key("task", "On whose card, or who does it.", True), _BECAUSE)),
    "card": Group(
        "a card",
        (text_key("card", "Whose.", True), Key("lines", Number(0, 100, whole=True), "Calls and tasks on it.", required=True)),
    ),
    "failure": Group(
        "a failure",
        (
            text_key("failure", "kind/key", True), text_key("account", "Whose; any account's."),
            Key("state", Choice(FailureState), "What it is."), Key("severity", SeverityKind(), "How bad."),
            Key("round", Number(1, 100, whole=True), "Which round."), Key("owed", Flag(), "Known too late."),
            Key("climbed", Number(0, 4, whole=True), "1 owner, 2 manager, 4 named person."),
        ),
    ),
    "promise": Group(
        "a promise", (text_key("promise", "Its id.", True), Key("state", Choice(PromiseState), "What it is.", required=True))
    ),
    "run": Group(
        "a run",
        (text_key("run", "The playbook.", True), Key("state", Choice(("open", "ended")), "The newest one is."),
         text_key("reason", "Why it ended."), text_key("account", "Whose; any account's.")),
    ),
    "no_run": Group("no run", (text_key("no_run", "The playbook that has started none.", True),)),
    "may_send": Group(
        "may_send",
        (
            Key(
                "may_send",
                Group(
                    "may_send",
                    (
                        text_key("person", "Whom."), text_key("email", "Or at which address."), text_key("phone", "Or number."),
                        text_key("account", "One that they belong to."), text_key("channel", "How."),
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
            text_key("person", "Whom.", True),
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

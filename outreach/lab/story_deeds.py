"""What may be done in a story: the tables of keys that the reader checks it by."""

from __future__ import annotations

from outreach.channels.null import OUTCOMES as PROVIDERS
from outreach.domain.plan import STATES
from outreach.domain.touch import Disposition
from outreach.lab.story_words import ACCOUNT_KEYS, PERSON, Fields, Moment, text_key
from outreach.library.groups import Group, Key, Many
from outreach.library.kinds import Choice, EventName, Flag, Number, Text

_PROMISE = Group(
    "a promise",
    (
        text_key("what", "What we said we would do.", True), Key("by", Moment(), "By when.", required=True),
        text_key("id", "Its id, where the story speaks of it later."), text_key("failure", "What it is to mend."),
    ),
)  # fmt: skip
_PUT_RIGHT = Group(
    "put_right",
    (
        Key("said_by", Choice(("customer", "am")), "Whose word it is.", "am"), text_key("reason", "Why the AM says so."),
        Key("failure", Many(Text()), "Which failures, as kind/key; all that the ticked lines are about."),
    ),
)  # fmt: skip

ACTS: dict[str, Group] = {
    "event": Group(
        "an event",
        (
            Key("type", EventName(), "From vocabulary.yaml.", required=True),
            text_key("subject", "An account, or person:<id>; the story's only account."),
            Key("data", Fields(), "Its fields."), text_key("id", "Its id; needed to send it again or revised."),
            text_key("source", "Where it comes from.", False), Key("time", Moment(), "When it happened; now."),
            Key("sequence", Number(whole=True), "The CloudEvents sequence."),
            Key("answer", Choice(("accepted", "duplicate", "revised", "parked", "quarantined")), "What we say to it."),
        ),
    ),
    "put": Group(
        "put",
        (Key("account", Group("an account", ACCOUNT_KEYS), "What is known of it now."),
         Key("person", PERSON, "What is known of them now.")),
    ),
    "outcome": Group(
        "an outcome",
        (
            text_key("call", "Whose card it is about.", True), Key("reached", Flag(), "Two people have spoken."),
            Key("disposition", Choice(Disposition), "What came of the dial, when not reached."),
            text_key("because", "Only the lines of this playbook; all calls on the card."),
            Key("promise", _PROMISE, "What we promised."), Key("put_right", _PUT_RIGHT, "What is put right now."),
            Key("prefers", Fields(), "How they like to be treated: channel, not_channel, hours, days, pause, wait_for, confide, name, language, note."),
            text_key("by", "Who called; the card's caller."), text_key("note", "What was said."),
        ),
    ),
    "dial": Group(
        "a dial",
        (text_key("call", "Whose card it is about.", True), text_key("refused", "The reason's code."), text_key("by", "Who.")),
    ),
    "done": Group(
        "a task done",
        (text_key("task", "Whose card it is on.", True), text_key("because", "The playbook."), text_key("by", "Who did it.")),
    ),
    "reply": Group(
        "a reply",
        (
            text_key("person", "Who wrote.", True), Key("channel", Choice(("email", "sms")), "How.", "email"),
            text_key("text", "Their words."), text_key("account", "About which account; the first of theirs."),
        ),
    ),
    "opt_out": Group(
        "an opt-out", (text_key("person", "Who.", True), text_key("channel", "call, email, sms or all.", True))
    ),
    "release": Group(
        "a release", (text_key("draft", "To whom.", True), text_key("because", "The playbook."), text_key("by", "Who released it."))
    ),
    "discard": Group(
        "a discard",
        (text_key("draft", "To whom.", True), text_key("because", "The playbook."), text_key("reason", "Why.", True),
         text_key("by", "Who discarded it.")),
    ),
    "put_right": Group(
        "put_right",
        (text_key("failure", "kind/key", True), text_key("account", "Whose."), text_key("reason", "Why the AM says so."),
         Key("said_by", Choice(("customer", "am")), "Whose word it is.", "customer"), text_key("by", "Who wrote it down.")),
    ),
    "not_right": Group(
        "not_right",
        (text_key("failure", "kind/key", True), text_key("account", "Whose."), text_key("reason", "What is wrong."),
         text_key("by", "Who said so.")),
    ),
    "let_be": Group(
        "let_be",
        (text_key("failure", "kind/key", True), text_key("account", "Whose."), text_key("reason", "Why.", True),
         text_key("by", "Which manager.")),
    ),
    "away": Group(
        "an absence",
        (
            text_key("who", "Which colleague.", True), text_key("cover", "Who stands in.", True),
            Key("until", Moment(), "When they are back; not given: they have left."), text_key("note", "What the cover needs to know."),
        ),
    ),
    "back": Group("a return", (text_key("who", "Which colleague is back before their time.", True),)),
    "provider": Group(
        "the provider",
        (Key("does", Many(Choice(PROVIDERS)), "With the next messages, one word each; after that it takes all.", required=True),),
    ),
    "crash": Group("a crash", (text_key("why", "In words, for whoever reads it."),)),
    "publish": Group(
        "publish",
        (
            text_key("playbook", "Which.", True), text_key("reason", "Why."),
            Key("state", Choice(STATES), "What it is now.", required=True),
            Key("percent", Number(0, 100, whole=True), "Of the accounts."),
        ),
    ),
    "stop_all": Group("stop_all", (text_key("reason", "Why.", True),)),
    "resume_all": Group("resume_all", (text_key("reason", "Why.", True),)),
}  # fmt: skip

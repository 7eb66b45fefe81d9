"""The tables of every key that playbooks and defaults.yaml may have. Reader, JSON Schema and reference
page are made from them; what is not in a table is an unknown key.
"""

from __future__ import annotations

from typing import Any

from outreach.domain.facts import Purpose
from outreach.domain.playbook import By, IfRunning, Review, Scope
from outreach.library.groups import Group, Key, Many, Named
from outreach.library.kinds import (
    Choice,
    EventName,
    Expression,
    Length,
    Number,
    Reading,
    Schema,
    SeverityKind,
    Text,
    did_you_mean,
)
from outreach.library.tree import Node, Scalar, Table
from outreach.library.yaml_reader import read_table

PURPOSES = tuple(one.value for one in Purpose if one is not Purpose.TRANSACTIONAL)
HELD = (Purpose.MARKETING.value, Purpose.REORDER.value, Purpose.WINBACK.value)
WRITTEN = ("email", "sms")
STEP_KINDS = ("call", "email", "sms", "task", "wait")
OUTCOMES = ("no_answer", "busy", "voicemail", "wrong_number")
KNOWN_WHOM = ("hurt_person", "owner", "decision_maker", "buyer", "user", "payer")
NAME = r"[a-z][a-z0-9]*(-[a-z0-9]+)*"


class RemedyKind:
    """``redeliver_express``, or with a limit ``{credit: 200, above: manager}``."""

    words = "a remedy's name, or {name: limit, above: whom to ask}"
    _name = Text("a remedy's name, such as redeliver_express", "[a-z][a-z0-9_]*")

    def read(self, node: Node, reading: Reading) -> tuple[str, float | None, str | None] | None:
        if isinstance(node, Scalar):
            name = self._name.read(node, reading)
            return (name, None, None) if name else None
        named = [one for one in node if one[0] != "above"] if isinstance(node, Table) else []
        if len(named) != 1 or not isinstance(node, Table):
            reading.note(node, f"this must be {self.words}", "write `{credit: 200, above: manager}`")
            return None
        name, key, limit = named[0]
        above = node.get("above")
        asked = Text("who is asked above the limit").read(above, reading) if above else None
        return (self._name.read(key, reading) or name, Number().read(limit, reading), asked)

    def schema(self) -> Schema:
        name = self._name.schema()
        limits = {
            "type": "object",
            "minProperties": 1,
            "maxProperties": 2,
            "propertyNames": name,
            "properties": {"above": Text().schema() | {"description": "who is asked above the limit"}},
            "additionalProperties": Number().schema() | {"description": "up to so much without asking"},
        }
        return {"anyOf": [name, limits]}


HOLD = Group(
    "hold",
    (
        Key("purposes", Many(Choice(HELD)), "which mail is withheld, ours and others'", required=True),
        Key("scope", Choice(Scope), "whose; account and group only from severity high. Every scope includes the hurt person's endpoints on all their accounts", required=True),
        Key("after_close", Length(), "how long after the failure is closed", required=True),
        Key("at_most", Length(), "counted from the start; ends it with an alarm", required=True),
    ),
    from_defaults=True,
)  # fmt: skip
BRANCH = Group(
    "if_resolved",
    (
        Key("brief", Text("a file in templates/"), "what remaining calls say instead"),
        Key("template", Text("a file in templates/"), "what remaining mails and SMS say instead"),
    ),
)
RUNG = Group(
    "a ladder's rung",
    (
        Key("again_in", Length(), "when the next attempt is due", required=True),
        Key(
            "at_most",
            Number(1, 20, whole=True),
            "attempts in all, then the run is `unreached`",
            required=True,
        ),
        Key("voicemail", Choice(("once", "never")), "whether a message may be left", "never"),
    ),
    from_defaults=True,
)
SUCCESS = Group(
    "success",
    (
        Key("event", EventName(), "what counts as success", required=True),
        Key("within", Length(business=False), "counted from the run's start", required=True),
        Key("where", Expression(), "only when this holds for that event"),
    ),
    from_defaults=True,
)

_WHOM = Many(Text("hurt_person, owner, decision_maker or a role", "[a-z][a-z0-9_]*"))
_FILE = Text("a file in templates/", r"[A-Za-z0-9][A-Za-z0-9_.-]*(/[A-Za-z0-9][A-Za-z0-9_.-]*)*")
_WITHIN_CALL = Key(
    "within", Length(), "the promise clock, in the team's calendar; past it the call is overdue and climbs"
)
_WITHIN_MAIL = Key(
    "within", Length(), "no later than this after it is due; then it expires", "3 business days"
)
_AFTER = Key(
    "after",
    Length(),
    "counts from when the previous step became due, and the previous card stays open; without it the step waits until the previous one settled",
    "none",
)
_IF = Key(
    "if", Expression(), "false: the step is skipped with its reason; asked again before it is sent", "true"
)
_BY = Key("by", Choice(By), "who of us: the account's owner, or who leads the team", "owner")
_TEMPLATE = Key("template", _FILE, "the message, a file in templates/", required=True)
_REVIEW = Key(
    "review",
    Choice(Review),
    "owner: a draft which a human releases",
    "owner for service_recovery and winback, else none",
)

STEPS: dict[str, Group] = {
    "call": Group(
        "a call step",
        (
            Key("call", _WHOM, "whom; a list is tried in order", required=True),
            _BY, _WITHIN_CALL, _AFTER, _IF,
            Key("brief", _FILE, "the call brief, a file in templates/"),
            Key("ladder", Named(RUNG, OUTCOMES, "outcome"), "what to do after an attempt that ended so", "one attempt"),
        ),
    ),
    "email": Group("an email step", (Key("email", _WHOM, "whom", required=True), _BY, _WITHIN_MAIL, _AFTER, _IF, _TEMPLATE, _REVIEW)),
    "sms": Group("an sms step", (Key("sms", _WHOM, "whom", required=True), _BY, _WITHIN_MAIL, _AFTER, _IF, _TEMPLATE, _REVIEW)),
    "task": Group(
        "a task step",
        (
            Key("task", Text(), "what is to be done; no contact", required=True),
            Key("for", Many(Text("a role, a team or a user")), "who does it", "owner"),
            Key("within", Length(), "past it the task is overdue"),
            _AFTER, _IF,
            Key("brief", _FILE, "more about it, a file in templates/"),
        ),
    ),
    "wait": Group(
        "a wait step",
        (
            Key("wait", Length(), "the longest wait", required=True),
            Key("for", EventName(), "goes on as soon as this happens"),
            _AFTER, _IF,
        ),
    ),
}  # fmt: skip


class StepKind:
    """A mapping whose kind is told by the one key of STEP_KINDS it has. The value: (kind, values)."""

    words = f"a step: a mapping with {', '.join(STEP_KINDS[:-1])} or {STEP_KINDS[-1]}"

    def read(self, node: Node, reading: Reading) -> tuple[str, dict[str, Any]] | None:
        kind = kind_of(node)
        if kind is None:
            keys = list(node.entries) if isinstance(node, Table) else []
            if len(both := [key for key in keys if key in STEP_KINDS]) > 1:
                reading.note(node, f"this step is {' and '.join(both)} at once", "make it a step each")
                return None
            remedy = next(
                (hint for key in keys if "?" in (hint := did_you_mean(key, STEP_KINDS))),
                "write `- call: hurt_person`",
            )
            reading.note(node, f"this must be {self.words}", remedy)
            return None
        values = STEPS[kind].read(node, reading)
        return (kind, values) if values is not None else None

    def schema(self) -> Schema:
        return {"anyOf": [group.schema() for group in STEPS.values()]}


def kind_of(node: Node) -> str | None:
    """Which kind of step this is; None when it is none or more than one."""
    kinds = [kind for kind in STEP_KINDS if isinstance(node, Table) and kind in node.entries]
    return kinds[0] if len(kinds) == 1 else None


PLAYBOOK = Group(
    "a playbook",
    (
        Key("playbook", Text("a name like late-delivery", NAME), "its name, the same as the file's", required=True),
        Key("title", Text(), "one line for lists", required=True),
        Key("why", Text(), "shown to the account manager", required=True),
        Key("purpose", Choice(PURPOSES), "why we may contact; decides the law that applies", required=True),
        Key("severity", SeverityKind(), "rank and escalation; required for service_recovery", "low; medium for callback"),
        Key("priority", Number(-1000, 1000, whole=True), "who speaks first at equal severity: the higher", "0"),
        Key("supersedes", Many(Text("a playbook's name", NAME)), "runs of these playbooks end when a run of this one starts", "none"),
        Key("when", Many(EventName()), "what starts it", required=True),
        Key("if", Expression(), "judged as of the trigger's event time", "true"),
        Key("once_per", Expression(), "one run per account and value, for ever; what only a run in shadow took is free once it is live", "the event's id"),
        Key("if_running", Choice(IfRunning), "when another run of this playbook is open for the account; `restart` ends that one, among runs about failures only the same failure's", "parallel for service_recovery and callback, else ignore"),
        Key("horizon", Length(business=False), "how old a trigger may be on arrival", "14d"),
        Key("cooldown", Length(business=False), "since the last run's start for this account", "none"),
        Key("hold", HOLD, "generic mail withheld meanwhile", "none"),
        Key("still_open", Expression(), "judged as of now before every step and at the dial", "true"),
        Key("if_resolved", BRANCH, "what the remaining steps say once `still_open` is false; without it the run ends"),
        Key("stop_when", Many(Expression()), "event types or expressions that stop its steps: what was still to be written is cancelled, a call on the desk stays there, and a run about a failure stays open until that is put right; a person's erasure and refusal always do", "person.erased, person.refused, message.received"),
        Key("may_offer", Many(RemedyKind()), "for the affected order only", "none"),
        Key("holdout", Number(0, 50), "percent of accounts left out for comparison; never for service_recovery or callback", "0"),
        Key("steps", Many(StepKind(), or_one=False), "what is done, in order", required=True),
        Key("success", SUCCESS, "what is measured"),
    ),
)  # fmt: skip

_NO_DEFAULT = ("playbook", "title", "why", "purpose", "when", "steps")
DEFAULT_KEYS = tuple(key.name for key in PLAYBOOK.keys if key.name not in _NO_DEFAULT)
"""What defaults.yaml may say for all playbooks of a purpose, besides ``steps``: kind of step → its keys."""

BUILT_IN = read_table(
    "built in",
    """
all:
  if_running: ignore
  horizon: 14d
  stop_when: [person.erased, person.refused, message.received]
  steps:
    email: {within: 3 business days, review: none}
    sms: {within: 3 business days, review: none}
service_recovery:
  if_running: parallel
  steps: {email: {review: owner}, sms: {review: owner}}
callback: {if_running: parallel, severity: medium}
winback:
  severity: low
  steps: {email: {review: owner}, sms: {review: owner}}
reorder: {severity: low}
marketing: {severity: low}
""",
)
"""The farthest layer of defaults, in the form of defaults.yaml."""

"""The shapes of the API, from which bodies are checked and its description is made."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

Text = Field(default=None, max_length=512)
Endpoint = Field(default=None, max_length=254)


class Strict(BaseModel):
    """A misspelt field is an error, not silence."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)


class Id(BaseModel):
    id: str = Field(min_length=1, max_length=512, description="Your own id. Must not be personal data.")


class AccountBody(Strict):
    """What is known of an account. Fields left out stay as they were."""

    name: str | None = Text
    kind: Literal["business", "private"] | None = None
    tier: str | None = Text
    owner: str | None = Field(default=None, max_length=512, description="The account manager's user name.")
    team: str | None = Text
    zone: str | None = Field(default=None, max_length=64, description="Time zone, like Europe/Berlin.")
    country: str | None = Field(default=None, max_length=2, description="Two letters, like DE.")
    region: str | None = Text
    language: str | None = Text
    parent: str | None = Field(default=None, max_length=512, description="The account this is a site of.")
    group: str | None = Text
    value: float | None = Field(default=None, ge=0, description="Yearly value; leave out when unknown.")


class Membership(Strict):
    account: str = Field(min_length=1, max_length=512)
    roles: list[str] = Field(default=[], max_length=20, description="buyer, user, decision_maker, payer …")


class PersonBody(Strict):
    """What is known of a person. Fields left out stay as they were."""

    name: str | None = Text
    phone: str | None = Field(default=None, max_length=64, description="Best with country code.")
    email: str | None = Endpoint
    mobile: bool | None = None
    language: str | None = Text
    zone: str | None = Field(default=None, max_length=64)
    country: str | None = Field(default=None, max_length=2)
    region: str | None = Text
    greeting: str | None = Text
    accounts: list[Membership] | None = Field(default=None, max_length=100)


class Answer(BaseModel):
    """What became of one event. ``reasons`` for ``quarantined`` and ``parked``."""

    outcome: Literal["accepted", "duplicate", "revised", "parked", "quarantined"]
    reasons: list[str] = []


class ItemAnswer(Answer):
    id: str | None = None
    source: str | None = None


class BatchAnswer(BaseModel):
    """One answer per item, in order."""

    answers: list[ItemAnswer]


class Problem(BaseModel):
    """RFC 9457."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    faults: list[str] = []


class Asked(Strict):
    """One thing somebody wants to send: to a person, an e-mail address or a phone number."""

    purpose: Literal["service_recovery", "callback", "reorder", "winback", "marketing", "transactional"]
    person: str | None = Text
    email: str | None = Endpoint
    phone: str | None = Field(default=None, max_length=64)
    channel: Literal["email", "sms", "call"] | None = None

    @model_validator(mode="after")
    def one_of_them(self) -> Asked:
        if sum(value is not None for value in (self.person, self.email, self.phone)) != 1:
            raise ValueError("name one of person, email, phone")
        return self


class MaySendBody(Strict):
    asked: list[Asked] = Field(min_length=1, max_length=1000)


class Ruled(BaseModel):
    answer: Literal["allow", "hold", "deny"]
    reason: str
    sentence: str
    until: datetime | None = None


class MaySendAnswer(BaseModel):
    """In the order in which it was asked."""

    answers: list[Ruled]


class Cursor(BaseModel):
    model_config = ConfigDict(extra="forbid")
    cursor: int = Field(default=0, ge=0, le=2**62, description="The cursor of the last answer; 0 at first.")
    limit: int = Field(default=500, ge=1, le=1000)


class HoldChange(BaseModel):
    id: str
    account: str
    person: str | None
    group: str | None
    scope: str
    purposes: list[str]
    because: str
    since: datetime
    ends: datetime
    ended_at: datetime | None
    end_reason: str


class HoldsAnswer(BaseModel):
    """The newest state of every hold that changed after the cursor. Ask again with the new cursor."""

    cursor: int
    holds: list[HoldChange]


class FeedQuery(BaseModel):
    model_config = ConfigDict(extra="forbid")
    after: int | None = Field(
        default=None, ge=0, le=2**62,
        description="The cursor of the last answer. Left out: from the oldest that is kept.",
    )  # fmt: skip
    limit: int = Field(default=500, ge=1, le=1000)
    type: list[str] = Field(
        default=[], max_length=100, description="Only events of this type; may be repeated. Left out: all."
    )


class Told(BaseModel):
    """A CloudEvent 1.0. ``source`` and ``id`` name it for ever; where they come again, the greatest ``sequence`` is
    how it is now."""

    specversion: Literal["1.0"]
    id: str
    source: str
    type: str
    subject: str = Field(description="The account's id, or person:<id>.")
    time: datetime
    sequence: str = Field(description="Its place in the feed: 18 digits.")
    retracted: Literal[True] | None = Field(
        default=None, description="There when it was taken back; then without data."
    )
    datacontenttype: Literal["application/json"] | None = None
    data: dict[str, Any] | None = Field(
        default=None, description="The fields that the vocabulary names under `feed`."
    )


class FeedAnswer(BaseModel):
    """Ask again with the new cursor: at once while there are events, else after a while."""

    cursor: int
    events: list[Told]


class LookupBody(Strict):
    phone: str | None = Field(default=None, max_length=64)
    email: str | None = Endpoint

    @model_validator(mode="after")
    def one_of_them(self) -> LookupBody:
        if (self.phone is None) == (self.email is None):
            raise ValueError("name one of phone, email")
        return self


class FailureShort(BaseModel):
    account: str
    failure: str
    severity: str
    state: str
    since: datetime


class AccountShort(BaseModel):
    id: str
    name: str
    owner: str | None
    roles: list[str]


class PersonFound(BaseModel):
    id: str
    name: str
    accounts: list[AccountShort]
    preferences: list[str]
    opted_out: list[str]
    open_failures: list[FailureShort]


class LookupAnswer(BaseModel):
    people: list[PersonFound]


_EVENT: dict[str, Any] = {
    "type": "object",
    "required": ["specversion", "id", "source", "type", "subject"],
    "properties": {
        "specversion": {"const": "1.0"},
        "id": {"type": "string", "description": "With source, names the event for ever."},
        "source": {"type": "string", "examples": ["shop"]},
        "type": {"type": "string", "examples": ["delivery.delayed"]},
        "subject": {"type": "string", "description": "The account's id, or person:<id>."},
        "time": {"type": "string", "format": "date-time", "description": "When it happened; else now."},
        "sequence": {"type": "string", "description": "Orders revisions of one event."},
        "data": {"type": "object", "examples": [{"order_id": "o-1001", "days_late": 3}]},
    },
}
EVENT_BODIES: dict[str, Any] = {
    "required": True,
    "description": "A CloudEvent 1.0: structured, a batch of at most 1,000, or binary (ce-* headers).",
    "content": {
        "application/cloudevents+json": {"schema": _EVENT},
        "application/cloudevents-batch+json": {
            "schema": {"type": "array", "maxItems": 1000, "items": _EVENT}
        },
        "application/json": {"schema": {"type": "object", "description": "Binary mode: the data alone."}},
    },
}
BODIES: Mapping[tuple[str, str], type[BaseModel]] = {
    ("/v1/accounts/{id}", "put"): AccountBody,
    ("/v1/people/{id}", "put"): PersonBody,
    ("/v1/people/lookup", "post"): LookupBody,
    ("/v1/may-send", "post"): MaySendBody,
}
"""(path, method) → what is sent there."""
QUERIES: Mapping[str, type[BaseModel]] = {"/v1/holds": Cursor, "/v1/feed": FeedQuery}
"""Path → what is asked in its address."""

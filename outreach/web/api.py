"""The API for other systems. A token in, one service call, plain JSON out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict
from datetime import timedelta
from functools import wraps
from hashlib import sha256
from typing import Any

import orjson
from flask import Response, g, request
from flask_openapi3 import APIBlueprint
from pydantic import ValidationError

from outreach.domain.endpoint import as_email, as_phone
from outreach.domain.errors import Invalid
from outreach.domain.facts import OUTREACH_SOURCE, PERSON_PREFIX, Purpose
from outreach.domain.hold import Hold
from outreach.service import care, feed
from outreach.service.front import Rejected, check, own_event
from outreach.service.intake import Answer
from outreach.web import api_models as shape
from outreach.web import auth, cloudevents, finding
from outreach.web.problems import as_json
from outreach.web.reception import outside, reception
from outreach.web.writer import Item

PUT_SOURCE = f"{OUTREACH_SOURCE}/api"
_TICK = timedelta(microseconds=1)
"""What is said later is told later, also within one reading of the clock."""

api = APIBlueprint("api", __name__, url_prefix="/v1", abp_security=[{"bearer": []}])
_ERRORS: Any = dict.fromkeys((400, 401, 403, 413, 503), shape.Problem)


def needs(scope: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """A valid token that is good for this."""

    def guard(view: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(view)
        def guarded(*args: Any, **kwargs: Any) -> Any:
            token = auth.token_of_request(outside(), g.now)
            if token is None:
                return as_json(401, "A valid token is needed: Authorization: Bearer …")
            if scope not in token.scopes:
                return as_json(403, f"This token is not good for {scope}.")
            return view(*args, **kwargs)

        guarded.scope = scope  # type: ignore[attr-defined]
        return guarded

    return guard


# -- events ------------------------------------------------------------------------------------------


@api.post(
    "/events", summary="Something happened", responses={200: shape.Answer, 422: shape.Answer, **_ERRORS}
)
def post_events() -> Response:
    """One CloudEvent, structured or binary, or a batch of them. Answered when it is durable."""
    return _events()


def _limits(view: Callable[[], Response]) -> Callable[[], Response]:
    @wraps(view)
    def limited() -> Response:
        request.max_content_length = reception().house.settings.max_batch_body
        return view()

    return limited


@needs("events:write")
@_limits
def _events() -> Response:
    body, headers = request.get_data(cache=False), _lower(request.headers)
    settings = reception().house.settings
    try:
        if cloudevents.is_batch(request.content_type or "", body, headers):
            return _batch(cloudevents.read_batch(body, settings.batch_limit))
        if len(body) > settings.max_body:
            return as_json(413, f"A single event has at most {settings.max_body // 1024} KiB.")
        raw = cloudevents.read_one(request.content_type or "", body, headers)
    except cloudevents.NotACloudEvent as fault:
        return as_json(400, str(fault))
    (answer,) = _take([_checked(raw)])
    return _json(_answer(answer), 422 if answer.outcome == "quarantined" else 200)


def _lower(headers: Iterable[tuple[str, str]]) -> dict[str, str]:
    return {name.lower(): value for name, value in headers}


def _batch(raws: list[Any]) -> Response:
    answers = _take([_checked(raw) for raw in raws])
    return _json({
        "answers": [
            {**_named(raw), **_answer(answer)} for raw, answer in zip(raws, answers, strict=True)
        ]
    })  # fmt: skip


def _checked(raw: Any, *, internal: bool = False) -> Item:
    if not isinstance(raw, dict):
        return Rejected("", "", "", ("an item of a batch must be a JSON object",), orjson.dumps(raw).decode())
    raw = cloudevents.with_plain_data(raw)
    return check(raw, outside().rules().vocabulary, g.now, internal=internal)


def _take(items: list[Item]) -> list[Answer]:
    answers = reception().writer.take(items) if items else []
    for answer in answers:
        reception().metrics.events.labels(answer.outcome).inc()
    return answers


def _answer(answer: Answer) -> dict[str, Any]:
    return {"outcome": answer.outcome, "reasons": list(answer.reasons)}


def _named(raw: Any) -> dict[str, Any]:
    named = raw if isinstance(raw, dict) else {}
    return {name: named.get(name) if isinstance(named.get(name), str) else None for name in ("id", "source")}


# -- accounts and people -------------------------------------------------------------------------------


@api.put("/accounts/<path:id>", summary="What is known of an account",
         responses={200: shape.Answer, 422: shape.Problem, **_ERRORS})  # fmt: skip
@needs("accounts:write")
def put_account(path: shape.Id) -> Response:
    """Fields left out stay as they were. The same again is a duplicate."""
    said = _parsed(shape.AccountBody)
    with outside().database.view() as unit:
        known = unit.account(path.id)
    if path.id.startswith(PERSON_PREFIX):
        raise _wrong("id", f"an account's id does not begin with {PERSON_PREFIX}")
    return _describe(
        "account.described", path.id, said, known.described if known else None, known and known.newest
    )


@api.put("/people/<path:id>", summary="What is known of a person",
         responses={200: shape.Answer, 422: shape.Problem, **_ERRORS})  # fmt: skip
@needs("people:write")
def put_person(path: shape.Id) -> Response:
    """Fields left out stay as they were; ``accounts`` replaces the list. The same again is a duplicate."""
    said = _parsed(shape.PersonBody)
    if said.get("phone"):
        said["phone"] = as_phone(said["phone"], said.get("country") or outside().rules().company.country)
    if said.get("email"):
        said["email"] = as_email(said["email"])
    with outside().database.view() as unit:
        state = unit.people([path.id]).get(path.id)
    known = None
    if state is not None:
        rows = [{"account": account, "roles": list(roles)} for account, roles in state.roles.items()]
        known = {**state.described, "accounts": rows}
    return _describe("person.described", PERSON_PREFIX + path.id, said, known, state and state.newest)


def _describe(
    type_: str, subject: str, said: dict[str, Any], known: Mapping[str, Any] | None, newest: Any
) -> Response:
    """As an event through the same door. Its id comes from the content and from what it changes, so that
    a repetition is a no-op and going back to an earlier content is not."""
    if known is not None and all(known.get(name) == value for name, value in said.items()):
        return _json(_answer(Answer("duplicate")))
    content = orjson.dumps([type_, subject, said, str(newest)], option=orjson.OPT_SORT_KEYS)
    at = max(g.now, newest[0] + _TICK) if newest else g.now
    raw = own_event(type_, subject, said, at, sha256(content).hexdigest()[:32], PUT_SOURCE)
    (answer,) = _take([_checked(raw, internal=True)])
    return _json(_answer(answer), 422 if answer.outcome == "quarantined" else 200)


@api.post("/people/lookup", summary="Who is this?", responses={200: shape.LookupAnswer, **_ERRORS})
@needs("people:read")
def lookup() -> Response:
    """By phone number or e-mail address, in the body and never in the address."""
    asked = _parsed(shape.LookupBody)
    if asked.get("email"):
        kind, value = "email", as_email(asked["email"])
    else:
        kind, value = "phone", as_phone(asked["phone"], outside().rules().company.country)
    return _json({"people": finding.as_json(finding.by_endpoint(kind, value))})


# -- holds -----------------------------------------------------------------------------------------------


@api.post("/may-send", summary="May this be sent?", responses={200: shape.MaySendAnswer, **_ERRORS})
@needs("may-send:read")
def may_send() -> Response:
    """For each: allow, hold (until) or deny, and why. Ask right before sending."""
    asked = [_asked(one) for one in _parsed(shape.MaySendBody)["asked"]]
    return _json({"answers": [asdict(ruled) for ruled in care.may_send(outside(), asked)]})


def _asked(one: Mapping[str, Any]) -> care.Asked:
    country = outside().rules().company.country
    return care.Asked(
        purpose=Purpose(one["purpose"]),
        person=one.get("person"),
        email=as_email(one["email"]) if one.get("email") else None,
        phone=as_phone(one["phone"], country) if one.get("phone") else None,
        channel=one.get("channel"),
    )


@api.get("/holds", summary="What is held back", responses={200: shape.HoldsAnswer, **_ERRORS})
@needs("holds:read")
def holds() -> Response:
    """A feed: every change of a hold after the cursor, oldest first."""
    try:
        query = shape.Cursor.model_validate(request.args.to_dict())
    except ValidationError as fault:
        raise _invalid(fault) from None
    changes = care.holds_since(outside(), query.cursor, query.limit)
    last = changes[-1][0] if changes else query.cursor
    return _json({"cursor": last, "holds": [_hold(hold) for _, hold in changes]})


def _hold(hold: Hold) -> dict[str, Any]:
    return {
        "id": hold.id, "account": hold.account, "person": hold.person, "group": hold.group,
        "scope": hold.scope, "purposes": list(hold.purposes), "because": hold.because,
        "since": hold.since, "ends": hold.ends, "ended_at": hold.ended_at, "end_reason": hold.end_reason,
    }  # fmt: skip


# -- the feed --------------------------------------------------------------------------------------------


@api.get("/feed", summary="What was done", responses={200: shape.FeedAnswer, 410: shape.Problem, **_ERRORS})
@needs("feed:read")
def read_feed() -> Response:
    """What other systems act on: remedies granted, promises, failures put right. After the cursor, oldest first."""
    asked = {**request.args.to_dict(), "type": request.args.getlist("type")}
    try:
        query = shape.FeedQuery.model_validate(asked)
    except ValidationError as fault:
        raise _invalid(fault) from None
    page = feed.read(outside(), query.after, query.type, query.limit)
    events = [cloudevents.write_one(event, number) for number, event in page.events]
    return _json({"cursor": page.cursor, "events": events})


# -- shared ----------------------------------------------------------------------------------------------


def _parsed(model: type[shape.Strict]) -> dict[str, Any]:
    """The body as the model's fields that were given. Raises Invalid with every fault."""
    try:
        given = orjson.loads(request.get_data(cache=False))
    except orjson.JSONDecodeError as fault:
        raise _wrong("body", f"this is not JSON: {fault}") from None
    try:
        return model.model_validate(given).model_dump(exclude_none=True)
    except ValidationError as fault:
        raise _invalid(fault) from None


def _invalid(fault: ValidationError) -> Invalid:
    from outreach.domain.errors import Fault

    return Invalid(
        Fault(".".join(map(str, error["loc"])) or "body", 0, 0, error["msg"]) for error in fault.errors()
    )


def _wrong(where: str, what: str) -> Invalid:
    from outreach.domain.errors import Fault

    return Invalid([Fault(where, 0, 0, what)])


def _json(body: Any, code: int = 200) -> Response:
    return Response(orjson.dumps(body, default=str), code, content_type="application/json")

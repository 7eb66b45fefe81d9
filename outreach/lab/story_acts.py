"""What happens in a story: each act goes through the same door as in life."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from outreach.channels.null import FaultySender
from outreach.domain.card import Card
from outreach.domain.talk import Outcome, PromiseMade, Wished
from outreach.domain.touch import Disposition, Status, Touch
from outreach.domain.wishes import wish_of
from outreach.lab.story_reader import Said
from outreach.lab.story_stage import DESK, SOMEBODY, Complaint, Stage
from outreach.service import care, cover, desk, outcomes, publishing, workbench

Values = Mapping[str, Any]


def act(stage: Stage, said: Said) -> None:
    """Do it. Raises Complaint, or what the house says against it (an OutreachError)."""
    _ACTS[said.kind](stage, said.values)


def _event(stage: Stage, values: Values) -> None:
    time = stage.at(values["time"]) if values["time"] else None
    sequence = values["sequence"]
    answer = stage.tell(
        values["type"], stage.subject(values["subject"]), values["data"] or {}, time=time,
        id=values["id"], source=values["source"], sequence=None if sequence is None else str(sequence),
    )  # fmt: skip
    expected = values["answer"]
    if expected is None:
        stage.must_take(answer, f"the event {values['type']}")
    elif answer.outcome != expected:
        reasons = f" ({'; '.join(answer.reasons)})" if answer.reasons else ""
        raise Complaint(f"the event was {answer.outcome}{reasons}, not {expected}")


def _put(stage: Stage, values: Values) -> None:
    if values["account"]:
        stage.describe_account(values["account"])
    if values["person"]:
        stage.describe_person(values["person"])


# -- the desk ----------------------------------------------------------------------------------------


def _card(stage: Stage, whom: str) -> Card:
    with stage.house.database.view() as unit:
        card = unit.open_card(stage.identity(whom))
    if card is None:
        raise Complaint(f"{whom} has no card on the desk; there is: {stage.spell_desk()}")
    return card


def _lines(stage: Stage, card: Card, whom: str, because: str | None) -> list[Touch]:
    found = stage.for_(whom, [t for t in stage.touches_in(*DESK) if t.card == card.id], because)
    if not found:
        raise Complaint(f"{whom}'s card has no such line; there is: {stage.spell_desk()}")
    return found


def _outcome(stage: Stage, values: Values) -> None:
    """Claim the card, dial, and say how it went."""
    whom = values["call"]
    card = _card(stage, whom)
    lines = _lines(stage, card, whom, values["because"])
    by = values["by"] or card.claimed_by or card.caller or SOMEBODY
    desk.claim(stage.house.outside, card.id, by)
    ruling = desk.dial(stage.house.outside, card.id, by)
    if not ruling.sends:
        raise Complaint(f"{whom} may not be called now: {ruling.reason.sentence}")
    touches = [line.id for line in lines] if values["because"] else None
    outcomes.settle(stage.house.outside, card.id, by, _as_outcome(stage, values, lines, touches))


def _as_outcome(stage: Stage, values: Values, lines: list[Touch], touches: list[str] | None) -> Outcome:
    reached = values["reached"] or values["disposition"] in (None, Disposition.REACHED)
    promise, put_right = values["promise"], values["put_right"]
    return Outcome(
        Disposition.REACHED if reached else values["disposition"],
        touches=touches,
        note=values["note"] or "",
        promise=_as_promise(stage, promise) if promise else None,
        wishes=[Wished(kind, value) for kind, value in (values["prefers"] or {}).items()],
        put_right=_failures(stage, put_right, lines) if put_right else (),
        said_by=(put_right or {}).get("said_by") or "am",
        reason=(put_right or {}).get("reason") or "",
    )


def _as_promise(stage: Stage, promise: Values) -> PromiseMade:
    return PromiseMade(promise["what"], stage.at(promise["by"]), promise["failure"], promise["id"])


def _failures(stage: Stage, put_right: Values, lines: list[Touch]) -> list[str]:
    if put_right["failure"]:
        return list(put_right["failure"])
    runs = {run.id: run.failure for run in stage.runs()}
    return sorted({failure for line in lines if (failure := runs[line.run])})


def _dial(stage: Stage, values: Values) -> None:
    card = _card(stage, values["call"])
    by = values["by"] or card.caller or SOMEBODY
    desk.claim(stage.house.outside, card.id, by)
    ruling = desk.dial(stage.house.outside, card.id, by)
    code = None if ruling.sends else ruling.reason.code
    if code != values["refused"]:
        raise Complaint(f"the dial is ruled: {ruling.reason.sentence} ({ruling.reason.code})")


def _done(stage: Stage, values: Values) -> None:
    card = _card(stage, values["task"])
    lines = _lines(stage, card, values["task"], values["because"])
    tasks = [line.id for line in lines if line.channel.value == "task"]
    by = values["by"] or card.claimed_by or card.caller or SOMEBODY
    outcomes.settle(stage.house.outside, card.id, by, Outcome(Disposition.REACHED, touches=tasks))


def _draft(stage: Stage, values: Values) -> Touch:
    found = stage.for_(values["draft"], stage.touches_in(Status.DRAFT), values["because"])
    if not found:
        raise Complaint(f"no draft to {values['draft']} lies ready; there is: {stage.spell_desk()}")
    return found[0]


def _release(stage: Stage, values: Values) -> None:
    touch = _draft(stage, values)
    draft = touch.draft or {}
    by = values["by"] or touch.caller or SOMEBODY
    desk.release(stage.house.outside, touch.id, by, draft.get("subject") or "", draft.get("text") or "")


def _discard(stage: Stage, values: Values) -> None:
    touch = _draft(stage, values)
    desk.discard(stage.house.outside, touch.id, values["by"] or touch.caller or SOMEBODY, values["reason"])


# -- failures ----------------------------------------------------------------------------------------


def _owner_of(stage: Stage, values: Values) -> str:
    if values["account"]:
        return str(values["account"])
    for state in stage.states():
        if values["failure"] in state.failures:
            return state.id
    raise Complaint(f"there is no failure {values['failure']}")


def _put_right(stage: Stage, values: Values) -> None:
    account, by = _owner_of(stage, values), values["by"] or SOMEBODY
    said_by, reason = values["said_by"] or "customer", values["reason"] or ""
    desk.put_right(stage.house.outside, account, values["failure"], by, said_by, reason)


def _not_right(stage: Stage, values: Values) -> None:
    account, by = _owner_of(stage, values), values["by"] or SOMEBODY
    desk.not_right(stage.house.outside, account, values["failure"], by, values["reason"] or "")


def _let_be(stage: Stage, values: Values) -> None:
    account, by = _owner_of(stage, values), values["by"] or SOMEBODY
    desk.let_be(stage.house.outside, account, values["failure"], by, values["reason"])


# -- the customer ------------------------------------------------------------------------------------


def _reply(stage: Stage, values: Values) -> None:
    person = values["person"]
    text = values["text"] or "…"
    asks = wish_of(text).asks.value
    data = {"person_id": person, "channel": values["channel"] or "email", "text": text, "asks": asks}
    subject = values["account"] or stage.account_of(person)
    stage.must_take(stage.tell("message.received", subject, data), "the reply")


def _opt_out(stage: Stage, values: Values) -> None:
    care.opt_out(stage.house.outside, values["person"], values["channel"], "told so in the story", SOMEBODY)


# -- colleagues, providers, the process ----------------------------------------------------------------


def _away(stage: Stage, values: Values) -> None:
    who, cover_ = values["who"], values["cover"]
    until = stage.at(values["until"]) if values["until"] else None
    stage.hire(who, cover_)
    cover.go_away(stage.house.outside, who, cover_, stage.house.now, until, values["note"] or "", SOMEBODY)


def _back(stage: Stage, values: Values) -> None:
    now = stage.house.now
    with stage.house.database.view() as unit:
        absent = next(
            (one for one in unit.absences(now) if one.user == values["who"] and one.is_on(now)), None
        )
    if absent is None:
        raise Complaint(f"{values['who']} is not away")
    cover.come_back(stage.house.outside, absent.id, SOMEBODY, "")


def _provider(stage: Stage, values: Values) -> None:
    sender = stage.house.sender
    assert isinstance(sender, FaultySender)
    sender.will(values["does"])


def _crash(stage: Stage, values: Values) -> None:
    stage.crash()


# -- ops ---------------------------------------------------------------------------------------------


def _publish(stage: Stage, values: Values) -> None:
    reason, percent = values["reason"] or "the story says so", values["percent"]
    publishing.publish(
        stage.house.outside,
        values["playbook"],
        values["state"],
        "ops",
        reason,
        100 if percent is None else percent,
    )


def _stop_all(stage: Stage, values: Values) -> None:
    workbench.stop_all(stage.house.outside, "ops", values["reason"])


def _resume_all(stage: Stage, values: Values) -> None:
    workbench.resume_all(stage.house.outside, "ops", values["reason"])


_ACTS: Mapping[str, Callable[[Stage, Values], None]] = {
    "event": _event, "put": _put, "outcome": _outcome, "dial": _dial, "done": _done, "reply": _reply,
    "opt_out": _opt_out, "release": _release, "discard": _discard, "put_right": _put_right,
    "not_right": _not_right, "let_be": _let_be, "away": _away, "back": _back, "provider": _provider,
    "crash": _crash, "publish": _publish, "stop_all": _stop_all,
    "resume_all": _resume_all,
}  # fmt: skip

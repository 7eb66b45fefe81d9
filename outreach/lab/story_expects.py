"""What must be so in a story. Each check gives what is wrong, in words that say what is so instead."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from outreach.domain.account import AccountState
from outreach.domain.facts import Purpose
from outreach.domain.failure import Failure, FailureState
from outreach.domain.touch import Status, Touch
from outreach.lab.story_reader import Said
from outreach.lab.story_stage import DESK, Stage
from outreach.service import care, desk
from outreach.service.briefs import is_late

Values = Mapping[str, Any]


def missing(stage: Stage, said: Said) -> list[str]:
    """What the story expects and is not so; empty when all is well."""
    return list(_CHECKS[said.kind](stage, said.values))


def _nothing(stage: Stage, values: Values) -> Iterator[str]:
    found = stage.spell_desk()
    if found != "nothing":
        yield f"nothing was expected; there is: {found}"


# -- touches -----------------------------------------------------------------------------------------


def _call(stage: Stage, values: Values) -> Iterator[str]:
    calls = [t for t in stage.touches_in(*DESK) if t.channel.value == "call"]
    found = stage.for_(values["call"], calls, values["because"])
    if not found:
        yield f"no call to {_whom(values, 'call')} is on the desk; there is: {stage.spell_desk()}"
        return
    wrong = [list(_about_call(stage, touch, values)) for touch in found]
    yield from min(wrong, key=len)
    yield from _held(stage, values["call"], values["hold"] or ())


def _about_call(stage: Stage, touch: Touch, values: Values) -> Iterator[str]:
    if values["by"] and touch.deadline != stage.at(values["by"]):
        by = stage.spell(stage.at(values["by"]))
        yield f"the call to {touch.person} is promised by {stage.spell(touch.deadline)}, not by {by}"
    if values["from"] and touch.due != stage.at(values["from"]):
        since = stage.spell(stage.at(values["from"]))
        yield f"the call to {touch.person} is on the desk since {stage.spell(touch.due)}, not since {since}"
    if values["caller"] and touch.caller != values["caller"]:
        yield f"the call to {touch.person} is {touch.caller}'s, not {values['caller']}'s"
    if values["late"] is not None and is_late(touch, stage.house.now) is not values["late"]:
        yield f"the call to {touch.person} is {'not ' if values['late'] else ''}past its promised hour"
    yield from _about_text(stage, touch, values["brief"], values["says"])


def _about_text(stage: Stage, touch: Touch, file: str | None, says: str | None) -> Iterator[str]:
    name, text = stage.text_of(touch)
    if file and name != file and not _is_variant(name, file):
        yield f"the {touch.channel.value} to {touch.person} says {name}, not {file}"
    if says and says not in text:
        yield f"the {touch.channel.value} to {touch.person} does not say {says!r}; it says: {text}"


def _is_variant(name: str, file: str) -> bool:
    """``sorry.de.md`` is ``sorry.md`` in another language."""
    stem, dot, ending = file.rpartition(".")
    return name.startswith(f"{stem}.") and name.endswith(f"{dot}{ending}")


def _no_call(stage: Stage, values: Values) -> Iterator[str]:
    calls = [t for t in stage.touches_in(*DESK) if t.channel.value == "call"]
    if stage.for_(values["no_call"], calls, values["because"]):
        yield f"no call to {_whom(values, 'no_call')} was expected; there is: {stage.spell_desk()}"


def _draft(stage: Stage, values: Values) -> Iterator[str]:
    drafts = [t for t in stage.touches_in(Status.DRAFT) if values["channel"] in (None, t.channel.value)]
    found = stage.for_(values["draft"], drafts, values["because"])
    if not found:
        yield f"no draft to {_whom(values, 'draft')} lies ready; there is: {stage.spell_desk()}"
        return
    yield from _about_text(stage, found[0], values["template"], values["says"])
    yield from _held(stage, values["draft"], values["hold"] or ())


def _written(channel: str) -> Callable[[Stage, Values], Iterator[str]]:
    def check(stage: Stage, values: Values) -> Iterator[str]:
        sent = [touch for touch in stage.sent_since() if touch.channel.value == channel]
        found = stage.for_(values[channel], sent, values["because"])
        if not found:
            yield f"no {channel} to {_whom(values, channel)} has left; there is: {stage.spell_desk()}"
            return
        yield from _says(stage, found[0], values["says"])
        yield from _held(stage, values[channel], values["hold"] or ())

    return check


def _says(stage: Stage, touch: Touch, says: str | None) -> Iterator[str]:
    texts = [f"{m.subject}\n{m.text}" for token, m in stage.house.sent.taken if token == touch.token]
    if says and not any(says in text for text in texts):
        yield f"the {touch.channel.value} to {touch.person} does not say {says!r}; it says: {texts}"


def _task(stage: Stage, values: Values) -> Iterator[str]:
    names = stage.playbooks()
    found = [
        touch
        for touch in stage.touches_in(*DESK)
        if touch.channel.value == "task"
        and values["task"] in (touch.caller, touch.person, touch.account)
        and values["because"] in (None, names.get(touch.run))
    ]
    if not found:
        yield f"no task for {_whom(values, 'task')} is on the desk; there is: {stage.spell_desk()}"


def _whom(values: Values, key: str) -> str:
    return f"{values[key]} because {values['because']}" if values.get("because") else str(values[key])


def _card(stage: Stage, values: Values) -> Iterator[str]:
    with stage.house.database.view() as unit:
        card = unit.open_card(stage.identity(values["card"]))
    lines = [t for t in stage.touches_in(*DESK) if card is not None and t.card == card.id]
    if len(lines) != values["lines"]:
        yield f"{values['card']}'s card has {len(lines)} lines, not {values['lines']}; there is: {stage.spell_desk()}"


# -- failures, promises, runs ------------------------------------------------------------------------


def _failures(stage: Stage, account: str | None) -> Iterator[tuple[AccountState, Failure]]:
    for state in stage.states():
        if account in (None, state.id):
            yield from ((state, failure) for failure in state.failures.values())


def _failure(stage: Stage, values: Values) -> Iterator[str]:
    all_ = [failure for _, failure in _failures(stage, values["account"])]
    failure = next((one for one in all_ if one.id == values["failure"]), None)
    if failure is None:
        known = ", ".join(one.id for one in all_) or "none"
        yield f"there is no failure {values['failure']}; there are: {known}"
        return
    words = {"severity": failure.severity.word}
    for name in ("state", "severity", "round", "owed", "climbed"):
        is_, expected = getattr(failure, name), values[name]
        if expected is not None and is_ != expected:
            said = getattr(expected, "word", expected)
            yield f"{failure.id}: {name} is {words.get(name, is_)}, not {said}"


def _unreached(stage: Stage, values: Values) -> Iterator[str]:
    board = {
        failure.id
        for _, failure in _failures(stage, None)
        if failure.state is FailureState.OPEN and failure.climbed and not failure.owed
    }
    if board != set(values["unreached"]):
        yield f"the board of the unreached has {', '.join(sorted(board)) or 'nothing'}"


def _promise(stage: Stage, values: Values) -> Iterator[str]:
    promises = {id_: promise for state in stage.states() for id_, promise in state.promises.items()}
    promise = promises.get(values["promise"])
    if promise is None:
        yield f"there is no promise {values['promise']}; there are: {', '.join(promises) or 'none'}"
    elif promise.state != values["state"]:
        yield f"the promise {promise.id} is {promise.state}, not {values['state']}"


def _run(stage: Stage, values: Values) -> Iterator[str]:
    runs = [
        run
        for run in stage.runs()
        if run.playbook == values["run"] and values["account"] in (None, run.account)
    ]
    if not runs:
        yield f"{values['run']} has started no run"
        return
    run = runs[-1]
    if values["state"] not in (None, run.state.value):
        yield f"the run of {run.playbook} is {run.state.value} ({run.end_reason or 'under way'}), not {values['state']}"
    if values["reason"] not in (None, run.end_reason):
        yield f"the run of {run.playbook} ended because {run.end_reason or '(it is open)'}, not {values['reason']}"


def _no_run(stage: Stage, values: Values) -> Iterator[str]:
    if any(run.playbook == values["no_run"] for run in stage.runs()):
        yield f"{values['no_run']} has started a run"


# -- holds, questions --------------------------------------------------------------------------------


def _held(stage: Stage, whom: str, purposes: tuple[Purpose, ...]) -> Iterator[str]:
    people = [whom] if whom in stage.people else stage.people
    for purpose in purposes:
        for person, answer in _answers(stage, people, purpose):
            if answer != "hold":
                yield f"{purpose} to {person} is not held back: {answer}"


def _answers(stage: Stage, people: list[str], purpose: Purpose) -> Iterator[tuple[str, str]]:
    asked = [care.Asked(purpose, person=person) for person in people]
    answers = care.may_send(stage.house.outside, asked)
    return ((person, answer.answer) for person, answer in zip(people, answers, strict=True))


def _hold(stage: Stage, values: Values) -> Iterator[str]:
    for person in stage.people:
        yield from _held(stage, person, values["hold"])


def _no_hold(stage: Stage, values: Values) -> Iterator[str]:
    for purpose in values["no_hold"]:
        for person, answer in _answers(stage, stage.people, purpose):
            if answer == "hold":
                yield f"{purpose} to {person} is held back"


def _may_send(stage: Stage, values: Values) -> Iterator[str]:
    asked = values["may_send"]
    if asked["account"] and asked["account"] not in stage.person(asked["person"]).roles:
        yield f"{asked['person']} does not belong to {asked['account']}"
    (answer,) = care.may_send(
        stage.house.outside,
        [care.Asked(asked["purpose"], asked["person"], asked["email"], asked["phone"], asked["channel"])],
    )
    if answer.answer != asked["answer"]:
        whom = asked["person"] or asked["email"] or asked["phone"]
        yield f"{asked['purpose']} to {whom}: {answer.answer} ({answer.sentence}), not {asked['answer']}"


def _question(stage: Stage, values: Values) -> Iterator[str]:
    """It appears when something was put right and nothing is open any more, at any of their accounts."""
    person = stage.person(values["person"])
    failures = [f for state, f in _failures(stage, None) if state.id in person.roles]
    still = [failure.id for failure in failures if failure.is_open]
    if still or not any(failure.state is FailureState.PUT_RIGHT for failure in failures):
        yield f"how to win {person.id} back is no question yet; still open: {', '.join(still) or 'nothing'}"
        return
    with stage.house.database.view() as unit:
        account = next(state.id for state, f in _failures(stage, None) if f in failures)
        ruling = desk.winback_ruling(stage.house.outside, unit, account, person.id)
    expected = values["ruling"]
    if ruling == "may_not" if expected is None else ruling != expected:
        yield f"the question {values['question']} is ruled {ruling}"


_CHECKS: Mapping[str, Callable[[Stage, Values], Iterator[str]]] = {
    "nothing": _nothing, "call": _call, "no_call": _no_call, "draft": _draft, "email": _written("email"),
    "sms": _written("sms"), "task": _task, "card": _card, "failure": _failure, "unreached": _unreached,
    "promise": _promise, "run": _run, "no_run": _no_run, "may_send": _may_send, "no_hold": _no_hold,
    "hold": _hold, "question": _question,
}  # fmt: skip

"""How things stand in a story: failures, promises, runs, what is held back, what others are told."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from outreach.domain.account import AccountState
from outreach.domain.facts import Purpose
from outreach.domain.failure import Failure, FailureState
from outreach.domain.plan import Run
from outreach.lab.story_amiss import Amiss, Expected
from outreach.lab.story_stage import Stage
from outreach.service import care, desk

Values = Mapping[str, Any]


# -- failures, promises, runs ------------------------------------------------------------------------


def _failures(stage: Stage, account: str | None) -> Iterator[tuple[AccountState, Failure]]:
    for state in stage.states():
        if account in (None, state.id):
            yield from ((state, failure) for failure in state.failures.values())


def _failure(stage: Stage, values: Values) -> Iterator[Amiss]:
    all_ = [failure for _, failure in _failures(stage, values["account"])]
    failure = next((one for one in all_ if one.id == values["failure"]), None)
    if failure is None:
        known = ", ".join(one.id for one in all_) or "none"
        there_is = tuple({"failure": one.id, "state": str(one.state)} for one in all_)
        yield Amiss(f"there is no failure {values['failure']}; there are: {known}", instead=there_is)
        return
    for name in ("state", "severity", "round", "owed", "climbed"):
        is_, expected = getattr(failure, name), values[name]
        if expected is not None and is_ != expected:
            words = f"{failure.id}: {name} is {_word(is_)}, not {_word(expected)}"
            yield Amiss(words, {name: _word(is_)})


def _word(value: Any) -> Any:
    """As it is written in YAML."""
    return getattr(value, "word", value if isinstance(value, (bool, int)) else str(value))


def _unreached(stage: Stage, values: Values) -> Iterator[Amiss]:
    board = {
        failure.id
        for _, failure in _failures(stage, None)
        if failure.state is FailureState.OPEN and failure.climbed and not failure.owed
    }
    if board != set(values["unreached"]):
        words = f"the board of the unreached has {', '.join(sorted(board)) or 'nothing'}"
        yield Amiss(words, {"unreached": sorted(board)})


def _promise(stage: Stage, values: Values) -> Iterator[Amiss]:
    promises = {id_: promise for state in stage.states() for id_, promise in state.promises.items()}
    promise = promises.get(values["promise"])
    if promise is None:
        words = f"there is no promise {values['promise']}; there are: {', '.join(promises) or 'none'}"
        there_is = tuple({"promise": one.id, "state": str(one.state)} for one in promises.values())
        yield Amiss(words, instead=there_is)
    elif promise.state != values["state"]:
        words = f"the promise {promise.id} is {promise.state}, not {values['state']}"
        yield Amiss(words, {"state": str(promise.state)})


def _run(stage: Stage, values: Values) -> Iterator[Amiss]:
    runs = [r for r in stage.runs() if r.playbook == values["run"] and values["account"] in (None, r.account)]
    if not runs:
        yield Amiss(f"{values['run']} has started no run", instead=({"no_run": values["run"]},))
        return
    run = runs[-1]
    if values["state"] not in (None, run.state.value):
        words = f"is {run.state.value} ({run.end_reason or 'under way'}), not {values['state']}"
        yield Amiss(f"the run of {run.playbook} {words}", _as_it_is(run))
    if values["reason"] not in (None, run.end_reason):
        words = f"ended because {run.end_reason or '(it is open)'}, not {values['reason']}"
        yield Amiss(f"the run of {run.playbook} {words}", _as_it_is(run))


def _as_it_is(run: Run) -> Mapping[str, Any]:
    return {"state": run.state.value, "reason": run.end_reason or None}


def _no_run(stage: Stage, values: Values) -> Iterator[Amiss]:
    runs = [run for run in stage.runs() if run.playbook == values["no_run"]]
    if runs:
        there_is = {"run": values["no_run"], "state": runs[-1].state.value}
        yield Amiss(f"{values['no_run']} has started a run", instead=(there_is,))


# -- holds, questions --------------------------------------------------------------------------------


def answers(stage: Stage, people: list[str], purpose: Purpose) -> Iterator[tuple[str, str]]:
    """Each of them, and what another sender who asks is told."""
    asked = [care.Asked(purpose, person=person) for person in people]
    told = care.may_send(stage.house.outside, asked)
    return ((person, answer.answer) for person, answer in zip(people, told, strict=True))


def _hold(stage: Stage, values: Values) -> Iterator[Amiss]:
    for purpose in values["hold"]:
        for person, answer in answers(stage, stage.people, purpose):
            if answer != "hold":
                words = f"{purpose} to {person} is not held back: {answer}"
                yield Amiss(words, instead=_held_for_whom(stage, values["hold"]))


def _no_hold(stage: Stage, values: Values) -> Iterator[Amiss]:
    for purpose in values["no_hold"]:
        for person, answer in answers(stage, stage.people, purpose):
            if answer == "hold":
                words = f"{purpose} to {person} is held back"
                yield Amiss(words, instead=_held_for_whom(stage, values["no_hold"]))


def _held_for_whom(stage: Stage, purposes: Iterable[Purpose]) -> tuple[Expected, ...]:
    """For everybody, for nobody; and person by person where it is neither."""
    told = {str(purpose): dict(answers(stage, stage.people, purpose)) for purpose in purposes}
    all_ = [name for name, found in told.items() if all(answer == "hold" for answer in found.values())]
    none = [name for name, found in told.items() if all(answer != "hold" for answer in found.values())]
    return (
        *([{"hold": all_}] if all_ else []),
        *([{"no_hold": none}] if none else []),
        *(
            {"may_send": {"person": person, "purpose": name, "answer": answer}}
            for name, found in told.items()
            if name not in all_ and name not in none
            for person, answer in found.items()
        ),
    )


def _may_send(stage: Stage, values: Values) -> Iterator[Amiss]:
    asked = values["may_send"]
    if asked["account"] and asked["account"] not in stage.person(asked["person"]).roles:
        words = f"{asked['person']} does not belong to {asked['account']}"
        yield Amiss(words, {"may_send": {"account": None}})
    (answer,) = care.may_send(
        stage.house.outside,
        [care.Asked(asked["purpose"], asked["person"], asked["email"], asked["phone"], asked["channel"])],
    )
    if answer.answer != asked["answer"]:
        whom = asked["person"] or asked["email"] or asked["phone"]
        words = f"{asked['purpose']} to {whom}: {answer.answer} ({answer.sentence}), not {asked['answer']}"
        yield Amiss(words, {"may_send": {"answer": answer.answer}})


def _question(stage: Stage, values: Values) -> Iterator[Amiss]:
    """It appears when something was put right and nothing is open any more, at any of their accounts."""
    person = stage.person(values["person"])
    failures = [f for state, f in _failures(stage, None) if state.id in person.roles]
    still = [failure for failure in failures if failure.is_open]
    if still or not any(failure.state is FailureState.PUT_RIGHT for failure in failures):
        named = ", ".join(failure.id for failure in still) or "nothing"
        there_is = tuple({"failure": failure.id, "state": str(failure.state)} for failure in still)
        words = f"how to win {person.id} back is no question yet; still open: {named}"
        yield Amiss(words, instead=there_is)
        return
    with stage.house.database.view() as unit:
        account = next(state.id for state, f in _failures(stage, None) if f in failures)
        ruling = desk.winback_ruling(stage.house.outside, unit, account, person.id)
    expected = values["ruling"]
    if ruling == "may_not" if expected is None else ruling != expected:
        yield Amiss(f"the question {values['question']} is ruled {ruling}", {"ruling": ruling})


STANDING: Mapping[str, Callable[[Stage, Values], Iterator[Amiss]]] = {
    "failure": _failure, "unreached": _unreached, "promise": _promise, "run": _run, "no_run": _no_run,
    "may_send": _may_send, "no_hold": _no_hold, "hold": _hold, "question": _question,
}  # fmt: skip

"""What must be so in a story. Each check gives what is amiss: in words, and as it should have been told."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from outreach.domain.facts import Purpose
from outreach.domain.touch import Status, Touch
from outreach.lab.story_amiss import Amiss, nearest
from outreach.lab.story_reader import Said
from outreach.lab.story_stage import DESK, Stage
from outreach.lab.story_standing import STANDING, answers
from outreach.lab.story_words import NOTHING
from outreach.service.briefs import is_late

Values = Mapping[str, Any]
Check = Callable[[Stage, Values], Iterator[Amiss]]


def missing(stage: Stage, said: Said) -> list[Amiss]:
    """What the story expects and is not so; empty when all is well."""
    return list(_CHECKS[said.kind](stage, said.values))


def _nothing(stage: Stage, values: Values) -> Iterator[Amiss]:
    if stage.desk() != (NOTHING,):
        yield _instead(stage, "nothing was expected")


def _instead(stage: Stage, words: str) -> Amiss:
    return Amiss(words, instead=stage.desk())


def _whom(values: Values, key: str) -> str:
    return f"{values[key]} because {values['because']}" if values.get("because") else str(values[key])


# -- calls, cards, tasks -----------------------------------------------------------------------------


def _calls(stage: Stage, whom: str, because: str | None) -> list[Touch]:
    calls = [touch for touch in stage.touches_in(*DESK) if touch.channel.value == "call"]
    return stage.for_(whom, calls, because)


def _call(stage: Stage, values: Values) -> Iterator[Amiss]:
    found = _calls(stage, values["call"], values["because"])
    if not found:
        yield _instead(stage, f"no call to {_whom(values, 'call')} is on the desk")
        return
    yield from min((list(_about_call(stage, touch, values)) for touch in found), key=len)
    yield from _held(stage, values["call"], values["hold"] or ())


def _about_call(stage: Stage, touch: Touch, values: Values) -> Iterator[Amiss]:
    if values["by"] and touch.deadline != (at := stage.at(values["by"])):
        words = f"is promised by {stage.spell(touch.deadline)}, not by {stage.spell(at)}"
        yield Amiss(f"the call to {touch.person} {words}", {"by": stage.write(touch.deadline, values["by"])})
    if values["from"] and touch.due != (at := stage.at(values["from"])):
        words = f"is on the desk since {stage.spell(touch.due)}, not since {stage.spell(at)}"
        yield Amiss(f"the call to {touch.person} {words}", {"from": stage.write(touch.due, values["from"])})
    if values["caller"] and touch.caller != values["caller"]:
        words = f"is {touch.caller}'s, not {values['caller']}'s"
        yield Amiss(f"the call to {touch.person} {words}", {"caller": touch.caller})
    if values["on"] and (desk := stage.desk_of(touch)) != values["on"]:
        yield Amiss(f"the call to {touch.person} is on {desk}'s desk, not on {values['on']}'s", {"on": desk})
    late = is_late(touch, stage.house.now)
    if values["late"] is not None and late is not values["late"]:
        words = f"is {'' if late else 'not '}past its promised hour"
        yield Amiss(f"the call to {touch.person} {words}", {"late": late})
    yield from _about_text(stage, touch, "brief", values)


def _about_text(stage: Stage, touch: Touch, key: str, values: Values) -> Iterator[Amiss]:
    name, text = stage.text_of(touch)
    file, said = values[key], f"the {touch.channel.value} to {touch.person}"
    if file and name != file and not _is_variant(name, file):
        yield Amiss(f"{said} says {name}, not {file}", {key: name})
    yield from _about_words(said, [text], values["says"])


def _about_words(said: str, texts: list[str], says: str | None) -> Iterator[Amiss]:
    if says and not any(says in text for text in texts):
        yield Amiss(f"{said} does not say {says!r}", {"says": nearest("\n".join(texts), says)})


def _is_variant(name: str, file: str) -> bool:
    """``sorry.de.md`` is ``sorry.md`` in another language."""
    stem, dot, ending = file.rpartition(".")
    return name.startswith(f"{stem}.") and name.endswith(f"{dot}{ending}")


def _no_call(stage: Stage, values: Values) -> Iterator[Amiss]:
    if _calls(stage, values["no_call"], values["because"]):
        yield _instead(stage, f"no call to {_whom(values, 'no_call')} was expected")


def _card(stage: Stage, values: Values) -> Iterator[Amiss]:
    with stage.house.database.view() as unit:
        card = unit.open_card(stage.identity(values["card"]))
    lines = len([t for t in stage.touches_in(*DESK) if card is not None and t.card == card.id])
    if lines != values["lines"]:
        words = f"{values['card']}'s card has {lines} lines, not {values['lines']}"
        yield Amiss(f"{words}; there is: {stage.spell_desk()}", {"lines": lines})


def _task(stage: Stage, values: Values) -> Iterator[Amiss]:
    names = stage.playbooks()
    found = [
        touch
        for touch in stage.touches_in(*DESK)
        if touch.channel.value == "task"
        and values["task"] in (touch.caller, touch.person, touch.account)
        and values["because"] in (None, names.get(touch.run))
    ]
    if not found:
        yield _instead(stage, f"no task for {_whom(values, 'task')} is on the desk")


# -- what is written ---------------------------------------------------------------------------------


def _draft(stage: Stage, values: Values) -> Iterator[Amiss]:
    drafts = [t for t in stage.touches_in(Status.DRAFT) if values["channel"] in (None, t.channel.value)]
    found = stage.for_(values["draft"], drafts, values["because"])
    if not found:
        yield _instead(stage, f"no draft to {_whom(values, 'draft')} lies ready")
        return
    yield from _about_text(stage, found[0], "template", values)
    yield from _held(stage, values["draft"], values["hold"] or ())


def _written(channel: str) -> Check:
    def check(stage: Stage, values: Values) -> Iterator[Amiss]:
        sent = [touch for touch in stage.sent_since() if touch.channel.value == channel]
        found = stage.for_(values[channel], sent, values["because"])
        if not found:
            yield _instead(stage, f"no {channel} to {_whom(values, channel)} has left")
            return
        touch = found[0]
        texts = [f"{m.subject}\n{m.text}" for token, m in stage.house.sent.taken if token == touch.token]
        yield from _about_words(f"the {channel} to {touch.person}", texts, values["says"])
        yield from _held(stage, values[channel], values["hold"] or ())

    return check


def _message(stage: Stage, values: Values) -> Iterator[Amiss]:
    written = [
        t for t in stage.touches() if t.channel.written and values["channel"] in (None, t.channel.value)
    ]
    found = stage.for_(values["message"], written, values["because"])
    if not found:
        yield _instead(stage, f"nothing was to be written to {_whom(values, 'message')}")
    elif found[-1].status != values["state"]:
        is_, why = found[-1].status.value, found[-1].sentence or found[-1].because
        words = (
            f"the {found[-1].channel.value} to {values['message']} is {is_} ({why}), not {values['state']}"
        )
        yield Amiss(words, {"state": is_})


def _held(stage: Stage, whom: str, purposes: tuple[Purpose, ...]) -> Iterator[Amiss]:
    people = [whom] if whom in stage.people else stage.people
    asked = {purpose: list(answers(stage, people, purpose)) for purpose in purposes}
    free = {p: [(who, is_) for who, is_ in found if is_ != "hold"] for p, found in asked.items()}
    held = [str(purpose) for purpose in purposes if not free[purpose]]
    for purpose, found in free.items():
        for person, is_ in found:
            yield Amiss(f"{purpose} to {person} is not held back: {is_}", {"hold": held or None})


_CHECKS: Mapping[str, Check] = {
    "nothing": _nothing, "call": _call, "no_call": _no_call, "draft": _draft, "email": _written("email"),
    "sms": _written("sms"), "task": _task, "message": _message, "card": _card, **STANDING,
}  # fmt: skip

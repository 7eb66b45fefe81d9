"""What a playbook says and nobody ever meets: steps, rungs and texts that cannot come, calls without words."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from outreach.domain.hours import Duration
from outreach.library.checked import Checked
from outreach.library.playbook_keys import WRITTEN
from outreach.library.tree import Node, Table


def _after_the_hold(one: Checked) -> None:
    """Mail that sells would arrive beside the step that says sorry."""
    hold = one.values["hold"]
    most = hold["at_most"] if hold else None
    if most is None or most.is_business:
        return
    for node, kind, passed in _earliest(one):
        if kind != "wait" and passed > most.seconds:
            what = f"the hold has ended when this step comes: {_days(passed)} after the start, and it lasts {most.text} at most"
            one.reading.note(node, what, "let the hold last longer, or come sooner", warning=True)


def _earliest(one: Checked) -> Iterator[tuple[Table, str, float]]:
    """Each step with the seconds that pass before it at the least."""
    due = settled = 0.0
    for node, kind, values in one.steps():
        due = max(due + _at_least(values["after"]), 0) if values["after"] else settled
        yield node, kind, due
        waits = kind == "wait" and values["for"] is None and values["if"] is None
        settled = max(settled, due + (_at_least(values["wait"]) if waits else 0))


def _at_least(length: Duration | None) -> float:
    """Business time takes no less than its own length."""
    return length.seconds + length.business_seconds + length.business_days * 86400 if length else 0


def _days(seconds: float) -> str:
    return f"{seconds / 86400:.3g} days"


def _stopped_meanwhile(one: Checked) -> None:
    """A wait for something that ends the run leads nowhere."""
    stops = {entry.text for entry in one.values["stop_when"] or ()}
    steps = list(one.steps())
    for node, kind, values in steps[:-1]:
        if kind == "wait" and values["for"] in stops:
            what = f"{values['for']} ends the run (`stop_when`), so no step comes after it"
            remedy = "leave `for` out, or take it from `stop_when`"
            one.reading.note(node.get("for") or node, what, remedy, warning=True)


def _rungs(one: Checked) -> None:
    for node, kind, _ in one.steps():
        ladder = node.get("ladder")
        for outcome, _, rung in ladder if kind == "call" and isinstance(ladder, Table) else ():
            if isinstance(rung, Table):
                _rung(one, outcome, rung)


def _rung(one: Checked, outcome: str, rung: Table) -> None:
    again, most = rung.get("again_in"), rung.get("at_most")
    if one.is_own(again) and getattr(most, "value", None) == 1:
        what = f"this rung is never climbed: after `{outcome}` the one attempt has been made"
        one.reading.note(most or rung, what, "write at_most: 2 or more; the first call counts", warning=True)


def _wordless(one: Checked) -> None:
    for node, kind, values in one.steps():
        if kind == "call" and values["brief"] is None:
            what = "this call has no brief: whoever dials has nothing to say"
            one.reading.note(node, what, "add `brief: …`, a file in templates/", warning=True)


def _unused_branch(one: Checked) -> None:
    branch, table = one.values["if_resolved"], one.tree.get("if_resolved")
    steps: list[tuple[str, Mapping[str, Any]]] = [(kind, values) for _, kind, values in one.steps()]
    if not branch or not isinstance(table, Table) or not steps:
        return
    kinds = {kind for kind, _ in steps}
    for key, takers, words in (
        ("brief", {"call", "task"}, "call"),
        ("template", set(WRITTEN), "mail or SMS"),
    ):
        place: Node | None = table.get(key)
        if branch[key] and place is not None and not kinds & takers:
            what = f"no step takes this {key}: there is no {words}"
            one.reading.note(place, what, "remove it", warning=True)


REACH_CHECKS: tuple[Callable[[Checked], None], ...] = (
    _after_the_hold, _stopped_meanwhile, _rungs, _wordless, _unused_branch,
)  # fmt: skip

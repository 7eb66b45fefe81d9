"""Whether a playbook's expressions can be true at all, and whether it can ever start."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

from outreach.domain.conditions_check import check_condition, check_value
from outreach.domain.conditions_names import Names
from outreach.domain.conditions_place import Faults, Place
from outreach.domain.conditions_sense import Choices, Odd, odd_parts, place_of
from outreach.domain.conditions_tree import EventField, Fact, Known, Node, walk, write
from outreach.domain.errors import Invalid
from outreach.domain.vocabulary import EventType
from outreach.library.checked import Checked
from outreach.library.tree import Scalar

MADE_BY_THE_HOUSE = (
    "account.described", "person.described", "person.erased", "person.refused", "refusal.settled",
    "link.confirmed", "link.parted", "message.received", "message.undelivered", "callback.made",
    "callback.promised", "contact.settled", "contact.logged", "failure.put_right", "failure.let_be",
    "failure.reopened", "failure.unreached", "failure.unresolved", "failure.released", "note.asked",
    "playbook.asked", "promise.made", "promise.kept", "promise.overdue", "remedy.granted",
    "endpoint.invalid", "endpoint.opted_in", "endpoint.opted_out", "reorder.due", "account.silent",
)  # fmt: skip
"""The internal event types that Outreach makes without any ``made_by_time``."""


class Asked(NamedTuple):
    """One condition of a playbook: its key, its text, and the event types that it is asked about."""

    key: str
    scalar: Scalar
    when: tuple[str, ...]


_NEVER = {
    "if": "leave it out, or write what you mean: the playbook would never start",
    "a step's if": "mend it: the step would never come",
    "still_open": "mend it: it would never count as open",
    "stop_when": "mend it: it would never stop the run",
    "success.where": "mend it: nothing would ever count as success",
}
_ALWAYS = {"stop_when": "mend it: the run would end before its first step"}


def _senseless(one: Checked) -> None:
    for asked in _conditions(one):
        tree = _tree(one, asked)
        if tree is not None:
            for odd in odd_parts(tree, _choices(one, asked)):
                _note(one, asked, odd)


def _conditions(one: Checked) -> Iterator[Asked]:
    values, when = one.values, one.values["when"] or ()
    for key in ("if", "still_open"):
        yield Asked(key, values[key], when)
    for entry in values["stop_when"] or ():
        yield Asked("stop_when", entry, when)
    for _, _, step in one.steps():
        yield Asked("a step's if", step["if"], when)
    if (success := values["success"]) and success["event"]:
        yield Asked("success.where", success["where"], (success["event"],))


def _tree(one: Checked, asked: Asked) -> Node | None:
    """The checked tree; None where there is none, and where its own faults are told already."""
    scalar = asked.scalar
    if scalar is None or scalar.text in one.vocabulary.types or not asked.when:
        return None
    try:
        return check_condition(scalar.text, one.vocabulary, asked.when, Place(scalar.file, scalar.position))
    except Invalid:
        return None


def _choices(one: Checked, asked: Asked) -> Choices:
    names = Names(one.vocabulary, asked.when, Faults(Place.plain(one.tree.file)))
    # the front door lets no other value in; facts may hold older ones
    return lambda node: names.values_of(node) if isinstance(node, EventField) else ()


def _note(one: Checked, asked: Asked, odd: Odd) -> None:
    serious = odd.whole and (not odd.answer or asked.key == "stop_when")
    what, blamed = _in_words(odd)
    if odd.whole:
        remedy = _ALWAYS.get(asked.key, "leave it out") if odd.answer else _NEVER[asked.key]
    else:
        remedy = "mend it, or leave this part out"
    one.reading.note(_at(asked.scalar, blamed), what, remedy, warning=not serious)


def _in_words(odd: Odd) -> tuple[str, Node]:
    """What is wrong, and the part at which to point."""
    if odd.pair is None:
        return f"`{write(odd.part)}` is {'always' if odd.answer else 'never'} true", odd.part
    first, second = map(write, odd.pair)
    if odd.answer:
        return f"one of `{first}` and `{second}` is always true", odd.pair[1]
    return f"`{first}` and `{second}` are never true together", odd.pair[1]


def _before_the_run(one: Checked) -> None:
    """What starts a run is asked before there is one."""
    asked = (
        ("if", check_condition, "ask it in a step's `if`"),
        ("once_per", check_value, "name a field of the event"),
    )
    for key, check, remedy in asked:
        scalar, when = one.values[key], one.values["when"]
        if scalar is None or not when:
            continue
        try:
            tree = check(scalar.text, one.vocabulary, when, Place(scalar.file, scalar.position))
        except Invalid:
            continue
        for fact in dict.fromkeys(_run_facts(tree)):
            what = f"`{write(fact)}` is not known when `{key}` is asked: there is no run yet"
            one.reading.note(_at(scalar, fact), what, remedy, warning=True)


def _at(scalar: Scalar, part: Node) -> Scalar:
    """Where the expression says this part."""
    line, column = scalar.position(place_of(part, scalar.text))
    return Scalar(scalar.file, line, column, "", None)


def _run_facts(tree: Node) -> Iterator[Fact]:
    asked_whether_known = {node.part for node in walk(tree) if isinstance(node, Known)}
    return (
        node
        for node in walk(tree)
        if isinstance(node, Fact) and node.place == "run" and node not in asked_whether_known
    )


def _never_made(one: Checked) -> None:
    types = [kind for name in one.values["when"] or () if (kind := one.vocabulary.get(name)) is not None]
    for kind in types:
        if not _is_made(kind):
            what = f"nothing makes {kind.name}: it is internal, without `made_by_time`, and none of Outreach's own"
            remedy = "take `internal` from it in vocabulary.yaml, or say there when time makes it"
            one.reading.note(one.item("when", kind.name), what, remedy, warning=True)


def _is_made(kind: EventType) -> bool:
    return not kind.internal or kind.time_rule is not None or kind.name in MADE_BY_THE_HOUSE


SENSE_CHECKS: tuple[Callable[[Checked], None], ...] = (_senseless, _before_the_run, _never_made)

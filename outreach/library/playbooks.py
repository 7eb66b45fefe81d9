"""Builds a checked, compiled, frozen Playbook from its tree."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from outreach.domain.conditions import Condition, Place, Value, compile_condition, compile_value
from outreach.domain.conditions_names import PLACES
from outreach.domain.errors import Fault, Invalid
from outreach.domain.facts import Channel, Purpose, Severity
from outreach.domain.hours import Duration
from outreach.domain.playbook import (
    Branch,
    By,
    HoldRule,
    IfRunning,
    Playbook,
    Remedy,
    Review,
    Rung,
    Step,
    Success,
)
from outreach.domain.vocabulary import Vocabulary
from outreach.library.crosschecks import cross_check
from outreach.library.defaults import resolve
from outreach.library.kinds import EventName, Reading
from outreach.library.playbook_keys import PLAYBOOK
from outreach.library.templates import closure
from outreach.library.tree import Listing, Scalar, Table, plain
from outreach.library.vocabulary import TYPE_NAME
from outreach.library.yaml_reader import read_table

ALWAYS_STOP = ("person.erased", "person.refused")
"""No playbook can talk its way past these."""


@dataclass(slots=True)
class Context:
    """What a playbook is checked against. ``names``: every playbook of the set."""

    vocabulary: Vocabulary
    templates: Mapping[str, str]
    defaults: Table | None = None
    names: frozenset[str] = frozenset()
    faults: list[Fault] = field(default_factory=list)


def build(tree: Table, name: str, context: Context) -> Playbook | None:
    """The playbook, or None with its faults in ``context.faults``; warnings land there, too."""
    resolved = resolve(tree, context.defaults)
    reading = Reading(types=context.vocabulary.types.keys())
    values = PLAYBOOK.read(resolved, reading)
    playbook = _Builder(resolved, values, context.vocabulary, reading).playbook() if values else None
    if values:
        cross_check(resolved, values, name, context.names, context.vocabulary, context.templates, reading)
    context.faults += reading.faults
    return _sealed(playbook, plain(resolved), context.templates) if playbook and reading.good else None


def restore(source: str, templates: Mapping[str, str], vocabulary: Vocabulary) -> Playbook:
    """A stored version as it was: ``Playbook.source`` and ``Playbook.templates`` in, the playbook out.

    What is checked only when ops write (texts, names, files) is not checked again. Raises Invalid where
    its words no longer fit the vocabulary.
    """
    tree = read_table("stored version", source)
    reading = Reading(types=vocabulary.types.keys())
    values = PLAYBOOK.read(tree, reading)
    playbook = _Builder(tree, values, vocabulary, reading).playbook() if values else None
    if playbook is None or not reading.good:
        raise Invalid(reading.faults)
    return _sealed(playbook, plain(tree), templates)


def _sealed(playbook: Playbook, data: Mapping[str, Any], templates: Mapping[str, str]) -> Playbook:
    """The playbook with what pins it: the texts it may use, its resolved source, and their hash."""
    texts: dict[str, str] = {}
    for file in files_of(playbook):
        texts |= closure(file, templates)
    pinned = dict(sorted(texts.items()))
    source = json.dumps(_in_order(data), ensure_ascii=False, indent=2)
    whole = json.dumps([source, pinned], ensure_ascii=False).encode()
    return replace(playbook, templates=pinned, source=source, version=hashlib.sha256(whole).hexdigest())


def _in_order(data: Mapping[str, Any]) -> dict[str, Any]:
    return {key.name: data[key.name] for key in PLAYBOOK.keys if key.name in data}


def files_of(playbook: Playbook) -> list[str]:
    """Every brief and template it names."""
    branch = playbook.if_resolved or Branch()
    named = [file for step in playbook.steps for file in (step.brief, step.template)]
    return [file for file in (*named, branch.brief, branch.template) if file]


class _Builder:
    """Compiles what was read. Faults of expressions join the others."""

    def __init__(
        self, tree: Table, values: Mapping[str, Any], vocabulary: Vocabulary, reading: Reading
    ) -> None:
        self.tree = tree
        self.values = values
        self.vocabulary = vocabulary
        self.reading = reading
        self.when: tuple[str, ...] = values.get("when") or ()

    def playbook(self) -> Playbook:
        values = self.values
        stop_events, stop_conditions = self._stops(values["stop_when"] or ())
        return Playbook(
            name=values["playbook"] or "",
            title=values["title"] or "",
            why=" ".join((values["why"] or "").split()),
            purpose=Purpose(values["purpose"] or Purpose.MARKETING),
            severity=values["severity"] or Severity.LOW,
            when=self.when,
            steps=tuple(self._steps()),
            priority=int(values["priority"] or 0),
            supersedes=values["supersedes"] or (),
            condition=self._condition(values["if"]),
            once_per=self._value(values["once_per"]),
            if_running=values["if_running"] or IfRunning.IGNORE,
            horizon=values["horizon"] or Duration(14 * 86400),
            cooldown=values["cooldown"],
            hold=HoldRule(**values["hold"]) if values["hold"] else None,
            still_open=self._condition(values["still_open"]),
            if_resolved=Branch(**values["if_resolved"]) if values["if_resolved"] else None,
            stop_events=stop_events,
            stop_conditions=stop_conditions,
            may_offer=tuple(Remedy(*remedy) for remedy in values["may_offer"] or ()),
            holdout=values["holdout"] or 0.0,
            success=self._success(values["success"]),
        )

    def _steps(self) -> list[Step]:
        listing = self.tree.get("steps")
        read = self.values["steps"] or ()
        if not isinstance(listing, Listing) or len(read) != len(listing.items):
            return []
        return [self._step(index, kind, values) for index, (kind, values) in enumerate(read)]

    def _step(self, index: int, kind: str, values: Mapping[str, Any]) -> Step:
        common = {"after": values["after"], "condition": self._condition(values["if"])}
        if kind == "wait":
            return Step(index, None, wait=values["wait"], wait_for=values["for"], **common)
        if kind == "task":
            whom = values["for"] or ("owner",)
            return Step(
                index,
                Channel.TASK,
                whom,
                task=values["task"],
                within=values["within"],
                brief=values["brief"],
                **common,
            )
        common |= {"whom": values[kind] or (), "within": values["within"], "by": values["by"] or By.OWNER}
        if kind == "call":
            return Step(
                index, Channel.CALL, brief=values["brief"], ladder=_ladder(values["ladder"]), **common
            )
        review = values["review"] or Review.NONE
        return Step(index, Channel(kind), template=values["template"], review=review, **common)

    def _stops(self, entries: tuple[Scalar, ...]) -> tuple[tuple[str, ...], tuple[Condition, ...]]:
        """A bare event type is an event, everything else an expression."""
        known = self.vocabulary.types
        events = [entry.text for entry in entries if entry.text in known]
        events += [name for name in ALWAYS_STOP if name in known and name not in events]
        rest = [entry for entry in entries if entry.text not in known]
        found = [self._condition(entry) for entry in rest if not self._misspelt(entry)]
        return tuple(events), tuple(one for one in found if one is not None)

    def _misspelt(self, entry: Scalar) -> bool:
        """What looks like an event type is taken for one, so that the fault speaks of event types."""
        looks = bool(re.fullmatch(TYPE_NAME, entry.text)) and entry.text.partition(".")[0] not in PLACES
        return looks and EventName().read(entry, self.reading) is None

    def _success(self, values: Mapping[str, Any] | None) -> Success | None:
        if not values or not values["event"] or not values["within"]:
            return None
        where = self._condition(values["where"], (values["event"],))
        return Success(values["event"], values["within"], where)

    def _condition(self, scalar: Scalar | None, when: tuple[str, ...] | None = None) -> Condition | None:
        types = self.when if when is None else when
        if scalar is None or scalar.value is True or not types:
            return None  # without a known event type every field would be a fault
        try:
            place = Place(scalar.file, scalar.position)
            return compile_condition(scalar.text, self.vocabulary, types, place)
        except Invalid as invalid:
            self.reading.faults += invalid.faults
            return None

    def _value(self, scalar: Scalar | None) -> Value | None:
        if scalar is None or not self.when:
            return None
        try:
            return compile_value(scalar.text, self.vocabulary, self.when, Place(scalar.file, scalar.position))
        except Invalid as invalid:
            self.reading.faults += invalid.faults
            return None


def _ladder(rungs: Mapping[str, Mapping[str, Any]] | None) -> dict[str, Rung]:
    return {
        outcome: Rung(rung["again_in"], rung["at_most"], rung["voicemail"] or "never")
        for outcome, rung in (rungs or {}).items()
        if rung["again_in"] and rung["at_most"]
    }

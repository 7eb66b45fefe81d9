"""What ``why`` answers, as values, and the three ways of telling it: a sentence, a tree, JSON.

The shape of the JSON: ``Answer.as_json``. Times are ISO 8601 in UTC there; in words they are the company's own clock.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from outreach.domain.evaluate import ALWAYS, BY_HAND
from outreach.domain.facts import Event, Trace, Verdict
from outreach.domain.wallclock import local, parse_instant


class Mark(StrEnum):
    """Whether a point speaks for a contact, against it, cannot be told, or only tells."""

    FOR = "for"
    AGAINST = "against"
    UNSURE = "unsure"
    NOTE = "note"

    @property
    def sign(self) -> str:
        return _SIGNS[self]


_SIGNS = {Mark.FOR: "✓", Mark.AGAINST: "✗", Mark.UNSURE: "?", Mark.NOTE: "·"}
_MARKS = {Verdict.TRUE: Mark.FOR, Verdict.FALSE: Mark.AGAINST, Verdict.CANNOT_TELL: Mark.UNSURE}


@dataclass(frozen=True, slots=True)
class Point:
    """One line of the answer, and what it consists of."""

    words: str
    mark: Mark = Mark.NOTE
    code: str = ""
    """Stable, for programs: ``condition``, ``run``, ``touch``, or a reason of docs/reasons.md."""
    at: datetime | None = None
    until: datetime | None = None
    """Until when it lasts, where that is known."""
    values: tuple[tuple[str, Any], ...] = ()
    missing: tuple[str, ...] = ()
    parts: tuple[Point, ...] = ()

    def lines(self, depth: int = 0) -> Iterator[str]:
        yield f"{'  ' * depth}{self.mark.sign} {self.words}"
        for part in self.parts:
            yield from part.lines(depth + 1)

    def as_json(self) -> dict[str, Any]:
        told: dict[str, Any] = {"mark": self.mark.value, "code": self.code, "words": self.words}
        if self.at:
            told["at"] = self.at.isoformat()
        if self.until:
            told["until"] = self.until.isoformat()
        if self.values:
            told["values"] = dict(self.values)
        if self.missing:
            told["missing"] = list(self.missing)
        if self.parts:
            told["parts"] = [part.as_json() for part in self.parts]
        return told


def of_trace(trace: Trace, zone: str = "UTC") -> Point:
    """A condition as points: the same tree, with the values it had then."""
    parts = tuple(of_trace(child, zone) for child in trace.children)
    return Point(
        trace.text if parts else spell(trace, zone), _MARKS[trace.verdict], "condition",
        values=trace.values, missing=trace.missing, parts=parts,
    )  # fmt: skip


def spell(trace: Trace, zone: str = "UTC") -> str:
    """A trace as one sentence for people: ``event.days_late >= 2 holds (event.days_late was 3)``. Times as the clocks
    of ``zone`` show them."""
    if trace.path == BY_HAND:
        return trace.text
    if trace.missing:
        return f"{trace.text} cannot be told: {', '.join(trace.missing)} is missing"
    values = ", ".join(f"{name} was {_shown(value, zone)}" for name, value in trace.values)
    verdict = "holds" if trace.verdict is Verdict.TRUE else "does not hold"
    return f"{trace.text} {verdict}" + (f" ({values})" if values else "")


def _shown(value: Any, zone: str) -> str:
    """As people read it; programs get it as it is."""
    if value is None:
        return "not known"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return f"{value:.2f}".rstrip("0").rstrip(".")
    if isinstance(value, (list, tuple, set, frozenset)):
        return ", ".join(_shown(each, zone) for each in value) or "none"
    at = parse_instant(value) if isinstance(value, datetime) or _INSTANT.match(str(value)) else None
    return told_at(at, zone) if at else str(value)


_INSTANT = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d")


def sentences(trace: Trace | None, zone: str = "UTC") -> list[str]:
    """Why, part by part: the parts that decided."""
    if trace is None:
        return []
    if not trace.children:
        return [spell(trace, zone)]
    decided = [child for child in trace.children if child.verdict is trace.verdict]
    return [part for child in decided or trace.children for part in sentences(child, zone)]


def mark_of(outcome: str) -> Mark:
    return _OUTCOMES.get(outcome, Mark.AGAINST)


_OUTCOMES = {
    "started": Mark.FOR, "moved": Mark.FOR, "cannot_tell": Mark.UNSURE, "not_decided": Mark.NOTE,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Why:
    """One event and one playbook: what came of it, or why nothing did."""

    event: Event
    playbook: str
    outcome: str
    """``started``, ``moved``, a ``Stopped`` reason, ``no`` or ``not_decided``"""
    trace: Trace
    decided_at: datetime | None = None
    head: str = ""
    """What came of it, in words."""
    story: tuple[Point, ...] = ()
    """What stopped it, or how its run stands."""
    zone: str = "UTC"
    """The company's, for times in words."""

    @property
    def mark(self) -> Mark:
        return mark_of(self.outcome)

    @property
    def sentence(self) -> str:
        """In one line: what came of it, why, and what stands in the way now."""
        now = [point.words for point in decisive(self.story)]
        said = [self.head + self._because, *(now or sentences(self.trace, self.zone))]
        return f"{self.playbook}: " + "; ".join(part.rstrip(".") for part in said if part) + "."

    @property
    def _because(self) -> str:
        """Of a run the first things that speak for it."""
        justified = self.mark is Mark.FOR and self.trace.text != ALWAYS
        parts = sentences(self.trace, self.zone)[:2] if justified else []
        return f" because {' and '.join(parts)}" if parts else ""

    @property
    def tree(self) -> Point:
        return Point(
            f"{self.playbook}: {self.head}", self.mark, self.outcome, self.decided_at,
            parts=(of_trace(self.trace, self.zone), *self.story),
        )  # fmt: skip

    def as_json(self) -> dict[str, Any]:
        return {
            "event": {
                "ref": self.event.ref, "type": self.event.type, "time": self.event.time.isoformat(),
                "arrived": self.event.arrived.isoformat(),
            },
            "playbook": self.playbook,
            "outcome": self.outcome,
            "decided_at": self.decided_at.isoformat() if self.decided_at else None,
            "sentence": self.sentence,
            "tree": self.tree.as_json(),
        }  # fmt: skip


def decisive(points: tuple[Point, ...]) -> list[Point]:
    """What a sentence says of a story: the first thing that stopped it, or what is open of its run."""
    stopped = [point for point in points if point.code.startswith("stopped.")]
    if stopped:
        return stopped[:1]
    inside = [part for point in points if point.code == "run" for part in point.parts]
    ended = [part for part in inside if part.code in ("ended", "shadow", "holdout")]
    if ended:
        return [*ended[:1], *ended[0].parts[:1]]
    open_ = [part for part in inside if part.code == "touch" and part.mark is not Mark.NOTE]
    waits = [part for part in inside if part.code == "waits"]
    return [one for part in open_ for one in (part, *_in_the_way(part))] or waits


def _in_the_way(touch: Point) -> list[Point]:
    return [part for part in touch.parts if part.mark is Mark.AGAINST][:1]


@dataclass(frozen=True, slots=True)
class NotListening:
    """A playbook that listens to nothing that happened to the account."""

    playbook: str
    listens_to: tuple[str, ...]
    words: str

    def as_json(self) -> dict[str, Any]:
        return {"playbook": self.playbook, "listens_to": list(self.listens_to), "sentence": self.words}


@dataclass(frozen=True, slots=True)
class Answer:
    """Everything about one account, the newest event first."""

    account: str
    name: str
    at: datetime
    is_now: bool
    rows: tuple[Why, ...]
    not_listening: tuple[NotListening, ...] = ()
    notes: tuple[str, ...] = ()
    """What keeps events from being told, and what is today's answer rather than that of the moment."""
    more: int = 0
    """Pairs of event and playbook beyond the limit, the oldest."""

    def as_json(self) -> dict[str, Any]:
        return {
            "account": self.account,
            "at": self.at.isoformat(),
            "as_of": "now" if self.is_now else "then",
            "rows": [row.as_json() for row in self.rows],
            "not_listening": [each.as_json() for each in self.not_listening],
            "notes": list(self.notes),
            "more": self.more,
        }


def told_at(at: datetime, zone: str, *, seconds: bool = False) -> str:
    """``2 Mar 2026 09:00``, as the clocks of the zone show it."""
    shown = local(at, zone)
    return f"{shown.day} {shown:%b %Y %H:%M}" + (f":{shown:%S}" if seconds else "")

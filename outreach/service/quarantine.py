"""Events that came in wrong: mended and taken in, taken in again after the vocabulary was mended, or discarded."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from outreach.domain.errors import NotFound, OutreachError, Refused, must_say
from outreach.service.front import Rejected, check
from outreach.service.intake import POISON, Answer, absorb, take_in
from outreach.service.ports import Outside, Unit
from outreach.service.ports_events import Quarantined

AT_ONCE = 100
"""Events in one transaction."""
MOST = 5000
"""Events that one page waits for; the rest is taken in by asking again."""


@dataclass(frozen=True, slots=True)
class Which:
    """Those of one type, from one source, with these words in a reason; empty: all."""

    type: str = ""
    source: str = ""
    about: str = ""


@dataclass(frozen=True, slots=True)
class Replayed:
    """What came of taking them in again."""

    taken: int = 0
    still_wrong: int = 0
    more: bool = False
    """The limit was reached; asking again goes on."""
    after: str = ""
    """The last one that was looked at."""

    @property
    def sentence(self) -> str:
        if not self.taken and not self.still_wrong:
            return "There is nothing to take in again."
        said = f"Taken in: {self.taken:,}. Still wrong: {self.still_wrong:,}."
        return said + (" There are more; ask again." if self.more else "")


def replay(outside: Outside, id_: str, body: str, by: str) -> Answer:
    """Take a mended event in, and write down who did, or neither. Raises NotFound; Refused while it is still wrong, with
    the reasons, and for what somebody has dealt with."""
    try:
        raw = orjson.loads(body)
    except orjson.JSONDecodeError as fault:
        raise Refused(f"This is not JSON: {fault}") from None
    if not isinstance(raw, dict):
        raise Refused("A CloudEvent is a JSON object.")
    now = outside.clock.now()
    checked = check(raw, outside.rules().vocabulary, now)
    if isinstance(checked, Rejected):
        raise _still_wrong(checked.reasons)

    def work(unit: Unit) -> Answer:
        if not unit.mark_quarantined(id_, "replayed"):
            raise _dealt_with(unit.quarantined_one(id_))
        unit.audit(now, by, "quarantine.replayed", f"quarantine/{id_}")
        (answer,) = absorb(unit, outside, [checked], now)
        if answer.outcome == "quarantined":
            raise _still_wrong(answer.reasons)
        return answer

    try:
        taken: Answer = outside.database.retrying(work)
    except POISON as fault:
        raise _still_wrong([f"internal: {type(fault).__name__}: {fault}"]) from fault
    return taken


def _still_wrong(reasons: Iterable[str]) -> Refused:
    return Refused("Still wrong: " + "; ".join(reasons))


def _dealt_with(row: Quarantined | None) -> OutreachError:
    if row is None:
        return NotFound("There is nothing of the kind in quarantine.")
    became = "It was taken in already" if row.status == "replayed" else f"It was {row.status} already"
    return Refused(f"{became}; nothing has been taken in now.")


def replay_all(outside: Outside, which: Which, by: str, *, after: str = "", most: int = MOST) -> Replayed:
    """Take in all of them that are right by now, a hundred in a transaction; the others stay as they are."""
    done = Replayed(after=after)
    while done.taken + done.still_wrong < most:
        rows = _page(outside, which, done.after, min(AT_ONCE, most - done.taken - done.still_wrong))
        if not rows:
            return done
        taken = _take_in_again(outside, rows, by)
        done = Replayed(done.taken + taken, done.still_wrong + len(rows) - taken, False, rows[-1].id)
    more = bool(_page(outside, which, done.after, 1))
    return Replayed(done.taken, done.still_wrong, more, done.after)


def _page(outside: Outside, which: Which, after: str, limit: int) -> list[Quarantined]:
    with outside.database.view() as unit:
        return unit.quarantined(
            type_=which.type, source=which.source, about=which.about, after=after, limit=limit
        )


def _take_in_again(outside: Outside, rows: Collection[Quarantined], by: str) -> int:
    """How many of them are in now. One that breaks a room all the same comes back with its reason: it stays, too."""
    now, vocabulary = outside.clock.now(), outside.rules().vocabulary
    parsed = {row.id: raw for row in rows if (raw := _parsed(row.body)) is not None}
    right = {id_: raw for id_, raw in parsed.items() if not isinstance(check(raw, vocabulary, now), Rejected)}
    answers = take_in(outside, list(right.values()))
    taken = [id_ for id_, answer in zip(right, answers, strict=True) if answer.outcome != "quarantined"]
    _mark(outside, taken, "replayed", by)
    return len(taken)


def _parsed(body: str) -> Mapping[str, Any] | None:
    try:
        raw = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    return raw if isinstance(raw, dict) else None


def discard(outside: Outside, ids: Collection[str], by: str, reason: str) -> int:
    """These are of no use. They stay in the records. Gives how many; raises Refused without a reason."""
    must_say(reason, "Say why they are of no use.")
    return _mark(outside, ids, "discarded", by, reason.strip())


def _mark(outside: Outside, ids: Collection[str], status: str, by: str, why: str = "") -> int:
    """Gives how many had still been open."""

    def work(unit: Unit) -> int:
        marked = [id_ for id_ in sorted(ids) if unit.mark_quarantined(id_, status)]
        for id_ in marked:
            unit.audit(outside.clock.now(), by, f"quarantine.{status}", f"quarantine/{id_}", why)
        return len(marked)

    count: int = outside.database.retrying(work) if ids else 0
    return count

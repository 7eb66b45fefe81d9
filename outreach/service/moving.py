"""Runs are pinned to the version they started with; here they are moved to the current one, after a look at what that does.

Nothing is moved that cannot be: the rooms say why. What was laid, sent or put on the desk stays as it is.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from difflib import unified_diff
from functools import partial
from typing import Any

import orjson

from outreach.domain.errors import Invalid, NotFound, must_say
from outreach.domain.moving import Moved, Ran, Stays, first_to_come, worded
from outreach.domain.moving import move as moved_to
from outreach.domain.plan import Run
from outreach.domain.playbook import Playbook
from outreach.domain.touch import Status, Touch
from outreach.service.ledger import Ledger
from outreach.service.named import unknown
from outreach.service.ports import Outside, Unit
from outreach.service.runs import progress

MOST = 10_000
BATCH = 100
_UNREADABLE = "Its version cannot be read any more."


@dataclass(frozen=True, slots=True)
class UnderWay:
    """An open run, and what comes of it next."""

    run: Run
    next_step: str
    """``step 2: e-mail late-delivery/sorry.md``, or what it waits for."""
    next_due: datetime | None
    """None: it waits for a human, or for its failure to be closed."""
    is_current: bool
    """It runs by the file as it is now."""


@dataclass(frozen=True, slots=True)
class Move:
    """One run of an old version: where it stands, and what moving it does. ``why_not``: why it stays, if so."""

    run: Run
    stands: str
    goes: tuple[str, ...] = ()
    """What was still to come and comes no more, or otherwise."""
    comes: tuple[str, ...] = ()
    """What comes instead, or as well."""
    why_not: str = ""


@dataclass(frozen=True, slots=True)
class OldVersion:
    """A version that runs are pinned to, and what has changed since then."""

    version: str
    diff: str
    """Unified, of the YAML and of every text that differs; empty where the old one cannot be read."""
    moves: tuple[Move, ...]


@dataclass(frozen=True, slots=True)
class Moves:
    playbook: str
    to: str
    """The current version."""
    versions: tuple[OldVersion, ...]

    @property
    def can(self) -> list[Move]:
        return [each for version in self.versions for each in version.moves if not each.why_not]

    @property
    def cannot(self) -> list[Move]:
        return [each for version in self.versions for each in version.moves if each.why_not]


def under_way(
    outside: Outside, playbook: str | None = None, account: str | None = None, limit: int = 200
) -> list[UnderWay]:
    """Open runs, the oldest first."""
    current = outside.rules().playbooks
    with outside.database.view() as unit:
        read, runs = _Versions(unit, outside), unit.runs_under_way(playbook, account, None, limit)
        touches, found = _touches_of(unit, runs), []
        for run in runs:
            own, now = read.of(run.version), current.get(run.playbook)
            words, due = _next(run, own, touches[run.id]) if own else (_UNREADABLE, None)
            found.append(UnderWay(run, words, due, now is not None and now.version == run.version))
        return found


def preview(
    outside: Outside, playbook: str, from_version: str | None = None, account: str | None = None
) -> Moves:
    """What moving would do; does nothing. ``from_version``: the beginning of a version is enough. Raises NotFound."""
    current = _current(outside, playbook)
    with outside.database.view() as unit:
        read = _Versions(unit, outside)
        runs = unit.runs_under_way(playbook, account, current.version, MOST)
        by_version: dict[str, list[Run]] = {}
        for run in runs:
            if run.version.startswith(from_version or ""):
                by_version.setdefault(run.version, []).append(run)
        touches, ran, versions = _touches_of(unit, runs), _ran(unit, read, runs), []
        for version, some in by_version.items():
            old = read.of(version)
            moves = tuple(_move(run, old, current, touches[run.id], ran[run.id]) for run in some)
            versions.append(OldVersion(version, _diff(old, current) if old else "", moves))
    return Moves(playbook, current.version, tuple(versions))


def move(
    outside: Outside,
    playbook: str,
    by: str,
    reason: str,
    runs: Collection[str] | None = None,
    from_version: str | None = None,
    account: str | None = None,
) -> list[Move]:
    """Move those runs, or all that the preview has, in small transactions; each is judged anew where it stands then.
    Gives what was moved, and what stays with its reason. Raises NotFound, and Refused without a reason."""
    must_say(reason)
    moves = preview(outside, playbook, from_version, account)
    wanted = [(each.run.account, each.run.id) for each in moves.can if runs is None or each.run.id in runs]
    done = [each for each in moves.cannot if runs is None or each.run.id in runs]
    for start in range(0, len(wanted), BATCH):
        some = wanted[start : start + BATCH]
        done += outside.database.retrying(partial(_move_some, outside, playbook, by, reason, some))
    return done


def _touches_of(unit: Unit, runs: Iterable[Run]) -> dict[str, list[Touch]]:
    """Run → its touches, the first one first; none for one that has none."""
    found: dict[str, list[Touch]] = defaultdict(list)
    for touch in sorted(unit.touches_of({run.account for run in runs}), key=lambda touch: touch.id):
        found[touch.run].append(touch)
    return found


def _move_some(
    outside: Outside, playbook: str, by: str, reason: str, pairs: Sequence[tuple[str, str]], unit: Unit
) -> list[Move]:
    current, done, read = _current(outside, playbook), [], _Versions(unit, outside)
    ledger = Ledger(unit, outside, outside.clock.now())
    ledger.lock(sorted({account for account, _ in pairs}))
    for account, id_ in pairs:
        run = ledger.runs.get(account, {}).get(id_)
        if run is None or not run.is_open or run.version == current.version:
            continue
        known = {touch.id: touch for touch in unit.touches_of_run(id_)} | {
            touch.id: touch for touch in ledger.touches_of_run(run)
        }
        old = ledger.playbook(run)
        found = moved_to(run, old, current, list(known.values()), _ran(unit, read, [run])[run.id])
        done.append(_as_move(run, old, current, list(known.values()), found))
        if isinstance(found, Moved):
            _settle(ledger, found.run, current)
            unit.audit(
                ledger.now,
                by,
                "run.moved",
                f"run/{id_}",
                f"{run.version[:8]} → {current.version[:8]}: {reason}",
            )
    ledger.flush()
    return done


def _settle(ledger: Ledger, run: Run, current: Playbook) -> None:
    """It goes on in the new version: what is due there is laid, and judged by law and caps like any other."""
    ledger.keep_version(current)
    ledger.put_run(run)
    started = ledger.unit.decision_of_run(run.account, run.id)
    if started is not None:
        ledger.decisions.append(
            replace(started, version=current.version, at=ledger.now, outcome="moved", run=run.id)
        )
    progress(ledger, run.id, run.account)


# -- looking -----------------------------------------------------------------------------------------------


class _Versions:
    """Playbooks by version, each read once."""

    def __init__(self, unit: Unit, outside: Outside) -> None:
        self._unit, self._outside = unit, outside
        self._known: dict[str, Playbook | None] = {
            playbook.version: playbook for playbook in outside.rules().playbooks.values()
        }

    def of(self, version: str) -> Playbook | None:
        """None where it cannot be read any more."""
        if version not in self._known:
            try:
                self._known[version] = self._outside.pinned(self._unit, version)
            except (NotFound, Invalid):
                self._known[version] = None
        return self._known[version]


def _current(outside: Outside, playbook: str) -> Playbook:
    found = outside.rules().playbooks.get(playbook)
    if found is None:
        raise unknown("playbook", playbook, outside.rules().playbooks)
    return found


def _ran(unit: Unit, read: _Versions, runs: Sequence[Run]) -> dict[str, list[Ran]]:
    """Run → the versions that it went by; the one that it is pinned to is the last, whatever was written down."""
    known = unit.versions_of_runs({run.account for run in runs})
    found = {}
    for run in runs:
        since = known.get(run.id, [])
        if not since or since[-1][1] != run.version:
            since = [*since, (since[-1][0] if since else run.started_at, run.version)]
        found[run.id] = [Ran(at, read.of(version)) for at, version in since]
    return found


def _move(
    run: Run, old: Playbook | None, new: Playbook, touches: Sequence[Touch], ran: Sequence[Ran]
) -> Move:
    if old is None:
        return Move(run, f"step {run.step + 1}", why_not=_UNREADABLE)
    return _as_move(run, old, new, touches, moved_to(run, old, new, touches, ran))


def _as_move(run: Run, old: Playbook, new: Playbook, touches: Sequence[Touch], found: Moved | Stays) -> Move:
    stands, _ = _next(run, old, touches)
    if isinstance(found, Stays):
        return Move(run, stands, why_not=found.why)
    goes = tuple(worded(old.steps[i]) for i in found.goes)
    return Move(run, stands, goes, tuple(worded(new.steps[i]) for i in found.comes))


def _next(run: Run, playbook: Playbook, touches: Sequence[Touch]) -> tuple[str, datetime | None]:
    """What it stands at, and when that is due."""
    for touch in touches:
        if touch.is_open and touch.step < len(playbook.steps):
            waits = touch.status in (Status.PLANNED, Status.DUE)
            words = f"{worded(playbook.steps[touch.step])}, {touch.status.value.replace('_', ' ')}"
            return words, touch.due if waits else touch.deadline
    if run.step >= len(playbook.steps):
        return "all steps done", None
    step = playbook.steps[min(first_to_come(run, playbook, touches), len(playbook.steps) - 1)]
    if run.step_started is not None:
        step = playbook.steps[run.step]
    return worded(step), run.wake_at or run.step_due


def _diff(old: Playbook, new: Playbook) -> str:
    return "".join(line for name, a, b in _texts(old, new) for line in _lines(name, a, b, old, new))


def _texts(old: Playbook, new: Playbook) -> Iterator[tuple[str, str, str]]:
    yield f"{new.name}.yaml", _as_written(old.source), _as_written(new.source)
    before, after = dict(old.templates), dict(new.templates)
    for name in sorted(before.keys() | after.keys()):
        yield name, _of(before, name), _of(after, name)


def _as_written(source: str) -> str:
    """A version is kept as JSON, with what its defaults said; people read YAML."""
    return "\n".join(_laid_out(orjson.loads(source))) if source else ""


def _laid_out(value: Any) -> Iterator[str]:
    """For the eye: nobody reads it back."""
    pairs = value.items() if isinstance(value, dict) else (("-", item) for item in value)
    for name, item in pairs:
        head = "-" if name == "-" else f"{name}:"
        if not isinstance(item, (dict, list)):
            yield f"{head} {item if isinstance(item, str) else orjson.dumps(item).decode()}"
            continue
        lines = list(_laid_out(item))
        if head == "-" and lines:
            yield f"- {lines[0]}"
            lines = lines[1:]
        else:
            yield head
        yield from (f"  {line}" for line in lines)


def _of(texts: Mapping[str, str], name: str) -> str:
    return texts.get(name, "")


def _lines(name: str, before: str, after: str, old: Playbook, new: Playbook) -> Iterator[str]:
    if before == after:
        return
    a, b = before.splitlines(), after.splitlines()
    for line in unified_diff(a, b, name, name, old.version[:8], new.version[:8], lineterm=""):
        yield f"{line}\n"

"""How a run stands, as points: what it is about, what it holds back, what it waits for, and each of its contacts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from outreach.domain.errors import Invalid, NotFound
from outreach.domain.facts import named
from outreach.domain.failure import FailureState
from outreach.domain.plan import DISPLACED, Run, displaced_by
from outreach.domain.policy import Action
from outreach.domain.touch import Settlement, Status, Touch
from outreach.service.allowed import Allowed, Obstacle, when_allowed
from outreach.service.ledger import Ledger
from outreach.service.ports import Outside
from outreach.service.runs import hold_of
from outreach.service.why_told import Mark, Point, told_at

ENDS: Mapping[str, str] = {
    "completed": "all its steps are done",
    "put_right": "what went wrong is put right",
    "let_be": "a manager let it be",
    "void": "what opened the failure was taken back",
    "withdrawn": "a late or revised event says that it was never justified",
    "superseded": "a playbook that goes before it has begun",
    "restarted": "a newer event began it again",
    "no_longer_true": "what it was about is no longer so",
    "reply": "the customer wrote back",
    "stop_when": "one of its stop conditions came true",
    "disabled": "its playbook was disabled",
    "blast_radius": "it was beyond the blast radius, and a second person said no",
    "version_unreadable": "the version it was pinned to cannot be read any more",
}
_DONE: Mapping[Status, tuple[str, Mark]] = {
    Status.SENT: ("sent", Mark.FOR),
    Status.FAILED: ("failed, it certainly did not leave", Mark.AGAINST),
    Status.UNKNOWN: ("nobody knows whether it left", Mark.UNSURE),
    Status.SENDING: ("on its way", Mark.FOR),
    Status.WITHHELD: ("not made", Mark.AGAINST),
    Status.EXPIRED: ("not made", Mark.AGAINST),
    Status.CANCELLED: ("taken back before it left", Mark.AGAINST),
}


@dataclass(frozen=True, slots=True)
class Look:
    """Who looks: at which moment, and whether that is now. ``ledger``: as of now, with the account."""

    outside: Outside
    ledger: Ledger
    at: datetime
    is_now: bool

    def told(self, at: datetime) -> str:
        return told_at(at, self.ledger.rules.company.zone)


def run_story(look: Look, run: Run) -> Point:
    """The whole of it, as one point with parts."""
    about = run.failure or run.key
    words = f"its run about {about} began {look.told(run.started_at)}, by version {run.version[:8]}"
    return Point(words, Mark.FOR, "run", run.started_at, parts=tuple(_parts(look, run)))


def _parts(look: Look, run: Run) -> Iterator[Point]:
    yield from _standing(look, run)
    yield from _failure(look, run)
    yield from _hold(look, run)
    for touch in look.ledger.unit.touches_of_run(run.id):
        if touch.created_at is None or touch.created_at <= look.at:
            yield touch_point(look, touch)


# -- where it stands -----------------------------------------------------------------------------------


def _standing(look: Look, run: Run) -> Iterator[Point]:
    if run.holdout:
        yield Point("it is in the comparison group and contacts nobody", Mark.AGAINST, "holdout")
        return
    if run.shadow:
        yield Point("it runs in shadow: it decides, and contacts nobody", Mark.AGAINST, "shadow")
    if run.ended_at is not None and run.ended_at <= look.at:
        yield _ended(look, run)
    elif not look.is_now:
        yield Point("it was open then; at which step is not recorded", code="waits")
    else:
        yield from _cursor(look, run)


def _ended(look: Look, run: Run) -> Point:
    assert run.ended_at is not None
    why = ENDS.get(run.end_reason, f"{run.end_reason} stopped it")
    parts = tuple(_displaced_by(look, run)) if run.end_reason in DISPLACED else ()
    words = f"it ended {look.told(run.ended_at)}: {why}"
    return Point(words, Mark.AGAINST, "ended", run.ended_at, parts=parts)


def _displaced_by(look: Look, run: Run) -> Iterator[Point]:
    found = displaced_by(run, look.ledger.runs[run.account].values(), look.ledger.playbook)
    if found is not None:
        words = f"it made room for {found.playbook}, begun {look.told(found.started_at)}"
        yield Point(words, code=f"beaten.{run.end_reason}", at=found.started_at)


def _cursor(look: Look, run: Run) -> Iterator[Point]:
    try:
        steps = look.ledger.playbook(run).steps
    except (NotFound, Invalid):
        return
    if run.step >= len(steps):
        bound = (
            f"it stays open until {run.failure} is put right" if run.failure else "its last contact is open"
        )
        yield Point(f"all its steps are laid; {bound}", code="waits")
        return
    step = steps[run.step]
    named = f"step {run.step + 1} of {len(steps)} ({step.channel or 'wait'})"
    if step.channel is None and run.wake_at is not None:
        before = f", or until {step.wait_for}" if step.wait_for else ""
        yield Point(f"{named} lasts until {look.told(run.wake_at)}{before}", code="waits", until=run.wake_at)
    elif run.step_due is not None:
        yield Point(f"{named} is due {look.told(run.step_due)}", code="waits", until=run.step_due)
    else:
        yield Point(f"it stands at {named} until that is settled", code="waits")


def _failure(look: Look, run: Run) -> Iterator[Point]:
    failure = look.ledger.accounts[run.account].failures.get(run.failure or "")
    if failure is None:
        return
    closed = failure.closed_at
    if closed is not None and closed <= look.at:
        how = {FailureState.PUT_RIGHT: "put right", FailureState.LET_BE: "let be"}.get(failure.state, "void")
        yield Point(f"{failure.id} was {how} {look.told(closed)}", code="failure", at=closed)
        return
    reached = failure.reached_at
    spoken = "spoken to" if reached is not None and reached <= look.at else "nobody has spoken with them"
    words = f"{failure.id} is open since {look.told(failure.opened_at)}, {failure.severity.word}, {spoken}"
    yield Point(words, code="failure", at=failure.opened_at)


def _hold(look: Look, run: Run) -> Iterator[Point]:
    hold = hold_of(look.ledger, run)
    if hold is None or hold.since > look.at:
        return
    what = ", ".join(hold.purposes)
    if hold.ended_at is not None and hold.ended_at <= look.at:
        words = f"it held back {what} until {look.told(hold.ended_at)} ({_human(hold.end_reason) or 'over'})"
        yield Point(words, code="hold", at=hold.since, until=hold.ended_at)
    else:
        words = f"it holds back {what} for the {hold.scope}, until {look.told(hold.ends)} at the latest"
        yield Point(words, code="hold", at=hold.since, until=hold.ends)


# -- its contacts --------------------------------------------------------------------------------------


def touch_point(look: Look, touch: Touch) -> Point:
    """One contact: where it stands, and what stands in its way."""
    named = name_of(touch)
    if touch.ended_at is not None and touch.ended_at > look.at:
        return Point(f"{named}: it was open then", code="touch.done", at=touch.created_at)
    if touch.status is Status.SETTLED:
        return _settled(look, touch, named)
    if touch.status in _DONE:
        words, mark = _DONE[touch.status]
        when = touch.sent_at or touch.intent_at or touch.ended_at
        said = f" {look.told(when)}" if when else ""
        why = f": {touch.sentence or touch.because}" if mark is not Mark.FOR else ""
        return Point(f"{named}: {words}{said}{why}", mark, f"touch.{touch.because}", when)
    if not look.is_now:
        return Point(f"{named}: it was open then", code="touch.done", at=touch.created_at)
    return open_touch(look, touch, when_allowed(look.outside, look.ledger.unit, touch, look.at))


def name_of(touch: Touch) -> str:
    """``Call (step 1) to anna``; never a name, a number or an address."""
    again = f", attempt {touch.attempt}" if touch.attempt > 1 else ""
    whom = f" to {touch.person}" if touch.person else ""
    return f"{named(touch.channel)} (step {touch.step + 1}{again}){whom}"


def _human(code: str) -> str:
    return code.replace("_", " ")


def _settled(look: Look, touch: Touch, named: str) -> Point:
    how = _human(touch.disposition or touch.settlement or "")
    withdrawn = touch.settlement is Settlement.WITHDRAWN
    why = f" ({ENDS.get(touch.because, touch.because)})" if withdrawn else ""
    when = f" {look.told(touch.ended_at)}" if touch.ended_at else ""
    mark = Mark.AGAINST if withdrawn else Mark.FOR
    return Point(f"{named}: {how}{when}{why}", mark, f"touch.{touch.because}", touch.ended_at)


_OPEN: Mapping[Status, tuple[str, str]] = {
    Status.ON_DESK: ("on the desk", "dialled"),
    Status.DRAFT: ("a draft that waits to be released", "released"),
}


def open_touch(look: Look, touch: Touch, allowed: Allowed) -> Point:
    """A contact that has not been made yet, with everything that stands in its way."""
    stands, verb = _OPEN.get(touch.status, (f"due {look.told(touch.due)}", "made"))
    if allowed.dropped:
        may = "as things stand it will not be made"
    elif allowed.at is None:
        may = "it waits, and no end of that is known"
    elif allowed.at <= look.at:
        may = f"it may be {verb} now"
    else:
        may = f"it may be {verb} from {look.told(allowed.at)}"
    mark = Mark.AGAINST if allowed.at is None else Mark.FOR
    parts = (*(_obstacle(look, each) for each in allowed.obstacles), *_on_card(look, touch))
    words = f"{name_of(touch)}: {stands}; {may}"
    return Point(words, mark, "touch", touch.due, allowed.at, parts=parts)


def _obstacle(look: Look, found: Obstacle) -> Point:
    reason, until = found.ruling.reason, found.until
    ends = f" until {look.told(until)}" if until else ""
    drops = found.ruling.action is Action.DROP
    words = f"{'dropped' if drops else 'waits' + ends}: {reason.sentence}"
    parts = tuple(_details(look, found))
    return Point(words, Mark.AGAINST, reason.code, found.case.now, until, parts=parts)


def _details(look: Look, found: Obstacle) -> Iterator[Point]:
    """Held by what, over which cap, behind whom."""
    code, hold = found.ruling.reason.code, found.case.hold
    if code == "held" and hold is not None:
        run = look.ledger.unit.run(hold.run)
        about = f" about {run.failure or run.key}" if run else ""
        words = f"held by {hold.because}{about} at {hold.account}, since {look.told(hold.since)}"
        yield Point(words, code="held.by", at=hold.since, until=hold.ends)
    if found.rival is not None:
        rival = found.rival
        words = f"{rival.playbook} goes first: {rival.severity.word}, begun {look.told(rival.started_at)}"
        yield Point(words, code="beaten.outranked", at=rival.started_at)
    if code.startswith(("cap_", "law_attempts")):
        yield from _counted(look, found.case.contacts)


def _counted(look: Look, contacts: Iterable[Touch]) -> Iterator[Point]:
    """Each once, as the caps count: a dial with all that it was about."""
    of: dict[tuple[str, datetime | None], list[Touch]] = {}
    for touch in contacts:
        of.setdefault(touch.contact, []).append(touch)
    for touches in of.values():
        first, about = touches[0], sorted({touch.because for touch in touches})
        if first.intent_at:
            words = f"{named(first.channel)} {look.told(first.intent_at)}, because of {', '.join(about)}"
            yield Point(words, code="contact", at=first.intent_at)


def _on_card(look: Look, touch: Touch) -> Iterator[Point]:
    if touch.card is None or touch.status is not Status.ON_DESK:
        return
    card = look.ledger.unit.card(touch.card)
    if card is not None and card.claimed_by:
        yield Point(f"{card.claimed_by} has the card", code="card.claimed", at=card.claimed_at)
    lines = look.ledger.unit.touches_of_card(touch.card)
    for id_ in sorted({line.run for line in lines if line.status is Status.ON_DESK} - {touch.run}):
        run = look.ledger.unit.run(id_)
        if run is not None:
            words = f"one conversation with {run.playbook} about {run.failure or run.key}"
            yield Point(words, code="card.merged")

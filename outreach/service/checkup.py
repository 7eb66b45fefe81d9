"""How the house stands, in sentences: what the doctor says in a terminal and the ops page shows, from one place.

Only what the database and the settings of the services know. Disks, keys, networks and files are the doctor's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

import humanize

from outreach.domain.errors import Invalid, NotFound, OutreachError
from outreach.domain.plan import Run
from outreach.service import publishing, switches
from outreach.service.errands import not_reached
from outreach.service.finding import Finding, Findings, Gravity, look, many, well
from outreach.service.ports import Outside, Unit
from outreach.service.reach import troubles
from outreach.service.sweep import CLOCK
from outreach.service.why_told import told_at

CLOCK_LATE = timedelta(minutes=2)
"""So long without a heartbeat, and the clock counts as stopped."""
BEHIND = timedelta(minutes=5)
PARKED_OLD = timedelta(days=7)
START = "start it: `outreach serve`, or `outreach clock`"


@dataclass(frozen=True, slots=True)
class Counts:
    """How the house stands, as numbers."""

    due: int
    """Touches whose time has come and that wait for the clock."""
    overdue_calls: int
    open_runs: int
    open_failures: int
    unreached: int
    unmatched: int
    owed: int
    quarantined: int
    parked: int
    holds: int


@dataclass(frozen=True, slots=True)
class Standing:
    """What a look over the house begins with."""

    now: datetime
    counts: Counts
    waits: datetime | None
    """The earliest instant for which a row waits."""
    oldest_parked: datetime | None
    """When the first event came for an account that nobody has described."""
    still: tuple[Run, ...]
    """Open runs with no time to wake at and nothing on the way to anybody; at most a thousand."""


def look_over(unit: Unit, outside: Outside, standing: Standing) -> list[Finding]:
    """Everything that somebody has to see to, the gravest first. Well is not told."""
    found = [
        each for check in (*WITHIN, ways_out, mailroom) for each in safely(check, unit, outside, standing)
    ]
    return sorted((each for each in found if not each.ok), key=lambda each: -each.gravity)


def safely(check: Check, unit: Unit, outside: Outside, standing: Standing) -> Findings:
    """A check that breaks is a finding itself, and hides none of the others."""
    try:
        yield from check(unit, outside, standing)
    except OutreachError as fault:
        yield could_not_look(check.__name__, fault)


def could_not_look(check: str, fault: Exception) -> Finding:
    return look(
        f"could not look at {check.strip('_').replace('_', ' ')}: {fault}",
        "see to what it says, then ask again",
    )


def ago(now: datetime, then: datetime) -> str:
    return humanize.naturaltime(now - then)


# -- the clock -------------------------------------------------------------------------------------------


def clock_late(now: datetime, beat: datetime | None) -> bool:
    return beat is None or now - beat > CLOCK_LATE


def clock(unit: Unit, outside: Outside, standing: Standing) -> Findings:
    beat, now = unit.heartbeats().get(CLOCK), standing.now
    if beat is None:
        yield look("the clock has never run: nothing is due until it does", START, Gravity.NOW)
    elif clock_late(now, beat[0]):
        yield look(f"the clock stopped {ago(now, beat[0])}", START, Gravity.NOW)
    else:
        yield well(f"the clock beat {ago(now, beat[0])}")
    yield from _behind(standing, clock_late(now, beat[0] if beat else None))


def _behind(standing: Standing, late: bool) -> Findings:
    now, waits, due = standing.now, standing.waits, standing.counts.due
    if waits is None or now - waits <= BEHIND:
        return
    what = f"something was due {ago(now, waits)} and has not been done"
    if due:
        have = f"{many(due, 'message')} or {'call' if due == 1 else 'calls'}"
        what += f"; {have} {'waits' if due == 1 else 'wait'} for the clock"
    remedy = START if late else "the clock rings and does not get through: look at its log"
    yield look(what, remedy, Gravity.NOW)


# -- what leaves -----------------------------------------------------------------------------------------


def sending(unit: Unit, outside: Outside, standing: Standing) -> Findings:
    stopped, unknown = unit.setting("stop_all"), len(unit.touches_unknown(1000))
    if stopped:
        yield look(
            f"all sending is stopped ({stopped})",
            "when it is mended: `outreach stop-all --resume --reason …`",
            Gravity.NOW,
        )
    if unknown:
        yield look(
            f"of {many(unknown, 'message')} nobody knows whether they left",
            "look at the evidence and say what became of each: `outreach unknowns`",
            Gravity.NOW,
        )
    if not stopped and not unknown:
        yield well("messages may leave, and it is known of each what became of it")


def ways_out(unit: Unit, outside: Outside, standing: Standing) -> Findings:
    names, zone = switches.configured(outside), outside.rules().company.zone
    for way, until in switches.resting(unit, outside.clock.now()).items():
        yield look(
            f"{way} rests until {told_at(until, zone, seconds=True)} ({zone}): it was unwell, or asked for it",
            "look at the provider's status page",
        )
    for errand, why in not_reached(unit).items():
        yield look(
            f"{errand.replace('_', ' ')}: the provider was not reached ({why})",
            "it is tried every minute; look at the provider's status page",
        )
    for way, why in (pair for name in names for pair in switches.stopped_ways(unit, name)):
        yield look(
            f"{way} is stopped: {why}", f"mend it, then `outreach resume {way} --reason …`", Gravity.NOW
        )
    if names:
        yield _rehearsal(unit, outside, names)


def _rehearsal(unit: Unit, outside: Outside, names: list[str]) -> Finding:
    rehearsing = [name for name in names if not switches.is_live(unit, name)]
    if not rehearsing:
        return well(f"live: {', '.join(names)}")
    told = len(outside.rehearsal_to)
    return look(
        f"{' and '.join(rehearsing)} {'rehearses' if len(rehearsing) == 1 else 'rehearse'}: only {many(told, 'named address')} contacted, the rest goes to the outbox",
        "when you have seen it work: `outreach go-live --reason …`"
        if told
        else "set OUTREACH_REHEARSAL_TO to your own address and number, and restart",
    )


def mailroom(unit: Unit, outside: Outside, standing: Standing) -> Findings:
    waiting = unit.count_inbound()
    if waiting:
        yield look(
            f"{many(waiting, 'message')} nobody has placed or read",
            "somebody at the desk reads them: /desk/messages",
        )
    else:
        yield well("every message that came in has found its reader")


def colleagues(unit: Unit, outside: Outside, standing: Standing) -> Findings:
    if outside.notifier is None:
        yield well("nobody is reached away from the desk: OUTREACH_ALERT_SERVICES says none")
        return
    reached, untold = len(unit.reaches()), troubles(unit, outside.clock.now())
    for user, why in untold.items():
        yield look(
            f"the last alert for {user} did not arrive, or not everywhere: {why}",
            "they mend it at /desk/reach and send themselves a test; or `outreach user alerts`",
        )
    if not untold:
        yield well(f"{many(reached, 'colleague')} reached away from the desk")


# -- what waits for somebody -------------------------------------------------------------------------------


def waiting_events(unit: Unit, outside: Outside, standing: Standing) -> Findings:
    now, count, oldest = standing.now, standing.counts, standing.oldest_parked
    if count.quarantined:
        yield look(
            f"{many(count.quarantined, 'event')} in quarantine",
            "mend or discard them: /ops/quarantine, or `outreach quarantine list`",
        )
    old = oldest is not None and now - oldest > PARKED_OLD
    if oldest is not None and old:
        yield look(
            f"an event came {ago(now, oldest)} for an account that nobody has described ({count.parked:,} parked)",
            "describe it: PUT /v1/accounts/{id}, or `outreach import`",
        )
    if not count.quarantined and not old:
        yield well(f"no event in quarantine, {count.parked:,} parked")


def publishing_waits(unit: Unit, outside: Outside, standing: Standing) -> Findings:
    asked = publishing.asked_in(unit, outside)
    for each in asked:
        yield look(
            f"{each.playbook} stopped {ago(outside.clock.now(), each.since)}, after {many(each.reached, 'account')}:"
            f" {each.accounts:,} more wait for a second person",
            f"`outreach publish {each.playbook} --let-go --as EMAIL --reason …`, or --refuse",
            Gravity.NOW,
        )
    if not asked:
        yield well("no playbook waits for a second person")
    for save in unit.saves_unsettled():
        if standing.now - save.at > BEHIND:
            yield look(
                f"what {save.by} saved of {save.playbook} {ago(standing.now, save.at)} broke off: whether it is in the folder is not written down",
                f"/ops/playbooks/{save.playbook}: *See what became of it*; the next save does so, too",
            )
    missed, states = unit.count_missed(), unit.publish_states()
    for name, count in sorted(missed.items()):
        if states.get(name, ("", 0))[0] == "paused":
            yield well(f"{name} is paused; {many(count, 'trigger')} will be judged once it goes on")


def stuck_runs(unit: Unit, outside: Outside, standing: Standing) -> Findings:
    """A run that has made all its steps waits for its failure to be closed; that is on the board."""
    stuck = list(_stuck(unit, outside, standing.still))
    for run in stuck[:5]:
        yield look(
            f"run {run.id} of {run.playbook} for account {run.account} waits for nothing, at step {run.step + 1}",
            f"`outreach why {run.account}`",
        )
    if len(stuck) > 5:
        yield look(
            f"and {len(stuck) - 5:,} more runs wait for nothing", "tell whoever looks after the program"
        )
    if not stuck:
        yield well("every open run waits for something")


def _stuck(unit: Unit, outside: Outside, still: tuple[Run, ...]) -> Iterator[Run]:
    states = {state.id: state for state in unit.accounts(sorted({run.account for run in still}))}
    for run in still:
        state = states.get(run.account)
        failure = state.failures.get(run.failure or "") if state else None
        if failure is None or not failure.is_open or _steps_left(unit, outside, run):
            yield run


def _steps_left(unit: Unit, outside: Outside, run: Run) -> bool:
    playbook = outside.rules().playbooks.get(run.playbook)
    try:
        if playbook is None or playbook.version != run.version:
            playbook = outside.pinned(unit, run.version)
    except (NotFound, Invalid):
        return False  # it ends by that name as soon as its account is touched
    return run.step < len(playbook.steps)


def board(unit: Unit, outside: Outside, standing: Standing) -> Findings:
    count = standing.counts
    if count.overdue_calls:
        yield look(
            f"{many(count.overdue_calls, 'call')} past the promised hour",
            "/desk shows them first: somebody rings, or hands them on",
            Gravity.NOW,
        )
    if count.unmatched:
        yield look(
            f"{many(count.unmatched, 'failure')} that no playbook sees to",
            "/desk/unmatched: call, or write a playbook",
        )
    if count.owed:
        yield look(f"{many(count.owed, 'failure')} learnt of too late", "`outreach owed`, or /desk/owed")
    yield well(f"{count.open_failures:,} failures open, {count.unreached:,} of them with nobody spoken to")


Check = Callable[[Unit, Outside, Standing], Findings]

WITHIN: tuple[Check, ...] = (clock, sending, colleagues, waiting_events, publishing_waits, stuck_runs, board)
"""What is asked of the house itself, in the order in which the doctor tells it; the page and the doctor walk it."""

"""What the pages of playbooks show: how busy each has been, day by day, and what is under way."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from outreach.domain.plan import Run
from outreach.domain.touch import Status
from outreach.store.bulk import quoted
from outreach.store.codec import micros
from outreach.store.runs import RUN
from outreach.store.unit import StoreUnit

DAYS = 30
WINDOW = timedelta(days=DAYS)
_DAY = timedelta(days=1) // timedelta(microseconds=1)
_MADE = ", ".join(f"'{status}'" for status in (Status.SENT, Status.SETTLED))


@dataclass(slots=True)
class Activity:
    """The last ``DAYS`` times 24 hours, the oldest first."""

    started: list[int] = field(default_factory=lambda: [0] * DAYS)
    """Runs, shadow runs left out."""
    shadows: int = 0
    contacts: list[int] = field(default_factory=lambda: [0] * DAYS)
    """Calls that were dealt with, mails and SMS that left."""
    calls: int = 0
    """Of the contacts."""
    reached: int = 0
    """Runs of that time in which somebody was spoken with."""
    back: int = 0
    """Runs of that time that led to their success."""


def activity(unit: StoreUnit, now: datetime) -> dict[str, Activity]:
    """Playbook → what it did; none for one that did nothing."""
    found: dict[str, Activity] = {}
    until, since = micros(now), micros(now - WINDOW)
    for playbook, ago, shadow, runs, reached, back in unit.bulk.rows(
        "select playbook, (? - started_at) / ?, shadow, count(*), sum(case when reached then 1 else 0 end),"
        " sum(case when success_at is not null then 1 else 0 end)"
        " from run where started_at > ? and started_at <= ? group by 1, 2, 3",
        until, _DAY, since, until,
    ):  # fmt: skip
        one = found.setdefault(playbook, Activity())
        if shadow:
            one.shadows += runs
            continue
        one.started[DAYS - 1 - ago] += runs
        one.reached += reached
        one.back += back
    _count_contacts(unit, found, since, until)
    return found


def _count_contacts(unit: StoreUnit, found: dict[str, Activity], since: int, until: int) -> None:
    """What has ended, by its index; of what nobody knows whether it left, nothing is said here."""
    for playbook, channel, ago, contacts in unit.bulk.rows(
        "select r.playbook, t.channel, (? - t.ended_at) / ?, count(*) from touch t join run r on r.id = t.run"
        f" where t.ended_at > ? and t.ended_at <= ? and t.status in ({_MADE}) and not r.shadow group by 1, 2, 3",
        until, _DAY, since, until,
    ):  # fmt: skip
        one = found.setdefault(playbook, Activity())
        one.contacts[DAYS - 1 - ago] += contacts
        if channel == "call":
            one.calls += contacts


def runs_under_way(unit: StoreUnit, playbook: str, limit: int, offset: int) -> list[tuple[Run, str]]:
    """Its runs under way, newest first, with the account's name."""
    names = ", ".join(f"r.{quoted(name)}" for name in RUN.names)
    rows = unit.bulk.rows(
        f"select a.name, {names} from run r left join account a on a.id = r.account"
        " where r.playbook = ? and r.state = 'open' order by r.started_at desc, r.id limit ? offset ?",
        playbook, limit, offset,
    )  # fmt: skip
    return [(run := RUN.made(row[1:]), row[0] or run.account) for row in rows]


def versions_under_way(unit: StoreUnit, playbook: str) -> dict[str, int]:
    """Version → open runs that are pinned to it."""
    rows = unit.bulk.rows(
        "select version, count(*) from run where playbook = ? and state = 'open' group by version", playbook
    )
    return {row[0]: row[1] for row in rows}


@dataclass(frozen=True, slots=True)
class Shadow:
    """What a playbook would have done in shadow, beside what live ones did."""

    runs: int
    accounts: int
    calls: int
    """That would have been put on the desk."""
    messages: int
    """Mails and SMS that would have left."""
    alike: int
    """Runs about a failure that a live run of another playbook looks after."""


def shadow_of(unit: StoreUnit, playbook: str, since: datetime) -> Shadow | None:
    """Of its shadow runs since then; None where there were none."""
    ((runs, accounts, alike),) = unit.bulk.rows(
        "select count(*), count(distinct r.account), sum(case when exists (select 1 from run o where o.account = r.account"
        " and o.failure = r.failure and o.playbook <> r.playbook and not o.shadow and not o.holdout) then 1 else 0 end)"
        " from run r where r.playbook = ? and r.shadow and r.started_at > ?",
        playbook, micros(since),
    )  # fmt: skip
    if not runs:
        return None
    rows = unit.bulk.rows(
        "select t.channel, count(*) from run r join touch t on t.run = r.id where r.playbook = ? and r.shadow"
        " and r.started_at > ? and t.because = 'shadow' group by t.channel",
        playbook, micros(since),
    )  # fmt: skip
    made = {str(channel): int(contacts) for channel, contacts in rows}
    calls = made.get("call", 0)
    return Shadow(runs, accounts, calls, sum(made.values()) - calls - made.get("task", 0), alike or 0)

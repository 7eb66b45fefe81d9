"""Looks the house over and says in words what is well and what somebody has to see to, with the remedy."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import humanize
import orjson

from outreach.assemble import House
from outreach.domain.errors import Invalid, OutreachError
from outreach.domain.plan import Run
from outreach.lab.doctor_providers import providers
from outreach.lab.finding import Finding, Findings, look, many, well
from outreach.lab.scratch import next_due
from outreach.service import publishing
from outreach.service.reach import troubles
from outreach.service.sweep import CLOCK
from outreach.store import views_ops
from outreach.store.runs import RUN
from outreach.store.schema import newest_revision, revision_of
from outreach.store.sqlite import sqlite_warning
from outreach.store.unit import StoreUnit
from outreach.web.identity import DESCRIPTION, NotVouched, describe
from outreach.web.oidc import BACK

CLOCK_OLD = timedelta(minutes=2)
BEHIND = timedelta(minutes=5)
PARKED_OLD = timedelta(days=7)
LEAST_DISK = 1 << 30
MOST_LOOKED_AT = 1000
"""Runs that are looked at one by one."""


def examine(house: House) -> list[Finding]:
    """All findings, well or not. Changes nothing; a check that breaks is a finding itself."""
    found = list(_safely(_database, house))
    checks: list[Callable[[House], Findings]] = [_playbooks, _disk, _keys]
    if all(finding.ok or "tables" not in finding.what for finding in found):
        checks = [
            _clock,
            _sending,
            providers,
            _sign_in,
            *checks,
            _alerts,
            _waiting_events,
            _publishing,
            _runs,
            _board,
        ]
    for check in checks:
        found += _safely(check, house)
    return found


def _safely(check: Callable[[House], Findings], house: House) -> Findings:
    try:
        yield from check(house)
    except (OutreachError, OSError) as fault:
        yield Finding(False, f"could not look at {check.__name__.strip('_').replace('_', ' ')}: {fault}")


# -- the database --------------------------------------------------------------------------------------


def _database(house: House) -> Findings:
    yield from _postgres(house) if house.database.engine.dialect.name == "postgresql" else _sqlite(house)
    found, newest = revision_of(house.database), newest_revision()
    if found is None:
        yield look("the database has no tables yet", "outreach migrate")
    elif found != newest:
        yield look(f"the database is at revision {found}, the program needs {newest}", "outreach migrate")
    else:
        yield well(f"the database has the newest schema ({found})")


def _sqlite(house: House) -> Findings:
    warning = sqlite_warning(house.settings.database_url)
    if warning:
        what, _, remedy = warning.partition("; ")
        yield look(what, remedy)
    else:
        yield well("this SQLite keeps what was committed")


def _postgres(house: House) -> Findings:
    with house.database.view() as unit:
        said = {name: unit.bulk.rows(f"show {name}")[0][0] for name in ("synchronous_commit", "fsync")}
    for name, value in said.items():
        if value == "off":
            yield look(
                f"PostgreSQL has {name} off: what was answered with 200 may be lost in a power cut",
                f"set {name} = on in postgresql.conf",
            )
    if "off" not in said.values():
        yield well(f"PostgreSQL keeps what was committed (synchronous_commit {said['synchronous_commit']})")


# -- what must be running ------------------------------------------------------------------------------


def _clock(house: House) -> Findings:
    now = house.outside.clock.now()
    with house.database.view() as unit:
        beat = unit.heartbeats().get(CLOCK)
    if beat is None:
        yield look(
            "the clock has never run: nothing is due until it does", "outreach serve, or outreach clock"
        )
    elif now - beat[0] > CLOCK_OLD:
        yield look(f"the clock stopped {_ago(now, beat[0])}", "outreach serve, or outreach clock")
    else:
        yield well(f"the clock beat {_ago(now, beat[0])}")
    waits = next_due(house.database)
    if waits is not None and now - waits > BEHIND:
        yield look(
            f"something was due {_ago(now, waits)} and has not been done",
            "see that the clock runs, and its log",
        )


def _sending(house: House) -> Findings:
    with house.database.view() as unit:
        stopped = unit.setting("stop_all")
        unknown = len(views_ops.unknown_touches(unit, MOST_LOOKED_AT))
    if stopped:
        yield look(f"all sending is stopped ({stopped})", "outreach stop-all --resume --reason …")
    if unknown:
        yield look(f"of {many(unknown, 'message')} nobody knows whether they left", "outreach unknowns")
    if not stopped and not unknown:
        yield well("messages may leave, and it is known of each what became of it")
    folder = house.settings.outbox_dir
    if folder.exists() and not os.access(folder, os.W_OK):
        yield look(f"the outbox {folder} cannot be written to", "give this user the right to")


def _sign_in(house: House) -> Findings:
    settings = house.settings
    if not settings.oidc_issuer:
        yield well("people sign in with a password")
        return
    try:
        describe(settings)
    except NotVouched as fault:
        what = "says what we do not trust" if fault.reached else "does not answer"
        yield look(
            f"{settings.oidc_name} at {settings.oidc_issuer} {what} ({fault.why}): nobody signs in by it",
            f"see that {settings.oidc_issuer}{DESCRIPTION} opens from here, and that OUTREACH_OIDC_ISSUER is what it says",
        )
    else:
        yield well(f"{settings.oidc_name} answers; it sends people back to {settings.public_url}{BACK}")


def _alerts(house: House) -> Findings:
    with house.database.view() as unit:
        reached, untold = len(unit.reaches()), troubles(unit, house.outside.clock.now())
    if house.outside.notifier is None:
        yield well("nobody is reached away from the desk: OUTREACH_ALERT_SERVICES says none")
        return
    for user, why in untold.items():
        yield look(
            f"the last alert for {user} did not arrive, or not everywhere: {why}",
            "they mend it at /desk/reach and send themselves a test; or outreach user alerts",
        )
    if not untold:
        yield well(f"{many(reached, 'colleague')} reached away from the desk")


def _playbooks(house: House) -> Findings:
    try:
        rules = house.library.current()
        faults = [fault for fault in house.library.faults if not fault.warning]
    except Invalid as invalid:
        yield look(f"the playbooks cannot be used: {invalid.faults[0]}", "outreach check")
        return
    for fault in faults:
        yield look(f"a playbook is faulty: {fault}", "its last good version goes on; outreach check")
    if not faults:
        yield well(f"{many(len(rules.playbooks), 'playbook')}, none faulty")


def _disk(house: House) -> Findings:
    folder = house.settings.data_dir
    free = shutil.disk_usage(folder if folder.exists() else folder.parent).free
    says = f"{humanize.naturalsize(free, binary=True)} free in {folder}"
    yield (
        well(says)
        if free >= LEAST_DISK
        else look(f"only {says}", "make room: a full disk answers 503 to every event")
    )


def _keys(house: House) -> Findings:
    given = {"secret.key": house.settings.given_secret_key, "endpoint.key": house.settings.given_endpoint_key}
    for name, setting in given.items():
        path = house.settings.data_dir / name
        if setting:
            yield well(f"{name}: given by the settings")
        elif not path.exists():
            yield well(f"{name}: none yet, it is made when it is first needed")
        else:
            yield _mode(path)


def _mode(path: Path) -> Finding:
    if os.name == "posix" and path.stat().st_mode & 0o077:
        return look(f"{path} can be read by others on this machine", f"chmod 600 {path}")
    return well(f"{path.name}: there, and readable by nobody else; keep a copy of it elsewhere")


# -- what waits for somebody -----------------------------------------------------------------------------


def _waiting_events(house: House) -> Findings:
    now = house.outside.clock.now()
    with house.database.view() as unit:
        count = views_ops.counts(unit, now)
        oldest = _oldest_parked(unit)
    if count.quarantined:
        yield look(
            f"{many(count.quarantined, 'event')} in quarantine", "mend or discard them: /ops/quarantine"
        )
    if oldest is not None and now - oldest > PARKED_OLD:
        yield look(
            f"an event came {_ago(now, oldest)} for an account that nobody has described ({count.parked:,} parked)",
            "describe it: PUT /v1/accounts/{id}, or outreach import",
        )
    if not count.quarantined and (oldest is None or now - oldest <= PARKED_OLD):
        yield well(f"no event in quarantine, {count.parked:,} parked")


def _publishing(house: House) -> Findings:
    asked = publishing.asked(house.outside)
    for each in asked:
        yield look(
            f"{each.playbook} stopped {_ago(house.outside.clock.now(), each.since)}, after {many(each.reached, 'account')}:"
            f" {each.accounts:,} more wait for a second person",
            f"outreach publish {each.playbook} --let-go --reason …, or --refuse",
        )
    if not asked:
        yield well("no playbook waits for a second person")
    with house.database.view() as unit:
        missed, states = unit.count_missed(), unit.publish_states()
    for name, count in sorted(missed.items()):
        if states.get(name, ("", 0))[0] == "paused":
            yield well(f"{name} is paused; {many(count, 'trigger')} will be judged once it goes on")


def _oldest_parked(unit: StoreUnit) -> datetime | None:
    rows = unit.bulk.rows("select event from parked where reason = 'unknown_account' order by id limit 1")
    return datetime.fromisoformat(orjson.loads(rows[0][0])["arrived"]) if rows else None


def _runs(house: House) -> Findings:
    stuck = [run for run in _still_runs(house) if _is_stuck(house, run)]
    for run in stuck[:5]:
        yield look(
            f"run {run.id} of {run.playbook} for account {run.account} waits for nothing, at step {run.step + 1}",
            f"outreach why {run.account}",
        )
    if len(stuck) > 5:
        yield look(
            f"and {len(stuck) - 5:,} more runs wait for nothing", "tell whoever looks after the program"
        )
    if not stuck:
        yield well("every open run waits for something")


def _still_runs(house: House) -> list[Run]:
    """Open runs with no time to wake at and nothing on the way to anybody."""
    with house.database.view() as unit:
        return unit.bulk.all(
            RUN,
            "where state = 'open' and wake_at is null and not exists (select 1 from touch t where t.run = run.id"
            " and t.status in ('planned', 'due', 'draft', 'sending', 'unknown', 'on_desk')) order by id limit ?",
            MOST_LOOKED_AT,
        )


def _is_stuck(house: House, run: Run) -> bool:
    """A run that has made all its steps waits for its failure to be closed; that is on the board."""
    with house.database.view() as unit:
        state = unit.account(run.account)
        failure = state.failures.get(run.failure or "") if state else None
        playbook = house.library.current().playbooks.get(run.playbook)
        if playbook is None or playbook.version != run.version:
            playbook = house.outside.pinned(unit, run.version)
    return run.step < len(playbook.steps) or failure is None or not failure.is_open


def _board(house: House) -> Findings:
    now = house.outside.clock.now()
    with house.database.view() as unit:
        count = views_ops.counts(unit, now)
    if count.overdue_calls:
        yield look(f"{many(count.overdue_calls, 'call')} past the promised hour", "/desk shows them first")
    if count.unmatched:
        yield look(
            f"{many(count.unmatched, 'failure')} that no playbook sees to", "/ops: call, or write a playbook"
        )
    if count.owed:
        yield look(f"{many(count.owed, 'failure')} learnt of too late", "outreach owed")
    yield well(f"{count.open_failures:,} failures open, {count.unreached:,} of them with nobody spoken to")


def _ago(now: datetime, then: datetime) -> str:
    return humanize.naturaltime(now - then)

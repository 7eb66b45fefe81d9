"""Looks the house over and says in words what is well and what somebody has to see to, with the remedy."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import humanize

from outreach.assemble import House
from outreach.domain.errors import Invalid, OutreachError
from outreach.lab.doctor_providers import providers
from outreach.service import checkup
from outreach.service.finding import Finding, Findings, look, many, well
from outreach.store.schema import newest_revision, revision_of
from outreach.store.sqlite import sqlite_warning
from outreach.store.views_checkup import standing
from outreach.web.identity import DESCRIPTION, NotVouched, describe
from outreach.web.oidc import BACK

LEAST_DISK = 1 << 30


def examine(house: House) -> list[Finding]:
    """All findings, well or not. Changes nothing; a check that breaks is a finding itself."""
    found = list(_safely(_database, house))
    checks: list[Callable[[House], Findings]] = [_playbooks, _disk, _keys]
    if all(finding.ok or "tables" not in finding.what for finding in found):
        checks = [_standing, _outbox, providers, _sign_in, *checks]
    for check in checks:
        found += _safely(check, house)
    return found


def _safely(check: Callable[[House], Findings], house: House) -> Findings:
    try:
        yield from check(house)
    except (OutreachError, OSError) as fault:
        yield checkup.could_not_look(check.__name__, fault)


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


def _standing(house: House) -> Findings:
    """What the ops page says, too."""
    with house.database.view() as unit:
        found = standing(unit, house.outside.clock.now())
        for check in checkup.WITHIN:
            yield from checkup.safely(check, unit, house.outside, found)


def _outbox(house: House) -> Findings:
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

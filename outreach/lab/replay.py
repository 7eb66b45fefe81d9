"""What would have been done: history through the very same services on a virtual clock.

Events arrive at their own time; what time makes happen comes between them at its own instant. Nobody
answers: a call that was put on the desk stays there, a draft stays a draft, and nothing leaves.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import click
import orjson

from outreach.domain.errors import Refused
from outreach.domain.evaluate import Ruleset
from outreach.domain.facts import PERSON_PREFIX
from outreach.domain.vocabulary import Vocabulary
from outreach.domain.wallclock import parse_instant
from outreach.lab.lines import left_to_time, opened, parsed, read_lines
from outreach.lab.olist import is_olist, olist_events
from outreach.lab.player import Arrival, Player
from outreach.lab.progress import Shown, progress, silent
from outreach.lab.replay_report import Report, print_report, report_of, write_html
from outreach.lab.scratch import scratch_house, with_nobody_asked
from outreach.lab.terminal import say
from outreach.library.loader import load
from outreach.settings import load_settings
from outreach.store.schema import upgrade

AFTERWARDS = timedelta(days=14)
"""Time goes on so long after the last event: what was still to come of it comes."""
_SOURCE = "outreach/replay"


@dataclass
class History:
    """What was read of the files. ``skipped``: why a line is not played → how many."""

    arrivals: list[Arrival] = field(default_factory=list)
    skipped: dict[str, int] = field(default_factory=dict)

    def skip(self, why: str) -> None:
        self.skipped[why] = self.skipped.get(why, 0) + 1


def run_replay(
    files: Sequence[Path],
    *,
    store: Path | None = None,
    limit: int | None = None,
    as_json: bool = False,
    html: Path | None = None,
    kind: str = "auto",
) -> None:
    """The command: play the files by the playbooks from here, and print what would have been done."""
    rules = load(load_settings().root)
    history = read_history(files, rules.vocabulary, limit)
    with progress(kind) as shown:
        report = replay(rules, history, store=store, shown=shown)
    if html:
        write_html(report, html)
    if as_json:
        click.echo(orjson.dumps(report.as_json(), option=orjson.OPT_INDENT_2).decode())
    else:
        print_report(report)
        if store:
            say(f"Kept in {store}; who is still owed a call: outreach owed --store {store}")


# -- reading -----------------------------------------------------------------------------------------


def read_history(files: Iterable[Path], vocabulary: Vocabulary, limit: int | None = None) -> History:
    """All events of the files in order of time, with every account described before its first event."""
    history = History()
    for file in files:
        for raw in olist_events(file) if is_olist(file) else _cloud_events(file, history):
            _add(history, raw, vocabulary)
    history.arrivals.sort(key=lambda arrival: arrival.at)
    if limit is not None:
        history.arrivals = _first_accounts(history.arrivals, limit)
    _describe_unknown(history)
    if not history.arrivals:
        raise Refused("There is no event in these files to replay.")
    return history


def _cloud_events(file: Path, history: History) -> Iterator[Mapping[str, Any]]:
    with opened(file) as plain:
        for line in read_lines(plain):
            raw = parsed(line)
            if isinstance(raw, str):
                history.skip(raw.partition(":")[0])
            else:
                yield raw


def _add(history: History, raw: Mapping[str, Any], vocabulary: Vocabulary) -> None:
    at = parse_instant(raw.get("time"))
    if at is None:
        history.skip("no time")
    elif left_to_time(raw, vocabulary):
        history.skip("made by time itself")
    else:
        history.arrivals.append(Arrival(at, raw))


def _first_accounts(arrivals: list[Arrival], limit: int) -> list[Arrival]:
    """The events of the first accounts that appear, and of the people described as theirs."""
    accounts: dict[str, None] = {}
    for arrival in arrivals:
        subject = str(arrival.raw.get("subject"))
        if len(accounts) < limit and not subject.startswith(PERSON_PREFIX):
            accounts.setdefault(subject)
    people = {str(a.raw.get("subject")) for a in arrivals if _belongs(a.raw, accounts)}
    return [a for a in arrivals if (subject := str(a.raw.get("subject"))) in accounts or subject in people]


def _belongs(raw: Mapping[str, Any], accounts: Mapping[str, None]) -> bool:
    data = raw.get("data")
    roles = data.get("accounts") if isinstance(data, dict) else None
    return isinstance(roles, list) and any(
        isinstance(role, dict) and role.get("account") in accounts for role in roles
    )


def _describe_unknown(history: History) -> None:
    """A bare history is enough: an account that nobody describes exists from its first event on."""
    described = {a.raw.get("subject") for a in history.arrivals if a.raw.get("type") == "account.described"}
    missing: dict[str, datetime] = {}
    for at, raw in history.arrivals:
        subject = str(raw.get("subject"))
        if subject not in described and not subject.startswith(PERSON_PREFIX):
            missing.setdefault(subject, at)
    made = [Arrival(at, _bare_account(subject, at)) for subject, at in missing.items()]
    history.arrivals = sorted(made + history.arrivals, key=lambda arrival: arrival.at)


def _bare_account(subject: str, at: datetime) -> dict[str, Any]:
    return {
        "specversion": "1.0", "id": f"{subject}/account", "source": _SOURCE, "type": "account.described",
        "subject": subject, "time": at.isoformat(), "data": {},
    }  # fmt: skip


# -- playing -----------------------------------------------------------------------------------------


def replay(
    rules: Ruleset,
    history: History,
    *,
    store: Path | None = None,
    shown: Shown = silent,
) -> Report:
    """Play a history. ``store``: where the database is kept; without it nothing is."""
    started, first, last = time.monotonic(), history.arrivals[0].at, history.arrivals[-1].at
    url = _new_store(store) if store else None
    of = len(history.arrivals)
    asked = with_nobody_asked(rules)
    with scratch_house(asked, first, database_url=url, alone=store is None) as house:
        player = Player(house, lambda at, done: shown(done, of, f"{at:%Y-%m-%d}"))
        player.play(history.arrivals, last + AFTERWARDS)
        with house.database.view() as unit:
            report = report_of(unit, rules)
    report.taken, report.skipped = player.taken, history.skipped
    report.first, report.last, report.seconds = first, last, time.monotonic() - started
    return report


def _new_store(path: Path) -> str:
    """An empty database with the newest schema, so that every command can look into it."""
    if path.exists():
        raise Refused(f"{path} exists; name a new file for --store")
    url = f"sqlite:///{path.absolute()}"
    upgrade(url)
    return url

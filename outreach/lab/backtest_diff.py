"""What a change of the playbooks changes: two backtests over the same history, in words, with the accounts behind them."""

from __future__ import annotations

import io
import subprocess
import tarfile
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from outreach.domain.errors import Refused
from outreach.domain.facts import CHANNEL_WORDS, Channel
from outreach.lab.backtest_played import Played, Touched
from outreach.lab.backtest_report import CHANNELS, WEEKDAYS, Report
from outreach.lab.pages_of import write_page
from outreach.library.drafts import FOLDERS


@dataclass(frozen=True)
class Change:
    """One sentence, and the accounts that it is about."""

    words: str
    accounts: tuple[str, ...] = ()


@dataclass(frozen=True)
class Difference:
    changes: tuple[Change, ...]
    calls: float
    """Calls more or less a week, as a share of those before; the greatest number there is when there were none."""

    def as_json(self) -> dict[str, Any]:
        return {
            "calls": self.calls,
            "changes": [{"words": one.words, "accounts": list(one.accounts)} for one in self.changes],
        }


def write_html(found: Difference, path: Path, title: str, outcome: Played) -> None:
    """A page of its own: each sentence, and the accounts behind it when it is opened. ``outcome``: one of the two."""
    since, until = outcome.since.date(), outcome.until.date()
    headline = f"On the stored history; contacts from {since} to {until} are counted."
    write_page(path, "diff.html", title=title, headline=headline, changes=found.changes)


def difference(old: Report, new: Report) -> Difference:
    """Both over the same history and time."""
    found = [
        *_contacts(old, new),
        *_reach(old, new),
        *_capacity(old, new),
        *_playbooks(old, new),
        *_holds(old, new),
    ]
    before, after = old.total("call"), new.total("call")
    share = (after - before) / before if before else float(after > 0)
    return Difference(tuple(found), share)


def _contacts(old: Report, new: Report) -> Iterator[Change]:
    """A contact is the same when it is about the same, by the same channel, to the same account."""
    for channel in CHANNELS:
        gone, come = _made(old, channel), _made(new, channel)
        more, less = come - gone, gone - come
        if not (more or less):
            continue
        net, (one, many) = (
            (sum(come.values()) - sum(gone.values())) / new.weeks,
            CHANNEL_WORDS[Channel(channel)],
        )
        words = f"{net:+,.1f} {one if abs(net) == 1 else many} a week"
        if more and less:
            words += f" ({sum(more.values()):,} come, {sum(less.values()):,} go)"
        yield Change(words, tuple(sorted({key[0] for key in (more | less)})))


def _made(report: Report, channel: str) -> Counter[tuple[str, str]]:
    return Counter(
        (touch.account, touch.key)
        for touch in report.outcome.touches
        if touch.made and touch.channel == channel
    )


def _reach(old: Report, new: Report) -> Iterator[Change]:
    lost, won = old.reached() - new.reached(), new.reached() - old.reached()
    let_down = lost & set(new.outcome.failures)
    if let_down:
        yield Change(
            f"{_accounts(len(let_down))} that we let down and nobody contacts any more",
            tuple(sorted(let_down)),
        )
    if rest := lost - let_down:
        yield Change(f"{_accounts(len(rest))} never contacted any more", tuple(sorted(rest)))
    if won:
        yield Change(f"{_accounts(len(won))} contacted that were not before", tuple(sorted(won)))


def _accounts(count: int) -> str:
    return f"{count:,} account{'' if count == 1 else 's'}"


def _capacity(old: Report, new: Report) -> Iterator[Change]:
    for name in sorted(new.loads):
        before = set(old.over(name)) if name in old.loads else set()
        fresh = [day for day in new.over(name) if day not in before]
        if fresh:
            yield Change(f"{name} over capacity on {_when(fresh)}", _accounts_of(new, name, fresh))
    for name in sorted(old.loads):
        if old.over(name) and not (name in new.loads and new.over(name)):
            yield Change(f"{name} no longer over capacity")


def _when(days: list[date]) -> str:
    weekdays = {day.weekday() for day in days}
    if len(days) > 2 and len(weekdays) == 1:
        return WEEKDAYS[weekdays.pop()]
    return f"{len(days)} days, first on {days[0]:%Y-%m-%d}" if len(days) > 1 else f"{days[0]:%Y-%m-%d}"


def _accounts_of(report: Report, name: str, days: list[date]) -> tuple[str, ...]:
    def is_theirs(touch: Touched) -> bool:
        return touch.made and touch.channel == "call" and touch.whose == name and touch.at.date() in days

    return tuple(sorted({touch.account for touch in report.outcome.touches if is_theirs(touch)}))


def _playbooks(old: Report, new: Report) -> Iterator[Change]:
    for name in sorted(old.playbooks.keys() | new.playbooks.keys()):
        before, after = (report.playbooks.get(name, Counter())["started"] for report in (old, new))
        if before != after:
            yield Change(f"{name}: starts {after:,} times, before {before:,}", _changed_runs(old, new, name))


def _changed_runs(old: Report, new: Report, playbook: str) -> tuple[str, ...]:
    before, after = (
        {(t.account, t.key) for t in r.outcome.touches if t.playbook == playbook} for r in (old, new)
    )
    return tuple(sorted({account for account, _ in before ^ after}))


def _holds(old: Report, new: Report) -> Iterator[Change]:
    before, after = sum(old.outcome.holds.values()), sum(new.outcome.holds.values())
    if before != after:
        yield Change(f"generic mail is held back {after:,} times, before {before:,}")
    for reason in sorted(old.withheld.keys() | new.withheld.keys()):
        if (one := old.withheld[reason]) != (other := new.withheld[reason]):
            yield Change(f"held back because of {reason.replace('_', ' ')}: {other:,}, before {one:,}")


# -- where the two are -----------------------------------------------------------------------------------


@contextmanager
def rules_at(named: str, here: Path) -> Iterator[Path]:
    """A folder, or else a revision of the git repository that ``here`` is in: its playbooks and templates as they were.
    Raises Refused for what is neither."""
    if (folder := Path(named)).is_dir() and (folder / FOLDERS[0]).is_dir():
        yield folder
        return
    with tempfile.TemporaryDirectory(prefix="outreach-rules-") as found:
        _unpack(named, here, Path(found))
        yield Path(found)


def _unpack(revision: str, here: Path, into: Path) -> None:
    if revision.startswith("-"):
        raise Refused(f"{revision} is neither a folder with playbooks nor a revision of git.")
    command = ["git", "-C", str(here), "archive", "--format=tar", revision, *FOLDERS]
    try:
        made = subprocess.run(command, capture_output=True, check=True, timeout=60)
    except FileNotFoundError:
        raise Refused("git is not installed, so only folders can be compared.") from None
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as fault:
        why = (fault.stderr or b"").decode(errors="replace").strip().splitlines()
        raise Refused(
            f"{revision} is neither a folder with playbooks nor a revision of git{': ' + why[-1] if why else ''}."
        ) from None
    with tarfile.open(fileobj=io.BytesIO(made.stdout)) as archive:
        archive.extractall(into, filter="data")

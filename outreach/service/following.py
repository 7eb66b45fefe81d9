"""What an account's news come to: it is told them, and runs start, resume, end and look at them.

The newest event takes the fast path; a late or revised one tells the account anew from its first event,
and what that justifies is compared with what is stored.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial

from outreach.domain.account import AccountState
from outreach.domain.evaluate import BY_HAND, Match
from outreach.domain.facts import Event
from outreach.domain.failure import FailureState
from outreach.domain.history import Need
from outreach.domain.outcome import credited
from outreach.domain.plan import (
    ASKS_FOR_A_CALL,
    LIVE,
    Publish,
    Run,
    Slot,
    Stopped,
    back_open,
    decided,
    settle_matches,
)
from outreach.domain.steps import end
from outreach.service import promised_hours
from outreach.service.ledger import Ledger
from outreach.service.ports_events import WindowNeed
from outreach.service.ports_publishing import Missed
from outreach.service.reacting import concerned, end_is_gone, react
from outreach.service.rulings import needs_now
from outreach.service.runs import end_run, resume, start
from outreach.service.telling import Telling


@dataclass(slots=True)
class News:
    """What a batch brings to one subject."""

    fresh: list[Event]
    floor: datetime | None = None
    """Where the account must be told anew from, because of a revision; None when only news came."""


def tell_accounts(ledger: Ledger, news: Mapping[str, News]) -> None:
    late = {account for account, found in news.items() if is_late(ledger.accounts[account], found)}
    fast = {account: found.fresh for account, found in news.items() if account not in late}
    windows = ledger.unit.windows(_window_needs(ledger, fast))
    ledger.forget_histories(news)
    told = {
        account: Telling(ledger, ledger.accounts[account], windows.get(account, {})).tell(fresh)
        for account, fresh in fast.items()
    }
    for account in _made_before(ledger, told):
        del told[account]
        late.add(account)
    for telling in told.values():
        telling.keep()
    ledger.prepare(_needs_to_follow(ledger, told))
    for account, telling in told.items():
        _follow(ledger, account, telling.matches, {}, telling.told)
    for account in sorted(late):
        _tell_anew(ledger, account, news[account])


def is_late(state: AccountState, found: News) -> bool:
    if found.floor is not None or any(event.type == BY_HAND for event in found.fresh):
        return True
    first = min((event.time for event in found.fresh), default=None)
    return first is not None and state.newest is not None and first <= state.newest[0]


def _made_before(ledger: Ledger, told: Mapping[str, Telling]) -> set[str]:
    """Accounts for which time makes something again that had been taken back: that needs the whole past."""
    made = {
        (new.event.source, new.event.id): account for account, telling in told.items() for new in telling.made
    }
    return {made[ref] for ref in ledger.unit.stored(made)} if made else set()


def _needs_to_follow(ledger: Ledger, told: Mapping[str, Telling]) -> dict[str, list[Need]]:
    """What the past must tell of the accounts where runs start or look at the news, by account."""
    needs: dict[str, list[Need]] = {}
    looking = []
    for account, telling in told.items():
        playbooks = [match.playbook for match in telling.matches]
        for run in ledger.open_runs(account):
            playbook = ledger.playbook(run)
            if concerned(playbook, {event.type for event in telling.told}):
                playbooks.append(playbook)
                looking.append(run)
        if playbooks:
            needs[account] = [need for playbook in playbooks for need in needs_now(playbook)]
    ledger.read_triggers(looking)
    return needs


def _window_needs(ledger: Ledger, fast: Mapping[str, list[Event]]) -> list[WindowNeed]:
    needs: dict[tuple[str, str], WindowNeed] = {}
    for account, fresh in fast.items():
        for event in fresh:
            for need in ledger.rules.needs.get(event.type, ()):
                since = None if need.within is None else event.time - need.within
                old = needs.get((account, need.type))
                if old is not None:
                    since = None if old.since is None or since is None else min(old.since, since)
                needs[account, need.type] = WindowNeed(account, need.type, since, need.data)
    return list(needs.values())


def _tell_anew(ledger: Ledger, account: str, found: News) -> None:
    """A late or revised event: the whole account from its first event, then compare with what is
    stored. What is no longer justified is withdrawn; what has left stays."""
    old = ledger.accounts[account]
    events = ledger.unit.events_of(account)
    ledger.remember(events)
    first = min([event.time for event in found.fresh] + ([found.floor] if found.floor is not None else []))
    state = AccountState(account, version=old.version)
    telling = Telling(ledger, state, None, judged_from=first).tell(events)
    telling.keep()
    first = telling.judged_from or first
    _keep_what_was_spoken(old, state)
    ledger.accounts[account] = state
    _follow(
        ledger,
        account,
        telling.matches,
        _judged_again(ledger, account, telling, found, first),
        telling.told,
        anew=True,
    )


def tell_missed(ledger: Ledger, account: str, triggers: Mapping[str, Collection[str]]) -> None:
    """Playbook → triggers that came while it was paused: each is judged now, as of its own time. The account has been
    told of them before, so nothing of that is kept again."""
    events = ledger.unit.events_of(account)
    wanted = {ref for refs in triggers.values() for ref in refs}
    first = min((event.time for event in events if event.ref in wanted and not event.retracted), default=None)
    if first is None:
        return
    ledger.remember(events)
    telling = Telling(ledger, AccountState(account), None, judged_from=first).tell(events)
    matches = [
        match for match in telling.matches if match.trigger.ref in triggers.get(match.playbook.name, ())
    ]
    closed = [match for match in matches if _is_closed(ledger.accounts[account], match)]
    ledger.decisions += [decided(match, Stopped.CLOSED, ledger.now) for match in closed]
    _follow(ledger, account, [match for match in matches if match not in closed], {}, telling.told)


def _is_closed(state: AccountState, match: Match) -> bool:
    failure = state.failures.get(match.failure or "")
    return failure is not None and not failure.is_open


def _judged_again(
    ledger: Ledger, account: str, telling: Telling, found: News, first: datetime
) -> dict[Slot, Run]:
    """The runs whose triggers were judged again, or are gone."""
    standing = {event.ref for event in telling.told}
    fresh = {event.ref for event in found.fresh}
    return {
        run.slot: run
        for run in ledger.runs[account].values()
        if run.trigger_time >= first
        or run.trigger in fresh
        or run.trigger not in standing
        or (
            (run.playbook, run.trigger) in telling.by_hand and not run.shadow
        )  # who asks by hand means a contact
    }


def _keep_what_was_spoken(old: AccountState, new: AccountState) -> None:
    """A failure whose opening events were taken back is void, unless somebody has spoken with the
    customer about it: then it stays on the board until a human closes it."""
    for id_, failure in old.failures.items():
        if id_ in new.failures:
            continue
        if failure.state is FailureState.VOID:
            new.failures[id_] = failure
        elif failure.spoken:
            new.failures[id_] = replace(failure, cause="")
        else:
            new.failures[id_] = replace(failure, state=FailureState.VOID, reason="taken back")


def _follow(
    ledger: Ledger,
    account: str,
    matches: Sequence[Match],
    again: Mapping[Slot, Run],
    news: Sequence[Event],
    *,
    anew: bool = False,
) -> None:
    """From matches to runs: start, resume, withdraw; then every run looks at the news, or ``anew`` at
    everything."""
    runs = ledger.runs[account]
    back = {r.id: back_open(r) for r in runs.values() if end_is_gone(ledger, r, news if anew else None)}
    if matches or again or back:
        _settle(ledger, account, matches, again, back, anew=anew)
    if runs:
        react(ledger, account, news)
        _credit(ledger, account, news)


def _settle(
    ledger: Ledger,
    account: str,
    matches: Sequence[Match],
    again: Mapping[Slot, Run],
    back: Mapping[str, Run],
    *,
    anew: bool,
) -> None:
    """``back``: runs whose end is gone, as they would go on."""
    stored = ledger.runs[account]
    before = [back.get(run.id, run) for run in stored.values() if run.slot not in again]
    told = settle_matches(
        matches,
        before,
        {key: back.get(run.id, run) for key, run in again.items()},
        _published(ledger, matches),
        ledger.playbook,
        ledger.outside.ids.new,
        ledger.now,
        partial(_came_in, ledger) if anew else None,
    )
    ledger.decisions += told.decisions
    ledger.missed += [
        Missed(each.playbook, account, each.event, ledger.now)
        for each in told.decisions
        if each.outcome == Stopped.PAUSED
    ]
    ended = {run.id: reason for run, reason in told.ended}
    for run in {**back, **{run.id: run for run in told.resumed}}.values():
        _go_on(ledger, run, ended.get(run.id))
    for run in told.started:
        start(ledger, run)
    for run, reason in told.ended:
        _end(ledger, stored[run.id], reason)


def _end(ledger: Ledger, run: Run, reason: str) -> None:
    """What begins in its place keeps the hour that it had promised."""
    calls = ledger.touches_of_run(run)
    end_run(ledger, run, reason)
    promised_hours.hand_on(ledger, ledger.runs[run.account][run.id], calls)


def _published(ledger: Ledger, matches: Sequence[Match]) -> Mapping[str, Publish]:
    """As it is now, with what a pause stands in for where they have our word that we ring."""
    asked = {match.playbook.name for match in matches if match.trigger.type in ASKS_FOR_A_CALL}
    return ledger.publish_states | {
        name: replace(state, before=ledger.before_pause(name))
        for name, state in ledger.publish_states.items()
        if name in asked and state.state == "paused"
    }


def _came_in(ledger: Ledger, match: Match) -> Publish:
    """A colleague who starts a playbook by hand means a contact."""
    return LIVE if match.is_by_hand else ledger.published_at(match.playbook.name, match.trigger.arrived)


def _go_on(ledger: Ledger, run: Run, ended: str | None) -> None:
    was_open = ledger.runs[run.account][run.id].is_open
    if run.is_open and not was_open and ended:  # displaced before it could
        ledger.put_run(end(run, ended, ledger.now))
        return
    ledger.put_run(run)
    if run.is_open and not was_open:
        resume(ledger, run)


def _credit(ledger: Ledger, account: str, news: Sequence[Event]) -> None:
    """Success events in time are credited to their runs."""
    for event in news:
        names = ledger.rules.succeeding.get(event.type)
        if names:
            for run in credited(ledger.runs[account].values(), names, event.time):
                ledger.put_run(run)

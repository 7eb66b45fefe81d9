"""What ops say about a playbook: its publish state, one click back, and the second person's word on its blast radius.

Every change is a row with who, when and why, so that it can be told and taken back.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from outreach.domain.blast import Answer, Blast, refused
from outreach.domain.blast import let_go as let_gone
from outreach.domain.errors import Invalid, Refused, must_say
from outreach.domain.plan import ASKS_FOR_A_CALL, LIVE, STATES, Publish
from outreach.domain.playbook import Playbook
from outreach.service.finding import many
from outreach.service.named import must_be_playbook
from outreach.service.ports import Outside, Unit
from outreach.service.ports_publishing import Published
from outreach.service.staff import STEERING, name_of

MOST = 1000
LOOK_BACK = timedelta(days=1)
"""Whoever has changed a playbook in so long before it asks is no second person."""
_FILE_CHANGED = "the first run by this version of the file"


def publish(
    outside: Outside, playbook: str, state: str, by: str, reason: str, percent: int = 100
) -> Published:
    """Raises NotFound for an unknown playbook, Refused for an unknown state or a missing reason.

    What a paused playbook missed is judged by the clock once it goes on. ``disabled`` is the end: it forgets that, is a no to
    whatever waits for a second person, and the clock ends the runs that are under way. Ask ``ending`` before."""
    _known(outside, playbook)
    return begin(outside, playbook, state, by, reason, percent)


def begin(outside: Outside, playbook: str, state: str, by: str, reason: str, percent: int = 100) -> Published:
    """As ``publish``, for a playbook whose file is about to come: so it is never live before anybody has said so."""
    if state not in STATES:
        raise Refused(f"{state!r} is not a publish state; choose {', '.join(STATES)}.")
    must_say(reason)
    wanted = Publish(state, percent if state == "percent" else 100)
    done: Published = outside.database.retrying(
        lambda unit: _publish(unit, outside, playbook, wanted, by, reason)
    )
    return done


def history(outside: Outside, playbook: str, limit: int = 50) -> list[Published]:
    """Newest first: what people said, and when the first run by each version of the file started."""
    with outside.database.view() as unit:
        rows = unit.published(playbook, MOST)
        told = [*rows, *_versions(rows, playbook, unit.versions_of(playbook, limit))]
    return sorted(told, key=lambda row: row.at, reverse=True)[:limit]


def take_back(outside: Outside, playbook: str, by: str, reason: str) -> Published:
    """Back to the state before the last change; that is a change itself, and can be taken back. Raises NotFound, and
    Refused where there is nothing to go back to."""
    _known(outside, playbook)
    must_say(reason)

    def work(unit: Unit) -> Published:
        last = _last_change(unit, playbook)
        if last is None:
            raise Refused(
                f"Nobody has ever changed the publish state of {playbook}: there is nothing to go back to."
            )
        return _publish(unit, outside, playbook, Publish(last.before, last.before_percent), by, reason)

    done: Published = outside.database.retrying(work)
    return done


def step_back(outside: Outside, playbook: str) -> Publish | None:
    """What ``take_back`` would make of it; None where there is nothing to go back to."""
    with outside.database.view() as unit:
        last = _last_change(unit, playbook)
    return Publish(last.before, last.before_percent) if last else None


def ending(outside: Outside, playbook: str) -> str:
    """What would end if it were disabled now, in sentences; empty where nothing is under way, and nobody relies on it."""
    with outside.database.view() as unit:
        end = unit.ends_with(playbook)
    known, stays = (files(outside) or {}).get(playbook), ""
    if known is not None and ASKS_FOR_A_CALL.intersection(known.when):
        stays = " Whoever asks for a call from then on, or is promised one, gets none by it."
    if end.stay:
        stays += f" {many(end.stay, 'run')} {'stays' if end.stay == 1 else 'stay'}, since these customers have our word that we ring."
    if not end.runs:
        return stays.strip()
    counted = (
        (end.runs, "run", "ends for good", "end for good"),
        (end.calls, "call", "leaves the desk", "leave the desk"),
        (end.messages, "planned contact", "is cancelled", "are cancelled"),
        (end.holds, "hold", "goes into the cool-off", "go into the cool-off"),
    )
    parts = [
        f"{many(count, what)} {one if count == 1 else all_}" for count, what, one, all_ in counted if count
    ]
    return f"{', '.join(parts)}; failures stay open.{stays}"


def files(outside: Outside) -> Mapping[str, Playbook] | None:
    """The playbooks as they are read now. None where a file that all share is faulty and no earlier set is known, as in the
    terminal: the house goes on with the last good one meanwhile, and whoever wants to stop a playbook must be able to."""
    try:
        return outside.rules().playbooks
    except Invalid:
        return None


def _last_change(unit: Unit, playbook: str) -> Published | None:
    return next((row for row in unit.published(playbook, MOST) if row.changes), None)


def _publish(unit: Unit, outside: Outside, playbook: str, wanted: Publish, by: str, reason: str) -> Published:
    now, read = outside.clock.now(), files(outside)
    known = (read or {}).get(playbook)
    version = known.version if known else ""
    is_new = read is not None and known is None  # one that was not there yet contacted nobody
    never = ("disabled", 100) if is_new else ("live", 100)
    before = Publish(*unit.publish_states().get(playbook, never))
    row = Published(
        playbook, wanted.state, wanted.percent, by, reason, now, version, before.state, before.percent
    )
    unit.set_publish_state(playbook, wanted.state, wanted.percent, by, reason, now)
    unit.add_published(row)
    unit.audit(now, by, f"playbook.{wanted.state}", f"playbook/{playbook}", reason)
    if wanted.state == "disabled":
        unit.forget_missed(playbook)
        asks = _asking(unit, playbook)
        if asks is not None:
            unit.change_blast(asks, refused(asks, by, reason, now))
    return row


def _versions(
    said: Iterable[Published], playbook: str, versions: Iterable[tuple[str, datetime]]
) -> Iterable[Published]:
    """A version of the file, with the publish state at that time."""
    newest_first = list(said)
    for version, at in versions:
        state = next((Publish(row.state, row.percent) for row in newest_first if row.at <= at), None)
        if state is None:
            state = (
                Publish(newest_first[-1].before, newest_first[-1].before_percent) if newest_first else LIVE
            )
        yield Published(
            playbook, state.state, state.percent, "", _FILE_CHANGED, at, version, state.state, state.percent
        )


# -- the blast radius ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Asked:
    """A playbook that would reach too many accounts at once, and waits for a second person."""

    playbook: str
    accounts: int
    """How many wait for the word by now."""
    reached: int
    """How many it had reached before it stopped."""
    since: datetime
    not_by: tuple[str, ...]
    """Whose own change it is: they may say no, but not yes."""


def asked(outside: Outside) -> list[Asked]:
    """What asks now, the longest first."""
    with outside.database.view() as unit:
        return asked_in(unit, outside)


def asked_in(unit: Unit, outside: Outside) -> list[Asked]:
    asks = [each for each in unit.blasts_standing() if each.state is Answer.ASKING]
    found = [_asked(unit, outside, each) for each in asks]
    return sorted(found, key=lambda each: (each.since, each.playbook))


def _asked(unit: Unit, outside: Outside, blast: Blast) -> Asked:
    waiting = unit.accounts_of_blast(blast.playbook, blast.nth)
    not_by = changed_by(unit, outside, blast.playbook, blast.since - LOOK_BACK)
    return Asked(blast.playbook, waiting, blast.accounts - 1, blast.since, not_by)


def changed_by(unit: Unit, outside: Outside, playbook: str, since: datetime) -> tuple[str, ...]:
    """Who published it last or since then, and who wrote or saved one of its files from a page: its own, or a text that it
    shares with others. Somebody else's small change afterwards makes nobody a second person."""
    published = unit.published(playbook, MOST)
    by = {row.by for row in published[:1]} | {row.by for row in published if row.at >= since}
    known = outside.rules().playbooks.get(playbook)
    files = {
        f"playbooks/{playbook}.yaml",
        *(f"templates/{text}" for text in (known.templates if known else ())),
    }
    lately = [save for save in unit.saves_since(since) if files & save.after.keys()]
    for save in (*unit.saves_of(playbook, 1), *lately):
        by |= {save.by, *save.authors}
    return tuple(sorted(by - {""}))


def colleague(outside: Outside, named: str) -> str:
    """The name of a colleague who steers and is named in the terminal, by address or user name, where nobody has signed in.
    Raises Refused."""
    with outside.database.view() as unit:
        user = unit.user_by_email(named.strip().lower()) or unit.user(named.strip())
    if user is None or not user.active:
        raise Refused(
            f"No colleague who may come in is called {named}, or has that address: outreach user list."
        )
    if user.role not in STEERING:
        raise Refused(
            f"{user.id} has the role {user.role}: only {' or '.join(sorted(STEERING))} may say yes."
        )
    return name_of(user)


def let_go(outside: Outside, playbook: str, by: str, reason: str, hand: str = "") -> Asked:
    """A yes: what waits leaves with its next look, within minutes. It holds for as many accounts again, and until the
    number has fallen below the radius. ``hand``: the login of the machine that it is said from, where nobody has signed in:
    whoever changed it from there is no second person under another name. Raises Refused where nobody asks, and for
    whose own change it is."""
    must_say(reason)
    now = outside.clock.now()

    def work(unit: Unit) -> Asked:
        blast = _must_ask(unit, playbook)
        told = _asked(unit, outside, blast)
        if by in told.not_by:
            raise Refused(f"A second person has to say yes: the last change of {playbook} was yours.")
        if hand in told.not_by:
            raise Refused(
                f"{playbook} was changed from this login, {hand}: the second person says yes on its page, or from a login of theirs."
            )
        _answer(unit, blast, let_gone(blast, told.reached + told.accounts, by, reason, now))
        said = f"{told.accounts} accounts: {reason}" + (f" (in the terminal, as {hand})" if hand else "")
        unit.audit(now, by, "playbook.let_go", f"playbook/{playbook}", said)
        return told

    done: Asked = outside.database.retrying(work)
    return done


def refuse(outside: Outside, playbook: str, by: str, reason: str) -> Asked:
    """A no, which anybody may say: what waits ends by that reason, and the playbook is paused. What broke stays open and on
    the board. Raises Refused where nobody asks."""
    _known(outside, playbook)
    must_say(reason)
    now = outside.clock.now()

    def work(unit: Unit) -> Asked:
        blast = _must_ask(unit, playbook)
        told = _asked(unit, outside, blast)
        _answer(unit, blast, refused(blast, by, reason, now))
        unit.audit(now, by, "playbook.refused", f"playbook/{playbook}", f"{told.accounts} accounts: {reason}")
        _publish(unit, outside, playbook, Publish("paused"), by, reason)
        return told

    done: Asked = outside.database.retrying(work)
    return done


def _asking(unit: Unit, playbook: str) -> Blast | None:
    asks = (each for each in unit.blasts_standing() if each.state is Answer.ASKING)
    return next((each for each in asks if each.playbook == playbook), None)


def _must_ask(unit: Unit, playbook: str) -> Blast:
    blast = _asking(unit, playbook)
    if blast is None:
        raise Refused(f"{playbook} does not wait for anybody's word (any more).")
    return blast


def _answer(unit: Unit, old: Blast, new: Blast) -> None:
    if not unit.change_blast(old, new):
        raise Refused(f"Somebody else has just answered for {old.playbook}.")


def _known(outside: Outside, playbook: str) -> None:
    with outside.database.view() as unit:
        must_be_playbook(unit, outside, playbook)

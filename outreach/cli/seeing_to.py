"""What ops see to: what is withheld from whom, events that came in wrong, one cause that hurt many."""

from __future__ import annotations

import getpass
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

import click

from outreach.cli.common import answer, found_something, house, json_option, must_be_named, zone_of
from outreach.cli.group import Group
from outreach.domain.errors import NotFound
from outreach.domain.facts import Purpose
from outreach.lab.terminal import Told, on_clocks_of, say, say_list

if TYPE_CHECKING:
    from outreach.assemble import House
    from outreach.domain.incident import Suggested, Wording
    from outreach.service.incidents import Standing
    from outreach.service.ports_events import Quarantined
    from outreach.store.views_incidents import Customer
    from outreach.store.views_ops import HoldRow

LIMIT = click.option(
    "--limit", default=50, show_default=True, type=click.IntRange(1, 100_000), help="At most so many."
)
PURPOSES = tuple(each.value for each in Purpose if each.sells)
"""What can be withheld."""


# -- holds ---------------------------------------------------------------------------------------------


@click.group(cls=Group)
def holds() -> None:
    """What is withheld from whom."""


@holds.command("list")
@click.option("--purpose", type=click.Choice(PURPOSES), help="Only what withholds this.")
@click.option("--playbook", default="", help="Only because of this playbook.")
@click.option("--account", "accounts", multiple=True, help="Only of this account; may be repeated.")
@LIMIT
@json_option
def list_holds(
    purpose: str | None, playbook: str, accounts: tuple[str, ...], limit: int, as_json: bool
) -> None:
    """Until when, and why; what ends first comes first."""
    from outreach.store.views_ops import HoldsAsked, count_holds, open_holds

    asked = HoldsAsked(purpose or "", playbook, accounts)
    with house() as here, here.database.view() as unit:
        must_be_named(here, accounts=accounts, playbook=playbook)
        rows, count = open_holds(unit, asked, limit), count_holds(unit, asked)
    if as_json:
        answer([
            {"hold": row.id, "account": row.account, "name": row.account_name, "scope": row.scope, "purposes": row.purposes,
             "playbook": row.because, "failure": row.failure, "since": row.since, "ends": row.ends}
            for row in rows
        ])  # fmt: skip
        return
    with on_clocks_of(zone_of(here)) as told:
        say_list(("hold", "ends", "from whom, what and why"), [_held(row, told) for row in rows])
        if not rows:
            say("Nothing is held back.")
        else:
            say()
            say(f"{count:,} in all; outreach holds end HOLD --reason … ends one.")


def _held(row: HoldRow, told: Told) -> tuple[str, ...]:
    about = f" ({row.failure})" if row.failure else ""
    named = row.account_name if row.account_name == row.account else f"{row.account_name} ({row.account})"
    ends = told(row.ends) + ("" if row.until else "\nat the latest")
    return row.id, ends, f"{named}: {', '.join(row.purposes)}, because of {row.because}{about}"


@holds.command("end")
@click.argument("hold")
@click.option(
    "--reason", required=True, help="Why they may get it again. Stands in the audit with your name."
)
def end_hold(hold: str, reason: str) -> None:
    """From now on their generic mail goes out again, unless another hold is on them."""
    from outreach.service.holds import end

    with house() as here:
        ended = end(here.outside, hold, getpass.getuser(), reason)
    say(f"Ended. {ended.account} gets generic mail again, unless another hold is on them.")


# -- quarantine ----------------------------------------------------------------------------------------


def which(command: Callable[..., None]) -> Callable[..., None]:
    """The options that say which of them."""
    for option in (
        click.option("--about", default="", help="Only with these words in a reason."),
        click.option("--source", default="", help="Only from this source."),
        click.option("--type", "type_", default="", help="Only of this type."),
    ):
        command = option(command)
    return command


@click.group(cls=Group)
def quarantine() -> None:
    """Events that came in wrong."""


@quarantine.command("list")
@which
@LIMIT
@json_option
def list_quarantine(type_: str, source: str, about: str, limit: int, as_json: bool) -> None:
    """How many for which reason, and each with its reasons. Exit code 1 when there are any."""
    from outreach.service.quarantine import Which
    from outreach.store.views_ops import quarantine_by_reason, quarantined

    with house() as here, here.database.view() as unit:
        rows, reasons = quarantined(unit, Which(type_, source, about), limit), quarantine_by_reason(unit)
    if as_json:
        answer([row._asdict() | {"reasons": row.reasons.splitlines()} for row in rows])
    else:
        _say_quarantined(rows, reasons, any((type_, source, about)), zone_of(here))
    found_something(bool(rows))


def _say_quarantined(
    rows: Sequence[Quarantined], reasons: Sequence[tuple[str, str, int]], only_some: bool, zone: str
) -> None:
    if not rows:
        say(
            "None of these; outreach quarantine list shows what there is."
            if reasons
            else "Nothing is in quarantine."
        )
        return
    for reason, kind, many in () if only_some else reasons:
        say(f"{kind or 'no type'}  {reason}", lead=f"{many:>6,}  ")
    if not only_some:
        say()
    with on_clocks_of(zone) as told:
        say_list(
            ("event", "came", "what, from where, and what is wrong"), [_wrong(row, told) for row in rows]
        )
        say()
        say("outreach quarantine replay takes in what is right by now.")


def _wrong(row: Quarantined, told: Told) -> tuple[str, ...]:
    return row.id, told(row.at), f"{row.type or 'no type'}, {row.source}: {row.event_id}\n{row.reasons}"


@quarantine.command("replay")
@which
def replay(type_: str, source: str, about: str) -> None:
    """Take in again whatever is right by now; the rest stays. Exit code 1 when some are still wrong."""
    from outreach.service.quarantine import AT_ONCE, Replayed, Which, replay_all

    by, done = getpass.getuser(), Replayed()
    with house() as here:
        while True:
            part = replay_all(here.outside, Which(type_, source, about), by, after=done.after, most=AT_ONCE)
            done = Replayed(done.taken + part.taken, done.still_wrong + part.still_wrong, False, part.after)
            if not part.more:
                break
            say(done.sentence, err=True)
    say(done.sentence)
    found_something(bool(done.still_wrong))


@quarantine.command("discard")
@click.argument("events", nargs=-1, required=True)
@click.option("--reason", required=True, help="Why they are of no use. Stands in the audit with your name.")
def discard(events: tuple[str, ...], reason: str) -> None:
    """These are of no use. They stay in the records."""
    from outreach.service.quarantine import discard as of_no_use

    with house() as here:
        gone = of_no_use(here.outside, events, getpass.getuser(), reason)
    if not gone:
        raise NotFound(f"Nothing in quarantine has the id {', '.join(events)}.")
    say(f"Discarded: {gone:,}.")


# -- incidents -----------------------------------------------------------------------------------------


@click.command()
@click.argument("incident", required=False)
@click.option("--told", is_flag=True, help="Only who was told words that have been corrected since.")
@click.option("--what", default="", help="What happened, for colleagues; with --words.")
@click.option("--words", default="", help="Write what may be said of it.")
@click.option("--approve", type=int, help="Approve the wording of this number.")
@click.option("--open", "take_up", type=int, help="Open the suggestion of this number in the list.")
@click.option("--close", "reason", default="", help="Close it, for this reason.")
@json_option
def incidents(
    incident: str | None, told: bool, what: str, words: str, approve: int | None, take_up: int | None, reason: str, as_json: bool,
) -> None:  # fmt: skip
    """One cause, many customers: what is open, and what looks like more. With INCIDENT: whom it hurt, and what we may say."""
    from outreach.service import incident_telling as telling
    from outreach.service.incidents import close

    if (told or words or approve or reason) and not incident:
        raise click.UsageError("name the INCIDENT")
    with house() as here:
        if take_up is not None:
            _take_up(here, take_up)
            return
        if incident is None:
            _list_incidents(here, as_json)
            return
        if reason:
            close(here.outside, incident, getpass.getuser(), reason)
            say("Closed. Its words are offered no more; what is open with customers stays on the desk.")
            return
        if words:
            made = telling.write(here.outside, incident, what, words, getpass.getuser())
            say(f"Written: wording {made.number}. Nobody is told before it is approved.")
            _say_unsaid(here, made)
        if approve:
            anew = telling.approve(here.outside, incident, approve, getpass.getuser())
            say(f"Approved. Drafts written anew: {anew}.")
        if not (words or approve):
            _show_incident(here, incident, told, as_json)


def _say_unsaid(here: House, made: Wording) -> None:
    """Mails in a language that has no words any more say nothing of the incident: easily forgotten in a hurry."""
    from outreach.service.incidents import standing

    with here.database.view() as unit:
        now = standing(unit, here.outside, made.incident).now
    gone = made.leaves_out(now, here.library.current().company.language) if now else ()
    if now and gone:
        said = f"Wording {now.number} has words in {', '.join(gone)}, and this one has none"
        say(
            f"{said}: mails in {'that language' if len(gone) == 1 else 'those languages'} will say nothing of it."
        )


def _list_incidents(here: House, as_json: bool) -> None:
    from outreach.service.incidents import all_of

    with here.database.view() as unit:
        stand, suggested = all_of(unit, here.outside, here.outside.clock.now())
    if as_json:
        answer(
            {
                "incidents": [_stands(each) for each in stand],
                "suggested": [_looks(each) for each in suggested],
            }
        )
        return
    for each in stand:
        said = "" if each.now else "; nothing may be said of it yet"
        say(
            f"{each.incident.title}: reached {each.reached:,} of {each.accounts:,}{said}",
            lead=f"{each.incident.id}  ",
        )
    with on_clocks_of(zone_of(here)) as told:
        for number, one in enumerate(suggested, 1):
            say(
                f"looks like one: {one.type}, {one.field} {one.value}, {one.accounts:,} customers since {told(one.since)}",
                lead=f"{number}. ",
            )
    if not stand and not suggested:
        say("No incident, and nothing that looks like one.")


def _take_up(here: House, number: int) -> None:
    from outreach.service.incidents import all_of, take_up

    with here.database.view() as unit:
        _, suggested = all_of(unit, here.outside, here.outside.clock.now())
    if not 1 <= number <= len(suggested):
        raise click.UsageError(f"there is no suggestion {number}: outreach incidents lists them")
    made = take_up(here.outside, suggested[number - 1], getpass.getuser())
    say(made.title, lead=f"{made.id}  ")
    say(f"Now write what may be said: outreach incidents {made.id} --words …", hang=4)


def _stands(each: Standing) -> dict[str, object]:
    it = each.incident
    return {
        "incident": it.id, "title": it.title, "type": it.type, "field": it.field, "value": it.value, "since": it.since,
        "until": it.until, "customers": each.accounts, "reached": each.reached, "put_right": each.right,
        "severity": each.severity.word, "words": each.now and each.now.words,
    }  # fmt: skip


def _looks(one: Suggested) -> dict[str, object]:
    return {
        "type": one.type, "field": one.field, "value": one.value, "since": one.since, "customers": one.accounts,
        "unreached": one.unreached, "severity": one.severity.word,
    }  # fmt: skip


def _show_incident(here: House, id_: str, told: bool, as_json: bool) -> None:
    from outreach.service.incidents import standing, told_earlier
    from outreach.store.views_incidents import customers

    with here.database.view() as unit:
        stands = standing(unit, here.outside, id_)
        earlier = {(each.failure.account, each.failure.id) for each in told_earlier(unit, stands)}
        people = customers(unit, stands.failures)
    if told:
        people = [each for each in people if (each.failure.account, each.failure.id) in earlier]
    if as_json:
        answer(_stands(stands) | {"who": list(_who(people, earlier))})
        return
    say(
        f"{stands.incident.title}: reached {stands.reached:,} of {stands.accounts:,}, put right {stands.right:,}",
        bold=True,
    )
    if not stands.incident.is_open:
        with on_clocks_of(zone_of(here)) as when:
            say(f"Closed {when(stands.incident.closed_at)} by {stands.incident.closed_by}.")
    for wording in stands.wordings:
        approved = f"approved by {wording.approved_by}" if wording.approved_by else "waits to be approved"
        say(f"{wording.words}  ({wording.by}; {approved})", lead=f"  {wording.number}. ")
    say_list(("account", "who", "failure", "stands"), [_customer(each, earlier) for each in people])
    if told and not people:
        say("Nobody was told words that have been corrected since.")


def _customer(each: Customer, earlier: set[tuple[str, str]]) -> tuple[str, ...]:
    late = ", was told earlier words" if (each.failure.account, each.failure.id) in earlier else ""
    return each.failure.account, each.name, each.failure.id, f"{each.stands}{late}"


def _who(people: Iterable[Customer], earlier: set[tuple[str, str]]) -> Iterable[dict[str, object]]:
    for each in people:
        yield {
            "account": each.failure.account, "failure": each.failure.id, "stands": each.stands, "owner": each.owner,
            "promised": each.promised, "desk": each.desk, "told_earlier": (each.failure.account, each.failure.id) in earlier,
        }  # fmt: skip

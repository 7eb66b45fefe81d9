"""What leaves the house: messages of which nobody knows, rehearsal and going live, providers that stopped."""

from __future__ import annotations

import getpass
from collections.abc import Sequence

import click

from outreach.assemble import House
from outreach.cli.common import answer, found_something, house, json_option, zone_of
from outreach.domain.touch import Touch
from outreach.lab.terminal import on_clocks_of, say, say_list
from outreach.service.unknowns import Evidence


@click.command()
@click.argument("touch", required=False)
@click.option(
    "--was",
    type=click.Choice(["sent", "failed", "again"]),
    help="What became of it; again: send it once more.",
)
@click.option("--reason", default="", help="How you know. Stands in the audit with your name.")
@click.option("--look", is_flag=True, help="Look them up at the providers first.")
@json_option
def unknowns(touch: str | None, was: str | None, reason: str, look: bool, as_json: bool) -> None:
    """Messages of which nobody knows whether they left. With TOUCH: the evidence, or with --was your word.

    Exit code 1 when there are any.
    """
    if was and not touch:
        raise click.UsageError("name the TOUCH that --was is about")
    with house() as here:
        if touch and was:
            _settle(here, touch, was, reason)
            return
        if touch:
            from outreach.service.unknowns import evidence

            _show(evidence(here.outside, touch), zone_of(here), as_json)
            return
        if look:
            _look(here, as_json)
        with here.database.view() as unit:
            from outreach.store.views_ops import unknown_touches

            rows = unknown_touches(unit, limit=1000)
    if as_json:
        answer([_as_dict(row, name) for row, name in rows])
    else:
        _list(rows, zone_of(here))
    found_something(bool(rows))


def _settle(here: House, touch: str, was: str, reason: str) -> None:
    from outreach.service.desk import settle_unknown

    if not reason.strip():
        raise click.UsageError("say with --reason how you know")
    settle_unknown(here.outside, touch, getpass.getuser(), was, reason)
    say("It will be sent again, judged anew." if was == "again" else f"Written down: {was}.")


def _look(here: House, as_json: bool) -> None:
    from outreach.service.unknowns import look_up_now

    seen = look_up_now(here.outside)
    said = (f"{seen[word]} {word}" for word in ("found", "not found", "not reached", "without a listing"))
    say(f"At the providers: {', '.join(said)}.", err=as_json)


def _list(rows: Sequence[tuple[Touch, str]], zone: str) -> None:
    if not rows:
        say("None: of every message it is known what became of it.")
        return
    with on_clocks_of(zone) as told:
        say_list(("touch", "by", "since", "account"), [
            (row.id, row.channel.value, told(row.intent_at), f"{name} ({row.account})") for row, name in rows
        ])  # fmt: skip
        say()
        say("outreach unknowns TOUCH shows the evidence; --was sent|failed|again --reason … settles it.")


def _as_dict(touch: Touch, name: str) -> dict[str, object]:
    return {
        "touch": touch.id, "channel": touch.channel.value, "account": touch.account, "name": name,
        "since": touch.intent_at, "why": touch.sentence,
    }  # fmt: skip


def _show(found: Evidence, zone: str, as_json: bool) -> None:
    attempt = found.attempt
    if as_json:
        answer({
            "touch": found.touch.id, "readable": found.readable,
            "ours": attempt and {"at": attempt.at, "to": attempt.recipient, "provider": attempt.provider,
                                 "subject": attempt.subject, "text": attempt.text},
            "theirs": [one._asdict() for one in found.found],
        })  # fmt: skip
        return
    with on_clocks_of(zone, seconds=True) as told:
        say("We handed over", bold=True)
        if attempt is None:
            say("(its text is not on file)", lead="  ")
        else:
            to = attempt.recipient or "(erased)"
            say(f"{told(attempt.at)}  by {attempt.provider}  to {to}", lead="  ", hang=2)
            say(f"{attempt.subject or ''}\n{attempt.text or ''}".strip(), lead="    ")
        say("The provider has", bold=True)
        if not found.readable:
            say("(its listing cannot be read from here; look on its own page)", lead="  ")
        for one in found.found:
            code = f" {one.code}" if one.code else ""
            say(f"{told(one.at)}  {one.status}{code}  {one.ref}", lead="  ", hang=2)
            say(one.text, lead="    ")
        if found.readable and not found.found:
            say("nothing to this number around that time", lead="  ")


@click.command("go-live")
@click.option("--reason", required=True)
@click.option("--back", is_flag=True, help="Back into rehearsal.")
@click.option(
    "--accept-strict", is_flag=True, help="Where no law pack is written, the strict default shall rule."
)
def go_live(reason: str, back: bool, accept_strict: bool) -> None:
    """Out of rehearsal: from now on the providers contact everybody, not only OUTREACH_REHEARSAL_TO."""
    from outreach.service.switches import go_live as leave_rehearsal
    from outreach.service.switches import rehearse

    with house() as here:
        if back:
            rehearse(here.outside, getpass.getuser(), reason)
            say("Rehearsing: only the named addresses are contacted, the rest goes to the outbox.")
            return
        live = leave_rehearsal(here.outside, getpass.getuser(), reason, accept_strict=accept_strict)
    say(f"Live, by {' and '.join(live)}. What is due leaves for everybody from now on.")


@click.command()
@click.argument("way")
@click.option("--reason", required=True, help="What was mended.")
def resume(way: str, reason: str) -> None:
    """Use a provider again that had stopped: twilio, sendgrid, smtp, or one channel of it, such as twilio/sms."""
    from outreach.service.switches import resume_provider

    with house() as here:
        resume_provider(here.outside, way, getpass.getuser(), reason)
    say(f"{way} is used again. What waited is judged anew.")

"""What we know of a person, forgetting them, and the chain of who did what."""

from __future__ import annotations

import getpass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from outreach.assemble import House
from outreach.cli.common import OutFile, answer, found_something, house, json_option, zone_of
from outreach.cli.group import Group
from outreach.lab.terminal import on_clocks_of, say, say_list

if TYPE_CHECKING:
    from outreach.store.unit import StoreUnit


def _person(here: House, who: str) -> str:
    """By our id, a number or an address. Several people may share one: then the id has to be said."""
    from outreach.domain.endpoint import as_endpoint
    from outreach.domain.errors import Invalid
    from outreach.service.privacy import find

    try:
        kind, value = as_endpoint(who, here.library.current().company.country)
    except Invalid:
        kind, value = "", ""
    with here.database.view() as unit:
        found = find(unit, who, kind, value)
    if not found:
        raise click.UsageError(_nobody(here, who))
    if len(found) > 1:
        raise click.UsageError(f"{len(found)} people share that; say which: {', '.join(p.id for p in found)}")
    return found[0].id


def _nobody(here: House, who: str) -> str:
    from outreach.service.named import unknown_person

    with here.database.view() as unit:
        near = unknown_person(unit, who)
    return f"{near} People go by their id, number or mail address here."


@click.command()
@click.argument("person")
@click.option(
    "--to",
    "to",
    type=OutFile(),
    help="A file: .html to be read, .json for programs.",
)
def export(person: str, to: Path | None) -> None:
    """Everything about a person (by id, number or address), for them to read. JSON on the screen without --to."""
    from outreach.service.privacy import file_of

    if to is not None and to.suffix not in (".html", ".json"):
        raise click.BadParameter("write a file that ends in .html or .json", param_hint="--to")
    with house() as here:
        found = file_of(here.outside, _person(here, person))
        if to is None:
            answer(found.as_tree())
            return
        to.touch(mode=0o600)
        to.chmod(0o600)  # before there is anything to be read in it
        if to.suffix == ".html":
            from outreach.web.files import as_page

            to.write_text(as_page(found, here.library.current().company.name), encoding="utf-8")
        else:
            import orjson

            to.write_bytes(orjson.dumps(found.as_tree(), default=str, option=orjson.OPT_INDENT_2))
    say(f"Written to {to}, for your eyes only.")


@click.command()
@click.argument("person")
@click.option("--reason", required=True, help="Who asked for it, and how. Stands in the audit; no names.")
@click.option("--yes", is_flag=True, help="Do not ask.")
def erase(person: str, reason: str, yes: bool) -> None:
    """Forget a person for good: nothing is sent any more, what is personal goes, keyed hashes stay."""
    from outreach.service.privacy import erase as forget

    with house() as here:
        id_ = _person(here, person)
        if not yes:
            click.confirm(f"Forget {id_} for good?", abort=True)
        forget(here.outside, id_, getpass.getuser(), reason)
    say(f"{id_} is erased. What colleagues exported, and what lies in mailboxes, is yours to delete.")


@click.group(cls=Group)
def audit() -> None:
    """Who did what, when and why: append-only, each row chained to the one before."""


@audit.command("verify")
def verify() -> None:
    """Whether the chain holds. Exit code 1 where it was tampered with."""
    with house() as here, here.database.view() as unit:
        fault = unit.audit_fault()
        rows = unit.audit_count()
    say(fault or f"The chain holds: {rows:,} {'row' if rows == 1 else 'rows'}.")
    found_something(fault is not None)


@audit.command("list")
@click.option("--subject", default="", help="Only about what holds this: person:anna, late-delivery, …")
@click.option("--who", default="", help="Only what they did: a user name, or a part of a name.")
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1, 100_000))
@json_option
def list_(subject: str, who: str, limit: int, as_json: bool) -> None:
    """The newest first."""
    from outreach.store.views_ops import audit_rows, called

    with house() as here, here.database.view() as unit:
        rows = audit_rows(unit, limit, who=called(unit, who) if who else (), about=subject)
        if who and not rows:
            _must_have_done_something(unit, who)
    if as_json:
        answer([row._asdict() for row in rows])
        return
    with on_clocks_of(zone_of(here)) as told:
        say_list(("row", "when", "who", "what"), [
            (f"{row.seq}", told(row.at), row.who, f"{row.what} {row.subject}" + (f": {row.why}" if row.why else ""))
            for row in rows
        ])  # fmt: skip
        if not rows:
            say("Nothing of that." if who or subject else "Nothing yet.")


def _must_have_done_something(unit: StoreUnit, who: str) -> None:
    """Or be a colleague who could have. Raises NotFound."""
    from outreach.service.named import unknown
    from outreach.store.views_ops import audit_rows, called

    colleagues = {user.id for user in unit.users()}
    if colleagues.isdisjoint(called(unit, who)) and not audit_rows(unit, 1, who=[who]):
        raise unknown("colleague", who, colleagues)

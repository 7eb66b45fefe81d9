"""What we know of a person, forgetting them, and the chain of who did what."""

from __future__ import annotations

import getpass
from pathlib import Path

import click

from outreach.assemble import House
from outreach.cli.common import answer, found_something, house, json_option


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
        raise click.UsageError("nobody is known by that: give a person's id, number or mail address")
    if len(found) > 1:
        raise click.UsageError(f"{len(found)} people share that; say which: {', '.join(p.id for p in found)}")
    return found[0].id


@click.command()
@click.argument("person")
@click.option(
    "--to",
    "to",
    type=click.Path(dir_okay=False, path_type=Path),
    help="A file: .html to be read, .json for programs.",
)
def export(person: str, to: Path | None) -> None:
    """Everything about a person (by id, number or address), for them to read. JSON on the screen without --to."""
    from outreach.service.privacy import file_of

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
    click.echo(f"Written to {to}, for your eyes only.")


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
    click.echo(f"{id_} is erased. What colleagues exported, and what lies in mailboxes, is yours to delete.")


@click.group()
def audit() -> None:
    """Who did what, when and why: append-only, each row chained to the one before."""


@audit.command("verify")
def verify() -> None:
    """Whether the chain holds. Exit code 1 where it was tampered with."""
    with house() as here, here.database.view() as unit:
        fault = unit.audit_fault()
        rows = unit.audit_count()
    click.echo(fault or f"The chain holds: {rows:,} {'row' if rows == 1 else 'rows'}.")
    found_something(fault is not None)


@audit.command("list")
@click.option("--subject", default="", help="Only about what holds this: person:anna, late-delivery, …")
@click.option("--who", default="", help="Only what they did: a user name, or a part of a name.")
@click.option("--limit", default=50, show_default=True)
@json_option
def list_(subject: str, who: str, limit: int, as_json: bool) -> None:
    """The newest first."""
    from outreach.store.views_ops import audit_rows, called

    with house() as here, here.database.view() as unit:
        rows = audit_rows(unit, limit, who=called(unit, who) if who else (), about=subject)
    if as_json:
        answer([row._asdict() for row in rows])
        return
    for row in rows:
        click.echo(
            f"{row.seq:>7}  {row.at:%Y-%m-%d %H:%M}  {row.who:12} {row.what:24} {row.subject}  {row.why}"
        )
    if not rows:
        click.echo("Nothing yet.")

"""What the commands share: the assembled house, and two ways to answer (people, programs)."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import click
import orjson

from outreach.assemble import House, assemble
from outreach.domain.errors import Invalid
from outreach.domain.wallclock import to_utc
from outreach.logs import set_up_logs
from outreach.service.named import must_be_account, must_be_playbook
from outreach.settings import Settings, load_settings
from outreach.store.told import Told

json_option = click.option("--json", "as_json", is_flag=True, help="Answer in JSON, for programs.")
progress_option = click.option(
    "--progress",
    "kind",
    type=click.Choice(["auto", "json", "none"]),
    default="auto",
    show_default=True,
    help="On stderr: a bar on a terminal, or lines of JSON for programs.",
)


def settings_from_here() -> Settings:
    """From the environment and ``.env`` in the current folder. Raises Invalid with every fault."""
    return load_settings(os.environ, Path.cwd())


class OutFile(click.Path):
    """A file to be written: whether it can be is asked before the work, not after it."""

    def __init__(self) -> None:
        super().__init__(dir_okay=False, writable=True, path_type=Path)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        path = Path(str(super().convert(value, param, ctx)))
        if not path.absolute().parent.is_dir():
            self.fail(f"there is no folder {path.parent} to write it into", param, ctx)
        return path


@contextmanager
def house(migrate: bool = True, database: str | None = None, told: Told | None = None) -> Iterator[House]:
    """The house of these settings; on another database where one is named. ``told``: for what runs on, which logs."""
    settings = settings_from_here()
    set_up_logs(settings.log_format, settings.log_level)
    if database:
        settings = replace(settings, database_url=database)
    found = assemble(settings, migrate=migrate, told=told)
    try:
        yield found
    finally:
        found.close()


def zone_of(here: House) -> str:
    """On whose clocks times are told. A faulty file keeps nobody from looking and stopping: then they are UTC's, and said to be."""
    try:
        return here.library.current().company.zone
    except Invalid:
        return "UTC"


def answer(rows: Any) -> None:
    """For programs. Times are ISO 8601 in UTC, whatever the people around read."""
    option = orjson.OPT_INDENT_2 | orjson.OPT_PASSTHROUGH_DATETIME
    click.echo(orjson.dumps(rows, default=_plain, option=option).decode())


def _plain(value: Any) -> str:
    return to_utc(value).isoformat() if isinstance(value, datetime) else str(value)


def must_be_named(here: House, *, accounts: Iterable[str | None] = (), playbook: str | None = None) -> None:
    """What a filter names is known, or a slip of the pen would look like "there is nothing". Raises NotFound."""
    with here.database.view() as unit:
        for account in filter(None, accounts):
            must_be_account(unit, account)
        if playbook:
            must_be_playbook(unit, here.outside, playbook)


def found_something(yes: bool) -> None:
    """Exit code 1 when there is something to see to."""
    if yes:
        raise click.exceptions.Exit(1)

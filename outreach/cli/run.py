"""Running the house: serve, its two parts, migrate, doctor, demo."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import TYPE_CHECKING

import click

from outreach.cli.common import answer, found_something, house, json_option, settings_from_here
from outreach.lab.terminal import say
from outreach.logs import set_up_logs

if TYPE_CHECKING:
    from outreach.settings import Settings

HEARTBEAT_OLD = timedelta(minutes=2)


@click.command()
def serve() -> None:
    """Run the web worker and the clock, supervised, until stopped."""
    from outreach.clockwork import Child, clock_command, is_taken, stop_on_signals, supervise, web_command
    from outreach.store.schema import upgrade

    settings = settings_from_here()
    set_up_logs(settings.log_format, settings.log_level)
    if is_taken(settings.host, settings.port):
        raise click.UsageError(
            f"Something already listens on {settings.host}:{settings.port}; set OUTREACH_PORT to another port."
        )
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    upgrade(settings.database_url)
    stop = threading.Event()
    stop_on_signals(stop)
    say(f"Outreach runs on http://{settings.host}:{settings.port} (Ctrl-C stops it)")
    if not _anybody(settings):
        say("Nobody can sign in yet. In a second terminal, invite the first, who may do everything:\n")
        click.echo(  # whole: it is pasted
            '  outreach user invite ada --name "Ada Byron" --email ada@example.com --role admin\n'
        )
    supervise(
        [
            Child("web", web_command(settings.host, settings.port, settings.threads)),
            Child("clock", clock_command()),
        ],
        stop,
    )


def _anybody(settings: Settings) -> bool:
    from outreach.store.engine import open_database

    store = open_database(settings.database_url)
    try:
        with store.view() as unit:
            return bool(unit.users())
    finally:
        store.close()


@click.command()
def web() -> None:
    """Run the web worker alone."""
    import subprocess

    from outreach.clockwork import web_command

    settings = settings_from_here()
    raise click.exceptions.Exit(subprocess.call(web_command(settings.host, settings.port, settings.threads)))


@click.command()
def clock() -> None:
    """Run the clock alone. Several are harmless."""
    from outreach.clockwork import run_clock, stop_on_signals
    from outreach.store.told import log_changes

    stop = threading.Event()
    stop_on_signals(stop)
    with house(told=log_changes) as here:
        run_clock(here.outside, here.settings.tick_seconds, stop)


@click.command()
def migrate() -> None:
    """Bring the database to the newest schema."""
    from outreach.store.schema import newest_revision, upgrade

    settings = settings_from_here()
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    upgrade(settings.database_url)
    say(f"The database is at revision {newest_revision()}.")


@click.command()
@json_option
def doctor(as_json: bool) -> None:
    """Look the house over: database, clock, playbooks, what is stuck. Exit code 1 when something is."""
    from outreach.lab.doctor import examine

    with house(migrate=False) as here:
        found = examine(here)
    if as_json:
        answer([{"ok": row.ok, "what": row.what, "remedy": row.remedy} for row in found])
    else:
        for row in found:
            say(row.what, lead="ok    " if row.ok else "LOOK  ")
            if row.remedy:
                say(row.remedy.replace("`", ""), lead="      ")
    found_something(any(not row.ok for row in found))


@click.command()
@click.option("--fresh", is_flag=True, help="Throw the last demo away and make a new one.")
@click.option("--port", default=None, type=int, help="Port to listen on (8000).")
@click.option("--prepare-only", is_flag=True, help="Make the data and stop.")
def demo(fresh: bool, port: int | None, prepare_only: bool) -> None:
    """A small company with a year behind it, ready to look at.

    It lies in var/demo below the current folder, or in the folder that OUTREACH_DATA_DIR of the environment names: an
    empty one, or one that holds a demo. Nothing else of the environment or of .env counts, so that no house is touched.
    """
    from outreach.lab.demo import run_demo

    run_demo(fresh=fresh, port=port, prepare_only=prepare_only)

"""The ``outreach`` command. Each command lives beside its kin and is imported only when it is called."""

from __future__ import annotations

import sys
from importlib import import_module

import click

from outreach.domain.errors import Invalid, OutreachError

COMMANDS = {
    "serve": ("run", "serve"),
    "web": ("run", "web"),
    "clock": ("run", "clock"),
    "migrate": ("run", "migrate"),
    "doctor": ("run", "doctor"),
    "demo": ("run", "demo"),
    "import": ("data", "import_"),
    "rebuild": ("data", "rebuild"),
    "replay": ("data", "replay"),
    "owed": ("data", "owed"),
    "why": ("asking", "why"),
    "unknowns": ("sending", "unknowns"),
    "go-live": ("sending", "go_live"),
    "resume": ("sending", "resume"),
    "check": ("rules", "check"),
    "test": ("stories", "test"),
    "backtest": ("trying", "backtest"),
    "diff": ("trying", "diff"),
    "simulate": ("asking", "simulate"),
    "schema": ("schema", "schema"),
    "bench": ("rules", "bench"),
    "publish": ("publishing", "publish"),
    "runs": ("runs", "runs"),
    "stop-all": ("rules", "stop_all"),
    "export": ("privacy", "export"),
    "erase": ("privacy", "erase"),
    "audit": ("privacy", "audit"),
    "user": ("people", "user"),
    "token": ("people", "token"),
}


class Lazy(click.Group):
    """Loads a command's module when it is asked for, so that ``outreach why`` starts quickly."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name not in COMMANDS:
            return None
        module, attribute = COMMANDS[name]
        found: click.Command = getattr(import_module(f"outreach.cli.{module}"), attribute)
        return found


@click.group(cls=Lazy, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="outreach")
def outreach() -> None:
    """A person gets in touch when a customer was let down."""


def main() -> None:
    """Exit codes: 0 fine, 1 found something, 2 used wrongly."""
    try:
        code = outreach.main(prog_name="outreach", standalone_mode=False)
    except click.exceptions.Abort:
        sys.exit(130)
    except click.ClickException as fault:
        fault.show()
        sys.exit(fault.exit_code)
    except Invalid as fault:
        click.echo("\n".join(str(each) for each in fault.faults), err=True)
        sys.exit(2)
    except OutreachError as fault:
        click.echo(f"outreach: {fault}", err=True)
        sys.exit(2)
    sys.exit(code if isinstance(code, int) else 0)  # Click hands back what ``ctx.exit`` was told

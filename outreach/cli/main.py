"""The ``outreach`` command. Each command lives beside its kin and is imported only when it is called."""

from __future__ import annotations

import os
import sys
from importlib import import_module

import click

from outreach.cli.group import Group
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
    "holds": ("seeing_to", "holds"),
    "quarantine": ("seeing_to", "quarantine"),
    "incidents": ("seeing_to", "incidents"),
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


STOPPED = 130
"""By Ctrl-C, or by the end of what was to be answered."""
READER_GONE = 141
"""As a shell has it of a command whose reader has gone: neither fine nor "found something"."""


class Lazy(Group):
    """Loads a command's module when it is asked for, so that ``outreach why`` starts quickly."""

    def invoke(self, ctx: click.Context) -> object:
        try:
            done: object = super().invoke(ctx)
            sys.stdout.flush()
        except BrokenPipeError:  # outreach … | head
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise click.exceptions.Exit(READER_GONE) from None
        return done

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
    """Exit codes: 0 fine, 1 found something, 2 used wrongly; 130 stopped by Ctrl-C."""
    try:
        code = outreach.main(prog_name="outreach", standalone_mode=False)
    except click.exceptions.Abort:
        click.echo("Stopped.", err=True)
        sys.exit(STOPPED)
    except click.ClickException as fault:
        _show(fault)
        sys.exit(fault.exit_code)
    except Invalid as fault:
        _complain(*map(str, fault.faults))
        sys.exit(2)
    except OutreachError as fault:
        _complain(f"outreach: {fault}")
        sys.exit(2)
    except OSError as fault:  # a folder that is not there, a disk that is full
        _complain(f"outreach: {_place(fault)}{fault.strerror or fault}")
        sys.exit(2)
    sys.exit(code if isinstance(code, int) else 0)  # Click hands back what ``ctx.exit`` was told


def _place(fault: OSError) -> str:
    return f"{fault.filename}: " if fault.filename else ""


def _show(fault: click.ClickException) -> None:
    """As Click does it, wrapped."""
    # such as ``outreach holds``: it is the help already
    if isinstance(fault, click.exceptions.NoArgsIsHelpError):
        click.echo(fault.format_message(), err=True)
        return
    if isinstance(fault, click.UsageError) and fault.ctx is not None:
        click.echo(fault.ctx.get_usage(), err=True)
        click.echo(f"Try '{fault.ctx.command_path} --help' for help.\n", err=True)
    _complain(f"Error: {fault.format_message()}")


def _complain(*sentences: str) -> None:
    from outreach.lab.terminal import say

    for each in sentences:
        say(each, hang=4, err=True)

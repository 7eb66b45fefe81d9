"""Commands that stand together. Loads nothing else, so that ``outreach`` starts quickly."""

from __future__ import annotations

import click

WHOLE = 500
"""Longer than any first sentence."""


class Group(click.Group):
    """Its help says whole sentences, wrapped. Click cuts them off."""

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        found = [(name, self.get_command(ctx, name)) for name in self.list_commands(ctx)]
        with formatter.section("Commands"):
            formatter.write_dl([(name, each.get_short_help_str(WHOLE)) for name, each in found if each])

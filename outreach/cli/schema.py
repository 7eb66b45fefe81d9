"""What editors need to complete playbooks and to mark what is wrong in them."""

from __future__ import annotations

from pathlib import Path

import click
import orjson

from outreach.cli.rules import folder
from outreach.lab.terminal import say

NAMES = ("playbook", "defaults", "company", "vocabulary", "story")


@click.command()
@folder
@click.option(
    "--of",
    "name",
    type=click.Choice(NAMES),
    default="playbook",
    help="Which kind of file.",
    show_default=True,
)
@click.option(
    "--write",
    "into",
    type=click.Path(file_okay=False, path_type=Path),
    help="Write all of them into this folder.",
)
def schema(folder: Path, name: str, into: Path | None) -> None:
    """The JSON Schema of playbooks, stories and the shared files, with this folder's event types."""
    from outreach.lab.story_schema import story_schema
    from outreach.library.schemas import SCHEMAS
    from outreach.library.vocabulary import vocabulary_of

    vocabulary, makers = vocabulary_of(folder), {**SCHEMAS, "story": story_schema}
    if into is None:
        click.echo(_text(makers[name](vocabulary)), nl=False)
        return
    into.mkdir(parents=True, exist_ok=True)
    for each in NAMES:
        (into / f"{each}.json").write_bytes(_text(makers[each](vocabulary)))
    say(f"{len(NAMES)} schemas in {into}.")


def _text(schema: object) -> bytes:
    return orjson.dumps(schema, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)

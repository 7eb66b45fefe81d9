"""The reference page: playbooks and their files, then how stories are told.

``python -m outreach.lab.reference > docs/playbooks.md``
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

from outreach.domain.vocabulary import Vocabulary
from outreach.lab.story_deeds import ACTS
from outreach.lab.story_examples import EXAMPLES
from outreach.lab.story_words import EXPECTATIONS, GIVEN, NOTHING
from outreach.library.groups import Group
from outreach.library.reference import nested, reference
from outreach.library.vocabulary import vocabulary_of


def page(vocabulary: Vocabulary) -> str:
    """The page as Markdown."""
    return reference(vocabulary) + "\n" + "\n".join(_stories()).rstrip("\n") + "\n"


def _stories() -> Iterable[str]:
    yield from ("## Stories", "", _STORIES, "")
    yield from ("### `given`", "", *_table(GIVEN), *_below([GIVEN]))
    yield from ("### What may happen", "", "Under `at`, one or a list of each.", "", *_kinds(ACTS))
    yield from ("### What may be expected", "", _EXPECT, "", *_kinds(EXPECTATIONS))
    for title, story in EXAMPLES.items():
        yield from (f"### Example: {title}", "", "```yaml story", story.strip("\n"), "```", "")


def _kinds(groups: Mapping[str, Group]) -> Iterable[str]:
    for name, group in groups.items():
        yield from (f"#### `{name}`", "", *_table(group))
    yield from _below(groups.values(), known=[GIVEN, *(group for _, group in nested(GIVEN))])


def _below(groups: Iterable[Group], known: Iterable[Group] = ()) -> Iterable[str]:
    seen = [group.name for group in known]
    for path, group in (found for one in groups for found in nested(one)):
        if group.name not in seen:
            seen.append(group.name)
            yield from (
                f"#### `{path[-1][0]}` below `{path[-2][0] if len(path) > 1 else 'it'}`",
                "",
                *_table(group),
            )


def _table(group: Group) -> Iterable[str]:
    yield from ("| key | what to write | meaning |", "|---|---|---|")
    for key in group.keys:
        default = " Left out: " + key.default + "." if key.default else ""
        needed = " **Required.**" if key.required else ""
        doc = key.doc.replace("|", "\\|")
        yield f"| `{key.name}` | {key.kind.words.replace('|', chr(92) + '|')} | {doc}{default}{needed} |"
    yield ""


_STORIES = """A file in `playbooks/stories/` holds one story, or a list under `stories:`. A story has `story` (what it tells, in one line), `given` (who is
known before it begins) and a `script`: moments in their order, each with `at`, what happens, and what is to `expect` then. It
runs on a virtual clock over the real services, and begins on Monday, 2 March 2026. `at` is a weekday with a time (`Mon 09:00`: the next one), a
span (`+10d`), or a date (`2026-03-28T23:00`), in the zone of the first account. `outreach test` tells them."""
_EXPECT = f"""`expect: {NOTHING}` says that nothing is on the desk or was sent since the moment before. Else one or a list of these; the first key says
which it is, all others narrow it down."""


def main(root: Path = Path()) -> None:
    sys.stdout.write(page(vocabulary_of(root)))


if __name__ == "__main__":
    main()

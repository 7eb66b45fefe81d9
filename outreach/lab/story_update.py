"""``outreach test --update``: what happened becomes what is expected."""

from __future__ import annotations

import subprocess
from collections.abc import Iterable, Iterator
from difflib import unified_diff
from pathlib import Path

from outreach.domain.errors import Refused
from outreach.domain.evaluate import Ruleset
from outreach.lab.stories import Told, tell
from outreach.lab.story_reader import read_stories
from outreach.lab.story_rewrite import rewritten


def update(
    root: Path, told: Iterable[Told], rules: Ruleset, *, force: bool = False
) -> Iterator[tuple[str, list[Told]]]:
    """Rewrite the wrong expectations of those stories in their files. Gives, file by file, what has changed in it, and
    how the stories that were wrong go now. Raises Refused, with nothing changed, where git would not have what
    was there before; ``force`` takes that upon oneself."""
    files: dict[str, list[Told]] = {}
    for one in told:
        if any(wrong.said is not None for wrong in one.wrong):
            files.setdefault(one.story.file, []).append(one)
    unsaved = [file for file in files if not force and has_unsaved_changes(root / file)]
    if unsaved:
        raise Refused(
            f"Commit {', '.join(unsaved)} first, or say --force: git does not have what stands there."
        )
    return (_updated(root, file, found, rules) for file, found in files.items())


def _updated(root: Path, file: str, told: list[Told], rules: Ruleset) -> tuple[str, list[Told]]:
    path = root / file
    before = path.read_bytes().decode("utf-8")
    after = rewritten(before, [wrong for one in told for wrong in one.wrong])
    stories = read_stories(file, after, rules)
    path.write_bytes(after.encode("utf-8"))
    titles = {one.story.title for one in told}
    lines = unified_diff(before.splitlines(), after.splitlines(), file, file, n=1, lineterm="")
    return "\n".join(lines), [tell(story, rules) for story in stories if story.title in titles]


def has_unsaved_changes(path: Path) -> bool:
    """Whether the file is in a git repository that does not have it as it stands there."""
    try:
        done = subprocess.run(
            ["git", "status", "--porcelain", "--ignored", "--", path.name],
            cwd=path.parent, capture_output=True, text=True, check=False,
        )  # fmt: skip
    except FileNotFoundError:
        return False
    return done.returncode == 0 and bool(done.stdout.strip())

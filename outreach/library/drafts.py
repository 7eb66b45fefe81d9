"""Drafts: changes to a playbook's files that nobody acts on yet. One file of JSON per playbook, beside the database.

A draft knows what each file was when it was first changed, so that saving it never undoes somebody else's change.
"""

from __future__ import annotations

import fcntl
import hashlib
import re
import shutil
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from pathlib import Path

import orjson

from outreach.domain.errors import Refused
from outreach.library.loader import SHARED, snapshot
from outreach.library.yaml_reader import MAX_BYTES

NAME = re.compile(r"[a-z][a-z0-9]*(?:-[a-z0-9]+)*")
"""What a playbook may be called."""
_TEXT = re.compile(r"templates/(?:[a-z0-9_-]+/)?[a-z0-9_.-]+\.md")
FOLDERS = ("playbooks", "templates")
LONGEST_NAME = 60


@dataclass(frozen=True, slots=True)
class Draft:
    """``files``: path below the root → text as drafted. ``was``: path → ``digest`` of the file as it was when it was first
    changed here; empty for a file that was not there."""

    playbook: str
    files: Mapping[str, str] = field(default_factory=dict)
    was: Mapping[str, str] = field(default_factory=dict)
    by: str = ""
    at: str = ""
    """When it was last written to, ISO 8601 in UTC."""
    authors: tuple[str, ...] = ()
    """Everybody who has written to it."""

    @property
    def digest(self) -> str:
        """Of what it changes: whoever saves says what they have seen."""
        return digest(repr(sorted(self.files.items())))


class Drafts:
    """Those for the rules below ``root``, kept in ``folder``. Safe for several processes."""

    def __init__(self, root: Path, folder: Path) -> None:
        self.root, self._folder = root, folder

    def names(self) -> list[str]:
        return sorted(file.stem for file in self._folder.glob("*.json"))

    def of(self, playbook: str) -> Draft:
        """Empty where there is none."""
        try:
            kept = orjson.loads(self._file(playbook).read_bytes())
        except FileNotFoundError:
            return Draft(playbook)
        return Draft(**{**kept, "authors": tuple(kept.get("authors", ()))})

    def text(self, playbook: str, file: str) -> str | None:
        """As drafted, else as it is in the folder; None where there is no such file."""
        drafted = self.of(playbook).files.get(file)
        return self.live(file) if drafted is None else drafted

    def live(self, file: str) -> str | None:
        return _read(self.root / safe(file))

    def write(self, playbook: str, file: str, text: str, seen: str, by: str, at: datetime) -> Draft:
        """Change one file. ``seen`` is the ``digest`` of the text that the change was made to. Raises Refused when that is not
        what is there now, so that two who write at once do not undo each other."""
        text = text.replace("\r\n", "\n")
        if len(text.encode()) > MAX_BYTES:
            raise Refused(f"{file} would be larger than {MAX_BYTES // 1000} kB.")
        with self.locked():
            draft, now = self.of(playbook), self.text(playbook, own(playbook, file))
            if digest(now) != seen:
                raise Refused(
                    f"Somebody has changed {file} meanwhile. Your text is still below: compare, and save again."
                )
            was = {file: digest(self.live(file)), **draft.was}
            files = {**draft.files, file: text}
            if text == self.live(file):
                del files[file], was[file]
            authors = tuple(dict.fromkeys((*draft.authors, by)))
            return self._keep(replace(draft, files=files, was=was, by=by, at=at.isoformat(), authors=authors))

    def begin(self, draft: Draft) -> Draft:
        """A draft of a playbook that is not there yet. Raises Refused where it is, or is being drafted."""
        with self.locked():
            if self.of(draft.playbook).files or self.live(f"playbooks/{draft.playbook}.yaml") is not None:
                raise Refused(f"There is a playbook {draft.playbook} already.")
            return self._keep(draft)

    def rebase(self, playbook: str, file: str, seen: str) -> None:
        """Whoever drafted has seen what is in the folder now, and wants the draft in its place. ``seen`` is the ``digest`` of
        what they saw. Raises Refused when that has changed, too."""
        with self.locked():
            draft = self.of(playbook)
            if digest(self.live(file)) != seen:
                raise Refused(f"{file} has been changed in the folder once more. Look again.")
            if file in draft.files:
                self._keep(replace(draft, was={**draft.was, file: digest(self.live(file))}))

    def drop(self, playbook: str, file: str = "") -> None:
        """Forget the draft, or what it changes in one file."""
        with self.locked():
            draft = self.of(playbook)
            self.forget(draft, [file] if file else list(draft.files))

    def forget(self, draft: Draft, files: Collection[str]) -> None:
        """What the draft changes in these files. For whoever holds the lock."""
        left = {name: text for name, text in draft.files.items() if name not in files}
        self._keep(replace(draft, files=left, was={name: draft.was[name] for name in left}))

    def overtaken(self, draft: Draft) -> list[str]:
        """Files that somebody has changed in the folder since they were first changed in the draft."""
        return sorted(file for file in draft.files if digest(self.live(file)) != draft.was[file])

    def laid_over(self, draft: Draft) -> dict[str, bytes]:
        """All rules as they would be with this draft, for ``loader.assemble``."""
        drafted = {file: text.encode() for file, text in draft.files.items() if not is_story(file)}
        return snapshot(self.root) | drafted

    def lay_out(self, draft: Draft, into: Path) -> Path:
        """A whole folder of rules with this draft in it, for commands."""
        for folder in FOLDERS:
            shutil.copytree(self.root / folder, into / folder, ignore=shutil.ignore_patterns(".*"))
        for file, text in draft.files.items():
            (into / file).parent.mkdir(parents=True, exist_ok=True)
            (into / file).write_text(text, encoding="utf-8")
        return into

    def _keep(self, draft: Draft) -> Draft:
        file = self._file(draft.playbook)
        if not draft.files:
            file.unlink(missing_ok=True)
        else:
            written = file.with_suffix(".new")
            written.write_bytes(orjson.dumps(asdict(draft), option=orjson.OPT_INDENT_2))
            written.replace(file)
        return draft

    def _file(self, playbook: str) -> Path:
        if not is_name(playbook):
            raise Refused(f"{playbook!r} cannot be the name of a playbook: small letters, digits and dashes.")
        return self._folder / f"{playbook}.json"

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Nobody else writes to drafts, or saves one, meanwhile. Not to be taken twice by one thread."""
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with (self._folder / "lock").open("w") as held:
            fcntl.flock(held, fcntl.LOCK_EX)
            yield


def is_name(text: str) -> bool:
    return len(text) <= LONGEST_NAME and NAME.fullmatch(text) is not None and f"{text}.yaml" not in SHARED


def is_story(file: str) -> bool:
    return file.startswith("playbooks/stories/")


def safe(file: str) -> str:
    """The file, where it is one that a draft may change: a playbook, its stories, a text. Raises Refused."""
    folder, _, name = file.rpartition("/")
    if (
        folder in ("playbooks", "playbooks/stories")
        and name.endswith(".yaml")
        and is_name(name[: -len(".yaml")])
    ):
        return file
    if _TEXT.fullmatch(file) and ".." not in file:
        return file
    raise Refused(f"{file} is not a file that can be changed here: playbooks, their stories and texts are.")


def own(playbook: str, file: str) -> str:
    """The file, where a draft of this playbook may change it: its own, its stories, texts. Raises Refused."""
    mine = (f"playbooks/{playbook}.yaml", f"playbooks/stories/{playbook}.yaml")
    if safe(file).startswith("playbooks/") and file not in mine:
        raise Refused(f"{file} is another playbook's: it cannot be changed in the draft of {playbook}.")
    return file


def digest(text: str | None) -> str:
    """Short and stable; empty for a file that is not there."""
    return "" if text is None else hashlib.sha256(text.encode()).hexdigest()[:16]


def _read(path: Path) -> str | None:
    try:
        return path.read_bytes().decode("utf-8", errors="replace").replace("\r\n", "\n")
    except (FileNotFoundError, IsADirectoryError):
        return None

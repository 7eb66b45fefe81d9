"""Saving a draft: its files go into the folder of playbooks, all or none, and into its git repository where it has one.

Git stays the truth: what is saved here and what somebody pushes are commits beside each other.
"""

from __future__ import annotations

import os
import re
import subprocess
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple, Protocol

from outreach.domain.errors import Fault, Invalid, Refused
from outreach.library.drafts import Draft, Drafts, digest, own
from outreach.library.loader import assemble
from outreach.service import saves
from outreach.service.ports import Outside
from outreach.service.ports_publishing import Save
from outreach.service.saves import Texts

_SECONDS = 30
"""That git may take, hooks included."""


class Author(NamedTuple):
    name: str
    email: str

    def __str__(self) -> str:
        name, email = (re.sub(r"[<>\s]+", " ", part).strip() for part in self)
        return f"{name or 'somebody'} <{email}>"


class Saved(NamedTuple):
    before: Texts
    after: Texts
    commit: str
    """Empty where the folder is in no git repository."""


class Book(Protocol):
    """What is written down of one save."""

    def begin(self, before: Texts, after: Texts) -> None: ...
    def done(self, commit: str) -> None: ...
    def undone(self) -> None: ...


class _NoBook:
    def begin(self, before: Texts, after: Texts) -> None: ...
    def done(self, commit: str) -> None: ...
    def undone(self) -> None: ...


def save(drafts: Drafts, draft: Draft, reason: str, author: Author, book: Book | None = None) -> Saved:
    """``book``: where it is written down, before and after. Raises Refused where nothing is to be saved, no reason is given, the folder has moved on, or git refuses; Invalid
    where the playbook or its texts have errors. Nothing is changed then."""
    if not draft.files:
        raise Refused("There is nothing to save: the draft is as the folder is.")
    with drafts.locked():
        if drafts.of(draft.playbook) != draft:
            raise Refused("Somebody has gone on with the draft meanwhile. Look at it, and save again.")
        saved = _into_the_folder(drafts, draft, reason, author, book or _NoBook())
        drafts.forget(draft, list(draft.files))
    return saved


def take_back(
    drafts: Drafts,
    playbook: str,
    before: Texts,
    after: Texts,
    reason: str,
    author: Author,
    book: Book | None = None,
) -> Saved:
    """What was saved becomes what it was before; texts that were new then stay. Raises as ``save`` does, and Refused where
    the playbook itself was new."""
    if before.get(f"playbooks/{playbook}.yaml", "") is None:
        raise Refused(f"{playbook} was new then, so there is nothing to go back to: disable it.")
    files = {file: text for file, text in before.items() if text is not None}
    was = {file: digest(after[file]) for file in files}
    with drafts.locked():
        return _into_the_folder(drafts, Draft(playbook, files, was), reason, author, book or _NoBook())


def _into_the_folder(drafts: Drafts, draft: Draft, reason: str, author: Author, book: Book) -> Saved:
    message = f"{draft.playbook}: {one_line(reason)}"
    for file in draft.files:
        own(draft.playbook, file)
    if moved := drafts.overtaken(draft):
        raise Refused(f"Somebody has changed {', '.join(moved)} since. Look at it first.")
    if errors := errors_of(drafts, draft):
        raise Invalid(errors)
    before = {file: drafts.live(file) for file in draft.files}
    book.begin(before, draft.files)
    try:
        _put(drafts.root, draft.files)
        commit = _commit(drafts.root, sorted(draft.files), message, author)
    except BaseException as fault:
        _put_what_can_be(drafts.root, before)
        if before == {file: drafts.live(file) for file in before}:
            book.undone()
        if isinstance(fault, OSError):
            raise Refused(f"The folder cannot be written to: {fault.strerror}.") from None
        raise
    book.done(commit)
    return Saved(before, draft.files, commit)


def mend(drafts: Drafts, outside: Outside) -> list[str]:
    """What became of saves that broke off: all of it is in the folder, which is written down; or nothing is, once what got
    there has been taken back. Gives a sentence for each. Raises Refused where git refuses."""
    with drafts.locked():  # nobody is saving now
        return [_mend(drafts, each, saves.Book.reopened(outside, each)) for each in saves.broken_off(outside)]


def _mend(drafts: Drafts, one: Save, book: Book) -> str:
    files = sorted(one.after)
    live = {file: drafts.live(file) for file in files}
    what = f"{one.playbook}: what {one.by} saved ({one.reason})"
    if live != dict(one.after) and all(live[file] in (one.before[file], one.after[file]) for file in files):
        _take_out(drafts, one, book)
        return f"{what} had broken off, and nothing of it is in the folder."
    if live != dict(one.after):
        book.done("")
        return f"{what} had broken off, and its files have been changed since: look at them."
    try:
        commit = _commit_of(drafts.root, files, one)
    except Refused as refused:
        # As where it had not broken off: nothing of it is left, and no other save waits for it.
        _take_out(drafts, one, book)
        return f"{what} had broken off, and is taken back: {refused}"
    book.done(commit)
    draft = drafts.of(one.playbook)
    drafts.forget(draft, [file for file, text in draft.files.items() if text == live.get(file)])
    return f"{what} is in the folder."


def _take_out(drafts: Drafts, one: Save, book: Book) -> None:
    _put(drafts.root, one.before)
    if in_git(drafts.root):
        _git(drafts.root, "reset", "--quiet", "--", *sorted(one.before))
    book.undone()


def _commit_of(root: Path, files: list[str], one: Save) -> str:
    """Of a save that is in the folder; made now, where it broke off before."""
    if not in_git(root):
        return ""
    if _git(root, "status", "--porcelain", "--", *files).strip():
        author = Author(one.by, "outreach@localhost")
        return _commit(root, files, f"{one.playbook}: {one_line(one.reason)}", author)
    return _git(root, "log", "-1", "--format=%h", "--", *files).strip()


def one_line(reason: str) -> str:
    """A reason as it stands in a commit. Raises Refused where there is none, or what is no text."""
    line = " ".join(reason.split())
    if not line:
        raise Refused("Say why.")
    if not line.isprintable():
        raise Refused("The reason has characters in it that cannot be read.")
    return line


def _put_what_can_be(root: Path, files: Texts) -> None:
    """After something has failed: each file for itself, those that were never touched included."""
    for file, text in files.items():
        with suppress(OSError):
            _put(root, {file: text})


def errors_of(drafts: Drafts, draft: Draft) -> list[Fault]:
    """What is wrong in the files that this draft changes, and in its playbook."""
    try:
        faults = assemble(drafts.laid_over(draft)).faults
    except Invalid as invalid:
        return list(invalid.faults)
    own = {*draft.files, f"playbooks/{draft.playbook}.yaml"}
    return [fault for fault in faults if not fault.warning and fault.file in own]


def _put(root: Path, files: Texts) -> None:
    """Each at once: a reader sees the old text or the new one. None takes the file away."""
    for file, text in files.items():
        path = root / file
        if text is None:
            path.unlink(missing_ok=True)
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        written = path.with_name(f".{path.name}.new")
        written.write_text(text, encoding="utf-8")
        written.replace(path)


# -- git -----------------------------------------------------------------------------------------------


def in_git(root: Path) -> bool:
    try:
        return _git(root, "rev-parse", "--is-inside-work-tree").strip() == "true"
    except Refused:
        return False


def _commit(root: Path, files: list[str], message: str, author: Author) -> str:
    """Those files and nothing else that may lie about; the commit's short name."""
    if not in_git(root):
        return ""
    before = _head(root)
    try:
        _git(root, "add", "--", *files)
        _git(root, "commit", "--quiet", f"--author={author}", "-m", message, "--", *files)
    except Refused:
        if not _is_committed(root, files, before):
            _git(root, "reset", "--quiet", "--", *files)
            raise
    return _head(root)


def _is_committed(root: Path, files: list[str], before: str) -> bool:
    """A hook that comes after the commit may take too long: the commit stands all the same."""
    return _head(root) != before and not _git(root, "status", "--porcelain", "--", *files).strip()


def _head(root: Path) -> str:
    """Empty where nothing is committed yet, or git does not say."""
    with suppress(Refused):
        return _git(root, "rev-parse", "--short", "HEAD").strip()
    return ""


def _git(root: Path, *words: str) -> str:
    """Raises Refused with git's own words. Who commits is Outreach, unless the machine says otherwise."""
    who = {
        "GIT_COMMITTER_NAME": "Outreach", "GIT_COMMITTER_EMAIL": "outreach@localhost", "GIT_TERMINAL_PROMPT": "0",
    }  # fmt: skip
    try:
        done = subprocess.run(
            ["git", "-C", str(root), *words],
            capture_output=True,
            check=True,
            timeout=_SECONDS,
            env=who | os.environ,
        )
    except FileNotFoundError:
        raise Refused("git is not installed.") from None
    except subprocess.TimeoutExpired:
        raise Refused(f"git did not answer within {_SECONDS} seconds.") from None
    except subprocess.CalledProcessError as fault:
        said = (fault.stderr or fault.stdout or b"").decode(errors="replace").strip()
        raise Refused(f"git refused: {said or 'without a word'}") from None
    return done.stdout.decode(errors="replace")

"""All of playbooks/ and templates/ as one frozen Ruleset, swapped whole when their content changes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from threading import Lock

from outreach.domain.company import Company
from outreach.domain.errors import Fault, Invalid
from outreach.domain.evaluate import Ruleset, make_ruleset
from outreach.domain.lawpack import LawPack
from outreach.domain.playbook import Playbook
from outreach.domain.vocabulary import Vocabulary
from outreach.library.company import read_company
from outreach.library.defaults import check_defaults
from outreach.library.law import read_law
from outreach.library.playbooks import Context, build
from outreach.library.playbooks import restore as restore
from outreach.library.together import in_each_others_way
from outreach.library.tree import Table
from outreach.library.vocabulary import read_vocabulary
from outreach.library.yaml_reader import MAX_BYTES, read_table

SHARED = ("vocabulary.yaml", "company.yaml", "defaults.yaml")
"""The files in playbooks/ that are no playbooks."""

MOST_RESTORED = 500
"""Stored versions kept compiled."""

Stamp = tuple[str, int, int, int, int]

Files = Mapping[str, bytes]
"""Path below the root, with slashes → content."""


def load(root: Path) -> Ruleset:
    """The rules below the root. A faulty playbook is left out and its faults are in ``Ruleset.faults``.

    Raises Invalid where nothing can be used: a faulty vocabulary, company, defaults or law file.
    """
    return assemble(snapshot(root))


class Library:
    """The rules below a root, always the last good ones. Safe for several threads."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._lock = Lock()
        self._stamp: tuple[Stamp, ...] = ()
        self._rules: Ruleset | None = None
        self._trees = Trees()
        self._restored: dict[tuple[str, str], Playbook] = {}
        self.faults: tuple[Fault, ...] = ()
        """What is wrong with the files as they are now, warnings included."""

    def current(self) -> Ruleset:
        """The rules now; the same object as before while no file's content has changed.

        A faulty playbook keeps its last good version, a faulty shared file the whole old set. Raises
        Invalid only when there are no old rules.
        """
        stamp = _stamp(self._root)
        if self._rules is not None and stamp == self._stamp:
            return self._rules
        with self._lock:
            return self._look_again(stamp)

    def restore(self, text: str) -> Playbook:
        """A stored version: JSON of its ``source`` and ``templates``. Raises Invalid like ``restore``."""
        rules = self.current()
        found = self._restored.get((rules.digest, text))
        if found is None:
            kept = json.loads(text)
            found = restore(kept["source"], kept["templates"], rules.vocabulary)
            if len(self._restored) >= MOST_RESTORED:
                self._restored = {}
            self._restored[rules.digest, text] = found
        return found

    def _look_again(self, stamp: tuple[Stamp, ...]) -> Ruleset:
        files = snapshot(self._root)
        if self._rules is not None:
            if _stamp(self._root) != stamp:
                return self._rules  # somebody is writing: look again at the next call
            self._stamp = stamp
            if self._rules.digest == digest_of(files) and self.faults == self._rules.faults:
                return self._rules
        self._rules = self._swap(files)
        self._stamp = stamp
        return self._rules

    def _swap(self, files: Files) -> Ruleset:
        try:
            rules = assemble(files, self._rules, self._trees)
        except Invalid as invalid:
            if self._rules is None:
                raise
            self.faults = invalid.faults
            return self._rules
        self.faults = rules.faults
        return rules


@dataclass(slots=True)
class Trees:
    """Parsed files by content, so that only what has changed is parsed again."""

    kept: dict[tuple[str, bytes], Table | Invalid] = field(default_factory=dict)

    def read(self, file: str, raw: bytes, faults: list[Fault]) -> Table | None:
        key = (file, hashlib.sha256(raw).digest())
        if key not in self.kept:
            self.kept = {old: tree for old, tree in self.kept.items() if old[0] != file}
            self.kept[key] = _parse(file, raw)
        found = self.kept[key]
        if isinstance(found, Invalid):
            faults += found.faults
            return None
        return found


def _parse(file: str, raw: bytes) -> Table | Invalid:
    try:
        return read_table(file, raw)
    except Invalid as invalid:
        return invalid


def assemble(files: Files, last_good: Ruleset | None = None, trees: Trees | None = None) -> Ruleset:
    """The rules in these files. Playbooks that are faulty come from ``last_good``, if they are there.

    Raises Invalid with the faults of all files when a shared file is faulty.
    """
    found = _Assembly(files, trees or Trees())
    vocabulary, company, packs = found.shared()
    playbooks = found.playbooks(vocabulary) if vocabulary.types else found.unread_playbooks()
    if company is None or any(not fault.warning for fault in found.shared_faults):
        raise Invalid(_sorted([*found.shared_faults, *found.faults]))
    kept = _kept(found, playbooks, last_good)
    faults = _sorted([*found.shared_faults, *found.faults, *found.unused(playbooks)])
    return make_ruleset(vocabulary, [*playbooks, *kept], company, packs, faults, digest_of(files))


class _Assembly:
    def __init__(self, files: Files, trees: Trees) -> None:
        self.files = files
        self.trees = trees
        self.shared_faults: list[Fault] = []
        self.faults: list[Fault] = []
        self.defaults: Table | None = None
        self.templates = self._templates()

    def shared(self) -> tuple[Vocabulary, Company | None, tuple[LawPack, ...]]:
        vocabulary, company = Vocabulary(), None
        if tree := self._table("vocabulary.yaml"):
            read, faults = read_vocabulary(tree)
            self.shared_faults += faults
            vocabulary = vocabulary if faults else read
        if tree := self._table("company.yaml"):
            company, faults = read_company(tree)
            self.shared_faults += faults
        self.defaults = self._table("defaults.yaml", required=False)
        if self.defaults:
            self.shared_faults += check_defaults(self.defaults)
        return vocabulary, company, self._law()

    def _table(self, name: str, *, required: bool = True) -> Table | None:
        file = f"playbooks/{name}"
        if file not in self.files:
            if required:
                self.shared_faults.append(
                    Fault(file, 0, 0, "this file is missing", "every set of playbooks needs one")
                )
            return None
        return self.trees.read(file, self.files[file], self.shared_faults)

    def _law(self) -> tuple[LawPack, ...]:
        trees = [
            self.trees.read(file, self.files[file], self.shared_faults)
            for file in self._yaml("playbooks/law")
        ]
        packs, faults = read_law([tree for tree in trees if tree is not None])
        self.shared_faults += faults
        return packs

    def playbook_files(self) -> dict[str, str]:
        """Playbook name by file name → file."""
        files = self._yaml("playbooks")
        return {PurePosixPath(file).stem: file for file in files if PurePosixPath(file).name not in SHARED}

    def _yaml(self, folder: str) -> list[str]:
        return sorted(
            file
            for file in self.files
            if file.endswith(".yaml") and str(PurePosixPath(file).parent) == folder
        )

    def playbooks(self, vocabulary: Vocabulary) -> list[Playbook]:
        named = self.playbook_files()
        context = Context(vocabulary, self.templates, self.defaults, frozenset(named), self.faults)
        built = []
        for name, file in named.items():
            tree = self.trees.read(file, self.files[file], self.faults)
            if tree and (playbook := build(tree, name, context)):
                built.append((tree, playbook))
        self.faults += in_each_others_way(built, vocabulary)
        return [playbook for _, playbook in built]

    def unread_playbooks(self) -> list[Playbook]:
        """None. Without a vocabulary only faults of YAML are told: all others could come from that."""
        for file in self.playbook_files().values():
            self.trees.read(file, self.files[file], self.faults)
        return []

    def _templates(self) -> dict[str, str]:
        texts = {}
        for file, raw in self.files.items():
            if file.startswith("templates/"):
                try:
                    texts[file.removeprefix("templates/")] = raw.decode("utf-8").replace("\r\n", "\n")
                except UnicodeDecodeError:
                    self.faults.append(Fault(file, 0, 0, "this is not UTF-8", "save the file as UTF-8"))
        return texts

    def unused(self, playbooks: Iterable[Playbook]) -> list[Fault]:
        """Files that nothing reads. Of templates it is told only while every playbook is good."""
        odd = [
            file
            for file in sorted(self.files)
            if not file.startswith("templates/") and not file.endswith(".yaml")
        ]
        misnamed = [Fault(file, 0, 0, "this file is not read", "name it .yaml", True) for file in odd]
        return misnamed + ([] if any(not fault.warning for fault in self.faults) else self._unused(playbooks))

    def _unused(self, playbooks: Iterable[Playbook]) -> list[Fault]:
        used = {file for playbook in playbooks for file in playbook.templates}
        return [
            Fault(f"templates/{file}", 0, 0, "no playbook uses this file", "delete it", True)
            for file in sorted(self.templates.keys() - used)
        ]


def _kept(found: _Assembly, good: Iterable[Playbook], last_good: Ruleset | None) -> list[Playbook]:
    """The last good version of each playbook whose file is there and faulty."""
    broken = set(found.playbook_files()) - {playbook.name for playbook in good}
    old = last_good.playbooks if last_good else {}
    return [old[name] for name in sorted(broken) if name in old]


def snapshot(root: Path) -> dict[str, bytes]:
    """Every file that rules can be in, read at one go. Files too large are cut; the reader says so."""
    files = {}
    for file in _paths(root):
        try:
            with file.open("rb") as stream:
                files[file.relative_to(root).as_posix()] = stream.read(MAX_BYTES + 1)
        except FileNotFoundError:
            continue  # deleted since it was listed
    return files


def _paths(root: Path) -> list[Path]:
    playbooks = root / "playbooks"
    found = [file for folder in (playbooks, playbooks / "law") for file in folder.glob("*.y*ml")]
    found += (root / "templates").rglob("*")
    return sorted(file for file in found if file.is_file() and not _hidden(file.relative_to(root)))


def _hidden(path: Path) -> bool:
    return any(part.startswith((".", "~")) or part.endswith("~") for part in path.parts)


def _stamp(root: Path) -> tuple[Stamp, ...]:
    """Cheap to take, and different whenever a file was written."""
    stamps = []
    for file in _paths(root):
        try:
            state = file.stat()
        except FileNotFoundError:
            continue
        stamps.append((str(file), state.st_ino, state.st_mtime_ns, state.st_ctime_ns, state.st_size))
    return tuple(stamps)


def digest_of(files: Files) -> str:
    whole = hashlib.sha256()
    for name, raw in sorted(files.items()):
        whole.update(f"{name}\0{len(raw)}\0".encode() + raw)
    return whole.hexdigest()


def _sorted(faults: Iterable[Fault]) -> list[Fault]:
    return sorted(
        set(faults), key=lambda fault: (fault.warning, fault.file, fault.line, fault.column, fault.what)
    )

"""Reads stories strictly: every fault with its file, line and column, all of them at once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from outreach.domain.errors import Invalid
from outreach.domain.evaluate import Ruleset
from outreach.lab.story_deeds import ACTS
from outreach.lab.story_time import When
from outreach.lab.story_words import EXPECTATIONS, GIVEN, NOTHING, Moment
from outreach.library.kinds import Reading, did_you_mean, text_of
from outreach.library.tree import Listing, Node, Scalar, Table, plain
from outreach.library.yaml_reader import read_table


@dataclass(frozen=True, slots=True)
class Said:
    """One thing that a story does or expects, and where it says so. ``values`` has every known key,
    None where the story is silent; ``written`` is what stands there."""

    kind: str
    values: Mapping[str, Any]
    written: Any
    file: str
    line: int
    column: int
    node: Node | None = field(default=None, compare=False, repr=False)

    def at(self, key: str) -> tuple[int, int]:
        """Line and column of what stands behind the key, else of the whole."""
        told = self.node.get(key) if isinstance(self.node, Table) else None
        return (told.line, told.column) if told else (self.line, self.column)

    @property
    def place(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


@dataclass(frozen=True, slots=True)
class Entry:
    """One moment of a story: what is done then, and what must be so after it."""

    at: When
    line: int
    acts: tuple[Said, ...]
    expects: tuple[Said, ...]


@dataclass(frozen=True, slots=True)
class Story:
    title: str
    file: str
    line: int
    accounts: tuple[Mapping[str, Any], ...]
    people: tuple[Mapping[str, Any], ...]
    script: tuple[Entry, ...]

    @property
    def place(self) -> str:
        return f"{self.file}:{self.line}"

    @property
    def expectations(self) -> Iterator[Said]:
        return (said for entry in self.script for said in entry.expects)


def read_stories(file: str, raw: bytes | str, rules: Ruleset) -> list[Story]:
    """The stories of one file: ``stories:`` with a list, or a single one that begins with ``story:``.
    Raises Invalid with every fault of the file."""
    table = read_table(file, raw)
    reader = _Reader(rules)
    stories = [story for node in reader.told(table) if (story := reader.story(node)) is not None]
    if reader.reading.faults:
        raise Invalid(reader.reading.faults)
    return stories


@dataclass(slots=True)
class _Reader:
    rules: Ruleset
    reading: Reading = field(init=False)

    def __post_init__(self) -> None:
        self.reading = Reading(types=self.rules.vocabulary.types)

    def told(self, table: Table) -> list[Node]:
        if table.get("story") is not None:
            return [table]
        self._only(table, ("stories",))
        stories = table.get("stories")
        if isinstance(stories, Listing) and stories.items:
            return list(stories.items)
        self.reading.note(table, "there is no story here", "write `stories:` and a list under it")
        return []

    def story(self, node: Node) -> Story | None:
        if not isinstance(node, Table):
            self.reading.note(node, "a story is a mapping with story, given and script")
            return None
        self._only(node, ("story", "given", "script"))
        title = self._title(node)
        given = self._given(node.get("given"), node)
        script = self._script(node.get("script"), node)
        return Story(title, node.file, node.line, given[0], given[1], script)

    def _title(self, node: Table) -> str:
        title = node.get("story")
        found = text_of(title, self.reading, "what the story tells") if title else None
        if title is None:
            self.reading.note(node, "a story needs `story`", "say in one line what it tells")
        return found.text.strip() if found else ""

    def _given(
        self, node: Node | None, story: Table
    ) -> tuple[tuple[Mapping[str, Any], ...], tuple[Mapping[str, Any], ...]]:
        if node is None:
            self.reading.note(story, "a story needs `given`", "say which account it is about")
            return (), ()
        values = GIVEN.read(node, self.reading) or {}
        accounts = [*([values["account"]] if values.get("account") else []), *(values.get("accounts") or ())]
        if not accounts:
            self.reading.note(node, "nobody is given", "write `account: {id: a1, …}`")
        return tuple(accounts), tuple(values.get("people") or ())

    def _script(self, node: Node | None, story: Table) -> tuple[Entry, ...]:
        if not isinstance(node, Listing) or not node.items:
            self.reading.note(node or story, "a story needs `script`", "write a list of `- at: …`")
            return ()
        return tuple(entry for item in node.items if (entry := self._entry(item)) is not None)

    def _entry(self, node: Node) -> Entry | None:
        if not isinstance(node, Table):
            self.reading.note(node, "each moment is a mapping that begins with `at:`")
            return None
        acts: list[Said] = []
        expects: list[Said] = []
        for name, key, value in node:
            if name == "expect":
                expects += self._expects(value)
            elif name in ACTS:
                acts += self._done(name, value)
            elif name != "at":
                self.reading.note(key, f"unknown key `{name}`", did_you_mean(name, ("at", "expect", *ACTS)))
        at = self._at(node)
        return Entry(at, node.line, tuple(acts), tuple(expects)) if at else None

    def _at(self, node: Table) -> When | None:
        at = node.get("at")
        if at is None:
            self.reading.note(node, "a moment needs `at`", "write `at: Mon 09:00`")
            return None
        return Moment().read(at, self.reading)

    def _expects(self, node: Node) -> Iterator[Said]:
        for item in node.items if isinstance(node, Listing) else (node,):
            if isinstance(item, Table):
                yield from self._expected(item)
            elif isinstance(item, Scalar) and item.text == NOTHING:
                yield _said(NOTHING, {}, item)
            else:
                remedy = f"write `{NOTHING}` or {{call: …}}, {{draft: …}}, {{failure: …}} and the like"
                self.reading.note(item, "this expects nothing that we know", remedy)

    def _expected(self, item: Table) -> Iterator[Said]:
        name = next((name for name in EXPECTATIONS if item.get(name) is not None), None)
        if name is None:
            first = next((name for name, _, _ in item), "")
            self.reading.note(item, f"unknown expectation `{first}`", did_you_mean(first, EXPECTATIONS))
        elif (values := EXPECTATIONS[name].read(item, self.reading)) is not None:
            yield _said(name, values, item)

    def _done(self, name: str, node: Node) -> Iterator[Said]:
        """An act, or several of one kind at the same moment."""
        for item in node.items if isinstance(node, Listing) else (node,):
            if (values := ACTS[name].read(item, self.reading)) is not None:
                yield _said(name, values, item)

    def _only(self, table: Table, known: tuple[str, ...]) -> None:
        for name, key, _ in table:
            if name not in known:
                self.reading.note(key, f"unknown key `{name}`", did_you_mean(name, known))


def _said(kind: str, values: Mapping[str, Any], node: Node) -> Said:
    return Said(kind, values, plain(node), node.file, node.line, node.column, node)

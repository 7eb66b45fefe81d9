"""The documentation says what the program does: examples run, links lead somewhere, nothing is left out.

A fenced block's first line says what it is and what is done with it, in the order of the page:

    yaml playbook            a playbook; it is put into a copy of the real folder, and must be good
    yaml playbook faulty     the same, and must not be good
    yaml keys                these keys in place of the last playbook's own; ``faulty`` as above
    yaml vocabulary          added to vocabulary.yaml
    yaml prometheus          a part of Prometheus' own configuration; it must be YAML
    yaml story               a story, told to the playbooks as they are at that place of the page
    markdown template:NAME   a file in templates/
    text faults              what ``outreach check`` says at that place of the page about that playbook
    text excerpt             a fault with its line and a caret, as the terminal shows it
    text wrong               what ``outreach test`` says of the page's story of that name, once it expects what stands after ``-``
    json event               a CloudEvent that the front door takes
    console                  commands after ``$ ``, which must exist with those options; ``git rm`` is done in the copy
"""

from __future__ import annotations

import json
import re
import shlex
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from textwrap import indent
from typing import NamedTuple

import click
import pytest
from werkzeug.routing import MapAdapter

from outreach.assemble import assemble as assemble_house
from outreach.cli.main import COMMANDS, outreach
from outreach.domain.errors import Fault, Invalid
from outreach.domain.evaluate import Ruleset
from outreach.domain.plan import Stopped
from outreach.domain.touch import Disposition, Settlement, Status
from outreach.lab.stories import tell
from outreach.lab.story_reader import read_stories
from outreach.library.excerpt import Excerpts
from outreach.library.loader import Trees, assemble, load, snapshot
from outreach.library.yaml_reader import read_table
from outreach.service.front import Rejected, check
from outreach.settings import describe, load_settings
from outreach.web.app import create_app
from outreach.web.auth import ROLES, SCOPES

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
GENERATED = {"playbooks.md", "settings.md", "touch-table.md"}
PAGES = sorted([ROOT / "README.md", ROOT / "CHANGELOG.md", *DOCS.rglob("*.md")])
WRITTEN = [page for page in PAGES if page.name not in GENERATED]


def name_of(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def text_of(page: Path) -> str:
    return page.read_text(encoding="utf-8")


class Block(NamedTuple):
    page: str
    line: int
    info: tuple[str, ...]
    body: str

    @property
    def place(self) -> str:
        return f"{self.page}:{self.line}"


_FENCE = re.compile(r"^ *```([^\n]*)\n(.*?)^ *```\s*$", re.MULTILINE | re.DOTALL)


def blocks(page: Path) -> Iterator[Block]:
    text = text_of(page)
    for found in _FENCE.finditer(text):
        line = text.count("\n", 0, found.start()) + 1
        yield Block(name_of(page), line, tuple(found[1].split()), found[2])


ALL_BLOCKS = [block for page in WRITTEN for block in blocks(page)]


# --- examples ---------------------------------------------------------------------------------------


class Tutorial:
    """A copy of the real playbooks in which one page's examples are tried, one after the other."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name in ("playbooks", "templates"):
            shutil.copytree(ROOT / name, folder / name)
        self.playbook, self._told = "", list[str]()
        self._trees = Trees()  # parses again only what has changed
        self.rules: Ruleset = self._load()

    def _load(self) -> Ruleset:
        return assemble(snapshot(self.folder), None, self._trees)

    def try_(self, block: Block) -> None:
        match block.info:
            case ("yaml", "playbook", *more):
                name = re.match(r"playbook: (\S+)", block.body)
                assert name, f"{block.place}: a playbook begins with its name"
                self.playbook = name[1]
                self._put(block.body)
                self._must_be("faulty" in more, block)
            case ("yaml", "keys", *more):
                before = self._file.read_text()
                self._put(with_keys(before, block.body))
                self._must_be("faulty" in more, block)
                if "faulty" in more:
                    self._put(before)
                    self.rules = self._load()
            case ("yaml", "vocabulary"):
                with (self.folder / "playbooks/vocabulary.yaml").open("a") as file:
                    file.write("\n" + block.body)
                self._must_be(False, block)
            case ("yaml", "story"):
                self._tell(block)
            case ("yaml", "prometheus"):
                assert read_table(block.place, block.body).entries
            case ("markdown", template) if template.startswith("template:"):
                path = self.folder / "templates" / template.removeprefix("template:")
                path.parent.mkdir(exist_ok=True)
                path.write_text(block.body)
                self.rules = self._load()
            case ("console",):
                self._put_aside(block.body)
            case ("text", "excerpt"):
                self._shows(block)
            case ("text", "wrong"):
                self._tells_wrong(block)
            case ("text", "faults"):
                assert self._told == block.body.strip().splitlines(), block.place

    def _put_aside(self, typed: str) -> None:
        """What the page's reader removes is not there in the copy either."""
        for line in re.findall(r"^\$ git rm -rq (.+)$", typed, re.MULTILINE):
            for path in (self.folder / name for name in line.split()):
                shutil.rmtree(path) if path.is_dir() else path.unlink()
            self.rules = self._load()

    @property
    def _file(self) -> Path:
        return self.folder / f"playbooks/{self.playbook}.yaml"

    def _put(self, text: str) -> None:
        self._file.write_text(text)

    def faults(self) -> list[str]:
        """Of the page's own playbook and its templates; loads what is there now."""
        try:
            self.rules = self._load()
            found: tuple[Fault, ...] = self.rules.faults
        except Invalid as invalid:
            found = invalid.faults
        ours = (f"playbooks/{self.playbook}.yaml", f"templates/{self.playbook}/", "playbooks/vocabulary.yaml")
        return [str(fault) for fault in found if not fault.warning and fault.file.startswith(ours)]

    def _must_be(self, faulty: bool, block: Block) -> None:
        self._told = self.faults()
        assert bool(self._told) is faulty, f"{block.place}: {self._told or 'no fault is found'}"

    def _tell(self, block: Block) -> None:
        stories = read_stories(block.page, block.body, self.rules)
        for told in (tell(story, self.rules) for story in stories):
            assert told.good, f"{block.place}: {told}"

    def _shows(self, block: Block) -> None:
        """The place, the number and the caret belong together as the program would put them."""
        fault, *shown = block.body.rstrip("\n").splitlines()
        place = re.match(r"(\S+?):(\d+):(\d+): ", fault)
        assert place, f"{block.place}: a fault begins with its place"
        file, line, column = place[1], int(place[2]), int(place[3])
        lines = [""] * (line - 1) + [shown[0].partition(" | ")[2]]
        folder = self.folder / "excerpt"
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        (folder / file).write_text("\n".join(lines))
        said = Excerpts(folder).show(Fault(file, line, column, ""))
        assert said.splitlines() == shown, block.place

    def _tells_wrong(self, block: Block) -> None:
        found = re.match(r"WRONG (.*?)  \((\S+):2\)\n", block.body)
        expected = re.search(r"^ +- (\{.*\})$", block.body, re.MULTILINE)
        assert found and expected, f"{block.place}: this is not what a wrong story looks like"
        (story,) = (
            one.body for one in blocks(ROOT / block.page) if one.body.startswith(f"story: {found[1]}\n")
        )
        changed = re.sub(r"expect: .*", lambda _: f"expect: {expected[1]}", story, count=1)
        file = "stories:\n  - " + indent(changed, "    ").lstrip()
        (told,) = (tell(one, self.rules) for one in read_stories(found[2], file, self.rules))
        assert str(told).splitlines() == block.body.rstrip("\n").splitlines(), f"{block.place}: {told}"


def with_keys(playbook: str, keys: str) -> str:
    """The playbook with these top-level keys in place of its own, before its steps where they are new."""
    parts = re.split(r"^(?=\S)", playbook, flags=re.MULTILINE)
    for key in re.split(r"^(?=\S)", keys, flags=re.MULTILINE)[1:]:
        name = key.partition(":")[0]
        at = [i for i, part in enumerate(parts) if part.startswith(f"{name}:")]
        new = [i for i, part in enumerate(parts) if part.startswith("steps:")]
        parts[(at or new)[0] : at[0] + 1 if at else new[0]] = [key]
    return "".join(parts)


TUTORIALS = sorted({block.page for block in ALL_BLOCKS if block.info[:1] in (("yaml",), ("markdown",))})


@pytest.mark.parametrize("name", TUTORIALS)
def test_examples_do_what_the_page_says(name: str, tmp_path: Path) -> None:
    tutorial = Tutorial(tmp_path)
    for block in blocks(ROOT / name):
        tutorial.try_(block)


def test_every_example_in_yaml_says_what_it_is() -> None:
    known = ("playbook", "keys", "vocabulary", "story", "prometheus")
    loose = [
        b.place for b in ALL_BLOCKS if b.info[:1] == ("yaml",) and b.info[1:2] not in [(k,) for k in known]
    ]
    assert not loose, f"say what the example is, so that it is tried: {loose}"


@pytest.mark.parametrize(
    "block", [b for b in ALL_BLOCKS if b.info[:2] == ("json", "event")], ids=lambda block: block.place
)
def test_events_in_the_docs_are_taken(block: Block) -> None:
    told = json.loads(block.body)
    vocabulary = load(ROOT).vocabulary
    for raw in told if isinstance(told, list) else [told]:
        checked = check(raw, vocabulary, datetime(2026, 3, 2, tzinfo=UTC))
        assert not isinstance(checked, Rejected), f"{block.place}: {checked.reasons}"


# --- commands ---------------------------------------------------------------------------------------

OTHERS = {"cat", "cp", "createdb", "curl", "export", "git", "kill", "ls", "make", "mv", "pg_dump", "pg_restore",
          "python", "rm", "sqlite3", "systemctl", "while"}  # fmt: skip


class Typed(NamedTuple):
    place: str
    line: str


def typed() -> Iterator[Typed]:
    for block in ALL_BLOCKS:
        body = block.body.replace("\\\n", " ")
        if block.info[:1] == ("console",):
            yield from (Typed(block.place, one.strip()) for one in re.split(r"^\s*\$ ", body, flags=re.M)[1:])
        elif block.info[:1] == ("sh",):
            yield from (Typed(block.place, line) for line in body.splitlines() if line.strip())


@pytest.mark.parametrize("command", sorted(set(typed())), ids=lambda c: f"{c.place} {c.line[:50]}")
def test_commands_in_the_docs_exist(command: Typed) -> None:
    words = shlex.split(re.split(r"\s[|>]\s", command.line)[0], comments=True)
    while words and re.fullmatch(r"[A-Z_]+=.*", words[0]):
        words = words[1:]
    if not words:
        return
    if words[0] == "make":
        targets = re.findall(r"^([a-z-]+):", text_of(ROOT / "Makefile"), re.MULTILINE)
        assert set(words[1:2]) <= set(targets), f"{command.place}: no target {words[1]}"
    elif words[0] == "outreach":
        known_options(words[1:], command.place)
    else:
        assert words[0] in OTHERS, f"{command.place}: {words[0]}?"


def known_options(words: list[str], place: str) -> None:
    found: click.Command = outreach
    for word in words:
        if isinstance(found, click.Group) and not word.startswith("-"):
            inner = found.get_command(click.Context(found), word)
            assert inner is not None, f"{place}: there is no `outreach {' '.join(words)}`"
            found = inner
        elif word.startswith("-"):
            options = {one for param in found.params for one in (*param.opts, *param.secondary_opts)}
            assert word.partition("=")[0] in options | {"--help", "--version"}, (
                f"{place}: {found.name} has no {word}"
            )


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_is_documented(command: str) -> None:
    assert any(f"outreach {command}" in text_of(page) for page in WRITTEN), (
        f"no page names `outreach {command}`"
    )


# --- links ------------------------------------------------------------------------------------------

_LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")


def links() -> Iterator[tuple[str, str]]:
    for page in PAGES:
        bare = re.sub(r"`[^`\n]*`", "", _FENCE.sub("", text_of(page)))
        yield from ((name_of(page), target) for target in _LINK.findall(bare))


@pytest.mark.parametrize(("name", "target"), sorted(set(links())))
def test_links_lead_somewhere(name: str, target: str) -> None:
    if target.startswith(("http://", "https://", "mailto:")):
        return
    path, _, anchor = target.partition("#")
    found = (ROOT / name).parent / path if path else ROOT / name
    assert found.exists(), f"{name}: {target} leads nowhere"
    if anchor and found.suffix == ".md":
        assert anchor in anchors(found), f"{name}: {path or 'the page'} has no heading #{anchor}"


def anchors(page: Path) -> set[str]:
    heads = re.findall(r"^#+ (.+)$", _FENCE.sub("", text_of(page)), re.MULTILINE)
    return {
        re.sub(r"[^\w\- ]", "", head.replace("`", "")).strip().lower().replace(" ", "-") for head in heads
    }


# --- nothing is left out ----------------------------------------------------------------------------


def test_every_page_can_be_found_from_the_readme() -> None:
    seen, waiting = set(), [ROOT / "README.md"]
    while waiting:
        page = waiting.pop()
        if page in seen or page.suffix != ".md" or not page.is_file():
            continue
        seen.add(page)
        targets = (target for name, target in links() if name == name_of(page))
        waiting += [
            (page.parent / target.partition("#")[0]).resolve() for target in targets if "://" not in target
        ]
    lost = [name_of(page) for page in PAGES if page not in seen]
    assert not lost, f"no page leads to {lost}"


@pytest.mark.parametrize("row", describe(), ids=lambda row: row.variable)
def test_every_setting_is_documented(row: object) -> None:
    assert f"`{getattr(row, 'variable', '')}`" in text_of(DOCS / "settings.md")


def test_settings_in_the_docs_exist() -> None:
    known = {row.variable for row in describe()} | {
        "OUTREACH_TEST_PROFILE", "OUTREACH_NEW_PASSWORD", "OUTREACH_BENCH_POSTGRES",
    }  # fmt: skip
    named = {(name_of(p), v) for p in WRITTEN for v in re.findall(r"OUTREACH_[A-Z0-9_]*[A-Z]", text_of(p))}
    assert not {(page, variable) for page, variable in named if variable not in known}


_CODES = (
    (r'\b(?:drop|wait)\("(\w+)"', ("domain", "service")),
    (r'_wait_or_drop\(case, "(\w+)"', ("domain",)),
    (r'(?:DAY|WEEK), "(\w+)"\)', ("domain",)),
    (r'because="(\w+)"', ("domain", "service")),
    (r'\bend(?:_run)?\(.*"(\w+)"', ("domain", "service")),
    (r'ended\.append\(\(run, "(\w+)"\)\)', ("domain",)),
    (r'MaySend\("\w+", "(\w+)"', ("service",)),
    (r'fail\(ledger, touch, "(\w+)"', ("service",)),
    (r'stop_written\(.*, "(\w+)"\)', ("service",)),
    (r'return "(future|unknown_account)"', ("service",)),
)


def codes_in_the_code() -> set[str]:
    """Every reason a person may come across: of starts, rulings, touches, runs, parking, answers."""
    words = {str(word) for kind in (Stopped, Status, Settlement, Disposition) for word in kind}
    for pattern, folders in _CODES:
        for folder in folders:
            for path in (ROOT / "outreach" / folder).rglob("*.py"):
                words |= set(re.findall(pattern, text_of(path)))
    return words


def test_reasons_are_found_in_the_code() -> None:
    assert {"once_per", "opted_out", "hours", "cap_calls_day", "withdrawn", "no_longer_true", "future"} <= (
        codes_in_the_code()
    )


@pytest.mark.parametrize("code", sorted(codes_in_the_code()))
def test_every_reason_is_documented(code: str) -> None:
    assert f"`{code}`" in text_of(DOCS / "reasons.md"), "say in docs/reasons.md what it means"


@pytest.mark.parametrize("name", sorted(load(ROOT).playbooks))
def test_every_playbook_is_in_the_starter_set(name: str) -> None:
    assert f"| `{name}` |" in text_of(DOCS / "starter-set.md"), "say when it speaks, and what it gives way to"


def test_decisions_are_numbered_and_listed() -> None:
    numbers = [path.name[:4] for path in sorted((DOCS / "decisions").glob("[0-9]*.md"))]
    assert numbers == [f"{number:04}" for number in range(1, len(numbers) + 1)]


@pytest.mark.parametrize("scope", SCOPES)
def test_every_scope_is_documented(scope: str) -> None:
    assert f"`{scope}`" in text_of(DOCS / "connecting.md")


@pytest.mark.parametrize("role", ROLES)
def test_every_role_is_documented(role: str) -> None:
    assert f"| `{role}` |" in text_of(DOCS / "operating.md")


def test_figures_in_the_docs_exist() -> None:
    named_in = set(re.findall(r'"(outreach_\w+)"', text_of(ROOT / "outreach/web/figures.py")))
    known = named_in | {f"{name}_total" for name in named_in}
    named = set(
        re.findall(r"`(outreach_\w+)", text_of(DOCS / "operating.md") + text_of(DOCS / "architecture.md"))
    )
    assert named <= known


@pytest.fixture(scope="module")
def routes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MapAdapter]:
    """The addresses of the real house."""
    settings = load_settings({"OUTREACH_DATA_DIR": str(tmp_path_factory.mktemp("house"))}, ROOT / "docs")
    house = assemble_house(settings)
    yield create_app(house).url_map.bind("127.0.0.1:8000")
    house.close()


def test_addresses_in_the_docs_exist(routes: MapAdapter) -> None:
    found = {
        address for page in WRITTEN for address in re.findall(r"127\.0\.0\.1:8000(/[\w/.-]*)", text_of(page))
    }
    found |= {
        address for page in WRITTEN for address in re.findall(r"`(/(?:v1|ops|desk)[\w/.-]*)`", text_of(page))
    }
    lost = [
        one
        for one in found - {"/v1"}
        if not any(routes.test(one, method) for method in ("GET", "POST", "PUT"))
    ]
    assert not lost


def test_every_address_for_systems_is_documented(routes: MapAdapter) -> None:
    rules = {rule.rule.replace("<path:id>", "{id}") for rule in routes.map.iter_rules()}
    ours = {
        rule for rule in rules if rule.startswith("/v1/") and "static" not in rule and "swagger" not in rule
    }
    text = text_of(DOCS / "connecting.md")
    assert not [rule for rule in sorted(ours) if rule not in text and rule.replace("{id}", "") not in text]


def path_by_name() -> set[str]:
    """The functions and classes that docs/architecture.md names on the way of an event."""
    text = text_of(DOCS / "architecture.md")
    section = text[text.index("## The one path, by name") : text.index("## Boundaries")]
    named = re.findall(r"`([a-zA-Z_/]+(?:\.[A-Za-z_.]+)?)(?:\([^)`]*\))?`", section)
    code = {
        name for name in named if "." in name or "_" in name or name in ("compose", "wake", "ring", "beat")
    }
    return code - {
        name
        for name in code
        if name.split(".")[0] in ("reorder", "delivery", "promise", "failure", "contact")
    }


@pytest.mark.parametrize("name", sorted(path_by_name() - {"still_open"}))
def test_the_path_names_what_is_there(name: str) -> None:
    module, _, rest = name.rpartition("/")[2].partition(".")
    wanted = rest.split(".")[-1] if rest else module
    files = list((ROOT / "outreach").rglob(f"{module}.py" if rest else "*.py"))
    texts = "\n".join(text_of(file) for file in files)
    assert re.search(rf"^\s*(?:def|class) {wanted}\b", texts, re.MULTILINE), f"there is no {name}"


def test_the_map_has_every_room_and_service() -> None:
    text = text_of(DOCS / "architecture.md")
    rooms = {
        path.stem for layer in ("domain", "service") for path in (ROOT / "outreach" / layer).glob("[a-z]*.py")
    }
    parts = {room for room in rooms if room.startswith(("conditions_", "message_", "ports_"))}
    assert not sorted(name for name in rooms - parts if f"`{name}`" not in text)


def test_reasons_in_the_docs_exist() -> None:
    """First columns of the tables: a code that nothing gives any more is taken out."""
    told = re.findall(r"^\| ((?:`[^|]*`[^|]*)+)\|", text_of(DOCS / "reasons.md"), re.MULTILINE)
    codes = {code for cell in told for code in re.findall(r"`(\w+)`", cell)}
    code = "".join(text_of(path) for path in (ROOT / "outreach").rglob("*.py"))
    assert not sorted(one for one in codes if f'"{one}"' not in code)

"""Playbooks' unit tests: stories told to the whole house on a virtual clock."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from textwrap import indent
from time import perf_counter

from outreach.domain.errors import Fault, Invalid, OutreachError
from outreach.domain.evaluate import Ruleset
from outreach.domain.message import RenderFault
from outreach.domain.touch import Status
from outreach.lab.scratch import scratch_house
from outreach.lab.story_acts import act
from outreach.lab.story_amiss import Wrong, each_once, wrong_of
from outreach.lab.story_expects import missing
from outreach.lab.story_reader import Entry, Said, Story, read_stories
from outreach.lab.story_stage import Complaint, Stage
from outreach.lab.story_time import first_instant
from outreach.library.yaml_reader import MAX_BYTES
from outreach.service.finding import many

FOLDER = "playbooks/stories"
BEFORE = timedelta(hours=1)
"""The given is told so long before the first moment."""
Watch = Callable[[Stage], None]
_CONTACTS = ("call", "draft", "email", "sms", "task")


@dataclass(frozen=True, slots=True)
class Told:
    """How one story went. ``wrong`` is empty when all was as told; ``seconds`` is what it took us."""

    story: Story
    wrong: tuple[Wrong, ...] = ()
    seconds: float = 0.0

    @property
    def good(self) -> bool:
        return not self.wrong

    def __str__(self) -> str:
        """One line for the story; under it what is wrong, each with what was expected and what there is."""
        line = f"{'ok   ' if self.good else 'WRONG'} {self.story.title}  ({self.story.place})"
        return "\n".join([line, *(indent(str(one), "      ") for one in self.wrong)])


def story_files(root: Path) -> list[Path]:
    return sorted((root / FOLDER).glob("*.yaml"))


def read_folder(root: Path, rules: Ruleset) -> tuple[list[Story], list[Fault]]:
    """Every story below the root, and every fault of those files that cannot be told."""
    stories: list[Story] = []
    faults: list[Fault] = []
    for path in story_files(root):
        try:
            with path.open("rb") as file:
                raw = file.read(MAX_BYTES + 1)
            stories += read_stories(path.relative_to(root).as_posix(), raw, rules)
        except Invalid as invalid:
            faults += invalid.faults
    return stories, faults


def tell_all(stories: Iterable[Story], rules: Ruleset, watch: Watch | None = None) -> Iterator[Told]:
    return (tell(story, rules, watch) for story in stories)


def tell(story: Story, rules: Ruleset, watch: Watch | None = None) -> Told:
    """Tell one story to a house of its own. A complaint about an act ends it: the rest makes no sense.
    ``watch`` looks around after each moment."""
    began = perf_counter()
    wrong = tuple(_told(story, rules, watch or _nobody))
    return Told(story, wrong, perf_counter() - began)


def _nobody(stage: Stage) -> None:
    """Nobody looks on."""


def _told(story: Story, rules: Ruleset, watch: Watch) -> Iterator[Wrong]:
    zone = _zone(story, rules)
    start = _start(story, zone)
    with scratch_house(rules, start) as house:
        stage = Stage(house, zone, [], [], start)
        try:
            _give(stage, story)
            yield from _script(stage, story, watch)
        except (Complaint, OutreachError, RenderFault) as fault:
            yield Wrong(story.place, str(fault))


def _script(stage: Stage, story: Story, watch: Watch) -> Iterator[Wrong]:
    for entry in story.script:
        wrong, over = _moment(stage, entry, story.file)
        yield from wrong
        watch(stage)
        if over:
            return


def _give(stage: Stage, story: Story) -> None:
    for account in story.accounts:
        stage.describe_account(account)
    for account in story.accounts:
        for person in account["people"] or ():
            stage.describe_person(person, account["id"])
    for person in story.people:
        stage.describe_person(person)


def _moment(stage: Stage, entry: Entry, file: str) -> tuple[list[Wrong], bool]:
    """What is wrong at this moment, and whether the story cannot go on."""
    at = stage.at(entry.at)
    if at < stage.house.now:
        return [Wrong(f"{file}:{entry.line}", f"`{entry.at.text}` is before the moment before it")], True
    stage.pass_to(at)
    for said in entry.acts:
        if (fault := _act(stage, said)) is not None:
            return [Wrong(said.place, f"at {stage.spell(at)}: {fault}")], True
        stage.settle()
    wrong = [one for said in entry.expects if (one := _missing(stage, said, stage.spell(at))) is not None]
    wrong = each_once(wrong, entry.expects, stage.desk()) if wrong else []
    stage.since = at
    stage.sent_before = frozenset(touch.id for touch in stage.touches_in(Status.SENT))
    return wrong, False


def _act(stage: Stage, said: Said) -> str | None:
    try:
        act(stage, said)
    except (Complaint, OutreachError) as fault:
        return str(fault)
    return None


def _missing(stage: Stage, said: Said, at: str) -> Wrong | None:
    try:
        found = missing(stage, said)
    except (Complaint, OutreachError, RenderFault) as fault:
        return Wrong(said.place, f"at {at}: {fault}")
    return wrong_of(said, at, found) if found else None


def _zone(story: Story, rules: Ruleset) -> str:
    named = (account["zone"] for account in story.accounts if account["zone"])
    return next(named, None) or rules.company.zone


def _start(story: Story, zone: str) -> datetime:
    return story.script[0].at.instant(first_instant(zone), zone) - BEFORE


def summary(told: Iterable[Told]) -> list[str]:
    """One line per playbook, by the files that tell of them."""
    files: dict[str, list[Told]] = {}
    for one in told:
        files.setdefault(Path(one.story.file).stem, []).append(one)
    width = max(map(len, files), default=0)
    return [f"  {name:{width}}  {_counted(found)}" for name, found in sorted(files.items())]


def _counted(told: list[Told]) -> str:
    wrong = sum(not one.good for one in told)
    return many(len(told), "story") + (f", {wrong} not as told" if wrong else "")


# -- are all playbooks told of? ----------------------------------------------------------------------


def untold(stories: Iterable[Story], rules: Ruleset) -> list[str]:
    """Playbooks without a story in their own file in which they contact somebody, or without one in
    which nothing happens, in words."""
    own: dict[str, list[Story]] = {name: [] for name in rules.playbooks}
    for story in stories:
        own.setdefault(Path(story.file).stem, []).append(story)
    return [words for name in sorted(rules.playbooks) for words in _untold(name, own[name])]


def _untold(name: str, stories: list[Story]) -> Iterator[str]:
    if not any(_contacts(story, name) for story in stories):
        yield f"{name}: no story in {FOLDER}/{name}.yaml tells whom it contacts"
    if not any(_is_silence(story, name) for story in stories):
        yield f"{name}: no story in {FOLDER}/{name}.yaml tells when it keeps silent"


def _contacts(story: Story, name: str) -> bool:
    return any(said.kind in _CONTACTS and said.values["because"] == name for said in story.expectations)


def _is_silence(story: Story, name: str) -> bool:
    silent = any(said.kind == "nothing" for said in story.expectations)
    return silent and not _contacts(story, name)

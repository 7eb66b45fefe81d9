"""Nothing is in the folder that nobody is known to have saved, wherever a save breaks off."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from outreach.domain.errors import Refused
from outreach.lab.scratch import Scratch
from outreach.library import saving
from outreach.library.drafts import Drafts
from outreach.library.saving import mend, save
from outreach.service import checkup, publishing, saves
from outreach.store.views_checkup import standing
from tests.library.test_drafts import FILE, OTTO, TEXT, drafted, git, kept, under_git
from tests.service.world import house

__all__ = ["kept"]


class Died(BaseException):
    """The process is killed at this point."""


class Killed(saves.Book):
    """Breaks off where it is told to: before what became of it is written down."""

    def done(self, commit: str) -> None:
        raise Died

    def undone(self) -> None:
        raise Died


@pytest.fixture
def home(database_url: str) -> Iterator[Scratch]:
    with house(database_url=database_url) as made:
        yield made


def book(home: Scratch, kind: type[saves.Book] = saves.Book) -> saves.Book:
    return kind(home.outside, "late-delivery", "otto", "they wait too long", ["eva"])


def history(home: Scratch) -> list[tuple[str, bool, bool]]:
    """(commit, whether it is settled, whether the file is named), newest first."""
    found = saves.of(home.outside, "late-delivery")
    return [(each.commit, each.settled_at is not None, FILE in each.after) for each in found]


def audited(home: Scratch) -> int:
    with home.database.view() as unit:
        return len([row for row in unit.audit_of("playbook/late-delivery") if row.what == saves.SAVED])


def two_files(kept: Drafts) -> None:
    drafted(kept)
    drafted(kept, TEXT, (kept.live(TEXT) or "") + "\nSlowly.\n")


def test_a_save_is_known_before_it_is_done_and_settled_after(kept: Drafts, home: Scratch) -> None:
    under_git(kept)
    seen = []

    class Looks(saves.Book):
        def done(self, commit: str) -> None:
            seen.append((history(home), "days_late >= 4" in (kept.live(FILE) or "")))
            super().done(commit)

    saved = save(kept, drafted(kept), "they wait too long", OTTO, book(home, Looks))
    assert seen == [([("", False, True)], True)]
    assert history(home) == [(saved.commit, True, True)] and audited(home) == 1
    assert saves.broken_off(home.outside) == [] and mend(kept, home.outside) == []
    assert saves.of(home.outside, "late-delivery")[0].authors == ["eva", "otto"]


def test_what_cannot_be_written_down_is_not_begun(kept: Drafts, home: Scratch) -> None:
    class Gone(saves.Book):
        def begin(self, before: saves.Texts, after: saves.Texts) -> None:
            raise Refused("the database is gone")

    before = kept.live(FILE)
    with pytest.raises(Refused, match="gone"):
        save(kept, drafted(kept), "x", OTTO, book(home, Gone))
    assert kept.live(FILE) == before and kept.names() == ["late-delivery"]


def test_what_git_refuses_leaves_nothing(kept: Drafts, home: Scratch) -> None:
    under_git(kept)
    hook(kept, "pre-commit", "exit 1")
    with pytest.raises(Refused):
        save(kept, drafted(kept), "x", OTTO, book(home))
    assert history(home) == [] and audited(home) == 0


def hook(kept: Drafts, name: str, does: str) -> None:
    path = kept.root / ".git" / "hooks" / name
    path.write_text(f"#!/bin/sh\n{does}\n")
    path.chmod(0o755)


@pytest.mark.parametrize("after", ["a hook hangs", "git says no more"])
def test_what_git_has_committed_is_saved_whatever_comes_after(
    kept: Drafts, home: Scratch, monkeypatch: pytest.MonkeyPatch, after: str
) -> None:
    """Else the folder and git would stand against each other, and nobody would have saved it."""
    under_git(kept)
    really = saving._git

    def breaks(root: Path, *words: str) -> str:
        done = really(root, *words)
        if words[0] == "commit" and after == "a hook hangs":
            raise Refused("git did not answer within 30 seconds.")
        if words[0] == "commit":
            monkeypatch.setattr(saving, "_head", lambda root: "")
        return done

    monkeypatch.setattr(saving, "_git", breaks)
    saved = save(kept, drafted(kept), "they wait too long", OTTO, book(home))
    assert git(kept, "status", "--porcelain") == "" and "days_late >= 4" in (kept.live(FILE) or "")
    assert history(home) == [(saved.commit, True, True)]


def test_what_git_refuses_when_it_is_looked_up_is_taken_back(
    kept: Drafts, home: Scratch, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It keeps no other save waiting."""
    under_git(kept)
    before = kept.live(FILE)
    die_in(monkeypatch, "_commit")
    with pytest.raises(Died):
        save(kept, drafted(kept), "x", OTTO, book(home, Killed))
    monkeypatch.undo()
    hook(kept, "pre-commit", "echo wrong >&2; exit 1")
    assert mend(kept, home.outside)[0].endswith("is taken back: git refused: wrong")
    assert kept.live(FILE) == before and git(kept, "status", "--porcelain") == ""
    assert history(home) == [] and kept.names() == ["late-delivery"], "the draft is still there"


@pytest.mark.parametrize("in_git", [True, False])
def test_after_the_commit_it_is_found_in_the_folder(kept: Drafts, home: Scratch, in_git: bool) -> None:
    if in_git:
        under_git(kept)
    with pytest.raises(Died):
        save(kept, drafted(kept), "they wait too long", OTTO, book(home, Killed))
    assert history(home) == [("", False, True)], "it is live, and on record"
    assert "otto" in publishing_by(home), "and counts as a change of his"
    (told,) = mend(kept, home.outside)
    assert "they wait too long) is in the folder" in told
    head = git(kept, "rev-parse", "--short", "HEAD").strip() if in_git else ""
    assert history(home) == [(head, True, True)] and audited(home) == 1
    assert kept.names() == [], "the draft is done with"
    assert mend(kept, home.outside) == []


def publishing_by(home: Scratch) -> tuple[str, ...]:
    with home.database.view() as unit:
        return publishing.changed_by(unit, home.outside, "late-delivery", home.now - timedelta(days=1))


def test_before_the_commit_it_is_committed_now(
    kept: Drafts, home: Scratch, monkeypatch: pytest.MonkeyPatch
) -> None:
    under_git(kept)
    die_in(monkeypatch, "_commit")
    with pytest.raises(Died):
        save(kept, drafted(kept), "they wait too long", OTTO, book(home, Killed))
    monkeypatch.undo()
    assert "in the folder" in mend(kept, home.outside)[0]
    assert history(home) == [(git(kept, "rev-parse", "--short", "HEAD").strip(), True, True)]
    assert git(kept, "status", "--porcelain") == ""
    assert git(kept, "log", "-1", "--format=%an: %s").strip() == "otto: late-delivery: they wait too long"


def die_in(monkeypatch: pytest.MonkeyPatch, where: str) -> None:
    """Killed there, so nothing is put back."""

    def dies(*given: object) -> None:
        raise Died

    monkeypatch.setattr(saving, where, dies)
    monkeypatch.setattr(saving, "_put_what_can_be", lambda root, files: None)


def test_between_two_files_what_got_there_is_taken_back(kept: Drafts, home: Scratch) -> None:
    """All or none, also over a crash."""
    under_git(kept)
    two_files(kept)
    draft = kept.of("late-delivery")
    before = {file: kept.live(file) for file in draft.files}
    book(home).begin(before, draft.files)
    (kept.root / FILE).write_text(draft.files[FILE])
    git(kept, "add", FILE)
    (told,) = mend(kept, home.outside)
    assert "nothing of it is in the folder" in told
    assert {file: kept.live(file) for file in before} == before
    assert history(home) == [] and git(kept, "status", "--porcelain") == ""
    assert kept.of("late-delivery") == draft, "the draft is as it was"


def test_before_the_first_file_nothing_has_happened(kept: Drafts, home: Scratch) -> None:
    draft = drafted(kept)
    book(home).begin({FILE: kept.live(FILE)}, draft.files)
    assert "nothing of it" in mend(kept, home.outside)[0]
    assert history(home) == [] and kept.of("late-delivery") == draft


def test_what_somebody_has_changed_since_stays_and_stays_on_record(kept: Drafts, home: Scratch) -> None:
    with pytest.raises(Died):
        save(kept, drafted(kept), "x", OTTO, book(home, Killed))
    (kept.root / FILE).write_text((kept.live(FILE) or "") + "# mine\n")
    assert "changed since: look at them" in mend(kept, home.outside)[0]
    assert (kept.live(FILE) or "").endswith("# mine\n")
    assert history(home) == [("", True, True)]


def test_health_and_the_doctor_say_it(kept: Drafts, home: Scratch) -> None:
    book(home).begin({FILE: kept.live(FILE)}, {FILE: "x"})

    def told() -> list[str]:
        with home.database.view() as unit:
            found = checkup.look_over(unit, home.outside, standing(unit, home.now))
        return [str(each) for each in found if "broke off" in str(each)]

    assert told() == [], "it may be under way"
    home.advance(timedelta(minutes=6))
    assert len(told()) == 1 and "what otto saved of late-delivery" in told()[0]

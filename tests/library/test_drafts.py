"""Drafts: what somebody writes is lost to nobody, and reaches the folder whole, or not at all."""

from __future__ import annotations

import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outreach.domain.errors import Invalid, Refused
from outreach.library.drafts import Draft, Drafts, digest, is_name, safe
from outreach.library.loader import load
from outreach.library.saving import Author, Saved, save, take_back

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
OTTO = Author("Otto Sommer", "otto@house.example")
FILE = "playbooks/late-delivery.yaml"
TEXT = "templates/late-delivery/call.md"


@pytest.fixture
def kept(tmp_path: Path, root: Path) -> Drafts:
    """No drafts yet, on a copy of the real rules."""
    for folder in ("playbooks", "templates"):
        shutil.copytree(root / folder, tmp_path / "rules" / folder)
    return Drafts(tmp_path / "rules", tmp_path / "drafts")


def later(text: str) -> str:
    assert "days_late >= 2" in text
    return text.replace("days_late >= 2", "days_late >= 4")


def drafted(kept: Drafts, file: str = FILE, text: str | None = None) -> Draft:
    """One file changed, as its page does it."""
    before = kept.text("late-delivery", file)
    return kept.write(
        "late-delivery", file, later(before or "") if text is None else text, digest(before), "otto", NOW
    )


def git(kept: Drafts, *words: str) -> str:
    who = ["-c", "user.name=A", "-c", "user.email=a@house.example"]
    return subprocess.run(
        ["git", "-C", str(kept.root), *who, *words], check=True, capture_output=True, text=True
    ).stdout


def under_git(kept: Drafts) -> None:
    git(kept, "init", "-q")
    git(kept, "add", ".")
    git(kept, "commit", "-qm", "all")


# -- writing -------------------------------------------------------------------------------------------


def test_a_draft_changes_nothing_but_itself(kept: Drafts) -> None:
    before = load(kept.root).digest
    draft = drafted(kept)
    assert load(kept.root).digest == before
    assert kept.of("late-delivery") == draft and kept.names() == ["late-delivery"]
    assert "days_late >= 4" in (kept.text("late-delivery", FILE) or "")
    assert "days_late >= 2" in (kept.live(FILE) or "")
    assert (draft.by, draft.at, draft.authors) == ("otto", NOW.isoformat(), ("otto",))


def test_what_is_as_in_the_folder_is_no_draft(kept: Drafts) -> None:
    drafted(kept)
    drafted(kept, text=kept.live(FILE) or "")
    assert kept.names() == [] and kept.of("late-delivery") == Draft("late-delivery")


def test_windows_line_ends_of_forms_are_no_change(kept: Drafts) -> None:
    drafted(kept, text=(kept.live(FILE) or "").replace("\n", "\r\n"))
    assert kept.names() == []


def test_two_who_write_at_once_do_not_undo_each_other(kept: Drafts) -> None:
    seen = digest(kept.live(FILE))
    kept.write("late-delivery", FILE, later(kept.live(FILE) or ""), seen, "otto", NOW)
    with pytest.raises(Refused, match=r"Somebody has changed playbooks/late-delivery\.yaml meanwhile"):
        kept.write("late-delivery", FILE, "mine", seen, "miriam", NOW)
    assert kept.of("late-delivery").by == "otto"


def test_of_many_who_write_at_once_one_is_first(kept: Drafts) -> None:
    seen = digest(kept.live(FILE))

    def write(number: int) -> bool:
        try:
            kept.write("late-delivery", FILE, f"# {number}", seen, f"u{number}", NOW)
        except Refused:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(write, range(8))) == 1


def test_one_file_is_taken_back_or_all(kept: Drafts) -> None:
    drafted(kept)
    drafted(kept, TEXT, "Ring them.\n")
    kept.drop("late-delivery", TEXT)
    assert list(kept.of("late-delivery").files) == [FILE]
    kept.drop("late-delivery")
    assert kept.names() == []


def test_too_much_is_refused(kept: Drafts) -> None:
    with pytest.raises(Refused, match="larger than"):
        drafted(kept, text="x" * 2_000_000)


@pytest.mark.parametrize("file", [
    "playbooks/company.yaml", "playbooks/vocabulary.yaml", "playbooks/defaults.yaml", "playbooks/law/de.yaml",
    "playbooks/../wsgi.yaml", "/etc/passwd", "templates/../wsgi.md", "templates/x/../../a.md", "templates/a/b/c.md",
    "playbooks/.git.yaml", "README.md", "", "templates/x/a.md\n", "playbooks/stories/../a.yaml",
])  # fmt: skip
def test_only_playbooks_their_stories_and_texts_are_changed(kept: Drafts, file: str) -> None:
    with pytest.raises(Refused, match="is not a file that can be changed here"):
        kept.write("late-delivery", file, "x", digest(None), "otto", NOW)


@pytest.mark.parametrize(
    "file", ["playbooks/win-back.yaml", "playbooks/stories/win-back.yaml", "playbooks/new-one.yaml"]
)
def test_a_draft_changes_no_other_playbook(kept: Drafts, file: str) -> None:
    with pytest.raises(Refused, match="is another playbook's"):
        kept.write("late-delivery", file, "x", digest(kept.live(file)), "otto", NOW)
    with pytest.raises(Refused, match="is another playbook's"):
        take_back(kept, "late-delivery", {file: "x"}, {file: kept.live(file)}, "why", OTTO)
    assert kept.of("late-delivery").files == {}


@given(st.text(max_size=80))
def test_whatever_is_safe_stays_below_its_folder(text: str) -> None:
    for file in (f"playbooks/{text}.yaml", f"playbooks/stories/{text}.yaml", f"templates/{text}.md"):
        try:
            path = Path("/rules") / safe(file)
        except Refused:
            continue
        assert path.resolve().is_relative_to(Path("/rules") / file.partition("/")[0])
    if is_name(text):
        assert "/" not in text and "." not in text


@pytest.mark.parametrize(
    "name", ["", "Late", "a b", "../a", "company", "vocabulary", "-a", "a--b", "a" * 61, "é"]
)
def test_a_playbook_has_a_name_of_letters_digits_and_dashes(kept: Drafts, name: str) -> None:
    with pytest.raises(Refused, match="cannot be the name of a playbook"):
        kept.of(name)


# -- a whole folder --------------------------------------------------------------------------------------


def test_a_draft_is_laid_out_as_a_whole_folder(kept: Drafts, tmp_path: Path) -> None:
    draft = drafted(kept)
    laid = load(kept.lay_out(draft, tmp_path / "laid"))
    live = load(kept.root)
    assert laid.playbooks["late-delivery"].version != live.playbooks["late-delivery"].version
    assert laid.playbooks.keys() == live.playbooks.keys()


# -- saving --------------------------------------------------------------------------------------------


def test_saving_writes_the_files_and_ends_the_draft(kept: Drafts) -> None:
    drafted(kept)
    before = kept.live(FILE)
    assert save(kept, kept.of("late-delivery"), "too early", OTTO) == Saved(
        {FILE: before}, {FILE: later(before or "")}, ""
    )
    assert "days_late >= 4" in (kept.live(FILE) or "")
    assert kept.names() == []
    assert not list(kept.root.rglob("*.new"))


def test_in_a_git_repository_it_is_a_commit_in_ones_name(kept: Drafts) -> None:
    under_git(kept)
    (kept.root / "playbooks/win-back.yaml").write_text("somebody is at it\n")
    (kept.root / "notes.txt").write_text("mine\n")
    git(kept, "add", "notes.txt")
    drafted(kept)
    saved = save(kept, kept.of("late-delivery"), "  two days are too early ", OTTO)
    assert git(kept, "log", "-1", "--format=%h|%an|%ae|%cn|%s").strip() == (
        f"{saved.commit}|Otto Sommer|otto@house.example|Outreach|late-delivery: two days are too early"
    )
    assert git(kept, "show", "--name-only", "--format=", "HEAD").split() == [FILE]
    assert git(kept, "status", "--short").splitlines() == ["A  notes.txt", " M playbooks/win-back.yaml"]


def test_a_name_cannot_forge_an_author(kept: Drafts) -> None:
    under_git(kept)
    drafted(kept)
    save(kept, kept.of("late-delivery"), "why", Author("Eve <boss@house.example>\nx", "eve@house.example"))
    assert git(kept, "log", "-1", "--format=%ae").strip() == "eve@house.example"


def test_what_a_hook_refuses_is_not_saved_and_not_lost(kept: Drafts) -> None:
    under_git(kept)
    hook = kept.root / ".git/hooks/pre-commit"
    hook.write_text("#!/bin/sh\necho 'only on weekdays' >&2\nexit 1\n")
    hook.chmod(0o755)
    draft = drafted(kept)
    with pytest.raises(Refused, match="git refused: only on weekdays"):
        save(kept, draft, "why", OTTO)
    assert "days_late >= 2" in (kept.live(FILE) or "") and kept.of("late-delivery") == draft
    assert git(kept, "status", "--short") == ""


def test_what_has_errors_is_not_saved(kept: Drafts) -> None:
    drafted(kept, text=(kept.live(FILE) or "").replace("event.days_late", "event.days_lat", 1))
    with pytest.raises(Invalid) as told:
        save(kept, kept.of("late-delivery"), "why", OTTO)
    assert [(fault.file, fault.line, fault.remedy) for fault in told.value.faults] == [
        (FILE, 8, "did you mean days_late?")
    ]
    assert "days_late >= 2" in (kept.live(FILE) or "") and kept.names() == ["late-delivery"]


def test_a_text_that_breaks_its_playbook_is_not_saved(kept: Drafts) -> None:
    drafted(kept, TEXT, "Dear {{ person.nmae }}\n")
    with pytest.raises(Invalid, match="nmae"):
        save(kept, kept.of("late-delivery"), "why", OTTO)


def test_a_change_by_somebody_else_is_not_undone(kept: Drafts) -> None:
    draft = drafted(kept)
    theirs = (kept.live(FILE) or "").replace("severity: high", "severity: severe")
    (kept.root / FILE).write_text(theirs)
    assert kept.overtaken(draft) == [FILE]
    with pytest.raises(Refused, match=r"Somebody has changed playbooks/late-delivery\.yaml since\. Look"):
        save(kept, draft, "why", OTTO)
    assert kept.live(FILE) == theirs
    with pytest.raises(Refused, match="once more"):
        kept.rebase("late-delivery", FILE, digest("what it was before"))
    kept.rebase("late-delivery", FILE, digest(theirs))
    save(kept, kept.of("late-delivery"), "seen, and mine is right", OTTO)
    assert "days_late >= 4" in (kept.live(FILE) or "")


def test_a_new_playbook_is_a_draft_until_it_is_saved(kept: Drafts) -> None:
    text = (kept.live(FILE) or "").replace("playbook: late-delivery", "playbook: very-late")
    draft = Draft(
        "very-late", {"playbooks/very-late.yaml": text}, {"playbooks/very-late.yaml": ""}, "otto", ""
    )
    kept.begin(draft)
    with pytest.raises(Refused, match="There is a playbook very-late already"):
        kept.begin(draft)
    assert "very-late" not in load(kept.root).playbooks
    save(kept, draft, "for the worst", OTTO)
    assert load(kept.root).playbooks["very-late"].version
    with pytest.raises(Refused, match="There is a playbook late-delivery already"):
        kept.begin(Draft("late-delivery", {FILE: "x"}, {FILE: ""}))


@pytest.mark.parametrize(
    ("reason", "words"),
    [("", "Say why"), ("  ", "Say why"), ("x\0", "cannot be read"), ("\x1b[2J", "cannot")],
)
def test_saving_wants_a_reason(kept: Drafts, reason: str, words: str) -> None:
    with pytest.raises(Refused, match=words):
        save(kept, drafted(kept), reason, OTTO)
    assert "days_late >= 2" in (kept.live(FILE) or "") and kept.of("late-delivery").files


def test_a_reason_is_one_line_of_the_commit(kept: Drafts) -> None:
    under_git(kept)
    save(kept, drafted(kept), "too early\n\nSigned-off-by: the boss <boss@house.example>", OTTO)
    message = git(kept, "log", "-1", "--format=%B").strip()
    assert message == "late-delivery: too early Signed-off-by: the boss <boss@house.example>"


def test_nothing_is_not_saved(kept: Drafts) -> None:
    with pytest.raises(Refused, match="nothing to save"):
        save(kept, kept.of("late-delivery"), "why", OTTO)


def test_what_a_colleague_keeps_while_one_saves_is_not_lost(kept: Drafts) -> None:
    mine = drafted(kept)
    theirs = drafted(kept, TEXT, "Ring them.\n")
    with pytest.raises(Refused, match="gone on with the draft meanwhile"):
        save(kept, mine, "why", OTTO)
    assert kept.of("late-delivery") == theirs and "days_late >= 2" in (kept.live(FILE) or "")


def test_a_disk_that_refuses_leaves_no_half(kept: Drafts, monkeypatch: pytest.MonkeyPatch) -> None:
    drafted(kept)
    draft = drafted(kept, TEXT, "Ring them.\n")
    real, texts = Path.write_text, kept.live(TEXT)

    def full(path: Path, text: str, **more: Any) -> int:
        if "call.md" in path.name and text == "Ring them.\n":
            raise OSError(28, "No space left on device")
        return real(path, text, **more)

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(Refused, match="The folder cannot be written to: No space left on device"):
        save(kept, draft, "why", OTTO)
    assert "days_late >= 2" in (kept.live(FILE) or "") and kept.live(TEXT) == texts
    assert kept.of("late-delivery") == draft


# -- taking back -----------------------------------------------------------------------------------------


def test_what_was_saved_is_taken_back(kept: Drafts) -> None:
    under_git(kept)
    before = kept.live(FILE)
    saved = save(kept, drafted(kept), "too early", OTTO)
    back = take_back(kept, "late-delivery", saved.before, saved.after, "it was not", OTTO)
    assert kept.live(FILE) == before
    assert git(kept, "log", "--format=%s", "-2").splitlines() == [
        "late-delivery: it was not",
        "late-delivery: too early",
    ]
    again = take_back(kept, "late-delivery", back.before, back.after, "it was", OTTO)
    assert "days_late >= 4" in (kept.live(FILE) or "") and again.commit


def test_taking_back_leaves_a_draft_and_what_others_did_alone(kept: Drafts) -> None:
    saved = save(kept, drafted(kept), "too early", OTTO)
    draft = drafted(kept, TEXT, "Ring them.\n")
    (kept.root / FILE).write_text((kept.live(FILE) or "").replace("severity: high", "severity: severe"))
    with pytest.raises(Refused, match=r"Somebody has changed playbooks/late-delivery\.yaml since"):
        take_back(kept, "late-delivery", saved.before, saved.after, "why", OTTO)
    assert kept.of("late-delivery") == draft


def test_a_new_playbook_is_disabled_and_not_taken_back(kept: Drafts) -> None:
    text = (kept.live(FILE) or "").replace("playbook: late-delivery", "playbook: very-late")
    kept.begin(Draft("very-late", {"playbooks/very-late.yaml": text}, {"playbooks/very-late.yaml": ""}))
    saved = save(
        kept,
        Draft("very-late", {"playbooks/very-late.yaml": text}, {"playbooks/very-late.yaml": ""}),
        "why",
        OTTO,
    )
    with pytest.raises(Refused, match="disable it"):
        take_back(kept, "very-late", saved.before, saved.after, "why", OTTO)

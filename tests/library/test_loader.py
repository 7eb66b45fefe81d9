"""The library: one frozen set of rules, swapped whole, never worse than the last good one."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from outreach.domain.errors import Invalid
from outreach.library.loader import Library, load, snapshot
from tests.library.world import COMPANY, LATE, VOCABULARY, files, shipped


def write(root: Path, given: Mapping[str, bytes]) -> Path:
    for name, raw in given.items():
        file = root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(raw)
    return root


def change(root: Path, name: str, text: str) -> None:
    (root / "playbooks" / f"{name}.yaml").write_text(text, encoding="utf-8")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return write(tmp_path, files())


def test_the_playbooks_that_we_ship_have_no_faults() -> None:
    assert [str(fault) for fault in shipped().faults] == []


def test_a_set_is_indexed_by_trigger(root: Path) -> None:
    rules = load(root)
    assert [playbook.name for playbook in rules.by_type["delivery.delayed"]] == ["late"]
    assert rules.fused.keys() == {"delivery.delayed", "delivery.overdue"}


def test_nothing_is_read_again_while_nothing_changes(root: Path) -> None:
    library = Library(root)
    assert library.current() is library.current()


def test_the_set_is_the_same_when_a_file_is_only_touched(root: Path) -> None:
    library = Library(root)
    before = library.current()
    change(root, "late", LATE)
    assert library.current() is before


def test_a_changed_playbook_is_swapped_in(root: Path) -> None:
    library = Library(root)
    before = library.current()
    change(root, "late", LATE.replace("severity: high", "severity: severe"))
    after = library.current()
    assert after is not before
    assert after.playbooks["late"].version != before.playbooks["late"].version
    assert after.digest != before.digest


def test_a_faulty_playbook_keeps_its_last_good_version_and_is_visible(root: Path) -> None:
    library = Library(root)
    good = library.current().playbooks["late"]
    change(root, "late", LATE.replace("severity: high", "severity: hihg"))
    change(root, "other", LATE.replace("playbook: late", "playbook: other"))
    rules = library.current()
    assert rules.playbooks["late"] is good
    assert "other" in rules.playbooks
    assert [fault.what for fault in rules.faults if not fault.warning] == [
        "`hihg` is not one of low, medium, high, severe"
    ]
    assert library.faults == rules.faults


def test_the_last_good_version_outlives_several_faulty_ones(root: Path) -> None:
    library = Library(root)
    good = library.current().playbooks["late"]
    for wrong in ("severity: hihg", "severity: [", "severity: 1"):
        change(root, "late", LATE.replace("severity: high", wrong))
        assert library.current().playbooks["late"] is good


def test_a_mended_playbook_has_no_faults_any_more(root: Path) -> None:
    library = Library(root)
    library.current()
    change(root, "late", "playbook: [")
    library.current()
    change(root, "late", LATE)
    assert library.current().faults == ()
    assert library.faults == ()


def test_a_deleted_playbook_is_gone(root: Path) -> None:
    library = Library(root)
    library.current()
    (root / "playbooks" / "late.yaml").unlink()
    assert library.current().playbooks == {}


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("vocabulary", VOCABULARY.replace("type: number", "type: numbr")),
        ("company", COMPANY.replace("Europe/Berlin", "Nowhere")),
        ("defaults", "service_recovry: {}"),
        ("law/de", "law: de"),
    ],
)
def test_a_faulty_shared_file_keeps_the_whole_old_set(root: Path, name: str, text: str) -> None:
    library = Library(root)
    before = library.current()
    (root / "playbooks" / "law").mkdir()
    change(root, name, text)
    change(root, "late", LATE.replace("severity: high", "severity: severe"))
    assert library.current() is before
    assert {fault.file for fault in library.faults if not fault.warning} == {f"playbooks/{name}.yaml"}


def test_without_an_old_set_a_faulty_shared_file_says_everything_at_once(root: Path) -> None:
    change(root, "company", COMPANY.replace("Europe/Berlin", "Nowhere"))
    change(root, "late", LATE.replace("severity: high", "severity: hihg"))
    with pytest.raises(Invalid) as refused:
        Library(root).current()
    assert {fault.file for fault in refused.value.faults} >= {"playbooks/company.yaml", "playbooks/late.yaml"}


def test_missing_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match=r"playbooks/company.yaml: this file is missing"):
        load(tmp_path)


def test_a_file_by_a_wrong_name_is_not_passed_over_in_silence(root: Path) -> None:
    (root / "playbooks" / "more.yml").write_text("x", encoding="utf-8")
    assert "playbooks/more.yml: this file is not read; name it .yaml" in map(str, load(root).faults)


def test_hidden_files_are_left_alone(root: Path) -> None:
    write(
        root,
        {"templates/.git/x": b"\xff", "templates/late/.call.md.swp": b"\xff", "playbooks/.late.yaml": b"["},
    )
    assert load(root).faults == ()


def test_a_file_too_large_is_refused_and_not_read_whole(root: Path) -> None:
    change(root, "late", "#" * 400_000)
    assert max(map(len, snapshot(root).values())) <= 256 * 1024 + 1
    assert "playbooks/late.yaml: the file is larger than 256 KB; split it" in map(str, load(root).faults)


def test_a_stored_version_is_restored_from_its_text(root: Path) -> None:
    library = Library(root)
    late = library.current().playbooks["late"]
    text = json.dumps({"source": late.source, "templates": dict(late.templates)})
    assert library.restore(text).version == late.version

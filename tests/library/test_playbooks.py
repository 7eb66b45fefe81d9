"""Playbooks: what they become, and what ops read when they are wrong."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outreach.domain.errors import Invalid
from outreach.domain.facts import Channel, Purpose, Severity
from outreach.domain.hours import Duration
from outreach.domain.playbook import IfRunning, Remedy, Review, Scope
from outreach.library.loader import restore
from outreach.library.yaml_reader import read_table
from tests.library.world import COMPANY, DEFAULTS, LATE, VOCABULARY, faults, rules, said

BROKEN = Path(__file__).parent / "broken"
BROKEN_TEXTS = {
    "broken/call.md": "Order {{ event.order_idd }}.\n{% for wish in preferences %}{{ wish }}{% endfor %}{{ oders }}\n",
    "broken/sorry.md": "Hello {{ person.name }},\nwe are sorry. Here is a voucher: 20 % off at https://shop.example/new\n",
    "broken/sorry.de.md": "Subject:\nHier ein Gutschein, {{ late_apology }}\n",
    "broken/jinja.md": "Hello {{ person.name }\n",
}
CASES = sorted(file.stem for file in BROKEN.glob("*.yaml"))


def said_of(case: str) -> str:
    text = (BROKEN / f"{case}.yaml").read_text(encoding="utf-8")
    return said({"late": LATE, case: text}, BROKEN_TEXTS) + "\n"


@pytest.mark.parametrize("case", CASES)
def test_a_broken_playbook_says_what_is_wrong_where_and_what_to_do(case: str) -> None:
    """OUTREACH_TEST_UPDATE_GOLDEN=1 writes the messages anew; read the difference before you commit it."""
    golden = BROKEN / f"{case}.txt"
    if os.environ.get("OUTREACH_TEST_UPDATE_GOLDEN"):
        golden.write_text(said_of(case), encoding="utf-8")
    assert said_of(case) == golden.read_text(encoding="utf-8")


def test_there_are_twenty_five_broken_playbooks_and_no_golden_without_one() -> None:
    assert len(CASES) >= 25
    assert sorted(file.stem for file in BROKEN.glob("*.txt")) == CASES


@pytest.mark.parametrize("case", [case for case in CASES if case not in ("strictness", "syntax")])
def test_the_place_of_every_fault_lies_in_its_file(case: str) -> None:
    text = (BROKEN / f"{case}.yaml").read_text(encoding="utf-8")
    for fault in faults({"late": LATE, case: text}, BROKEN_TEXTS):
        if fault.file == f"playbooks/{case}.yaml":
            line = text.split("\n")[fault.line - 1]
            assert 1 <= fault.column <= len(line)


def test_a_good_playbook_has_no_faults_and_becomes_what_it_says() -> None:
    assert said() == ""
    late = rules().playbooks["late"]
    call, email, wait = late.steps
    assert (late.purpose, late.severity, late.when) == (
        Purpose.SERVICE_RECOVERY,
        Severity.HIGH,
        ("delivery.delayed", "delivery.overdue"),
    )
    assert late.may_offer == (Remedy("refund_freight"), Remedy("credit", 200, "manager"))
    assert (call.channel, call.whom, call.within) == (
        Channel.CALL,
        ("hurt_person",),
        Duration.parse("4 business hours"),
    )
    assert (email.channel, email.whom, email.after) == (
        Channel.EMAIL,
        ("hurt_person", "buyer"),
        Duration.parse("1 business day"),
    )
    assert (wait.channel, wait.wait, wait.wait_for) == (None, Duration.parse("30d"), "order.placed")
    assert sorted(late.templates) == ["late/call.md", "late/sorry.de.md", "late/sorry.md"]


def test_defaults_are_laid_under_by_purpose_and_the_nearest_word_wins() -> None:
    late = rules().playbooks["late"]
    assert late.hold is not None
    assert (late.hold.scope, late.hold.at_most) == (Scope.ACCOUNT, Duration.parse("30d"))
    assert late.if_running is IfRunning.PARALLEL
    assert late.horizon == Duration.parse("14d")
    assert late.stop_events == ("person.erased", "person.refused", "message.received")
    assert late.steps[0].ladder["no_answer"].voicemail == "once"
    assert late.steps[1].review is Review.OWNER
    assert late.steps[1].within == Duration.parse("3 business days")


def test_a_playbook_changes_one_word_of_a_default_and_keeps_the_rest() -> None:
    text = LATE + "hold: {scope: person}\n"
    hold = rules({"late": text}).playbooks["late"].hold
    assert hold is not None
    assert (hold.scope, hold.at_most) == (Scope.PERSON, Duration.parse("30d"))


def test_none_switches_a_default_off() -> None:
    assert rules({"late": LATE + "hold: none\n"}).playbooks["late"].hold is None


def test_erasure_and_refusal_stop_every_playbook_whatever_it_says() -> None:
    late = rules({"late": LATE + "stop_when: [order.placed, account.open_failures == 0]\n"}).playbooks["late"]
    assert late.stop_events == ("order.placed", "person.erased", "person.refused")
    assert [condition.text for condition in late.stop_conditions] == ["account.open_failures == 0"]


def test_a_selling_playbook_is_quiet_by_default() -> None:
    text = LATE.replace("service_recovery", "reorder").replace("severity: high\n", "")
    late = rules({"late": text}).playbooks["late"]
    assert (late.if_running, late.severity, late.steps[1].review) == (
        IfRunning.IGNORE,
        Severity.LOW,
        Review.NONE,
    )


def test_the_version_is_the_content_defaults_and_texts_included() -> None:
    plain = rules().playbooks["late"].version
    assert plain == rules({"late": LATE.replace("\nwhy:", "\n\n# a remark\nwhy:")}).playbooks["late"].version
    others = [
        rules({"late": LATE.replace(">= 2", ">= 3")}),
        rules(templates={"late/sorry.de.md": "Subject: x\n\ny\n"}),
        rules(defaults="service_recovery: {cooldown: 3d}"),
    ]
    versions = {other.playbooks["late"].version for other in others}
    assert len(versions) == 3
    assert plain not in versions


def test_a_stored_version_comes_back_as_it_was() -> None:
    set_ = rules({"late": LATE + "stop_when: [order.placed, account.open_failures == 0]\ncooldown: none\n"})
    late = set_.playbooks["late"]
    again = restore(late.source, late.templates, set_.vocabulary)
    assert (again.version, again.source, again.templates) == (late.version, late.source, late.templates)
    assert (again.steps[0].ladder, again.hold, again.stop_events) == (
        late.steps[0].ladder,
        late.hold,
        late.stop_events,
    )
    assert again.condition is not None
    assert late.condition is not None
    assert again.condition.text == late.condition.text


def test_a_stored_version_is_not_judged_by_rules_for_writing() -> None:
    set_ = rules()
    source = json.dumps(json.loads(set_.playbooks["late"].source) | {"holdout": 10, "supersedes": ["gone"]})
    assert restore(source, {}, set_.vocabulary).holdout == 10


def test_a_stored_version_that_no_longer_fits_says_so() -> None:
    set_ = rules()
    with pytest.raises(Invalid, match=r"stored version:\d+:\d+: .*"):
        restore(set_.playbooks["late"].source.replace("order_id", "order_no"), {}, set_.vocabulary)


def test_unused_templates_are_told_once_all_playbooks_are_good() -> None:
    extra = {"late/old.md": "x"}
    assert "templates/late/old.md: no playbook uses this file; delete it" in map(
        str, rules(templates=extra).faults
    )
    broken = rules({"late": LATE, "other": "playbook: other"}, extra)
    assert not any("no playbook uses" in fault.what for fault in broken.faults)


def test_included_texts_belong_to_the_playbook() -> None:
    texts = {
        "late/call.md": "{% include 'shared/x.md' %}",
        "shared/x.md": "{{ run.attempts }}",
        "shared/x.de.md": "-",
    }
    assert {"shared/x.md", "shared/x.de.md"} <= set(rules(templates=texts).playbooks["late"].templates)


def test_the_reader_of_yaml_reads_the_json_it_stores() -> None:
    late = rules(
        {"late": LATE.replace("A delivery is late", '"Grün: \\"zu spät\\" \\\\ – 21:00"')}
    ).playbooks["late"]
    tree = read_table("x", late.source)
    assert late.title == 'Grün: "zu spät" \\ – 21:00'
    assert tree.get("title") is not None
    assert restore(late.source, late.templates, rules().vocabulary).title == late.title


PIECES = (
    "",
    "none",
    "[]",
    "{}",
    "[1, 2]",
    "{a: b}",
    "3",
    "true",
    "~",
    "'x'",
    "event.days_late",
    "late/call.md",
    "|\n  x",
)


@given(st.data())
def test_whatever_ops_write_they_get_faults_and_never_a_crash(data: st.DataObject) -> None:
    lines = LATE.strip().split("\n")
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(lines) - 1))
        key, colon, _ = lines[at].partition(": ")
        how = data.draw(st.sampled_from(["drop", "twice", "value", "indent", "cut"]))
        if how == "drop":
            lines[at] = ""
        elif how == "twice":
            lines.insert(at, lines[data.draw(st.integers(0, len(lines) - 1))])
        elif how == "value":
            lines[at] = key + colon + data.draw(st.sampled_from(PIECES))
        elif how == "indent":
            lines[at] = "  " + lines[at]
        else:
            lines[at] = lines[at][: data.draw(st.integers(0, len(lines[at])))]
    for fault in faults({"late": "\n".join(lines) + "\n"}):
        assert fault.what
        assert fault.line >= 0


@given(st.sampled_from(["vocabulary", "company", "defaults"]), st.data())
def test_whatever_is_in_the_shared_files_there_are_faults_and_never_a_crash(
    name: str, data: st.DataObject
) -> None:
    texts = {"vocabulary": VOCABULARY, "company": COMPANY, "defaults": DEFAULTS}
    lines = texts[name].strip().split("\n")
    at = data.draw(st.integers(0, len(lines) - 1))
    key, colon, _ = lines[at].partition(": ")
    lines[at] = key + colon + data.draw(st.sampled_from(PIECES))
    for fault in faults(**{name: "\n".join(lines) + "\n"}):
        assert fault.what


@pytest.mark.parametrize(
    "text",
    [
        "Your order now leaves tomorrow.",
        "{# no discount here #}I am sorry.",
        "We sell nothing with this.",
        "https://track.example/1",
    ],
)
def test_words_that_repair_are_not_taken_for_selling(text: str) -> None:
    assert said(templates={"late/sorry.md": f"Subject: Sorry\n\n{text}\n"}) == ""


@pytest.mark.parametrize(
    "text",
    [
        "A special offer for you",
        "10% off",
        "Ihr Rabattcode",
        "our Gutscheine",
        "see https://example.com/shop?x=1",
    ],
)
def test_an_apology_does_not_sell(text: str) -> None:
    (fault,) = faults(templates={"late/sorry.md": f"Subject: Sorry\n\n{text}\n"})
    assert (fault.file, fault.line) == ("templates/late/sorry.md", 3)
    assert "sells" in fault.what

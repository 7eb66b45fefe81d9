"""JUnit XML has the form that CI systems read."""

from __future__ import annotations

import re
from xml.etree import ElementTree as xml

from outreach.lab.stories import Told
from outreach.lab.story_amiss import Wrong
from outreach.lab.story_junit import junit
from outreach.lab.story_reader import Said, Story

EXPECT = Said("call", {}, {"call": "anna", "by": "Mon 12:00"}, "late.yaml", 6, 13)
WRONG = Wrong(EXPECT.place, 'it is "<late>"\x07', EXPECT, ({"call": "anna", "by": "Mon 13:00"},))

# Element → its attributes with their form, and what may stand in it. As JUnit's schema of Ant and Jenkins has it.
WHOLE, SECONDS, TEXT = r"\d+", r"\d+\.\d{3}", r"(?s).+"
COUNTS = {"tests": WHOLE, "failures": WHOLE, "errors": WHOLE, "time": SECONDS}
FORM = {
    "testsuites": ({"name": TEXT, **COUNTS}, {"testsuite"}),
    "testsuite": ({"name": TEXT, **COUNTS}, {"testcase"}),
    "testcase": ({"name": TEXT, "classname": TEXT, "time": SECONDS}, {"failure", "error"}),
    "failure": ({"type": TEXT, "message": TEXT}, set[str]()),
    "error": ({"type": TEXT, "message": TEXT}, set[str]()),
}
MAY = {"testcase": {"file", "line"}}


def must_be_in_form(element: xml.Element) -> None:
    attributes, within = FORM[element.tag]
    assert set(attributes) <= set(element.attrib) <= set(attributes) | MAY.get(element.tag, set())
    for name, form in attributes.items():
        assert re.fullmatch(form, element.attrib[name]), (element.tag, name, element.attrib[name])
    assert {child.tag for child in element} <= within
    for child in element:
        must_be_in_form(child)


def story(title: str, file: str, line: int) -> Story:
    return Story(title, file, line, (), (), ())


def test_one_suite_per_file_one_case_per_story() -> None:
    told = [
        Told(story("good", "late.yaml", 2), seconds=0.25),
        Told(story("bad & worse", "late.yaml", 5), (WRONG, WRONG), 0.5),
        Told(story("good", "lost.yaml", 2), seconds=1),
    ]
    root = xml.fromstring(junit(told, ["late: no story tells when it keeps silent"]))
    must_be_in_form(root)
    assert {name: root.get(name) for name in COUNTS} == {
        "tests": "4", "failures": "1", "errors": "1", "time": "1.750",
    }  # fmt: skip
    assert [(suite.get("name"), suite.get("tests")) for suite in root] == [
        ("late.yaml", "2"), ("lost.yaml", "1"), ("other problems", "1"),
    ]  # fmt: skip
    bad = root[0][1]
    assert (bad.get("name"), bad.get("classname"), bad.get("file"), bad.get("line")) == (
        "bad & worse", "late", "late.yaml", "5",
    )  # fmt: skip


def test_a_failure_has_the_diff() -> None:
    root = xml.fromstring(junit([Told(story("bad", "late.yaml", 5), (WRONG,))]))
    (failure,) = root.iter("failure")
    assert failure.get("message") == 'it is "<late>"�'
    assert failure.text is not None and failure.text.splitlines() == [
        'late.yaml:6:13: it is "<late>"�',
        "  - {call: anna, by: Mon 12:00}",
        "  + {call: anna, by: Mon 13:00}",
    ]


def test_no_stories_are_a_good_file_too() -> None:
    must_be_in_form(xml.fromstring(junit([])))

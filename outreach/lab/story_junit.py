"""How the stories went, for programs: as JUnit XML, which CI systems read (one suite per file, one case per story), and as
data for JSON."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as xml

from outreach.lab.stories import Told
from outreach.lab.story_coverage import Covered

_OTHER = "other problems"


def junit(told: Sequence[Told], problems: Iterable[str] = ()) -> bytes:
    """``problems``: what is wrong beside the stories, such as a file that cannot be read; a suite of its own."""
    root = xml.Element("testsuites", name="outreach test")
    for file, found in groupby(told, key=lambda one: one.story.file):
        _suite(root, file, [_case(one) for one in found])
    _suite(root, _OTHER, [_problem(words) for words in problems])
    _count(root, list(root.iter("testcase")))
    xml.indent(root)
    return xml.tostring(root, encoding="utf-8", xml_declaration=True) + b"\n"


def _suite(root: xml.Element, name: str, cases: list[xml.Element]) -> None:
    if cases:
        suite = xml.SubElement(root, "testsuite", name=name)
        suite.extend(cases)
        _count(suite, cases)


def _count(element: xml.Element, cases: list[xml.Element]) -> None:
    element.set("tests", str(len(cases)))
    element.set("failures", str(sum(case.find("failure") is not None for case in cases)))
    element.set("errors", str(sum(case.find("error") is not None for case in cases)))
    element.set("time", f"{sum(float(case.get('time', 0)) for case in cases):.3f}")


def _case(told: Told) -> xml.Element:
    story = told.story
    case = xml.Element(
        "testcase", name=story.title, classname=Path(story.file).stem, file=story.file,
        line=str(story.line), time=f"{told.seconds:.3f}",
    )  # fmt: skip
    if not told.good:
        failure = xml.SubElement(case, "failure", type="not as told", message=_clean(told.wrong[0].words))
        failure.text = _clean("\n".join(str(one) for one in told.wrong))
    return case


def _problem(words: str) -> xml.Element:
    case = xml.Element("testcase", name=_clean(words), classname=_OTHER, time="0.000")
    xml.SubElement(case, "error", type=_OTHER, message=_clean(words))
    return case


def _clean(text: str) -> str:
    """XML knows no control characters."""
    return "".join(letter if letter >= " " or letter in "\n\t" else "�" for letter in text)


# -- as data -------------------------------------------------------------------------------------------


def as_data(told: Iterable[Told], problems: Sequence[str], covered: Iterable[Covered]) -> dict[str, Any]:
    """``{stories: [{title, file, line, good, seconds, wrong: [{place, words, diff}]}], problems, coverage: [{playbook,
    branches, holes, percent}]}``"""
    return {
        "stories": [_story(one) for one in told],
        "problems": list(problems),
        "coverage": [
            {"playbook": one.playbook, "branches": one.branches, "holes": one.holes, "percent": one.percent}
            for one in covered
        ],
    }


def _story(told: Told) -> dict[str, Any]:
    story = told.story
    wrong = [{"place": one.place, "words": one.words, "diff": one.diff} for one in told.wrong]
    return {
        "title": story.title, "file": story.file, "line": story.line, "good": told.good,
        "seconds": round(told.seconds, 3), "wrong": wrong,
    }  # fmt: skip

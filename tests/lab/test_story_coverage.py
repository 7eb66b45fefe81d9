"""In which branches stories have been is seen by what the house did, place by place."""

from __future__ import annotations

from functools import cache

import pytest

from outreach.domain.evaluate import Ruleset
from outreach.lab.stories import tell
from outreach.lab.story_coverage import Coverage, branches
from outreach.lab.story_reader import read_stories
from tests.service import world

GIVEN = 'given: {account: {id: a1, owner: jonas, people: [{id: anna, role: buyer, phone: "+4930123456", email: anna@hotel.example}]}}'
LATE = "at: Mon 09:00\nevent: {type: delivery.delayed, data: {order_id: o1, days_late: 3, person_id: anna}}"
SLIGHT = LATE.replace("days_late: 3", "days_late: 1")
TUTOR = """\
purpose: service_recovery
severity: high
when: [delivery.delayed, delivery.overdue]
if: event.days_late >= 2
supersedes: [other]
still_open: not seen("delivery.arrived", order_id=event.order_id)
if_resolved: {brief: x/softer.md}
steps:
  - call: hurt_person
    within: 4 business hours
    brief: x/call.md
  - email: hurt_person
    after: 1 business day
    if: not run.reached
    template: x/mail.md
  - wait: 3d
"""
OTHER = """\
purpose: service_recovery
severity: low
hold: {scope: person}
when: delivery.promise_moved
still_open: not seen("delivery.arrived", order_id=event.order_id)
steps: [{call: hurt_person, within: 2d, brief: x/call.md}]
"""
ALL = {
    "when/delivery.delayed", "when/delivery.overdue", "if/true", "if/false", "steps/0", "steps/0/ladder/no_answer",
    "steps/0/ladder/voicemail", "steps/0/ladder/busy", "steps/1", "steps/1/if/true", "steps/1/if/false", "steps/2",
    "if_resolved", "stop_when", "supersedes/other",
}  # fmt: skip
CALLED = {"when/delivery.delayed", "if/true", "steps/0"}


@cache
def rules() -> Ruleset:
    return world.rules_with({"tutor": TUTOR, "other": OTHER})


def seen(*script: str, playbook: str = "tutor") -> set[str]:
    """The branches of the playbook in which a story with that script has been."""
    entries = ("  - " + entry.replace("\n", "\n    ") for entry in script)
    (story,) = read_stories("s.yaml", "\n".join([f"story: s\n{GIVEN}\nscript:", *entries]), rules())
    coverage = Coverage(rules())
    told = tell(story, rules(), coverage.look)
    assert told.good, str(told)
    known = {place for place, _ in branches(rules().playbooks[playbook])}
    return {place for name, place in coverage.seen if name == playbook and place in known}


def test_every_branch_is_known() -> None:
    assert {place for place, _ in branches(rules().playbooks["tutor"])} == ALL


def no_answer(disposition: str) -> str:
    return f"at: Mon 10:00\noutcome: {{call: anna, disposition: {disposition}}}"


REACHED = "at: Mon 10:00\noutcome: {call: anna, reached: true}"
SEEN = {
    "silence": ([SLIGHT], {"if/false"}),
    "a call": ([LATE], CALLED),
    "nobody picks up": ([LATE, no_answer("no_answer"), "at: Tue 09:30"],
                        CALLED | {"steps/0/ladder/no_answer", "steps/1", "steps/1/if/true"}),
    "busy": ([LATE, no_answer("busy"), "at: Mon 12:00"], CALLED | {"steps/0/ladder/busy"}),
    "a machine": ([LATE, no_answer("voicemail"), "at: Mon 12:00"], CALLED | {"steps/0/ladder/voicemail"}),
    "reached": ([LATE, REACHED, "at: Tue 09:30"], CALLED | {"steps/1/if/false", "steps/2"}),
    "the draft dies when they are reached": (
        [LATE, "at: Tue 09:30\noutcome: {call: anna, reached: true}", "at: Tue 10:00"],
        CALLED | {"steps/1", "steps/1/if/true", "steps/1/if/false", "steps/2"}),
    "it arrives": ([LATE, "at: Mon 10:00\nevent: {type: delivery.arrived, data: {order_id: o1}}"], CALLED | {"if_resolved"}),
    "they answer": ([LATE, "at: Tue 09:30", "at: Tue 10:00\nreply: {person: anna, text: no}"],
                    CALLED | {"steps/1", "steps/1/if/true", "stop_when"}),
    "they answer before anything is written": ([LATE, "at: Mon 10:00\nreply: {person: anna, text: no}"], CALLED | {"stop_when"}),
    "put right": ([LATE, "at: Mon 10:00\nput_right: {failure: delivery/o1}"], CALLED),
    "moved before": (["at: Mon 08:00\nevent: {type: delivery.promise_moved, data: {order_id: o1, person_id: anna, promised_for: '2026-03-20T09:00:00Z', was_promised_for: '2026-03-10T09:00:00Z'}}", LATE],
                     CALLED | {"supersedes/other"}),
}  # fmt: skip


@pytest.mark.parametrize(("script", "places"), SEEN.values(), ids=list(SEEN))
def test_a_story_has_been_where_it_led(script: list[str], places: set[str]) -> None:
    assert seen(*script) == places


def test_still_open_without_a_branch_is_one_itself() -> None:
    moved = (
        "at: Mon 08:00\nevent: {type: delivery.promise_moved, data: {order_id: o1, person_id: anna,"
        " promised_for: '2026-03-20T09:00:00Z', was_promised_for: '2026-03-10T09:00:00Z'}}"
    )
    arrived = "at: Mon 10:00\nevent: {type: delivery.arrived, data: {order_id: o1}}"
    assert seen(moved, playbook="other") == {"when/delivery.promise_moved", "steps/0"}
    assert seen(moved, arrived, playbook="other") == {"when/delivery.promise_moved", "steps/0", "still_open"}


def test_what_is_missing_is_counted_and_said() -> None:
    coverage = Coverage(rules(), seen={("tutor", place) for place in ALL - {"if/false", "steps/2"}})
    other, tutor = coverage.covered()
    assert (other.percent, tutor.percent) == (0, 86)
    assert str(tutor).splitlines() == [
        "tutor  13 of 15, 86 %", "    if: never false", "    steps/2 (wait) never reached by any story",
    ]  # fmt: skip
    assert other.below(86) == "other: the stories cover 0 % of it, not 86 %"
    assert tutor.below(86) == other.below(0) == ""

"""The story runner: faults have their place, and what is wrong is said in words."""

from __future__ import annotations

import pytest

from outreach.domain.errors import Invalid
from outreach.lab.stories import Told, summary, tell, untold
from outreach.lab.story_reader import read_stories
from tests.service import world

GIVEN = 'given: {account: {id: a1, tier: gold, owner: jonas, people: [{id: anna, role: buyer, phone: "+4930123456"}]}}'
LATE = "event: {type: delivery.delayed, data: {order_id: o1, days_late: 3}}"


def story(*script: str, given: str = GIVEN) -> str:
    return "\n".join(
        [f"story: a story\n{given}\nscript:", *("  - " + entry.replace("\n", "\n    ") for entry in script)]
    )


def told(*script: str, given: str = GIVEN) -> Told:
    (read,) = read_stories("s.yaml", story(*script, given=given), world.own_rules())
    return tell(read, world.own_rules())


# -- what is wrong in a file ---------------------------------------------------------------------------

BROKEN = [
    ("storys: []", "s.yaml:1:1: unknown key `storys`; did you mean stories?"),
    ("stories: []", "s.yaml:1:1: there is no story here; write `stories:` and a list under it"),
    (story("at: Mon 09:00\nevnt: {}"), "s.yaml:5:5: unknown key `evnt`; did you mean event?"),
    (story("at: someday"), "s.yaml:4:9: `someday` is no time; write Mon 09:00, +10d or 2026-03-02T09:00"),
    (story("expect: nothing"), "s.yaml:4:5: a moment needs `at`; write `at: Mon 09:00`"),
    (story("at: Mon 09:00\nevent: {type: delivery.delayd}"), "there is no event type `delivery.delayd`; did you mean delivery.delayed?"),
    (story("at: Mon 09:00\nexpect: {cal: anna}"), "s.yaml:5:13: unknown expectation `cal`; did you mean call?"),
    (story("at: Mon 09:00\nexpect: {call: anna, bye: Mon 13:00}"), "unknown key `bye`; did you mean by?"),
    (story("at: Mon 09:00\nexpect: silence"), "this expects nothing that we know"),
    (story("at: Mon 09:00\nexpect: {failure: delivery/o1, state: opne}"), "`opne` is not one of open, reached"),
    (story("at: Mon 09:00\noutcome: {reached: true}"), "an outcome needs `call`"),
    (story("at: Mon 09:00", given="given: {}"), "nobody is given"),
    ("story: x\nscript: [{at: Mon 09:00}]", "s.yaml:1:1: a story needs `given`"),
    (f"story: x\n{GIVEN}", "a story needs `script`"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "fault"), BROKEN, ids=[fault for _, fault in BROKEN])
def test_a_fault_names_its_place_and_its_remedy(text: str, fault: str) -> None:
    with pytest.raises(Invalid) as found:
        read_stories("s.yaml", text, world.own_rules())
    assert fault in str(found.value)


def test_all_faults_of_a_file_come_at_once() -> None:
    text = story("at: never", "evnt: {}", "at: Mon 09:00\nexpect: {cal: anna}")
    with pytest.raises(Invalid) as found:
        read_stories("s.yaml", text, world.own_rules())
    assert len(found.value.faults) >= 4


# -- what is wrong in the house ------------------------------------------------------------------------

CALL = "at: Mon 09:00\n" + LATE
WRONG = [
    ([CALL, "at: Mon 10:00\nexpect: nothing"],
     "nothing was expected\n        - nothing\n        + {call: anna, because: late-delivery, by: Mon 13:00}"),
    ([CALL + "\nexpect: {call: berta}"],
     "no call to berta is on the desk\n        - {call: berta}\n        + {call: anna, because: late-delivery, by: Mon 13:00}"),
    ([CALL + "\nexpect: {call: anna, because: promise-moved}"], "no call to anna because promise-moved is on the desk"),
    ([CALL + "\nexpect: {call: anna, by: Mon 12:00}"],
     "s.yaml:6:13: at Mon 2 March 09:00: the call to anna is promised by Mon 2 March 13:00, not by Mon 2 March 12:00"),
    ([CALL + "\nexpect: {call: anna, brief: x.md}"], "the call to anna says late-delivery/call.md, not x.md"),
    ([CALL + "\nexpect: {call: anna, hold: [transactional]}"], "transactional to anna is not held back: allow"),
    ([CALL + "\nexpect: {no_call: anna}"], "no call to anna was expected"),
    ([CALL + "\nexpect: {email: anna}"], "no email to anna has left"),
    ([CALL + "\nexpect: {draft: anna}"], "no draft to anna lies ready"),
    ([CALL + "\nexpect: {card: anna, lines: 2}"], "anna's card has 1 lines, not 2"),
    ([CALL + "\nexpect: {failure: delivery/o2}"], "there is no failure delivery/o2; there are: delivery/o1"),
    ([CALL + "\nexpect: {failure: delivery/o1, state: reached}"], "delivery/o1: state is open, not reached"),
    ([CALL + "\nexpect: {failure: delivery/o1, severity: low}"], "delivery/o1: severity is high, not low"),
    ([CALL + "\nexpect: {no_hold: [marketing]}"], "marketing to anna is held back"),
    ([CALL + "\nexpect: {may_send: {person: anna, purpose: marketing, answer: allow}}"],
     "marketing to anna: hold (Held back while late-delivery is open.), not allow"),
    ([CALL + "\nexpect: {run: late-delivery, state: ended}"], "the run of late-delivery is open"),
    ([CALL + "\nexpect: {no_run: late-delivery}"], "late-delivery has started a run"),
    ([CALL + "\nexpect: {question: winback, person: anna}"], "is no question yet; still open: delivery/o1"),
    ([CALL + "\nexpect: {promise: p1, state: kept}"], "there is no promise p1; there are: none"),
    ([CALL + "\nexpect: {unreached: [delivery/o1]}"], "the board of the unreached has nothing"),
    ([CALL, "at: Sun 09:00\noutcome: {call: anna, reached: true}"], "anna may not be called now:"),
    ([CALL, "at: Mon 10:00\noutcome: {call: berta, reached: true}"], "berta has no card on the desk"),
    ([CALL, "at: Mon 10:00\nrelease: {draft: anna}"], "no draft to anna lies ready"),
    (["at: Mon 09:00\nevent: {type: delivery.delayed, data: {days_late: 3}}"],
     "the event delivery.delayed was refused: data.order_id: required"),
    ([CALL, "at: 2026-03-01T09:00"], "`2026-03-01T09:00` is before the moment before it"),
]  # fmt: skip


# What is written, and what there is instead.
DIFFS = [
    ("expect: {call: anna, by: Mon 12:00, caller: ruth}",
     ["- {call: anna, by: Mon 12:00, caller: ruth}", "+ {call: anna, by: Mon 13:00, caller: jonas}"]),
    ("expect: {call: anna, says: that it is 2 days late}",
     ["- {call: anna, says: that it is 2 days late}", '+ {call: anna, says: "– Order o1 is 3 days late."}']),
    ("expect: {call: anna, hold: [marketing, transactional]}",
     ["- {call: anna, hold: [marketing, transactional]}", "+ {call: anna, hold: [marketing]}"]),
    ("expect: {call: anna, hold: [transactional]}", ["- {call: anna, hold: [transactional]}", "+ {call: anna}"]),
    ("expect: [{call: anna}, nothing]", ["- nothing"]),
    ("expect: {promise: p1, state: kept}",
     ["- {promise: p1, state: kept}", "+ {call: anna, because: late-delivery, by: Mon 13:00}"]),
    ("expect: [{failure: delivery/o1, state: reached, severity: low}]",
     ["- {failure: delivery/o1, state: reached, severity: low}", "+ {failure: delivery/o1, state: open, severity: high}"]),
    ("expect: {hold: [marketing, transactional]}",
     ["- {hold: [marketing, transactional]}", "+ {hold: [marketing]}", "+ {no_hold: [transactional]}"]),
    ("expect: {may_send: {person: anna, purpose: marketing, answer: allow}}",
     ["- {may_send: {person: anna, purpose: marketing, answer: allow}}",
      "+ {may_send: {person: anna, purpose: marketing, answer: hold}}"]),
    ("expect: {run: late-delivery, state: ended, reason: completed}",
     ["- {run: late-delivery, state: ended, reason: completed}", "+ {run: late-delivery, state: open}"]),
    ("expect: {no_run: late-delivery}", ["- {no_run: late-delivery}", "+ {run: late-delivery, state: open}"]),
    ("expect: {run: promise-moved}", ["- {run: promise-moved}", "+ {no_run: promise-moved}"]),
    ("expect: {call: anna, on: miriam}", ["- {call: anna, on: miriam}", "+ {call: anna, on: jonas}"]),
    ("expect: {message: anna, state: sent}",
     ["- {message: anna, state: sent}", "+ {call: anna, because: late-delivery, by: Mon 13:00}"]),
    ("expect: {unreached: [delivery/o1]}", ["- {unreached: [delivery/o1]}", "+ {unreached: []}"]),
]  # fmt: skip


@pytest.mark.parametrize(("expect", "diff"), DIFFS, ids=[expect for expect, _ in DIFFS])
def test_what_was_expected_and_what_there_is_stand_line_by_line(expect: str, diff: list[str]) -> None:
    found = told(f"{CALL}\n{expect}")
    assert [line for wrong in found.wrong for line in wrong.diff] == diff, str(found)


@pytest.mark.parametrize("expect", [expect for expect, _ in DIFFS])
def test_what_there_is_holds_when_it_is_told(expect: str) -> None:
    found = told(f"{CALL}\n{expect}")
    instead = [line[2:] for wrong in found.wrong for line in wrong.diff if line.startswith("+")]
    again = told(f"{CALL}\nexpect: [{', '.join(instead)}]")
    assert again.good, str(again)


@pytest.mark.parametrize(("script", "words"), WRONG, ids=[words for _, words in WRONG])
def test_what_is_not_so_is_said_in_words(script: list[str], words: str) -> None:
    found = told(*script)
    assert not found.good
    assert words in str(found), str(found)


GOOD = [
    [CALL + "\nexpect: [{call: anna, by: Mon 13:00, from: Mon 09:00, caller: jonas}, {hold: [marketing]}]"],
    [CALL, "at: Mon 13:00\nexpect: {call: anna, late: false}", "at: Mon 13:01\nexpect: {call: anna, late: true}"],
    [CALL, "at: Mon 13:05\nexpect: [{unreached: [delivery/o1]}, {failure: delivery/o1, climbed: 1}]"],
    [CALL, "at: Sun 09:00\ndial: {call: anna, refused: hours}"],
    [CALL, "at: Mon 10:00\nput_right: {failure: delivery/o1}\nexpect: [nothing, {question: winback, person: anna}]",
     "at: Tue 10:00\nnot_right: {failure: delivery/o1, reason: it broke}\nexpect: {failure: delivery/o1, round: 2}",
     "at: Tue 11:00\nlet_be: {failure: delivery/o1, reason: moved away, by: ruth}\nexpect: {failure: delivery/o1, state: let_be}"],
    [CALL.replace("event: {", "event: {id: e1, "), "at: Mon 10:00\n" + LATE.replace("{type", "{id: e1, answer: duplicate, time: '2026-03-02T09:00', type"),
     "at: Mon 11:00\n" + LATE.replace("days_late: 3", "days_late: 1").replace("{type", "{id: e1, answer: revised, time: '2026-03-02T09:00', type")],
    ["at: Mon 08:00\npublish: {playbook: late-delivery, state: disabled}", CALL + "\nexpect: [nothing, {no_run: late-delivery}]"],
    [CALL, "at: Mon 10:00\nopt_out: {person: anna, channel: call}\ndial: {call: anna, refused: opted_out}"],
]  # fmt: skip

MAIL = GIVEN.replace('phone: "+49', 'email: anna@hotel.example, phone: "+49')
DRAFTED = [CALL + "\nexpect: {call: anna}", "at: Mon 09:30\noutcome: {call: anna, disposition: no_answer}"]
RELEASED = "release: {draft: anna, because: late-delivery}"
TROUBLE = [
    # Colleagues are away, and somebody stands in.
    [CALL + "\nexpect: {call: anna, caller: jonas, on: jonas}",
     "at: Mon 09:10\naway: {who: jonas, cover: miriam, until: +7d}\nexpect: {call: anna, caller: jonas, on: miriam}",
     "at: +1d\nback: {who: jonas}\nexpect: {call: anna, on: jonas}"],
    # The process is killed, and its successor finds everything in the store.
    [CALL, "at: Mon 10:00\ncrash: {why: the power failed}\nexpect: [{call: anna, by: Mon 13:00}, {failure: delivery/o1, state: open}]",
     "at: Mon 13:05\nexpect: {unreached: [delivery/o1]}"],
    # It is killed right after the provider took the message: nobody knows, and it is not sent again.
    [*DRAFTED, f"at: Tue 09:05\nprovider: {{does: crash_after}}\n{RELEASED}\nexpect: {{message: anna, state: sending}}",
     "at: +5m\nexpect: {message: anna, channel: email, because: late-delivery, state: unknown}"],
    [*DRAFTED, f"at: Tue 09:05\nprovider: {{does: crash}}\n{RELEASED}", "at: +5m\nexpect: {message: anna, state: unknown}"],
    # The provider does not take it, and takes it later; refuses it for good; does not say.
    [*DRAFTED, f"at: Tue 09:05\nprovider: {{does: refused}}\n{RELEASED}\nexpect: {{message: anna, state: due}}",
     "at: +1h\nexpect: [{email: anna}, {message: anna, state: sent}]"],
    [*DRAFTED, f"at: Tue 09:05\nprovider: {{does: failed}}\n{RELEASED}\nexpect: [{{message: anna, state: failed}}, {{failure: delivery/o1, state: open}}]"],
    [*DRAFTED, f"at: Tue 09:05\nprovider: {{does: [lost]}}\n{RELEASED}\nexpect: {{message: anna, state: unknown}}"],
]  # fmt: skip


@pytest.mark.parametrize("script", TROUBLE)
def test_what_goes_wrong_in_life_can_be_told(script: list[str]) -> None:
    found = told(*script, given=MAIL)
    assert found.good, str(found)


def test_only_who_is_away_comes_back() -> None:
    assert "jonas is not away" in str(told(CALL, "at: Mon 10:00\nback: {who: jonas}"))


@pytest.mark.parametrize("script", GOOD)
def test_what_is_so_is_good(script: list[str]) -> None:
    found = told(*script)
    assert found.good, str(found)
    assert str(found) == "ok    a story  (s.yaml:1)"


def test_a_summary_counts_by_playbook() -> None:
    good, bad = told(CALL), told(CALL + "\nexpect: nothing")
    assert summary([good, good, bad]) == ["  s  3 stories, 1 not as told"]
    assert summary([good]) == ["  s  1 story"]


def test_a_playbook_without_its_two_stories_is_named() -> None:
    (read,) = read_stories(
        "playbooks/stories/late-delivery.yaml",
        story(CALL + "\nexpect: {call: anna, because: late-delivery}"),
        world.own_rules(),
    )
    found = untold([read], world.own_rules())
    assert (
        "late-delivery: no story in playbooks/stories/late-delivery.yaml tells when it keeps silent" in found
    )
    assert not any(words.startswith("late-delivery: no story") and "contacts" in words for words in found)

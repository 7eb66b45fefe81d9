"""Why, and why not: each kind of no, how a run stands, and as it was at a moment."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest

from outreach.domain.errors import NotFound
from outreach.domain.evaluate import Ruleset
from outreach.domain.facts import Trace, Verdict
from outreach.lab.scratch import Scratch
from outreach.lab.simulate import simulate
from outreach.service import care, desk, moving, publishing, workbench
from outreach.service.why import judged, why
from outreach.service.why_told import Answer, Point, Why, of_trace, spell
from tests.service.test_moving import CALL as MOVED_CALL
from tests.service.test_moving import MAIL as MOVED_MAIL
from tests.service.test_moving import house as moved_house
from tests.service.world import event, give, give_person, house, rules_with, run_of, touches

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
GOLDEN = Path(__file__).parent / "golden"
HEAD = "purpose: service_recovery\nseverity: medium\nwhen: delivery.delayed\nhold: none\n"
CALL = "steps: [{call: hurt_person, brief: x/call.md}]\n"
MAIL = "steps: [{email: hurt_person, template: x/mail.md, review: none}]\n"
SELLS = "purpose: marketing\nwhen: order.placed\nsteps: [{email: hurt_person, template: x/offer.md, review: none}]\n"


def asked(home: Scratch, playbook: str = "late", **more: Any) -> Why:
    """The newest answer about that playbook."""
    return why(home.outside, "a1", playbook=playbook, **more).rows[0]


def late(home: Scratch, id_: str, days: int = 3, order: str = "o1", **more: Any) -> None:
    home.take_in(
        event(home, "delivery.delayed", id_, order_id=order, days_late=days, person_id="anna", **more)
    )


def codes(point: Point) -> list[str]:
    return [point.code, *(code for part in point.parts for code in codes(part))]


def say(home: Scratch, playbook: str, state: str, percent: int = 100, why_: str = "strike") -> None:
    publishing.publish(home.outside, playbook, state, "ruth", why_, percent)


@pytest.fixture
def one() -> Ruleset:
    return rules_with({"late": HEAD + "if: event.days_late >= 2\nonce_per: event.order_id\n" + CALL})


# -- why nothing started -------------------------------------------------------------------------------


def test_a_plain_no_has_the_value_then(one: Ruleset) -> None:
    with house(one) as home:
        give(home)
        late(home, "1", days=1)
        row = asked(home)
    assert row.outcome == "no" and row.decided_at is None
    assert row.sentence == (
        "late: its condition does not hold; event.days_late >= 2 does not hold (event.days_late was 1)."
    )
    assert list(row.tree.lines()) == [
        "✗ late: its condition does not hold",
        "  ✗ event.days_late >= 2 does not hold (event.days_late was 1)",
    ]


def test_cannot_tell_names_the_missing_field() -> None:
    with house(rules_with({"late": HEAD + 'if: account.tier == "gold"\n' + CALL})) as home:
        give(home)
        late(home, "1")
        row = asked(home)
    assert row.outcome == "cannot_tell" and row.decided_at is not None
    assert row.tree.parts[0].missing == ("account.tier",)
    assert "account.tier is missing" in row.sentence and "? late" in next(row.tree.lines())


def test_once_per_shows_the_run_that_there_was(one: Ruleset) -> None:
    with house(one) as home:
        give(home)
        late(home, "1")
        home.advance(HOUR)
        late(home, "2", days=4)
        row = asked(home)
    assert row.outcome == "once_per"
    assert "one run for o1, for ever, and that began 2 Mar 2026 09:00" in row.sentence
    assert "run" in codes(row.tree)


STOPPED = [
    ("once_per: event.order_id\nif_running: ignore\n", "if_running", "about delivery/o1, begun 2 Mar 2026 09:00, was open"),
    ("once_per: event.order_id\ncooldown: 14d\n", "cooldown", "so none until 16 Mar 2026 09:00"),
]  # fmt: skip


@pytest.mark.parametrize(("keys", "code", "words"), STOPPED)
def test_a_run_that_is_open_and_one_that_was_lately(keys: str, code: str, words: str) -> None:
    with house(rules_with({"late": HEAD + keys + CALL})) as home:
        give(home)
        late(home, "1")
        home.advance(HOUR)
        late(home, "2", order="o2")
        row = asked(home)
    assert row.outcome == code and f"stopped.{code}" in codes(row.tree) and words in row.sentence


def test_what_was_learnt_too_late(one: Ruleset) -> None:
    with house(one) as home:
        give(home)
        late(home, "1", time=home.now - 20 * DAY)
        row = asked(home)
    assert row.outcome == "too_late"
    assert "horizon of 2w: it was 20.0 days old when we learnt of it" in row.sentence


def test_the_comparison_group_is_said_to_be_one() -> None:
    half = SELLS.replace("when:", "holdout: 50\nwhen:")
    with house(rules_with({"sells": half})) as home:
        outcomes = set()
        for account in ("a1", "a2", "a3", "a4", "a5", "a6"):
            give(home, account)
            home.take_in(event(home, "order.placed", account, account, order_id=account, amount=100))
            (row,) = why(home.outside, account).rows
            outcomes.add(row.outcome)
            assert (row.outcome == "holdout") == ("comparison group" in row.sentence)
    assert outcomes == {"holdout", "started"}


def test_paused_disabled_and_outside_the_percentage(one: Ruleset) -> None:
    with house(one) as home:
        give(home)
        say(home, "late", "disabled")
        late(home, "1")
        assert "disabled by ruth 2 Mar 2026 09:00: strike" in asked(home).sentence
        home.advance(HOUR)
        say(home, "late", "percent", 1, "try it")
        late(home, "2", order="o2")
        row = asked(home)
        assert row.outcome == "not_live" and "live for 1 % of accounts; this one stands at" in row.sentence
        then = asked(home, at=home.now - HOUR)
        assert "disabled by ruth" in then.sentence, "what was said by then"


def test_a_pause_is_told_however_much_else_is_written_of_the_playbook(one: Ruleset) -> None:
    with house(one) as home:
        give(home)
        say(home, "late", "paused")
        with home.database.unit() as unit:
            for _ in range(1001):
                unit.audit(home.now, "jonas", desk.POINTLESS_CALL, "playbook/late", "solved touch/1")
        late(home, "1")
        assert "paused by ruth 2 Mar 2026 09:00: strike" in asked(home).sentence


def test_what_came_while_it_was_paused_is_judged_later(one: Ruleset) -> None:
    with house(one) as home:
        give(home)
        say(home, "late", "paused")
        late(home, "1")
        row = asked(home)
        assert row.outcome == "paused" and "stopped.paused" in codes(row.tree)
        assert (
            "paused by ruth 2 Mar 2026 09:00: strike; it is judged once the playbook goes on" in row.sentence
        )
        found = simulate(home.database, one, home.now, "a1", days=2)
        assert not any("a run started" in point.words for point in found.timeline)
        home.advance(HOUR)
        say(home, "late", "live")
        found = simulate(home.database, one, home.now, "a1", days=2)
        assert "late: a run started" in [point.words for point in found.timeline], (
            "what it missed is taken over"
        )
        home.settle()
        desk.put_right(home.outside, "a1", "delivery/o1", "jonas", "customer", "")
        assert asked(home).outcome == "started"


def test_shadow_says_so_of_run_and_contact(one: Ruleset) -> None:
    with house(one) as home:
        give(home)
        say(home, "late", "shadow")
        late(home, "1")
        row = asked(home)
    assert row.outcome == "started" and "it runs in shadow" in row.sentence
    assert {"shadow", "touch.shadow", "published"} <= set(codes(row.tree))


def test_a_playbook_that_heard_of_nothing_says_what_it_listens_to(one: Ruleset) -> None:
    with house(rules_with({"late": HEAD + CALL, "sells": SELLS})) as home:
        give(home)
        late(home, "1")
        answer = why(home.outside, "a1", playbook="sells")
        everything = why(home.outside, "a1")
        late_only = why(home.outside, "a1", event="1", playbook="sells")
    assert answer.rows == ()
    assert [each.words for each in answer.not_listening] == [
        "sells listens to order.placed; a1 has had none of these since 2 Mar 2026 09:00, when we first heard of it."
    ]
    assert [each.playbook for each in everything.not_listening] == ["sells"]
    assert [each.playbook for each in late_only.not_listening] == ["sells"]


def test_what_is_unknown_is_said_with_what_may_have_been_meant(one: Ruleset) -> None:
    with house(one) as home:
        give(home, "hotel-weber")
        for wrong, words in (
            ({"account": "hotel-webr"}, "There is no account hotel-webr; did you mean hotel-weber?"),
            (
                {"account": "hotel-weber", "playbook": "latte"},
                "There is no playbook latte; did you mean late?",
            ),
            ({"account": "hotel-weber", "event": "9"}, "hotel-weber has had no event 9."),
        ):
            with pytest.raises(NotFound) as fault:
                why(home.outside, **wrong)
            assert str(fault.value) == words


def test_what_waits_at_the_door_is_told(one: Ruleset) -> None:
    with house(one) as home:
        give(home)
        late(home, "1", time=home.now + DAY)
        answer = why(home.outside, "a1")
    assert answer.notes == ("delivery.delayed waits until 3 Mar 2026 09:00: it is dated ahead.",)


# -- how a run stands ----------------------------------------------------------------------------------


def obstacles(row: Why) -> list[Point]:
    """What stands in the way of the run's open contacts."""
    run = next(part for part in row.tree.parts if part.code == "run")
    return [each for part in run.parts if part.code == "touch" for each in part.parts]


def test_a_call_at_night_waits_for_the_hour_and_says_which() -> None:
    with house(rules_with({"late": HEAD + CALL})) as home:
        give(home)
        home.advance(14 * HOUR)
        late(home, "1")
        row = asked(home)
    (obstacle,) = obstacles(row)
    assert obstacle.code == "hours" and obstacle.until is not None
    assert (
        "on the desk; it may be dialled from 3 Mar 2026 08:00; waits until 3 Mar 2026 08:00" in row.sentence
    )


def test_held_by_what() -> None:
    held = HEAD.replace("hold: none", "hold: {purposes: [marketing], scope: account, at_most: 30d}")
    rules = rules_with({"late": held.replace("medium", "high") + CALL, "sells": SELLS})
    with house(rules) as home:
        give(home, kind="private")
        home.take_in(event(home, "consent.given", "c", "person:anna", person_id="anna", purpose="marketing"))
        late(home, "1")
        home.take_in(event(home, "order.placed", "2", order_id="o2", amount=100, person_id="anna"))
        row = asked(home, "sells")
    (obstacle,) = obstacles(row)
    assert obstacle.code == "held" and "Held back while something is open (late)" in row.sentence
    assert obstacle.parts[0].words == "held by late about delivery/o1 at a1, since 2 Mar 2026 09:00"


CAPPED = HEAD + "once_per: event.order_id\n" + MAIL


def test_over_which_cap_and_what_counted() -> None:
    with house(rules_with({"late": CAPPED})) as home:
        give(home)
        for number in range(1, 6):
            late(home, str(number), order=f"o{number}")
            home.settle()
            home.advance(timedelta(minutes=5))
        found = [
            point
            for row in why(home.outside, "a1").rows
            if row.outcome == "started"
            for point in walk(row.tree)
        ]
    capped = [point for point in found if point.code.startswith("cap_")]
    assert capped, [point.code for point in found]
    assert "At most" in capped[0].words and "so far" in capped[0].words
    assert {part.code for part in capped[0].parts} == {"contact"}


def walk(point: Point) -> list[Point]:
    return [point, *(each for part in point.parts for each in walk(part))]


def test_behind_whom_a_mail_waits() -> None:
    urgent = CAPPED.replace("medium", "high").replace("review: none", "review: owner")
    slow = CAPPED.replace("medium", "low")
    with house(rules_with({"late": slow, "urgent": urgent.replace("hold: none\n", "hold: none\nif_resolved: {template: x/mail.md}\n")})) as home:  # fmt: skip
        give(home)
        late(home, "1")
        home.settle()
        row = asked(home)
    (obstacle,) = obstacles(row)
    assert obstacle.code == "outranked" and obstacle.until is None
    assert obstacle.parts[0].words.startswith("urgent goes first: high, begun 2 Mar 2026 09:00")


def test_beaten_by_a_playbook_that_goes_before_it() -> None:
    rules = rules_with(
        {
            "late": HEAD + CALL,
            "worse": HEAD.replace("hold: none\n", "hold: none\nsupersedes: [late]\n") + CALL,
        }
    )
    with house(rules) as home:
        give(home)
        late(home, "1")
        row = asked(home)
    assert "a playbook that goes before it has begun; it made room for worse" in row.sentence
    assert "beaten.superseded" in codes(row.tree)


def test_two_calls_are_one_conversation_and_who_has_it() -> None:
    with house(rules_with({"late": HEAD + CALL, "also": HEAD + CALL})) as home:
        give(home)
        late(home, "1")
        (card,) = {touch.card for touch in touches(home)}
        desk.claim(home.outside, str(card), "jonas")
        row = asked(home)
    lines = list(row.tree.lines())
    assert any("jonas has the card" in line for line in lines)
    assert any("one conversation with also about delivery/o1" in line for line in lines)


def test_what_will_be_dropped_is_said_before_it_is() -> None:
    with house(rules_with({"late": CAPPED.replace("review: none", "review: owner")})) as home:
        give(home)
        late(home, "1")
        home.settle()
        care.opt_out(home.outside, "anna", "email", "she said so", "jonas")
        row = asked(home)
    assert "as things stand it will not be made" in row.sentence and "They opted out (email)" in row.sentence


def test_the_kill_switch_and_a_pause_have_no_end_that_is_known(one: Ruleset) -> None:
    with house(rules_with({"late": CAPPED})) as home:
        give(home)
        workbench.stop_all(home.outside, "ruth", "wrong prices")
        late(home, "1")
        home.settle()
        answer = why(home.outside, "a1")
    (obstacle,) = obstacles(answer.rows[0])
    assert (obstacle.code, obstacle.until) == ("kill_switch", None)
    assert "All sending is stopped by the kill switch." in answer.notes
    assert "it waits, and no end of that is known" in answer.rows[0].sentence


def test_a_run_that_was_moved_stands_and_says_so() -> None:
    with moved_house(MOVED_CALL) as (home, files):
        files.write(MOVED_CALL + MOVED_MAIL)
        moving.move(home.outside, "lost", "ruth", "the new words")
        row = asked(home, "lost")
    assert row.outcome == "moved" and next(row.tree.lines()).startswith(
        "✓ lost: a run started, and was moved to a newer"
    )
    assert "Call (step 1) to p1: on the desk" in row.sentence


# -- as it was then ------------------------------------------------------------------------------------


def test_as_it_was_at_a_moment(one: Ruleset) -> None:
    with house(one) as home:
        give(home)
        late(home, "1")
        then: datetime = home.now
        home.advance(DAY)
        late(home, "2", order="o2")
        desk.put_right(home.outside, "a1", "delivery/o1", "jonas", "customer", "")
        now, before = why(home.outside, "a1"), why(home.outside, "a1", at=then + HOUR)
        (ended,) = [row for row in now.rows if row.event.id == "1"]
    assert now.is_now and "what went wrong is put right" in ended.sentence
    assert [row.event.id for row in before.rows] == ["1"] and not before.is_now
    assert "put right" not in before.rows[0].sentence and "it was open then" in " ".join(
        before.rows[0].tree.lines()
    )
    assert any("today's" in note for note in before.notes)


def test_an_event_that_was_taken_back_still_tells_what_became_of_it() -> None:
    with house(rules_with({"late": HEAD + "if: event.days_late >= 2\n" + CALL})) as home:
        give(home)
        late(home, "1")
        home.take_in(event(home, "delivery.delayed", "1", order_id="o1", days_late=1, person_id="anna"))
        row = asked(home)
    assert row.outcome == "started", "decided once, on the content it had then"
    assert "a late or revised event says that it was never justified" in row.sentence


# -- three ways of telling -----------------------------------------------------------------------------


def told() -> Answer:
    with house(rules_with({"late": HEAD + "if: event.days_late >= 2 or account.tier == \"gold\"\nonce_per: event.order_id\n" + CALL})) as home:  # fmt: skip
        give(home, tier="silver")
        give_person(home, "bea", ["a1"])
        home.advance(12 * HOUR)
        late(home, "1", days=1, order="o0")
        late(home, "2")
        home.advance(HOUR)
        late(home, "3", days=5)
        return why(home.outside, "a1")


def test_the_tree_is_as_it_was(request: pytest.FixtureRequest) -> None:
    """Change golden/why.txt by hand, after having read it."""
    lines = [line for row in told().rows for line in (row.sentence, *row.tree.lines(1))]
    versions = {
        run.words.rpartition(" ")[2] for row in told().rows for run in walk(row.tree) if run.code == "run"
    }
    text = "\n".join(lines) + "\n"
    for version in versions:
        text = text.replace(version, "VERSION")
    assert text == (GOLDEN / "why.txt").read_text()


def test_the_json_has_the_shape_that_is_documented() -> None:
    answer = orjson.loads(orjson.dumps(told().as_json()))
    assert answer.keys() == {"account", "at", "as_of", "rows", "not_listening", "notes", "more"}
    for row in answer["rows"]:
        assert row.keys() == {"event", "playbook", "outcome", "decided_at", "sentence", "tree"}
        assert row["event"].keys() == {"ref", "type", "time", "arrived"}
        check_point(row["tree"])
    assert "+49" not in str(answer) and "@" not in str(answer)


def check_point(point: dict[str, Any]) -> None:
    assert {"mark", "code", "words"} <= point.keys()
    assert point.keys() <= {"mark", "code", "words", "at", "until", "values", "missing", "parts"}
    assert point["mark"] in ("for", "against", "unsure", "note") and point["code"] and point["words"]
    for part in point.get("parts", ()):
        check_point(part)


def test_nothing_is_written_by_asking(one: Ruleset) -> None:
    with house(one) as home:
        give(home)
        late(home, "1")
        with home.database.view() as unit:
            before = unit.bulk.rows("select (select count(*) from touch), (select count(*) from decision)")
        touch, run = touches(home), run_of(home, "late")
        why(home.outside, "a1")
        assert judged(home.outside, "a1", 50)
        with home.database.view() as unit:
            assert (
                unit.bulk.rows("select (select count(*) from touch), (select count(*) from decision)")
                == before
            )
        assert (touches(home), run_of(home, "late")) == (touch, run)


def test_an_account_with_one_event_is_told_who_heard_of_nothing() -> None:
    with house() as home:
        home.take_in(event(home, "account.described", "d1", name="Grill"))
        assert {each.playbook for each in why(home.outside, "a1").not_listening} == set(
            home.outside.rules().playbooks
        )


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (None, "was not known"),
        (True, "was true"),
        (False, "was false"),
        (1.0, "was 1"),
        (11.3333333, "was 11.33"),
        (3, "was 3"),
        (0.0, "was 0"),
        (120.0, "was 120"),
        ("gold", "was gold"),
        ("2026-03-02T08:00:00+00:00", "was 2 Mar 2026 09:00"),
        (datetime(2026, 3, 2, 8, tzinfo=UTC), "was 2 Mar 2026 09:00"),
        ("2026-03-02", "was 2026-03-02"),
        (["a", 1.0, None], "was a, 1, not known"),
    ],
)
def test_values_are_told_as_people_read_them_and_programs_get_them_as_they_are(
    value: Any, words: str
) -> None:
    trace = Trace("if", "event.x == 1", Verdict.FALSE, (("event.x", value),))
    assert spell(trace, "Europe/Berlin") == f"event.x == 1 does not hold (event.x {words})"
    assert of_trace(trace, "Europe/Berlin").as_json()["values"] == {"event.x": value}

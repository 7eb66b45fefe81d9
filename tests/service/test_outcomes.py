"""What was said of a conversation can be taken back for a moment; then it is written down, and nothing of it is lost."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import Any

import pytest

from outreach.domain.errors import NotFound, OutreachError, Refused
from outreach.domain.facts import Channel
from outreach.domain.talk import SECOND_THOUGHTS, Outcome, PromiseMade, Said, Wished
from outreach.domain.touch import Disposition, Status
from outreach.lab.scratch import Scratch
from outreach.service import cards, desk, outcomes, privacy, sweep
from tests.service.test_failures import ID, card, lost
from tests.service.world import event, failure, give, house, touches

REACHED = Disposition.REACHED
MOMENT, DAY = timedelta(seconds=1), timedelta(days=1)


def let_down(home: Scratch) -> str:
    give(home)
    lost(home, person_id="anna")
    return card(home)


def waiting(home: Scratch, by: str = "jonas") -> list[Said]:
    with home.database.view() as unit:
        return unit.said_of(by)


def test_nothing_is_written_down_before_the_moment_is_over() -> None:
    with house() as home:
        id_ = let_down(home)
        outcomes.say(home.outside, id_, "jonas", Outcome(REACHED, note="In tears."))
        home.advance(SECOND_THOUGHTS - MOMENT)
        assert failure(home, ID).state == "open" and len(waiting(home)) == 1
        home.advance(MOMENT)
        assert failure(home, ID).state == "reached" and waiting(home) == []


def test_what_is_taken_back_has_not_happened() -> None:
    with house() as home:
        id_ = let_down(home)
        promise = PromiseMade("a new grill", home.now + timedelta(hours=3))
        said = outcomes.say(home.outside, id_, "jonas", Outcome(REACHED, promise=promise, put_right=[ID]))
        taken = outcomes.take_back(home.outside, said.card, said.id, "jonas")
        assert (taken.outcome.promise, list(taken.outcome.put_right)) == (promise, [ID])
        home.advance(timedelta(minutes=5))
        assert failure(home, ID).state == "open" and card(home) == id_
        with home.database.view() as unit:
            state = unit.account("a1")
        assert state is not None and not state.promises


def test_it_is_too_late_once_it_is_written_down() -> None:
    with house() as home:
        said = outcomes.say(home.outside, let_down(home), "jonas", Outcome(REACHED))
        home.advance(SECOND_THOUGHTS)
        with pytest.raises(Refused, match="written down already"):
            outcomes.take_back(home.outside, said.card, said.id, "jonas")
        assert failure(home, ID).state == "reached"


def test_a_colleague_cannot_take_it_back_nor_have_the_card_meanwhile() -> None:
    with house() as home:
        id_ = let_down(home)
        said = outcomes.say(home.outside, id_, "jonas", Outcome(REACHED))
        with pytest.raises(Refused):
            outcomes.take_back(home.outside, said.card, said.id, "miriam")
        with pytest.raises(Refused, match="just been said"):
            outcomes.say(home.outside, id_, "miriam", Outcome(Disposition.NO_ANSWER))
        home.advance(SECOND_THOUGHTS)
        assert failure(home, ID).state == "reached"


def test_what_would_be_refused_is_refused_at_once() -> None:
    with house() as home:
        id_ = let_down(home)
        desk.claim(home.outside, id_, "miriam")
        with pytest.raises(Refused, match="miriam has this card"):
            outcomes.say(home.outside, id_, "jonas", Outcome(REACHED))
        with pytest.raises(Refused, match="at least one line"):
            outcomes.say(home.outside, id_, "miriam", Outcome(REACHED, touches=["none"]))
        assert waiting(home) == [] == waiting(home, "miriam")


def test_the_next_word_on_the_same_card_writes_the_one_before_down() -> None:
    """Two lines, settled one after the other within ten seconds: neither is lost."""
    with house() as home:
        id_ = let_down(home)
        lost(home, "2", "o2", person_id="anna")
        first, second = [touch.id for touch in touches(home) if touch.card == id_ and touch.is_open]
        outcomes.say(home.outside, id_, "jonas", Outcome(REACHED, touches=[first]))
        outcomes.say(home.outside, id_, "jonas", Outcome(REACHED, touches=[second]))
        assert {failure(home, "delivery/o1").state, failure(home, "delivery/o2").state} == {"open", "reached"}
        home.advance(SECOND_THOUGHTS)
        assert {failure(home, "delivery/o1").state, failure(home, "delivery/o2").state} == {"reached"}


def test_whatever_became_of_the_card_what_was_said_holds() -> None:
    """Put right by themselves meanwhile, so that the card is closed: they spoke, and they want no calls."""
    with house() as home:
        id_ = let_down(home)
        promise = PromiseMade("a courier", home.now + DAY)
        outcome = Outcome(
            Disposition.DO_NOT_CALL,
            note="Never again.",
            promise=promise,
            wishes=[Wished("name", "Frau Berg")],
        )
        outcomes.say(home.outside, id_, "jonas", outcome)
        desk.put_right(home.outside, "a1", ID, "jonas", "customer", "")
        home.advance(SECOND_THOUGHTS)
        assert waiting(home) == []
        with home.database.view() as unit:
            anna, state = unit.people(["anna"])["anna"], unit.account("a1")
            (settled,) = unit.last_of("a1", "contact.settled")
        assert "call" in anna.opted_out and anna.preferences[0].value == "Frau Berg"
        assert state is not None and [kept.what for kept in state.promises.values()] == ["a courier"]
        assert settled.data["note"] == "Never again."


def test_nobody_rings_them_while_it_is_being_written_down() -> None:
    with house() as home:
        id_ = let_down(home)
        outcomes.say(home.outside, id_, "jonas", Outcome(REACHED, put_right=[ID]))
        for act in (
            lambda: desk.let_go(home.outside, id_, "jonas"),
            lambda: desk.claim(home.outside, id_, "miriam"),
            lambda: desk.dial(home.outside, id_, "jonas"),
            lambda: cards.snooze(home.outside, id_, "jonas", home.now + DAY, "later"),
            lambda: cards.hand_over(home.outside, id_, "jonas", "miriam", "yours"),
            lambda: cards.write_instead(home.outside, id_, "jonas"),
            lambda: outcomes.settle(home.outside, id_, "jonas", Outcome(Disposition.BUSY)),
        ):
            with pytest.raises(Refused, match="just been said"):
                act()
        home.advance(SECOND_THOUGHTS)
        assert failure(home, ID).state == "put_right"


def test_two_records_turn_out_to_be_one_human_meanwhile() -> None:
    """The younger card is closed and its lines are on the older one: they are settled all the same."""
    with house() as home:
        let_down(home)
        give(home, "a2", "ben")
        home.take_in(event(home, "delivery.lost", "9", "a2", order_id="o9", person_id="ben"))
        (younger,) = {touch.card or "" for touch in touches(home, "a2")}
        outcomes.say(home.outside, younger, "jonas", Outcome(REACHED))
        home.take_in(event(home, "link.confirmed", "l", "person:anna", a="anna", b="ben", by="jonas"))
        home.advance(SECOND_THOUGHTS)
        assert failure(home, "delivery/o9", "a2").state == "reached"
        assert [touch.status for touch in touches(home, "a2") if touch.channel is Channel.CALL] == [
            Status.SETTLED
        ]


def test_it_happened_when_it_was_said() -> None:
    """The clock was down for hours; what time made of the silence is told anew."""
    with house() as home:
        id_ = let_down(home)
        home.clock.set(home.now + timedelta(hours=3, minutes=59))
        outcomes.say(home.outside, id_, "jonas", Outcome(REACHED))
        at = home.now
        home.clock.set(home.now + timedelta(hours=6))
        home.settle()
        with home.database.view() as unit:
            (settled,) = unit.last_of("a1", "contact.settled")
        assert settled.time == at and failure(home, ID).climbed == 0
        assert failure(home, ID).state == "reached"


def test_a_failure_that_is_not_theirs_is_refused_at_once() -> None:
    with house() as home:
        id_ = let_down(home)
        for outcome in (
            Outcome(REACHED, put_right=["delivery/none"]),
            Outcome(REACHED, promise=PromiseMade("x", home.now + DAY, "x" * 30_000)),
        ):
            with pytest.raises(NotFound):
                outcomes.say(home.outside, id_, "jonas", outcome)
        assert waiting(home) == []


def test_a_line_that_came_after_is_not_settled_with_it() -> None:
    with house() as home:
        id_ = let_down(home)
        outcomes.say(home.outside, id_, "jonas", Outcome(REACHED))
        lost(home, "2", "o2", person_id="anna")
        home.advance(SECOND_THOUGHTS)
        assert failure(home, ID).state == "reached" and failure(home, "delivery/o2").state == "open"


def test_what_breaks_is_tried_again_and_keeps_nothing_else_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    with house() as home:
        let_down(home)
        give(home, "a2", "ben")
        home.take_in(event(home, "delivery.lost", "9", "a2", order_id="o9", person_id="ben"))
        found = {touch.card or "" for account in ("a1", "a2") for touch in touches(home, account)}
        put_down, bad = outcomes._put_down, min(found)
        for each in found:
            outcomes.say(home.outside, each, "jonas", Outcome(REACHED))

        def breaks(ledger: Any, card: str, *more: Any) -> None:
            if card == bad:
                raise KeyError("no such playbook")
            put_down(ledger, card, *more)

        monkeypatch.setattr(outcomes, "_put_down", breaks)
        home.advance(SECOND_THOUGHTS)
        (kept,) = waiting(home)
        assert kept.card == bad and kept.fault == outcomes.BROKE
        with home.database.view() as unit:
            assert unit.said_cards(home.now - DAY) == set(), "it is on the desk again"
        desk.let_go(home.outside, bad, "jonas")
        assert desk.claim(home.outside, bad, "miriam").claimed_by == "miriam", "and anybody may take it"
        desk.let_go(home.outside, bad, "miriam")
        monkeypatch.undo()
        home.advance(timedelta(hours=1))
        assert waiting(home) == []


def test_do_not_call_and_what_they_like_come_with_it() -> None:
    with house() as home:
        id_ = let_down(home)
        outcome = Outcome(Disposition.DO_NOT_CALL, wishes=[Wished("hours", "after 16:00")])
        outcomes.say(home.outside, id_, "jonas", outcome)
        home.advance(SECOND_THOUGHTS)
        with home.database.view() as unit:
            anna = unit.people(["anna"])["anna"]
        assert "call" in anna.opted_out and [wish.value for wish in anna.preferences] == ["after 16:00"]


def test_whoever_is_erased_is_not_in_what_waits() -> None:
    with house() as home:
        outcomes.say(home.outside, let_down(home), "jonas", Outcome(REACHED, note="Anna has a new number."))
        privacy.erase(home.outside, "anna", "otto", "asked for it")
        assert waiting(home) == []


def test_undo_and_the_clock_at_once() -> None:
    """Either it is taken back or it is written down: never both, never neither."""
    for _ in range(20):
        with house() as home:
            said = outcomes.say(home.outside, let_down(home), "jonas", Outcome(REACHED))
            home.clock.set(said.due)
            gate, taken = threading.Barrier(2), []

            def undo(
                home: Scratch = home,
                said: Said = said,
                gate: threading.Barrier = gate,
                taken: list[bool] = taken,
            ) -> None:
                gate.wait()
                try:
                    outcomes.take_back(home.outside, said.card, said.id, "jonas")
                    taken.append(True)
                except OutreachError:
                    taken.append(False)

            thread = threading.Thread(target=undo)
            thread.start()
            gate.wait()
            sweep.tick(home.outside)
            thread.join()
            sweep.tick(home.outside)
            assert (failure(home, ID).state == "open") == taken[0]
            assert waiting(home) == []
            assert Status.SETTLED in {t.status for t in touches(home)} or taken[0]

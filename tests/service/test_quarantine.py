"""What came in wrong is taken in again once it is right; the rest stays, and nothing is lost."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import orjson
import pytest

from outreach.domain.errors import NotFound, Refused
from outreach.domain.evaluate import Ruleset
from outreach.lab.scratch import Scratch
from outreach.service import intake, quarantine
from outreach.service.quarantine import Which
from outreach.store.unit import StoreUnit
from tests.service import world
from tests.service.world import event, failure, give, house, runs

NARROW = "delivery.lost"


class Rules:
    """A vocabulary that does not know lost deliveries yet, and learns it."""

    def __init__(self) -> None:
        self.whole = world.own_rules()
        types = {name: kind for name, kind in self.whole.vocabulary.types.items() if name != NARROW}
        self.now: Ruleset = replace(self.whole, vocabulary=replace(self.whole.vocabulary, types=types))

    def __call__(self) -> Ruleset:
        return self.now

    def mend(self) -> None:
        self.now = self.whole


def open_ids(home: Scratch, **which: Any) -> list[str]:
    with home.database.view() as unit:
        return [row.id for row in unit.quarantined(**which, limit=10_000)]


def lost(home: Scratch, count: int, start: str = "") -> None:
    home.take_in(*[event(home, NARROW, f"{start}{i}", order_id=f"{start}o{i}") for i in range(count)])


def test_what_now_passes_is_taken_in_and_the_rest_stays() -> None:
    rules = Rules()
    with house(rules) as home:  # type: ignore[arg-type]
        give(home)
        lost(home, 3)
        home.take_in({**event(home, "delivery.delayed", "w"), "data": {}})
        assert len(open_ids(home)) == 4 and runs(home) == []
        assert quarantine.replay_all(home.outside, Which(), "otto").taken == 0, "not mended yet"
        rules.mend()
        done = quarantine.replay_all(home.outside, Which(), "otto")
        assert (done.taken, done.still_wrong, done.more) == (3, 1, False)
        assert done.sentence == "Taken in: 3. Still wrong: 1."
        assert len(open_ids(home)) == 1 and all(failure(home, f"delivery/o{i}") for i in range(3))
        was = len(runs(home))
        again = quarantine.replay_all(home.outside, Which(type=NARROW), "otto")
        assert again.sentence == "There is nothing to take in again." and len(runs(home)) == was


def test_more_than_one_asks_for_is_told_and_asking_again_goes_on() -> None:
    rules = Rules()
    with house(rules) as home:  # type: ignore[arg-type]
        give(home)
        lost(home, 7)
        rules.mend()
        first = quarantine.replay_all(home.outside, Which(), "otto", most=4)
        assert (first.taken, first.more) == (4, True) and "ask again" in first.sentence
        rest = quarantine.replay_all(home.outside, Which(), "otto", after=first.after, most=4)
        assert (rest.taken, rest.more, open_ids(home)) == (3, False, [])


def test_only_those_that_were_asked_for() -> None:
    rules = Rules()
    with house(rules) as home:  # type: ignore[arg-type]
        give(home)
        lost(home, 2)
        home.take_in({**event(home, "delivery.delayed", "w"), "data": {}, "source": "other 100%"})
        assert len(open_ids(home, type_=NARROW)) == 2
        assert len(open_ids(home, source="other 100%")) == 1
        assert len(open_ids(home, about="DELIVERY.LOST")) == 2 and open_ids(home, about="100%") == []
        rules.mend()
        done = quarantine.replay_all(home.outside, Which(source="other 100%"), "otto")
        assert (done.taken, done.still_wrong) == (0, 1) and len(open_ids(home)) == 3


def test_several_are_discarded_with_one_reason_and_stay_in_the_records() -> None:
    with house(Rules()) as home:  # type: ignore[arg-type]
        lost(home, 3)
        ids = open_ids(home)
        with pytest.raises(Refused, match="Say why"):
            quarantine.discard(home.outside, ids, "otto", " ")
        assert quarantine.discard(home.outside, ids[:2], "otto", "a test of ours") == 2
        assert quarantine.discard(home.outside, ids, "otto", "a test of ours") == 1, "two were gone"
        with home.database.view() as unit:
            rows = [row for id_ in ids for row in unit.audit_of(f"quarantine/{id_}")]
            kept = unit.bulk.rows("select count(*) from quarantine where status = 'discarded'")[0][0]
        assert len(rows) == 3 and {row.why for row in rows} == {"a test of ours"} and kept == 3


def test_a_body_that_is_no_event_at_all_stays() -> None:
    with house(Rules()) as home:  # type: ignore[arg-type]
        from outreach.service.ports_events import Quarantined

        rows = [
            Quarantined(f"q{i}", home.now, "", "", "", "no JSON", body)
            for i, body in enumerate(["{", "[1]", "7"])
        ]
        home.database.retrying(lambda unit: unit.quarantine(rows))
        done = quarantine.replay_all(home.outside, Which(), "otto")
        assert (done.taken, done.still_wrong) == (0, 3)


def test_what_breaks_a_room_again_stays_in_quarantine(monkeypatch: pytest.MonkeyPatch) -> None:
    def breaks(*_: Any, **__: Any) -> None:
        raise ValueError("a room broke")

    with house() as home:
        give(home)
        with monkeypatch.context() as broken:
            broken.setattr(intake, "absorb", breaks)
            broken.setattr(quarantine, "absorb", breaks)
            home.take_in(event(home, NARROW, "x", order_id="o1"))
            (id_,) = open_ids(home)
            with home.database.view() as unit:
                (row,) = unit.quarantined(limit=9)
            with pytest.raises(Refused, match="Still wrong"):
                quarantine.replay(home.outside, id_, row.body, "otto")
            assert open_ids(home) == [id_]
        assert quarantine.replay(home.outside, id_, row.body, "otto").outcome == "accepted"
        assert open_ids(home) == [] and failure(home, "delivery/o1")


def test_only_what_waits_is_taken_in_and_never_without_a_record(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not under an id that is none, nor again, nor what somebody has discarded; and a crash takes in nothing."""
    with house() as home:
        give(home)
        for key in "xyz":
            home.take_in({**event(home, NARROW, key), "data": {}})
        ids = open_ids(home)
        mended = [orjson.dumps(event(home, NARROW, f"m{n}", order_id=f"m{n}")).decode() for n in range(4)]
        with pytest.raises(NotFound, match="nothing of the kind"):
            quarantine.replay(home.outside, "made-up", mended[0], "otto")
        quarantine.discard(home.outside, [ids[0]], "otto", "of no use")
        with pytest.raises(Refused, match="discarded already"):
            quarantine.replay(home.outside, ids[0], mended[0], "otto")
        assert quarantine.replay(home.outside, ids[1], mended[1], "otto").outcome == "accepted"
        with pytest.raises(Refused, match="taken in already"):
            quarantine.replay(home.outside, ids[1], mended[2], "otto")
        with monkeypatch.context() as broken:
            broken.setattr(StoreUnit, "audit", _breaks)
            with pytest.raises(RuntimeError):
                quarantine.replay(home.outside, ids[2], mended[3], "otto")
        assert open_ids(home) == [ids[2]]
        assert [run.key for run in runs(home)] == ["m1"]


def _breaks(*_: Any) -> None:
    raise RuntimeError("the power went")
